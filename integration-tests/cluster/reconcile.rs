//! The same orders counted in MariaDB, in the files of HDFS and in Hive: equal, and then not, by day and by hour.

use serde_json::Value;

use crate::stack::{address, beeline, hdfs_shell, root, sakia, setting, tool, unique};

struct Scene {
    name: String,
    dir: tempfile::TempDir,
}

impl Scene {
    /// Orders of three days, one of them of no known day, imported into HDFS and Hive.
    fn set() -> Self {
        let name = unique("it_reconcile");
        let scene = Self { name, dir: tempfile::tempdir().unwrap() };
        let name = &scene.name;
        scene.sql(&format!(
            "CREATE DATABASE {name}; \
             CREATE TABLE {name}.orders (id INT PRIMARY KEY, ordered_at DATETIME(6) NULL, day DATE NULL, \
             total DECIMAL(14,3) NULL, pieces INT NOT NULL); \
             INSERT INTO {name}.orders VALUES (1, '2011-12-07 23:59:59.999999', '2011-12-07', 10.500, 1), \
             (2, '2011-12-08 00:00:00', '2011-12-08', 2.250, 2), (3, '2011-12-08 10:30:00', '2011-12-08', -0.250, 3), \
             (4, NULL, NULL, 7, 4), (5, '2011-12-09 10:00:00', '2011-12-09', NULL, 5)"
        ));
        scene.write(
            "import.toml",
            &format!(
                "[[step]]\ntype = 'import'\nname = 'orders'\ntable = 'orders'\ntarget-dir = '/it/{name}/orders'\n\
                 hive-database = '{name}'\nnum-mappers = 2\n"
            ),
        );
        let imported = sakia().args(["run", "import.toml"]).current_dir(scene.dir.path()).output().unwrap();
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        scene
    }

    fn sql(&self, statements: &str) {
        tool("mariadb", &["-e", statements]);
    }

    fn write(&self, file: &str, steps: &str) {
        let servers = format!(
            "[mysql]\nhost = '127.0.0.1'\nport = {port}\nuser = 'shop'\ndatabase = '{name}'\n\
             password-file = '{root}/docker/shop.password'\n[hdfs]\nurl = 'hdfs://{namenode}'\nuser = 'root'\n\
             [metastore]\nurl = 'thrift://{metastore}'\n[hiveserver2]\nurl = 'jdbc:hive2://{hive}'\nuser = 'root'\n",
            port = setting("MARIADB_PORT"),
            name = self.name,
            root = root().display(),
            namenode = address("NAMENODE_PORT"),
            metastore = address("METASTORE_PORT"),
            hive = address("HIVESERVER2_PORT"),
        );
        std::fs::write(self.dir.path().join(file), servers + steps).unwrap();
    }

    /// Exit code, the comparison, and what was said.
    fn reconcile(&self, file: &str) -> (Option<i32>, Value, String) {
        let done = sakia().args(["reconcile", file, "--output", "json"]).current_dir(self.dir.path()).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let summary: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
        (done.status.code(), summary["steps"][0].clone(), said)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.sql(&format!("DROP DATABASE {}", self.name));
            beeline(&format!("drop database {} cascade", self.name));
            hdfs_shell(&["dfs", "-rm", "-r", "-skipTrash", "-f", &format!("/it/{}", self.name)]);
        }
    }
}

fn sides(name: &str) -> String {
    let measures = "measures = { orders = 'count(*)', total = 'sum(total)', pieces = 'sum(pieces)' }\n";
    format!(
        "[[step]]\ntype = 'reconcile'\nname = 'orders'\n\
         [[step.side]]\nname = 'shop'\nin = 'mysql'\ntable = 'orders'\nby = 'date(ordered_at)'\n{measures}\
         [[step.side]]\nname = 'files'\nin = 'files'\ntarget-dir = '/it/{name}/orders'\nby = 'ordered_at'\n{measures}\
         [[step.side]]\nname = 'days'\nin = 'files'\ntarget-dir = '/it/{name}/orders'\nby = 'day'\n\
         measures = {{ orders = 'count(*)' }}\n\
         [[step.side]]\nname = 'hive'\nin = 'hive'\ntable = '{name}.orders'\nby = 'to_date(ordered_at)'\n{measures}"
    )
}

#[test]
fn four_places_agree_and_then_do_not() {
    let scene = Scene::set();
    let name = scene.name.clone();
    scene.write("days.toml", &sides(&name));
    let (code, step, said) = scene.reconcile("days.toml");
    assert_eq!((code, step["outcome"].as_str()), (Some(0), Some("equal")), "{said}");
    assert_eq!(step["detail"], "shop, files, days, hive: 4 keys, orders and pieces and total: equal");
    assert_eq!(step["comparison"]["keys"], 4, "{step}");

    scene.sql(&format!(
        "DELETE FROM {name}.orders WHERE id = 3; UPDATE {name}.orders SET total = 10.501 WHERE id = 1; \
         INSERT INTO {name}.orders VALUES (6, '2011-12-10 00:00:00', '2011-12-10', 1, 1)"
    ));
    let (code, step, said) = scene.reconcile("days.toml");
    assert_eq!((code, step["outcome"].as_str()), (Some(1), Some("different")), "{said}");
    let listed: Vec<String> = step["comparison"]["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| format!("{} {} {}", d["key"].as_str().unwrap(), d["measure"].as_str().unwrap(), d["values"]))
        .collect();
    assert_eq!(
        listed,
        [
            r#"2011-12-07 total ["10.501","10.5",null,"10.5"]"#,
            r#"2011-12-08 orders ["1","2","2","2"]"#,
            r#"2011-12-08 pieces ["2","5",null,"5"]"#,
            r#"2011-12-08 total ["2.25","2",null,"2"]"#,
            r#"2011-12-10 orders ["1",null,null,null]"#,
            r#"2011-12-10 pieces ["1",null,null,null]"#,
            r#"2011-12-10 total ["1",null,null,null]"#,
        ]
    );
    assert!(said.contains("7 differences between shop, files, days, hive"), "{said}");
    assert!(said.contains("10.501"), "the list is in the log: {said}");

    // A query of one's own, by hour, and the plan, which asks nobody.
    scene.write(
        "hours.toml",
        &format!(
            "[[step]]\ntype = 'reconcile'\nname = 'hours'\n\
             [[step.side]]\nname = 'files'\nin = 'files'\ntarget-dir = '/it/{name}/orders'\nby = 'ordered_at'\n\
             unit = 'hour'\nmeasures = {{ orders = 'count(*)' }}\n\
             [[step.side]]\nname = 'hive'\nin = 'hive'\n\
             query = \"\"\"select date_format(ordered_at, 'yyyy-MM-dd HH'), count(*) as orders from {name}.orders \
             group by date_format(ordered_at, 'yyyy-MM-dd HH');\"\"\"\n"
        ),
    );
    let (code, step, said) = scene.reconcile("hours.toml");
    assert_eq!((code, step["comparison"]["keys"].as_u64()), (Some(0), Some(5)), "{said}");
    let planned = sakia().args(["reconcile", "days.toml", "--dry-run"]).current_dir(scene.dir.path()).output().unwrap();
    let planned = String::from_utf8_lossy(&planned.stdout).into_owned();
    assert!(planned.contains("SELECT date(ordered_at) AS `sakia_key`, count(*) AS `orders`"), "{planned}");
}
