//! What a URL says of the session, as Connector/J reads it: `sessionVariables` are set; `connectionTimeZone` (also called
//! `serverTimezone`) is what Java converts times with, and becomes the session's zone only with
//! `forceConnectionTimeZoneToSession`; `connectionCollation` is the collation of literals. MariaDB's connector calls a
//! zone that is set `timezone`.
//!
//! Source: MySQL Connector/J 9 developer guide, "Datetime types processing" and "Session"; MariaDB Connector/J, "timezone".

use jiff::tz::TimeZone;

use crate::error::{self, Error, Result};

/// What a URL says of the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UrlSession {
    /// `sessionVariables`, as written.
    pub variables: Option<String>,
    /// `connectionTimeZone`.
    pub zone: Option<String>,
    /// `forceConnectionTimeZoneToSession`.
    pub force: bool,
    /// `connectionCollation`.
    pub collation: Option<String>,
}

impl UrlSession {
    /// `timezone` of MariaDB's connector: a zone that is set.
    pub fn mariadb_zone(&mut self, zone: &str) {
        if !zone.eq_ignore_ascii_case("disable") {
            self.zone = Some(if zone.eq_ignore_ascii_case("auto") { "LOCAL".to_owned() } else { zone.to_owned() });
            self.force = true;
        }
    }

    /// The zone that is named and not set: Java alone converts with it.
    pub fn unset_zone(&self) -> Option<String> {
        let zone = self.zone.as_deref().filter(|zone| !self.force && !zone.eq_ignore_ascii_case("LOCAL"))?;
        server_zone(zone).ok().flatten()
    }

    /// The statement that sets the session, before anything else is asked; `None` where the URL says nothing of it.
    ///
    /// # Errors
    /// Config: variables or names that make no statement.
    pub fn statement(&self) -> Result<Option<String>> {
        let mut set = match &self.variables {
            Some(text) => variables(text)?,
            None => Vec::new(),
        };
        if let Some(zone) = self.zone.as_deref().filter(|_| self.force)
            && let Some(zone) = server_zone(zone)?
        {
            set.push(format!("SESSION time_zone = '{zone}'"));
        }
        if let Some(collation) = &self.collation {
            if !collation.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err(wrong("connectionCollation", "a collation has letters, digits and _ only"));
            }
            set.push(format!("@sakia_collation = '{collation}'"));
        }
        Ok((!set.is_empty()).then(|| format!("SET {}", set.join(", "))))
    }
}

fn wrong(parameter: &str, hint: &str) -> Error {
    error::config(format!("the parameter {parameter} of the mysql url has a value that is not known here")).hint(hint)
}

