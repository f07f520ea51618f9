//! A conversation of our own with a NameNode, for the little that the client below does not ask: which level of protection
//! a connection gets, what the NameNode says of itself, which encryption zone a path is in, and a block by which a
//! DataNode can be tried. One call at a time; all of it blocks.
//!
//! Source: Hadoop 3.4 `SaslRpcClient`, `Client`, `ProtobufRpcEngine2`.

mod login;
mod messages;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use prost::Message;

pub(super) use self::login::{DEFAULT_SERVICE, PRINCIPAL};
use self::login::{choose, other_principal};
use self::messages::{
    AbandonBlock, AddBlock, AddBlockAnswer, Auth, ConnectionContext, Create, CreateAnswer, DefaultsAnswer, Delete,
    Done, MethodHeader, Mode, Nothing, Path, RequestHeader, ResponseHeader, SafeMode, Sasl, User, ZoneAnswer,
};
pub(super) use self::messages::{Block, BlockToken, Defaults, Room, Transfer};
use crate::error::{self, Error, Kind, Result};
use crate::net::login::Login;
use crate::net::sasl::{Layer, Mechanism};
use crate::net::{Server, is_ended, is_timeout};
use crate::storage::fault;

const PROTOCOL: &str = "org.apache.hadoop.hdfs.protocol.ClientProtocol";
const VERSION: u8 = 9;
/// The kind of request that carries protocol buffers.
const PROTOBUF: i32 = 2;
/// The numbers of what is sent as a call and is not one.
const SASL_CALL: i32 = -33;
const CONTEXT_CALL: i32 = -3;
/// How the first bytes announce a login by SASL, or none.
const BY_SASL: u8 = 0xdf;
const BY_NAME: u8 = 0;
/// A longer answer than any that is asked for here.
const LONGEST: u32 = 16 << 20;

/// `SAFEMODE_GET`, which anybody may ask.
const SAFE_MODE_GET: i32 = 3;

/// The steps of a login.
const SUCCESS: i32 = 0;
const NEGOTIATE: i32 = 1;
const INITIATE: i32 = 2;
const CHALLENGE: i32 = 3;
const RESPONSE: i32 = 4;
const WRAP: i32 = 5;

/// What to look at where something else answers.
const NAMENODE_PORT: &str =
    "check the port: it is that of dfs.namenode.rpc-address, mostly 8020 or 9000, not of its web side or of a datanode";

/// Who speaks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// What the NameNode is shown; nothing on an open cluster.
    pub login: Login,
    /// In whose name, where it is not who logs in.
    pub user: Option<String>,
}

/// A file with a block that is not to be written.
pub(super) struct NewBlock {
    path: String,
    client: String,
    /// Whose the file is.
    pub owner: Option<String>,
    pub block: Block,
}

/// An open conversation.
pub(super) struct Namenode {
    server: Server,
    stream: TcpStream,
    layer: Layer,
    /// What was opened by the layer and not read yet.
    opened: Vec<u8>,
    client: Vec<u8>,
    calls: i32,
}

impl Namenode {
    /// Connects and logs in; the server's limit holds for each answer.
    ///
    /// # Errors
    /// Unreachable: no connection, or no answer. Auth: not let in. Refused: a level of protection that is not offered.
    pub(super) fn open(server: &Server, caller: &Caller) -> Result<Self> {
        let secure = !matches!(caller.login, Login::Nothing);
        let client = uuid::Uuid::new_v4().as_bytes().to_vec();
        let stream = server.connect()?;
        let server = server.clone();
        let mut this = Self { server, stream, layer: Layer::None, opened: Vec::new(), client, calls: 0 };
        let hello = [b'h', b'r', b'p', b'c', VERSION, 0, if secure { BY_SASL } else { BY_NAME }];
        this.put(&hello)?;
        if secure {
            this.layer = this.log_in(&caller.login).map_err(|e| match e.kind() {
                // It names the server.
                Kind::Unreachable => e,
                _ => e.context(format!("cannot log in to {}", this.server)),
            })?;
        }
        let user = caller.user.clone().map(|user| User { effective: Some(user) });
        let context = ConnectionContext { user, protocol: Some(PROTOCOL.to_owned()) };
        this.send(CONTEXT_CALL, &[context.encode_length_delimited_to_vec()])?;
        Ok(this)
    }

    fn log_in(&mut self, login: &Login) -> Result<Layer> {
        let mut theirs = None;
        self.converse(login, &mut theirs).map_err(|e| match (login, theirs) {
            (Login::Kerberos { server, .. }, Some(theirs)) => other_principal(e, server, self.server.host(), &theirs),
            _ => e,
        })
    }

