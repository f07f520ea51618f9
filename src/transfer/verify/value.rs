//! One value in the form in which it is compared.

use std::borrow::Cow;

use arrow_buffer::i256;

use super::canonical;
use super::sums::{Sums, decimal_text, scaled};
use crate::format::text::value::{parse_base64, parse_hex_pairs};
use crate::mysql::checksum::Meaning;

/// How delimited text holds bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BytesAs {
    /// Base64, as Hive's text tables.
    #[default]
    Base64,
    /// Pairs of hexadecimal digits, as Sqoop.
    HexPairs,
}

/// A value as it is compared: a checksum of bytes, with the number they stand for; or bits.
pub(super) enum Value<'a> {
    Number(i256, String),
    Bits(u64),
    Bytes(Cow<'a, [u8]>),
}

impl<'a> Value<'a> {
    /// Adds the value to the sums of its column; its checksum, or its bits, for that of its row.
    pub(super) fn add_to(&self, sums: &mut Sums) -> u64 {
        let checksum = match self {
            Self::Number(number, text) => {
                sums.sum = sums.sum.wrapping_add(*number);
                crc32fast::hash(text.as_bytes()).into()
            }
            Self::Bits(bits) => *bits,
            Self::Bytes(bytes) => crc32fast::hash(bytes).into(),
        };
        sums.take(checksum);
        checksum
    }

    /// A number at the scale of its meaning.
    pub(super) fn of_number(number: i256, meaning: Meaning) -> Option<Self> {
        let (scale, summed) = match meaning {
            Meaning::Integer | Meaning::Truth => (0, true),
            Meaning::Decimal { scale, summed } => (scale, summed),
            _ => return None,
        };
        Some(Self::Number(if summed { number } else { i256::ZERO }, decimal_text(number, scale)))
    }

    pub(super) fn of_integer(number: i64, meaning: Meaning) -> Option<Self> {
        let number = i256::from_i128(number.into());
        match meaning {
            Meaning::Decimal { scale, .. } => Self::of_number(
                number.wrapping_mul(i256::from_i128(10).wrapping_pow(scale.unsigned_abs().into())),
                meaning,
            ),
            _ => Self::of_number(number, meaning),
        }
    }

    /// A float; single precision where the source is, unless the target holds more digits than that has.
    pub(super) fn float(number: f64, meaning: Meaning) -> Self {
        let single = number as f32;
        let is_single = meaning == Meaning::Float && f64::from(single).to_bits() == number.to_bits();
        Self::Bits(if is_single { single.to_bits().into() } else { number.to_bits() })
    }

    pub(super) fn of_micros(micros: i128, meaning: Meaning) -> Option<Self> {
        let micros = i64::try_from(micros).ok()?;
        let mut text = String::with_capacity(26);
        match meaning {
            Meaning::Date if micros.rem_euclid(86_400_000_000) != 0 => return None,
            Meaning::Date => canonical::date(&mut text, micros.div_euclid(86_400_000_000)),
            Meaning::Timestamp { digits, .. } => canonical::timestamp(&mut text, micros, digits),
            Meaning::Time => canonical::time(&mut text, micros),
            _ => return None,
        }
        Some(Self::Bytes(Cow::Owned(text.into_bytes())))
    }

    pub(super) fn of_bytes(bytes: &'a [u8], meaning: Meaning) -> Option<Self> {
        match meaning {
            Meaning::Bytes | Meaning::Text => Some(Self::Bytes(Cow::Borrowed(bytes))),
            // The bits of a BIT, most significant first.
            Meaning::Integer if bytes.len() <= 8 => {
                let bits = bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
                Self::of_number(i256::from_i128(bits.into()), meaning)
            }
            _ => None,
        }
    }

    pub(super) fn of_text(text: &'a str, meaning: Meaning, bytes_as: BytesAs) -> Option<Self> {
        let mut canonical = String::new();
        match meaning {
            Meaning::Text => return Some(Self::Bytes(Cow::Borrowed(text.as_bytes()))),
            Meaning::Bytes => {
                let bytes = match bytes_as {
                    BytesAs::Base64 => parse_base64(text)?,
                    BytesAs::HexPairs => parse_hex_pairs(text)?,
                };
                return Some(Self::Bytes(Cow::Owned(bytes)));
            }
            Meaning::Integer | Meaning::Truth => {
                let number = match text {
                    "true" => i256::ONE,
                    "false" => i256::ZERO,
                    digits => scaled(digits, 0)?,
                };
                return Self::of_number(number, meaning);
            }
            Meaning::Decimal { scale, .. } => return Self::of_number(scaled(text, scale)?, meaning),
            // Parsed as what they are: the digits of a single are not those of the double next to it.
            Meaning::Float => return Some(Self::Bits(text.parse::<f32>().ok()?.to_bits().into())),
            Meaning::Double => return Some(Self::Bits(text.parse::<f64>().ok()?.to_bits())),
            Meaning::Date => canonical::date_of_text(&mut canonical, text)?,
            Meaning::Timestamp { digits, .. } => canonical::timestamp_of_text(&mut canonical, text, digits)?,
            Meaning::Time => canonical::time_of_text(&mut canonical, text)?,
        }
        Some(Self::Bytes(Cow::Owned(canonical.into_bytes())))
    }
}
