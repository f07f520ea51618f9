//! Retry with back-off for attempts that may succeed later; what is worth it is decided by the error's kind alone.

use std::future::Future;
use std::mem::{Discriminant, discriminant};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
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

/// How long a cause that lasts is not said again.
const QUIET: Duration = Duration::from_secs(60);

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
        self.pauses_said_by(Sayer::default())
    }

    /// The same, where others say what fails, too.
    pub(crate) fn pauses_said_by(&self, sayer: Sayer) -> Pauses {
        Pauses { began: Instant::now(), next: self.first_pause, retry: *self, sayer }
    }

    /// Whether another attempt is worth it. Room is made by people, which takes longer than any bound: only what waits
    /// without end waits for it.
    fn is_worth(&self, error: &Error) -> bool {
        error.is_transient() || (error.may_pass() && self.budget == Duration::MAX)
    }
}

/// Pauses that grow, as long as the budget lasts.
#[derive(Debug)]
pub(crate) struct Pauses {
    retry: Retry,
    began: Instant,
    next: Duration,
    sayer: Sayer,
}

impl Pauses {
    /// Whether another attempt is worth it, as long as the budget lasts.
    pub(crate) fn are_worth(&self, error: &Error) -> bool {
        self.retry.is_worth(error)
    }

    /// Waits after an attempt that failed.
    ///
    /// # Errors
    /// The error of the attempt, where another one is not worth it or the budget is spent.
    pub(crate) async fn after(&mut self, error: Error) -> Result<()> {
        if !self.retry.is_worth(&error) || self.began.elapsed() + self.next >= self.retry.budget {
            return Err(error);
        }
        if let Some(unsaid) = self.sayer.due(&error) {
            tracing::warn!(%error, pause_ms = self.next.as_millis(), unsaid, "trying again");
        }
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(self.retry.longest_pause);
        Ok(())
    }
}

/// Says what fails again and again seldom: at once, and while its kind stays the same once a minute. A clone is the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sayer(Arc<Mutex<Last>>);

/// What was said last.
#[derive(Debug, Default)]
struct Last {
    said: Option<(Instant, Discriminant<Kind>)>,
    /// Failures since then.
    unsaid: u64,
    /// Nobody said that it is over.
    is_open: bool,
}

impl Sayer {
    /// Whether this failure is to be said: then how many were not since the last one that was.
    pub(crate) fn due(&self, error: &Error) -> Option<u64> {
        let (mut last, kind) = (self.lock(), discriminant(&error.kind()));
        if last.said.is_some_and(|(when, said)| said == kind && when.elapsed() < QUIET) {
            last.unsaid += 1;
            return None;
        }
        last.said = Some((Instant::now(), kind));
        last.is_open = true;
        Some(std::mem::take(&mut last.unsaid))
    }

    /// It went well; says whether a failure was said since it did so last.
    pub(crate) fn over(&self) -> bool {
        std::mem::take(&mut self.lock().is_open)
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error;

    #[test]
    fn a_cause_that_lasts_is_said_once_a_minute() {
        let sayer = Sayer::default();
        let away = error::unreachable("x");
        assert_eq!([sayer.due(&away), sayer.due(&away), sayer.due(&away)], [Some(0), None, None]);
        assert_eq!((sayer.due(&error::full("y")), sayer.due(&error::full("z"))), (Some(2), None));
        assert_eq!((sayer.over(), sayer.over()), (true, false));
        assert_eq!((sayer.due(&error::full("y")), sayer.over()), (None, false), "it was not said again");
        let (when, kind) = sayer.lock().said.unwrap();
        sayer.lock().said = when.checked_sub(QUIET).map(|when| (when, kind));
        assert_eq!((sayer.due(&error::full("y")), sayer.due(&error::full("y"))), (Some(2), None));
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_waits_without_end_waits_for_room() {
        let mut bounded = Retry::for_time(Duration::from_secs(60)).pauses();
        assert!(bounded.after(error::full("x")).await.is_err());
        let mut endless = Retry::for_time(Duration::MAX).pauses();
        for _ in 0..100 {
            endless.after(error::full("x")).await.unwrap();
        }
        assert!(endless.after(error::refused("x")).await.is_err());
    }

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
