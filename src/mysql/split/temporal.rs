//! Guesses at days, times and durations between two, and their texts as numbers of microseconds.

use std::fmt;

use super::key::KeyKind;
use super::steps::{Effort, steps};
use crate::mysql::decode::civil;

/// Microseconds of a day.
pub(super) const DAY: i128 = 86_400_000_000;

/// Guesses between two values, as the server writes them.
pub(super) fn between(kind: KeyKind, low: &str, high: &str, effort: Effort) -> Vec<String> {
    let Some((low, high)) = number(kind, low).zip(number(kind, high)) else { return Vec::new() };
    steps(low, high, effort).into_iter().filter_map(|n| text(kind, n)).collect()
}

/// A value as a number: days, or microseconds. Days that are in no calendar stand for the first of their month or year,
/// before which no other lies.
pub(super) fn number(kind: KeyKind, text: &str) -> Option<i128> {
    match kind {
        KeyKind::Date => day(text),
        KeyKind::DateTime => {
            let (date, time) = text.split_once(' ').unwrap_or((text, "0:0:0"));
            Some(day(date)? * DAY + clock(time)?)
        }
        KeyKind::Time => match text.strip_prefix('-') {
            Some(time) => clock(time).map(|n| -n),
            None => clock(text),
        },
        _ => None,
    }
}

/// The text of a number of [`number`]; `None` before the year 1.
pub(super) fn text(kind: KeyKind, number: i128) -> Option<String> {
    let first = i128::from(civil(1, 1, 1).ok()?);
    match kind {
        KeyKind::Date => (number >= first).then(|| Day(number).to_string()),
        KeyKind::DateTime => {
            let (day, rest) = (number.div_euclid(DAY), number.rem_euclid(DAY));
            (day >= first).then(|| format!("{} {}", Day(day), Clock(rest)))
        }
        KeyKind::Time => Some(format!("{}{}", if number < 0 { "-" } else { "" }, Clock(number.abs()))),
        _ => None,
    }
}

/// The value itself, or the next one that is in the calendar.
pub(super) fn near(kind: KeyKind, raw: &str) -> Option<String> {
    let first = i128::from(civil(1, 1, 1).ok()?) * if kind == KeyKind::Date { 1 } else { DAY };
    text(kind, number(kind, raw)?.max(first))
}

fn day(text: &str) -> Option<i128> {
    let mut numbers = text.split('-').map(|n| n.parse::<u16>().ok());
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let (month, day) = (u8::try_from(month).ok()?.max(1), u8::try_from(day).ok()?.max(1));
    let number = civil(year, month, day).or_else(|_| civil(year, month, 28)).ok()?;
    Some(number.into())
}

fn clock(text: &str) -> Option<i128> {
    let (time, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds = time.split(':').try_fold(0i128, |n, part| Some(n * 60 + part.parse::<i128>().ok()?))?;
    let micros: i128 = format!("{fraction:0<6}").parse().ok()?;
    Some(seconds * 1_000_000 + micros)
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

/// Microseconds as hours, minutes and seconds; the fraction only where there is one.
struct Clock(i128);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if micros > 0 { write!(f, ".{micros:06}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_read_is_written_back(year in 1u16..=9999, month in 1u8..=12, day in 1u8..=28, clock in 0i128..DAY) {
            let date = format!("{year:04}-{month:02}-{day:02}");
            prop_assert_eq!(text(KeyKind::Date, number(KeyKind::Date, &date).unwrap()).unwrap(), date.clone());
            let time = format!("{date} {}", Clock(clock));
            prop_assert_eq!(text(KeyKind::DateTime, number(KeyKind::DateTime, &time).unwrap()).unwrap(), time);
        }

        #[test]
        fn durations_too(micros in -3_020_399_000_000i128..=3_020_399_000_000) {
            let written = text(KeyKind::Time, micros).unwrap();
            prop_assert_eq!(number(KeyKind::Time, &written), Some(micros));
        }
    }

    #[test]
    fn days_of_no_calendar_have_their_place() {
        let of = |text: &str| number(KeyKind::Date, text).unwrap();
        assert!(of("0000-00-00") < of("0001-01-01"));
        assert_eq!(of("2024-00-00"), of("2024-01-01"));
        assert_eq!(of("2023-02-31"), of("2023-02-28"));
        let guesses = between(KeyKind::Date, "0000-00-00", "2024-12-31", Effort { even: 4, shrinking: 0 });
        assert!(guesses.len() >= 3 && guesses.iter().all(|g| g.as_str() >= "0001-01-01"), "{guesses:?}");
    }
}
