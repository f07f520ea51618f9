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
    lines = [f\"{'optional' if c.max_definition_level == 1 else 'required'} {names.get(c.physical_type, c.physical_type)} {c.name}{' (UTF8)' if c.converted_type == 'UTF8' else '' if c.converted_type == 'NONE' else c.converted_type}\" for c in columns]
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
    let local = tempfile::Builder::new().suffix(extension).tempfile().unwrap();
    std::fs::write(&local, data[0].1).unwrap();
    (names, serde_json::from_str(&python(DUMP, &[local.path().to_str().unwrap()])).unwrap())
}

/// The JSON beside Sqoop's file of a case.
fn golden(case: &str) -> Value {
    let out = super::files(&goldens().join(case).join("out"));
    let json = out.iter().find(|(name, _)| name.ends_with(".json")).unwrap();
    serde_json::from_slice(json.1).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn avro_files_hold_sqoops_records_and_schemas() {
    let stage = Stage::set(&["types"]).await;
    let mut wrong = Vec::new();
    for case in cases("avro-") {
        let ran = stage.run(&case);
        if ran.code != 0 { wrong.push(format!("{case}: {}", ran.err)); continue; }
        let (names, ours) = dumped(&stage, &case, ".avro");
        if names != ["_SUCCESS", "part-m-00000.avro"] { wrong.push(format!("{case}: {names:?}")); }
        let want = golden(&case);
        compare(&case, "", &want, &ours, &mut wrong);
    }
    eprintln!("{}", wrong.join("\n"));
    stage.clear(&["types"]).await;
    assert!(wrong.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parquet_files_hold_sqoops_records() {
    let stage = Stage::set(&["types"]).await;
    let mut wrong = Vec::new();
    for case in cases("parquet-") {
        let ran = stage.run(&case);
        if ran.code != 0 { wrong.push(format!("{case}: {}", ran.err)); continue; }
        let (names, ours) = dumped(&stage, &case, ".parquet");
        wrong.push(format!("{case}: {names:?}"));
        let mut want = golden(&case);
        let text = want["schema"].as_str().unwrap().to_owned();
        let lines = text.lines().filter_map(|l| l.trim().strip_suffix(';')).map(|l| Value::from(l.replace("field_id=-1 ", "")));
        want["schema"] = lines.collect();
        compare(&case, "", &want, &ours, &mut wrong);
    }
    eprintln!("{}", wrong.join("\n"));
    stage.clear(&["types"]).await;
    assert!(wrong.is_empty());
}

/// Notes where two values differ, by path.
fn compare(case: &str, at: &str, want: &Value, ours: &Value, wrong: &mut Vec<String>) {
    match (want, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                compare(case, &format!("{at}/{key}"), a.get(key).unwrap_or(&Value::from("absent")), b.get(key).unwrap_or(&Value::from("absent")), wrong);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                compare(case, &format!("{at}/{i}"), a, b, wrong);
            }
        }
        _ if want == ours => {}
        _ => wrong.push(format!("{case}{at}: Sqoop {want}, ours {ours}")),
    }
}
