//! What is done to events on their way from a source to its channels, in the order of the configuration.
//!
//! `dedupe`, `sample` and `protect` are ours. The others do what Flume's interceptors of these names do (Flume 1.11, `org.apache.flume.interceptor`), with two
//! differences: a regular expression has no look-around and no back-references, which is said at the start, and the text
//! of a body is UTF-8 unless `charset` says otherwise.

mod dedupe;
mod extract;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;
mod replacement;
mod sample;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytestring::ByteString;
use jiff::Timestamp;
use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use self::dedupe::Dedupe;
pub(crate) use self::extract::ExtractArgs;
use self::extract::Extractor;
pub(in crate::agent) use self::extract::strtime_pattern;
use self::sample::Sample;
use super::event::{Event, names};
use super::host::{own_address, own_name};
use super::veil::{How, Veil, VeilArgs};
use crate::config::Timespan;
use crate::error::{self, Result};

/// What is done to events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub(crate) enum InterceptorArgs {
    /// Notes when the event came, in milliseconds since 1970.
    Timestamp {
        #[serde(default = "timestamp_header")]
        header: String,
        /// Leave a header that is there already.
        #[serde(default)]
        preserve_existing: bool,
    },
    /// Notes which machine took the event.
    Host {
        #[serde(default = "host_header")]
        header: String,
        /// Its address rather than its name.
        #[serde(default = "yes")]
        use_ip: bool,
        #[serde(default)]
        preserve_existing: bool,
    },
    /// Notes a text that is always the same.
    Static {
        #[serde(default = "static_key")]
        key: String,
        #[serde(default = "static_value")]
        value: String,
        #[serde(default = "yes")]
        preserve_existing: bool,
    },
    /// Takes headers away.
    RemoveHeader {
        #[serde(default)]
        with_name: Option<String>,
        #[serde(default)]
        names: Vec<String>,
        /// A regular expression that a whole name must match.
        #[serde(default)]
        matching: Option<String>,
    },
    /// Gives the event a name of its own.
    Uuid {
        #[serde(default = "uuid_header")]
        header: String,
        #[serde(default = "yes")]
        preserve_existing: bool,
        #[serde(default)]
        prefix: String,
    },
    /// Replaces what a regular expression finds in the body; `$1` stands for its first group.
    SearchReplace {
        search: String,
        #[serde(default)]
        replace: String,
    },
    /// Keeps the events in whose body a regular expression finds something, or those in which it does not.
    RegexFilter {
        #[serde(default = "everything")]
        regex: String,
        #[serde(default)]
        exclude: bool,
    },
    /// Makes headers of what the groups of a regular expression find in the body.
    RegexExtractor {
        regex: String,
        /// What becomes of each group, in their order; further groups are left alone.
        groups: Vec<ExtractArgs>,
    },
    /// Leaves out events whose id came before.
    Dedupe {
        /// The header that holds the id.
        header: String,
        /// How long an id is remembered.
        #[serde(default = "ten_minutes")]
        window: Timespan,
        /// How many are.
        #[serde(default = "max_ids")]
        max_ids: usize,
    },
    /// Keeps so many of so many events, by the hash of a header or, without one, of the body.
    Sample {
        #[serde(default)]
        header: Option<String>,
        keep: u64,
        of: u64,
    },
    /// Hides the values of headers, and what a regular expression finds in the body: its first group, or all of a match.
    Protect {
        #[serde(default)]
        headers: Vec<String>,
        #[serde(default)]
        search: Option<String>,
        how: How,
        /// The key of a hash.
        #[serde(default)]
        key_file: Option<PathBuf>,
        #[serde(default)]
        key_env: Option<String>,
        /// Bits of an address that stay.
        #[serde(default)]
        ipv4_bits: Option<u8>,
        #[serde(default)]
        ipv6_bits: Option<u8>,
    },
}

impl InterceptorArgs {
    /// Lets relative local paths begin at `base`.
    pub(in crate::agent) fn below(&mut self, base: &Path) {
        if let Self::Protect { key_file: Some(file), .. } = self {
            *file = base.join(&*file);
        }
    }
}

fn ten_minutes() -> Timespan {
    Timespan::from_secs(600)
}

fn max_ids() -> usize {
    100_000
}

fn timestamp_header() -> String {
    "timestamp".to_owned()
}

fn host_header() -> String {
    "host".to_owned()
}

fn static_key() -> String {
    "key".to_owned()
}

fn static_value() -> String {
    "value".to_owned()
}

fn uuid_header() -> String {
    "id".to_owned()
}

fn everything() -> String {
    ".*".to_owned()
}

fn yes() -> bool {
    true
}

/// Interceptors that are ready to be used.
#[derive(Debug, Default)]
pub(in crate::agent) struct Interceptors {
    all: Vec<Interceptor>,
    /// The time that they take for now, where it stands still.
    now: Option<Timestamp>,
    /// Held from before a batch is looked at until it is put, where that decides what becomes of the next one.
    turn: Mutex<()>,
}

