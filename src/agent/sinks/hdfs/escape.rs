//! Paths and names with escapes, as Flume's HDFS sink takes them (Flume 1.11, `BucketPath`).
//!
//! | escape | what |
//! |---|---|
//! | `%{name}` | the value of a header; nothing where the event has none |
//! | `%[localhost]`, `%[IP]`, `%[FQDN]` | this host's name, address, full name |
//! | `%a %A %b %B %c %d %D %e %H %I %j %k %l %m %M %n %p %s %S %y %Y %z` | of the event's time, as `date` has them; `%e %k %l %n` without padding |
//! | `%t` | the event's time in milliseconds, never rounded |
//! | `%%` | a percent sign |
//!
//! The time is that of the header `timestamp`, in milliseconds since 1970, or the time of writing where the sink is told
//! so. A path that a header's value would lead elsewhere (`..`) is refused, and the event with it.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use serde::{Deserialize, Serialize};

use crate::agent::event::Event;
use crate::agent::event::names::TIMESTAMP;
use crate::agent::host::{full_name, own_address, own_name};
use crate::error::{self, Result};

/// The longest component: HDFS takes 255 bytes, and a file's name has a number and a suffix as well.
const NAME_BYTES: usize = 200;
/// The longest path: HDFS takes 8,000 characters.
const PATH_BYTES: usize = 4_000;

/// The letters that stand for a part of the event's time.
const TIMES: &str = "aAbBcdDeHIjklmMnpsStyYz";

/// How times are rounded down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoundUnit {
    #[default]
    Second,
    Minute,
    Hour,
}

/// Which time an event has, and how it is rounded.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Clock {
    pub zone: TimeZone,
    /// How many of a unit make a step; not rounded where there is none.
    pub round: Option<(i8, RoundUnit)>,
    /// The time of writing counts, and not the header's.
    pub local: bool,
}

/// A text with escapes.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Header(String),
    /// A letter.
    Time(char),
}

impl Template {
    /// # Errors
    /// Config: an escape that is not known or not closed, or a `%` at the end.
    pub(in crate::agent) fn new(text: &str) -> Result<Self> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, behind)) = rest.split_once('%') {
            push(&mut pieces, before);
            let piece;
            (piece, rest) = escape(behind, text)?;
            match piece {
                Piece::Text(text) => push(&mut pieces, &text),
                other => pieces.push(other),
            }
        }
        push(&mut pieces, rest);
        Ok(Self(pieces))
    }

    /// What stands before the first escape.
    pub(in crate::agent) fn fixed(&self) -> &str {
        match self.0.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether every event gives the same text.
    pub(in crate::agent) fn is_fixed(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// The text for an event.
    ///
    /// # Errors
    /// Why the event has none: it has no time, and one is needed.
    pub(in crate::agent) fn fill(&self, event: &Event, clock: &Clock, now: Timestamp) -> Result<String, String> {
        let mut out = String::new();
        let mut time = None;
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Header(name) => out.push_str(event.headers.get(name).unwrap_or_default()),
                Piece::Time(letter) => {
                    if time.is_none() {
                        time = Some(clock.time(event, now)?);
                    }
                    if let Some((ms, rounded)) = &time {
                        out.push_str(&formatted(*letter, *ms, rounded));
                    }
                }
            }
        }
        Ok(out)
    }
}

/// Adds text to what stands before it.
fn push(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(before)) => before.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// Reads what follows a percent sign.
fn escape<'a>(behind: &'a str, all: &str) -> Result<(Piece, &'a str)> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let unclosed = |open: char, close: char| {
        error::config(format!("{all}: %{open} is not closed"))
            .hint(format!("close it by {close}, or write %%{open} for the text itself"))
    };
    if let Some(inner) = behind.strip_prefix('{') {
        let (name, rest) = inner.split_once('}').ok_or_else(|| unclosed('{', '}'))?;
        return match !name.is_empty() && name.chars().all(is_of_name) {
            true => Ok((Piece::Header(name.to_owned()), rest)),
            false => Err(error::config(format!("{all}: %{{{name}}} does not name a header"))
                .hint("names of headers are made of letters, digits, underscores, points and hyphens here")),
        };
    }
    if let Some(inner) = behind.strip_prefix('[') {
        let (word, rest) = inner.split_once(']').ok_or_else(|| unclosed('[', ']'))?;
        let text = match word.to_ascii_lowercase().as_str() {
            "localhost" => own_name(),
            "fqdn" => full_name(),
            "ip" => own_address(),
            _ => {
                return Err(error::config(format!("{all}: %[{word}] is not known"))
                    .hint("known are %[localhost], %[IP] and %[FQDN]"));
            }
        };
        return Ok((Piece::Text(text), rest));
    }
    let mut letters = behind.chars();
    match letters.next() {
        Some('%') => Ok((Piece::Text("%".to_owned()), letters.as_str())),
        Some(letter) if TIMES.contains(letter) => Ok((Piece::Time(letter), letters.as_str())),
        Some(letter) if letter.is_ascii_alphabetic() => Err(error::config(format!("{all}: %{letter} is not known"))
            .hint(format!("the letters of times are {TIMES}; write %%{letter} for the text itself"))),
        // As Flume leaves what is not an escape.
        Some(_) => Ok((Piece::Text("%".to_owned()), behind)),
        None => Err(error::config(format!("{all} ends with a percent sign")).hint("write %% for the sign itself")),
    }
}

