//! A queue of work for several workers: each takes the next item when it is free, and an item may turn into several.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// A queue that ends when it is empty and no worker is left that could add to it.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    taken: usize,
}

/// An item that was taken; while it lives, the queue does not end. One whose work was cancelled or failed goes back.
#[derive(Debug)]
pub(super) struct Taken<'a, T> {
    queue: &'a Queue<T>,
    item: Option<T>,
}

impl<T> Queue<T> {
    /// A queue of these items, the first to be taken first.
    pub(super) fn new(items: impl IntoIterator<Item = T>) -> Self {
        Self { state: Mutex::new(State { waiting: items.into_iter().collect(), taken: 0 }), changed: Notify::new() }
    }

    /// Waits for an item; `None` once the queue has ended. Cancelling it takes nothing.
    pub(super) async fn take(&self) -> Option<Taken<'_, T>> {
        loop {
            // Registered before the look, so that no change between look and wait is missed.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                if let Some(item) = state.waiting.pop_front() {
                    state.taken += 1;
                    return Some(Taken { queue: self, item: Some(item) });
                }
                if state.taken == 0 {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Keeps the queue from ending until what this gives is dropped: items will be added.
    pub(super) fn hold(&self) -> Taken<'_, T> {
        self.lock().taken += 1;
        Taken { queue: self, item: None }
    }

    /// Adds an item that is to be taken after all others.
    pub(super) fn put_last(&self, item: T) {
        self.lock().waiting.push_back(item);
        self.changed.notify_waiters();
    }

    /// Adds items that are to be taken before all others.
    pub(super) fn put_first(&self, items: impl IntoIterator<Item = T, IntoIter: DoubleEndedIterator>) {
        let mut state = self.lock();
        for item in items.into_iter().rev() {
            state.waiting.push_front(item);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Takes out all that waits; what was taken goes on.
    pub(super) fn drain(&self) -> Vec<T> {
        let left = std::mem::take(&mut self.lock().waiting);
        self.changed.notify_waiters();
        left.into()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<T>> {
        // The state is whole after every panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Taken<'_, T> {
    /// The item.
    pub(super) fn item(&self) -> Option<&T> {
        self.item.as_ref()
    }

    /// The work on the item is done. An item that is dropped before goes back to the front of the queue.
    pub(super) fn finish(mut self) {
        self.item = None;
    }
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.taken -= 1;
        if let Some(item) = self.item.take() {
            state.waiting.push_front(item);
        }
        drop(state);
        self.queue.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ends_when_nobody_can_add_any_more() {
        let queue = Queue::new([1]);
        let first = queue.take().await.unwrap();
        let second = async {
            let mut seen = Vec::new();
            while let Some(taken) = queue.take().await {
                seen.extend(taken.item().copied());
                taken.finish();
            }
            seen
        };
        let adds = async {
            tokio::task::yield_now().await;
            queue.put_first([2, 3]);
            first.finish();
        };
        let (seen, ()) = tokio::join!(second, adds);
        assert_eq!(seen, [2, 3]);
    }

    #[tokio::test]
    async fn an_item_that_was_not_finished_is_next() {
        let queue = Queue::new([1, 2]);
        drop(queue.take().await.unwrap());
        let one = queue.take().await.unwrap();
        assert_eq!(one.item(), Some(&1));
        assert_eq!(queue.drain(), [2]);
        one.finish();
        assert!(queue.take().await.is_none());
    }

    #[tokio::test]
    async fn a_held_queue_waits() {
        let queue = Queue::new([]);
        let held = queue.hold();
        let taken = async { queue.take().await.and_then(|t| t.item().copied()) };
        let adds = async {
            queue.put_last(7);
            drop(held);
        };
        assert_eq!(tokio::join!(taken, adds).0, Some(7));
    }
}
