//! Days, times and durations as the text that the server makes of them, whose checksums are compared.

use std::fmt::Write as _;

const MICROS_A_DAY: i64 = 86_400_000_000;

/// `yyyy-MM-dd` of a day counted from 1970-01-01.
pub(super) fn date(out: &mut String, days: i64) {
    let (year, month, day) = civil(days);
    // Writing to a String cannot fail.
    let _ = write!(out, "{year:04}-{month:02}-{day:02}");
}

/// `yyyy-MM-dd HH:mm:ss.ffffff`, or with three digits of the second.
pub(super) fn timestamp(out: &mut String, micros: i64, digits: u8) {
    date(out, micros.div_euclid(MICROS_A_DAY));
    out.push(' ');
    clock(out, micros.rem_euclid(MICROS_A_DAY).unsigned_abs());
    if digits == 3 {
        out.truncate(out.len() - 3);
    }
}

/// `[-]HH:mm:ss.ffffff`.
pub(super) fn time(out: &mut String, micros: i64) {
    if micros < 0 {
        out.push('-');
    }
    clock(out, micros.unsigned_abs());
}

fn clock(out: &mut String, micros: u64) {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let _ = write!(out, "{hours:02}:{minutes:02}:{seconds:02}.{fraction:06}");
}

/// Year, month and day of the Gregorian calendar, also before it was in use.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// A date as text, whatever stands behind the day if it is midnight; zero dates too. `None` if it is not a date.
pub(super) fn date_of_text(out: &mut String, text: &str) -> Option<()> {
    let day = text.get(..10).filter(|day| is_pattern(day, "0000-00-00"))?;
    let rest = &text[10..];
    let mut clock = String::new();
    if !rest.is_empty() {
        clock_of_text(&mut clock, rest.trim_start_matches(['T', ' ']))?;
        (clock == "00:00:00.000000").then_some(())?;
    }
    out.push_str(day);
    Some(())
}

/// A time on the clock as text: `yyyy-MM-dd HH:mm:ss[.f]`, with a T, with a Z, or a day alone.
pub(super) fn timestamp_of_text(out: &mut String, text: &str, digits: u8) -> Option<()> {
    let day = text.get(..10).filter(|day| is_pattern(day, "0000-00-00"))?;
    out.push_str(day);
    out.push(' ');
    match text[10..].trim_end_matches('Z') {
        "" => out.push_str("00:00:00.000000"),
        rest => clock_of_text(out, rest.strip_prefix(['T', ' '])?)?,
    }
    if digits == 3 {
        out.truncate(out.len() - 3);
    }
    Some(())
}

/// A duration as text: `[-]HH:mm:ss[.f]`.
pub(super) fn time_of_text(out: &mut String, text: &str) -> Option<()> {
    let rest = match text.strip_prefix('-') {
        Some(rest) => {
            out.push('-');
            rest
        }
        None => text,
    };
    clock_of_text(out, rest)
}

fn clock_of_text(out: &mut String, text: &str) -> Option<()> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let hours = whole.find(':').filter(|at| (2..=3).contains(at))?;
    let plain = whole[..hours].bytes().all(|b| b.is_ascii_digit()) && is_pattern(&whole[hours..], ":00:00");
    let digits = fraction.bytes().all(|b| b.is_ascii_digit());
    // Digits below the microsecond must be zeros: no server holds them.
    let (kept, rest) = fraction.split_at_checked(fraction.len().min(6))?;
    if !plain || !digits || rest.bytes().any(|b| b != b'0') {
        return None;
    }
    let _ = write!(out, "{whole}.{kept:0<6}");
    Some(())
}

/// Whether the text has digits where the pattern has zeros, and else the same characters.
fn is_pattern(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(c, p)| if p == b'0' { c.is_ascii_digit() } else { c == p })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(write: impl Fn(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn days_and_times_are_the_servers() {
        assert_eq!(of(|o| date(o, 0)), "1970-01-01");
        assert_eq!(of(|o| date(o, -719_162)), "0001-01-01");
        assert_eq!(of(|o| date(o, 2_932_896)), "9999-12-31");
        assert_eq!(of(|o| date(o, 19_782)), "2024-02-29");
        assert_eq!(of(|o| timestamp(o, -1, 6)), "1969-12-31 23:59:59.999999");
        assert_eq!(of(|o| timestamp(o, 1_234_567, 3)), "1970-01-01 00:00:01.234");
        assert_eq!(of(|o| time(o, -3_020_399_000_000)), "-838:59:59.000000");
    }

    #[test]
    fn text_is_brought_to_the_same_form() {
        let timestamp = |text| {
            let mut out = String::new();
            timestamp_of_text(&mut out, text, 6).map(|()| out)
        };
        for same in ["2024-02-29 01:02:03.5", "2024-02-29T01:02:03.500Z", "2024-02-29 01:02:03.500000000"] {
            assert_eq!(timestamp(same).as_deref(), Some("2024-02-29 01:02:03.500000"), "{same}");
        }
        assert_eq!(timestamp("0000-00-00 00:00:00").as_deref(), Some("0000-00-00 00:00:00.000000"));
        assert_eq!(timestamp("2024-02-29").as_deref(), Some("2024-02-29 00:00:00.000000"));
        for wrong in ["", "2024-2-29", "2024-02-29 1:2:3", "2024-02-29 01:02:03.1234567", "2024-02-29x01:02:03"] {
            assert_eq!(timestamp(wrong), None, "{wrong}");
        }
        let date = |text| {
            let mut out = String::new();
            date_of_text(&mut out, text).map(|()| out)
        };
        assert_eq!(date("2024-02-29 00:00:00.0").as_deref(), Some("2024-02-29"));
        assert_eq!(date("2024-02-29 00:00:01"), None);
        let time = |text| {
            let mut out = String::new();
            time_of_text(&mut out, text).map(|()| out)
        };
        assert_eq!(time("-838:59:59").as_deref(), Some("-838:59:59.000000"));
        assert_eq!(time("1:02:03"), None);
    }
}
