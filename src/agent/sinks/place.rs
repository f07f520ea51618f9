//! A directory that holds events as they are, and the channel's cursor beside them: what the sinks have in common whose
//! files are side parts of a load.

use std::sync::Arc;

use arrow_schema::Schema;

use super::{Begun, Kept, Written, overtaken};
use crate::agent::channels::cursor::Cursor;
use crate::error::{self, Result};
use crate::load::{Cluster, Load, LoadMode, LoadPlan, Manifest, Strangers};

/// Where the epochs of a sink lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventDirectory<'a> {
    pub cluster: &'a Cluster,
    pub path: &'a str,
    pub reject_dir: &'a str,
    pub run_id: &'a str,
    /// What the files of such a directory have in common.
    pub fingerprint: &'static str,
    /// The same in words, for who finds something else there.
    pub holds: &'static str,
    /// Others empty the channel, too.
    pub shares: bool,
}

impl EventDirectory<'_> {
    async fn open(&self, load_id: Option<String>) -> Result<Load> {
        // Its files are all side parts.
        let encoder = Arc::new(|_: &_| Err(error::bug("a sink of events has no table")));
        let plan = LoadPlan {
            fingerprint: self.fingerprint.to_owned(),
            strangers: Strangers::Keep,
            run_id: self.run_id.to_owned(),
            load_id,
            ..LoadPlan::new(self.path, LoadMode::Append, Arc::new(Schema::empty()), encoder)
        };
        Load::open(self.cluster, plan).await
    }

    fn cursor(&self, manifest: Option<&Manifest>) -> Result<Option<Cursor>> {
        let Some(manifest) = manifest else { return Ok(None) };
        if manifest.fingerprint != self.fingerprint {
            let what = format!("{} holds {:?}, not {}", self.path, manifest.fingerprint, self.holds);
            return Err(error::config(what).hint("choose another directory"));
        }
        Cursor::of_checkpoint(&manifest.checkpoint, self.path).map(Some)
    }

    /// As [`Sink::recover`](super::Sink::recover).
    pub(super) async fn recover(&self) -> Result<Kept> {
        let load = self.open(None).await?;
        let cursor = self.cursor(load.previous());
        load.discard().await?;
        cursor.map(Kept::Target)
    }

    /// As [`Sink::begin`](super::Sink::begin): the load of the epoch that begins at `from`, or the epoch that is there.
    pub(super) async fn begin(&self, from: &Cursor) -> Result<Result<Load, Begun>> {
        let load = self.open(Some(from.next_load())).await?;
        let there = self.cursor(load.previous())?;
        if from.admits(there.as_ref(), self.shares) {
            return Ok(Ok(load));
        }
        let written = Written::of(load.previous().map_or(&[], |manifest| &manifest.parts), self.reject_dir);
        load.discard().await?;
        match there {
            Some(there) if there.is_next_of(from) => Ok(Err(Begun::There(there, Box::new(written)))),
            _ => Err(overtaken(self.path)),
        }
    }
}
