//! Which values of an event become which columns: what the parsers have in common whose columns the user declares.
//!
//! A value that its column cannot hold makes the event a reject, since nothing else in the row would hold it. A value that
//! is missing or null is NULL, unless the column is required. A column may take a part of its value ([`Piece`]).

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;

use super::piece::Piece;
use crate::agent::event::{Event, names};
use crate::agent::rows::{Cell, ColumnSpec, ColumnType, Row};
use crate::error::{self, Result};

/// So much of a value is told in a reason.
const MOST_CHARS: usize = 60;

/// A column, and the value that it takes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::agent) struct FieldArgs {
    /// Its name in the table.
    pub name: String,
    /// What the event calls the value; the column's name where it is left out.
    #[serde(default)]
    pub key: Option<String>,
    /// Its type, as Hive names it.
    #[serde(default, rename = "type")]
    pub data_type: ColumnType,
    /// What it says, for the table's description.
    #[serde(default)]
    pub comment: String,
    /// An event without the value is a reject.
    #[serde(default)]
    pub required: bool,
    /// How a timestamp is written.
    #[serde(default)]
    pub format: TimeFormat,
    /// What a timestamp has beyond microseconds is cut off.
    #[serde(default)]
    pub truncate: bool,
    /// The part of the value that the column takes; all of it where it is left out.
    #[serde(default)]
    pub take: Option<Piece>,
    /// An event with any other value is a reject.
    #[serde(default)]
    pub equals: Option<String>,
}

impl FieldArgs {
    /// A column of texts that takes the value of `key`.
    pub(in crate::agent) fn text(name: &str, key: &str) -> Self {
        Self {
            name: name.to_owned(),
            key: Some(key.to_owned()),
            data_type: ColumnType::String,
            comment: String::new(),
            required: false,
            format: TimeFormat::default(),
            truncate: false,
            take: None,
            equals: None,
        }
    }
}

/// How an instant is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::agent) enum TimeFormat {
    /// `2024-01-01T00:00:00.5Z`, with any offset.
    #[default]
    Rfc3339,
    /// Since 1970; a fraction may follow.
    Seconds,
    Millis,
    Micros,
}

/// A value as a parser finds it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found<'a> {
    Text(Cow<'a, str>),
    /// As it is written.
    Number(&'a str),
    Boolean(bool),
    /// An object or an array, as it is written.
    Nested(&'a str),
}

/// The columns of a table, and what they take.
#[derive(Debug)]
pub(super) struct Mapping {
    specs: Vec<ColumnSpec>,
    fields: Vec<FieldArgs>,
    /// The column that says when an event happened; where there is none, the header does.
    time: Option<usize>,
}

impl Mapping {
    /// # Errors
    /// Config: no column, two of one name, a name that partitions have, or a time that is not a column of its type.
    pub(super) fn new(fields: &[FieldArgs], time: Option<&str>) -> Result<Self> {
        if fields.is_empty() {
            return Err(error::config("the parser has no columns").hint("declare them: columns = [{ name = \"..\" }]"));
        }
        for (number, field) in fields.iter().enumerate() {
            let name = field.name.to_lowercase();
            if name.is_empty() || matches!(&*name, "dt" | "hr") {
                return Err(error::config(format!("a column is called {:?}", field.name))
                    .hint("give it another name: dt and hr are those of the partitions"));
            }
            if fields[..number].iter().any(|before| before.name.to_lowercase() == name) {
                return Err(error::config(format!("column {} is there twice", field.name)).hint("name one otherwise"));
            }
            if let Some(piece) = &field.take {
                piece.check(field.data_type).map_err(|e| e.context(format!("column {}", field.name)))?;
            }
        }
        let time = time.map(|time| {
            let is_it = |field: &FieldArgs| field.name == time && field.data_type == ColumnType::Timestamp;
            fields.iter().position(is_it).ok_or_else(|| {
                error::config(format!("time is {time}, which is not a column of the type timestamp"))
                    .hint("declare it: { name = \"..\", type = \"timestamp\" }")
            })
        });
        let time = time.transpose()?;
        let spec = |(number, field): (usize, &FieldArgs)| ColumnSpec {
            name: field.name.clone(),
            data_type: field.data_type,
            nullable: !field.required && time != Some(number),
            comment: field.comment.clone(),
        };
        Ok(Self { specs: fields.iter().enumerate().map(spec).collect(), fields: fields.to_vec(), time })
    }

    pub(super) fn columns(&self) -> &[ColumnSpec] {
        &self.specs
    }

    /// What the values are called, in the order of the columns.
    pub(super) fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.fields.iter().map(FieldArgs::key)
    }

    /// The row of an event whose values were found, in the order of the columns.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub(super) fn row<'a>(&self, event: &Event, found: Vec<Option<Found<'a>>>) -> Result<Row<'a>, String> {
        let cells = self.fields.iter().zip(found).map(|(field, value)| match field.taken(value) {
            Some(value) => field.is_wanted(&value).and_then(|()| field.cell(value)),
            None if field.equals.is_some() => {
                Err(format!("has no {}, which is to be {}", field.key(), shown(field.equals.as_deref().unwrap_or(""))))
            }
            None if field.required => Err(format!("has no {}", field.key())),
            None => Ok(Cell::Null),
        });
        let cells: Vec<Cell<'a>> = cells.collect::<Result<_, _>>()?;
        let time = match self.time {
            Some(number) => match cells[number] {
                Cell::Time(time) => time,
                _ => return Err(format!("has no {}, its time", self.fields[number].key())),
            },
            None => of_header(event)?,
        };
        Ok(Row { time, cells })
    }
}

