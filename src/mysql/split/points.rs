//! Points on a key with the rows between them, and which of them to cut at.

use super::cut::Cut;

/// Values in the order of the key, each with the rows from it to the next; the last has the rows from it on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Points {
    /// The values and the rows behind each.
    pub all: Vec<(Cut, u64)>,
    /// The greatest value, where one is known that is not among the points.
    pub greatest: Option<Cut>,
}

impl Points {
    /// All rows.
    pub(super) fn rows(&self) -> u64 {
        self.all.iter().map(|(_, rows)| rows).sum()
    }

    /// Keeps the least point and those at which about equal shares begin, `count` in all at most.
    pub(super) fn merge(&mut self, count: usize) {
        let total = u128::from(self.rows());
        let Some(last) = self.all.len().checked_sub(1) else { return };
        let starts: Vec<u128> = (self.all.iter())
            .scan(0u128, |before, (_, rows)| Some(std::mem::replace(before, *before + u128::from(*rows))))
            .collect();
        let mut kept = vec![0];
        for share in 1..count as u128 {
            let ideal = total * share / count as u128;
            let after = starts.partition_point(|start| *start < ideal).min(last);
            let nearer = after.checked_sub(1).filter(|b| ideal.abs_diff(starts[*b]) < starts[after].abs_diff(ideal));
            let nearest = nearer.unwrap_or(after);
            if kept.last().is_some_and(|k| *k < nearest) {
                kept.push(nearest);
            }
        }
        let ends = kept.iter().skip(1).copied().chain(std::iter::once(self.all.len()));
        let merged = kept.iter().zip(ends).map(|(from, to)| {
            let rows = self.all[*from..to].iter().map(|(_, rows)| rows).sum();
            (self.all[*from].0.clone(), rows)
        });
        let greatest = self.all[last].0.clone();
        self.all = merged.collect();
        self.greatest.get_or_insert(greatest);
    }

    /// The points at which splits begin: all but the least, which is open.
    pub(super) fn cuts(&self) -> Vec<Cut> {
        self.all.iter().skip(1).map(|(cut, _)| cut.clone()).collect()
    }

    /// The rows between the first of these cuts; the last split has the rows of all that follow.
    pub(super) fn rows_of(&self, cuts: &[Cut]) -> Vec<u64> {
        let rows = |from: usize, to: usize| self.all.get(from..to).unwrap_or_default().iter().map(|(_, r)| r).sum();
        let mut of: Vec<u64> = (0..cuts.len()).map(|i| rows(i, i + 1)).collect();
        of.push(rows(cuts.len(), self.all.len()));
        of
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::cut::Value;
    use super::*;

    fn points(rows: &[u64]) -> Points {
        let cut = |i: usize| vec![Value { raw: i.to_string(), literal: i.to_string() }];
        Points { all: rows.iter().enumerate().map(|(i, rows)| (cut(i), *rows)).collect(), greatest: None }
    }

    proptest! {
        #[test]
        fn no_share_is_much_more_than_its_part(rows in prop::collection::vec(0u64..1000, 1..200), count in 1usize..40) {
            let mut merged = points(&rows);
            let (total, most) = (merged.rows(), *rows.iter().max().unwrap());
            merged.merge(count);
            prop_assert_eq!(merged.rows(), total);
            prop_assert!(merged.all.len() <= count);
            prop_assert_eq!(&merged.all[0].0[0].raw, "0");
            for (_, share) in &merged.all {
                prop_assert!(*share <= total / count as u64 + 2 * most + 1, "{share} of {total} in {count}");
            }
            let numbers: Vec<usize> = merged.all.iter().map(|(c, _)| c[0].raw.parse().unwrap()).collect();
            prop_assert!(numbers.windows(2).all(|n| n[0] < n[1]));
        }
    }

    #[test]
    fn a_heavy_value_stays_alone() {
        let mut skewed = points(&[1, 1, 1000, 1, 1]);
        skewed.merge(4);
        assert_eq!(skewed.cuts().iter().map(|c| c[0].raw.as_str()).collect::<Vec<_>>(), ["2", "3"]);
        assert_eq!(skewed.rows_of(&skewed.cuts()), [2, 1000, 2]);
        assert_eq!(skewed.rows_of(&skewed.cuts()[..1]), [2, 1002]);
    }
}
