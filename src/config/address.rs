//! Addresses: one text or a list of them, tried in order; `HOST:PORT`; and paths.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserializer, Serialize, Serializer};

use crate::error::{self, Result};

/// Reads one text or a list of texts, each by `read`.
///
/// # Errors
/// Of another form; those of `read`; an empty list.
pub fn one_or_more<'de, D: Deserializer<'de>>(
    from: D,
    read: fn(&str) -> Result<String>,
) -> Result<Vec<String>, D::Error> {
    from.deserialize_any(OneOrMore { read })
}

struct OneOrMore {
    read: fn(&str) -> Result<String>,
}

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![(self.read)(text).map_err(E::custom)?])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            texts.push((self.read)(&text).map_err(de::Error::custom)?);
        }
        if texts.is_empty() { Err(de::Error::custom("the list is empty")) } else { Ok(texts) }
    }
}

/// Writes what [`one_or_more`] reads: a single text without a list around it.
///
/// # Errors
/// Those of the serializer.
pub fn write_one_or_more<S: Serializer>(texts: &[String], to: S) -> Result<S::Ok, S::Error> {
    match texts {
        [text] => text.serialize(to),
        texts => texts.serialize(to),
    }
}

/// A path of the command line, which may be empty where it was not given.
///
/// # Errors
/// None.
pub fn path(text: &str) -> Result<PathBuf, Infallible> {
    Ok(PathBuf::from(text))
}

/// `HOST:PORT`, with `scheme` in front or without; gives it without.
///
/// # Errors
/// Config: there is no host, no port, or more than that.
pub fn host_and_port(text: &str, scheme: &str) -> Result<String> {
    let address = text.trim();
    let address = address.strip_prefix(scheme).unwrap_or(address).trim_end_matches('/');
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    let is_host = !host.is_empty() && !host.contains(['/', ' ', '@']) && (host.ends_with(']') || !host.contains(':'));
    match port.parse::<u16>() {
        Ok(1..) if is_host => Ok(address.to_owned()),
        // The text is not repeated where it may hold a password.
        _ if address.contains('@') => Err(error::config("the address names a user").hint("write HOST:PORT")),
        _ => Err(error::config(format!("{text:?} is not HOST:PORT")).hint(format!("write {scheme}HOST:PORT"))),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, Serialize)]
    struct Sample {
        #[serde(deserialize_with = "read", serialize_with = "write")]
        url: Vec<String>,
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
        one_or_more(from, |text| host_and_port(text, "thrift://"))
    }

    fn write<S: Serializer>(texts: &[String], to: S) -> Result<S::Ok, S::Error> {
        write_one_or_more(texts, to)
    }

    #[test]
    fn one_or_a_list_is_read_and_written() {
        for (text, written) in [
            ("url = 'thrift://h:1'", "url = \"h:1\"\n"),
            ("url = ['h:1']", "url = \"h:1\"\n"),
            ("url = ['h:1', '[::1]:2/']", "url = [\"h:1\", \"[::1]:2\"]\n"),
        ] {
            assert_eq!(toml::to_string(&toml::from_str::<Sample>(text).unwrap()).unwrap(), written);
        }
    }

    #[test]
    fn other_forms_are_refused_with_what_was_expected() {
        for (text, said) in [
            ("url = 3", "expected a text or a list of texts"),
            ("url = []", "the list is empty"),
            ("url = ['localhost']", "\"localhost\" is not HOST:PORT"),
            ("url = 'h:0'", "is not HOST:PORT"),
            ("url = ':1'", "is not HOST:PORT"),
            ("url = 'h:70000'", "is not HOST:PORT"),
            ("url = 'http://h:1'", "is not HOST:PORT"),
        ] {
            let error = toml::from_str::<Sample>(text).unwrap_err();
            assert!(error.message().contains(said), "{text}: {error}");
        }
        let error = toml::from_str::<Sample>("url = 'u:s3cret@h:1'").unwrap_err();
        assert!(!error.message().contains("s3cret"), "{error}");
    }
}
