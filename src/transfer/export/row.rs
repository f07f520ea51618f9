//! A record of a file as a row of literals.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};

use super::arrow;
use crate::error::{self, Result};
use crate::format::avro::names::sqoop_name;
use crate::format::decode::{TextField, TextRecord};
use crate::format::text::TextStyle;
use crate::mysql::write::{Kind, Reading, Rows, TargetColumn, Unfit, Value};

/// Where the values of a column come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The field of this place in a text record.
    Field(usize),
    /// The field of this name.
    Name(String),
    /// The partition column of this place.
    Partition(usize),
}

/// How records become rows.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Columns that are written, and where their values come from.
    pub columns: Vec<(TargetColumn, Origin)>,
    /// Fields that a text record has.
    pub fields: usize,
    /// Whose reading of text.
    pub reading: Reading,
    /// NULL in columns of strings.
    pub null_string: String,
    /// NULL in all others.
    pub null_non_string: String,
}

/// A column and why its value does not fit.
pub struct Misfit {
    /// Name of the column.
    pub column: String,
    /// Why.
    pub reason: Unfit,
}

impl Shape {
    /// Appends a record of text; a misfit leaves no trace.
    ///
    /// # Errors
    /// The first column whose value does not fit.
    pub fn push_text(&self, record: &TextRecord, partition: &[Option<String>], rows: &mut Rows) -> Result<(), Misfit> {
        for (column, origin) in &self.columns {
            let written = match origin {
                Origin::Field(at) => self.text_field(column, record.fields.get(*at), rows.field()),
                Origin::Partition(at) => self.partition_value(column, partition, *at, rows.field()),
                Origin::Name(name) => Err(format!("there is no field {name} in text").into()),
            };
            if let Err(reason) = written {
                rows.drop_row();
                return Err(Misfit { column: column.name.clone(), reason });
            }
            rows.end_field();
        }
        rows.end_row();
        Ok(())
    }

    fn text_field(&self, column: &TargetColumn, field: Option<TextField<'_>>, out: &mut Vec<u8>) -> Result<(), Unfit> {
        match field {
            Some(field) if !self.is_null(&column.kind, &field) => column.kind.write_text(field.text, self.reading, out),
            _ => null(column, out),
        }
    }

    /// The null string of the column's kind and, for what is no string, nothing at all. Bytes in exact text can be
    /// empty, which is no NULL.
    fn is_null(&self, kind: &Kind, field: &TextField<'_>) -> bool {
        let lenient = self.reading == Reading::Sqoop;
        let style = if lenient { TextStyle::Sqoop } else { TextStyle::Exact };
        if kind.is_string() {
            return field.is_null(&self.null_string, style);
        }
        field.is_null(&self.null_non_string, style) || (field.text.is_empty() && (lenient || *kind != Kind::Binary))
    }

    fn partition_value(
        &self,
        column: &TargetColumn,
        partition: &[Option<String>],
        at: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Unfit> {
        match partition.get(at).and_then(Option::as_deref) {
            Some(value) => column.kind.write_text(value, Reading::Exact, out),
            None => null(column, out),
        }
    }

    /// Finds the columns of a file's schema.
    ///
    /// # Errors
    /// Schema: a column of the table is not in the file, or its type never goes into it.
    pub fn bind(&self, schema: &Schema, file: &str) -> Result<Binding> {
        let mut sources = Vec::with_capacity(self.columns.len());
        for (column, origin) in &self.columns {
            let name = match origin {
                Origin::Partition(at) => {
                    sources.push(Source::Partition(*at));
                    continue;
                }
                Origin::Name(name) => name,
                Origin::Field(_) => &column.name,
            };
            let at = find(schema, name).ok_or_else(|| {
                let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                error::schema(format!("{file} has no field {name} for column {}", column.name))
                    .hint(format!("its fields are {}; choose columns that are there with columns", names.join(", ")))
            })?;
            let data_type = schema.field(at).data_type();
            let millis = self.reading == Reading::Sqoop
                && *data_type == DataType::Int64
                && matches!(column.kind, Kind::Date | Kind::DateTime { .. } | Kind::Time { .. });
            if !millis {
                arrow::check(data_type, &column.kind).map_err(|why| {
                    let error = error::schema(format!("{file}: field {name} and column {}: {why}", column.name));
                    match (data_type, &column.kind) {
                        (DataType::Int64, Kind::Date | Kind::DateTime { .. } | Kind::Time { .. }) => {
                            error.hint("if these are Sqoop's milliseconds since 1970, give compat sqoop")
                        }
                        _ => error.hint("leave the column out with columns, or change its type"),
                    }
                })?;
            }
            sources.push(Source::Column { at, millis });
        }
        Ok(Binding { sources })
    }

    /// Appends a row of a batch; a misfit leaves no trace.
    ///
    /// # Errors
    /// The first column whose value does not fit.
    pub fn push_row(
        &self,
        binding: &Binding,
        batch: &RecordBatch,
        row: usize,
        partition: &[Option<String>],
        rows: &mut Rows,
    ) -> Result<(), Misfit> {
        let mut scratch = String::new();
        for ((column, _), source) in self.columns.iter().zip(&binding.sources) {
            let written = match source {
                Source::Partition(at) => self.partition_value(column, partition, *at, rows.field()),
                Source::Column { at, millis } => match arrow::value(batch.column(*at).as_ref(), row, &mut scratch) {
                    Ok(Value::Null) => null(column, rows.field()),
                    Ok(value) if *millis => write_millis(&column.kind, value, rows.field()),
                    Ok(value) => column.kind.write(value, rows.field()),
                    Err(why) => Err(why),
                },
            };
            if let Err(reason) = written {
                rows.drop_row();
                return Err(Misfit { column: column.name.clone(), reason });
            }
            rows.end_field();
        }
        rows.end_row();
        Ok(())
    }
}

/// Where in a batch the values of the columns are.
#[derive(Clone, Debug)]
pub struct Binding {
    sources: Vec<Source>,
}

#[derive(Clone, Debug)]
enum Source {
    /// A column of the batch; Sqoop's milliseconds where a time is wanted.
    Column {
        at: usize,
        millis: bool,
    },
    Partition(usize),
}

fn null(column: &TargetColumn, out: &mut Vec<u8>) -> Result<(), Unfit> {
    if !column.takes_null {
        return Err("NULL in a column that holds none".into());
    }
    out.extend_from_slice(b"NULL");
    Ok(())
}

fn write_millis(kind: &Kind, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let Value::Integer(millis) = value else { return Err("no milliseconds".into()) };
    let micros = i64::try_from(millis * 1000).map_err(|_| "the time is outside the calendar")?;
    let value = if matches!(kind, Kind::Time { .. }) { Value::Clock(micros) } else { Value::Moment(micros) };
    kind.write(value, out)
}

/// The field of a column: by its name, by the name that Sqoop makes of it, whatever the case.
fn find(schema: &Schema, column: &str) -> Option<usize> {
    let clean = sqoop_name(column);
    let by = |same: &dyn Fn(&str) -> bool| schema.fields().iter().position(|f: &Arc<_>| same(f.name()));
    by(&|name| name == column)
        .or_else(|| by(&|name| name == clean))
        .or_else(|| by(&|name| name.eq_ignore_ascii_case(column) || name.eq_ignore_ascii_case(&clean)))
}
