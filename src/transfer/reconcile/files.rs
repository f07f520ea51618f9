//! Counts and sums of files, read from HDFS here: what no server has counted.
//!
//! Times are taken as the files hold them; the key of an instant is its time in UTC. Refuses sums of columns that are not
//! whole numbers or decimals.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};

use super::Found;
use super::servers::plain;
use crate::error::{self, Error, Result};
use crate::load::{Cluster, DEFAULT_PARTITION};
use crate::transfer::args::{Compat, InputTextArgs, SideArgs, Unit};
use crate::transfer::input::{Cancelled, Dataset, FileSet, for_each, list, options};
use crate::transfer::verify::decimal_text;

/// Files that are read at once.
const WORKERS: usize = 4;

/// What is made of the rows of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Measure {
    Rows,
    Sum(String),
}

/// What one measure of one key has come to.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    number: i256,
    scale: i8,
    /// Values that are not NULL.
    values: u64,
}

type Sums = HashMap<Option<String>, Vec<Sum>>;

pub(super) async fn of_files(side: &SideArgs, cluster: &Cluster) -> Result<Found> {
    let directory = side.target_dir.as_deref().unwrap_or_default();
    let measures: Vec<Measure> = side.measures.values().map(|text| measure(text)).collect::<Result<_>>()?;
    let names = side.measures.keys().map(|name| name.to_lowercase()).collect();
    let files = list(cluster.fs.as_ref(), directory).await?;
    if files.is_empty() {
        return Ok(Found { measures: names, rows: BTreeMap::new() });
    }
    let style = options::style(Compat::default());
    let options = options::of_directory(&InputTextArgs::default(), style, None)?;
    let set = FileSet::open(cluster.fs.clone(), files, options).await?;
    if set.kind().is_text() {
        return Err(error::config(format!("{directory} holds {}, whose fields have no names", set.kind()))
            .hint("ask the hive table over it (in = \"hive\")"));
    }
    let work = Arc::new(Work { set, by: side.by.clone(), unit: side.unit, measures: measures.clone() });
    let count = work.set.files().len();
    let each = for_each(count, WORKERS, move |file, cancelled| work.file(file, cancelled)).await?;
    let mut all = Sums::new();
    for (key, sums) in each.into_iter().flatten() {
        let into = all.entry(key).or_insert_with(|| vec![Sum::default(); sums.len()]);
        into.iter_mut().zip(sums).try_for_each(|(into, sum)| into.add(&sum))?;
    }
    let shown = |(key, sums): (Option<String>, Vec<Sum>)| {
        (key, sums.iter().zip(&measures).map(|(sum, of)| sum.shown(of)).collect())
    };
    Ok(Found { measures: names, rows: all.into_iter().map(shown).collect() })
}

/// Reads `count(*)` and `sum(COLUMN)`.
fn measure(text: &str) -> Result<Measure> {
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let lower = plain.to_lowercase();
    let sum = lower.strip_prefix("sum(").and_then(|rest| rest.strip_suffix(')'));
    match sum {
        // As it was written, since names of columns may have capitals.
        Some(name) if !name.is_empty() => Ok(Measure::Sum(plain[4..plain.len() - 1].trim_matches('`').to_owned())),
        _ if lower == "count(*)" => Ok(Measure::Rows),
        _ => Err(error::config(format!("files cannot be asked for {text}"))
            .hint("of files there are count(*) and sum(COLUMN)")),
    }
}

struct Work {
    set: FileSet,
    by: String,
    unit: Unit,
    measures: Vec<Measure>,
}

impl Work {
    fn file(&self, file: usize, cancelled: &Cancelled) -> Result<Sums> {
        let in_partition = self.partition(file);
        let mut columns: Vec<String> = Vec::new();
        if in_partition.is_none() {
            columns.push(self.by.clone());
        }
        for measure in &self.measures {
            if let Measure::Sum(name) = measure
                && !columns.contains(name)
            {
                columns.push(name.clone());
            }
        }
        let mut sums = Sums::new();
        for batch in self.set.read(file, (!columns.is_empty()).then_some(&columns[..]))? {
            cancelled.check()?;
            self.take(&batch?, in_partition.as_ref(), &mut sums)?;
        }
        Ok(sums)
    }

    /// The key of a file whose partition holds it.
    fn partition(&self, file: usize) -> Option<Option<String>> {
        let file = self.set.files().get(file)?;
        let (_, value) = file.partition.pairs().find(|(name, _)| name.eq_ignore_ascii_case(&self.by))?;
        Some((value != DEFAULT_PARTITION).then(|| value.to_owned()))
    }

