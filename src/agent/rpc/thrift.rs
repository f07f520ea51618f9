//! Flume's calls in Thrift: what a source reads and answers, and what a sink asks.
//!
//! Source: Flume 1.11 `flume.thrift`. The structures are read here and not by generated code, which sets memory apart for
//! as many events as a message says it has.

use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserialize;
use thrift::TConfiguration;
use thrift::protocol::{
    TBinaryInputProtocol, TBinaryOutputProtocol, TCompactInputProtocol, TCompactOutputProtocol, TFieldIdentifier,
    TInputProtocol, TListIdentifier, TMapIdentifier, TMessageIdentifier, TMessageType, TOutputProtocol,
    TStructIdentifier, TType,
};

use super::{Asked, Budget, Malformed, Status, headers};
use crate::agent::event::Event;

/// Which of Thrift's protocols is spoken; nobody tells the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Encoding {
    #[default]
    Compact,
    Binary,
}

/// The kinds of Thrift's own exceptions that are told. Source: Thrift `TApplicationException`.
const UNKNOWN_METHOD: i32 = 1;

impl Encoding {
    fn input<'a>(self, message: &'a [u8]) -> Result<Box<dyn TInputProtocol + 'a>, Malformed> {
        let most = Some(message.len().max(1));
        let limits = TConfiguration::builder()
            .max_message_size(most)
            .max_frame_size(most)
            .max_container_size(most)
            .max_string_size(most);
        let limits = limits.build().map_err(malformed)?;
        Ok(match self {
            Self::Compact => Box::new(TCompactInputProtocol::with_config(message, limits)),
            Self::Binary => Box::new(TBinaryInputProtocol::with_config(message, false, limits)),
        })
    }

    fn output(self, to: &mut Vec<u8>) -> Box<dyn TOutputProtocol + '_> {
        match self {
            Self::Compact => Box::new(TCompactOutputProtocol::with_config(to, TConfiguration::no_limits())),
            Self::Binary => Box::new(TBinaryOutputProtocol::with_config(to, true, TConfiguration::no_limits())),
        }
    }
}

fn malformed(error: thrift::Error) -> Malformed {
    Malformed::new(match error {
        thrift::Error::Transport(e) => e.message,
        thrift::Error::Protocol(e) => e.message,
        thrift::Error::Application(e) => e.message,
        thrift::Error::User(e) => e.to_string(),
    })
}

/// A call as it was read, and what its answer begins with.
#[derive(Debug)]
pub(in crate::agent) struct Read {
    pub asked: Asked,
    head: Head,
}

#[derive(Clone, Debug)]
struct Head {
    name: String,
    number: i32,
}

/// Reads a message, whose events may take so much memory.
///
/// # Errors
/// It is not of the protocol; nothing can be answered.
pub(in crate::agent) fn read(encoding: Encoding, message: &[u8], memory_bytes: usize) -> Result<Read, Malformed> {
    let mut input = encoding.input(message)?;
    let from = &mut *input;
    let TMessageIdentifier { name, message_type, sequence_number } = from.read_message_begin().map_err(malformed)?;
    if message_type != TMessageType::Call {
        return Err(Malformed::new("it is not a call"));
    }
    let mut budget = Budget(memory_bytes);
    let mut events = None;
    let asked = match name.as_str() {
        "append" => {
            fields(from, |from, id, kind| {
                let is_event = id == 1 && kind == TType::Struct;
                if is_event {
                    events = Some(vec![event(from, &mut budget)?]);
                }
                Ok(is_event)
            })?;
            Asked::Append(events.ok_or_else(|| Malformed::new("append has no event"))?)
        }
        "appendBatch" => {
            fields(from, |from, id, kind| {
                let is_list = id == 1 && kind == TType::List;
                if is_list {
                    events = Some(list(from, &mut budget)?);
                }
                Ok(is_list)
            })?;
            Asked::Append(events.ok_or_else(|| Malformed::new("appendBatch has no events"))?)
        }
        other => Asked::Unknown(other.chars().take(80).collect()),
    };
    Ok(Read { asked, head: Head { name, number: sequence_number } })
}

