//! Lengths of time: a whole number and its unit, such as `500ms`, `20s`, `5m` or `2h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{self, Error, Result};

/// How long a server has to accept a connection and give its first answer, where `connect-timeout` does not say.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Units and their milliseconds, the largest first.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A length of time above zero, in whole milliseconds.
///
/// A bare number counts seconds, as in earlier versions: on the command line, and in a file without quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timespan(Duration);

impl Timespan {
    /// So many seconds; at least one.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(if seconds == 0 { 1 } else { seconds }))
    }

    /// As the standard library has it.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Timespan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let unit = if unit.is_empty() { "s" } else { unit.trim_start() };
        let millis = UNITS.iter().find(|(name, _)| *name == unit).and_then(|(_, millis)| {
            let number: u64 = number.parse().ok()?;
            number.checked_mul(*millis).filter(|millis| *millis > 0)
        });
        millis.map(|millis| Self(Duration::from_millis(millis))).ok_or_else(|| {
            error::config(format!("{text:?} is not a length of time above zero, such as \"500ms\", \"20s\" or \"5m\""))
                .hint("write a whole number and its unit: ms, s, m or h")
        })
    }
}

impl fmt::Display for Timespan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let unit = UNITS.iter().find(|(_, unit)| millis.is_multiple_of(u128::from(*unit)));
        let (name, unit) = unit.copied().unwrap_or(("ms", 1));
        write!(f, "{}{name}", millis / u128::from(unit))
    }
}

impl Serialize for Timespan {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timespan {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TextOrSeconds)
    }
}

struct TextOrSeconds;

impl Visitor<'_> for TextOrSeconds {
    type Value = Timespan;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time such as \"500ms\", \"20s\" or \"5m\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timespan, E> {
        // A file has numbers for what it counts; a text without a unit may be of any.
        let number = text.trim();
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(E::custom(format!(
                "{text:?} has no unit: write \"{number}s\", or another one of ms, s, m and h"
            )));
        }
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Timespan, E> {
        seconds.to_string().parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Timespan, E> {
        seconds.to_string().parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written() {
        for (text, millis, written) in [
            ("500ms", 500, "500ms"),
            ("20s", 20_000, "20s"),
            (" 90 s ", 90_000, "90s"),
            ("60s", 60_000, "1m"),
            ("2h", 7_200_000, "2h"),
            ("7", 7_000, "7s"),
        ] {
            let span: Timespan = text.parse().unwrap();
            assert_eq!((span.get(), span.to_string().as_str()), (Duration::from_millis(millis), written), "{text}");
        }
        for text in ["", "s", "0", "0ms", "-1s", "1.5s", "1 day", "20S", "99999999999999999999h"] {
            assert!(text.parse::<Timespan>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_in_a_file_counts_seconds() {
        #[derive(Debug, Deserialize)]
        struct Sample {
            wait: Timespan,
        }
        let read = |text: &str| toml::from_str::<Sample>(text).map(|sample| sample.wait.get().as_millis());
        assert_eq!((read("wait = 3").unwrap(), read("wait = '3ms'").unwrap()), (3000, 3));
        assert!(read("wait = true").unwrap_err().message().contains("a length of time such as"));
        assert!(read("wait = -1").is_err());
        assert!(read("wait = '10'").unwrap_err().message().contains("write \"10s\""));
    }
}
