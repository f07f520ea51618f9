//! What `--delete-target-dir` takes out goes to the user's trash, where the site file or the NameNode wants one kept.

use crate::small::Small;
use crate::stack::{Conf, by_keytab, file_of, printed, run, servers, sql, tool, unique};

/// A table with so many rows; its name.
fn table(rows: u32) -> String {
    let name = unique("it_trash");
    sql(&format!("create table {name} (id int primary key); insert into {name} select seq from seq_1_to_{rows}"));
    name
}

fn import(name: &str, directory: &str, existing: &str) -> String {
    servers(&by_keytab("etl")).replace("[metastore]\n", "")
        + &format!(
            "[[step]]\ntype = 'import'\nname = 'i'\ntable = '{name}'\ntarget-dir = '{directory}'\nas = 'text'\n\
             existing = '{existing}'\n"
        )
}

fn lines(glob: &str) -> usize {
    tool("etl", "hdfs", &["dfs", "-cat", glob]).lines().count()
}

#[test]
fn what_is_deleted_is_in_the_trash_where_hadoops_shell_puts_it() {
    let name = table(10);
    let (parent, directory) = (format!("/tmp/{name}.d"), format!("/tmp/{name}.d/t"));
    let conf = Conf::with(&[("fs.trash.interval", "60")]);
    let trash = "/user/etl/.Trash/Current";
    // Somebody else's files first.
    tool("etl", "hdfs", &["dfs", "-mkdir", "-p", &directory]);
    tool("etl", "hdfs", &["dfs", "-touchz", &format!("{directory}/theirs")]);
    run(conf.sakia(), &import(&name, &directory, "delete"));
    assert_eq!(
        tool("etl", "hdfs", &["dfs", "-ls", "-C", &format!("{trash}{directory}")]).trim(),
        format!("{trash}{directory}/theirs")
    );
    assert_eq!(lines(&format!("{directory}/part*")), 10);

    // The same name again, as Sqoop's arguments have it.
    sql(&format!("insert into {name} values (11)"));
    let url = format!("jdbc:mysql://127.0.0.1:{}/shop", crate::stack::setting("MARIADB_PORT"));
    let password = format!("file://{}/docker/shop.password", crate::stack::root().display());
    let tickets = crate::stack::Tickets::of("etl");
    let mut sqoop = tickets.lent_to(conf.sakia());
    sqoop.args([
        "sqoop",
        "import",
        "-D",
        "fs.trash.interval=60",
        "--connect",
        &url,
        "--username",
        "shop",
        "--password-file",
        &password,
    ]);
    sqoop.args(["--table", &name, "--target-dir", &directory, "--delete-target-dir", "-m", "1"]);
    let done = sqoop.output().unwrap();
    assert!(done.status.success(), "{}", printed(&done));
    assert_eq!(lines(&format!("{directory}/part*")), 11);
    let kept = tool("etl", "hdfs", &["dfs", "-ls", "-C", &format!("{trash}{parent}")]);
    let second = kept.lines().find(|path| *path != format!("{trash}{directory}")).unwrap_or_else(|| panic!("{kept}"));
    assert!(
        second.strip_prefix(&format!("{trash}{directory}")).is_some_and(|time| time.parse::<u64>().is_ok()),
        "{kept}"
    );
    assert_eq!(lines(&format!("{second}/part*")), 10);
    let rights = tool("etl", "hdfs", &["dfs", "-stat", "%a %u", trash]);
    assert_eq!(rights.trim(), "700 etl");

    // What an import replaces of its own is not kept, and without the setting nothing is.
    for (existing, conf) in [("replace", conf), ("delete", Conf::with(&[]))] {
        sql(&format!("insert into {name} select max(id) + 1 from {name}"));
        run(conf.sakia(), &import(&name, &directory, existing));
        assert_eq!(tool("etl", "hdfs", &["dfs", "-ls", "-C", &format!("{trash}{parent}")]), kept, "{existing}");
    }
    let state = tool("etl", "hdfs", &["dfs", "-ls", "-R", "-C", &format!("{parent}/.sakia")]);
    assert!(!state.contains("stage-"), "{state}");
    sql(&format!("drop table {name}"));
}

#[test]
fn the_namenodes_own_interval_holds_and_a_missing_home_is_said_before_anything_is_replaced() {
    let name = table(10);
    let small = Small::start(&[("fs.trash.interval", "60")]);
    let conf = small.conf(&[]);
    run(conf.sakia(), &import(&name, "/tmp/t", "delete"));
    sql(&format!("delete from {name} where id = 10"));
    run(conf.sakia(), &import(&name, "/tmp/t", "delete"));
    assert_eq!(small.shell("etl", "fs", &["-cat", "/user/etl/.Trash/Current/tmp/t/part*"]).lines().count(), 10);

    small.shell("hdfs", "fs", &["-mv", "/user/etl", "/user/gone"]);
    sql(&format!("insert into {name} values (10), (11)"));
    let file = file_of(&import(&name, "/tmp/t", "delete"));
    let done = conf.sakia().arg("run").arg(file.path()).output().unwrap();
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("is to go to the trash") && said.contains("/user/etl/.Trash"), "{said}");
    assert_eq!(small.shell("etl", "fs", &["-cat", "/tmp/t/part*"]).lines().count(), 9);
    small.shell("hdfs", "fs", &["-mv", "/user/gone", "/user/etl"]);
    run(conf.sakia(), &import(&name, "/tmp/t", "delete"));
    assert_eq!(small.shell("etl", "fs", &["-cat", "/tmp/t/part*"]).lines().count(), 11);
    sql(&format!("drop table {name}"));
}
