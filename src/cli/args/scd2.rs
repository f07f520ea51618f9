//! The commands of dimensions.

use clap::{Args, Subcommand};

use super::super::output::Output;
use super::StepCommand;
use crate::scd2::Scd2Args;

/// Options of `scd2`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
pub struct Scd2Command {
    /// What is asked of dimensions.
    #[command(subcommand)]
    pub act: Option<Scd2Act>,
    /// Those of every command of a type of step.
    #[command(flatten)]
    pub step: StepCommand<Scd2Args>,
}

/// What is asked of dimensions, without changing them.
#[derive(Debug, Subcommand)]
pub enum Scd2Act {
    /// Print the HiveQL of what is to be applied, and how many rows it would insert, change and delete (a pipeline file
    /// called `plan` is ./plan)
    Plan(Box<StepCommand<Scd2Args>>),
    /// Hold dimensions against their rules and their logs, and say what is wrong, with counts and keys
    Verify(Box<StepCommand<Scd2Args>>),
    /// Say how far dimensions have come
    Status(Box<StepCommand<Scd2Args>>),
}

impl Scd2Command {
    /// How the command prints what it has to say.
    pub fn output(&self) -> Output {
        match &self.act {
            None => self.step.output,
            Some(Scd2Act::Plan(step) | Scd2Act::Verify(step) | Scd2Act::Status(step)) => step.output,
        }
    }
}