/// Reads a structure: `each` says whether it has read a field, which is passed over where it has not.
fn fields(
    from: &mut dyn TInputProtocol,
    mut each: impl FnMut(&mut dyn TInputProtocol, i16, TType) -> Result<bool, Malformed>,
) -> Result<(), Malformed> {
    from.read_struct_begin().map_err(malformed)?;
    loop {
        let TFieldIdentifier { field_type, id, .. } = from.read_field_begin().map_err(malformed)?;
        if field_type == TType::Stop {
            return from.read_struct_end().map_err(malformed);
        }
        if !each(from, id.unwrap_or_default(), field_type)? {
            from.skip(field_type).map_err(malformed)?;
        }
        from.read_field_end().map_err(malformed)?;
    }
}

fn list(from: &mut dyn TInputProtocol, budget: &mut Budget) -> Result<Vec<Event>, Malformed> {
    let TListIdentifier { element_type, size } = from.read_list_begin().map_err(malformed)?;
    if element_type != TType::Struct && size > 0 {
        return Err(Malformed::new("its events are not structures"));
    }
    let mut events = Vec::new();
    for _ in 0..size {
        events.push(event(from, budget)?);
    }
    from.read_list_end().map_err(malformed)?;
    Ok(events)
}

fn event(from: &mut dyn TInputProtocol, budget: &mut Budget) -> Result<Event, Malformed> {
    budget.spend(Budget::EVENT)?;
    let (mut own, mut body) = (None, None);
    fields(from, |from, id, kind| {
        match (id, kind) {
            (1, TType::Map) => own = Some(map(from, budget)?),
            (2, TType::String) => {
                let bytes = from.read_bytes().map_err(malformed)?;
                budget.spend(bytes.len())?;
                body = Some(Bytes::from(bytes));
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    match (own, body) {
        (Some(own), Some(body)) => Ok(Event { headers: headers(own), body }),
        _ => Err(Malformed::new("an event has no headers or no body")),
    }
}

fn map(from: &mut dyn TInputProtocol, budget: &mut Budget) -> Result<Vec<(ByteString, ByteString)>, Malformed> {
    let TMapIdentifier { key_type, value_type, size } = from.read_map_begin().map_err(malformed)?;
    if size > 0 && (key_type, value_type) != (Some(TType::String), Some(TType::String)) {
        return Err(Malformed::new("headers are not texts"));
    }
    let mut all = Vec::new();
    for _ in 0..size {
        let (name, value) = (from.read_string().map_err(malformed)?, from.read_string().map_err(malformed)?);
        budget.spend(Budget::HEADER + name.len() + value.len())?;
        all.push((ByteString::from(name), ByteString::from(value)));
    }
    from.read_map_end().map_err(malformed)?;
    Ok(all)
}

/// The number of a status. Source: Flume 1.11 `flume.thrift`.
fn number(status: Status) -> i32 {
    match status {
        Status::Ok => 0,
        Status::Failed => 1,
        Status::Error => 2,
        Status::Unknown => 3,
    }
}

/// The answer to a call.
///
/// # Errors
/// It cannot be written.
pub(in crate::agent) fn answer(encoding: Encoding, read: &Read, status: Status) -> Result<Vec<u8>, Malformed> {
    written(encoding, &read.head, TMessageType::Reply, |to| {
        to.write_field_begin(&TFieldIdentifier::new("success", TType::I32, 0))?;
        to.write_i32(number(status))?;
        to.write_field_end()
    })
}

/// The answer to a call that there is not.
///
/// # Errors
/// It cannot be written.
pub(in crate::agent) fn declined(encoding: Encoding, read: &Read, why: &str) -> Result<Vec<u8>, Malformed> {
    written(encoding, &read.head, TMessageType::Exception, |to| {
        to.write_field_begin(&TFieldIdentifier::new("message", TType::String, 1))?;
        to.write_string(why)?;
        to.write_field_end()?;
        to.write_field_begin(&TFieldIdentifier::new("type", TType::I32, 2))?;
        to.write_i32(UNKNOWN_METHOD)?;
        to.write_field_end()
    })
}

/// A message with one structure, whose fields are written by `content`.
fn written(
    encoding: Encoding,
    head: &Head,
    kind: TMessageType,
    content: impl FnOnce(&mut dyn TOutputProtocol) -> thrift::Result<()>,
) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::new();
    let write = |to: &mut dyn TOutputProtocol| {
        to.write_message_begin(&TMessageIdentifier::new(head.name.as_str(), kind, head.number))?;
        to.write_struct_begin(&TStructIdentifier::new("content"))?;
        content(to)?;
        to.write_field_stop()?;
        to.write_struct_end()?;
        to.write_message_end()
    };
    write(&mut *encoding.output(&mut bytes)).map_err(malformed)?;
    Ok(bytes)
}

/// A call with some events.
///
/// # Errors
/// There are more than Thrift can count.
pub(super) fn call(encoding: Encoding, number: i32, events: &[Event]) -> Result<Vec<u8>, Malformed> {
    let count = |count: usize| i32::try_from(count).map_err(|_| thrift::Error::from("more than thrift can count"));
    written(encoding, &Head { name: "appendBatch".to_owned(), number }, TMessageType::Call, |to| {
        to.write_field_begin(&TFieldIdentifier::new("events", TType::List, 1))?;
        to.write_list_begin(&TListIdentifier::new(TType::Struct, count(events.len())?))?;
        for event in events {
            to.write_struct_begin(&TStructIdentifier::new("ThriftFlumeEvent"))?;
            to.write_field_begin(&TFieldIdentifier::new("headers", TType::Map, 1))?;
            let own = count(event.headers.all().count())?;
            to.write_map_begin(&TMapIdentifier::new(TType::String, TType::String, own))?;
            for (name, value) in event.headers.all() {
                to.write_string(name)?;
                to.write_string(value)?;
            }
            to.write_map_end()?;
            to.write_field_end()?;
            to.write_field_begin(&TFieldIdentifier::new("body", TType::String, 2))?;
            to.write_bytes(&event.body)?;
            to.write_field_end()?;
            to.write_field_stop()?;
            to.write_struct_end()?;
        }
        to.write_list_end()?;
        to.write_field_end()
    })
}

/// Reads the answer to a call of this number: its status, or why it was declined.
///
/// # Errors
/// It is not of the protocol.
pub(super) fn answered(encoding: Encoding, number: i32, message: &[u8]) -> Result<Result<Status, String>, Malformed> {
    let mut input = encoding.input(message)?;
    let from = &mut *input;
    let head = from.read_message_begin().map_err(malformed)?;
    if head.sequence_number != number {
        return Err(Malformed::new("it answers another call"));
    }
    let (mut status, mut said) = (None, String::new());
    fields(from, |from, id, kind| {
        match (head.message_type, id, kind) {
            (TMessageType::Reply, 0, TType::I32) => status = Some(from.read_i32().map_err(malformed)?),
            (TMessageType::Exception, 1, TType::String) => said = from.read_string().map_err(malformed)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    match (head.message_type, status) {
        (TMessageType::Exception, _) => Ok(Err(said)),
        (TMessageType::Reply, Some(0)) => Ok(Ok(Status::Ok)),
        (TMessageType::Reply, Some(1)) => Ok(Ok(Status::Failed)),
        (TMessageType::Reply, Some(2)) => Ok(Ok(Status::Error)),
        (TMessageType::Reply, Some(3)) => Ok(Ok(Status::Unknown)),
        (TMessageType::Reply, Some(other)) => Err(Malformed::new(format!("there is no status {other}"))),
        _ => Err(Malformed::new("it has no status")),
    }
}
