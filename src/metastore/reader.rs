//! How Hive reads the files of a table that is there, and whether a load would write them so.
//!
//! Source: Hive 3.1 and 4.0, `LazySerDeParameters`, where a delimiter may be the number of a character.

use std::collections::BTreeMap;

use super::{TableInfo, TableSpec, structures};
use crate::error::{self, Result};

/// What Hive takes for NULL where nothing is said.
const NULL: &str = "\\N";

/// The delimiters of a text table, as its reader understands them.
#[derive(Debug, PartialEq, Eq)]
struct TextReader {
    fields: u8,
    escape: Option<u8>,
    null: String,
}

impl TextReader {
    fn of(serde: &BTreeMap<String, String>, table: &BTreeMap<String, String>) -> Self {
        let fields = serde.get("field.delim").or_else(|| serde.get("serialization.format"));
        Self {
            fields: fields.map_or(1, |text| byte(text, 1)),
            escape: serde.get("escape.delim").map(|text| byte(text, b'\\')),
            null: null_format(serde, table).to_owned(),
        }
    }

    fn in_words(&self) -> String {
        let escape = self.escape.map(|c| format!(", escaped by {:?}", char::from(c))).unwrap_or_default();
        format!("fields end with {:?}{escape}, NULL is {:?}", char::from(self.fields), self.null)
    }
}

/// A delimiter as Hive reads it: the number of a character, or the first one.
fn byte(text: &str, otherwise: u8) -> u8 {
    match text.parse::<i8>() {
        Ok(number) => number.to_ne_bytes()[0],
        Err(_) => text.bytes().next().unwrap_or(otherwise),
    }
}

fn null_format<'a>(serde: &'a BTreeMap<String, String>, table: &'a BTreeMap<String, String>) -> &'a str {
    let name = "serialization.null.format";
    table.get(name).or_else(|| serde.get(name)).map_or(NULL, String::as_str)
}

impl TableInfo {
    /// What stands for NULL in the text of this table.
    pub fn null_format(&self) -> &str {
        null_format(&self.serde_parameters, &self.parameters)
    }
}

/// Refuses a table whose files are read otherwise than the load writes them.
///
/// # Errors
/// Schema: another format, or other delimiters.
pub(super) fn check(wanted: &TableSpec, found: &TableInfo) -> Result<()> {
    let name = wanted.full_name();
    let (input, serde) = structures::classes(&wanted.storage);
    if (found.input_format.as_str(), found.serde.as_str()) != (input, serde) {
        let what = format!("table {name} is read by {} and the load would write for {serde}", found.serde);
        return Err(error::schema(what)
            .hint("choose the file format of the table, or another table; dropping an external one leaves its files"));
    }
    if !wanted.storage.is_text() {
        return Ok(());
    }
    let there = TextReader::of(&found.serde_parameters, &found.parameters);
    let ours = TextReader::of(&structures::serde_parameters(&wanted.storage), &BTreeMap::new());
    if there != ours {
        let (there, ours) = (there.in_words(), ours.in_words());
        return Err(error::schema(format!("in table {name} {there}, and the load would write files where {ours}"))
            .hint("give the delimiters and null strings of the table, or choose another table"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::metastore::{Column, HiveStorage};

    fn spec(fields: char, escaped_by: Option<char>, null: &str) -> TableSpec {
        TableSpec {
            database: "shop".into(),
            table: "orders".into(),
            comment: None,
            columns: vec![Column::new("id", "bigint")],
            partition_columns: Vec::new(),
            location: "hdfs://nn:8020/lake/orders".into(),
            storage: HiveStorage::Text { fields, lines: '\n', escaped_by, null: Some(null.into()) },
            parameters: BTreeMap::new(),
            adopt: false,
        }
    }

    #[test]
    fn a_table_is_read_as_it_was_made() {
        for spec in [spec('\u{1}', None, "\\N"), spec(',', Some('\\'), "null"), spec('7', None, "")] {
            check(&spec, &structures::table_info(&structures::table(&spec, "etl"))).unwrap();
        }
        let mut made_by_hive = structures::table_info(&structures::table(&spec('\u{1}', None, "\\N"), "etl"));
        made_by_hive.serde_parameters = BTreeMap::from([("serialization.format".into(), "1".into())]);
        check(&spec('\u{1}', None, "\\N"), &made_by_hive).unwrap();
        assert_eq!(made_by_hive.null_format(), "\\N");
    }

    #[test]
    fn other_formats_and_delimiters_are_refused() {
        let there = structures::table_info(&structures::table(&spec(',', None, "\\N"), "etl"));
        for other in [spec('|', None, "\\N"), spec(',', Some('\\'), "\\N"), spec(',', None, "null")] {
            assert_eq!(check(&other, &there).unwrap_err().kind(), Kind::Schema);
        }
        let parquet = TableSpec { storage: HiveStorage::Parquet, ..spec(',', None, "") };
        assert_eq!(check(&parquet, &there).unwrap_err().kind(), Kind::Schema);
    }
}
