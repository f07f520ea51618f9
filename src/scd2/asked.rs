//! What is asked for, as source and dimension let it be carried out.

use std::collections::BTreeMap;

use super::args::{Input, Scd2Args};
use super::drift::{self, Effective};
use super::intake::Intake;
use super::progress;
use super::run::Runner;
use super::source::{self, SourceColumn};
use crate::error::{self, Result};
use crate::hiveserver2::{Engine, Session};
use crate::shutdown::Stop;

/// A step as it is carried out.
pub(super) struct Asked {
    /// As it was written, with the columns that the source has now.
    pub args: Scd2Args,
    /// The same as it reads its events: of the journal, where it keeps one.
    pub read: Scd2Args,
    /// Columns of the source.
    pub source: Vec<SourceColumn>,
    /// Parameters and columns of the dimension, if it is there.
    pub dimension: Option<(BTreeMap<String, String>, Vec<SourceColumn>)>,
    /// What is noted of its definition.
    pub definition: String,
    /// What is noted of the source's columns.
    pub seen: String,
    /// Whether the dimension is computed anew, whatever made it.
    pub anew: bool,
    /// What executes the statements.
    pub engine: Engine,
}

impl Asked {
    /// Holds `args` against the columns of source and dimension.
    ///
    /// # Errors
    /// NotFound: there is no source. Schema: it lacks a tracked column. Config: only Hive can do what is asked for.
    pub(super) async fn new(args: &Scd2Args, session: &Session, anew: bool, stop: &Stop) -> Result<Self> {
        let engine = session.engine().await?;
        if engine == Engine::Spark && args.input == Input::Snapshot {
            return Err(error::config(format!("{} is a snapshot, and spark cannot take those", args.source))
                .hint("give the step a hiveserver2 of hive, or a log"));
        }
        let source = source::columns(session, &args.source, stop).await?;
        let dimension = match progress::parameters(session, &args.target, stop).await? {
            None => None,
            Some(parameters) => Some((parameters, source::columns(session, &args.target, stop).await?)),
        };
        let noted = dimension.as_ref().and_then(|(parameters, _)| parameters.get(drift::SEEN));
        let columns = dimension.as_ref().map(|(_, columns)| columns.as_slice());
        let Effective { args, new, gone } = drift::effective(args, &source, noted.map(String::as_str), columns)?;
        for column in &new {
            tracing::warn!(
                target = args.target,
                column,
                "the source has a new column, which is carried along untracked"
            );
        }
        for column in &gone {
            tracing::warn!(
                target = args.target,
                column,
                "the source does not have the column any more, which stays as it is"
            );
        }
        let seen = noted.cloned().unwrap_or_else(|| drift::seen(&source));
        let read = args.of_events_read();
        let definition = read.definition();
        Ok(Self { args, read, source, dimension, definition, seen, anew, engine })
    }

    /// What takes snapshots of the source.
    pub(super) fn intake<'a>(&'a self, session: &'a Session, run_id: &'a str, stop: &'a Stop) -> Intake<'a> {
        Intake { args: &self.args, source: &self.source, session, run_id, stop }
    }

    /// What folds the events.
    pub(super) fn runner<'a>(&'a self, session: &'a Session, run_id: &'a str, stop: &'a Stop) -> Runner<'a> {
        Runner { args: &self.read, session, run_id, stop, asked: self }
    }
}
