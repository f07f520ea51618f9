//! Files written over WebHDFS: a DataNode takes the bytes and writes them with Hadoop's own client, which leaves dead
//! nodes out where ours cannot. NameNodes are asked with a login (SPNEGO, or a delegation token) and over https where the
//! cluster wants it; the address of a DataNode that they give opens it by itself.
//!
//! Source: Hadoop 3.4.2, WebHDFS REST API, `CREATE` with `noredirect`; older NameNodes answer by a redirect instead.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Body, Method, Request, Response, StatusCode};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::defaults::FileDefaults;
use crate::error::{self, Error, Kind, Result};
use crate::net::http::{self, Http, failed};
use crate::net::login::Login;
use crate::net::tls::Tls;
use crate::net::{Server, is_ended};
use crate::storage::writer::Sink;
use crate::storage::{CreateOptions, fault};

/// Time a living DataNode needs at most to answer anything.
const KNOCK_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a DataNode that broke off is left out.
const SHUNNED: Duration = Duration::from_secs(120);
/// The NameNode chooses at random: asked often enough it names a DataNode that lives.
const REDIRECTS: u32 = 24;
/// Those of them that are not paused after.
const EAGER: u32 = 8;
const PAUSE: Duration = Duration::from_millis(200);
/// The data port that the NameNode knows a node by, unless it was changed.
const DATA_PORT: u16 = 9866;
/// Slices under way to the DataNode.
const QUEUE: usize = 2;

/// What stays as it is in a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The web side of a cluster.
#[derive(Clone, Debug)]
pub(super) struct WebHdfs {
    /// For DataNodes.
    plain: reqwest::Client,
    namenodes: Vec<(Url, Server, Arc<Http>)>,
    /// What is said in each request about who we are, by name.
    who: Vec<(&'static str, String)>,
    /// What new files are like.
    defaults: FileDefaults,
    /// Time for connecting, and for what a NameNode answers.
    limit: Duration,
    /// DataNodes that broke off, `host:port` of their web side, and when.
    broken: Arc<Mutex<HashMap<String, Instant>>>,
}

/// Who asks, and how.
#[derive(Clone, Debug, Default)]
pub(super) struct Who {
    /// What NameNodes are shown.
    pub login: Login,
    /// What https stands on, where it is spoken.
    pub tls: Option<Tls>,
    /// What is said in each request about who we are, by name.
    pub parameters: Vec<(&'static str, String)>,
}

/// What a NameNode answers instead of redirecting.
#[derive(Deserialize)]
struct Redirect {
    #[serde(rename = "Location")]
    location: String,
}

/// How Hadoop tells an exception.
#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "RemoteException")]
    exception: Exception,
}

#[derive(Deserialize)]
struct Exception {
    exception: String,
    #[serde(default)]
    message: String,
}

impl WebHdfs {
    /// Prepares; nothing is asked yet.
    ///
    /// # Errors
    /// Bug: the HTTP client cannot be made.
    pub(super) fn new(namenodes: Vec<Url>, who: Who, defaults: FileDefaults, limit: Duration) -> Result<Self> {
        let prepared = namenodes.into_iter().map(|url| {
            let server = Server::new("the web side of an hdfs namenode", url.as_str(), limit);
            let http = Http::new(&server, who.tls.as_ref(), &who.login)?;
            Ok((url, server, Arc::new(http)))
        });
        let nodes = Server::new("the web side of an hdfs datanode", "", limit);
        let plain = http::client(&nodes, who.tls.as_ref())?;
        let namenodes = prepared.collect::<Result<_>>()?;
        Ok(Self { plain, namenodes, who: who.parameters, defaults, limit, broken: Arc::default() })
    }

    /// Starts a file.
    ///
    /// # Errors
    /// Those of the NameNode. Lost: no DataNode takes the file.
    pub(super) async fn create(&self, path: &str, options: CreateOptions) -> Result<WebSink> {
        let what = format!("writing {path} over WebHDFS");
        let location = self.locate(path, options).await.map_err(|e| e.context(&what))?;
        let node = authority(&location);
        let (body, mut slices) = mpsc::channel::<Bytes>(QUEUE);
        let stream = futures::stream::poll_fn(move |cx| slices.poll_recv(cx).map(|b| b.map(Ok::<_, Error>)));
        let request =
            self.plain.put(location).header(CONTENT_TYPE, "application/octet-stream").body(Body::wrap_stream(stream));
        let this = self.clone();
        let answer = async move {
            let response = match request.send().await {
                Ok(response) => response,
                Err(e) => {
                    this.broken().insert(node, Instant::now());
                    let lost = error::lost("the datanode broke off");
                    // Its mere end says no more.
                    let reason = http::reason(&e).filter(|reason| !is_ended(reason));
                    return Err(reason.into_iter().fold(lost, Error::source));
                }
            };
            match response.status() {
                StatusCode::CREATED | StatusCode::OK => Ok(()),
                _ => Err(lost(failure(response).await)),
            }
        };
        Ok(WebSink { what, body: Some(body), answer: Some(AbortOnDropHandle::new(tokio::spawn(answer))) })
    }

