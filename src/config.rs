//! Reads TOML strictly: an unknown key is an error that names the nearest known one, a wrong type names its key.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{self, Error, Result};

/// Reads a TOML file into `T`.
///
/// # Errors
/// Config: the file cannot be read, is no TOML, or holds keys or types that `T` does not know.
pub fn read_file<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let text = std::fs::read_to_string(file).map_err(|e| {
        error::config(format!("cannot read {}", file.display())).hint("check the path of the file").source(e)
    })?;
    parse(&text, &file.display().to_string())
}

/// Parses TOML text; `origin` names it in errors.
///
/// # Errors
/// As [`read_file`].
pub fn parse<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T> {
    toml::from_str(text).map_err(|e| {
        let line = e.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let place = line.map_or(origin.to_owned(), |line| format!("{origin}:{line}"));
        advise(&place, e.message())
    })
}

/// Reads a table that was parsed already; `origin` names it in errors, such as `pipeline.toml: step orders`.
///
/// # Errors
/// As [`read_file`].
pub fn from_table<T: DeserializeOwned>(table: toml::Table, origin: &str) -> Result<T> {
    T::deserialize(toml::Value::Table(table)).map_err(|e| advise(origin, e.message()))
}

/// Writes `value` as a table that [`from_table`] reads back, leaving out what need not be said.
///
/// # Errors
/// Bug: `value` is no table, or is not read back as it was.
pub fn to_table<T: Serialize + DeserializeOwned + PartialEq>(value: &T) -> Result<toml::Table> {
    let mut table =
        toml::Table::try_from(value).map_err(|e| error::bug("cannot write a configuration as toml").source(e))?;
    let reads_back =
        |table: &toml::Table| T::deserialize(toml::Value::Table(table.clone())).is_ok_and(|read: T| read == *value);
    for key in table.keys().cloned().collect::<Vec<_>>() {
        let mut without = table.clone();
        without.remove(&key);
        if reads_back(&without) {
            table = without;
        }
    }
    if reads_back(&table) { Ok(table) } else { Err(error::bug("a configuration is not read as it was written")) }
}

/// Turns serde's words into an error with the remedy.
fn advise(place: &str, message: &str) -> Error {
    let names = quoted(message);
    let error = |what: String| error::config(format!("{place}: {what}"));
    match names.split_first() {
        Some((unknown, known)) if message.starts_with("unknown field") => {
            let what = format!("unknown key `{unknown}`");
            match nearest(unknown, known) {
                Some(name) => error(what).hint(format!("did you mean `{name}`?")),
                None => error(what).hint(format!("known keys: {}", known.join(", "))),
            }
        }
        Some((unknown, known)) if message.starts_with("unknown variant") => {
            error(format!("unknown value `{unknown}`")).hint(format!("known values: {}", known.join(", ")))
        }
        Some((missing, _)) if message.starts_with("missing field") => {
            error(format!("missing key `{missing}`")).hint("add it")
        }
        _ => error(message.lines().next().unwrap_or("is not valid").to_owned()).hint("correct the file"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Sample {
        split_by: String,
        #[serde(default)]
        kind: Kind,
    }

    #[derive(Debug, Default, PartialEq, Serialize, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        #[default]
        Parquet,
        Avro,
    }

    fn message(text: &str) -> String {
        let error = parse::<Sample>(text, "job.toml").unwrap_err();
        format!("{error}; {}", error.remedy().unwrap())
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest() {
        assert_eq!(
            message("split-by = 'id'\nsplitby = 'id'"),
            "job.toml:2: unknown key `splitby`; did you mean `split-by`?"
        );
        assert_eq!(
            message("split-by = 'id'\nzebra = 1"),
            "job.toml:2: unknown key `zebra`; known keys: split-by, kind"
        );
    }

    #[test]
    fn missing_keys_and_wrong_values_name_themselves() {
        assert_eq!(message("kind = 'avro'"), "job.toml:1: missing key `split-by`; add it");
        assert_eq!(
            message("split-by = 'id'\nkind = 'orc'"),
            "job.toml:2: unknown value `orc`; known values: parquet, avro"
        );
        assert!(message("split-by = 3").starts_with("job.toml:1: invalid type: integer `3`"));
    }

    #[test]
    fn known_keys_are_read() {
        let sample: Sample = parse("split-by = 'id'\nkind = 'avro'", "job.toml").unwrap();
        assert_eq!(sample, Sample { split_by: "id".to_owned(), kind: Kind::Avro });
    }

    #[test]
    fn what_need_not_be_said_is_not_written() {
        let written = |kind| to_table(&Sample { split_by: "id".to_owned(), kind }).unwrap().to_string();
        assert_eq!(written(Kind::Parquet), "split-by = \"id\"\n");
        assert_eq!(written(Kind::Avro), "kind = \"avro\"\nsplit-by = \"id\"\n");
    }

    #[test]
    fn a_table_is_read_as_strictly() {
        let table: toml::Table = toml::from_str("split-bye = 'id'").unwrap();
        let error = from_table::<Sample>(table, "job.toml: step orders").unwrap_err();
        assert_eq!(error.to_string(), "job.toml: step orders: unknown key `split-bye`");
        assert_eq!(error.remedy(), Some("did you mean `split-by`?"));
    }
}
