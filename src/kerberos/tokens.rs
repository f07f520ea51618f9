//! Delegation tokens: what YARN and Oozie hand to a process in place of tickets, in the file that
//! `HADOOP_TOKEN_FILE_LOCATION` names.
//!
//! Both formats are read: Hadoop's Writables (version 0, Hadoop 2 and 3) and protocol buffers (version 1, Hadoop 3).
//! Source: Hadoop 3.4 `Credentials.readTokenStorageStream`, `Security.proto`, `WritableUtils.readVLong`.

use std::fmt;
use std::path::{Path, PathBuf};

use prost::Message;

use crate::error::{self, Error, Result};
use crate::secret::Secret;

/// The variable that names the file.
pub(crate) const VARIABLE: &str = "HADOOP_TOKEN_FILE_LOCATION";

/// The kind of HDFS's delegation tokens.
pub(crate) const HDFS_TOKEN: &str = "HDFS_DELEGATION_TOKEN";

const MAGIC: &[u8] = b"HDTS";

/// A delegation token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// The name it was stored by; for the metastore's that of `hive.metastore.token.signature`.
    pub alias: String,
    /// What it opens, such as `HDFS_DELEGATION_TOKEN` or `HIVE_DELEGATION_TOKEN`.
    pub kind: String,
    /// The server that takes it.
    pub service: String,
    identifier: Vec<u8>,
    password: Vec<u8>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("kind", &self.kind).field("service", &self.service).finish_non_exhaustive()
    }
}

impl Token {
    /// Whose it is, as the server that gave it calls them; `None` where that is not said as Hadoop says it.
    ///
    /// Source: Hadoop 3.4 `AbstractDelegationTokenIdentifier.write`: a version, then the owner as a Text.
    pub(crate) fn owner(&self) -> Option<String> {
        let (version, mut rest) = self.identifier.split_first()?;
        let owner = (*version == 0).then(|| text(&mut rest).ok())??;
        Some(owner.split(['/', '@']).next()?.to_owned()).filter(|owner| !owner.is_empty())
    }

    /// User and password of a DIGEST-MD5 login, as Hadoop's servers expect them.
    pub(crate) fn login(&self) -> (String, Secret) {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        (STANDARD.encode(&self.identifier), Secret::new(STANDARD.encode(&self.password)))
    }
}

impl Token {
    /// The token in one word, as WebHDFS takes it: a Writable in base64 fit for a URL.
    ///
    /// Source: Hadoop 3.4 `Token.encodeToUrlString`.
    pub(crate) fn in_url(&self) -> String {
        use base64::Engine as _;
        let mut bytes = Vec::new();
        for field in [&self.identifier[..], &self.password, self.kind.as_bytes(), self.service.as_bytes()] {
            put_length(&mut bytes, field.len());
            bytes.extend(field);
        }
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`in_url`](Self::in_url) writes, as servers give it.
    ///
    /// # Errors
    /// Config: it is not one.
    pub(crate) fn of_url(text: &str) -> Result<Self> {
        use base64::Engine as _;
        let text = text.trim_end_matches('=');
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).map_err(|_| foreign())?;
        let bytes = &mut &bytes[..];
        let (identifier, password) = (field(bytes)?.to_vec(), field(bytes)?.to_vec());
        let (kind, service) = (self::text(bytes)?, self::text(bytes)?);
        Ok(Self { alias: String::new(), kind, service, identifier, password })
    }
}

/// `WritableUtils.writeVLong`, of lengths.
fn put_length(bytes: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(small @ 0..=127) => bytes.push(small),
        _ => {
            let number = length.to_be_bytes();
            let number = &number[number.iter().take_while(|byte| **byte == 0).count()..];
            // -113 announces one byte, -114 two, and so on: 143 and below, as bytes.
            bytes.push(143 - (number.len() as u8 - 1));
            bytes.extend(number);
        }
    }
}

/// The tokens of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    tokens: Vec<Token>,
    file: PathBuf,
}

