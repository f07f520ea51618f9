//! What is asked for, as source and dimension let it be carried out.

use super::args::Scd2Args;
use super::drift::{self, Effective};
use super::progress;
use super::source;
use crate::error::Result;
use crate::hiveserver2::Session;
use crate::shutdown::Stop;

/// A step as it is carried out.
pub(super) struct Asked {
    /// As it was written, with the columns that the source has now.
    pub args: Scd2Args,
    /// What is noted of its definition.
    pub definition: String,
    /// What is noted of the source's columns.
    pub seen: String,
    /// Whether the dimension is computed anew, whatever made it.
    pub anew: bool,
}

impl Asked {
    /// Holds `args` against the columns of source and dimension.
    ///
    /// # Errors
    /// NotFound: there is no source. Schema: it lacks a tracked column.
    pub(super) async fn new(args: &Scd2Args, session: &Session, anew: bool, stop: &Stop) -> Result<Self> {
        let source = source::columns(session, &args.source, stop).await?;
        let parameters = progress::parameters(session, &args.target, stop).await?;
        let dimension = match &parameters {
            None => None,
            Some(_) => Some(source::columns(session, &args.target, stop).await?),
        };
        let noted = parameters.as_ref().and_then(|parameters| parameters.get(drift::SEEN));
        let Effective { args, new, gone } =
            drift::effective(args, &source, noted.map(String::as_str), dimension.as_deref())?;
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
        let definition = args.of_events_read().definition();
        Ok(Self { args, definition, seen, anew })
    }
}