    fn take(&self, batch: &RecordBatch, in_partition: Option<&Option<String>>, into: &mut Sums) -> Result<()> {
        let column = |name: &str| {
            let schema = batch.schema();
            let at = crate::transfer::input::position(&schema, name);
            at.map(|at| batch.column(at).clone())
                .ok_or_else(|| error::schema(format!("the files have no column {name}")))
        };
        let by = if in_partition.is_none() { Some(column(&self.by)?) } else { None };
        let of: Vec<Option<Arc<dyn Array>>> = self
            .measures
            .iter()
            .map(|measure| if let Measure::Sum(name) = measure { column(name).map(Some) } else { Ok(None) })
            .collect::<Result<_>>()?;
        for row in 0..batch.num_rows() {
            let key = match (&by, in_partition) {
                (Some(by), _) => key(by.as_ref(), row, self.unit, &self.by)?,
                (None, partition) => partition.cloned().flatten(),
            };
            let sums = into.entry(key).or_insert_with(|| vec![Sum::default(); of.len()]);
            for ((sum, column), measure) in sums.iter_mut().zip(&of).zip(&self.measures) {
                match column {
                    None => sum.add(&Sum { number: i256::ONE, scale: 0, values: 1 })?,
                    Some(column) if column.is_null(row) => {}
                    Some(column) => sum.add(&number(column.as_ref(), row, measure)?)?,
                }
            }
        }
        Ok(())
    }
}

impl Sum {
    fn add(&mut self, other: &Self) -> Result<()> {
        if self.values == 0 {
            (self.number, self.scale) = (i256::ZERO, other.scale);
        }
        // An empty sum has no scale of its own.
        let other_scale = if other.values == 0 { self.scale } else { other.scale };
        let scale = self.scale.max(other_scale);
        let raised = |number: i256, from: i8| {
            let ten = i256::from_i128(10).checked_pow(u32::from((scale - from).unsigned_abs()))?;
            number.checked_mul(ten)
        };
        let sum = raised(self.number, self.scale).zip(raised(other.number, other_scale));
        self.number = sum.and_then(|(one, other)| one.checked_add(other)).ok_or_else(|| {
            error::data("a sum is larger than 76 digits").hint("compare fewer rows at once, or another measure")
        })?;
        (self.scale, self.values) = (scale, self.values + other.values);
        Ok(())
    }

    /// NULL where no value was summed up, as SQL has it.
    fn shown(&self, of: &Measure) -> Option<String> {
        (self.values > 0 || *of == Measure::Rows).then(|| plain(decimal_text(self.number, self.scale)))
    }
}

/// The key of a row: a time cut to the unit, any text as it is.
fn key(by: &dyn Array, row: usize, unit: Unit, name: &str) -> Result<Option<String>> {
    if by.is_null(row) {
        return Ok(None);
    }
    let of_seconds = |seconds: i64| -> Result<String> {
        let time = Timestamp::from_second(seconds).map_err(|e| error::data(format!("a time in {name}")).source(e))?;
        Ok(TimeZone::UTC.to_datetime(time).strftime(format_of(unit)).to_string())
    };
    let text = match by.data_type() {
        DataType::Utf8 => by.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => by.as_string::<i64>().value(row).to_owned(),
        DataType::Date32 => of_days(by.as_primitive::<Date32Type>().value(row), unit)?,
        DataType::Timestamp(TimeUnit::Second, _) => of_seconds(by.as_primitive::<TimestampSecondType>().value(row))?,
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            of_seconds(by.as_primitive::<TimestampMillisecondType>().value(row).div_euclid(1_000))?
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            of_seconds(by.as_primitive::<TimestampMicrosecondType>().value(row).div_euclid(1_000_000))?
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            of_seconds(by.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000_000_000))?
        }
        other => {
            let number = number_of(by, row);
            let number =
                number.ok_or_else(|| error::schema(format!("rows cannot be counted by {name}, which is {other}")));
            plain(number.map(|sum| decimal_text(sum.number, sum.scale))?)
        }
    };
    Ok(Some(text))
}

fn of_days(days: i32, unit: Unit) -> Result<String> {
    let epoch = Date::constant(1970, 1, 1);
    let day = jiff::Span::new().try_days(days).and_then(|span| epoch.checked_add(span));
    let day = day.map_err(|e| error::data(format!("a date {days} days from 1970")).source(e))?;
    Ok(day.at(0, 0, 0, 0).strftime(format_of(unit)).to_string())
}

