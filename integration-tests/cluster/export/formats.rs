//! Random rows of every type through each file format and back: the server says that they are the same.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder, Float64Builder, Int8Builder,
    Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sakia::format::avro::AvroTimestamps;
use sakia::format::text::Delimiters;
use sakia::format::{AvroOptions, Compression, FileFormat, Output, ParquetOptions, SequenceOptions, TextOptions};

use super::Scene;
use crate::stack;

const COLUMNS: &str = "id INT PRIMARY KEY, tiny TINYINT, yes BIT(1), big BIGINT, ubig BIGINT UNSIGNED, bits BIT(64), \
                       dec1 DECIMAL(38,10), dec2 DECIMAL(5,0), f FLOAT, d DOUBLE, day DATE, at DATETIME(6), ts TIMESTAMP(6), \
                       c CHAR(5) CHARACTER SET latin1, v VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, \
                       e ENUM('x','ü','7'), s SET('a','b','c'), tm TIME(6), y YEAR, j JSON, \
                       b BLOB, vb VARBINARY(20)";

/// One row's values as SQL, and the same in columns of Arrow.
struct Sample {
    sql: Vec<String>,
    batch: RecordBatch,
}

fn text(rng: &mut ChaCha8Rng, most: usize) -> String {
    const CHARS: [char; 24] = [
        'a', 'Z', '0', ' ', ',', '\n', '\r', '\t', '\\', '\'', '"', '`', '%', 'é', 'ß', '漢', '😀', '\u{1}', '\0', ';',
        'N', 'u', 'l', '\u{1a}',
    ];
    let length = rng.random_range(0..=most);
    (0..length).map(|_| CHARS[rng.random_range(0..CHARS.len())]).collect()
}

fn quoted(text: &str) -> String {
    let hex: String = text.bytes().map(|b| format!("{b:02X}")).collect();
    format!("CONVERT(X'{hex}' USING utf8mb4)")
}

