//! Whether native writes are known to hit a dead datanode: the client below offers it again for every block until the
//! NameNode declares it dead, which takes ten minutes by default. Meanwhile files are written over WebHDFS, and now and
//! then a probe finds out whether the native way works again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(80);

/// The way a file is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By the native protocol.
    Native,
    /// Over WebHDFS.
    Web,
    /// Over WebHDFS, and the caller finds out about the native way.
    WebAndProbe,
}

/// What is known about native writes.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<NativeWrites>);

#[derive(Debug, Default)]
struct NativeWrites {
    /// When to probe; `None` while native writes are believed to work.
    probe_at: Option<Instant>,
    pause: Duration,
    recovered_at: Option<Instant>,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, NativeWrites> {
        // Three plain values are whole after every panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way of the next file.
    pub(super) fn way(&self) -> Way {
        let mut state = self.state();
        match state.probe_at {
            None => Way::Native,
            Some(at) if at > Instant::now() => Way::Web,
            Some(_) => {
                // One caller probes; the next one after another pause, should this one never tell.
                state.back_off();
                Way::WebAndProbe
            }
        }
    }

    /// A native file was lost.
    pub(super) fn lost(&self) {
        let mut state = self.state();
        if state.probe_at.is_none() {
            // A probe that was lucky to miss the dead node proves little: go on where the pauses were.
            if state.recovered_at.is_none_or(|at| at.elapsed() > LONGEST_PAUSE) {
                state.pause = Duration::ZERO;
            }
            tracing::warn!("native writes meet a dead datanode: writing over WebHDFS for a while");
            state.back_off();
        }
    }

    /// A probe came through.
    pub(super) fn recovered(&self) {
        let mut state = self.state();
        if state.probe_at.take().is_some() {
            tracing::info!("native writes work again");
            state.recovered_at = Some(Instant::now());
        }
    }
}

impl NativeWrites {
    fn back_off(&mut self) {
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        self.probe_at = Some(Instant::now() + self.pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_a_loss_the_web_is_used_and_one_caller_probes() {
        let health = Health::default();
        assert_eq!(health.way(), Way::Native);
        health.lost();
        health.lost();
        assert_eq!(health.way(), Way::Web);
        tokio::time::advance(FIRST_PAUSE).await;
        assert_eq!((health.way(), health.way()), (Way::WebAndProbe, Way::Web));
        tokio::time::advance(FIRST_PAUSE).await;
        assert_eq!(health.way(), Way::Web, "the pauses grow");
        tokio::time::advance(FIRST_PAUSE).await;
        assert_eq!(health.way(), Way::WebAndProbe);
        health.recovered();
        assert_eq!(health.way(), Way::Native);

        health.lost();
        tokio::time::advance(2 * FIRST_PAUSE).await;
        assert_eq!(health.way(), Way::Web, "a lucky probe does not begin with short pauses again");
        tokio::time::advance(LONGEST_PAUSE).await;
        health.recovered();
        tokio::time::advance(2 * LONGEST_PAUSE).await;
        health.lost();
        tokio::time::advance(FIRST_PAUSE).await;
        assert_eq!(health.way(), Way::WebAndProbe);
    }
}
