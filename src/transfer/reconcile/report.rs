//! The places side by side: a table of what differs for people, JSON for programs.

use std::collections::BTreeSet;
use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::Found;
use crate::error::{self, Result};
use crate::telemetry::summary::counted;

/// What a place gives for a key that it does not have.
const NOTHING: &str = "0";

/// All places, and in what they differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reconciliation {
    /// Whether every place agrees with the first in what both measure.
    pub equal: bool,
    /// The places, the first of which the others are held against.
    pub sides: Vec<String>,
    /// What was compared: measures that two places have at least.
    pub measures: Vec<String>,
    /// Keys of all places together.
    pub keys: u64,
    /// What differs, by key and measure.
    pub differences: Vec<Difference>,
    /// Differences that are printed for people.
    #[serde(skip)]
    show: usize,
}

/// A measure of a key that is not the same everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// The key; `None` is NULL.
    pub key: Option<String>,
    /// The measure.
    pub measure: String,
    /// The value of each place, in their order; `None` where the place has no such key, or its value is NULL, or it does
    /// not have the measure.
    pub values: Vec<Option<String>>,
}

/// Holds the places against the first.
///
/// # Errors
/// Config: a measure that no other place has, or none at all.
pub(super) fn compare(found: &[(&str, Found)], show: usize) -> Result<Reconciliation> {
    let mut measures: Vec<&String> = Vec::new();
    for (name, side) in found {
        for measure in &side.measures {
            if found.iter().filter(|(_, other)| other.measures.contains(measure)).count() < 2 {
                return Err(error::config(format!("side {name} alone measures {measure}"))
                    .hint("give another side a measure of that name, or leave it out"));
            }
            if !measures.contains(&measure) {
                measures.push(measure);
            }
        }
    }
    let keys: BTreeSet<&Option<String>> = found.iter().flat_map(|(_, side)| side.rows.keys()).collect();
    let mut differences = Vec::new();
    for key in &keys {
        for measure in &measures {
            let values: Vec<Value<'_>> = found.iter().map(|(_, side)| value(side, key, measure)).collect();
            let mut known = values.iter().filter(|value| **value != Value::NotMeasured);
            let Some(first) = known.next() else { continue };
            if known.any(|other| !other.equals(first)) {
                let values = values.iter().map(|value| value.shown()).collect();
                differences.push(Difference { key: (*key).clone(), measure: (*measure).clone(), values });
            }
        }
    }
    Ok(Reconciliation {
        equal: differences.is_empty(),
        sides: found.iter().map(|(name, _)| (*name).to_owned()).collect(),
        measures: measures.into_iter().cloned().collect(),
        keys: keys.len() as u64,
        differences,
        show,
    })
}

/// What a place says of a measure of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value<'a> {
    /// It does not have the measure.
    NotMeasured,
    /// It does not have the key, or the value is NULL: a sum of nothing.
    Nothing,
    Number(&'a str),
}

impl Value<'_> {
    fn equals(&self, other: &Self) -> bool {
        self.number() == other.number()
    }

    fn number(&self) -> &str {
        if let Self::Number(number) = self { number } else { NOTHING }
    }

    fn shown(&self) -> Option<String> {
        if let Self::Number(number) = self { Some((*number).to_owned()) } else { None }
    }
}

fn value<'a>(side: &'a Found, key: &Option<String>, measure: &str) -> Value<'a> {
    let Some(at) = side.measures.iter().position(|name| name == measure) else { return Value::NotMeasured };
    match side.rows.get(key).and_then(|values| values.get(at)) {
        Some(Some(number)) => Value::Number(number),
        _ => Value::Nothing,
    }
}

impl Reconciliation {
    /// The report as one JSON object; a stable interface.
    ///
    /// # Errors
    /// Bug: it cannot be written as JSON.
    pub fn to_json(&self) -> Result<serde_json::Value> {
        serde_json::to_value(self).map_err(|e| error::bug("cannot write the reconciliation as JSON").source(e))
    }

