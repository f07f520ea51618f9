//! Bounds as a file keeps them: bytes in the page index, typed values in the footer.

use parquet::basic::Type;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescriptor;

use super::bounds::{Bounds, Seen};

/// The bounds in PLAIN encoding, long texts cut.
pub(super) fn bound_bytes(column: &ColumnDescriptor, bounds: &Bounds) -> (Vec<u8>, Vec<u8>) {
    match (bounds, column.physical_type()) {
        // What was widened is narrowed again.
        (Bounds::Whole(a, b), Type::INT32) => ((*a as i32).to_le_bytes().into(), (*b as i32).to_le_bytes().into()),
        (Bounds::Whole(a, b), _) => (a.to_le_bytes().into(), b.to_le_bytes().into()),
        (Bounds::Float(a, b), Type::FLOAT) => ((*a as f32).to_le_bytes().into(), (*b as f32).to_le_bytes().into()),
        (Bounds::Float(a, b), _) => (a.to_le_bytes().into(), b.to_le_bytes().into()),
        (Bounds::Decimal(a, b), _) => (low_bytes(*a, column), low_bytes(*b, column)),
        (Bounds::Text(bounds), _) => (bounds.least().0, bounds.most().0),
    }
}

/// As many low bytes of the number as the column's values have.
fn low_bytes(number: i128, column: &ColumnDescriptor) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    bytes[bytes.len().saturating_sub(usize::try_from(column.type_length()).unwrap_or_default())..].into()
}

/// The statistics of a column chunk.
pub(super) fn statistics(column: &ColumnDescriptor, seen: &Seen, nulls: usize) -> Statistics {
    let nans = seen.nans.map(|nans| nans as u64);
    let known = Known { nulls: nulls as u64, is_signed: column.sort_order().is_signed() };
    match (column.physical_type(), &seen.bounds) {
        (Type::INT32, Some(Bounds::Whole(a, b))) => Statistics::Int32(known.between(*a as i32, *b as i32)),
        (Type::INT32, _) => Statistics::Int32(known.nothing()),
        (Type::INT64, Some(Bounds::Whole(a, b))) => Statistics::Int64(known.between(*a, *b)),
        (Type::INT64, _) => Statistics::Int64(known.nothing()),
        (Type::FLOAT, Some(Bounds::Float(a, b))) => {
            Statistics::Float(known.between(*a as f32, *b as f32).with_nan_count(nans))
        }
        (Type::FLOAT, _) => Statistics::Float(known.nothing().with_nan_count(nans)),
        (Type::DOUBLE, Some(Bounds::Float(a, b))) => Statistics::Double(known.between(*a, *b).with_nan_count(nans)),
        (Type::DOUBLE, _) => Statistics::Double(known.nothing().with_nan_count(nans)),
        (Type::FIXED_LEN_BYTE_ARRAY, Some(Bounds::Decimal(a, b))) => {
            let bytes = |number| FixedLenByteArray::from(low_bytes(number, column));
            Statistics::FixedLenByteArray(known.between(bytes(*a), bytes(*b)))
        }
        (Type::FIXED_LEN_BYTE_ARRAY, _) => Statistics::FixedLenByteArray(known.nothing()),
        (_, Some(Bounds::Text(bounds))) => {
            let ((least, least_exact), (most, most_exact)) = (bounds.least(), bounds.most());
            let values = known.between(ByteArray::from(least), ByteArray::from(most));
            Statistics::ByteArray(values.with_min_is_exact(least_exact).with_max_is_exact(most_exact))
        }
        (..) => Statistics::ByteArray(known.nothing()),
    }
}

/// What statistics of every type say.
struct Known {
    nulls: u64,
    is_signed: bool,
}

impl Known {
    /// Readers from before column orders look into fields of their own, which are right for signed numbers only; those
    /// are written as well.
    fn between<T>(&self, least: T, most: T) -> ValueStatistics<T> {
        let values = ValueStatistics::new(Some(least), Some(most), None, Some(self.nulls), false);
        values.with_backwards_compatible_min_max(self.is_signed)
    }

    fn nothing<T>(&self) -> ValueStatistics<T> {
        ValueStatistics::new(None, None, None, Some(self.nulls), false)
    }
}
