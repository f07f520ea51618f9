//! Bodies of requests, as each handler takes them.

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use futures::FutureExt;

use super::segment::{self, Endpoint};
use super::{beacon, body};
use crate::agent::in_flight::Claim;
use crate::fuzz::{Target, first_line, seeds};

pub(in crate::agent) const TARGETS: &[Target] = &[Target { name: "http", seeds: bodies, run: http }];

/// So much may be in a body.
const MOST: usize = 1 << 16;

fn bodies() -> Vec<Vec<u8>> {
    let text = seeds(&[
        "application/json\n[{\"headers\":{\"a\":\"b\",\"n\":1},\"body\":\"x\"},{}]",
        "application/json; charset=utf-16\n\0[\0]",
        "a=b&c\nbody",
        "x\n{\"type\":\"track\",\"event\":\"A\",\"userId\":1,\"messageId\":null,\"timestamp\":\"2024-01-01T00:00:00Z\"}",
        "x\n{\"sentAt\":\"t\",\"context\":{},\"batch\":[{\"type\":\"page\"},{\"type\":\"alias\",\"context\":null}]}",
        "application/x-www-form-urlencoded\na=1&a=%22&b",
    ]);
    let gzip = b"gzip\n\x1f\x8b\x08\0\0\0\0\0\0\x03\x8b\x8e\x05\0\x29\xbb\x4c\x0d\x02\0\0\0".to_vec();
    text.into_iter().chain([gzip]).collect()
}

/// The first line is the type, the encoding and the query in turn.
fn http(data: &[u8]) {
    let (said, rest) = first_line(data);
    let rest = Bytes::copy_from_slice(rest);
    if let Ok(value) = HeaderValue::from_bytes(said) {
        let content = HeaderMap::from_iter([(header::CONTENT_TYPE, value.clone())]);
        if let Ok(text) = body::text(&content, &rest) {
            let _ = body::json(&text);
            messages(&text);
        }
        if let Ok(event) = beacon::event(&content, None, rest.clone()) {
            assert!(event.body == rest || is_object(&event.body));
        }
        let encoded = HeaderMap::from_iter([(header::CONTENT_ENCODING, value)]);
        let mut claim = Claim::uncounted();
        let inflated = body::inflated(rest.clone(), &encoded, MOST, &mut claim).now_or_never();
        if let Some(Ok(inflated)) = inflated {
            assert!(inflated.len() <= MOST.max(rest.len()));
        }
    }
    let query = std::str::from_utf8(said).ok();
    assert_eq!(body::blob(query, rest.clone()).body, rest);
    if let Ok(event) = beacon::event(&HeaderMap::new(), query, Bytes::new()) {
        assert!(is_object(&event.body));
    }
}

/// Messages stay objects, whatever is added to them.
fn messages(text: &str) {
    for endpoint in [Endpoint::One("track"), Endpoint::Batch] {
        if let Ok(posted) = segment::events(endpoint, text, jiff::Timestamp::UNIX_EPOCH) {
            assert!(posted.events.iter().all(|event| is_object(&event.body)));
        }
    }
}

fn is_object(body: &[u8]) -> bool {
    serde_json::from_slice::<std::collections::BTreeMap<String, serde::de::IgnoredAny>>(body).is_ok()
}
