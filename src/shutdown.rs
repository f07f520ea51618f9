//! The stop request: Ctrl-C and SIGTERM turned into a token that every long wait watches.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error::{self, Error, Kind, Result};

/// A cheap handle on "should we stop"; clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    token: CancellationToken,
    signal: Arc<AtomicI32>,
}

impl Stop {
    /// A stop handle that only [`Stop::request`] triggers.
    pub fn new() -> Self {
        Self::default()
    }

    /// A stop handle that SIGINT and SIGTERM trigger; needs a running tokio runtime.
    ///
    /// # Errors
    /// Bug: the signal handlers cannot be installed.
    pub fn on_signals() -> Result<Self> {
        let stop = Self::new();
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
            let mut stream = signal(kind).map_err(|e| error::bug("cannot install a signal handler").source(e))?;
            let stop = stop.clone();
            tokio::spawn(async move {
                if stream.recv().await.is_some() {
                    stop.request(kind.as_raw_value());
                }
            });
        }
        Ok(stop)
    }

    /// Asks everybody who watches to stop, on behalf of `signal`.
    pub fn request(&self, signal: i32) {
        self.signal.store(signal, Ordering::SeqCst);
        self.token.cancel();
    }

    /// A handle that stops with this one, and can be [ended](Stop::end) by itself.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { token: self.token.child_token(), signal: self.signal.clone() }
    }

    /// Asks those to stop who watch this handle or a child of it, on behalf of no signal.
    pub fn end(&self) {
        self.token.cancel();
    }

    /// Whether a stop was asked for.
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until a stop is asked for. Cancel safe.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// The error that a stopped work ends with.
    pub fn error(&self) -> Error {
        Error::new(Kind::Stopped(self.signal.load(Ordering::SeqCst)), "stopped by a signal")
            .hint("run the same command again to go on")
    }

    /// Fails if a stop was asked for; for loops between two steps.
    ///
    /// # Errors
    /// Stopped.
    pub fn check(&self) -> Result<()> {
        if self.is_requested() { Err(self.error()) } else { Ok(()) }
    }

    /// Runs `work` unless a stop comes first; then `work` is dropped.
    ///
    /// # Errors
    /// Those of `work`, or Stopped.
    pub async fn or<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.requested() => Err(self.error()),
            done = work => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_ends_alone_or_with_its_parent() {
        let stop = Stop::new();
        let (one, other) = (stop.child(), stop.child());
        one.end();
        assert!(one.is_requested() && !other.is_requested() && !stop.is_requested());
        stop.request(15);
        assert!(other.is_requested());
        assert_eq!(other.error().exit_code(), 143);
    }

    #[tokio::test]
    async fn a_request_ends_a_wait_with_the_signals_exit_code() {
        let stop = Stop::new();
        stop.request(15);
        let error = stop.or(std::future::pending::<Result<()>>()).await.unwrap_err();
        assert_eq!(error.exit_code(), 143);
    }
}
