//! How text is read, from what was typed: one translation for exports, verifications, merges and imports.

use super::FileSetOptions;
use crate::error::Result;
use crate::format::TextOptions;
use crate::format::decode::{Calendar, TextDecodeOptions};
use crate::format::text::{Delimiters, TextStyle, parse_delimiter};
use crate::transfer::args::{Compat, InputTextArgs, TextArgs};

/// Delimiters and null strings of text that is written with these options, and how it is read again; `hive` for the
/// defaults of Hive's text tables.
///
/// # Errors
/// Usage: a text that is not a delimiter. Config: delimiters that contradict each other.
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
    let defaults = if hive { of_hive() } else { TextOptions::default() };
    of_read(&read, style, defaults)
}

/// How a text table of Hive is read about which nothing is said.
pub fn of_hive() -> TextOptions {
    let null = || "\\N".to_owned();
    TextOptions {
        delimiters: Delimiters::hive(),
        null_string: null(),
        null_non_string: null(),
        ..TextOptions::default()
    }
}

/// What was typed over what is known otherwise. Null strings stand for themselves.
///
/// # Errors
/// As [`of_written`].
pub fn of_read(args: &InputTextArgs, style: TextStyle, known: TextOptions) -> Result<TextOptions> {
    let delimiter = |text: &Option<String>| -> Result<Option<char>> {
        let Some(text) = text else { return Ok(None) };
        let parsed = parse_delimiter(text)?;
        if let Some(warning) = parsed.warning {
            tracing::warn!("{warning}");
        }
        Ok(Some(parsed.delimiter))
    };
    let of = known.delimiters;
    let (enclosed, optionally) = (delimiter(&args.enclosed_by)?, delimiter(&args.optionally_enclosed_by)?);
    let delimiters = Delimiters {
        fields: delimiter(&args.fields_terminated_by)?.unwrap_or(of.fields),
        lines: delimiter(&args.lines_terminated_by)?.unwrap_or(of.lines),
        enclosed_by: enclosed.or(optionally).or(of.enclosed_by),
        enclose_optionally: enclosed.is_none() && (optionally.is_some() || of.enclose_optionally),
        escaped_by: delimiter(&args.escaped_by)?.or(of.escaped_by),
    };
    Ok(TextOptions {
        delimiters: delimiters.checked()?,
        null_string: args.null_string.clone().unwrap_or(known.null_string),
        null_non_string: args.null_non_string.clone().unwrap_or(known.null_non_string),
        style,
        ..TextOptions::default()
    })
}

/// How files are read of which nothing is known but what was typed: those of a directory.
///
/// # Errors
/// Those of [`of_read`].
pub fn of_directory(args: &InputTextArgs, style: TextStyle, calendar: Option<Calendar>) -> Result<FileSetOptions> {
    let text = of_read(args, style, TextOptions::default())?;
    let options = FileSetOptions::new(TextDecodeOptions::new(text), Vec::new());
    Ok(FileSetOptions { calendar, ..options })
}

/// The style of text, by whose values are asked for.
pub fn style(compat: Compat) -> TextStyle {
    match compat {
        Compat::Exact => TextStyle::Exact,
        Compat::Sqoop => TextStyle::Sqoop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_wins_and_null_strings_stand_for_themselves() {
        let args = InputTextArgs {
            fields_terminated_by: Some("\\t".into()),
            null_string: Some("\\N".into()),
            enclosed_by: Some("\"".into()),
            ..InputTextArgs::default()
        };
        let read = of_read(&args, TextStyle::Exact, TextOptions::default()).unwrap();
        assert_eq!((read.delimiters.fields, read.delimiters.enclosed_by), ('\t', Some('"')));
        assert_eq!((read.null_string.as_str(), read.null_non_string.as_str()), ("\\N", "null"));
        assert!(!read.delimiters.enclose_optionally);
        let known =
            TextOptions { delimiters: Delimiters { escaped_by: Some('\\'), ..Delimiters::hive() }, ..of_hive() };
        let read = of_read(&InputTextArgs::default(), TextStyle::Sqoop, known.clone()).unwrap();
        assert_eq!(read, TextOptions { style: TextStyle::Sqoop, ..known });
    }
}