    /// Logs in; `theirs` becomes the principal that the NameNode says it has, without its realm.
    fn converse(&mut self, login: &Login, theirs: &mut Option<String>) -> Result<Layer> {
        self.send_sasl(&Sasl { state: NEGOTIATE, ..Sasl::default() })?;
        let mut mechanism: Option<Mechanism> = None;
        loop {
            let said: Sasl = self.answer_of_packet()?;
            let challenge = said.token.as_deref().unwrap_or_default();
            match (said.state, &mut mechanism) {
                (NEGOTIATE, None) => {
                    let auth = choose(login, &said.auths)?;
                    *theirs = auth.principal();
                    let chosen = login.mechanism(&self.server)?;
                    let chosen = chosen.ok_or_else(|| error::bug("a login without a mechanism"))?;
                    let challenge = auth.challenge.as_deref().unwrap_or_default();
                    let token = Some(mechanism.insert(chosen).respond(challenge)?.bytes);
                    let auths = vec![Auth { challenge: None, ..auth.clone() }];
                    self.send_sasl(&Sasl { state: INITIATE, token, auths })?;
                }
                (CHALLENGE, Some(mechanism)) => {
                    let token = Some(mechanism.respond(challenge)?.bytes);
                    self.send_sasl(&Sasl { state: RESPONSE, token, auths: Vec::new() })?;
                }
                (SUCCESS, Some(_)) => {
                    let Some(mut mechanism) = mechanism.take() else { return Ok(Layer::None) };
                    if !challenge.is_empty() {
                        mechanism.respond(challenge)?;
                    }
                    return Ok(mechanism.into_layer());
                }
                (state, _) => return Err(error::refused(format!("the namenode sent SASL state {state} out of turn"))),
            }
        }
    }

    /// What the NameNode says of itself.
    ///
    /// # Errors
    /// Busy: it is not the active one. Those of the connection.
    pub(super) fn defaults(&mut self) -> Result<Defaults> {
        self.call::<DefaultsAnswer>("getServerDefaults", &Nothing {}).map(|answer| answer.defaults)
    }

    /// The encryption zone that a path is in.
    ///
    /// # Errors
    /// NotFound: there is no such path. Auth: it may not be looked at.
    pub(super) fn zone(&mut self, path: &str) -> Result<Option<String>> {
        let answer = self.call::<ZoneAnswer>("getEZForPath", &Path { path: path.to_owned() })?;
        Ok(answer.zone.map(|zone| zone.path).filter(|path| !path.is_empty()))
    }

    /// Whether it takes no writes.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) fn is_safe_mode(&mut self) -> Result<bool> {
        // Of one that is not the active one it would be of no use.
        let ask = SafeMode { action: SAFE_MODE_GET, checked: Some(true) };
        self.call::<Done>("setSafeMode", &ask).map(|answer| answer.done)
    }

    /// How much the DataNodes hold, and may still take.
    ///
    /// # Errors
    /// Busy: it is not the active one. Those of the connection.
    pub(super) fn room(&mut self) -> Result<Room> {
        self.call::<Room>("getFsStats", &Nothing {})
    }

    /// Time for an answer.
    pub(super) fn limit(&self) -> Duration {
        self.server.limit
    }

    /// Begins a file, and gives its owner and its first block, which is never written; [`give_back`](Self::give_back)
    /// takes both away. Where the block is not to be had, the file is taken away at once.
    ///
    /// # Errors
    /// Those of making a file.
    pub(super) fn new_block(&mut self, path: &str, block_bytes: u64) -> Result<NewBlock> {
        let client = format!("sakia-{}", uuid::Uuid::new_v4().simple());
        let create = Create {
            path: path.to_owned(),
            mode: Mode { bits: 0o600 },
            client: client.clone(),
            flags: 1,
            parents: false,
            replication: 1,
            block_bytes,
        };
        let owner = self.call::<CreateAnswer>("create", &create)?.file.map(|file| file.owner);
        let path = path.to_owned();
        match self.call::<AddBlockAnswer>("addBlock", &AddBlock { path: path.clone(), client: client.clone() }) {
            Ok(answer) => Ok(NewBlock { path, client, owner, block: answer.block }),
            Err(e) => self.delete(&path).and(Err(e)),
        }
    }

    /// Gives a block back that was not written, and deletes its file. Were it only deleted, the NameNode would go on
    /// counting with a block that its DataNodes are about to get (`blocksScheduled`, for minutes), and would soon find
    /// no DataNode with room.
    ///
    /// # Errors
    /// Those of the calls.
    pub(super) fn give_back(&mut self, made: NewBlock) -> Result<()> {
        let NewBlock { path, client, block, .. } = made;
        let abandoned =
            self.call::<Nothing>("abandonBlock", &AbandonBlock { block: block.name, path: path.clone(), client });
        self.delete(&path).and(abandoned.map(drop))
    }

    fn delete(&mut self, path: &str) -> Result<()> {
        self.call::<Done>("delete", &Delete { path: path.to_owned(), recursive: false }).map(drop)
    }

    fn call<A: Message + Default>(&mut self, method: &str, request: &impl Message) -> Result<A> {
        let header = MethodHeader { method: method.to_owned(), protocol: PROTOCOL.to_owned(), version: 1 };
        self.calls += 1;
        self.send(self.calls, &[header.encode_length_delimited_to_vec(), request.encode_length_delimited_to_vec()])?;
        self.answer().map_err(|e| e.context(format!("asking {} for {method}", self.server)))
    }

    /// Sends a packet: its length, a header, what belongs to it; sealed as a whole once there is a layer.
    fn send(&mut self, call: i32, parts: &[Vec<u8>]) -> Result<()> {
        let packet = packet(call, &self.client, parts);
        if self.layer.is_none() {
            return self.put(&packet);
        }
        let token = Some(self.layer.seal(&packet)?);
        self.send_sasl(&Sasl { state: WRAP, token, auths: Vec::new() })
    }

    fn send_sasl(&mut self, said: &Sasl) -> Result<()> {
        self.put(&packet(SASL_CALL, &[], &[said.encode_length_delimited_to_vec()]))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).map_err(|e| self.broken(e))
    }

    /// The answer to a call.
    fn answer<A: Message + Default>(&mut self) -> Result<A> {
        if self.layer.is_none() {
            return self.answer_of_packet();
        }
        loop {
            if let Some((length, rest)) = self.opened.split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if rest.len() >= length {
                    let answer = read(&rest[..length]);
                    self.opened.drain(..4 + length);
                    return answer;
                }
            }
            let sealed: Sasl = self.answer_of_packet()?;
            let opened = self.layer.open(sealed.token.as_deref().unwrap_or_default())?;
            self.opened.extend(opened);
        }
    }

    /// The answer in the next packet as it comes.
    fn answer_of_packet<A: Message + Default>(&mut self) -> Result<A> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).map_err(|e| self.broken(e))?;
        let length = u32::from_be_bytes(length);
        if length > LONGEST {
            return Err(error::refused("what answers there is no namenode").hint(NAMENODE_PORT));
        }
        let mut bytes = vec![0; length as usize];
        self.stream.read_exact(&mut bytes).map_err(|e| self.broken(e))?;
        read(&bytes)
    }

    fn broken(&self, error: std::io::Error) -> Error {
        match error {
            late if is_timeout(&late) => self.server.silent(),
            ended if is_ended(&ended) => self.server.ended(NAMENODE_PORT),
            other => self.server.unreachable(other),
        }
    }
}

