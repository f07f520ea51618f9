//! The codecs of files and the names they go by: short names, Hadoop's class names, and the ending of a text file.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{self, Error, Result};

/// How the blocks, pages or lines of a file are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// Not at all.
    None,
    /// Quick, and readable by every Hive.
    #[default]
    Snappy,
    /// Smaller than snappy and nearly as quick; Hive 4.
    Zstd,
    /// Small and slow. Avro knows it as deflate.
    Gzip,
    /// The stream of zlib in a text or sequence file; the same as gzip for Avro, which has one codec of this kind.
    Deflate,
    /// Quick: LZ4_RAW in Parquet (Hive 4), Hadoop's blocks in text and sequence files; Avro does not have it.
    Lz4,
    /// Smallest and slowest; text, sequence files and Avro.
    Bzip2,
    /// Small and very slow; Avro only, and not in every Hive.
    Xz,
}

/// Codec, its names (the first is shown), Hadoop's class, and the ending of a text file of it.
const CODECS: [(Compression, &[&str], &str, &str); 7] = [
    (Compression::Snappy, &["snappy"], "org.apache.hadoop.io.compress.SnappyCodec", "snappy"),
    (Compression::Zstd, &["zstd", "zstandard"], "org.apache.hadoop.io.compress.ZStandardCodec", "zst"),
    (Compression::Gzip, &["gzip", "gz"], "org.apache.hadoop.io.compress.GzipCodec", "gz"),
    (Compression::Deflate, &["deflate", "default"], "org.apache.hadoop.io.compress.DefaultCodec", "deflate"),
    (Compression::Lz4, &["lz4"], "org.apache.hadoop.io.compress.Lz4Codec", "lz4"),
    (Compression::Bzip2, &["bzip2", "bz2"], "org.apache.hadoop.io.compress.BZip2Codec", "bz2"),
    (Compression::Xz, &["xz"], "", "xz"),
];

impl Compression {
    /// Hadoop's class of the codec; nothing for `none`, and for xz, which Hadoop does not have.
    pub fn hadoop_class(self) -> Option<&'static str> {
        let row = CODECS.iter().find(|row| row.0 == self)?;
        Some(row.2).filter(|class| !class.is_empty())
    }

    /// The ending of a text file of this codec, without its dot; nothing for an uncompressed one.
    pub fn extension(self) -> Option<&'static str> {
        CODECS.iter().find(|row| row.0 == self).map(|row| row.3)
    }

    /// The codec that the ending of a file name stands for; nothing where the name says nothing.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let ending = name.rsplit_once('.')?.1;
        CODECS.iter().find(|row| row.3 == ending).map(|row| row.0)
    }

    /// Level of zstd, wherever it is used: most of its gain at the cost of snappy.
    pub(super) const ZSTD_LEVEL: i32 = 1;
}

impl FromStr for Compression {
    type Err = Error;

    /// Reads a short name (`gzip`, `none`), a class name as Hadoop and Sqoop take it
    /// (`org.apache.hadoop.io.compress.GzipCodec`, `GzipCodec`), in any case.
    fn from_str(text: &str) -> Result<Self> {
        let short = text.trim().rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        let short = short.strip_suffix("codec").filter(|s| !s.is_empty()).unwrap_or(&short);
        if short == "none" || short == "uncompressed" {
            return Ok(Self::None);
        }
        let found = CODECS.iter().find(|row| row.1.contains(&short)).map(|row| row.0);
        found.ok_or_else(|| {
            let known: Vec<&str> = CODECS.iter().map(|row| row.1[0]).collect();
            error::config(format!("there is no compression codec {text:?}"))
                .hint(format!("codecs are none, {}, or their hadoop class names", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_kind_lead_to_their_codec() {
        let of = |text: &str| text.parse::<Compression>().unwrap();
        assert_eq!(of("gzip"), Compression::Gzip);
        assert_eq!(of("org.apache.hadoop.io.compress.GzipCodec"), Compression::Gzip);
        assert_eq!(of("GzipCodec"), Compression::Gzip);
        assert_eq!(of("org.apache.hadoop.io.compress.DeflateCodec"), Compression::Deflate);
        assert_eq!(of("ZStandardCodec"), Compression::Zstd);
        assert_eq!(of("BZIP2"), Compression::Bzip2);
        assert_eq!(of("none"), Compression::None);
        for (codec, names, class, ending) in CODECS {
            assert!(names.iter().all(|name| of(name) == codec));
            assert!(class.is_empty() || of(class) == codec);
            assert_eq!(Compression::of_file_name(&format!("part-m-00000.{ending}")), Some(codec));
        }
    }

    #[test]
    fn an_unknown_codec_is_told_the_known_ones() {
        let error = "foobar".parse::<Compression>().unwrap_err();
        assert!(error.remedy().unwrap().contains("snappy, zstd, gzip, deflate, lz4, bzip2"), "{error}");
        assert_eq!(Compression::of_file_name("part-m-00000"), None);
        assert_eq!(Compression::of_file_name("orders.avro"), None);
    }
}
