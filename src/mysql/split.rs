//! A table cut into splits over one key: disjoint, covering every row, the ends open, NULLs apart.
//!
//! Keys are integers, decimals, days and times; all are reckoned with as whole numbers (of units, of days, of
//! microseconds). Text and floating keys are refused: their order is not ours to know.

use std::fmt;

use mysql_async::Value;

use super::decode::{civil, parse_decimal};
use super::quote;
use super::read::Selection;
use super::types::{Carrier, Column, TypeOptions};
use super::wire::ReadConnection;
use crate::error::{self, Result};

/// How the values of a key are reckoned with and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Whole numbers, signed or not.
    Integer,
    /// Decimals with so many digits after the point.
    Decimal(u8),
    /// Days.
    Date,
    /// Times, in microseconds.
    DateTime,
}

/// The column a table is split over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitKey {
    /// Name of the column.
    pub column: String,
    /// Kind of its values.
    pub kind: KeyKind,
    /// Whether there may be NULLs.
    pub nullable: bool,
}

impl SplitKey {
    /// The key over a column.
    ///
    /// # Errors
    /// Config: a column whose type cannot be split.
    pub fn new(column: &Column) -> Result<Self> {
        let kind = match column.carrier(&TypeOptions::default())? {
            Carrier::Int8 | Carrier::Int16 | Carrier::Int32 | Carrier::Int64 => KeyKind::Integer,
            Carrier::Decimal { scale: 0, .. } => KeyKind::Integer,
            Carrier::Decimal { scale, .. } => KeyKind::Decimal(scale),
            Carrier::Date => KeyKind::Date,
            Carrier::DateTime | Carrier::Instant => KeyKind::DateTime,
            _ => {
                let what = format!("column {} of type {} cannot be split by", column.name, column.column_type);
                return Err(error::config(what)
                    .hint("name a column of integers, decimals, dates or times in split-by, or set num-mappers to 1"));
            }
        };
        Ok(Self { column: column.name.clone(), kind, nullable: column.nullable })
    }

    /// The number behind a key value that the server gave; `None` for NULL.
    ///
    /// # Errors
    /// Data: a value that is no key of this kind, such as a zero date.
    pub fn number(&self, value: &Value) -> Result<Option<i128>> {
        let number = match (value, self.kind) {
            (Value::NULL, _) => return Ok(None),
            (Value::Int(v), KeyKind::Integer) => Some(i128::from(*v)),
            (Value::UInt(v), KeyKind::Integer) => Some(i128::from(*v)),
            (Value::Bytes(text), KeyKind::Integer) => parse_decimal(text, 0),
            (Value::Bytes(text), KeyKind::Decimal(scale)) => parse_decimal(text, scale),
            (Value::Date(0, 0, 0, ..), KeyKind::Date | KeyKind::DateTime) => Some(first_day()? * unit(self.kind)),
            (Value::Date(y, m, d, hour, minute, second, micros), KeyKind::Date | KeyKind::DateTime) => {
                let seconds = i128::from(*hour) * 3600 + i128::from(*minute) * 60 + i128::from(*second);
                let of_day = seconds * 1_000_000 + i128::from(*micros);
                let days = i128::from(civil(*y, *m, *d).map_err(|e| e.context(format!("column {}", self.column)))?);
                Some(if self.kind == KeyKind::Date { days } else { days * DAY_MICROS + of_day })
            }
            _ => None,
        };
        let what = || format!("column {}: {} cannot be split by", self.column, value.as_sql(true));
        number.map(Some).ok_or_else(|| error::data(what()).hint("name another column in split-by"))
    }

    /// The least and the greatest key of a selection, if there is any.
    ///
    /// # Errors
    /// As the server says; Data: a key that cannot be split by.
    pub async fn bounds(&self, conn: &mut ReadConnection, selection: &Selection) -> Result<Option<(i128, i128)>> {
        let column = quote(&self.column);
        let sql = selection.select(&format!("MIN({column}), MAX({column})"), None);
        let act = format!("cannot find the bounds of {} in {}", self.column, selection.name());
        let rows = conn.texts(&sql, &act).await?;
        let Some([least, greatest]) = rows.first().and_then(|row| row.first_chunk()) else { return Ok(None) };
        Ok(self.number_of(least.as_deref())?.zip(self.number_of(greatest.as_deref())?))
    }

