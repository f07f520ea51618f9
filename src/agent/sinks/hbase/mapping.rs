//! From an event to its rows.

use std::borrow::Cow;

use super::fields::{Bodies, Field};
use super::key::{KeyPart, Origin, row_key};
use crate::agent::event::Event;
use crate::hbase::RowMutation;

/// What is written of events.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Mapping {
    pub bodies: Bodies,
    pub key: Vec<KeyPart>,
    /// Cells, `family:qualifier`, and the values that they take. One without a value is left alone.
    pub cells: Vec<(String, Field)>,
    /// The family in which each header is a cell.
    pub header_family: Option<String>,
    pub stamp: Stamp,
}

/// The timestamp of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::agent) enum Stamp {
    /// The event's time: a repeat is the same cell, and an old event never covers a newer one.
    #[default]
    Event,
    /// The time of writing, as Flume has it: what is written last is what is read.
    Written,
}

/// A row of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) struct Made {
    /// The timestamp of its cells; `None` for the time of writing.
    pub stamp_ms: Option<i64>,
    pub row: RowMutation,
}

impl Mapping {
    /// The families that cells are in, each once.
    pub(in crate::agent) fn families(&self) -> Vec<&str> {
        let of_cells = self.cells.iter().filter_map(|(cell, _)| Some(cell.split_once(':')?.0));
        let mut all: Vec<&str> = of_cells.chain(self.header_family.as_deref()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The rows of an event, which stands at `origin`.
    ///
    /// # Errors
    /// Why it can be none.
    pub(in crate::agent) fn rows(&mut self, event: &Event, origin: Origin<'_>) -> Result<Vec<Made>, String> {
        event.is_whole()?;
        let Self { bodies, key, cells, header_family, stamp } = self;
        let (key, cells, family, stamp) = (&key[..], &cells[..], header_family.as_deref(), *stamp);
        let mut rows: Vec<Result<Made, String>> = Vec::new();
        bodies.take(event, &mut |found| {
            let origin = Origin { row: rows.len(), ..origin };
            let made = || {
                let mut row = RowMutation::new(row_key(key, &found, origin)?).map_err(|e| e.to_string())?;
                for (cell, field) in cells {
                    if let Some(value) = found.get(field) {
                        row.put(cell.as_str(), value);
                    }
                }
                if let Some(family) = family {
                    for (name, value) in event.headers.all() {
                        row.put(format!("{family}:{name}"), &**value);
                    }
                }
                if row.counts() == (0, 0) {
                    return Err("has no value for any cell".to_owned());
                }
                let stamp_ms = match (stamp, found.time_ms) {
                    (Stamp::Written, _) => None,
                    (Stamp::Event, Some(ms)) if ms >= 0 => Some(ms),
                    (Stamp::Event, Some(ms)) => return Err(format!("its time is before 1970: {ms} ms")),
                    (Stamp::Event, None) => {
                        return Err("has no time for its cells: no header is timestamp".to_owned());
                    }
                };
                Ok(Made { stamp_ms, row })
            };
            rows.push(made());
        })?;
        rows.into_iter().collect()
    }
}

impl Made {
    /// What the tests of an agent's file see: the key, and the cells by name.
    pub(in crate::agent) fn shown(&self) -> (String, Vec<(&str, Cow<'_, str>)>) {
        let cells = self.row.cells().filter_map(|(cell, value)| Some((cell, String::from_utf8_lossy(value?))));
        (String::from_utf8_lossy(self.row.key()).into_owned(), cells.collect())
    }
}
