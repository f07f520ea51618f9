//! The port that tells how the agent does.
//!
//! | path | what |
//! |---|---|
//! | `/metrics` | the counters, in the form that was asked for |
//! | `/healthz` | 200 while no part has failed; 503 with the reasons |
//! | `/readyz` | 200 once all channels are open, all sources listen and all sinks have reached their targets; 503 with what is missing. Sinks that try again are named and do not make it 503 |
//! | `/tap` | events as they pass, as lines of JSON: `/tap?channel=c1&count=10`; `source`, `channel` or `sink` |
//!
//! Nothing is changed through it: GET and HEAD are all it takes. With a token `/metrics` and `/tap` want that; the two others
//! say nothing but names and are asked by those who start and end processes. Without one, `/tap` answers to programs of this
//! host alone; a browser is refused, as any page that it shows could ask.

use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use super::tap::Wanted;
use super::{Monitor, flume, prometheus};
use crate::agent::sources;
use crate::error::{self, Result};
use crate::secret::Secret;

/// How long a client may take for the head of a request.
const SILENCE: Duration = Duration::from_secs(10);
/// Pause after a connection that could not be taken.
const BREATH: Duration = Duration::from_millis(200);
/// Connections that are served at once.
const CONNECTIONS: usize = 64;

/// The form of the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Form {
    /// The text form of Prometheus.
    #[default]
    Prometheus,
    /// The JSON of Flume's own monitoring.
    Flume,
}

/// Where the agent can be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) struct MonitorOptions {
    pub bind: String,
    /// 0 for any that is free.
    pub port: u16,
    pub form: Form,
    /// What a client has to show as `Authorization: Bearer ..`.
    pub token: Option<Secret>,
}

impl MonitorOptions {
    /// A port of this host alone.
    pub(in crate::agent) fn on(port: u16) -> Self {
        Self { bind: "127.0.0.1".to_owned(), port, form: Form::default(), token: None }
    }
}

/// The port, as long as it is held.
#[derive(Debug)]
pub(in crate::agent) struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What requests share.
#[derive(Clone)]
struct Shared {
    monitor: Monitor,
    options: Arc<MonitorOptions>,
    /// The client.
    peer: IpAddr,
}

impl Server {
    /// Takes the port and serves it; needs a running tokio runtime.
    ///
    /// # Errors
    /// Config: the address makes no sense. Refused, Auth: the port cannot be had.
    pub(in crate::agent) fn start(options: MonitorOptions, monitor: &Monitor) -> Result<Self> {
        let in_words = |e: error::Error| e.context("cannot serve metrics");
        let listener = sources::listen(&options.bind, options.port).map_err(in_words)?;
        let lost = |e: std::io::Error| in_words(error::refused("cannot listen").source(e));
        let address = listener.local_addr().map_err(lost)?;
        let listener = tokio_listener(listener).map_err(lost)?;
        tracing::info!("metrics are served on http://{address}/metrics");
        let shared = Shared { monitor: monitor.clone(), options: Arc::new(options), peer: address.ip() };
        Ok(Self(tokio::spawn(serve(listener, shared))))
    }
}

impl Server {
    /// Gives the port back.
    pub(in crate::agent) async fn stop(mut self) {
        self.0.abort();
        // It ends as it was told to.
        let _ = (&mut self.0).await;
    }
}

fn tokio_listener(listener: TcpListener) -> std::io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::from_std(listener)
}

/// Takes connections for ever; those that are open end with it.
async fn serve(listener: tokio::net::TcpListener, shared: Shared) {
    let (places, mut connections) = (Arc::new(Semaphore::new(CONNECTIONS)), JoinSet::new());
    loop {
        let place = places.clone().acquire_owned().await;
        match listener.accept().await {
            Ok((stream, peer)) => {
                let shared = Shared { peer: peer.ip().to_canonical(), ..shared.clone() };
                connections.spawn(async move {
                    if let Err(e) = converse(stream, shared).await {
                        tracing::debug!("the connection of {peer} ended: {e}");
                    }
                    drop(place);
                });
            }
            Err(e) => {
                tracing::warn!("cannot take a connection for metrics: {e}");
                tokio::time::sleep(BREATH).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, shared: Shared) -> hyper::Result<()> {
    let router = Router::new().fallback(answer).with_state(shared);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await
}

/// Answers a request.
async fn answer(State(shared): State<Shared>, request: Request<Body>) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return said(StatusCode::METHOD_NOT_ALLOWED, "nothing can be changed here: ask by GET");
    }
    match request.uri().path() {
        "/healthz" => verdict(&shared.monitor.failures(), "the agent runs"),
        "/readyz" => {
            let monitor = &shared.monitor;
            // Sinks that try again do not make it 503: what is taken meanwhile is kept.
            let fine = [vec!["all parts are up".to_owned()], monitor.retrying()].concat().join("\n");
            verdict(&[monitor.failures(), monitor.awaited()].concat(), &fine)
        }
        "/metrics" => shared.refusal(request.headers()).unwrap_or_else(|| shared.metrics()),
        "/tap" => shared.refusal(request.headers()).unwrap_or_else(|| shared.tap(&request)),
        "/" => said(StatusCode::OK, "sakia: /metrics, /healthz, /readyz, /tap"),
        _ => said(StatusCode::NOT_FOUND, "there are /metrics, /healthz, /readyz and /tap"),
    }
}

impl Shared {
    fn metrics(&self) -> Response {
        let (content_type, text) = match self.options.form {
            Form::Prometheus => (prometheus::CONTENT_TYPE, prometheus::text(&self.monitor)),
            Form::Flume => (flume::CONTENT_TYPE, flume::json(&self.monitor)),
        };
        ([(header::CONTENT_TYPE, content_type)], text).into_response()
    }

    fn tap(&self, request: &Request<Body>) -> Response {
        if self.options.token.is_none() && !(self.peer.is_loopback() && is_asked_of_loopback(request.headers())) {
            let why = "events are shown to programs of this host, or with a token: set token-file in [monitor]";
            return said(StatusCode::FORBIDDEN, why);
        }
        let wanted = match Wanted::new(request.uri().query().unwrap_or_default()) {
            Ok(wanted) => wanted,
            Err(why) => return said(StatusCode::BAD_REQUEST, &why),
        };
        let Some(events) = self.monitor.listen(&wanted.kind, &wanted.name) else {
            return said(StatusCode::NOT_FOUND, &format!("there is no {} {}", wanted.kind, wanted.name));
        };
        let body = Body::from_stream(wanted.lines(events));
        ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
    }

    /// Refuses a client that does not show the token, where there is one.
    fn refusal(&self, headers: &HeaderMap) -> Option<Response> {
        let token = self.options.token.as_ref()?;
        let refused = || said(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
        (!sources::http::is_shown(headers, token)).then(refused)
    }
}

/// Whether a request names this host as a program of it does. A page in a browser has an origin, or a name of its own that
/// leads here.
fn is_asked_of_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let url = url::Url::parse(&format!("http://{host}/"));
    let is_loopback = match url.as_ref().map(url::Url::host) {
        Ok(Some(url::Host::Domain(name))) => name == "localhost",
        Ok(Some(url::Host::Ipv4(address))) => address.is_loopback(),
        Ok(Some(url::Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    };
    is_loopback && !headers.contains_key(header::ORIGIN)
}

/// 200 where there is nothing to complain about.
fn verdict(complaints: &[String], fine: &str) -> Response {
    match complaints.is_empty() {
        true => said(StatusCode::OK, fine),
        false => said(StatusCode::SERVICE_UNAVAILABLE, &complaints.join("\n")),
    }
}

fn said(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}
