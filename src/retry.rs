//! Retry with back-off for attempts that may succeed later; what is worth it is decided by the error's kind alone.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
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
        let mut pauses = self.pauses();
        loop {
            match stop.or(attempt()).await {
                Err(error) => stop.or(pauses.after(error)).await?,
                done => return done,
            }
        }
    }

    /// The pauses between attempts that are made from now on.
    pub(crate) fn pauses(&self) -> Pauses {
        Pauses { began: Instant::now(), next: self.first_pause, retry: *self }
    }
}

/// Pauses that grow, as long as the budget lasts.
#[derive(Debug)]
pub(crate) struct Pauses {
    retry: Retry,
    began: Instant,
    next: Duration,
}

impl Pauses {
    /// Waits after an attempt that failed.
    ///
    /// # Errors
    /// The error of the attempt, where another one is not worth it or the budget is spent.
    pub(crate) async fn after(&mut self, error: Error) -> Result<()> {
        if !error.is_transient() || self.began.elapsed() + self.next >= self.retry.budget {
            return Err(error);
        }
        tracing::warn!(%error, pause_ms = self.next.as_millis(), "trying again");
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(self.retry.longest_pause);
        Ok(())
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