/// Assignments, separated by commas or semicolons that are not inside quotes or brackets.
fn variables(text: &str) -> Result<Vec<String>> {
    let (mut parts, mut part, mut quote, mut depth) = (Vec::new(), String::new(), None, 0u32);
    for c in text.chars() {
        match (c, quote) {
            (',' | ';', None) if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            ('\'' | '"' | '`', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('(', None) => depth += 1,
            (')', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    let parts: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
    if quote.is_some() || depth > 0 || parts.iter().any(|part| !part.contains('=')) {
        return Err(wrong("sessionVariables", "write it as NAME=VALUE,NAME='VALUE'"));
    }
    let prefixed = |part: &&str| if part.starts_with('@') { (*part).to_owned() } else { format!("SESSION {part}") };
    Ok(parts.iter().map(prefixed).collect())
}

/// A zone as the server knows it; `None` for the server's own.
fn server_zone(zone: &str) -> Result<Option<String>> {
    // A plus sign that was not written as %2B is a blank by now.
    let zone = zone.trim().replace(' ', "+");
    if zone.eq_ignore_ascii_case("SERVER") {
        return Ok(None);
    }
    if zone.eq_ignore_ascii_case("LOCAL") {
        let local = TimeZone::system();
        return match (local.iana_name(), local.to_fixed_offset()) {
            (_, Ok(offset)) => Ok(Some(offset_text(offset.seconds()))),
            (Some(name), _) => Ok(Some(name.to_owned())),
            (None, Err(e)) => Err(wrong("connectionTimeZone", "name the zone instead of LOCAL").source(e)),
        };
    }
    let upper = zone.to_ascii_uppercase();
    let rest = ["UTC", "GMT", "Z"].iter().find_map(|name| upper.strip_prefix(name)).unwrap_or(&upper);
    if rest.is_empty() {
        return Ok(Some("+00:00".to_owned()));
    }
    if let Some(seconds) = offset(rest) {
        return Ok(Some(offset_text(seconds)));
    }
    if !zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"_/+-".contains(&b)) {
        return Err(wrong("connectionTimeZone", "give a name such as Europe/Berlin, or an offset such as +01:00"));
    }
    Ok(Some(zone))
}

/// `+1`, `+01`, `+0100` or `+01:00` in seconds.
fn offset(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match (digits.split_once(':'), digits.len()) {
        (Some(parts), _) => parts,
        (None, 1 | 2) => (digits, "0"),
        (None, 4) => digits.split_at(2),
        _ => return None,
    };
    let (hours, minutes) = (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?);
    let seconds = hours * 3600 + minutes * 60;
    (hours <= 14 && minutes < 60).then_some(if text.starts_with('-') { -seconds } else { seconds })
}

fn offset_text(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(session: &UrlSession) -> Option<String> {
        session.statement().unwrap()
    }

    #[test]
    fn variables_are_set_one_by_one() {
        let of = |text: &str| statement(&UrlSession { variables: Some(text.into()), ..UrlSession::default() });
        assert_eq!(
            of("sql_mode='ANSI,NO_BACKSLASH_ESCAPES',time_zone='+02:00'; @a=1").as_deref(),
            Some("SET SESSION sql_mode='ANSI,NO_BACKSLASH_ESCAPES', SESSION time_zone='+02:00', @a=1")
        );
        assert_eq!(
            of("sql_mode=CONCAT(@@sql_mode,',ANSI_QUOTES')").as_deref(),
            Some("SET SESSION sql_mode=CONCAT(@@sql_mode,',ANSI_QUOTES')")
        );
        assert_eq!(of(" , "), None);
        for text in ["sql_mode='ANSI", "sql_mode", "f(1"] {
            let session = UrlSession { variables: Some(text.into()), ..UrlSession::default() };
            assert!(session.statement().is_err(), "{text}");
        }
    }

    #[test]
    fn a_zone_is_set_only_by_force() {
        let named = UrlSession { zone: Some("Europe/Berlin".into()), ..UrlSession::default() };
        assert_eq!((statement(&named), named.unset_zone()), (None, Some("Europe/Berlin".to_owned())));
        for (zone, set) in [
            ("Europe/Berlin", Some("Europe/Berlin")),
            ("UTC", Some("+00:00")),
            ("GMT+8", Some("+08:00")),
            ("GMT 8", Some("+08:00")),
            ("+0530", Some("+05:30")),
            ("-03:30", Some("-03:30")),
            ("SERVER", None),
        ] {
            let forced = UrlSession { zone: Some(zone.into()), force: true, ..UrlSession::default() };
            assert_eq!(statement(&forced), set.map(|zone| format!("SET SESSION time_zone = '{zone}'")), "{zone}");
        }
        let wrong = UrlSession { zone: Some("x'; DROP".into()), force: true, ..UrlSession::default() };
        assert!(wrong.statement().is_err());
    }

    #[test]
    fn mariadbs_zone_is_set() {
        let of = |zone: &str| {
            let mut session = UrlSession::default();
            session.mariadb_zone(zone);
            statement(&session)
        };
        assert_eq!(of("disable"), None);
        assert_eq!(of("Asia/Tokyo").as_deref(), Some("SET SESSION time_zone = 'Asia/Tokyo'"));
        assert!(of("auto").is_some());
    }

    #[test]
    fn a_collation_is_kept_for_the_users_statements() {
        let session = UrlSession { collation: Some("latin1_german1_ci".into()), ..UrlSession::default() };
        assert_eq!(statement(&session).as_deref(), Some("SET @sakia_collation = 'latin1_german1_ci'"));
    }
}