    /// `3 places, 305 keys, orders and total: equal`.
    pub(super) fn in_words(&self) -> String {
        let equal = match self.differences.len() {
            0 => "equal".to_owned(),
            many => counted(many as u64, "difference", "differences"),
        };
        let (sides, keys) = (self.sides.join(", "), counted(self.keys, "key", "keys"));
        format!("{sides}: {keys}, {}: {equal}", self.measures.join(" and "))
    }

    /// An error where something differs, for the exit code.
    ///
    /// # Errors
    /// Data: says how much, and the first.
    pub fn verdict(&self) -> Result<()> {
        let Some(first) = self.differences.first() else { return Ok(()) };
        let values: Vec<String> = self
            .sides
            .iter()
            .zip(&first.values)
            .map(|(side, value)| format!("{side} {}", value.as_deref().unwrap_or("-")))
            .collect();
        let what = format!(
            "{} between {}, first {} of {}: {}",
            counted(self.differences.len() as u64, "difference", "differences"),
            self.sides.join(", "),
            first.measure,
            first.key.as_deref().unwrap_or("NULL"),
            values.join(", ")
        );
        Err(error::data(what).hint("see the list; run what fills the places again, then this"))
    }
}

impl fmt::Display for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        let heads = ["key", "measure"].into_iter().chain(self.sides.iter().map(String::as_str));
        table.load_style(presets::ASCII_BORDERS_ONLY_CONDENSED).set_header(heads);
        for difference in self.differences.iter().take(self.show) {
            let key = difference.key.clone().unwrap_or_else(|| "NULL".to_owned());
            let values = difference.values.iter().map(|value| value.clone().unwrap_or_else(|| "-".to_owned()));
            table.add_row([key, difference.measure.clone()].into_iter().chain(values));
        }
        for index in 2..self.sides.len() + 2 {
            if let Some(column) = table.column_mut(index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        write!(f, "{table}")?;
        match self.differences.len().saturating_sub(self.show) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more, which --output json has"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(measures: &[&str], rows: &[(&str, &[&str])]) -> Found {
        Found {
            measures: measures.iter().map(|name| (*name).to_owned()).collect(),
            rows: rows
                .iter()
                .map(|(key, values)| {
                    let value = |v: &&str| Some((*v).to_owned()).filter(|v| v != "NULL");
                    (Some((*key).to_owned()), values.iter().map(value).collect())
                })
                .collect(),
        }
    }

    #[test]
    fn what_differs_is_listed_by_key_and_measure() {
        let shop = side(&["orders", "total"], &[("a", &["2", "5.5"]), ("b", &["1", "3"]), ("d", &["0", "NULL"])]);
        let hive = side(&["orders", "total"], &[("a", &["2", "5.5"]), ("b", &["1", "4"]), ("c", &["1", "1"])]);
        let clicks = side(&["orders"], &[("a", &["1"]), ("b", &["1"]), ("c", &["1"])]);
        let report = compare(&[("shop", shop.clone()), ("hive", hive), ("clicks", clicks)], 2).unwrap();
        let listed: Vec<(&str, &str)> =
            report.differences.iter().map(|d| (d.key.as_deref().unwrap(), d.measure.as_str())).collect();
        assert_eq!(listed, [("a", "orders"), ("b", "total"), ("c", "orders"), ("c", "total")]);
        assert_eq!(report.differences[2].values, [None, Some("1".to_owned()), Some("1".to_owned())]);
        assert!(report.to_string().ends_with("and 2 more, which --output json has"), "{report}");
        let error = report.verdict().unwrap_err();
        assert!(error.to_string().contains("first orders of a: shop 2, hive 2, clicks 1"), "{error}");
        let alone = compare(&[("shop", shop.clone()), ("again", shop)], 2).unwrap();
        assert!(alone.equal && alone.verdict().is_ok());
        assert_eq!(alone.in_words(), "shop, again: 3 keys, orders and total: equal");
    }

    #[test]
    fn a_measure_of_one_place_alone_is_refused() {
        let (one, other) = (side(&["orders"], &[]), side(&["order"], &[]));
        let error = compare(&[("shop", one), ("hive", other)], 2).unwrap_err();
        assert!(error.to_string().contains("side shop alone measures orders"), "{error}");
    }
}