fn format_of(unit: Unit) -> &'static str {
    match unit {
        Unit::Day => "%Y-%m-%d",
        Unit::Hour => "%Y-%m-%d %H",
        Unit::Month => "%Y-%m",
    }
}

/// A value that is summed up.
fn number(column: &dyn Array, row: usize, measure: &Measure) -> Result<Sum> {
    number_of(column, row).ok_or_else(|| not_summed(column.data_type(), measure))
}

fn number_of(column: &dyn Array, row: usize) -> Option<Sum> {
    let whole = |number: i128| Some(Sum { number: i256::from_i128(number), scale: 0, values: 1 });
    match column.data_type() {
        DataType::Int8 => whole(column.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => whole(column.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => whole(column.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => whole(column.as_primitive::<Int64Type>().value(row).into()),
        DataType::UInt8 => whole(column.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => whole(column.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => whole(column.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => whole(column.as_primitive::<UInt64Type>().value(row).into()),
        DataType::Decimal128(_, scale) => {
            let number = i256::from_i128(column.as_primitive::<Decimal128Type>().value(row));
            Some(Sum { number, scale: *scale, values: 1 })
        }
        DataType::Decimal256(_, scale) => {
            Some(Sum { number: column.as_primitive::<Decimal256Type>().value(row), scale: *scale, values: 1 })
        }
        _ => None,
    }
}

fn not_summed(data_type: &DataType, measure: &Measure) -> Error {
    let name = if let Measure::Sum(name) = measure { name.as_str() } else { "" };
    error::schema(format!("column {name} of the files is {data_type}, which is not summed up exactly"))
        .hint("sum up whole numbers and decimals, or ask hive for the sum of a cast")
}

#[cfg(test)]
mod tests {
    use arrow_array::{Date32Array, Decimal128Array, Int32Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn measures_of_files_are_counts_and_sums() {
        assert_eq!(measure("count(*)").unwrap(), Measure::Rows);
        assert_eq!(measure("SUM( Total )").unwrap(), Measure::Sum("Total".to_owned()));
        assert_eq!(measure("sum(`a`)").unwrap(), Measure::Sum("a".to_owned()));
        assert!(measure("count(distinct a)").unwrap_err().to_string().contains("count(distinct a)"));
        assert!(measure("sum()").is_err());
    }

    #[test]
    fn keys_are_cut_to_the_unit() {
        // 2011-12-09 12:50:00
        let times = TimestampMicrosecondArray::from(vec![Some(1_323_435_000_000_000), None, Some(-1)]);
        let of = |row, unit| key(&times, row, unit, "at").unwrap();
        assert_eq!(of(0, Unit::Day).as_deref(), Some("2011-12-09"));
        assert_eq!(of(0, Unit::Hour).as_deref(), Some("2011-12-09 12"));
        assert_eq!(of(0, Unit::Month).as_deref(), Some("2011-12"));
        assert_eq!(of(1, Unit::Day), None);
        assert_eq!(of(2, Unit::Day).as_deref(), Some("1969-12-31"));
        let days = Date32Array::from(vec![15_317]);
        assert_eq!(key(&days, 0, Unit::Day, "day").unwrap().as_deref(), Some("2011-12-09"));
        let texts = StringArray::from(vec!["eu"]);
        assert_eq!(key(&texts, 0, Unit::Day, "tier").unwrap().as_deref(), Some("eu"));
        let numbers = Int32Array::from(vec![7]);
        assert_eq!(key(&numbers, 0, Unit::Day, "n").unwrap().as_deref(), Some("7"));
        let floats = arrow_array::Float64Array::from(vec![1.5]);
        assert!(key(&floats, 0, Unit::Day, "f").is_err());
    }

    #[test]
    fn sums_are_exact_whatever_the_scales() {
        let column = Decimal128Array::from(vec![1_250, 1]).with_precision_and_scale(10, 3).unwrap();
        let mut sum = Sum::default();
        let of = Measure::Sum("total".to_owned());
        assert_eq!(sum.shown(&of), None, "a sum of nothing is NULL");
        for row in 0..2 {
            sum.add(&number(&column, row, &of).unwrap()).unwrap();
        }
        sum.add(&number(&Int32Array::from(vec![2]), 0, &of).unwrap()).unwrap();
        assert_eq!(sum.shown(&of).as_deref(), Some("3.251"));
        sum.add(&Sum::default()).unwrap();
        assert_eq!(sum.shown(&of).as_deref(), Some("3.251"));
        assert!(number(&arrow_array::Float64Array::from(vec![1.5]), 0, &of).is_err());
    }
}
