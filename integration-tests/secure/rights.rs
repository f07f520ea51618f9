//! Who owns what is written, what rights it has, and what may not be done: as Hadoop's own clients have it, held against
//! what its shell makes in the same place.

use std::collections::BTreeMap;
use std::process::Output;

use crate::stack::{Conf, by_keytab, file_of, printed, run, sakia, servers, sql, tool, unique};

/// A directory of a test and a table of three rows; its name.
struct Place(String);

impl Place {
    fn new() -> Self {
        let name = unique("it_rights");
        sql(&format!("create table {name} (id int primary key); insert into {name} values (1), (2), (3)"));
        let place = Self(name);
        tool("hdfs", "hdfs", &["dfs", "-mkdir", &place.path()]);
        tool("hdfs", "hdfs", &["dfs", "-chown", "etl:etl", &place.path()]);
        place
    }

    fn path(&self) -> String {
        format!("/tmp/{}.d", self.0)
    }

    fn import(&self, user: &str, directory: &str, more: &str) -> String {
        servers(&by_keytab(user)).replace("[metastore]\n", "")
            + &format!(
                "[[step]]\ntype = 'import'\nname = 'i'\ntable = '{}'\ntarget-dir = '{directory}'\nas = 'text'\n\
                 num-mappers = 1\n{more}\n",
                self.0
            )
    }

    fn try_import(&self, user: &str, directory: &str, more: &str) -> Output {
        let file = file_of(&self.import(user, directory, more));
        sakia().arg("run").arg(file.path()).output().unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        sql(&format!("drop table {}", self.0));
    }
}

/// `-rw-r--r-- etl data` of each path, as the shell lists them, with a plus where there is an ACL.
fn listed(paths: &[&str]) -> Vec<String> {
    let text = tool("hdfs", "hdfs", &[&["dfs", "-ls", "-d"], paths].concat());
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let of = |path: &&str| lines.iter().find(|fields| fields.last() == Some(path)).unwrap_or_else(|| panic!("{text}"));
    paths.iter().map(of).map(|fields| [fields[0], fields[2], fields[3]].join(" ")).collect()
}

/// The ACLs of all that is below a directory, by path.
fn acls(directory: &str) -> BTreeMap<String, String> {
    let text = tool("hdfs", "hdfs", &["dfs", "-getfacl", "-R", directory]);
    let of_path = |part: &str| part.split_once('\n').map(|(path, acl)| (path.to_owned(), acl.trim().to_owned()));
    text.split("# file: ").filter_map(of_path).collect()
}

/// The first file of an import.
fn first_file(directory: &str) -> String {
    let files = tool("hdfs", "hdfs", &["dfs", "-ls", "-C", directory]);
    files.lines().find(|path| path.contains("/part-")).unwrap_or_else(|| panic!("{files}")).to_owned()
}

/// Lets the shell make a directory with a file beside what the import made.
fn by_the_shell(parent: &str, file: &str, umask: &str) -> (String, String) {
    let directory = format!("{parent}/by_the_shell");
    let umask = format!("fs.permissions.umask-mode={umask}");
    tool("etl", "hdfs", &["dfs", "-D", &umask, "-mkdir", &directory]);
    tool("etl", "hdfs", &["dfs", "-D", &umask, "-cp", file, &format!("{directory}/f")]);
    (format!("{directory}/f"), directory)
}

#[test]
fn rights_are_those_of_the_stock_client_with_each_umask() {
    let place = Place::new();
    for umask in ["027", "002"] {
        let parent = format!("{}/{umask}", place.path());
        tool("etl", "hdfs", &["dfs", "-mkdir", &parent]);
        let conf = Conf::with(&[("fs.permissions.umask-mode", umask)]);
        run(conf.sakia(), &place.import("etl", &format!("{parent}/t"), ""));
        let file = first_file(&format!("{parent}/t"));
        let (stock_file, stock_directory) = by_the_shell(&parent, &file, umask);
        let found = listed(&[&file, &stock_file, &format!("{parent}/t"), &stock_directory]);
        assert_eq!((&found[0], &found[2]), (&found[1], &found[3]), "{umask}");
    }
}

#[test]
fn a_default_acl_is_handed_down_as_by_the_stock_client() {
    let place = Place::new();
    let parent = place.path();
    tool(
        "etl",
        "hdfs",
        &["dfs", "-setfacl", "-m", "default:user:hive:rwx,default:group:data:rwx,default:other::---", &parent],
    );
    for umask in ["022", "077"] {
        let conf = Conf::with(&[("fs.permissions.umask-mode", umask)]);
        let target = format!("{parent}/t{umask}");
        run(conf.sakia(), &place.import("etl", &target, ""));
        let file = first_file(&target);
        let (stock_file, stock_directory) = by_the_shell(&parent, &file, umask);
        let acls = acls(&parent);
        assert_eq!(acls[&file], acls[&stock_file], "{umask}");
        assert_eq!(acls[&target], acls[&stock_directory], "{umask}");
        assert!(acls[&file].contains("user:hive:rwx\t#effective:rw-"), "{acls:?}");
        assert!(acls[&target].contains("default:user:hive:rwx"), "{acls:?}");
        tool("etl", "hdfs", &["dfs", "-rm", "-r", "-skipTrash", &stock_directory]);
    }
}

