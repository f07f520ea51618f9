//! The session that statements and texts are read in: its time zone, sql_mode and collation decide what they mean.
//!
//! Two are in use. Ours is in UTC, in a plain sql_mode: the wire values of a TIMESTAMP are instants, and the literals
//! made here are right. The user's is the one that the server, the account and the URL give to whoever logs in: a
//! condition, a query, a time typed or kept as text means in it what it means to the mysql client. Nothing else sets a
//! zone or a mode; whoever turns text into values, or values into text, is given the [`Session`] that it is written in.
//!
//! In a zone with summer time the text of a TIMESTAMP cannot tell the hour that the clock goes through twice, and servers
//! compare such texts in more than one way (MariaDB 10.11 finds other rows by an index than by a scan). There an instant
//! is asked for, compared and written as its seconds since 1970, which `UNIX_TIMESTAMP(column)` gives exactly: of the
//! column of a table always, of that of a view or of a query from MariaDB 10.4 on. MySQL makes the text of the session's
//! clock of it before, so there an instant that may be one of two is an error.
//!
//! Source: MySQL 8.4 manual, "Date and Time Functions" and "MySQL Server Time Zone Support"; checked on MariaDB 10.11
//! and MySQL 9.7, also through views, derived tables and unions.

mod url;

use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;

pub use self::url::UrlSession;
use super::sql::quote_text;
use super::sql_text::Escapes;

/// Back to our session from the user's.
const OURS: &str = "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'";

/// To the user's session.
const USERS: &str = "SET time_zone = @sakia_zone, sql_mode = @sakia_mode, \
     collation_connection = IFNULL(@sakia_collation, @@collation_connection)";

/// To the user's session, for one statement that may write: as Connector/J, values that do not fit are refused.
pub(super) const USERS_STRICT: &str = "SET time_zone = @sakia_zone, \
     sql_mode = CONCAT(@sakia_mode, IF(@sakia_mode = '', '', ','), 'STRICT_TRANS_TABLES'), \
     collation_connection = IFNULL(@sakia_collation, @@collation_connection)";

/// The mode of whoever writes rows: the literals are made for it.
const TO_WRITE: &str = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO";

/// What of the user's mode says how a value is taken.
const KEPT_TO_WRITE: [&str; 3] = ["ALLOW_INVALID_DATES", "TIME_ROUND_FRACTIONAL", "TIME_TRUNCATE_FRACTIONAL"];

/// What the user's session is.
const ASK: &str = "SELECT @sakia_zone, @@system_time_zone, @sakia_mode, VERSION(), @sakia_collation";

/// Names of UTC; `GMT` is not among them, for that is what a server in London calls its zone in winter.
const UTC: [&str; 8] = ["+00:00", "-00:00", "UTC", "Etc/UTC", "Etc/UCT", "UCT", "Etc/Zulu", "Zulu"];

/// The session that something is read or written in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Session {
    /// Ours: UTC, and a plain sql_mode.
    #[default]
    Ours,
    /// That of whoever logs in.
    Users(Arc<UserSession>),
}

/// The session that the server, the account and the URL give.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UserSession {
    /// `time_zone`, which may be SYSTEM.
    pub zone: String,
    /// What the server calls the zone of its system.
    pub system_zone: String,
    /// `sql_mode`.
    pub sql_mode: String,
    /// Whether the server keeps the instants of a TIMESTAMP in views and queries.
    pub keeps_instants: bool,
    /// Collation of literals, where the URL names one.
    pub collation: Option<String>,
}

impl UserSession {
    /// The statement whose answer [`UserSession::of_row`] reads.
    pub(super) const ASK: &str = ASK;

    /// From the answer to the question.
    pub(super) fn of_row(row: Vec<Option<String>>) -> Self {
        let mut row = row.into_iter();
        let mut next = || row.next().flatten();
        let (zone, system_zone, sql_mode, version) = (next(), next(), next(), next());
        Self {
            zone: zone.unwrap_or_default(),
            system_zone: system_zone.unwrap_or_default(),
            sql_mode: sql_mode.unwrap_or_default(),
            keeps_instants: version.is_some_and(|version| keeps_instants(&version)),
            collation: next(),
        }
    }

    /// Whether the clock shows UTC.
    pub fn is_utc(&self) -> bool {
        let named = |name: &str| UTC.iter().any(|utc| utc.eq_ignore_ascii_case(name));
        named(&self.zone) || (self.zone.eq_ignore_ascii_case("SYSTEM") && self.system_zone == "UTC")
    }

    /// The zone, for messages.
    pub fn zone_name(&self) -> String {
        match self.zone.eq_ignore_ascii_case("SYSTEM") {
            true => format!("SYSTEM ({})", self.system_zone),
            false => self.zone.clone(),
        }
    }
}

