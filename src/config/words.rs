//! What is wrong with a value, in the words of somebody who writes the file, and how it is put right.

use crate::error::{self, Error};

/// What to do about a key that is not known.
pub(super) fn instead(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "remove it: nothing can be set here".to_owned(),
        None => format!("known keys: {}", known.join(", ")),
    }
}

/// Says in our words what is wrong with the value of `key`, which is empty for a table as a whole.
pub(super) fn explain(message: &str, key: &str) -> Error {
    let names = quoted(message);
    // The key that is unknown is the end of the path to it.
    let (table, own) = key.rsplit_once('.').unwrap_or(("", key));
    let about = |key: &str, what: String| error::config(if key.is_empty() { what } else { format!("`{key}`: {what}") });
    match names.split_first() {
        Some((unknown, known)) if message.starts_with("unknown field") => {
            let error = about(if own == *unknown { table } else { key }, format!("unknown key `{unknown}`"));
            error.hint(instead(unknown, known))
        }
        Some((unknown, known)) if message.starts_with("unknown variant") => {
            about(key, format!("unknown value `{unknown}`")).hint(format!("known values: {}", known.join(", ")))
        }
        Some((missing, _)) if message.starts_with("missing field") => {
            about(key, format!("missing key `{missing}`")).hint("add it")
        }
        _ => {
            match message.strip_prefix("invalid ").and_then(|rest| rest.split_once(": ")?.1.rsplit_once(", expected "))
            {
                Some((found, expected)) => {
                    let (expected, hint) = in_words(expected, own);
                    let found = found_in_words(found);
                    let hint = if matches!(found, "a list" | "a table") { "give one value".to_owned() } else { hint };
                    about(key, format!("expected {expected}, found {found}")).hint(hint)
                }
                None => {
                    about(key, message.lines().next().unwrap_or("is not valid").to_owned()).hint("correct the value")
                }
            }
        }
    }
}

/// What serde expects, as somebody says it who writes the file, and how it is written.
fn in_words(expected: &str, key: &str) -> (String, String) {
    let (what, hint) = match expected {
        "a sequence" => ("a list", format!("write it in brackets: {key} = [ ... ]")),
        "a string" | "a borrowed string" | "path string" | "a character" => ("a text", "put it in quotes".to_owned()),
        "a boolean" => ("true or false", "write it without quotes".to_owned()),
        "u8" => ("a whole number from 0 to 255", "correct the value".to_owned()),
        // Ports.
        "u16" => ("a whole number from 0 to 65535", "correct the value".to_owned()),
        "u32" | "u64" | "usize" => ("a whole number from 0 on", "correct the value".to_owned()),
        "i8" | "i16" | "i32" | "i64" | "isize" => ("a whole number", "correct the value".to_owned()),
        "a map" => ("a table", format!("write it in braces: {key} = {{ ... }}")),
        text if text.starts_with("struct ") => ("a table", format!("write it in braces: {key} = {{ ... }}")),
        text if text.starts_with("string or map") => ("a text", "put it in quotes".to_owned()),
        other => return (other.to_owned(), "correct the value".to_owned()),
    };
    (what.to_owned(), hint)
}

/// What serde found, without the words for its type.
fn found_in_words(found: &str) -> &str {
    match found {
        "sequence" => "a list",
        "map" => "a table",
        _ => ["string ", "integer ", "boolean ", "floating point "]
            .into_iter()
            .find_map(|kind| found.strip_prefix(kind))
            .unwrap_or(found),
    }
}

/// The known name closest to `typed`, if one is close enough to be meant.
pub fn nearest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(typed, name), *name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
        .min()
        .map(|(_, name)| name)
}

/// The names that serde sets in back quotes.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}
