//! Keys of earlier versions and what they are called today.

use toml::de::DeValue;

/// A key that has another name today, or another form of its value.
#[derive(Clone, Copy, Debug)]
pub struct Renamed {
    /// The name in earlier versions.
    pub old: &'static str,
    /// The name of today; the same where only the value is written in another way.
    pub new: &'static str,
    /// The unit that a bare number counts, for lengths of time.
    unit: Option<&'static str>,
}

impl Renamed {
    /// A key of another name.
    pub const fn key(old: &'static str, new: &'static str) -> Self {
        Self { old, new, unit: None }
    }

    /// A length of time that was a bare number of `unit`s.
    pub const fn time(old: &'static str, new: &'static str, unit: &'static str) -> Self {
        Self { old, new, unit: Some(unit) }
    }

    /// The value as it is written today, where that is not as it was. Zero, which said that there is no limit, is
    /// empty: the key is left out now.
    pub(super) fn value(&self, value: &DeValue<'_>) -> Option<String> {
        let (DeValue::Integer(number), Some(unit)) = (value, self.unit) else { return None };
        Some(if number.as_str() == "0" { String::new() } else { format!("{number}{unit}") })
    }

    /// An argument of the command line as it is written today.
    pub fn argument(&self, value: &str) -> String {
        match self.unit.filter(|_| value.bytes().all(|byte| byte.is_ascii_digit())) {
            Some(unit) => format!("{value}{unit}"),
            None => value.to_owned(),
        }
    }
}