impl Session {
    /// Whether the text of a TIMESTAMP is its instant in UTC.
    pub fn is_utc(&self) -> bool {
        match self {
            Self::Ours => true,
            Self::Users(user) => user.is_utc(),
        }
    }

    /// The user's session, if it is that.
    pub fn of_user(&self) -> Option<&UserSession> {
        match self {
            Self::Ours => None,
            Self::Users(user) => Some(user),
        }
    }

    /// Whether CHAR values come with the blanks that fill them up.
    pub fn pads(&self) -> bool {
        self.of_user().is_some_and(|user| user.sql_mode.contains("PAD_CHAR_TO_FULL_LENGTH"))
    }

    /// What makes a quote harmless in what the user wrote.
    pub fn escapes(&self) -> Escapes {
        match self.of_user().is_some_and(|user| user.sql_mode.contains("NO_BACKSLASH_ESCAPES")) {
            true => Escapes::None,
            false => Escapes::Backslash,
        }
    }

    /// The statement that a connection writes rows after. The clock is that of the session. Nothing is visible before it
    /// is committed; a 0 in a column that counts by itself stays 0; values are bent in no way but those that the user's
    /// sql_mode has names for.
    pub(super) fn to_write(&self) -> String {
        let zone = if self.of_user().is_some() { "@sakia_zone" } else { "'+00:00'" };
        let kept =
            KEPT_TO_WRITE.map(|mode| format!("IF(FIND_IN_SET('{mode}', @sakia_mode), ',{mode}', '')")).join(", ");
        format!("SET autocommit = 0, time_zone = {zone}, sql_mode = CONCAT('{TO_WRITE}', {kept})")
    }

    /// The statement that changes over to it.
    pub(super) fn statement(&self) -> &'static str {
        match self {
            Self::Ours => OURS,
            Self::Users(_) => USERS,
        }
    }
}

/// MariaDB from 10.4 on; some versions have a `5.5.5-` in front for old clients.
fn keeps_instants(version: &str) -> bool {
    let mut numbers = version.trim_start_matches("5.5.5-").split('.').map(|n| n.parse::<u32>().unwrap_or(0));
    let release = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version.contains("MariaDB") && release >= (10, 4)
}

/// Asks whether the clocks of the user's session and of another zone show the same in winter and in summer.
pub(super) fn same_zone(zone: &str) -> String {
    let zone = quote_text(zone);
    let same = |time: &str| format!("CONVERT_TZ(TIMESTAMP'{time}', @sakia_zone, {zone}) <=> TIMESTAMP'{time}'");
    format!("SELECT {} AND {}", same("2024-01-15 12:00:00"), same("2024-07-15 12:00:00"))
}

/// SQL of the seconds since 1970 of a TIMESTAMP, which `sql` names; 0 for a zero date, which is nothing else's number.
pub fn seconds(sql: &str) -> String {
    // Of a zero date in a view the server says NULL.
    format!("IFNULL(UNIX_TIMESTAMP({sql}), IF({sql} IS NULL, NULL, 0))")
}

/// What stands for an instant that may be one of two; no TIMESTAMP lies before 1970.
pub const ONE_OF_TWO: i64 = -1;

/// By how much clocks are put back, in seconds.
const PUT_BACK: [i32; 3] = [1800, 3600, 7200];

/// SQL of such seconds, but [`ONE_OF_TWO`] where the clock of the session shows the same twice.
pub fn unambiguous(seconds: &str) -> String {
    let same = |by: i32| format!("FROM_UNIXTIME({seconds} + {by}) = FROM_UNIXTIME({seconds})");
    let twice: Vec<String> = PUT_BACK.iter().flat_map(|by| [same(*by), same(-by)]).collect();
    format!("IF({}, {ONE_OF_TWO}, {seconds})", twice.join(" OR "))
}

/// SQL of a DATETIME that shows in UTC what such seconds stand for.
pub fn utc_of_seconds(seconds: &str) -> String {
    format!("(TIMESTAMP'1970-01-01 00:00:00' + INTERVAL {seconds} SECOND)")
}

/// The seconds of a time in UTC, `yyyy-mm-dd hh:mm:ss[.ffffff]`; 0 for a zero date. `None` if it is not a time.
pub fn seconds_of_utc(text: &str) -> Option<String> {
    if text.starts_with("0000-00-00") {
        return Some("0".to_owned());
    }
    let instant = TimeZone::UTC.to_timestamp(civil(text)?).ok()?;
    let (seconds, micros) = (instant.as_second(), instant.subsec_microsecond());
    // Both are below zero before 1970, where no TIMESTAMP lies.
    Some(if micros == 0 { seconds.to_string() } else { format!("{seconds}.{:06}", micros.abs()) })
}

