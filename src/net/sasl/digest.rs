//! The SASL mechanism DIGEST-MD5, as far as delegation tokens need it: Hadoop's servers take it from whoever comes with a
//! token in place of a ticket. It is obsolete everywhere else (RFC 6331).
//!
//! Source: RFC 2831; the words that differ per server are those of Hive's `HadoopThriftAuthBridge` and OpenJDK 17's
//! `DigestMD5Server`. Of the ciphers only 3des is spoken, which every Java server offers.

use std::collections::BTreeMap;

use cbc::cipher::{Block, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use des::TdesEde2;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};

use super::{Layer, Protection, Response};
use crate::error::{self, Error, Result};
use crate::secret::Secret;

/// What the servers call themselves in this mechanism: a protocol, and a host or realm.
pub(super) mod uri {
    /// Registered with no protocol, which Java writes as `null`, and Hadoop's realm.
    pub(in super::super) const HIVE: &str = "null/default";
    /// With an empty one (`SaslRpcServer`).
    pub(in super::super) const NAMENODE: &str = "/default";
    /// `DataTransferSaslUtil`: protocol and server name are fixed.
    pub(in super::super) const DATANODE: &str = "hdfs/0";
}
/// Bytes of a signature, of the type behind it, and of the number of the message.
const SIGNATURE: usize = 10;
const TRAILER: usize = 6;
const BLOCK: usize = 8;

/// A login by token.
#[derive(Debug)]
pub(crate) struct Digest {
    user: String,
    password: Secret,
    uri: &'static str,
    wanted: Vec<Protection>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was heard from the server.
    New,
    /// It has our response, and owes us its own proof.
    Answered { expected: String, session: [u8; 16], level: Protection },
    /// It gave it.
    Proved { session: [u8; 16], level: Protection },
}

impl Digest {
    pub(super) fn new(user: String, password: Secret, uri: &'static str, wanted: Vec<Protection>) -> Self {
        Self { user, password, uri, wanted, state: State::New }
    }

    pub(super) fn respond(&mut self, challenge: &[u8]) -> Result<Response> {
        match &self.state {
            // The server speaks first.
            State::New if challenge.is_empty() => Ok(Response { bytes: Vec::new(), complete: false }),
            State::New => {
                let nonce = uuid::Uuid::new_v4().simple().to_string();
                self.answer(challenge, &nonce).map(|bytes| Response { bytes, complete: false })
            }
            State::Answered { expected, session, level } => {
                let proof = directives(challenge)?;
                if proof.get("rspauth") != Some(expected) {
                    return Err(error::auth("the server cannot prove that it knows the delegation token"));
                }
                self.state = State::Proved { session: *session, level: *level };
                Ok(Response { bytes: Vec::new(), complete: true })
            }
            State::Proved { .. } => Err(error::refused("the server goes on after the login was complete")),
        }
    }

    fn answer(&mut self, challenge: &[u8], client_nonce: &str) -> Result<Vec<u8>> {
        let given = directives(challenge)?;
        let get = |name: &str| given.get(name).map(String::as_str);
        let (Some(nonce), realm) = (get("nonce"), get("realm").unwrap_or_default()) else { return Err(foreign()) };
        // Without a word about it only the login is offered.
        let offered: Vec<Protection> = Protection::parse_list(get("qop").unwrap_or("auth")).map_err(|_| foreign())?;
        let level = Protection::choose(&self.wanted, &offered)?;
        let ciphers = get("cipher").unwrap_or_default();
        if level == Protection::Privacy && !ciphers.split(',').any(|cipher| cipher.trim() == "3des") {
            return Err(error::refused(format!("the server encrypts by {ciphers}, which is not spoken here"))
                .hint("let it offer 3des, or another level of protection"));
        }
        let secret = hash(&[self.user.as_bytes(), b":", realm.as_bytes(), b":", self.password.expose().as_bytes()]);
        let session = hash(&[&secret, b":", nonce.as_bytes(), b":", client_nonce.as_bytes()]);
        let uri = self.uri;
        let proof = |method: &str| {
            let tail = if level == Protection::Authentication { "" } else { ":00000000000000000000000000000000" };
            let action = hex(&hash(&[format!("{method}:{uri}{tail}").as_bytes()]));
            let qop = level.as_str();
            hex(&hash(&[format!("{}:{nonce}:00000001:{client_nonce}:{qop}:{action}", hex(&session)).as_bytes()]))
        };
        let mut answer = format!(
            "charset=utf-8,username=\"{}\",realm=\"{realm}\",nonce=\"{nonce}\",nc=00000001,cnonce=\"{client_nonce}\",\
             digest-uri=\"{uri}\",response={},qop={}",
            self.user,
            proof("AUTHENTICATE"),
            level.as_str()
        );
        if level == Protection::Privacy {
            answer.push_str(",cipher=3des");
        }
        self.state = State::Answered { expected: proof(""), session, level };
        Ok(answer.into_bytes())
    }

