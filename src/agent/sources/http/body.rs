//! From the body of a request to events.

use std::collections::BTreeMap;
use std::io::Read;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use crate::agent::event::Event;
use crate::agent::in_flight::Claim;

/// Why a body is refused, and the status that says so.
pub(super) type Refusal = (StatusCode, String);

pub(super) fn bad(why: impl Into<String>) -> Refusal {
    (StatusCode::BAD_REQUEST, why.into())
}

/// Bytes that are claimed at once.
const PART_BYTES: usize = 64 << 10;

/// Waits for a moment until so many bytes can be held.
pub(super) async fn granted(claim: &mut Claim, bytes: usize) -> Result<(), Refusal> {
    if claim.try_grow(bytes) {
        return Ok(());
    }
    let busy = |_| (StatusCode::SERVICE_UNAVAILABLE, "too many bytes of other requests wait".to_owned());
    tokio::time::timeout(super::PATIENCE, claim.grow(bytes)).await.map_err(busy)
}

/// The body of a request, at most `most` bytes.
pub(super) async fn read(body: Body, most: usize, claim: &mut Claim) -> Result<Bytes, Refusal> {
    let (mut pieces, mut whole) = (body.into_data_stream(), BytesMut::new());
    let too_long = || (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is longer than {most} bytes"));
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|e| bad(format!("the body did not come: {e}")))?;
        if whole.len() + piece.len() > most {
            return Err(too_long());
        }
        granted(claim, piece.len()).await?;
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The body without its compression, at most `most` bytes.
pub(super) async fn inflated(
    body: Bytes,
    headers: &HeaderMap,
    most: usize,
    claim: &mut Claim,
) -> Result<Bytes, Refusal> {
    match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity") => Ok(body),
        Some(b"gzip") => {
            let mut out = Vec::new();
            let mut decoder = flate2::read::MultiGzDecoder::new(&body[..]);
            loop {
                granted(claim, PART_BYTES).await?;
                let part = (&mut decoder).take(PART_BYTES as u64).read_to_end(&mut out);
                if part.map_err(|e| bad(format!("the body is not gzip: {e}")))? == 0 {
                    return Ok(out.into());
                } else if out.len() > most {
                    let why = format!("the body holds more than {most} bytes");
                    return Err((StatusCode::PAYLOAD_TOO_LARGE, why));
                }
            }
        }
        Some(other) => {
            let name = String::from_utf8_lossy(other).into_owned();
            Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("the encoding {name} is not known; send gzip or none")))
        }
    }
}

/// An event of a body as it is, with the parameters of the query as headers.
pub(super) fn blob(query: Option<&str>, body: Bytes) -> Event {
    let mut event = Event { body, ..Event::default() };
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        event.headers.set(decoded(name), decoded(value));
    }
    event
}

/// The text of a body in the character set that its type names.
pub(super) fn text(headers: &HeaderMap, body: &[u8]) -> Result<String, Refusal> {
    let content = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let charset = content.split(';').filter_map(|part| part.trim().split_once('='));
    let charset = charset.filter(|(name, _)| name.eq_ignore_ascii_case("charset")).map(|(_, value)| value).next();
    let charset = charset.unwrap_or("utf-8").trim_matches('"').to_ascii_lowercase();
    let wrong = || bad(format!("the body is not {charset}"));
    match charset.as_str() {
        "utf-8" => std::str::from_utf8(body).map(str::to_owned).map_err(|_| wrong()),
        "utf-16" | "utf-16be" | "utf-16le" => utf16(body, charset == "utf-16le").ok_or_else(wrong),
        "utf-32" | "utf-32be" | "utf-32le" => utf32(body, charset == "utf-32le").ok_or_else(wrong),
        _ => Err(bad(format!("the character set {charset} is not taken; send UTF-8, UTF-16 or UTF-32"))),
    }
}

/// Big endian unless a mark at its beginning, or the name of the character set, says otherwise.
fn utf16(body: &[u8], little: bool) -> Option<String> {
    let (body, little) = match body {
        [0xff, 0xfe, rest @ ..] => (rest, true),
        [0xfe, 0xff, rest @ ..] => (rest, false),
        rest => (rest, little),
    };
    let (units, []) = body.as_chunks::<2>() else { return None };
    let unit = |pair: &[u8; 2]| if little { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) };
    String::from_utf16(&units.iter().map(unit).collect::<Vec<_>>()).ok()
}

fn utf32(body: &[u8], little: bool) -> Option<String> {
    let (body, little) = match body {
        [0xff, 0xfe, 0, 0, rest @ ..] => (rest, true),
        [0, 0, 0xfe, 0xff, rest @ ..] => (rest, false),
        rest => (rest, little),
    };
    let (units, []) = body.as_chunks::<4>() else { return None };
    let unit = |four: &[u8; 4]| if little { u32::from_le_bytes(*four) } else { u32::from_be_bytes(*four) };
    units.iter().map(|four| char::from_u32(unit(four))).collect()
}

/// An event as Flume's JSON handler has it.
#[derive(Deserialize)]
struct JsonEvent {
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    body: Option<String>,
}

/// The events of Flume's JSON.
pub(super) fn json(text: &str) -> Result<Vec<Event>, Refusal> {
    if !text.trim_start().starts_with('[') {
        return Err(bad("the body is not a JSON array of events"));
    }
    let events: Vec<JsonEvent> = serde_json::from_str(text).map_err(|e| bad(format!("the body is not JSON: {e}")))?;
    let event = |found: JsonEvent| {
        let mut event = Event { body: found.body.unwrap_or_default().into(), ..Event::default() };
        for (name, value) in found.headers.into_iter().flatten() {
            match value {
                Value::String(text) => event.headers.set(name, text),
                Value::Null => event.headers.set(name, ""),
                other => event.headers.set(name, other.to_string()),
            }
        }
        event
    };
    Ok(events.into_iter().map(event).collect())
}
