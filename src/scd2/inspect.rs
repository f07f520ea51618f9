//! What is asked of a dimension without changing it: how far it has come, and whether it is right.

use super::args::Scd2Args;
use super::asked::Asked;
use super::check::Checks;
use super::ends::Ends;
use super::run::{self, Runner};
use super::shapes::Layout;
use super::template::Templates;
use crate::error::{self, Result};
use crate::hiveserver2::Session;
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary, counted};

/// Holds the dimension against its rules, and against its log as far as that was applied. Changes nothing.
///
/// # Errors
/// NotFound: there is no dimension. Data: it breaks a rule, rests on what the log no longer holds, or does not show what
/// the log says; with counts and keys. Else those of [`super::run()`] that come before the first change.
pub async fn verify(args: &Scd2Args, ends: &Ends, stop: &Stop) -> Result<StepSummary> {
    args.check()?;
    let templates = Templates::load(args.ddl_dir.as_deref())?;
    let session = Session::open_exact(&run::settings(ends.hive.clone())).await?;
    let asked = Asked::new(args, &session, false, stop).await.map_err(|e| e.context(&args.target))?;
    let summary =
        asked.runner(&session, "VERIFY", stop).verify(templates).await.map_err(|e| e.context(&args.target))?;
    session.close().await?;
    Ok(summary)
}

/// How far the dimension has come, in words. No row is read.
///
/// # Errors
/// Those of [`super::run()`] that come before the first change.
pub async fn status(args: &Scd2Args, ends: &Ends, stop: &Stop) -> Result<String> {
    args.check()?;
    let templates = Templates::load(args.ddl_dir.as_deref())?;
    let session = Session::open_exact(&ends.hive).await?;
    let asked = Asked::new(args, &session, false, stop).await.map_err(|e| e.context(&args.target))?;
    let (runner, intake) = (asked.runner(&session, "STATUS", stop), asked.intake(&session, "STATUS", stop));
    let said = async {
        let Some(found) = intake.look(templates.clone()).await? else { return runner.status(templates.clone()).await };
        let of_source = intake.status(&found);
        if found.journal.is_new() {
            return Ok(format!("{of_source}\njournal     {}, not made yet", asked.args.journal_table()));
        }
        Ok(format!("{of_source}\n{}", runner.status(templates.clone()).await?))
    };
    let text = said.await.map_err(|e: error::Error| e.context(&args.target))?;
    session.close().await?;
    Ok(text)
}

impl Runner<'_> {
    async fn verify(&self, templates: Templates) -> Result<StepSummary> {
        let mut summary = StepSummary::new(format!("verify {}", self.args.target));
        let mut found = self.look(templates).await?;
        if found.is_new {
            return Err(
                error::not_found(format!("there is no table {}", self.args.target)).hint("a run of the step makes it")
            );
        }
        let checks = Checks { args: self.args, session: self.session, stop: self.stop };
        let verified = checks.verify(&found.plan).await?;
        summary.outcome = Outcome::Equal;
        summary.detail = format!("{}, {} current", counted(verified.versions, "version", "versions"), verified.current);
        let Some(until) = &found.progress.high_water else {
            summary.detail.push_str("; nothing of the log is applied");
            return Ok(summary);
        };
        if found.load.is_some() && found.progress.source_load != found.load {
            summary.detail.push_str("; not compared with the log, which was loaded anew since");
            return Ok(summary);
        }
        if found.plan.lacks_columns() {
            summary.detail.push_str("; not compared with the log, which has a column that it lacks");
            return Ok(summary);
        }
        let overview = self.overview(&mut found.plan).await?;
        checks.covered(&found.plan).await?;
        let applied = overview.batches.iter().filter(|work| work.batch.until <= *until);
        summary.rows_in = applied.map(|work| work.events).sum();
        let compared = checks.compare(&found.plan, until, summary.rows_in, overview.facts).await?;
        summary.detail.push_str(if compared { "; it shows what its log says" } else { "; the log changed meanwhile" });
        Ok(summary)
    }

    async fn status(&self, templates: Templates) -> Result<String> {
        let found = self.look(templates).await?;
        let load = |load: &Option<String>| load.as_ref().map_or("of no import".to_owned(), |id| format!("load {id}"));
        let mut text = format!("log         {}, {}", self.args.source, load(&found.load));
        if found.is_new {
            return Ok(text + &format!("\ndimension   {}, not made yet", self.args.target));
        }
        let progress = &found.progress;
        let state = match &progress.high_water {
            None => "nothing is applied",
            Some(_) if found.is_done() => "complete and verified",
            Some(_) if found.load.is_none() => {
                "complete as of its last run, if that ended well; the log does not say whether it changed"
            }
            Some(_) if progress.source_load == found.load => "a run broke off, or its check did; the next one goes on",
            Some(_) => "behind: the log was loaded anew",
        };
        text.push_str(&format!("\ndimension   {}", self.args.target));
        if let Some(buckets) = found.plan.layout.buckets() {
            text.push_str(&format!("\nshape       parquet, {}", counted(buckets.count, "bucket", "buckets")));
        }
        if found.plan.layout == Layout::Iceberg {
            text.push_str("\nshape       iceberg");
        }
        if let Some(until) = &progress.high_water {
            text.push_str(&format!("\napplied     what comes before {until}, {}", load(&progress.source_load)));
        }
        text.push_str(&format!("\nstate       {state}"));
        for statement in found.plan.alterations() {
            text.push_str(&format!("\nchange      {statement}"));
        }
        Ok(text)
    }
}
