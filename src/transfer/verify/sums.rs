//! The sums of one column, of the source or of the target.

use arrow_buffer::i256;
use serde::Serialize;

use crate::error::{self, Result};

/// Sums of one column. Sums of disjoint sets of rows add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Values that are not NULL.
    pub values: u64,
    /// Exact sum of the numbers, times ten to the power of their scale; 0 where they are not summed up.
    pub sum: i256,
    /// Sum of the values' checksums, or of their bits.
    pub checksum: u128,
}

impl Sums {
    /// Adds those of other rows.
    pub fn add(&mut self, other: &Self) {
        self.values += other.values;
        self.sum = self.sum.wrapping_add(other.sum);
        self.checksum = self.checksum.wrapping_add(other.checksum);
    }

    /// Adds one value by its checksum.
    pub(super) fn take(&mut self, checksum: u64) {
        self.values += 1;
        self.checksum = self.checksum.wrapping_add(checksum.into());
    }

    /// The sums as they are shown.
    pub fn shown(&self, scale: Option<i8>) -> Shown {
        Shown {
            values: self.values,
            sum: scale.map(|scale| plain(self.sum, scale)),
            checksum: format!("{:x}", self.checksum),
        }
    }
}

/// Sums as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shown {
    /// Values that are not NULL.
    pub values: u64,
    /// Their sum, of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// Sum of their checksums, hexadecimal.
    pub checksum: String,
}

/// A scaled number in plain digits.
fn plain(number: i256, scale: i8) -> String {
    let digits = number.to_string();
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
    let scale = usize::from(scale.unsigned_abs());
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// The number that `text` says, plain or with an exponent, times ten to the power of `scale`; `None` if it has more
/// digits behind the point, or is not a number.
pub(super) fn scaled(text: &str, scale: i8) -> Option<i256> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut digits = format!("{whole}{fraction}");
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Zeros to add behind the digits, or digits to take away there, which must be zeros.
    let shift = i32::from(scale) + exponent - i32::try_from(fraction.len()).ok()?;
    if shift < 0 {
        let keep = digits.len().saturating_sub(shift.unsigned_abs() as usize);
        if digits[keep..].bytes().any(|b| b != b'0') {
            return None;
        }
        digits.truncate(keep);
    } else if digits.bytes().any(|b| b != b'0') {
        // A decimal does not have as many digits as that.
        let shift = usize::try_from(shift).ok().filter(|shift| *shift <= 80)?;
        digits.extend(std::iter::repeat_n('0', shift));
    }
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(i256::ZERO);
    }
    i256::from_string(&format!("{sign}{digits}"))
}

/// A sum as the server sends it.
///
/// # Errors
/// Bug: it is not a number of that scale.
pub(super) fn of_server(text: Option<&str>, scale: i8) -> Result<i256> {
    let Some(text) = text else { return Ok(i256::ZERO) };
    scaled(text, scale).ok_or_else(|| error::bug(format!("the server's sum {text} does not have the scale {scale}")))
}

/// Canonical text of a decimal.
pub(in crate::transfer) fn decimal_text(number: i256, scale: i8) -> String {
    plain(number, scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_of_every_shape_are_read() {
        let n = |text: &str, scale| scaled(text, scale).map(|n| n.to_string());
        assert_eq!(n("1.50", 2).as_deref(), Some("150"));
        assert_eq!(n("-0.05", 2).as_deref(), Some("-5"));
        assert_eq!(n("1E-7", 7).as_deref(), Some("1"));
        assert_eq!(n("1.5e3", 0).as_deref(), Some("1500"));
        assert_eq!(n("0E-10", 2).as_deref(), Some("0"));
        assert_eq!(n("1500", -2), Some("15".to_owned()));
        assert_eq!(n("1.501", 2), None);
        for wrong in ["", "-", ".", "1,5", "abc", "1e", "1e999999999", "--1"] {
            assert_eq!(n(wrong, 2), None, "{wrong}");
        }
        let long = "9".repeat(65);
        assert_eq!(n(&long, 0).as_deref(), Some(long.as_str()));
    }

    proptest! {
        #[test]
        fn plain_digits_lead_back(number: i128, scale in 0_i8..38) {
            let number = i256::from_i128(number);
            let text = plain(number, scale);
            prop_assert_eq!(scaled(&text, scale), Some(number));
        }
    }
}