    fn number_of(&self, text: Option<&str>) -> Result<Option<i128>> {
        let value = match (text, self.kind) {
            (None, _) => Value::NULL,
            (Some(text), KeyKind::Date | KeyKind::DateTime) => super::decode::date_value(text),
            (Some(text), _) => Value::Bytes(text.into()),
        };
        self.number(&value)
    }

    /// Cuts the keys from `bounds` (least and greatest, if there are any) into at most `count` splits.
    pub fn splits(&self, bounds: Option<(i128, i128)>, count: u32) -> Vec<Split> {
        let Some((least, greatest)) = bounds else { return vec![Split::All] };
        let cuts = cuts(least, greatest, count);
        if cuts.is_empty() {
            return vec![Split::All];
        }
        let from = std::iter::once(None).chain(cuts.iter().copied().map(Some));
        let to = cuts.iter().copied().map(Some).chain(std::iter::once(None));
        let mut splits: Vec<Split> = from.zip(to).map(|(from, to)| Split::Range { from, to }).collect();
        if self.nullable {
            splits.push(Split::Nulls);
        }
        splits
    }

    /// The condition of a split as SQL text; `None` where it takes every row.
    pub fn condition(&self, split: Split) -> Option<String> {
        let column = quote(&self.column);
        let literal = |number| Literal { number, kind: self.kind };
        match split {
            Split::All | Split::Range { from: None, to: None } => None,
            Split::Nulls => Some(format!("{column} IS NULL")),
            Split::Range { from: Some(from), to: None } => Some(format!("{column} >= {}", literal(from))),
            Split::Range { from: None, to: Some(to) } => Some(format!("{column} < {}", literal(to))),
            Split::Range { from: Some(from), to: Some(to) } => {
                Some(format!("{column} >= {} AND {column} < {}", literal(from), literal(to)))
            }
        }
    }
}

/// One share of the table's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Every row.
    All,
    /// Rows whose key is not below `from` and below `to`; an end that is `None` is open.
    Range {
        /// First key of the split.
        from: Option<i128>,
        /// First key after the split.
        to: Option<i128>,
    },
    /// Rows without a key.
    Nulls,
}

const DAY_MICROS: i128 = 86_400_000_000;

/// The unit of a kind, counted in a day.
fn unit(kind: KeyKind) -> i128 {
    if kind == KeyKind::DateTime { DAY_MICROS } else { 1 }
}

/// The day before which no key lies: stands for zero dates, which sort first.
fn first_day() -> Result<i128> {
    civil(0, 1, 1).map(i128::from)
}

/// Up to `count - 1` keys that cut `[least, greatest]` into equal widths.
fn cuts(least: i128, greatest: i128, count: u32) -> Vec<i128> {
    // The width of any two numbers of 128 bits fits 128 bits without a sign.
    let width = greatest.wrapping_sub(least) as u128;
    let count = u128::from(count.max(1)).min(width.saturating_add(1));
    let (quotient, rest) = (width / count, width % count);
    // One more than the width counts, since both ends are keys; `rest + 1` may fill another whole step.
    (1..count).map(|i| least.wrapping_add((quotient * i + (rest + 1) * i / count) as i128)).collect()
}

/// A key as an SQL literal.
struct Literal {
    number: i128,
    kind: KeyKind,
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number;
        match self.kind {
            KeyKind::Integer => write!(f, "{number}"),
            KeyKind::Decimal(scale) => {
                let digits = format!("{:0>width$}", number.unsigned_abs(), width = usize::from(scale) + 1);
                let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
                write!(f, "{}{whole}.{fraction}", if number < 0 { "-" } else { "" })
            }
            KeyKind::Date => write!(f, "DATE'{}'", Day(number)),
            KeyKind::DateTime => {
                let (day, rest) = (number.div_euclid(DAY_MICROS), number.rem_euclid(DAY_MICROS));
                let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
                let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
                write!(f, "TIMESTAMP'{} {hour:02}:{minute:02}:{second:02}.{micros:06}'", Day(day))
            }
        }
    }
}

