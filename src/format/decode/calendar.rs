//! The calendar and the time zone in which the days and times of a file were written, as its metadata names them.
//!
//! MySQL, Arrow and today's writers count by the Gregorian calendar throughout (*proleptic*). Old Java counted by the
//! Julian one before 1582-10-15 (*hybrid*), and Hive and Spark still can. What a reader has to keep is the date as its
//! writer would print it, so days of the hybrid calendar are moved to the proleptic day of the same name.
//!
//! | file | days | times | INT96 |
//! |---|---|---|---|
//! | Hive's keys, Parquet | as `writer.date.proleptic` says | proleptic | hybrid; by parquet-mr in UTC, for `writer.time.zone` |
//! | Hive's keys, Avro | as `writer.proleptic` says | the same, in UTC for `writer.time.zone` | |
//! | Spark's keys | hybrid before 3.0 or with `legacyDateTime` | instants, the same | hybrid before 3.1 or with `legacyINT96` |
//! | none, Parquet | as the caller says | proleptic | as the caller says |
//! | none, Avro | as the caller says | as the caller says | |
//!
//! Refused, as errors that name the row: days before 1582-10-15 where neither the file nor the caller names a calendar;
//! times that old Java classes moved between time zones in years for which these knew no rules.
//!
//! Source: Hive 4.0.1, what it wrote and how it read files with and without these keys; Spark 3.5,
//! `DataSourceUtils.datetimeRebaseSpec` and `int96RebaseSpec`.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch};
use arrow_schema::{DataType, Schema, TimeUnit};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

use super::Input;
use crate::error::{self, Result};

/// The calendar of days before 1582-10-15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Calendar {
    /// The Julian calendar until then, as Hive and Spark before 3.0 write
    Hybrid,
    /// The Gregorian calendar throughout, as Arrow, Spark 3 and MySQL count
    Proleptic,
}

/// 1582-10-15, the first day that both calendars call the same, in days since 1970-01-01.
const SWITCH_DAY: i64 = -141_427;

/// 1900-01-01 00:00 UTC in seconds since 1970.
const YEAR_1900: i64 = -2_208_988_800;

const SECONDS_A_DAY: i64 = 86_400;

/// Why a value cannot be read, and what to do about it.
type Reason = (&'static str, &'static str);

const NO_CALENDAR: Reason = (
    "it lies before 1582-10-15, and the file does not say in which calendar it was written",
    "say it with calendar: hybrid, as hive and spark before 3.0 write, or proleptic, as arrow and spark 3 do",
);

const SPARK_ZONE: Reason = (
    "it lies before 1582-10-15, and spark moved it in the time zone of its session",
    "write the file again with spark's datetimeRebaseModeInWrite set to CORRECTED",
);

const OLD_ZONE: Reason = (
    "it lies before 1900, where the java classes that moved it to UTC knew no rules of its time zone",
    "copy the table in hive with timestamp.write.legacy.conversion.enabled set to false",
);

const OUT_OF_RANGE: Reason = ("it is outside the calendar", "mend the value");

/// What becomes of values before 1582-10-15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Keep,
    Rebase,
    Refuse(Reason),
}

impl Rule {
    fn of(calendar: Option<Calendar>) -> Self {
        match calendar {
            Some(Calendar::Proleptic) => Self::Keep,
            Some(Calendar::Hybrid) => Self::Rebase,
            None => Self::Refuse(NO_CALENDAR),
        }
    }

    fn hybrid(is_hybrid: bool) -> Self {
        if is_hybrid { Self::Rebase } else { Self::Keep }
    }
}

/// The zone whose clock the times were read from before they were written in UTC.
#[derive(Clone, Debug)]
struct Zone {
    zone: TimeZone,
    /// By Java's old classes.
    by_old_classes: bool,
}

