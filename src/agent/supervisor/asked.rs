//! Who asks an agent to read its file again: SIGHUP, and the file itself where it is watched.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{self, Result};

/// Waits for whoever asks.
#[derive(Debug)]
pub(super) struct Asked {
    /// None where nobody may ask.
    hangup: Option<Signal>,
    /// How often the file is looked at.
    watch: Option<Duration>,
    /// What the file was when it was read last.
    stamp: Option<u64>,
}

impl Asked {
    /// Nobody may ask.
    pub(super) fn never() -> Self {
        Self { hangup: None, watch: None, stamp: None }
    }

    /// SIGHUP asks, and a file that is another than its `stamp` where it is watched.
    ///
    /// # Errors
    /// Bug: the signal handler cannot be installed.
    pub(super) fn by_signal(watch: Option<Duration>, stamp: Option<u64>) -> Result<Self> {
        let hangup =
            signal(SignalKind::hangup()).map_err(|e| error::bug("cannot install a signal handler").source(e))?;
        Ok(Self { hangup: Some(hangup), watch, stamp })
    }

    /// Waits until somebody asks; says who. Cancel safe.
    pub(super) async fn next(&mut self, mut stamp: impl FnMut() -> Option<u64>) -> &'static str {
        let Self { hangup, watch, stamp: known } = self;
        let signalled = async {
            if let Some(hangup) = hangup
                && hangup.recv().await.is_some()
            {
                return;
            }
            std::future::pending().await
        };
        let changed = async {
            let Some(pause) = *watch else { return std::future::pending().await };
            loop {
                tokio::time::sleep(pause).await;
                // A file that is not there for now is being replaced.
                if stamp().is_some_and(|now| Some(now) != *known) {
                    return;
                }
            }
        };
        tokio::select! {
            () = signalled => "SIGHUP",
            () = changed => "a change of its file",
        }
    }

    /// The file was read as it is now.
    pub(super) fn read(&mut self, stamp: Option<u64>) {
        self.stamp = stamp;
    }
}
