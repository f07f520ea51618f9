//! What a field of a log format can say, and which text it can be.

use super::time::TimeFormat;

/// What a field says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// The client's address or name.
    Host,
    /// Who signed in.
    User,
    /// When the request came.
    Time(TimeFormat),
    /// The request line, whatever it is.
    Request,
    Method,
    /// Path and query, as sent.
    Target,
    Path,
    Query,
    Protocol,
    Status,
    /// Bytes of the answer.
    Bytes,
    Referrer,
    UserAgent,
    /// How long the answer took, counted in this unit.
    Duration(DurationUnit),
    /// The session cookie.
    Session,
    /// The visitor cookie.
    Visitor,
    /// Anything else that the server can log: a column of its own, by its number in the format.
    Extra(usize),
}

/// The units that servers count durations in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DurationUnit {
    Microseconds,
    Milliseconds,
    /// Whole, or with up to six digits behind a point.
    Seconds,
}

/// A field that has no column of its own in every table of clicks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExtraField {
    /// The column.
    pub name: String,
    /// What it holds.
    pub data_type: ExtraType,
    /// What it says.
    pub comment: String,
}

/// The type of the column of an extra field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtraType {
    /// Text as sent.
    Text,
    /// A whole number.
    Whole,
}

/// Which text a field can be where no quotes mark its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// An address, or the name of a host.
    Host,
    /// Addresses with commas between them, as in X-Forwarded-For.
    Hosts,
    /// What identd says: a word that is not an address.
    Ident,
    /// A user name, which may hold blanks.
    User,
    /// What a client asks for, which careless ones let hold blanks.
    Target,
    /// `HTTP/` and a version.
    Protocol,
    /// Digits.
    Whole,
    /// Anything without a blank.
    Word,
    /// Words with `, ` or ` : ` between them, as nginx logs of several servers behind it.
    Series,
}

impl Shape {
    /// Whether the text has this shape; `-` is known not to have it.
    pub(super) fn accepts(self, text: &str) -> bool {
        match self {
            Self::Host => is_host(text),
            Self::Hosts => text.split(',').all(|host| is_forwarded(host.strip_prefix(' ').unwrap_or(host))),
            Self::Ident => !text.is_empty() && !text.ends_with(',') && !text.split(',').any(is_address),
            // A dash between blanks is a field of its own: the line has more fields than its format.
            Self::User => !text.is_empty() && text.split(' ').all(|word| !word.is_empty() && word != "-"),
            Self::Protocol => text.starts_with("HTTP/") && !text.contains(' '),
            Self::Whole => is_whole(text),
            // A comma at its end makes it a piece of a list.
            Self::Word => !text.ends_with(','),
            Self::Series => text.split(", ").flat_map(|group| group.split(" : ")).all(is_item),
            Self::Target => true,
        }
    }

    /// What a text of another shape is told.
    pub(super) fn demand(self) -> &'static str {
        match self {
            Self::Host => "is not an address or a host name",
            Self::Hosts => "is not a list of addresses",
            Self::Ident => "is an address, so the line has other fields",
            Self::User => "holds more than one field",
            Self::Whole => "is not a number",
            Self::Protocol => "is not a version of HTTP",
            Self::Target | Self::Word | Self::Series => "is malformed",
        }
    }
}

/// One of a series: a word, and not a mark between two.
fn is_item(text: &str) -> bool {
    !text.is_empty() && text != ":" && !text.contains(' ') && !text.ends_with(',')
}

fn is_address(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':') && text.parse::<std::net::IpAddr>().is_ok()
}

/// An address, a name, or nginx's word for a local socket.
fn is_host(text: &str) -> bool {
    if text.contains(':') {
        let address = text.split_once('%').map_or(text, |(address, _zone)| address);
        return text == "unix:" || address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// What proxies put into their list: addresses with or without a port, names, `unknown`.
fn is_forwarded(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'%');
    !text.is_empty() && text.bytes().all(is_part)
}

pub(super) fn is_whole(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The client's address at the head of a list that proxies made, without a port.
pub(super) fn first_address(list: &str) -> Option<&str> {
    let first = list.split(',').next()?.trim();
    let bare = match first.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?.0,
        None if first.matches(':').count() == 1 => first.split_once(':')?.0,
        None => first,
    };
    is_address(bare).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_addresses_or_names() {
        for host in ["203.0.113.9", "2001:db8::1", "fe80::1%eth0", "crawl-66.example.com", "h", "unix:"] {
            assert!(is_host(host), "{host}");
        }
        for other in ["", "shop.example:443", "203.0.113.9,", "203.0.113.9:80", "a b", "\"x\"", "h?", "10.0.0.1%x:1"] {
            assert!(!is_host(other), "{other}");
        }
    }

    #[test]
    fn a_list_begins_with_the_client() {
        assert_eq!(first_address("203.0.113.9, 10.0.0.7"), Some("203.0.113.9"));
        assert_eq!(first_address("203.0.113.9:4711,10.0.0.7"), Some("203.0.113.9"));
        assert_eq!(first_address("[2001:db8::1]:80"), Some("2001:db8::1"));
        assert_eq!(first_address("2001:db8::1"), Some("2001:db8::1"));
        for other in ["unknown, 10.0.0.7", "", "_hidden", "203.0.113.999"] {
            assert_eq!(first_address(other), None, "{other}");
        }
        for (list, is_one) in [("203.0.113.9, 10.0.0.7", true), ("unknown,[::1]:80", true), ("1.2.3.4,", false)] {
            assert_eq!(Shape::Hosts.accepts(list), is_one, "{list}");
        }
    }
}
