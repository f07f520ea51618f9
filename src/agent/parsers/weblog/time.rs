//! The times that servers write.
//!
//! Source: Apache httpd 2.4 mod_log_config (`%t`, `%{format}t`), nginx ngx_http_log_module (`$time_local`,
//! `$time_iso8601`, `$msec`).

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::Offset;

/// How a time is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// `28/Mar/2021:01:59:58 +0530`
    Common,
    /// `2021-03-28T01:59:58+05:30`
    Iso8601,
    /// `1616893198.123`
    EpochSeconds,
    /// `1616893198123`
    EpochMillis,
    /// `1616893198123456`
    EpochMicros,
    /// As strftime writes it.
    Strftime(String),
}

impl TimeFormat {
    /// Reads the time at the beginning of a text; gives it and the text behind it.
    pub(super) fn parse<'a>(&self, text: &'a str) -> Option<(Timestamp, &'a str)> {
        match self {
            Self::Common => {
                let (time, rest) = text.split_at_checked(COMMON_BYTES)?;
                Some((common(time.as_bytes())?, rest))
            }
            Self::Iso8601 => {
                let (time, rest) = text.split_at_checked(ISO8601_BYTES)?;
                Some((time.parse().ok()?, rest))
            }
            Self::EpochSeconds => {
                let (seconds, rest) = split_digits(text)?;
                let (micros, rest) = match rest.strip_prefix('.').and_then(split_digits) {
                    Some((fraction, rest)) => (micros_of_fraction(fraction)?, rest),
                    None => (0, rest),
                };
                let micros = seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?;
                Some((Timestamp::from_microsecond(micros).ok()?, rest))
            }
            Self::EpochMillis => {
                let (millis, rest) = split_digits(text)?;
                Some((Timestamp::from_millisecond(millis.parse().ok()?).ok()?, rest))
            }
            Self::EpochMicros => {
                let (micros, rest) = split_digits(text)?;
                Some((Timestamp::from_microsecond(micros.parse().ok()?).ok()?, rest))
            }
            Self::Strftime(format) => {
                let (time, read) = BrokenDownTime::parse_prefix(format, text).ok()?;
                Some((time.to_timestamp().ok()?, text.get(read..)?))
            }
        }
    }

    /// Whether what this writes can be read again: it says date, time of day and zone.
    pub(super) fn is_complete(&self) -> bool {
        let Self::Strftime(format) = self else { return true };
        BrokenDownTime::from(Timestamp::UNIX_EPOCH)
            .to_string(format)
            .is_ok_and(|text| self.parse(&text).is_some_and(|(_, rest)| rest.is_empty()))
    }
}

/// Splits the digits off the beginning of a text; `None` if there are none.
pub(super) fn split_digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// The microseconds in the digits behind a decimal point; `None` if they are finer.
pub(super) fn micros_of_fraction(digits: &str) -> Option<i64> {
    let scale = 6_u32.checked_sub(u32::try_from(digits.len()).ok()?)?;
    digits.parse::<i64>().ok()?.checked_mul(10_i64.pow(scale))
}

/// Bytes of `28/Mar/2021:01:59:58 +0000`.
const COMMON_BYTES: usize = 26;
/// Bytes of `2021-03-28T01:59:58+05:30`.
const ISO8601_BYTES: usize = 25;

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Reads `28/Mar/2021:01:59:58 +0530`.
fn common(text: &[u8]) -> Option<Timestamp> {
    let separators = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b' ')];
    if text.len() != COMMON_BYTES || !separators.iter().all(|(at, byte)| text[*at] == *byte) {
        return None;
    }
    let month = MONTHS.iter().position(|m| *m == &text[3..6])?;
    let small = |from: usize| digits(&text[from..from + 2]).and_then(|d| i8::try_from(d).ok());
    let year = i16::try_from(digits(&text[7..11])?).ok()?;
    let date = Date::new(year, i8::try_from(month + 1).ok()?, small(0)?).ok()?;
    // A leap second counts as the one before it, as jiff has it in the other forms.
    let second = small(18)?;
    let time = Time::new(small(12)?, small(15)?, if second == 60 { 59 } else { second }, 0).ok()?;
    let (hours, minutes) = (digits(&text[22..24])?, digits(&text[24..26])?);
    let sign = match text[21] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let seconds = (minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))?;
    Offset::from_seconds(seconds).ok()?.to_timestamp(date.to_datetime(time)).ok()
}

fn digits(text: &[u8]) -> Option<i32> {
    text.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i32::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_write_a_time_is_read() {
        let strftime = |text: &str| TimeFormat::Strftime(text.to_owned());
        for (format, text, time) in [
            (TimeFormat::Common, "28/Mar/2021:01:59:58 +0530", "2021-03-27T20:29:58Z"),
            (TimeFormat::Iso8601, "2021-03-28T01:59:58+05:30", "2021-03-27T20:29:58Z"),
            (TimeFormat::EpochSeconds, "1616893198", "2021-03-28T00:59:58Z"),
            (TimeFormat::EpochSeconds, "1616893198.123", "2021-03-28T00:59:58.123Z"),
            (TimeFormat::EpochMillis, "1616893198123", "2021-03-28T00:59:58.123Z"),
            (TimeFormat::EpochMicros, "1616893198123456", "2021-03-28T00:59:58.123456Z"),
            (strftime("%d/%b/%Y:%T.%f %z"), "28/Mar/2021:01:59:58.123 +0530", "2021-03-27T20:29:58.123Z"),
            (strftime("%F %T%z"), "2021-03-28 01:59:58+0000", "2021-03-28T01:59:58Z"),
        ] {
            assert!(format.is_complete(), "{format:?}");
            let text = format!("{text}] rest");
            let (parsed, rest) = format.parse(&text).unwrap();
            assert_eq!((parsed.to_string().as_str(), rest), (time, "] rest"), "{format:?}");
        }
    }

    #[test]
    fn a_time_that_leaves_something_open_is_not_complete() {
        for format in ["%H:%M:%S", "%F %T", "%d/%b", "%Q"] {
            assert!(!TimeFormat::Strftime(format.to_owned()).is_complete(), "{format}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in ["31/Feb/2021:01:59:58 +0530", "28/Mar/2021:24:00:00 +0530", "28/Mar/2021:01:59:58 +0560", "28/Mar"]
        {
            assert_eq!(TimeFormat::Common.parse(text), None, "{text}");
        }
        assert_eq!(TimeFormat::EpochSeconds.parse("1616893198.1234567"), None, "finer than microseconds");
        assert_eq!(TimeFormat::EpochSeconds.parse("-"), None);
    }
}
