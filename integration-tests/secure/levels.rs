//! Levels of protection, for RPC and for the transfer of data: each is spoken with servers that know no other, a client
//! may ask for any of what servers offer, and what is not offered is said within seconds.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::small::Small;
use crate::stack::{Conf, by_keytab, file_of, printed, run, servers, sql, tool, unique};

const LEVELS: [&str; 3] = ["authentication", "integrity", "privacy"];
const RPC: &str = "hadoop.rpc.protection";
const TRANSFER: &str = "dfs.data.transfer.protection";
const ROWS: usize = 2000;

/// A table of the shop's database.
struct Rows(String);

impl Rows {
    fn new() -> Self {
        let name = unique("it_levels");
        sql(&format!(
            "create table {name} (id int primary key, note varchar(200)); \
             insert into {name} select seq, repeat(concat('note ', seq, ' '), 10) from seq_1_to_{ROWS}; \
             create table {name}_back like {name}"
        ));
        Self(name)
    }

    fn import(&self, directory: &str) -> String {
        let step = format!(
            "[[step]]\ntype = 'import'\nname = 'i'\ntable = '{}'\ntarget-dir = '{directory}'\nas = 'text'\n",
            self.0
        );
        servers(&by_keytab("etl")).replace("[metastore]\n", "") + &step
    }

    /// Import, and the way back.
    fn there_and_back(&self, directory: &str) -> String {
        self.import(directory)
            + &format!(
                "[[step]]\ntype = 'verify'\nname = 'v'\ntable = '{0}'\ntarget-dir = '{directory}'\n\
                 [[step]]\ntype = 'export'\nname = 'e'\ntable = '{0}_back'\nexport-dir = '{directory}'\nupdate-key = ['id']\nupdate-mode = 'allow-insert'\n",
                self.0
            )
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        sql(&format!("drop table {0}, {0}_back", self.0));
    }
}

/// What a run that must fail says, and how long it took.
fn refusal(mut command: Command, pipeline: &str) -> String {
    let (file, began) = (file_of(pipeline), Instant::now());
    let done = command.arg("run").arg(file.path()).output().unwrap();
    let said = printed(&done);
    assert!(!done.status.success(), "{said}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}: {said}", began.elapsed());
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn a_client_may_ask_for_any_level_that_is_offered() {
    let rows = Rows::new();
    for rpc in LEVELS {
        for transfer in LEVELS {
            let conf = Conf::with(&[(RPC, rpc), (TRANSFER, transfer)]);
            run(conf.sakia(), &rows.import(&format!("/tmp/{}.d/{rpc}-{transfer}", rows.0)));
        }
    }
    let text = tool("analyst", "hdfs", &["dfs", "-cat", &format!("/tmp/{}.d/*/part*", rows.0)]);
    assert_eq!(text.lines().count(), ROWS * 9);
    assert_eq!(text.lines().filter(|line| line.starts_with("7,note 7 ")).count(), 9);
}

#[test]
fn integrity_alone_is_spoken_and_a_higher_wish_refused() {
    one_level("integrity", "auth-int", &["privacy"]);
}

#[test]
fn authentication_alone_is_spoken_and_a_higher_wish_refused() {
    one_level("authentication", "auth", &["privacy", "integrity"]);
}

fn one_level(level: &str, offered: &str, better: &[&str]) {
    let (small, rows) = (Small::start(&[(RPC, level), (TRANSFER, level)]), Rows::new());
    run(small.conf(&[(RPC, level), (TRANSFER, level)]).sakia(), &rows.there_and_back("/tmp/there"));
    assert!(small.log().contains(&format!("negotiated QOP = {offered}")), "{}", small.log());
    let text = small.shell("etl", "fs", &["-cat", "/tmp/there/part*"]);
    assert_eq!(text.lines().count(), ROWS);

    for wanted in better {
        let said = refusal(small.conf(&[(RPC, wanted), (TRANSFER, level)]).sakia(), &rows.import("/tmp/a"));
        assert!(said.contains(&format!("the server offers the protection {offered} and not auth-")), "{said}");
        assert!(said.contains("namenode at localhost:29801") && said.contains(RPC), "{said}");
        let said = refusal(small.conf(&[(RPC, level), (TRANSFER, wanted)]).sakia(), &rows.import("/tmp/b"));
        assert!(said.contains(&format!("the server offers the protection {offered} and not auth-")), "{said}");
        assert!(said.contains("datanode at localhost:298") && said.contains(TRANSFER), "{said}");
    }
    let said = refusal(small.conf(&[(RPC, level), (TRANSFER, "")]).sakia(), &rows.import("/tmp/c"));
    assert!(said.contains("takes only connections that are protected") && said.contains(TRANSFER), "{said}");
    let said = refusal(small.conf(&[(RPC, "secret")]).sakia(), &rows.import("/tmp/d"));
    assert!(said.contains(&format!("{RPC} is `secret`")) && said.contains("privacy"), "{said}");
    let left = small.shell("etl", "fs", &["-ls", "-R", "/tmp"]);
    assert!(!left.contains("probe") && !left.contains("/tmp/a") && !left.contains("/tmp/b"), "{left}");
}

#[test]
fn a_datanode_without_protection_is_told_from_one_with() {
    let (small, rows) = (Small::start(&[(TRANSFER, "")]), Rows::new());
    let said = refusal(small.conf(&[]).sakia(), &rows.import("/tmp/a"));
    assert!(said.contains("does not protect what it sends") && said.contains(TRANSFER), "{said}");
    run(small.conf(&[(TRANSFER, "")]).sakia(), &rows.there_and_back("/tmp/there"));
    assert_eq!(small.shell("etl", "fs", &["-cat", "/tmp/there/part*"]).lines().count(), ROWS);
}

#[test]
fn data_is_encrypted_where_the_namenode_says_so() {
    let rows = Rows::new();
    let small =
        Small::start(&[("dfs.encrypt.data.transfer", "true"), (TRANSFER, ""), ("hadoop.rpc.protection", "privacy")]);
    // Nothing of it is said here: the NameNode tells.
    for more in [
        &[(TRANSFER, "")][..],
        &[("dfs.encrypt.data.transfer", "true")],
        &[("dfs.encrypt.data.transfer.cipher.suites", "")],
    ] {
        let directory = format!("/tmp/{}", unique("d"));
        run(small.conf(more).sakia(), &rows.there_and_back(&directory));
        let text = small.shell("etl", "fs", &["-cat", &format!("{directory}/part*")]);
        assert_eq!(text.lines().count(), ROWS);
    }
    let log = small.log();
    assert!(log.contains("SASL server doing encrypted handshake"), "{log}");
    assert!(!log.contains("SASL server doing general handshake"), "{log}");
}
