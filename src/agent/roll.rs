//! How the endless row of lines is divided: into epochs by their bounds, and into partitions by the time of the request.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{self, Result};
use crate::load::Partition;
use crate::metastore::Column;

/// The bounds of an epoch; the first one reached completes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Roll {
    /// Lines.
    pub rows: u64,
    /// Bytes of lines.
    pub bytes: u64,
    /// Time since the first line.
    pub age: Duration,
    /// Time since the last line, where that is to end it.
    pub idle: Option<Duration>,
}

/// How clicks are partitioned, by the time of the request in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum TimePartition {
    /// dt=YYYY-MM-DD
    #[default]
    Day,
    /// dt=YYYY-MM-DD/hr=HH
    Hour,
}

impl TimePartition {
    /// The name in a pipeline file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Hour => "hour",
        }
    }

    fn seconds(self) -> i64 {
        match self {
            Self::Day => 86_400,
            Self::Hour => 3_600,
        }
    }

    /// The number of the day or hour of a time, counted from 1970.
    pub(super) fn number(self, time: Timestamp) -> i64 {
        time.as_second().div_euclid(self.seconds())
    }

    /// The partition of the day or hour with this number.
    pub(super) fn partition(self, number: i64) -> Result<Partition> {
        let start = Timestamp::from_second(number * self.seconds())
            .map_err(|e| error::bug(format!("{} {number} is out of range", self.name())).source(e))?;
        let day = ("dt", start.strftime("%Y-%m-%d").to_string());
        Ok(match self {
            Self::Day => Partition::new([day]),
            Self::Hour => Partition::new([day, ("hr", start.strftime("%H").to_string())]),
        })
    }

    /// The number of the day or hour that a partition of this name is, such as `dt=2010-12-01/hr=08`; `None` where it is
    /// none of ours.
    pub(super) fn number_of(self, name: &str) -> Option<i64> {
        let (day, hour) = match self {
            Self::Day => (name, "00"),
            Self::Hour => name.split_once("/hr=")?,
        };
        let time = Timestamp::from_str(&format!("{}T{hour}:00:00Z", day.strip_prefix("dt=")?)).ok()?;
        let number = self.number(time);
        self.partition(number).ok().filter(|partition| partition.path() == name).map(|_| number)
    }

    /// When the day or hour with this number ends.
    pub(super) fn end(self, number: i64) -> Option<Timestamp> {
        Timestamp::from_second(number.checked_add(1)?.checked_mul(self.seconds())?).ok()
    }

    /// The partition columns of the table.
    pub(super) fn columns(self) -> Vec<Column> {
        let column =
            |name: &str, comment: &str| Column { comment: Some(comment.to_owned()), ..Column::new(name, "string") };
        let day = column("dt", "day of the request, UTC");
        match self {
            Self::Day => vec![day],
            Self::Hour => vec![day, column("hr", "hour of the request, 00 to 23, UTC")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_partitions_lead_back_to_their_numbers() {
        for (how, names) in [
            (TimePartition::Day, &["dt=2010-12-01", "dt=1969-12-31", "dt=9999-12-29"][..]),
            (TimePartition::Hour, &["dt=2010-12-01/hr=00", "dt=2010-12-01/hr=23"]),
        ] {
            for name in names {
                let number = how.number_of(name).unwrap();
                assert_eq!(how.partition(number).unwrap().path(), *name);
                assert!(how.end(number).is_none_or(|end| how.number(end) == number + 1), "{name}");
            }
        }
        for name in ["", "dt=x", "dt=2010-12-1", "dt=2010-12-01/hr=24", "dt=2010-12-01/hr=7", "day=2010-12-01"] {
            assert_eq!(
                (TimePartition::Day.number_of(name), TimePartition::Hour.number_of(name)),
                (None, None),
                "{name}"
            );
        }
    }
}
