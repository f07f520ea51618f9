//! Partitions given other locations, all of them in one call.

use super::{MetastoreClient, Statistics, structures};
use crate::error::{self, Result};

/// Where a partition lies from now on.
#[derive(Clone, Debug)]
pub struct Relocation {
    /// The partition's name, `k=v/k2=v2` with Hive's escapes.
    pub name: String,
    /// One value for each partition column.
    pub values: Vec<String>,
    /// Where it lies now; where it does not, nothing is done.
    pub from: String,
    /// Full location of its new files.
    pub to: String,
    /// What is said of these.
    pub statistics: Statistics,
    /// Parameters to set.
    pub parameters: Vec<(String, String)>,
}

impl MetastoreClient {
    /// Lets the files of some partitions be those in other directories. The metastore does it in one transaction: whoever
    /// asks for the partitions before gets all old locations, whoever asks after it all new ones. Safe to repeat.
    ///
    /// # Errors
    /// NotFound: one of them is not there. Busy: somebody else moved one. Nothing is changed then. Those of the metastore.
    pub async fn relocate_partitions(&self, table: (&str, &str), moves: &[Relocation]) -> Result<()> {
        let full_name = format!("{}.{}", table.0, table.1);
        let act = format!("looking at {} partitions of {full_name}", moves.len());
        let names = moves.iter().map(|one| one.name.clone()).collect();
        let found = self.named_partitions(table, act, names).await?;
        if found.len() != moves.len() {
            let what = format!("{} of {} partitions of {full_name} are gone", moves.len() - found.len(), moves.len());
            return Err(error::not_found(what).hint("somebody dropped them; run again"));
        }
        let mut changed = Vec::new();
        for mut partition in found {
            let mut storage = partition.sd.take().unwrap_or_default();
            let location = storage.location.take().unwrap_or_default();
            let moved = moves.iter().find(|one| partition.values.as_ref() == Some(&one.values));
            let Some(moved) = moved.filter(|one| [&one.from, &one.to].contains(&&location)) else {
                let what = format!("a partition of {full_name} was given the location {location} meanwhile");
                return Err(error::busy(what).hint("only sakia may move them; run again"));
            };
            storage.location = Some(moved.to.clone());
            partition.sd = Some(storage);
            structures::change(&mut partition.parameters, |all| {
                moved.statistics.apply(all);
                all.extend(moved.parameters.iter().cloned());
            });
            changed.push(partition);
        }
        let act = format!("giving {} partitions of {full_name} other locations", changed.len());
        self.alter(table, act, changed).await
    }
}
