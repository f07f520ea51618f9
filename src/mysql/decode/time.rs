//! Dates and times: from the wire, from text, to days and microseconds, and to MySQL's own text.

use std::fmt;

use crate::error::{self, Result};
use crate::mysql::wire::{Bytes, Fault};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
const DAY_MICROS: i64 = SECONDS_PER_DAY * MICROS_PER_SECOND;

/// A date and a time of day as the server keeps them, which may not be a date at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::mysql) struct Dated {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub micros: u32,
}

/// A signed duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::mysql) struct Duration {
    pub negative: bool,
    pub hours: u32,
    pub minutes: u8,
    pub seconds: u8,
    pub micros: u32,
}

impl Dated {
    #[inline]
    pub(crate) fn read(rest: &mut Bytes<'_>) -> Result<Self, Fault> {
        let length = rest.byte()?;
        let mut date = Self::default();
        if length >= 4 {
            let [low, high, month, day] = rest.array()?;
            (date.year, date.month, date.day) = (u16::from_le_bytes([low, high]), month, day);
        }
        if length >= 7 {
            [date.hour, date.minute, date.second] = rest.array()?;
        }
        if length >= 11 {
            date.micros = u32::from_le_bytes(rest.array()?);
        }
        match length {
            0 | 4 | 7 | 11 => Ok(date),
            _ => Err(Fault::Protocol("a date of a length that there is not")),
        }
    }

    /// `2010-01-31`, with or without ` 23:59:59.999999`.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim();
        let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "0:0:0"));
        let mut parts = date.splitn(3, '-').map(number);
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let time = Duration::parse(time.as_bytes()).filter(|t| !t.negative)?;
        let [year, month, day, hour] = [year, month, day, time.hours].map(|n| u16::try_from(n).ok());
        Some(Self {
            year: year?,
            month: u8::try_from(month?).ok()?,
            day: u8::try_from(day?).ok()?,
            hour: u8::try_from(hour?).ok().filter(|h| *h < 24)?,
            minute: time.minutes,
            second: time.seconds,
            micros: time.micros,
        })
    }

    /// Days from 1970-01-01, if it is a date.
    #[inline]
    pub(crate) fn days(&self) -> Option<i32> {
        days_of(self.year, self.month, self.day)
    }

    /// Microseconds from 1970-01-01 00:00, if it is a date.
    #[inline]
    pub(crate) fn epoch_micros(&self) -> Option<i64> {
        Some(i64::from(self.days()?) * DAY_MICROS + self.day_micros())
    }

    /// Microseconds from midnight.
    #[inline]
    pub(crate) fn day_micros(&self) -> i64 {
        let seconds = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        seconds * MICROS_PER_SECOND + i64::from(self.micros)
    }

    /// Writes it as MySQL does.
    pub(crate) fn write(&self, timed: bool, digits: u8, to: &mut impl fmt::Write) -> fmt::Result {
        write!(to, "{:04}-{:02}-{:02}", self.year, self.month, self.day)?;
        if timed {
            write!(to, " {:02}:{:02}:{:02}", self.hour, self.minute, self.second)?;
            write_fraction(self.micros, digits, to)?;
        }
        Ok(())
    }
}

impl Duration {
    #[inline]
    pub(crate) fn read(rest: &mut Bytes<'_>) -> Result<Self, Fault> {
        let length = rest.byte()?;
        let mut time = Self::default();
        if length >= 8 {
            let [negative, a, b, c, d, hours, minutes, seconds] = rest.array()?;
            time.negative = negative != 0;
            time.hours = u32::from_le_bytes([a, b, c, d]).saturating_mul(24).saturating_add(hours.into());
            (time.minutes, time.seconds) = (minutes, seconds);
        }
        if length >= 12 {
            time.micros = u32::from_le_bytes(rest.array()?);
        }
        match length {
            0 | 8 | 12 => Ok(time),
            _ => Err(Fault::Protocol("a time of a length that there is not")),
        }
    }