#[test]
fn the_group_comes_from_the_directory_above() {
    let place = Place::new();
    tool("hdfs", "hdfs", &["dfs", "-chgrp", "data", &place.path()]);
    let target = format!("{}/t", place.path());
    run(sakia(), &place.import("etl", &target, ""));
    assert_eq!(listed(&[&target, &first_file(&target)]), ["drwxr-xr-x etl data", "-rw-r--r-- etl data"]);
}

#[test]
fn in_a_sticky_directory_the_files_of_others_stay() {
    let place = Place::new();
    tool("hdfs", "hdfs", &["dfs", "-chmod", "1777", &place.path()]);
    let target = format!("{}/t", place.path());
    run(sakia(), &place.import("etl", &target, ""));
    // Another user may add beside it, and not take it out.
    let done = place.try_import("analyst", &target, "existing = 'delete'");
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("analyst") && said.contains(&place.path()) && said.contains("etl"), "{said}");
    assert_eq!(listed(&[&target]), ["drwxr-xr-x etl etl"]);
    assert_eq!(tool("etl", "hdfs", &["dfs", "-cat", &format!("{target}/part*")]).lines().count(), 3);
}

#[test]
fn a_denial_is_one_line_with_path_user_owner_and_mode() {
    let place = Place::new();
    let target = format!("{}/t", place.path());
    let done = place.try_import("nobody1", &target, "");
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    let line = said.lines().find(|line| line.contains("Permission denied")).unwrap_or_else(|| panic!("{said}"));
    for part in ["user=nobody1", "access=WRITE", &place.path(), "etl:etl", "drwxr-xr-x"] {
        assert!(line.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("\tat org.apache"), "{said}");
    let left = tool("hdfs", "hdfs", &["dfs", "-ls", "-R", &place.path()]);
    assert_eq!(left, "");

    // What may not be read.
    run(sakia(), &place.import("etl", &target, ""));
    tool("etl", "hdfs", &["dfs", "-chmod", "700", &target]);
    let step = format!("[[step]]\ntype = 'verify'\nname = 'v'\ntable = '{}'\ntarget-dir = '{target}'\n", place.0);
    let file = file_of(&(servers(&by_keytab("nobody1")).replace("[metastore]\n", "") + &step));
    let done = sakia().arg("run").arg(file.path()).output().unwrap();
    let said = printed(&done);
    assert!(said.contains("user=nobody1") && said.contains(&target) && said.contains("drwx------"), "{said}");
}

#[test]
fn a_target_keeps_its_rights_and_hands_down_its_own_acl() {
    let place = Place::new();
    let target = format!("{}/t", place.path());
    run(sakia(), &place.import("etl", &target, ""));
    tool("etl", "hdfs", &["dfs", "-chmod", "750", &target]);
    tool("etl", "hdfs", &["dfs", "-chgrp", "data", &target]);
    let entries = "user:hbase:r-x,default:user:hive:r-x,default:group:data:rwx";
    tool("etl", "hdfs", &["dfs", "-setfacl", "-m", entries, &target]);
    let before = acls(&target)[&target].clone();

    // What is added is like what the shell adds.
    run(sakia(), &place.import("etl", &target, "existing = 'append'"));
    let files = tool("hdfs", "hdfs", &["dfs", "-ls", "-C", "-t", &target]);
    let added = files.lines().find(|path| path.contains("/part-")).unwrap().to_owned();
    tool("etl", "hdfs", &["dfs", "-cp", &added, &format!("{target}/by_the_shell")]);
    let found = acls(&target);
    assert!(found[&added].contains("user:hive:r-x"), "{found:?}");
    assert_eq!(found[&added], found[&format!("{target}/by_the_shell")]);
    assert_eq!(found[&target], before);

    // A directory that is made anew keeps what it had.
    run(sakia(), &place.import("etl", &target, "existing = 'delete'"));
    let found = acls(&target);
    assert_eq!(found[&target], before);
    assert!(found[&first_file(&target)].contains("user:hive:r-x"), "{found:?}");

    // Without an ACL, too; the group of another that may not be given stays.
    let plain = format!("{}/plain", place.path());
    run(sakia(), &place.import("etl", &plain, ""));
    tool("hdfs", "hdfs", &["dfs", "-chown", "etl:supergroup", &plain]);
    tool("hdfs", "hdfs", &["dfs", "-chmod", "700", &plain]);
    run(sakia(), &place.import("etl", &plain, "existing = 'delete'\nwhere = 'id > 1'"));
    assert_eq!(listed(&[&plain]), ["drwx------ etl etl"]);
}
