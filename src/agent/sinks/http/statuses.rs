//! What becomes of events by the status of an answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{self, Result};

/// What a status says of the events that were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::agent) enum Verdict {
    /// The server has them.
    Taken,
    /// It will never take them: they are put aside.
    Reject,
    /// It may take them later.
    Retry,
    /// Something is wrong that is not about the events: the agent ends.
    Stop,
}

/// Statuses, and hundreds of them, for which something else is said than what HTTP does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct Statuses {
    exact: BTreeMap<u16, Verdict>,
    hundreds: BTreeMap<u16, Verdict>,
}

impl Statuses {
    /// Reads `200`, and `4XX` for all of a hundred.
    ///
    /// # Errors
    /// Config: it is not a status.
    pub(in crate::agent) fn new(said: BTreeMap<String, Verdict>) -> Result<Self> {
        let mut statuses = Self::default();
        for (name, verdict) in said {
            let hundred = name.strip_suffix("XX").or_else(|| name.strip_suffix("xx"));
            let number = |text: &str| text.parse::<u16>().ok();
            let known = match hundred {
                Some(digit) => number(digit).filter(|digit| (2..=5).contains(digit)).map(|digit| {
                    statuses.hundreds.insert(digit, verdict);
                }),
                None => number(&name).filter(|status| (200..=599).contains(status)).map(|status| {
                    statuses.exact.insert(status, verdict);
                }),
            };
            known.ok_or_else(|| {
                error::config(format!("{name} is not a status of HTTP"))
                    .hint("write it as 404, or 4XX for all from 400 to 499")
            })?;
        }
        Ok(statuses)
    }

    /// What a status says.
    pub(in crate::agent) fn verdict(&self, status: u16) -> Verdict {
        let said = self.exact.get(&status).or_else(|| self.hundreds.get(&(status / 100)));
        said.copied().unwrap_or(match status {
            200..=299 => Verdict::Taken,
            // Too slow, too early, too many: that will pass.
            408 | 425 | 429 | 500..=599 => Verdict::Retry,
            // Who we are, and where we send to, is the same for all events.
            401 | 403 | 404 | 405 | 407 => Verdict::Stop,
            400..=499 => Verdict::Reject,
            _ => Verdict::Stop,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_status_counts_before_its_hundred_and_that_before_http() {
        let said = [("503", Verdict::Reject), ("5XX", Verdict::Taken), ("4xx", Verdict::Retry)];
        let statuses = Statuses::new(said.map(|(name, verdict)| (name.to_owned(), verdict)).into()).unwrap();
        for (status, verdict) in [
            (200, Verdict::Taken),
            (301, Verdict::Stop),
            (400, Verdict::Retry),
            (500, Verdict::Taken),
            (503, Verdict::Reject),
        ] {
            assert_eq!(statuses.verdict(status), verdict, "{status}");
        }
        let plain = Statuses::default();
        for (status, verdict) in [
            (204, Verdict::Taken),
            (400, Verdict::Reject),
            (401, Verdict::Stop),
            (413, Verdict::Reject),
            (429, Verdict::Retry),
            (500, Verdict::Retry),
            (507, Verdict::Retry),
        ] {
            assert_eq!(plain.verdict(status), verdict, "{status}");
        }
        for wrong in ["", "x", "9XX", "99", "600", "20"] {
            assert!(Statuses::new([(wrong.to_owned(), Verdict::Taken)].into()).is_err(), "{wrong}");
        }
    }
}