fn of_header(event: &Event) -> Result<Timestamp, String> {
    let text =
        event.headers.get(names::TIMESTAMP).ok_or("has no time: the parser has no time, and no header is timestamp")?;
    let time = text.parse().ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    time.ok_or_else(|| format!("its header timestamp is not in milliseconds since 1970: {}", shown(text)))
}

impl FieldArgs {
    fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.name)
    }

    /// What the column takes of a value.
    fn taken<'a>(&self, value: Option<Found<'a>>) -> Option<Found<'a>> {
        match &self.take {
            Some(piece) => piece.of(value?),
            None => value,
        }
    }

    /// Refuses a value other than the one that it has to be.
    fn is_wanted(&self, value: &Found<'_>) -> Result<(), String> {
        match &self.equals {
            Some(wanted) if value.text() != wanted.as_str() => {
                Err(format!("{} is {} and not {}", self.key(), shown(&value.text()), shown(wanted)))
            }
            _ => Ok(()),
        }
    }

    fn cell<'a>(&self, found: Found<'a>) -> Result<Cell<'a>, String> {
        if self.data_type == ColumnType::String {
            return Ok(Cell::Text(found.into_text()));
        }
        let cell = match (self.data_type, &found) {
            (ColumnType::Boolean, Found::Boolean(value)) => Some(Cell::Boolean(*value)),
            (ColumnType::Boolean, Found::Number(_)) | (_, Found::Boolean(_) | Found::Nested(_)) => None,
            (ColumnType::Timestamp, _) => return self.time(&found.text()),
            (ColumnType::Double, Found::Number(text)) => {
                text.parse().ok().filter(|number: &f64| number.is_finite()).map(Cell::Real)
            }
            (data_type, _) => data_type.cell(found.text()),
        };
        let refused =
            || format!("{} is not of the type {}: {}", self.key(), self.data_type.name(), shown(&found.text()));
        cell.ok_or_else(refused)
    }

    fn time(&self, text: &str) -> Result<Cell<'static>, String> {
        if let Some(time) = self.format.plain(text) {
            return Ok(Cell::Time(time));
        }
        let nanos = match self.format {
            TimeFormat::Rfc3339 => text.parse().ok().map(Timestamp::as_nanosecond),
            TimeFormat::Seconds => nanoseconds(text, 9),
            TimeFormat::Millis => nanoseconds(text, 6),
            TimeFormat::Micros => nanoseconds(text, 3),
        };
        if nanos.is_some_and(|nanos| nanos % 1_000 != 0) && !self.truncate {
            return Err(format!("{} is finer than a microsecond (truncate cuts it off): {}", self.key(), shown(text)));
        }
        let micros = nanos.and_then(|nanos| i64::try_from(nanos.div_euclid(1_000)).ok());
        let time = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        time.map(Cell::Time).ok_or_else(|| format!("{} is not a {}: {}", self.key(), self.format.name(), shown(text)))
    }
}

