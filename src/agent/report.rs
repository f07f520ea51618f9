//! What a run of the agent has to say when it ends: its summary, and whether a drain that wrote what it could is yet a
//! failure.

use super::sources::taildir::Taildir;
use crate::error::{self, Effect, Result};
use crate::telemetry::summary::{Outcome, StepSummary, counted};

/// What the numbers of a summary cannot say.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub epochs: u64,
    /// Bytes of a torn record that were cut off the channel.
    pub torn_bytes: u64,
    /// Why the first line was rejected.
    pub first_reject: Option<String>,
}

impl Report {
    /// The detail of the summary.
    pub(super) fn detail(&self, summary: &StepSummary, reject_dir: &str, source: &Taildir) -> String {
        let mut said = vec![counted(self.epochs, "epoch", "epochs")];
        if is_mostly_rejected(summary) {
            said.push(format!("most lines were rejected{}", self.why()));
        }
        if summary.rejects > 0 {
            said.push(format!("rejects in {reject_dir}"));
        }
        if self.torn_bytes > 0 {
            said.push(format!("{} bytes of a torn record cut off the channel", self.torn_bytes));
        }
        if source.troubles() > 0 {
            said.push(format!("{} could not be read", unread(source.troubles())));
        }
        said.extend(source.notes());
        said.join(", ")
    }

    /// Says in the log when the format cannot be that of the log.
    pub(super) fn warn(&self, summary: &StepSummary) {
        if is_mostly_rejected(summary) {
            let StepSummary { rejects, rows_in, .. } = summary;
            tracing::warn!("{rejects} of {rows_in} lines were rejected{}; check format", self.why());
        }
    }

    fn why(&self) -> String {
        self.first_reject.as_ref().map(|reason| format!(" (the first: {reason})")).unwrap_or_default()
    }

    /// Fails if a drain left files unread, or if more of its lines were rejected than it was allowed.
    ///
    /// # Errors
    /// Of the first file that could not be read. Data: too many rejects. What was written is visible, which the effect
    /// says.
    pub(super) fn verdict(&self, summary: &StepSummary, source: Taildir, max_reject_percent: Option<u8>) -> Result<()> {
        let effect = if summary.outcome == Outcome::Done { Effect::Partial } else { Effect::None };
        let StepSummary { rejects, rows_in, rows_out, .. } = summary;
        let (troubles, rows) = (source.troubles(), rows_out);
        if let Some(trouble) = source.into_trouble() {
            let what = format!("{} could not be read, {rows} rows of the others were written", unread(troubles));
            return Err(trouble.context(what).effect(effect));
        }
        // In percent of the lines, without rounding.
        let allowed = u128::from(max_reject_percent.unwrap_or(100)) * u128::from(*rows_in);
        if u128::from(*rejects) * 100 > allowed {
            let what = format!("{rejects} of {rows_in} lines were rejected{}, {rows} rows were written", self.why());
            return Err(error::data(what).hint("check format, or raise max-reject-percent").effect(effect));
        }
        Ok(())
    }
}

fn unread(troubles: usize) -> String {
    counted(troubles as u64, "file or directory", "files or directories")
}

fn is_mostly_rejected(summary: &StepSummary) -> bool {
    summary.rejects * 2 > summary.rows_in
}
