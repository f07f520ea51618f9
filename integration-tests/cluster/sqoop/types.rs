//! MySQL's types as text, Avro and Parquet, by Sqoop's own compatibility tests.

use serde_json::json;

use super::{Scene, done, failed};

#[test]
fn v37_decimals_are_plain_or_javas() {
    let scene =
        Scene::set(&["CREATE TABLE t (a DECIMAL(9,6), b DECIMAL(9,7))", "INSERT INTO t VALUES (0.000001, 0.0000001)"]);
    done(&scene.import("plain", &["--table", "t", "-m", "1"]));
    assert_eq!(scene.rows("plain"), "0.000001,0.0000001\n");
    done(&scene.import("java", &["-Dsqoop.bigdecimal.format.string=false", "--table", "t", "-m", "1"]));
    assert_eq!(scene.rows("java"), "0.000001,1E-7\n");
    scene.clear();
}

#[test]
fn v47_direct_rows_are_enclosed_where_they_have_to_be() {
    let scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(9))"]);
    done(&scene.sqoop("eval", &["-e", "INSERT INTO t VALUES (1, 'Aaron'), (2, 'b,c')"]));
    done(&scene.import("v47", &["--table", "t", "--direct", "--mysql-delimiters", "-m", "1"]));
    // Sqoop has mysqldump write these, which encloses every text (`1,'Aaron'`). Without --direct Sqoop encloses only
    // what holds a delimiter, as here; both are read the same way.
    assert_eq!(scene.rows("v47"), "1,Aaron\n2,'b,c'\n");
    scene.clear();
}

#[test]
fn v48_v49_zero_dates_are_null_unless_the_url_wants_an_error() {
    let scene = Scene::set(&["CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP NULL)"]);
    done(&scene.sqoop("eval", &["-e", "INSERT INTO t VALUES (1, 0)"]));
    let of = |parameters: &str| format!("{}{parameters}", scene.name);
    for (i, parameters) in
        ["", "?", "?connectTimeout=0", "?connectTimeout=0&", "?zeroDateTimeBehavior=convertToNull"].iter().enumerate()
    {
        let target = format!("v48_{i}");
        done(&scene.import_of(&of(parameters), &target, &["--table", "t", "-m", "1"]));
        assert_eq!(scene.rows(&target), "1,null\n", "{parameters}");
    }
    let said = failed(&scene.import_of(&of("?zeroDateTimeBehavior=exception"), "v49", &["--table", "t", "-m", "1"]));
    assert!(said.contains("zero date"), "{said}");
    assert!(scene.files("v49").is_empty());
    scene.clear();
}

/// V50 to V55, each column a value of theirs.
const COLUMNS: [(&str, &str, &str); 21] = [
    ("BOOLEAN", "1", "true"),
    ("BOOLEAN", "0", "false"),
    ("BOOLEAN", "NULL", "null"),
    ("TINYINT", "42", "42"),
    ("BIGINT", "10000000000", "10000000000"),
    ("REAL", "256", "256.0"),
    ("DATE", "'2009-1-12'", "2009-01-12"),
    ("TIME", "'12:24:00'", "12:24:00"),
    ("TIME", "'6:24:00'", "06:24:00"),
    ("TIMESTAMP", "'2009-04-24 18:24:00'", "2009-04-24 18:24:00.0"),
    ("TIMESTAMP", "'2009-04-24 18:24:00.0002'", "2009-04-24 18:24:00.0"),
    ("NUMERIC(30,5)", "1", "1.00000"),
    ("NUMERIC(30,5)", "99999999999999999999.14159", "99999999999999999999.14159"),
    ("YEAR", "2012", "2012"),
    ("MEDIUMBLOB", "'This is short BLOB data'", "54 68 69 73 20 69 73 20 73 68 6f 72 74 20 42 4c 4f 42 20 64 61 74 61"),
    ("VARBINARY(12)", "'F00FABCD'", "46 30 30 46 41 42 43 44"),
    ("VARCHAR(9)", "NULL", "null"),
    ("VARCHAR(9)", "''", ""),
    ("CHAR(9)", "'this'", "this"),
    ("INT", "NULL", "null"),
    ("DOUBLE", "1e10", "1.0E10"),
];

