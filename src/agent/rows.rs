//! Where Arrow begins: parsed events as rows of a table.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int8Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{self, Result};

/// The types of the columns of events, named as Hive names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    #[default]
    String,
    Boolean,
    TinyInt,
    Int,
    BigInt,
    Double,
    /// In UTC, to the microsecond.
    Timestamp,
}

/// A column that a parser fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnSpec {
    pub name: String,
    pub data_type: ColumnType,
    pub nullable: bool,
    pub comment: String,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    Boolean(bool),
    Whole(i64),
    Real(f64),
    Time(Timestamp),
}

impl<'a> From<Option<Cow<'a, str>>> for Cell<'a> {
    fn from(text: Option<Cow<'a, str>>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(Cow::Borrowed(text)))
    }
}

impl From<Option<i64>> for Cell<'_> {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Whole)
    }
}

impl From<Option<bool>> for Cell<'_> {
    fn from(value: Option<bool>) -> Self {
        value.map_or(Self::Null, Self::Boolean)
    }
}

impl ColumnType {
    /// As Hive names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::TinyInt => "tinyint",
            Self::Int => "int",
            Self::BigInt => "bigint",
            Self::Double => "double",
            Self::Timestamp => "timestamp",
        }
    }

    /// The value that a text stands for; `None` if it stands for none of this type.
    pub(super) fn cell<'a>(self, text: Cow<'a, str>) -> Option<Cell<'a>> {
        let whole = |least: i64, most: i64| {
            let digits = text.strip_prefix('-').unwrap_or(&text);
            let is_whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            let number = is_whole.then(|| text.parse().ok()).flatten();
            number.filter(|number| (least..=most).contains(number)).map(Cell::Whole)
        };
        match self {
            Self::TinyInt => whole(i8::MIN.into(), i8::MAX.into()),
            Self::Int => whole(i32::MIN.into(), i32::MAX.into()),
            Self::BigInt => whole(i64::MIN, i64::MAX),
            Self::Double => text.parse().ok().map(Cell::Real),
            Self::Boolean => text.parse().ok().map(Cell::Boolean),
            Self::Timestamp => text.parse().ok().map(Cell::Time),
            Self::String => Some(Cell::Text(text)),
        }
    }

    fn arrow(self) -> DataType {
        match self {
            Self::String => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::TinyInt => DataType::Int8,
            Self::Int => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}

/// One event as a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row<'a> {
    /// When it happened.
    pub time: Timestamp,
    /// Its values, in the order of the columns.
    pub cells: Vec<Cell<'a>>,
}

