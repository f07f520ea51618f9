//! Events as requests to a server: a POST an event, signed as Standard Webhooks has it
//! (<https://www.standardwebhooks.com>): `webhook-id`, `webhook-timestamp` and `webhook-signature`, which is `v1,` and the
//! base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`. The id is that of the event, and an `idempotency-key` too, so a receiver
//! that keeps ids takes each event once.
//!
//! 2xx takes an event. 400, 410, 413, 415 and 422 refuse it for good: it stays in the outbox with what was said. 408, 409,
//! 425, 429, 5xx and silence are tried again for half a minute. Everything else ends the run: it is not about the event.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Request};
use ring::hmac;
use url::{Host, Url};

use super::outbox::{Outbox, Waiting};
use super::{Delivered, WebhookArgs};
use crate::error::{self, Effect, Error, Result};
use crate::net::tls::{Tls, Trust};
use crate::net::{Server, http};
use crate::retry::Retry;
use crate::secret::SecretSource;
use crate::shutdown::Stop;

/// How long an event is tried again.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a server has to accept a connection, and to answer.
const CONNECT: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(60);
/// Before a secret that is written as base64.
const ENCODED: &str = "whsec_";
/// As much of an answer is told.
const TOLD_CHARS: usize = 200;

/// A server of webhooks.
pub(super) struct Webhook {
    server: Server,
    url: Url,
    client: Client,
    key: hmac::Key,
}

/// What an answer says of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    Refused,
    Later,
    Stop,
}

impl Webhook {
    /// Reads the secret and prepares the client; nothing is sent.
    ///
    /// # Errors
    /// Config: the URL is not one, or not safe; the secret cannot be read.
    pub(super) fn new(args: &WebhookArgs, base: &Path) -> Result<Self> {
        let url = checked_url(&args.url)?;
        let source = SecretSource {
            password_file: args.secret_file.clone(),
            password_env: args.secret_env.clone(),
            ..SecretSource::default()
        };
        let secret = source.read(base).map_err(|e| e.context("the secret of the webhook"))?;
        let secret = secret.ok_or_else(|| error::config("the webhook has no secret").hint("give secret-file"))?;
        let key = key_of(secret.expose())?;
        let trust = args.ca.as_ref().map_or(Trust::System, |file| Trust::Pem(base.join(file)));
        let tls = (url.scheme() == "https").then(|| Tls::new(&trust, None)).transpose()?;
        // The address alone: a path may hold a token.
        let address = format!("{}://{}", url.scheme(), url.authority());
        let server = Server::new("the receiver of the webhook", address, CONNECT);
        let client = http::client(&server, tls.as_ref())?;
        Ok(Self { server, url, client, key })
    }

    fn request(&self, event: &Waiting) -> Result<Request> {
        let mut request = Request::new(Method::POST, self.url.clone());
        let seconds = Timestamp::now().as_second().to_string();
        let headers: &mut HeaderMap = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        http::add_header(headers, "idempotency-key", &event.id)?;
        http::add_header(headers, "webhook-id", &event.id)?;
        http::add_header(headers, "webhook-timestamp", &seconds)?;
        http::add_header(headers, "webhook-signature", &signature(&self.key, &event.id, &seconds, &event.body))?;
        *request.timeout_mut() = Some(ANSWER);
        *request.body_mut() = Some(event.body.clone().into());
        Ok(request)
    }

    /// Sends an event once; `Some` is why it was refused.
    async fn send(&self, event: &Waiting) -> Result<Option<String>> {
        let answer = self.client.execute(self.request(event)?).await.map_err(|e| http::failed(&self.server, e))?;
        let status = answer.status().as_u16();
        let verdict = verdict(status);
        if verdict == Verdict::Taken {
            return Ok(None);
        }
        let text: String = answer.text().await.unwrap_or_default().chars().take(TOLD_CHARS).collect();
        let said = format!("status {status} {}", text.trim());
        let what = format!("{} answers to event {} with {}", self.server, event.id, said.trim_end());
        match verdict {
            Verdict::Later => Err(error::busy(what).hint("the event waits in the outbox; run it again later")),
            Verdict::Stop => {
                Err(error::refused(what).hint("look at the url and the secret; the event waits in the outbox"))
            }
            _ => Ok(Some(said.trim_end().to_owned())),
        }
    }
}

