//! What is asked of the dimensions of a pipeline without changing them.

use std::time::Instant;

use super::config::Pipeline;
use super::connections::Connections;
use super::step::StepKind;
use crate::error::Result;
use crate::scd2;
use crate::shutdown::Stop;
use crate::telemetry::summary::Summary;

/// Holds each dimension against its rules and its log; the summary has those that are right.
///
/// # Errors
/// That of the first dimension that is wrong, or cannot be asked.
pub(crate) async fn verify(pipeline: &Pipeline, summary: &mut Summary, stop: &Stop) -> Result<()> {
    let connections = Connections::new(pipeline)?;
    for step in &pipeline.steps {
        let StepKind::Scd2(args) = &step.kind else { continue };
        let (label, started) = (step.label(), Instant::now());
        let args = args.clone().relative_to(&pipeline.base);
        let verified = Box::pin(scd2::verify(&args, &connections.of_dimension()?, stop)).await;
        let mut verified = verified.map_err(|e| {
            summary.failed_step = Some(label.clone());
            e.context(&label)
        })?;
        verified.step = label;
        verified.elapsed = started.elapsed();
        summary.steps.push(verified);
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
