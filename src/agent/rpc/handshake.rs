//! The handshake of Avro's calls: each side says which protocol it speaks, by its MD5, and in full where the other does not
//! know that.
//!
//! Source: the Avro 1.11 specification, "Handshake"; Flume 1.11 `flume.avdl`. A protocol that encodes events otherwise than
//! Flume's is refused: there is no resolution of schemas here.

use md5::{Digest, Md5};
use serde_json::Value;

use super::Malformed;
use super::binary::{Reader, put_bytes, put_long};

type Hash = [u8; 16];

/// The MD5 of the protocol as Flume 1.11 has it, with the text of its licence: who shows it speaks what we do.
const FLUME: Hash = [0x86, 0xaa, 0xda, 0xe2, 0xc4, 0x54, 0x74, 0xc0, 0xfe, 0x93, 0xff, 0xd0, 0xf2, 0x35, 0x0a, 0x65];

/// The protocol, without comments.
const PROTOCOL: &str = r#"{"protocol":"AvroSourceProtocol","namespace":"org.apache.flume.source.avro","types":[{"type":"enum","name":"Status","symbols":["OK","FAILED","UNKNOWN"]},{"type":"record","name":"AvroFlumeEvent","fields":[{"name":"headers","type":{"type":"map","values":"string"}},{"name":"body","type":"bytes"}]}],"messages":{"append":{"request":[{"name":"event","type":"AvroFlumeEvent"}],"response":"Status"},"appendBatch":{"request":[{"name":"events","type":{"type":"array","items":"AvroFlumeEvent"}}],"response":"Status"}}}"#;

fn own() -> Hash {
    Md5::digest(PROTOCOL).into()
}

/// How a server answers: whether it knows the client's protocol, and the client its own.
const BOTH: i64 = 0;
const CLIENT: i64 = 1;
const NONE: i64 = 2;

/// A client's part.
pub(super) struct Request<'a> {
    client: Hash,
    protocol: Option<&'a str>,
    server: Hash,
}

impl<'a> Request<'a> {
    pub(super) fn read(from: &mut Reader<'a>) -> Result<Self, Malformed> {
        let client = from.fixed()?;
        let protocol = if from.is_some()? { Some(from.text()?) } else { None };
        let server = from.fixed()?;
        if from.is_some()? {
            from.skip_metadata()?;
        }
        Ok(Self { client, protocol, server })
    }

    /// Writes the server's part; whether the client's protocol is known, without which its call cannot be read.
    ///
    /// # Errors
    /// The client speaks another protocol.
    pub(super) fn answer(&self, to: &mut Vec<u8>) -> Result<bool, Malformed> {
        if let Some(protocol) = self.protocol {
            check(protocol)?;
        }
        let is_known = self.protocol.is_some() || [FLUME, own()].contains(&self.client);
        let is_met = [FLUME, own()].contains(&self.server);
        put_long(
            to,
            if !is_known {
                NONE
            } else if is_met {
                BOTH
            } else {
                CLIENT
            },
        );
        if is_known && is_met {
            put_long(to, 0);
            put_long(to, 0);
        } else {
            put_long(to, 1);
            put_bytes(to, PROTOCOL.as_bytes());
            put_long(to, 1);
            to.extend(own());
        }
        put_long(to, 0);
        Ok(is_known)
    }
}

/// What a client knows of its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agreement {
    /// Nothing: it takes the server for one of Flume's, which knows its own protocol by its MD5.
    Guessed,
    /// The server has a protocol of this MD5, and wants to see ours.
    Asked(Hash),
    /// Both sides know each other: there is no handshake any more.
    Met,
}

impl Agreement {
    /// Writes the client's part, where there is one.
    pub(super) fn put(&self, to: &mut Vec<u8>) {
        let server = match self {
            Self::Met => return,
            Self::Guessed => {
                to.extend(FLUME);
                put_long(to, 0);
                FLUME
            }
            Self::Asked(server) => {
                to.extend(own());
                put_long(to, 1);
                put_bytes(to, PROTOCOL.as_bytes());
                *server
            }
        };
        to.extend(server);
        // Metadata, of which there is none.
        put_long(to, 1);
        put_long(to, 0);
    }

    /// Reads the server's part; whether the answer to the call follows. Where it does not, the call has to be made again.
    ///
    /// # Errors
    /// The server speaks another protocol, or goes on asking for ours.
    pub(super) fn read(&mut self, from: &mut Reader<'_>) -> Result<bool, Malformed> {
        if *self == Self::Met {
            return Ok(true);
        }
        let matched = from.long()?;
        if from.is_some()? {
            check(from.text()?)?;
        }
        let hash = if from.is_some()? { Some(from.fixed()?) } else { None };
        if from.is_some()? {
            from.skip_metadata()?;
        }
        match matched {
            BOTH | CLIENT => *self = Self::Met,
            NONE if *self == Self::Guessed => *self = Self::Asked(hash.unwrap_or(FLUME)),
            NONE => return Err(Malformed::new("the server does not take Flume's protocol")),
            other => return Err(Malformed::new(format!("a handshake matches by {other}"))),
        }
        Ok(*self == Self::Met)
    }
}

