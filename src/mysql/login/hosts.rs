//! The hosts of a URL, as Connector/J reads them: one or several, in the order in which they are tried, each as
//! `host:port`, as `address=(host=..)(port=..)` or as `(host=..,port=..)`, with the user in front of an `@`, and a list
//! in brackets behind it.
//!
//! It refuses what a host may be given there and cannot be honoured. It never repeats the text: a password may be in it.

use crate::error::{self, Error, Result};

/// What stands between `//` and the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hosts {
    /// Host and port, as far as they are named.
    pub hosts: Vec<(Option<String>, Option<u16>)>,
    pub user: Option<String>,
    /// Hosts that are left out, since they are replicas.
    pub replicas: usize,
}

/// How several hosts are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Any of them; they are tried in order.
    Any,
    /// The first is the source and the others are its replicas.
    SourceFirst,
}

impl Hosts {
    /// Reads them; without a host it is the default one.
    ///
    /// # Errors
    /// Config: a port that is not a number, a key that cannot be honoured, several users, or replicas only.
    pub(super) fn parse(authority: &str, order: Order) -> Result<Self> {
        let mut found = Self::default();
        for segment in split(authority) {
            found.add(segment, order)?;
        }
        if found.hosts.is_empty() {
            return Err(wrong("names replicas only", "name the source too"));
        }
        Ok(found)
    }

    fn add(&mut self, segment: &str, order: Order) -> Result<()> {
        let (user, host) = user_and_host(segment);
        // An empty password leaves its colon.
        self.set_user(user.map(|user| user.split(':').next().unwrap_or(user)))?;
        match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(list) if list.parse::<std::net::Ipv6Addr>().is_err() => {
                split(list).into_iter().try_for_each(|one| self.add_host(one, order))
            }
            _ => self.add_host(host, order),
        }
    }

    fn add_host(&mut self, text: &str, order: Order) -> Result<()> {
        let mut one = One { is_replica: order == Order::SourceFirst && self.count() > 0, ..One::default() };
        match pairs(text.trim()) {
            Some(pairs) => pairs.into_iter().try_for_each(|(key, value)| one.set(key.trim(), value.trim()))?,
            None => one.set_address(text.trim())?,
        }
        self.set_user(one.user.as_deref())?;
        match one.is_replica {
            true => self.replicas += 1,
            false => self.hosts.push((one.host, one.port)),
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.hosts.len() + self.replicas
    }

    fn set_user(&mut self, user: Option<&str>) -> Result<()> {
        let Some(user) = user.map(decoded).transpose()?.filter(|user| !user.is_empty()) else { return Ok(()) };
        match &self.user {
            Some(other) if *other != user => {
                Err(wrong("names several users", "give one user, or run once for each server"))
            }
            _ => {
                self.user = Some(user);
                Ok(())
            }
        }
    }
}

/// What is said of one host.
#[derive(Default)]
struct One {
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    is_replica: bool,
}

impl One {
    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match key.to_lowercase().as_str() {
            "" => {}
            "host" => self.host = Some(decoded(value.trim_matches(['[', ']']))?).filter(|host| !host.is_empty()),
            "port" => self.port = port(value)?,
            "address" => self.set_address(value)?,
            "user" => self.user = Some(decoded(value)?),
            "type" => self.is_replica = matches!(value.to_lowercase().as_str(), "replica" | "slave"),
            "protocol" if value.eq_ignore_ascii_case("tcp") => {}
            "priority" => {}
            key => {
                let what = format!("says {key} of a host, which cannot be honoured here");
                return Err(wrong(&what, "name host, port and user only; parameters stand behind the ?"));
            }
        }
        Ok(())
    }

    /// `host:port`, where the host may be an IPv6 address in brackets.
    fn set_address(&mut self, text: &str) -> Result<()> {
        let (host, number) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or(rest)),
            None => text.split_once(':').unwrap_or((text, "")),
        };
        self.host = Some(decoded(host)?).filter(|host| !host.is_empty());
        self.port = port(number)?;
        Ok(())
    }
}

fn port(text: &str) -> Result<Option<u16>> {
    match text {
        "" => Ok(None),
        text => match text.parse() {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => Err(wrong("has a port that is not a number from 1 to 65535", "write it as mysql://USER@HOST:3306/DB")),
        },
    }
}

