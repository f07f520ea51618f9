//! Numbers, or bodies of one size: a source for tests and measurements, as Flume's `seq` and `StressSource`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Source, SourceReport};
use crate::agent::event::Event;
use crate::agent::outlet::{Origin, Outlet};
use crate::agent::position::{PositionForm, SourcePosition};
use crate::error::Result;

pub(in crate::agent) const FORM: PositionForm = PositionForm { kind: Cow::Borrowed("sequence"), version: 1 };

/// The key of the only entry: the next number.
const NEXT: &str = "next";

/// What the source is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SequenceOptions {
    /// Events of a batch.
    #[serde(default = "batch_size")]
    pub batch_size: u64,
    /// Events in all; without an end where it is left out.
    #[serde(default)]
    pub total_events: Option<u64>,
    /// Bytes of a body, all of them 0x7F; the number of the event where it is left out.
    #[serde(default)]
    pub body_bytes: Option<usize>,
}

fn batch_size() -> u64 {
    1
}

/// Gives numbers.
#[derive(Debug)]
pub(in crate::agent) struct SequenceSource {
    options: SequenceOptions,
    next: u64,
}

impl SequenceSource {
    pub(in crate::agent) fn new(options: SequenceOptions, position: Option<&SourcePosition>) -> Self {
        let next = position.and_then(|position| position.entries.get(NEXT)?.as_u64());
        Self { options, next: next.unwrap_or(0) }
    }
}

impl Source for SequenceSource {
    fn run(mut self: Box<Self>, outlet: Arc<Outlet>) -> Result<SourceReport> {
        let total = self.options.total_events.unwrap_or(u64::MAX);
        let fixed = self.options.body_bytes.map(|bytes| Bytes::from(vec![0x7f; bytes]));
        while self.next < total {
            let end = self.next.saturating_add(self.options.batch_size.max(1)).min(total);
            let body = |number: u64| fixed.clone().unwrap_or_else(|| Bytes::from(number.to_string()));
            let events = (self.next..end).map(|number| Event { body: body(number), ..Event::default() }).collect();
            let origin =
                outlet.wants_origin().then(|| Origin { key: NEXT.into(), offsets: (self.next..end).collect() });
            if !outlet.put(events, BTreeMap::from([(NEXT.to_owned(), end.into())]), origin)? {
                break;
            }
            self.next = end;
        }
        Ok(SourceReport::default())
    }
}