impl TimeFormat {
    /// The instant of a whole number without a sign. That is what most events hold, and the way that is exact for all others
    /// takes longer than the rest of an event.
    fn plain(self, text: &str) -> Option<Timestamp> {
        let micros = match self {
            Self::Rfc3339 => return None,
            Self::Seconds => 1_000_000,
            Self::Millis => 1_000,
            Self::Micros => 1,
        };
        let is_plain = text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
        let number = is_plain.then(|| text.parse::<i64>().ok()).flatten()?;
        Timestamp::from_microsecond(number.checked_mul(micros)?).ok()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rfc3339 => "time with its offset, as 2024-01-01T00:00:00Z is one",
            Self::Seconds => "number of seconds since 1970",
            Self::Millis => "number of milliseconds since 1970",
            Self::Micros => "number of microseconds since 1970",
        }
    }
}

impl<'a> Found<'a> {
    pub(super) fn text(&self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(text) | Self::Nested(text) => Cow::Borrowed(text),
            Self::Boolean(true) => Cow::Borrowed("true"),
            Self::Boolean(false) => Cow::Borrowed("false"),
        }
    }

    fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text,
            other => other.text(),
        }
    }
}

/// A decimal number times ten to the power of `digits`, exactly; `None` if it is not a plain number or has more digits.
fn nanoseconds(text: &str, digits: usize) -> Option<i128> {
    let (sign, unsigned) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let fraction = if is_plain(fraction) { fraction.trim_end_matches('0') } else { return None };
    if !is_plain(whole) || whole.len() > 20 || fraction.len() > digits {
        return None;
    }
    let number = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
    let power = |digits: usize| 10_i128.pow(digits as u32);
    Some(sign * (number(whole)? * power(digits) + number(fraction)? * power(digits - fraction.len())))
}

