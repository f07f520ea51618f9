//! The runner: reads how far the dimension has come, applies what is missing, verifies it.

use std::time::Instant;

use super::args::Scd2Args;
use super::batch::Batch;
use super::plan::Plan;
use super::source;
use super::state::{self, State};
use super::template::Templates;
use crate::error::{self, Result};
use crate::hiveserver2::{HiveServer2Options, Rows, Session};
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary};

/// Brings the dimension up to its log.
///
/// Where the log was not loaded anew since the last complete run, nothing is asked of the tables themselves. Where it
/// was, what had been applied is compared with it once more, for all keys, and its new batches follow.
///
/// # Errors
/// Config, Schema, NotFound: what was asked for cannot be. Exists: the target is not ours. Data: a NULL in a key or in
/// the sequence, or a target that breaks the rules of a dimension. Busy: somebody else writes to the target. Every one
/// leaves the target as of the last batch that was applied; running again goes on from there.
///
/// # Cancel safety
/// A batch that is stopped is rolled back by Hive.
pub async fn run(args: &Scd2Args, hive: &HiveServer2Options, run_id: &str, stop: &Stop) -> Result<StepSummary> {
    let started = Instant::now();
    args.check()?;
    let templates = Templates::load(args.ddl_dir.as_deref())?;
    let session = Session::open(&settings(hive.clone())).await?;
    let runner = Runner { args, session: &session, run_id, stop };
    let mut summary = runner.run(templates).await.map_err(|e| e.context(&args.target))?;
    session.close().await?;
    summary.elapsed = started.elapsed();
    Ok(summary)
}

/// What [`run`] would do, in words: the batches that are to be applied, and the statement of the first. Asks the server,
/// changes nothing.
///
/// # Errors
/// Those of [`run`] that come before the first change.
pub async fn plan(args: &Scd2Args, hive: &HiveServer2Options, stop: &Stop) -> Result<String> {
    args.check()?;
    let templates = Templates::load(args.ddl_dir.as_deref())?;
    let session = Session::open(&settings(hive.clone())).await?;
    let runner = Runner { args, session: &session, run_id: "RUN", stop };
    let text = runner.preview(templates).await.map_err(|e| e.context(&args.target))?;
    session.close().await?;
    Ok(text)
}

/// Settings that the statements are quick with; what the user sets stays.
fn settings(hive: HiveServer2Options) -> HiveServer2Options {
    // The four window steps of a merge sort by the same columns: one sort for all of them, however few reducers.
    hive.default_setting("hive.optimize.reducededuplication.min.reducer", "1")
}

struct Runner<'a> {
    args: &'a Scd2Args,
    session: &'a Session,
    run_id: &'a str,
    stop: &'a Stop,
}

/// A batch to apply, with the events the log holds for it.
struct Work {
    batch: Batch,
    events: u64,
}

/// What the log holds.
struct Overview {
    batches: Vec<Work>,
    ties: u64,
}

/// The counts of the closing check.
struct Verified {
    versions: u64,
    current: u64,
}