impl Clock {
    /// The milliseconds of an event, and its time rounded down.
    fn time(&self, event: &Event, now: Timestamp) -> Result<(i64, ZonedDateTime), String> {
        let ms = match event.headers.get(TIMESTAMP) {
            _ if self.local => now.as_millisecond(),
            None => return Err("it has no header timestamp, and the path needs a time".to_owned()),
            Some(text) => text.parse().map_err(|_| format!("its header timestamp is {text}, which is not a number"))?,
        };
        let time = Timestamp::from_millisecond(ms).map_err(|_| format!("its time {ms} is out of range"))?;
        Ok((ms, self.rounded(time.to_zoned_datetime(self.zone.clone()))))
    }

    fn rounded(&self, time: ZonedDateTime) -> ZonedDateTime {
        let Some((step, unit)) = self.round else { return time };
        let down = |value: i8| value - value % step;
        let with = match unit {
            RoundUnit::Second => time.with().second(down(time.second())),
            RoundUnit::Minute => time.with().minute(down(time.minute())).second(0),
            RoundUnit::Hour => time.with().hour(down(time.hour())).minute(0).second(0),
        };
        with.subsec_nanosecond(0).build().unwrap_or(time)
    }
}

/// What a letter stands for.
fn formatted(letter: char, ms: i64, time: &ZonedDateTime) -> String {
    let by = |format: &str| time.strftime(format).to_string();
    match letter {
        'a' | 'A' | 'b' | 'B' | 'd' | 'H' | 'I' | 'j' | 'm' | 'M' | 'p' | 'S' | 'y' | 'Y' | 'z' => {
            by(&format!("%{letter}"))
        }
        'c' => by("%a %b %-d %H:%M:%S %Y"),
        'D' => by("%m/%d/%y"),
        'e' => by("%-d"),
        'k' => by("%-H"),
        'l' => by("%-I"),
        'n' => by("%-m"),
        's' => time.timestamp().as_second().to_string(),
        't' => ms.to_string(),
        // There are no others.
        _ => String::new(),
    }
}

/// Refuses a path that is not below `root`, or that HDFS or a load cannot have.
///
/// # Errors
/// Why the event cannot go there.
pub(in crate::agent) fn confined(path: &str, root: &str) -> Result<(), String> {
    let is_odd = |component: &str| matches!(component, "." | "..") || component.contains(['\0', '\n', '\r']);
    if !path.starts_with(root) || path.split('/').any(is_odd) {
        return Err(format!("its headers lead to {path:?}, out of {root}"));
    }
    let own = path.split('/').filter(|component| !component.is_empty());
    for component in own {
        if component.contains(':') || component.starts_with(['.', '_']) || component.len() > NAME_BYTES {
            return Err(format!("its headers lead to {path:?}, and {component:?} cannot be a directory there"));
        }
    }
    if path.len() > PATH_BYTES {
        return Err(format!("its headers lead to a path of {} bytes", path.len()));
    }
    Ok(())
}

