//! Decodes and encodes a fixed input, so that `make callgrind` can count the instructions it takes:
//! encode-fixed read|parquet|avro
//!
//! The input is the bytes of rows as the server sends them. `read` makes batches of them, the others also a file. Only
//! what happens inside a function called `measured_...` is counted; the input is made outside of it.

#![allow(dead_code, unused_imports, unfulfilled_lint_expectations, reason = "the rooms hold more than is measured")]

#[path = "../../src/config/mod.rs"]
mod config;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/format/mod.rs"]
mod format;
#[path = "../../src/mysql/mod.rs"]
mod mysql;
mod rows;
#[path = "../../src/secret/mod.rs"]
mod secret;
#[path = "../../src/shutdown.rs"]
mod shutdown;
#[path = "../../src/telemetry/mod.rs"]
mod telemetry;

use std::process::ExitCode;
use std::sync::Arc;

use crate::error::Result;
use crate::format::{AvroOptions, Compression, FileFormat, Output, ParquetOptions};
use crate::mysql::decode::BatchBuilder;
use crate::mysql::types::{Column, Mapping, TypeOptions};
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};

use self::rows::Row;

const ROWS: u32 = 32 << 10;

/// Rows of a batch, about as many as a read hands on.
const BATCH_ROWS: usize = 8 << 10;

fn main() -> ExitCode {
    let case = std::env::args().nth(1).unwrap_or_default();
    match run(&case) {
        Ok(bytes) => {
            println!("{case}: {ROWS} rows, {bytes} bytes");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("encode-fixed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(case: &str) -> Result<usize> {
    let zstd = ParquetOptions { compression: Compression::Zstd, ..ParquetOptions::default() };
    let format = match case {
        "read" => None,
        "parquet" => Some(FileFormat::Parquet(zstd)),
        "avro" => Some(FileFormat::Avro(AvroOptions::new("orders"))),
        _ => return Err(error::usage("usage: encode-fixed read|parquet|avro")),
    };
    let options = TypeOptions::default();
    let columns: Vec<Column> = rows::columns().iter().map(Column::of_result).collect();
    let fields = columns.iter().map(|column| column.field(&options)).collect::<Result<Vec<_>>>()?;
    let mappings = columns.iter().map(|column| column.mapping(&options)).collect::<Result<Vec<_>>>()?;
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let rows: Vec<Row> = (1..=ROWS).map(Row::numbered).collect();
    let batches = measured_read(&schema, &mappings, &options, &rows)?;
    match format {
        None => Ok(batches.iter().map(RecordBatch::get_array_memory_size).sum()),
        Some(format) => measured_encode(&format, &schema, &batches),
    }
}

#[inline(never)]
fn measured_read(
    schema: &SchemaRef,
    mappings: &[Mapping],
    options: &TypeOptions,
    rows: &[Row],
) -> Result<Vec<RecordBatch>> {
    let mut builder = BatchBuilder::new(schema.clone(), mappings, &rows::columns(), options, BATCH_ROWS)?;
    let mut batches = Vec::new();
    for row in rows {
        builder.append(&row.nulls, &row.values)?;
        if builder.rows() == BATCH_ROWS {
            batches.push(builder.finish()?);
        }
    }
    Ok(batches)
}

#[inline(never)]
fn measured_encode(format: &FileFormat, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<usize> {
    let mut encoder = format.encoder(schema.clone())?;
    let (mut out, mut bytes) = (Output::default(), 0);
    for batch in batches {
        encoder.encode(batch, &mut out)?;
        bytes += out.len();
        out.take();
    }
    encoder.finish(&mut out)?;
    Ok(bytes + out.len())
}
