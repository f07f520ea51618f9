//! The runner: reads how far the dimension has come, applies what is missing, verifies it.

use std::sync::Arc;
use std::time::Instant;

use super::args::{Batches, Input, Scd2Args};
use super::asked::Asked;
use super::batch::Batch;
use super::check::Checks;
use super::drift;
use super::ends::Ends;
use super::history;
use super::late;
use super::plan::Plan;
use super::progress::{self, Progress};
use super::shapes::{Layout, Parquet};
use super::source;
use super::template::Templates;
use super::types;
use super::work::{Overview, Refused, Work, pending};
use crate::error::{self, Result};
use crate::hiveserver2::{HiveServer2Options, Session, ViewLease};
use crate::lease::Lease;
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary, counted};

/// What is done with a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// Its tables are made.
    Init,
    /// What is missing is applied.
    Apply,
    /// All of it is computed anew.
    Rebuild,
}

/// Brings the dimension up to its log.
///
/// Where the log was not loaded anew since the last complete run, nothing is asked of the tables themselves. Where it
/// was, what had been applied is compared with it once more, for all keys, and its new batches follow.
///
/// # Errors
/// Config, Schema, NotFound: what was asked for cannot be. Exists: the target is not ours. Data: a NULL in a key or in
/// the sequence, a log that no longer holds what the target rests on, or a target that breaks the rules of a dimension
/// or does not show what the log says; a snapshot that cannot be taken. Busy: somebody else writes to the target. Every
/// one leaves the target as of the last batch that was applied; running again goes on from there.
///
/// # Cancel safety
/// A batch that is stopped is rolled back by Hive.
pub async fn run(args: &Scd2Args, ends: &Ends, run_id: &str, stop: &Stop) -> Result<StepSummary> {
    act(Act::Apply, args, ends, run_id, stop).await
}

/// Makes the tables and views of the dimension that are not there yet, and changes nothing else.
///
/// # Errors
/// Those of [`run()`] that come before the first batch.
pub async fn init(args: &Scd2Args, ends: &Ends, run_id: &str, stop: &Stop) -> Result<StepSummary> {
    act(Act::Init, args, ends, run_id, stop).await
}

/// Computes the whole dimension anew from its log, by the definition as it is given now. Readers see all of the old one
/// or all of the new one, as far as the log had been applied: what differs is merged by one statement.
///
/// # Errors
/// Those of [`run()`]. A rebuild that broke off is finished by the next run of the same definition.
pub async fn rebuild(args: &Scd2Args, ends: &Ends, run_id: &str, stop: &Stop) -> Result<StepSummary> {
    act(Act::Rebuild, args, ends, run_id, stop).await
}

async fn act(act: Act, args: &Scd2Args, ends: &Ends, run_id: &str, stop: &Stop) -> Result<StepSummary> {
    let started = Instant::now();
    args.check()?;
    let templates = Templates::load(args.ddl_dir.as_deref())?;
    let (database, table) = args.target.split_once('.').unwrap_or_default();
    let place = stop.or(ViewLease::new(&ends.hive, database, table)).await?;
    let lease = Lease::acquire(Arc::new(place), &format!("run {run_id}")).await?;
    let done = act_leased(act, args, ends, run_id, stop, templates, &lease).await;
    // What was done is done; a lease that cannot be removed dies with this process.
    if let Err(error) = lease.release().await {
        tracing::warn!(%error, target = args.target, "cannot give back the lease");
    }
    let mut summary = done.map_err(|e| e.context(&args.target))?;
    summary.elapsed = started.elapsed();
    Ok(summary)
}

