//! Text of a file as literals, one function a kind of column. What Java's parsers refuse in Sqoop is refused here, and
//! more: whatever the server would take without an error and store as something else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::literal::{self, lost_fraction};
use super::value::{Kind, Reading, Unfit};

/// Digits that the server reads of one number.
const MAX_DIGITS: usize = 65;

type Written = Result<(), Unfit>;

fn not(what: &str, text: &str) -> Unfit {
    let shown: String = text.chars().take(60).collect();
    format!("{shown:?} is not a {what}").into()
}

/// Yes and no in Sqoop's words: true, t, 1, on, yes. Exact refuses words that are neither, and takes numbers.
pub(super) fn boolean(text: &str, reading: Reading, out: &mut Vec<u8>) -> Written {
    let is = |words: &[&str]| words.iter().any(|w| w.eq_ignore_ascii_case(text));
    if is(&["true", "t", "1", "on", "yes"]) {
        out.push(b'1');
    } else if reading == Reading::Sqoop || is(&["false", "f", "0", "off", "no"]) {
        out.push(b'0');
    } else {
        return integer(text, out).map_err(|_| not("boolean", text));
    }
    Ok(())
}

pub(super) fn integer(text: &str, out: &mut Vec<u8>) -> Written {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text).as_bytes();
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return Err(not("whole number", text));
    }
    out.extend_from_slice(text.strip_prefix('+').unwrap_or(text).as_bytes());
    Ok(())
}

pub(super) fn year(text: &str, out: &mut Vec<u8>) -> Written {
    match text.parse::<u16>() {
        // As a number 0 it would be 2000 where it is read from a text.
        Ok(0) => out.extend_from_slice(b"'0000'"),
        Ok(year @ 1901..=2155) => literal::integer(out, year.into()),
        _ => return Err(not("year from 1901 to 2155 or 0", text)),
    }
    Ok(())
}

/// A number, or for one bit yes or no; pairs of hexadecimal digits where Sqoop's reading is asked for.
pub(super) fn bit(text: &str, bits: u8, reading: Reading, out: &mut Vec<u8>) -> Written {
    if bits == 1 && text.parse::<u64>().is_err() {
        return boolean(text, reading, out);
    }
    if reading == Reading::Sqoop && bits > 1 {
        return bit_bytes(&hex_pairs(text)?, bits, out);
    }
    match text.parse::<u64>() {
        Ok(n) => bit_number(n.into(), bits, out),
        Err(_) => Err(not("number without sign", text)),
    }
}

pub(super) fn bit_bytes(bytes: &[u8], bits: u8, out: &mut Vec<u8>) -> Written {
    let significant = bytes.iter().position(|b| *b != 0).map_or(&[][..], |at| &bytes[at..]);
    if significant.len() > 8 {
        return Err(format!("{} bytes are more than {bits} bits", significant.len()).into());
    }
    bit_number(significant.iter().fold(0, |n, b| n << 8 | i128::from(*b)), bits, out)
}

pub(super) fn bit_number(n: i128, bits: u8, out: &mut Vec<u8>) -> Written {
    if n < 0 || n >> bits != 0 {
        return Err(format!("{n} does not fit {bits} bits").into());
    }
    literal::integer(out, n);
    Ok(())
}

/// Digits, a point and an exponent, written without the exponent; digits behind the point beyond `scale` must be 0.
pub(super) fn decimal(text: &str, scale: u8, out: &mut Vec<u8>) -> Written {
    let wrong = || not("decimal number", text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().map_err(|_| wrong())?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let point = digits.iter().position(|b| *b == b'.');
    let (whole, fraction) = point.map_or((digits, &[][..]), |at| (&digits[..at], &digits[at + 1..]));
    if whole.len() + fraction.len() == 0 || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(wrong());
    }
    if negative {
        out.push(b'-');
    }
    if exponent == 0 {
        return plain(out, whole, fraction, scale);
    }
    let all = [whole, fraction].concat();
    let place = whole.len() as i64 + i64::from(exponent);
    if place <= 0 {
        if place < -100 {
            return Err(wrong());
        }
        let padded = [vec![b'0'; place.unsigned_abs() as usize], all].concat();
        return plain(out, b"0", &padded, scale);
    }
    let place = place as usize;
    if place > all.len() + 100 {
        return Err(wrong());
    }
    let padded = if place > all.len() { [all.clone(), vec![b'0'; place - all.len()]].concat() } else { all };
    plain(out, &padded[..place], &padded[place..], scale)
}

