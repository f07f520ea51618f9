//! The clock of a KDC, asked by a request that it cannot grant: its refusal says what time it is there.
//!
//! Source: RFC 4120 sections 5.4.1 (KDC-REQ), 5.9.1 (KRB-ERROR) and 7.2.2 (TCP). A KDC that only DNS knows is not asked.

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::error::Result;
use crate::net::Server;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const GENERALIZED_TIME: u8 = 0x18;
const GENERAL_STRING: u8 = 0x1b;
const SEQUENCE: u8 = 0x30;
const AS_REQ: u8 = 0x6a;
const KRB_ERROR: u8 = 0x7e;
/// A service that no realm has.
const NOBODY: &str = "sakia-doctor-asks-the-time";
/// No refusal is as large.
const LARGEST: usize = 64 << 10;

/// The time at a KDC, in seconds since 1970; `None` where it granted what it could not know. Blocks.
///
/// # Errors
/// Unreachable: it does not answer.
pub(super) fn ask(kdc: &str, principal: &str, limit: Duration) -> Result<Option<i64>> {
    let server = Server::new("a kdc", kdc, limit);
    let (client, realm) = principal.rsplit_once('@').unwrap_or((principal, ""));
    let mut stream = server.connect()?;
    let exchange = |stream: &mut std::net::TcpStream| -> io::Result<Vec<u8>> {
        let request = request(client, realm);
        // A request has some hundred bytes.
        stream.write_all(&(request.len() as u32).to_be_bytes())?;
        stream.write_all(&request)?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; (u32::from_be_bytes(length) as usize).min(LARGEST)];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange(&mut stream).map_err(|e| match crate::net::is_timeout(&e) {
        true => server.silent(),
        false => server.unreachable(e),
    })?;
    Ok(time_of(&answer))
}

/// A value with its tag and length. Ours are shorter than 64 KiB.
fn value(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u16;
    let mut bytes = vec![tag];
    match length {
        0..128 => bytes.push(length as u8),
        _ => {
            bytes.push(0x82);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(body);
    bytes
}

/// A field of a sequence, by its number.
fn field(number: u8, body: &[u8]) -> Vec<u8> {
    value(0xa0 | number, body)
}

fn name(kind: u8, parts: &[&str]) -> Vec<u8> {
    let parts: Vec<u8> = parts.iter().flat_map(|part| value(GENERAL_STRING, part.as_bytes())).collect();
    let kind = field(0, &value(INTEGER, &[kind]));
    value(SEQUENCE, &[kind, field(1, &value(SEQUENCE, &parts))].concat())
}

/// A request for a ticket to a service that no realm has.
fn request(client: &str, realm: &str) -> Vec<u8> {
    let client: Vec<&str> = client.split('/').collect();
    let body = [
        field(0, &value(BIT_STRING, &[0; 5])),
        field(1, &name(1, &client)),
        field(2, &value(GENERAL_STRING, realm.as_bytes())),
        field(3, &name(2, &[NOBODY, realm])),
        field(5, &value(GENERALIZED_TIME, b"20370913024805Z")),
        // A KDC answers the same request with the same words for two minutes.
        field(7, &value(INTEGER, &(uuid::Uuid::new_v4().as_u128() as u32 & 0x7fff_ffff).to_be_bytes())),
        // AES with 256 and 128 bits.
        field(8, &value(SEQUENCE, &[value(INTEGER, &[18]), value(INTEGER, &[17])].concat())),
    ];
    let parts =
        [field(1, &value(INTEGER, &[5])), field(2, &value(INTEGER, &[10])), field(4, &value(SEQUENCE, &body.concat()))];
    value(AS_REQ, &value(SEQUENCE, &parts.concat()))
}

/// The time in a refusal.
fn time_of(answer: &[u8]) -> Option<i64> {
    const STIME: u8 = 0xa4;
    let (body, _) = unwrapped(answer, KRB_ERROR)?;
    let (mut fields, _) = unwrapped(body, SEQUENCE)?;
    while let Some(tag) = fields.first() {
        let (inner, rest) = unwrapped(fields, *tag)?;
        if *tag == STIME {
            let (text, _) = unwrapped(inner, GENERALIZED_TIME)?;
            let text = std::str::from_utf8(text).ok()?;
            let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
            return jiff::tz::Offset::UTC.to_timestamp(time).ok().map(|time| time.as_second());
        }
        fields = rest;
    }
    None
}

/// The body of a value, and what follows it.
fn unwrapped(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..128 => (usize::from(*first), rest),
        _ => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0usize, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
    };
    if *found != tag || length > LARGEST {
        return None;
    }
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_stands_in_a_refusal() {
        let stime = field(4, &value(GENERALIZED_TIME, b"20201010135536Z"));
        let fields = [field(0, &value(INTEGER, &[5])), field(1, &value(INTEGER, &[30])), stime].concat();
        let answer = value(KRB_ERROR, &value(SEQUENCE, &fields));
        assert_eq!(time_of(&answer), Some(1_602_338_136));
        for end in 0..answer.len() {
            assert_eq!(time_of(&answer[..end]), None, "{end}");
        }
        assert_eq!(time_of(&request("etl", "R")), None);
    }
}
