//! Which sink of a group takes the next epoch, and which of them rest after failures.
//!
//! As Flume has it: with `failover` the sink of the highest priority, and one that failed rests for 1 s times two to the
//! number of its failures in a row; with `load_balance` each in turn or at random, and one that failed rests only where
//! that is asked for.

use std::cmp::Reverse;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// How long a sink rests after no failure; doubles with each.
const FIRST_REST: Duration = Duration::from_secs(1);
/// Failures that are counted.
const MOST_FAILURES: u32 = 16;

/// How epochs are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) enum Processor {
    /// To the sink of the highest priority that does not rest.
    Failover {
        /// How long one rests at most.
        max_penalty: Duration,
    },
    /// To each in turn, or at random.
    LoadBalancing {
        is_random: bool,
        /// How long one that failed rests at most; it does not where this is left out.
        max_penalty: Option<Duration>,
    },
}

/// How the sinks are.
#[derive(Debug)]
pub(super) struct Health {
    processor: Processor,
    priorities: Vec<i64>,
    rests: Vec<Rest>,
    /// The sink whose turn it is.
    next: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    /// In a row.
    failures: u32,
    until: Option<Instant>,
}

impl Health {
    pub(super) fn new(processor: Processor, priorities: Vec<i64>) -> Self {
        let rests = vec![Rest::default(); priorities.len()];
        Self { processor, priorities, rests, next: 0 }
    }

    /// The sinks to try, one after the other; where all rest none, and how long the first still does.
    pub(super) fn order(&mut self, now: Instant) -> (Vec<usize>, Duration) {
        let count = self.rests.len();
        let mut all: Vec<usize> = (0..count).collect();
        match self.processor {
            Processor::Failover { .. } => all.sort_by_key(|member| Reverse(self.priorities[*member])),
            Processor::LoadBalancing { is_random: true, .. } => {
                all.sort_by_cached_key(|_| RandomState::new().build_hasher().finish());
            }
            Processor::LoadBalancing { is_random: false, .. } => {
                all.rotate_left(self.next % count.max(1));
                self.next = (self.next + 1) % count.max(1);
            }
        }
        let left = |member: &usize| self.rests[*member].until.map_or(Duration::ZERO, |until| until.duration_since(now));
        let first = all.iter().map(left).min().unwrap_or_default();
        all.retain(|member| left(member).is_zero());
        (all, first)
    }

    pub(super) fn failed(&mut self, member: usize, now: Instant) {
        let most = match self.processor {
            Processor::Failover { max_penalty } => max_penalty,
            Processor::LoadBalancing { max_penalty: Some(max_penalty), .. } => max_penalty,
            Processor::LoadBalancing { max_penalty: None, .. } => return,
        };
        let rest = &mut self.rests[member];
        rest.failures = (rest.failures + 1).min(MOST_FAILURES);
        rest.until = Some(now + most.min(FIRST_REST * 2_u32.pow(rest.failures)));
    }

    pub(super) fn succeeded(&mut self, member: usize) {
        self.rests[member] = Rest::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THIRTY: Duration = Duration::from_secs(30);

    #[test]
    fn fv104_sinks_take_turns_and_one_that_fails_rests_where_asked() {
        let now = Instant::now();
        let mut plain = Health::new(Processor::LoadBalancing { is_random: false, max_penalty: None }, vec![0; 3]);
        plain.failed(1, now);
        let turns: Vec<_> = (0..4).map(|_| plain.order(now).0).collect();
        assert_eq!(
            turns,
            [vec![0, 1, 2], vec![1, 2, 0], vec![2, 0, 1], vec![0, 1, 2]],
            "the dead one is tried each time"
        );
        let mut resting =
            Health::new(Processor::LoadBalancing { is_random: false, max_penalty: Some(THIRTY) }, vec![0; 3]);
        for (failures, seconds) in [(1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (6, 30)] {
            resting.failed(1, now);
            let at = |seconds: u64| now + Duration::from_secs(seconds);
            assert!(!resting.order(at(seconds - 1)).0.contains(&1), "{failures}");
            assert!(resting.order(at(seconds)).0.contains(&1), "{failures}");
        }
        resting.succeeded(1);
        assert!(resting.order(now).0.contains(&1));
        let mut random = Health::new(Processor::LoadBalancing { is_random: true, max_penalty: None }, vec![0; 3]);
        let firsts: std::collections::BTreeSet<usize> = (0..200).map(|_| random.order(now).0[0]).collect();
        assert_eq!(firsts.len(), 3);
    }

    #[test]
    fn fv105_the_highest_priority_serves_and_comes_back_after_its_rest() {
        let now = Instant::now();
        let mut health = Health::new(Processor::Failover { max_penalty: THIRTY }, vec![5, 10, -1]);
        assert_eq!(health.order(now).0, [1, 0, 2]);
        health.failed(1, now);
        assert_eq!(health.order(now).0, [0, 2]);
        health.failed(0, now);
        health.failed(2, now);
        assert_eq!(health.order(now), (Vec::new(), Duration::from_secs(2)));
        assert_eq!(health.order(now + Duration::from_secs(2)).0, [1, 0, 2]);
    }
}
