//! Parts of values that have columns of their own: of a URL, of a list, of a user agent.
//!
//! A URL is taken apart as it was sent, and is not made another by rules of its scheme: what does not look like one has no
//! host, but may have a path and a query (`/p?utm_source=x`). Parameters are percent-decoded, with `+` for a blank.
//!
//! Source: RFC 3986 (the parts), WHATWG URL (`application/x-www-form-urlencoded`).

use std::borrow::Cow;

use percent_encoding::percent_decode;
use serde::Deserialize;

use super::mapping::{FieldArgs, Found};
use super::user_agent::Described;
use super::weblog::bots::is_program;
use crate::agent::rows::ColumnType;
use crate::error::{self, Result};

/// The part of a value that a column takes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::agent) enum Piece {
    /// The host of a URL, in lower case, without port and user.
    Host,
    /// The path of a URL, as sent.
    Path,
    /// What stands behind the question mark of a URL, as sent.
    Query,
    /// A parameter of the query of a URL; the first that is not empty.
    Parameter(String),
    /// The first of a list with commas, as `X-Forwarded-For` is one: the client, as the outermost proxy was told.
    First,
    /// The last of a list with commas: who spoke to the innermost proxy.
    Last,
    /// Whether a user agent is that of a program.
    IsBot,
    /// The family of browsers or programs that a user agent is of.
    UaFamily,
    /// The system that a user agent runs on.
    UaOs,
    /// The class of the device of a user agent.
    UaDevice,
}

impl Piece {
    /// Refuses a column that could not hold it.
    ///
    /// # Errors
    /// Config: the type of the column.
    pub(super) fn check(&self, data_type: ColumnType) -> Result<()> {
        match self {
            Self::IsBot if data_type != ColumnType::Boolean => {
                Err(error::config("is-bot is true or false").hint("declare the column with type = \"boolean\""))
            }
            Self::Parameter(name) if name.is_empty() => {
                Err(error::config("take names no parameter").hint("name one: take = { parameter = \"utm_source\" }"))
            }
            _ => Ok(()),
        }
    }

    /// The part of a value; `None` where the value has no such part.
    pub(super) fn of<'a>(&self, value: Found<'a>) -> Option<Found<'a>> {
        if *self == Self::IsBot {
            return Some(Found::Boolean(is_program(&value.text())));
        }
        let text = match value {
            Found::Text(Cow::Borrowed(text)) => return self.of_text(text).map(Found::Text),
            other => other.text().into_owned(),
        };
        self.of_text(&text).map(|part| Found::Text(Cow::Owned(part.into_owned())))
    }

    fn of_text<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        let listed = |item: Option<&'a str>| item.map(str::trim).map(Cow::Borrowed);
        let found = match self {
            Self::Host => Url::of(text).host(),
            Self::Path => Some(Cow::Borrowed(Url::of(text).path)),
            Self::Query => Url::of(text).query.map(Cow::Borrowed),
            Self::Parameter(name) => Url::of(text).query.and_then(|query| parameter(query, name)),
            Self::First => listed(text.split(',').next()),
            Self::Last => listed(text.rsplit(',').next()),
            Self::UaFamily => Described::of(text).family.map(Cow::Owned),
            Self::UaOs => Described::of(text).os.map(Cow::Owned),
            Self::UaDevice => Some(Cow::Borrowed(Described::of(text).device)),
            Self::IsBot => None,
        };
        found.filter(|part| !part.is_empty())
    }
}

/// The parts of a URL, as sent.
struct Url<'a> {
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Url<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.split_once('#').map_or(text, |(before, _)| before);
        let (front, query) = text.split_once('?').map_or((text, None), |(front, query)| (front, Some(query)));
        let is_scheme = |scheme: &str| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        };
        let behind = match front.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => Some(rest),
            _ => front.strip_prefix("//"),
        };
        let Some(rest) = behind else { return Self { authority: None, path: front, query } };
        let slash = rest.find('/').unwrap_or(rest.len());
        Self { authority: Some(&rest[..slash]), path: &rest[slash..], query }
    }

    fn host(&self) -> Option<Cow<'a, str>> {
        let host = self.authority?.rsplit('@').next()?;
        let host = match host.strip_prefix('[') {
            Some(address) => address.split(']').next()?,
            None => host.split(':').next()?,
        };
        let is_lower = !host.bytes().any(|b| b.is_ascii_uppercase());
        Some(if is_lower { Cow::Borrowed(host) } else { Cow::Owned(host.to_ascii_lowercase()) })
    }
}

