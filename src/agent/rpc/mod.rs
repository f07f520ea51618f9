//! How agents of Flume speak to each other: calls that carry events, and a status for an answer.
//!
//! ```text
//! call        append, appendBatch; the status of each                     avro, thrift
//! values      Avro's binary encoding, and what it may take of memory      binary
//! agreement   who speaks which protocol                                   handshake
//! messages    a length, or a serial number and buffers, before the bytes  frames
//! bytes       deflate and TLS, one in the other                           deflate, layers
//! client      one connection, one call at a time                          client
//! ```
//!
//! What comes from the network is bounded before it is kept: the bytes of a message, the memory of its events, and the time
//! that one may take to come.

pub(super) mod avro;
mod binary;
mod client;
mod deflate;
mod frames;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;
mod handshake;
mod layers;
pub(super) mod thrift;

#[cfg(test)]
mod tests;

use std::fmt;

use bytestring::ByteString;

pub(super) use self::avro::Session;
pub(super) use self::client::Client;
pub(crate) use self::client::{ClientOptions, Deflation};
pub(super) use self::frames::{Limits, Message};
pub(super) use self::layers::{Entrance, Stream};
pub(crate) use self::thrift::Encoding;
use super::event::{Event, Headers};

/// How events are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    /// Flume's `AvroSourceProtocol` over what Avro calls its Netty transport.
    Avro,
    /// Flume's `ThriftSourceProtocol` in frames.
    Thrift(thrift::Encoding),
}

impl Speech {
    /// The word for it, as the type of a component.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Avro => "avro",
            Self::Thrift(_) => "thrift",
        }
    }
}

/// The answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// All events of the call are in the channel.
    Ok,
    /// None is.
    Failed,
    /// Thrift's alone.
    Error,
    Unknown,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Failed => "FAILED",
            Self::Error => "ERROR",
            Self::Unknown => "UNKNOWN",
        })
    }
}

/// What is not of the protocol, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub String);

impl Malformed {
    /// Its events take more memory than they may.
    const TOO_LARGE: &str = "its events take too much memory";

    /// Whether it could be read with more memory.
    pub(super) fn is_too_large(&self) -> bool {
        self.0 == Self::TOO_LARGE
    }

    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a message asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Events for the channel, all of them or none.
    Append(Vec<Event>),
    /// Only that both sides agree on the protocol.
    Nothing,
    /// A call that there is not.
    Unknown(String),
}

/// How much memory the events of a message may still take.
///
/// A byte on the wire can be an event or a header, which take many times as much.
#[derive(Debug)]
struct Budget(usize);

impl Budget {
    /// About what an event takes beside its body and its headers, and a header beside its texts.
    const EVENT: usize = 96;
    const HEADER: usize = 64;

    fn spend(&mut self, bytes: usize) -> Result<(), Malformed> {
        self.0 = self.0.checked_sub(bytes).ok_or_else(|| Malformed::new(Malformed::TOO_LARGE))?;
        Ok(())
    }
}

/// An event's headers, of which the last of a name counts, as in Flume's map.
fn headers(all: Vec<(ByteString, ByteString)>) -> Headers {
    let mut by_name = std::collections::BTreeMap::new();
    by_name.extend(all);
    Headers::new(None, by_name.into_iter().collect())
}
