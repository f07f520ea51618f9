//! Reads TOML into our types and writes them as TOML.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tree::Document;
use super::words::explain;
use crate::error::{self, Error, Result};

/// Reads a TOML file into `T`.
///
/// # Errors
/// Config: the file cannot be read, is not TOML, or holds keys or values that `T` does not know.
pub fn read_file<T: DeserializeOwned>(file: &Path) -> Result<T> {
    parse(&read_text(file)?, &file.display().to_string())
}

/// The text of a file.
///
/// # Errors
/// Config: the file cannot be read, or is not UTF-8.
pub fn read_text(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|e| {
        error::config(format!("cannot read {}", file.display())).hint("check the path of the file").source(e)
    })
}

/// Parses TOML text; `origin` names it in errors.
///
/// # Errors
/// Config: the first thing that is wrong, with its line and key.
pub fn parse<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T> {
    Document::parse(text, origin)?.into_part().read().map_err(|wrong| first_of(wrong, &format!("sakia check {origin}")))
}

/// The first of several mistakes, and how many there are beside it; `check` is the command that says them all.
pub fn first_of(wrong: Vec<Error>, check: &str) -> Error {
    let others = wrong.len().saturating_sub(1);
    let first = wrong.into_iter().next().unwrap_or_else(|| error::bug("a file is refused without a reason"));
    match (others, first.remedy().map(str::to_owned)) {
        (0, _) => first,
        (n, remedy) => {
            let others = format!("{n} more {}: {check}", if n == 1 { "mistake" } else { "mistakes" });
            first.hint(remedy.map_or_else(|| others.clone(), |remedy| format!("{remedy} ({others})")))
        }
    }
}

/// Reads a table that was parsed already; `origin` names it in errors.
///
/// # Errors
/// Config: keys or values that `T` does not know.
pub fn from_table<T: DeserializeOwned>(table: toml::Table, origin: &str) -> Result<T> {
    T::deserialize(toml::Value::Table(table)).map_err(|e| explain(e.message(), "").context(origin))
}

/// Writes `value` as a table that [`from_table`] reads back, leaving out what need not be said.
///
/// # Errors
/// Bug: `value` is not a table, or is not read back as it was.
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
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        let error = parse::<Nothing>("zebra = 1", "job.toml").unwrap_err();
        assert_eq!(error.remedy(), Some("remove it: nothing can be set here"));
    }

    #[test]
    fn missing_keys_and_wrong_values_name_themselves() {
        assert_eq!(message("kind = 'avro'"), "job.toml:1: missing key `split-by`; add it");
        assert_eq!(
            message("split-by = 'id'\nkind = 'orc'"),
            "job.toml:2: `kind`: unknown value `orc`; known values: parquet, avro"
        );
        assert_eq!(message("split-by = 3"), "job.toml:1: `split-by`: expected a text, found `3`; put it in quotes");
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
