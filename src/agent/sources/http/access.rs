//! Who may post, and how often: a token, the origins of pages, a rate.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::secret::Secret;

/// The origins whose pages may post; empty where no page is answered to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct Cors(pub Vec<String>);

/// How long a browser may remember what it was told of a page.
const REMEMBERED: HeaderValue = HeaderValue::from_static("86400");

impl Cors {
    /// What a page's browser is told of its origin; `None` where nothing is listed, or no page asks.
    fn of<'a>(&self, headers: &'a HeaderMap) -> Option<Result<Told<'a>, ()>> {
        let origin = headers.get(header::ORIGIN).filter(|_| !self.0.is_empty())?;
        Some(match () {
            () if self.0.iter().any(|listed| listed.as_bytes() == origin.as_bytes()) => Ok(Told::Named(origin)),
            () if self.0.iter().any(|listed| listed == "*") => Ok(Told::Anybody),
            () => Err(()),
        })
    }

    /// Whether a page asks that may not.
    pub(super) fn refuses(&self, headers: &HeaderMap) -> bool {
        matches!(self.of(headers), Some(Err(())))
    }

    /// The answer to a browser that asks before it posts; `None` where that is not what is asked.
    pub(super) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let is_asked = *method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !is_asked || self.of(headers)?.is_err() {
            return None;
        }
        let mut answer = StatusCode::NO_CONTENT.into_response();
        let said = answer.headers_mut();
        said.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        said.insert(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
        if let Some(wanted) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            said.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        Some(answer)
    }

    /// Lets the page read an answer, if its origin is listed.
    pub(super) fn mark(&self, headers: &HeaderMap, answer: &mut Response) {
        let Some(Ok(told)) = self.of(headers) else { return };
        let said = answer.headers_mut();
        match told {
            Told::Anybody => drop(said.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))),
            Told::Named(origin) => {
                said.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                // A beacon comes with the cookies of the page.
                said.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
                said.insert(header::VARY, HeaderValue::from_static("Origin"));
            }
        }
    }
}

/// Whom an answer is for.
enum Told<'a> {
    Anybody,
    Named(&'a HeaderValue),
}

/// A bucket that holds the requests of a second, and is filled by as many a second.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    left: Mutex<(f64, Instant)>,
}

impl Rate {
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, left: Mutex::new((per_second, Instant::now())) }
    }

    /// Whether one more request may be taken now.
    pub(super) fn takes(&self) -> bool {
        self.takes_at(Instant::now())
    }

    fn takes_at(&self, now: Instant) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(left.1).as_secs_f64();
        let filled = (left.0 + since * self.per_second).min(self.per_second);
        let takes = filled >= 1.0;
        *left = (if takes { filled - 1.0 } else { filled }, now.max(left.1));
        takes
    }
}

/// Whether the client shows the token as `Authorization: Bearer ..`.
pub(in crate::agent) fn is_shown(headers: &HeaderMap, token: &Secret) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    shown.is_some_and(|shown| is_same(shown, token.expose().as_bytes()))
}

/// The name that the client shows as `Authorization: Basic ..`, which a write key is.
pub(super) fn basic_name(headers: &HeaderMap) -> Option<String> {
    let shown = headers.get(header::AUTHORIZATION)?.as_bytes().strip_prefix(b"Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(shown).ok()?).ok()?;
    Some(decoded.split(':').next().unwrap_or_default().to_owned())
}

/// Whether a write key is one of those that are known, one a line.
pub(super) fn is_write_key(shown: &str, known: &Secret) -> bool {
    let known = known.expose().lines().map(str::trim).filter(|key| !key.is_empty());
    known.fold(false, |found, key| found | is_same(shown.as_bytes(), key.as_bytes()))
}

/// Takes as long for a wrong one as for the right one.
fn is_same(shown: &[u8], wanted: &[u8]) -> bool {
    let differences = shown.iter().zip(wanted).fold(0, |all, (a, b)| all | (a ^ b));
    shown.len() == wanted.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rate_lets_a_second_through_at_once_and_then_one_by_one() {
        let (rate, began) = (Rate::new(10), Instant::now());
        let taken = |after_ms: u64, tries: usize| {
            (0..tries).filter(|_| rate.takes_at(began + Duration::from_millis(after_ms))).count()
        };
        assert_eq!(taken(1, 20), 10);
        assert_eq!(taken(50, 5), 0);
        assert_eq!(taken(205, 5), 2);
        assert_eq!(taken(60_000, 50), 10);
        assert_eq!(taken(1_000, 5), 0, "a clock that is behind");
    }

    #[test]
    fn write_keys_are_those_of_the_file() {
        let known = Secret::new("one\n\n two \n");
        assert!(is_write_key("one", &known) && is_write_key("two", &known));
        assert!(!is_write_key("", &known) && !is_write_key("thr", &known));
        let mut headers = HeaderMap::new();
        assert_eq!(basic_name(&headers), None);
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic b25lOg=="));
        assert_eq!(basic_name(&headers).as_deref(), Some("one"));
    }
}
