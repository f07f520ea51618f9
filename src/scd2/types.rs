//! What Hive's types allow: which may be a key, how a value is written as a text that stands for it
//! alone, and how a column of the log fits that of the dimension.

use super::args::Scd2Args;
use super::source::SourceColumn;
use crate::error::{self, Result};
use crate::hiveserver2::quote;
use crate::metastore::types::carries;

/// A column that the dimension carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    /// As the specification writes it.
    pub name: String,
    /// Its type in the log.
    pub log_type: String,
    /// Its type in the dimension, once that is widened.
    pub hive_type: String,
    /// Whether it is one of the keys.
    pub is_key: bool,
}

/// How a column of the log fits that of the dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// The types are the same.
    Same,
    /// The dimension's holds every value of the log's.
    Cast,
    /// The log's holds every value of the dimension's, which is widened.
    Widen,
    /// Neither.
    Differ,
}

/// Holds the type of a column in the log against that in the dimension. A key must keep its text, which is part of
/// every surrogate key.
pub(super) fn fit(log: &str, dimension: &str, is_key: bool) -> Fit {
    let grows = |from: &str, to: &str| grows(from, to) && (!is_key || scale(from) == scale(to));
    if log == dimension {
        Fit::Same
    } else if grows(log, dimension) {
        Fit::Cast
    } else if grows(dimension, log) {
        Fit::Widen
    } else {
        Fit::Differ
    }
}

/// Whether `to` holds every value of `from`, as the same kind of value.
fn grows(from: &str, to: &str) -> bool {
    let length = |kind: &str, name: &str| -> Option<u32> {
        name.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')')?.trim().parse().ok()
    };
    let longer = |kind| matches!((length(kind, from), length(kind, to)), (Some(from), Some(to)) if from <= to);
    longer("varchar")
        || longer("char")
        || (length("varchar", from).is_some() && to == "string")
        || (to != "string" && carries(from, to))
}

/// Digits behind the point.
fn scale(name: &str) -> &str {
    name.strip_prefix("decimal(")
        .and_then(|rest| rest.strip_suffix(')')?.split_once(','))
        .map_or("0", |(_, s)| s.trim())
}

/// Refuses a column whose values cannot be told apart by a text that is the same on every server and in every session.
///
/// # Errors
/// Schema.
pub(super) fn check_key(column: &SourceColumn, table: &str) -> Result<()> {
    let why = match column.hive_type.as_str() {
        "float" | "double" => "0.0 and -0.0 are equal and are not the same text",
        name if name.starts_with("timestamp with") => "its text depends on the session's time zone",
        _ => return Ok(()),
    };
    let what = format!("column {} of table {table} is {} and cannot be a key: {why}", column.name, column.hive_type);
    Err(error::schema(what).hint("convert it in a view over the log, such as to decimal, bigint or string"))
}

/// Refuses a column of moments or operations whose type is not what it was when the log was last applied, as noted with the
/// dimension: what it says may not be what it said then.
///
/// # Errors
/// Schema.
pub(super) fn check_noted(args: &Scd2Args, log: &[SourceColumn], noted: &str) -> Result<()> {
    let is_text = |name: &str| name == "string" || name.starts_with("varchar(") || name.starts_with("char(");
    let is_whole = |name: &str| matches!(name, "tinyint" | "smallint" | "int" | "bigint");
    for name in args.of_events() {
        let Some(column) = log.iter().find(|column| column.name.eq_ignore_ascii_case(name)) else { continue };
        let (was, is) =
            (noted.split(", ").find_map(|one| one.strip_prefix(&format!("{} ", column.name))), &column.hive_type);
        let alike = |was: &str| (is_text(was) && is_text(is)) || (is_whole(was) && is_whole(is));
        let fits = |was: &str| was == is || (was == "date" && is == "timestamp") || alike(was);
        if let Some(was) = was.filter(|was| !fits(was)) {
            let what = format!("column {name} of table {} is {is} and was {was} when it was last applied", args.source);
            return Err(error::schema(what).hint("convert it in a view over the log, or name another target"));
        }
    }
    Ok(())
}

