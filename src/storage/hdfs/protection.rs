//! How connections are protected, made sure of before any data goes. The client below takes the best that is offered, be
//! it less than the site files ask for, and breaks down where a DataNode declines; so a NameNode and a DataNode are asked
//! by ourselves first.
//!
//! Source: Hadoop 3.4 `SaslDataTransferClient`, `SaslDataTransferServer`, `DataTransferSaslUtil`.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message;

use super::rpc::{Block, BlockToken, Defaults, Namenode, Transfer};
use crate::error::{self, Error, Result};
use crate::net::Server;
use crate::net::sasl::{Mechanism, Protection};
use crate::secret::Secret;

/// `dfs.data.transfer.protection`: what both sides of a transfer of data have to have.
const TRANSFER: &str = "dfs.data.transfer.protection";
/// How a connection that is to be protected begins.
const MAGIC: u32 = 0xdead_beef;
/// A port that only the superuser can take is believed, as Hadoop's clients do.
const PRIVILEGED: u32 = 1024;
/// The longest message of a login, and the bytes of its length.
const LONGEST: u64 = 64 << 10;
/// Pauses before each look at DataNodes that decline: one that has just started takes connections before it knows the keys
/// of its NameNode, and ends them as one without protection does.
const STARTING: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// How long a DataNode is looked at that has not been spoken to.
const KNOCK: Duration = Duration::from_millis(300);

/// What the site files ask for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Levels that will do where data goes, best first; `None` where nothing is said.
    transfer: Option<Vec<Protection>>,
    /// Whether DataNodes are reached by name.
    by_name: bool,
}

impl Wanted {
    /// Reads the settings.
    ///
    /// # Errors
    /// Config: an unknown level.
    pub(super) fn new(settings: &BTreeMap<String, String>) -> Result<Self> {
        let by_name =
            settings.get("dfs.client.use.datanode.hostname").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Ok(Self { transfer: levels(settings, TRANSFER)?, by_name })
    }

    /// Whether connections to DataNodes have to be encrypted.
    pub(super) fn is_private(&self) -> bool {
        self.transfer.as_ref().is_some_and(|levels| levels.iter().all(|level| *level == Protection::Privacy))
    }
}

/// The levels that a setting names; `None` where it does not.
///
/// # Errors
/// Config: an unknown level.
pub(super) fn levels(settings: &BTreeMap<String, String>, name: &str) -> Result<Option<Vec<Protection>>> {
    let levels = settings.get(name).map(|text| Protection::parse_list(text)).transpose();
    let levels = levels.map_err(|e| e.context(format!("{name} of the site files")))?;
    Ok(levels.filter(|levels| !levels.is_empty()))
}

/// Tries a DataNode by a block of a file that is made for it and taken away again, and gives whose that file was. Blocks.
/// Where it cannot be tried, that is left to the first file.
///
/// # Errors
/// Refused: the DataNode offers less than is asked for, asks for what is not offered, or speaks no SASL.
pub(super) fn try_datanode(namenode: &mut Namenode, defaults: &Defaults, wanted: &Wanted) -> Result<Option<String>> {
    let path = format!("/tmp/.sakia-probe-{}", uuid::Uuid::now_v7().simple());
    let made = match namenode.new_block(&path, defaults.block_bytes) {
        Ok(made) => made,
        Err(error) => {
            tracing::debug!(%error, "the protection of data transfer cannot be tried");
            return Ok(None);
        }
    };
    // Otherwise all is encrypted, by a key of the NameNode.
    let tried = match defaults.encrypts_transfer {
        Some(true) => Ok(()),
        _ => first_that_tells(&made.block, wanted, namenode.limit()),
    };
    let owner = made.owner.clone();
    if let Err(error) = namenode.give_back(made) {
        tracing::debug!(%error, path, "a file for trying stays behind");
    }
    tried.map(|()| owner)
}

