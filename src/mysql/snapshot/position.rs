//! Where in the server's history a snapshot lies.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in the binlog, a set of transactions, or both: where change capture can go on from a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Name of the binlog file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Offset in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Every transaction that the snapshot holds, in the server's own notation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtid: Option<String>,
}

impl Position {
    /// The position, if anything is known.
    pub(super) fn known(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    /// From rows of name and value that the server gives, of which the file and position are the parts so named.
    pub(super) fn of_status(rows: &[Vec<Option<String>>], prefix: &str) -> Self {
        let value = |name: &str| {
            let named = rows.iter().find(|row| {
                let name_of_row = row.first().and_then(Option::as_deref).unwrap_or_default();
                name_of_row.to_ascii_lowercase().strip_prefix(prefix) == Some(name)
            });
            named.and_then(|row| row.get(1)?.clone()).filter(|v| !v.is_empty() && v != "none")
        };
        let file = value("file");
        let position = value("position").and_then(|p| p.parse().ok()).filter(|_| file.is_some());
        Self { file, position, gtid: value("gtid_executed") }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.file.as_ref().zip(self.position).map(|(file, position)| format!("{file}:{position}"));
        // Servers break long sets into lines.
        let gtid = self.gtid.as_ref().map(|set| format!("gtid {}", set.replace('\n', "")));
        f.write_str(&place.into_iter().chain(gtid).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_printed_and_kept() {
        let whole = Position { file: Some("bin.000002".into()), position: Some(42), gtid: Some("a:1-3,\nb:1".into()) };
        assert_eq!(whole.to_string(), "bin.000002:42, gtid a:1-3,b:1");
        let json = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), whole);
        let place = Position { gtid: None, ..whole };
        assert_eq!(serde_json::to_string(&place).unwrap(), r#"{"file":"bin.000002","position":42}"#);
        assert_eq!(Position::default().known(), None);
    }

    #[test]
    fn status_is_read_whatever_its_case() {
        let row = |name: &str, value: &str| vec![Some(name.to_owned()), Some(value.to_owned())];
        let rows = [row("Binlog_snapshot_file", "bin.000001"), row("Binlog_snapshot_position", "4")];
        let position = Position::of_status(&rows, "binlog_snapshot_");
        assert_eq!((position.file.as_deref(), position.position), (Some("bin.000001"), Some(4)));
        let none = [row("Binlog_snapshot_file", "none"), row("Binlog_snapshot_position", "0")];
        assert_eq!(Position::of_status(&none, "binlog_snapshot_").known(), None);
    }
}
