//! Delimited text as Sqoop writes it and as Hive's text tables hold it.
//!
//! Two styles share everything but this:
//!
//! | | `exact` | `sqoop` |
//! |---|---|---|
//! | a value that no reader could tell from a delimiter, a line end or NULL | is escaped or enclosed; where neither is set, an error | is written all the same |
//! | NULL | the null string as it stands | the null string, escaped and enclosed like a value |
//! | a carriage return, where records end with a line feed | is treated as a line end, since Hadoop's readers do | is an ordinary character |
//! | bytes | base64, as Hive's text tables hold them | pairs of hexadecimal digits with blanks between them |
//!
//! In Hive's text tables ([`TextOptions::for_hive`]) both styles refuse what Hive would not give back.
//!
//! Numbers are Java's in both (`256.0`, `1.0E10`), decimals plain unless asked otherwise, times
//! `yyyy-MM-dd HH:mm:ss.f` with at least one digit of the fraction; instants are in UTC.

mod cell;
mod delimiters;
mod encode;
mod escape;
pub mod value;

use serde::{Deserialize, Serialize};

pub use self::cell::{Cells, Look};
pub use self::delimiters::{DelimiterArgument, Delimiters, parse_delimiter, unescape_java};
pub(super) use self::encode::Records;
pub use self::encode::TextEncoder;
use super::Compression;

/// How values become text where exactness and Sqoop's habits differ; the table of this room says in what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum TextStyle {
    /// What is written can be read back, or it is an error.
    #[default]
    Exact,
    /// Sqoop's bytes.
    Sqoop,
}

/// Options of a delimited text file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TextOptions {
    /// Delimiters.
    pub delimiters: Delimiters,
    /// Stands for NULL in columns of strings.
    pub null_string: String,
    /// Stands for NULL in all other columns.
    pub null_non_string: String,
    /// Exact, or as Sqoop.
    pub style: TextStyle,
    /// Leaves line feeds, carriage returns and ^A out of strings, as Hive's text tables need it.
    pub drop_delimiters: bool,
    /// Puts this text in the place of each of them.
    pub replace_delimiters: Option<String>,
    /// Decimals never with an exponent; otherwise as Java's `BigDecimal.toString` prints them.
    pub plain_decimals: bool,
    /// Codec of the file.
    pub compression: Compression,
    /// Whether Hive's text tables are to give every value back. Their reader knows no encloser, ends a line at each line
    /// feed and carriage return whatever stands before it, and takes a field for NULL before it looks for escapes: what
    /// it cannot give back is an error in both styles, and NULL is the null string as it stands.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_hive: bool,
}

impl Default for TextOptions {
    /// Sqoop's delimiters and null strings, exact, not compressed.
    fn default() -> Self {
        Self {
            delimiters: Delimiters::default(),
            null_string: "null".to_owned(),
            null_non_string: "null".to_owned(),
            style: TextStyle::Exact,
            drop_delimiters: false,
            replace_delimiters: None,
            plain_decimals: true,
            compression: Compression::None,
            for_hive: false,
        }
    }
}

#[cfg(test)]
mod goldens;
#[cfg(test)]
mod tests;