#[allow(clippy::too_many_lines, reason = "one line or two a type")]
fn sample(seed: u64, rows: usize) -> Sample {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rng = &mut rng;
    let (mut id, mut tiny, mut yes) = (Int32Builder::new(), Int8Builder::new(), BooleanBuilder::new());
    let mut big = Int64Builder::new();
    let decimal = |p, s| Decimal128Builder::new().with_precision_and_scale(p, s).unwrap();
    let (mut ubig, mut bits, mut dec1, mut dec2) = (decimal(20, 0), decimal(20, 0), decimal(38, 10), decimal(5, 0));
    let (mut f, mut d, mut day) = (Float32Builder::new(), Float64Builder::new(), Date32Builder::new());
    let (mut at, mut ts) =
        (TimestampMicrosecondBuilder::new(), TimestampMicrosecondBuilder::new().with_timezone("UTC"));
    let mut texts: Vec<StringBuilder> = (0..7).map(|_| StringBuilder::new()).collect();
    let mut years = Int32Builder::new();
    let (mut blob, mut varbinary) = (BinaryBuilder::new(), BinaryBuilder::new());
    let mut sql = Vec::new();
    for row in 0..rows {
        let mut values = vec![row.to_string()];
        id.append_value(row as i32);
        macro_rules! cell {
            ($builder:expr, $value:expr, $sql:expr) => {
                if rng.random_ratio(1, 8) {
                    $builder.append_null();
                    values.push("NULL".to_owned());
                } else {
                    let value = $value;
                    values.push($sql(&value));
                    $builder.append_value(value);
                }
            };
        }
        cell!(tiny, rng.random::<i8>(), |v: &i8| v.to_string());
        cell!(yes, rng.random::<bool>(), |v: &bool| u8::from(*v).to_string());
        cell!(big, rng.random::<i64>(), |v: &i64| v.to_string());
        cell!(ubig, i128::from(rng.random::<u64>() | 1 << 63), |v: &i128| v.to_string());
        cell!(bits, i128::from(rng.random::<u64>()), |v: &i128| v.to_string());
        cell!(dec1, rng.random_range(-(10i128.pow(38) - 1)..10i128.pow(38)), |v: &i128| {
            let digits = format!("{:011}", v.unsigned_abs());
            let (whole, fraction) = digits.split_at(digits.len() - 10);
            format!("{}{whole}.{fraction}", if *v < 0 { "-" } else { "" })
        });
        cell!(dec2, i128::from(rng.random_range(-99_999..=99_999)), |v: &i128| v.to_string());
        cell!(f, f32::from_bits(rng.random_range(0x0100_0000..0x7f00_0000)), |v: &f32| format!("{:e}", f64::from(*v)));
        cell!(d, f64::from_bits(rng.random_range(0x0020_0000_0000_0000..0x7fe0_0000_0000_0000)), |v: &f64| format!(
            "{v:e}"
        ));
        cell!(day, rng.random_range(-719_162..2_932_896), |v: &i32| format!("'1970-01-01' + INTERVAL {v} DAY"));
        let moment = |v: &i64| format!("'1970-01-01 00:00:00.000000' + INTERVAL {v} MICROSECOND");
        cell!(at, rng.random_range(-60_000_000_000_000_000..250_000_000_000_000_000), moment);
        cell!(ts, rng.random_range(1_000_000..2_147_483_647_000_000), moment);
        cell!(texts[0], ["", "äöü", "a'b\\", "x", "\0\t"][rng.random_range(0..5)].to_owned(), |v: &String| quoted(
            v
        ));
        cell!(texts[1], text(rng, 50), |v: &String| quoted(v));
        cell!(texts[2], ["x", "ü", "7"][rng.random_range(0..3)].to_owned(), |v: &String| quoted(v));
        cell!(texts[3], ["", "a", "a,c"][rng.random_range(0..3)].to_owned(), |v: &String| quoted(v));
        cell!(
            texts[4],
            ["-838:59:59.000000", "00:00:00.000001", "25:00:00.500000"][rng.random_range(0..3)].to_owned(),
            |v: &String| quoted(v)
        );
        cell!(years, [0, 1901, 2155, 2024][rng.random_range(0..4)], |v: &i32| v.to_string());
        cell!(texts[6], format!("{{\"k\": {}}}", rng.random::<u32>()), |v: &String| quoted(v));
        let bytes = |rng: &mut ChaCha8Rng| (0..rng.random_range(0..20)).map(|_| rng.random()).collect::<Vec<u8>>();
        let hex = |v: &Vec<u8>| format!("X'{}'", v.iter().map(|b| format!("{b:02X}")).collect::<String>());
        cell!(blob, bytes(rng), hex);
        cell!(varbinary, bytes(rng), hex);
        sql.push(format!("({})", values.join(",")));
    }
    let mut text = |at: usize| Arc::new(texts[at].finish()) as ArrayRef;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(id.finish())),
        ("tiny", Arc::new(tiny.finish())),
        ("yes", Arc::new(yes.finish())),
        ("big", Arc::new(big.finish())),
        ("ubig", Arc::new(ubig.finish())),
        ("bits", Arc::new(bits.finish())),
        ("dec1", Arc::new(dec1.finish())),
        ("dec2", Arc::new(dec2.finish())),
        ("f", Arc::new(f.finish())),
        ("d", Arc::new(d.finish())),
        ("day", Arc::new(day.finish())),
        ("at", Arc::new(at.finish())),
        ("ts", Arc::new(ts.finish())),
        ("c", text(0)),
        ("v", text(1)),
        ("e", text(2)),
        ("s", text(3)),
        ("tm", text(4)),
        ("y", Arc::new(years.finish())),
        ("j", text(6)),
        ("b", Arc::new(blob.finish())),
        ("vb", Arc::new(varbinary.finish())),
    ];
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    Sample { sql, batch }
}

