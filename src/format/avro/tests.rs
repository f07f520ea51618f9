use std::sync::Arc;

use apache_avro::Reader;
use apache_avro::types::Value as Avro;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow_array::{ArrayRef, Decimal256Array, TimestampMicrosecondArray};
use arrow_buffer::i256;
use arrow_schema::{DataType, Schema, TimeUnit};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::error::Kind;
use crate::format::sample::{batch, fixed_rows, rows, schema};

fn options(codec: Compression, block_bytes: usize) -> AvroOptions {
    AvroOptions { codec, block_bytes, ..AvroOptions::new("sample") }
}

fn encode(options: &AvroOptions, batches: &[RecordBatch]) -> Vec<u8> {
    let mut encoder = AvroEncoder::new(schema(), options).unwrap();
    let mut out = Output::default();
    for batch in batches {
        encoder.encode(batch, &mut out).unwrap();
    }
    encoder.finish(&mut out).unwrap();
    out.into_bytes()
}

/// The value that another reader must see at `row` of a column.
fn expected(column: &ArrayRef, row: usize) -> Avro {
    if column.is_null(row) {
        return Avro::Null;
    }
    match column.data_type() {
        DataType::Boolean => Avro::Boolean(column.as_boolean().value(row)),
        DataType::Int8 => Avro::Int(column.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => Avro::Int(column.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => Avro::Int(column.as_primitive::<Int32Type>().value(row)),
        DataType::Float32 => Avro::Float(column.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => Avro::Double(column.as_primitive::<Float64Type>().value(row)),
        DataType::Int64 => Avro::Long(column.as_primitive::<Int64Type>().value(row)),
        DataType::Utf8 => Avro::String(column.as_string::<i32>().value(row).to_owned()),
        DataType::Binary => Avro::Bytes(column.as_binary::<i32>().value(row).to_vec()),
        DataType::Date32 => Avro::Date(column.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(_, _) => {
            Avro::TimestampMillis(column.as_primitive::<TimestampMicrosecondType>().value(row) / 1000)
        }
        DataType::Decimal128(_, _) => {
            Avro::Decimal(shortest(&column.as_primitive::<Decimal128Type>().value(row).to_be_bytes()).into())
        }
        DataType::Decimal256(_, _) => {
            Avro::Decimal(shortest(&column.as_primitive::<Decimal256Type>().value(row).to_be_bytes()).into())
        }
        other => panic!("no expectation for {other}"),
    }
}

/// The shortest two's complement, as Java's BigInteger writes it.
fn shortest(bytes: &[u8]) -> &[u8] {
    let first = bytes[0] as i8 >> 7;
    let last = bytes.len() - 1;
    let skip = (0..last).take_while(|&i| bytes[i] as i8 == first && (bytes[i + 1] as i8) >> 7 == first).count();
    &bytes[skip..]
}

fn check(sent: &RecordBatch, bytes: &[u8]) {
    let records: Vec<Avro> = Reader::new(bytes).unwrap().map(|r| r.unwrap()).collect();
    assert_eq!(records.len(), sent.num_rows());
    for (row, record) in records.into_iter().enumerate() {
        let Avro::Record(fields) = record else { panic!("not a record") };
        for (index, (name, value)) in fields.into_iter().enumerate() {
            let value = if let Avro::Union(_, inner) = value { *inner } else { value };
            let column = sent.column(index);
            let want = expected(column, row);
            assert_eq!(value, want, "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn another_reader_sees_the_rows(rows in rows(), codec in 0..4usize, block_bytes in 1..4000usize) {
        let codecs = [Compression::None, Compression::Snappy, Compression::Zstd, Compression::Gzip];
        let sent = batch(&rows);
        check(&sent, &encode(&options(codecs[codec], block_bytes), std::slice::from_ref(&sent)));
    }
}

#[test]
fn blocks_do_not_depend_on_batches() {
    let sent = batch(&fixed_rows(200));
    let pieces = [sent.slice(0, 3), sent.slice(3, 150), sent.slice(153, 47)];
    let options = options(Compression::Snappy, 1000);
    assert_eq!(encode(&options, &pieces), encode(&options, &[sent]));
}

#[test]
fn the_schema_is_hives() {
    let json: Value = serde_json::from_str(&schema_json(&schema(), &AvroOptions::new("sample")).unwrap()).unwrap();
    let field = |name: &str| json["fields"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap().clone();
    assert_eq!(json["name"], "sample");
    assert_eq!(
        field("a_long"),
        json!({"name": "a_long", "type": ["null", "long"], "default": null, "doc": "a \"quoted\" comment"})
    );
    assert_eq!(field("a_date"), json!({"name": "a_date", "type": {"type": "int", "logicalType": "date"}}));
    assert_eq!(field("an_instant")["type"][1]["logicalType"], "timestamp-millis");
    assert_eq!(
        field("wide")["type"][1],
        json!({"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 10})
    );
}

#[test]
fn the_header_says_how_to_read_dates() {
    let bytes = encode(&options(Compression::Zstd, 100), &[batch(&[])]);
    let reader = Reader::new(&bytes[..]).unwrap();
    assert_eq!(reader.user_metadata().get("writer.proleptic").map(Vec::as_slice), Some(&b"true"[..]));
    assert_eq!(reader.count(), 0);
}

#[test]
fn a_time_finer_than_a_millisecond_is_refused() {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, None);
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("at", utc, false)]));
    let mut encoder = AvroEncoder::new(schema.clone(), &AvroOptions::new("t")).unwrap();
    let of = |v: i64| {
        let array = TimestampMicrosecondArray::from_iter_values([v]);
        RecordBatch::try_new(schema.clone(), vec![Arc::new(array)]).unwrap()
    };
    encoder.encode(&of(-1_999_000), &mut Output::default()).unwrap();
    let error = encoder.encode(&of(-1_999_001), &mut Output::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains("column at") && error.to_string().contains(".000999"), "{error}");
}

#[test]
fn what_avro_lacks_is_refused() {
    let with = |name: &str, data_type| Arc::new(Schema::new(vec![Field::new(name, data_type, true)]));
    let refused = |schema| AvroEncoder::new(schema, &AvroOptions::new("t")).err().unwrap().kind();
    assert_eq!(refused(with("a b", DataType::Int32)), Kind::Schema);
    assert_eq!(refused(with("9x", DataType::Int32)), Kind::Schema);
    assert_eq!(refused(with("x", DataType::UInt32)), Kind::Schema);
    let lz4 = AvroEncoder::new(schema(), &options(Compression::Lz4, 100)).err().unwrap();
    assert_eq!(lz4.kind(), Kind::Config);
}

#[test]
fn micros_are_written_where_hive_is_not_the_reader() {
    let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let plain = DataType::Timestamp(TimeUnit::Microsecond, None);
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("a", zoned, false), Field::new("b", plain, false)]));
    let options = AvroOptions { timestamps: AvroTimestamps::Micros, ..AvroOptions::new("t") };
    let json: Value = serde_json::from_str(&schema_json(&schema, &options).unwrap()).unwrap();
    assert_eq!(json["fields"][0]["type"]["logicalType"], "timestamp-micros");
    assert_eq!(json["fields"][1]["type"]["logicalType"], "local-timestamp-micros");
    let times = TimestampMicrosecondArray::from_iter_values([-1_999_001]);
    let zoned = Arc::new(times.clone().with_timezone("UTC"));
    let batch = RecordBatch::try_new(schema.clone(), vec![zoned, Arc::new(times)]).unwrap();
    let mut encoder = AvroEncoder::new(schema, &options).unwrap();
    let mut out = Output::default();
    encoder.encode(&batch, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    let record = Reader::new(&out.into_bytes()[..]).unwrap().next().unwrap().unwrap();
    let times = [("a", Avro::TimestampMicros(-1_999_001)), ("b", Avro::LocalTimestampMicros(-1_999_001))];
    assert_eq!(record, Avro::Record(times.map(|(n, v)| (n.to_owned(), v)).into()));
}

#[test]
fn sqoops_schema_has_its_properties_and_unions() {
    let metadata = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<std::collections::BTreeMap<_, _>>()
    };
    let field = Field::new("odd_name", DataType::Int64, false)
        .with_metadata(metadata(&[("avro.prop.columnName", "odd name"), ("avro.prop.sqlType", "-5")]));
    let schema = Schema::new(vec![field]);
    let schema = schema.with_metadata(metadata(&[("avro.prop.tableName", "t"), ("avro.doc", "Sqoop import of t")]));
    let options = AvroOptions { all_nullable: true, namespace: Some("com.shop".into()), ..AvroOptions::new("t") };
    let json: Value = serde_json::from_str(&schema_json(&schema, &options).unwrap()).unwrap();
    assert_eq!(
        json,
        json!({"type": "record", "name": "t", "namespace": "com.shop", "doc": "Sqoop import of t", "tableName": "t",
            "fields": [{"name": "odd_name", "type": ["null", "long"], "default": null, "columnName": "odd name",
                "sqlType": "-5"}]})
    );
    let mut encoder = AvroEncoder::new(Arc::new(schema), &options).unwrap();
    let batch = RecordBatch::try_new(encoder.schema.clone(), vec![Arc::new(arrow_array::Int64Array::from(vec![7]))]);
    let mut out = Output::default();
    encoder.encode(&batch.unwrap(), &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    let Avro::Record(fields) = Reader::new(&out.into_bytes()[..]).unwrap().next().unwrap().unwrap() else {
        panic!("no record")
    };
    assert_eq!(fields[0].1, Avro::Union(1, Box::new(Avro::Long(7))));
}

#[test]
fn decimals_of_76_digits_and_other_alphabets() {
    let wide = DataType::Decimal256(76, 30);
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("w", wide.clone(), true)]));
    let most = i256::from_string(&"9".repeat(76)).unwrap();
    let values =
        [Some(most), Some(-most), None, Some(i256::ZERO), Some(i256::from_i128(-1)), Some(i256::from_i128(128))];
    let array = Decimal256Array::from_iter(values).with_data_type(wide);
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(array)]).unwrap();
    let mut encoder = AvroEncoder::new(schema, &AvroOptions::new("t")).unwrap();
    let mut out = Output::default();
    encoder.encode(&batch, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    check(&batch, &out.into_bytes());
    let named = Schema::new(vec![Field::new("ünï", DataType::Int32, true)]);
    assert!(schema_json(&named, &AvroOptions::new("t")).is_err());
    assert!(schema_json(&named, &AvroOptions { java_names: true, ..AvroOptions::new("t") }).is_ok());
}
