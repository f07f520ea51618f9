//! Delimited text: delimiters and null strings from Sqoop's options to ours.
//!
//! Delimiters go on as they were typed once they have been found readable; null strings are Java literals there and
//! plain text here.

use super::given::Given;
use super::properties::Properties;
use crate::error::Result;
use crate::format::text::{parse_delimiter, unescape_java};
use crate::transfer::args::{InputTextArgs, TextArgs};

/// The delimiters of `--mysql-delimiters`, which win over every other whatever the order.
const OF_MYSQL: [(&str, &str); 4] = [
    ("fields-terminated-by", ","),
    ("lines-terminated-by", "\\n"),
    ("escaped-by", "\\\\"),
    ("optionally-enclosed-by", "'"),
];

/// A delimiter of the output, if one was typed.
fn delimiter(given: &Given, name: &str, notes: &mut Vec<String>) -> Result<Option<String>> {
    let text = given.owned(name);
    if given.has("mysql-delimiters") {
        return Ok(OF_MYSQL.iter().find(|(option, _)| *option == name).map(|(_, text)| (*text).to_owned()));
    }
    checked(name, text, notes)
}

fn checked(name: &str, text: Option<String>, notes: &mut Vec<String>) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let read = parse_delimiter(&text).map_err(|e| e.context(format!("--{name}")))?;
    Ok(Some(match read.warning {
        // Only the first character counts, and only that goes on.
        Some(warning) => {
            notes.push(format!("--{name}: {warning}"));
            read.delimiter.to_string()
        }
        None => text,
    }))
}

/// The delimiters of the output; no null strings.
///
/// # Errors
/// Usage: an argument that is not a delimiter.
pub(super) fn delimiters(given: &Given, notes: &mut Vec<String>) -> Result<TextArgs> {
    Ok(TextArgs {
        fields_terminated_by: delimiter(given, "fields-terminated-by", notes)?,
        lines_terminated_by: delimiter(given, "lines-terminated-by", notes)?,
        enclosed_by: delimiter(given, "enclosed-by", notes)?,
        optionally_enclosed_by: delimiter(given, "optionally-enclosed-by", notes)?,
        escaped_by: delimiter(given, "escaped-by", notes)?,
        ..TextArgs::default()
    })
}

/// Text in a Hive table: ^A between fields.
pub(super) fn hive() -> TextArgs {
    TextArgs {
        fields_terminated_by: Some("\\0x01".to_owned()),
        lines_terminated_by: Some("\\n".to_owned()),
        ..TextArgs::default()
    }
}

/// How an import writes text. A Hive table gets ^A between fields where no delimiter is typed.
///
/// # Errors
/// Usage: an argument that is not a delimiter or not a Java literal.
pub(super) fn output(
    given: &Given,
    properties: &Properties,
    in_hive: bool,
    notes: &mut Vec<String>,
) -> Result<TextArgs> {
    let mut text = delimiters(given, notes)?;
    if in_hive && text == TextArgs::default() {
        text = hive();
    }
    text.null_string = literal(given, "null-string")?;
    text.null_non_string = literal(given, "null-non-string")?;
    text.drop_delims = given.has("hive-drop-import-delims");
    text.replace_delims = literal(given, "hive-delims-replacement")?;
    text.scientific_decimals = properties.flag("sqoop.bigdecimal.format.string")? == Some(false);
    Ok(text)
}

/// How an export reads text: each input delimiter is as its output twin where it is not typed itself.
///
/// # Errors
/// As [`output`].
pub(super) fn input(given: &Given, notes: &mut Vec<String>) -> Result<InputTextArgs> {
    let twins = delimiters(given, notes)?;
    let mut typed = |name: &str, twin: Option<String>| -> Result<Option<String>> {
        Ok(checked(name, given.owned(name), notes)?.or(twin))
    };
    let enclosed_by = typed("input-enclosed-by", None)?;
    let optionally_enclosed_by = typed("input-optionally-enclosed-by", None)?;
    let none_typed = enclosed_by.is_none() && optionally_enclosed_by.is_none();
    Ok(InputTextArgs {
        fields_terminated_by: typed("input-fields-terminated-by", twins.fields_terminated_by)?,
        lines_terminated_by: typed("input-lines-terminated-by", twins.lines_terminated_by)?,
        escaped_by: typed("input-escaped-by", twins.escaped_by)?,
        enclosed_by: enclosed_by.or(twins.enclosed_by.filter(|_| none_typed)),
        optionally_enclosed_by: optionally_enclosed_by.or(twins.optionally_enclosed_by.filter(|_| none_typed)),
        null_string: literal(given, "input-null-string")?,
        null_non_string: literal(given, "input-null-non-string")?,
    })
}

/// The text that a Java literal stands for.
fn literal(given: &Given, name: &str) -> Result<Option<String>> {
    given.text(name).map(|text| unescape_java(text).map_err(|e| e.context(format!("--{name}")))).transpose()
}
