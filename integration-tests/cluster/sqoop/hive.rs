//! Hive tables by way of Sqoop's arguments, as the files lie in them and as Hive's own shell describes them.

use std::process::Output;

use super::{Scene, done, failed};
use crate::stack::{address, beeline};

impl Scene {
    /// An import into the Hive database that has the scene's name.
    fn hive_import(&self, args: &[&str]) -> Output {
        let metastore = format!("-Dhive.metastore.uris=thrift://{}", address("METASTORE_PORT"));
        let own = ["--hive-import", "--hive-database", &self.name, "-m", "1"];
        self.sqoop("import", &[&[metastore.as_str()], &own[..], args].concat())
    }
}

/// The one data file of a table that lies there.
fn rows_at(location: &str) -> String {
    let dir = location.split_once("://").unwrap().1.split_once('/').unwrap().1;
    let files = crate::sqoop_goldens::read(&format!("/{dir}"));
    let parts: Vec<_> = files.iter().filter(|(name, _)| name.starts_with("part-")).collect();
    assert_eq!(parts.len(), 1, "{:?}", files.keys());
    String::from_utf8(parts[0].1.clone()).unwrap()
}

/// What stands between an opening word and the next quote of a printed table definition.
fn word_after<'a>(text: &'a str, opening: &str) -> &'a str {
    text.split_once(opening).unwrap_or_else(|| panic!("{opening} is not in {text}")).1.split('\'').next().unwrap()
}

/// A table's definition as Hive prints it.
fn definition(scene: &Scene, table: &str) -> String {
    beeline(&format!("SHOW CREATE TABLE {}.{table}", scene.name)).concat().join(" ")
}

fn location(definition: &str) -> String {
    let after = definition.split_once("LOCATION").unwrap().1;
    word_after(after, "'").to_owned()
}

#[test]
fn v38_v39_delimiters_are_dropped_or_replaced() {
    let scene = Scene::set(&[
        "CREATE TABLE d (a VARCHAR(40), b INT, c VARCHAR(40))",
        "INSERT INTO d VALUES ('test with \\n new lines \\n', 42, CONCAT('oh no ', CHAR(1), ' field delims ', CHAR(1)))",
        "CREATE TABLE r (a VARCHAR(40), b INT, c VARCHAR(40))",
        "INSERT INTO r VALUES ('test with\\nnew lines\\n', 42, CONCAT('oh no ', CHAR(1), ' field delims ', CHAR(1)))",
    ]);
    beeline(&format!("CREATE DATABASE {}", scene.name));
    done(&scene.hive_import(&["--table", "d", "--hive-drop-import-delims"]));
    done(&scene.hive_import(&["--table", "r", "--hive-delims-replacement", " "]));
    let dropped = rows_at(&location(&definition(&scene, "d")));
    assert_eq!(dropped, "test with  new lines \u{1}42\u{1}oh no  field delims \n");
    let replaced = rows_at(&location(&definition(&scene, "r")));
    assert_eq!(replaced, "test with new lines \u{1}42\u{1}oh no   field delims  \n");
    beeline(&format!("DROP DATABASE {} CASCADE", scene.name));
    scene.clear();
}

#[test]
fn v72_to_v77_tables_are_made_with_their_types_delimiters_and_partitions() {
    let scene = Scene::set(&[
        "CREATE TABLE n (a VARCHAR(32), b INTEGER, c CHAR(64), d DATE, e NUMERIC(9,2))",
        "INSERT INTO n VALUES ('x', 1, 'y', '2009-05-12', 3.14)",
    ]);
    beeline(&format!("CREATE DATABASE {}", scene.name));
    done(&scene.hive_import(&["--table", "n"]));
    let text = definition(&scene, "n");
    // Sqoop has STRING for DATE and DOUBLE for NUMERIC; the text is the same, and Hive reads it as what it is.
    for column in ["`a` string", "`b` int", "`c` string", "`d` date", "`e` decimal(9,2)"] {
        assert!(text.contains(column), "{column}: {text}");
    }
    assert!(text.contains("TextInputFormat") && text.contains("\\u0001"), "{text}");
    assert!(text.contains(&format!("`{}`.`n`", scene.name)), "V77: {text}");
    let comma = ["--table", "n", "--hive-table", "comma", "--fields-terminated-by", ","];
    done(&scene.hive_import(&comma));
    let text = definition(&scene, "comma");
    assert_eq!(word_after(&text, "'field.delim'='"), ",", "V73: {text}");
    // Sqoop makes a table of V73's second delimiter that Hive then refuses: it reads lines that end in LF and no other.
    let said = failed(&scene.hive_import(&[&comma[..4], &["--lines-terminated-by", "|"]].concat()));
    assert!(said.contains("line feed"), "{said}");
    let partition = ["--hive-partition-key", "ds", "--hive-partition-value", "20110413"];
    done(&scene.hive_import(&[&["--table", "n", "--hive-table", "parted"], &partition[..]].concat()));
    let rows = beeline(&format!("SHOW PARTITIONS {0}.parted; SELECT a, b, d, e, ds FROM {0}.parted", scene.name));
    assert_eq!(rows[0], ["ds=20110413"], "V74");
    assert_eq!(rows[1], ["x", "1", "2009-05-12", "3.14", "20110413"]);
    // V75: \177 is the last delimiter that Hive's octal knows, and V76's mapping.
    let types = "a=VARCHAR(255),b=STRING,e=DECIMAL(13%2C5)";
    done(&scene.hive_import(&[
        "--table",
        "n",
        "--hive-table",
        "last",
        "--fields-terminated-by",
        "\\0177",
        "--map-column-hive",
        types,
    ]));
    let text = definition(&scene, "last");
    for column in ["`a` varchar(255)", "`b` string", "`e` decimal(13,5)"] {
        assert!(text.contains(column), "V76 {column}: {text}");
    }
    let wide = ["--table", "n", "--hive-table", "wide"];
    failed(&scene.hive_import(&[&wide[..], &["--fields-terminated-by", "\\0200"]].concat()));
    failed(&scene.hive_import(&[&wide[..], &["--map-column-hive", "z=STRING"]].concat()));
    // V78: a table that is there is not made again.
    let said = failed(&scene.hive_import(&["--table", "n", "--create-hive-table"]));
    assert!(said.contains("exist"), "{said}");
    beeline(&format!("DROP DATABASE {} CASCADE", scene.name));
    scene.clear();
}

