use std::sync::Arc;

use arrow_array::{Array, Decimal256Array, StringArray, TimestampMicrosecondArray};
use arrow_buffer::i256;
use arrow_schema::{Field, TimeUnit};
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Encoding, Type};
use parquet::file::metadata::ParquetMetaData;
use proptest::prelude::*;

use super::schema::decimal_length_bytes;
use super::*;
use crate::error::Kind;
use crate::format::sample::{batch, rows, schema};

fn encode(options: &ParquetOptions, batches: &[RecordBatch]) -> Vec<u8> {
    let mut encoder = ParquetEncoder::new(schema(), options).unwrap();
    let mut out = Output::default();
    for batch in batches {
        encoder.encode(batch, &mut out).unwrap();
    }
    encoder.finish(&mut out).unwrap();
    out.into_bytes()
}

fn decode(bytes: Vec<u8>) -> (RecordBatch, ParquetMetaData) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
    let (schema, metadata) = (builder.schema().clone(), builder.metadata().as_ref().clone());
    let batches: Vec<_> = builder.build().unwrap().map(|b| b.unwrap()).collect();
    (concat_batches(&schema, &batches).unwrap(), metadata)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn rows_come_back_whatever_the_codec(rows in rows(), codec in 0..5usize) {
        let codecs = [Compression::None, Compression::Snappy, Compression::Zstd, Compression::Gzip, Compression::Lz4];
        let options = ParquetOptions { compression: codecs[codec], ..ParquetOptions::default() };
        let sent = batch(&rows);
        let (back, _) = decode(encode(&options, std::slice::from_ref(&sent)));
        prop_assert_eq!(back.num_rows(), sent.num_rows());
        for (sent, back) in sent.columns().iter().zip(back.columns()) {
            prop_assert_eq!(sent.as_ref(), back.as_ref());
        }
    }
}

#[test]
fn the_footer_is_what_hive_needs() {
    let (_, metadata) = decode(encode(&ParquetOptions::default(), &[batch(&[])]));
    let file = metadata.file_metadata();
    assert_eq!(file.schema().name(), "hive_schema");
    assert_eq!(file.created_by(), Some(concat!("sakia version ", env!("CARGO_PKG_VERSION"))));
    let keys = file.key_value_metadata().unwrap();
    let value = |key: &str| keys.iter().find(|k| k.key == key).and_then(|k| k.value.as_deref());
    assert_eq!(value("writer.date.proleptic"), Some("true"));
    assert_eq!(value("writer.time.zone"), Some("UTC"));
    assert_eq!(value("ARROW:schema"), None);
    for column in file.schema_descr().columns() {
        if column.converted_type() == parquet::basic::ConvertedType::DECIMAL {
            assert_eq!(column.physical_type(), Type::FIXED_LEN_BYTE_ARRAY, "{}", column.name());
        }
    }
}

#[test]
fn decimals_have_hives_lengths() {
    let lengths = [1, 2, 9, 10, 14, 18, 19, 20, 38, 39, 65, 76].map(decimal_length_bytes);
    assert_eq!(lengths, [1, 1, 4, 5, 6, 8, 9, 9, 16, 17, 28, 32]);
}

#[test]
fn a_row_group_ends_at_its_bytes_and_memory_stays_near_them() {
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("v", DataType::Int64, false)]));
    let options = ParquetOptions { row_group_bytes: 100_000, ..ParquetOptions::default() };
    let mut encoder = ParquetEncoder::new(schema.clone(), &options).unwrap();
    let (mut out, mut most) = (Output::default(), 0);
    for start in 0..100i64 {
        let values = arrow_array::Int64Array::from_iter_values((0..1000).map(|i| (start * 1000 + i) * 0x9E37_79B9));
        encoder.encode(&RecordBatch::try_new(schema.clone(), vec![Arc::new(values)]).unwrap(), &mut out).unwrap();
        most = most.max(encoder.buffered_bytes());
    }
    encoder.finish(&mut out).unwrap();
    let (_, metadata) = decode(out.into_bytes());
    assert!(metadata.num_row_groups() >= 7, "{} row groups", metadata.num_row_groups());
    assert!(most < 8 * options.row_group_bytes, "{most} bytes held");
}

#[test]
fn a_flush_ends_the_row_group_and_the_file_goes_on() {
    let sent = batch(&crate::format::sample::fixed_rows(10));
    let mut encoder = ParquetEncoder::new(schema(), &ParquetOptions::default()).unwrap();
    let mut out = Output::default();
    encoder.encode(&sent, &mut out).unwrap();
    assert!(encoder.buffered_bytes() > 0);
    encoder.flush(&mut out).unwrap();
    assert_eq!(encoder.buffered_bytes(), 0);
    encoder.encode(&sent, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    let (back, metadata) = decode(out.into_bytes());
    assert_eq!((back.num_rows(), metadata.num_row_groups()), (20, 2));
}

#[test]
fn the_same_rows_make_the_same_bytes() {
    let sent = batch(&crate::format::sample::fixed_rows(100));
    let options = ParquetOptions::default();
    assert_eq!(encode(&options, std::slice::from_ref(&sent)), encode(&options, &[sent]));
}

#[test]
fn what_hive_would_misread_is_refused() {
    for data_type in [
        DataType::UInt64,
        DataType::UInt8,
        DataType::Timestamp(TimeUnit::Nanosecond, None),
        DataType::Decimal256(50, -2),
        DataType::new_list(DataType::Int32, true),
    ] {
        let schema = Arc::new(Schema::new(vec![Field::new("x", data_type, true)]));
        assert_eq!(ParquetEncoder::new(schema, &ParquetOptions::default()).err().unwrap().kind(), Kind::Schema);
    }
}

#[test]
fn another_schema_is_refused() {
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("x", DataType::Int32, false)]));
    let other = arrow_array::record_batch!(("y", Utf8, ["a"])).unwrap();
    let mut encoder = ParquetEncoder::new(schema, &ParquetOptions::default()).unwrap();
    assert!(encoder.encode(&other, &mut Output::default()).is_err());
    assert_eq!(other.column(0).len(), 1);
}

