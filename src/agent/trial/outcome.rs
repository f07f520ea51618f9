//! What an event became, beside what was expected.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::agent::event::Event;
use crate::config::nearest;

/// Any value will do.
const ANY: &str = "*";

/// What an event became.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// It is in a channel, or in a sink that takes it as it is.
    Event(Event),
    /// A row of a table.
    Row { partition: String, columns: BTreeMap<String, Value> },
    /// A part of a file in a directory, whose name begins with the prefix.
    File { path: String, prefix: String, event: Event },
    /// It was put aside.
    Reject { reason: String, event: Event },
}

/// What is expected of an event; what is not named is left alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::agent) struct Expected {
    pub body: Option<String>,
    /// Values, of which `*` is any.
    pub headers: BTreeMap<String, String>,
    /// Headers that it must not have.
    pub without_headers: Vec<String>,
    pub partition: Option<String>,
    /// Values of a row; NULL where a column is to have none.
    pub columns: BTreeMap<String, Value>,
    pub path: Option<String>,
    pub prefix: Option<String>,
    /// Why it is put aside; a part of the reason is enough.
    pub reject: Option<String>,
}

/// What is another than was expected.
pub(super) fn compare(expected: &[Expected], found: &[Outcome]) -> Vec<String> {
    let mut said = Vec::new();
    for (number, (expected, found)) in expected.iter().zip(found).enumerate() {
        said.extend(expected.differences(found).into_iter().map(|what| format!("event {}: {what}", number + 1)));
    }
    let missing = expected.get(found.len()..).unwrap_or_default();
    said.extend(missing.iter().map(|expected| format!("missing: {}", expected.in_words())));
    let further = found.get(expected.len()..).unwrap_or_default();
    said.extend(further.iter().map(|found| format!("not expected: {}", found.in_words())));
    said
}

/// Notes a difference between two texts.
fn text(what: &str, expected: Option<&str>, found: &str, said: &mut Vec<String>) {
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        said.push(format!("{what}: expected {expected:?}, found {found:?}"));
    }
}

impl Expected {
    fn differences(&self, found: &Outcome) -> Vec<String> {
        let mut said = Vec::new();
        match (found, &self.reject) {
            (Outcome::Reject { reason, .. }, Some(expected)) if !reason.contains(expected.as_str()) => {
                said.push(format!("the reason: expected {expected:?}, found {reason:?}"));
            }
            (Outcome::Reject { event, .. }, Some(_)) => self.of_event(event, &mut said),
            (_, Some(_)) | (Outcome::Reject { .. }, None) => {
                said.push(format!("expected {}, found {}", self.in_words(), found.in_words()));
            }
            (Outcome::Event(event), None) => self.of_event(event, &mut said),
            (Outcome::File { path, prefix, event }, None) => {
                text("path", self.path.as_deref(), path, &mut said);
                text("prefix", self.prefix.as_deref(), prefix, &mut said);
                self.of_event(event, &mut said);
            }
            (Outcome::Row { partition, columns }, None) => {
                text("partition", self.partition.as_deref(), partition, &mut said);
                for (name, expected) in &self.columns {
                    said.extend(column(name, expected, columns));
                }
            }
        }
        said
    }

    fn of_event(&self, event: &Event, said: &mut Vec<String>) {
        text("body", self.body.as_deref(), &String::from_utf8_lossy(&event.body), said);
        for (name, expected) in &self.headers {
            match event.headers.get(name) {
                None => said.push(format!("header {name}: expected {expected:?}, there is none")),
                Some(_) if expected == ANY => {}
                Some(found) => text(&format!("header {name}"), Some(expected), found, said),
            }
        }
        for name in &self.without_headers {
            if let Some(found) = event.headers.get(name) {
                said.push(format!("header {name}: expected none, found {found:?}"));
            }
        }
    }

    fn in_words(&self) -> String {
        let reject = self.reject.as_ref().map(|reason| format!("a reject ({reason})"));
        let partition = self.partition.as_ref().map(|partition| format!("a row in {partition}"));
        let path = self.path.as_ref().map(|path| format!("an event in {path}"));
        let row = (!self.columns.is_empty()).then(|| format!("a row {}", shown(&self.columns)));
        let body = self.body.as_ref().map(|body| format!("an event {body:?}"));
        reject.or(partition).or(path).or(row).or(body).unwrap_or_else(|| "an event".to_owned())
    }
}

