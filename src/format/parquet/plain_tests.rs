//! Column chunks of ours beside those of the library's own writer.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow_schema::Field;
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::BoundaryOrder;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use proptest::prelude::*;

use super::*;
use crate::format::sample::{batch, rows};

fn plain_properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(codec_name(Compression::Zstd).unwrap())
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Page)
        .build()
}

/// A file whose columns are all ours, as far as they can be.
fn ours(batch: &RecordBatch, compression: Compression) -> Vec<u8> {
    let descriptor = parquet_schema(batch.schema_ref(), Timestamps::Int64).unwrap();
    let codec = PageCodec::new(codec_name(compression).unwrap()).unwrap();
    let mut writer = GroupWriter::new(batch.schema(), &descriptor, plain_properties(), codec, 1 << 30).unwrap();
    let mut out = Output::default();
    writer.write(batch, &mut out).unwrap();
    writer.finish(&mut out).unwrap();
    out.into_bytes()
}

/// The same rows by the library alone.
fn theirs(batch: &RecordBatch) -> Vec<u8> {
    let options = ArrowWriterOptions::new()
        .with_properties(plain_properties())
        .with_skip_arrow_metadata(true)
        .with_parquet_schema(parquet_schema(batch.schema_ref(), Timestamps::Int64).unwrap());
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn metadata(file: &[u8]) -> ParquetMetaData {
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    reader.parse_and_finish(&Bytes::copy_from_slice(file)).unwrap()
}

fn read(file: Vec<u8>) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<_> = builder.build().unwrap().map(|b| b.unwrap()).collect();
    concat_batches(&schema, &batches).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rows_and_statistics_are_the_librarys(rows in rows(), codec in 0..5usize) {
        prop_assume!(!rows.is_empty());
        let codecs = [Compression::None, Compression::Snappy, Compression::Zstd, Compression::Gzip, Compression::Lz4];
        let sent = batch(&rows);
        let (ours, theirs) = (ours(&sent, codecs[codec]), theirs(&sent));
        let (our_footer, their_footer) = (metadata(&ours), metadata(&theirs));
        for (our, their) in our_footer.row_group(0).columns().iter().zip(their_footer.row_group(0).columns()) {
            if *our.column_path().string() != *"some_bytes" {
                prop_assert_eq!(our.statistics(), their.statistics(), "{}", our.column_path());
            }
            prop_assert_eq!(our.num_values(), their.num_values());
            prop_assert_eq!(our.page_encoding_stats(), their.page_encoding_stats());
        }
        let (ours, theirs) = (read(ours), read(theirs));
        for (our, their) in ours.columns().iter().zip(theirs.columns()) {
            prop_assert_eq!(our.as_ref(), their.as_ref());
        }
    }
}

/// Rows enough for several pages: a number that rises, a text with NULLs that falls, a number with a page of NULLs, and
/// NaN in the first page.
fn long() -> RecordBatch {
    let rows = 70_000i64;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("rising", Arc::new(Int64Array::from_iter_values(0..rows))),
        (
            "falling",
            Arc::new(StringArray::from_iter((0..rows).map(|i| (i % 3 != 0).then(|| format!("text {:09}", rows - i))))),
        ),
        ("gap", Arc::new(Int64Array::from_iter((0..rows).map(|i| (!(20_000..40_000).contains(&i)).then_some(i % 10))))),
        (
            "floats",
            Arc::new(Float64Array::from_iter_values((0..rows).map(|i| if i < 20_000 { f64::NAN } else { i as f64 }))),
        ),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), array.null_count() > 0))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

#[test]
fn pages_are_indexed() {
    let sent = long();
    let file = ours(&sent, Compression::Snappy);
    let footer = metadata(&file);
    assert_eq!(footer.num_row_groups(), 1);
    let index = footer.page_index_for_row_group(0);
    let first_rows = |column: usize| -> Vec<i64> {
        index.offset_index(column).unwrap().page_locations().iter().map(|page| page.first_row_index).collect()
    };
    assert_eq!(first_rows(0), [0, 20_000, 40_000, 60_000]);
    assert!(first_rows(1).len() >= 4 && first_rows(1).is_sorted());
    let Some(ColumnIndexMetaData::INT64(rising)) = index.column_index(0) else { panic!() };
    assert_eq!(index.column_index(0).unwrap().get_boundary_order().unwrap(), BoundaryOrder::ASCENDING);
    assert_eq!((rising.min_value(1), rising.max_value(1)), (Some(&20_000), Some(&39_999)));
    let Some(ColumnIndexMetaData::BYTE_ARRAY(falling)) = index.column_index(1) else { panic!() };
    assert_eq!(index.column_index(1).unwrap().get_boundary_order().unwrap(), BoundaryOrder::DESCENDING);
    assert_eq!(falling.max_value(0), Some(&b"text 000069999"[..]));
    let Some(ColumnIndexMetaData::INT64(gap)) = index.column_index(2) else { panic!() };
    assert!(gap.is_null_page(1) && !gap.is_null_page(0));
    assert_eq!((gap.null_count(1), gap.min_value(1)), (Some(20_000), None));
    // A page of values without an order has no place in an index, and so the column has none.
    assert!(index.column_index(3).is_none());
    let back = read(file);
    for (sent, back) in sent.columns().iter().zip(back.columns()) {
        assert_eq!(sent.to_data(), back.to_data());
    }
}

#[test]
fn a_page_holds_one_large_value_or_many_small_ones() {
    let texts = StringArray::from_iter_values((0..400).map(|i| "x".repeat(if i % 100 == 50 { 3 << 20 } else { 2000 })));
    let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]));
    let sent = RecordBatch::try_new(schema, vec![Arc::new(texts)]).unwrap();
    let file = ours(&sent, Compression::None);
    let footer = metadata(&file);
    let index = footer.page_index_for_row_group(0);
    let sizes: Vec<i32> =
        index.offset_index(0).unwrap().page_locations().iter().map(|page| page.compressed_page_size).collect();
    assert!(sizes.iter().all(|size| *size < (3 << 20) + 2 * PAGE_BYTES as i32), "{sizes:?}");
    assert!(sizes.len() >= 6, "{sizes:?}");
    assert_eq!(read(file).column(0).as_ref(), sent.column(0).as_ref());
}
