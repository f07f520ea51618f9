//! Retry with back-off for attempts that may succeed later; what is worth it is decided by the error's kind alone.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::shutdown::Stop;

/// How long and how often an attempt is repeated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    /// Time after which the last error is given back.
    pub budget: Duration,
    /// First pause; doubles up to `longest_pause`.
    pub first_pause: Duration,
    /// Upper bound of a pause.
    pub longest_pause: Duration,
}

impl Retry {
    /// Repeats for `budget` with pauses of 50 ms to 2 s.
    pub(crate) fn for_time(budget: Duration) -> Self {
        Self { budget, first_pause: Duration::from_millis(50), longest_pause: Duration::from_secs(2) }
    }

    /// Runs `attempt` until it succeeds, fails for good, or the budget is spent.
    ///
    /// # Errors
    /// The last error of `attempt`, or Stopped.
    pub(crate) async fn run<T, F, A>(&self, stop: &Stop, mut attempt: A) -> Result<T>
    where
        A: FnMut() -> F,
        F: Future<Output = Result<T>>,
    {
        let started = Instant::now();
        let mut pause = self.first_pause;
        loop {
            match stop.or(attempt()).await {
                Err(error) if error.is_transient() && started.elapsed() + pause < self.budget => {
                    tracing::warn!(%error, pause_ms = pause.as_millis(), "trying again");
                    stop.or(async {
                        tokio::time::sleep(pause).await;
                        Ok(())
                    })
                    .await?;
                    pause = (pause * 2).min(self.longest_pause);
                }
                done => return done,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error;

    #[tokio::test(start_paused = true)]
    async fn transient_errors_are_tried_again_and_others_are_not() {
        let retry = Retry::for_time(Duration::from_secs(10));
        let mut left = 3;
        let done = retry
            .run(&Stop::new(), || {
                left -= 1;
                let last = left == 0;
                async move { if last { Ok(7) } else { Err(error::busy("x")) } }
            })
            .await;
        assert_eq!((done.unwrap(), left), (7, 0));

        let mut calls = 0;
        let failed: Result<()> = retry
            .run(&Stop::new(), || {
                calls += 1;
                async { Err(error::auth("x")) }
            })
            .await;
        assert!(failed.is_err());
        assert_eq!(calls, 1);
    }
}
