//! Bad input: each mistake is one line on stderr that names the object and what to do, with the documented exit code,
//! and nothing half-visible is left in HDFS or Hive.

use std::net::TcpListener;

use crate::stack::{self, address, beeline, hdfs_shell, root, sakia, setting, unique};

/// A pipeline of one import of the shop's customers, under names of its own.
struct Import {
    name: String,
    text: String,
}

impl Import {
    fn new() -> Self {
        let name = unique("it_bad");
        let text = stack::import_of_customers(&name);
        Self { name, text }
    }

    fn with(mut self, old: &str, new: &str) -> Self {
        assert!(self.text.contains(old), "{old}");
        self.text = self.text.replace(old, new);
        self
    }

    /// Runs it and expects to fail with `code`, with one line that holds all of `words`.
    fn fails(&self, code: i32, words: &[&str]) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("p.toml"), &self.text).unwrap();
        let output = sakia().env("SAKIA_LOG", "off").args(["run", "p.toml"]).current_dir(dir.path()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        for word in words {
            assert!(errors.contains(word), "`{word}` is not in: {errors}");
        }
        assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(!errors.contains("shop-of-the-test-stack"), "a secret is in: {errors}");
    }

    /// Nothing of it is to be seen in HDFS or Hive.
    fn left_nothing(&self) {
        hdfs_shell(&["dfs", "-mkdir", "-p", "/it"]);
        let found = hdfs_shell(&["dfs", "-ls", "-R", "-C", "/it"]);
        let seen: Vec<&str> = found.lines().filter(|p| p.contains(&self.name) && !p.contains("/.sakia")).collect();
        // Directories on the way are not data.
        assert!(seen.iter().all(|path| !path.contains(".parquet")), "{seen:?}");
        // A database may be there already, a table may not.
        if beeline("show databases").contains(&vec![self.name.clone()]) {
            assert_eq!(beeline(&format!("show tables in {}", self.name)), Vec::<Vec<String>>::new());
        }
    }
}

#[test]
fn a_wrong_password() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wrong.password");
    std::fs::write(&file, "not-the-password\n").unwrap();
    let password = format!("{}/docker/shop.password", root().display());
    let import = Import::new().with(&password, file.to_str().unwrap());
    import.fails(1, &["127.0.0.1", "user shop", "wrong.password"]);
    import.left_nothing();
}

#[test]
fn a_host_that_does_not_answer() {
    // A port that was free a moment ago and is closed now.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mysql = Import::new().with(&format!("port = {}", setting("MARIADB_PORT")), &format!("port = {closed}"));
    mysql.fails(1, &["customers", &format!("127.0.0.1:{closed}")]);
    mysql.left_nothing();
    let namenode = Import::new().with(&address("NAMENODE_PORT"), &format!("localhost:{closed}"));
    namenode.fails(1, &[&format!("localhost:{closed}")]);
    let metastore = Import::new().with(&address("METASTORE_PORT"), &format!("localhost:{closed}"));
    metastore.fails(1, &["metastore", &format!("localhost:{closed}")]);
    metastore.left_nothing();
}

#[test]
fn a_missing_table() {
    let import = Import::new().with("table = 'customers'", "table = 'custommers'");
    import.fails(1, &["custommers", "customers"]);
    import.left_nothing();
}

#[test]
fn an_unknown_key() {
    let import = Import::new().with("target-dir", "target-dri");
    import.fails(2, &["p.toml", "customers", "`target-dri`", "did you mean `target-dir`?"]);
    import.left_nothing();
}

#[test]
fn a_target_that_is_not_ours() {
    let import = Import::new();
    let dir = format!("/it/{}/customers", import.name);
    hdfs_shell(&["dfs", "-mkdir", "-p", &dir]);
    hdfs_shell(&["dfs", "-touchz", &format!("{dir}/somebody-elses.csv")]);
    import.fails(1, &[&dir, "sakia"]);
    let left = hdfs_shell(&["dfs", "-ls", "-C", &dir]);
    assert_eq!(left.lines().collect::<Vec<_>>(), [format!("{dir}/somebody-elses.csv")]);
    import.left_nothing();
}
