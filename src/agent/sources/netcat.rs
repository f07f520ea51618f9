//! Lines that anybody sends to a TCP port, as Flume's `netcat` source takes them: each is answered with `OK` once it is
//! in the channel.
//!
//! A client that was not answered does not know whether its line was taken and sends it again: at least once.

use std::borrow::Cow;
use std::net::TcpListener;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::intake::{self, Intake, Put};
use super::{Source, SourceReport};
use crate::agent::event::Event;
use crate::agent::outlet::Outlet;
use crate::agent::position::PositionForm;
use crate::error::Result;

pub(in crate::agent) const FORM: PositionForm = PositionForm { kind: Cow::Borrowed("netcat"), version: 1 };

/// Connections that are served at once.
const CONNECTIONS: usize = 1_000;

/// What the source is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct NetcatOptions {
    /// The address to listen on; the loopback one unless said otherwise, as anybody who reaches it can send.
    #[serde(default = "super::loopback")]
    pub bind: String,
    pub port: u16,
    /// Bytes of a line with its newline.
    #[serde(default = "max_line_bytes")]
    pub max_line_bytes: usize,
    /// Answer each line.
    #[serde(default = "yes")]
    pub ack_every_event: bool,
}

fn max_line_bytes() -> usize {
    512
}

fn yes() -> bool {
    true
}

/// Listens for lines.
#[derive(Debug)]
pub(in crate::agent) struct NetcatSource {
    options: NetcatOptions,
    listener: TcpListener,
}

impl NetcatSource {
    /// # Errors
    /// Those of [`intake::bind`].
    pub(in crate::agent) fn bind(options: NetcatOptions) -> Result<Self> {
        let listener = intake::bind(&options.bind, options.port)?;
        Ok(Self { options, listener })
    }
}

impl Source for NetcatSource {
    fn run(self: Box<Self>, outlet: Arc<Outlet>) -> Result<SourceReport> {
        let Self { options, listener } = *self;
        intake::serve(vec![listener], &outlet, CONNECTIONS, |stream, peer, intake| {
            let (max, ack) = (options.max_line_bytes, options.ack_every_event);
            async move {
                let ended = intake.clone();
                tokio::select! {
                    done = converse(stream, intake, max, ack) => if let Err(e) = done {
                        tracing::warn!("the connection of {peer} ended: {e}");
                    },
                    () = ended.ended() => {}
                }
            }
        })?;
        Ok(SourceReport::default())
    }
}