/// One column and what is done to its values.
#[derive(Clone, Debug)]
struct Column {
    place: usize,
    rule: Rule,
    zone: Option<Zone>,
    /// The zone's clock is read in the calendar of the file, not in the proleptic one.
    zone_first: bool,
}

/// Brings the days and times of a file's batches to the proleptic calendar and to the clock of their writer.
#[derive(Clone, Debug, Default)]
pub(super) struct Conversion {
    columns: Vec<Column>,
    /// Rows seen.
    rows: u64,
}

/// A value of a file's metadata by its key.
pub(super) type Metadata<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Conversion {
    /// What the footer of a Parquet file asks for; `unmarked` is the calendar of files that do not name theirs.
    ///
    /// # Errors
    /// Data: a time zone that is not known.
    pub(super) fn of_parquet(
        file: &str,
        metadata: Metadata<'_>,
        created_by: &str,
        schema: &Schema,
        is_int96: impl Fn(&str) -> bool,
        unmarked: Option<Calendar>,
    ) -> Result<Self> {
        let hives = ["writer.date.proleptic", "writer.time.zone", "writer.zone.conversion.legacy"];
        let is_hives = hives.iter().any(|key| metadata(key).is_some());
        // Hive ignores the zone in files of other programs, and so do their writers.
        let zone = if created_by.starts_with("parquet-mr") { writer_zone(file, metadata)? } else { None };
        let days = match metadata("writer.date.proleptic") {
            Some(proleptic) => Rule::hybrid(!proleptic.eq_ignore_ascii_case("true")),
            None => of_spark(metadata, (3, 0), "legacyDateTime").map_or(Rule::of(unmarked), Rule::hybrid),
        };
        let instants = spark_times(metadata, (3, 0), "legacyDateTime").unwrap_or(Rule::Keep);
        let int96 = match (is_hives, spark_times(metadata, (3, 1), "legacyINT96")) {
            (true, _) => Rule::Rebase,
            (false, Some(rule)) => rule,
            (false, None) => Rule::of(unmarked),
        };
        let columns = schema.fields().iter().enumerate().filter_map(|(place, field)| {
            let (rule, zone) = match field.data_type() {
                DataType::Date32 => (days, None),
                DataType::Timestamp(..) if is_int96(field.name()) => (int96, zone.clone()),
                DataType::Timestamp(_, Some(_)) => (instants, None),
                _ => return None,
            };
            Some(Column { place, rule, zone, zone_first: false })
        });
        Ok(Self::of(columns))
    }

    /// What the header of an Avro file asks for.
    ///
    /// # Errors
    /// As [`Conversion::of_parquet`].
    pub(super) fn of_avro(
        file: &str,
        metadata: Metadata<'_>,
        schema: &Schema,
        unmarked: Option<Calendar>,
    ) -> Result<Self> {
        let hives = metadata("writer.proleptic").map(|proleptic| !proleptic.eq_ignore_ascii_case("true"));
        let zone = writer_zone(file, metadata)?;
        let of = |spark: Option<Rule>| hives.map(Rule::hybrid).or(spark).unwrap_or(Rule::of(unmarked));
        let days = of(of_spark(metadata, (3, 0), "legacyDateTime").map(Rule::hybrid));
        let times = of(spark_times(metadata, (3, 0), "legacyDateTime"));
        let columns = schema.fields().iter().enumerate().filter_map(|(place, field)| {
            let (rule, zone) = match field.data_type() {
                DataType::Date32 => (days, None),
                // Local timestamps are younger than the calendars' confusion.
                DataType::Timestamp(_, Some(_)) => (times, zone.clone()),
                _ => return None,
            };
            Some(Column { place, rule, zone, zone_first: true })
        });
        Ok(Self::of(columns))
    }

    fn of(columns: impl Iterator<Item = Column>) -> Self {
        Self { columns: columns.filter(|c| c.rule != Rule::Keep || c.zone.is_some()).collect(), rows: 0 }
    }

    /// Converts the next batch of a file.
    ///
    /// # Errors
    /// Data: a value that cannot be read; names its row and column.
    pub(super) fn apply(&mut self, input: &Input, batch: RecordBatch) -> Result<RecordBatch> {
        let first = self.rows;
        self.rows += batch.num_rows() as u64;
        let mut changed: Option<Vec<ArrayRef>> = None;
        for column in &self.columns {
            let array = column.convert(batch.column(column.place)).map_err(|(row, (why, remedy))| {
                let name = batch.schema_ref().field(column.place).name();
                let what = format!("{}: row {}, column {name}: {why}", input.name(), first + row as u64 + 1);
                error::data(what).hint(remedy)
            })?;
            if let Some(array) = array {
                changed.get_or_insert_with(|| batch.columns().to_vec())[column.place] = array;
            }
        }
        match changed {
            None => Ok(batch),
            Some(columns) => RecordBatch::try_new(batch.schema(), columns)
                .map_err(|e| error::bug("converted days do not fit their schema").source(e)),
        }
    }
}