fn encoded(format: &FileFormat, batch: &RecordBatch) -> Vec<u8> {
    let mut encoder = format.encoder(batch.schema()).unwrap();
    let mut out = Output::default();
    encoder.encode(batch, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    out.into_bytes()
}

fn formats() -> Vec<(&'static str, FileFormat, &'static str)> {
    let escaped = Delimiters { escaped_by: Some('\\'), ..Delimiters::default() };
    let enclosed = Delimiters {
        enclosed_by: Some('"'),
        enclose_optionally: true,
        escaped_by: Some('\\'),
        ..Delimiters::default()
    };
    let text = |delimiters, compression| TextOptions { delimiters, compression, ..TextOptions::default() };
    vec![
        ("p.parquet", FileFormat::Parquet(ParquetOptions::default()), ""),
        ("p.avro", FileFormat::Avro(AvroOptions { timestamps: AvroTimestamps::Micros, ..AvroOptions::new("t") }), ""),
        ("p", FileFormat::Text(text(escaped, Compression::None)), "text = { escaped-by = '\\' }\n"),
        (
            "p.gz",
            FileFormat::Text(text(enclosed, Compression::Gzip)),
            "text = { optionally-enclosed-by = '\"', escaped-by = '\\' }\n",
        ),
        (
            "p",
            FileFormat::Sequence(SequenceOptions {
                text: text(escaped, Compression::None),
                ..SequenceOptions::default()
            }),
            "text = { escaped-by = '\\' }\n",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_rows_of_every_type_come_back_the_same() {
    for seed in 0..3 {
        let sample = sample(seed, 200);
        let (want, got) = (format!("CREATE TABLE want ({COLUMNS})"), format!("CREATE TABLE got ({COLUMNS})"));
        let mut scene = Scene::set(&[&want, &got]).await;
        scene.sql(&format!("INSERT INTO want VALUES {}", sample.sql.join(","))).await;
        for (name, format, more) in formats() {
            for means in ["", "direct = true\n", "batch = true\n"] {
                scene.sql("DELETE FROM got").await;
                let dir = format!("in{}", name.len());
                let _ = std::fs::remove_dir_all(scene.dir.path().join(&dir));
                scene.file(&format!("{dir}/{name}"), encoded(&format, &sample.batch));
                scene.export(&format!("table = 'got'\nexport-dir = '/{dir}'\n{means}{more}")).await;
                let different = same(&mut scene, &names()).await;
                assert!(different.is_empty(), "seed {seed} {format:?} {means}: {different:?}");
            }
        }
        scene.clear().await;
    }
}

/// Formats and codecs of an import, and how its delimiters are set.
const WRITTEN: [(&str, &str); 8] = [
    ("as = 'parquet'\ncompression = 'zstd'\n", ""),
    ("as = 'parquet'\ncompression = 'none'\n", ""),
    ("as = 'avro'\ncompression = 'deflate'\n", ""),
    ("as = 'avro'\ncompression = 'zstd'\n", ""),
    ("as = 'text'\n", "text = { escaped-by = '\\' }\n"),
    ("as = 'text'\ncompression = 'bzip2'\n", "text = { optionally-enclosed-by = '\"', escaped-by = '\\' }\n"),
    ("as = 'text'\n", "text = { fields-terminated-by = '\\t', enclosed-by = '|', escaped-by = '\\' }\n"),
    ("as = 'sequence'\n", "text = { escaped-by = '\\' }\n"),
];

fn names() -> Vec<&'static str> {
    COLUMNS.split(", ").map(|column| column.split(' ').next().unwrap()).collect()
}

/// The whole road: tables of some of the columns in any order, rows and NULLs by chance, read by several connections in
/// splits, written in every format, and exported into a table of the same kind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_tables_survive_an_import_and_an_export() {
    let all = names();
    let declared: Vec<&str> = COLUMNS.split(", ").collect();
    for seed in 100..108u64 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rows = [0, 1, 150, 700][rng.random_range(0..4)];
        let sample = sample(seed, rows);
        let mut scene = Scene::set(&[]).await;
        scene.sql(&format!("CREATE TABLE everything ({COLUMNS})")).await;
        if rows > 0 {
            scene.sql(&format!("INSERT INTO everything VALUES {}", sample.sql.join(","))).await;
        }
        for (written, text) in WRITTEN {
            let mut chosen: Vec<usize> = (1..all.len()).filter(|_| rng.random_ratio(2, 3)).chain([0]).collect();
            for at in (1..chosen.len()).rev() {
                chosen.swap(at, rng.random_range(0..=at));
            }
            let columns: Vec<&str> = chosen.iter().map(|at| declared[*at]).collect();
            let columns_of_it: Vec<&str> = chosen.iter().map(|at| all[*at]).collect();
            for table in ["want", "got"] {
                scene.sql(&format!("CREATE OR REPLACE TABLE {table} ({})", columns.join(", "))).await;
            }
            scene.sql(&format!("INSERT INTO want SELECT {} FROM everything", columns_of_it.join(", "))).await;
            let target = stack::unique("/tables/random");
            let import = format!("table = 'want'\ntarget-dir = '{target}'\nnum-mappers = 3\n{written}{text}");
            let imported = scene.import(&import).await;
            assert_eq!(imported.rows_out, rows as u64, "{import}");
            let export = format!("table = 'got'\nexport-dir = '{target}'\nnum-mappers = 2\n{text}");
            scene.export(&export).await;
            let different = same(&mut scene, &columns_of_it).await;
            assert!(different.is_empty(), "seed {seed}, {columns:?}, {import}: {different:?}");
        }
        scene.clear().await;
    }
}

/// Rows whose bytes differ in these columns, by what the server makes of them.
async fn same(scene: &mut Scene, names: &[&str]) -> Vec<Vec<String>> {
    let text = |n: &str, t: &str| match n {
        // Printed, floating point loses digits.
        "f" | "d" => format!("{t}.{n} <=> {}.{n}", if t == "want" { "got" } else { "want" }),
        _ => format!("HEX({t}.{n}) <=> HEX({}.{n})", if t == "want" { "got" } else { "want" }),
    };
    let equal: Vec<String> = names.iter().map(|n| text(n, "want")).collect();
    assert_eq!(scene.count("want").await, scene.count("got").await);
    let cells: Vec<String> = names
        .iter()
        .map(|n| format!("IF({}, '', CONCAT_WS('|', '{n}', QUOTE(want.{n}), QUOTE(got.{n})))", text(n, "want")))
        .collect();
    scene
        .rows(&format!(
            "SELECT want.id, CONCAT({}) FROM want LEFT JOIN got ON want.id = got.id WHERE NOT ({})",
            cells.join(","),
            equal.join(" AND ")
        ))
        .await
}

// V100.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn avro_fields_are_found_by_name() {
    let mut scene = Scene::set(&["CREATE TABLE t (`_lead` INT, `a b` INT, `class` INT)"]).await;
    let int = |n: i32| Arc::new(arrow_array::Int32Array::from(vec![n])) as ArrayRef;
    let avro = |columns: Vec<(&str, ArrayRef)>| {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        encoded(&FileFormat::Avro(AvroOptions::new("t")), &batch)
    };
    // Sqoop's names of these columns, in another order, and a field that no column asks for.
    scene.file("in/0.avro", avro(vec![("extra", int(9)), ("_class", int(3)), ("ab", int(2)), ("__lead", int(1))]));
    scene.export("table = 't'\nexport-dir = '/in'\n").await;
    assert_eq!(scene.rows("SELECT * FROM t").await.concat(), ["1", "2", "3"]);
    scene.file("in/0.avro", avro(vec![("ab", int(2)), ("__lead", int(1))]));
    let error = scene.try_export("table = 't'\nexport-dir = '/in'\n").await.unwrap_err();
    assert!(error.to_string().contains("has no field class for column class"), "{error}");
    scene.export("table = 't'\nexport-dir = '/in'\ncolumns = ['a b', '_lead']\n").await;
    assert_eq!(scene.count("t").await, 2);
    let nested = arrow_array::ListArray::from_iter_primitive::<arrow_array::types::Int32Type, _, _>([Some([Some(1)])]);
    let batch =
        RecordBatch::try_from_iter([("class", Arc::new(nested) as ArrayRef), ("ab", int(1)), ("__lead", int(1))])
            .unwrap();
    let _ = std::fs::remove_dir_all(scene.dir.path().join("in"));
    scene.file("in/0.parquet", parquet_of(&batch));
    let error = scene.try_export("table = 't'\nexport-dir = '/in'\n").await.unwrap_err();
    assert_eq!(error.kind(), sakia::error::Kind::Schema, "{error}");
    scene.clear().await;
}

