//! Which clients are let in, by rules of which the first that matches counts.
//!
//! Source: Flume 1.11 `AvroSource`, `PatternRule`. A client that no rule matches is let in. Names of hosts are not looked
//! up: `localhost` is this host, other names are refused.

use std::net::IpAddr;
use std::str::FromStr;

use regex::Regex;

use crate::error::{self, Error, Result};

/// A rule, as it is written: `allow:ip:10.1.*`.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    allows: bool,
    matches: Matches,
}

#[derive(Clone, Debug)]
enum Matches {
    Address(Regex),
    ThisHost,
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |what: &str, hint: &str| Err(error::config(format!("{text:?} {what}")).hint(hint));
        let form = "write it as allow:ip:10.1.* or deny:ip:*";
        let mut parts = text.trim().splitn(3, ':');
        let (Some(act), Some(kind), Some(pattern)) = (parts.next(), parts.next(), parts.next()) else {
            return wrong("is not a rule", form);
        };
        let allows = match act {
            "allow" => true,
            "deny" => false,
            _ => return wrong("neither allows nor denies", form),
        };
        let matches = match (kind, pattern) {
            ("ip", pattern) => Matches::Address(
                address(pattern)
                    .ok_or_else(|| error::config(format!("{text:?} has no pattern of addresses")).hint(form))?,
            ),
            ("name", "localhost") => Matches::ThisHost,
            ("name", _) => {
                return wrong("is about a name, and names are not looked up", "name the addresses: allow:ip:10.1.*");
            }
            _ => return wrong("is neither about an ip nor a name", form),
        };
        Ok(Self { allows, matches })
    }
}

/// A pattern of addresses, in which `*` is any text and `?` any character.
fn address(pattern: &str) -> Option<Regex> {
    let part = |c: char| match c {
        '*' => Some(".*".to_owned()),
        '?' => Some(".".to_owned()),
        c if c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '%') => Some(regex::escape(&c.to_string())),
        _ => None,
    };
    let inner = pattern.chars().map(part).collect::<Option<String>>().filter(|inner| !inner.is_empty())?;
    Regex::new(&format!("^(?:{inner})$")).ok()
}

impl Rule {
    fn matches(&self, address: IpAddr) -> bool {
        match &self.matches {
            Matches::Address(pattern) => pattern.is_match(&address.to_string()),
            Matches::ThisHost => address.is_loopback(),
        }
    }
}

/// Whether a client is let in.
pub(super) fn admits(rules: &[Rule], address: IpAddr) -> bool {
    let address = address.to_canonical();
    rules.iter().find(|rule| rule.matches(address)).is_none_or(|rule| rule.allows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_counts() {
        let rules: Vec<Rule> =
            ["allow:ip:127.*", "allow:name:localhost", "deny:ip:10.0.0.?", "allow:ip:10.*", "deny:ip:*"]
                .iter()
                .map(|text| text.parse().unwrap())
                .collect();
        for (address, is_let_in) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.2", true),
            ("10.0.0.7", false),
            ("10.0.0.17", true),
            ("192.0.2.1", false),
        ] {
            assert_eq!(admits(&rules, address.parse().unwrap()), is_let_in, "{address}");
        }
        assert!(admits(&[], "192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn what_is_not_a_rule_is_named() {
        for text in ["allow", "allow:ip", "permit:ip:*", "allow:host:*", "deny:ip:", "deny:ip:web(1", "deny:name:web*"]
        {
            let error = text.parse::<Rule>().unwrap_err();
            assert!(error.to_string().contains(text) && error.remedy().is_some(), "{error}");
        }
    }
}