impl Column {
    fn convert(&self, array: &ArrayRef) -> Result<Option<ArrayRef>, (usize, Reason)> {
        match array.data_type() {
            DataType::Date32 => self.values(array.as_primitive::<Date32Type>(), 1),
            DataType::Timestamp(TimeUnit::Second, _) => {
                self.values(array.as_primitive::<TimestampSecondType>(), SECONDS_A_DAY)
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                self.values(array.as_primitive::<TimestampMillisecondType>(), SECONDS_A_DAY * 1000)
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                self.values(array.as_primitive::<TimestampMicrosecondType>(), SECONDS_A_DAY * 1_000_000)
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                self.values(array.as_primitive::<TimestampNanosecondType>(), SECONDS_A_DAY * 1_000_000_000)
            }
            _ => Ok(None),
        }
    }

    /// The values of a column of so many units a day; `None` where all stay as they are.
    fn values<T>(&self, array: &PrimitiveArray<T>, per_day: i64) -> Result<Option<ArrayRef>, (usize, Reason)>
    where
        T: ArrowPrimitiveType<Native: Into<i64> + TryFrom<i64>>,
    {
        let switch = SWITCH_DAY.saturating_mul(per_day);
        if self.zone.is_none() && array.values().iter().all(|value| (*value).into() >= switch) {
            return Ok(None);
        }
        let mut values: Vec<T::Native> = Vec::with_capacity(array.len());
        for (row, value) in array.values().iter().enumerate() {
            values.push(match array.is_null(row) {
                true => *value,
                false => {
                    let moved = self.value((*value).into(), per_day).map_err(|reason| (row, reason))?;
                    T::Native::try_from(moved).map_err(|_| (row, OUT_OF_RANGE))?
                }
            });
        }
        let moved = PrimitiveArray::<T>::new(values.into(), array.nulls().cloned());
        Ok(Some(Arc::new(moved.with_data_type(array.data_type().clone()))))
    }

    fn value(&self, value: i64, per_day: i64) -> Result<i64, Reason> {
        match self.zone_first {
            true => self.rebased(self.on_the_clock(value, per_day)?, per_day),
            false => self.on_the_clock(self.rebased(value, per_day)?, per_day),
        }
    }

    fn rebased(&self, value: i64, per_day: i64) -> Result<i64, Reason> {
        let day = value.div_euclid(per_day);
        match self.rule {
            _ if day >= SWITCH_DAY => Ok(value),
            Rule::Keep => Ok(value),
            Rule::Rebase => Ok(value + (proleptic_day(day) - day) * per_day),
            Rule::Refuse(reason) => Err(reason),
        }
    }

