//! File formats: Arrow batches in, the bytes of a Parquet or Avro file out. Pure: no I/O, no clock, no randomness, so
//! that the same rows under the same options always make the same bytes.

use arrow_array::RecordBatch;

use crate::error::Result;

/// Turns batches into the bytes of one file.
///
/// Bytes appear in `out` as they become final (appended, never changed); the caller ships and clears it.
pub trait Encoder: Send {
    /// Encodes a batch of the schema the encoder was made for.
    ///
    /// # Errors
    /// Schema: another schema. Data: a value the format cannot carry exactly.
    fn encode(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()>;

    /// Writes what is still buffered and the end of the file. Nothing may be encoded afterwards.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()>;

    /// Bytes held in memory and not yet given out.
    fn buffered_bytes(&self) -> usize;
}