/// A value as a reason tells it.
pub(in crate::agent) fn shown(text: &str) -> String {
    let mut told: String = text.chars().take(MOST_CHARS).collect();
    if told.len() < text.len() {
        told.push_str("...");
    }
    format!("{told:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(data_type: ColumnType) -> FieldArgs {
        FieldArgs { data_type, ..FieldArgs::text("n", "k") }
    }

    fn time(format: TimeFormat, truncate: bool, text: &str) -> Result<String, String> {
        let field = FieldArgs { format, truncate, ..field(ColumnType::Timestamp) };
        match field.cell(Found::Text(Cow::Owned(text.to_owned())))? {
            Cell::Time(time) => Ok(time.to_string()),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn a_value_fits_its_column_or_is_told_with_its_key() {
        let cell = |data_type, found| field(data_type).cell(found);
        assert_eq!(cell(ColumnType::String, Found::Number("1.10")), Ok(Cell::Text("1.10".into())));
        assert_eq!(cell(ColumnType::String, Found::Nested("{\"a\":1}")), Ok(Cell::Text("{\"a\":1}".into())));
        assert_eq!(cell(ColumnType::BigInt, Found::Text("17".into())), Ok(Cell::Whole(17)));
        assert_eq!(cell(ColumnType::Boolean, Found::Boolean(true)), Ok(Cell::Boolean(true)));
        assert_eq!(cell(ColumnType::Double, Found::Number("1e3")), Ok(Cell::Real(1000.0)));
        for (data_type, found, reason) in [
            (ColumnType::BigInt, Found::Number("1.5"), "k is not of the type bigint: \"1.5\""),
            (
                ColumnType::BigInt,
                Found::Number("9223372036854775808"),
                "k is not of the type bigint: \"9223372036854775808\"",
            ),
            (ColumnType::TinyInt, Found::Number("128"), "k is not of the type tinyint: \"128\""),
            (ColumnType::Double, Found::Number("1e999"), "k is not of the type double: \"1e999\""),
            (ColumnType::Boolean, Found::Number("1"), "k is not of the type boolean: \"1\""),
            (ColumnType::Int, Found::Boolean(true), "k is not of the type int: \"true\""),
            (ColumnType::Double, Found::Nested("[1]"), "k is not of the type double: \"[1]\""),
        ] {
            assert_eq!(cell(data_type, found), Err(reason.to_owned()));
        }
    }

    #[test]
    fn instants_are_exact_in_each_format() {
        use TimeFormat::{Micros, Millis, Rfc3339, Seconds};
        for (format, text, is) in [
            (Rfc3339, "2024-01-01T01:00:00.000001+01:00", "2024-01-01T00:00:00.000001Z"),
            (Seconds, "1704067200", "2024-01-01T00:00:00Z"),
            (Seconds, "1704067200.5", "2024-01-01T00:00:00.5Z"),
            (Seconds, "-0.000001", "1969-12-31T23:59:59.999999Z"),
            (Millis, "1704067200037", "2024-01-01T00:00:00.037Z"),
            (Millis, "1704067200037.250", "2024-01-01T00:00:00.03725Z"),
            (Micros, "1704067200000001", "2024-01-01T00:00:00.000001Z"),
        ] {
            assert_eq!(time(format, false, text).as_deref(), Ok(is), "{text}");
        }
        for (format, text) in [
            (Rfc3339, "2024-01-01 00:00:00"),
            (Rfc3339, "2024-01-01T00:00:00.0000001Z"),
            (Seconds, "1.7e9"),
            (Seconds, ""),
            (Seconds, "1."),
            (Seconds, "99999999999999999999"),
            (Millis, "yesterday"),
            (Micros, "1704067200000001.5"),
        ] {
            assert!(time(format, false, text).is_err(), "{text}");
        }
        let cut = time(Rfc3339, true, "2024-01-01T00:00:00.0000019Z");
        assert_eq!(cut.as_deref(), Ok("2024-01-01T00:00:00.000001Z"));
        assert_eq!(time(Seconds, true, "-0.0000001").as_deref(), Ok("1969-12-31T23:59:59.999999Z"));
    }

    #[test]
    fn a_column_may_ask_for_one_value_alone() {
        let only = FieldArgs { equals: Some("Order Completed".into()), ..field(ColumnType::String) };
        let mapping = Mapping::new(&[only], None).unwrap();
        let mut event = Event::default();
        event.headers.set("timestamp", "0");
        let row = |text: &'static str| mapping.row(&event, vec![Some(Found::Text(text.into()))]).map(|row| row.cells);
        assert_eq!(row("Order Completed"), Ok(vec![Cell::Text("Order Completed".into())]));
        assert_eq!(row("Cart Viewed"), Err("k is \"Cart Viewed\" and not \"Order Completed\"".to_owned()));
        assert_eq!(mapping.row(&event, vec![None]), Err("has no k, which is to be \"Order Completed\"".to_owned()));
    }

    #[test]
    fn columns_that_make_no_sense_are_refused() {
        let named = |name: &str| FieldArgs { name: name.into(), ..field(ColumnType::String) };
        assert!(Mapping::new(&[], None).is_err());
        for name in ["", "dt", "HR"] {
            assert!(Mapping::new(&[named(name)], None).is_err(), "{name}");
        }
        assert!(Mapping::new(&[named("a"), named("A")], None).is_err());
        let error = Mapping::new(&[named("a")], Some("a")).unwrap_err();
        assert!(error.to_string().contains("not a column of the type timestamp"), "{error}");
    }
}
