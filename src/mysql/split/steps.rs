//! Numbers between two numbers: what every guess is made of.

/// How much is guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effort {
    /// Guesses in equal steps.
    pub even: usize,
    /// Guesses in steps that shrink towards either end, where rows often crowd.
    pub shrinking: usize,
}

/// Numbers strictly between two.
pub(super) fn steps(a: i128, b: i128, effort: Effort) -> Vec<i128> {
    let (low, high) = (a.min(b), a.max(b));
    // The width of any two numbers of 128 bits fits 128 bits without a sign.
    let width = high.wrapping_sub(low) as u128;
    let (even, shrinking) = (effort.even as u128 + 1, effort.shrinking as u128 + 1);
    let steps = (1..even).map(|i| width / even * i + width % even * i / even);
    let bits = u128::from(128 - width.leading_zeros());
    let powers = (1..shrinking).map(|i| 1u128 << (bits * i / shrinking).min(126));
    let offsets = steps.chain(powers.clone()).chain(powers.map(|s| width.saturating_sub(s)));
    let mut points: Vec<i128> = offsets.filter(|o| *o > 0 && *o < width).map(|o| low.wrapping_add(o as i128)).collect();
    points.sort_unstable();
    points.dedup();
    points
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn points_lie_between(a in any::<i128>(), b in any::<i128>(), even in 0usize..40, shrinking in 0usize..40) {
            let points = steps(a, b, Effort { even, shrinking });
            prop_assert!(points.iter().all(|p| *p > a.min(b) && *p < a.max(b)));
            prop_assert!(points.windows(2).all(|p| p[0] < p[1]));
        }

        #[test]
        fn a_wide_gap_is_always_cut(a in any::<i64>(), width in 2i128..=u64::MAX as i128, even in 1usize..40) {
            let points = steps(a.into(), i128::from(a) + width, Effort { even, shrinking: 0 });
            prop_assert!(!points.is_empty());
        }
    }
}
