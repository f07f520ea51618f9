//! Guesses at values between two values of a key. The server answers a guess with the next value that is really there,
//! so a guess may be coarse and may even miss: what counts is that some of them fall where the rows are.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::cut::{Charset, Value, bytes_of, hex_of};
use super::key::{KeyColumn, KeyKind};
use super::steps::{Effort, steps};
use super::temporal;
use super::texts;

/// Guesses between `low` and `high`, in no order; `seen` are values that are known to be there.
pub(super) fn between(
    column: &KeyColumn,
    charset: Option<&Charset>,
    (low, high): (&Value, &Value),
    seen: &[&Value],
    effort: Effort,
) -> Vec<Value> {
    let raws = match column.kind {
        KeyKind::Integer | KeyKind::Bits | KeyKind::Decimal | KeyKind::Instant => decimals(&low.raw, &high.raw, effort),
        KeyKind::Float => floats(&low.raw, &high.raw, effort),
        KeyKind::Date | KeyKind::DateTime | KeyKind::Time => {
            temporal::between(column.kind, &low.raw, &high.raw, effort)
        }
        KeyKind::Binary => bytes(&bytes_of(&low.raw), &bytes_of(&high.raw), effort),
        KeyKind::Text => match charset {
            Some(charset) => texts::between(charset, (&low.raw, &high.raw), seen, effort),
            None => Vec::new(),
        },
        KeyKind::Native(_) => natives(&low.raw, &high.raw, effort),
    };
    // A guess that makes no literal is one guess less.
    raws.iter().filter_map(|raw| Value::new(column, raw, charset).ok().flatten()).collect()
}

/// Digits that are computed with: as many as 127 bits hold.
const DIGITS: usize = 37;

fn decimals(low: &str, high: &str, effort: Effort) -> Vec<String> {
    let parts = |text: &str| {
        let digits = text.trim_start_matches('-');
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        (whole.len(), fraction.len())
    };
    let (whole, fraction) = (parts(low).0.max(parts(high).0), parts(low).1.max(parts(high).1));
    let kept = (whole + fraction).min(DIGITS);
    let number = |text: &str| -> Option<i128> {
        let digits = text.trim_start_matches('-');
        let (w, f) = digits.split_once('.').unwrap_or((digits, ""));
        let padded = format!("{w:0>whole$}{f:0<fraction$}");
        let number: i128 = padded.get(..kept)?.parse().ok()?;
        Some(if text.starts_with('-') { -number } else { number })
    };
    let Some((low, high)) = number(low).zip(number(high)) else { return Vec::new() };
    steps(low, high, effort).into_iter().map(|n| plain(n, whole, kept)).collect()
}

/// A number of which the first `whole` of `kept` digits stand before the point; digits that were cut off are zeros.
fn plain(number: i128, whole: usize, kept: usize) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let digits = format!("{:0>kept$}", number.unsigned_abs());
    match digits.split_at_checked(whole) {
        Some((whole, "")) => format!("{sign}{}", significant(whole)),
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", significant(whole)),
        None => format!("{sign}{}", significant(&format!("{digits:0<whole$}"))),
    }
}

fn significant(digits: &str) -> &str {
    match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    }
}

fn floats(low: &str, high: &str, effort: Effort) -> Vec<String> {
    let (Ok(low), Ok(high)) = (low.parse::<f64>(), high.parse::<f64>()) else { return Vec::new() };
    let even = (1..=effort.even).map(|i| {
        let share = i as f64 / (effort.even + 1) as f64;
        low * (1.0 - share) + high * share
    });
    // As bit patterns, floats are ordered by magnitude: that finds what crowds around zero.
    let ordered = |x: f64| -> i64 {
        let bits = x.to_bits() as i64;
        if bits < 0 { i64::MIN.wrapping_sub(bits) } else { bits }
    };
    let float = |n: i64| f64::from_bits(if n < 0 { i64::MIN.wrapping_sub(n) } else { n } as u64);
    let by_magnitude = steps(ordered(low).into(), ordered(high).into(), effort);
    let by_magnitude = by_magnitude.into_iter().filter_map(|n| i64::try_from(n).ok()).map(float);
    let inside = even.chain(by_magnitude).filter(|x| x.is_finite() && *x > low && *x < high);
    inside.map(|x| format!("{x:e}")).collect()
}

