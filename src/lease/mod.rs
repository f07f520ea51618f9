//! One writer a target at a time: a lease that its holder renews, and that expires when nobody does.
//!
//! [`Lease`] is the one mechanism for everything that is written: loads, dimensions, HBase tables, saved jobs. What
//! differs is where the lease lies, beside what it protects: a [`LeaseStore`] keeps it in a directory, in Hive or in
//! HBase.
//!
//! A lease is dead, and is taken over, when its time has run out, or when it was taken on this host by a process that
//! no longer lives, or by this process for work that was dropped. Before a step that cannot be undone its holder looks
//! whether the lease is still its own and has time left for that step, so that a holder that slept does not write
//! beside its successor. No clock of a server is used: hosts must agree to within [`RENEWAL`].

mod holder;

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use self::holder::Holder;
#[cfg(test)]
pub(crate) use self::holder::{now_ms, process_start};
use crate::error::{self, Result};

/// A lease that was not renewed for this long is dead, wherever its holder ran.
pub(crate) const LIFETIME: Duration = Duration::from_secs(300);

/// Pause between two renewals.
pub(crate) const RENEWAL: Duration = Duration::from_secs(60);

/// How often a lease is asked for while others come and go.
const ATTEMPTS: u32 = 20;

/// Pause before a lease is asked for again.
const PAUSE: Duration = Duration::from_millis(50);

/// Tokens of the leases that this process holds.
static HELD: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

fn held() -> MutexGuard<'static, HashSet<String>> {
    // A set of strings is whole after every panic.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place of one lease. Each method is atomic: of several contenders one succeeds.
#[async_trait]
pub(crate) trait LeaseStore: Send + Sync {
    /// What the lease is for, as errors name it.
    fn target(&self) -> &str;

    /// Puts a lease where there is none; `false` if there is one.
    async fn create(&self, holder: &Holder) -> Result<bool>;

    /// Who holds the lease; `None` where there is none.
    async fn read(&self) -> Result<Option<Holder>>;

    /// Puts one holder in the place of another; `false` if that one is not there any more.
    async fn replace(&self, from: &Holder, to: &Holder) -> Result<bool>;

    /// Removes the lease of this holder, which may be dead already; nothing if it is another's by now.
    async fn remove(&self, holder: &Holder) -> Result<()>;
}

/// Leases that were dropped and are on their way back.
static RETURNING: LazyLock<Mutex<Vec<JoinHandle<()>>>> = LazyLock::new(Mutex::default);

/// How long the end of the process waits for them.
const RETURN_LIMIT: Duration = Duration::from_secs(5);

/// A held lease. [`Lease::release`] gives it back; dropping it makes it dead at once for this process, and gives it back
/// in the background, which [`returned`] waits for.
pub(crate) struct Lease {
    store: Arc<dyn LeaseStore>,
    mine: Arc<Mutex<Holder>>,
    token: Token,
    renewal: Option<AbortOnDropHandle<()>>,
    is_released: bool,
}

/// Counts a lease among those that this process holds, for as long as it lives.
struct Token(String);

impl Token {
    fn forget(&self) {
        held().remove(&self.0);
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.forget();
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("target", &self.store.target()).finish_non_exhaustive()
    }
}

impl Lease {
    /// Takes the lease for `owner`; needs a running tokio runtime.
    ///
    /// # Errors
    /// Busy: somebody alive holds it; the message says who. Those of the store.
    pub(crate) async fn acquire(store: Arc<dyn LeaseStore>, owner: &str) -> Result<Self> {
        let holder = Holder::new(owner);
        held().insert(holder.token.clone());
        let token = Token(holder.token.clone());
        let context = |e: error::Error| e.context(format!("taking the lease of {}", store.target()));
        for attempt in 0..ATTEMPTS {
            if attempt > 1 {
                tokio::time::sleep(PAUSE).await;
            }
            if store.create(&holder).await.map_err(context)? {
                return Ok(Self::held_by(store, holder, token));
            }
            match store.read().await.map_err(context)? {
                None => {}
                // The answer to our own attempt was lost.
                Some(found) if found.token == holder.token => return Ok(Self::held_by(store, holder, token)),
                Some(found) if found.is_alive() => return Err(found.busy(store.target())),
                Some(dead) if store.replace(&dead, &holder).await.map_err(context)? => {
                    let (target, Holder { owner, pid, .. }) = (store.target(), &dead);
                    tracing::warn!(target, owner, pid, "took over the lease of a dead run");
                    return Ok(Self::held_by(store, holder, token));
                }
                // Somebody else was quicker, who may be done by the next look.
                Some(_) => {}
            }
        }
        Err(error::busy(format!("the lease of {} was just taken by somebody else", store.target()))
            .hint("run again shortly"))
    }

