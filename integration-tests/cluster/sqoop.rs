//! Sqoop's arguments against the stack: statements and lists on MariaDB, imports read back by Hadoop's own shell, and
//! saved jobs that go on where their last run ended.

mod files;
mod hbase;
mod hive;
mod incremental;
mod splits;
mod types;

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::sqoop_goldens::{self, Files};
use crate::stack::{self, address, hdfs_shell, root, setting, unique};

/// A MariaDB database, an HDFS directory and a directory of jobs of their own.
struct Scene {
    name: String,
    jobs: tempfile::TempDir,
}

impl Scene {
    fn set(statements: &[&str]) -> Self {
        let scene = Self { name: unique("it_sqoop"), jobs: tempfile::tempdir().unwrap() };
        let create = format!("CREATE DATABASE {}", scene.name);
        done(&scene.sqoop_on("", "eval", &["--query", &create]));
        for statement in statements {
            done(&scene.sqoop("eval", &["-e", statement]));
        }
        scene
    }

    fn connect(&self, database: &str) -> [String; 6] {
        let password = root().join(setting("SHOP_PASSWORD_FILE"));
        [
            "--connect".to_owned(),
            format!("jdbc:mysql://{}/{database}", address("MARIADB_PORT").replace("localhost", "127.0.0.1")),
            "--username".to_owned(),
            setting("SHOP_USER").to_owned(),
            "--password-file".to_owned(),
            format!("file://{}", password.display()),
        ]
    }

    fn run(&self, args: &[String]) -> Output {
        let mut command = stack::sakia();
        command.env("SAKIA_JOB_DIR", self.jobs.path()).env("HADOOP_USER_NAME", "root").arg("sqoop").args(args);
        command.output().unwrap()
    }

    fn sqoop_on(&self, database: &str, tool: &str, args: &[&str]) -> Output {
        let mut all = vec![tool.to_owned()];
        if tool.starts_with("import") {
            all.extend(["-fs".to_owned(), format!("hdfs://{}", address("NAMENODE_PORT"))]);
        }
        let (generic, own): (Vec<_>, Vec<_>) =
            args.iter().map(|arg| (*arg).to_owned()).partition(|a| a.starts_with("-D"));
        all.extend(generic);
        all.extend(self.connect(database));
        all.extend(own);
        self.run(&all)
    }

    fn sqoop(&self, tool: &str, args: &[&str]) -> Output {
        self.sqoop_on(&self.name, tool, args)
    }

