//! Leaves out events whose id was there before: clients that got no answer send again.
//!
//! What is remembered is the ids of events that were put, for a time and up to a number, in memory alone. So an event that
//! comes twice within the window is put once as long as the agent runs and has not taken more ids than it remembers; after
//! a restart, or a reload of the source, an id is new again. An event without an id is kept.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytestring::ByteString;
use sha2::{Digest, Sha256};

use super::LeftOut;
use crate::agent::event::Event;

/// The ids that were seen.
#[derive(Debug)]
pub(super) struct Dedupe {
    header: ByteString,
    window: Duration,
    most: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The beginnings of the hashes of ids.
    ids: HashSet<u128>,
    /// The same in the order of their coming.
    order: VecDeque<(Instant, u128)>,
    /// How many at the end of the order are not known to be put.
    unsettled: usize,
}

impl Dedupe {
    pub(super) fn new(header: ByteString, window: Duration, most: usize) -> Self {
        Self { header, window, most, seen: Mutex::default() }
    }

    /// Whether an event is the first of its id.
    pub(super) fn is_first(&self, event: &Event, left_out: &mut LeftOut) -> bool {
        self.is_first_at(event, Instant::now(), left_out)
    }

    fn is_first_at(&self, event: &Event, now: Instant, left_out: &mut LeftOut) -> bool {
        let Some(id) = event.headers.get(&self.header).filter(|id| !id.is_empty()) else { return true };
        let digest = Sha256::digest(id.as_bytes());
        let id = digest.iter().take(16).fold(0_u128, |id, byte| id << 8 | u128::from(*byte));
        let mut seen = self.seen();
        let is_over = |came: Instant| now.saturating_duration_since(came) >= self.window;
        while seen.order.front().is_some_and(|(came, _)| is_over(*came)) {
            seen.forget_oldest();
        }
        if !seen.ids.insert(id) {
            left_out.duplicates += 1;
            return false;
        }
        seen.order.push_back((now, id));
        seen.unsettled += 1;
        if seen.order.len() > self.most {
            seen.forget_oldest();
            left_out.forgotten_ids += 1;
        }
        true
    }

    /// Keeps the ids that came since the last time, as their events were put, or forgets them, as they were not.
    pub(super) fn settle(&self, is_put: bool) {
        let mut seen = self.seen();
        let unsettled = std::mem::take(&mut seen.unsettled);
        for _ in 0..if is_put { 0 } else { unsettled } {
            if let Some((_, id)) = seen.order.pop_back() {
                seen.ids.remove(&id);
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.order.pop_front() {
            self.ids.remove(&id);
            self.unsettled = self.unsettled.min(self.order.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn event(id: &str) -> Event {
        let mut event = Event::default();
        event.headers.set("id", id);
        event
    }

    fn dedupe(most: usize) -> Dedupe {
        Dedupe::new("id".into(), WINDOW, most)
    }

    #[test]
    fn an_id_is_new_once_in_its_window() {
        let (dedupe, began, mut left_out) = (dedupe(10), Instant::now(), LeftOut::default());
        let mut is_first = |id: &str, seconds: u64| {
            let first = dedupe.is_first_at(&event(id), began + Duration::from_secs(seconds), &mut left_out);
            dedupe.settle(true);
            first
        };
        assert!(is_first("a", 0) && is_first("b", 1));
        assert!(!is_first("a", 59));
        assert!(is_first("a", 60), "the window begins with the first of them");
        assert!(!is_first("b", 60) && is_first("b", 61));
        assert!(is_first("", 61) && is_first("", 61), "what has no id is kept");
        assert_eq!(left_out, LeftOut { duplicates: 2, ..LeftOut::default() });
    }

    #[test]
    fn what_was_not_put_is_new_again() {
        let (dedupe, mut left_out) = (dedupe(10), LeftOut::default());
        for is_put in [false, false, true] {
            assert!(dedupe.is_first(&event("a"), &mut left_out));
            assert!(!dedupe.is_first(&event("a"), &mut left_out), "twice in one batch");
            dedupe.settle(is_put);
        }
        assert!(!dedupe.is_first(&event("a"), &mut left_out));
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_early_is_counted() {
        let (dedupe, mut left_out) = (dedupe(2), LeftOut::default());
        for id in ["a", "b", "c"] {
            assert!(dedupe.is_first(&event(id), &mut left_out));
        }
        dedupe.settle(false);
        assert!(dedupe.seen().ids.is_empty() && dedupe.seen().order.is_empty());
        assert_eq!(left_out, LeftOut { forgotten_ids: 1, ..LeftOut::default() });
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_list_of_all_that_was_put(
            batches in prop::collection::vec((prop::collection::vec((0..6_u8, 0..40_u64), 0..6), any::<bool>()), 0..20)
        ) {
            let (dedupe, mut left_out) = (dedupe(1_000), LeftOut::default());
            let (mut now, mut put) = (Instant::now(), HashMap::<u8, Instant>::new());
            for (batch, is_put) in batches {
                let mut model = put.clone();
                for (id, pause) in batch {
                    now += Duration::from_secs(pause);
                    let known = model.get(&id).is_some_and(|came| now - *came < WINDOW);
                    prop_assert_eq!(dedupe.is_first_at(&event(&id.to_string()), now, &mut left_out), !known);
                    if !known {
                        model.insert(id, now);
                    }
                }
                dedupe.settle(is_put);
                if is_put {
                    put = model;
                } else {
                    // An id whose window ended meanwhile is forgotten, and would be new anyhow.
                    put.retain(|_, came| now - *came < WINDOW);
                }
            }
        }
    }
}