/// A packet: its length, a header, and what belongs to it.
fn packet(call: i32, client: &[u8], parts: &[Vec<u8>]) -> Vec<u8> {
    let header = RequestHeader {
        kind: Some(PROTOBUF),
        operation: Some(0),
        call,
        client: client.to_vec(),
        retry: Some(if call < 0 { -1 } else { 0 }),
    };
    let header = header.encode_length_delimited_to_vec();
    let length = header.len() + parts.iter().map(Vec::len).sum::<usize>();
    let mut packet = (length as u32).to_be_bytes().to_vec();
    packet.extend(header);
    parts.iter().for_each(|part| packet.extend(part));
    packet
}

/// Reads a header and the answer behind it.
fn read<A: Message + Default>(bytes: &[u8]) -> Result<A> {
    let foreign = |_: prost::DecodeError| error::refused("the answer is not one of a namenode").hint(NAMENODE_PORT);
    let mut bytes = bytes;
    let header = ResponseHeader::decode_length_delimited(&mut bytes).map_err(foreign)?;
    if header.status != 0 {
        let class = header.exception.unwrap_or_default();
        return Err(fault::remote("the namenode declined", &class, header.message.unwrap_or_default()));
    }
    A::decode_length_delimited(bytes).map_err(foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_exceptions_told() {
        let header = |status, exception: Option<&str>| ResponseHeader {
            call: 1,
            status,
            exception: exception.map(str::to_owned),
            message: Some("Operation category READ is not supported in state standby".to_owned()),
        };
        let bytes =
            [header(0, None).encode_length_delimited_to_vec(), Done { done: true }.encode_length_delimited_to_vec()];
        assert!(read::<Done>(&bytes.concat()).unwrap().done);
        let refused = header(1, Some("org.apache.hadoop.ipc.StandbyException")).encode_length_delimited_to_vec();
        assert_eq!(read::<Done>(&refused).unwrap_err().kind(), Kind::Busy);
        assert_eq!(read::<Done>(b"HTTP/1.1 400").unwrap_err().kind(), Kind::Refused);
    }

    #[test]
    fn a_packet_begins_with_its_length() {
        let packet = packet(7, b"me", &[vec![1, 2], vec![3]]);
        let (length, rest) = packet.split_first_chunk::<4>().unwrap();
        assert_eq!(u32::from_be_bytes(*length) as usize, rest.len());
        assert!(rest.ends_with(&[1, 2, 3]));
        let header = RequestHeader::decode_length_delimited(rest).unwrap();
        assert_eq!((header.call, header.client.as_slice(), header.retry), (7, &b"me"[..], Some(0)));
    }
}
