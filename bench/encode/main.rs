//! Encodes a fixed input, so that `make callgrind` can count the instructions it takes: encode-fixed parquet|avro
//!
//! Only what happens inside a function called `measured_...` is counted; the input is made outside of it.

mod rows;

use std::process::ExitCode;

use arrow_array::RecordBatch;
use sakia::error::{self, Result};
use sakia::format::{AvroOptions, Compression, FileFormat, ParquetOptions};

use self::rows::Order;

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
    let format = match case {
        "parquet" => {
            FileFormat::Parquet(ParquetOptions { compression: Compression::Zstd, ..ParquetOptions::default() })
        }
        "avro" => FileFormat::Avro(AvroOptions::new("orders")),
        _ => return Err(error::usage("usage: encode-fixed parquet|avro")),
    };
    measured_encode(&format, &batches()?)
}

fn batches() -> Result<Vec<RecordBatch>> {
    let orders: Vec<Order> = (1..=ROWS).map(Order::numbered).collect();
    let made = orders.chunks(BATCH_ROWS).map(rows::batch).collect::<std::result::Result<_, _>>();
    made.map_err(|e| error::bug("the fixed rows do not fit their schema").source(e))
}

#[inline(never)]
fn measured_encode(format: &FileFormat, batches: &[RecordBatch]) -> Result<usize> {
    let mut encoder = format.encoder(rows::schema())?;
    let (mut out, mut bytes) = (Vec::new(), 0);
    for batch in batches {
        encoder.encode(batch, &mut out)?;
        bytes += out.len();
        out.clear();
    }
    encoder.finish(&mut out)?;
    Ok(bytes + out.len())
}