    pub(super) fn into_layer(self) -> Layer {
        match self.state {
            State::Proved { session, level } if level != Protection::Authentication => {
                Layer::Digest(Box::new(Seals::new(&session, level == Protection::Privacy, Side::CLIENT)))
            }
            _ => Layer::None,
        }
    }
}

fn foreign() -> Error {
    error::refused("the server's challenge is not one of DIGEST-MD5")
}

fn hash(parts: &[&[u8]]) -> [u8; 16] {
    parts.iter().fold(Md5::new(), |digest, part| digest.chain_update(part)).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `name=value, name="value"`; a backslash takes the next byte as it is. The last of several of one name stays.
fn directives(bytes: &[u8]) -> Result<BTreeMap<String, String>> {
    let mut rest = std::str::from_utf8(bytes).map_err(|_| foreign())?;
    let mut found = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ', '\t', '\r', '\n']);
        if rest.is_empty() {
            return Ok(found);
        }
        let (name, after) = rest.split_once('=').ok_or_else(foreign)?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted).ok_or_else(foreign)?,
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim_end().to_owned(), &after[end..])
            }
        };
        found.insert(name.trim_end().to_ascii_lowercase(), value);
        rest = after;
    }
}

/// The text up to the closing quote, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut characters) = (String::new(), text.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// The words that the keys of a direction are made with.
struct Side {
    signing: [&'static [u8]; 2],
    sealing: [&'static [u8]; 2],
}

impl Side {
    /// Sends as the client.
    const CLIENT: Self = Self {
        signing: [
            b"Digest session key to client-to-server signing key magic constant",
            b"Digest session key to server-to-client signing key magic constant",
        ],
        sealing: [
            b"Digest H(A1) to client-to-server sealing key magic constant",
            b"Digest H(A1) to server-to-client sealing key magic constant",
        ],
    };
}

/// The seals of both directions after a login: messages are numbered, signed and, if so agreed, encrypted.
pub(crate) struct Seals {
    sent: u32,
    received: u32,
    signs: [u8; 16],
    checks: [u8; 16],
    ciphers: Option<(cbc::Encryptor<TdesEde2>, cbc::Decryptor<TdesEde2>)>,
}

impl std::fmt::Debug for Seals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seals").field("encrypts", &self.ciphers.is_some()).finish_non_exhaustive()
    }
}

impl Seals {
    fn new(session: &[u8; 16], encrypt: bool, side: Side) -> Self {
        let [signs, checks] = side.signing.map(|words| hash(&[session, words]));
        let [seals, opens] = side.sealing.map(|words| hash(&[session, words]));
        let parts = |key: &[u8; 16]| (triple(key), <[u8; 8]>::try_from(&key[8..]).unwrap_or_default());
        let ((own, own_iv), (theirs, their_iv)) = (parts(&seals), parts(&opens));
        let ciphers = encrypt.then(|| {
            (cbc::Encryptor::new(&own.into(), &own_iv.into()), cbc::Decryptor::new(&theirs.into(), &their_iv.into()))
        });
        Self { sent: 0, received: 0, signs, checks, ciphers }
    }

    pub(super) fn seal(&mut self, message: &[u8]) -> Vec<u8> {
        let number = self.sent.to_be_bytes();
        self.sent = self.sent.wrapping_add(1);
        let mut sealed = message.to_vec();
        if self.ciphers.is_some() {
            let padding = BLOCK - (message.len() + SIGNATURE) % BLOCK;
            sealed.extend(std::iter::repeat_n(padding as u8, padding));
        }
        sealed.extend(signature(&self.signs, number, message));
        if let Some((encrypt, _)) = &mut self.ciphers {
            for block in sealed.chunks_exact_mut(BLOCK) {
                let mut whole = Block::<cbc::Encryptor<TdesEde2>>::default();
                whole.copy_from_slice(block);
                encrypt.encrypt_block(&mut whole);
                block.copy_from_slice(&whole);
            }
        }
        sealed.extend([0, 1]);
        sealed.extend(number);
        sealed
    }

    pub(super) fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>> {
        let number = self.received.to_be_bytes();
        let (body, trailer) = sealed.split_last_chunk::<TRAILER>().ok_or_else(changed)?;
        if trailer[..2] != [0, 1] || trailer[2..] != number {
            return Err(changed());
        }
        let mut body = body.to_vec();
        if let Some((_, decrypt)) = &mut self.ciphers {
            if body.len() % BLOCK != 0 {
                return Err(changed());
            }
            for block in body.chunks_exact_mut(BLOCK) {
                let mut whole = Block::<cbc::Decryptor<TdesEde2>>::default();
                whole.copy_from_slice(block);
                decrypt.decrypt_block(&mut whole);
                block.copy_from_slice(&whole);
            }
        }
        let length = body.len().checked_sub(SIGNATURE).ok_or_else(changed)?;
        let signed = body.split_off(length);
        if self.ciphers.is_some() {
            let padding = usize::from(*body.last().ok_or_else(changed)?);
            let length = body.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding));
            body.truncate(length.ok_or_else(changed)?);
        }
        let mut mac = keyed(&self.checks);
        mac.update(&number);
        mac.update(&body);
        mac.verify_truncated_left(&signed).map_err(|_| changed())?;
        self.received = self.received.wrapping_add(1);
        Ok(body)
    }
}

