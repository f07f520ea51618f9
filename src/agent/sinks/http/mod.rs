//! Requests to a server of HTTP: one an event as Flume's `http` sink sends them, or several events in one.
//!
//! An epoch is done when the server has answered for each of its events. One that fails in between comes again, so that each
//! event arrives at least once. A request that may be taken later is sent again for a while, before the epoch is given up.
//! Where the server refuses a request of several events, its halves are sent, down to the events that it is about.

pub(in crate::agent) mod body;
pub(in crate::agent) mod statuses;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, TryStreamExt};
use reqwest::header::{CONTENT_ENCODING, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Method, Request, Response};
use tokio::task::spawn_blocking;
use url::Url;

use self::body::{Form, gzipped};
use self::statuses::{Statuses, Verdict};
use super::aside::Aside;
use super::{Begun, Chunk, EpochWriter, Kept, Sink, Written};
use crate::agent::channels::cursor::Cursor;
use crate::agent::sorter::Sorter;
use crate::error::{self, Error, Result};
use crate::net::tls::Tls;
use crate::net::{Server, http};
use crate::retry::{Retry, Sayer};

/// How long a request is sent again, before its epoch begins anew.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same where another sink of a group can take the epoch.
const SHARED_PATIENCE: Duration = Duration::from_secs(2);
/// The longest time that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// So much of an answer is read, and so much of it told.
const ANSWER_BYTES: usize = 64 << 10;
const TOLD_CHARS: usize = 200;

/// What the sink is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct HttpSinkOptions {
    pub url: Url,
    pub tls: Option<Tls>,
    /// All that requests have, a token among them; that is marked as sensitive.
    pub headers: HeaderMap,
    pub form: Form,
    pub gzip: bool,
    /// Events and bytes of a request; one event may have more.
    pub batch_size: usize,
    pub batch_bytes: usize,
    /// Requests that are on their way at once.
    pub connections: usize,
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
    pub statuses: Statuses,
    /// Where events go that the server refuses, as JSON lines: a directory of this host.
    pub reject_dir: String,
    /// The sink, as rejects name it.
    pub sink: String,
}

impl HttpSinkOptions {
    /// The server, which has a time to accept connections.
    pub(in crate::agent) fn server(&self) -> Server {
        let (host, port) = (self.url.host_str().unwrap_or_default(), self.url.port_or_known_default().unwrap_or(80));
        Server::new("an http server", format!("{host}:{port}"), self.connect_timeout)
    }
}

/// Sends requests.
pub(super) struct HttpSink {
    options: Rc<HttpSinkOptions>,
    client: Client,
    /// Others empty its channel, too.
    shares: bool,
    sayer: Sayer,
}

impl HttpSink {
    /// Nothing is connected to yet.
    ///
    /// # Errors
    /// Bug: a client cannot be made.
    pub(super) fn new(options: HttpSinkOptions, shares: bool) -> Result<Self> {
        tracing::info!(
            "events go to {} at least once: after an error they are sent again, and some may be there twice",
            options.server()
        );
        let client = http::client(&options.server(), options.tls.as_ref())?;
        Ok(Self { options: Rc::new(options), client, shares, sayer: Sayer::default() })
    }
}

#[async_trait(?Send)]
impl Sink for HttpSink {
    fn name(&self) -> String {
        format!("agent http {}", self.options.server().address)
    }

    fn sorter(&self) -> Option<Sorter> {
        None
    }

    async fn recover(&mut self) -> Result<Kept> {
        Ok(Kept::Channel)
    }

    /// Whether anybody takes a connection.
    async fn greet(&mut self) -> Result<()> {
        let server = self.options.server();
        let tried = spawn_blocking(move || server.connect().map(drop)).await;
        tried.map_err(|e| error::bug("a thread of the agent panicked").source(e))?
    }

    /// Where others can take the epoch, it is tried whether anybody answers.
    async fn begin(&mut self, from: &Cursor) -> Result<Begun> {
        if self.shares {
            self.greet().await?;
        }
        let options = self.options.clone();
        let aside = Aside::new(&options.reject_dir, &options.sink, from);
        let patience = if self.shares { SHARED_PATIENCE } else { PATIENCE };
        let (client, written) = (self.client.clone(), Written::default());
        let epoch = HttpEpoch { client, options, patience, sayer: self.sayer.clone(), aside, written };
        Ok(Begun::Epoch(Box::new(epoch)))
    }
}

/// An epoch being sent.
struct HttpEpoch {
    options: Rc<HttpSinkOptions>,
    client: Client,
    patience: Duration,
    sayer: Sayer,
    aside: Aside,
    written: Written,
}

/// Events by their number, and why they are put aside.
type Refused = BTreeMap<usize, String>;

/// Events of a request: their numbers, and their parts of its body.
type Batch = Vec<(usize, Vec<u8>)>;

