//! The rows of the query as pages: row key, values in the order of the schema's columns, and the newest time seen.
//! All of them are checked here, before anything is written.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::fit::fits;
use crate::error::{self, Error, Result};
use crate::hbase::{ColumnMapping, TableSchema};
use crate::hiveserver2::{Column, Rows, Value};
use crate::metastore::types;

/// How far ahead of this machine's clock a timestamp may be.
const MAX_AHEAD_MS: i64 = 24 * 60 * 60 * 1000;

/// The values of a page as cells hold them, in the order of [`TableSchema::columns`]: text in UTF-8, and the bytes of a
/// BINARY as they are. `None` is NULL.
pub(super) type Page = Vec<Option<Vec<u8>>>;

/// The pages by row key.
#[derive(Debug)]
pub(super) struct Pages {
    by_key: BTreeMap<Vec<u8>, Page>,
    watermark_ms: i64,
}

impl Pages {
    /// Turns a result into pages; `now_ms` is the time of the run.
    ///
    /// # Errors
    /// Schema: a column is missing, or the schema does not know it. Data: a NULL or doubled key, a bad timestamp.
    pub(super) fn of(schema: &TableSchema, timestamp_column: Option<&str>, result: Rows, now_ms: i64) -> Result<Self> {
        let layout = Layout::of(schema, timestamp_column, &result.columns)?;
        let mut by_key = BTreeMap::new();
        let mut newest = None;
        for row in &result.rows {
            let id = layout.id(row)?;
            match by_key.entry(schema.row_key.encode(&id)?.into_bytes()) {
                Entry::Occupied(_) => return Err(doubled(&layout, &id)),
                Entry::Vacant(place) => place.insert(layout.page(row, &id)?),
            };
            newest = newest.max(layout.timestamp_ms(row, &id, now_ms)?);
        }
        Ok(Self { by_key, watermark_ms: newest.unwrap_or(now_ms) })
    }

    /// The page of a row key.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Page> {
        self.by_key.get(key)
    }

    /// The pages in the order of row keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Page)> {
        self.by_key.iter().map(|(key, page)| (key.as_slice(), page))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The newest time in the timestamp column; the time of the run if there is none.
    pub(super) fn watermark_ms(&self) -> i64 {
        self.watermark_ms
    }
}

fn doubled(layout: &Layout<'_>, id: &str) -> Error {
    error::data(format!("the query gives more than one row for {} {id}", layout.key_name))
        .hint("group the query by its key, or pick one row of each")
}

/// Where in a result row everything is.
struct Layout<'a> {
    key_name: &'a str,
    key: usize,
    columns: Vec<Place<'a>>,
    timestamp: Option<(&'a str, usize)>,
}

/// Where the value of a cell is, and what it is to be.
struct Place<'a> {
    column: &'a ColumnMapping,
    index: usize,
    /// Whether the type in the result says nothing about every value.
    is_checked: bool,
}

impl<'a> Layout<'a> {
    fn of(schema: &'a TableSchema, timestamp_column: Option<&'a str>, given: &[Column]) -> Result<Self> {
        let names: Vec<String> = given.iter().map(|column| column.name.to_lowercase()).collect();
        let place = |wanted: &str| {
            names.iter().position(|name| *name == wanted.to_lowercase()).ok_or_else(|| {
                error::schema(format!("the query gives no column {wanted} for hbase table {}", schema.table))
                    .hint(format!("it gives {}", names.join(", ")))
            })
        };
        let key_name = schema.row_key.column.as_str();
        let key = place(key_name)?;
        let of_column = |column: &'a ColumnMapping| -> Result<Place<'a>> {
            let index = place(&column.name)?;
            let is_checked = !types::carries(&given[index].hive_type, &column.hive_type);
            Ok(Place { column, index, is_checked })
        };
        let columns = schema.columns.iter().map(of_column).collect::<Result<Vec<_>>>()?;
        let timestamp = timestamp_column.map(|name| place(name).map(|index| (name, index))).transpose()?;
        let used = |index: &usize| {
            *index == key
                || columns.iter().any(|c| c.index == *index)
                || timestamp.is_some_and(|(_, place)| place == *index)
        };
        if let Some(extra) = (0..names.len()).find(|index| !used(index)) {
            return Err(error::schema(format!("column {} of the query has no [[column]] in the schema", names[extra]))
                .hint("add it to the schema file or take it out of the query"));
        }
        Ok(Self { key_name, key, columns, timestamp })
    }

    fn id(&self, row: &[Value]) -> Result<String> {
        text(row, self.key).ok_or_else(|| {
            error::data(format!("the query gives a row whose {} is NULL", self.key_name))
                .hint(format!("add WHERE {} IS NOT NULL", self.key_name))
        })
    }