    /// The address of a living DataNode that takes the file.
    async fn locate(&self, path: &str, options: CreateOptions) -> Result<Url> {
        let mut dead = BTreeSet::new();
        for tries in 1..=REDIRECTS {
            let location = self.ask(path, options, &dead).await?;
            let node = authority(&location);
            let shunned = self.broken().get(&node).is_some_and(|at| at.elapsed() < SHUNNED);
            // If there is no other, one that broke off may have come back.
            if (!shunned || tries > REDIRECTS / 2) && self.answers(&location).await {
                return Ok(location);
            }
            // The NameNode may know the node by its name alone, by its data port, or by this one.
            let host = location.host_str().unwrap_or_default();
            dead.extend([host.to_owned(), format!("{host}:{DATA_PORT}"), node]);
            if tries > EAGER {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Err(error::lost("no datanode that the namenode names answers")
            .hint("check the datanodes: hdfs dfsadmin -report"))
    }

    /// Whether a DataNode says anything. A mere connection would prove nothing: a proxy in front of a dead node takes it.
    async fn answers(&self, location: &Url) -> bool {
        let mut root = location.clone();
        root.set_path("/");
        root.set_query(None);
        self.plain.head(root).timeout(KNOCK_TIMEOUT).send().await.is_ok()
    }

    fn broken(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        // A map of times is whole after every panic.
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the active NameNode where to write.
    async fn ask(&self, path: &str, options: CreateOptions, dead: &BTreeSet<String>) -> Result<Url> {
        let mut last = None;
        for (url, server, http) in &self.namenodes {
            match self.ask_one((url, server, http), path, options, dead).await {
                Err(e) if matches!(e.kind(), Kind::Unreachable | Kind::Busy) => last = Some(e),
                done => return done,
            }
        }
        Err(last.unwrap_or_else(|| error::config("no namenode has a web address")))
    }

    async fn ask_one(
        &self,
        (namenode, server, http): (&Url, &Server, &Http),
        path: &str,
        options: CreateOptions,
        dead: &BTreeSet<String>,
    ) -> Result<Url> {
        let mut url = namenode.clone();
        url.set_path(&format!("/webhdfs/v1{}", utf8_percent_encode(path, PLAIN)));
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("op", "CREATE").append_pair("noredirect", "true").append_pair("createparent", "true");
            query.extend_pairs(&self.who).append_pair("permission", &format!("{:o}", self.defaults.file_mode()));
            query.append_pair("overwrite", if options.overwrite { "true" } else { "false" });
            if let Some(replication) = options.replication {
                query.append_pair("replication", &replication.to_string());
            }
            if let Some(bytes) = self.defaults.block_bytes {
                query.append_pair("blocksize", &bytes.to_string());
            }
            if !dead.is_empty() {
                query.append_pair("excludedatanodes", &dead.iter().cloned().collect::<Vec<_>>().join(","));
            }
        }
        let mut request = Request::new(Method::PUT, url);
        *request.timeout_mut() = Some(self.limit);
        let response = http.send(request).await?;
        let location = match response.status() {
            StatusCode::OK => {
                let body = response.bytes().await.map_err(|e| failed(server, e))?;
                serde_json::from_slice::<Redirect>(&body).ok().map(|redirect| redirect.location)
            }
            StatusCode::TEMPORARY_REDIRECT => {
                let header = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
                header.map(str::to_owned)
            }
            _ => return Err(failure(response).await),
        };
        location
            .and_then(|text| Url::parse(&text).ok())
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| {
                error::unreachable(format!("{namenode} does not answer as a namenode with WebHDFS"))
                    .hint("give its address by webhdfs-url, such as http://host:9870")
            })
    }
}

/// `host:port`.
fn authority(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80))
}

/// The error that an answer tells of.
async fn failure(response: Response) -> Error {
    let status = response.status();
    let body = response.bytes().await.unwrap_or_default();
    match serde_json::from_slice::<Failure>(&body) {
        Ok(Failure { exception: Exception { exception, message } }) => {
            fault::remote("the cluster declined", &exception, message)
        }
        Err(_) => error::unreachable(format!("the cluster answered {status}")),
    }
}

/// A DataNode that could not write: writing again may do, unless the reason is told.
fn lost(error: Error) -> Error {
    match error.kind() {
        Kind::Auth | Kind::Exists | Kind::NotFound | Kind::Full => error,
        // A reason that is known comes with a remedy, a mere IOException without.
        Kind::Refused if error.remedy().is_some() => error,
        _ => error::lost("the datanode could not write").source(error),
    }
}

/// A file being written.
pub(super) struct WebSink {
    what: String,
    /// Dropped to end the request.
    body: Option<mpsc::Sender<Bytes>>,
    answer: Option<AbortOnDropHandle<Result<()>>>,
}

impl WebSink {
    async fn end(&mut self) -> Result<()> {
        self.body = None;
        let Some(answer) = self.answer.take() else {
            return Err(error::bug(format!("{}: the file was written to after it failed", self.what)));
        };
        let answer = answer.await.unwrap_or_else(|e| Err(error::lost("the request broke down").source(e)));
        answer.map_err(|e| e.context(&self.what))
    }
}

#[async_trait]
impl Sink for WebSink {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if let Some(body) = &self.body
            && body.send(bytes).await.is_ok()
        {
            return Ok(());
        }
        // The DataNode answered before it had all: it has the reason.
        match self.end().await {
            Err(e) => Err(e),
            Ok(()) => Err(error::lost(format!("{}: the datanode ended early", self.what))),
        }
    }

    async fn close(&mut self) -> Result<()> {
        self.end().await
    }
}

#[cfg(test)]
mod tests;
