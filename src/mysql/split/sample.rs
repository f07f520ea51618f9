//! Cuts without an index: one pass draws a sample of the keys, the server sorts it, and the sample is cut.

use super::cut::{Charset, Side, compare};
use super::key::{KeyColumn, KeyKind};
use super::points::Points;
use super::{Planner, in_conditions};
use crate::error::Result;
use crate::mysql::{quote, session};

/// Keys drawn: with so many, a share of a sixteenth is met within a fifth or so.
const DRAWN: usize = 2_000;

impl Planner<'_> {
    /// Points from a sample, each with the rows of the sample that it stands for.
    pub(super) async fn sample(&mut self) -> Result<Points> {
        let texts: Vec<usize> =
            (0..self.charsets.len()).filter(|i| self.key.columns[*i].kind == KeyKind::Text).collect();
        let charsets = texts.iter().map(|i| format!(", CHARSET(k{i}), COLLATION(k{i})")).collect::<String>();
        let (raw, keys) = (self.raw_columns(), self.key_columns());
        let sql = format!(
            "SELECT {raw}{charsets} FROM (SELECT {} FROM {}{} ORDER BY RAND() LIMIT {DRAWN}) AS drawn ORDER BY {keys}",
            self.exact_columns(&self.source_columns()),
            self.source.from,
            self.source.filter(&self.inside_ends()),
        );
        let rows = self.ask(&sql).await?;
        let width = self.key.columns.len();
        if let Some(row) = rows.first() {
            for (pair, column) in row[width.min(row.len())..].chunks(2).zip(texts) {
                self.charsets[column] = Charset::of(pair)?;
            }
        }
        // Each drawn row stands for so many; the whole is known where less were drawn than wanted.
        let drawn = rows.len();
        let weight = match self.estimate {
            Some(estimate) if drawn == DRAWN => (estimate / DRAWN as u64).max(1),
            // How many rows a query gives is not known: enough to be worth splitting.
            None if drawn == DRAWN => (self.options.min_rows / 100).max(1),
            _ => 1,
        };
        let mut points = Points::default();
        for row in &rows {
            let Some(cut) = self.cut(&row[..width.min(row.len())])? else {
                if let Some((_, rows)) = points.all.last_mut() {
                    *rows += weight;
                }
                continue;
            };
            match points.all.last_mut() {
                Some((last, rows)) if *last == cut => *rows += weight,
                _ => points.all.push((cut, weight)),
            }
        }
        if self.options.limit.is_some() {
            self.add_ends(&mut points).await?;
        }
        Ok(points)
    }

    /// Puts the true ends around a sample, which may miss them.
    async fn add_ends(&mut self, points: &mut Points) -> Result<()> {
        let (low, high) = match &self.ends {
            Some((low, high)) => (Some(low.clone()), Some(high.clone())),
            None => {
                let column = &self.source_columns()[0];
                let sql = format!(
                    "SELECT MIN({column}), MAX({column}) FROM {}{}",
                    self.source.from,
                    self.source.filter(&self.known_in_source())
                );
                let row = self.ask(&sql).await?.pop().unwrap_or_default();
                let (low, high) = (row.first().cloned(), row.get(1).cloned());
                (self.cut_near(&[low.flatten()])?, self.cut_near(&[high.flatten()])?)
            }
        };
        if let Some(low) = low {
            match points.all.first_mut() {
                Some((first, _)) => *first = low,
                None => points.all.push((low, 0)),
            }
        }
        points.greatest = high;
        Ok(())
    }

    /// The rows within the given ends whose key is known.
    fn inside_ends(&self) -> Vec<String> {
        let mut conditions = self.known_in_source();
        if let Some((low, high)) = &self.ends {
            let columns = self.source_columns();
            conditions.push(compare(&columns, Side::AtLeast, low));
            conditions.push(compare(&columns, Side::UpTo, high));
        }
        conditions
    }

    fn known_in_source(&self) -> Vec<String> {
        let columns = self.key.columns.iter().zip(self.source_columns());
        columns.filter(|(c, _)| c.nullable).map(|(_, sql)| format!("{sql} IS NOT NULL")).collect()
    }

    /// The columns of the key as the source names them: a query's columns are those of its result.
    fn source_columns(&self) -> Vec<String> {
        match self.source.is_query() {
            true => self.key.columns.iter().map(in_result).collect(),
            false => in_conditions(&self.key),
        }
    }
}

/// The column as the result of the query has it.
fn in_result(column: &KeyColumn) -> String {
    let name = format!("t1.{}", quote(&column.name));
    if column.kind == KeyKind::Instant { session::seconds(&name) } else { name }
}