/// Refuses a protocol whose calls are not encoded as ours.
fn check(text: &str) -> Result<(), Malformed> {
    let other =
        |what: &str| Malformed::new(format!("it speaks another protocol than Flume's AvroSourceProtocol: {what}"));
    let theirs: Value = serde_json::from_str(text).map_err(|_| other("it is not JSON"))?;
    let types = theirs["types"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = |name: &str| types.iter().find(|own| own["name"].as_str().map(last) == Some(name));
    let fields = |list: &Value| -> Vec<(String, String)> {
        let field = |field: &Value| (field["name"].as_str().unwrap_or_default().to_owned(), shape(&field["type"]));
        list.as_array().into_iter().flatten().map(field).collect()
    };
    let of = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, shape)| ((*name).to_owned(), (*shape).to_owned())).collect()
    };
    let symbols = named("Status").and_then(|status| status["symbols"].as_array());
    let has = |symbol: &Value| ["OK", "FAILED", "UNKNOWN"].iter().position(|own| Some(*own) == symbol.as_str());
    if !symbols.is_some_and(|all| all.len() <= 3 && all.iter().enumerate().all(|(place, own)| has(own) == Some(place)))
    {
        return Err(other("its Status is not OK, FAILED and UNKNOWN"));
    }
    let event = named("AvroFlumeEvent").map(|event| fields(&event["fields"]));
    if event != Some(of(&[("headers", "map of string"), ("body", "bytes")])) {
        return Err(other("its AvroFlumeEvent is not headers and body"));
    }
    let calls = [("append", ("event", "AvroFlumeEvent")), ("appendBatch", ("events", "array of AvroFlumeEvent"))];
    for (name, argument) in calls {
        let call = &theirs["messages"][name];
        if !call.is_null() && (fields(&call["request"]) != of(&[argument]) || shape(&call["response"]) != "Status") {
            return Err(other(&format!("its {name} has other arguments")));
        }
    }
    Ok(())
}

/// A type in words; a class of Java's that is to hold it does not matter.
fn shape(of: &Value) -> String {
    match (of, of["type"].as_str()) {
        (Value::String(name), _) => last(name).to_owned(),
        (_, Some("map")) => format!("map of {}", shape(&of["values"])),
        (_, Some("array")) => format!("array of {}", shape(&of["items"])),
        (_, Some(name)) => last(name).to_owned(),
        _ => "another type".to_owned(),
    }
}

/// A name without its namespace.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_is_taken_by_what_it_encodes() {
        assert_eq!(check(PROTOCOL), Ok(()));
        let java = PROTOCOL.replace(r#""string""#, r#"{"type":"string","avro.java.string":"String"}"#);
        assert_eq!(check(&java.replace(r#""types":"#, r#""doc":"x","types":"#)), Ok(()));
        for (from, to) in [
            (r#""type":"bytes""#, r#""type":"string""#),
            ("\"OK\",\"FAILED\"", "\"FAILED\",\"OK\""),
            ("\"items\":\"AvroFlumeEvent\"", "\"items\":\"bytes\""),
            ("headers", "header"),
        ] {
            let said = check(&PROTOCOL.replace(from, to)).unwrap_err().0;
            assert!(said.starts_with("it speaks another protocol"), "{said}");
        }
        assert!(check("no").is_err() && check("[]").is_err());
    }

    /// Reads the server's answer to a request.
    fn answered(client: Agreement, known: bool) -> Agreement {
        let (mut asked, mut answer) = (Vec::new(), Vec::new());
        client.put(&mut asked);
        let mut reader = Reader::new(&asked, 0);
        let request = Request::read(&mut reader).unwrap();
        reader.finish().unwrap();
        assert_eq!(request.answer(&mut answer), Ok(known));
        let (mut after, mut reader) = (client, Reader::new(&answer, 0));
        assert_eq!(after.read(&mut reader), Ok(known));
        reader.finish().unwrap();
        after
    }

    #[test]
    fn both_sides_meet_at_once_or_at_the_second_time() {
        assert_eq!(answered(Agreement::Guessed, true), Agreement::Met);
        assert_eq!(answered(Agreement::Asked([7; 16]), true), Agreement::Met);
        // A client of another version is asked for its protocol.
        let mut answer = Vec::new();
        let request = Request { client: [1; 16], protocol: None, server: [1; 16] };
        assert_eq!(request.answer(&mut answer), Ok(false));
        let mut agreement = Agreement::Guessed;
        assert_eq!(agreement.read(&mut Reader::new(&answer, 0)), Ok(false));
        assert_eq!(agreement, Agreement::Asked(own()));
        assert!(agreement.read(&mut Reader::new(&answer, 0)).is_err());
    }
}
