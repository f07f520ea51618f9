use apache_avro::Reader;
use apache_avro::types::Value as Avro;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use proptest::prelude::*;

use super::*;
use crate::error::Kind;
use crate::format::sample::{batch, fixed_rows, rows, schema};

fn options(codec: Compression, block_bytes: usize) -> AvroOptions {
    AvroOptions { codec, block_bytes, ..AvroOptions::new("sample") }
}

fn encode(options: &AvroOptions, batches: &[RecordBatch]) -> Vec<u8> {
    let mut encoder = AvroEncoder::new(schema(), options).unwrap();
    let mut out = Vec::new();
    for batch in batches {
        encoder.encode(batch, &mut out).unwrap();
    }
    encoder.finish(&mut out).unwrap();
    out
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
            let bytes = column.as_primitive::<Decimal128Type>().value(row).to_be_bytes();
            let first = bytes[0] as i8 >> 7;
            // The shortest two's complement, as Java's BigInteger writes it.
            let skip = (0..15).take_while(|&i| bytes[i] as i8 == first && (bytes[i + 1] as i8) >> 7 == first).count();
            Avro::Decimal(bytes[skip..].into())
        }
        other => panic!("no expectation for {other}"),
    }
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
        let array = arrow_array::TimestampMicrosecondArray::from_iter_values([v]);
        RecordBatch::try_new(schema.clone(), vec![Arc::new(array)]).unwrap()
    };
    encoder.encode(&of(-1_999_000), &mut Vec::new()).unwrap();
    let error = encoder.encode(&of(-1_999_001), &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains("column at") && error.to_string().contains(".000999"), "{error}");
}

#[test]
fn what_avro_has_not_is_refused() {
    let with = |name: &str, data_type| Arc::new(Schema::new(vec![Field::new(name, data_type, true)]));
    let refused = |schema| AvroEncoder::new(schema, &AvroOptions::new("t")).err().unwrap().kind();
    assert_eq!(refused(with("a b", DataType::Int32)), Kind::Schema);
    assert_eq!(refused(with("9x", DataType::Int32)), Kind::Schema);
    assert_eq!(refused(with("x", DataType::UInt32)), Kind::Schema);
    let lz4 = AvroEncoder::new(schema(), &options(Compression::Lz4, 100)).err().unwrap();
    assert_eq!(lz4.kind(), Kind::Config);
}
