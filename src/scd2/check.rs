//! What is looked at before the batches, whether the log still holds what the dimension rests on, and after them: the
//! rules of a dimension, and whether it shows what its log says.

use super::args::Scd2Args;
use super::plan::Plan;
use crate::error::{self, Result};
use crate::hiveserver2::{Rows, Session};
use crate::shutdown::Stop;

/// About how many events are compared one by one; keys are sampled above that.
const SAMPLE_EVENTS: u64 = 50_000;

/// The rules that [`Checks::verify`] counts violations of, as the statement names them.
const VIOLATIONS: [&str; 5] = ["empty_intervals", "overlaps", "early_open_ends", "equal_neighbours", "wrong_marks"];

/// Asks for the counts.
pub(super) struct Checks<'a> {
    pub args: &'a Scd2Args,
    pub session: &'a Session,
    pub stop: &'a Stop,
}

/// What a dimension holds that obeys the rules.
pub(super) struct Verified {
    pub versions: u64,
    pub current: u64,
}

impl Checks<'_> {
    /// Refuses a log that no longer holds what the target rests on: applying it would delete that history.
    ///
    /// # Errors
    /// Data: it lost events, and nobody said that this is meant; or the target breaks its rules.
    pub(super) async fn covered(&self, plan: &Plan) -> Result<()> {
        let rows = self.session.query(&plan.covered()?, self.stop).await?;
        let lost = rows.count(0, "lost")?;
        let source = &self.args.source;
        if lost == 0 {
            return Ok(());
        }
        if self.args.accept_shrunk_log {
            tracing::warn!(lost, source, "the log lost events; the history is computed without them");
            return Ok(());
        }
        // A target that somebody else wrote to says nothing about the log.
        self.verify(plan).await?;
        let key = rows.text(0, "example_key")?.unwrap_or("");
        let earliest = plan.shown(rows.text(0, "earliest")?.unwrap_or(""));
        Err(error::data(format!(
            "{source} lost events of {lost} moments that the history rests on, from {earliest} on, such as of key {key}"
        ))
        .hint(
            "give the step the whole log, or set accept-shrunk-log (--accept-shrunk-log) to drop what only they said",
        ))
    }

    /// Counts versions, and refuses violations of the rules.
    ///
    /// # Errors
    /// Data: there are some.
    pub(super) async fn verify(&self, plan: &Plan) -> Result<Verified> {
        self.verify_by(&plan.verify()?).await
    }

    /// The same, by a statement about rows that may take the place of the target's.
    ///
    /// # Errors
    /// Those of [`Checks::verify`].
    pub(super) async fn verify_by(&self, statement: &str) -> Result<Verified> {
        let rows = self.session.query(statement, self.stop).await?;
        let mut broken = Vec::new();
        for violation in VIOLATIONS {
            let found = rows.count(0, violation)?;
            if found > 0 {
                let key = rows.text(0, &format!("{violation}_key"))?.unwrap_or("");
                broken.push(format!("{found} {}, such as of key {key}", violation.replace('_', " ")));
            }
        }
        if !broken.is_empty() {
            return Err(error::data(format!("{} has {}", self.args.target, broken.join("; ")))
                .hint("somebody else wrote to the table; drop it to have it built anew from the log"));
        }
        Ok(Verified { versions: rows.count(0, "versions")?, current: rows.count(0, "current_versions")? })
    }

    /// Compares the target with its log, and with the facts of a digest where they count; `false` if the log does not hold
    /// the `events` any more that were applied, or the facts are others, so that there is nothing to compare with.
    ///
    /// # Errors
    /// Data: the target shows something else than the log says.
    pub(super) async fn compare(&self, plan: &Plan, until: &str, events: u64, facts: u64) -> Result<bool> {
        let rows = self.session.query(&plan.compare(until, 1.max(events / SAMPLE_EVENTS))?, self.stop).await?;
        if rows.count(0, "events")? != events {
            tracing::warn!(target = self.args.target, "the log changed during the run; the next run compares with it");
            return Ok(false);
        }
        self.judge(&rows)?;
        self.placed(plan, until, facts).await
    }

    fn judge(&self, rows: &Rows) -> Result<()> {
        let (moments, wrong) = (rows.count(0, "moments")?, rows.count(0, "wrong_moments")?);
        let ends = rows.count(0, "wrong_ends")?;
        if wrong + ends == 0 {
            return Ok(());
        }
        let key = rows.text(0, "example_key")?.unwrap_or("");
        Err(error::data(format!(
            "{} does not show what its log says: at {wrong} of {moments} moments, and in the current versions of {ends} \
             keys, such as key {key}",
            self.args.target
        ))
        .hint("somebody else wrote to the table, or hive computed it wrongly; drop it to have it built anew from the log"))
    }
}
