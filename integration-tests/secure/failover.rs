//! The active NameNode is killed in the middle of each kind of work: nothing is lost, nothing is there twice.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::small::{page, wait_for};
use crate::stack::{address, beeline, by_keytab, file_of, printed, root, run, sakia, servers, sql, tool, unique};

/// Who may let the NameNodes change places: one test, or those that want them to do so all the time.
static NAMENODES: RwLock<()> = RwLock::new(());

/// The changes that are under way, if any test wants them.
static CHANGES: Mutex<Weak<Changes>> = Mutex::new(Weak::new());

/// The NameNodes, for one test at a time; the first is active again afterwards.
pub struct Namenodes {
    active: usize,
    _alone: RwLockWriteGuard<'static, ()>,
}

/// Waits until no other test changes them. The first is active.
pub fn exclusive() -> Namenodes {
    let alone = NAMENODES.write().unwrap_or_else(PoisonError::into_inner);
    let state = page(&address("NAMENODE1_HTTP_PORT"), "/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus");
    if !state.is_ok_and(|state| state.contains("\"State\" : \"active\"")) {
        stack(&["failover", "nn1"]);
    }
    Namenodes { active: 1, _alone: alone }
}

/// NameNodes that change places again and again, for all tests that hold one of these.
pub struct Restless {
    changes: Option<Arc<Changes>>,
    _shared: RwLockReadGuard<'static, ()>,
}

struct Changes {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Lets them change places every `each` from now on, or as often as another test wants it already.
pub fn restless(each: Duration) -> Restless {
    let shared = NAMENODES.read().unwrap_or_else(PoisonError::into_inner);
    let mut present = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
    let changes = present.upgrade().unwrap_or_else(|| Arc::new(Changes::begin(each)));
    *present = Arc::downgrade(&changes);
    Restless { changes: Some(changes), _shared: shared }
}

impl Changes {
    fn begin(each: Duration) -> Self {
        let (stop, stopped) = channel();
        let thread = thread::spawn(move || {
            let mut active = 1;
            while stopped.recv_timeout(each) == Err(RecvTimeoutError::Timeout) {
                active = 3 - active;
                stack(&["failover", &format!("nn{active}")]);
            }
            stack(&["failover", "nn1"]);
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))) || thread::panicking(), "the namenodes could not change places");
    }
}

impl Drop for Restless {
    fn drop(&mut self) {
        // Nobody begins new changes while the last ones end.
        let _present = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changes.take());
    }
}

fn stack(args: &[&str]) {
    let done = Command::new(root().join("docker/bin/stack"))
        .args(args)
        .env("STACK_ENV", root().join("docker/secure.env"))
        .output()
        .unwrap();
    assert!(done.status.success(), "{args:?}: {}", printed(&done));
}

fn docker(args: &[&str]) {
    let done = Command::new("docker").args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", printed(&done));
}

impl Namenodes {
    fn name(&self) -> String {
        format!("nn{}", self.active)
    }

    /// The other one becomes active.
    pub fn change_places(&mut self) {
        self.active = 3 - self.active;
        stack(&["failover", &self.name()]);
    }

    /// Kills the active one and lets the other take over.
    pub fn kill_the_active(&mut self) {
        docker(&["kill", &format!("sakia-secure-namenode{}", self.active)]);
        self.change_places();
    }

    /// Starts the one that was killed, and waits until it could take over: in safe mode it would disturb the others.
    pub fn start_the_other(&self) {
        let other = 3 - self.active;
        docker(&["start", &format!("sakia-secure-namenode{other}")]);
        let web = address(&format!("NAMENODE{other}_HTTP_PORT"));
        let info = "/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo";
        wait_for("the other namenode", || page(&web, info).is_ok_and(|page| page.contains("\"Safemode\" : \"\"")));
    }
}

impl Drop for Namenodes {
    fn drop(&mut self) {
        // Also after a failure: the next test counts on it.
        if self.active != 1 {
            let _ = Command::new(root().join("docker/bin/stack"))
                .args(["failover", "nn1"])
                .env("STACK_ENV", root().join("docker/secure.env"))
                .output();
        }
    }
}

