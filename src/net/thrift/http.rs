//! Calls as the bodies of HTTP requests: one request a flush, its answer is what is read next.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};
use tokio::runtime::Runtime;

use super::super::Server;
use super::super::http::{Http, add_header, failed};
use super::streams::{Link, Reading, Writing};
use super::{HttpPath, Transport};
use crate::error::{self, Result};
use crate::policy;

/// As much of a page is shown in an error.
const MOST_CHARS: usize = 200;

const THRIFT: HeaderValue = HeaderValue::from_static("application/x-thrift");

/// Prepares the connection; the first request makes it.
pub(super) fn open(server: &Server, transport: &Transport, path: &HttpPath) -> Result<(Reading, Writing, Link)> {
    let scheme = if transport.tls.is_some() { "https" } else { "http" };
    let text = format!("{scheme}://{}/{}", server.address, path.path.trim_start_matches('/'));
    let url = Url::parse(&text).map_err(|e| {
        error::config(format!("{text} is not a url"))
            .hint("check the host, and the path of the http transport")
            .source(e)
    })?;
    let http = Http::new(server, transport.tls.as_ref(), &transport.login)?;
    // Of its own: a session is closed when the process ends, and its main runtime with it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| error::bug("cannot start the runtime of http calls").source(e))?;
    let link = Link::of_requests(server.limit);
    let calls = Calls {
        state: Arc::new(Mutex::new(State {
            call: Vec::new(),
            answer: Bytes::new(),
            exchange: Exchange {
                http,
                url,
                headers: path.headers.clone(),
                server: server.clone(),
                link: link.clone(),
                runtime: Some(runtime),
            },
        })),
    };
    Ok((Box::new(calls.clone()), Box::new(calls), link))
}

/// Both directions.
#[derive(Clone)]
struct Calls {
    state: Arc<Mutex<State>>,
}

struct State {
    call: Vec<u8>,
    answer: Bytes,
    exchange: Exchange,
}

struct Exchange {
    http: Http,
    url: Url,
    headers: Vec<(String, String)>,
    server: Server,
    link: Link,
    /// Absent when it is dropped.
    runtime: Option<Runtime>,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // It may be dropped where nobody may wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Exchange {
    fn send(&self, call: Vec<u8>) -> io::Result<Bytes> {
        let ended = || io::Error::other("the runtime of http calls ended");
        let done = self.runtime.as_ref().ok_or_else(ended)?.block_on(async {
            let mut request = Request::new(Method::POST, self.url.clone());
            let headers = request.headers_mut();
            headers.insert(CONTENT_TYPE, THRIFT);
            headers.insert(ACCEPT, THRIFT);
            for (name, value) in &self.headers {
                add_header(headers, name, value)?;
            }
            *request.body_mut() = Some(call.into());
            *request.timeout_mut() = self.link.request_limit();
            let response = self.http.send(request).await?;
            let status = response.status();
            let answer = response.bytes().await.map_err(|e| failed(&self.server, e))?;
            if !status.is_success() {
                let (said, what) = (words(&answer), format!("{} answered {status}", self.server));
                if let Some(denial) = policy::denial(&said) {
                    return Err(denial.into_error(&what));
                }
                let shown: String = said.chars().take(MOST_CHARS).collect();
                let hint = match status.as_u16() {
                    404 => "check the path of its http transport",
                    _ => "check the path of its http transport, and look at the server's log",
                };
                return Err(error::unreachable(what).source(shown).hint(hint));
            }
            Ok(answer)
        });
        done.map_err(|e| self.link.keep(e))
    }
}

/// The text of an answer, without the tags of a page.
fn words(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let mut words = String::with_capacity(text.len());
    let mut is_tag = false;
    for character in text.chars() {
        match character {
            '<' => is_tag = true,
            '>' => is_tag = false,
            _ if is_tag => continue,
            other => {
                words.push(other);
                continue;
            }
        }
        words.push(' ');
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Calls {
    fn state(&self) -> MutexGuard<'_, State> {
        // After a panic the connection is dropped with its client.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Calls {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        let count = to.len().min(state.answer.len());
        state.answer.copy_to_slice(&mut to[..count]);
        Ok(count)
    }
}

impl Write for Calls {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.state().call.extend(from);
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.state();
        let call = std::mem::take(&mut state.call);
        state.answer = state.exchange.send(call)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_shown_by_its_words() {
        let page =
            b"<html><title>Error 500</title>\n<th>MESSAGE:</th><td>User: etl is not allowed to impersonate ann</td>";
        let said = words(page);
        assert_eq!(said, "Error 500 MESSAGE: User: etl is not allowed to impersonate ann");
        assert_eq!(policy::denial(&said).unwrap().said, "User: etl is not allowed to impersonate ann");
        assert_eq!(words(b"plain\n words"), "plain words");
    }
}
