//! What is done with the dimensions of a pipeline beside running their steps, and what is asked of them.

use std::time::Instant;

use super::config::Pipeline;
use super::connections::Connections;
use super::step::StepKind;
use crate::error::Result;
use crate::scd2::{self, Ends, Scd2Args};
use crate::shutdown::Stop;
use crate::telemetry::summary::{StepSummary, Summary};

/// Holds each dimension against its rules and its log; the summary has those that are right.
///
/// # Errors
/// That of the first dimension that is wrong, or cannot be asked.
pub(crate) async fn verify(pipeline: &Pipeline, summary: &mut Summary, stop: &Stop) -> Result<()> {
    each(pipeline, summary, async |args, ends, _| scd2::verify(args, ends, stop).await).await
}

/// Makes the tables of each dimension that are not there.
///
/// # Errors
/// That of the first dimension whose tables cannot be made.
pub(crate) async fn init(pipeline: &Pipeline, summary: &mut Summary, stop: &Stop) -> Result<()> {
    each(pipeline, summary, async |args, ends, run_id| scd2::init(args, ends, run_id, stop).await).await
}

/// Computes each dimension anew from its log.
///
/// # Errors
/// That of the first dimension that cannot be built.
pub(crate) async fn rebuild(pipeline: &Pipeline, summary: &mut Summary, stop: &Stop) -> Result<()> {
    each(pipeline, summary, async |args, ends, run_id| scd2::rebuild(args, ends, run_id, stop).await).await
}

/// Does something with each dimension; the summary has those where it went well.
async fn each(
    pipeline: &Pipeline,
    summary: &mut Summary,
    act: impl AsyncFn(&Scd2Args, &Ends, &str) -> Result<StepSummary>,
) -> Result<()> {
    let connections = Connections::new(pipeline)?;
    for step in &pipeline.steps {
        let StepKind::Scd2(args) = &step.kind else { continue };
        let (label, started) = (step.label(), Instant::now());
        let args = args.clone().relative_to(&pipeline.base);
        let done = Box::pin(act(&args, &connections.of_dimension()?, &summary.run_id)).await;
        let mut done = done.map_err(|e| {
            summary.failed_step = Some(label.clone());
            e.context(&label)
        })?;
        done.step = label;
        done.elapsed = started.elapsed();
        summary.steps.push(done);
    }
    Ok(())
}

/// How far each dimension has come, with its step's name.
///
/// # Errors
/// That of the first dimension that cannot be asked.
pub(crate) async fn status(pipeline: &Pipeline, stop: &Stop) -> Result<Vec<(String, String)>> {
    let connections = Connections::new(pipeline)?;
    let mut all = Vec::new();
    for step in &pipeline.steps {
        let StepKind::Scd2(args) = &step.kind else { continue };
        let args = args.clone().relative_to(&pipeline.base);
        let status = Box::pin(scd2::status(&args, &connections.of_dimension()?, stop)).await;
        all.push((step.label(), status.map_err(|e| e.context(step.label()))?));
    }
    Ok(all)
}
