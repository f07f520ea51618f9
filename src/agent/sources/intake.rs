//! What the sources that serve a port have in common: they run many connections at once, and answer when an event is
//! in the channel.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};

use crate::agent::event::Event;
use crate::agent::monitor::Size;
use crate::agent::outlet::Outlet;
use crate::error::{self, Error, Result};

/// Pause between two looks whether there is room.
const BREATH: Duration = Duration::from_millis(20);
/// How often it is looked whether the agent still runs.
const LOOK: Duration = Duration::from_millis(200);

/// How long connections may take for what is at hand at the end.
const GRACE: Duration = Duration::from_secs(2);

/// Threads that put at once: while the channel is full each of them waits, and the sink needs some, too.
const PUTS: usize = 64;

/// Puts events on behalf of connections.
#[derive(Clone, Debug)]
pub(super) struct Intake {
    outlet: Arc<Outlet>,
    places: Arc<Semaphore>,
    /// Why the channel took no more.
    failure: Arc<Mutex<Option<Error>>>,
}

/// What became of events that were put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Done,
    /// There was no room in time.
    Full,
    /// The channel takes no more.
    Closed,
    /// The channel cannot keep them.
    Failed,
}

/// Waits until the outlet takes no more.
pub(super) async fn closed(outlet: Arc<Outlet>) {
    while outlet.is_open() {
        tokio::time::sleep(LOOK).await;
    }
}

impl Intake {
    pub(super) fn new(outlet: Arc<Outlet>) -> Self {
        Self { outlet, places: Arc::new(Semaphore::new(PUTS)), failure: Arc::default() }
    }

    /// Waits until nothing is taken any more: the agent ends, or a put failed.
    pub(super) async fn ended(&self) {
        while self.is_open() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Counts a request, a line or a packet that holds no event.
    pub(super) fn malformed(&self) {
        self.outlet.meter().malformed.add(1);
    }

    /// Counts a request that came too soon.
    pub(super) fn throttled(&self) {
        self.outlet.meter().throttled.add(1);
    }

    fn is_open(&self) -> bool {
        self.failure().is_none() && self.outlet.is_open()
    }

    /// # Errors
    /// Why a put failed, if one did.
    pub(super) fn verdict(&self) -> Result<()> {
        self.failure().take().map_or(Ok(()), Err)
    }

    fn failure(&self) -> MutexGuard<'_, Option<Error>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a put on a thread that may block. The first error is kept: what failed once does not get better.
    async fn block<T: Send + 'static>(&self, put: impl FnOnce(&Outlet) -> Result<T> + Send + 'static) -> Option<T> {
        let place = self.places.clone().acquire_owned().await;
        let outlet = self.outlet.clone();
        let done = spawn_blocking(move || {
            let done = put(&outlet);
            drop(place);
            done
        });
        match done.await.map_err(|e| error::bug("a put panicked").source(e)).flatten() {
            Ok(done) => Some(done),
            Err(e) => {
                tracing::error!("{e}");
                self.failure().get_or_insert(e);
                None
            }
        }
    }

    /// Puts events, and waits so long for room.
    pub(super) async fn put_within(&self, events: Vec<Event>, patience: Duration) -> Put {
        let put = self.block(move |outlet| {
            let began = Instant::now();
            loop {
                if outlet.offer(&events)? {
                    return Ok(Put::Done);
                } else if !outlet.pause(BREATH) {
                    return Ok(Put::Closed);
                } else if began.elapsed() > patience {
                    outlet.meter().refuse(Size::of(&events));
                    return Ok(Put::Full);
                }
            }
        });
        put.await.unwrap_or(Put::Failed)
    }

    /// Puts events, and waits until there is room; what the channel promises of them holds once they are done.
    pub(super) async fn put(&self, events: Vec<Event>) -> Put {
        let put = self.block(move |outlet| outlet.put(events, BTreeMap::new(), None));
        put.await.map_or(Put::Failed, |taken| if taken { Put::Done } else { Put::Closed })
    }
}

/// Takes a port, for which the system then queues connections.
///
/// # Errors
/// Config: the address makes no sense. Refused, Auth: the port cannot be had.
pub(super) fn bind(bind: &str, port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind((bind, port)).map_err(|e| cannot_listen(bind, port, e))?;
    listener.set_nonblocking(true).map_err(|e| cannot_listen(bind, port, e))?;
    Ok(listener)
}

/// Why a port could not be had.
pub(super) fn cannot_listen(bind: &str, port: u16, e: std::io::Error) -> Error {
    let what = format!("cannot listen on {bind}:{port}");
    match e.kind() {
        std::io::ErrorKind::PermissionDenied => error::auth(what).hint("choose a port above 1023").source(e),
        std::io::ErrorKind::AddrInUse => {
            error::refused(what).hint("another process listens there; choose another port").source(e)
        }
        _ => error::config(what).hint("check bind and port").source(e),
    }
}

/// The next connection on one of some ports.
async fn accept(listeners: &[tokio::net::TcpListener]) -> std::io::Result<(TcpStream, SocketAddr)> {
    let waiting = listeners.iter().map(|listener| Box::pin(listener.accept()));
    futures::future::select_all(waiting).await.0
}

/// Serves connections on some ports until the outlet takes no more, at most `most` at once; further ones wait. A connection ends soon
/// after [`Intake::ended`], or is ended.
///
/// # Errors
/// Refused: the port is lost. Those of [`Outlet::put`]. A connection that fails ends alone.
pub(super) fn serve<F>(
    listeners: Vec<TcpListener>,
    outlet: &Arc<Outlet>,
    most: usize,
    each: impl Fn(TcpStream, SocketAddr, Intake) -> F,
) -> Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    Handle::current().block_on(async {
        let lost = |e: std::io::Error| error::refused("cannot go on listening").source(e);
        let listeners = listeners.into_iter().map(tokio::net::TcpListener::from_std);
        let listeners = listeners.collect::<std::io::Result<Vec<_>>>().map_err(lost)?;
        let (places, mut connections) = (Arc::new(Semaphore::new(most)), JoinSet::new());
        let intake = Intake::new(outlet.clone());
        while intake.is_open() {
            let next = async {
                let place = places.clone().acquire_owned().await;
                (accept(&listeners).await, place)
            };
            match tokio::time::timeout(LOOK, next).await {
                Ok((Ok((stream, peer)), place)) => {
                    let (work, counted) = (each(stream, peer, intake.clone()), outlet.meter().connection());
                    connections.spawn(async move {
                        work.await;
                        drop((place, counted));
                    });
                }
                // A client that left before it was taken, or no file descriptors for now.
                Ok((Err(e), _)) => {
                    tracing::warn!("cannot take a connection: {e}");
                    tokio::time::sleep(LOOK).await;
                }
                Err(_) => {}
            }
            while connections.try_join_next().is_some() {}
        }
        let at_hand = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, at_hand).await;
        connections.shutdown().await;
        intake.verdict()
    })
}
