//! What a metastore's schema holds, and which names Hive can read back. Pure: what depends on the server at hand is
//! asked by `probe`.
//!
//! Source: `hive-schema-{3.1,4.0}.0.mysql.sql`; `MetaStoreUtils.validateName` (Java's `\w` is ASCII); the names that
//! break a reader were found by reading every printable ASCII character back through HiveServer2 4.0.1.

use std::collections::BTreeSet;

use super::{Column, HiveStorage, TableSpec};
use crate::error::{self, Error, Result};

const MAX_DATABASE: usize = 128;
const MAX_TABLE: usize = 256;
const MAX_COLUMN: usize = 767;
const MAX_PARTITION_COLUMN: usize = 128;
const MAX_LOCATION: usize = 4000;

/// Longest comment of a column; Hive's own schema cuts nothing, it fails.
pub(super) const MAX_COMMENT: usize = 256;

/// Refuses a table that no metastore takes, or that Hive could not read.
///
/// # Errors
/// Config: the name of the table, or of its database, is not a name in Hive. Schema: a column's name.
pub(super) fn check(spec: &TableSpec) -> Result<()> {
    for (what, name, longest) in [("database", &spec.database, MAX_DATABASE), ("table", &spec.table, MAX_TABLE)] {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.is_empty() || !plain || name.len() > longest {
            return Err(error::config(format!("{name:?} cannot be the name of a hive {what}"))
                .hint(format!("hive takes up to {longest} letters a to z, digits and underscores: give hive-{what}")));
        }
    }
    if spec.location.chars().count() > MAX_LOCATION {
        return Err(error::config(format!("table {}: its location is too long for a metastore", spec.full_name())));
    }
    for column in &spec.columns {
        if let Some(why) = unreadable(&column.name, &spec.storage) {
            return Err(refused(spec, &column.name, &why));
        }
    }
    for column in &spec.partition_columns {
        let too_long = column.name.chars().count() > MAX_PARTITION_COLUMN;
        let why = too_long.then(|| format!("longer than {MAX_PARTITION_COLUMN} characters"));
        if let Some(why) = why.or_else(|| unreadable_anywhere(&column.name)) {
            return Err(refused(spec, &column.name, &why));
        }
    }
    twice(spec)
}

/// Hive knows one column by a name, whatever its case, in files and directories together.
fn twice(spec: &TableSpec) -> Result<()> {
    let all: Vec<&Column> = spec.columns.iter().chain(&spec.partition_columns).collect();
    for (index, column) in all.iter().enumerate() {
        // A database pads the names that it compares.
        if all[..index].iter().any(|earlier| earlier.name.trim_end() == column.name.trim_end()) {
            let what = format!("table {}: {:?} is the name of two columns", spec.full_name(), column.name);
            return Err(error::schema(what).hint("leave one of them out, or rename it: map-column-name OLD=NEW"));
        }
    }
    Ok(())
}

/// Whether the database behind a metastore may be unable to hold what a table consists of; trying tells.
pub(super) fn are_doubtful(spec: &TableSpec) -> bool {
    let plain = |column: &Column| column.name.is_ascii() && column.comment.as_ref().is_none_or(|text| text.is_ascii());
    let storage = match &spec.storage {
        HiveStorage::Parquet => true,
        HiveStorage::Avro { schema_json } => schema_json.is_ascii(),
        HiveStorage::Text { null, .. } | HiveStorage::Sequence { null, .. } => {
            null.as_ref().is_none_or(|text| text.is_ascii())
        }
    };
    let comment = spec.comment.as_ref().is_none_or(|text| text.is_ascii());
    !(storage && comment && spec.columns.iter().chain(&spec.partition_columns).all(plain))
}

/// Why Hive would not read a column of this name in such files; `None` where it would.
pub fn unreadable(name: &str, storage: &HiveStorage) -> Option<String> {
    // The reader of Parquet writes the names into a text that it then parses.
    const PARQUET: &str = " ;{}()=,";
    let parquet = matches!(storage, HiveStorage::Parquet);
    match name.chars().find(|c| parquet && PARQUET.contains(*c)) {
        Some(c) => Some(format!("hive cannot read a name with {c:?} in parquet files")),
        None => unreadable_anywhere(name),
    }
}

/// Names of columns that every table of Hive 4 has.
const VIRTUAL: [&str; 12] = [
    "block__offset__inside__file",
    "file__path",
    "grouping__id",
    "input__file__name",
    "partition__hash",
    "partition__spec__id",
    "raw__data__size",
    "row__id",
    "row__is__deleted",
    "row__offset__inside__block",
    "row__position",
    "snapshot__id",
];

fn unreadable_anywhere(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if name.chars().count() > MAX_COLUMN {
        return Some(format!("it is longer than {MAX_COLUMN} characters"));
    }
    if VIRTUAL.contains(&name.to_lowercase().as_str()) {
        return Some("hive itself has a column of this name in every table".to_owned());
    }
    let bad = name.chars().find(|c| matches!(c, '.' | ':') || c.is_control())?;
    Some(format!("hive cannot read a name with {bad:?}"))
}

