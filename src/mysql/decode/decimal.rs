//! Decimals from the digits that the server sends.

use arrow_buffer::i256;

use super::{Wrong, unfit};

/// Digits that a u64 holds whatever they are.
const CHUNK: usize = 18;

/// Digits that an i128 holds whatever they are.
const WIDE_CHUNK: usize = 38;

/// The text of a decimal as a whole number of units of its digit number `scale` after the point; `None` if it is not
/// a decimal, has more digits after the point, or does not fit.
#[inline]
pub fn parse_decimal(text: &[u8], scale: u8) -> Option<i128> {
    let (negative, digits) = signed(text);
    let (mut wide, mut chunk, mut count, mut point) = (0i128, 0u64, 0usize, None);
    for (index, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            if count == CHUNK {
                wide = wide.checked_mul(pow10(CHUNK))?.checked_add(chunk.into())?;
                (chunk, count) = (0, 0);
            }
            chunk = chunk * 10 + u64::from(digit);
            count += 1;
        } else if *byte == b'.' && point.is_none() {
            point = Some(index);
        } else {
            return None;
        }
    }
    let after = point.map_or(0, |point| digits.len() - point - 1);
    let some = digits.len() > usize::from(point.is_some());
    let missing = usize::from(scale).checked_sub(after).filter(|_| some)?;
    let unscaled = match wide {
        0 => i128::from(chunk),
        wide => wide.checked_mul(pow10(count))?.checked_add(chunk.into())?,
    };
    let unscaled =
        if missing == 0 || unscaled == 0 { unscaled } else { unscaled.checked_mul(checked_pow10(missing)?)? };
    Some(if negative { -unscaled } else { unscaled })
}

/// As [`parse_decimal`], for up to 76 digits.
pub(super) fn parse_wide(text: &[u8], scale: u8) -> Option<i256> {
    let (negative, digits) = signed(text);
    let point = digits.iter().position(|b| *b == b'.').unwrap_or(digits.len());
    let (whole, after) = (&digits[..point], digits.get(point + 1..).unwrap_or_default());
    let missing = usize::from(scale).checked_sub(after.len())?;
    if whole.is_empty() && after.is_empty() {
        return None;
    }
    let mut value = i256::ZERO;
    for part in [whole, after] {
        for chunk in part.chunks(WIDE_CHUNK - 1) {
            let number = parse_decimal(chunk, 0).filter(|_| !chunk.starts_with(b"-"))?;
            value = value.checked_mul(i256::from_i128(checked_pow10(chunk.len())?))?;
            value = value.checked_add(i256::from_i128(number))?;
        }
    }
    let value = value.checked_mul(i256::from_i128(checked_pow10(missing)?))?;
    Some(if negative { value.wrapping_neg() } else { value })
}

/// A decimal without the zeros in front that ZEROFILL puts there: its sign, and its digits.
pub(super) fn plain(text: &[u8]) -> Result<(&str, &str), Wrong> {
    let wrong = || unfit(String::from_utf8_lossy(text));
    let (negative, digits) = signed(text);
    let mut points = 0;
    for byte in digits {
        match byte {
            b'0'..=b'9' => {}
            b'.' => points += 1,
            _ => return Err(wrong()),
        }
    }
    if points > 1 || digits.len() <= points {
        return Err(wrong());
    }
    let whole = digits.iter().position(|b| *b == b'.').unwrap_or(digits.len());
    let zeros = digits[..whole.saturating_sub(1)].iter().take_while(|b| **b == b'0').count();
    let digits = std::str::from_utf8(&digits[zeros..]).map_err(|_| wrong())?;
    Ok((if negative { "-" } else { "" }, digits))
}

#[inline]
fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    }
}

/// Powers of ten up to the digits of an i128.
const POWERS: [i128; WIDE_CHUNK + 1] = {
    let mut powers = [1; WIDE_CHUNK + 1];
    let mut i = 1;
    while i <= WIDE_CHUNK {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

#[inline]
fn pow10(digits: usize) -> i128 {
    POWERS[digits.min(WIDE_CHUNK)]
}

pub(super) fn checked_pow10(digits: usize) -> Option<i128> {
    POWERS.get(digits).copied()
}
