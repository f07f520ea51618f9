//! Runs the steps of a pipeline one after another over connections that are opened when first needed.

use std::path::Path;
use std::time::Instant;

use tracing::Instrument;

use crate::error::{Error, Result};
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary, Summary};
use crate::{agent, lookup, query, scd2, transfer, trigger};

use super::config::Pipeline;
use super::connections::Connections;
use super::step::{Step, StepKind};

/// Runs every step in order; the summary holds those that ended, whether or not a later one failed.
///
/// # Errors
/// The first failing step's error, with the step named in front; steps after it are not started.
pub(crate) async fn run(pipeline: &Pipeline, summary: &mut Summary, stop: &Stop) -> Result<()> {
    // Every line of the log says which run it belongs to.
    let span = tracing::info_span!("run", id = %summary.run_id);
    Box::pin(run_steps(pipeline, summary, stop)).instrument(span).await
}

async fn run_steps(pipeline: &Pipeline, summary: &mut Summary, stop: &Stop) -> Result<()> {
    let mut connections = Connections::new(pipeline)?;
    for step in &pipeline.steps {
        stop.check()?;
        let label = step.label();
        tracing::info!("{label}: starts");
        let started = Instant::now();
        // Boxed: the future of a step holds those of all kinds of steps.
        let done = Box::pin(run_step(&mut connections, step, &summary.run_id, stop)).await;
        let mut done = done.map_err(|e| {
            summary.failed_step = Some(label.clone());
            e.context(&label)
        })?;
        done.summary.step.clone_from(&label);
        done.summary.elapsed = started.elapsed();
        let StepSummary { rows_in, rows_out, rejects, .. } = done.summary;
        tracing::info!(rows_in, rows_out, rejects, "{label}: ends");
        summary.steps.push(done.summary);
        if let Some(e) = done.failure {
            summary.failed_step = Some(label.clone());
            return Err(e.context(&label));
        }
    }
    Ok(())
}

/// A step that ended: what it found, and whether that is a failure.
struct Ended {
    summary: StepSummary,
    failure: Option<Error>,
}

impl From<StepSummary> for Ended {
    fn from(summary: StepSummary) -> Self {
        Self { summary, failure: None }
    }
}

async fn run_step(connections: &mut Connections<'_>, step: &Step, run_id: &str, stop: &Stop) -> Result<Ended> {
    let base: &Path = &connections.pipeline.base;
    let done = match &step.kind {
        StepKind::Import(args) => {
            let mysql = connections.database(stop).await?;
            transfer::import::run(args, &connections.ends(&mysql, &step.kind, stop).await?, run_id, stop).await
        }
        StepKind::ImportAll(args) => {
            let mysql = connections.database(stop).await?;
            transfer::import::run_all(args, &connections.ends(&mysql, &step.kind, stop).await?, run_id, stop).await
        }
        StepKind::Export(args) => {
            let mysql = connections.database(stop).await?;
            transfer::export::run(args, &mysql, connections.cluster(stop).await?, run_id, stop).await
        }
        StepKind::Merge(args) => transfer::merge::run(args, connections.cluster(stop).await?, run_id, stop).await,
        StepKind::Verify(args) => {
            let mysql = connections.database(stop).await?;
            let verified = transfer::verify::run(args, &mysql, connections.cluster(stop).await?, stop).await?;
            return verdict(verified);
        }
        StepKind::Reconcile(args) => {
            let needs = args.needs();
            let mysql = if needs.contains(&"mysql") { Some(connections.database(stop).await?) } else { None };
            let hive = if needs.contains(&"hiveserver2") { Some(connections.hiveserver2()?) } else { None };
            let cluster = if needs.contains(&"hdfs") { Some(connections.cluster(stop).await?) } else { None };
            let asked = transfer::reconcile::Asked { mysql: mysql.as_ref(), cluster, hiveserver2: hive.as_ref() };
            return agreed(transfer::reconcile::run(args, &asked, stop).await?);
        }
        StepKind::Agent(args) => {
            let cluster = connections.patient_cluster(agent::patience(args), stop).await?;
            agent::run(args, base, cluster, run_id, stop).await
        }
        StepKind::Scd2(args) => {
            scd2::run(&args.clone().relative_to(base), &connections.of_dimension()?, run_id, stop).await
        }
        StepKind::Lookup(args) => {
            let (hive, hbase) = (connections.hiveserver2()?, connections.hbase()?);
            lookup::run(args, base, hbase, &hive, run_id, stop).await
        }
        StepKind::Hiveql(args) => {
            let hive = connections.hiveserver2()?;
            query::run_step(args, &step.name, base, connections.cluster(stop).await?, &hive, run_id, stop).await
        }
        StepKind::Trigger(args) => {
            let (mysql, hive) = (connections.database(stop).await?, connections.hiveserver2()?);
            trigger::run(args, &step.name, base, &mysql, &hive, run_id, stop).await
        }
    };
    done.map(Ended::from)
}

