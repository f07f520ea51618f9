//! A pipeline: imports, exports, merges, agents, SCD-2 merges, lookups and a team's own statements in the order of one TOML file, or one of them
//! as the command line asks for it.
//!
//! Each step is a load or drives work in the cluster that is safe to repeat, so a pipeline that stopped anywhere is
//! run again as a whole: finished steps find nothing to do.

mod agent;
mod config;
mod connections;
mod dimensions;
mod doctor;
mod file;
mod run;
mod servers;
mod step;
mod versions;

pub(crate) use agent::AgentPipeline;
pub(crate) use config::Pipeline;
pub(crate) use connections::read_password;
pub(crate) use dimensions::{
    init as init_dimensions, rebuild as rebuild_dimensions, status as status_of_dimensions, verify as verify_dimensions,
};
pub(crate) use doctor::{doctor, doctor_agent};
pub(crate) use run::{plan, run};
pub(crate) use servers::Servers;
pub(crate) use step::{Step, StepKind};
pub(crate) use versions::{AgentOrigin, AgentText};
