//! One connection to a broker: requests go out in the newest version that both sides know, answers come in their order.
//!
//! It blocks. A wait is broken off when whoever waits is to end, as a broker may take minutes to answer (a group that
//! waits for its members). A connection that failed is not used again.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiVersionsRequest, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message, StrBytes};

use super::options::{KafkaServers, LIMIT};
use super::{fault, login};
use crate::error::{self, Error, Result};
use crate::net::tls::{self, Tls, TlsStream};
use crate::net::{Server, is_timeout, set_limit};

/// How often it is looked whether whoever waits is to end.
const LOOK: Duration = Duration::from_millis(100);
/// The longest answer; a broker sends at most what a fetch asks for, and one batch more.
const LONGEST: usize = 1 << 30;
/// What this client calls an answer in a form that it does not know.
const WHAT: &str = "a kafka broker";

/// A request, and its answer. The crate says this of both sides of a connection at once, or not at all.
pub(super) trait Request: Message + Encodable + HeaderVersion {
    const KEY: i16;
    /// The newest version that is spoken here.
    const NEWEST: i16;
    type Response: Decodable + HeaderVersion;
}

macro_rules! requests {
    ($($request:ident => $response:ident, $key:literal, $newest:literal;)*) => {
        $(impl Request for kafka_protocol::messages::$request {
            const KEY: i16 = $key;
            const NEWEST: i16 = $newest;
            type Response = kafka_protocol::messages::$response;
        })*
    };
}

// Behind the newest version of ours comes: leaders in the answer, and topics by their ids (0, 1, 8); several groups in one
// request (9, 10); a reason (11); several members (13).
requests! {
    ProduceRequest => ProduceResponse, 0, 9;
    FetchRequest => FetchResponse, 1, 12;
    ListOffsetsRequest => ListOffsetsResponse, 2, 7;
    MetadataRequest => MetadataResponse, 3, 12;
    OffsetCommitRequest => OffsetCommitResponse, 8, 8;
    OffsetFetchRequest => OffsetFetchResponse, 9, 7;
    FindCoordinatorRequest => FindCoordinatorResponse, 10, 3;
    JoinGroupRequest => JoinGroupResponse, 11, 7;
    HeartbeatRequest => HeartbeatResponse, 12, 4;
    LeaveGroupRequest => LeaveGroupResponse, 13, 2;
    SyncGroupRequest => SyncGroupResponse, 14, 5;
    SaslHandshakeRequest => SaslHandshakeResponse, 17, 1;
    ApiVersionsRequest => ApiVersionsResponse, 18, 0;
    InitProducerIdRequest => InitProducerIdResponse, 22, 4;
    SaslAuthenticateRequest => SaslAuthenticateResponse, 36, 2;
}

/// Says whether a wait is to go on.
pub(crate) type Alive = Arc<dyn Fn() -> bool + Send + Sync>;

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

/// A connection, logged in.
pub(super) struct Connection {
    server: Server,
    stream: Stream,
    client_id: StrBytes,
    next: i32,
    /// What the broker speaks, by the number of the request.
    versions: BTreeMap<i16, (i16, i16)>,
    alive: Alive,
    /// When the broker wants another login.
    pub(super) expires: Option<Instant>,
}

/// A request that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    id: i32,
    version: i16,
}

