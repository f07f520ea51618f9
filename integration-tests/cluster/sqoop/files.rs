//! Codecs, Avro's schemas, Parquet directories that are there.

use serde_json::{Value, json};

use super::{Scene, done, failed};

const ONE: [&str; 2] = ["CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (10)"];

#[test]
fn v62_v68_v70_codecs_of_each_format() {
    let scene = Scene::set(&ONE);
    let import = |target: &str, more: &[&str]| scene.import(target, &[&["--table", "t", "-m", "1"], more].concat());
    for (target, more, file) in [
        ("gz", &["-z"][..], "part-m-00000.gz"),
        ("bz2", &["--compression-codec", "org.apache.hadoop.io.compress.BZip2Codec"], "part-m-00000.bz2"),
    ] {
        done(&import(target, more));
        assert_eq!(scene.files(target).keys().collect::<Vec<_>>(), ["_SUCCESS", file]);
    }
    for (target, more, codec) in [
        ("deflate", &["--as-avrodatafile", "-z"][..], "deflate"),
        ("snappy", &["--as-avrodatafile", "--compression-codec", "snappy"], "snappy"),
    ] {
        done(&import(target, more));
        let file = scene.dump(target, "part-m-00000.avro");
        assert_eq!((&file["codec"], &file["records"]), (&json!(codec), &json!([{"id": 10}])));
    }
    for codec in ["SNAPPY", "GZIP"] {
        let target = format!("parquet_{codec}");
        done(&import(&target, &["--as-parquetfile", "--compression-codec", &codec.to_lowercase()]));
        let file = scene.dump(&target, "part-m-00000.parquet");
        assert_eq!((&file["codecs"], &file["records"]), (&json!([codec]), &json!([{"id": 10}])));
    }
    for (target, more) in [
        ("no_text", &["--compression-codec", "foobar"][..]),
        ("no_avro", &["--as-avrodatafile", "--compression-codec", "foobar"]),
        ("no_parquet", &["--as-parquetfile", "--compression-codec", "deflate"]),
    ] {
        failed(&import(target, more));
        assert!(scene.files(target).is_empty(), "{target}");
    }
    scene.clear();
}

#[test]
fn v66_v69_avro_types_and_a_mapping() {
    let scene = Scene::set(&[
        "CREATE TABLE t (b BIT, i INT, l BIGINT, r REAL, d DOUBLE, f FLOAT, s VARCHAR(9), v VARBINARY(9), n DECIMAL(3,2))",
        "INSERT INTO t VALUES (1, 100, 200, 1, 2, 1.5, 's', X'0102', 1), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    ]);
    done(&scene.import("t", &["--table", "t", "-m", "1", "--as-avrodatafile"]));
    let file = scene.dump("t", "part-m-00000.avro");
    let fields = file["schema"]["fields"].as_array().unwrap();
    // MariaDB's REAL is DOUBLE; FLOAT is JDBC's REAL.
    let types = ["boolean", "int", "long", "double", "double", "float", "string", "bytes", "string"];
    let seen: Vec<_> = fields.iter().map(|field| (&field["type"], &field["default"])).collect();
    let want = types.map(|of| json!(["null", of]));
    assert_eq!(seen, want.iter().map(|of| (of, &Value::Null)).collect::<Vec<_>>());
    let first = json!({"b": true, "i": 100, "l": 200, "r": 1.0, "d": 2.0, "f": 1.5, "s": "s", "v": {"hex": "0102"},
                       "n": "1.00"});
    assert_eq!(file["records"][0], first);
    assert!(file["records"][1].as_object().unwrap().values().all(Value::is_null));
    done(&scene.import("s", &["--table", "t", "-m", "1", "--as-avrodatafile", "--map-column-java", "i=String"]));
    let file = scene.dump("s", "part-m-00000.avro");
    assert_eq!(
        (&file["schema"]["fields"][1]["type"], &file["records"][0]["i"]),
        (&json!(["null", "string"]), &json!("100"))
    );
    scene.clear();
}

#[test]
fn v67_names_of_avro_fields() {
    let columns = [
        ("_NAME", "__NAME"),
        ("test_a-v+r/o", "test_a_v_r_o"),
        ("id$1", "id_1"),
        ("id1$", "id1_"),
        ("DATA_#_COL0", "DATA___COL0"),
    ];
    let types = columns.map(|(column, _)| format!("`{column}` INT")).join(", ");
    let scene = Scene::set(&[&format!("CREATE TABLE t ({types})"), "INSERT INTO t VALUES (1, 2, 3, 4, 5)"]);
    done(&scene.import("t", &["--table", "t", "-m", "1", "--as-avrodatafile"]));
    let file = scene.dump("t", "part-m-00000.avro");
    for (i, (column, name)) in columns.iter().enumerate() {
        let field = &file["schema"]["fields"][i];
        assert_eq!((&field["name"], &field["columnName"]), (&json!(name), &json!(column)));
        assert_eq!(file["records"][0][name], json!(i + 1));
    }
    scene.clear();
}

#[test]
fn v71_v86_files_are_added_only_where_asked() {
    let scene = Scene::set(&ONE);
    let args = ["--table", "t", "-m", "1", "--as-parquetfile"];
    done(&scene.import("t", &args));
    let first = scene.files("t");
    failed(&scene.import("t", &args));
    assert_eq!(scene.files("t"), first);
    done(&scene.import("t", &[&args[..], &["--append"]].concat()));
    let both = scene.files("t");
    assert_eq!(both.keys().collect::<Vec<_>>(), ["_SUCCESS", "part-m-00000.parquet", "part-m-00001.parquet"]);
    assert_eq!(both["part-m-00000.parquet"], first["part-m-00000.parquet"]);
    for file in ["part-m-00000.parquet", "part-m-00001.parquet"] {
        assert_eq!(scene.dump("t", file)["records"], json!([{"id": 10}]));
    }
    scene.clear();
}
