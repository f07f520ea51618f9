//! Partition columns derived from the rows: a column as it is, or the year, month, day or hour of a time.
//!
//! It refuses sources that Hive cannot keep in a directory name exactly: numbers with a fraction, bytes, booleans, and
//! an empty text, which Hive would read back as NULL.

use std::fmt;
use std::str::FromStr;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, TimeUnit};
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

use crate::error::{self, Error, Result};
use crate::load::DEFAULT_PARTITION;
use crate::metastore::{Column, types::hive_type};

/// The partition columns of a table in order: `order_month=month(ordered_at),country=country`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PartitionColumns(pub Vec<PartitionColumn>);

/// One partition column and where its values come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionColumn {
    /// Name of the partition column, lower case.
    pub name: String,
    /// Column of the source.
    pub source: String,
    /// What is made of its values.
    pub part: Part,
}

/// What is made of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The value itself.
    Whole,
    /// `2011`.
    Year,
    /// `2011-01`.
    Month,
    /// `2011-01-31`.
    Day,
    /// `2011-01-31-23`.
    Hour,
}

impl FromStr for PartitionColumns {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let columns: Vec<_> = text.split(',').map(|one| column(one.trim())).collect::<Result<_>>()?;
        for (index, column) in columns.iter().enumerate() {
            if columns[..index].iter().any(|c| c.name == column.name) {
                return Err(error::config(format!("partition column {} is named twice", column.name)));
            }
        }
        Ok(Self(columns))
    }
}

impl TryFrom<String> for PartitionColumns {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<PartitionColumns> for String {
    fn from(by: PartitionColumns) -> Self {
        by.to_string()
    }
}

impl fmt::Display for PartitionColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, PartitionColumn { name, source, part }) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            match part {
                Part::Whole => write!(f, "{name}={source}")?,
                Part::Year => write!(f, "{name}=year({source})")?,
                Part::Month => write!(f, "{name}=month({source})")?,
                Part::Day => write!(f, "{name}=day({source})")?,
                Part::Hour => write!(f, "{name}=hour({source})")?,
            }
        }
        Ok(())
    }
}

fn column(text: &str) -> Result<PartitionColumn> {
    let wrong = || {
        error::config(format!("{text:?} does not describe a partition column"))
            .hint("write NAME=COLUMN or NAME=month(COLUMN); year, day and hour are known too")
    };
    let (name, source) = text.split_once('=').ok_or_else(wrong)?;
    let (name, source) = (name.trim().to_lowercase(), source.trim());
    let (part, source) = match source.strip_suffix(')').and_then(|s| s.split_once('(')) {
        None => (Part::Whole, source),
        Some(("year", source)) => (Part::Year, source),
        Some(("month", source)) => (Part::Month, source),
        Some(("day", source)) => (Part::Day, source),
        Some(("hour", source)) => (Part::Hour, source),
        Some(_) => return Err(wrong()),
    };
    let source = source.trim();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || !name.chars().all(plain) || source.is_empty() || source.contains(['(', ')']) {
        return Err(wrong());
    }
    Ok(PartitionColumn { name, source: source.to_owned(), part })
}

impl PartitionColumn {
    /// Whether the source column itself becomes the partition column and leaves the files.
    pub fn takes_the_column(&self) -> bool {
        self.part == Part::Whole && self.source.eq_ignore_ascii_case(&self.name)
    }

    /// The column as the metastore keeps it.
    ///
    /// # Errors
    /// Config: a source whose values make no partitions.
    pub fn hive_column(&self, source: &Field) -> Result<Column> {
        let unfit = |why: &str| {
            error::config(format!("partition column {}: column {} {why}", self.name, self.source))
                .hint("partition by a date, a time, a whole number or a short text")
        };
        let hive_type = match (self.part, source.data_type()) {
            (
                Part::Whole,
                kept @ (DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::Utf8
                | DataType::Date32),
            ) => hive_type(kept)?,
            (Part::Whole, _) => return Err(unfit("cannot be a directory name")),
            (Part::Hour, DataType::Date32) => return Err(unfit("has no hours")),
            (_, DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, _)) => "string".to_owned(),
            _ => return Err(unfit("is neither a date nor a time")),
        };
        let comment = match self.part {
            Part::Whole => source.metadata().get("comment").cloned(),
            _ => Some(format!("From {}", self.source)),
        };
        Ok(Column { comment, ..Column::new(&self.name, hive_type) })
    }

    /// For each row a key: rows with equal keys belong together.
    ///
    /// # Errors
    /// Data: an empty text. Bug: a column of another type than the plan's.
    pub fn keys(&self, column: &ArrayRef) -> Result<Vec<Key>> {
        macro_rules! numbers {
            ($type:ty, $unit:expr) => {
                column
                    .as_primitive::<$type>()
                    .iter()
                    .map(|v| v.map(|v| i64::from(v).div_euclid($unit)).into())
                    .collect()
            };
        }
        let keys: Vec<Key> = match (self.part, column.data_type()) {
            (_, DataType::Int8) => numbers!(Int8Type, 1),
            (_, DataType::Int16) => numbers!(Int16Type, 1),
            (_, DataType::Int32) => numbers!(Int32Type, 1),
            (_, DataType::Int64) => numbers!(Int64Type, 1),
            (_, DataType::Date32) => numbers!(Date32Type, 1),
            (Part::Hour, DataType::Timestamp(..)) => numbers!(TimestampMicrosecondType, 3_600_000_000),
            (_, DataType::Timestamp(..)) => numbers!(TimestampMicrosecondType, 86_400_000_000),
            (_, DataType::Utf8) => column.as_string::<i32>().iter().map(Key::from).collect(),
            (_, other) => return Err(error::bug(format!("partition column {} from {other}", self.name))),
        };
        if keys.contains(&Key::Text(String::new())) {
            return Err(error::data(format!("partition column {}: an empty text is NULL to hive", self.name))
                .hint("leave such rows out with where, or partition by another column"));
        }
        Ok(keys)
    }

    /// The directory value of a key of a column of this type.
    ///
    /// # Errors
    /// Data: a day outside the calendar.
    pub fn value(&self, key: &Key, data_type: &DataType) -> Result<String> {
        let number = match key {
            Key::Null => return Ok(DEFAULT_PARTITION.to_owned()),
            Key::Text(text) => return Ok(text.clone()),
            Key::Number(number) => *number,
        };
        if !matches!(data_type, DataType::Date32 | DataType::Timestamp(..)) {
            return Ok(number.to_string());
        }
        let hours = if self.part == Part::Hour { number } else { number * 24 };
        let time =
            DateTime::from(Date::constant(1970, 1, 1)).checked_add(SignedDuration::from_hours(hours)).map_err(|e| {
                error::data(format!("partition column {}: a day outside the calendar", self.name)).source(e)
            })?;
        let (year, month, day, hour) = (time.year(), time.month(), time.day(), time.hour());
        Ok(match self.part {
            Part::Year => format!("{year:04}"),
            Part::Month => format!("{year:04}-{month:02}"),
            Part::Whole | Part::Day => format!("{year:04}-{month:02}-{day:02}"),
            Part::Hour => format!("{year:04}-{month:02}-{day:02}-{hour:02}"),
        })
    }
}

