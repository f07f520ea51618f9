//! The keys that a table takes, asked of the type that reads it, so that no list of them is kept beside it.

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};

/// A key of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// The keys below it, where its value is a table.
    pub below: Vec<Key>,
}

/// The keys of a table that is read as `T`, in the order of its fields.
pub fn keys<T: DeserializeOwned>() -> Vec<Key> {
    let mut refused = Vec::new();
    loop {
        let (mut found, known) = (Vec::new(), refused.len());
        // Only the questions matter. A value made up here may be one that a field refuses, and then no further field is
        // asked for: that one is left out, and the question put again.
        let _ = T::deserialize(Probe { keys: &mut found, refused: &mut refused });
        if refused.len() == known {
            return found;
        }
    }
}

/// Answers what a type asks for with whatever it may take, and notes the fields it names.
struct Probe<'a> {
    keys: &'a mut Vec<Key>,
    /// Fields that refused their value before.
    refused: &'a mut Vec<Key>,
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let refused = |name: &str| self.refused.iter().find(|key| key.name == name).cloned();
        self.keys.extend(fields.iter().map(|name| refused(name).unwrap_or(Key { name, below: Vec::new() })));
        visitor.visit_map(Fields { keys: self.keys, refused: self.refused, next: 0 })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let first: StrDeserializer<'_, Error> = variants.first().copied().unwrap_or_default().into_deserializer();
        visitor.visit_enum(first)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_none()
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(serde::de::value::SeqDeserializer::<_, Error>::new(std::iter::empty::<bool>()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(serde::de::value::MapDeserializer::<_, Error>::new(std::iter::empty::<(bool, bool)>()))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(false)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(1)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(1)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(1)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str("1")
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        u8 u128 i8 i16 i32 i64 i128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

struct Fields<'a> {
    keys: &'a mut Vec<Key>,
    refused: &'a mut Vec<Key>,
    next: usize,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        while self.keys.get(self.next).is_some_and(|key| self.refused.contains(key)) {
            self.next += 1;
        }
        let Some(key) = self.keys.get(self.next) else { return Ok(None) };
        let name: StrDeserializer<'_, Error> = key.name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let mut below = Vec::new();
        let value = seed.deserialize(Probe { keys: &mut below, refused: &mut Vec::new() });
        if let Some(key) = self.keys.get_mut(self.next) {
            key.below = below;
            if value.is_err() {
                self.refused.push(key.clone());
            }
        }
        self.next += 1;
        value
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "kebab-case", default)]
    #[allow(dead_code, reason = "only read")]
    struct Sample {
        split_by: Option<String>,
        columns: Vec<String>,
        count: u32,
        text: Inner,
        #[serde(rename = "as")]
        format: Format,
        last: bool,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    #[allow(dead_code, reason = "only read")]
    struct Inner {
        a: u64,
        b: String,
    }

    #[derive(Default, Deserialize)]
    enum Format {
        #[default]
        Avro,
    }

    #[test]
    fn keys_are_those_of_the_fields() {
        let names = |keys: &[Key]| keys.iter().map(|key| key.name).collect::<Vec<_>>();
        let keys = keys::<Sample>();
        assert_eq!(names(&keys), ["split-by", "columns", "count", "text", "as", "last"]);
        assert_eq!(names(&keys[3].below), ["a", "b"]);
        assert!(keys[5].below.is_empty());
    }
}