/// A file that our encoder, which knows no lists, would refuse.
fn parquet_of(batch: &RecordBatch) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut out, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqoops_milliseconds_and_decimals_as_text_are_understood_when_asked() {
    let mut scene = Scene::set(&["CREATE TABLE t (d DATE, at DATETIME(3), c TIME, n DECIMAL(5,2))"]).await;
    let long = |n: i64| Arc::new(arrow_array::Int64Array::from(vec![n])) as ArrayRef;
    let number = Arc::new(arrow_array::StringArray::from(vec!["1.50"])) as ArrayRef;
    let columns = vec![("d", long(86_400_000)), ("at", long(1_500)), ("c", long(3_600_000)), ("n", number)];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    scene.file("in/0.avro", encoded(&FileFormat::Avro(AvroOptions::new("t")), &batch));
    let error = scene.try_export("table = 't'\nexport-dir = '/in'\n").await.unwrap_err();
    assert!(error.remedy().unwrap().contains("compat sqoop"), "{error}");
    scene.export("table = 't'\nexport-dir = '/in'\ncompat = 'sqoop'\n").await;
    assert_eq!(
        scene.rows("SELECT * FROM t").await.concat(),
        ["1970-01-02", "1970-01-01 00:00:01.500", "01:00:00", "1.50"]
    );
    scene.clear().await;
}
