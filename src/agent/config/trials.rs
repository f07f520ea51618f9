//! The tables `[[test]]` of an agent's file: events of a source, and what is to become of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::agent::event::{Event, names};
use crate::agent::graph::Graph;
use crate::agent::sinks::SinkKind;
use crate::agent::sources::SourceKind;
use crate::agent::trial::{Expected, Place, Trial};
use crate::config::{Document, Part, nearest};
use crate::error::{self, Error, Result};

/// The keys of a test.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TrialArgs {
    source: String,
    /// Bodies, each of an event.
    #[serde(default)]
    lines: Vec<String>,
    /// The file that the lines are of, where the source reads files.
    #[serde(default = "file")]
    file: String,
    #[serde(default)]
    events: Vec<EventArgs>,
    #[serde(default)]
    now: Option<String>,
    expect: Vec<ExpectArgs>,
}

fn file() -> String {
    "test".to_owned()
}

/// An event as a source gives it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct EventArgs {
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

/// What is to become of an event, or that there is none.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct ExpectArgs {
    channel: Option<String>,
    sink: Option<String>,
    nothing: bool,
    body: Option<String>,
    headers: BTreeMap<String, String>,
    without_headers: Vec<String>,
    partition: Option<String>,
    columns: BTreeMap<String, toml::Value>,
    null_columns: Vec<String>,
    path: Option<String>,
    prefix: Option<String>,
    reject: Option<String>,
}

/// Takes the tests of a graph out of its document.
///
/// # Errors
/// Config: all that is wrong with them.
pub(super) fn take(document: &mut Document<'_>, graph: &Graph) -> Result<Vec<Trial>, Vec<Error>> {
    let (mut trials, mut wrong) = (Vec::<Trial>::new(), Vec::new());
    for mut part in document.tables("test").map_err(|e| vec![e])? {
        let name = match part.text("name") {
            Ok(name) => name,
            Err(e) => {
                wrong.push(e);
                continue;
            }
        };
        part.label = format!("test `{name}`");
        if trials.iter().any(|trial| trial.name == name) {
            let what = format!("two tables [[test]] are called `{name}`");
            wrong.push(part.wrong("name", error::config(what).hint("give each a name of its own")));
        }
        match trial(&part, name, graph) {
            Ok(trial) => trials.push(trial),
            Err(all) => wrong.extend(all),
        }
    }
    if wrong.is_empty() { Ok(trials) } else { Err(wrong) }
}

fn trial(part: &Part<'_>, name: String, graph: &Graph) -> Result<Trial, Vec<Error>> {
    let TrialArgs { source, lines, file, events, now, expect } = part.read()?;
    let mut wrong = Vec::new();
    let found = graph.sources.iter().find(|known| known.name == source);
    if found.is_none() {
        let names: Vec<&str> = graph.sources.iter().map(|source| source.name.as_str()).collect();
        wrong.push(part.wrong("source", unknown("source", &source, &names)));
    }
    if lines.is_empty() && events.is_empty() {
        let e =
            error::config("the test gives no events").hint("give lines = [\"..\"], or events with headers and bodies");
        wrong.push(part.wrong("", e));
    }
    if expect.is_empty() {
        let e = error::config("nothing is expected")
            .hint("say what becomes of the events: expect = [{ channel = \"..\" }]");
        wrong.push(part.wrong("expect", e));
    }
    let now = now.map(|text| text.parse::<Timestamp>()).transpose().unwrap_or_else(|e| {
        let e = error::config("now is not a time").hint("write it as 2024-05-01T10:00:00Z").source(e);
        wrong.push(part.wrong("now", e));
        None
    });
    let mut expected: Vec<(Place, Vec<Expected>)> = Vec::new();
    for (number, args) in expect.into_iter().enumerate() {
        let in_place = |e: Error| part.wrong("expect", e.context(format!("entry {}", number + 1)));
        let (place, nothing) = match place(&args, graph, found.map(|source| source.channels.as_slice())) {
            Ok(place) => (place, args.nothing),
            Err(e) => {
                wrong.push(in_place(e));
                continue;
            }
        };
        wrong.extend(args.misplaced(&place, graph).map(in_place));
        let at = expected.iter().position(|(known, _)| *known == place).unwrap_or(expected.len());
        if at == expected.len() {
            expected.push((place, Vec::new()));
        }
        if !nothing {
            expected[at].1.push(args.into_expected());
        }
    }
    let is_of_files = found.is_some_and(|source| matches!(source.kind, SourceKind::Taildir { .. }));
    let events = lines_of(lines, is_of_files.then_some(file.as_str())).into_iter().chain(events.into_iter().map(event));
    let events = events.collect();
    if wrong.is_empty() { Ok(Trial { name, source, events, now, expected }) } else { Err(wrong) }
}