    fn held_by(store: Arc<dyn LeaseStore>, holder: Holder, token: Token) -> Self {
        let mine = Arc::new(Mutex::new(holder));
        let renewal = AbortOnDropHandle::new(tokio::spawn(renew(store.clone(), mine.clone())));
        Self { store, mine, token, renewal: Some(renewal), is_released: false }
    }

    /// Fails if the lease was lost to somebody else, or soon may be.
    ///
    /// # Errors
    /// Busy.
    pub(crate) async fn check(&self) -> Result<()> {
        let (token, target) = (current(&self.mine).token, self.store.target());
        match self.store.read().await? {
            Some(holder) if holder.token == token => {
                if holder.has_time_left() {
                    return Ok(());
                }
                let seconds = (LIFETIME - RENEWAL).as_secs();
                Err(error::busy(format!("the lease of {target} could not be renewed for {seconds} s"))
                    .hint("run again: nothing of this load is visible"))
            }
            Some(holder) => Err(holder.busy(target).context("the lease was taken over")),
            None => Err(error::busy(format!("the lease of {target} was removed during the run")).hint("run again")),
        }
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// Those of the store; the lease then expires by itself.
    pub(crate) async fn release(mut self) -> Result<()> {
        // Or it might be prolonged while it is being removed.
        self.renewal = None;
        self.is_released = true;
        let mine = current(&self.mine);
        self.store.remove(&mine).await
    }
}

impl Drop for Lease {
    /// Somebody else need not wait until the lease of a failed run expires.
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.is_released {
            return;
        }
        self.renewal = None;
        // First of all, so that the store removes our own entry only: another lease may take its place meanwhile.
        self.token.forget();
        let (store, mine) = (self.store.clone(), current(&self.mine));
        let removed = runtime.spawn(async move {
            if let Err(error) = store.remove(&mine).await {
                tracing::debug!(%error, target = store.target(), "cannot give back the lease, it expires by itself");
            }
        });
        let mut returning = RETURNING.lock().unwrap_or_else(PoisonError::into_inner);
        returning.retain(|task| !task.is_finished());
        returning.push(removed);
    }
}

/// Waits a few seconds for the leases that were dropped; called before the process ends.
pub(crate) async fn returned() {
    let returning = std::mem::take(&mut *RETURNING.lock().unwrap_or_else(PoisonError::into_inner));
    // One that is not back in time expires by itself.
    let _ = tokio::time::timeout(RETURN_LIMIT, futures::future::join_all(returning)).await;
}

fn current(mine: &Mutex<Holder>) -> Holder {
    mine.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Prolongs the lease until aborted. What fails is tried again after the next pause; a lost lease is found by
/// [`Lease::check`].
async fn renew(store: Arc<dyn LeaseStore>, mine: Arc<Mutex<Holder>>) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let before = current(&mine);
        let next = before.prolonged();
        let renewed = match store.replace(&before, &next).await {
            // The answer to an earlier renewal may have been lost.
            Ok(false) => store.read().await.map(|found| found.filter(|found| found.token == before.token)),
            done => done.map(|_| Some(next)),
        };
        match renewed {
            Ok(Some(now)) => *mine.lock().unwrap_or_else(PoisonError::into_inner) = now,
            Ok(None) => tracing::warn!(target = store.target(), "the lease is somebody else's"),
            Err(error) => tracing::warn!(%error, target = store.target(), "cannot renew the lease"),
        }
    }
}
