//! What a file says of its codec and of how it was written, beside its rows.

use parquet::basic::{Compression as Codec, Type};
use parquet::file::metadata::ParquetMetaDataReader;

use crate::error::{self, Result};
use crate::format::Compression;
use crate::format::decode::Input;

/// Bytes at the beginning of a file in which its header's metadata is looked for; an Avro schema lies there too.
const HEADER_BYTES: u64 = 4 << 20;

/// What the footer of a Parquet file says.
pub(super) struct ParquetFooter {
    pub compression: Compression,
    /// Times are INT96.
    pub int96: bool,
    pub avro_schema: Option<String>,
}

pub(super) fn parquet_footer(input: &Input) -> Result<ParquetFooter> {
    let damaged = |what: &str| error::data(format!("{}: {what}", input.name()));
    let len = input.len_bytes();
    let tail = input.read_at(len.saturating_sub(8), len.min(8) as usize)?;
    let [a, b, c, d, ..] = tail[..] else { return Err(damaged("the parquet file ends too early")) };
    let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
    let start = len.checked_sub(8 + footer).ok_or_else(|| damaged("the parquet footer is longer than the file"))?;
    let bytes = input.read_at(start, footer as usize)?;
    let metadata = ParquetMetaDataReader::decode_metadata(&bytes)
        .map_err(|e| damaged("cannot read its parquet footer").source(e))?;
    let columns = metadata.file_metadata().schema_descr().columns();
    let int96 = columns.iter().any(|c| c.physical_type() == Type::INT96);
    let codec = metadata.row_groups().first().and_then(|g| g.columns().first()).map(|c| c.compression());
    let compression = match codec {
        Some(Codec::UNCOMPRESSED) => Compression::None,
        Some(Codec::GZIP(_)) => Compression::Gzip,
        Some(Codec::ZSTD(_)) => Compression::Zstd,
        Some(Codec::LZ4 | Codec::LZ4_RAW) => Compression::Lz4,
        _ => Compression::Snappy,
    };
    let pairs = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    let avro_schema = pairs.filter(|pair| pair.key == "parquet.avro.schema").find_map(|pair| pair.value.clone());
    Ok(ParquetFooter { compression, int96, avro_schema })
}

/// The codec in the header of an Avro file: the value behind the key `avro.codec`; none where there is no such key.
pub(super) fn of_avro(input: &Input) -> Result<Compression> {
    let name = value_behind(input, b"avro.codec")?;
    match name.as_deref() {
        None | Some("null") => Ok(Compression::None),
        Some("zstandard") => Ok(Compression::Zstd),
        Some(name) => name.parse(),
    }
}

/// The codec in the header of a sequence file: a class name, where there is one.
pub(super) fn of_sequence(input: &Input) -> Result<Compression> {
    const PACKAGE: &[u8] = b"org.apache.hadoop.io.compress.";
    let header = input.read_at(0, input.len_bytes().min(1 << 10) as usize)?;
    let Some(at) = header.windows(PACKAGE.len()).position(|bytes| bytes == PACKAGE) else {
        return Ok(Compression::None);
    };
    let class: Vec<u8> =
        header[at + PACKAGE.len()..].iter().copied().take_while(|b| b.is_ascii_alphanumeric()).collect();
    // A class name may run into the bytes behind it, but none of them is a letter of the name's ending.
    let class = String::from_utf8_lossy(&class);
    let end = class.find("Codec").map_or(class.len(), |at| at + "Codec".len());
    class[..end].parse()
}

fn value_behind(input: &Input, key: &[u8]) -> Result<Option<String>> {
    let header = input.read_at(0, input.len_bytes().min(HEADER_BYTES) as usize)?;
    // A key stands behind its length, so a schema that holds the word is not taken for it.
    let marked: Vec<u8> = std::iter::once(key.len() as u8 * 2).chain(key.iter().copied()).collect();
    let Some(at) = header.windows(marked.len()).position(|bytes| bytes == marked) else { return Ok(None) };
    let value = &header[at + marked.len()..];
    let len = value.first().map_or(0, |len| usize::from(len / 2));
    Ok(value.get(1..=len).map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}