#[test]
fn v50_to_v55_values_are_rendered_as_sqoop_does() {
    let types =
        COLUMNS.iter().enumerate().map(|(i, (of, ..))| format!("c{i} {of} NULL")).collect::<Vec<_>>().join(", ");
    let values = COLUMNS.map(|(_, value, _)| value).join(", ");
    let scene = Scene::set(&[&format!("CREATE TABLE t ({types})"), &format!("INSERT INTO t VALUES ({values})")]);
    done(&scene.import("t", &["--table", "t", "-m", "1"]));
    assert_eq!(scene.rows("t"), format!("{}\n", COLUMNS.map(|(_, _, text)| text).join(",")));
    scene.clear();
}

#[test]
fn v57_decimals_stay_decimals_in_avro_and_parquet() {
    let wide = "55555555555555555555555555555555555555555555555555.05";
    let scene = Scene::set(&[
        "CREATE TABLE t (a NUMERIC, b NUMERIC(20), c NUMERIC(20,5), d NUMERIC(20,0), e NUMERIC(65,5), f DECIMAL(65,5))",
        &format!("INSERT INTO t VALUES (100.030, 1000000.05, 1000000.05, 1000000.05, 1000000.05, {wide})"),
    ]);
    let want = json!([{"a": "100", "b": "1000000", "c": "1000000.05000", "d": "1000000", "e": "1000000.05000",
                       "f": format!("{wide}000")}]);
    for (target, property, format, file) in [
        ("avro", "-Dsqoop.avro.logical_types.decimal.enable=true", "--as-avrodatafile", "part-m-00000.avro"),
        ("parquet", "-Dsqoop.parquet.logical_types.decimal.enable=true", "--as-parquetfile", "part-m-00000.parquet"),
    ] {
        done(&scene.import(target, &[property, "--table", "t", format, "-m", "1"]));
        assert_eq!(scene.dump(target, file)["records"], want, "{target}");
    }
    scene.clear();
}

#[test]
fn v58_v59_names_and_queries() {
    let scene = Scene::set(&[
        "CREATE TABLE t (id INT PRIMARY KEY, `a\"b` VARCHAR(20))",
        "INSERT INTO t VALUES (1, 'hello, world')",
        "CREATE TABLE u (id INT PRIMARY KEY, name VARCHAR(9))",
        "INSERT INTO u VALUES (1, 'foo')",
    ]);
    done(&scene.import("v58", &["--table", "t", "-m", "1", "--columns", "id,a\"b"]));
    assert_eq!(scene.rows("v58"), "1,hello, world\n");
    let query = "SELECT t.id, u.name FROM t JOIN u ON t.id = u.id WHERE $CONDITIONS";
    done(&scene.import("v59", &["--query", query, "--split-by", "t.id"]));
    assert_eq!(scene.rows("v59"), "1,foo\n");
    scene.clear();
}

#[test]
fn v63_large_objects_stand_in_their_records() {
    let scene = Scene::set(&[
        "CREATE TABLE t (id INT PRIMARY KEY, b BLOB)",
        "INSERT INTO t VALUES (1, 'This is short BLOB data')",
    ]);
    done(&scene.import("t", &["--table", "t", "-m", "1", "--as-avrodatafile", "--inline-lob-limit", "1"]));
    // Sqoop writes `externalLob(lf,_lob/...)`, the place of a file that only its own class reads.
    let hex = "5468697320697320 73686f727420424c4f422064617461".replace(' ', "");
    assert_eq!(scene.dump("t", "part-m-00000.avro")["records"], json!([{"id": 1, "b": {"hex": hex}}]));
    scene.clear();
}
