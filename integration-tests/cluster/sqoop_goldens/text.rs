//! Text files, byte for byte, with their names and codecs.

use std::io::Read;

use super::{Files, Stage, cases, failed, files, goldens};

/// What the names of the cases begin with that this module replays.
pub const NAMES: [&str; 1] = ["text-"];

/// What stands in Sqoop's file, and what in ours.
type Pairs = &'static [(&'static str, &'static str)];

/// Cases in which Sqoop bends or loses something: the case, why ours differs, and what stands in Sqoop's file and what
/// in ours.
const DIFFERENT: [(&str, &str, Pairs); 6] = [
    (
        "text-bits-default",
        "BIT of several bits is true or false in Sqoop, and most patterns false: here it is the number",
        &[
            ("1,false,false,false,", "1,false,0,0,"),
            ("2,true,false,false,", "2,true,129,9223372036854775809,"),
            ("4,true,true,true,", "4,true,65,4702394921427289928,"),
        ],
    ),
    (
        "text-bits-lob0",
        "as above; and a large object stands in its record, where Sqoop leaves it in a file that only it can read",
        &[
            ("1,false,false,false,", "1,false,0,0,"),
            ("2,true,false,false,", "2,true,129,9223372036854775809,"),
            ("4,true,true,true,", "4,true,65,4702394921427289928,"),
            (
                "externalLob(lf,_lob/large_obj_task_local895979576_0032_m_0000000.lob,68,40)",
                "41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 \
                 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41",
            ),
        ],
    ),
    ("text-nums-default", "FLOAT has six digits in Sqoop's text protocol: here it has all", &FLOATS),
    ("text-nums-plainfalse", "FLOAT has six digits in Sqoop's text protocol: here it has all", &FLOATS),
    (
        "text-times-default",
        "TIME keeps its fraction; days between the calendars are not moved by ten",
        &[
            ("12:34:56,", "12:34:56.789012,"),
            ("00:00:00,00:00:00,", "00:00:00,00:00:00.000001,"),
            ("01:02:03,01:02:03,", "01:02:03,01:02:03.100000,"),
            ("06:24:00,06:24:00,", "06:24:00,06:24:00.000000,"),
            ("12:00:00,12:00:00,", "12:00:00,12:00:00.000000,"),
            ("1582-10-20,1582-10-20 12", "1582-10-10,1582-10-10 12"),
        ],
    ),
    (
        "text-zdates-table",
        "2024-00-00 is not a day: it is NULL like 0000-00-00, where Sqoop's calendar makes 2023-11-30 of it",
        &[("2023-11-30", "null")],
    ),
];

const FLOATS: [(&str, &str); 3] =
    [("3.40282E38", "3.4028235E38"), ("1.67772E7", "1.6777216E7"), ("123457.0", "123456.7")];

/// Cases that fail in Sqoop and not here: why, and the right file.
const RIGHT: [(&str, &str, &str); 3] = [
    ("text-negtime", "TIME may be negative and longer than a day", "1,-01:00:00\n2,25:00:00\n3,838:59:59\n"),
    ("text-ubig-fails", "BIGINT UNSIGNED to its end", "1,0\n2,9223372036854775808\n3,18446744073709551615\n"),
    ("text-strs-nullN-single", "\\N is meant by whoever types it", ""),
];

/// What is said where Sqoop fails and we do.
const SAID: [(&str, &str); 2] = [
    ("text-query-nocond-fails", "Query [SELECT * FROM ints] must contain '$CONDITIONS' in WHERE clause."),
    ("text-zdates-query", "column d: the zero date 0000-00-00"),
];

/// Cases whose files depend on where splits begin: that is ours to choose, so the rows are compared, sorted.
const SPLIT: [&str; 2] = ["text-ints-m3", "text-query-join"];

