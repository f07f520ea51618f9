//! Text options from the words that were typed.

use crate::error::Result;
use crate::format::decode::TextDecodeOptions;
use crate::format::text::{Delimiters, TextStyle, parse_delimiter};
use crate::format::{Compression, TextOptions};
use crate::transfer::args::{Compat, InputTextArgs, TextArgs};

/// Delimiters and null strings of text that is written by these words, and how it is read again; `hive` for the defaults of
/// Hive's text tables.
///
/// # Errors
/// Usage: a delimiter that is none. Config: delimiters that contradict each other.
pub fn of_written(args: &TextArgs, style: TextStyle, hive: bool) -> Result<TextOptions> {
    let read = InputTextArgs {
        fields_terminated_by: args.fields_terminated_by.clone(),
        lines_terminated_by: args.lines_terminated_by.clone(),
        enclosed_by: args.enclosed_by.clone(),
        optionally_enclosed_by: args.optionally_enclosed_by.clone(),
        escaped_by: args.escaped_by.clone(),
        null_string: args.null_string.clone(),
        null_non_string: args.null_non_string.clone(),
    };
    of_read(&read, style, hive)
}

/// How delimited text is read; `hive` for the defaults of Hive's text tables.
///
/// # Errors
/// As [`of_written`].
pub fn of_read(args: &InputTextArgs, style: TextStyle, hive: bool) -> Result<TextOptions> {
    let delimiter = |text: &Option<String>| -> Result<Option<char>> {
        let Some(text) = text else { return Ok(None) };
        let parsed = parse_delimiter(text)?;
        if let Some(warning) = parsed.warning {
            tracing::warn!("{warning}");
        }
        Ok(Some(parsed.delimiter))
    };
    let known = if hive { Delimiters::hive() } else { Delimiters::default() };
    let (enclosed, optionally) = (delimiter(&args.enclosed_by)?, delimiter(&args.optionally_enclosed_by)?);
    let delimiters = Delimiters {
        fields: delimiter(&args.fields_terminated_by)?.unwrap_or(known.fields),
        lines: delimiter(&args.lines_terminated_by)?.unwrap_or(known.lines),
        enclosed_by: enclosed.or(optionally),
        enclose_optionally: enclosed.is_none() && optionally.is_some(),
        escaped_by: delimiter(&args.escaped_by)?,
    };
    let null = || if hive { "\\N" } else { "null" }.to_owned();
    Ok(TextOptions {
        delimiters: delimiters.checked()?,
        null_string: args.null_string.clone().unwrap_or_else(null),
        null_non_string: args.null_non_string.clone().unwrap_or_else(null),
        style,
        compression: Compression::None,
        ..TextOptions::default()
    })
}

/// The style of text of a way with values.
pub fn style(compat: Compat) -> TextStyle {
    match compat {
        Compat::Exact => TextStyle::Exact,
        Compat::Sqoop => TextStyle::Sqoop,
    }
}

/// Records may span lines where delimiters allow it.
pub fn decoding(options: TextOptions) -> TextDecodeOptions {
    TextDecodeOptions::new(options)
}