/// A value that rows are grouped by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// No value.
    Null,
    /// A whole number, a day or an hour since 1970.
    Number(i64),
    /// A text.
    Text(String),
}

impl From<Option<i64>> for Key {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Number)
    }
}

impl From<Option<&str>> for Key {
    fn from(value: Option<&str>) -> Self {
        value.map_or(Self::Null, |text| Self::Text(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int32Array, StringArray, TimestampMicrosecondArray};

    use super::*;
    use crate::error::Kind;

    fn value(text: &str, column: &ArrayRef) -> Vec<String> {
        let by = text.parse::<PartitionColumns>().unwrap().0.remove(0);
        let keys = by.keys(column).unwrap();
        keys.iter().map(|key| by.value(key, column.data_type()).unwrap()).collect()
    }

    fn times() -> ArrayRef {
        // 2011-01-31 23:59:59.999999, 1969-12-31 23:30:00, none
        let micros = [Some(1_296_518_399_999_999), Some(-1_800_000_000), None];
        Arc::new(TimestampMicrosecondArray::from_iter(micros))
    }

    #[test]
    fn times_give_years_to_hours() {
        let null = DEFAULT_PARTITION;
        assert_eq!(value("y=year(at)", &times()), ["2011", "1969", null]);
        assert_eq!(value("m=month(at)", &times()), ["2011-01", "1969-12", null]);
        assert_eq!(value("d=day(at)", &times()), ["2011-01-31", "1969-12-31", null]);
        assert_eq!(value("h=hour(at)", &times()), ["2011-01-31-23", "1969-12-31-23", null]);
    }

    #[test]
    fn plain_columns_give_their_values() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(-7), None]));
        assert_eq!(value("n=n", &numbers), ["-7", DEFAULT_PARTITION]);
        let days: ArrayRef = Arc::new(arrow_array::Date32Array::from(vec![-1]));
        assert_eq!(value("d=d", &days), ["1969-12-31"]);
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a/b"]));
        assert_eq!(value("t=t", &texts), ["a/b"]);
    }

    #[test]
    fn an_empty_text_is_refused() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x", ""]));
        let by = "t=t".parse::<PartitionColumns>().unwrap();
        assert_eq!(by.0[0].keys(&texts).unwrap_err().kind(), Kind::Data);
    }

    #[test]
    fn the_text_leads_back() {
        let text = "order_month=month(ordered_at),country=country";
        assert_eq!(text.parse::<PartitionColumns>().unwrap().to_string(), text);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "month(at)", "m=week(at)", "m=month(at", "m=", "=x", "a b=x", "m=x,m=y", "m=f(month(x))"] {
            assert_eq!(text.parse::<PartitionColumns>().unwrap_err().kind(), Kind::Config, "{text}");
        }
    }

    #[test]
    fn sources_must_make_directories() {
        let hive = |text: &str, data_type| {
            text.parse::<PartitionColumns>().unwrap().0[0].hive_column(&Field::new("x", data_type, true))
        };
        assert_eq!(hive("m=month(x)", DataType::Date32).unwrap().hive_type, "string");
        assert_eq!(hive("x=x", DataType::Date32).unwrap().hive_type, "date");
        assert_eq!(hive("x=x", DataType::Int64).unwrap().hive_type, "bigint");
        assert!(hive("x=x", DataType::Float64).is_err());
        assert!(hive("h=hour(x)", DataType::Date32).is_err());
        assert!(hive("m=month(x)", DataType::Utf8).is_err());
    }
}
