//! The times of syslog: RFC 5424's, and RFC 3164's, which have no year and no zone.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};

/// The length of a time of RFC 3164 as its sender has to write it.
pub(super) const RFC3164_BYTES: usize = 15;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `2012-04-13T11:11:11.123456+08:00` in milliseconds since 1970, cut and not rounded; `zone` where it names none.
pub(super) fn rfc5424(stamp: &[u8], zone: &TimeZone) -> Option<i64> {
    let stamp = std::str::from_utf8(stamp).ok()?;
    let (seconds, rest) = stamp.split_at_checked(19)?;
    let shape = seconds.bytes().zip(b"0000-00-00T00:00:00").all(|(byte, like)| match like {
        b'0' => byte.is_ascii_digit(),
        like => byte == *like,
    });
    let number = |from: usize, to: usize| seconds.get(from..to)?.parse::<i16>().ok();
    let small = |from: usize, to: usize| i8::try_from(number(from, to)?).ok();
    let leap = shape.then(|| small(17, 19))?? == 60;
    let second = if leap { 59 } else { small(17, 19)? };
    let time = DateTime::new(number(0, 4)?, small(5, 7)?, small(8, 10)?, small(11, 13)?, small(14, 16)?, second, 0);
    let (fraction_ms, rest) = match rest.strip_prefix('.') {
        None => (0, rest),
        Some(rest) => {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (digits, rest) = rest.split_at(digits);
            (format!("{digits:0<3}").get(..3).filter(|_| !digits.is_empty())?.parse::<i64>().ok()?, rest)
        }
    };
    let zone = match rest {
        "" => zone.clone(),
        "Z" => TimeZone::UTC,
        offset => TimeZone::fixed(Offset::from_seconds(offset_s(offset)?).ok()?),
    };
    let time = time.ok()?.to_zoned_datetime(zone).ok()?.timestamp().as_millisecond();
    time.checked_add(fraction_ms)?.checked_add(if leap { 1_000 } else { 0 })
}

/// `+08:00` in seconds.
fn offset_s(text: &str) -> Option<i32> {
    let sign = match text.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let number =
        |text: &str| text.parse::<u8>().ok().filter(|_| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()));
    Some(sign * (i32::from(number(hours)?) * 3_600 + i32::from(number(minutes)?) * 60))
}

/// `Apr  1 13:14:04` in milliseconds since 1970, in the year in which it is at most a month ahead of `now` and at most
/// eleven behind it.
pub(super) fn rfc3164(stamp: &[u8], zone: &TimeZone, now: Timestamp) -> Option<i64> {
    let stamp = std::str::from_utf8(stamp).ok()?;
    let mut words = stamp.split_ascii_whitespace();
    let month = words.next().and_then(|name| MONTHS.iter().position(|month| *month == name))?;
    let month = i8::try_from(month + 1).ok()?;
    let day = words.next()?.parse::<i8>().ok()?;
    let mut clock = words.next()?.split(':').map(|number| number.parse::<i8>().ok());
    let [hour, minute, second] = [clock.next()??, clock.next()??, clock.next()??];
    if words.next().is_some() || clock.next().is_some() {
        return None;
    }
    let leap = second == 60;
    let second = if leap { 59 } else { second };
    let now = now.to_zoned_datetime(zone.clone());
    let latest = now.checked_add(Span::new().months(1)).ok()?;
    let earliest = now.checked_sub(Span::new().months(11)).ok()?;
    let near = earliest..=latest;
    let of_year = |year: i16| {
        let time =
            DateTime::new(year, month, day, hour, minute, second, 0).ok()?.to_zoned_datetime(zone.clone()).ok()?;
        let time = time.checked_add(SignedDuration::from_secs(i64::from(leap))).ok()?;
        near.contains(&time).then(|| time.timestamp().as_millisecond())
    };
    [now.year(), now.year() - 1, now.year() + 1].into_iter().find_map(of_year)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ms: Option<i64>) -> String {
        ms.map_or_else(|| "-".to_owned(), |ms| Timestamp::from_millisecond(ms).unwrap().to_string())
    }

    #[test]
    fn times_with_and_without_zones_and_fractions() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (stamp, wanted) in [
            ("2012-04-13T11:11:11", "2012-04-13T09:11:11Z"),
            ("2012-04-13T11:11:11Z", "2012-04-13T11:11:11Z"),
            ("2012-04-13T11:11:11+08:00", "2012-04-13T03:11:11Z"),
            ("2012-04-13T11:11:11.5-01:30", "2012-04-13T12:41:11.5Z"),
            ("2012-04-13T11:11:11.123999Z", "2012-04-13T11:11:11.123Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("2012-04-31T11:11:11Z", "-"),
            ("2012-04-13T25:11:11Z", "-"),
            ("2012-04-13T11:11:11.Z", "-"),
            ("2012-04-13T11:11:11+8:00", "-"),
            ("2012-04-13 11:11:11", "-"),
            ("2012-04-13T11:11", "-"),
        ] {
            assert_eq!(shown(rfc5424(stamp.as_bytes(), &berlin)), wanted, "{stamp}");
        }
    }

    #[test]
    fn a_time_without_a_year_is_in_the_year_that_is_near() {
        let of = |stamp: &str, now: &str| shown(rfc3164(stamp.as_bytes(), &TimeZone::UTC, now.parse().unwrap()));
        for (stamp, now, wanted) in [
            ("Apr  1 13:14:04", "2024-05-01T00:00:00Z", "2024-04-01T13:14:04Z"),
            ("Dec 31 23:59:59", "2024-01-01T00:00:05Z", "2023-12-31T23:59:59Z"),
            ("Jan  1 00:00:05", "2023-12-31T23:59:59Z", "2024-01-01T00:00:05Z"),
            ("May 20 00:00:00", "2024-05-01T00:00:00Z", "2024-05-20T00:00:00Z"),
            ("Jun 20 00:00:00", "2024-05-01T00:00:00Z", "2023-06-20T00:00:00Z"),
            ("Feb 29 12:00:00", "2024-05-01T00:00:00Z", "2024-02-29T12:00:00Z"),
            ("Feb 29 12:00:00", "2023-05-01T00:00:00Z", "-"),
            ("Foo 29 12:00:00", "2024-05-01T00:00:00Z", "-"),
            ("Apr 31 12:00:00", "2024-05-01T00:00:00Z", "-"),
            ("Apr 30 12:00", "2024-05-01T00:00:00Z", "-"),
        ] {
            assert_eq!(of(stamp, now), wanted, "{stamp} at {now}");
        }
    }
}
