//! What travels from a source to a sink: events, each with headers and a body, as Flume's have.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;

use super::position::Advance;

/// Headers that tell where an event comes from and what became of it on the way.
pub(super) mod names {
    /// The file that a line was read from.
    pub(crate) const FILE: &str = "file";
    /// Where a line begins in its file, in bytes.
    pub(crate) const BYTE_OFFSET: &str = "byteoffset";
    /// When it happened, in milliseconds since 1970, as Flume's interceptors and sources set it.
    pub(crate) const TIMESTAMP: &str = "timestamp";
    /// The length in bytes of a body that was longer than its source allows and was cut.
    pub(crate) const CUT: &str = "sakia.cut";
    /// The body has no end of its own: a hole of NUL bytes follows it, where a writer left off.
    pub(crate) const TORN: &str = "sakia.torn";
}

/// A header.
pub(super) type Header = (ByteString, ByteString);

/// Named texts about an event. Events of one origin share most of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers {
    /// What many events have in common.
    shared: Option<Arc<[Header]>>,
    /// What this event alone has; a name here hides the same name there.
    own: Vec<Header>,
}

impl Headers {
    pub(super) fn new(shared: Option<Arc<[Header]>>, own: Vec<Header>) -> Self {
        Self { shared, own }
    }

    /// The value of a header.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let shared = self.shared.iter().flat_map(|shared| shared.iter());
        self.own.iter().chain(shared).find(|(n, _)| &**n == name).map(|(_, value)| &**value)
    }

    /// All headers, each name once: the event's own first.
    pub(super) fn all(&self) -> impl Iterator<Item = (&ByteString, &ByteString)> {
        let shared = self.shared.iter().flat_map(|shared| shared.iter());
        let shared = shared.filter(|(name, _)| !self.own.iter().any(|(own, _)| own == name));
        self.own.iter().chain(shared).map(|(name, value)| (name, value))
    }

    /// Gives a header a value, whatever it had.
    pub(super) fn set(&mut self, name: impl Into<ByteString>, value: impl Into<ByteString>) {
        let (name, value) = (name.into(), value.into());
        match self.own.iter_mut().find(|(own, _)| *own == name) {
            Some(header) => header.1 = value,
            None => self.own.push((name, value)),
        }
    }

    /// Takes away the headers whose names are to go.
    pub(super) fn remove(&mut self, mut is_unwanted: impl FnMut(&str) -> bool) {
        if self.shared.iter().flat_map(|shared| shared.iter()).any(|(name, _)| is_unwanted(name)) {
            self.own = self.all().map(|(name, value)| (name.clone(), value.clone())).collect();
            self.shared = None;
        }
        self.own.retain(|(name, _)| !is_unwanted(name));
    }

    pub(super) fn shared(&self) -> Option<&Arc<[Header]>> {
        self.shared.as_ref()
    }

    pub(super) fn own(&self) -> &[Header] {
        &self.own
    }
}

/// Two sets of headers are equal if they say the same, whatever is shared.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.all().count() == other.all().count() && self.all().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Eq for Headers {}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub headers: Headers,
    pub body: Bytes,
}

impl Event {
    /// About how much memory it takes.
    pub(super) fn size(&self) -> usize {
        let own = self.headers.own().iter().map(|(name, value)| name.len() + value.len() + 64).sum::<usize>();
        self.body.len() + own + 96
    }

    /// Whether its body is all that its source had.
    ///
    /// # Errors
    /// What is missing.
    pub(super) fn is_whole(&self) -> Result<(), String> {
        if let Some(length) = self.headers.get(names::CUT) {
            return Err(format!("longer than its source reads: {length} bytes"));
        }
        match self.headers.get(names::TORN) {
            Some(_) => Err("torn: a hole of NUL bytes follows it".to_owned()),
            None => Ok(()),
        }
    }

    /// The file that the event is a line of, and where in it the line begins.
    pub(super) fn origin(&self) -> (Option<&str>, Option<u64>) {
        let offset = self.headers.get(names::BYTE_OFFSET).and_then(|offset| offset.parse().ok());
        (self.headers.get(names::FILE), offset)
    }
}

/// Events of one source that follow each other, and where the source goes on after them.
///
/// The two travel as one, so that an event is in the channel exactly if the source's position is past it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// The events, in the source's order; there may be none where only the position moved.
    pub events: Vec<Event>,
    pub after: Advance,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &'static str, value: &'static str) -> Header {
        (ByteString::from_static(name), ByteString::from_static(value))
    }

    #[test]
    fn an_events_own_headers_hide_those_it_shares() {
        let shared: Arc<[Header]> = Arc::new([header("file", "/a"), header("host", "web1")]);
        let mut headers = Headers::new(Some(shared.clone()), vec![header("host", "web2")]);
        assert_eq!((headers.get("file"), headers.get("host"), headers.get("x")), (Some("/a"), Some("web2"), None));
        headers.set("host", "web3");
        headers.set("x", "1");
        assert_eq!(headers.all().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>(), ["host=web3", "x=1", "file=/a"]);
        headers.remove(|name| name == "file");
        assert_eq!((headers.get("file"), headers.get("host")), (None, Some("web3")));
        assert_eq!(headers, Headers::new(None, vec![header("x", "1"), header("host", "web3")]));
        assert_ne!(headers, Headers::new(Some(shared), Vec::new()));
    }
}
