//! Work that is taken, not dealt out: whoever is free takes the next item, and an item may turn into several.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// A queue that ends when it is empty and nobody is at work who could add to it.
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

/// An item that was taken; while it lives, the queue does not end.
#[derive(Debug)]
pub(super) struct Taken<'a, T> {
    queue: &'a Queue<T>,
    item: Option<T>,
}

impl<T> Queue<T> {
    /// A queue of these items, the first to be taken first.
    pub fn new(items: impl IntoIterator<Item = T>) -> Self {
        Self { state: Mutex::new(State { waiting: items.into_iter().collect(), taken: 0 }), changed: Notify::new() }
    }

    /// Waits for an item; `None` once there is none and will be none. Cancelling it takes nothing.
    pub async fn take(&self) -> Option<Taken<'_, T>> {
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

    /// Adds items that are to be taken before all others.
    pub fn put_first(&self, items: impl IntoIterator<Item = T, IntoIter: DoubleEndedIterator>) {
        let mut state = self.lock();
        for item in items.into_iter().rev() {
            state.waiting.push_front(item);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Throws away what waits; what was taken goes on.
    pub fn clear(&self) {
        self.lock().waiting.clear();
        self.changed.notify_waiters();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<T>> {
        // The state is whole after every panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Taken<'_, T> {
    /// The item; `None` once it was given back.
    pub fn item(&self) -> Option<&T> {
        self.item.as_ref()
    }

    /// Puts the item back for somebody else.
    pub fn give_back(mut self) {
        self.queue.put_first(self.item.take());
    }
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        self.queue.lock().taken -= 1;
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
            }
            seen
        };
        let adds = async {
            tokio::task::yield_now().await;
            queue.put_first([2, 3]);
            drop(first);
        };
        let (seen, ()) = tokio::join!(second, adds);
        assert_eq!(seen, [2, 3]);
    }

    #[tokio::test]
    async fn an_item_given_back_is_next() {
        let queue = Queue::new([1, 2]);
        queue.take().await.unwrap().give_back();
        assert_eq!(queue.take().await.unwrap().item(), Some(&1));
        queue.clear();
        assert!(queue.take().await.is_none());
    }
}
