//! Runs the steps of a pipeline one after another over connections that are opened when first needed.

use std::path::Path;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::load::Cluster;
use crate::mysql::MySqlClient;
use crate::shutdown::Stop;
use crate::telemetry::summary::{StepSummary, Summary};
use crate::{agent, lookup, scd2, transfer};

use super::config::{Pipeline, Step, StepKind};

/// Runs every step in order; the summary holds those that ended, whether or not a later one failed.
///
/// # Errors
/// The first failing step's error, with the step named in front; steps after it are not started.
pub async fn run(pipeline: &Pipeline, summary: &mut Summary, stop: &Stop) -> Result<()> {
    let mut connections = Connections { pipeline, cluster: None };
    for step in &pipeline.steps {
        stop.check()?;
        let label = format!("{} {}", step.kind.as_str(), step.name);
        tracing::info!("{label}: starts");
        let started = Instant::now();
        let mut done = run_step(&mut connections, step, &summary.run_id, stop).await.map_err(|e| e.context(&label))?;
        done.step.clone_from(&label);
        done.elapsed = started.elapsed();
        tracing::info!(rows_in = done.rows_in, rows_out = done.rows_out, rejects = done.rejects, "{label}: ends");
        summary.steps.push(done);
    }
    Ok(())
}

async fn run_step(connections: &mut Connections<'_>, step: &Step, run_id: &str, stop: &Stop) -> Result<StepSummary> {
    let pipeline = connections.pipeline;
    let base: &Path = &pipeline.base;
    match &step.kind {
        StepKind::Import(args) => {
            let mysql = MySqlClient::new(configured(pipeline.mysql.as_ref(), "mysql")?, base)?;
            let cluster = match args.hbase.table {
                Some(_) => None,
                None => Some(connections.cluster(stop).await?),
            };
            let (hbase, hiveserver2) = (pipeline.hbase.as_ref(), pipeline.hiveserver2.as_ref());
            let ends = transfer::Ends { mysql: &mysql, cluster, hbase, hiveserver2 };
            transfer::import::run(args, &ends, run_id, stop).await
        }
        StepKind::Agent(args) => agent::run(args, base, connections.cluster(stop).await?, run_id, stop).await,
        StepKind::Scd2(args) => {
            let hive = configured(pipeline.hiveserver2.as_ref(), "hiveserver2")?.clone().relative_to(base);
            scd2::run(&args.clone().relative_to(base), &hive, run_id, stop).await
        }
        StepKind::Lookup(args) => {
            let hive = configured(pipeline.hiveserver2.as_ref(), "hiveserver2")?.clone().relative_to(base);
            let hbase = configured(pipeline.hbase.as_ref(), "hbase")?;
            lookup::run(args, base, hbase, &hive, run_id, stop).await
        }
    }
}

/// The connections of a pipeline; the cluster's is opened once and shared.
struct Connections<'a> {
    pipeline: &'a Pipeline,
    cluster: Option<Cluster>,
}

impl Connections<'_> {
    async fn cluster(&mut self, stop: &Stop) -> Result<&Cluster> {
        if self.cluster.is_none() {
            let hdfs = configured(self.pipeline.hdfs.as_ref(), "hdfs")?;
            let connect = Cluster::connect(hdfs, self.pipeline.metastore.as_ref());
            self.cluster = Some(stop.or(connect).await?);
        }
        configured(self.cluster.as_ref(), "hdfs")
    }
}

/// A pipeline is checked for its connections when it is read; a miss here is a mistake of ours.
fn configured<'a, T>(connection: Option<&'a T>, name: &str) -> Result<&'a T, Error> {
    connection.ok_or_else(|| crate::error::bug(format!("the [{name}] table was not asked for in time")))
}
