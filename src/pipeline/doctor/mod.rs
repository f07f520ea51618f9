//! Walks every hop that a pipeline names, in the order in which data goes, and asks each server what a run will need of
//! it. Nothing is changed anywhere but a file in each target's directory, which is removed again.

mod asked;
mod database;
mod places;

use self::asked::Asked;
use super::agent::AgentPipeline;
use super::config::Pipeline;
use super::connections::Connections;
use super::step::StepKind;
use crate::checkup::Checkup;
use crate::error::Result;
use crate::net::examine::asking;
use crate::shutdown::Stop;
use crate::{agent, hbase, hiveserver2, kerberos, metastore};

/// Asks all of it; what fails is among the answers.
///
/// # Errors
/// Config: the settings of the connections cannot be read. Stopped.
pub(crate) async fn doctor(pipeline: &Pipeline, stop: &Stop) -> Result<Checkup> {
    let mut checkup = Checkup::default();
    let work = async {
        servers(pipeline, Asked::of_steps(pipeline), stop, &mut checkup).await?;
        let (steps, base) = (pipeline.agents(), pipeline.base.clone());
        let ask = move |checkup: &mut Checkup| {
            steps.iter().for_each(|(name, args)| agent::examine_step(name, args, &base, checkup));
        };
        asking(&mut checkup, ask).await
    };
    stop.or(Box::pin(work)).await?;
    Ok(checkup)
}

/// The same for an agent's own file: its servers, and the host that it runs on.
///
/// # Errors
/// As [`doctor`].
pub(crate) async fn doctor_agent(agent: AgentPipeline, stop: &Stop) -> Result<Checkup> {
    let mut checkup = Checkup::default();
    let AgentPipeline { pipeline, agent, .. } = agent;
    let work = async {
        servers(&pipeline, Asked::of_agent(&agent), stop, &mut checkup).await?;
        asking(&mut checkup, move |checkup| agent::examine_file(&agent, checkup)).await
    };
    stop.or(Box::pin(work)).await?;
    Ok(checkup)
}

async fn servers(pipeline: &Pipeline, asked: Asked, stop: &Stop, checkup: &mut Checkup) -> Result<()> {
    let mut connections = Connections::new(pipeline)?;
    let access = connections.access().clone();
    if access.is_secure() || pipeline.servers.kerberos.is_some() {
        checkup.hop("kerberos");
        let access = access.clone();
        asking(checkup, move |checkup| {
            kerberos::examine(access.credentials(), access.tokens(), access.hadoop(), checkup);
        })
        .await?;
    }
    if let Some(user) = access.proxy_user() {
        checkup.hop("proxy user");
        checkup.fine("acting as", format!("{user}, which each server must allow"));
    }
    let steps = &pipeline.steps;
    if pipeline.servers.mysql.is_some() {
        checkup.hop("mysql");
        if let Some(client) = checkup.note("address", connections.mysql(stop).await) {
            end(database::examine(&client, steps, checkup).await, checkup);
        }
    }
    let servers = connections.servers();
    if let Some(options) = &servers.hdfs {
        checkup.hop("hdfs");
        end(crate::storage::hdfs::examine(options, &asked.places, checkup).await, checkup);
    }
    if let Some(options) = &servers.metastore {
        checkup.hop("metastore");
        end(metastore::examine(options, &asked.tables, checkup).await, checkup);
    }
    if let Some(options) = &servers.hiveserver2 {
        checkup.hop("hiveserver2");
        let acid = steps.iter().any(|step| matches!(step.kind, StepKind::Scd2(_)));
        let options = options.clone().relative_to(&pipeline.base);
        end(hiveserver2::examine(&options, acid, &asked.statements, checkup).await, checkup);
    }
    if let Some(options) = &servers.hbase {
        checkup.hop("hbase");
        end(hbase::examine(options, &asked.hbase_tables, checkup).await, checkup);
    }
    Ok(())
}

/// An examination that could not go on.
fn end(done: Result<()>, checkup: &mut Checkup) {
    if let Err(e) = done {
        checkup.failed("settings", &e);
    }
}