async fn act_leased(
    act: Act,
    args: &Scd2Args,
    ends: &Ends,
    run_id: &str,
    stop: &Stop,
    templates: Templates,
    lease: &Lease,
) -> Result<StepSummary> {
    let session = Session::open_exact(&settings(ends.hive.clone())).await?;
    let asked = Asked::new(args, &session, act == Act::Rebuild, stop).await?;
    let intake = asked.intake(&session, run_id, stop);
    let mut taken = None;
    if let Some(found) = intake.look(templates.clone()).await? {
        match act {
            Act::Init => intake.prepare(&found).await?,
            Act::Apply | Act::Rebuild => taken = intake.take(&found, lease).await?,
        }
    }
    let runner = asked.runner(&session, run_id, stop);
    let mut summary = match act {
        Act::Init => runner.init(templates).await?,
        Act::Apply | Act::Rebuild => runner.run(templates, ends, lease).await?,
    };
    if let Some(taken) = taken {
        summary.detail = format!("{taken}; {}", summary.detail);
        if taken.has_events() {
            summary.outcome = Outcome::Done;
        }
    }
    session.close().await?;
    Ok(summary)
}

/// What [`run`] would do, in words: the batches that are to be applied, and the statement of the first. Asks the server,
/// changes nothing.
///
/// # Errors
/// Those of [`run`] that come before the first change.
pub async fn plan(args: &Scd2Args, ends: &Ends, stop: &Stop) -> Result<String> {
    args.check()?;
    let templates = Templates::load(args.ddl_dir.as_deref())?;
    let session = Session::open_exact(&settings(ends.hive.clone())).await?;
    let asked = Asked::new(args, &session, false, stop).await.map_err(|e| e.context(&args.target))?;
    let (runner, intake) = (asked.runner(&session, "RUN", stop), asked.intake(&session, "RUN", stop));
    let taking = async {
        match intake.look(templates.clone()).await? {
            Some(found) => intake.preview(&found).await,
            None => Ok(None),
        }
    };
    let planned = async {
        match taking.await? {
            // What follows from it is known once it is taken.
            Some(text) => Ok(format!("{text}\nmerge into  {}, what follows from that", args.target)),
            None => runner.preview(templates.clone()).await,
        }
    };
    let text = planned.await.map_err(|e: error::Error| e.context(&args.target))?;
    session.close().await?;
    Ok(text)
}

/// Settings that the statements are quick with; what the user sets stays.
pub(super) fn settings(hive: HiveServer2Options) -> HiveServer2Options {
    // The window steps of a merge sort by the same columns: one sort for all of them, however few reducers.
    hive.default_setting("hive.optimize.reducededuplication.min.reducer", "1")
}

pub(super) struct Runner<'a> {
    pub args: &'a Scd2Args,
    pub session: &'a Session,
    pub run_id: &'a str,
    pub stop: &'a Stop,
    pub asked: &'a Asked,
}

/// Both tables as they are found, and what is planned for them.
pub(super) struct Found {
    pub plan: Plan,
    pub progress: Progress,
    /// The load that the log shows.
    pub load: Option<String>,
    pub is_new: bool,
}

impl Found {
    /// Whether the log was applied to its end and verified before.
    pub(super) fn is_done(&self) -> bool {
        self.load.is_some() && self.progress.complete == self.load
    }
}