/// The keys of `(a=b,c=d)` or `address=(a=b)(c=d)`; `None` for a plain host.
fn pairs(text: &str) -> Option<Vec<(&str, &str)>> {
    let list: Vec<&str> = match text.strip_prefix('(') {
        Some(rest) => split(rest.strip_suffix(')')?),
        None => {
            let groups = text.get(..8).filter(|head| head.eq_ignore_ascii_case("address="))?;
            text[groups.len()..].split(['(', ')']).filter(|group| !group.trim().is_empty()).collect()
        }
    };
    Some(list.into_iter().map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect())
}

/// What stands in front of the `@` and behind it. Values in parentheses may hold one of their own.
pub(super) fn user_and_host(segment: &str) -> (Option<&str>, &str) {
    let head = segment.split('(').next().unwrap_or(segment);
    match head.rfind('@') {
        Some(at) => (Some(&segment[..at]), &segment[at + 1..]),
        None => (None, segment),
    }
}

/// The parts between commas that stand in no brackets or parentheses.
pub(super) fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut from, mut depth) = (Vec::new(), 0, 0u32);
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// A part of a URL without its percent signs.
pub(super) fn decoded(text: &str) -> Result<String> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|e| wrong("is not UTF-8", "encode it as UTF-8").source(e))
}

fn wrong(what: &str, hint: &str) -> Error {
    error::config(format!("the mysql url {what}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(authority: &str) -> Hosts {
        Hosts::parse(authority, Order::Any).unwrap()
    }

    fn shown(hosts: &Hosts) -> Vec<String> {
        let one = |(host, port): &(Option<String>, Option<u16>)| {
            format!("{} {}", host.as_deref().unwrap_or("-"), port.map_or("-".to_owned(), |p| p.to_string()))
        };
        hosts.hosts.iter().map(one).collect()
    }

    #[test]
    fn hosts_have_several_forms() {
        for (authority, user, hosts) in [
            ("", None, vec!["- -"]),
            ("h", None, vec!["h -"]),
            (":3307", None, vec!["- 3307"]),
            ("h1:1,h2:2", None, vec!["h1 1", "h2 2"]),
            ("h1,h2:2,[::1]:3", None, vec!["h1 -", "h2 2", "::1 3"]),
            ("[::1]", None, vec!["::1 -"]),
            ("u%40x@h:1", Some("u@x"), vec!["h 1"]),
            ("u:@h", Some("u"), vec!["h -"]),
            ("u@[h1:1,h2]", Some("u"), vec!["h1 1", "h2 -"]),
            ("address=(host=h1)(port=1),address=(host=h2)", None, vec!["h1 1", "h2 -"]),
            ("u@address=(host=[::1])(port=1)(protocol=tcp)", Some("u"), vec!["::1 1"]),
            // What a password leaves behind.
            ("(,host=h1),address=()(host=h2)", None, vec!["h1 -", "h2 -"]),
            ("(host=h1,port=1,user=u),(address=h2:2)", Some("u"), vec!["h1 1", "h2 2"]),
            ("Address=(host=h1)(type=source), address=(host=h2)(type=replica)", None, vec!["h1 -"]),
        ] {
            let found = of(authority);
            assert_eq!((found.user.as_deref(), shown(&found)), (user, hosts.iter().map(|h| (*h).to_owned()).collect()));
        }
    }

    #[test]
    fn replicas_are_left_out() {
        let found = Hosts::parse("a:1,b:2,address=(host=c)(type=source)", Order::SourceFirst).unwrap();
        assert_eq!((shown(&found), found.replicas), (vec!["a 1".to_owned(), "c -".to_owned()], 1));
        assert!(Hosts::parse("address=(host=c)(type=slave)", Order::Any).is_err());
    }

    #[test]
    fn what_cannot_be_honoured_is_named() {
        for (authority, says) in [
            ("h:x", "port"),
            ("h:0", "port"),
            ("address=(protocol=pipe)(path=/x)", "protocol"),
            ("(host=h,socketFactory=a.B)", "socketfactory"),
            ("a@h1,b@h2", "several users"),
        ] {
            let error = Hosts::parse(authority, Order::Any).unwrap_err();
            assert!(error.to_string().contains(says), "{authority}: {error}");
        }
    }
}