    /// What the clock of the writer's zone showed.
    fn on_the_clock(&self, value: i64, per_day: i64) -> Result<i64, Reason> {
        let Some(Zone { zone, by_old_classes }) = &self.zone else { return Ok(value) };
        let per_second = per_day / SECONDS_A_DAY;
        let second = value.div_euclid(per_second);
        if *by_old_classes && second < YEAR_1900 {
            return Err(OLD_ZONE);
        }
        let offset = zone.to_offset(Timestamp::from_second(second).map_err(|_| OUT_OF_RANGE)?);
        value.checked_add(i64::from(offset.seconds()) * per_second).ok_or(OUT_OF_RANGE)
    }
}

/// The proleptic day of the same name as a day of the Julian calendar; of the leap days that only that one has, the day
/// behind them, as in Hive.
///
/// Source: E. G. Richards, "Mapping Time", the algorithms between Julian day numbers and both calendars.
fn proleptic_day(julian: i64) -> i64 {
    let shifted = julian + 2_440_588 + 32_082;
    let era = (4 * shifted + 3).div_euclid(1461);
    let of_year = shifted - (1461 * era).div_euclid(4);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    // Years that begin in March.
    let year = era - 4800;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day
        - 1
        - 719_468
}

/// Whether Spark says that it wrote the file in the hybrid calendar; `None` where it does not say that it wrote it.
fn of_spark(metadata: Metadata<'_>, proleptic_since: (u32, u32), legacy_key: &str) -> Option<bool> {
    let version = metadata("org.apache.spark.version")?;
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    Some(version < proleptic_since || metadata(&format!("org.apache.spark.{legacy_key}")).is_some())
}

/// The same for times, which Spark moves in the zone of its session: that can be undone where its offset never changed.
fn spark_times(metadata: Metadata<'_>, proleptic_since: (u32, u32), legacy_key: &str) -> Option<Rule> {
    let is_hybrid = of_spark(metadata, proleptic_since, legacy_key)?;
    let zone = metadata("org.apache.spark.timeZone").map(|name| java_zone(&name));
    let is_fixed = zone.is_none_or(|zone| zone.is_some_and(|zone| zone.to_fixed_offset().is_ok()));
    Some(if is_hybrid && !is_fixed { Rule::Refuse(SPARK_ZONE) } else { Rule::hybrid(is_hybrid) })
}

/// The zone that Hive names in a file; `None` where there is none, or where it is UTC.
fn writer_zone(file: &str, metadata: Metadata<'_>) -> Result<Option<Zone>> {
    let Some(name) = metadata("writer.time.zone") else { return Ok(None) };
    let Some(zone) = java_zone(&name) else {
        return Err(error::data(format!("{file}: its writer's time zone {name} is not known here"))
            .hint("install the time zone database of this system (tzdata)"));
    };
    let fixed = zone.to_fixed_offset().ok();
    if fixed == Some(Offset::UTC) {
        return Ok(None);
    }
    let old = metadata("writer.zone.conversion.legacy").is_some_and(|legacy| legacy.eq_ignore_ascii_case("true"));
    Ok(Some(Zone { zone, by_old_classes: old && fixed.is_none() }))
}

/// A zone by its name in Java: `Z`, `UTC`, `GMT+2`, `+02:00`, `Europe/Berlin`.
fn java_zone(name: &str) -> Option<TimeZone> {
    let rest = ["UTC", "GMT", "UT"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    if rest.is_empty() || rest == "Z" {
        return Some(TimeZone::UTC);
    }
    let Some(digits) = rest.strip_prefix(['+', '-']) else { return TimeZone::get(name).ok() };
    let numbers: Vec<i32> = digits.split(':').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let seconds = match numbers[..] {
        [hours] if digits.len() <= 2 => hours * 3600,
        [clock] if digits.len() == 4 => clock / 100 * 3600 + clock % 100 * 60,
        [hours, minutes] => hours * 3600 + minutes * 60,
        [hours, minutes, seconds] => hours * 3600 + minutes * 60 + seconds,
        _ => return None,
    };
    let offset = Offset::from_seconds(if rest.starts_with('-') { -seconds } else { seconds }).ok()?;
    Some(TimeZone::fixed(offset))
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