impl Tokens {
    /// Those of the file that the environment names; none if it names none.
    ///
    /// # Errors
    /// Config: the file cannot be read, or is not one of tokens.
    pub(crate) fn of_environment() -> Result<Self> {
        match std::env::var_os(VARIABLE).filter(|file| !file.is_empty()) {
            None => Ok(Self::default()),
            Some(file) => Self::of_file(Path::new(&file)),
        }
    }

    fn of_file(file: &Path) -> Result<Self> {
        let named = || format!("token file {}, which {VARIABLE} names", file.display());
        let bytes = std::fs::read(file).map_err(|e| {
            error::config(format!("cannot read {}", named())).hint("check the path, or unset the variable").source(e)
        })?;
        let tokens = parse(&bytes).map_err(|e| e.context(named()))?;
        Ok(Self { tokens, file: file.to_owned() })
    }

    /// The token of a kind, by the name it was stored by or the server that takes it where `service` is given.
    pub(crate) fn find(&self, kind: &str, service: Option<&str>) -> Option<&Token> {
        let fits = |token: &&Token| service.is_none_or(|service| token.service == service || token.alias == service);
        self.tokens.iter().filter(|token| token.kind == kind).find(fits)
    }

    /// Whose the first of them is that says so.
    pub(crate) fn owner(&self) -> Option<String> {
        self.tokens.iter().find_map(Token::owner)
    }

    /// Whether there is none at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The file and the kinds it holds, for messages.
    pub(crate) fn label(&self) -> String {
        if self.file.as_os_str().is_empty() {
            return format!("any file: {VARIABLE} names none");
        }
        let kinds: Vec<&str> = self.tokens.iter().map(|token| token.kind.as_str()).collect();
        format!("{} ({})", self.file.display(), kinds.join(", "))
    }
}

fn foreign() -> Error {
    error::config("it is not a file of delegation tokens").hint("check the path, or unset the variable")
}

fn parse(bytes: &[u8]) -> Result<Vec<Token>> {
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(foreign)?;
    match rest.split_first() {
        Some((0, mut rest)) => writables(&mut rest),
        Some((1, rest)) => protobuf(rest),
        _ => Err(foreign()),
    }
}

fn writables(bytes: &mut &[u8]) -> Result<Vec<Token>> {
    let count = length(bytes)?;
    let mut tokens = Vec::new();
    for _ in 0..count {
        // A Text, a BytesWritable-like pair, and two more Texts: each a variable-length length and its bytes.
        let alias = text(bytes)?;
        let (identifier, password) = (field(bytes)?.to_vec(), field(bytes)?.to_vec());
        let (kind, service) = (text(bytes)?, text(bytes)?);
        tokens.push(Token { alias, kind, service, identifier, password });
    }
    Ok(tokens)
}

fn text(bytes: &mut &[u8]) -> Result<String> {
    String::from_utf8(field(bytes)?.to_vec()).map_err(|_| foreign())
}

fn field<'b>(bytes: &mut &'b [u8]) -> Result<&'b [u8]> {
    let length = length(bytes)?;
    let (field, rest) = bytes.split_at_checked(length).ok_or_else(foreign)?;
    *bytes = rest;
    Ok(field)
}

/// `WritableUtils.readVLong`, of lengths.
fn length(bytes: &mut &[u8]) -> Result<usize> {
    let (first, rest) = bytes.split_first().ok_or_else(foreign)?;
    *bytes = rest;
    let first = first.cast_signed();
    if first >= 0 {
        return Ok(first.unsigned_abs().into());
    }
    // From -113 on so many bytes follow; what is smaller than -120, or fits one byte, would be negative.
    let count = match first {
        -120..=-113 => usize::from((-112 - i16::from(first)).unsigned_abs()),
        _ => return Err(foreign()),
    };
    let (number, rest) = bytes.split_at_checked(count).ok_or_else(foreign)?;
    *bytes = rest;
    let number = number.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    usize::try_from(number).map_err(|_| foreign())
}

/// `CredentialsProto`.
#[derive(Message)]
struct CredentialsProto {
    #[prost(message, repeated, tag = "1")]
    tokens: Vec<EntryProto>,
}

