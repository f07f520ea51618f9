//! Row keys, part by part. A key is a function of the event and of its place in the channel, never of a clock or of chance:
//! an event that comes again has the row that it had.
//!
//! `[{salt = "id", buckets = 16}, {text = "|"}, {field = "id", width = 12}]` makes the keys of
//! [`RowKeyRecipe`](crate::hbase::RowKeyRecipe).

use sha2::{Digest, Sha256};

use super::fields::{Field, Found};
use crate::agent::parsers::shown;
use crate::agent::sinks::Place;

/// A part of a row key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) enum KeyPart {
    Text(String),
    /// A value: as it is, the first `length` bytes of it, or a number from 0 with zeros in front.
    Field {
        field: Field,
        width: Option<usize>,
        length: Option<usize>,
    },
    /// Two hex digits, `crc32(value) mod buckets`: keys in order spread over the regions.
    Salt {
        field: Field,
        buckets: u32,
    },
    /// The first hex digits of the value's SHA-256.
    Sha256 {
        field: Field,
        length: usize,
    },
    /// Milliseconds since 1970; left out of an event without a time where that is allowed.
    Time {
        form: TimeForm,
        optional: bool,
    },
    /// Where the event stands in its channel.
    Place(PlaceForm),
}

/// How a time stands in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::agent) enum TimeForm {
    /// 13 digits: the oldest row comes first.
    Millis,
    /// What is left to 2^63 - 1, in 19 digits: the newest row comes first.
    Reverse,
}

/// How a place stands in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::agent) enum PlaceForm {
    /// As a UUID, which spreads over the regions.
    Uuid,
    /// The channel's identity and numbers: rows are in the order of the events.
    Ordered,
}

/// Where a row comes from.
#[derive(Clone, Copy, Debug)]
pub(in crate::agent) struct Origin<'a> {
    pub channel: &'a str,
    pub place: Place,
    /// Which of the event's rows it is.
    pub row: usize,
}

/// Makes a row key.
///
/// # Errors
/// Why the event has none.
pub(in crate::agent) fn row_key(parts: &[KeyPart], found: &Found<'_>, origin: Origin<'_>) -> Result<Vec<u8>, String> {
    let mut key = Vec::new();
    for part in parts {
        part.add(found, origin, &mut key)?;
    }
    Ok(key)
}

impl KeyPart {
    fn add(&self, found: &Found<'_>, origin: Origin<'_>, key: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Self::Text(text) => key.extend_from_slice(text.as_bytes()),
            Self::Field { field, width: None, length } => {
                let value = needed(found, field)?;
                key.extend_from_slice(&value[..length.unwrap_or(value.len()).min(value.len())]);
            }
            Self::Field { field, width: Some(width), .. } => {
                let (value, width) = (needed(found, field)?, *width);
                let digits = number(value).ok_or_else(|| {
                    let text = String::from_utf8_lossy(value);
                    format!("{field} of its row key is not a number from 0: {}", shown(&text))
                })?;
                if digits.len() > width {
                    return Err(format!("{field} of its row key has more than {width} digits: {}", shown(digits)));
                }
                key.extend_from_slice(format!("{digits:0>width$}").as_bytes());
            }
            Self::Salt { field, buckets } => {
                let value = needed(found, field)?;
                let hash = number(value).map_or_else(|| crc32fast::hash(value), |d| crc32fast::hash(d.as_bytes()));
                key.extend_from_slice(format!("{:02x}", hash % buckets).as_bytes());
            }
            Self::Sha256 { field, length } => {
                key.extend_from_slice(&hex(&Sha256::digest(needed(found, field)?)).as_bytes()[..*length]);
            }
            Self::Time { form, optional } => match (found.time_ms, form) {
                (None, _) if *optional => {}
                (None, _) => return Err("has no time for its row key: no header is timestamp".to_owned()),
                (Some(ms), _) if ms < 0 => return Err(format!("its time is before 1970: {ms} ms")),
                (Some(ms), TimeForm::Millis) => key.extend_from_slice(format!("{ms:013}").as_bytes()),
                (Some(ms), TimeForm::Reverse) => key.extend_from_slice(format!("{:019}", i64::MAX - ms).as_bytes()),
            },
            Self::Place(form) => key.extend_from_slice(origin.text(*form).as_bytes()),
        }
        Ok(())
    }
}

impl Origin<'_> {
    fn text(&self, form: PlaceForm) -> String {
        let Place { record, index } = self.place;
        let mut text = format!("{}-{record:016x}-{index:08x}", self.channel);
        if self.row > 0 {
            text.push_str(&format!("-{:04x}", self.row));
        }
        match form {
            PlaceForm::Ordered => text,
            PlaceForm::Uuid => {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&Sha256::digest(text)[..16]);
                uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
            }
        }
    }
}