/// A value as text, for comparisons: equal texts are equal values. NULL stays NULL.
pub(super) fn text(name: &str, hive_type: &str) -> String {
    match hive_type {
        "binary" => format!("hex({name})"),
        // Makes -0.0 and 0.0 one value.
        "float" | "double" => format!("CAST({name} + CAST(0 AS double) AS string)"),
        _ => format!("CAST({name} AS string)"),
    }
}

/// A key as it goes into the surrogate key: `\` and `|` escaped, so that two keys never look like one. Text that is not
/// UTF-8 would be bent by the escaping; there its bytes stand in hexadecimal behind `\x`.
pub(super) fn key_text(name: &str, hive_type: &str) -> String {
    let (backslash, two) = (quote::text(r"\"), quote::text(r"\\"));
    let (bar, escaped_bar) = (quote::text("|"), quote::text(r"\|"));
    let escaped = |text: &str| format!("replace(replace({text}, {backslash}, {two}), {bar}, {escaped_bar})");
    match hive_type {
        "binary" => format!("hex({name})"),
        "string" => format!(
            "IF(instr({name}, '\u{fffd}') > 0, concat({}, hex({name})), {})",
            quote::text(r"\x"),
            escaped(&format!("CAST({name} AS string)"))
        ),
        _ => escaped(&format!("CAST({name} AS string)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn types_fit_where_no_value_is_bent() {
        for (log, dimension, column, key) in [
            ("bigint", "bigint", Fit::Same, Fit::Same),
            ("bigint", "int", Fit::Widen, Fit::Widen),
            ("int", "bigint", Fit::Cast, Fit::Cast),
            ("decimal(20,0)", "bigint", Fit::Widen, Fit::Widen),
            ("decimal(12,4)", "decimal(10,2)", Fit::Widen, Fit::Differ),
            ("decimal(12,2)", "decimal(10,2)", Fit::Widen, Fit::Widen),
            ("decimal(10,4)", "decimal(10,2)", Fit::Differ, Fit::Differ),
            ("varchar(20)", "varchar(5)", Fit::Widen, Fit::Widen),
            ("string", "varchar(5)", Fit::Widen, Fit::Widen),
            ("varchar(5)", "string", Fit::Cast, Fit::Cast),
            ("char(9)", "char(5)", Fit::Widen, Fit::Widen),
            ("double", "float", Fit::Widen, Fit::Widen),
            ("string", "int", Fit::Differ, Fit::Differ),
            ("int", "string", Fit::Differ, Fit::Differ),
            ("date", "timestamp", Fit::Differ, Fit::Differ),
            ("double", "bigint", Fit::Differ, Fit::Differ),
        ] {
            assert_eq!(fit(log, dimension, false), column, "{log} over {dimension}");
            assert_eq!(fit(log, dimension, true), key, "key {log} over {dimension}");
        }
    }

    #[test]
    fn moments_and_operations_keep_their_types() {
        let args: Scd2Args = toml::from_str(
            "source = 'a.log'\ntarget = 'a.dim'\nkeys = ['k']\nsequence = 'at'\ntracked = ['v']\nop-column = 'op'",
        )
        .unwrap();
        let column = |name: &str, hive_type: &str| SourceColumn {
            name: name.into(),
            hive_type: hive_type.into(),
            comment: String::new(),
        };
        let log = [column("at", "timestamp"), column("op", "varchar(9)")];
        for noted in ["", "k int, v decimal(10,2), at date, op string", "at timestamp, op char(1)"] {
            check_noted(&args, &log, noted).unwrap();
        }
        for noted in ["at timestamp, op int", "at string, op string"] {
            assert_eq!(check_noted(&args, &log, noted).unwrap_err().kind(), Kind::Schema, "{noted}");
        }
    }

    #[test]
    fn keys_are_of_types_that_serve() {
        let column =
            |hive_type: &str| SourceColumn { name: "c".into(), hive_type: hive_type.into(), comment: String::new() };
        for refused in ["float", "double", "timestamp with local time zone"] {
            assert_eq!(check_key(&column(refused), "t").unwrap_err().kind(), Kind::Schema);
        }
        for key in ["binary", "string", "char(3)", "decimal(20,0)", "date", "timestamp", "boolean"] {
            check_key(&column(key), "t").unwrap();
        }
    }
}