#[test]
fn rows_that_hive_would_break_are_not_imported_as_text_and_go_through_to_orc() {
    let scene = Scene::set(&[
        "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(40), n DECIMAL(9,2))",
        "INSERT INTO t VALUES (1, 'one', 1.5), (2, 'a\\nb', NULL), (3, CONCAT('x', CHAR(1), 'y\\\\'), 3), (4, NULL, 4)",
    ]);
    beeline(&format!("CREATE DATABASE {}", scene.name));
    let said = failed(&scene.hive_import(&["--table", "t"]));
    assert!(said.contains("two rows") && said.contains("hive-drop-import-delims"), "{said}");
    assert!(beeline(&format!("SHOW TABLES IN {}", scene.name)).is_empty());
    let metastore = format!("-Dhive.metastore.uris=thrift://{}", address("METASTORE_PORT"));
    let hiveserver2 = format!("-Dsakia.hiveserver2.endpoints={}", address("HIVESERVER2_PORT"));
    let servers = [metastore.as_str(), &hiveserver2];
    let orc = ["--table", "t", "-m", "1", "--hcatalog-database", &scene.name, "--hcatalog-table", "t"];
    let stored = ["--create-hcatalog-table", "--hcatalog-storage-stanza", "stored as orc"];
    done(&scene.sqoop("import", &[&servers[..], &orc, &stored].concat()));
    // Added once more: the rows of this run, and not again those of the last.
    done(&scene.sqoop("import", &[&servers[..], &orc, &stored[1..]].concat()));
    let found =
        beeline(&format!("SELECT id, COUNT(*), MAX(HEX(a)), MAX(n) FROM {}.t GROUP BY id ORDER BY id", scene.name));
    let want = [
        ["1", "2", "6F6E65", "1.50"],
        ["2", "2", "610A62", "NULL"],
        ["3", "2", "7801795C", "3.00"],
        ["4", "2", "NULL", "4.00"],
    ];
    assert_eq!(found, want);
    beeline(&format!("DROP DATABASE {} CASCADE", scene.name));
    scene.clear();
}

#[test]
fn rows_of_a_table_that_hive_manages_are_missed_once_it_was_truncated() {
    let scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)"]);
    beeline(&format!("CREATE DATABASE {}", scene.name));
    let metastore = format!("-Dhive.metastore.uris=thrift://{}", address("METASTORE_PORT"));
    let hiveserver2 = format!("-Dsakia.hiveserver2.url={}", address("HIVESERVER2_PORT"));
    let servers = [metastore.as_str(), &hiveserver2];
    let orc = ["--table", "t", "-m", "1", "--hcatalog-database", &scene.name, "--hcatalog-table", "t"];
    let stored = ["--hcatalog-storage-stanza", "stored as orc", "--incremental", "append", "--check-column", "id"];
    let import = |more: &[&str]| scene.sqoop("import", &[&servers[..], &orc, &stored, more].concat());
    done(&import(&["--create-hcatalog-table"]));
    beeline(&format!("TRUNCATE TABLE {}.t", scene.name));
    done(&scene.sqoop("eval", &["--query", "INSERT INTO t VALUES (3)"]));
    let said = failed(&import(&[]));
    assert!(said.contains("are gone") && said.contains("existing=delete"), "{said}");
    beeline(&format!("DROP DATABASE {} CASCADE", scene.name));
    scene.clear();
}
