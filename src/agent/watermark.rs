//! When a partition of time is complete, and which rows came after that. Pure: what is known is kept with each epoch.
//!
//! The watermark is the latest time of a row that has landed, less the lateness that is allowed. A partition whose end it
//! has passed is complete, and stays complete: rows that come for it later are late. They land all the same.
//!
//! A row whose time is ahead of this host's clock does not move the watermark: one client with a wrong clock would complete
//! everything.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::roll::TimePartition;

/// When partitions are complete.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lateness {
    pub partition: TimePartition,
    /// How much later than others a row may come.
    pub allowed: Duration,
}

/// Finds the latest time among those that are not ahead of the clock.
#[derive(Debug, Default)]
pub(super) struct Latest {
    time: Option<Timestamp>,
    /// What the clock said when it was last asked.
    clock: Timestamp,
}

impl Latest {
    /// Looks at the time of a row. The clock is asked only where a time is ahead of what it said last.
    pub(super) fn see(&mut self, time: Timestamp) {
        if time > self.clock {
            self.clock = Timestamp::now();
        }
        if time <= self.clock && self.time.is_none_or(|latest| time > latest) {
            self.time = Some(time);
        }
    }

    /// The latest since the last call.
    pub(super) fn take(&mut self) -> Option<Timestamp> {
        self.time.take()
    }
}

/// What is known of the time of a target's rows; kept in the checkpoint of each epoch. Partitions are named by the number of
/// their day or hour since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Progress {
    /// The latest time that counts, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latest: Option<i64>,
    /// The first partition that is not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    complete_below: Option<i64>,
    /// Partitions with rows that are not complete.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    open: BTreeSet<i64>,
    /// Those that became complete with this epoch, and are to be marked before the next one is recorded.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub complete: BTreeSet<i64>,
    /// Partitions that got late rows in this epoch, with the rows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub late: BTreeMap<i64, LateRows>,
}

/// Late rows of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct LateRows {
    /// Of this epoch.
    pub rows: u64,
    /// Of all epochs.
    pub total: u64,
}

impl Progress {
    /// What is known once an epoch has landed that has so many `rows` in each partition, of which `latest` is the latest
    /// time. All that `self` has to mark is taken for marked. The totals of late rows are those of the epoch alone.
    pub(super) fn after(&self, rows: &BTreeMap<i64, u64>, latest: Option<Timestamp>, lateness: Lateness) -> Self {
        let late = rows.iter().filter(|(number, rows)| self.is_complete(**number) && **rows > 0);
        let mut next = Self {
            latest: self.latest.max(latest.map(Timestamp::as_second)),
            complete_below: self.complete_below,
            open: self.open.clone(),
            complete: BTreeSet::new(),
            late: late.map(|(number, rows)| (*number, LateRows { rows: *rows, total: *rows })).collect(),
        };
        next.open.extend(rows.keys().filter(|number| !self.is_complete(**number)));
        next.close(lateness);
        next
    }

    /// The same where nothing has come for a while, and the clock is all that is left to go by; `None` where that completes
    /// no partition.
    pub(super) fn rested(&self, now: Timestamp, lateness: Lateness) -> Option<Self> {
        let next = self.after(&BTreeMap::new(), Some(now), lateness);
        (!next.complete.is_empty()).then_some(next)
    }

    fn close(&mut self, lateness: Lateness) {
        let Some(watermark) = self.watermark(lateness) else { return };
        let below = lateness.partition.number(watermark);
        self.complete_below = self.complete_below.max(Some(below));
        let open = self.open.split_off(&self.complete_below.unwrap_or(below));
        self.complete = std::mem::replace(&mut self.open, open);
    }