fn first_that_tells(block: &Block, wanted: &Wanted, limit: Duration) -> Result<()> {
    let mut declined = None;
    for pause in STARTING {
        std::thread::sleep(pause);
        declined = None;
        for node in block.locations.iter().map(|location| &location.node).filter(|node| node.port >= PRIVILEGED) {
            let host = if wanted.by_name { &node.host } else { &node.ip };
            let server = Server::new("an hdfs datanode", format!("{host}:{}", node.port), limit);
            // Whether it is reached is found out by the first file, which has ways around it.
            let Ok(stream) = server.connect() else { continue };
            match (Talk { stream, server: server.clone() }).log_in(&block.token, wanted.transfer.as_deref()) {
                Ok(Told::Fits) => return Ok(()),
                Ok(Told::Declined(e)) if is_alive(&server) => declined = Some(e),
                Ok(Told::Declined(e)) => tracing::debug!(error = %e, "a datanode could not be tried"),
                Err(e) if e.is_transient() => tracing::debug!(error = %e, "a datanode could not be tried"),
                Err(e) => return Err(e),
            }
        }
        if declined.is_none() {
            break;
        }
    }
    declined.map_or(Ok(()), Err)
}

/// Whether a DataNode waits to be spoken to. What stands before a dead one takes the connection and ends it.
fn is_alive(server: &Server) -> bool {
    let Ok(mut stream) = server.connect() else { return false };
    let waits = |e: std::io::Error| matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    stream.set_read_timeout(Some(KNOCK)).is_ok() && stream.read(&mut [0]).is_err_and(waits)
}

/// What a DataNode made of a login.
enum Told {
    Fits,
    /// It does not do it; one that has just started does not do it yet.
    Declined(Error),
}

/// A message of a DataNode.
enum Said {
    Bytes(Vec<u8>),
    Error(Error),
    /// It ended the connection instead.
    Nothing,
}

/// The first messages of a connection to a DataNode.
struct Talk {
    stream: TcpStream,
    server: Server,
}

impl Talk {
    fn log_in(&mut self, token: &BlockToken, wanted: Option<&[Protection]>) -> Result<Told> {
        self.put(&MAGIC.to_be_bytes())?;
        self.put(&Transfer::default().encode_length_delimited_to_vec())?;
        let challenge = match self.take()? {
            Said::Bytes(challenge) => challenge,
            Said::Error(e) => return Ok(Told::Declined(e)),
            Said::Nothing if wanted.is_none() => return Ok(Told::Fits),
            Said::Nothing => {
                let unprotected = error::refused(format!("{} does not protect what it sends", self.server));
                let hint = format!("set {TRANSFER} on the datanodes, or take it out of hdfs-site.xml here");
                return Ok(Told::Declined(unprotected.hint(hint)));
            }
        };
        let Some(wanted) = wanted else {
            return Err(error::refused(format!("{} takes only connections that are protected", self.server))
                .hint(format!("set {TRANSFER} in hdfs-site.xml as the datanodes have it")));
        };
        let (user, password) = (STANDARD.encode(&token.identifier), Secret::new(STANDARD.encode(&token.password)));
        let mut mechanism = Mechanism::block(user, password, wanted.to_vec());
        let named = |server: &Server, e: Error| {
            e.context(server).hint(format!("make {TRANSFER} in hdfs-site.xml what the datanodes have"))
        };
        let answer = mechanism.respond(&challenge).map_err(|e| named(&self.server, e))?;
        let answer = Transfer { payload: Some(answer.bytes), ..Transfer::default() };
        self.put(&answer.encode_length_delimited_to_vec())?;
        match self.take()? {
            Said::Bytes(proof) => mechanism.respond(&proof).map(|_| Told::Fits).map_err(|e| named(&self.server, e)),
            Said::Error(e) => Ok(Told::Declined(e)),
            Said::Nothing => Err(error::unreachable(format!("{} ended the connection during the login", self.server))),
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).map_err(|e| self.server.unreachable(e))
    }

