//! How the endless row of lines is divided: into epochs by their bounds, and into partitions by the time of the request.

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
