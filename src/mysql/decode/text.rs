//! Text: collected as bytes, and proved to be UTF-8 once a batch, which takes a fifth of the time of proving every value.

use arrow_array::builder::StringBuilder;
use arrow_array::{BinaryArray, StringArray};

use super::Wrong;
use crate::error::{self, Error};
use crate::mysql::types::InvalidText;

/// The bytes of a batch as text, invalid ones by the policy.
///
/// # Errors
/// Data: text that is not UTF-8; with the row of the batch.
pub(super) fn proved(bytes: BinaryArray, policy: InvalidText) -> Result<StringArray, (usize, Error)> {
    if is_text(&bytes) {
        let (offsets, values, nulls) = bytes.into_parts();
        #[allow(unsafe_code)]
        // SAFETY: `is_text` found the values to be UTF-8 as a whole and every offset to lie between two characters.
        return Ok(unsafe { StringArray::new_unchecked(offsets, values, nulls) });
    }
    let mut texts = StringBuilder::new();
    for (row, value) in bytes.iter().enumerate() {
        match value.map(std::str::from_utf8) {
            Some(Err(e)) if policy == InvalidText::Error => return Err((row, *no_text(e))),
            _ => texts.append_option(value.map(String::from_utf8_lossy)),
        }
    }
    Ok(texts.finish())
}

fn is_text(bytes: &BinaryArray) -> bool {
    match simdutf8::basic::from_utf8(bytes.value_data()) {
        Ok(text) => text.is_ascii() || bytes.value_offsets().iter().all(|at| text.is_char_boundary(*at as usize)),
        Err(_) => false,
    }
}

#[cold]
pub(super) fn no_text(why: std::str::Utf8Error) -> Wrong {
    let what = error::data("text that is not UTF-8");
    Box::new(what.hint("correct the row, or choose replace for invalid-text, or read a view that converts").source(why))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use arrow_array::Array;

    use super::*;

    proptest! {
        #[test]
        fn bytes_are_text_where_std_says_so(
            values in prop::collection::vec(
                prop::option::of(prop_oneof![
                    "[a-z]{0,20}".prop_map(String::into_bytes),
                    "\\PC{0,9}".prop_map(String::into_bytes),
                    // A character that the next value may complete.
                    Just(vec![0xc3]), Just(vec![0xa9]), Just(vec![0xe2, 0x82]), Just(vec![0xac]),
                ]),
                0..12,
            ),
            from in 0usize..3,
        ) {
            let bytes = BinaryArray::from_iter(values.iter().map(Option::as_deref));
            let bytes = bytes.slice(from.min(bytes.len()), bytes.len() - from.min(bytes.len()));
            let values = &values[from.min(values.len())..];
            let wrong = values.iter().position(|v| v.as_ref().is_some_and(|v| std::str::from_utf8(v).is_err()));
            match (proved(bytes.clone(), InvalidText::Error), wrong) {
                (Ok(text), None) => prop_assert_eq!(text, StringArray::try_from_binary(bytes.clone()).unwrap()),
                (Err((row, _)), Some(wrong)) => prop_assert_eq!(row, wrong),
                (proved, wrong) => prop_assert!(false, "{proved:?} but {wrong:?}"),
            }
            let replaced = proved(bytes, InvalidText::Replace).unwrap();
            for (value, text) in values.iter().zip(&replaced) {
                let expected = value.as_deref().map(String::from_utf8_lossy);
                prop_assert_eq!(expected.as_deref(), text);
            }
        }
    }
}
