//! Delimited text as an import's options ask for it.

use super::args::{Compat, TextArgs};
use crate::error::Result;
use crate::format::text::{Delimiters, TextOptions, TextStyle, parse_delimiter};
use crate::format::{Compression, SequenceOptions};

/// The null string that Hive's text tables know.
const HIVE_NULL: &str = "\\N";

/// How a text file is written; tables of Hive have their own delimiters unless told otherwise.
pub(super) fn options(args: &TextArgs, compat: Compat, hive: bool, compression: Compression) -> Result<TextOptions> {
    let null = |given: &Option<String>| {
        given.clone().unwrap_or_else(|| if hive { HIVE_NULL.to_owned() } else { "null".to_owned() })
    };
    Ok(TextOptions {
        delimiters: delimiters(args, hive)?,
        null_string: null(&args.null_string),
        null_non_string: null(&args.null_non_string),
        style: match compat {
            Compat::Exact => TextStyle::Exact,
            Compat::Sqoop => TextStyle::Sqoop,
        },
        drop_delimiters: args.drop_delims,
        replace_delimiters: args.replace_delims.clone(),
        plain_decimals: !args.scientific_decimals,
        compression,
    })
}

/// How a SequenceFile of such text is written.
pub(super) fn sequence_options(
    args: &TextArgs,
    compat: Compat,
    hive: bool,
    codec: Compression,
) -> Result<SequenceOptions> {
    Ok(SequenceOptions { text: options(args, compat, hive, codec)?, ..SequenceOptions::default() })
}

fn delimiters(args: &TextArgs, hive: bool) -> Result<Delimiters> {
    let mut delimiters = if hive { Delimiters::hive() } else { Delimiters::default() };
    let parse = |text: &Option<String>| -> Result<Option<char>> {
        let Some(text) = text else { return Ok(None) };
        let parsed = parse_delimiter(text)?;
        if let Some(warning) = parsed.warning {
            tracing::warn!("{warning}");
        }
        Ok(Some(parsed.delimiter))
    };
    delimiters.fields = parse(&args.fields_terminated_by)?.unwrap_or(delimiters.fields);
    delimiters.lines = parse(&args.lines_terminated_by)?.unwrap_or(delimiters.lines);
    delimiters.escaped_by = parse(&args.escaped_by)?.or(delimiters.escaped_by);
    if let Some(enclosed) = parse(&args.enclosed_by)? {
        (delimiters.enclosed_by, delimiters.enclose_optionally) = (Some(enclosed), false);
    } else if let Some(enclosed) = parse(&args.optionally_enclosed_by)? {
        (delimiters.enclosed_by, delimiters.enclose_optionally) = (Some(enclosed), true);
    }
    delimiters.checked()
}