/// The time in UTC of seconds as the server prints them; `None` for [`ONE_OF_TWO`] and what is not a number.
pub fn utc_of_seconds_text(seconds: &str) -> Option<String> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let micros = format!("{fraction:0<6}").parse::<i32>().ok()?;
    let instant = jiff::Timestamp::new(whole.parse().ok().filter(|whole| *whole >= 0)?, micros * 1000).ok()?;
    Some(utc_text(instant))
}

/// A time in UTC moved by so many days, for bounds that hold whatever the zone; `None` beyond the calendar.
pub fn utc_days_later(text: &str, days: i64) -> Option<String> {
    let moved = civil(text)?.checked_add(jiff::SignedDuration::from_hours(24 * days)).ok()?;
    Some(moved.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// The time in UTC of a text that names its offset, as in `2024-10-27 02:30:00+01:00`; `None` for any other text.
pub fn utc_of_offset(text: &str) -> Option<String> {
    let instant: jiff::Timestamp = text.trim().replacen(' ', "T", 1).parse().ok()?;
    Some(utc_text(instant))
}

fn utc_text(instant: jiff::Timestamp) -> String {
    let utc = TimeZone::UTC.to_datetime(instant);
    let text = utc.strftime("%Y-%m-%d %H:%M:%S").to_string();
    match utc.subsec_nanosecond() / 1000 {
        0 => text,
        micros => format!("{text}.{micros:06}"),
    }
}

fn civil(text: &str) -> Option<DateTime> {
    text.replacen(' ', "T", 1).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(zone: &str, system_zone: &str) -> UserSession {
        UserSession { zone: zone.into(), system_zone: system_zone.into(), ..UserSession::default() }
    }

    #[test]
    fn utc_has_several_names() {
        for (zone, system) in [("SYSTEM", "UTC"), ("+00:00", "CET"), ("utc", "CET"), ("Etc/UTC", "CET")] {
            assert!(session(zone, system).is_utc(), "{zone} {system}");
        }
        for (zone, system) in [("SYSTEM", "CET"), ("SYSTEM", "GMT"), ("Europe/London", "UTC"), ("+01:00", "UTC")] {
            assert!(!session(zone, system).is_utc(), "{zone} {system}");
        }
    }

    #[test]
    fn servers_that_keep_instants_are_known() {
        for (version, keeps) in [
            ("10.11.18-MariaDB-0+deb12u1", true),
            ("5.5.5-10.4.2-MariaDB", true),
            ("11.5.2-MariaDB-log", true),
            ("10.3.39-MariaDB", false),
            ("9.7.4-2", false),
        ] {
            assert_eq!(keeps_instants(version), keeps, "{version}");
        }
    }

    #[test]
    fn times_in_utc_are_seconds() {
        for (text, seconds) in [
            ("2024-10-27 00:30:00", "1729989000"),
            ("2024-10-27 01:30:00.999999", "1729992600.999999"),
            ("1970-01-01 00:00:01", "1"),
            ("2038-01-19 03:14:07.5", "2147483647.500000"),
            ("2106-02-07 06:28:15", "4294967295"),
            ("0000-00-00 00:00:00", "0"),
        ] {
            assert_eq!(seconds_of_utc(text).as_deref(), Some(seconds), "{text}");
        }
        assert_eq!(seconds_of_utc("yesterday"), None);
    }

    #[test]
    fn seconds_are_times_in_utc() {
        assert_eq!(utc_of_seconds_text("1729989000").as_deref(), Some("2024-10-27 00:30:00"));
        assert_eq!(utc_of_seconds_text("1729992600.999999").as_deref(), Some("2024-10-27 01:30:00.999999"));
        assert_eq!(utc_of_seconds_text("1711846799.500000").as_deref(), Some("2024-03-31 00:59:59.500000"));
        assert_eq!(utc_of_seconds_text(&ONE_OF_TWO.to_string()), None);
    }

    #[test]
    fn an_offset_makes_a_time_an_instant() {
        assert_eq!(utc_of_offset("2024-10-27 02:30:00+01:00").as_deref(), Some("2024-10-27 01:30:00"));
        assert_eq!(utc_of_offset("2024-10-27 02:30:00.5+02:00").as_deref(), Some("2024-10-27 00:30:00.500000"));
        assert_eq!(utc_of_offset("2024-10-27T00:30:00Z").as_deref(), Some("2024-10-27 00:30:00"));
        assert_eq!(utc_of_offset("2024-10-27 00:30:00"), None);
        assert_eq!(utc_days_later("2024-02-28 23:59:59.5", 1).as_deref(), Some("2024-02-29 23:59:59"));
    }
}