/// A table that takes some seconds to import; its name.
fn table(rows: u32) -> String {
    let name = unique("it_failover");
    sql(&format!(
        "create table {name} (id int primary key, note varchar(100)); \
         insert into {name} select seq, repeat(md5(seq), 3) from seq_1_to_{rows}"
    ));
    name
}

#[test]
fn an_import_goes_on_when_the_active_namenode_is_killed() {
    let mut namenodes = exclusive();
    let name = table(2_000_000);
    let pipeline = servers(&by_keytab("etl"))
        + &format!(
            "[[step]]\ntype = 'import'\nname = 'big'\ntable = '{name}'\ntarget-dir = '/tmp/{name}.d/{name}'\n\
             hive-database = 'default'\n"
        );
    let file = file_of(&pipeline);
    let mut import = sakia();
    let import = import.arg("run").arg(file.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let began = Instant::now();
    namenodes.kill_the_active();
    let away = began.elapsed();
    let done = import.wait_with_output().unwrap();
    let said = printed(&done);
    namenodes.start_the_other();
    assert!(done.status.success(), "{away:?}: {said}");
    let counted = beeline("analyst", &format!("select count(*), sum(id) from default.{name}"));
    assert_eq!(counted, [["2000000", "2000001000000"]], "{said}");
    sql(&format!("drop table {name}"));
}

#[test]
fn with_no_active_namenode_it_is_said_in_bounded_time() {
    let namenodes = exclusive();
    docker(&["pause", "sakia-secure-namenode1"]);
    let file = file_of(&format!(
        "connect-timeout = '5s'\n{}\n[hdfs]\n[[step]]\ntype = 'merge'\nname = 'm'\nnew-data = '/tmp/a'\nonto = '/tmp/b'\n\
         target-dir = '/tmp/c'\nmerge-key = ['k']\n",
        by_keytab("etl")
    ));
    let began = Instant::now();
    let done = sakia().arg("run").arg(file.path()).output().unwrap();
    docker(&["unpause", "sakia-secure-namenode1"]);
    assert_eq!(done.status.code(), Some(1), "{}", printed(&done));
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(printed(&done).contains("namenode"), "{}", printed(&done));
    drop(namenodes);
}

/// Lets a pipeline run, kills the active NameNode once `now` says so, and gives what was printed.
fn run_through_a_failover(pipeline: &str, now: impl FnOnce()) -> String {
    let mut namenodes = exclusive();
    let file = file_of(pipeline);
    let mut command = sakia();
    let child = command.arg("run").arg(file.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    now();
    namenodes.kill_the_active();
    let done = child.wait_with_output().unwrap();
    namenodes.start_the_other();
    let said = printed(&done);
    assert!(done.status.success(), "{said}");
    said
}

fn rows(sql: &str) -> String {
    tool("etl", "mariadb", &["--batch", "--skip-column-names", "-e", sql]).trim().to_owned()
}

#[test]
fn an_export_goes_on_when_the_active_namenode_is_killed() {
    let name = table(400_000);
    let directory = format!("/tmp/{name}.d/{name}");
    // Many files, so that the NameNode is asked all along.
    run(
        sakia(),
        &(servers(&by_keytab("etl")).replace("[metastore]\n", "")
            + &format!(
                "[[step]]\ntype = 'import'\nname = 'i'\ntable = '{name}'\ntarget-dir = '{directory}'\nas = 'text'\n\
                 num-mappers = 24\n"
            )),
    );
    sql(&format!("create table {name}_back like {name}"));
    let export = format!("[[step]]\ntype = 'export'\nname = 'e'\ntable = '{name}_back'\nexport-dir = '{directory}'\n");
    let count = format!("select count(*) from shop.{name}_back");
    let said = run_through_a_failover(&(servers(&by_keytab("etl")).replace("[metastore]\n", "") + &export), || {
        let limit = Instant::now() + Duration::from_secs(60);
        while rows(&count) == "0" {
            assert!(Instant::now() < limit, "no row arrives");
        }
    });
    let found = rows(&format!("select count(*), count(distinct id), sum(id) from shop.{name}_back"));
    assert_eq!(found, "400000\t400000\t80000200000", "{said}");
    sql(&format!("drop table {name}, {name}_back"));
}

#[test]
fn an_agents_epochs_go_on_when_the_active_namenode_is_killed() {
    let (name, directory) = (unique("it_failover"), tempfile::tempdir().unwrap());
    let pipeline = format!(
        "{}\n[hdfs]\n[metastore]\n[[step]]\ntype = 'agent'\nname = 'clicks'\nfiles = 'access.log'\nchannel-dir = 'channel'\n\
         target-dir = '/tmp/{name}.d/clicks'\nreject-dir = '/tmp/{name}.d/rejects'\nhive-database = 'default'\n\
         hive-table = '{name}'\nroll = {{ age = '1s' }}\n",
        by_keytab("etl")
    );
    std::fs::write(directory.path().join("pipeline.toml"), pipeline).unwrap();
    let mut log = std::fs::File::create(directory.path().join("access.log")).unwrap();
    let mut namenodes = exclusive();
    let agent = |more: &[&str]| {
        let mut command = sakia();
        command.arg("agent").arg(directory.path().join("pipeline.toml")).args(more);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let following = agent(&[]);
    let mut write = |range: std::ops::Range<u32>| {
        for n in range {
            let at = format!("10/Oct/2020:13:55:{:02} +0000", n % 60);
            writeln!(log, "10.0.0.1 - - [{at}] \"GET /p/{n} HTTP/1.1\" 200 12 \"-\" \"curl\"").unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    write(0..300);
    std::thread::scope(|scope| {
        scope.spawn(|| write(300..800));
        namenodes.kill_the_active();
    });
    namenodes.start_the_other();
    let stopped = Command::new("kill").args(["-TERM", &following.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let done = following.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", printed(&done));
    let drained = agent(&["--drain"]).wait_with_output().unwrap();
    assert!(drained.status.success(), "{}", printed(&drained));
    let counted = beeline("analyst", &format!("select count(*), count(distinct path) from default.{name}"));
    assert_eq!(counted, [["800", "800"]], "{}", printed(&done));
}

#[test]
fn a_merge_into_a_dimension_goes_on_when_the_active_namenode_is_killed() {
    let name = unique("it_failover");
    let values: Vec<String> =
        (0..60).map(|n| format!("({}, timestamp '2020-0{}-01 00:00:00', 'U', {n})", n % 20, 1 + n / 20)).collect();
    beeline(
        "etl",
        &format!(
            "create external table default.{name}_log (k int, seq timestamp, op string, v int) stored as parquet \
             location '/tmp/{name}.d'; insert into default.{name}_log values {}",
            values.join(", ")
        ),
    );
    let pipeline = |target: &str| {
        format!(
            "{}\n[hiveserver2]\nurl = '{}'\n[[step]]\ntype = 'scd2'\nname = 's'\nsource = 'default.{name}_log'\n\
             target = 'default.{name}_{target}'\nkeys = ['k']\nsequence = 'seq'\ntracked = ['v']\nop-column = 'op'\n\
             batches = 'month'\n",
            by_keytab("etl"),
            address("HIVESERVER2_PORT")
        )
    };
    run(sakia(), &pipeline("calm"));
    let there = format!("/user/hive/warehouse/{name}_killed");
    run_through_a_failover(&pipeline("killed"), || {
        let limit = Instant::now() + Duration::from_secs(120);
        while !tool("hive", "hdfs", &["dfs", "-ls", "-C", "/user/hive/warehouse"]).contains(&there) {
            assert!(Instant::now() < limit, "no table is made");
        }
    });
    let history = |target: &str| {
        let order = "order by k, valid_from";
        beeline("analyst", &format!("select k, v, valid_from, valid_to from default.{name}_{target} {order}"))
    };
    let (calm, killed) = (history("calm"), history("killed"));
    assert_eq!(calm.len(), 60);
    assert_eq!(calm, killed);
}
