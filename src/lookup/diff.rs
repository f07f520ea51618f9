//! What has to be written so that the table shows the pages; pure, so the rules about NULL and timestamps are tested
//! here without a server. The module above says why they are what they are.

use std::collections::HashSet;

use super::pages::{Page, Pages};
use crate::error::Result;
use crate::hbase::{Row, RowMutation, TableSchema};

/// What differs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Diff {
    /// The rows to write.
    pub changes: Vec<RowMutation>,
    /// Rows that show their page already.
    pub unchanged_rows: u64,
    /// Rows of the table without a page.
    pub foreign_rows: u64,
    /// Newest timestamp in the rows to be changed.
    newest_ms: Option<i64>,
}

impl Diff {
    /// The timestamp that makes the changes win.
    pub(super) fn timestamp_ms(&self, watermark_ms: i64) -> i64 {
        self.newest_ms.map_or(watermark_ms, |newest| watermark_ms.max(newest.saturating_add(1)))
    }

    /// What the summary's numbers cannot say.
    pub(super) fn detail(&self) -> String {
        let (puts, deletes) = self
            .changes
            .iter()
            .map(RowMutation::counts)
            .fold((0, 0), |(puts, deletes), (more_puts, more_deletes)| (puts + more_puts, deletes + more_deletes));
        let mut detail = format!("{puts} cells put, {deletes} deleted, {} rows unchanged", self.unchanged_rows);
        if self.foreign_rows > 0 {
            detail.push_str(&format!(", {} rows in hbase that the query does not give", self.foreign_rows));
        }
        detail
    }
}

/// Sees the rows of the table one after another and collects the differences.
pub(super) struct Differ<'a> {
    schema: &'a TableSchema,
    pages: &'a Pages,
    run_id: &'a str,
    seen: HashSet<Vec<u8>>,
    diff: Diff,
}

impl<'a> Differ<'a> {
    /// Compares with `pages`; changed rows will say that `run_id` wrote them.
    pub(super) fn new(schema: &'a TableSchema, pages: &'a Pages, run_id: &'a str) -> Self {
        Self { schema, pages, run_id, seen: HashSet::new(), diff: Diff::default() }
    }

    /// Takes in a row that the table shows.
    pub(super) fn see(&mut self, row: &Row) -> Result<()> {
        let Some(page) = self.pages.get(&row.key) else {
            self.diff.foreign_rows += 1;
            return Ok(());
        };
        self.seen.insert(row.key.clone());
        match self.change(page, row)? {
            Some(change) => {
                self.diff.changes.push(change);
                self.diff.newest_ms = self.diff.newest_ms.max(row.newest_ms());
            }
            None => self.diff.unchanged_rows += 1,
        }
        Ok(())
    }

    /// Adds the pages that no row was seen for.
    pub(super) fn finish(mut self) -> Result<Diff> {
        for (key, page) in self.pages.iter().filter(|(key, _)| !self.seen.contains(*key)) {
            let absent = Row { key: key.to_vec(), ..Row::default() };
            match self.change(page, &absent)? {
                Some(change) => self.diff.changes.push(change),
                // A page of NULLs only has no cell to show.
                None => self.diff.unchanged_rows += 1,
            }
        }
        Ok(self.diff)
    }

