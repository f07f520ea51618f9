//! An agent that lives longer than its tickets: they last 20 s here, the NameNodes change places, so that every
//! connection is made anew, and every line is there once. The same with a ticket that nobody renews ends with a sentence.

pub mod renewal;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::failover::{Restless, restless};
use crate::stack::{address, beeline, by_keytab, keytab, on_the_edge, printed, sakia, shared, unique};

/// Seconds that a ticket lasts.
pub const LIFE: u64 = 20;

/// A place with a log, a pipeline, and Kerberos settings that ask for short tickets.
pub struct Place {
    directory: tempfile::TempDir,
    /// The Hive database, and the directory below `/tmp`.
    pub name: String,
}

impl Place {
    pub fn new(who: &str) -> Self {
        Self::with_kdc(who, &address("KDC_PORT"))
    }

    /// The same, where another address stands for the KDC.
    pub fn with_kdc(who: &str, kdc: &str) -> Self {
        let (directory, name) = (tempfile::tempdir().unwrap(), unique("it_agent"));
        let krb5 = std::fs::read_to_string(shared().join("conf/krb5.conf")).unwrap();
        let krb5 = krb5.replace(&format!("kdc = {}", address("KDC_PORT")), &format!("kdc = {kdc}"));
        let short = format!("[libdefaults]\n  ticket_lifetime = {LIFE}s");
        std::fs::write(directory.path().join("krb5.conf"), krb5.replace("[libdefaults]", &short)).unwrap();
        let pipeline = format!(
            "{who}\n[hdfs]\n[metastore]\n[[step]]\ntype = 'agent'\nname = 'clicks'\nfiles = 'access.log'\n\
             channel-dir = 'channel'\ntarget-dir = '/tmp/{name}/clicks'\nreject-dir = '/tmp/{name}/rejects'\n\
             hive-database = '{name}'\nhive-table = 'clicks'\nroll = {{ age = '2s' }}\n"
        );
        std::fs::write(directory.path().join("pipeline.toml"), pipeline).unwrap();
        File::create(directory.path().join("access.log")).unwrap();
        Self { directory, name }
    }

    pub fn with_short_tickets(&self, mut command: Command) -> Command {
        command.env("KRB5_CONFIG", self.path("krb5.conf"));
        command
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    pub fn start(&self, command: Command) -> Child {
        let mut command = self.with_short_tickets(command);
        command.arg("agent").arg(self.path("pipeline.toml")).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Ends an agent, lets another one write what is still in the channel, and fails unless every line is there once.
    pub fn finish(&self, agent: Child, lines: u64) {
        let stopped = Command::new("kill").args(["-TERM", &agent.id().to_string()]).status().unwrap();
        assert!(stopped.success());
        let done = agent.wait_with_output().unwrap();
        assert_eq!(done.status.code(), Some(0), "{}", printed(&done));
        let mut drain = self.with_short_tickets(sakia());
        let drained = drain.arg("agent").arg(self.path("pipeline.toml")).arg("--drain").output().unwrap();
        assert!(drained.status.success(), "{}", printed(&drained));
        let counted = beeline("analyst", &format!("select count(*), count(distinct path) from {}.clicks", self.name));
        assert_eq!(counted, [[lines.to_string(), lines.to_string()]], "{}", printed(&done));
    }
}

/// NameNodes that change places more often than tickets last, so that each ticket is needed.
pub fn namenodes() -> Restless {
    restless(Duration::from_secs(LIFE + 5))
}

/// Appends a line each tenth of a second for some time. Lines are numbered from `lines` on; gives how many there are then.
pub fn write_lines(log: &Path, mut lines: u64, time: Duration) -> u64 {
    let mut file = OpenOptions::new().append(true).open(log).unwrap();
    let began = Instant::now();
    while began.elapsed() < time {
        writeln!(
            file,
            "10.0.0.1 - - [10/Oct/2020:13:55:{:02} +0000] \"GET /p/{lines} HTTP/1.1\" 200 12 \"-\" \"curl\"",
            lines % 60
        )
        .unwrap();
        lines += 1;
        std::thread::sleep(Duration::from_millis(100));
    }
    lines
}

#[test]
fn an_agent_outlives_its_tickets_three_times() {
    let _namenodes = namenodes();
    let place = Place::new(&by_keytab("etl"));
    let agent = place.start(sakia());
    let lines = write_lines(&place.path("access.log"), 0, Duration::from_secs(3 * LIFE + 15));
    std::thread::sleep(Duration::from_secs(5));
    place.finish(agent, lines);
}

#[test]
fn an_agent_with_a_ticket_that_nobody_renews_says_that_it_ended() {
    let _namenodes = namenodes();
    let place = Place::new("");
    let cache = format!("FILE:{}", place.path("tickets").display());
    let mut kinit = place.with_short_tickets(on_the_edge("kinit"));
    let got = kinit.args(["-k", "-t", &keytab("etl"), "etl"]).env("KRB5CCNAME", &cache).output().unwrap();
    assert!(got.status.success(), "{}", printed(&got));
    let mut command = sakia();
    command.env("KRB5CCNAME", &cache);
    let mut agent = place.start(command);
    write_lines(&place.path("access.log"), 0, Duration::from_secs(2 * LIFE));
    let limit = Instant::now() + Duration::from_secs(120);
    while agent.try_wait().unwrap().is_none() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(200));
    }
    let ended_by_itself = agent.try_wait().unwrap().is_some();
    agent.kill().unwrap();
    let said = printed(&agent.wait_with_output().unwrap());
    assert!(said.contains("expired") && said.contains("kinit"), "{said}");
    assert!(ended_by_itself, "{said}");
}
