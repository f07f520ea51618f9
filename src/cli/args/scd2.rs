//! The commands of dimensions.

use clap::{Args, Subcommand};

use super::super::output::Output;
use super::StepCommand;
use crate::scd2::Scd2Args;

/// Options of `scd2`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
pub struct Scd2Command {
    /// What is done with dimensions.
    #[command(subcommand)]
    pub act: Option<Scd2Act>,
    /// Those of every command of a type of step.
    #[command(flatten)]
    pub step: StepCommand<Scd2Args>,
}

/// What is done with dimensions, or asked of them.
#[derive(Debug, Subcommand)]
pub enum Scd2Act {
    /// Make the tables of dimensions that are not there yet, and change nothing else
    Init(Box<StepCommand<Scd2Args>>),
    /// Apply what is missing, as `sakia scd2` does without a word
    Apply(Box<StepCommand<Scd2Args>>),
    /// Compute whole dimensions anew from their logs, as they are defined now
    Rebuild(Box<StepCommand<Scd2Args>>),
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
            Some(
                Scd2Act::Init(step)
                | Scd2Act::Apply(step)
                | Scd2Act::Rebuild(step)
                | Scd2Act::Plan(step)
                | Scd2Act::Verify(step)
                | Scd2Act::Status(step),
            ) => step.output,
        }
    }
}