impl Runner<'_> {
    async fn run(&self, templates: Templates) -> Result<StepSummary> {
        let mut summary = StepSummary::new(format!("scd2 {}", self.args.target));
        let columns = source::columns(self.session, &self.args.source, self.stop).await?;
        let source = state::parameters(self.session, &self.args.source, self.stop).await?.unwrap_or_default();
        let load = state::load_of(&source);
        let plan = Plan::new(self.args, &columns, templates)?;
        let mut state = self.open_target(&plan).await?;
        if !self.args.reapply_last && load.is_some() && state.complete == load {
            summary.detail = "the source was not loaded anew".to_owned();
            return Ok(summary);
        }

        let overview = self.overview(&plan).await?;
        let work = pending(&overview.batches, &state, load.as_deref(), self.args.reapply_last);
        for Work { batch, events } in &work {
            let changed = self.apply(&plan, batch, load.as_deref(), &mut state).await?;
            // A server that does not count may have changed something.
            if changed != Some(0) {
                summary.outcome = Outcome::Done;
            }
            summary.rows_out += changed.unwrap_or(0);
            summary.rows_in += events;
        }
        let verified = self.verify(&plan).await?;
        self.note(&plan, &[(state::COMPLETE, load.as_deref().unwrap_or(""))]).await?;

        summary.detail =
            format!("{} batches; {} versions, {} current", work.len(), verified.versions, verified.current);
        if overview.ties > 0 {
            summary.detail.push_str(&format!("; {} ties decided by content", overview.ties));
        }
        Ok(summary)
    }

    async fn preview(&self, templates: Templates) -> Result<String> {
        let columns = source::columns(self.session, &self.args.source, self.stop).await?;
        let source = state::parameters(self.session, &self.args.source, self.stop).await?.unwrap_or_default();
        let load = state::load_of(&source);
        let plan = Plan::new(self.args, &columns, templates)?;
        let definition = self.args.definition();
        let target = state::parameters(self.session, &self.args.target, self.stop).await?;
        let (state, made) = match &target {
            Some(parameters) => (State::of(&self.args.target, parameters, &definition)?, ""),
            None => (State::default(), ", which is made"),
        };
        let mut text = format!("read        {}\nmerge into  {}{made}", self.args.source, self.args.target);
        if !self.args.reapply_last && load.is_some() && state.complete == load {
            return Ok(text + "\nnothing     the source was not loaded anew");
        }
        let overview = self.overview(&plan).await?;
        let work = pending(&overview.batches, &state, load.as_deref(), self.args.reapply_last);
        for Work { batch, events } in &work {
            text.push_str(&format!("\nbatch       {}: {events} events", batch.label));
        }
        if let Some(Work { batch, .. }) = work.first() {
            let until = state.high_water.as_deref().unwrap_or("").max(&batch.until).to_owned();
            let statement = plan.merge(batch, &until, &format!("{}/{}", self.run_id, batch.label))?;
            text.push_str(&format!("\nstatement   {}", statement.replace('\n', "\n            ")));
        }
        Ok(text)
    }

    /// Reads the target's state; makes the target where it is missing.
    async fn open_target(&self, plan: &Plan) -> Result<State> {
        let definition = self.args.definition();
        if let Some(parameters) = state::parameters(self.session, &self.args.target, self.stop).await? {
            return State::of(&self.args.target, &parameters, &definition);
        }
        self.session.execute(&plan.create(&[(state::DEFINITION, &definition)])?, self.stop).await?;
        tracing::info!(target = self.args.target, "made the dimension");
        Ok(State::default())
    }

    async fn overview(&self, plan: &Plan) -> Result<Overview> {
        let rows = self.session.query(&plan.overview()?, self.stop).await?;
        let mut overview = Overview { batches: Vec::new(), ties: 0 };
        let (mut without_moment, mut without_key) = (0, 0);
        for row in 0..rows.rows.len() {
            let events = count(&rows, row, "events")?;
            without_key += count(&rows, row, "without_key")?;
            overview.ties += count(&rows, row, "ties")?;
            match text(&rows, row, "batch")? {
                None => without_moment += events,
                Some(label) => overview.batches.push(Work { batch: self.args.batches.batch(label)?, events }),
            }
        }
        overview.batches.sort_by(|a, b| a.batch.until.cmp(&b.batch.until));
        if without_moment + without_key > 0 {
            return Err(error::data(format!(
                "{} holds {without_key} events without key and {without_moment} without {}",
                self.args.source, self.args.sequence
            ))
            .hint("leave them out by a view over the source"));
        }
        if overview.ties > 0 {
            tracing::warn!(ties = overview.ties, source = self.args.source, "events of one key at one moment differ");
        }
        Ok(overview)
    }

    /// Applies one batch and notes that it is applied; the rows changed, where the server counts them.
    async fn apply(&self, plan: &Plan, batch: &Batch, load: Option<&str>, state: &mut State) -> Result<Option<u64>> {
        self.stop.check()?;
        let started = Instant::now();
        let until = state.high_water.as_deref().unwrap_or("").max(&batch.until).to_owned();
        let statement = plan.merge(batch, &until, &format!("{}/{}", self.run_id, batch.label))?;
        let context = |e: error::Error| e.context(format!("batch {}", batch.label));
        let executed = self.session.execute(&statement, self.stop).await.map_err(context)?;
        self.note(plan, &[(state::SOURCE_LOAD, load.unwrap_or("")), (state::HIGH_WATER, &until)]).await?;
        *state = State { source_load: load.map(str::to_owned), high_water: Some(until), complete: None };
        tracing::info!(
            target = self.args.target,
            batch = batch.label,
            changed = executed.modified_rows,
            seconds = started.elapsed().as_secs_f64(),
            "applied"
        );
        Ok(executed.modified_rows)
    }

    async fn note(&self, plan: &Plan, properties: &[(&str, &str)]) -> Result<()> {
        self.session.execute(&plan.note(properties), self.stop).await.map(drop)
    }

    async fn verify(&self, plan: &Plan) -> Result<Verified> {
        let rows = self.session.query(&plan.verify()?, self.stop).await?;
        for violation in ["empty_intervals", "overlaps", "early_open_ends", "equal_neighbours", "wrong_marks"] {
            let found = count(&rows, 0, violation)?;
            if found > 0 {
                return Err(error::data(format!("{} has {found} {}", self.args.target, violation.replace('_', " ")))
                    .hint("somebody else wrote to the table; drop it to have it built anew from the log"));
            }
        }
        Ok(Verified { versions: count(&rows, 0, "versions")?, current: count(&rows, 0, "current_versions")? })
    }
}

