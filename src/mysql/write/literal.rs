//! Values as SQL literals, for a session in UTF-8 whose sql_mode knows backslash escapes.

use std::borrow::Cow;

use super::value::Unfit;

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;

/// The byte behind the backslash for bytes that cannot stand for themselves between quotes or in a field of LOAD DATA.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    table[0] = b'0';
    table[b'\n' as usize] = b'n';
    table[b'\r' as usize] = b'r';
    table[b'\t' as usize] = b't';
    table[b'\\' as usize] = b'\\';
    table[b'\'' as usize] = b'\'';
    table[0x1a] = b'Z';
    table
};

/// Writes text in single quotes.
pub(super) fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'\'');
    let mut from = 0;
    for (at, byte) in text.iter().enumerate() {
        let escape = ESCAPES[usize::from(*byte)];
        if escape != 0 {
            out.extend_from_slice(&text[from..at]);
            out.extend_from_slice(&[b'\\', escape]);
            from = at + 1;
        }
    }
    out.extend_from_slice(&text[from..]);
    out.push(b'\'');
}

/// What stands between the quotes that [`quoted`] writes, without its escapes.
pub(super) fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(mut next) = memchr::memchr(b'\\', text) else { return Cow::Borrowed(text) };
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [before @ .., b'\\', escape] = &rest[..rest.len().min(next + 2)] {
        out.extend_from_slice(before);
        out.push(match escape {
            b'0' => 0,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'Z' => 0x1a,
            other => *other,
        });
        rest = &rest[next + 2..];
        next = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// The bytes that [`hex`] wrote these digits for.
pub(super) fn unhexed(digits: &[u8], out: &mut Vec<u8>) {
    let value = |digit: u8| if digit > b'9' { digit - b'A' + 10 } else { digit - b'0' };
    out.extend(digits.as_chunks().0.iter().map(|[high, low]| value(*high) << 4 | value(*low)));
}

/// Writes bytes as `X'4f'`.
pub(super) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(bytes.len() * 2 + 3);
    out.extend_from_slice(b"X'");
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    out.push(b'\'');
}

/// Writes a whole number.
pub(super) fn integer(out: &mut Vec<u8>, value: i128) {
    let mut digits = [0u8; 40];
    let (mut at, mut rest) = (digits.len(), value.unsigned_abs());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes a finite double such that the server reads the same bits: with an exponent, without which it would be a
/// decimal of at most 30 digits.
pub(super) fn double(out: &mut Vec<u8>, value: f64) {
    use std::io::Write;
    // Writing to memory cannot fail.
    let _ = write!(out, "{value:e}");
}

/// Writes a day of the proleptic Gregorian calendar.
pub(super) fn day(out: &mut Vec<u8>, days: i64) -> Result<(), Unfit> {
    out.push(b'\'');
    calendar(out, days)?;
    out.push(b'\'');
    Ok(())
}

/// Writes a moment with at most so many digits of a second.
pub(super) fn moment(out: &mut Vec<u8>, micros: i64, digits: u8) -> Result<(), Unfit> {
    out.push(b'\'');
    calendar(out, micros.div_euclid(DAY))?;
    out.push(b' ');
    time(out, micros.rem_euclid(DAY).unsigned_abs(), digits)?;
    out.push(b'\'');
    Ok(())
}

/// Writes a duration with at most so many digits of a second.
pub(super) fn clock(out: &mut Vec<u8>, micros: i64, digits: u8) -> Result<(), Unfit> {
    out.push(b'\'');
    if micros < 0 {
        out.push(b'-');
    }
    time(out, micros.unsigned_abs(), digits)?;
    out.push(b'\'');
    Ok(())
}

fn calendar(out: &mut Vec<u8>, days: i64) -> Result<(), Unfit> {
    let (year, month, day) = civil(days)?;
    if !(0..=9999).contains(&year) {
        return Err("the year is outside of 0000 to 9999".into());
    }
    number(out, year.unsigned_abs(), 4);
    out.push(b'-');
    number(out, month, 2);
    out.push(b'-');
    number(out, day, 2);
    Ok(())
}

fn time(out: &mut Vec<u8>, micros: u64, digits: u8) -> Result<(), Unfit> {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    number(out, seconds / 3600, 2);
    out.push(b':');
    number(out, seconds / 60 % 60, 2);
    out.push(b':');
    number(out, seconds % 60, 2);
    if fraction != 0 {
        if fraction % 10u64.pow(6 - u32::from(digits.min(6))) != 0 {
            return Err(lost_fraction(digits));
        }
        out.push(b'.');
        number(out, fraction, 6);
    }
    Ok(())
}

/// A fraction of a second that the column cuts or rounds.
pub(super) fn lost_fraction(digits: u8) -> Unfit {
    format!("the fraction of the second has more than the {digits} digits that the column holds").into()
}

fn number(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let (mut at, mut rest) = (digits.len(), value);
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[at.min(digits.len() - width)..]);
}

