//! Encryption zones: written and read through the key server, and read back by Hadoop's own shell; and what is refused
//! before anything is written.

use crate::stack::{Conf, by_keytab, file_of, printed, run, sakia, servers, sql, tool, unique};

/// A zone that etl may write to, made by the stock tools, and a table; its name.
struct Zone {
    name: String,
}

impl Zone {
    fn new() -> Self {
        let name = unique("it_zone");
        tool("etl", "hdfs", &["key", "create", &name, "-size", "128"]);
        let zone = Self { name };
        let path = zone.path();
        tool("hdfs", "hdfs", &["dfs", "-mkdir", &path]);
        tool("hdfs", "hdfs", &["crypto", "-createZone", "-keyName", &zone.name, "-path", &path]);
        tool("hdfs", "hdfs", &["dfs", "-chown", "etl:data", &path]);
        sql(&format!(
            "create table {0} (id int primary key, note varchar(100), amount decimal(20,4)); \
             insert into {0} select seq, concat('note of ', seq), seq / 8 from seq_1_to_3000; \
             create table {0}_back like {0}",
            zone.name
        ));
        zone
    }

    fn path(&self) -> String {
        format!("/tmp/{}", self.name)
    }

    fn import(&self, directory: &str, more: &str) -> String {
        format!(
            "[[step]]\ntype = 'import'\nname = 'import'\ntable = '{}'\ntarget-dir = '{directory}'\n{more}\n",
            self.name
        )
    }
}

impl Drop for Zone {
    fn drop(&mut self) {
        sql(&format!("drop table {0}, {0}_back", self.name));
    }
}

fn pipeline(user: &str, steps: &str) -> String {
    servers(&by_keytab(user)).replace("[metastore]\n", "") + steps
}

/// What a run that must fail says.
fn refusal(mut command: std::process::Command, pipeline: &str) -> String {
    let file = file_of(pipeline);
    let done = command.arg("run").arg(file.path()).output().unwrap();
    assert!(!done.status.success(), "{}", printed(&done));
    printed(&done)
}

#[test]
fn files_go_into_a_zone_and_come_back_in_every_format() {
    let zone = Zone::new();
    for format in ["text", "parquet", "avro"] {
        let directory = format!("{}/lake/{format}", zone.path());
        let back = format!(
            "[[step]]\ntype = 'verify'\nname = 'verify'\ntable = '{0}'\ntarget-dir = '{directory}'\n\
             [[step]]\ntype = 'export'\nname = 'export'\ntable = '{0}_back'\nexport-dir = '{directory}'\n\
             update-key = ['id']\nupdate-mode = 'allow-insert'\n",
            zone.name
        );
        run(sakia(), &pipeline("etl", &(zone.import(&directory, &format!("as = '{format}'")) + &back)));
    }
    let compared = format!("select count(*) from shop.{0} join shop.{0}_back using (id, note, amount)", zone.name);
    assert_eq!(tool("etl", "mariadb", &["--batch", "--skip-column-names", "-e", &compared]).trim(), "3000");

    // By the stock shell the rows, below its feet not one of them.
    let files = format!("{}/lake/text/part*", zone.path());
    let text = tool("analyst", "hdfs", &["dfs", "-cat", &files]);
    assert_eq!(text.lines().count(), 3000);
    assert!(text.lines().any(|line| line == "7,note of 7,0.8750"), "{text:.200}");
    let count = "grep -c 'note of' || true";
    let script = format!("AS=hdfs docker/bin/tool hdfs dfs -cat '/.reserved/raw{files}' | {count}");
    let grepped = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(crate::stack::root())
        .env("STACK_ENV", crate::stack::root().join("docker/secure.env"))
        .output()
        .unwrap();
    assert_eq!(printed(&grepped).trim(), "0");
}

#[test]
fn what_the_stock_shell_put_into_a_zone_is_exported() {
    let zone = Zone::new();
    let (outside, inside) = (format!("/tmp/{}.d/out", zone.name), format!("{}/in", zone.path()));
    run(sakia(), &pipeline("etl", &zone.import(&outside, "as = 'text'")));
    tool("etl", "hdfs", &["dfs", "-mkdir", &inside]);
    tool("etl", "hdfs", &["dfs", "-cp", &format!("{outside}/part*"), &inside]);
    let export =
        format!("[[step]]\ntype = 'export'\nname = 'export'\ntable = '{}_back'\nexport-dir = '{inside}'\n", zone.name);
    let said = run(sakia(), &pipeline("etl", &export));
    assert!(said.contains("3000"), "{said}");
}