impl Runner<'_> {
    async fn run(&self, templates: Templates, ends: &Ends, lease: &Lease) -> Result<StepSummary> {
        let mut summary = StepSummary::new(format!("scd2 {}", self.args.target));
        let found = self.look(templates).await?;
        let swapped = self.swapped(&found, ends, lease).await?;
        if found.is_done() && !self.args.reapply_last {
            summary.detail = "the source was not loaded anew".to_owned();
            self.show(&found.plan).await?;
            if let Some(swapped) = &swapped {
                swapped.tidy().await?;
            }
            return Ok(summary);
        }
        let Found { mut plan, mut progress, load, is_new } = found;
        plan.check_alterations()?;
        let late = self.put_late_aside(&mut plan, progress.water.as_deref()).await?;
        let overview = self.overview(&mut plan).await?;
        let water = self.water(&plan).await?;
        self.quarantine(&plan).await?;
        if is_new {
            self.create(&plan).await?;
            summary.outcome = Outcome::Done;
        }
        if let Some(swapped) = &swapped {
            swapped.begin(&plan).await?;
        }
        let checks = Checks { args: self.args, session: self.session, stop: self.stop };
        // What is built anew may have other keys, which are looked for in both tables.
        if progress.high_water.is_some() && !self.asked.anew {
            checks.covered(&plan).await?;
        }
        for statement in plan.alterations() {
            self.execute(&statement).await?;
            tracing::info!(target = self.args.target, statement, "changed a column of the dimension");
            summary.outcome = Outcome::Done;
        }
        if self.asked.anew && !is_new {
            checks.covered(&plan).await?;
            // From here on the next run of this definition finishes what this one does not.
            self.note(&plan, &self.definition(&[(progress::SOURCE_LOAD, ""), (progress::COMPLETE, "")])).await?;
        }
        self.show(&plan).await?;
        let mut work = pending(&overview.batches, &progress, load.as_deref(), self.args.reapply_last);
        self.begin_at_water(&plan, &mut work, progress.water.as_deref().filter(|_| progress.source_load.is_some()));
        for Work { batch, events } in &work {
            lease.check().await?;
            let changed = self.apply(&plan, batch, load.as_deref(), &mut progress, swapped.as_ref()).await?;
            // A server that does not count may have changed something.
            if changed != Some(0) {
                summary.outcome = Outcome::Done;
            }
            summary.rows_out += changed.unwrap_or(0);
            summary.rows_in += events;
        }
        let verified = checks.verify(&plan).await?;
        summary.detail = format!(
            "{}; {}, {} current",
            counted(work.len() as u64, "batch", "batches"),
            counted(verified.versions, "version", "versions"),
            verified.current
        );
        summary.detail.push_str(&self.say_late(late));
        let mut done = vec![(progress::COMPLETE, load.as_deref().unwrap_or(""))];
        done.extend(water.as_deref().map(|water| (late::WATER, water)));
        let until = progress.high_water.as_deref().unwrap_or("");
        if until.is_empty() || checks.compare(&plan, until, overview.events(), overview.facts).await? {
            self.note(&plan, &self.definition(&done)).await?;
        } else {
            summary.detail.push_str("; not compared with the log, which changed meanwhile");
        }
        if overview.ties > 0 {
            let note = format!("{} at which one key has several events", counted(overview.ties, "moment", "moments"));
            tracing::warn!(target = self.args.target, "{note}: a delete counts, else the greatest content");
            summary.detail.push_str(&format!("; {note}"));
        }
        summary.rejects = overview.refused.events() + late;
        if let Some(table) = self.args.quarantine.as_ref().filter(|_| overview.refused.events() > 0) {
            summary.detail.push_str(&format!("; events that cannot be taken are in {table}"));
        }
        if let Some(swapped) = &swapped {
            swapped.tidy().await?;
        }
        Ok(summary)
    }

    /// What changes the table, where that is not a statement of Hive's alone.
    async fn swapped<'b>(&'b self, found: &Found, ends: &Ends, lease: &'b Lease) -> Result<Option<Parquet<'b>>> {
        let Layout::Parquet(buckets) = found.plan.layout.clone() else { return Ok(None) };
        let cluster = self.stop.or(ends.cluster(&self.args.target)).await?;
        let Self { args, session, stop, .. } = *self;
        Ok(Some(Parquet { args, session, stop, lease, cluster, buckets }))
    }

    /// Looks at both tables; changes nothing.
    pub(super) async fn look(&self, templates: Templates) -> Result<Found> {
        let mut log = match self.args.input {
            Input::Log | Input::History => self.asked.source.clone(),
            Input::Snapshot => source::columns(self.session, &self.args.source, self.stop).await?,
        };
        log.extend(history::operation(self.args));
        let load = self.load().await?;
        let layout = |parameters| {
            let layout = Layout::of(self.args, parameters, self.asked.engine)?;
            layout.check_names(self.args).map(|()| layout)
        };
        let Some((parameters, mut dimension)) = self.asked.dimension.clone() else {
            let mut plan = Plan::new(self.args, &log, None, templates)?;
            self.take_facts(&mut plan).await?;
            plan.set_layout(layout(None)?, self.asked.engine);
            plan.check_types()?;
            return Ok(Found { plan, progress: Progress::default(), load, is_new: true });
        };
        let progress = Progress::of(&self.args.target, &parameters, &self.args.definition(), self.asked.anew)?;
        if !self.asked.anew {
            types::check_noted(self.args, &log, progress.types.as_deref().unwrap_or(""))?;
        }
        let layout = layout(Some(&parameters))?;
        layout.take_from(&mut dimension, &self.args.target)?;
        let mut plan = Plan::new(self.args, &log, Some(&dimension), templates)?;
        self.take_facts(&mut plan).await?;
        plan.set_layout(layout, self.asked.engine);
        // Without a water nothing was put aside yet, and there may be no table of it.
        if progress.water.is_some() {
            plan.leave_out_late();
        }
        Ok(Found { plan, progress, load, is_new: false })
    }

    /// What is noted of the definition, and `more`.
    pub(super) fn definition<'p>(&'p self, more: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
        let own = [(progress::DEFINITION, self.asked.definition.as_str()), (drift::SEEN, self.asked.seen.as_str())];
        own.into_iter().chain(more.iter().copied()).collect()
    }

    async fn preview(&self, templates: Templates) -> Result<String> {
        let found = self.look(templates).await?;
        let made = if found.is_new { ", which is made" } else { "" };
        let how = match found.plan.layout {
            Layout::Merge | Layout::Iceberg => "merge into",
            Layout::Parquet(_) => "rewrite in",
        };
        let mut text = format!("read        {}\n{how}  {}{made}", self.args.source, self.args.target);
        if found.is_done() && !self.args.reapply_last {
            return Ok(text + "\nnothing     the source was not loaded anew");
        }
        let Found { mut plan, progress, load, .. } = found;
        plan.check_alterations()?;
        for statement in plan.alterations() {
            text.push_str(&format!("\nchange      {statement}"));
        }
        let overview = self.overview(&mut plan).await?;
        let work = pending(&overview.batches, &progress, load.as_deref(), self.args.reapply_last);
        for Work { batch, events } in &work {
            text.push_str(&format!("\nbatch       {}: {events} events", batch.label));
        }
        let mut touched = Vec::new();
        let until = work.iter().map(|work| &work.batch.until).chain(&progress.high_water).max();
        // Where columns are to be added, Hive cannot be asked for their values yet.
        if let Some(until) = until.filter(|_| !plan.lacks_columns()) {
            let rows = self.session.query(&plan.effect(until)?, self.stop).await?;
            let [inserted, changed, deleted] = ["inserted", "changed", "deleted"].map(|name| rows.count(0, name));
            text.push_str(&format!(
                "\neffect      {} rows inserted, {} changed, {} deleted",
                inserted?, changed?, deleted?
            ));
            if let Some(buckets) = plan.layout.buckets() {
                let listed = rows.text(0, "buckets")?.unwrap_or_default();
                touched = listed.split(',').filter(|bucket| !bucket.is_empty()).map(str::to_owned).collect();
                text.push_str(&format!("\nbuckets     {} of {}: {listed}", touched.len(), buckets.count));
            }
        }
        if let Some(Work { batch, .. }) = work.first() {
            let until = progress.high_water.as_deref().unwrap_or("").max(&batch.until).to_owned();
            let batch_id = format!("{}/{}", self.run_id, batch.label);
            for statement in plan.statements(batch, &until, &batch_id, &touched)? {
                text.push_str(&format!("\nstatement   {}", statement.replace('\n', "\n            ")));
            }
        }
        Ok(text)
    }

    /// Counts what the log holds.
    pub(super) async fn overview(&self, plan: &mut Plan) -> Result<Overview> {
        let mut overview = Overview { facts: self.digest_of_facts(plan).await?, ..Overview::default() };
        let rows = self.session.query(&plan.overview()?, self.stop).await?;
        for row in 0..rows.rows.len() {
            let events = rows.count(row, "events")?;
            overview.ties += rows.count(row, "ties")?;
            if let Some(key) = rows.text(row, "example_key")? {
                key.clone_into(&mut overview.tied_key);
            }
            let truncations = rows.count(row, "truncations")?;
            overview.truncations += truncations;
            match rows.text(row, "batch")? {
                None => {
                    overview.refused.without_key += rows.count(row, "without_key")?;
                    overview.refused.without_sequence += rows.count(row, "without_sequence")?;
                    overview.refused.without_operation += rows.count(row, "without_operation")?;
                }
                Some(label) => {
                    let batches = if plan.is_one_batch() { Batches::All } else { self.args.batches };
                    let mut batch = batches.batch(label)?;
                    // What is deleted at once may be any key.
                    batch.from = batch.from.filter(|_| truncations == 0);
                    overview.batches.push(Work { batch, events });
                }
            }
        }
        overview.batches.sort_by(|a, b| a.batch.until.cmp(&b.batch.until));
        plan.set_truncates(overview.truncations > 0);
        self.judge(&overview).map(|()| overview)
    }

    /// Refuses a log whose events cannot be taken, or be ordered where that is asked for.
    fn judge(&self, overview: &Overview) -> Result<()> {
        let Refused { without_key, without_sequence, without_operation } = overview.refused;
        let source = &self.args.source;
        if overview.refused.events() > 0 && self.args.quarantine.is_none() {
            let unknown = match (without_operation, self.args.input) {
                (0, _) => String::new(),
                (some, Input::History) => format!(" and {some} that end after the next begins, or before they begin"),
                (some, _) => format!(" and {some} with an unknown operation"),
            };
            let sequence = &self.args.sequence;
            return Err(error::data(format!(
                "{source} holds {without_key} events without key and {without_sequence} without {sequence}{unknown}"
            ))
            .hint("name a table in quarantine that takes them, or leave them out by a view over the source"));
        }
        if overview.truncations > 0 && self.args.late.is_some() {
            return Err(error::config(format!(
                "{source} deletes everything at once, and {} goes forward only",
                self.args.target
            ))
            .hint("leave late out, or give the log without truncations"));
        }
        if overview.ties > 0 && self.args.strict {
            return Err(error::data(format!(
                "{source} holds {} at which one key has events that say different things, such as key {}",
                counted(overview.ties, "moment", "moments"),
                overview.tied_key
            ))
            .hint("name a tie-breaker that orders them, or leave strict out"));
        }
        if overview.ties > 0 {
            tracing::warn!(ties = overview.ties, source, "events of one key at one moment differ");
        }
        Ok(())
    }

    /// Applies one batch and notes that it is applied; the rows changed, where the server counts them.
    async fn apply(
        &self,
        plan: &Plan,
        batch: &Batch,
        load: Option<&str>,
        progress: &mut Progress,
        swapped: Option<&Parquet<'_>>,
    ) -> Result<Option<u64>> {
        self.stop.check()?;
        let started = Instant::now();
        let until = progress.high_water.as_deref().unwrap_or("").max(&batch.until).to_owned();
        let batch_id = format!("{}/{}", self.run_id, batch.label);
        let changed = match swapped {
            Some(swapped) => swapped.apply(plan, batch, &until, &batch_id).await.map(Some),
            None => {
                let executed = self.session.execute(&plan.merge(batch, &until, &batch_id)?, self.stop).await;
                executed.map(|executed| executed.modified_rows)
            }
        };
        let changed = changed.map_err(|e| e.context(format!("batch {}", batch.label)))?;
        let properties = [
            (progress::SOURCE_LOAD, load.unwrap_or("")),
            (progress::HIGH_WATER, &until),
            (progress::TYPES, plan.types()),
            (progress::GENERATION, progress::CURRENT_GENERATION),
        ];
        self.note(plan, &self.definition(&properties)).await?;
        progress.source_load = load.map(str::to_owned);
        progress.high_water = Some(until);
        progress.complete = None;
        tracing::info!(
            target = self.args.target,
            batch = batch.label,
            changed,
            seconds = started.elapsed().as_secs_f64(),
            "applied"
        );
        Ok(changed)
    }

    async fn note(&self, plan: &Plan, properties: &[(&str, &str)]) -> Result<()> {
        self.execute(&plan.note(properties)).await
    }

    pub(super) async fn execute(&self, statement: &str) -> Result<()> {
        self.session.execute(statement, self.stop).await.map(drop)
    }
}