/// Year, month, day, by Howard Hinnant's algorithm: years that begin in March.
fn civil(days: i64) -> Result<(i64, u64, u64), Unfit> {
    let shifted = days.checked_add(719_468).ok_or("the day is outside the calendar")?;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    Ok((year + era * 400 + i64::from(month <= 2), month.unsigned_abs(), day.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn bytes_with_a_meaning_are_escaped() {
        assert_eq!(text(|o| quoted(o, b"a'b\\c\0\n\r\t\x1a")), r"'a\'b\\c\0\n\r\t\Z'");
        assert_eq!(text(|o| quoted(o, "café ☕".as_bytes())), "'café ☕'");
        assert_eq!(text(|o| hex(o, &[0, 0xfe])), "X'00FE'");
    }

    #[test]
    fn what_was_escaped_comes_back() {
        let every: Vec<u8> = (0..=255).chain(0..=255).rev().collect();
        for bytes in
            [&b""[..], b"a", b"\\", b"'", b"\\\\a", b"a\\", b"\\0\\n", "café ☕'\0\u{1f600}".as_bytes(), &every]
        {
            let mut out = Vec::new();
            quoted(&mut out, bytes);
            assert_eq!(unescaped(&out[1..out.len() - 1]).as_ref(), bytes);
            let (mut digits, mut back) = (Vec::new(), Vec::new());
            hex(&mut digits, bytes);
            unhexed(&digits[2..digits.len() - 1], &mut back);
            assert_eq!(back, bytes);
        }
        assert!(matches!(unescaped(b"plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn numbers_keep_their_bits() {
        assert_eq!(text(|o| integer(o, i128::from(u64::MAX))), "18446744073709551615");
        assert_eq!(text(|o| integer(o, i128::MIN)), i128::MIN.to_string());
        assert_eq!(text(|o| double(o, 0.1)), "1e-1");
        assert_eq!(text(|o| double(o, f64::MAX)).parse::<f64>().unwrap(), f64::MAX);
    }

    #[test]
    fn days_and_times_are_checked() {
        let of_day = |days| text(|o| day(o, days).unwrap());
        assert_eq!(
            (of_day(0), of_day(-1), of_day(19_782)),
            ("'1970-01-01'".into(), "'1969-12-31'".into(), "'2024-02-29'".into())
        );
        assert_eq!(of_day(-719_528), "'0000-01-01'");
        assert!(day(&mut Vec::new(), -719_529).is_err() && day(&mut Vec::new(), i64::MAX).is_err());
        assert_eq!(text(|o| moment(o, -1, 6).unwrap()), "'1969-12-31 23:59:59.999999'");
        assert_eq!(text(|o| moment(o, 1_500_000, 1).unwrap()), "'1970-01-01 00:00:01.500000'");
        assert!(moment(&mut Vec::new(), 1_510_000, 1).is_err());
        assert_eq!(text(|o| clock(o, -3_020_399_000_000, 0).unwrap()), "'-838:59:59'");
    }
}