/// What each step would do, with its name: looked up and decided, with nothing read or changed.
///
/// # Errors
/// Those of the first step that cannot be planned.
pub(crate) async fn plan(pipeline: &Pipeline, run_id: &str, stop: &Stop) -> Result<Vec<(String, String)>> {
    let mut connections = Connections::new(pipeline)?;
    let mut plans = Vec::new();
    for step in &pipeline.steps {
        let label = step.label();
        let planned = Box::pin(plan_step(&mut connections, step, run_id, stop)).await.map_err(|e| e.context(&label))?;
        plans.extend(planned.into_iter().map(|(of, plan)| match of {
            None => (label.clone(), plan),
            Some(table) => (format!("{label}: {table}"), plan),
        }));
    }
    Ok(plans)
}

/// The plan of a step, or one for each of its tables, with the table's name.
async fn plan_step(
    connections: &mut Connections<'_>,
    step: &Step,
    run_id: &str,
    stop: &Stop,
) -> Result<Vec<(Option<String>, String)>> {
    let base: &Path = &connections.pipeline.base;
    let plan = match &step.kind {
        StepKind::Import(args) => {
            let mysql = connections.database(stop).await?;
            let ends = connections.ends(&mysql, &step.kind, stop).await?;
            stop.or(transfer::import::plan(args, &ends, run_id)).await?.to_string()
        }
        StepKind::ImportAll(args) => {
            let mysql = connections.database(stop).await?;
            let ends = connections.ends(&mysql, &step.kind, stop).await?;
            let all = stop.or(transfer::import::plan_all(args, &ends, run_id)).await?;
            return Ok(all.into_iter().map(|all| (Some(all.plan.name.clone()), all.to_string())).collect());
        }
        StepKind::Export(args) => {
            let mysql = connections.database(stop).await?;
            let cluster = connections.cluster(stop).await?;
            stop.or(transfer::export::plan(args, &mysql, cluster, run_id)).await?.to_string()
        }
        StepKind::Merge(args) => {
            let cluster = connections.cluster(stop).await?;
            stop.or(transfer::merge::plan(args, cluster)).await?.to_string()
        }
        StepKind::Verify(args) => {
            let mysql = connections.database(stop).await?;
            let cluster = connections.cluster(stop).await?;
            stop.or(transfer::verify::plan(args, &mysql, cluster)).await?.to_string()
        }
        StepKind::Reconcile(args) => transfer::reconcile::plan(args),
        StepKind::Agent(args) => agent::plan(args, base)?,
        StepKind::Scd2(args) => scd2::plan(&args.clone().relative_to(base), &connections.of_dimension()?, stop).await?,
        StepKind::Lookup(args) => lookup::plan(args, base)?,
        StepKind::Hiveql(args) => {
            query::plan_step(args, &step.name, base, connections.cluster(stop).await?, run_id, stop).await?
        }
        StepKind::Trigger(args) => trigger::plan(args, base)?,
    };
    Ok(vec![(None, plan)])
}

/// A comparison that found both sides equal is done; one that did not ends with an error that says where they differ.
fn verdict(verified: transfer::verify::Verified) -> Result<Ended> {
    let transfer::verify::Verified { mut summary, report } = verified;
    summary.comparison = Some(report.to_json()?);
    if !report.equal {
        tracing::error!("the comparison in full:\n{report}");
        summary.outcome = Outcome::Different;
    }
    Ok(Ended { summary, failure: report.verdict().err() })
}

/// Places that agree are done; others end with an error, and all that differs is in the log.
fn agreed(reconciled: transfer::reconcile::Reconciled) -> Result<Ended> {
    let transfer::reconcile::Reconciled { mut summary, report } = reconciled;
    summary.comparison = Some(report.to_json()?);
    if !report.equal {
        tracing::error!("what differs:\n{report}");
    }
    Ok(Ended { summary, failure: report.verdict().err() })
}
