//! A pipeline: imports, agents, SCD-2 merges and lookups in the order of one TOML file.
//!
//! Each step is a load or drives work in the cluster that is safe to repeat, so a pipeline that stopped anywhere is
//! run again as a whole: finished steps find nothing to do.

mod config;
mod run;

pub use config::{Pipeline, Step, StepKind};
pub use run::run;
