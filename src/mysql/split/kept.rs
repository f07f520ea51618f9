//! Cuts that are kept: a later plan of the same source takes them again, so that the same rows come out in the same
//! files. Planned anew they would differ a little, as do the server's estimates, a sample and the time it takes.

use serde::{Deserialize, Serialize};

use super::Planner;
use super::cut::{Charset, Cut};
use crate::error::{self, Result};

/// The server's estimate may have changed by this factor before cuts are made anew.
const CHANGE: u64 = 2;

/// The cuts of a plan as text that can be stored beside what was read by them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCuts {
    /// The value of each column of the key at each cut, as the server gave it.
    cuts: Vec<Vec<String>>,
    charsets: Vec<Option<Charset>>,
    /// What the boundary query gave.
    ends: Option<[Vec<String>; 2]>,
    /// Rows that the server estimated.
    estimated_rows: Option<u64>,
}

impl KeptCuts {
    /// The cuts of a plan; `None` where there are none, or where a split's width depends on the greatest key.
    pub(super) fn of(planner: &Planner<'_>, cuts: &[Cut]) -> Option<Self> {
        if cuts.is_empty() || planner.options.limit.is_some() {
            return None;
        }
        Some(Self {
            cuts: cuts.iter().map(raws).collect(),
            charsets: planner.charsets.clone(),
            ends: ends(planner),
            estimated_rows: planner.estimate,
        })
    }

    /// Whether a plan may take them again.
    pub(super) fn fit(&self, planner: &Planner<'_>) -> bool {
        let about_the_same = match (self.estimated_rows, planner.estimate) {
            (Some(then), Some(now)) => now <= then.saturating_mul(CHANGE) && then <= now.saturating_mul(CHANGE),
            (None, None) => true,
            _ => false,
        };
        about_the_same
            && planner.options.limit.is_none()
            && self.ends == ends(planner)
            && self.charsets.len() == planner.key.columns.len()
    }

    /// The cuts as SQL; every value is looked at as if the server had just given it.
    ///
    /// # Errors
    /// Data: a value that its column cannot hold.
    pub(super) fn restore(&self, planner: &mut Planner<'_>) -> Result<Vec<Cut>> {
        let pair = |c: &Charset| [Some(c.charset.clone()), c.collation.clone()];
        let charsets = self.charsets.iter().map(|c| c.as_ref().map_or(Ok(None), |c| Charset::of(&pair(c))));
        planner.charsets = charsets.collect::<Result<_>>()?;
        let cut = |raws: &Vec<String>| {
            let texts: Vec<Option<String>> = raws.iter().cloned().map(Some).collect();
            planner.cut(&texts)?.ok_or_else(|| error::data(format!("{raws:?} is not a key to cut at")))
        };
        self.cuts.iter().map(cut).collect()
    }

    /// Rows that each of the splits may have.
    pub(super) fn rows(&self) -> Vec<u64> {
        let splits = self.cuts.len() + 1;
        self.estimated_rows.map(|rows| vec![rows / splits as u64; splits]).unwrap_or_default()
    }
}

fn raws(cut: &Cut) -> Vec<String> {
    cut.iter().map(|value| value.raw.clone()).collect()
}

fn ends(planner: &Planner<'_>) -> Option<[Vec<String>; 2]> {
    planner.ends.as_ref().map(|(low, high)| [raws(low), raws(high)])
}