/// In what a column is another than was expected.
fn column(name: &str, expected: &Value, columns: &BTreeMap<String, Value>) -> Option<String> {
    let Some(found) = columns.get(name) else {
        let names: Vec<&str> = columns.keys().map(String::as_str).collect();
        let near = nearest(name, &names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Some(format!("there is no column `{name}`{near}"));
    };
    let is_same = match (expected.as_f64(), found.as_f64()) {
        (Some(one), Some(other)) if expected.is_f64() || found.is_f64() => one == other,
        _ => expected == found,
    };
    let is_any = expected == ANY && !found.is_null();
    (!is_same && !is_any).then(|| format!("column {name}: expected {}, found {}", value(expected), value(found)))
}

/// A value as it is told.
fn value(value: &Value) -> String {
    if value.is_null() { "NULL".to_owned() } else { value.to_string() }
}

fn shown(columns: &BTreeMap<String, Value>) -> String {
    let all: Vec<String> = columns
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, found)| format!("{name} = {}", value(found)))
        .collect();
    all.join(", ")
}

impl Outcome {
    fn in_words(&self) -> String {
        let body = |event: &Event| format!("{:?}", String::from_utf8_lossy(&event.body));
        match self {
            Self::Event(event) => {
                let headers: Vec<String> =
                    event.headers.all().map(|(name, text)| format!("{name} = {text:?}")).collect();
                format!("an event {} with headers {{ {} }}", body(event), headers.join(", "))
            }
            Self::Row { partition, columns } => format!("a row in {partition}: {}", shown(columns)),
            Self::File { path, prefix, event } => format!("an event in {path}, in a file {prefix}*: {}", body(event)),
            Self::Reject { reason, event } => format!("a reject ({reason}): {}", body(event)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn event(body: &'static str, header: &'static str) -> Event {
        let mut event = Event { body: Bytes::from_static(body.as_bytes()), ..Event::default() };
        event.headers.set("level", header);
        event
    }

    fn expected(body: &str, level: &str) -> Expected {
        let headers = [("level".to_owned(), level.to_owned())].into();
        Expected { body: Some(body.to_owned()), headers, ..Expected::default() }
    }

    #[test]
    fn events_are_compared_in_their_order_and_number() {
        let found = [Outcome::Event(event("a", "INFO")), Outcome::Event(event("b", "WARN"))];
        assert!(compare(&[expected("a", "INFO"), expected("b", "*")], &found).is_empty());
        assert_eq!(
            compare(&[expected("a", "ERROR")], &found),
            [
                "event 1: header level: expected \"ERROR\", found \"INFO\"",
                "not expected: an event \"b\" with headers { level = \"WARN\" }"
            ]
        );
        let three = [expected("a", "INFO"), expected("c", "WARN"), expected("d", "*")];
        assert_eq!(compare(&three, &found), ["event 2: body: expected \"c\", found \"b\"", "missing: an event \"d\""]);
        let without = Expected { without_headers: vec!["level".into(), "x".into()], ..Expected::default() };
        assert_eq!(compare(&[without], &found[..1]), ["event 1: header level: expected none, found \"INFO\""]);
    }

    #[test]
    fn rows_are_compared_by_column_and_rejects_by_reason() {
        let columns =
            [("status".to_owned(), json!(404)), ("real".to_owned(), json!(2.0)), ("x".to_owned(), json!(null))];
        let row = Outcome::Row { partition: "dt=2010-12-01".into(), columns: columns.into() };
        let of =
            |name: &str, value: Value| Expected { columns: [(name.to_owned(), value)].into(), ..Expected::default() };
        for (name, value, said) in [
            ("status", json!(404), None),
            ("status", json!(200), Some("column status: expected 200, found 404")),
            ("status", json!("404"), Some("column status: expected \"404\", found 404")),
            ("real", json!(2), None),
            ("x", json!(null), None),
            ("x", json!("*"), Some("column x: expected \"*\", found NULL")),
            ("stauts", json!(1), Some("there is no column `stauts`; did you mean `status`?")),
        ] {
            let found = compare(&[of(name, value)], std::slice::from_ref(&row));
            assert_eq!(found.first().and_then(|said| said.strip_prefix("event 1: ")), said);
        }
        let reject = Outcome::Reject { reason: "truncated in the host".into(), event: event("b", "INFO") };
        let why = |reason: &str| Expected { reject: Some(reason.into()), ..Expected::default() };
        assert!(compare(&[why("truncated")], std::slice::from_ref(&reject)).is_empty());
        assert!(
            compare(&[why("no time")], std::slice::from_ref(&reject))[0].contains("found \"truncated in the host\"")
        );
        assert!(compare(&[Expected::default()], &[reject])[0].contains("found a reject (truncated in the host)"));
        assert!(compare(&[why("x")], &[row])[0].contains("expected a reject (x), found a row in dt=2010-12-01"));
    }
}
