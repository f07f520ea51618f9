//! `NAME=VALUE,...` lists, such as a column's Hive type; commas inside parentheses and quotes belong to a value.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{self, Error, Result};

/// Names and values in the order given; each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pairs(pub Vec<(String, String)>);

impl Pairs {
    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a name, whatever the name's case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl FromStr for Pairs {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for item in items(text) {
            let Some((name, value)) = item.split_once('=').map(|(n, v)| (n.trim(), v.trim())) else {
                return Err(error::config(format!("{item:?} is not NAME=VALUE")).hint("write NAME=VALUE,NAME=VALUE"));
            };
            if pairs.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
                return Err(error::config(format!("{name} is given twice in {text:?}")).hint("give it once"));
            }
            pairs.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self(pairs))
    }
}

/// Cuts at the commas outside parentheses.
fn items(text: &str) -> Vec<&str> {
    let (mut items, mut depth, mut from) = (Vec::new(), 0u32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                items.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    items.push(&text[from..]);
    items.into_iter().map(str::trim).filter(|item| !item.is_empty()).collect()
}

impl TryFrom<String> for Pairs {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Pairs> for String {
    fn from(pairs: Pairs) -> Self {
        pairs.to_string()
    }
}

impl fmt::Display for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&items.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_parentheses_belong_to_the_value() {
        let pairs: Pairs = "id=STRING, value2=DECIMAL(13,5),v=VARCHAR(255)".parse().unwrap();
        assert_eq!(pairs.get("VALUE2"), Some("DECIMAL(13,5)"));
        assert_eq!(pairs.to_string(), "id=STRING,value2=DECIMAL(13,5),v=VARCHAR(255)");
        assert!("".parse::<Pairs>().unwrap().is_empty());
    }

    #[test]
    fn what_is_not_a_pair_is_refused() {
        for text in ["id", "a=1,A=2"] {
            assert!(text.parse::<Pairs>().is_err(), "{text}");
        }
    }
}