fn bytes(low: &[u8], high: &[u8], effort: Effort) -> Vec<String> {
    let same = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    let number = |bytes: &[u8]| (0..WINDOW).fold(0i128, |n, i| n << 8 | i128::from(*bytes.get(same + i).unwrap_or(&0)));
    let made = steps(number(low), number(high), effort).into_iter().map(|n| {
        let tail = &n.to_be_bytes()[16 - WINDOW..];
        hex_of(&[low.get(..same).unwrap_or_default(), tail].concat())
    });
    made.collect()
}

/// UUIDs and addresses, as if the server ordered them by their digits.
fn natives(low: &str, high: &str, effort: Effort) -> Vec<String> {
    // The upper 127 bits are enough to tell them apart.
    let between = |low: u128, high: u128| steps((low >> 1) as i128, (high >> 1) as i128, effort);
    let wide = |n: i128| (n as u128) << 1;
    if let (Ok(low), Ok(high)) = (low.parse::<uuid::Uuid>(), high.parse::<uuid::Uuid>()) {
        let guesses = between(low.as_u128(), high.as_u128()).into_iter();
        return guesses.map(|n| uuid::Uuid::from_u128(wide(n)).to_string()).collect();
    }
    if let (Ok(low), Ok(high)) = (low.parse::<Ipv4Addr>(), high.parse::<Ipv4Addr>()) {
        let guesses = steps(low.to_bits().into(), high.to_bits().into(), effort).into_iter();
        return guesses.filter_map(|n| Some(Ipv4Addr::from_bits(u32::try_from(n).ok()?).to_string())).collect();
    }
    if let (Ok(low), Ok(high)) = (low.parse::<Ipv6Addr>(), high.parse::<Ipv6Addr>()) {
        let guesses = between(low.to_bits(), high.to_bits()).into_iter();
        return guesses.map(|n| Ipv6Addr::from_bits(wide(n)).to_string()).collect();
    }
    Vec::new()
}

/// Bytes after the common beginning that are computed with.
const WINDOW: usize = 12;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::key::SplitKey;
    use super::*;
    use crate::mysql::session::Session;
    use crate::mysql::types::tests::column;

    const BOTH: Effort = Effort { even: 8, shrinking: 8 };

    fn guesses(column_type: &str, low: &str, high: &str) -> Vec<String> {
        let key = SplitKey::new(&column("k", column_type), &Session::Ours).unwrap();
        let value = |raw: &str| Value::new(&key.columns[0], raw, None).unwrap().unwrap();
        between(&key.columns[0], None, (&value(low), &value(high)), &[], Effort { even: 3, shrinking: 0 })
            .into_iter()
            .map(|v| v.raw)
            .collect()
    }

    proptest! {
        #[test]
        fn floats_lie_between(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(a.is_finite() && b.is_finite() && a < b);
            for guess in floats(&format!("{a:e}"), &format!("{b:e}"), BOTH) {
                let guess: f64 = guess.parse().unwrap();
                prop_assert!(guess > a && guess < b);
            }
        }

        #[test]
        fn bytes_lie_between(a in prop::collection::vec(any::<u8>(), 0..20), b in prop::collection::vec(any::<u8>(), 0..20)) {
            prop_assume!(a < b);
            for guess in bytes(&a, &b, BOTH) {
                let guess = bytes_of(&guess);
                prop_assert!(guess > a && guess < b, "{guess:?}");
            }
        }
    }

    #[test]
    fn numbers_keep_their_point() {
        assert_eq!(guesses("int", "0", "100"), ["25", "50", "75"]);
        assert_eq!(guesses("decimal(10,2)", "-1.00", "1.00"), ["-0.50", "0.00", "0.50"]);
        assert_eq!(guesses("double", "1", "2").len(), 6);
        let wide = guesses("decimal(65,0)", "1", &"9".repeat(65));
        assert!(wide.iter().all(|g| g.len() > 9) && wide.iter().any(|g| g.len() == 65), "{wide:?}");
        let fine = guesses("decimal(65,30)", &format!("0.{}1", "0".repeat(29)), &format!("1.{}", "0".repeat(30)));
        assert!(fine.iter().all(|g| g.len() == 32), "{fine:?}");
        assert!(guesses("bigint", "7", "8").is_empty());
        let all = guesses("bigint", "-9223372036854775808", "9223372036854775807");
        assert!(all.contains(&"0".to_owned()) || all.contains(&"-1".to_owned()), "{all:?}");
    }
}
