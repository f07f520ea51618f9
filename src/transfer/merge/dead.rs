//! Rows of a file that do not survive: one bit each.

use arrow_array::BooleanArray;
use arrow_buffer::BooleanBufferBuilder;

/// The dead rows of one file, by their number in it. Takes a bit for each row up to the last dead one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadRows {
    words: Vec<u64>,
    count: u64,
}

impl DeadRows {
    /// Marks a row; says whether it was alive.
    pub fn mark(&mut self, row: u64) -> bool {
        let (word, bit) = place(row);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let was_alive = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.count += u64::from(was_alive);
        was_alive
    }

    /// Whether a row is marked.
    pub fn contains(&self, row: u64) -> bool {
        let (word, bit) = place(row);
        self.words.get(word).is_some_and(|w| w & bit != 0)
    }

    /// Marked rows.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Marks all that another marked too.
    pub fn extend(&mut self, other: &Self) {
        if other.words.len() > self.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
        self.count = self.words.iter().map(|w| u64::from(w.count_ones())).sum();
    }

    /// Which of the `len` rows from `first` on live; `None` if all do.
    pub(super) fn survivors(&self, first: u64, len: usize) -> Option<BooleanArray> {
        let mut alive = BooleanBufferBuilder::new(len);
        let mut all = true;
        for row in first..first + len as u64 {
            let lives = !self.contains(row);
            all &= lives;
            alive.append(lives);
        }
        (!all).then(|| BooleanArray::new(alive.finish(), None))
    }
}

fn place(row: u64) -> (usize, u64) {
    // A file of more rows than a usize counts does not fit this machine's disks either.
    (usize::try_from(row / 64).unwrap_or(usize::MAX), 1 << (row % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_rows_are_told_from_others() {
        let mut dead = DeadRows::default();
        assert!(dead.survivors(0, 100).is_none());
        assert!(dead.mark(70) && dead.mark(3) && !dead.mark(70));
        assert_eq!(dead.count(), 2);
        assert!(dead.contains(70) && dead.contains(3) && !dead.contains(71) && !dead.contains(1 << 40));
        let alive = dead.survivors(69, 3).unwrap();
        assert_eq!((alive.value(0), alive.value(1), alive.value(2)), (true, false, true));
        assert!(dead.survivors(71, 1000).is_none());
        let mut other = DeadRows::default();
        other.mark(500);
        other.mark(3);
        dead.extend(&other);
        assert_eq!(dead.count(), 3);
    }
}