    fn page(&self, row: &[Value], id: &str) -> Result<Page> {
        let cell_of = |place: &Place<'_>| {
            let cell = cell(row, place.index);
            match &cell {
                Some(bytes) if place.is_checked && !fits(&place.column.hive_type, bytes) => {
                    let (ColumnMapping { name, hive_type, .. }, text) = (place.column, String::from_utf8_lossy(bytes));
                    let what = format!("{name} \"{text}\" of {} {id} is not {hive_type} to hive", self.key_name);
                    Err(error::data(what).hint("cast it in the query, or give the column another hive-type"))
                }
                _ => Ok(cell),
            }
        };
        self.columns.iter().map(cell_of).collect()
    }

    fn timestamp_ms(&self, row: &[Value], id: &str, now_ms: i64) -> Result<Option<i64>> {
        let Some((name, index)) = self.timestamp else { return Ok(None) };
        let Some(text) = text(row, index) else { return Ok(None) };
        let about = || format!("{name} \"{text}\" of {} {id}", self.key_name);
        let ms: i64 = text.parse().map_err(|_| {
            error::data(format!("{} is not a number of milliseconds", about()))
                .hint("give unix_timestamp(time) * 1000 in the query")
        })?;
        if ms < 0 || ms > now_ms.saturating_add(MAX_AHEAD_MS) {
            return Err(error::data(format!("{} is before 1970 or in the future", about()))
                .hint("a cell of the future would hide every later put; are these seconds, or a sentinel date?"));
        }
        Ok(Some(ms))
    }
}

fn text(row: &[Value], index: usize) -> Option<String> {
    row.get(index).and_then(Value::to_text)
}

fn cell(row: &[Value], index: usize) -> Option<Vec<u8>> {
    match row.get(index)? {
        Value::Bytes(bytes) => Some(bytes.clone()),
        value => value.to_text().map(String::into_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hiveserver2::Column;
    use crate::lookup::diff::tests::schema;

    const NOW_MS: i64 = 2_000_000_000_000;

    fn result(columns: &[&str], rows: &[&[&str]]) -> Rows {
        let column = |name: &&str| Column { name: (*name).to_owned(), hive_type: "string".into() };
        let value = |text: &&str| if *text == "NULL" { Value::Null } else { Value::Text((*text).to_owned()) };
        Rows {
            columns: columns.iter().map(column).collect(),
            rows: rows.iter().map(|row| row.iter().map(value).collect()).collect(),
        }
    }

    #[test]
    fn columns_are_found_by_name_and_nulls_stay_nulls() {
        let rows = result(&["City", "at", "id", "country"], &[&["NULL", "5", "7", "France"], &["", "9", "8", "NULL"]]);
        let pages = Pages::of(&schema(), Some("at"), rows, NOW_MS).unwrap();
        assert_eq!((pages.len(), pages.watermark_ms()), (2, 9));
        let key = schema().row_key.encode("7").unwrap();
        assert_eq!(pages.get(key.as_bytes()).unwrap(), &[Some(b"France".to_vec()), None]);
        let key = schema().row_key.encode("8").unwrap();
        assert_eq!(pages.get(key.as_bytes()).unwrap(), &[None, Some(Vec::new())]);
    }

    #[test]
    fn a_text_that_hive_would_not_read_as_the_columns_type_is_named() {
        let mut schema = schema();
        schema.columns[1].hive_type = "int".into();
        let of =
            |text: &str| Pages::of(&schema, None, result(&["id", "country", "city"], &[&["7", "x", text]]), NOW_MS);
        of("12").unwrap();
        of("NULL").unwrap();
        let error = of("3000000000").unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Data);
        assert!(error.to_string().contains("\"3000000000\" of id 7 is not int to hive"), "{error}");
    }

    #[test]
    fn the_bytes_of_a_binary_go_into_the_cell_as_they_are() {
        let mut rows = result(&["id", "country", "city"], &[&["7", "x", "NULL"]]);
        rows.rows[0][1] = Value::Bytes(vec![0, 0xff, 0x80, b'A']);
        let pages = Pages::of(&schema(), None, rows, NOW_MS).unwrap();
        let key = schema().row_key.encode("7").unwrap();
        assert_eq!(pages.get(key.as_bytes()).unwrap(), &[Some(vec![0, 0xff, 0x80, b'A']), None]);
    }

    #[test]
    fn without_a_timestamp_the_run_counts() {
        let pages =
            Pages::of(&schema(), None, result(&["id", "country", "city"], &[&["7", "a", "b"]]), NOW_MS).unwrap();
        assert_eq!(pages.watermark_ms(), NOW_MS);
        let rows = result(&["id", "country", "city", "at"], &[&["7", "a", "b", "NULL"]]);
        assert_eq!(Pages::of(&schema(), Some("at"), rows, NOW_MS).unwrap().watermark_ms(), NOW_MS);
    }

    #[test]
    fn bad_results_are_refused_by_name() {
        let all = ["id", "country", "city", "at"];
        type Case<'a> = (&'a [&'a str], &'a [&'a [&'a str]], &'a str);
        let cases: [Case<'_>; 8] = [
            (&["id", "country", "at"], &[], "no column city"),
            (&["id", "country", "city"], &[], "no column at"),
            (&["id", "country", "city", "at", "x"], &[], "column x of the query"),
            (&all, &[&["NULL", "a", "b", "1"]], "whose id is NULL"),
            (&all, &[&["7", "a", "b", "1"], &["07", "a", "b", "1"]], "more than one row for id 07"),
            (&all, &[&["x", "a", "b", "1"]], "id \"x\" makes no row key"),
            (&all, &[&["7", "a", "b", "2011-12-09 12:50:00"]], "at \"2011-12-09 12:50:00\" of id 7"),
            (&all, &[&["7", "a", "b", "253402214400000"]], "in the future"),
        ];
        for (columns, rows, said) in cases {
            let error = Pages::of(&schema(), Some("at"), result(columns, rows), NOW_MS).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
