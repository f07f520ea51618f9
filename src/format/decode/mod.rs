//! File formats read back: the bytes of a Parquet, Avro, text or sequence file in, batches or records of text out. A
//! file is read by ranges, so that several can share one: a range owns the lines, blocks and row groups that begin in
//! it. Memory is bounded by a batch, a block, a page or a record, never by the file.

mod avro;
mod calendar;
mod input;
mod parquet;
mod parser;
mod record;
mod sequence;
mod text;

use std::fmt;

pub use self::avro::AvroDecoder;
pub use self::calendar::Calendar;
pub use self::input::{Input, RangeRead};
pub use self::parquet::{ParquetDecoder, RowGroups};
pub use self::parser::{TextField, TextFields, parse_record};
pub use self::record::{BadRecord, ReadAs, TextDecodeOptions, TextRecord};
pub use self::sequence::SequenceDecoder;
pub use self::text::TextDecoder;

/// What is read of a file of Avro or Parquet.
#[derive(Clone, Copy, Debug)]
pub struct BatchOptions<'a> {
    /// The columns wanted, all if there are none.
    pub columns: Option<&'a [String]>,
    /// Most rows of a batch.
    pub rows: usize,
    /// The calendar of days before 1582-10-15 where the file does not name it; without one, such days are an error.
    pub calendar: Option<Calendar>,
}

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

impl FileKind {
    /// Whether the files hold records of delimited text.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Sequence)
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Avro => "Avro",
            Self::Parquet => "Parquet",
            Self::Sequence => "a sequence file",
        })
    }
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