/// The error of a column that cannot be part of a table.
pub(super) fn refused(spec: &TableSpec, column: &str, why: &str) -> Error {
    error::schema(format!("table {}: column {column:?}: {why}", spec.full_name()))
        .hint("rename it: map-column-name OLD=NEW, or column-names = \"hive\" for all that hive cannot read")
}

/// Names that every Hive reads in any file format and every metastore holds, for columns of these names: a character
/// other than a letter a to z, a digit or an underscore becomes an underscore; a name that is taken, or that Hive uses
/// itself, gets a number at its end. Names that are fine stay, so that a column that is added later renames no other.
pub fn readable<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let names: Vec<&str> = names.into_iter().collect();
    let is_plain = |name: &str| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && unreadable_anywhere(name).is_none()
    };
    let mut taken: BTreeSet<String> =
        names.iter().filter(|name| is_plain(name)).map(|name| name.to_lowercase()).collect();
    let mut seen = BTreeSet::new();
    let rename = |name: &&str| {
        // The first of several that differ in case keeps its name.
        if is_plain(name) && seen.insert(name.to_lowercase()) {
            return (*name).to_owned();
        }
        let clean: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let clean: String = clean.chars().take(MAX_PARTITION_COLUMN - 4).collect();
        let numbered = (2..).map(|n| format!("{clean}_{n}"));
        let mut candidates = std::iter::once(clean.clone()).chain(numbered).filter(|name| is_plain(name));
        // The numbers do not end before the names do.
        let free = candidates.find(|name| taken.insert(name.to_lowercase()));
        free.unwrap_or(clean)
    };
    names.iter().map(rename).collect()
}

/// Cuts comments to the length that a metastore holds; gives the names of their columns.
pub fn cut_comments(columns: &mut [Column]) -> Vec<String> {
    let mut cut = Vec::new();
    for column in columns {
        let Some(comment) = column.comment.as_mut().filter(|text| text.chars().count() > MAX_COMMENT) else { continue };
        *comment = comment.chars().take(MAX_COMMENT - 3).chain("...".chars()).collect();
        cut.push(column.name.clone());
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn text() -> HiveStorage {
        HiveStorage::Text { fields: ',', lines: '\n', escaped_by: None, null: None }
    }

    fn spec(database: &str, table: &str, columns: &[&str]) -> TableSpec {
        TableSpec {
            database: database.into(),
            table: table.into(),
            comment: None,
            columns: columns.iter().map(|name| Column::new(*name, "string")).collect(),
            partition_columns: vec![Column::new("dt", "string")],
            location: "hdfs://nn:8020/x".into(),
            storage: text(),
            parameters: std::collections::BTreeMap::new(),
            adopt: false,
        }
    }

    #[test]
    fn names_of_tables_are_words() {
        check(&spec("shop", "orders_2", &["id"])).unwrap();
        for (database, table) in
            [("shop", "été"), ("shop", "a b"), ("shop", ""), ("sh-op", "a"), ("shop", &"x".repeat(257))]
        {
            let error = check(&spec(database, table, &["id"])).unwrap_err();
            assert_eq!(error.kind(), Kind::Config, "{table}");
            assert!(error.remedy().is_some());
        }
    }

    #[test]
    fn a_column_is_there_once() {
        for columns in [&["id", "name", "id"][..], &["id", "dt"]] {
            let error = check(&spec("shop", "orders", columns)).unwrap_err();
            assert_eq!(error.kind(), Kind::Schema);
            assert!(error.to_string().contains("two columns"), "{error}");
        }
    }

    #[test]
    fn each_reader_has_names_it_cannot_read() {
        for (name, in_text, in_parquet) in [
            ("id", true, true),
            ("select", true, true),
            ("a-b", true, true),
            ("é", true, true),
            ("a b", true, false),
            ("a ", true, false),
            ("a,b", true, false),
            ("a;b", true, false),
            ("a.b", false, false),
            ("a:b", false, false),
            ("a\tb", false, false),
            ("", false, false),
            ("INPUT__FILE__NAME", false, false),
            (&"x".repeat(768), false, false),
        ] {
            assert_eq!(unreadable(name, &text()).is_none(), in_text, "{name:?} in text");
            assert_eq!(unreadable(name, &HiveStorage::Parquet).is_none(), in_parquet, "{name:?} in parquet");
        }
    }

    #[test]
    fn every_name_has_a_readable_one_and_none_is_given_twice() {
        let names = ["id", "Id", "a b", "a_b", "列", "行", "row__id", "", "date"];
        let renamed = readable(names);
        assert_eq!(renamed, ["id", "Id_2", "a_b_2", "a_b", "_", "__2", "row__id_2", "_2", "date"]);
        let distinct: BTreeSet<String> = renamed.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn long_comments_are_cut() {
        let mut columns = [Column::new("id", "int"), Column::new("note", "string")];
        columns[1].comment = Some("ä".repeat(300));
        assert_eq!(cut_comments(&mut columns), ["note"]);
        assert_eq!(columns[1].comment.as_ref().map(|text| text.chars().count()), Some(MAX_COMMENT));
    }
}
