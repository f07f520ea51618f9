//! What a run of the agent has to say when it ends: its summary, and whether a drain that wrote what it could is yet a
//! failure.

use super::sinks::Written;
use super::sources::SourceReport;
use crate::error::{self, Effect, Result};
use crate::telemetry::summary::{Outcome, StepSummary, counted};

/// What the numbers of a summary cannot say.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    pub epochs: u64,
    /// Bytes of a torn record that were cut off the channel.
    pub torn_bytes: u64,
    /// Damaged records of the channel that were set aside.
    pub damaged: u64,
    /// Why the first line was rejected.
    pub first_reject: Option<String>,
    /// Rows for partitions that were complete.
    pub late: u64,
    /// Partitions that were completed.
    pub complete: u64,
    /// Partitions whose files were rewritten, and attempts that failed.
    pub compacted: u64,
    pub compact_failures: u64,
}

impl Report {
    /// This and what was to be said before.
    pub(super) fn and(self, before: Self) -> Self {
        Self {
            epochs: self.epochs + before.epochs,
            torn_bytes: self.torn_bytes + before.torn_bytes,
            damaged: self.damaged + before.damaged,
            first_reject: before.first_reject.or(self.first_reject),
            late: self.late + before.late,
            complete: self.complete + before.complete,
            compacted: self.compacted + before.compacted,
            compact_failures: self.compact_failures + before.compact_failures,
        }
    }

    /// Counts what became of partitions.
    pub(super) fn note_partitions(&mut self, written: &Written) {
        self.compacted += written.compacted;
        self.compact_failures += written.compact_failures;
        self.late += written.late;
        self.complete += written.complete;
    }

    /// The summary of a sink with what its numbers cannot say.
    pub(super) fn of_sink(&self, mut summary: StepSummary) -> StepSummary {
        self.warn(&summary);
        summary.detail = self.detail(&summary, "", &SourceReport::default());
        summary
    }

    /// The detail of the summary.
    pub(super) fn detail(&self, summary: &StepSummary, reject_dir: &str, source: &SourceReport) -> String {
        let mut said = vec![counted(self.epochs, "epoch", "epochs")];
        if is_mostly_rejected(summary) {
            said.push(format!("most lines were rejected{}", self.why()));
        }
        if summary.rejects > 0 && !reject_dir.is_empty() {
            said.push(format!("rejects in {reject_dir}"));
        }
        if self.complete > 0 {
            said.push(format!("{} complete", counted(self.complete, "partition", "partitions")));
        }
        if self.late > 0 {
            said.push(format!("{} for partitions that were complete", counted(self.late, "late row", "late rows")));
        }
        if self.compacted > 0 {
            said.push(format!("{} compacted", counted(self.compacted, "partition", "partitions")));
        }
        if self.compact_failures > 0 {
            said.push(format!("{} to compact failed", counted(self.compact_failures, "attempt", "attempts")));
        }
        if self.torn_bytes > 0 {
            said.push(format!("{} bytes of a torn record cut off the channel", self.torn_bytes));
        }
        if self.damaged > 0 {
            let records = counted(self.damaged, "damaged record", "damaged records");
            said.push(format!("{records} of the channel set aside, whose events are missing"));
        }
        if source.unread > 0 {
            said.push(format!("{} could not be read", unread(source.unread)));
        }
        said.extend(source.notes.iter().cloned());
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
    pub(super) fn verdict(
        &self,
        summary: &StepSummary,
        source: SourceReport,
        max_reject_percent: Option<u8>,
    ) -> Result<()> {
        let effect = if summary.outcome == Outcome::Done { Effect::Partial } else { Effect::None };
        let StepSummary { rejects, rows_in, rows_out, .. } = summary;
        let rows = rows_out;
        if let Some(trouble) = source.trouble {
            let what = format!("{} could not be read, {rows} rows of the others were written", unread(source.unread));
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