/// What interceptors made of a batch.
#[derive(Debug, Default)]
pub(in crate::agent) struct Intercepted {
    pub events: Vec<Event>,
    pub left_out: LeftOut,
}

/// How many events were left out, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct LeftOut {
    /// All of them.
    pub events: u64,
    /// As their id came before.
    pub duplicates: u64,
    /// As they are not of the sample.
    pub sampled: u64,
    /// Ids that were forgotten before their time, as there were too many.
    pub forgotten_ids: u64,
}

#[derive(Debug)]
enum Interceptor {
    Timestamp { header: ByteString, preserve: bool },
    Fixed { header: ByteString, value: ByteString, preserve: bool },
    RemoveHeader { names: Vec<String>, matching: Option<regex::Regex> },
    Uuid { header: ByteString, prefix: String, preserve: bool },
    SearchReplace { search: Regex, replace: Vec<u8> },
    RegexFilter { regex: Regex, exclude: bool },
    RegexExtractor(Extractor),
    Dedupe(Dedupe),
    Sample(Sample),
    Protect { headers: Vec<String>, search: Option<Regex>, veil: Veil },
}

impl Interceptors {
    /// # Errors
    /// Config: a regular expression or a group that makes no sense.
    pub(in crate::agent) fn new(all: &[InterceptorArgs]) -> Result<Self> {
        Ok(Self { all: all.iter().map(Interceptor::new).collect::<Result<_>>()?, ..Self::default() })
    }

    /// Takes a time for now, for good.
    pub(in crate::agent) fn at(self, now: Timestamp) -> Self {
        Self { now: Some(now), ..self }
    }

    /// Waits for the turn of a batch, which ends when it is known whether the batch was put; `None` where that does not
    /// matter.
    pub(in crate::agent) fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        let remembers = self.all.iter().any(|interceptor| matches!(interceptor, Interceptor::Dedupe(_)));
        remembers.then(|| self.turn.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says whether what was applied since the last time is in the channels.
    pub(in crate::agent) fn settle(&self, is_put: bool) {
        for interceptor in &self.all {
            if let Interceptor::Dedupe(dedupe) = interceptor {
                dedupe.settle(is_put);
            }
        }
    }

    /// Gives what becomes of events; some may be gone.
    pub(in crate::agent) fn apply(&self, events: Vec<Event>) -> Intercepted {
        let mut left_out = LeftOut::default();
        if self.all.is_empty() {
            return Intercepted { events, left_out };
        }
        let (now, before) = (|| self.now.unwrap_or_else(Timestamp::now), events.len());
        let mut apply =
            |event| self.all.iter().try_fold(event, |event, interceptor| interceptor.apply(event, now, &mut left_out));
        let events: Vec<Event> = events.into_iter().filter_map(&mut apply).collect();
        left_out.events = before.saturating_sub(events.len()) as u64;
        Intercepted { events, left_out }
    }
}

impl Interceptor {
    fn new(args: &InterceptorArgs) -> Result<Self> {
        Ok(match args {
            InterceptorArgs::Timestamp { header, preserve_existing } => {
                Self::Timestamp { header: header.as_str().into(), preserve: *preserve_existing }
            }
            InterceptorArgs::Host { header, use_ip, preserve_existing } => {
                let value = if *use_ip { own_address() } else { own_name() };
                Self::Fixed { header: header.as_str().into(), value: value.into(), preserve: *preserve_existing }
            }
            InterceptorArgs::Static { key, value, preserve_existing } => {
                Self::Fixed { header: key.as_str().into(), value: value.as_str().into(), preserve: *preserve_existing }
            }
            InterceptorArgs::RemoveHeader { with_name, names, matching } => {
                let names = with_name.iter().chain(names).cloned().collect();
                let matching = matching.as_ref().map(|text| compiled(&format!("^(?:{text})$"), text));
                Self::RemoveHeader { names, matching: matching.transpose()? }
            }
            InterceptorArgs::Uuid { header, preserve_existing, prefix } => {
                Self::Uuid { header: header.as_str().into(), prefix: prefix.clone(), preserve: *preserve_existing }
            }
            InterceptorArgs::SearchReplace { search, replace } => {
                let search = of_bytes(search)?;
                let replace = replacement::translated(replace, search.captures_len() - 1)?.into_bytes();
                Self::SearchReplace { search, replace }
            }
            InterceptorArgs::RegexFilter { regex, exclude } => {
                Self::RegexFilter { regex: of_bytes(regex)?, exclude: *exclude }
            }
            InterceptorArgs::RegexExtractor { regex, groups } => {
                Self::RegexExtractor(Extractor::new(of_bytes(regex)?, groups)?)
            }
            InterceptorArgs::Dedupe { header, window, max_ids } => {
                if header.is_empty() || *max_ids == 0 {
                    return Err(error::config("dedupe has no header, or remembers no ids")
                        .hint("name the header of the id, and give max-ids of at least 1"));
                }
                Self::Dedupe(Dedupe::new(header.as_str().into(), window.get(), *max_ids))
            }
            InterceptorArgs::Sample { header, keep, of } => Self::Sample(Sample::new(header.as_deref(), *keep, *of)?),
            InterceptorArgs::Protect { headers, search, how, key_file, key_env, ipv4_bits, ipv6_bits } => {
                if headers.is_empty() && search.is_none() {
                    return Err(error::config("protect says nothing of what it hides")
                        .hint("name headers, or search in the body by a regular expression"));
                }
                let (key_file, key_env) = (key_file.clone(), key_env.clone());
                let args = VeilArgs { how: *how, key_file, key_env, ipv4_bits: *ipv4_bits, ipv6_bits: *ipv6_bits };
                let search = search.as_deref().map(of_bytes).transpose()?;
                Self::Protect { headers: headers.clone(), search, veil: Veil::new(&args, Path::new(""))? }
            }
        })
    }

