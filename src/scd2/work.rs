//! What is to be applied: the batches of the log against how far the dimension has come.

use super::batch::Batch;
use super::progress::Progress;

/// A batch to apply, with the events the log holds for it.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub batch: Batch,
    pub events: u64,
}

/// What the log holds.
#[derive(Debug, Default)]
pub(super) struct Overview {
    /// In order.
    pub batches: Vec<Work>,
    /// Moments at which events of one key say different things.
    pub ties: u64,
    /// A key of one of them.
    pub tied_key: String,
    /// Moments at which all is deleted, by events that say so.
    pub truncations: u64,
    /// Events that cannot be taken.
    pub refused: Refused,
    /// A digest of the first facts, where facts count.
    pub facts: u64,
}

/// Events that cannot be taken, by reason.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub without_key: u64,
    pub without_sequence: u64,
    pub without_operation: u64,
}

impl Refused {
    /// How many there are.
    pub(super) fn events(&self) -> u64 {
        self.without_key + self.without_sequence + self.without_operation
    }
}

impl Overview {
    /// How many events it holds.
    pub(super) fn events(&self) -> u64 {
        self.batches.iter().map(|work| work.events).sum()
    }
}

/// The batches to apply: first what is below the high water once more if the log was loaded anew since, then what is
/// above it.
pub(super) fn pending(found: &[Work], progress: &Progress, load: Option<&str>, reapply_last: bool) -> Vec<Work> {
    let mut work = Vec::new();
    let high_water = progress.high_water.as_deref().unwrap_or("");
    let same_log = load.is_some() && progress.source_load.as_deref() == load;
    if !high_water.is_empty() && !same_log {
        let events = found.iter().filter(|w| w.batch.until.as_str() <= high_water).map(|w| w.events).sum();
        work.push(Work { batch: Batch::catch_up(high_water), events });
    }
    work.extend(found.iter().filter(|w| w.batch.until.as_str() > high_water).cloned());
    if work.is_empty() && reapply_last {
        work.extend(found.last().cloned());
    }
    work
}

#[cfg(test)]
mod tests {
    use super::super::args::Batches;
    use super::*;

    fn found() -> Vec<Work> {
        let batch = |label: &str, events| Work { batch: Batches::Month.batch(label).unwrap(), events };
        vec![batch("2010-12", 3), batch("2011-01", 4), batch("2011-02", 5)]
    }

    fn at(load: &str, high_water: &str) -> Progress {
        Progress { source_load: Some(load.into()), high_water: Some(high_water.into()), ..Progress::default() }
    }

    fn labels(work: &[Work]) -> Vec<(&str, u64)> {
        work.iter().map(|w| (w.batch.label.as_str(), w.events)).collect()
    }

    #[test]
    fn a_new_dimension_applies_every_batch_and_an_interrupted_one_goes_on() {
        let all = pending(&found(), &Progress::default(), Some("a"), false);
        assert_eq!(labels(&all), [("2010-12", 3), ("2011-01", 4), ("2011-02", 5)]);
        let rest = pending(&found(), &at("a", "2011-02-01 00:00:00"), Some("a"), false);
        assert_eq!(labels(&rest), [("2011-02", 5)]);
    }

    #[test]
    fn a_log_loaded_anew_is_caught_up_with_first() {
        let work = pending(&found(), &at("a", "2011-02-01 00:00:00"), Some("b"), false);
        assert_eq!(labels(&work), [("catch-up", 7), ("2011-02", 5)]);
        assert_eq!(work[0].batch.from, None);
    }

    #[test]
    fn a_log_without_load_id_may_have_changed_at_any_time() {
        let progress = Progress { source_load: None, ..at("", "2011-03-01 00:00:00") };
        assert_eq!(labels(&pending(&found(), &progress, None, false)), [("catch-up", 12)]);
    }

    #[test]
    fn only_a_force_applies_the_last_batch_again() {
        let progress = at("a", "2011-03-01 00:00:00");
        assert!(pending(&found(), &progress, Some("a"), false).is_empty());
        assert_eq!(labels(&pending(&found(), &progress, Some("a"), true)), [("2011-02", 5)]);
    }

    #[test]
    fn a_month_that_days_had_begun_is_finished() {
        let work = pending(&found(), &at("a", "2011-02-10 00:00:00"), Some("a"), false);
        assert_eq!(labels(&work), [("2011-02", 5)]);
    }
}
