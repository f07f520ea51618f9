//! The agent's own log, to look at events: headers, and the first bytes of the body in hexadecimal and as text.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Begun, Chunk, EpochWriter, Kept, Sink, Written};
use crate::agent::channels::cursor::Cursor;
use crate::agent::event::Event;
use crate::agent::sorter::Sorter;
use crate::error::Result;

/// What the sink is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct LoggerOptions {
    /// Bytes of a body that are shown.
    #[serde(default = "max_bytes")]
    pub max_bytes: usize,
}

fn max_bytes() -> usize {
    16
}

/// Shows events.
#[derive(Debug)]
pub(super) struct LoggerSink(LoggerOptions);

impl LoggerSink {
    pub(super) fn new(options: LoggerOptions) -> Self {
        Self(options)
    }
}

#[async_trait(?Send)]
impl Sink for LoggerSink {
    fn name(&self) -> String {
        "logger".to_owned()
    }

    fn sorter(&self) -> Option<Sorter> {
        None
    }

    async fn recover(&mut self) -> Result<Kept> {
        Ok(Kept::Channel)
    }

    async fn begin(&mut self, _: &Cursor) -> Result<Begun> {
        Ok(Begun::Epoch(Box::new(Shown { max_bytes: self.0.max_bytes, written: Written::default() })))
    }
}

struct Shown {
    max_bytes: usize,
    written: Written,
}

#[async_trait(?Send)]
impl EpochWriter for Shown {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        let Chunk::Events(events) = chunk else { return Ok(()) };
        for event in events {
            tracing::info!("event {}", shown(&event, self.max_bytes));
            self.written.rows += 1;
            self.written.bytes += event.body.len() as u64;
        }
        Ok(())
    }

    async fn commit(self: Box<Self>, _: &Cursor) -> Result<Written> {
        Ok(self.written)
    }
}

/// An event as Flume's logger shows it.
fn shown(event: &Event, max_bytes: usize) -> String {
    let headers: Vec<String> = event.headers.all().map(|(name, value)| format!("{name}={value}")).collect();
    let body = &event.body[..event.body.len().min(max_bytes)];
    let hexadecimal: String = body.iter().map(|byte| format!(" {byte:02X}")).collect();
    let text: String = body.iter().map(|byte| if (32..127).contains(byte) { char::from(*byte) } else { '.' }).collect();
    format!("{{ headers:{{{}}} body:{hexadecimal} {text} }}", headers.join(", "))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn an_event_is_shown_in_hexadecimal_and_as_text() {
        let mut event = Event { body: Bytes::from_static(b"Hello\tworld, and more"), ..Event::default() };
        event.headers.set("host", "web1");
        let wanted = "{ headers:{host=web1} body: 48 65 6C 6C 6F 09 77 6F Hello.wo }";
        assert_eq!(shown(&event, 8), wanted);
    }
}
