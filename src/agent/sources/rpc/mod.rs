//! Events that other agents and clients send by Flume's calls, in Avro or in Thrift.
//!
//! A call is answered with OK once all its events are in the channel, so it is taken whole or not at all. A channel that
//! stays full is answered with FAILED: the client keeps what it has. A client that got no answer does not know and sends
//! again: at least once. What is not of the protocol ends its connection.

mod filter;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::TcpStream;

pub(in crate::agent) use self::filter::Rule;
use super::intake::{self, Intake, Put};
use super::{Source, SourceReport};
use crate::agent::in_flight::{Claim, InFlight};
use crate::agent::outlet::Outlet;
use crate::agent::position::PositionForm;
use crate::agent::rpc::{Asked, Entrance, Limits, Malformed, Message, Session, Speech, Status, Stream, avro, thrift};
use crate::error::Result;

/// How long a call waits for room before it is answered with FAILED.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many times its bytes the events of a call take, unless they are very short.
const USUAL: usize = 4;

/// Connections that are served at once.
const CONNECTIONS: usize = 1_000;

/// Clients keep connections that say nothing: one whose host is gone is noticed by this.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// What the source is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct RpcOptions {
    pub bind: String,
    pub port: u16,
    pub speech: Speech,
    pub entrance: Entrance,
    pub rules: Vec<Rule>,
    pub limits: Limits,
    /// What all calls hold together.
    pub in_flight: InFlight,
}

impl RpcOptions {
    /// The form of its position.
    pub(in crate::agent) fn form(&self) -> PositionForm {
        PositionForm { kind: Cow::Borrowed(self.speech.name()), version: 1 }
    }
}

/// Serves a port.
#[derive(Debug)]
pub(in crate::agent) struct RpcSource {
    options: RpcOptions,
    listener: TcpListener,
}

impl RpcSource {
    /// # Errors
    /// Those of [`intake::bind`].
    pub(in crate::agent) fn bind(options: RpcOptions) -> Result<Self> {
        let listener = intake::bind(&options.bind, options.port)?;
        Ok(Self { options, listener })
    }
}

impl Source for RpcSource {
    fn run(self: Box<Self>, outlet: Arc<Outlet>) -> Result<SourceReport> {
        let Self { options, listener } = *self;
        let options = Arc::new(options);
        intake::serve(vec![listener], &outlet, CONNECTIONS, |stream, peer, intake| {
            let (options, ended) = (options.clone(), intake.clone());
            async move {
                if !filter::admits(&options.rules, peer.ip()) {
                    tracing::warn!("{peer} is not let in by ip-filter");
                    return;
                }
                // A call that is being put is answered: it is in the channel.
                tokio::select! {
                    done = converse(stream, peer, &options, intake) => if let Err(e) = done {
                        tracing::warn!("the connection of {peer} ended: {e}");
                    },
                    () = async { ended.ended().await; tokio::time::sleep(LAST).await } => {}
                }
            }
        })?;
        Ok(SourceReport::default())
    }
}

/// How long calls that are at hand at the end may take to be answered.
const LAST: Duration = Duration::from_millis(500);

/// Answers the calls of a client.
async fn converse(socket: TcpStream, peer: SocketAddr, options: &RpcOptions, intake: Intake) -> io::Result<()> {
    let keep_alive = socket2::TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE);
    socket2::SockRef::from(&socket).set_tcp_keepalive(&keep_alive)?;
    let stream: Stream = options.entrance.admit(socket).await?;
    let mut stream = BufReader::with_capacity(16 << 10, stream);
    let mut session = Session::default();
    loop {
        let mut claim = options.in_flight.claim();
        let Some(message) = next(&mut stream, options, &intake, &mut claim).await? else { return Ok(()) };
        let answer = match answer(&message.bytes, options, &mut session, &intake, &mut claim).await {
            Ok(answer) => answer,
            Err(e) => {
                intake.malformed();
                let what = format!("it sent what is not a call of Flume's: {e}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        };
        Message { serial: message.serial, bytes: answer }.write(&mut stream, options.speech).await?;
        tracing::trace!("answered a call of {peer}");
    }
}

/// The next message of a client; what is not one is counted.
async fn next(
    stream: &mut BufReader<Stream>,
    options: &RpcOptions,
    intake: &Intake,
    claim: &mut Claim,
) -> io::Result<Option<Message>> {
    let read = Message::read_within(stream, options.speech, options.limits, claim).await;
    read.inspect_err(|e| {
        if e.kind() == io::ErrorKind::InvalidData {
            intake.malformed();
        }
    })
}

/// Does what a message asks for, and gives the answer.
///
/// # Errors
/// It is not of the protocol.
async fn answer(
    message: &[u8],
    options: &RpcOptions,
    session: &mut Session,
    intake: &Intake,
    claim: &mut Claim,
) -> Result<Vec<u8>, Malformed> {
    match options.speech {
        Speech::Avro => {
            let before = session.clone();
            let read = |memory_bytes| {
                *session = before.clone();
                session.read(message, memory_bytes)
            };
            let avro::Read { asked, head } = within(message.len(), options.limits, claim, read).await?;
            Ok(match asked {
                Asked::Nothing => head,
                Asked::Append(events) => avro::answer(head, put(events, intake).await),
                Asked::Unknown(name) => avro::declined(head, &format!("there is no call {name}")),
            })
        }
        Speech::Thrift(encoding) => {
            let read = |memory_bytes| thrift::read(encoding, message, memory_bytes);
            let mut read = within(message.len(), options.limits, claim, read).await?;
            match std::mem::replace(&mut read.asked, Asked::Nothing) {
                Asked::Append(events) => thrift::answer(encoding, &read, put(events, intake).await),
                Asked::Unknown(name) => thrift::declined(encoding, &read, &format!("there is no call {name}")),
                Asked::Nothing => thrift::declined(encoding, &read, "there is no call without a name"),
            }
        }
    }
}

/// Reads a message of so many bytes, and claims what its events may take: first what is usual, and where that is too little
/// all that they may take.
async fn within<T>(
    message_bytes: usize,
    limits: Limits,
    claim: &mut Claim,
    mut read: impl FnMut(usize) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    let most = limits.memory_bytes();
    let usual = message_bytes.saturating_mul(USUAL).min(most);
    claim.grow(usual).await;
    match read(usual) {
        Err(e) if e.is_too_large() && usual < most => {
            claim.grow(most - usual).await;
            read(most)
        }
        done => done,
    }
}

async fn put(events: Vec<crate::agent::event::Event>, intake: &Intake) -> Status {
    if events.is_empty() {
        return Status::Ok;
    }
    match intake.put_within(events, PATIENCE).await {
        Put::Done => Status::Ok,
        Put::Full | Put::Closed | Put::Failed => Status::Failed,
    }
}
