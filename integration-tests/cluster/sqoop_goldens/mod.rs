//! Outputs of Sqoop 1.4.7 (`integration-tests/golden/sqoop-1.4.7`), replayed: each case's own argument vector through
//! `sakia sqoop`, with the stack's addresses and names in place of Sqoop's, compared with what Sqoop wrote.
//!
//! Every case is replayed by one of the tests, or a test fails. Where we differ on purpose a table says in what and
//! why, and holds the right value.

mod exports;
mod losses;
mod records;
mod runs;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

pub use self::records::dump;
pub use self::text::rows;
use crate::export::connect;
use crate::stack::{self, address, python, root, setting, unique};

/// Files by their path below a directory.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The databases of the goldens under names of their own, and a directory in HDFS.
struct Stage {
    name: String,
    conn: Conn,
}

/// What became of a command.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Stage {
    /// Makes the databases named, `types` or `loss`.
    async fn set(databases: &[&str]) -> Self {
        Self::set_with(databases, |sql| sql).await
    }

    /// As [`Self::set`], with other statements in the place of the goldens'.
    async fn set_with(databases: &[&str], change: fn(String) -> String) -> Self {
        let name = unique("it_golden");
        let mut conn = connect().await;
        for database in databases {
            let sql = std::fs::read_to_string(goldens().join(format!("{database}.sql"))).unwrap();
            let own = format!("{name}_{database}");
            let sql = ["database if exists ", "create database ", "use "]
                .into_iter()
                .fold(sql, |sql, before| sql.replace(&format!("{before}{database}"), &format!("{before}{own}")));
            let sql = change(format!("{sql}\nset sql_mode = default;"));
            conn.query_drop(sql).await.unwrap();
        }
        Self { name, conn }
    }

    fn database(&self, golden: &str) -> String {
        format!("{}_{golden}", self.name)
    }

    /// Statements in one of the databases.
    async fn sql(&mut self, golden: &str, statements: &str) {
        let database = self.database(golden);
        self.conn.query_drop(format!("USE {database}; {statements}")).await.unwrap();
    }

    /// The directory that stands for Sqoop's of a case.
    fn dir(&self, case: &str) -> String {
        format!("/tmp/{}/{}", self.name, case.replace('-', "_"))
    }

    /// A case's arguments with the stack's addresses and this stage's names in them.
    fn vector(&self, case: &str, file: &str) -> Vec<String> {
        let text = std::fs::read_to_string(goldens().join(case).join(file)).unwrap();
        let mut args: Vec<String> = text.lines().map(|arg| self.placed(arg)).collect();
        for (option, value) in [("--username", setting("SHOP_USER").to_owned()), ("--password", password())] {
            if let Some(at) = args.iter().position(|arg| arg == option) {
                args[at + 1] = value;
            }
        }
        if args[0] == "import" || args[0] == "export" {
            args.splice(1..1, ["-fs".to_owned(), format!("hdfs://{}", address("NAMENODE_PORT"))]);
        }
        args
    }

    fn placed(&self, arg: &str) -> String {
        if let Some(rest) = arg.strip_prefix("jdbc:mysql://127.0.0.1:3312/") {
            let (database, parameters) = rest.split_once('?').unwrap();
            let own = if database.is_empty() { String::new() } else { self.database(database) };
            return format!("jdbc:mysql://127.0.0.1:{}/{own}?{parameters}", setting("MARIADB_PORT"));
        }
        let dirs = ["/c_g/", "/c_perf/"];
        match dirs.into_iter().find_map(|dir| arg.strip_prefix(dir)) {
            Some(rest) => format!("/tmp/{}/{rest}", self.name),
            None => arg.to_owned(),
        }
    }

    /// Runs a case's arguments.
    fn run(&self, case: &str) -> Ran {
        sqoop(&self.vector(case, "args"))
    }

    /// Files of a case's target directory.
    fn written(&self, case: &str) -> Files {
        read(&format!("{}/out", self.dir(case)))
    }

    async fn clear(mut self, databases: &[&str]) {
        for database in databases {
            let database = self.database(database);
            self.conn.query_drop(format!("DROP DATABASE {database}")).await.unwrap();
        }
        remove(&format!("/tmp/{}", self.name));
    }
}

