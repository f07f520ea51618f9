//! The first exchange with a server: its greeting, TLS, who we are, and the proof of it.
//!
//! Known proofs: `mysql_native_password`, `caching_sha2_password` (by the server's cache; else the password itself over
//! TLS, or encrypted for the server's public key), `sha256_password`, `client_ed25519`, and `mysql_clear_password` to a
//! server whose certificate was verified. A password never travels in clear.
//!
//! Source: MySQL 8.4 source documentation, "Connection Phase"; MariaDB knowledge base "Connecting"; checked on MariaDB
//! 10.11.

use std::collections::HashMap;
use std::io;

use mysql_common::constants::{CapabilityFlags, MariadbCapabilities};
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, HandshakePacket, HandshakeResponse, SslRequest};
use mysql_common::proto::MySerialize;

use super::bulk;
use super::fault::Fault;
use super::packets::{Packets, Stream};
use crate::mysql::login::tls::{SslMode, Tls};
use crate::mysql::login::{Address, Login};

/// What we can do and want, where the server can do it too. An UPDATE says how many rows it found, not how many it
/// changed; a procedure may give several results; of local files the server only gets what a LOAD DATA was sent with.
const WANTED: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_LONG_FLAG)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(CapabilityFlags::CLIENT_CONNECT_ATTRS)
    .union(CapabilityFlags::CLIENT_FOUND_ROWS)
    .union(CapabilityFlags::CLIENT_LOCAL_FILES)
    .union(CapabilityFlags::CLIENT_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

/// What of MariaDB's own capabilities we know and want.
const WANTED_OF_MARIADB: MariadbCapabilities = MariadbCapabilities::MARIADB_CLIENT_EXTENDED_METADATA
    .union(MariadbCapabilities::MARIADB_CLIENT_STMT_BULK_OPERATIONS);

/// Without these nothing can be said.
const NEEDED: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41.union(CapabilityFlags::CLIENT_SECURE_CONNECTION);

/// The largest payload we take: the protocol's own limit.
const MAX_PACKET_BYTES: u32 = 1 << 30;

/// The number of the collation utf8mb4_general_ci, which every server knows.
const UTF8MB4: u8 = 45;

/// Longest password that fits the block of a 2048-bit key.
const MAX_ENCRYPTED_BYTES: usize = 200;

/// What answers in another way than a server of the kind.
const NOT_ONE: Fault = Fault::Protocol("what answers there is no mysql server: check host and port");

/// How a password would travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    Clear,
    /// Nobody can read along, but it is not known who answers.
    Encrypted,
    /// To the right server only.
    Verified,
}

/// A session that the server has opened.
#[derive(Debug)]
pub(super) struct Session {
    pub packets: Packets,
    pub id: u32,
    /// Results end with an OK packet, and no EOF follows their columns.
    pub without_eof: bool,
    /// Columns carry MariaDB's names of types that the protocol has no number for.
    pub extended_columns: bool,
    /// A statement can be executed with many rows of parameters in one packet.
    pub bulk: bool,
}

/// Greets, encrypts as the login wants it, and logs in.
pub(super) async fn open(stream: Stream, login: &Login, at: &Address) -> Result<Session, Fault> {
    let mut packets = Packets::new(stream, login.read_timeout);
    let place = packets.next().await.map_err(|e| match e.kind() {
        // Something else speaks first there.
        io::ErrorKind::InvalidData => NOT_ONE,
        _ => Fault::Io(e),
    })?;
    let greeting = greeting(packets.payload(&place))?;
    let capabilities = (WANTED & greeting.capabilities()) | CapabilityFlags::CLIENT_LONG_PASSWORD;
    if !greeting.capabilities().contains(NEEDED) {
        return Err(Fault::Protocol("the server is too old: it does not speak the protocol of MySQL 4.1"));
    }
    // Only MariaDB leaves the bit out, to say that it has capabilities of its own.
    let is_mariadb = !greeting.capabilities().contains(CapabilityFlags::CLIENT_LONG_PASSWORD);
    let mariadb = match is_mariadb {
        true => WANTED_OF_MARIADB & greeting.mariadb_ext_capabilities(),
        false => MariadbCapabilities::empty(),
    };
    let capabilities = match mariadb.is_empty() {
        true => capabilities,
        false => capabilities.difference(CapabilityFlags::CLIENT_LONG_PASSWORD),
    };
    let mut session = Session {
        id: greeting.connection_id(),
        without_eof: capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF),
        extended_columns: mariadb.contains(MariadbCapabilities::MARIADB_CLIENT_EXTENDED_METADATA),
        bulk: mariadb.contains(MariadbCapabilities::MARIADB_CLIENT_STMT_BULK_OPERATIONS)
            && bulk::is_sound(&greeting.server_version_str()),
        packets,
    };
    // MySQL reads the capabilities of the request for TLS only, and not again those of the login after it.
    let mut capabilities = match login.database.is_empty() {
        true => capabilities,
        false => capabilities | CapabilityFlags::CLIENT_CONNECT_WITH_DB,
    };
    let offers_tls = greeting.capabilities().contains(CapabilityFlags::CLIENT_SSL);
    if let Some(tls) = encryption(&login.tls, offers_tls)? {
        capabilities |= CapabilityFlags::CLIENT_SSL;
        let request = SslRequest::new(capabilities, MAX_PACKET_BYTES, UTF8MB4).with_mariadb_capabilities(mariadb);
        session.packets.send(&bytes(&request)).await?;
        let sequence = session.packets.sequence();
        let stream = match session.packets.into_stream()? {
            Stream::Plain(stream) => Stream::Tls(Box::new(tls.connect(&at.host, stream).await?)),
            other => other,
        };
        session.packets = Packets::new(stream, login.read_timeout);
        session.packets.set_sequence(sequence);
    }
    log_in(&mut session.packets, login, &greeting, capabilities, mariadb).await?;
    Ok(session)
}