#[test]
fn what_cannot_be_done_in_a_zone_is_said_before_anything_is_written() {
    let zone = Zone::new();
    let (path, inside) = (zone.path(), format!("{}/lake/t", zone.path()));
    let import = zone.import(&inside, "as = 'text'");

    let said = refusal(sakia(), &pipeline("etl", &zone.import(&path, "as = 'text'")));
    assert!(said.contains(&format!("{path} is an encryption zone")) && said.contains("inside it"), "{said}");

    let conf = Conf::with(&[("hadoop.security.key.provider.path", "")]);
    let said = refusal(conf.sakia(), &pipeline("etl", &import));
    assert!(said.contains(&format!("is in the encryption zone {path}")), "{said}");
    assert!(said.contains("hadoop.security.key.provider.path = kms://"), "{said}");

    let said = refusal(sakia(), &format!("proxy-user = 'etl'\n{}", pipeline("oozie", &import)));
    assert!(said.contains(&format!("is in the encryption zone {path}")) && said.contains("proxy user"), "{said}");

    let conf = Conf::with(&[("hadoop.security.key.provider.path", "kms://http@localhost:1/kms")]);
    let said = refusal(conf.sakia(), &pipeline("etl", &import));
    assert!(said.contains("hadoop.security.key.provider.path, that the key server runs there"), "{said}");

    // Who may write there and not use the key.
    tool("hdfs", "hdfs", &["dfs", "-chmod", "777", &path]);
    let said = refusal(sakia(), &pipeline("nobody1", &zone.import(&format!("{path}/n"), "as = 'text'")));
    assert!(said.contains("nobody1 not allowed") && said.contains("kms-acls.xml"), "{said}");

    let left = tool("hdfs", "hdfs", &["dfs", "-ls", "-R", &path]);
    assert!(!left.lines().any(|line| line.starts_with('-')), "{left}");
}

#[test]
fn the_doctor_names_the_zone_and_tries_its_key() {
    let zone = Zone::new();
    let directory = format!("{}/t", zone.path());
    let file = file_of(&pipeline("etl", &zone.import(&directory, "")));
    let done = sakia().arg("doctor").arg(file.path()).output().unwrap();
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(said.contains(&format!("it is in the encryption zone {}", zone.path())), "{said}");
    // The zone itself is the nearest directory that is there.
    assert!(said.contains(&format!("key of {}: the key server lets us use it", zone.path())), "{said}");
    assert!(said.contains("login: answers, and lets us in"), "{said}");
    let conf = Conf::with(&[("hadoop.security.key.provider.path", "kms://http@localhost:1/kms")]);
    let done = conf.sakia().arg("doctor").arg(file.path()).output().unwrap();
    let said = printed(&done);
    assert!(said.contains("no answer from the key server at localhost:1"), "{said}");
    assert!(said.contains("FAIL  port: cannot reach a key server at localhost:1"), "{said}");
    tool("hdfs", "hdfs", &["dfs", "-chmod", "777", &zone.path()]);
    let nobody = file_of(&pipeline("nobody1", &zone.import(&directory, "")));
    let said = printed(&sakia().arg("doctor").arg(nobody.path()).output().unwrap());
    assert!(said.contains("FAIL  directory") && said.contains("kms-acls.xml"), "{said}");
    let conf = Conf::with(&[("hadoop.security.key.provider.path", "")]);
    let done = conf.sakia().arg("doctor").arg(file.path()).output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", printed(&done));
    assert!(printed(&done).contains("hadoop.security.key.provider.path"), "{}", printed(&done));
}

#[test]
fn what_is_replaced_in_a_zone_stays_in_it() {
    let zone = Zone::new();
    let (path, directory) = (zone.path(), format!("{}/lake", zone.path()));
    let conf = Conf::with(&[("fs.trash.interval", "60")]);
    for columns in ["", "columns = ['id']"] {
        let more = format!("as = 'text'\nexisting = 'delete'\n{columns}");
        run(conf.sakia(), &pipeline("etl", &zone.import(&directory, &more)));
    }
    let kept = tool("etl", "hdfs", &["dfs", "-cat", &format!("{path}/.Trash/etl/Current{directory}/part*")]);
    assert_eq!(kept.lines().count(), 3000);
}
