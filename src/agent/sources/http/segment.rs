//! Messages as the libraries of Segment send them: an event each, whose body is the message.
//!
//! What a message lacks that the server of the specification adds is added at its end: `type` by the address, `messageId`,
//! `receivedAt`, `timestamp`, and of a batch `sentAt` and `context`. All else stays as it was sent.
//!
//! Source: Segment "HTTP Tracking API Source", "Spec: Common Fields".

use std::collections::BTreeMap;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::body::{Refusal, bad};
use crate::agent::event::Event;
use crate::config::nearest;

/// Types of messages, and the ends of their addresses.
const TYPES: [(&str, &str); 6] =
    [("track", "t"), ("page", "p"), ("identify", "i"), ("group", "g"), ("screen", "s"), ("alias", "a")];

/// The members of an object, as they are written.
type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Where a message was posted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// One message of this type.
    One(&'static str),
    Batch,
}

impl Endpoint {
    /// The endpoint of a path; also the short ones that browsers use.
    pub(super) fn of(path: &str) -> Option<Self> {
        let name = path.strip_prefix("/v1/")?.trim_end_matches('/');
        if matches!(name, "batch" | "b" | "import") {
            return Some(Self::Batch);
        }
        TYPES.iter().find(|(long, short)| name == *long || name == *short).map(|(long, _)| Self::One(long))
    }
}

/// What was posted.
pub(super) struct Posted {
    pub events: Vec<Event>,
    /// The key that the body shows.
    pub write_key: Option<String>,
}

/// The events of a body.
pub(super) fn events(endpoint: Endpoint, text: &str, now: Timestamp) -> Result<Posted, Refusal> {
    let whole = members(text.trim())?;
    let write_key = text_of(&whole, "writeKey");
    let mut around = vec![("receivedAt", quoted(&now.to_string()))];
    let events = match endpoint {
        Endpoint::One(kind) => vec![event(text.trim(), &whole, Some(kind), &around, now)?],
        Endpoint::Batch => {
            let batch = whole.get("batch").ok_or_else(|| bad("the body has no batch"))?;
            let batch: Vec<&RawValue> =
                serde_json::from_str(batch.get()).map_err(|e| bad(format!("batch is not an array: {e}")))?;
            for name in ["sentAt", "context"] {
                around.extend(whole.get(name).filter(|v| !is_null(v)).map(|value| (name, value.get().to_owned())));
            }
            let one = |(number, message): (usize, &&RawValue)| {
                let in_place = |(status, why): Refusal| (status, format!("message {}: {why}", number + 1));
                let members = members(message.get()).map_err(in_place)?;
                event(message.get(), &members, None, &around, now).map_err(in_place)
            };
            batch.iter().enumerate().map(one).collect::<Result<_, _>>()?
        }
    };
    Ok(Posted { events, write_key })
}

/// The members of one object.
fn members(text: &str) -> Result<Members<'_>, Refusal> {
    if !text.starts_with('{') {
        return Err(bad("it is not a JSON object"));
    }
    serde_json::from_str(text).map_err(|e| bad(format!("it is not JSON: {e}")))
}

fn event(
    text: &str,
    members: &Members<'_>,
    kind: Option<&'static str>,
    around: &[(&str, String)],
    now: Timestamp,
) -> Result<Event, Refusal> {
    let said = text_of(members, "type");
    let kind = match (kind, said.as_deref()) {
        (Some(kind), Some(said)) if kind != said => {
            return Err(bad(format!("its type is {said}, and it was posted as {kind}")));
        }
        (Some(kind), _) => kind.to_owned(),
        (None, Some(said)) => known(said)?.to_owned(),
        (None, None) => return Err(bad("it has no type")),
    };
    let mut more: Vec<(&str, String)> = Vec::new();
    let mut needed = |name: &'static str, json: &dyn Fn() -> String| match text_of(members, name) {
        Some(text) => text,
        None => {
            more.push((name, json()));
            unquoted(&json())
        }
    };
    needed("type", &|| quoted(&kind));
    let id = uuid::Uuid::now_v7().to_string();
    let id = needed("messageId", &|| quoted(&id));
    let original = text_of(members, "originalTimestamp");
    let time = needed("timestamp", &|| quoted(&original.clone().unwrap_or_else(|| now.to_string())));
    more.extend(around.iter().filter(|(name, _)| members.get(*name).is_none_or(|v| is_null(v))).cloned());

    let mut event = Event { body: with(text, members.is_empty(), &more).into(), ..Event::default() };
    let time = time.parse().unwrap_or(now).as_millisecond().to_string();
    for (name, value) in [("type", kind), ("messageId", id), ("timestamp", time)] {
        event.headers.set(name, value);
    }
    for name in ["event", "userId", "anonymousId"] {
        if let Some(value) = text_of(members, name) {
            event.headers.set(name, value);
        }
    }
    Ok(event)
}

fn known(kind: &str) -> Result<&'static str, Refusal> {
    let names = TYPES.map(|(long, _)| long);
    names.iter().find(|name| **name == kind).copied().ok_or_else(|| {
        let near = nearest(kind, &names).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        bad(format!("its type {kind} is not known{near}"))
    })
}

/// An object with further members at its end.
fn with(text: &str, is_empty: bool, more: &[(&str, String)]) -> String {
    let body = text.trim_end().strip_suffix('}').unwrap_or(text).trim_end();
    let more: Vec<String> = more.iter().map(|(name, json)| format!("\"{name}\":{json}")).collect();
    match more.is_empty() {
        true => text.to_owned(),
        false => format!("{body}{}{}}}", if is_empty { "" } else { "," }, more.join(",")),
    }
}

fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// A member that is a text, or a number as it is written.
fn text_of(members: &Members<'_>, name: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Text(String),
        Other(serde::de::IgnoredAny),
    }
    let raw = members.get(name)?.get();
    match serde_json::from_str(raw).ok()? {
        Value::Text(text) => Some(text),
        Value::Other(_) if raw.starts_with(|c: char| c.is_ascii_digit() || c == '-') => Some(raw.to_owned()),
        Value::Other(_) => None,
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn unquoted(json: &str) -> String {
    serde_json::from_str(json).unwrap_or_default()
}

/// The refusal of a path that is not one of theirs.
pub(super) fn nowhere(path: &str) -> Refusal {
    let why = format!("{path} is not one of /v1/track, page, identify, group, screen, alias and batch");
    (StatusCode::NOT_FOUND, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2024-05-01T10:00:00.5Z".parse().unwrap()
    }

    fn body(event: &Event) -> serde_json::Value {
        serde_json::from_slice(&event.body).unwrap()
    }

    #[test]
    fn a_message_gets_what_it_lacks_and_keeps_what_it_has() {
        let text = r#" {"userId":17,"event":"Order Completed","properties":{"total":27.50}, "messageId":null} "#;
        let Posted { events, write_key } = events(Endpoint::of("/v1/track").unwrap(), text, now()).unwrap();
        let sent = String::from_utf8(events[0].body.to_vec()).unwrap();
        assert!(
            sent.starts_with(
                r#"{"userId":17,"event":"Order Completed","properties":{"total":27.50}, "messageId":null,"#
            )
        );
        let whole = body(&events[0]);
        assert_eq!((&whole["type"], &whole["receivedAt"]), (&"track".into(), &"2024-05-01T10:00:00.5Z".into()));
        assert_eq!(whole["messageId"], events[0].headers.get("messageId").unwrap());
        let told = ["type", "event", "userId", "timestamp"].map(|name| events[0].headers.get(name).unwrap());
        assert_eq!(told, ["track", "Order Completed", "17", "1714557600500"]);
        assert_eq!(write_key, None);
        let bare = super::events(Endpoint::One("page"), "{}", now()).unwrap().events;
        assert_eq!(body(&bare[0])["type"], "page");
        let whole = r#"{"type":"page","messageId":"m","timestamp":"2024-04-30T22:00:00-02:00","receivedAt":"x"}"#;
        let same = super::events(Endpoint::One("page"), whole, now()).unwrap().events;
        assert_eq!((&same[0].body[..], same[0].headers.get("timestamp")), (whole.as_bytes(), Some("1714521600000")));
    }

    #[test]
    fn a_batch_is_taken_whole_or_not_at_all() {
        let text = r#"{"writeKey":"k","sentAt":"2024-05-01T09:59:59Z","context":{"ip":"203.0.113.7"},"batch":[
            {"type":"track","event":"A"},{"type":"identify","context":{"ip":"x"},"userId":"u"}]}"#;
        let Posted { events, write_key } = events(Endpoint::of("/v1/batch").unwrap(), text, now()).unwrap();
        assert_eq!((events.len(), write_key.as_deref()), (2, Some("k")));
        assert_eq!(body(&events[0])["context"]["ip"], "203.0.113.7");
        assert_eq!(body(&events[1])["context"]["ip"], "x");
        assert_eq!(body(&events[1])["sentAt"], "2024-05-01T09:59:59Z");
        for (text, why) in [
            ("[]", "it is not a JSON object"),
            ("{}", "the body has no batch"),
            (r#"{"batch":{}}"#, "batch is not an array"),
            (
                r#"{"batch":[{"type":"page"},{"type":"trak"}]}"#,
                "message 2: its type trak is not known; did you mean track?",
            ),
            (r#"{"batch":[{"event":"x"}]}"#, "message 1: it has no type"),
            (r#"{"batch":[1]}"#, "message 1: it is not a JSON object"),
        ] {
            let (status, told) = super::events(Endpoint::Batch, text, now()).err().unwrap();
            assert!(status == StatusCode::BAD_REQUEST && told.contains(why), "{told}");
        }
        assert!(super::events(Endpoint::One("page"), r#"{"type":"track"}"#, now()).is_err());
    }

    #[test]
    fn endpoints_have_two_names() {
        assert_eq!(Endpoint::of("/v1/t"), Some(Endpoint::One("track")));
        assert_eq!(Endpoint::of("/v1/b"), Some(Endpoint::Batch));
        assert_eq!(["/v1/", "/v1/trac", "/track", "/"].map(Endpoint::of), [None; 4]);
    }

    proptest! {
        #[test]
        fn what_was_sent_is_still_there(
            sent in prop::collection::btree_map("[a-zA-Z]{1,12}", prop_oneof![".{0,8}".prop_map(serde_json::Value::from), any::<i32>().prop_map(serde_json::Value::from)], 0..6)
        ) {
            let mut sent: serde_json::Map<String, serde_json::Value> = sent.into_iter().collect();
            sent.remove("type");
            let text = serde_json::Value::from(sent.clone()).to_string();
            let Posted { events, .. } = events(Endpoint::One("track"), &text, now()).unwrap();
            let got = body(&events[0]);
            for (name, value) in sent {
                prop_assert_eq!(&got[&name], &value);
            }
        }
    }
}