fn password() -> String {
    std::fs::read_to_string(root().join(setting("SHOP_PASSWORD_FILE"))).unwrap().trim_end().to_owned()
}

fn goldens() -> PathBuf {
    root().join("integration-tests/golden/sqoop-1.4.7")
}

/// Cases whose names begin so.
fn cases(beginning: &str) -> Vec<String> {
    let entries = std::fs::read_dir(goldens()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.retain(|name| name.starts_with(beginning));
    names.sort();
    names
}

/// Whether Sqoop's run of a case failed.
fn failed(case: &str) -> bool {
    std::fs::read_to_string(goldens().join(case).join("exit")).unwrap().trim() != "0"
}

/// Runs `sakia sqoop`, in a zone that must not matter: in that of its JVM Sqoop moves every day and time of Avro and
/// Parquet, and the goldens were made in UTC.
fn sqoop(args: &[String]) -> Ran {
    let jobs = tempfile::tempdir().unwrap();
    let mut command = stack::sakia();
    for name in ["HADOOP_CONF_DIR", "HIVE_CONF_DIR", "SAKIA_LOG"] {
        command.env_remove(name);
    }
    command.env("SAKIA_JOB_DIR", jobs.path()).env("HADOOP_USER_NAME", "root").env("TZ", "Europe/Paris");
    let output = command.arg("sqoop").args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Files below a local directory.
fn files(dir: &Path) -> Files {
    let mut found = Files::new();
    let mut left = vec![dir.to_owned()];
    while let Some(at) = left.pop() {
        for entry in std::fs::read_dir(&at).into_iter().flatten().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Files of a directory in HDFS, hidden ones too, read over WebHDFS by a client that is not ours.
pub fn read(dir: &str) -> Files {
    let local = tempfile::tempdir().unwrap();
    fetch(dir, local.path());
    files(local.path())
}

/// WebHDFS by the standard library of Python.
const WEBHDFS: &str = "import json, os, urllib.parse, urllib.request
def call(path, op, method='GET'):
    url = f'http://{args[0]}/webhdfs/v1{urllib.parse.quote(path)}?user.name=root&op={op}'
    return urllib.request.urlopen(urllib.request.Request(url, method=method)).read()
";

/// Copies a directory out of HDFS; one that is not there has no files.
fn fetch(from: &str, to: &Path) {
    let script = format!(
        "{WEBHDFS}def walk(path, to):
    os.makedirs(to, exist_ok=True)
    for f in json.loads(call(path, 'LISTSTATUS'))['FileStatuses']['FileStatus']:
        (name, below) = (f['pathSuffix'], path + '/' + f['pathSuffix'])
        if f['type'] == 'DIRECTORY': walk(below, to + '/' + name)
        else: open(to + '/' + name, 'wb').write(call(below, 'OPEN'))
try: walk(args[1], args[2])
except urllib.error.HTTPError as e:
    if e.code != 404: raise
"
    );
    python(&script, &[&address("NAMENODE_HTTP_PORT"), from, to.to_str().unwrap()]);
}

/// Takes a directory out of HDFS.
pub fn remove(dir: &str) {
    python(
        &format!("{WEBHDFS}call(args[1], 'DELETE&recursive=true', 'DELETE')"),
        &[&address("NAMENODE_HTTP_PORT"), dir],
    );
}

#[test]
fn every_case_is_replayed_by_a_test() {
    let here: [&[&str]; 4] = [&text::NAMES, &records::NAMES, &losses::NAMES, &runs::NAMES];
    for case in cases("") {
        let replayed = here.iter().filter(|names| names.iter().any(|name| case.starts_with(name))).count();
        assert_eq!(replayed, 1, "{case}");
    }
    assert_eq!(cases("").len(), 57);
}
