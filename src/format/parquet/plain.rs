//! PLAIN encoding: the values of a column that are not NULL, one after the other.
//!
//! Source: parquet-format 2.11, "Encodings" and "Logical types".

use std::borrow::Cow;
use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{ArrowNativeType, NullBuffer, OffsetBuffer, ToByteSlice};
use arrow_schema::{DataType, TimeUnit};
use parquet::basic::Type;

use super::bounds::{Bounds, Seen, TextBounds};
use crate::error::{self, Result};

/// Julian day of 1970-01-01.
const EPOCH_DAY: i64 = 2_440_588;

/// 1582-10-15, the first day of the Gregorian calendar. Hive takes INT96 before it for days of the Julian one and moves
/// them, whatever the footer says (seen with 4.0.1), so earlier times are refused.
const FIRST_GREGORIAN: i64 = -12_219_292_800_000_000;

const DAY_MICROS: i64 = 86_400_000_000;

/// Bytes before a text: its length.
const LENGTH_BYTES: usize = 4;

/// How the values of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Int8,
    Int16,
    Int32,
    Int64,
    Date,
    Time,
    Int96,
    Float,
    Double,
    /// So many bytes, the first the highest; the number is less than this one either way.
    Decimal {
        bytes: usize,
        limit: i128,
    },
    Text,
    Bytes,
}

impl Plain {
    /// The way of a column; `None` for types that are left to the library's writer.
    pub(super) fn of(data_type: &DataType, physical: Type, length: i32) -> Option<Self> {
        Some(match data_type {
            DataType::Int8 => Self::Int8,
            DataType::Int16 => Self::Int16,
            DataType::Int32 => Self::Int32,
            DataType::Int64 => Self::Int64,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(TimeUnit::Microsecond, _) if physical == Type::INT96 => Self::Int96,
            DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Time,
            DataType::Float32 => Self::Float,
            DataType::Float64 => Self::Double,
            DataType::Decimal128(precision, _) => {
                Self::Decimal { bytes: usize::try_from(length).ok()?, limit: 10i128.checked_pow((*precision).into())? }
            }
            DataType::Utf8 => Self::Text,
            DataType::Binary => Self::Bytes,
            _ => return None,
        })
    }

    /// How many of the first rows fit into so many bytes, NULLs counted as if they were values; at least one.
    pub(super) fn fitting(self, array: &ArrayRef, room: usize) -> usize {
        let wide = |bytes: usize| room / bytes;
        let rows = match self {
            Self::Int8 | Self::Int16 | Self::Int32 | Self::Date | Self::Float => wide(4),
            Self::Int64 | Self::Time | Self::Double => wide(8),
            Self::Int96 => wide(12),
            Self::Decimal { bytes, .. } => wide(bytes),
            Self::Text => texts_fitting(array.as_string::<i32>().offsets(), room),
            Self::Bytes => texts_fitting(array.as_binary::<i32>().offsets(), room),
        };
        rows.clamp(1, array.len().max(1))
    }

    /// Appends the values that are not NULL, and says what is known of them.
    ///
    /// # Errors
    /// Data: a value that the column's type cannot hold.
    pub(super) fn append(self, array: &ArrayRef, to: &mut Vec<u8>) -> Result<Seen> {
        let bounds = match self {
            Self::Int8 => whole(&widened::<Int8Type>(array), to),
            Self::Int16 => whole(&widened::<Int16Type>(array), to),
            Self::Int32 => whole(&present::<Int32Type>(array), to),
            Self::Date => whole(&present::<Date32Type>(array), to),
            Self::Int64 => whole(&present::<Int64Type>(array), to),
            Self::Time => whole(&present::<TimestampMicrosecondType>(array), to),
            Self::Int96 => {
                int96s(&present::<TimestampMicrosecondType>(array), to)?;
                None
            }
            Self::Float => {
                let values = present::<Float32Type>(array);
                to.extend_from_slice(values.to_byte_slice());
                return Ok(Seen::of_floats(values.iter().map(|v| f64::from(*v))));
            }
            Self::Double => {
                let values = present::<Float64Type>(array);
                to.extend_from_slice(values.to_byte_slice());
                return Ok(Seen::of_floats(values.iter().copied()));
            }
            Self::Decimal { bytes, limit } => decimals(&present::<Decimal128Type>(array), bytes, limit, to)?,
            Self::Text => {
                let texts = array.as_string::<i32>();
                let mut bounds: Option<TextBounds> = None;
                let see = |text: &[u8]| match &mut bounds {
                    Some(bounds) => bounds.widen(text),
                    None => bounds = Some(TextBounds::new(text)),
                };
                strings(texts.offsets(), texts.values(), texts.nulls(), to, see);
                bounds.map(Bounds::Text)
            }
            // Bytes have no order that a reader would ask for.
            Self::Bytes => {
                let bytes = array.as_binary::<i32>();
                strings(bytes.offsets(), bytes.values(), bytes.nulls(), to, |_| ());
                None
            }
        };
        Ok(bounds.into())
    }