    /// `[-]hhh:mm:ss[.ffffff]`.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let mut parts = clock.splitn(3, ':').map(number);
        let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
        let micros = number(&format!("{fraction:0<6}")).filter(|_| fraction.len() <= 6)?;
        let below_60 = |n: u32| u8::try_from(n).ok().filter(|n| *n < 60);
        Some(Self { negative, hours, minutes: below_60(minutes)?, seconds: below_60(seconds)?, micros })
    }

    /// All of it in microseconds.
    #[inline]
    pub(crate) fn total_micros(&self) -> i64 {
        let seconds = i64::from(self.hours) * 3600 + i64::from(self.minutes) * 60 + i64::from(self.seconds);
        let micros = seconds * MICROS_PER_SECOND + i64::from(self.micros);
        if self.negative { -micros } else { micros }
    }

    /// Writes it as MySQL does.
    pub(crate) fn write(&self, digits: u8, to: &mut impl fmt::Write) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        write!(to, "{sign}{:02}:{:02}:{:02}", self.hours, self.minutes, self.seconds)?;
        write_fraction(self.micros, digits, to)
    }
}

fn write_fraction(micros: u32, digits: u8, to: &mut impl fmt::Write) -> fmt::Result {
    match digits {
        0 => Ok(()),
        digits => {
            let digits = digits.min(6);
            let shown = micros / 10u32.pow(6 - u32::from(digits));
            write!(to, ".{shown:0width$}", width = usize::from(digits))
        }
    }
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

/// Days from 1970-01-01 in the Gregorian calendar, which MySQL uses for all dates.
///
/// # Errors
/// Data: no such day.
pub fn civil(year: u16, month: u8, day: u8) -> Result<i32> {
    days_of(year, month, day).ok_or_else(|| no_date(&Dated { year, month, day, ..Dated::default() }))
}

/// What to say of a date that is not in the calendar.
#[cold]
pub(super) fn no_date(date: &Dated) -> error::Error {
    let Dated { year, month, day, .. } = date;
    let kind = if (*year, *month, *day) == (0, 0, 0) { "zero" } else { "impossible" };
    error::data(format!("the {kind} date {year:04}-{month:02}-{day:02}"))
        .hint("correct the row, leave it out with where, or choose null or text for zero-dates")
}

/// Years whose months are looked up: nearly all dates lie in them.
const KNOWN_YEARS: std::ops::Range<u16> = 1900..2156;

const KNOWN_MONTHS: usize = 12 * (KNOWN_YEARS.end - KNOWN_YEARS.start) as usize;

/// Days from 1970-01-01 to the first of each month of the known years.
static FIRSTS: [i32; KNOWN_MONTHS] = {
    let mut firsts = [0; KNOWN_MONTHS];
    let mut index = 0;
    while index < firsts.len() {
        firsts[index] = gregorian(KNOWN_YEARS.start + index as u16 / 12, (index % 12) as u8 + 1, 1);
        index += 1;
    }
    firsts
};

#[inline]
fn days_of(year: u16, month: u8, day: u8) -> Option<i32> {
    if !(1..=12).contains(&month) || day == 0 || (day > 28 && day > days_in_month(year, month)) {
        return None;
    }
    let known = usize::from(year.wrapping_sub(KNOWN_YEARS.start)) * 12 + usize::from(month - 1);
    match FIRSTS.get(known) {
        Some(first) => Some(first + i32::from(day) - 1),
        None => Some(gregorian(year, month, day)),
    }
}

/// Years are counted from March, so that the leap day is the last: see Howard Hinnant, "chrono-compatible low-level date
/// algorithms". Year 0 is moved up by an era to stay above zero.
const fn gregorian(year: u16, month: u8, day: u8) -> i32 {
    let year = year as u32 + 400 - (month <= 2) as u32;
    let (era, year_of_era) = (year / 400, year % 400);
    let month_from_march = (month as u32 + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day as u32 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era) as i32 - 719_468 - 146_097
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}
