//! Samples of events on their way, for whoever looks at a running agent.
//!
//! Nobody waits for a listener: one that does not keep up misses events. Where nobody listens a batch costs one look at a
//! number.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::stream::{self, Stream};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::agent::event::Event;

/// Events that wait for a listener.
const WAITING: usize = 256;
/// Events that a listener may ask for, and how long it may listen.
const MOST_EVENTS: u64 = 100_000;
const MOST_SECONDS: u64 = 3_600;
/// Bytes of a body that are shown.
const BODY_BYTES: usize = 8 << 10;

/// A place where events pass.
#[derive(Debug, Default)]
pub(in crate::agent) struct Tap {
    listening: AtomicUsize,
    listeners: Mutex<Vec<mpsc::Sender<Event>>>,
}

/// What a listener asks for: a part, and how many events or how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// `source`, `channel` or `sink`.
    pub kind: String,
    pub name: String,
    pub count: usize,
    pub time: Duration,
}

impl Wanted {
    /// Reads the query of a request.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(query: &str) -> Result<Self, String> {
        let (mut part, mut count, mut seconds) = (None, 10, 60);
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let number = |most: u64| {
                let number = value.parse().ok().filter(|number| (1..=most).contains(number));
                number.ok_or_else(|| format!("{key} is {value}: give a number from 1 to {most}"))
            };
            match &*key {
                "source" | "channel" | "sink" if part.is_none() => part = Some((key.to_string(), value.to_string())),
                "source" | "channel" | "sink" => return Err("name one source, channel or sink".to_owned()),
                "count" => count = number(MOST_EVENTS)?,
                "seconds" => seconds = number(MOST_SECONDS)?,
                _ => return Err(format!("{key} is not known: there are source, channel, sink, count and seconds")),
            }
        }
        let (kind, name) = part.ok_or("name a source, channel or sink, such as /tap?channel=c1&count=10")?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(Self { kind, name, count, time: Duration::from_secs(seconds) })
    }

    /// The lines of events as they come, as many as are wanted, for as long.
    pub(super) fn lines(self, from: mpsc::Receiver<Event>) -> impl Stream<Item = Result<String, Infallible>> {
        let until = Instant::now() + self.time;
        stream::unfold((from, self.count), move |(mut from, left)| async move {
            let left = left.checked_sub(1)?;
            let event = timeout_at(until, from.recv()).await.ok()??;
            Some((Ok(line(&event)), (from, left)))
        })
    }
}

impl Tap {
    /// Shows events to those who listen.
    pub(in crate::agent) fn show(&self, events: &[Event]) {
        if !self.is_wanted() {
            return;
        }
        let mut listeners = self.listeners();
        for event in events {
            listeners.retain(|listener| {
                let event = Event { headers: event.headers.clone(), body: event.body.clone() };
                !matches!(listener.try_send(event), Err(mpsc::error::TrySendError::Closed(_)))
            });
        }
        self.listening.store(listeners.len(), Ordering::Relaxed);
    }

    /// Whether anybody listens.
    pub(in crate::agent) fn is_wanted(&self) -> bool {
        self.listening.load(Ordering::Relaxed) > 0
    }

    /// The events from now on.
    pub(super) fn listen(&self) -> mpsc::Receiver<Event> {
        let (to, from) = mpsc::channel(WAITING);
        let mut listeners = self.listeners();
        listeners.retain(|listener| !listener.is_closed());
        listeners.push(to);
        self.listening.store(listeners.len(), Ordering::Relaxed);
        from
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<mpsc::Sender<Event>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event as a line of JSON.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Sample<'a> {
    headers: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    /// Where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    /// All of its bytes, where not all are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_bytes: Option<usize>,
}

/// An event as a line of JSON; of a long body its beginning.
pub(super) fn line(event: &Event) -> String {
    let mut shown = &event.body[..event.body.len().min(BODY_BYTES)];
    if let Err(e) = std::str::from_utf8(shown)
        && e.error_len().is_none()
        && shown.len() < event.body.len()
    {
        // A character was cut.
        shown = &shown[..e.valid_up_to()];
    }
    let body = std::str::from_utf8(shown).ok();
    let sample = Sample {
        headers: event.headers.all().map(|(name, value)| (&**name, &**value)).collect(),
        body,
        body_base64: body.is_none().then(|| STANDARD.encode(shown)),
        body_bytes: (shown.len() < event.body.len()).then_some(event.body.len()),
    };
    // A struct of texts and numbers always serialises.
    let json = serde_json::to_string(&sample).unwrap_or_default();
    json + "\n"
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn event(body: &[u8]) -> Event {
        Event { body: Bytes::copy_from_slice(body), ..Event::default() }
    }

    #[test]
    fn a_listener_that_does_not_keep_up_misses_events_and_holds_nobody_up() {
        let tap = Tap::default();
        tap.show(&[event(b"nobody")]);
        let mut listener = tap.listen();
        tap.show(&vec![event(b"x"); WAITING + 5]);
        let mut seen = 0;
        while listener.try_recv().is_ok() {
            seen += 1;
        }
        assert_eq!(seen, WAITING);
        drop(listener);
        tap.show(&[event(b"gone")]);
        assert_eq!(tap.listening.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_asked_for_is_read_strictly() {
        let wanted = Wanted::new("channel=c%201&count=3&seconds=5").unwrap();
        assert_eq!((wanted.kind.as_str(), wanted.name.as_str(), wanted.count), ("channel", "c 1", 3));
        for (query, said) in [
            ("", "name a source, channel or sink"),
            ("channel=a&sink=b", "name one source"),
            ("sink=a&count=0", "count is 0: give a number from 1 to 100000"),
            ("sink=a&seconds=soon", "seconds is soon"),
            ("sink=a&cuont=1", "cuont is not known"),
        ] {
            assert!(Wanted::new(query).unwrap_err().contains(said), "{query}");
        }
    }

    #[test]
    fn bodies_are_shown_as_text_or_base64_and_long_ones_are_cut() {
        let mut one = event("größe".as_bytes());
        one.headers.set("host", "web\"1");
        assert_eq!(line(&one), "{\"headers\":{\"host\":\"web\\\"1\"},\"body\":\"größe\"}\n");
        assert_eq!(line(&event(b"\xff\xfe")), "{\"headers\":{},\"body-base64\":\"//4=\"}\n");
        // Two bytes a character: the last one does not fit wholly.
        let long = line(&event(&[b"x".as_slice(), "ö".repeat(BODY_BYTES).as_bytes()].concat()));
        let json: serde_json::Value = serde_json::from_str(&long).unwrap();
        assert_eq!((json["body"].as_str().unwrap().len(), &json["body-bytes"]), (BODY_BYTES - 1, &16385.into()));
    }
}