impl Connection {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Unreachable: nobody answers, or not in Kafka's protocol. Auth: the broker declines us, or its certificate is not
    /// good. Refused: it is too old.
    pub(super) fn open(servers: &KafkaServers, tls: Option<&Tls>, address: &str, alive: Alive) -> Result<Self> {
        let server = Server::new(WHAT, address, LIMIT);
        let socket = server.connect()?;
        let stream = match tls {
            None => Stream::Plain(socket),
            Some(tls) => Stream::Tls(Box::new(tls.connect(&server, socket)?)),
        };
        let socket = match &stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => &stream.sock,
        };
        set_limit(socket, LOOK).map_err(|e| server.unreachable(e))?;
        let client_id = StrBytes::from_string(servers.client_id.clone());
        let mut open = Self { server, stream, client_id, next: 0, versions: BTreeMap::new(), alive, expires: None };
        let versions = open.call(&ApiVersionsRequest::default(), LIMIT)?;
        if versions.error_code != 0 {
            return Err(fault::of(versions.error_code, format!("{}: ask for its versions", open.server)));
        }
        open.versions = versions.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version))).collect();
        if let Some(mechanism) = servers.mechanism(&open.server)? {
            login::log_in(&mut open, mechanism)?;
        }
        Ok(open)
    }

    /// The broker, for errors.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// The version in which a request is sent.
    ///
    /// # Errors
    /// Refused: the broker knows none that we know.
    pub(super) fn version<R: Request>(&self) -> Result<i16> {
        if R::KEY == ApiVersionsRequest::KEY {
            return Ok(R::NEWEST);
        }
        let told = self.versions.get(&R::KEY);
        let common = told.map(|(least, most)| ((*least).max(R::VERSIONS.min), R::NEWEST.min(*most)));
        common.filter(|(least, most)| least <= most).map(|(_, most)| most).ok_or_else(|| {
            error::refused(format!(
                "{} does not speak what is needed (request {}, versions {told:?})",
                self.server,
                R::KEY
            ))
            .hint("brokers from Kafka 0.11 on are spoken to")
        })
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// Those of [`send`](Self::send) and [`receive`](Self::receive).
    pub(super) fn call<R: Request>(&mut self, request: &R, limit: Duration) -> Result<R::Response> {
        let sent = self.send(request)?;
        self.receive::<R>(sent, limit)
    }

    /// Sends a request; its answer is to be received before that of the next one.
    ///
    /// # Errors
    /// Unreachable: the connection broke. Refused: the broker does not know such requests.
    pub(super) fn send<R: Request>(&mut self, request: &R) -> Result<Sent> {
        let version = self.version::<R>()?;
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(id)
            .with_client_id(Some(self.client_id.clone()));
        let mut bytes = BytesMut::new();
        bytes.put_i32(0);
        let encoded =
            header.encode(&mut bytes, R::header_version(version)).and_then(|()| request.encode(&mut bytes, version));
        encoded.map_err(|e| error::bug(format!("cannot encode request {} in version {version}", R::KEY)).source(e))?;
        let length = i32::try_from(bytes.len() - 4)
            .map_err(|_| error::data("a request is longer than 2 GiB").hint("lower batch-bytes"))?;
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        self.write(&bytes)?;
        Ok(Sent { id, version })
    }

    /// Waits for the answer to the oldest request that was sent.
    ///
    /// # Errors
    /// Unreachable: it does not come within the limit, the connection broke, or it is not one of Kafka's. Busy: whoever
    /// waits is to end.
    pub(super) fn receive<R: Request>(&mut self, sent: Sent, limit: Duration) -> Result<R::Response> {
        let until = Instant::now() + limit;
        let mut length = [0; 4];
        self.read(&mut length, until, limit)?;
        let length = usize::try_from(i32::from_be_bytes(length)).ok().filter(|length| *length <= LONGEST);
        let length = length.ok_or_else(|| self.foreign("the length of its answer makes no sense"))?;
        let mut bytes = BytesMut::zeroed(length);
        self.read(&mut bytes, until, limit)?;
        let mut bytes = bytes.freeze();
        let header = ResponseHeader::decode(&mut bytes, R::Response::header_version(sent.version));
        let header = header.map_err(|e| self.foreign(e))?;
        if header.correlation_id != sent.id {
            return Err(self.foreign(format!("it answered request {} and not {}", header.correlation_id, sent.id)));
        }
        decode::<R::Response>(&mut bytes, sent.version).map_err(|e| self.foreign(e))
    }

    fn foreign(&self, why: impl ToString) -> Error {
        error::unreachable(format!("{} does not answer in Kafka's protocol", self.server))
            .source(why.to_string())
            .hint("check that it is a broker's port, and whether its listener wants TLS (tls) or a login (sasl)")
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let (until, mut left) = (Instant::now() + LIMIT, bytes);
        while !left.is_empty() {
            let done = match &mut self.stream {
                Stream::Plain(socket) => socket.write(left),
                Stream::Tls(stream) => stream.write(left),
            };
            match done {
                Ok(written) => left = &left[written..],
                Err(e) if is_timeout(&e) => self.look(until, LIMIT)?,
                Err(e) => return Err(self.lost(e)),
            }
        }
        loop {
            let Stream::Tls(stream) = &mut self.stream else { return Ok(()) };
            match stream.flush() {
                Ok(()) => return Ok(()),
                Err(e) if is_timeout(&e) => self.look(until, LIMIT)?,
                Err(e) => return Err(self.lost(e)),
            }
        }
    }

    fn read(&mut self, to: &mut [u8], until: Instant, limit: Duration) -> Result<()> {
        let mut filled = 0;
        while filled < to.len() {
            let rest = &mut to[filled..];
            let done = match &mut self.stream {
                Stream::Plain(socket) => socket.read(rest),
                Stream::Tls(stream) => stream.read(rest),
            };
            match done {
                Ok(0) => return Err(self.lost(std::io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => filled += count,
                Err(e) if is_timeout(&e) => self.look(until, limit)?,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.lost(e)),
            }
        }
        Ok(())
    }

    fn look(&self, until: Instant, limit: Duration) -> Result<()> {
        if !(self.alive)() {
            return Err(error::busy("the agent ends"));
        }
        if Instant::now() < until {
            return Ok(());
        }
        let what = format!("{} did not answer within {} s", self.server, limit.as_secs());
        Err(error::unreachable(what).hint("look at the broker's load and log, and whether its listener wants TLS"))
    }

    fn lost(&self, e: std::io::Error) -> Error {
        if !self.versions.is_empty() {
            return error::unreachable(format!("lost the connection to {}", self.server))
                .hint("look at the broker's log if it lasts")
                .source(e);
        }
        tls::declined(&self.server, &e).unwrap_or_else(|| {
            self.server.unreachable(e).hint("check whether this listener wants TLS (tls) or a login (sasl)")
        })
    }
}

/// Reads an answer; all of it has to be one.
fn decode<T: Decodable>(bytes: &mut Bytes, version: i16) -> Result<T, String> {
    T::decode(bytes, version).map_err(|e| e.to_string())
}