/// A value that the key cannot do without.
fn needed<'a>(found: &'a Found<'_>, field: &Field) -> Result<&'a [u8], String> {
    match found.get(field) {
        None => Err(format!("has no {field} for its row key")),
        Some([]) => Err(format!("{field} of its row key is empty")),
        Some(value) => Ok(value),
    }
}

/// A number from 0 as it is written without zeros in front.
fn number(value: &[u8]) -> Option<&str> {
    let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    let short = digits.trim_start_matches('0');
    Some(if short.is_empty() { digits.get(digits.len().checked_sub(1)?..)? } else { short })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::event::Event;
    use crate::agent::sinks::hbase::fields::Bodies;
    use crate::hbase::RowKeyRecipe;

    const ORIGIN: Origin<'_> = Origin { channel: "c", place: Place { record: 7, index: 2 }, row: 0 };

    fn header(name: &str) -> Field {
        Field::Header(name.to_owned())
    }

    fn of(headers: &[(&str, &str)], parts: &[KeyPart], origin: Origin<'_>) -> Result<String, String> {
        let mut event = Event::default();
        headers.iter().for_each(|(name, value)| event.headers.set(*name, *value));
        let mut made = None;
        Bodies::Whole.take(&event, &mut |found| made = Some(row_key(parts, &found, origin)))?;
        made.unwrap().map(|key| String::from_utf8(key).unwrap())
    }

    fn recipe() -> [KeyPart; 3] {
        let field = header("id");
        [
            KeyPart::Salt { field: field.clone(), buckets: 16 },
            KeyPart::Text("|".to_owned()),
            KeyPart::Field { field, width: Some(12), length: None },
        ]
    }

    #[test]
    fn keys_of_numbers_are_those_of_the_schema_files() {
        let known = RowKeyRecipe { column: "id".to_owned(), salt_buckets: 16, width: 12 };
        for id in ["0", "00", "12370", "0012370", "999999999999"] {
            assert_eq!(of(&[("id", id)], &recipe(), ORIGIN).unwrap(), known.encode(id).unwrap(), "{id}");
        }
        for (id, said) in
            [("", "is empty"), ("x", "not a number"), ("-1", "not a number"), ("1000000000000", "more than")]
        {
            let why = of(&[("id", id)], &recipe(), ORIGIN).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
        assert!(of(&[], &recipe(), ORIGIN).unwrap_err().contains("has no header id"));
    }

    #[test]
    fn the_newest_activity_comes_first() {
        let parts = [
            KeyPart::Time { form: TimeForm::Reverse, optional: false },
            KeyPart::Text("|".to_owned()),
            KeyPart::Field { field: header("event"), width: None, length: Some(8) },
        ];
        let of = |ms: &str| of(&[("timestamp", ms), ("event", "0123456789")], &parts, ORIGIN);
        assert_eq!(of("1700000000000").unwrap(), "9223370336854775807|01234567");
        assert!(of("1700000000001").unwrap() < of("1700000000000").unwrap());
        assert!(of("soon").unwrap_err().contains("not in milliseconds"));
        let sha = [KeyPart::Sha256 { field: header("event"), length: 64 }];
        // echo -n 0123456789 | sha256sum
        let known = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
        assert_eq!(super::tests::of(&[("event", "0123456789")], &sha, ORIGIN).unwrap(), known);
    }

    #[test]
    fn a_place_is_a_key_of_its_own() {
        let uuid = [KeyPart::Text("p".to_owned()), KeyPart::Place(PlaceForm::Uuid)];
        let at = |record, index, row| Origin { place: Place { record, index }, row, ..ORIGIN };
        let one = of(&[], &uuid, at(1, 0, 0)).unwrap();
        assert_eq!((one.len(), one.clone()), (37, of(&[], &uuid, at(1, 0, 0)).unwrap()));
        for other in [at(0, 1, 0), at(1, 0, 1), at(16, 0, 0), Origin { channel: "d", ..at(1, 0, 0) }] {
            assert_ne!(one, of(&[], &uuid, other).unwrap(), "{other:?}");
        }
        let ordered = [KeyPart::Time { form: TimeForm::Millis, optional: true }, KeyPart::Place(PlaceForm::Ordered)];
        assert_eq!(of(&[], &ordered, at(10, 1, 0)).unwrap(), "c-000000000000000a-00000001");
        assert_eq!(
            of(&[("timestamp", "5")], &ordered, at(10, 1, 2)).unwrap(),
            "0000000000005c-000000000000000a-00000001-0002"
        );
    }
}
