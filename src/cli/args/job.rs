//! Arguments of `job`.

use clap::{Args, Subcommand};

/// Options of `job`.
#[derive(Debug, Args)]
pub struct JobCommand {
    /// What to do.
    #[command(subcommand)]
    pub act: JobAct,
}

/// What to do with saved jobs.
#[derive(Debug, Subcommand)]
pub enum JobAct {
    /// Save a command: sakia job create NAME -- import --connect ...
    Create {
        /// Name of the job
        name: String,
        /// The command and its arguments; sqoop TOOL for Sqoop's
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// List the saved jobs
    List,
    /// Show what a job does and where it got to
    Show {
        /// Name of the job
        name: String,
    },
    /// Run a job; arguments after -- take the place of the saved ones for this run
    Exec {
        /// Name of the job
        name: String,
        /// Arguments on top of the saved ones
        #[arg(last = true, value_name = "ARGUMENTS")]
        overrides: Vec<String>,
    },
    /// Delete a job
    Delete {
        /// Name of the job
        name: String,
    },
}