/// Refuses what cannot be the beginning of the name of a file.
///
/// # Errors
/// Why it cannot.
pub(in crate::agent) fn is_prefix(prefix: &str) -> Result<(), String> {
    let is_odd = prefix.is_empty() || prefix.starts_with(['.', '_']) || prefix.contains(['/', ':', '\0', '\n', '\r']);
    if is_odd || prefix.len() > NAME_BYTES {
        return Err(format!("its headers make {prefix:?} of the name of its file"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const ZONE: &str = "America/New_York";

    fn clock(round: Option<(i8, RoundUnit)>) -> Clock {
        Clock { zone: TimeZone::get(ZONE).unwrap(), round, local: false }
    }

    /// An event of 2012-06-23 13:46:33.234, as Flume's own tests have it.
    fn event() -> Event {
        let time = TimeZone::get(ZONE).unwrap().to_timestamp(date(2012, 6, 23).at(13, 46, 33, 234_000_000)).unwrap();
        at(time)
    }

    fn at(time: Timestamp) -> Event {
        let mut event = Event::default();
        event.headers.set(TIMESTAMP, time.as_millisecond().to_string());
        event
    }

    fn filled(text: &str, event: &Event, clock: &Clock) -> String {
        Template::new(text).unwrap().fill(event, clock, Timestamp::now()).unwrap()
    }

    #[test]
    fn every_letter_has_its_meaning() {
        let event = event();
        for (letter, wanted) in [
            ("a", "Sat"),
            ("A", "Saturday"),
            ("b", "Jun"),
            ("B", "June"),
            ("c", "Sat Jun 23 13:46:33 2012"),
            ("d", "23"),
            ("D", "06/23/12"),
            ("e", "23"),
            ("H", "13"),
            ("I", "01"),
            ("j", "175"),
            ("k", "13"),
            ("l", "1"),
            ("m", "06"),
            ("M", "46"),
            ("n", "6"),
            ("p", "PM"),
            ("s", "1340473593"),
            ("S", "33"),
            ("t", "1340473593234"),
            ("y", "12"),
            ("Y", "2012"),
            ("z", "-0400"),
            ("%", "%"),
        ] {
            assert_eq!(filled(&format!("%{letter}"), &event, &clock(None)), wanted, "%{letter}");
        }
    }

    #[test]
    fn fv19_days_and_months_without_padding() {
        let zone = TimeZone::get(ZONE).unwrap();
        for (month, day, wanted) in [(5, 3, "5-3"), (11, 13, "11-13")] {
            let time = zone.to_timestamp(date(2014, month, day).at(12, 0, 0, 0)).unwrap();
            assert_eq!(filled("%n-%e", &at(time), &clock(None)), wanted);
        }
    }

    #[test]
    fn fv16_to_fv18_times_are_rounded_down() {
        let event = event();
        let at = |text: &str, step, unit| filled(text, &event, &clock(Some((step, unit))));
        assert_eq!(at("%c", 12, RoundUnit::Hour), "Sat Jun 23 12:00:00 2012");
        assert_eq!(at("%s", 5, RoundUnit::Minute), "1340473500");
        assert_eq!(at("%s", 5, RoundUnit::Second), "1340473590");
        assert_eq!(at("%t", 5, RoundUnit::Minute), "1340473593234", "never rounded");
    }

    #[test]
    fn fv20_a_clock_is_read_once_for_a_path() {
        let clock = Clock { zone: TimeZone::UTC, round: Some((10, RoundUnit::Minute)), local: true };
        let filled =
            |now: &str| Template::new("%H:%M").unwrap().fill(&Event::default(), &clock, now.parse().unwrap()).unwrap();
        assert_eq!((filled("2013-01-01T02:59:59Z"), filled("2013-01-01T03:00:00Z")), ("02:50".into(), "03:00".into()));
    }

    #[test]
    fn fv23_the_path_of_flumes_guide() {
        let time = TimeZone::get(ZONE).unwrap().to_timestamp(date(2012, 6, 12).at(11, 54, 34, 0)).unwrap();
        let path = filled("/%Y-%m-%d/%H%M/%S", &at(time), &clock(Some((10, RoundUnit::Minute))));
        assert_eq!(path, "/2012-06-12/1150/00");
    }

    #[test]
    fn fv24_steps_of_seconds_minutes_and_hours() {
        let time = TimeZone::get(ZONE).unwrap().to_timestamp(date(2012, 6, 15).at(15, 12, 54, 0)).unwrap();
        for (step, unit, wanted) in
            [(60, RoundUnit::Second, "15:12:00"), (5, RoundUnit::Minute, "15:10:00"), (2, RoundUnit::Hour, "14:00:00")]
        {
            assert_eq!(filled("%H:%M:%S", &at(time), &clock(Some((step, unit)))), wanted);
        }
    }

    /// The paths that Flume 1.11 gave these events, in UTC.
    #[test]
    fn fv38_a_directory_for_each_hour_as_flume_made_them() {
        let paths = |text: &str, round| {
            let clock = Clock { zone: TimeZone::UTC, round, local: false };
            let times = [1_109_891_125_123, 1_709_164_800_000, 1_709_168_399_999, 1_735_648_496_789];
            times.map(|ms| filled(text, &at(Timestamp::from_millisecond(ms).unwrap()), &clock))
        };
        assert_eq!(
            paths("/%Y/%m/%d/%H", None),
            ["/2005/03/03/23", "/2024/02/29/00", "/2024/02/29/00", "/2024/12/31/12"]
        );
        assert_eq!(
            paths("/%Y-%m-%d/%H", None),
            ["/2005-03-03/23", "/2024-02-29/00", "/2024-02-29/00", "/2024-12-31/12"]
        );
        let rounded = [
            "20050303-230000-1109891125123-1109890800",
            "20240229-000000-1709164800000-1709164800",
            "20240229-005000-1709168399999-1709167800",
            "20241231-123000-1735648496789-1735648200",
        ];
        assert_eq!(paths("%Y%m%d-%H%M%S-%t-%s", Some((10, RoundUnit::Minute))), rounded);
        let letters = "a_%a/AA_%A/b_%b/BB_%B/d_%d/e_%e/H_%H/I_%I/j_%j/k_%k/l_%l/m_%m/n_%n/M_%M/p_%p/s_%s/S_%S/t_%t/y_%y/YY_%Y/\
                       z_%z/D_%D/pct_%%";
        assert_eq!(
            paths(letters, None)[3],
            "a_Tue/AA_Tuesday/b_Dec/BB_December/d_31/e_31/H_12/I_12/j_366/k_12/l_12/m_12/n_12/M_34/p_PM/s_1735648496/S_56/\
             t_1735648496789/y_24/YY_2024/z_+0000/D_12/31/24/pct_%"
        );
    }

    #[test]
    fn fv21_this_host() {
        let event = event();
        for (text, wanted) in [("localhost", own_name()), ("IP", own_address()), ("FQDN", full_name())] {
            for text in [text.to_owned(), text.to_ascii_lowercase(), text.to_ascii_uppercase()] {
                assert_eq!(filled(&format!("%[{text}]"), &event, &clock(None)), wanted, "{text}");
            }
        }
        assert!(!own_name().is_empty() && !full_name().is_empty() && own_address().parse::<std::net::IpAddr>().is_ok());
        let said = Template::new("%[abcdefg]").unwrap_err().to_string();
        assert_eq!(said, "%[abcdefg]: %[abcdefg] is not known");
    }

    #[test]
    fn headers_and_what_is_not_an_escape() {
        let mut event = event();
        event.headers.set("site.x-1", "shop");
        assert_eq!(filled("/%{site.x-1}/%{none}/x", &event, &clock(None)), "/shop//x");
        for wrong in ["x%", "/a/%{host", "/a/%{}", "/a/%{a b}", "/a/%[IP", "%q"] {
            assert!(Template::new(wrong).is_err(), "{wrong}");
        }
        assert_eq!(filled("%%{host 100%-x", &event, &clock(None)), "%{host 100%-x");
    }

    #[test]
    fn fv22_without_a_time_there_is_no_path() {
        let template = Template::new("/x/%Y").unwrap();
        let said = template.fill(&Event::default(), &clock(None), Timestamp::now()).unwrap_err();
        assert!(said.contains("no header timestamp"), "{said}");
        let mut odd = Event::default();
        odd.headers.set(TIMESTAMP, "soon");
        assert!(template.fill(&odd, &clock(None), Timestamp::now()).unwrap_err().contains("soon"));
        assert_eq!((template.fixed(), template.is_fixed()), ("/x/", false));
    }

    #[test]
    fn headers_do_not_lead_elsewhere() {
        assert!(confined("/lake/a/b", "/lake/").is_ok());
        let long = format!("/lake/{}", "x".repeat(300));
        for bad in
            ["/lake/../etc", "/lake/./x", "/other", "/lake/a\0b", "/lake/10:30", "/lake/_a", "/lake/.sakia/a", &long]
        {
            assert!(confined(bad, "/lake/").is_err(), "{bad}");
        }
        assert!(is_prefix("events-%").is_ok());
        for bad in ["", ".x", "_x", "a/b", "a:b", &"x".repeat(300)] {
            assert!(is_prefix(bad).is_err(), "{bad}");
        }
    }
}
