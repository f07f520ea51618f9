//! Values of every type, at the ends of their ranges, from MariaDB to what other readers see.

use super::Scene;
use crate::stack::python;

const TABLE: &str = "CREATE TABLE everything (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'the key''s comment',
    tiny TINYINT(1), utiny TINYINT UNSIGNED, small SMALLINT, usmall SMALLINT UNSIGNED, medium MEDIUMINT UNSIGNED,
    i INT, ui INT UNSIGNED, big BIGINT, flag BIT(1), bits BIT(12), allbits BIT(64), y YEAR,
    money DECIMAL(14,3), wide DECIMAL(38,10), f FLOAT, d DOUBLE,
    day DATE, at_ms DATETIME(3), instant TIMESTAMP(3) NULL, span TIME(2),
    kind ENUM('a','b','größe'), tags SET('x','y','z'), MixedCase VARCHAR(80) COMMENT 'über\ttext',
    latin VARCHAR(20) CHARACTER SET latin1, doc JSON, raw VARBINARY(20), large MEDIUMTEXT
) COMMENT = 'All of it'";

const ROWS: &str = r#"INSERT INTO everything VALUES
    (0, -128, 0, -32768, 0, 0, -2147483648, 0, -9223372036854775808, b'0', b'0', b'0', 1901,
     -99999999999.999, -9999999999999999999999999999.9999999999, -3.4028235e38, -1.7976931348623157e308,
     '0001-01-01', '1582-10-10 01:02:03.004', '1970-01-01 00:00:01.000', '-838:59:59.00',
     'a', '', '', 'Ærø', '{"a": 1}', x'', ''),
    (18446744073709551615, 127, 255, 32767, 65535, 16777215, 2147483647, 4294967295, 9223372036854775807, b'1',
     b'111111111111', x'FFFFFFFFFFFFFFFF', 2155, 99999999999.999, 9999999999999999999999999999.9999999999, 0.1, 0.1,
     '9999-12-31', '2024-02-29 23:59:59.999', '2038-01-19 03:14:07.123', '838:59:58.99',
     'größe', 'x,z', '𝄞 "quoted", 日本語', 'é', '[]', x'00FF10', REPEAT('long ', 5000)),
    (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"#;

/// The rows as Python sees them, in the order of the key.
const EXPECTED: &str = r#"
from decimal import Decimal as D
import datetime as dt
utc = dt.timezone.utc
expected = [
  dict(id=D(0), tiny=-128, utiny=0, small=-32768, usmall=0, medium=0, i=-2147483648, ui=0, big=-2**63, flag=False,
       bits=0, allbits=D(0), y=1901, money=D('-99999999999.999'), wide=D('-9999999999999999999999999999.9999999999'),
       f=-3.4028234663852886e38, d=-1.7976931348623157e308, day=dt.date(1,1,1),
       at_ms=dt.datetime(1582,10,10,1,2,3,4000), instant=dt.datetime(1970,1,1,0,0,1,tzinfo=utc), span='-838:59:59.00',
       kind='a', tags='', MixedCase='', latin='Ærø', doc='{"a": 1}', raw=b'', large=''),
  dict.fromkeys('tiny utiny small usmall medium i ui big flag bits allbits y money wide f d day at_ms instant span kind tags MixedCase latin doc raw large'.split()) | dict(id=D(5)),
  dict(id=D(2**64-1), tiny=127, utiny=255, small=32767, usmall=65535, medium=16777215, i=2147483647, ui=2**32-1,
       big=2**63-1, flag=True, bits=4095, allbits=D(2**64-1), y=2155, money=D('99999999999.999'),
       wide=D('9999999999999999999999999999.9999999999'), f=0.10000000149011612, d=0.1, day=dt.date(9999,12,31),
       at_ms=dt.datetime(2024,2,29,23,59,59,999000), instant=dt.datetime(2038,1,19,3,14,7,123000,tzinfo=utc),
       span='838:59:58.99', kind='größe', tags='x,z', MixedCase='𝄞 "quoted", 日本語', latin='é', doc='[]',
       raw=b'\x00\xff\x10', large='long '*5000),
]
def check(rows):
    rows = sorted(rows, key=lambda r: r['id'])
    assert len(rows) == len(expected), len(rows)
    for row, want in zip(rows, expected):
        for name in want.keys() | row.keys():
            assert row[name] == want[name] and type(row[name]) == type(want[name]), (name, row[name], want[name])
"#;

#[tokio::test(flavor = "multi_thread")]
async fn other_readers_see_every_value() {
    let scene = Scene::set(&[TABLE, ROWS]).await;
    for codec in ["none", "snappy", "zstd", "gzip", "lz4"] {
        let dir = tempfile::tempdir().unwrap();
        let summary = scene.import_to_disk("everything", &format!("compression = '{codec}'"), dir.path()).await;
        assert_eq!((summary.rows_in, summary.rows_out), (3, 3));
        let script = format!("{EXPECTED}\nimport pyarrow.parquet as pq\ncheck(pq.read_table(args[0]).to_pylist())");
        python(&script, &[dir.path().join("everything").to_str().unwrap()]);
    }
    for codec in ["none", "snappy", "zstd", "deflate"] {
        let dir = tempfile::tempdir().unwrap();
        scene.import_to_disk("everything", &format!("as = 'avro'\ncompression = '{codec}'"), dir.path()).await;
        let script = format!(
            "{EXPECTED}
import fastavro, glob
check([row for file in glob.glob(args[0] + '/*.avro') for row in fastavro.reader(open(file, 'rb'))])"
        );
        python(&script, &[dir.path().join("everything").to_str().unwrap()]);
    }
    scene.clear().await;
}

/// The server makes no longer values: `max_allowed_packet` is 64 MiB.
#[tokio::test(flavor = "multi_thread")]
async fn blobs_of_64_mib_arrive_whole() {
    let scene = Scene::set(&[
        "CREATE TABLE blobs (id INT PRIMARY KEY, bytes LONGBLOB, words LONGTEXT)",
        "INSERT INTO blobs VALUES (1, 'small', 'few'), (3, '', NULL)",
        "INSERT INTO blobs VALUES (2, REPEAT(x'00ff', (64 << 19) - 1), 'few')",
        "INSERT INTO blobs VALUES (4, NULL, REPEAT('größer, ', (64 << 20) DIV 10 - 1))",
    ])
    .await;
    for (format, codec, read) in [
        ("parquet", "zstd", "import pyarrow.parquet as pq\nrows = pq.read_table(args[0]).to_pylist()"),
        ("parquet", "none", "import pyarrow.parquet as pq\nrows = pq.read_table(args[0]).to_pylist()"),
        (
            "avro",
            "snappy",
            "import fastavro, glob\nrows = [r for f in glob.glob(args[0] + '/*.avro') for r in fastavro.reader(open(f, 'rb'))]",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let more = format!("as = '{format}'\ncompression = '{codec}'\nverify = true");
        let summary = scene.import_to_disk("blobs", &more, dir.path()).await;
        assert_eq!((summary.rows_in, summary.rows_out), (4, 4), "{format} {codec}");
        let script = format!(
            "{read}
want = [(1, b'small', 'few'), (2, b'\\x00\\xff' * ((64 << 19) - 1), 'few'), (3, b'', None),
        (4, None, 'größer, ' * ((64 << 20) // 10 - 1))]
found = sorted((r['id'], r['bytes'], r['words']) for r in rows)
assert found == want, [(i, b and len(b), w and len(w)) for i, b, w in found]"
        );
        python(&script, &[dir.path().join("blobs").to_str().unwrap()]);
    }
    scene.clear().await;
}

/// One column for each type, as text, so that neither beeline nor its driver bends it.
const HIVE_QUERY: &str =
    "select id, tiny, utiny, small, usmall, medium, i, ui, big, flag, bits, allbits, y, money, wide,
    f, d, cast(day as string), cast(at_ms as string), cast(instant as string), span, kind, tags, mixedcase, latin, doc,
    hex(raw), length(large) from @db.everything order by id";

#[tokio::test(flavor = "multi_thread")]
async fn hive_sees_every_value_and_comment() {
    let scene = Scene::set(&[TABLE, ROWS]).await;
    for (format, codec) in [("parquet", "snappy"), ("avro", "deflate")] {
        let summary = scene.import("everything", &format!("as = '{format}'\ncompression = '{codec}'")).await;
        assert_eq!(summary.rows_out, 3, "{format}");
        let rows = scene.hive(HIVE_QUERY);
        assert_eq!(rows.len(), 3, "{format}: {rows:?}");
        assert_eq!(
            rows[0],
            [
                "0",
                "-128",
                "0",
                "-32768",
                "0",
                "0",
                "-2147483648",
                "0",
                "-9223372036854775808",
                "false",
                "0",
                "0",
                "1901",
                "-99999999999.999",
                "-9999999999999999999999999999.9999999999",
                "-3.4028235E38",
                "-1.7976931348623157E308",
                "0001-01-01",
                "1582-10-10 01:02:03.004",
                "1970-01-01 00:00:01",
                "-838:59:59.00",
                "a",
                "",
                "",
                "Ærø",
                "{\"a\": 1}",
                "",
                "0"
            ],
            "{format}"
        );
        assert!(rows[1][1..].iter().all(|v| v == "NULL"), "{format}: {:?}", rows[1]);
        assert_eq!(
            rows[2],
            [
                "18446744073709551615",
                "127",
                "255",
                "32767",
                "65535",
                "16777215",
                "2147483647",
                "4294967295",
                "9223372036854775807",
                "true",
                "4095",
                "18446744073709551615",
                "2155",
                "99999999999.999",
                "9999999999999999999999999999.9999999999",
                "0.1",
                "0.1",
                "9999-12-31",
                "2024-02-29 23:59:59.999",
                "2038-01-19 03:14:07.123",
                "838:59:58.99",
                "größe",
                "x,z",
                "𝄞 \"quoted\", 日本語",
                "é",
                "[]",
                "00FF10",
                "25000"
            ],
            "{format}"
        );
        let columns = scene.hive("describe @db.everything");
        let of = |name: &str| columns.iter().find(|c| c[0] == name).unwrap().clone();
        assert_eq!(of("id"), ["id", "decimal(20,0)", "the key's comment"], "{format}");
        assert_eq!(of("instant")[1], "timestamp", "{format}");
        scene.hive("drop table @db.everything");
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn microseconds_reach_hive_by_parquet_and_are_refused_by_avro() {
    let rows = "INSERT INTO t VALUES (1, '2011-01-01 00:00:00.000001', '1500-03-01 12:00:00.999999')";
    let table = "CREATE TABLE t (id INT PRIMARY KEY, at DATETIME(6), old DATETIME(6))";
    let scene = Scene::set(&[table, rows]).await;
    let error = scene.try_import("t", "as = 'avro'").await.unwrap_err();
    assert_eq!(error.kind(), sakia::error::Kind::Data);
    assert!(error.to_string().contains("column at") && error.remedy().unwrap().contains("parquet"), "{error}");
    assert_eq!(scene.visible("t").await, None);

    scene.import("t", "").await;
    let seen = scene.hive("select cast(at as string), cast(old as string) from @db.t");
    assert_eq!(seen, [["2011-01-01 00:00:00.000001", "1500-03-01 12:00:00.999999"]]);
    scene.clear().await;
}

/// A table of every type in docs/types.md that MariaDB has, as Hive describes it for each format that it reads.
#[tokio::test(flavor = "multi_thread")]
async fn hive_has_the_types_of_the_matrix() {
    let page = std::fs::read_to_string(crate::stack::root().join("docs/types.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .filter(|row: &Vec<&str>| !row[1].starts_with("vector"))
        .collect();
    let columns: Vec<String> = rows.iter().enumerate().map(|(n, row)| format!("c{n} {}", row[1])).collect();
    let table = format!("CREATE TABLE t (id INT PRIMARY KEY, {})", columns.join(", "));
    let bytes = rows.iter().position(|row| row[1].starts_with("varbinary")).unwrap();
    let scene = Scene::set(&[&table, &format!("INSERT INTO t (id, c{bytes}) VALUES (1, x'00FF10')")]).await;
    let plain = format!("c{bytes}");
    for (format, cell, value) in
        [("parquet", 3, plain.clone()), ("avro", 3, plain.clone()), ("text", 4, format!("unbase64({plain})"))]
    {
        scene.import("t", &format!("as = '{format}'")).await;
        let seen = scene.hive(&format!("describe @db.t; select hex({value}) from @db.t; drop table @db.t"));
        for (number, row) in rows.iter().enumerate() {
            let found = seen.iter().find(|column| column[0] == format!("c{number}")).unwrap();
            let (one, in_avro) = row[cell].split_once("; ").unwrap_or((row[cell], row[cell]));
            let want = if format == "avro" { in_avro.trim_end_matches(" in Avro") } else { one };
            assert_eq!(found[1], want, "{} as {format}", row[1]);
        }
        assert!(seen.contains(&vec!["00FF10".to_owned()]), "{format}: {seen:?}");
    }
    scene.clear().await;
}
