//! Avro and Parquet files, record for record, schemas included, as fastavro and pyarrow read them.

use serde_json::Value;

use super::{Stage, cases, goldens};
use crate::stack::python;

/// What the names of the cases begin with that this module replays.
pub const NAMES: [&str; 2] = ["avro-", "parquet-"];

/// Prints what stands in a file as the goldens' JSON does. No codec and the codec `null` are one; Kite's Parquet files
/// have Avro's schema in the footer.
const DUMP: &str = "
import json, decimal
def plain(v):
    if isinstance(v, bytes): return {'hex': v.hex()}
    if isinstance(v, decimal.Decimal): return format(v, 'f')
    return v
def records(rows): return [{k: plain(v) for k, v in row.items()} for row in rows]
def avro(name):
    import fastavro
    reader = fastavro.reader(open(name, 'rb'))
    schema = json.loads(reader.metadata['avro.schema'])
    codec = reader.metadata.get('avro.codec', 'null')
    return {'codec': None if codec == 'null' else codec, 'schema': schema, 'records': records(reader)}
def parquet(name):
    import pyarrow.parquet as pq
    file = pq.ParquetFile(name)
    names = {'INT32': 'int32', 'INT64': 'int64', 'BYTE_ARRAY': 'binary', 'BOOLEAN': 'boolean', 'FLOAT': 'float', 'DOUBLE': 'double'}
    columns = [file.schema.column(i) for i in range(len(file.schema))]
    lines = [f\"{'optional' if c.max_definition_level == 1 else 'required'} {names.get(c.physical_type, c.physical_type)} {c.name}{'' if c.converted_type == 'NONE' else f' ({c.converted_type})'}\" for c in columns]
    codecs = sorted({file.metadata.row_group(g).column(c).compression for g in range(file.num_row_groups) for c in range(len(columns))})
    kv = {k.decode(): v.decode() for k, v in (file.metadata.metadata or {}).items() if k != b'ARROW:schema'}
    return {'codecs': codecs, 'schema': lines, 'records': records(file.read().to_pylist()), 'kv': kv}
print(json.dumps(avro(args[0]) if args[0].endswith('.avro') else parquet(args[0])))
";

/// What is in the one file of a case that ends so.
fn dumped(stage: &Stage, case: &str, extension: &str) -> (Vec<String>, Value) {
    let files = stage.written(case);
    let names: Vec<String> = files.keys().cloned().collect();
    let data: Vec<_> = files.iter().filter(|(name, _)| name.ends_with(extension)).collect();
    assert_eq!(data.len(), 1, "{case}: {names:?}");
    (names, dump(data[0].0, data[0].1))
}

/// What another reader finds in the bytes of a file.
pub fn dump(name: &str, bytes: &[u8]) -> Value {
    let local = tempfile::Builder::new().suffix(name).tempfile().unwrap();
    std::fs::write(&local, bytes).unwrap();
    serde_json::from_str(&python(DUMP, &[local.path().to_str().unwrap()])).unwrap()
}

/// The JSON beside Sqoop's file of a case.
fn golden(case: &str) -> Value {
    let out = super::files(&goldens().join(case).join("out"));
    let json = out.iter().find(|(name, _)| name.ends_with(".json")).unwrap();
    serde_json::from_slice(json.1).unwrap()
}

/// Where our files say something else than Sqoop's, and why; the case stands for `avro-` and `parquet-`.
const DIFFERENT: [(&str, &str, &[&str]); 4] = [
    (
        "bits",
        "BIT of several bits is true or false in Sqoop, and most patterns false: here it is its bytes",
        &[
            "/records/0/b64: Sqoop false, ours {\"hex\":\"0000000000000000\"}",
            "/records/0/b8: Sqoop false, ours {\"hex\":\"00\"}",
            "/records/1/b64: Sqoop false, ours {\"hex\":\"8000000000000001\"}",
            "/records/1/b8: Sqoop false, ours {\"hex\":\"81\"}",
            "/records/3/b64: Sqoop true, ours {\"hex\":\"4142434445464748\"}",
            "/records/3/b8: Sqoop true, ours {\"hex\":\"41\"}",
            "/schema/fields/2/type/1: Sqoop \"boolean\", ours \"bytes\"",
            "/schema/fields/3/type/1: Sqoop \"boolean\", ours \"bytes\"",
        ],
    ),
    (
        "times",
        "TIME keeps its milliseconds; days before 1582-10-15 are of the calendar that every reader but Sqoop has",
        &[
            "/records/0/t6: Sqoop 45296000, ours 45296789",
            "/records/2/d: Sqoop -30609792000000, ours -30610224000000",
            "/records/2/dt: Sqoop -30609792000000, ours -30610224000000",
            "/records/2/dt3: Sqoop -30609791999990, ours -30610223999990",
            "/records/2/dt6: Sqoop -30609791999880, ours -30610223999880",
            "/records/2/t6: Sqoop 3723000, ours 3723100",
            "/records/5/d: Sqoop -12218860800000, ours -12219724800000",
            "/records/5/dt: Sqoop -12218817600000, ours -12219681600000",
        ],
    ),
    (
        "nums-decimal",
        "Sqoop 1.4.7 passes over the flag for decimals in Parquet, its later sources and we do not",
        &[
            "/kv/parquet.avro.schema/fields/1/type/1: Sqoop \"string\", ours {\"logicalType\":\"decimal\",\"precision\":10,\"scale\":2,\"type\":\"bytes\"}",
            "/schema/1: Sqoop \"optional binary d102 (UTF8)\", ours \"optional FIXED_LEN_BYTE_ARRAY d102 (DECIMAL)\"",
        ],
    ),
    ("", "every other file is Sqoop's", &[]),
];

/// Replays the cases whose names begin so and compares what is in their files.
async fn replay(beginning: &str, extension: &str) {
    let stage = Stage::set(&["types"]).await;
    for case in cases(beginning) {
        let ran = stage.run(&case);
        assert_eq!(ran.code, 0, "{case}: {}", ran.err);
        let (names, ours) = dumped(&stage, &case, extension);
        // Sqoop's Parquet files are called by random letters and have Kite's directories beside them; ours are called
        // as those of Avro.
        assert_eq!(names, ["_SUCCESS".to_owned(), format!("part-m-00000{extension}")], "{case}");
        let mut differences = Vec::new();
        compare("", &normal(golden(&case)), &normal(ours), &mut differences);
        // Only 1.4.7's Parquet has no decimals.
        let table =
            DIFFERENT.iter().find(|(name, ..)| case == format!("{beginning}{name}") && case != "avro-nums-decimal");
        assert_eq!(differences, table.map_or(&[][..], |(_, _, lines)| *lines), "{case}");
    }
    stage.clear(&["types"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v66_v67_avro_files_hold_sqoops_records_and_schemas() {
    replay("avro-", ".avro").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parquet_files_hold_sqoops_records_and_schemas() {
    replay("parquet-", ".parquet").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_whole_or_refused_and_a_failed_run_is_in_nobodys_way() {
    let stage = Stage::set(&["types"]).await;
    for (case, extension) in [("avro-ints", ".avro"), ("parquet-ints", ".parquet")] {
        let of_table = |table: &str, more: &[&str]| {
            let args = stage.vector(case, "args").into_iter();
            let args = args.map(|arg| if arg == "ints" { table.to_owned() } else { arg });
            super::sqoop(&args.chain(more.iter().map(|arg| (*arg).to_owned())).collect::<Vec<_>>())
        };
        // Sqoop's long ends at 2^63 - 1, and what is just beyond becomes that.
        let ran = of_table("ubig", &[]);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.err.contains("9223372036854775808") && ran.err.contains("bu"), "{}", ran.err);
        assert_eq!(stage.written(case), super::Files::new());
        // The next run finds no directory that the failed one left. Sqoop's floats have six digits.
        let ran = of_table("nums", &["--columns", "id,f", "--where", "id in (2, 7, 10)"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let (_, dumped) = dumped(&stage, case, extension);
        let floats: Vec<f32> =
            dumped["records"].as_array().unwrap().iter().map(|r| r["f"].as_f64().unwrap() as f32).collect();
        assert_eq!(floats, [f32::MAX, 16_777_216.0, 123_456.7]);
    }
    stage.clear(&["types"]).await;
}

/// Parquet's schema as lines, Avro's in the footer as JSON. Who wrote a file is left out, and our keys that tell Hive how
/// to read days.
fn normal(mut dump: Value) -> Value {
    let Some(file) = dump.as_object_mut().filter(|file| file.contains_key("kv")) else { return dump };
    file.remove("created_by");
    if let Some(text) = file["schema"].as_str() {
        let columns = text.lines().filter_map(|line| line.trim().strip_suffix(';'));
        let columns = columns.map(|line| line.replace("field_id=-1 ", "").replace("(String)", "(UTF8)"));
        file["schema"] = columns.map(Value::from).collect();
    }
    if let Some(keys) = file["kv"].as_object_mut() {
        keys.retain(|key, _| !key.starts_with("writer."));
        let schema = keys["parquet.avro.schema"].as_str().unwrap();
        keys["parquet.avro.schema"] = serde_json::from_str(schema).unwrap();
    }
    dump
}

/// Notes where two values differ, by path.
fn compare(at: &str, sqoops: &Value, ours: &Value, differences: &mut Vec<String>) {
    match (sqoops, ours) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().for_each(|(key, a)| compare(&format!("{at}/{key}"), a, &b[key], differences));
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(i, (a, b))| compare(&format!("{at}/{i}"), a, b, differences));
        }
        _ if sqoops == ours => {}
        _ => differences.push(format!("{at}: Sqoop {sqoops}, ours {ours}")),
    }
}