/// What to encrypt with, if that is to be done with a server that `offers` it or does not.
fn encryption(tls: &Tls, offers: bool) -> Result<Option<&Tls>, Fault> {
    match (tls.mode, offers) {
        (SslMode::Disabled, _) | (SslMode::Preferred, false) => Ok(None),
        (_, true) => Ok(Some(tls)),
        (_, false) => Err(Fault::Tls(
            "the server offers no encryption".to_owned(),
            "give the server a certificate (ssl-cert and ssl-key in its option file), or let ssl-mode be preferred",
        )),
    }
}

fn greeting(payload: &[u8]) -> Result<HandshakePacket<'static>, Fault> {
    if let Some(error) = Fault::of_server(payload) {
        return Err(error);
    }
    let greeting = ParseBuf(payload).parse::<HandshakePacket<'_>>(());
    greeting.map(HandshakePacket::into_owned).map_err(|_| NOT_ONE)
}

fn bytes(packet: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.serialize(&mut bytes);
    bytes
}

async fn log_in(
    packets: &mut Packets,
    login: &Login,
    greeting: &HandshakePacket<'_>,
    capabilities: CapabilityFlags,
    mariadb: MariadbCapabilities,
) -> Result<(), Fault> {
    let offered = greeting.auth_plugin_name_ref().unwrap_or(b"mysql_native_password");
    let mut plugin = name(offered);
    let mut nonce = greeting.nonce();
    let channel = match (packets.is_secure(), login.tls.mode) {
        (false, _) => Channel::Clear,
        (true, SslMode::VerifyCa | SslMode::VerifyIdentity) => Channel::Verified,
        (true, _) => Channel::Encrypted,
    };
    // The server may offer what we do not know and still ask for what we know.
    let proof = proof(&plugin, login.password(), &nonce, channel).unwrap_or_default();
    let attributes = HashMap::from([
        ("_client_name".to_owned(), env!("CARGO_PKG_NAME").to_owned()),
        ("_client_version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("_pid".to_owned(), std::process::id().to_string()),
    ]);
    let response = HandshakeResponse::new(
        Some(proof),
        (5, 5, 5),
        Some(login.user.as_bytes()),
        Some(login.database.as_bytes()).filter(|name| !name.is_empty()),
        Some(AuthPlugin::from_bytes(plugin.as_bytes())),
        capabilities,
        Some(attributes).filter(|_| capabilities.contains(CapabilityFlags::CLIENT_CONNECT_ATTRS)),
        MAX_PACKET_BYTES,
    )
    .with_mariadb_ext_capabilities(mariadb);
    packets.send(&bytes(&response)).await?;
    loop {
        let place = packets.next().await?;
        match packets.payload(&place) {
            [0x00, ..] => return Ok(()),
            [0xfe, request @ ..] => {
                (plugin, nonce) = switch(request)?;
                let proof = self::proof(&plugin, login.password(), &nonce, channel)?;
                packets.send(&proof).await?;
            }
            // The server has the password's digest at hand; OK follows.
            [0x01, 0x03] if plugin == "caching_sha2_password" => {}
            [0x01, 0x04] if plugin == "caching_sha2_password" => {
                let whole = whole_password(packets, login, &nonce).await?;
                packets.send(&whole).await?;
            }
            // The answer to the request for its public key.
            [0x01, key @ ..] if plugin == "sha256_password" => {
                let encrypted = encrypted(login.password(), &nonce, key)?;
                packets.send(&encrypted).await?;
            }
            payload => return Err(Fault::of_answer(payload)),
        }
    }
}

fn name(bytes: &[u8]) -> String {
    let name = bytes.split(|b| *b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

/// The plugin and the nonce that the server wants instead.
fn switch(request: &[u8]) -> Result<(String, Vec<u8>), Fault> {
    let plugin = name(request);
    if plugin.is_empty() {
        return Err(Fault::Plugin("mysql_old_password".to_owned()));
    }
    let nonce = request.get(plugin.len() + 1..).unwrap_or_default();
    // A closing zero byte is not part of it.
    let nonce = nonce.strip_suffix(&[0]).filter(|rest| rest.len() == 20).unwrap_or(nonce);
    Ok((plugin, nonce.to_vec()))
}

/// What shows the server that we know the password.
fn proof(plugin: &str, password: &str, nonce: &[u8], channel: Channel) -> Result<Vec<u8>, Fault> {
    let with_zero = || [password.as_bytes(), &[0]].concat();
    match plugin {
        "mysql_native_password" | "caching_sha2_password" | "client_ed25519" => {
            let data = AuthPlugin::from_bytes(plugin.as_bytes()).gen_data(Some(password), nonce);
            Ok(data.map(|data| data.to_vec()).unwrap_or_default())
        }
        "sha256_password" if password.is_empty() => Ok(vec![0]),
        "sha256_password" if channel != Channel::Clear => Ok(with_zero()),
        "sha256_password" => Ok(vec![0x01]),
        "mysql_clear_password" | "dialog" if channel == Channel::Verified => Ok(with_zero()),
        "mysql_clear_password" | "dialog" => Err(Fault::Protocol(
            "the account wants its password in clear, which is sent to a server with a verified certificate only",
        )),
        other => Err(Fault::Plugin(other.to_owned())),
    }
}

/// The password itself: as it is over TLS, else encrypted for the public key that the server gives.
async fn whole_password(packets: &mut Packets, login: &Login, nonce: &[u8]) -> Result<Vec<u8>, Fault> {
    if packets.is_secure() {
        return Ok([login.password().as_bytes(), &[0]].concat());
    }
    if !login.public_key {
        return Err(Fault::Protocol("the server's public key is needed and allowPublicKeyRetrieval is false"));
    }
    packets.send(&[0x02]).await?;
    let place = packets.next().await?;
    match packets.payload(&place) {
        [0x01, key @ ..] => encrypted(login.password(), nonce, key),
        payload => Err(Fault::of_answer(payload)),
    }
}

fn encrypted(password: &str, nonce: &[u8], key: &[u8]) -> Result<Vec<u8>, Fault> {
    if password.len() > MAX_ENCRYPTED_BYTES || nonce.is_empty() {
        return Err(Fault::Protocol("the password is too long to be encrypted for the server's key: use TLS"));
    }
    let with_zero = password.bytes().chain([0]);
    let mixed: Vec<u8> = with_zero.zip(nonce.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    // The library asserts what it expects of a key, and the key comes from outside.
    std::panic::catch_unwind(|| mysql_common::crypto::encrypt(&mixed, key))
        .map_err(|_| Fault::Io(io::Error::new(io::ErrorKind::InvalidData, "the server's public key cannot be read")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_loses_its_closing_zero() {
        let request = [b"mysql_native_password\0".as_slice(), &[7; 20], &[0]].concat();
        assert_eq!(switch(&request).unwrap(), ("mysql_native_password".to_owned(), vec![7; 20]));
        let request = [b"client_ed25519\0".as_slice(), &[0; 32]].concat();
        assert_eq!(switch(&request).unwrap().1.len(), 32);
        assert!(matches!(switch(&[]), Err(Fault::Plugin(_))));
    }

    #[test]
    fn proofs_are_of_the_plugins_length() {
        let len = |plugin, password| proof(plugin, password, &[1; 32], Channel::Clear).map(|p| p.len());
        assert_eq!(len("mysql_native_password", "secret").unwrap(), 20);
        assert_eq!(len("caching_sha2_password", "secret").unwrap(), 32);
        assert_eq!(len("client_ed25519", "secret").unwrap(), 64);
        assert_eq!(len("caching_sha2_password", "").unwrap(), 0);
        assert!(matches!(len("auth_gssapi_client", "x"), Err(Fault::Plugin(_))));
    }

    #[test]
    fn a_password_never_travels_in_clear() {
        assert!(matches!(proof("mysql_clear_password", "secret", &[], Channel::Clear), Err(Fault::Protocol(_))));
        assert!(matches!(proof("mysql_clear_password", "secret", &[], Channel::Encrypted), Err(Fault::Protocol(_))));
        assert_eq!(proof("sha256_password", "secret", &[], Channel::Clear).unwrap(), [1]);
        assert_eq!(proof("mysql_clear_password", "secret", &[], Channel::Verified).unwrap(), b"secret\0");
    }

    #[test]
    fn a_bad_public_key_is_an_error() {
        assert!(encrypted("secret", &[1; 20], b"no key").is_err());
        assert!(encrypted(&"x".repeat(300), &[1; 20], b"no key").is_err());
    }
}