/// A day counted from 1970-01-01, written as year, month and day.
struct Day(i128);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The reverse of `civil`; see the source named there.
        let days = self.0 + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i128::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::types::tests::column;
    use super::*;
    use crate::error::Kind;

    fn key(column_type: &str) -> SplitKey {
        SplitKey::new(&column("k", column_type)).unwrap()
    }

    fn takes(split: &Split, value: Option<i128>) -> bool {
        match (split, value) {
            (Split::All, _) | (Split::Nulls, None) => true,
            (Split::Range { from, to }, Some(v)) => from.is_none_or(|f| v >= f) && to.is_none_or(|t| v < t),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn every_row_is_in_exactly_one_split(
            a in i128::from(i64::MIN)..=i128::from(u64::MAX),
            b in i128::from(i64::MIN)..=i128::from(u64::MAX),
            narrow in 0i128..20,
            count in 0u32..40,
            probe in proptest::option::of(any::<i128>()),
        ) {
            let key = SplitKey { column: "k".into(), kind: KeyKind::Integer, nullable: true };
            for (least, greatest) in [(a.min(b), a.max(b)), (a, a + narrow)] {
                let splits = key.splits(Some((least, greatest)), count);
                let edges = splits.iter().flat_map(|s| match *s {
                    Split::Range { from, to } => [from, to],
                    _ => [None, None],
                });
                let probes = edges.flatten().flat_map(|e| [e - 1, e, e + 1]).chain([least, greatest]);
                for value in probes.map(Some).chain([probe, None]) {
                    prop_assert_eq!(splits.iter().filter(|s| takes(s, value)).count(), 1, "{:?}", value);
                }
            }
        }

        #[test]
        fn widths_differ_by_one_at_most(least in any::<i64>(), width in any::<u64>(), count in 1u32..40) {
            let (least, greatest) = (i128::from(least), i128::from(least) + i128::from(width));
            let cuts = cuts(least, greatest, count);
            let edges: Vec<i128> = [vec![least], cuts, vec![greatest + 1]].concat();
            let widths: Vec<i128> = edges.windows(2).map(|e| e[1] - e[0]).collect();
            prop_assert!(widths.iter().max().unwrap() - widths.iter().min().unwrap() <= 1, "{:?}", widths);
            prop_assert!(widths.iter().all(|w| *w > 0));
        }

        #[test]
        fn the_widest_range_does_not_overflow(count in 1u32..=64) {
            let cuts = cuts(i128::MIN, i128::MAX, count);
            prop_assert_eq!(cuts.len() as u32, count - 1);
            prop_assert!(cuts.windows(2).all(|c| c[0] < c[1]));
        }

        #[test]
        fn days_are_written_as_they_are_read(year in 0u16..=9999, month in 1u8..=12, day in 1u8..=28) {
            let number = civil(year, month, day).unwrap();
            prop_assert_eq!(Day(number.into()).to_string(), format!("{year:04}-{month:02}-{day:02}"));
        }
    }

    #[test]
    fn conditions_are_sql() {
        let decimal = key("decimal(10,3)");
        let middle = Split::Range { from: Some(-1_005), to: Some(2_000) };
        assert_eq!(decimal.condition(middle).unwrap(), "`k` >= -1.005 AND `k` < 2.000");
        assert_eq!(
            key("bigint unsigned").condition(Split::Range { from: Some(1 << 63), to: None }).unwrap(),
            "`k` >= 9223372036854775808"
        );
        assert_eq!(key("date").condition(Split::Range { from: None, to: Some(0) }).unwrap(), "`k` < DATE'1970-01-01'");
        let at = key("datetime(6)").number(&Value::Date(2010, 12, 1, 8, 26, 0, 5)).unwrap().unwrap();
        assert_eq!(
            key("datetime(6)").condition(Split::Range { from: Some(at), to: None }).unwrap(),
            "`k` >= TIMESTAMP'2010-12-01 08:26:00.000005'"
        );
        assert_eq!(key("int").condition(Split::Nulls).unwrap(), "`k` IS NULL");
        assert_eq!(key("int").condition(Split::All), None);
    }

    #[test]
    fn small_and_empty_tables_are_not_cut() {
        assert_eq!(key("int").splits(None, 4), [Split::All]);
        assert_eq!(key("int").splits(Some((7, 7)), 4), [Split::All]);
        assert_eq!(key("int").splits(Some((7, 8)), 4).len(), 3);
        assert_eq!(key("int").splits(Some((0, 100)), 1), [Split::All]);
    }

    #[test]
    fn keys_without_a_known_order_are_refused() {
        for column_type in ["varchar(20)", "double", "bit(8)", "time", "blob"] {
            assert_eq!(SplitKey::new(&column("k", column_type)).unwrap_err().kind(), Kind::Config);
        }
    }
}
