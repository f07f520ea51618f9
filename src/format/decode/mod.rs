//! File formats read back: the bytes of a Parquet, Avro, text or sequence file in, batches or records of text out. A
//! file is read by ranges, so that several can share one: a range owns the lines, blocks and row groups that begin in
//! it. Memory is bounded by a batch, a block, a page or a record, never by the file.

mod avro;
mod input;
mod parquet;
mod parser;
mod sequence;
mod text;

pub use self::avro::AvroDecoder;
pub use self::input::{Input, RangeRead};
pub use self::parquet::{ParquetDecoder, RowGroups};
pub use self::parser::{TextField, TextFields, parse_record};
pub use self::sequence::SequenceDecoder;
pub use self::text::{TextDecodeOptions, TextDecoder, TextRecord};

/// The kinds of files that can be told by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Anything else, also when it is compressed; its name tells the codec.
    Text,
    /// Avro object container.
    Avro,
    /// Parquet.
    Parquet,
    /// Hadoop sequence file.
    Sequence,
}

/// Tells the kind of a file by its first bytes; three are enough.
pub fn sniff(first: &[u8]) -> FileKind {
    match first {
        [b'O', b'b', b'j', ..] => FileKind::Avro,
        [b'P', b'A', b'R', ..] => FileKind::Parquet,
        [b'S', b'E', b'Q', ..] => FileKind::Sequence,
        _ => FileKind::Text,
    }
}

#[cfg(test)]
mod tests;