/// A file that is wrong from its first row to its last has a test of its own.
const CORRUPT: &str = "text-direct-mariadb-corrupt";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v47_v55_text_files_are_sqoops_byte_for_byte() {
    let stage = Stage::set(&["types"]).await;
    for case in cases("text-").iter().filter(|case| *case != CORRUPT) {
        let ran = stage.run(case);
        let ours = stage.written(case);
        let right = RIGHT.iter().find(|(name, ..)| name == case);
        if failed(case) && right.is_none() {
            assert_eq!(ran.code, 1, "{case}: {}", ran.err);
            let (_, said) = SAID.iter().find(|(name, _)| name == case).unwrap();
            assert!(ran.err.contains(said), "{case}: {}", ran.err);
            // Not even what a failed run of Sqoop's leaves behind, which makes the next one fail.
            assert_eq!(ours, Files::new(), "{case}");
            continue;
        }
        assert_eq!(ran.code, 0, "{case}: {}", ran.err);
        let sqoops = match right {
            Some((_, _, text)) => one_file(if text.is_empty() { single_null_string() } else { (*text).into() }),
            None => files(&goldens().join(case).join("out")),
        };
        if SPLIT.contains(&case.as_str()) {
            assert_eq!(rows(&ours), rows(&sqoops), "{case}");
            continue;
        }
        assert_eq!(ours.keys().collect::<Vec<_>>(), sqoops.keys().collect::<Vec<_>>(), "{case}");
        for (name, bytes) in &sqoops {
            assert_eq!(
                String::from_utf8(plain(name, &ours[name])).unwrap(),
                expected(case, plain(name, bytes)),
                "{case}/{name}"
            );
        }
    }
    stage.clear(&["types"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn direct_rows_are_whole_where_sqoops_are_not() {
    let mut stage = Stage::set(&["types"]).await;
    let head = std::fs::read_to_string(goldens().join(CORRUPT).join("part-m-00000.head")).unwrap();
    assert!(head.lines().skip(1).all(|line| line.starts_with("INTO `orders` VALUES (")));
    stage.sql("types", "CREATE TABLE orders (id INT PRIMARY KEY, sku VARCHAR(20), note TEXT)").await;
    let insert = "INSERT INTO orders VALUES (1, 'SKU0007919', 'café ☕'), (2, 'SKU0015838', NULL)";
    stage.sql("types", insert).await;
    let args = stage.vector(CORRUPT, "args");
    let args: Vec<String> = args.into_iter().map(|arg| arg.replace("_shop?", "_types?")).collect();
    let ran = super::sqoop(&args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("--direct"), "that it does nothing here is said: {}", ran.err);
    let ours = super::read(&format!("/tmp/{}/direct", stage.name));
    assert_eq!(rows(&ours), ["1,SKU0007919,café ☕", "2,SKU0015838,null"]);
    stage.clear(&["types"]).await;
}

/// Sqoop's bytes with the right values in them.
fn expected(case: &str, sqoops: Vec<u8>) -> String {
    let mut text = String::from_utf8(sqoops).unwrap();
    for (from, to) in DIFFERENT.iter().filter(|(name, ..)| *name == case).flat_map(|(_, _, pairs)| *pairs) {
        assert_eq!(text.matches(from).count(), usize::from(!text.is_empty()), "{case}: {from}");
        text = text.replace(from, to);
    }
    text
}

/// What `\\N` as Java reads it gives: `\N`, as in the file of the case that doubles it, but for the delimiter.
fn single_null_string() -> String {
    let default = std::fs::read_to_string(goldens().join("text-strs-default/out/part-m-00000")).unwrap();
    default.replace("4,null,null,null,null,null,null,null,null\n", "4,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N\n")
}

fn one_file(text: String) -> Files {
    Files::from([("_SUCCESS".to_owned(), Vec::new()), ("part-m-00000".to_owned(), text.into_bytes())])
}

/// The lines of all files, sorted.
pub fn rows(files: &Files) -> Vec<String> {
    let text: Vec<u8> = files.iter().flat_map(|(name, bytes)| plain(name, bytes)).collect();
    let mut rows: Vec<String> = String::from_utf8(text).unwrap().lines().map(str::to_owned).collect();
    rows.sort();
    rows
}

/// The bytes that a codec holds.
fn plain(name: &str, bytes: &[u8]) -> Vec<u8> {
    if !name.ends_with(".gz") {
        return bytes.to_vec();
    }
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}
