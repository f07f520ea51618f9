//! Flume's calls in Avro: what a source reads and answers, and what a sink asks.
//!
//! Source: the Avro 1.11 specification, "Protocol Wire Format"; Flume 1.11 `flume.avdl`.

use bytes::Bytes;
use bytestring::ByteString;

use super::binary::{Reader, put_bytes, put_count, put_long};
use super::handshake::{Agreement, Request};
use super::{Asked, Budget, Malformed, Status, headers};
use crate::agent::event::Event;

/// What a server knows of one connection.
#[derive(Clone, Debug, Default)]
pub(in crate::agent) struct Session {
    /// The client's protocol is known: it shakes hands no more.
    is_met: bool,
}

/// A call as it was read, and the beginning of its answer.
pub(in crate::agent) struct Read {
    pub asked: Asked,
    /// The handshake, where there was one.
    pub head: Vec<u8>,
}

impl Session {
    /// Reads a message, whose events may take so much memory.
    ///
    /// # Errors
    /// It is not of the protocol; nothing can be answered.
    pub(in crate::agent) fn read(&mut self, message: &[u8], memory_bytes: usize) -> Result<Read, Malformed> {
        let (mut from, mut head) = (Reader::new(message, memory_bytes), Vec::new());
        if !self.is_met {
            self.is_met = Request::read(&mut from)?.answer(&mut head)?;
            if !self.is_met {
                return Ok(Read { asked: Asked::Nothing, head });
            }
        }
        from.skip_metadata()?;
        let asked = match from.text()? {
            "append" => Asked::Append(vec![event(&mut from)?]),
            "appendBatch" => {
                let mut events = Vec::new();
                from.blocks(|from| {
                    events.push(event(from)?);
                    Ok(())
                })?;
                Asked::Append(events)
            }
            "" => Asked::Nothing,
            other => return Ok(Read { asked: Asked::Unknown(other.chars().take(80).collect()), head }),
        };
        from.finish()?;
        Ok(Read { asked, head })
    }
}

/// The answer to a call, behind its handshake.
pub(in crate::agent) fn answer(mut head: Vec<u8>, status: Status) -> Vec<u8> {
    put_long(&mut head, 0);
    head.push(0);
    let symbol = match status {
        Status::Ok => 0,
        Status::Failed | Status::Error => 1,
        Status::Unknown => 2,
    };
    put_long(&mut head, symbol);
    head
}

/// The answer to a call that cannot be made, behind its handshake.
pub(in crate::agent) fn declined(mut head: Vec<u8>, why: &str) -> Vec<u8> {
    put_long(&mut head, 0);
    head.push(1);
    // The first of a call's errors is always a text.
    put_long(&mut head, 0);
    put_bytes(&mut head, why.as_bytes());
    head
}

fn event(from: &mut Reader<'_>) -> Result<Event, Malformed> {
    from.budget.spend(Budget::EVENT)?;
    let mut all = Vec::new();
    from.blocks(|from| {
        let (name, value) = (from.text()?, from.text()?);
        from.budget.spend(Budget::HEADER + name.len() + value.len())?;
        all.push((ByteString::from(name), ByteString::from(value)));
        Ok(())
    })?;
    let body = from.bytes()?;
    from.budget.spend(body.len())?;
    // A copy: one event that stays for long is not to hold the whole message.
    Ok(Event { headers: headers(all), body: Bytes::copy_from_slice(body) })
}

/// A call with some events.
pub(super) fn call(agreement: &Agreement, events: &[Event]) -> Vec<u8> {
    let mut to = Vec::with_capacity(events.iter().map(Event::size).sum::<usize>() + 256);
    agreement.put(&mut to);
    put_long(&mut to, 0);
    put_bytes(&mut to, b"appendBatch");
    if !events.is_empty() {
        put_count(&mut to, events.len());
    }
    for event in events {
        let count = event.headers.all().count();
        if count > 0 {
            put_count(&mut to, count);
        }
        for (name, value) in event.headers.all() {
            put_bytes(&mut to, name.as_bytes());
            put_bytes(&mut to, value.as_bytes());
        }
        put_long(&mut to, 0);
        put_bytes(&mut to, &event.body);
    }
    put_long(&mut to, 0);
    to
}

/// What a server answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Status(Status),
    /// It wants to see our protocol: the call has to be made again.
    Again,
    /// It declined, for this reason.
    Declined(String),
}

/// Reads the answer to a call.
///
/// # Errors
/// It is not of the protocol.
pub(super) fn answered(agreement: &mut Agreement, message: &[u8]) -> Result<Answer, Malformed> {
    let mut from = Reader::new(message, 0);
    if !agreement.read(&mut from)? {
        return Ok(Answer::Again);
    }
    from.skip_metadata()?;
    if from.flag()? {
        return match from.long()? {
            0 => Ok(Answer::Declined(from.text()?.to_owned())),
            other => Err(Malformed::new(format!("the call has no error {other}"))),
        };
    }
    let status = match from.long()? {
        0 => Status::Ok,
        1 => Status::Failed,
        2 => Status::Unknown,
        other => return Err(Malformed::new(format!("there is no status {other}"))),
    };
    from.finish()?;
    Ok(Answer::Status(status))
}