    /// The time up to which all rows are taken to be there.
    pub(super) fn watermark(&self, lateness: Lateness) -> Option<Timestamp> {
        let allowed = i64::try_from(lateness.allowed.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(self.latest?.saturating_sub(allowed)).ok()
    }

    /// Whether a partition is complete.
    pub(super) fn is_complete(&self, number: i64) -> bool {
        self.complete_below.is_some_and(|below| number < below)
    }

    /// Late rows of the epoch.
    pub(super) fn late_rows(&self) -> u64 {
        self.late.values().map(|late| late.rows).sum()
    }

    /// Whether something has to be shown of the last epoch.
    pub(super) fn is_to_be_shown(&self) -> bool {
        !self.complete.is_empty() || !self.late.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOURLY: Lateness = Lateness { partition: TimePartition::Hour, allowed: Duration::from_secs(600) };

    fn at(text: &str) -> Timestamp {
        format!("2011-03-01T{text}Z").parse().unwrap()
    }

    fn hour(text: &str) -> i64 {
        TimePartition::Hour.number(at(text))
    }

    fn rows(all: &[(&str, u64)]) -> BTreeMap<i64, u64> {
        all.iter().map(|(time, rows)| (hour(time), *rows)).collect()
    }

    #[test]
    fn an_hour_is_complete_when_a_row_is_so_much_later_than_its_end() {
        let eight = rows(&[("08:00:00", 5)]);
        let first = Progress::default().after(&eight, Some(at("08:59:59")), HOURLY);
        assert!(!first.is_to_be_shown());
        let nine = rows(&[("08:00:00", 1), ("09:00:00", 1)]);
        let almost = first.after(&nine, Some(at("09:09:59")), HOURLY);
        assert!(!almost.is_to_be_shown(), "{almost:?}");
        let then = almost.after(&rows(&[("09:00:00", 1)]), Some(at("09:10:00")), HOURLY);
        assert_eq!((then.complete.clone(), then.late_rows()), ([hour("08:00:00")].into(), 0));
        let next = then.after(&rows(&[("09:00:00", 1)]), Some(at("09:11:00")), HOURLY);
        assert!(!next.is_to_be_shown(), "it is marked once");
        assert_eq!(next.watermark(HOURLY), Some(at("09:01:00")));
    }

    #[test]
    fn rows_for_a_complete_hour_are_late_and_complete_nothing_anew() {
        let known = Progress::default().after(&rows(&[("08:00:00", 5)]), Some(at("10:30:00")), HOURLY);
        assert_eq!(known.complete, [hour("08:00:00")].into());
        let after = known.after(&rows(&[("08:00:00", 3), ("07:00:00", 2), ("10:00:00", 1)]), None, HOURLY);
        assert!(after.complete.is_empty());
        let late = |time| after.late[&hour(time)].rows;
        assert_eq!((late("08:00:00"), late("07:00:00"), after.late_rows()), (3, 2, 5));
        assert_eq!(after.after(&BTreeMap::new(), None, HOURLY).late_rows(), 0);
    }

    #[test]
    fn rows_of_an_epoch_are_not_late_by_what_the_epoch_itself_completes() {
        let all = rows(&[("05:00:00", 1), ("06:00:00", 1), ("09:00:00", 1)]);
        let after = Progress::default().after(&all, Some(at("09:00:00")), HOURLY);
        assert_eq!(after.complete, [hour("05:00:00"), hour("06:00:00")].into());
        assert_eq!(after.late_rows(), 0);
    }

    #[test]
    fn while_nothing_comes_the_clock_completes_the_last_hour_once() {
        let known = Progress::default().after(&rows(&[("08:00:00", 5)]), Some(at("08:59:00")), HOURLY);
        assert_eq!(known.rested(at("09:09:59"), HOURLY), None);
        let rested = known.rested(at("09:10:00"), HOURLY).unwrap();
        assert_eq!(rested.complete, [hour("08:00:00")].into());
        assert_eq!(rested.rested(at("23:00:00"), HOURLY), None, "there is no other hour with rows");
        assert_eq!(rested.after(&rows(&[("08:00:00", 1)]), Some(at("08:59:59")), HOURLY).late_rows(), 1);
        assert_eq!(Progress::default().rested(at("23:00:00"), HOURLY), None);
    }

    #[test]
    fn times_ahead_of_the_clock_do_not_count() {
        let mut latest = Latest::default();
        let past = at("08:00:00");
        [past, at("07:00:00"), "2999-01-01T00:00:00Z".parse().unwrap()].into_iter().for_each(|time| latest.see(time));
        assert_eq!((latest.take(), latest.take()), (Some(past), None));
        let now = Timestamp::now();
        latest.see(now);
        assert_eq!(latest.take(), Some(now), "the clock has gone on since it was asked");
        let far = BTreeMap::from([(hour("08:00:00"), 1), (9_000_000, 1)]);
        let known = Progress::default().after(&far, Some(at("12:00:00")), HOURLY);
        assert_eq!(known.complete, [hour("08:00:00")].into(), "an hour of the future stays open");
    }

    #[test]
    fn json_leads_back() {
        let known = Progress::default().after(&rows(&[("08:00:00", 5)]), Some(at("10:30:00")), HOURLY);
        let known = known.after(&rows(&[("08:00:00", 5), ("10:00:00", 1)]), Some(at("11:30:00")), HOURLY);
        assert!(!known.late.is_empty() && !known.complete.is_empty());
        let json = serde_json::to_value(&known).unwrap();
        assert_eq!(serde_json::from_value::<Progress>(json).unwrap(), known);
    }

    proptest! {
        /// However rows are divided into epochs, each partition is completed once, after a row that is so much later, and
        /// whatever comes for it afterwards is late.
        #[test]
        fn each_partition_is_completed_once_and_for_good(
            times in proptest::collection::vec(0_i64..200_000, 1..60),
            lengths in proptest::collection::vec(1_usize..5, 60),
        ) {
            let (mut known, mut done, mut seen, mut times) = (Progress::default(), BTreeSet::new(), None, &times[..]);
            for length in lengths {
                let (epoch, rest) = times.split_at(length.min(times.len()));
                times = rest;
                let mut rows = BTreeMap::new();
                for time in epoch {
                    *rows.entry(time / 3600).or_insert(0) += 1;
                }
                let latest = epoch.iter().max().map(|time| Timestamp::from_second(*time).unwrap());
                seen = seen.max(epoch.iter().max());
                known = known.after(&rows, latest, HOURLY);
                let late = rows.iter().filter(|(hour, _)| done.contains(*hour)).map(|(_, rows)| *rows).sum::<u64>();
                prop_assert!(known.late_rows() >= late);
                for hour in &known.complete {
                    prop_assert!(done.insert(*hour), "twice");
                    prop_assert!((hour + 1) * 3600 + 600 <= *seen.unwrap());
                }
            }
        }
    }
}
