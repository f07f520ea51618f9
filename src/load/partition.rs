//! Partition directories as Hive names them: `k=v/k2=v2` with its escapes and its name for NULL.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// The value Hive writes for NULL and for an empty string.
pub const DEFAULT_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// Names and values of the partition columns of some rows, in the table's order; empty for a table without them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partition(Vec<(String, String)>);

impl Partition {
    /// No partition: the files lie in the target directory itself.
    pub fn none() -> Self {
        Self::default()
    }

    /// Makes a partition from names and values; names become lower case, an empty value means NULL.
    pub fn new<K: AsRef<str>, V: Into<String>>(columns: impl IntoIterator<Item = (K, V)>) -> Self {
        let pair = |(name, value): (K, V)| {
            let value: String = value.into();
            let value = if value.is_empty() { DEFAULT_PARTITION.to_owned() } else { value };
            (name.as_ref().to_lowercase(), value)
        };
        Self(columns.into_iter().map(pair).collect())
    }

    /// Whether there are no partition columns.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Column names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Values in order, as the metastore keeps them.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, value)| value.as_str())
    }

    /// Names and values in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// These columns followed by those of `rest`.
    #[must_use]
    pub fn join(&self, rest: &Self) -> Self {
        Self(self.0.iter().chain(&rest.0).cloned().collect())
    }

    /// The directory below the target: `k=v/k2=v2`, or empty.
    pub fn path(&self) -> String {
        let directories: Vec<String> = self.0.iter().map(|(k, v)| format!("{}={}", escape(k), escape(v))).collect();
        directories.join("/")
    }
}

/// Escapes a path component as Hive's `FileUtils.escapePathName` does.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{1}'..='\u{1f}'
            | '\u{7f}'
            | '"'
            | '#'
            | '%'
            | '\''
            | '*'
            | '/'
            | ':'
            | '='
            | '?'
            | '\\'
            | '{'
            | '['
            | ']'
            | '^' => {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "%{:02X}", u32::from(c));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_hives() {
        let partition = Partition::new([("Dt", "2024-01-01"), ("hour", "08:30"), ("city", "Zürich/ost"), ("x", "")]);
        assert_eq!(partition.path(), "dt=2024-01-01/hour=08%3A30/city=Zürich%2Fost/x=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(Partition::none().path(), "");
        assert_eq!(escape("a b\n{}[]^~\u{7f}"), "a b%0A%7B}%5B%5D%5E~%7F");
    }

    proptest! {
        #[test]
        fn escapes_lead_back_and_stay_one_component(value in "[^\u{0}]{1,40}") {
            let escaped = escape(&value);
            prop_assert!(!escaped.contains('/') && !escaped.contains('='));
            prop_assert_eq!(percent_decode_str(&escaped).decode_utf8().unwrap(), value);
        }
    }
}