/// The batches to apply: first what is below the high water once more if the log was loaded anew since, then what is
/// above it.
fn pending(found: &[Work], state: &State, load: Option<&str>, reapply_last: bool) -> Vec<Work> {
    let mut work = Vec::new();
    let high_water = state.high_water.as_deref().unwrap_or("");
    let copy = |work: &Work| Work { batch: work.batch.clone(), events: work.events };
    let same_log = load.is_some() && state.source_load.as_deref() == load;
    if !high_water.is_empty() && !same_log {
        let events = found.iter().filter(|w| w.batch.until.as_str() <= high_water).map(|w| w.events).sum();
        work.push(Work { batch: Batch::catch_up(high_water), events });
    }
    work.extend(found.iter().filter(|w| w.batch.until.as_str() > high_water).map(copy));
    if work.is_empty() && reapply_last {
        work.extend(found.last().map(copy));
    }
    work
}

fn text<'r>(rows: &'r Rows, row: usize, column: &str) -> Result<Option<&'r str>> {
    let index = rows.index(column)?;
    Ok(rows.rows.get(row).and_then(|row| row.get(index)).and_then(|value| value.as_str()))
}

/// A count; a sum over no rows is NULL and means none.
fn count(rows: &Rows, row: usize, column: &str) -> Result<u64> {
    let index = rows.index(column)?;
    let value = rows.rows.get(row).and_then(|row| row.get(index)).and_then(|value| value.as_i64());
    Ok(value.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::args::Batches;
    use super::*;

    fn found() -> Vec<Work> {
        let batch = |label: &str, events| Work { batch: Batches::Month.batch(label).unwrap(), events };
        vec![batch("2010-12", 3), batch("2011-01", 4), batch("2011-02", 5)]
    }

    fn at(load: &str, high_water: &str) -> State {
        State { source_load: Some(load.into()), high_water: Some(high_water.into()), complete: None }
    }

    fn labels(work: &[Work]) -> Vec<(&str, u64)> {
        work.iter().map(|w| (w.batch.label.as_str(), w.events)).collect()
    }

    #[test]
    fn a_new_dimension_applies_every_batch_and_an_interrupted_one_goes_on() {
        let all = pending(&found(), &State::default(), Some("a"), false);
        assert_eq!(labels(&all), [("2010-12", 3), ("2011-01", 4), ("2011-02", 5)]);
        let rest = pending(&found(), &at("a", "2011-02-01 00:00:00"), Some("a"), false);
        assert_eq!(labels(&rest), [("2011-02", 5)]);
    }

    #[test]
    fn a_log_loaded_anew_is_caught_up_with_first() {
        let work = pending(&found(), &at("a", "2011-02-01 00:00:00"), Some("b"), false);
        assert_eq!(labels(&work), [("catch-up", 7), ("2011-02", 5)]);
        assert_eq!(work[0].batch.from, None);
    }

    #[test]
    fn a_log_without_load_id_may_have_changed_at_any_time() {
        let state = State { source_load: None, ..at("", "2011-03-01 00:00:00") };
        assert_eq!(labels(&pending(&found(), &state, None, false)), [("catch-up", 12)]);
    }

    #[test]
    fn only_a_force_applies_the_last_batch_again() {
        let state = at("a", "2011-03-01 00:00:00");
        assert!(pending(&found(), &state, Some("a"), false).is_empty());
        assert_eq!(labels(&pending(&found(), &state, Some("a"), true)), [("2011-02", 5)]);
    }

    #[test]
    fn a_month_that_days_had_begun_is_finished() {
        let work = pending(&found(), &at("a", "2011-02-10 00:00:00"), Some("a"), false);
        assert_eq!(labels(&work), [("2011-02", 5)]);
    }
}
