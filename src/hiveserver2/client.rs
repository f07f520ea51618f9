//! The blocking Thrift client on a thread of its own, and the way in from async code.
//!
//! Calls are closures that the thread runs one after another. The thread ends when the last [`Client`] is gone.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::fault;
use super::tcli_service::TCLIServiceSyncClient;
use crate::error::{self, Result};
use crate::net::Server;
use crate::net::thrift::{Input, Link, Output, Transport, Wire};

/// The generated client over our transport.
pub(super) type Thrift = TCLIServiceSyncClient<Input, Output>;

type Call = Box<dyn FnOnce(&mut Thrift) + Send>;

/// Sends calls to the thread that holds the connection.
#[derive(Clone)]
pub(super) struct Client {
    server: Server,
    calls: mpsc::Sender<Call>,
    /// What stays of the connection, and the limit of calls once the server has answered the first.
    link: Link,
    call_limit: Duration,
}

impl Client {
    /// Starts a thread, connects and logs in.
    ///
    /// # Errors
    /// Unreachable, Auth or Refused, naming the endpoint.
    pub(super) async fn connect(server: Server, transport: Transport, call_limit: Duration) -> Result<Self> {
        let (calls, to_run) = mpsc::channel::<Call>();
        let (connected, outcome) = oneshot::channel();
        let (to, runtime) = (server.clone(), tokio::runtime::Handle::current());
        let run = move || {
            // Calls over HTTP are made by the runtime.
            let _inside = runtime.enter();
            match Wire::open(&to, &transport) {
                Err(error) => drop(connected.send(Err(error))),
                Ok(wire) => {
                    let (input, output, link) = wire.into_protocols();
                    if connected.send(Ok(link)).is_ok() {
                        serve(Thrift::new(input, output), &to_run);
                    }
                }
            }
        };
        thread::Builder::new()
            .name("hiveserver2".to_owned())
            .spawn(run)
            .map_err(|e| error::bug("cannot start the thread of a hive session").source(e))?;
        let link = outcome.await.map_err(|_| error::bug("the thread of a hive session ended"))??;
        Ok(Self { server, calls, link, call_limit })
    }

    /// Makes the first call, which is answered within the limit of connecting.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(super) async fn first_call<T, F>(&self, call: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Thrift) -> thrift::Result<T> + Send + 'static,
    {
        match self.raw_call(call).await? {
            Err(e) => Err(self.link.first_failure(&self.server, e)),
            Ok(answer) => {
                self.link.set_limit(self.call_limit).map_err(|e| self.server.unreachable(e))?;
                Ok(answer)
            }
        }
    }

    /// The error of a call; over HTTP it was known before Thrift heard of it.
    fn explained(&self, error: thrift::Error) -> error::Error {
        self.link.take_error().unwrap_or_else(|| fault::of_call(&self.server, error))
    }

    /// Makes one call and waits for its answer. Dropping the future does not take the call back.
    ///
    /// # Errors
    /// Unreachable: the connection broke, now or earlier.
    pub(super) async fn call<T, F>(&self, call: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Thrift) -> thrift::Result<T> + Send + 'static,
    {
        self.raw_call(call).await?.map_err(|e| self.explained(e))
    }

    async fn raw_call<T, F>(&self, call: F) -> Result<thrift::Result<T>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Thrift) -> thrift::Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.send(move |thrift| drop(answer.send(call(thrift))));
        answered.await.map_err(|_| error::bug("the thread of a hive session ended"))
    }

    /// Makes a call that nobody waits for.
    pub(super) fn send(&self, call: impl FnOnce(&mut Thrift) + Send + 'static) {
        // The thread lives as long as a sender does; a failed send drops the call, which its waiter notices.
        drop(self.calls.send(Box::new(call)));
    }

    /// `host:port` of the server.
    pub(super) fn endpoint(&self) -> &str {
        &self.server.address
    }
}

fn serve(mut thrift: Thrift, calls: &mpsc::Receiver<Call>) {
    while let Ok(call) = calls.recv() {
        call(&mut thrift);
    }
}