#[async_trait(?Send)]
impl EpochWriter for HttpEpoch {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        let Chunk::Events(events) = chunk else { return Err(error::bug("a sink of events was given rows")) };
        let (mut parts, mut refused) = (Vec::with_capacity(events.len()), Refused::new());
        for (number, event) in events.iter().enumerate() {
            match self.options.form.part(event) {
                Ok(part) => parts.push((number, part)),
                Err(reason) => drop(refused.insert(number, reason)),
            }
        }
        let refused = RefCell::new(refused);
        stream::iter(self.options.batches(parts).into_iter().map(Ok::<_, Error>))
            .try_for_each_concurrent(self.options.connections, |batch| self.deliver(batch, &refused))
            .await?;
        let refused = refused.into_inner();
        for (number, event) in events.iter().enumerate() {
            match refused.get(&number) {
                Some(reason) => self.aside.add(event, reason)?,
                None => {
                    self.written.rows += 1;
                    self.written.bytes += event.body.len() as u64;
                }
            }
        }
        Ok(())
    }

    async fn commit(self: Box<Self>, _: &Cursor) -> Result<Written> {
        let Self { aside, mut written, .. } = *self;
        written.rejects = aside.rows();
        written.first_reject = aside.finish()?;
        Ok(written)
    }
}

impl HttpSinkOptions {
    /// Events as requests take them, in their order.
    fn batches(&self, parts: Batch) -> Vec<Batch> {
        let most = if self.form == Form::Body { 1 } else { self.batch_size };
        let (mut all, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (number, part) in parts {
            if !batch.is_empty() && (batch.len() >= most || bytes + part.len() > self.batch_bytes) {
                all.push(std::mem::take(&mut batch));
                bytes = 0;
            }
            bytes += part.len() + 1;
            batch.push((number, part));
        }
        if !batch.is_empty() {
            all.push(batch);
        }
        all
    }

    fn request(&self, batch: &[(usize, Vec<u8>)]) -> Result<Request> {
        let body = self.form.join(batch.iter().map(|(_, part)| part.as_slice()));
        let mut request = Request::new(Method::POST, self.url.clone());
        *request.headers_mut() = self.headers.clone();
        *request.timeout_mut() = Some(self.request_timeout);
        let body = if self.gzip {
            request.headers_mut().insert(CONTENT_ENCODING, reqwest::header::HeaderValue::from_static("gzip"));
            gzipped(&body)?
        } else {
            body
        };
        *request.body_mut() = Some(body.into());
        Ok(request)
    }
}

/// What a request became.
enum Answer {
    Taken,
    Refused(String),
    /// It may be taken after this time.
    Later(Error, Duration),
}

impl HttpEpoch {
    /// Sends a batch until the server has answered for each of its events.
    async fn deliver(&self, batch: Batch, refused: &RefCell<Refused>) -> Result<()> {
        let mut stack = vec![batch];
        while let Some(mut batch) = stack.pop() {
            let mut pauses = Retry::for_time(self.patience).pauses_said_by(self.sayer.clone());
            let answer = loop {
                match self.send(&batch).await? {
                    Answer::Later(error, wait) => {
                        if self.patience == SHARED_PATIENCE && wait >= SHARED_PATIENCE {
                            return Err(error);
                        }
                        // What the server asks for comes on top of our own pause.
                        tokio::time::sleep(wait).await;
                        pauses.after(error).await?;
                    }
                    answer => break answer,
                }
            };
            match answer {
                Answer::Refused(_) if batch.len() > 1 => {
                    let second = batch.split_off(batch.len() / 2);
                    stack.extend([second, batch]);
                }
                Answer::Refused(reason) => {
                    let numbers = batch.into_iter().map(|(number, _)| (number, reason.clone()));
                    refused.borrow_mut().extend(numbers);
                }
                Answer::Taken | Answer::Later(..) => {}
            }
        }
        Ok(())
    }

    async fn send(&self, batch: &[(usize, Vec<u8>)]) -> Result<Answer> {
        let mut server = self.options.server();
        server.limit = self.options.request_timeout;
        let response = match self.client.execute(self.options.request(batch)?).await {
            Ok(response) => response,
            Err(e) => {
                let error = http::failed(&server, e);
                return if error.is_transient() { Ok(Answer::Later(error, Duration::ZERO)) } else { Err(error) };
            }
        };
        let (status, after) = (response.status(), retry_after(response.headers()));
        let verdict = self.options.statuses.verdict(status.as_u16());
        let told = told(response).await;
        let what = format!("{server} answered {status}{told}");
        Ok(match verdict {
            Verdict::Taken => Answer::Taken,
            Verdict::Reject => Answer::Refused(what),
            Verdict::Retry => Answer::Later(error::busy(what), after.unwrap_or_default().min(LONGEST_WAIT)),
            Verdict::Stop => {
                let failed = match status.as_u16() {
                    401 | 403 | 407 => {
                        error::auth(what).hint("check token-file or token-env, and what the server allows")
                    }
                    404 | 405 => error::config(what).hint("check the path of url"),
                    300..=399 => error::config(what).hint("give the url that it leads to: redirects are not followed"),
                    _ => error::refused(what).hint("statuses says which status ends the sink: give it reject or retry"),
                };
                return Err(failed);
            }
        })
    }
}

/// How long the server wants to be left alone; a date is not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// What the answer says, for people. It is read to its end, so that the connection can be used again.
async fn told(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(more)) => bytes.extend_from_slice(&more),
            Ok(None) | Err(_) => break,
        }
    }
    let text: String = String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" ");
    let text: String = text.chars().take(TOLD_CHARS).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

#[cfg(test)]
mod tests;
