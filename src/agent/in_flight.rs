//! Bytes that the connections of a source hold together, of what is read and not yet in the channel: what comes beyond them
//! waits.
//!
//! What a request takes is known only as it comes, so it claims more as it goes on. Requests that wait for each other's
//! bytes would wait for ever: one of them at a time goes on however full it is, and the others behind it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is counted at once.
const PIECE: usize = 1 << 10;

/// The bytes of a source's connections.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pieces: Arc<Semaphore>,
    /// The one that goes on in any case.
    lane: Arc<Semaphore>,
}

/// What one request holds; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    /// None where nobody counts.
    of: Option<InFlight>,
    held: Option<OwnedSemaphorePermit>,
    lane: Option<OwnedSemaphorePermit>,
}

impl InFlight {
    /// So many bytes, and beside them those of the request that goes on in any case.
    pub(super) fn new(bytes: usize) -> Self {
        Self { pieces: Arc::new(Semaphore::new(bytes / PIECE)), lane: Arc::new(Semaphore::new(1)) }
    }

    /// A claim of nothing so far.
    pub(super) fn claim(&self) -> Claim {
        Claim { of: Some(self.clone()), held: None, lane: None }
    }
}

impl Claim {
    /// A claim where nobody counts.
    pub(super) fn uncounted() -> Self {
        Self { of: None, held: None, lane: None }
    }

    /// Adds so many bytes if they can be held now; says whether they can.
    pub(super) fn try_grow(&mut self, bytes: usize) -> bool {
        let (Some(of), None) = (&self.of, &self.lane) else { return true };
        let Ok(more) = of.pieces.clone().try_acquire_many_owned(pieces(bytes)) else { return false };
        self.hold(more);
        true
    }

    /// Waits until so many bytes more can be held. When it is dropped before, nothing was added.
    pub(super) async fn grow(&mut self, bytes: usize) {
        let (Some(of), None) = (&self.of, &self.lane) else { return };
        let (all, lane) = (of.pieces.clone(), of.lane.clone());
        tokio::select! {
            biased;
            // The semaphores are never closed.
            Ok(more) = all.acquire_many_owned(pieces(bytes)) => self.hold(more),
            Ok(lane) = lane.acquire_owned() => self.lane = Some(lane),
            else => {}
        }
    }

    fn hold(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.held {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
    }
}

fn pieces(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn many_that_grow_all_end_and_never_hold_more_than_there_is() {
        const ALL: usize = 64 * PIECE;
        const EACH: usize = 10 * PIECE;
        let (in_flight, held, most) =
            (InFlight::new(ALL), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let each = (0..200).map(|_| {
            let (in_flight, held, most) = (in_flight.clone(), held.clone(), most.clone());
            tokio::spawn(async move {
                let mut claim = in_flight.claim();
                for _ in 0..EACH / PIECE {
                    claim.grow(PIECE).await;
                    most.fetch_max(held.fetch_add(PIECE, Ordering::SeqCst) + PIECE, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
                held.fetch_sub(EACH, Ordering::SeqCst);
            })
        });
        for one in each.collect::<Vec<_>>() {
            tokio::time::timeout(Duration::from_secs(60), one).await.expect("nobody waits for ever").unwrap();
        }
        let most = most.load(Ordering::SeqCst);
        assert!(most > ALL / 2 && most <= ALL + EACH, "{most}");
        assert_eq!((in_flight.pieces.available_permits(), in_flight.lane.available_permits()), (64, 1));
    }

    #[tokio::test]
    async fn what_is_larger_than_all_goes_alone() {
        let in_flight = InFlight::new(4 * PIECE);
        let mut large = in_flight.claim();
        large.grow(100 * PIECE).await;
        let mut small = in_flight.claim();
        small.grow(4 * PIECE).await;
        let mut waiting = in_flight.claim();
        assert!(tokio::time::timeout(Duration::from_millis(50), waiting.grow(1)).await.is_err());
        drop(large);
        waiting.grow(1).await;
        let mut uncounted = Claim::uncounted();
        uncounted.grow(usize::MAX).await;
    }
}
