//! DataNodes that die, hang or have damaged blocks, on an HDFS of the test's own: what can be had is taken from elsewhere,
//! and what cannot is an error.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::small::{Small, wait_for};
use crate::stack::{Conf, by_keytab, file_of, printed, run, servers, sql, unique};

/// A table of the shop's database that takes some seconds to import.
struct Rows {
    name: String,
    count: u32,
}

impl Rows {
    fn new(count: u32) -> Self {
        let name = unique("it_damage");
        sql(&format!(
            "create table {name} (id int primary key, note varchar(100)); \
             insert into {name} select seq, repeat(md5(seq), 3) from seq_1_to_{count}; \
             create table {name}_back like {name}"
        ));
        Self { name, count }
    }

    fn step(&self, step: &str) -> String {
        servers(&by_keytab("etl")).replace("[metastore]\n", "")
            + &format!("[[step]]\nname = 's'\n{}\n", step.replace("TABLE", &self.name))
    }

    fn import(&self) -> String {
        self.step("type = 'import'\ntable = 'TABLE'\ntarget-dir = '/tmp/t'\nas = 'text'")
    }

    fn start_import(&self, conf: &Conf) -> Child {
        let file = file_of(&self.import());
        let mut command = conf.sakia();
        command.arg("run").arg(file.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // It is read within the first moments; kept until then.
        std::thread::sleep(Duration::from_millis(500));
        child
    }

    /// What a run that must fail says.
    fn refusal(&self, conf: &Conf, step: &str) -> String {
        let file = file_of(&self.step(step));
        let done = conf.sakia().arg("run").arg(file.path()).output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{}", printed(&done));
        printed(&done)
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        sql(&format!("drop table {0}, {0}_back", self.name));
    }
}

fn wait_for_parts(small: &Small) {
    wait_for("files that are written", || {
        small.inside("du -s /run/small/blocks1 | cut -f1").trim().parse::<u64>().unwrap() > 4000
    });
}

const VERIFY: &str = "type = 'verify'\ntable = 'TABLE'\ntarget-dir = '/tmp/t'";
const EXPORT: &str =
    "type = 'export'\ntable = 'TABLE_back'\nexport-dir = '/tmp/t'\nupdate-key = ['id']\nupdate-mode = 'allow-insert'";

/// Changes a few bytes in the middle of each block of a DataNode that holds more than a few.
fn damage(small: &Small, node: u32) {
    let blocks = format!("find /run/small/blocks{node} -name 'blk_*' ! -name '*.meta' -size +100k");
    let count = small.inside(&format!(
        "for f in $({blocks}); do printf 'damaged' | dd of=$f bs=1 seek=50000 conv=notrunc status=none; done; {blocks} | wc -l"
    ));
    assert!(count.trim().parse::<u32>().unwrap() > 0, "no block was there");
}

#[test]
fn a_damaged_block_is_read_from_another_node_and_never_taken_for_data() {
    // A DataNode that looks through its blocks has a damaged one replaced, some seconds after it began.
    let blind = ("dfs.block.scanner.volume.bytes.per.second", "0");
    let (small, rows) = (Small::start(&[blind]), Rows::new(50_000));
    let conf = small.conf(&[]);
    run(conf.sakia(), &rows.import());
    damage(&small, 1);
    run(conf.sakia(), &rows.step(VERIFY));
    run(conf.sakia(), &rows.step(EXPORT));
    damage(&small, 2);
    for step in [VERIFY, EXPORT] {
        let said = rows.refusal(&conf, step);
        assert!(said.contains("/tmp/t/part-"), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn an_hdfs_without_room_is_told_from_one_that_is_away() {
    let (small, rows) = (Small::start(&[("dfs.datanode.du.reserved", "1000000000000000")]), Rows::new(1_000));
    let (conf, began) = (small.conf(&[]), Instant::now());
    let said = rows.refusal(&conf, "type = 'import'\ntable = 'TABLE'\ntarget-dir = '/tmp/t'\nas = 'text'");
    assert!(began.elapsed() < Duration::from_secs(60), "{said}");
    assert!(said.contains("no datanode has room") && said.contains("There are 2 datanode(s) running"), "{said}");
    assert_eq!(
        small.shell("etl", "fs", &["-ls", "-R", "-C", "/tmp"]).lines().filter(|l| l.contains("part-")).count(),
        0
    );
}

#[test]
fn a_datanode_that_hangs_for_a_while_is_waited_for() {
    let (small, rows) = (Small::start(&[]), Rows::new(600_000));
    let conf = small.conf(&[]);
    let import = rows.start_import(&conf);
    wait_for_parts(&small);
    small.signal("STOP", "datanode2");
    std::thread::sleep(Duration::from_secs(15));
    small.signal("CONT", "datanode2");
    let done = import.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", printed(&done));
    run(conf.sakia(), &rows.step(VERIFY));
    let text = small.shell("etl", "fs", &["-cat", "/tmp/t/part*"]);
    assert_eq!(text.lines().count(), rows.count as usize);
}

#[test]
fn with_all_datanodes_dead_an_import_ends_and_the_next_one_loads_all() {
    let (small, rows) = (Small::start(&[]), Rows::new(600_000));
    let conf = small.conf(&[]);
    let import = rows.start_import(&conf);
    wait_for_parts(&small);
    let began = Instant::now();
    small.signal("KILL", "datanode1");
    small.signal("KILL", "datanode2");
    let done = import.wait_with_output().unwrap();
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(began.elapsed() < Duration::from_secs(240), "{:?}: {said}", began.elapsed());
    assert!(said.contains("datanode") && !said.contains("panicked"), "{said}");
    assert!(!small.try_shell("etl", "fs", &["-test", "-e", "/tmp/t"]).status.success(), "nothing is visible");
    for node in ["1", "2"] {
        small.inside(&format!("bash /run/small/datanode.sh {node} > /dev/null 2>&1 &"));
    }
    // Not waited for: they take some seconds to start, and the NameNode has them for living all the while.
    run(conf.sakia(), &rows.import());
    let text = small.shell("etl", "fs", &["-cat", "/tmp/t/part*"]);
    assert_eq!(text.lines().count(), rows.count as usize);
}