    /// The event as it is afterwards; `None` if it is left out.
    fn apply(&self, mut event: Event, now: impl Fn() -> Timestamp, left_out: &mut LeftOut) -> Option<Event> {
        match self {
            Self::Timestamp { header, preserve } => {
                set(&mut event, header, *preserve, || now().as_millisecond().to_string().into());
            }
            Self::Fixed { header, value, preserve } => set(&mut event, header, *preserve, || value.clone()),
            Self::RemoveHeader { names, matching } => event.headers.remove(|name| {
                names.iter().any(|unwanted| unwanted == name) || matching.as_ref().is_some_and(|m| m.is_match(name))
            }),
            Self::Uuid { header, prefix, preserve } => {
                set(&mut event, header, *preserve, || format!("{prefix}{}", uuid::Uuid::now_v7()).into());
            }
            Self::SearchReplace { search, replace } => {
                if let std::borrow::Cow::Owned(body) = search.replace_all(&event.body, replace.as_slice()) {
                    event.body = body.into();
                }
            }
            Self::RegexFilter { regex, exclude } => {
                // What was cut off may be what is looked for.
                let is_whole = event.headers.get(names::CUT).is_none();
                if regex.is_match(&event.body) == *exclude && is_whole {
                    return None;
                }
            }
            Self::RegexExtractor(extractor) => extractor.apply(&mut event),
            Self::Dedupe(dedupe) => {
                if !dedupe.is_first(&event, left_out) {
                    return None;
                }
            }
            Self::Sample(sample) => {
                if !sample.is_kept(&event) {
                    left_out.sampled += 1;
                    return None;
                }
            }
            Self::Protect { headers, search, veil } => {
                headers.iter().for_each(|name| hide_header(&mut event, name, veil));
                if let Some(search) = search {
                    hide_in_body(&mut event, search, veil);
                }
            }
        }
        Some(event)
    }
}

fn hide_header(event: &mut Event, name: &str, veil: &Veil) {
    let Some(hidden) = event.headers.get(name).map(|value| veil.hide(value)) else { return };
    match hidden {
        Some(hidden) => event.headers.set(name, hidden),
        None => event.headers.remove(|other| other == name),
    }
}

/// Hides the first group of each match, or all of it where there is no group.
fn hide_in_body(event: &mut Event, search: &Regex, veil: &Veil) {
    let (mut out, mut done) = (Vec::new(), 0);
    for found in search.captures_iter(&event.body) {
        let Some(part) = (if search.captures_len() > 1 { found.get(1) } else { found.get(0) }) else { continue };
        out.extend_from_slice(&event.body[done..part.start()]);
        let hidden = veil.hide(&String::from_utf8_lossy(part.as_bytes()));
        out.extend_from_slice(hidden.unwrap_or_default().as_bytes());
        done = part.end();
    }
    if done > 0 {
        out.extend_from_slice(&event.body[done..]);
        event.body = out.into();
    }
}

fn set(event: &mut Event, header: &ByteString, preserve: bool, value: impl FnOnce() -> ByteString) {
    if !(preserve && event.headers.get(header).is_some()) {
        event.headers.set(header.clone(), value());
    }
}

fn of_bytes(text: &str) -> Result<Regex> {
    Regex::new(text).map_err(|e| wrong(text, &e))
}

fn compiled(whole: &str, text: &str) -> Result<regex::Regex> {
    regex::Regex::new(whole).map_err(|e| wrong(text, &e))
}

fn wrong(text: &str, why: &regex::Error) -> error::Error {
    let why = why.to_string();
    let last = why.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
    error::config(format!("regular expression {text}: {last}"))
        .hint("look-around and back-references are not supported; write it without them")
}