    fn job(&self, args: &[&str]) -> Output {
        self.run(&[&["job"], args].concat().iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    /// An import into a directory below the scene's.
    fn import(&self, target: &str, args: &[&str]) -> Output {
        self.import_of(&self.name, target, args)
    }

    /// As [`Self::import`]; the parameters of the connect string stand behind the database.
    fn import_of(&self, database: &str, target: &str, args: &[&str]) -> Output {
        self.sqoop_on(database, "import", &[args, &["--target-dir", &self.dir(target)]].concat())
    }

    fn sqoop_merge(&self, args: &[&str]) -> Output {
        let namenode = format!("hdfs://{}", address("NAMENODE_PORT"));
        self.run(&[&["merge", "-fs", &namenode], args].concat().iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    fn dir(&self, target: &str) -> String {
        format!("/tmp/{}/{target}", self.name)
    }

    fn files(&self, target: &str) -> Files {
        sqoop_goldens::read(&self.dir(target))
    }

    /// The lines of the files in a directory, sorted.
    fn rows(&self, target: &str) -> String {
        sqoop_goldens::rows(&self.files(target)).iter().map(|row| format!("{row}\n")).collect()
    }

    /// What another reader finds in an Avro or Parquet file.
    fn dump(&self, target: &str, file: &str) -> Value {
        sqoop_goldens::dump(file, &self.files(target)[file])
    }

    fn clear(self) {
        done(&self.sqoop_on("", "eval", &["-e", &format!("DROP DATABASE {}", self.name)]));
        sqoop_goldens::remove(&format!("/tmp/{}", self.name));
    }
}

/// What a command printed that ended well.
fn done(output: &Output) -> (String, String) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{err}");
    (out.into_owned(), err.into_owned())
}

/// What a command said that ended with Sqoop's exit code for everything.
fn failed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    errors
}

const INTS: &str = "CREATE TABLE ints (id INT PRIMARY KEY, ti TINYINT NULL, t1 TINYINT(1) NULL, bo BOOL NULL)";

#[test]
fn v65_eval_and_lists_print_what_sqoop_prints() {
    let rows = "INSERT INTO ints VALUES (1, -128, 0, 0), (2, 127, 1, 1), (3, NULL, NULL, NULL), (4, 0, 2, -1)";
    let scene = Scene::set(&[INTS, rows, "CREATE TABLE `od d-names` (a INT)", "CREATE VIEW v AS SELECT id FROM ints"]);
    let (out, _) = done(&scene.sqoop("eval", &["--query", "select id, ti, t1, bo from ints order by id"]));
    // The output of Sqoop 1.4.7 on the same rows.
    let want = "------------------------------\n| id          | ti   | t1 | bo | \n------------------------------\n\
                | 1           | -128 | 0 | 0 | \n| 2           | 127  | 1 | 1 | \n\
                | 3           | (null) | (null) | (null) | \n| 4           | 0    | 2 | -1 | \n\
                ------------------------------\n";
    assert_eq!(out, want);
    let (out, err) = done(&scene.sqoop("eval", &["--query", "UPDATE ints SET ti = 5 WHERE id = 1"]));
    assert!(out.is_empty() && err.contains("1 row(s) updated."), "{err}");
    let (out, _) = done(&scene.sqoop("eval", &["-e", "SELECT ti FROM ints WHERE id = 1"]));
    assert!(out.contains("| 5    | "), "it is committed: {out}");

    let mut tables: Vec<String> = done(&scene.sqoop("list-tables", &[])).0.lines().map(str::to_owned).collect();
    tables.sort();
    assert_eq!(tables, ["ints", "od d-names", "v"]);
    let (databases, _) = done(&scene.sqoop_on("", "list-databases", &[]));
    assert!(databases.lines().any(|line| line == scene.name), "{databases}");

    let wrong = scene.sqoop("eval", &["-e", "SELEKT 1"]);
    assert_eq!(wrong.status.code(), Some(1));
    scene.clear();
}

#[test]
fn v80_a_saved_job_goes_on_where_its_last_run_ended() {
    let rows = |from: u32, to: u32| format!("INSERT INTO t SELECT seq, CONCAT('n', seq) FROM seq_{from}_to_{to}");
    let scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20))", &rows(0, 9)]);
    let target = format!("/tmp/{}/t", scene.name);
    let mut create = vec!["job".to_owned(), "--create".into(), "j".into(), "--".into(), "import".into()];
    create.extend(["-fs".to_owned(), format!("hdfs://{}", address("NAMENODE_PORT"))]);
    create.extend(scene.connect(&scene.name));
    for arg in ["--table", "t", "--target-dir", &target, "-m", "1", "--incremental", "append", "--check-column", "id"] {
        create.push(arg.to_owned());
    }
    done(&scene.run(&create));
    let read = || {
        let text = hdfs_shell(&["dfs", "-cat", &format!("{target}/part-*")]);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_by_key(|line| line.split(',').next().unwrap().parse::<u32>().unwrap());
        lines
    };
    let all = |to: u32| (0..=to).map(|id| format!("{id},n{id}")).collect::<Vec<_>>();
    let (_, err) = done(&scene.job(&["--exec", "j"]));
    assert_eq!(read(), all(9));
    assert!(err.contains("--last-value 9"), "{err}");
    done(&scene.sqoop("eval", &["-e", &rows(10, 19)]));
    done(&scene.job(&["--exec", "j"]));
    assert_eq!(read(), all(19));
    done(&scene.job(&["--exec", "j"]));
    assert_eq!(read(), all(19), "nothing new, nothing doubled");
    let (shown, _) = done(&scene.job(&["--show", "j"]));
    assert!(shown.contains("incremental.last.value = 19"), "{shown}");

    let lock = "run-id = 'r'\nowner = 'somebody'\nhost = 'elsewhere'\npid = 1\nexpires-s = 99999999999\n";
    std::fs::write(Path::new(scene.jobs.path()).join(".j.lock"), lock).unwrap();
    let busy = scene.job(&["--exec", "j"]);
    assert_eq!(busy.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&busy.stderr).contains("somebody on elsewhere, process 1"));
    std::fs::remove_file(scene.jobs.path().join(".j.lock")).unwrap();
    done(&scene.job(&["--delete", "j"]));
    scene.clear();
}

#[test]
fn v61_a_target_that_is_there_is_left_alone() {
    let scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)"]);
    let target = format!("/tmp/{}/t", scene.name);
    let args = ["--table", "t", "--target-dir", &target, "-m", "1"];
    done(&scene.sqoop("import", &args));
    assert_eq!(hdfs_shell(&["dfs", "-cat", &format!("{target}/part-m-00000")]), "1\n2\n");
    done(&scene.sqoop("eval", &["-e", "INSERT INTO t VALUES (3)"]));
    let again = scene.sqoop("import", &args);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("already exists"));
    assert_eq!(hdfs_shell(&["dfs", "-cat", &format!("{target}/part-m-00000")]), "1\n2\n");
    done(&scene.sqoop("import", &[&args[..], &["--delete-target-dir"]].concat()));
    assert_eq!(hdfs_shell(&["dfs", "-cat", &format!("{target}/part-m-*")]), "1\n2\n3\n");
    scene.clear();
}