/// The first parameter of this name that is not empty.
fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(key, _)| form_decoded(key) == name).map(|(_, value)| form_decoded(value));
    named.find(|value| !value.is_empty())
}

/// A text of a form or a query without its percent signs and plus signs; what is no UTF-8 then is replaced.
pub(super) fn form_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned())
}

/// What campaigns and those who place advertisements add to links, with what it says.
const CAMPAIGN: [(&str, &str); 9] = [
    ("utm_source", "site that the link stood on"),
    ("utm_medium", "kind of the link, such as email or cpc"),
    ("utm_campaign", "campaign"),
    ("utm_term", "words that were searched for"),
    ("utm_content", "which of several links"),
    ("gclid", "click of Google Ads"),
    ("fbclid", "click of Facebook"),
    ("msclkid", "click of Microsoft Advertising"),
    ("ttclid", "click of TikTok"),
];

/// Columns for the parameters of campaigns, of the URL that `key` is.
pub(in crate::agent) fn campaign(key: &str) -> impl Iterator<Item = FieldArgs> {
    let column = |(name, comment): (&str, &str)| FieldArgs {
        comment: comment.to_owned(),
        take: Some(Piece::Parameter(name.to_owned())),
        ..FieldArgs::text(name, key)
    };
    CAMPAIGN.map(column).into_iter()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(piece: &Piece, text: &str) -> Option<String> {
        piece.of_text(text).map(Cow::into_owned)
    }

    #[test]
    fn urls_are_taken_apart_as_they_were_sent() {
        for (url, host, path, query) in [
            ("https://Shop.example:8443/p/1?a=b#top", Some("shop.example"), Some("/p/1"), Some("a=b")),
            ("http://user:pw@shop.example", Some("shop.example"), None, None),
            ("//cdn.example/x", Some("cdn.example"), Some("/x"), None),
            ("https://[2001:DB8::1]:80/", Some("2001:db8::1"), Some("/"), None),
            ("/p?next=http://other.example/", None, Some("/p"), Some("next=http://other.example/")),
            ("android-app://com.example/x", Some("com.example"), Some("/x"), None),
            ("not a url", None, Some("not a url"), None),
            ("", None, None, None),
        ] {
            let found = [&Piece::Host, &Piece::Path, &Piece::Query].map(|piece| of(piece, url));
            assert_eq!(found, [host, path, query].map(|part| part.map(str::to_owned)), "{url}");
        }
    }

    #[test]
    fn parameters_are_decoded_and_the_first_that_says_something_wins() {
        let source = |url: &str| of(&Piece::Parameter("utm_source".into()), url);
        assert_eq!(
            source("https://x/?utm_source=&utm_source=news+letter%21&utm_source=b").as_deref(),
            Some("news letter!")
        );
        assert_eq!(source("/?utm%5Fsource=a").as_deref(), Some("a"));
        assert_eq!(source("/?utm_source=%ff").as_deref(), Some("\u{fffd}"));
        for none in ["/?utm_source", "/?utm_sourc=a", "/#?utm_source=a", "utm_source=a"] {
            assert_eq!(source(none), None, "{none}");
        }
    }

    #[test]
    fn lists_have_ends_and_programs_say_so() {
        let list = "203.0.113.7, 10.0.0.1 ,10.0.0.2";
        assert_eq!(of(&Piece::First, list).as_deref(), Some("203.0.113.7"));
        assert_eq!(of(&Piece::Last, list).as_deref(), Some("10.0.0.2"));
        assert_eq!(of(&Piece::First, " "), None);
        let is_bot = |text: &'static str| Piece::IsBot.of(Found::Text(text.into()));
        assert_eq!(is_bot("Googlebot/2.1"), Some(Found::Boolean(true)));
        assert_eq!(is_bot("Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"), Some(Found::Boolean(false)));
        assert!(Piece::IsBot.check(ColumnType::String).is_err());
        assert!(Piece::Parameter(String::new()).check(ColumnType::String).is_err());
    }

    proptest! {
        #[test]
        fn a_parameter_that_was_encoded_comes_back(name in "[a-z_]{1,8}", value in ".{1,20}", other in "[a-z]{0,5}") {
            let encoded: String = value.bytes().map(|b| format!("%{b:02x}")).collect();
            let url = format!("https://shop.example/?0{name}={other}&{name}={encoded}");
            prop_assert_eq!(of(&Piece::Parameter(name), &url), Some(value));
        }
    }
}
