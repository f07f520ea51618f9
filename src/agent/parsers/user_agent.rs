//! What a user agent says of itself: the family of browsers or programs, the system, the class of the device.
//!
//! Families and systems are those of a library's data (Woothee); what that does not know has none. Whether it is a program is
//! said by the same words as [`is_program`] goes by, and by that data.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use woothee::parser::Parser;

use super::weblog::bots::is_program;

/// User agents that are remembered; there are far fewer in a log than lines.
const REMEMBERED: usize = 4096;
/// So much of one is looked at: nobody's is longer, and a server may log what it is sent.
const MOST_BYTES: usize = 2048;

static PARSER: LazyLock<Parser> = LazyLock::new(Parser::new);

/// What a user agent says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Described {
    /// `Chrome`, `Firefox`, `Safari`, `Edge`, `Googlebot`, ...
    pub family: Option<String>,
    /// `Windows`, `macOS`, `iOS`, `Android`, `Linux`, ...
    pub os: Option<String>,
    /// `desktop`, `mobile`, `tablet`, `bot` or `other`.
    pub device: &'static str,
}

impl Described {
    pub(super) fn of(user_agent: &str) -> Self {
        let cut = (0..=MOST_BYTES.min(user_agent.len())).rev().find(|at| user_agent.is_char_boundary(*at)).unwrap_or(0);
        let user_agent = &user_agent[..cut];
        let found = PARSER.parse(user_agent).unwrap_or_default();
        let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty() && text != "UNKNOWN");
        let is_bot = found.category == "crawler" || is_program(user_agent);
        let is_tablet = found.os == "iPad"
            || user_agent.contains("Tablet")
            || (found.os == "Android" && !user_agent.contains("Mobile"));
        let device = match found.category {
            _ if is_bot => "bot",
            "pc" | "smartphone" | "mobilephone" if is_tablet => "tablet",
            "pc" => "desktop",
            "smartphone" | "mobilephone" => "mobile",
            _ => "other",
        };
        // A library by what it is called, which stands where others have their version.
        let name = if found.name == "HTTP Library" { found.version } else { found.name };
        Self { family: known(name), os: if is_bot { None } else { known(system(found.os)) }, device }
    }
}

/// A system without its version, by the name that it has now.
fn system(name: &str) -> &str {
    match name {
        "iPhone" | "iPad" | "iPod" | "iOS" => "iOS",
        "Mac OSX" | "Mac OS Classic" => "macOS",
        "Windows Phone OS" => "Windows Phone",
        name if name.starts_with("Windows") => "Windows",
        name => name,
    }
}

/// Remembers what user agents say.
#[derive(Clone, Debug, Default)]
pub(super) struct UserAgents(HashMap<String, Arc<Described>>);

impl UserAgents {
    /// What one says; one that is missing says nothing, and is that of a program.
    pub(super) fn describe(&mut self, user_agent: Option<&str>) -> Arc<Described> {
        let user_agent = user_agent.unwrap_or_default();
        if let Some(known) = self.0.get(user_agent) {
            return known.clone();
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let described = Arc::new(Described::of(user_agent));
        self.0.insert(user_agent.to_owned(), described.clone());
        described
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Family, system and device, with `-` where there is none.
    fn said(user_agent: &str) -> String {
        let Described { family, os, device } = Described::of(user_agent);
        let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        format!("{} / {} / {device}", text(family), text(os))
    }

    #[test]
    fn user_agents_of_the_day_and_older_ones() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
        for (user_agent, wanted) in [
            (format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/124.0.0.0 Safari/537.36"), "Chrome / Windows / desktop"),
            (format!("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {webkit} Chrome/124.0.0.0 Safari/537.36"), "Chrome / macOS / desktop"),
            (format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {webkit} Chrome/124.0.0.0 Safari/537.36"), "Chrome / ChromeOS / desktop"),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {webkit} Chrome/124.0.0.0 Mobile Safari/537.36"), "Chrome / Android / mobile"),
            (format!("Mozilla/5.0 (Linux; Android 13; SM-X700) {webkit} Chrome/124.0.0.0 Safari/537.36"), "Chrome / Android / tablet"),
            (format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.51"), "Edge / Windows / desktop"),
            (format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/124.0.0.0 Safari/537.36 OPR/109.0.0.0"), "Opera / Windows / desktop"),
            (format!("Mozilla/5.0 (Linux; Android 13; SM-S901B) {webkit} SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36"), "SamsungBrowser / Android / mobile"),
            (format!("{iphone} Version/17.4.1 Mobile/15E148 Safari/604.1"), "Safari / iOS / mobile"),
            (format!("{iphone} CriOS/124.0.6367.71 Mobile/15E148 Safari/604.1"), "Chrome / iOS / mobile"),
            ("Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1".to_owned(), "Safari / iOS / tablet"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4_1) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15".to_owned(), "Safari / macOS / desktop"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0".to_owned(), "Firefox / Linux / desktop"),
            ("Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0".to_owned(), "Firefox / Android / mobile"),
            ("Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko".to_owned(), "Internet Explorer / Windows / desktop"),
            ("Opera/9.80 (Windows NT 6.1; U; en-GB) Presto/2.9.168 Version/11.50".to_owned(), "Opera / Windows / desktop"),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)".to_owned(), "Googlebot / - / bot"),
            ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)".to_owned(), "bingbot / - / bot"),
            ("curl/8.5.0".to_owned(), "curl / - / bot"),
            ("python-requests/2.31.0".to_owned(), "- / - / bot"),
            ("Mozilla/5.0 (PlayStation 4 11.00) AppleWebKit/605.1.15 (KHTML, like Gecko)".to_owned(), "PlayStation 4 / PlayStation 4 / other"),
            ("a shopping list".to_owned(), "- / - / other"),
            (String::new(), "- / - / bot"),
        ] {
            assert_eq!(said(&user_agent), wanted, "{user_agent}");
        }
        Described::of(&"ä".repeat(MOST_BYTES));
    }

    #[test]
    fn what_was_said_is_remembered_within_bounds() {
        let mut agents = UserAgents::default();
        for number in 0..2 * REMEMBERED {
            assert_eq!(agents.describe(Some(&format!("somebody {number}"))).device, "other");
        }
        assert!(agents.0.len() <= REMEMBERED);
        assert_eq!(agents.describe(None).device, "bot");
    }
}
