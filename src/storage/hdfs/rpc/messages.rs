//! What is said to a NameNode and a DataNode, as far as we say it; fields that nobody here looks at are left out.
//!
//! Source: Hadoop 3.4 `RpcHeader.proto`, `ProtobufRpcEngine2.proto`, `IpcConnectionContext.proto`,
//! `ClientNamenodeProtocol.proto`, `hdfs.proto`, `datatransfer.proto`, `Security.proto`.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct RequestHeader {
    #[prost(int32, optional, tag = "1")]
    pub kind: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub operation: Option<i32>,
    #[prost(sint32, required, tag = "3")]
    pub call: i32,
    #[prost(bytes = "vec", required, tag = "4")]
    pub client: Vec<u8>,
    #[prost(sint32, optional, tag = "5")]
    pub retry: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ResponseHeader {
    #[prost(uint32, required, tag = "1")]
    pub call: u32,
    #[prost(int32, required, tag = "2")]
    pub status: i32,
    #[prost(string, optional, tag = "4")]
    pub exception: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub message: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Sasl {
    #[prost(int32, required, tag = "2")]
    pub state: i32,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub token: Option<Vec<u8>>,
    #[prost(message, repeated, tag = "4")]
    pub auths: Vec<Auth>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Auth {
    #[prost(string, required, tag = "1")]
    pub method: String,
    #[prost(string, required, tag = "2")]
    pub mechanism: String,
    #[prost(string, optional, tag = "3")]
    pub protocol: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub server_id: Option<String>,
    #[prost(bytes = "vec", optional, tag = "5")]
    pub challenge: Option<Vec<u8>>,
}

impl Auth {
    /// The principal that the server says it has, without its realm.
    pub(super) fn principal(&self) -> Option<String> {
        let (service, host) = (self.protocol.as_deref()?, self.server_id.as_deref()?);
        (!service.is_empty() && !host.is_empty()).then(|| format!("{service}/{host}"))
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ConnectionContext {
    #[prost(message, optional, tag = "2")]
    pub user: Option<User>,
    #[prost(string, optional, tag = "3")]
    pub protocol: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct User {
    #[prost(string, optional, tag = "1")]
    pub effective: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MethodHeader {
    #[prost(string, required, tag = "1")]
    pub method: String,
    #[prost(string, required, tag = "2")]
    pub protocol: String,
    #[prost(uint64, required, tag = "3")]
    pub version: u64,
}

/// `getServerDefaults`, and other calls without an argument.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Nothing {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct DefaultsAnswer {
    #[prost(message, required, tag = "1")]
    pub defaults: Defaults,
}

/// What a NameNode says of itself.
#[derive(Clone, PartialEq, Message)]
pub(in crate::storage::hdfs) struct Defaults {
    #[prost(uint64, required, tag = "1")]
    pub block_bytes: u64,
    /// `dfs.encrypt.data.transfer`.
    #[prost(bool, optional, tag = "6")]
    pub encrypts_transfer: Option<bool>,
    /// `fs.trash.interval`, minutes.
    #[prost(uint64, optional, tag = "7")]
    pub trash_minutes: Option<u64>,
    /// Where the keys of encryption zones are.
    #[prost(string, optional, tag = "9")]
    pub key_provider: Option<String>,
}

/// `setSafeMode`, whose answer is a [`Done`].
#[derive(Clone, PartialEq, Message)]
pub(super) struct SafeMode {
    #[prost(int32, required, tag = "1")]
    pub action: i32,
    #[prost(bool, optional, tag = "2")]
    pub checked: Option<bool>,
}

/// The answer of `getFsStats`: bytes.
#[derive(Clone, PartialEq, Message)]
pub(in crate::storage::hdfs) struct Room {
    #[prost(uint64, required, tag = "1")]
    pub bytes: u64,
    #[prost(uint64, required, tag = "3")]
    pub left: u64,
}

/// `getEZForPath`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Path {
    #[prost(string, required, tag = "1")]
    pub path: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ZoneAnswer {
    #[prost(message, optional, tag = "1")]
    pub zone: Option<Zone>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Zone {
    #[prost(string, required, tag = "2")]
    pub path: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Create {
    #[prost(string, required, tag = "1")]
    pub path: String,
    #[prost(message, required, tag = "2")]
    pub mode: Mode,
    #[prost(string, required, tag = "3")]
    pub client: String,
    #[prost(uint32, required, tag = "4")]
    pub flags: u32,
    #[prost(bool, required, tag = "5")]
    pub parents: bool,
    #[prost(uint32, required, tag = "6")]
    pub replication: u32,
    #[prost(uint64, required, tag = "7")]
    pub block_bytes: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Mode {
    #[prost(uint32, required, tag = "1")]
    pub bits: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct CreateAnswer {
    #[prost(message, optional, tag = "1")]
    pub file: Option<File>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct File {
    #[prost(string, required, tag = "5")]
    pub owner: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AddBlock {
    #[prost(string, required, tag = "1")]
    pub path: String,
    #[prost(string, required, tag = "2")]
    pub client: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AddBlockAnswer {
    #[prost(message, required, tag = "1")]
    pub block: Block,
}

/// Gives a block back that was never written.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AbandonBlock {
    #[prost(message, required, tag = "1")]
    pub block: BlockName,
    #[prost(string, required, tag = "2")]
    pub path: String,
    #[prost(string, required, tag = "3")]
    pub client: String,
}

/// What the NameNode calls a block.
#[derive(Clone, PartialEq, Message)]
pub(in crate::storage::hdfs) struct BlockName {
    #[prost(string, required, tag = "1")]
    pub pool: String,
    #[prost(uint64, required, tag = "2")]
    pub id: u64,
    #[prost(uint64, required, tag = "3")]
    pub generation: u64,
    #[prost(uint64, optional, tag = "4")]
    pub bytes: Option<u64>,
}

/// A block and where it is to be written, by whose leave.
#[derive(Clone, PartialEq, Message)]
pub(in crate::storage::hdfs) struct Block {
    #[prost(message, required, tag = "1")]
    pub name: BlockName,
    #[prost(message, repeated, tag = "3")]
    pub locations: Vec<Location>,
    #[prost(message, required, tag = "5")]
    pub token: BlockToken,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::storage::hdfs) struct Location {
    #[prost(message, required, tag = "1")]
    pub node: Node,
}

/// A DataNode.
#[derive(Clone, PartialEq, Message)]
pub(in crate::storage::hdfs) struct Node {
    #[prost(string, required, tag = "1")]
    pub ip: String,
    #[prost(string, required, tag = "2")]
    pub host: String,
    #[prost(uint32, required, tag = "4")]
    pub port: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(in crate::storage::hdfs) struct BlockToken {
    #[prost(bytes = "vec", required, tag = "1")]
    pub identifier: Vec<u8>,
    #[prost(bytes = "vec", required, tag = "2")]
    pub password: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Delete {
    #[prost(string, required, tag = "1")]
    pub path: String,
    #[prost(bool, required, tag = "2")]
    pub recursive: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Done {
    #[prost(bool, required, tag = "1")]
    pub done: bool,
}

/// What both sides of a connection to a DataNode say while they log in.
#[derive(Clone, PartialEq, Message)]
pub(in crate::storage::hdfs) struct Transfer {
    #[prost(int32, required, tag = "1")]
    pub status: i32,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub payload: Option<Vec<u8>>,
    #[prost(string, optional, tag = "3")]
    pub message: Option<String>,
}
