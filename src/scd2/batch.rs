//! Batches: stretches of the sequence column that are applied by one statement each.

use jiff::ToSpan;
use jiff::civil::Date;

use super::args::Batches;
use crate::error::{self, Result};

/// The end of time; also where an open version ends.
pub(super) const END_OF_TIME: &str = "9999-12-31 00:00:00";

/// A stretch `[from, until)` of the sequence column. Both are Hive timestamps, which sort as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Names the batch in `batch_id` and to the reader.
    pub label: String,
    /// First moment; `None` takes every key of log and target.
    pub from: Option<String>,
    /// First moment after it.
    pub until: String,
}

impl Batch {
    /// The batch that applies everything up to `until` again, whatever changed in the log.
    pub(super) fn catch_up(until: &str) -> Self {
        Self { label: "catch-up".to_owned(), from: None, until: until.to_owned() }
    }
}

impl Batches {
    /// HiveQL for the label of the batch that `sequence` falls in. It is cut out of the moment's text, which no calendar
    /// or time zone has a say in; moments that cannot be ordered are labels of no batch.
    pub(super) fn label_of(self, sequence: &str) -> String {
        let text = format!("CAST({sequence} AS string)");
        match self {
            Self::Month => format!("substr({text}, 1, 7)"),
            Self::Day => format!("substr({text}, 1, 10)"),
            Self::All => format!("IF(substr({text}, 1, 5) BETWEEN '0001-' AND '9998-', 'all', {text})"),
        }
    }

    /// The batch of a label that Hive made by [`Batches::label_of`].
    ///
    /// # Errors
    /// Data: a year outside 1 to 9998.
    pub(super) fn batch(self, label: &str) -> Result<Batch> {
        let outside = || {
            error::data(format!("the sequence column holds '{label}', which cannot be ordered")).hint(
                "years 1 to 9998 can, and numbers below the greatest of the type; 9999-12-31, or that number, marks an \
                 open version: leave such rows out by a view over the log",
            )
        };
        let (first, next) = match self {
            Self::All if label != "all" => return Err(outside()),
            Self::All => {
                return Ok(Batch { label: label.to_owned(), from: None, until: END_OF_TIME.to_owned() });
            }
            Self::Month => {
                let first: Date = format!("{label}-01").parse().map_err(|_| outside())?;
                (first, first.checked_add(1.month()))
            }
            Self::Day => {
                let first: Date = label.parse().map_err(|_| outside())?;
                (first, first.checked_add(1.day()))
            }
        };
        let next = next.ok().filter(|_| (1..9999).contains(&first.year())).ok_or_else(outside)?;
        Ok(Batch {
            label: label.to_owned(),
            from: Some(format!("{first} 00:00:00")),
            until: format!("{next} 00:00:00"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_half_open_stretches() {
        let stretch = |batches: Batches, label: &str| {
            let batch = batches.batch(label).unwrap();
            (batch.from.unwrap_or_default(), batch.until)
        };
        assert_eq!(stretch(Batches::Month, "2010-12"), ("2010-12-01 00:00:00".into(), "2011-01-01 00:00:00".into()));
        assert_eq!(stretch(Batches::Day, "2012-02-28"), ("2012-02-28 00:00:00".into(), "2012-02-29 00:00:00".into()));
        assert_eq!(stretch(Batches::All, "all"), (String::new(), END_OF_TIME.into()));
    }

    #[test]
    fn moments_that_cannot_be_ordered_are_data_errors() {
        for label in ["9999-12", "0000-01", "10000-0", "-0001-0", ""] {
            assert_eq!(Batches::Month.batch(label).unwrap_err().kind(), error::Kind::Data, "{label}");
        }
        for label in ["9999-12-31", "0000-01-01", "10000-01-0", "-0001-01-0", "2020-01"] {
            assert_eq!(Batches::Day.batch(label).unwrap_err().kind(), error::Kind::Data, "{label}");
        }
        for label in ["9999-12-31 00:00:00", "0000-01-01", ""] {
            assert_eq!(Batches::All.batch(label).unwrap_err().kind(), error::Kind::Data, "{label}");
        }
    }
}