    /// The changes that make `row` show `page`, if any.
    fn change(&self, page: &Page, row: &Row) -> Result<Option<RowMutation>> {
        let mut change = RowMutation::new(row.key.as_slice())?;
        for (column, value) in self.schema.columns.iter().zip(page) {
            match (value, row.cell(&column.cell)) {
                (Some(value), Some(cell)) if cell.value == *value => {}
                (Some(value), _) => change.put(&column.cell, value.as_slice()),
                (None, Some(_)) => change.delete(&column.cell),
                (None, None) => {}
            }
        }
        if change.counts() == (0, 0) {
            return Ok(None);
        }
        change.put(&self.schema.written_by, self.run_id.as_bytes());
        Ok(Some(change))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::hbase::Cell;
    use crate::hiveserver2::{Column, Rows, Value};

    pub(in crate::lookup) fn schema() -> TableSchema {
        TableSchema::parse(
            r#"
            table = "t"
            comment = "what's known"
            written-by = "m:run"
            row-key = { column = "id", salt-buckets = 16, width = 12 }
            [[family]]
            name = "p"
            [[family]]
            name = "m"
            [[column]]
            name = "country"
            cell = "p:country"
            [[column]]
            name = "city"
            cell = "m:city"
            hive-type = "varchar(20)"
            comment = "where, if known"
            "#,
        )
        .unwrap()
    }

    type Shown = BTreeMap<u8, [Option<u8>; 2]>;

    fn pages(state: &Shown, at_ms: i64) -> Pages {
        let column = |name: &str| Column { name: name.into(), hive_type: "string".into() };
        let value = |value: &Option<u8>| value.map_or(Value::Null, |v| Value::Text(v.to_string()));
        let row = |(id, [a, b]): (&u8, &[Option<u8>; 2])| {
            vec![Value::Int(i64::from(*id)), value(a), value(b), Value::Int(at_ms)]
        };
        let columns = ["id", "country", "city", "at"].map(column).to_vec();
        let rows = Rows { columns, rows: state.iter().map(row).collect() };
        Pages::of(&schema(), Some("at"), rows, 1_000_000).unwrap()
    }

    /// A table as HBase keeps it: puts and tombstones by cell, each with its timestamp; a tombstone hides every put
    /// that is not newer, whatever came first.
    #[derive(Default)]
    struct Table {
        puts: BTreeMap<(Vec<u8>, String), BTreeMap<i64, Vec<u8>>>,
        tombstones: BTreeMap<(Vec<u8>, String), i64>,
    }

    impl Table {
        fn apply(&mut self, change: &RowMutation, timestamp_ms: i64) {
            for (column, value) in change.cells() {
                let cell = (change.key().to_vec(), column.to_owned());
                match value {
                    Some(value) => {
                        self.puts.entry(cell).or_default().insert(timestamp_ms, value.to_vec());
                    }
                    None => {
                        let stone = self.tombstones.entry(cell).or_insert(timestamp_ms);
                        *stone = timestamp_ms.max(*stone);
                    }
                }
            }
        }

        fn rows(&self) -> Vec<Row> {
            let mut rows: BTreeMap<Vec<u8>, Row> = BTreeMap::new();
            for (cell, versions) in &self.puts {
                let (timestamp_ms, value) = versions.last_key_value().unwrap();
                if self.tombstones.get(cell).is_some_and(|stone| timestamp_ms <= stone) {
                    continue;
                }
                let row = rows.entry(cell.0.clone()).or_insert_with(|| Row { key: cell.0.clone(), ..Row::default() });
                let shown = Cell { value: value.clone(), timestamp_ms: *timestamp_ms };
                row.cells.insert(cell.1.clone().into_bytes(), shown);
            }
            rows.into_values().collect()
        }
    }

    fn diff(table: &Table, pages: &Pages) -> Diff {
        let schema = schema();
        let mut differ = Differ::new(&schema, pages, "r");
        table.rows().iter().for_each(|row| differ.see(row).unwrap());
        differ.finish().unwrap()
    }

    fn run(table: &mut Table, pages: &Pages, crash_after: usize) -> Diff {
        let found = diff(table, pages);
        let timestamp_ms = found.timestamp_ms(pages.watermark_ms());
        found.changes.iter().take(crash_after).for_each(|change| table.apply(change, timestamp_ms));
        found
    }

    #[test]
    fn a_second_run_finds_nothing_and_strangers_are_counted() {
        let mut table = Table::default();
        let first = Shown::from([(1, [Some(1), None]), (2, [Some(2), Some(2)])]);
        let found = run(&mut table, &pages(&first, 5), usize::MAX);
        assert_eq!((found.changes.len(), found.unchanged_rows), (2, 0));
        assert_eq!(found.detail(), "5 cells put, 0 deleted, 0 rows unchanged");
        let again = run(&mut table, &pages(&first, 5), usize::MAX);
        assert_eq!((again.changes.len(), again.unchanged_rows, again.foreign_rows), (0, 2, 0));
        let fewer = Shown::from([(2, [Some(2), Some(2)])]);
        let found = run(&mut table, &pages(&fewer, 6), usize::MAX);
        assert_eq!((found.changes.len(), found.foreign_rows), (0, 1));
        assert!(found.detail().ends_with("1 rows in hbase that the query does not give"), "{}", found.detail());
    }

    #[test]
    fn a_value_that_comes_back_after_null_is_seen_at_the_same_watermark() {
        let mut table = Table::default();
        for value in [Some(1), None, Some(1), None, Some(2)] {
            let state = Shown::from([(1, [Some(9), value])]);
            assert_eq!(run(&mut table, &pages(&state, 5), usize::MAX).changes.len(), 1);
            assert!(diff(&table, &pages(&state, 5)).changes.is_empty(), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn after_any_history_the_table_shows_the_last_pages(
            history in prop::collection::vec(
                (
                    prop::collection::btree_map(0u8..4, prop::array::uniform2(prop::option::of(0u8..3)), 0..5),
                    0i64..4,
                    prop::option::of(0usize..4),
                ),
                1..8,
            ),
        ) {
            let mut table = Table::default();
            for (state, at_ms, crash_after) in history {
                let pages = pages(&state, at_ms);
                run(&mut table, &pages, crash_after.unwrap_or(usize::MAX));
                if crash_after.is_none() {
                    prop_assert!(diff(&table, &pages).changes.is_empty());
                }
            }
        }
    }
}