/// The schema of these columns, with their comments.
pub(super) fn schema(columns: &[ColumnSpec]) -> SchemaRef {
    let field = |column: &ColumnSpec| {
        let comment = HashMap::from([("comment".to_owned(), column.comment.clone())]);
        Field::new(&column.name, column.data_type.arrow(), column.nullable).with_metadata(comment)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// Room that a column begins with: a chunk may have a hundred partitions with few rows each.
const FIRST_ROWS: usize = 64;

/// A column being built.
#[derive(Debug)]
enum Builder {
    String(StringBuilder),
    Boolean(BooleanBuilder),
    TinyInt(Int8Builder),
    Int(Int32Builder),
    BigInt(Int64Builder),
    Double(Float64Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Builder {
    fn new(data_type: ColumnType) -> Self {
        match data_type {
            ColumnType::String => Self::String(StringBuilder::with_capacity(FIRST_ROWS, 16 * FIRST_ROWS)),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(FIRST_ROWS)),
            ColumnType::TinyInt => Self::TinyInt(Int8Builder::with_capacity(FIRST_ROWS)),
            ColumnType::Int => Self::Int(Int32Builder::with_capacity(FIRST_ROWS)),
            ColumnType::BigInt => Self::BigInt(Int64Builder::with_capacity(FIRST_ROWS)),
            ColumnType::Double => Self::Double(Float64Builder::with_capacity(FIRST_ROWS)),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(FIRST_ROWS)),
        }
    }

    /// Appends a value; `None` if it is not one of the column's type.
    fn append(&mut self, cell: &Cell<'_>) -> Option<()> {
        match (self, cell) {
            (Self::String(builder), Cell::Text(text)) => builder.append_value(text),
            (Self::Boolean(builder), Cell::Boolean(value)) => builder.append_value(*value),
            (Self::TinyInt(builder), Cell::Whole(number)) => builder.append_value(i8::try_from(*number).ok()?),
            (Self::Int(builder), Cell::Whole(number)) => builder.append_value(i32::try_from(*number).ok()?),
            (Self::BigInt(builder), Cell::Whole(number)) => builder.append_value(*number),
            (Self::Double(builder), Cell::Real(number)) => builder.append_value(*number),
            (Self::Timestamp(builder), Cell::Time(time)) => builder.append_value(time.as_microsecond()),
            (builder, Cell::Null) => builder.append_null(),
            _ => return None,
        }
        Some(())
    }

    fn append_null(&mut self) {
        match self {
            Self::String(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::TinyInt(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::BigInt(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::String(mut builder) => Arc::new(builder.finish()),
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::TinyInt(mut builder) => Arc::new(builder.finish()),
            Self::Int(mut builder) => Arc::new(builder.finish()),
            Self::BigInt(mut builder) => Arc::new(builder.finish()),
            Self::Double(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// Rows of one partition being built.
#[derive(Debug)]
pub(super) struct Rows(Vec<Builder>);

impl Rows {
    pub(super) fn new(columns: &[ColumnSpec]) -> Self {
        Self(columns.iter().map(|column| Builder::new(column.data_type)).collect())
    }

    /// Adds a row; gives about how many bytes it takes.
    ///
    /// # Errors
    /// Bug: its values do not fit the columns.
    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<usize> {
        let fits = self.0.len() == row.cells.len()
            && self.0.iter_mut().zip(&row.cells).all(|(builder, cell)| builder.append(cell).is_some());
        if !fits {
            return Err(error::bug("the values of a row do not fit its columns"));
        }
        let bytes = |cell: &Cell<'_>| match cell {
            Cell::Text(text) => text.len() + 5,
            Cell::Null => 5,
            _ => 9,
        };
        Ok(row.cells.iter().map(bytes).sum())
    }

    /// The rows as a batch of this [`schema`].
    ///
    /// # Errors
    /// Bug: they do not fit it.
    pub(super) fn finish(self, schema: &SchemaRef) -> Result<RecordBatch> {
        let columns = self.0.into_iter().map(Builder::finish).collect();
        RecordBatch::try_new(schema.clone(), columns)
            .map_err(|e| error::bug("the columns of events do not fit their schema").source(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_for_values_of_a_type_or_for_none() {
        let cell = |data_type: ColumnType, text: &'static str| data_type.cell(Cow::Borrowed(text));
        assert_eq!(cell(ColumnType::BigInt, "17850"), Some(Cell::Whole(17850)));
        assert_eq!(cell(ColumnType::TinyInt, "-128"), Some(Cell::Whole(-128)));
        for (data_type, text) in [
            (ColumnType::TinyInt, "128"),
            (ColumnType::Int, "2147483648"),
            (ColumnType::BigInt, "9223372036854775808"),
            (ColumnType::BigInt, ""),
            (ColumnType::BigInt, "+5"),
            (ColumnType::BigInt, "1 "),
            (ColumnType::Boolean, "1"),
            (ColumnType::Timestamp, "yesterday"),
        ] {
            assert_eq!(cell(data_type, text), None, "{text}");
        }
    }

    #[test]
    fn a_row_that_does_not_fit_is_an_error() {
        let column = |data_type| ColumnSpec { name: "n".into(), data_type, nullable: true, comment: String::new() };
        let columns = [column(ColumnType::Int)];
        let mut rows = Rows::new(&columns);
        let mut add = |cells: Vec<Cell<'static>>| rows.add(&Row { time: Timestamp::UNIX_EPOCH, cells });
        add(vec![Cell::Whole(5)]).unwrap();
        add(vec![Cell::Null]).unwrap();
        assert!(add(vec![]).is_err());
        assert!(add(vec![Cell::Real(1.0)]).is_err());
    }
}
