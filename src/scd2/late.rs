//! A dimension that goes forward only: events that come too late for it are put aside and do not count.
//!
//! An event is late if it is not after the last one that was applied before, the water, and the dimension does not show
//! it. What does not count is told by its digest, so the same event delivered again stays aside. Such a dimension is not a
//! function of all events any more, but of those that were in time: deletions that precede what they delete included.

use super::batch::Batch;
use super::plan::Plan;
use super::run::Runner;
use super::sequence::MOMENT_WIDTH;
use super::work::Work;
use crate::error::Result;
use crate::telemetry::summary::counted;

/// The sequence of the last event that was applied, as a text that sorts.
pub(super) const WATER: &str = "sakia.scd2.water";
/// The dimension that a table of late events is of.
const LATE_OF: &str = "sakia.scd2.late.of";

impl Runner<'_> {
    /// Puts aside what is late, where the step asks for that; how many events that were.
    ///
    /// # Errors
    /// Exists: the table of late events is another's.
    pub(super) async fn put_late_aside(&self, plan: &mut Plan, water: Option<&str>) -> Result<u64> {
        let Some(table) = &self.args.late else { return Ok(0) };
        let stranger = ("does not hold the late events of", "name another table in late, or move the table away");
        if self.beside(table, LATE_OF, stranger).await?.is_none() {
            self.execute(&plan.make_late(table, &[(LATE_OF, &self.args.target)])?).await?;
        }
        plan.leave_out_late();
        // What is built anew takes the log as it is, without what was put aside before.
        let Some(water) = water.filter(|_| !self.asked.anew) else { return Ok(0) };
        self.execute(&plan.late(table, water, self.run_id)?).await?;
        let rows = self.session.query(&plan.count_late(table, self.run_id), self.stop).await?;
        let late = rows.count(0, "late")?;
        if late > 0 {
            tracing::warn!(late, table, "events came too late and were put aside");
        }
        Ok(late)
    }

    /// The sequence of the last event that counts; `None` where there is none, or nothing asks for it.
    pub(super) async fn water(&self, plan: &Plan) -> Result<Option<String>> {
        if self.args.late.is_none() {
            return Ok(None);
        }
        let rows = self.session.query(&plan.water()?, self.stop).await?;
        Ok(rows.text(0, "water")?.map(str::to_owned))
    }

    /// Narrows what is applied once more to the keys that have an event from the water on: of all others nothing new is
    /// to come.
    pub(super) fn begin_at_water(&self, plan: &Plan, work: &mut [Work], water: Option<&str>) {
        let Some(from) =
            water.filter(|_| !plan.is_one_batch()).and_then(|water| water.get(..MOMENT_WIDTH.min(water.len())))
        else {
            return;
        };
        let catch_up = Batch::catch_up("").label;
        for work in work.iter_mut().filter(|work| work.batch.label == catch_up) {
            work.batch.from = Some(from.trim_end().to_owned());
        }
    }

    /// What the summary says of late events.
    pub(super) fn say_late(&self, late: u64) -> String {
        match &self.args.late {
            Some(table) if late > 0 => {
                format!("; {} came too late and went to {table}", counted(late, "event", "events"))
            }
            _ => String::new(),
        }
    }
}
