//! Certificates that are not good: each fault at each kind of server is told with which it is and what to do. The servers
//! are `openssl s_server`s with certificates made here, since the stack's own has one certificate that is good.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::stack::{by_keytab, file_of, on_the_edge, printed, sakia};

/// An authority, and certificates that it signed.
struct Authority {
    directory: tempfile::TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let authority = Self { directory: tempfile::tempdir().unwrap() };
        openssl(
            Command::new("openssl"),
            authority.path(""),
            &format!(
                "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj /CN={name} -days 30 -out ca.pem \
                 -addext basicConstraints=critical,CA:TRUE"
            ),
        );
        authority
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `NAME.pem` and `NAME.key` for a host; made by a clock that is so many days behind, and good for one day.
    fn certificate(&self, name: &str, host: &str, days_ago: u32) {
        let mut signing = Command::new("faketime");
        signing.args(["-f", &format!("-{days_ago}d"), "openssl"]);
        openssl(
            Command::new("openssl"),
            self.path(""),
            &format!("req -newkey rsa:2048 -nodes -keyout {name}.key -subj /CN={host} -out {name}.csr"),
        );
        std::fs::write(self.path("names"), format!("subjectAltName=DNS:{host}\n")).unwrap();
        openssl(
            signing,
            self.path(""),
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile names -out {name}.pem"
            ),
        );
    }
}

fn openssl(mut command: Command, directory: PathBuf, arguments: &str) {
    let done = command.args(arguments.split_whitespace()).current_dir(directory).output().unwrap();
    assert!(done.status.success(), "{arguments}: {}", printed(&done));
}

/// A server that speaks TLS and nothing inside it.
struct TlsServer {
    process: Child,
    port: u16,
}

impl TlsServer {
    fn start(authority: &Authority, certificate: &str, arguments: &[&str]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}")]);
        command.args(["-cert", &format!("{certificate}.pem"), "-key", &format!("{certificate}.key")]).args(arguments);
        // Its input stays open: it ends with it.
        let process = command
            .current_dir(authority.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, port };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        server
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The tables that name a server of each kind, at one port inside TLS.
fn kinds(port: u16) -> [(&'static str, String); 4] {
    [
        ("hiveserver2", format!("[hiveserver2]\nurl = 'jdbc:hive2://localhost:{port}/;ssl=true;auth=noSasl'\n")),
        ("metastore", format!("[metastore]\nurl = 'thrift://localhost:{port}'\ntls = true\n")),
        ("hbase", format!("[hbase]\nurl = 'localhost:{port}'\ntls = true\n")),
        ("namenode", format!("[hdfs]\nwebhdfs-url = 'https://localhost:{port}'\n")),
    ]
}

/// What a doctor says of a server.
fn said_of(table: &str, tls: &str) -> String {
    let step = "[[step]]\ntype = 'merge'\nname = 'm'\nnew-data = '/tmp/a'\nonto = '/tmp/b'\ntarget-dir = '/tmp/c'\nmerge-key = ['k']\n";
    let mut command = sakia();
    // The web side of HDFS is asked by whoever has reached a NameNode: that is the stack's.
    let (who, more) = match table.starts_with("[hdfs]") {
        true => (by_keytab("etl"), ""),
        false => {
            command.env_remove("HADOOP_CONF_DIR").env_remove("HIVE_CONF_DIR").env_remove("HBASE_CONF_DIR");
            (String::new(), "[hdfs]\nurl = 'hdfs://localhost:1'\n")
        }
    };
    let file = file_of(&format!("connect-timeout = '2s'\n{who}{table}{more}{tls}\n{step}"));
    printed(&command.arg("doctor").arg(file.path()).output().unwrap())
}

fn trusting(authority: &Authority) -> String {
    format!("[tls]\nca = '{}'\n", authority.path("ca.pem").display())
}

#[test]
fn each_fault_of_a_certificate_is_told_at_each_kind_of_server() {
    let (authority, stranger, renewed) = (Authority::new("ours"), Authority::new("theirs"), Authority::new("ours"));
    authority.certificate("good", "localhost", 0);
    authority.certificate("old", "localhost", 400);
    authority.certificate("other", "elsewhere.example.com", 0);
    let faults = [
        ("old", trusting(&authority), "let the server's certificate be renewed"),
        ("other", trusting(&authority), "name the server as its certificate does"),
        ("good", trusting(&stranger), "the authority that signed it is not known here"),
        ("good", trusting(&renewed), "known here by another key"),
    ];
    for (certificate, tls, remedy) in faults {
        let server = TlsServer::start(&authority, certificate, &[]);
        for (kind, table) in kinds(server.port) {
            let said = said_of(&table, &tls);
            assert!(
                said.contains("the certificate of") && said.contains("is not good"),
                "{kind}, {certificate}: {said}"
            );
            assert!(said.contains(remedy), "{kind}, {certificate}: {said}");
        }
    }
}

#[test]
fn a_server_that_wants_our_certificate_is_told_from_one_that_does_not() {
    let authority = Authority::new("ours");
    authority.certificate("good", "localhost", 0);
    authority.certificate("mine", "etl", 0);
    let stranger = Authority::new("theirs");
    stranger.certificate("mine", "etl", 0);
    let server = TlsServer::start(&authority, "good", &["-Verify", "1", "-verify_return_error", "-CAfile", "ca.pem"]);
    let with = |whose: &Authority| {
        let file = |name: &str| whose.path(name).display().to_string();
        format!("{}cert = '{}'\nkey = '{}'\n", trusting(&authority), file("mine.pem"), file("mine.key"))
    };
    for (kind, table) in kinds(server.port) {
        let said = said_of(&table, &trusting(&authority));
        assert!(said.contains("a certificate of ours"), "{kind}: {said}");
        let said = said_of(&table, &with(&stranger));
        assert!(said.contains("does not take our certificate"), "{kind}: {said}");
        let said = said_of(&table, &with(&authority));
        assert!(!said.contains("certificate of ours") && !said.contains("not good"), "{kind}: {said}");
        assert!(said.contains("did not answer"), "{kind}: {said}");
    }
}

#[test]
fn an_address_that_asks_for_a_key_store_says_where_it_is_named() {
    let say = |url: &str| {
        let file = file_of(&format!(
            "[hiveserver2]\nurl = '{url}'\n[[step]]\ntype = 'scd2'\nname = 's'\nsource = 'a.b'\ntarget = 'a.c'\nkeys = ['k']\nsequence = 's'\ntracked = ['t']\n"
        ));
        let done = on_the_edge(env!("CARGO_BIN_EXE_sakia")).arg("doctor").arg(file.path()).output().unwrap();
        (done.status.code(), printed(&done))
    };
    let (code, said) = say("jdbc:hive2://h:1/;ssl=true;twoWay=true;sslKeyStore=/k.p12;keyStorePassword=topsecret");
    assert!(code == Some(2) && said.contains("sslKeyStore") && said.contains("key-store"), "{said}");
    assert!(!said.contains("topsecret"), "{said}");
    let (_, said) = say("jdbc:hive2://localhost:1/;ssl=true;twoWay=true");
    assert!(said.contains("twoWay=true") && said.contains("[tls]"), "{said}");
}