/// Lines as events; those of a file have its headers.
fn lines_of(lines: Vec<String>, file: Option<&str>) -> Vec<Event> {
    let mut offset = 0;
    let line = |line: String| {
        let mut event = Event { body: Bytes::from(line), ..Event::default() };
        if let Some(file) = file {
            event.headers.set(names::FILE, file);
            event.headers.set(names::BYTE_OFFSET, offset.to_string());
        }
        offset += event.body.len() as u64 + 1;
        event
    };
    lines.into_iter().map(line).collect()
}

fn event(args: EventArgs) -> Event {
    let mut event = Event { body: Bytes::from(args.body), ..Event::default() };
    args.headers.into_iter().for_each(|(name, value)| event.headers.set(name, value));
    event
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Error {
    let hint = match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    error::config(format!("there is no {what} `{name}`")).hint(hint)
}

/// Where something is expected, which the source must reach.
fn place(args: &ExpectArgs, graph: &Graph, reached: Option<&[String]>) -> Result<Place> {
    let (place, channel) = match (&args.channel, &args.sink) {
        (Some(channel), None) => (Place::Channel(channel.clone()), channel),
        (None, Some(name)) => match graph.sinks.iter().find(|sink| sink.name == *name) {
            Some(sink) => (Place::Sink(name.clone()), &sink.channel),
            None => {
                let names: Vec<&str> = graph.sinks.iter().map(|sink| sink.name.as_str()).collect();
                return Err(unknown("sink", name, &names));
            }
        },
        _ => return Err(error::config("it names no place, or two").hint("name a channel or a sink")),
    };
    match reached {
        Some(reached) if !reached.contains(channel) => {
            let names: Vec<&str> = reached.iter().map(String::as_str).collect();
            Err(unknown("channel of the source", channel, &names))
        }
        _ => Ok(place),
    }
}

impl ExpectArgs {
    /// A key that has nothing to say of its place.
    fn misplaced(&self, place: &Place, graph: &Graph) -> Option<Error> {
        let kind = match place {
            Place::Channel(_) => None,
            Place::Sink(name) => graph.sinks.iter().find(|sink| sink.name == *name).map(|sink| &sink.kind),
        };
        let is_hbase = matches!(kind, Some(SinkKind::HBase(_)));
        let is_table = is_hbase || matches!(kind, Some(SinkKind::Table(_)));
        let is_hdfs = matches!(kind, Some(SinkKind::Hdfs(_)));
        let of_row = [
            ("partition", self.partition.is_some()),
            ("columns", !self.columns.is_empty()),
            ("null-columns", !self.null_columns.is_empty()),
        ];
        let of_file = [("path", self.path.is_some()), ("prefix", self.prefix.is_some())];
        let of_event = [
            ("body", self.body.is_some()),
            ("headers", !self.headers.is_empty()),
            ("without-headers", !self.without_headers.is_empty()),
        ];
        let reject = [("reject", self.reject.is_some())];
        let is_reject = self.reject.is_some();
        let first = |keys: &[(&'static str, bool)]| keys.iter().find(|(_, is_given)| *is_given).map(|(key, _)| *key);
        let key = match (self.nothing, is_table, is_hdfs, is_reject) {
            (true, ..) => first(&[&of_row[..], &of_file, &of_event, &reject].concat()),
            (_, true, _, _) if is_hbase && self.partition.is_some() => Some("partition"),
            (_, true, _, false) => first(&[&of_file[..], &of_event].concat()),
            (_, true, _, true) | (_, _, true, true) => first(&[&of_row[..], &of_file].concat()),
            (_, _, true, false) => first(&of_row),
            (_, false, false, _) => first(&[&of_row[..], &of_file, &reject].concat()),
        };
        key.map(|key| {
            let hint = match self.nothing {
                true => "take it out, or take out `nothing`".to_owned(),
                false => "partition is of sinks of type table, columns of these and of hbase, path and prefix of type hdfs, headers and bodies \
                          of channels, of hdfs and of rejects"
                    .to_owned(),
            };
            error::config(format!("`{key}` says nothing of {place}")).hint(hint)
        })
    }

    fn into_expected(self) -> Expected {
        let Self { body, headers, without_headers, partition, columns, null_columns, path, prefix, reject, .. } = self;
        let nulls = null_columns.into_iter().map(|name| (name, Value::Null));
        let columns = columns.into_iter().map(|(name, value)| (name, json(value))).chain(nulls).collect();
        Expected { body, headers, without_headers, partition, columns, path, prefix, reject }
    }
}

/// A value of TOML as JSON; a date is a text.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(time) => time.to_string().into(),
        // What else TOML has, JSON has as well.
        other => serde_json::to_value(other).unwrap_or(Value::Null),
    }
}