/// `CredentialsKVProto`.
#[derive(Message)]
struct EntryProto {
    #[prost(string, tag = "1")]
    alias: String,
    #[prost(message, optional, tag = "2")]
    token: Option<TokenProto>,
}

/// `TokenProto`.
#[derive(Message)]
struct TokenProto {
    #[prost(bytes = "vec", tag = "1")]
    identifier: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    password: Vec<u8>,
    #[prost(string, tag = "3")]
    kind: String,
    #[prost(string, tag = "4")]
    service: String,
}

fn protobuf(bytes: &[u8]) -> Result<Vec<Token>> {
    let read = CredentialsProto::decode_length_delimited(bytes).map_err(|_| foreign())?;
    let token = |entry: EntryProto| {
        let TokenProto { identifier, password, kind, service } = entry.token?;
        Some(Token { alias: entry.alias, kind, service, identifier, password })
    };
    Ok(read.tokens.into_iter().filter_map(token).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    /// As Hadoop's `Credentials.writeTokenStorageToStream` writes one token.
    fn file(version: u8) -> Vec<u8> {
        let mut bytes = [MAGIC, &[version]].concat();
        let long = "s".repeat(200);
        match version {
            0 => {
                bytes.push(1);
                for field in ["alias", "identifier", "password", "HIVE_DELEGATION_TOKEN"] {
                    bytes.push(u8::try_from(field.len()).unwrap());
                    bytes.extend(field.as_bytes());
                }
                // 200 does not fit one byte: -113, then one byte.
                bytes.extend([(-113i8).cast_unsigned(), 200]);
                bytes.extend(long.as_bytes());
                bytes.push(0);
            }
            _ => {
                let token = TokenProto {
                    identifier: b"identifier".to_vec(),
                    password: b"password".to_vec(),
                    kind: "HIVE_DELEGATION_TOKEN".into(),
                    service: long,
                };
                let entry = EntryProto { alias: "alias".into(), token: Some(token) };
                bytes.extend(CredentialsProto { tokens: vec![entry] }.encode_length_delimited_to_vec());
            }
        }
        bytes
    }

    #[test]
    fn both_formats_are_read() {
        for version in [0, 1] {
            let tokens = parse(&file(version)).unwrap();
            let tokens = Tokens { tokens, file: "t".into() };
            let token = tokens.find("HIVE_DELEGATION_TOKEN", Some("alias")).unwrap();
            assert_eq!(token.service.len(), 200);
            let (user, password) = token.login();
            assert_eq!((user.as_str(), password.expose()), ("aWRlbnRpZmllcg==", "cGFzc3dvcmQ="));
            assert!(!format!("{token:?}").contains("password"));
            assert!(tokens.find("HDFS_DELEGATION_TOKEN", None).is_none());
            assert_eq!(tokens.label(), "t (HIVE_DELEGATION_TOKEN)");
            let again = Token::of_url(&token.in_url()).unwrap();
            assert_eq!(again, Token { alias: String::new(), ..token.clone() });
        }
    }

    #[test]
    fn a_token_says_whose_it_is() {
        let of = |identifier: &[u8]| Token {
            alias: String::new(),
            kind: "HDFS_DELEGATION_TOKEN".into(),
            service: String::new(),
            identifier: identifier.to_vec(),
            password: Vec::new(),
        };
        assert_eq!(of(b"\x00\x05etl@R\x00").owner().as_deref(), Some("etl"));
        assert_eq!(of(b"\x00\x06etl/h@\x00").owner().as_deref(), Some("etl"));
        for other in [&b""[..], b"\x00", b"\x00\x00", b"\x01\x03etl", b"\x00\x09etl"] {
            assert_eq!(of(other).owner(), None, "{other:?}");
        }
    }

    #[test]
    fn broken_files_are_refused() {
        for version in [0, 1] {
            let whole = file(version);
            for length in 0..whole.len() - usize::from(version == 0) {
                assert_eq!(parse(&whole[..length]).unwrap_err().kind(), Kind::Config, "{version} {length}");
            }
        }
        assert!(parse(b"HDTS\x02").is_err());
    }
}