fn plain(out: &mut Vec<u8>, whole: &[u8], fraction: &[u8], scale: u8) -> Written {
    let significant = whole.iter().position(|b| *b != b'0').map_or(&b"0"[..], |at| &whole[at..]);
    let used = fraction.iter().rposition(|b| *b != b'0').map_or(0, |at| at + 1);
    if used > usize::from(scale) {
        return Err(format!("{used} digits behind the point are more than the {scale} that the column holds").into());
    }
    if significant.len() + used > MAX_DIGITS {
        return Err("the number has more than 65 digits".into());
    }
    out.extend_from_slice(significant);
    if used > 0 {
        out.push(b'.');
        out.extend_from_slice(&fraction[..used]);
    }
    Ok(())
}

pub(super) fn float(text: &str, out: &mut Vec<u8>) -> Written {
    let value: f32 = text.trim().parse().map_err(|_| not("number", text))?;
    finite(value.into(), out)
}

pub(super) fn double(text: &str, out: &mut Vec<u8>) -> Written {
    let text = text.trim();
    let value: f64 = text.parse().map_err(|_| not("number", text))?;
    // A few plain digits need not be printed anew; the exponent keeps the server from taking them for a decimal.
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let stand_around = matches!(digits, [b'0'..=b'9', .., b'0'..=b'9'] | [b'0'..=b'9']);
    if stand_around && text.len() <= 24 && digits.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"e0");
        return Ok(());
    }
    finite(value, out)
}

pub(super) fn finite(value: f64, out: &mut Vec<u8>) -> Written {
    if !value.is_finite() {
        return Err(format!("{value} has no place in the column").into());
    }
    literal::double(out, value);
    Ok(())
}

/// A decimal that floating point holds with all its digits.
pub(super) fn decimal_as_double(digits: &str, kind: &Kind, out: &mut Vec<u8>) -> Written {
    let value: f64 = digits.parse().map_err(|_| not("decimal number", digits))?;
    let (mut given, mut held) = (Vec::new(), Vec::new());
    decimal(digits, u8::MAX, &mut given)?;
    let shortest = if *kind == Kind::Float { format!("{}", value as f32) } else { format!("{value}") };
    decimal(&shortest, u8::MAX, &mut held)?;
    if given != held {
        return Err(format!("{digits} has more digits than the column's floating point holds").into());
    }
    finite(if *kind == Kind::Float { f64::from(value as f32) } else { value }, out)
}

/// Digits of a fixed or bounded count; the rest of the text.
fn digits(text: &[u8], least: usize, most: usize) -> Option<(&[u8], &[u8])> {
    let count = text.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
    (count >= least).then(|| text.split_at(count))
}

fn after(text: &[u8], mark: u8) -> Option<&[u8]> {
    text.strip_prefix(&[mark])
}

fn padded(out: &mut Vec<u8>, digits: &[u8]) {
    if digits.len() < 2 {
        out.push(b'0');
    }
    out.extend_from_slice(digits);
}

/// Copies `yyyy-[m]m-[d]d`; what follows it.
fn calendar<'a>(text: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (year, rest) = digits(text, 4, 4)?;
    let (month, rest) = digits(after(rest, b'-')?, 1, 2)?;
    let (day, rest) = digits(after(rest, b'-')?, 1, 2)?;
    out.extend_from_slice(year);
    out.push(b'-');
    padded(out, month);
    out.push(b'-');
    padded(out, day);
    Some(rest)
}