fn changed() -> Error {
    error::auth("a message was changed on its way, or is not the server's")
}

fn keyed(key: &[u8; 16]) -> Hmac<Md5> {
    // A key of any length will do.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

fn signature(key: &[u8; 16], number: [u8; 4], message: &[u8]) -> [u8; SIGNATURE] {
    let mut mac = keyed(key);
    mac.update(&number);
    mac.update(message);
    let mut signature = [0; SIGNATURE];
    signature.copy_from_slice(&mac.finalize().into_bytes()[..SIGNATURE]);
    signature
}

/// The key of 3des with two keys: seven bytes become eight, each with a bit of parity.
fn triple(key: &[u8; 16]) -> [u8; 16] {
    let mut spread = [0; 16];
    for (seven, eight) in key[..14].chunks_exact(7).zip(spread.chunks_exact_mut(8)) {
        let bits = seven.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        for (index, byte) in eight.iter_mut().enumerate() {
            let seven = (bits >> (49 - 7 * index) & 0x7f) as u8;
            *byte = seven << 1 | (1 - seven.count_ones() as u8 % 2);
        }
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn digest(wanted: &[Protection]) -> Digest {
        Digest::new("chris".into(), Secret::new("secret"), uri::HIVE, wanted.to_vec())
    }

    const CHALLENGE: &[u8] = b"realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth,auth-conf\",\
        cipher=\"3des,rc4\",algorithm=md5-sess,charset=utf-8";

    #[test]
    fn the_response_is_that_of_the_rfc() {
        // RFC 2831 section 4, but for the digest-uri, which is imap/elwood.innosoft.com there.
        let mut login = digest(&[Protection::Authentication]);
        let answer = login.answer(CHALLENGE, "OA6MHXh6VqTrRk").unwrap();
        let answer = directives(&answer).unwrap();
        let secret = hash(&[b"chris:elwood.innosoft.com:secret"]);
        let session = hash(&[&secret, b":OA6MG9tEQGm2hh:OA6MHXh6VqTrRk"]);
        let of = |uri: &str| {
            let action = hex(&hash(&[format!("AUTHENTICATE:{uri}").as_bytes()]));
            hex(&hash(&[format!("{}:OA6MG9tEQGm2hh:00000001:OA6MHXh6VqTrRk:auth:{action}", hex(&session)).as_bytes()]))
        };
        assert_eq!(of("imap/elwood.innosoft.com"), "d388dad90d4bbd760a152321f2143af7");
        assert_eq!(answer["response"], of(uri::HIVE));
        assert_eq!((answer["username"].as_str(), answer["qop"].as_str()), ("chris", "auth"));
    }

    #[test]
    fn a_server_that_does_not_know_the_token_is_not_believed() {
        let mut login = digest(&[]);
        assert!(login.respond(b"").unwrap().bytes.is_empty());
        login.respond(CHALLENGE).unwrap();
        let error = login.respond(b"rspauth=00000000000000000000000000000000").err().unwrap();
        assert_eq!(error.kind(), Kind::Auth);
    }

    #[test]
    fn messages_are_numbered_signed_and_encrypted() {
        let server = || {
            let Side { signing: [a, b], sealing: [c, d] } = Side::CLIENT;
            Side { signing: [b, a], sealing: [d, c] }
        };
        for encrypt in [false, true] {
            let session = hash(&[b"session"]);
            let mut client = Seals::new(&session, encrypt, Side::CLIENT);
            let mut other = Seals::new(&session, encrypt, server());
            for length in [0, 1, 5, 6, 7, 8, 1000] {
                let message = vec![7u8; length];
                let sealed = client.seal(&message);
                assert_eq!(other.open(&sealed).unwrap(), message, "{encrypt} {length}");
                assert_eq!(sealed.windows(4).any(|w| w == [7; 4]), length >= 4 && !encrypt);
                assert!(other.open(&sealed).is_err(), "the same message again");
            }
            let mut sealed = client.seal(b"message");
            sealed[3] ^= 1;
            assert!(other.open(&sealed).is_err());
        }
    }

    #[test]
    fn directives_may_be_quoted() {
        let found = directives(br#"a=1, B="x,\"y\"" ,c = z"#).unwrap();
        assert_eq!((found["a"].as_str(), found["b"].as_str()), ("1", "x,\"y\""));
        assert!(directives(b"a").is_err() && directives(b"a=\"").is_err());
    }
}
