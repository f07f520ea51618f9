//! Row keys of the form `SS|CCCCCCCCCCCC`: a salt of two hex digits, and the id in decimal, padded with zeros.
//!
//! The salt is `crc32(id) mod buckets`, with `id` in decimal without padding, so it is a function of the id: a read
//! by id stays one get, while ids that were given out one after another spread over the regions. Padding makes the
//! order of keys in one bucket the order of ids. Text and not binary, because Hive maps it as a plain string.
//! In HiveQL: `concat(lpad(lower(hex(pmod(crc32(cast(id as string)), 16))), 2, '0'), '|', lpad(id, 12, '0'))`.

use serde::Deserialize;

use crate::error::{self, Result};

const SEPARATOR: char = '|';
const MAX_BUCKETS: u16 = 256;
/// Digits of the largest 64-bit number.
const MAX_WIDTH: u8 = 20;

/// How a row key is made of an id.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RowKeyRecipe {
    /// Column that holds the id, a number from 0.
    pub column: String,
    /// Number of salts, 1 to 256.
    pub salt_buckets: u16,
    /// Digits of the id in the key, 1 to 20; a longer id is refused.
    pub width: u8,
}

impl RowKeyRecipe {
    /// Refuses a recipe that two hex digits or a 64-bit id cannot follow.
    ///
    /// # Errors
    /// Config.
    pub fn validate(&self) -> Result<()> {
        if !(1..=MAX_BUCKETS).contains(&self.salt_buckets) {
            return Err(error::config(format!("salt-buckets = {} is not 1 to {MAX_BUCKETS}", self.salt_buckets)));
        }
        if !(1..=MAX_WIDTH).contains(&self.width) {
            return Err(error::config(format!("width = {} is not 1 to {MAX_WIDTH}", self.width)));
        }
        Ok(())
    }

    /// Makes the row key of an id in decimal; leading zeros do not matter.
    ///
    /// # Errors
    /// Data: not a number from 0, or longer than the recipe's width.
    pub fn encode(&self, id: &str) -> Result<String> {
        let id: u64 = if id.bytes().all(|b| b.is_ascii_digit()) { id.parse().ok() } else { None }.ok_or_else(|| {
            error::data(format!("{} \"{id}\" makes no row key", self.column)).hint("a row key's id is a number from 0")
        })?;
        let digits = id.to_string();
        let width = usize::from(self.width);
        if digits.len() > width {
            return Err(error::data(format!("{} {digits} has more than {width} digits", self.column))
                .hint("a larger width in the schema file changes every key: fill a new table"));
        }
        Ok(format!("{:02x}{SEPARATOR}{digits:0>width$}", self.salt(&digits)))
    }

    /// Takes the id out of a row key; `None` where the key does not follow the recipe.
    pub fn decode(&self, key: &[u8]) -> Option<u64> {
        let (_, digits) = std::str::from_utf8(key).ok()?.split_once(SEPARATOR)?;
        let id: u64 = digits.parse().ok()?;
        (self.encode(&id.to_string()).ok()?.as_bytes() == key).then_some(id)
    }

    fn salt(&self, digits: &str) -> u32 {
        crc32fast::hash(digits.as_bytes()) % u32::from(self.salt_buckets.max(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recipe(salt_buckets: u16, width: u8) -> RowKeyRecipe {
        RowKeyRecipe { column: "customer_id".into(), salt_buckets, width }
    }

    #[test]
    fn a_known_key() {
        // python: '%02x' % (zlib.crc32(b'12370') % 16)
        assert_eq!(recipe(16, 12).encode("12370").unwrap(), "00|000000012370");
        assert_eq!(recipe(16, 12).encode("0012370").unwrap(), "00|000000012370");
    }

    #[test]
    fn what_is_not_an_id_is_refused_by_name() {
        for wrong in ["", "-1", "+1", "1.0", "x", "18446744073709551616", "1234567890123"] {
            let error = recipe(16, 12).encode(wrong).unwrap_err();
            assert!(error.to_string().contains("customer_id"), "{error}");
        }
    }

    #[test]
    fn a_foreign_key_is_not_decoded() {
        for foreign in ["", "12370", "ff|000000012370", "00|12370", "00|+00000012370", "00|000000012370|a"] {
            assert_eq!(recipe(16, 12).decode(foreign.as_bytes()), None, "{foreign}");
        }
    }

    #[test]
    fn recipes_have_bounds() {
        assert!(recipe(1, 1).validate().is_ok() && recipe(256, 20).validate().is_ok());
        for (buckets, width) in [(0, 12), (257, 12), (16, 0), (16, 21)] {
            assert!(recipe(buckets, width).validate().is_err());
        }
    }

    proptest! {
        #[test]
        fn ids_round_trip(id: u64, buckets in 1u16..=256) {
            let recipe = recipe(buckets, 20);
            let key = recipe.encode(&id.to_string()).unwrap();
            prop_assert_eq!(recipe.decode(key.as_bytes()), Some(id));
            prop_assert_eq!(key.len(), 23);
        }

        #[test]
        fn keys_of_one_bucket_are_in_the_order_of_ids(a: u64, b: u64, buckets in 1u16..4) {
            let recipe = recipe(buckets, 20);
            let (key_a, key_b) = (recipe.encode(&a.to_string()).unwrap(), recipe.encode(&b.to_string()).unwrap());
            if key_a[..2] == key_b[..2] {
                prop_assert_eq!(key_a.cmp(&key_b), a.cmp(&b));
            }
        }
    }
}