#[test]
fn the_first_rows_decide_about_dictionaries() {
    let schema: SchemaRef = Arc::new(Schema::new(vec![
        Field::new("unique", DataType::Utf8, false),
        Field::new("repeated", DataType::Utf8, false),
    ]));
    let texts = |step: i32| Arc::new(StringArray::from_iter_values((0..5000).map(|i| format!("text {}", i % step))));
    let batch = RecordBatch::try_new(schema.clone(), vec![texts(5000), texts(7)]).unwrap();
    let mut encoder = ParquetEncoder::new(schema, &ParquetOptions::default()).unwrap();
    let mut out = Output::default();
    encoder.encode(&batch, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    let (back, metadata) = decode(out.into_bytes());
    assert_eq!(back.num_rows(), 5000);
    let group = metadata.row_group(0);
    let in_dictionary = |column: usize| group.column(column).encodings().any(|e| e == Encoding::RLE_DICTIONARY);
    assert!(!in_dictionary(0) && in_dictionary(1));
    assert!(group.column(0).offset_index_offset().is_some() && group.column(0).column_index_offset().is_some());
    assert!(group.column(1).statistics().is_some());
}

#[test]
fn wide_decimals_and_the_avro_schema_are_carried() {
    let wide = DataType::Decimal256(76, 30);
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("w", wide.clone(), true)]));
    let most = i256::from_string(&"9".repeat(76)).unwrap();
    let array = Decimal256Array::from_iter([Some(most), None, Some(-most), Some(i256::ONE)]).with_data_type(wide);
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(array)]).unwrap();
    let options = ParquetOptions { avro_schema: Some("{}".into()), ..ParquetOptions::default() };
    let mut encoder = ParquetEncoder::new(schema, &options).unwrap();
    let mut out = Output::default();
    encoder.encode(&batch, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    let (back, metadata) = decode(out.into_bytes());
    assert_eq!(back.column(0).as_ref(), batch.column(0).as_ref());
    let keys = metadata.file_metadata().key_value_metadata().unwrap();
    assert!(keys.iter().any(|pair| pair.key == "parquet.avro.schema" && pair.value.as_deref() == Some("{}")));
}

#[test]
fn int96_stands_at_its_place_in_groups_of_the_right_size() {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let schema: SchemaRef = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int64, false),
        Field::new("at", micros.clone(), true),
        Field::new("z", DataType::Utf8, false),
        Field::new("must", micros, false),
    ]));
    let options =
        ParquetOptions { timestamps: Timestamps::Int96, row_group_bytes: 200_000, ..ParquetOptions::default() };
    let mut encoder = ParquetEncoder::new(schema.clone(), &options).unwrap();
    let mut out = Output::default();
    let rows = 20_000i64;
    let times: Vec<Option<i64>> =
        (0..rows).map(|i| (i % 7 != 0).then_some(i * 86_400_123_457 - 400_000_000_000_000)).collect();
    let batch = RecordBatch::try_new(
        schema,
        vec![
            Arc::new(arrow_array::Int64Array::from_iter_values(0..rows)),
            Arc::new(TimestampMicrosecondArray::from(times)),
            Arc::new(StringArray::from_iter_values((0..rows).map(|i| format!("row {i}")))),
            Arc::new(TimestampMicrosecondArray::from_iter_values(0..rows)),
        ],
    );
    encoder.encode(&batch.unwrap(), &mut out).unwrap();
    assert!(encoder.buffered_bytes() > 0);
    encoder.finish(&mut out).unwrap();
    let (back, metadata) = decode(out.into_bytes());
    assert_eq!(back.num_rows() as i64, rows);
    assert!(metadata.num_row_groups() > 2);
    let types: Vec<Type> = metadata.row_group(0).columns().iter().map(|c| c.column_type()).collect();
    assert_eq!(types, [Type::INT64, Type::INT96, Type::BYTE_ARRAY, Type::INT96]);
}

#[test]
fn a_codec_of_others_is_refused() {
    let options = ParquetOptions { compression: Compression::Bzip2, ..ParquetOptions::default() };
    assert_eq!(ParquetEncoder::new(schema(), &options).err().unwrap().kind(), Kind::Config);
}

#[test]
fn int96_before_the_calendar_is_refused() {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("at", micros, true)]));
    let options = ParquetOptions { timestamps: Timestamps::Int96, ..ParquetOptions::default() };
    let mut encoder = ParquetEncoder::new(schema.clone(), &options).unwrap();
    let mut encode = |micros: i64| {
        let times = Arc::new(TimestampMicrosecondArray::from_iter_values([micros]));
        encoder.encode(&RecordBatch::try_new(schema.clone(), vec![times]).unwrap(), &mut Output::default())
    };
    encode(-12_219_292_800_000_000).unwrap();
    let error = encode(-12_219_292_800_000_001).unwrap_err();
    assert!(error.kind() == Kind::Data && error.to_string().contains("column at"), "{error}");
}