/// Copies `[h]h:mm:ss`; the digits of the fraction.
fn clock<'a>(text: &'a [u8], hours: usize, out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (hour, rest) = digits(text, 1, hours)?;
    let (minute, rest) = digits(after(rest, b':')?, 1, 2)?;
    let (second, rest) = digits(after(rest, b':')?, 1, 2)?;
    padded(out, hour);
    out.push(b':');
    padded(out, minute);
    out.push(b':');
    padded(out, second);
    if rest.is_empty() {
        return Some(rest);
    }
    let fraction = after(rest, b'.')?;
    fraction.iter().all(u8::is_ascii_digit).then_some(fraction)
}

fn fraction(text: &[u8], holds: u8, lenient: bool, out: &mut Vec<u8>) -> Written {
    let mut used = text.iter().rposition(|b| *b != b'0').map_or(0, |at| at + 1);
    if used > usize::from(holds) && !lenient {
        return Err(lost_fraction(holds));
    }
    used = used.min(6);
    if used > 0 {
        out.push(b'.');
        out.extend_from_slice(&text[..used]);
    }
    Ok(())
}

pub(super) fn date(text: &str, out: &mut Vec<u8>) -> Written {
    out.push(b'\'');
    let rest = calendar(text.as_bytes(), out).ok_or_else(|| not("date yyyy-mm-dd", text))?;
    if !rest.is_empty() {
        let zero = |b: &u8| b" T0:.".contains(b);
        let (mut time, is_time) = (Vec::new(), rest[0] == b' ' || rest[0] == b'T');
        if !is_time || clock(&rest[1..], 2, &mut time).is_none() {
            return Err(not("date yyyy-mm-dd", text));
        }
        if !rest.iter().all(zero) {
            return Err("the time of the day would be lost in a DATE".into());
        }
    }
    out.push(b'\'');
    Ok(())
}

/// `yyyy-mm-dd hh:mm:ss.f`, or a day alone, which is its midnight.
pub(super) fn date_time(text: &str, holds: u8, lenient: bool, out: &mut Vec<u8>) -> Written {
    let wrong = || not("time yyyy-mm-dd hh:mm:ss", text);
    out.push(b'\'');
    let rest = calendar(text.as_bytes(), out).ok_or_else(wrong)?;
    match rest {
        [] => out.extend_from_slice(b" 00:00:00"),
        [b' ' | b'T', time @ ..] => {
            out.push(b' ');
            let digits = clock(time, 2, out).ok_or_else(wrong)?;
            fraction(digits, holds, lenient, out)?;
        }
        _ => return Err(wrong()),
    }
    out.push(b'\'');
    Ok(())
}

/// `[-]hhh:mm:ss.f`.
pub(super) fn time(text: &str, holds: u8, lenient: bool, out: &mut Vec<u8>) -> Written {
    out.push(b'\'');
    let unsigned = text.strip_prefix('-');
    if unsigned.is_some() {
        out.push(b'-');
    }
    let digits = clock(unsigned.unwrap_or(text).as_bytes(), 3, out).ok_or_else(|| not("time hh:mm:ss", text))?;
    fraction(digits, holds, lenient, out)?;
    out.push(b'\'');
    Ok(())
}

/// Pairs of hexadecimal digits with blanks between them, or base64, which is never mistaken for them: it has no blanks
/// and its length is a multiple of four.
pub(super) fn bytes(text: &str, reading: Reading, out: &mut Vec<u8>) -> Written {
    if reading == Reading::Sqoop || text.len() == 2 || text.contains(' ') {
        literal::hex(out, &hex_pairs(text)?);
    } else {
        let bytes = STANDARD.decode(text).map_err(|_| not("base64 or hexadecimal text", text))?;
        literal::hex(out, &bytes);
    }
    Ok(())
}

fn hex_pairs(text: &str) -> Result<Vec<u8>, Unfit> {
    let wrong = || not("text of hexadecimal pairs", text);
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8).ok_or_else(wrong);
    let mut found = Vec::with_capacity(text.len() / 3 + 1);
    for pair in text.split(' ').filter(|pair| !pair.is_empty()) {
        let [high, low] = *pair.as_bytes() else { return Err(wrong()) };
        found.push(digit(high)? << 4 | digit(low)?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