    /// The DataNode's next message.
    fn take(&mut self) -> Result<Said> {
        let mut length = 0u64;
        for shift in (0..).step_by(7).take(5) {
            let mut byte = [0];
            match self.stream.read_exact(&mut byte) {
                Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                    return Ok(Said::Nothing);
                }
                Err(e) => return Err(self.server.unreachable(e)),
                Ok(()) => length |= u64::from(byte[0] & 0x7f) << shift,
            }
            if byte[0] < 0x80 {
                break;
            }
        }
        if length > LONGEST {
            return Err(error::refused(format!("{} does not answer in SASL", self.server)));
        }
        let mut bytes = vec![0; length as usize];
        self.stream.read_exact(&mut bytes).map_err(|e| self.server.unreachable(e))?;
        let said =
            Transfer::decode(&bytes[..]).map_err(|e| error::refused("the datanode's message is not one").source(e))?;
        match said.status {
            0 => Ok(Said::Bytes(said.payload.unwrap_or_default())),
            _ => {
                let declined = error::refused(format!("{} declined", self.server));
                Ok(Said::Error(declined.source(said.message.unwrap_or_default())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::error::Kind;

    /// A DataNode that says one thing and ends the connection; what a login makes of it.
    fn told(says: Option<Transfer>, wanted: Option<&[Protection]>) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server =
            Server::new("an hdfs datanode", listener.local_addr().unwrap().to_string(), Duration::from_secs(5));
        let node = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut hello = [0; 7];
            stream.read_exact(&mut hello).unwrap();
            assert_eq!(hello[..4], MAGIC.to_be_bytes());
            stream.write_all(&says.map(|said| said.encode_length_delimited_to_vec()).unwrap_or_default()).unwrap();
        });
        let token = BlockToken { identifier: vec![1], password: vec![2] };
        let told = Talk { stream: server.connect().unwrap(), server }.log_in(&token, wanted);
        node.join().unwrap();
        match told? {
            Told::Fits => Ok(()),
            Told::Declined(e) => Err(e),
        }
    }

    fn challenge(qop: &str) -> Option<Transfer> {
        let payload =
            format!("realm=\"0\",nonce=\"abc\",qop=\"{qop}\",charset=utf-8,cipher=\"3des\",algorithm=md5-sess");
        Some(Transfer { payload: Some(payload.into_bytes()), ..Transfer::default() })
    }

    #[test]
    fn what_a_datanode_offers_is_held_against_what_is_asked_for() {
        let private = Some(&[Protection::Privacy][..]);
        let error = told(challenge("auth"), private).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
        assert!(error.to_string().ends_with("the server offers the protection auth and not auth-conf"), "{error}");
        assert!(error.remedy().is_some_and(|hint| hint.contains(TRANSFER)), "{error}");

        let error = told(challenge("auth-conf"), None).unwrap_err();
        assert!(error.to_string().contains("takes only connections that are protected"), "{error}");
        let error = told(None, private).unwrap_err();
        assert!(error.to_string().contains("does not protect what it sends"), "{error}");
        told(None, None).unwrap();

        let declined = Transfer { status: 2, message: Some("no".into()), payload: None };
        assert_eq!(told(Some(declined), private).unwrap_err().kind(), Kind::Refused);
    }

    #[test]
    fn one_that_ends_connections_at_once_is_not_alive() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Server::new("an hdfs datanode", address, Duration::from_secs(5));
        assert!(is_alive(&server));
        let proxy = std::thread::spawn(move || listener.incoming().take(2).for_each(drop));
        assert!(!is_alive(&server));
        proxy.join().unwrap();
    }

    #[test]
    fn privacy_is_asked_for_where_nothing_less_will_do() {
        let wanted = |text: &str| Wanted::new(&BTreeMap::from([(TRANSFER.to_owned(), text.to_owned())]));
        assert!(wanted("privacy").unwrap().is_private());
        assert!(!wanted("privacy,integrity").unwrap().is_private());
        assert!(!Wanted::new(&BTreeMap::new()).unwrap().is_private());
        assert!(wanted("secret").unwrap_err().to_string().contains(TRANSFER));
    }
}
