//! A record of a file as a row of literals.

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};

use super::value;
use crate::error::{self, Result};
use crate::format::avro::names::sqoop_name;
use crate::format::decode::{ReadAs, TextDecodeOptions, TextRecord};
use crate::load::DEFAULT_PARTITION;
use crate::mysql::write::{Kind, Reading, Rows, TargetColumn, Unfit, Value};
use crate::transfer::input::{Dataset, FileSet};

/// Where the values of a column come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The field of this place in a text record.
    Field(usize),
    /// The field of this name.
    Name(String),
    /// The partition column of this name.
    Partition(String),
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
}

/// A column and why its value does not fit.
pub(super) struct Misfit {
    /// Name of the column.
    pub column: String,
    /// Why.
    pub reason: Unfit,
}

/// Where in the records of one file the values of the columns are.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    sources: Vec<Source>,
    /// Fields that a text record has.
    pub fields: usize,
    text: TextDecodeOptions,
}

#[derive(Clone, Debug)]
enum Source {
    /// A field of text, or a column of the batch; Sqoop's milliseconds where a time is wanted.
    Column { at: usize, millis: bool },
    /// The same value in every row; `None` for NULL.
    Constant(Option<String>),
}

impl Binding {
    /// The types that the values of the columns have in the file; `None` for what is text.
    pub(super) fn types(&self, schema: &Schema) -> Vec<Option<DataType>> {
        let held = |source: &Source| match source {
            Source::Column { at, .. } => schema.fields().get(*at).map(|field| field.data_type().clone()),
            Source::Constant(_) => None,
        };
        self.sources.iter().map(held).collect()
    }
}

impl Shape {
    /// Finds the columns in a file, whose batches have this schema unless it is text.
    ///
    /// # Errors
    /// Schema: a column of the table is not in the file, or its type never goes into it.
    pub(super) fn bind(&self, data: &FileSet, file: usize, schema: &Schema) -> Result<Binding> {
        let found = self.columns.iter().map(|(column, origin)| self.source(data, file, schema, column, origin));
        let options = data.options(file);
        Ok(Binding {
            sources: found.collect::<Result<_>>()?,
            fields: if options.declared { options.columns.len() } else { self.fields },
            text: options.text.clone(),
        })
    }

    fn source(
        &self,
        data: &FileSet,
        file: usize,
        schema: &Schema,
        column: &TargetColumn,
        origin: &Origin,
    ) -> Result<Source> {
        let at_fault = data.files().get(file);
        let name = match origin {
            Origin::Field(at) => return Ok(Source::Column { at: *at, millis: false }),
            Origin::Name(name) => name,
            Origin::Partition(name) => {
                let pairs = at_fault.into_iter().flat_map(|file| file.partition.pairs());
                let value = pairs.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value);
                return Ok(Source::Constant(value.filter(|v| *v != DEFAULT_PARTITION).map(str::to_owned)));
            }
        };
        let path = at_fault.map_or("", |file| file.path.as_str());
        // A column may have the name that Sqoop makes of it.
        let found =
            data.place(file, schema, name).or_else(|e| data.place(file, schema, &sqoop_name(name)).map_err(|_| e));
        let at = match found {
            Ok(Some(at)) => at,
            Ok(None) => return Ok(Source::Constant(None)),
            Err(_) => {
                let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                return Err(error::schema(format!("{path} has no field {name} for column {}", column.name))
                    .hint(format!("its fields are {}; choose columns that are there with columns", names.join(", "))));
            }
        };
        if data.kind().is_text() {
            return Ok(Source::Column { at, millis: false });
        }
        let data_type = schema.field(at).data_type();
        let is_time = matches!(column.kind, Kind::Date | Kind::DateTime { .. } | Kind::Time { .. });
        let millis = self.reading == Reading::Sqoop && *data_type == DataType::Int64 && is_time;
        if !millis {
            value::check(data_type, &column.kind).map_err(|why| {
                let error = error::schema(format!("{path}: field {name} and column {}: {why}", column.name));
                match (data_type, is_time) {
                    (DataType::Int64, true) => {
                        error.hint("if these are Sqoop's milliseconds since 1970, give compat sqoop")
                    }
                    _ => error.hint("leave the column out with columns, or change its type"),
                }
            })?;
        }
        Ok(Source::Column { at, millis })
    }

    /// Appends a record of text; a misfit leaves no trace.
    ///
    /// # Errors
    /// The first column whose value does not fit.
    pub(super) fn push_text(&self, binding: &Binding, record: &TextRecord, rows: &mut Rows) -> Result<(), Misfit> {
        self.push(binding, rows, |column, at, _, out| {
            let read_as = match column.kind {
                _ if column.kind.is_string() => ReadAs::Characters,
                // Sqoop takes nothing at all for NULL.
                Kind::Binary if self.reading == Reading::Exact => ReadAs::Bytes,
                _ => ReadAs::Other,
            };
            match record.fields.get(at) {
                Some(field) if !binding.text.is_null(&field, read_as) => {
                    column.kind.write_text(field.text, self.reading, out)
                }
                _ => null(column, out),
            }
        })
    }

    /// Appends a row of a batch; a misfit leaves no trace.
    ///
    /// # Errors
    /// The first column whose value does not fit.
    pub(super) fn push_row(
        &self,
        binding: &Binding,
        batch: &RecordBatch,
        row: usize,
        rows: &mut Rows,
    ) -> Result<(), Misfit> {
        let mut scratch = String::new();
        self.push(binding, rows, |column, at, millis, out| {
            match value::of(batch.column(at).as_ref(), row, &mut scratch)? {
                Value::Null => null(column, out),
                value if millis => write_millis(&column.kind, value, out),
                value => column.kind.write(value, out),
            }
        })
    }

    fn push(
        &self,
        binding: &Binding,
        rows: &mut Rows,
        mut write: impl FnMut(&TargetColumn, usize, bool, &mut Vec<u8>) -> Result<(), Unfit>,
    ) -> Result<(), Misfit> {
        for ((column, _), source) in self.columns.iter().zip(&binding.sources) {
            let written = match source {
                Source::Column { at, millis } => write(column, *at, *millis, rows.field()),
                Source::Constant(Some(value)) => column.kind.write_text(value, Reading::Exact, rows.field()),
                Source::Constant(None) => null(column, rows.field()),
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

fn null(column: &TargetColumn, out: &mut Vec<u8>) -> Result<(), Unfit> {
    if !column.takes_null {
        return Err("NULL in a column that does not take it".into());
    }
    out.extend_from_slice(b"NULL");
    Ok(())
}

fn write_millis(kind: &Kind, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let Value::Integer(millis) = value else { return Err("not milliseconds".into()) };
    let micros = i64::try_from(millis * 1000).map_err(|_| "the time is outside the calendar")?;
    let value = if matches!(kind, Kind::Time { .. }) { Value::Clock(micros) } else { Value::Moment(micros) };
    kind.write(value, out)
}