/// Sends what waits, one after the other, and notes each.
///
/// # Errors
/// Those of [`Webhook::send`] once the patience is over, and of the database; Stopped. With the effect Partial where some
/// were handed over before.
pub(super) async fn deliver(outbox: &mut Outbox, webhook: &Webhook, stop: &Stop) -> Result<Delivered> {
    let mut delivered = Delivered::default();
    for event in outbox.waiting(None).await? {
        let so_far = delivered.events;
        let left = move |e: Error| if so_far > 0 { e.effect(Effect::Partial) } else { e };
        let sent = Retry::for_time(PATIENCE).run(stop, || webhook.send(&event)).await.map_err(left)?;
        match sent {
            None => {
                // It is with the receiver from here on, whether or not that is noted.
                let noted = outbox.mark(&event.id, "delivered_at", None).await;
                noted.map_err(|e| e.effect(Effect::Partial))?;
                delivered.events += 1;
                delivered.bytes += event.body.len() as u64;
            }
            Some(said) => {
                tracing::warn!(event = event.id, "{} refuses an event: {said}", webhook.server);
                outbox.mark(&event.id, "refused_at", Some(&said)).await.map_err(left)?;
                delivered.refused += 1;
            }
        }
    }
    Ok(delivered)
}

fn verdict(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Taken,
        400 | 410 | 413 | 415 | 422 => Verdict::Refused,
        408 | 409 | 425 | 429 | 500..=599 => Verdict::Later,
        _ => Verdict::Stop,
    }
}

/// Refuses an address over which a secret's work would go in the clear.
fn checked_url(text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|e| error::config("the url of the webhook cannot be read").source(e))?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        "http" => Err(error::config("the webhook's url is http, by which customers' data would go in the clear")
            .hint("give an https url; http is for this host alone")),
        other => Err(error::config(format!("the webhook's url begins with {other}:")).hint("give an https url")),
    }
}

/// The key: bytes written as base64 behind `whsec_`, or the text as it is.
fn key_of(secret: &str) -> Result<hmac::Key> {
    let bytes = match secret.strip_prefix(ENCODED) {
        None => secret.as_bytes().to_vec(),
        Some(encoded) => STANDARD.decode(encoded.trim()).map_err(|_| {
            error::config("the secret of the webhook begins with whsec_ and is not base64").hint("copy it once more")
        })?,
    };
    if bytes.len() < 16 {
        return Err(error::config("the secret of the webhook is shorter than 16 bytes").hint("take a longer one"));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn signature(key: &hmac::Key, id: &str, seconds: &str, body: &str) -> String {
    let signed = hmac::sign(key, format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn requests_are_signed_as_the_specification_has_it() {
        let key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(key_of("short").is_err() && key_of("whsec_%%%").is_err());
    }

    #[test]
    fn addresses_in_the_clear_are_refused() {
        for fine in ["https://crm.example/hook", "http://localhost:80/", "http://127.0.0.1:1/x", "http://[::1]/"] {
            checked_url(fine).unwrap();
        }
        for (wrong, said) in [("http://crm.example/", "in the clear"), ("ftp://x/", "ftp:"), ("crm", "cannot be read")]
        {
            let error = checked_url(wrong).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn statuses_say_what_becomes_of_an_event() {
        let of = |statuses: &[u16]| statuses.iter().map(|status| verdict(*status)).collect::<Vec<_>>();
        assert!(of(&[200, 201, 204]).iter().all(|v| *v == Verdict::Taken));
        assert!(of(&[400, 410, 413, 415, 422]).iter().all(|v| *v == Verdict::Refused));
        assert!(of(&[408, 409, 425, 429, 500, 503]).iter().all(|v| *v == Verdict::Later));
        assert!(of(&[301, 401, 403, 404, 405]).iter().all(|v| *v == Verdict::Stop));
    }
}
