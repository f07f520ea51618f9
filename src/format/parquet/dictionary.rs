//! Whether a column is worth a dictionary, judged by its first rows.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::hash::Hasher;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

/// Values that are looked at.
const SAMPLE: usize = 4096;

/// Fewer say nothing; then a dictionary is tried, and costs little.
const LEAST: usize = 64;

/// A dictionary is worth it while at most one value of this many is new.
const REPEATS: usize = 3;

/// Whether the values repeat often enough.
pub(super) fn is_worth_it(values: &ArrayRef) -> bool {
    let sample = values.slice(0, values.len().min(SAMPLE));
    let known = sample.len() - sample.null_count();
    if known < LEAST {
        return true;
    }
    distinct(&sample, known / REPEATS).is_none_or(|distinct| distinct <= known / REPEATS)
}

/// The number of different values, counted up to a little more than `enough`; nothing where a type has no cheap count.
fn distinct(values: &ArrayRef, enough: usize) -> Option<usize> {
    let mut seen: HashSet<&[u8], BuildHasherDefault<Fnv>> = HashSet::default();
    let data;
    match values.data_type() {
        DataType::Boolean => return None,
        DataType::Utf8 => {
            let texts = values.as_string::<i32>();
            for text in texts.iter().flatten() {
                seen.insert(text.as_bytes());
                if seen.len() > enough {
                    break;
                }
            }
        }
        DataType::Binary => {
            for bytes in values.as_binary::<i32>().iter().flatten() {
                seen.insert(bytes);
                if seen.len() > enough {
                    break;
                }
            }
        }
        other => {
            let width = other.primitive_width()?;
            data = values.to_data();
            let bytes = data.buffers().first()?.as_slice().get(data.offset() * width..)?;
            for (row, value) in bytes.chunks_exact(width).take(values.len()).enumerate() {
                if values.is_valid(row) {
                    seen.insert(value);
                }
                if seen.len() > enough {
                    break;
                }
            }
        }
    }
    Some(seen.len())
}

/// FNV-1a: quick on short values, the same in every run.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{BooleanArray, Int64Array, StringArray};

    use super::*;

    #[test]
    fn repeated_values_are_worth_a_dictionary() {
        let ints = |step: i64| Arc::new(Int64Array::from_iter_values((0..1000).map(|i| i % step))) as ArrayRef;
        assert!(is_worth_it(&ints(10)));
        assert!(is_worth_it(&ints(333)));
        assert!(!is_worth_it(&ints(1000)));
        assert!(!is_worth_it(&ints(1000).slice(500, 400)));
        let texts = |step: i64| {
            Arc::new(StringArray::from_iter_values((0..1000).map(|i| format!("text {}", i % step)))) as ArrayRef
        };
        assert!(is_worth_it(&texts(4)) && !is_worth_it(&texts(1000)));
    }

    #[test]
    fn nulls_and_few_rows_do_not_count_against_it() {
        let mostly_null = Int64Array::from_iter((0..1000).map(|i| (i % 20 == 0).then_some(i)));
        assert!(is_worth_it(&(Arc::new(mostly_null) as ArrayRef)));
        assert!(is_worth_it(&(Arc::new(BooleanArray::from(vec![true; 100])) as ArrayRef)));
    }
}
