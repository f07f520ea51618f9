//! Events that clients post over HTTP: Flume's JSON array of events, a body as it is, messages of the Segment specification,
//! or what pages send as they are left.
//!
//! A request is answered with 200 once all its events are in the channel, so it is taken whole or not at all. A channel
//! that stays full is answered with 503 and `Retry-After`: the client keeps what it has. A client that got no answer does
//! not know and sends it again: at least once.

mod access;
mod beacon;
mod body;
#[cfg(any(test, fuzzing))]
pub(in crate::agent) mod fuzz;
mod segment;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use self::access::Rate;
pub(in crate::agent) use self::access::{Cors, is_shown};
use self::body::Refusal;
use self::segment::{Endpoint, Posted};
use super::intake::{self, Intake, Put};
use super::{Source, SourceReport};
use crate::agent::event::Event;
use crate::agent::in_flight::{Claim, InFlight};
use crate::agent::outlet::Outlet;
use crate::agent::position::PositionForm;
use crate::error::Result;
use crate::net::tls::ServerTls;
use crate::secret::Secret;

pub(in crate::agent) const FORM: PositionForm = PositionForm { kind: Cow::Borrowed("http"), version: 1 };

/// How long a request waits for room before it is answered with 503.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// How many times its bytes the events of a body take, about.
const TIMES: usize = 4;

/// How long a client may take for the head of a request, and for its body.
const SILENCE: Duration = Duration::from_secs(30);

/// Connections that are served at once.
const CONNECTIONS: usize = 1_000;

/// How bodies are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Handler {
    /// A JSON array of events with headers and a body.
    #[default]
    Json,
    /// One event: the body as it is, the parameters of the query as headers.
    Blob,
    /// Messages of the Segment specification.
    Segment,
    /// What pages send as they are left, and a picture of one pixel.
    Beacon,
}

/// What the source is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct HttpOptions {
    pub bind: String,
    pub port: u16,
    pub handler: Handler,
    /// Bytes of a body, after decompression as well.
    pub max_body_bytes: usize,
    /// What all requests hold together.
    pub in_flight: InFlight,
    /// What a client has to show as `Authorization: Bearer ..`; of messages of the Segment specification the write keys.
    pub token: Option<Secret>,
    pub tls: Option<ServerTls>,
    /// The origins whose pages may post.
    pub cors: Cors,
    /// Requests a second.
    pub rate: Option<u32>,
    /// Headers of requests that events get, too, in lower case.
    pub request_headers: Vec<String>,
    /// The header that gets the address of the client.
    pub client_ip_header: Option<String>,
}

/// Serves a port.
#[derive(Debug)]
pub(in crate::agent) struct HttpSource {
    options: HttpOptions,
    listener: TcpListener,
}

impl HttpSource {
    /// # Errors
    /// Those of [`intake::bind`].
    pub(in crate::agent) fn bind(options: HttpOptions) -> Result<Self> {
        let listener = intake::bind(&options.bind, options.port)?;
        Ok(Self { options, listener })
    }
}

/// What requests share.
#[derive(Clone)]
struct Shared {
    options: Arc<HttpOptions>,
    rate: Option<Arc<Rate>>,
    intake: Intake,
    /// The client.
    peer: SocketAddr,
}

impl Source for HttpSource {
    fn run(self: Box<Self>, outlet: Arc<Outlet>) -> Result<SourceReport> {
        let Self { options, listener } = *self;
        let (rate, options) = (options.rate.map(|rate| Arc::new(Rate::new(rate))), Arc::new(options));
        intake::serve(vec![listener], &outlet, CONNECTIONS, |stream, peer, intake| {
            let shared = Shared { options: options.clone(), rate: rate.clone(), intake, peer };
            async move {
                if let Err(e) = serve(stream, shared).await {
                    tracing::debug!("the connection of {peer} ended: {e}");
                }
            }
        })?;
        Ok(SourceReport::default())
    }
}

/// Answers the requests of a client, inside TLS where that is asked for.
async fn serve(stream: TcpStream, shared: Shared) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match shared.options.tls.clone() {
        None => Ok(converse(stream, shared).await?),
        Some(tls) => Ok(converse(tls.accept(stream, SILENCE).await?, shared).await?),
    }
}

/// Answers the requests of a client; at the end the one at hand, and no more.
async fn converse<S>(stream: S, shared: Shared) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let intake = shared.intake.clone();
    let router = Router::new().fallback(take).with_state(shared);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        done = connection.as_mut() => return done,
        () = intake.ended() => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

/// Takes a request.
async fn take(State(shared): State<Shared>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let mut answer = match shared.options.cors.preflight(&parts.method, &parts.headers) {
        Some(answer) => answer,
        None => shared.answer(&parts, body).await.unwrap_or_else(|(status, why)| refused(status, &why)),
    };
    shared.options.cors.mark(&parts.headers, &mut answer);
    answer
}

fn refused(status: StatusCode, why: &str) -> Response {
    let answer = (status, format!("{why}\n")).into_response();
    match status {
        StatusCode::TOO_MANY_REQUESTS => ([(header::RETRY_AFTER, "1")], answer).into_response(),
        StatusCode::SERVICE_UNAVAILABLE => ([(header::RETRY_AFTER, "5")], answer).into_response(),
        _ => answer,
    }
}

