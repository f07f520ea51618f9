//! Lines to another agent, without an agent: what Flume's `avro-client` does.
//!
//! Lines of a text go in batches; files of a directory are renamed once all of theirs were answered with OK. What failed is
//! to be sent again by who asked for it: each line arrives at least once.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::event::{Event, Header, Headers};
use super::rpc::{Client, ClientOptions};
use super::sources::spooldir;
use crate::error::{self, Result};

/// Bytes of a line that is held; Flume holds any.
const LINE_BYTES: usize = 64 << 20;

/// Where lines are sent to, and how.
#[derive(Clone, Debug)]
pub(crate) struct SendOptions {
    pub client: ClientOptions,
    /// Lines of a call.
    pub batch_size: usize,
    /// Headers of each event.
    pub headers: Vec<(String, String)>,
}

/// Sends lines, and counts them.
struct Sender {
    client: Client,
    headers: Arc<[Header]>,
    batch_size: usize,
    sent: u64,
}

impl Sender {
    async fn connect(options: &SendOptions) -> Result<Self> {
        let headers = options.headers.iter().map(|(name, value)| (name.clone().into(), value.clone().into()));
        let (client, headers) = (Client::connect(&options.client).await?, headers.collect());
        Ok(Self { client, headers, batch_size: options.batch_size, sent: 0 })
    }

    async fn send(&mut self, lines: Vec<Bytes>) -> Result<()> {
        let headers = || Headers::new(Some(self.headers.clone()), Vec::new());
        let events: Vec<Event> = lines.into_iter().map(|body| Event { headers: headers(), body }).collect();
        for batch in events.chunks(self.batch_size) {
            let sent = self.sent;
            self.client.append(batch).await.map_err(|e| e.context(format!("after {sent} lines that were sent")))?;
            self.sent += batch.len() as u64;
        }
        Ok(())
    }
}

/// Sends the lines of a text, and says how many there were.
///
/// # Errors
/// Those of [`Client`] and of the text; lines before may have been sent.
pub(crate) async fn send_lines(options: &SendOptions, from: impl Read + Send + 'static) -> Result<u64> {
    let mut sender = Sender::connect(options).await?;
    let (out, mut batches) = mpsc::channel(2);
    let batch_size = options.batch_size;
    // A thread of its own: nobody waits at the end for one that waits for a terminal.
    std::thread::spawn(move || {
        let mut lines = Lines { from: BufReader::with_capacity(64 << 10, from), skips_newline: false };
        loop {
            let batch: Result<Vec<Bytes>> = lines.by_ref().take(batch_size).collect();
            let is_last = batch.as_ref().is_ok_and(Vec::is_empty);
            let is_wrong = batch.is_err();
            if is_last || out.blocking_send(batch).is_err() || is_wrong {
                return;
            }
        }
    });
    while let Some(batch) = batches.recv().await {
        sender.send(batch?).await?;
    }
    Ok(sender.sent)
}

/// Sends the lines of the files that are in a directory now, and says how many there were. A file is renamed once all of its
/// lines are there.
///
/// # Errors
/// Those of [`Client`] and of the files; lines of a file that keeps its name may have been sent.
pub(crate) async fn send_directory(options: &SendOptions, directory: &Path) -> Result<u64> {
    let mut sender = Sender::connect(options).await?;
    let mut files = spooldir::Walk::begin(directory)?;
    while let Some(lines) = files.next()? {
        sender.send(lines).await?;
    }
    Ok(sender.sent)
}

/// The lines of a text, which end with a newline, a carriage return, or both.
struct Lines<R> {
    from: BufReader<R>,
    /// The last one ended with a carriage return.
    skips_newline: bool,
}

impl<R: Read> Lines<R> {
    fn line(&mut self) -> Result<Option<Bytes>> {
        let failed = |e: std::io::Error| error::refused("cannot read the lines").source(e);
        let mut line = Vec::new();
        loop {
            let read = self.from.fill_buf().map_err(failed)?;
            if read.is_empty() {
                return Ok((!line.is_empty()).then(|| line.into()));
            }
            if std::mem::take(&mut self.skips_newline) && read[0] == b'\n' {
                self.from.consume(1);
                continue;
            }
            let end = memchr::memchr2(b'\n', b'\r', read);
            let taken = end.unwrap_or(read.len());
            line.extend_from_slice(&read[..taken]);
            self.skips_newline = end.is_some_and(|end| read[end] == b'\r');
            self.from.consume(end.map_or(taken, |end| end + 1));
            if end.is_some() {
                return Ok(Some(line.into()));
            }
            if line.len() > LINE_BYTES {
                let what = format!("a line is longer than {LINE_BYTES} bytes");
                return Err(
                    error::data(what).hint("it may not be text; send it by a source `http` with handler = \"blob\"")
                );
            }
        }
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        self.line().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_javas_do() {
        let text = &b"a\nb\r\n\rc\r\r\nd\n\ne"[..];
        let from = BufReader::with_capacity(2, text);
        let lines: Vec<Bytes> = Lines { from, skips_newline: false }.map(|line| line.unwrap()).collect();
        assert_eq!(lines, ["a", "b", "", "c", "", "d", "", "e"]);
    }
}