/// Takes the lines of one client.
async fn converse(mut stream: TcpStream, intake: Intake, max_line_bytes: usize, ack: bool) -> std::io::Result<()> {
    let mut buffer = BytesMut::with_capacity(8 << 10);
    loop {
        let mut whole = lines(&mut buffer);
        // Nothing behind a line that is too long is taken.
        let long = whole.iter().position(|line| line.len() >= max_line_bytes);
        let is_too_long = long.is_some() || buffer.len() >= max_line_bytes;
        whole.truncate(long.unwrap_or(whole.len()));
        let count = whole.len();
        if count > 0 {
            let events = whole.into_iter().map(|body| Event { body, ..Event::default() }).collect();
            match intake.put(events).await {
                Put::Done if ack => stream.write_all("OK\n".repeat(count).as_bytes()).await?,
                Put::Done => {}
                Put::Full | Put::Closed => return Ok(()),
                Put::Failed => return stream.write_all(b"FAILED: the events could not be kept\n").await,
            }
        }
        if is_too_long {
            intake.malformed();
            let said =
                format!("FAILED: Event exceeds the maximum length ({max_line_bytes} chars, including newline)\n");
            return stream.write_all(said.as_bytes()).await;
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// Takes the complete lines out of a buffer, without their ends.
fn lines(buffer: &mut BytesMut) -> Vec<Bytes> {
    let mut lines = Vec::new();
    while let Some(end) = memchr::memchr(b'\n', buffer) {
        let mut line = buffer.split_to(end).freeze();
        buffer.advance(1);
        if line.ends_with(b"\r") {
            line.truncate(line.len() - 1);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;
    use crate::agent::channels::memory::MemoryChannel;
    use crate::agent::channels::{Channel, ChannelLimits, Take};
    use crate::agent::interceptors::Interceptors;
    use crate::agent::outlet::Feed;
    use crate::agent::selector::{Selector, SelectorArgs};

    /// A source that listens on a port of its own, and its channel.
    async fn listening(max_events: u64) -> (u16, Arc<dyn Channel>, tokio::task::JoinHandle<Result<SourceReport>>) {
        let limits = ChannelLimits { max_bytes: 1 << 20, max_events, segment_bytes: 0, min_free_bytes: 0 };
        let channel: Arc<dyn Channel> = Arc::new(MemoryChannel::new(limits, None));
        let options = NetcatOptions {
            bind: crate::agent::sources::loopback(),
            port: 0,
            max_line_bytes: 512,
            ack_every_event: true,
        };
        let source = NetcatSource::bind(options).unwrap();
        let port = source.listener.local_addr().unwrap().port();
        let selector = Selector::new(&SelectorArgs::default(), &["c".to_owned()]).unwrap();
        let feed = Feed { channel: channel.clone(), feeders: Arc::default() };
        let outlet = Arc::new(Outlet::new("n", FORM, vec![feed], selector, Interceptors::default()));
        let running = tokio::task::spawn_blocking(move || Box::new(source).run(outlet));
        (port, channel, running)
    }

    fn bodies(channel: &dyn Channel, count: usize) -> Vec<String> {
        let mut bodies = Vec::new();
        while bodies.len() < count {
            let Take::Record { batch, .. } = channel.take(Duration::from_secs(20)).unwrap() else { panic!("no event") };
            bodies.extend(batch.events.iter().map(|event| String::from_utf8(event.body.to_vec()).unwrap()));
        }
        bodies
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn fv101_each_line_is_answered_once_it_is_in_the_channel() {
        let (port, channel, running) = listening(100).await;
        let taken = channel.clone();
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(b"x\n\nsecond\r\nhalf").unwrap();
            let mut answers = BufReader::new(stream.try_clone().unwrap()).lines();
            (0..3).for_each(|_| assert_eq!(answers.next().unwrap().unwrap(), "OK"));
            assert_eq!(bodies(&*taken, 3), ["x", "", "second"]);
            stream.write_all(b" done\n").unwrap();
            assert_eq!(answers.next().unwrap().unwrap(), "OK");
            assert_eq!(bodies(&*taken, 1), ["half done"]);
            // With its newline a line may have 512 bytes.
            let longest = "x".repeat(511);
            stream.write_all(format!("{longest}\n{}\n", "y".repeat(512)).as_bytes()).unwrap();
            assert_eq!(answers.next().unwrap().unwrap(), "OK");
            assert_eq!(bodies(&*taken, 1), [longest]);
            let wanted = "FAILED: Event exceeds the maximum length (512 chars, including newline)";
            assert_eq!(answers.next().unwrap().unwrap(), wanted);
            assert!(answers.next().is_none(), "the connection is closed");
        })
        .await
        .unwrap();
        channel.close();
        running.await.unwrap().unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_channel_holds_the_clients_back() {
        let (port, channel, running) = listening(1).await;
        let taken = channel.clone();
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(b"one\n").unwrap();
            let mut answers = BufReader::new(stream.try_clone().unwrap()).lines();
            assert_eq!(answers.next().unwrap().unwrap(), "OK");
            stream.write_all(b"two\n").unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            assert!(answers.next().unwrap().is_err(), "there is no room for it yet");
            assert_eq!(bodies(&*taken, 1), ["one"]);
            let cursor = taken.cursor();
            taken.commit(crate::agent::channels::cursor::Cursor { record: 1, epoch: 1, ..cursor }).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            assert_eq!(answers.next().unwrap().unwrap(), "OK");
        })
        .await
        .unwrap();
        channel.close();
        running.await.unwrap().unwrap();
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let options =
            NetcatOptions { bind: crate::agent::sources::loopback(), port, max_line_bytes: 512, ack_every_event: true };
        let said = NetcatSource::bind(options).unwrap_err().to_string();
        assert!(said.contains(&format!("127.0.0.1:{port}")), "{said}");
    }
}