impl Shared {
    /// Takes the events of a request.
    async fn answer(&self, parts: &Parts, body: Body) -> Result<Response, Refusal> {
        self.admit(parts)?;
        if self.options.handler == Handler::Beacon && parts.method == Method::HEAD {
            return Ok(beacon::answer(&parts.method));
        }
        let mut claim = self.options.in_flight.claim();
        let late = |_| (StatusCode::REQUEST_TIMEOUT, "the body did not come in time".to_owned());
        let read = body::read(body, self.options.max_body_bytes, &mut claim);
        let bytes = tokio::time::timeout(SILENCE, read).await.map_err(late)??;
        let events = self.parsed(parts, bytes, &mut claim).await;
        let mut events = events.inspect_err(|(status, _)| {
            if !matches!(*status, StatusCode::UNAUTHORIZED | StatusCode::SERVICE_UNAVAILABLE) {
                self.intake.malformed();
            }
        })?;
        events.iter_mut().for_each(|event| self.mark(parts, event));
        Ok(match self.intake.put_within(events, PATIENCE).await {
            Put::Done => match self.options.handler {
                Handler::Json | Handler::Blob => StatusCode::OK.into_response(),
                Handler::Segment => {
                    ([(header::CONTENT_TYPE, "application/json")], "{\"success\":true}\n").into_response()
                }
                Handler::Beacon => beacon::answer(&parts.method),
            },
            Put::Full => refused(StatusCode::SERVICE_UNAVAILABLE, "the channel is full"),
            Put::Closed => refused(StatusCode::SERVICE_UNAVAILABLE, "the agent ends"),
            Put::Failed => refused(StatusCode::INTERNAL_SERVER_ERROR, "the events could not be kept"),
        })
    }

    /// Refuses who may not send, what is sent too often, and what no event can come of.
    fn admit(&self, parts: &Parts) -> Result<(), Refusal> {
        let Parts { method, headers, uri, .. } = parts;
        let options = &self.options;
        let refused = |status, why: &str| Err((status, why.to_owned()));
        if matches!(*method, Method::TRACE | Method::OPTIONS) {
            return refused(StatusCode::FORBIDDEN, "this method is not taken");
        }
        if options.cors.refuses(headers) {
            return refused(StatusCode::FORBIDDEN, "pages of this origin may not send");
        }
        if self.rate.as_ref().is_some_and(|rate| !rate.takes()) {
            self.intake.throttled();
            return refused(StatusCode::TOO_MANY_REQUESTS, "more requests came than are taken in a second");
        }
        match options.handler {
            Handler::Segment if Endpoint::of(uri.path()).is_none() => Err(segment::nowhere(uri.path())),
            Handler::Segment if *method != Method::POST => {
                refused(StatusCode::METHOD_NOT_ALLOWED, "messages are posted")
            }
            Handler::Beacon if !matches!(*method, Method::GET | Method::HEAD | Method::POST) => {
                refused(StatusCode::METHOD_NOT_ALLOWED, "a beacon is posted, a picture is asked for by GET")
            }
            // The key of a message may stand in its body.
            Handler::Segment => Ok(()),
            _ if options.token.as_ref().is_some_and(|token| !is_shown(headers, token)) => {
                refused(StatusCode::UNAUTHORIZED, "the token is missing or wrong")
            }
            _ => Ok(()),
        }
    }

    /// The events of a body, which is inflated where it has to be.
    async fn parsed(&self, parts: &Parts, body: bytes::Bytes, claim: &mut Claim) -> Result<Vec<Event>, Refusal> {
        let body = body::inflated(body, &parts.headers, self.options.max_body_bytes, claim).await?;
        if self.options.handler != Handler::Blob {
            body::granted(claim, body.len().saturating_mul(TIMES)).await?;
        }
        self.events(parts, body)
    }

    /// The events of a body.
    fn events(&self, parts: &Parts, body: bytes::Bytes) -> Result<Vec<Event>, Refusal> {
        match self.options.handler {
            Handler::Blob => Ok(vec![body::blob(parts.uri.query(), body)]),
            Handler::Json => body::json(&body::text(&parts.headers, &body)?),
            Handler::Beacon => beacon::event(&parts.headers, parts.uri.query(), body).map(|event| vec![event]),
            Handler::Segment => {
                let path = parts.uri.path();
                let endpoint = Endpoint::of(path).ok_or_else(|| segment::nowhere(path))?;
                let shown = access::basic_name(&parts.headers);
                let is_known = |key: &str| self.options.token.as_ref().is_none_or(|t| access::is_write_key(key, t));
                let wrong = || (StatusCode::UNAUTHORIZED, "the write key is missing or wrong".to_owned());
                if shown.as_deref().is_some_and(|key| !is_known(key)) {
                    return Err(wrong());
                }
                let text = body::text(&parts.headers, &body)?;
                let Posted { events, write_key } = segment::events(endpoint, &text, Timestamp::now())?;
                if is_known(shown.or(write_key).as_deref().unwrap_or_default()) { Ok(events) } else { Err(wrong()) }
            }
        }
    }

    /// Gives an event what is known of its request.
    fn mark(&self, parts: &Parts, event: &mut Event) {
        for name in &self.options.request_headers {
            let values = parts.headers.get_all(name.as_str()).iter();
            let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            if !values.is_empty() {
                event.headers.set(name.as_str(), values.join(", "));
            }
        }
        if let Some(name) = &self.options.client_ip_header {
            event.headers.set(name.as_str(), self.peer.ip().to_canonical().to_string());
        }
    }
}