    /// Whether [`Plain::append`] tells bounds.
    pub(super) fn has_bounds(self) -> bool {
        !matches!(self, Self::Int96 | Self::Bytes)
    }
}

/// The values that are not NULL.
fn present<T: ArrowPrimitiveType>(array: &ArrayRef) -> Cow<'_, [T::Native]> {
    let (values, nulls) = (array.as_primitive::<T>().values(), some_nulls(array.nulls()));
    match nulls {
        None => Cow::Borrowed(values),
        Some(nulls) => Cow::Owned(nulls.valid_indices().filter_map(|row| values.get(row).copied()).collect()),
    }
}

fn widened<T: ArrowPrimitiveType>(array: &ArrayRef) -> Vec<i32>
where
    T::Native: Into<i32>,
{
    present::<T>(array).iter().map(|v| (*v).into()).collect()
}

fn some_nulls(nulls: Option<&NullBuffer>) -> Option<&NullBuffer> {
    nulls.filter(|nulls| nulls.null_count() > 0)
}

/// Whole numbers, the lowest byte first.
fn whole<T: Copy + Ord + Into<i64>>(values: &[T], to: &mut Vec<u8>) -> Option<Bounds>
where
    [T]: ToByteSlice,
{
    to.extend_from_slice(values.to_byte_slice());
    Bounds::of(values, |least, most| Bounds::Whole(least.into(), most.into()))
}

/// Appends numbers of a fixed number of bytes.
fn fixed<T: Copy, const N: usize>(values: &[T], to: &mut Vec<u8>, bytes: impl Fn(T) -> [u8; N]) {
    let start = to.len();
    to.resize(start + values.len() * N, 0);
    for (place, value) in to[start..].as_chunks_mut().0.iter_mut().zip(values) {
        *place = bytes(*value);
    }
}

/// Decimals as numbers of so many bytes, the highest first.
fn decimals(values: &[i128], bytes: usize, limit: i128, to: &mut Vec<u8>) -> Result<Option<Bounds>> {
    let bounds = Bounds::of(values, Bounds::Decimal);
    if let Some(Bounds::Decimal(least, most)) = &bounds
        && (*least <= -limit || *most >= limit)
    {
        return Err(error::data("a decimal has more digits than its type"));
    }
    /// The low bytes of a number.
    fn low<const N: usize>(value: i128) -> [u8; N] {
        let bytes = value.to_be_bytes();
        std::array::from_fn(|i| bytes[16 - N + i])
    }
    macro_rules! of_length {
        ($($n:literal)*) => {
            match bytes {
                $($n => fixed(values, to, low::<$n>),)*
                _ => return Err(error::bug("a decimal of 38 digits takes 16 bytes at most")),
            }
        };
    }
    of_length!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
    Ok(bounds)
}

/// Times as a Julian day in the last four bytes and the nanoseconds of the day in the eight before.
fn int96s(micros: &[i64], to: &mut Vec<u8>) -> Result<()> {
    if micros.iter().any(|micros| *micros < FIRST_GREGORIAN) {
        return Err(error::data("hive would move an int96 timestamp before 1582-10-15")
            .hint("store timestamps as int64, or the column as a string"));
    }
    fixed(micros, to, |micros| {
        let day = micros.div_euclid(DAY_MICROS) + EPOCH_DAY;
        let nanos = micros.rem_euclid(DAY_MICROS) * 1000;
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&nanos.to_le_bytes());
        // Every day of an i64 of microseconds is one of an i32.
        bytes[8..].copy_from_slice(&(day as i32).to_le_bytes());
        bytes
    });
    Ok(())
}

