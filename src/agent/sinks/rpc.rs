//! Another agent, by Flume's calls in Avro or in Thrift.
//!
//! An epoch is done once each of its batches was answered with OK. Nobody there knows epochs: one that fails is sent again as
//! a whole, so that each event arrives at least once.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Begun, Chunk, EpochWriter, Kept, Sink, Written};
use crate::agent::channels::cursor::Cursor;
use crate::agent::event::Event;
use crate::agent::rpc::{Client, ClientOptions};
use crate::agent::sorter::Sorter;
use crate::error::Result;

/// Bytes of a batch, however many events it may have.
const BATCH_BYTES: usize = 8 << 20;

/// What the sink is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct RpcOptions {
    pub client: ClientOptions,
    /// Events of a call.
    pub batch_size: usize,
    /// How long a connection is used.
    pub reset_interval: Option<Duration>,
}

/// The connection while no epoch is written.
type Idle = Rc<RefCell<Option<Client>>>;

/// Sends events.
pub(super) struct RpcSink {
    options: Rc<RpcOptions>,
    idle: Idle,
}

impl RpcSink {
    pub(super) fn new(options: RpcOptions) -> Self {
        tracing::info!(
            "events go to {} at least once: after an error they are sent again, and some may be there twice",
            options.client.server()
        );
        Self { options: Rc::new(options), idle: Rc::default() }
    }
}

/// The connection, or a new one where there is none or its time is over.
async fn connected(idle: &Idle, options: &RpcOptions) -> Result<Client> {
    let kept = idle.borrow_mut().take();
    let is_over = |client: &Client| options.reset_interval.is_some_and(|most| client.age() >= most);
    match kept.filter(|client| !is_over(client)) {
        Some(client) => Ok(client),
        None => Client::connect(&options.client).await,
    }
}

#[async_trait(?Send)]
impl Sink for RpcSink {
    fn name(&self) -> String {
        format!("{} {}:{}", self.options.client.speech.name(), self.options.client.host, self.options.client.port)
    }

    fn sorter(&self) -> Option<Sorter> {
        None
    }

    async fn recover(&mut self) -> Result<Kept> {
        Ok(Kept::Channel)
    }

    async fn greet(&mut self) -> Result<()> {
        let client = connected(&self.idle, &self.options).await?;
        *self.idle.borrow_mut() = Some(client);
        Ok(())
    }

    /// Connects, so that another sink of a group can take the epoch where nobody answers.
    async fn begin(&mut self, _: &Cursor) -> Result<Begun> {
        self.greet().await?;
        let epoch = Sending { options: self.options.clone(), idle: self.idle.clone(), written: Written::default() };
        Ok(Begun::Epoch(Box::new(epoch)))
    }
}

struct Sending {
    options: Rc<RpcOptions>,
    idle: Idle,
    written: Written,
}

#[async_trait(?Send)]
impl EpochWriter for Sending {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        let Chunk::Events(events) = chunk else { return Ok(()) };
        // After an error it is not put back: it ends.
        let mut client = connected(&self.idle, &self.options).await?;
        let mut rest = &events[..];
        while !rest.is_empty() {
            let (batch, more) = rest.split_at(batch(rest, self.options.batch_size));
            client.append(batch).await?;
            self.written.rows += batch.len() as u64;
            self.written.bytes += batch.iter().map(|event| event.body.len() as u64).sum::<u64>();
            rest = more;
        }
        *self.idle.borrow_mut() = Some(client);
        Ok(())
    }

    async fn commit(self: Box<Self>, _: &Cursor) -> Result<Written> {
        Ok(self.written)
    }
}

/// How many of the first events make a batch: one at least.
fn batch(events: &[Event], most: usize) -> usize {
    let mut bytes = 0;
    let fits = |event: &&Event| {
        bytes += event.size();
        bytes <= BATCH_BYTES
    };
    events.iter().take(most).take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::agent::rpc::Speech;

    /// An agent that ends the connection of the first call, and answers the second.
    fn forgetful(listener: std::net::TcpListener) -> std::thread::JoinHandle<Vec<Vec<u8>>> {
        let ok = [0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];
        std::thread::spawn(move || {
            let call = |answers: bool| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut call = vec![0; 4_096];
                let length = stream.read(&mut call).unwrap();
                call.truncate(length);
                if answers {
                    stream.write_all(&[&call[..4], &ok].concat()).unwrap();
                    assert_eq!(stream.read(&mut [0; 8]).unwrap_or_default(), 0);
                }
                call
            };
            [false, true].map(call).into()
        })
    }

    #[tokio::test]
    async fn an_epoch_without_an_answer_is_sent_again() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let limit = Duration::from_secs(20);
        let client = ClientOptions {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
            speech: Speech::Avro,
            tls: None,
            deflation: None,
            connect_timeout: limit,
            request_timeout: limit,
        };
        let serving = forgetful(listener);
        let mut sink = RpcSink::new(RpcOptions { client, batch_size: 10, reset_interval: None });
        let cursor = Cursor::new("c".to_owned());
        for is_answered in [false, true] {
            let Begun::Epoch(mut epoch) = sink.begin(&cursor).await.unwrap() else { panic!("it keeps nothing") };
            let event = Event { body: "x".into(), ..Event::default() };
            match epoch.write(Chunk::Events(vec![event].into())).await {
                Ok(()) => assert_eq!(epoch.commit(&cursor).await.unwrap().rows, 1),
                Err(e) => assert!(e.is_transient() && !is_answered, "{e}"),
            }
        }
        drop(sink);
        let calls = serving.join().unwrap();
        assert_eq!(calls[0], calls[1]);
    }

    #[test]
    fn a_batch_is_bounded_by_events_and_by_bytes() {
        let of = |length: usize| Event { body: vec![0; length].into(), ..Event::default() };
        assert_eq!(batch(&vec![of(10); 7], 5), 5);
        assert_eq!(batch(&vec![of(10); 3], 5), 3);
        assert_eq!(batch(&vec![of(3 << 20); 5], 5), 2);
        assert_eq!(batch(&[of(9 << 20), of(1)], 5), 1);
    }
}
