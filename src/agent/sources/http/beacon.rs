//! What pages send as they are left or shown: `navigator.sendBeacon`, and a picture of one pixel.
//!
//! A body is an event as it is, with the parameters of the query as headers. Where there is no body, or that of a form, the
//! event is a JSON object of the parameters; one that is there several times is an array.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::body::{Refusal, bad, blob};
use crate::agent::event::Event;

/// A GIF of one transparent pixel.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff\x21\xf9\x04\x01\x00\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01\x44\x00\x3b";

/// The event of a request.
pub(super) fn event(headers: &HeaderMap, query: Option<&str>, body: Bytes) -> Result<Event, Refusal> {
    let content = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let is_form = content.to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded");
    if body.is_empty() {
        return Ok(Event { body: object(query.unwrap_or_default()).into(), ..Event::default() });
    }
    if is_form {
        let text = std::str::from_utf8(&body).map_err(|_| bad("the form is not UTF-8"))?;
        return Ok(Event { body: object(text).into(), ..blob(query, Bytes::new()) });
    }
    Ok(blob(query, body))
}

/// The answer to a beacon, or to a picture, that is in the channel.
pub(super) fn answer(method: &Method) -> Response {
    if *method == Method::POST {
        return StatusCode::NO_CONTENT.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "image/gif"),
        // A picture that is kept is not asked for again.
        (header::CACHE_CONTROL, "no-store, no-cache, must-revalidate, max-age=0"),
    ];
    (headers, PIXEL).into_response()
}

/// The parameters as a JSON object.
fn object(query: &str) -> String {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut object = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = Value::from(decoded(value));
        match object.get_mut(&decoded(name)) {
            None => drop(object.insert(decoded(name), value)),
            Some(Value::Array(all)) => all.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
    Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_an_object() {
        assert_eq!(object("a=1&b=x+y%21&&flag&a=%22&a=3"), r#"{"a":["1","\"","3"],"b":"x y!","flag":""}"#);
        assert_eq!(object(""), "{}");
    }

    #[test]
    fn bodies_stay_as_they_are_and_forms_are_objects() {
        let mut headers = HeaderMap::new();
        let of = |headers: &HeaderMap, body: &'static str| event(headers, Some("site=shop"), body.into()).unwrap();
        let plain = of(&headers, "{\"a\":1} ");
        assert_eq!((&plain.body[..], plain.headers.get("site")), (&b"{\"a\":1} "[..], Some("shop")));
        assert_eq!(of(&headers, "").body, r#"{"site":"shop"}"#);
        headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded;charset=UTF-8"));
        let form = of(&headers, "a=1&b=2");
        assert_eq!((&form.body[..], form.headers.get("site")), (&br#"{"a":"1","b":"2"}"#[..], Some("shop")));
    }
}