/// Texts or bytes, each after its length; `see` is shown them all.
fn strings(
    offsets: &OffsetBuffer<i32>,
    values: &[u8],
    nulls: Option<&NullBuffer>,
    to: &mut Vec<u8>,
    mut see: impl FnMut(&[u8]),
) {
    let mut append = |range: Range<usize>| {
        let text = &values[range];
        to.extend_from_slice(&(text.len() as u32).to_le_bytes());
        to.extend_from_slice(text);
        see(text);
    };
    let range = |row: usize| offsets[row].as_usize()..offsets[row + 1].as_usize();
    match some_nulls(nulls) {
        None => (0..offsets.len() - 1).for_each(|row| append(range(row))),
        Some(nulls) => nulls.valid_indices().for_each(|row| append(range(row))),
    }
}

/// How many of the first texts take at most so many bytes.
fn texts_fitting(offsets: &OffsetBuffer<i32>, room: usize) -> usize {
    let start = offsets[0].as_usize();
    let (mut fit, mut over) = (0, offsets.len());
    while over - fit > 1 {
        let rows = fit.midpoint(over);
        let bytes = offsets[rows].as_usize() - start + rows * LENGTH_BYTES;
        if bytes <= room { fit = rows } else { over = rows }
    }
    fit
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Decimal128Array, StringArray, TimestampMicrosecondArray};
    use parquet::data_type::Int96;

    use super::*;

    #[test]
    fn a_time_is_nanoseconds_and_a_julian_day() {
        let micros = [0, 1, FIRST_GREGORIAN, i64::MAX, 253_402_300_799_999_999];
        let mut bytes = Vec::new();
        Plain::Int96
            .append(&(Arc::new(TimestampMicrosecondArray::from(micros.to_vec())) as ArrayRef), &mut bytes)
            .unwrap();
        for (bytes, micros) in bytes.as_chunks::<12>().0.iter().zip(micros) {
            let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            let mut value = Int96::new();
            value.set_data(word(0), word(4), word(8));
            assert_eq!(value.to_micros(), micros);
        }
        assert_eq!(bytes[8..12], 2_440_588i32.to_le_bytes());
    }

    #[test]
    fn decimals_are_their_low_bytes() {
        let plain = Plain::Decimal { bytes: 3, limit: 1_000_000 };
        let append = |values: Vec<i128>| {
            let mut bytes = Vec::new();
            let array: ArrayRef = Arc::new(Decimal128Array::from(values).with_precision_and_scale(6, 2).unwrap());
            plain.append(&array, &mut bytes).map(|seen| (bytes, seen.bounds))
        };
        let (bytes, bounds) = append(vec![1, -1, 258, -999_999, 999_999]).unwrap();
        assert_eq!(bytes[..9], [0, 0, 1, 255, 255, 255, 0, 1, 2]);
        assert_eq!(bounds, Some(Bounds::Decimal(-999_999, 999_999)));
        assert!(append(vec![1_000_000]).is_err() && append(vec![-1_000_000]).is_err());
        assert_eq!(append(vec![]).unwrap(), (vec![], None));
    }

    #[test]
    fn as_many_texts_are_taken_as_fit() {
        let array = Arc::new(StringArray::from(vec!["skipped", "ab", "", "cdef", "g"]).slice(1, 4)) as ArrayRef;
        let fitting: Vec<usize> =
            [0, 5, 6, 10, 17, 18, 22, 23, 900].map(|room| Plain::Text.fitting(&array, room)).into();
        assert_eq!(fitting, [1, 1, 1, 2, 2, 3, 3, 4, 4]);
    }

    #[test]
    fn nulls_are_left_out() {
        let array: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), None, Some("a")]));
        let mut bytes = Vec::new();
        let bounds = Plain::Text.append(&array, &mut bytes).unwrap().bounds;
        assert_eq!(bytes, [1, 0, 0, 0, b'b', 1, 0, 0, 0, b'a']);
        let Some(Bounds::Text(bounds)) = bounds else { panic!() };
        assert_eq!((bounds.least().0, bounds.most().0), (b"a".to_vec(), b"b".to_vec()));
    }
}
