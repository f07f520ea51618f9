//! The partitions of a step's source: which of them are new, or are not what they were when the step was done for them.
//!
//! A partition of ours says which load touched it last; a load that changed nothing leaves that alone, and so does a rewrite
//! of its files. Of a partition that something else wrote, what Hive itself notes is looked at: the second of the last
//! change, files, bytes and rows. Where Hive changes a partition twice within a second, and none of the three differ, the
//! second change is not seen.

use std::collections::BTreeMap;

use super::state::State;
use crate::error::{self, Result};
use crate::load::{Cluster, Partition};
use crate::metastore::StoredTable;

/// By which a load says that it wrote to a partition.
const LOAD: &str = "sakia.load.id";
/// What Hive notes of a partition that it wrote.
const NOTED: [&str; 4] = ["transient_lastDdlTime", "numFiles", "totalSize", "numRows"];

/// A partition and its stamp, which differs when the partition was written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamped {
    pub partition: Partition,
    pub stamp: String,
}

/// The source of a step as it is now, beside what was done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Names of the partition columns.
    pub columns: Vec<String>,
    /// What there is to do, in order.
    pub pending: Vec<Stamped>,
    /// How many partitions nothing has happened to.
    pub done: usize,
    /// Partitions that were done and are not there any more.
    pub gone: Vec<String>,
}

/// Asks the metastore.
///
/// # Errors
/// Config: no metastore, or a table without partitions. NotFound: no such table. Those of the metastore.
pub(super) async fn look(cluster: &Cluster, (database, table): (&str, &str), state: &State) -> Result<Changed> {
    let name = format!("{database}.{table}");
    let metastore = cluster.metastore.as_ref().ok_or_else(|| {
        error::config(format!("nothing says where the metastore is that knows the partitions of {name}"))
            .hint("add a [metastore] table")
    })?;
    let found = metastore.stored_table(database, table).await?.ok_or_else(|| {
        error::not_found(format!("table {name} does not exist"))
            .hint("look at the step's `source`, and put the step behind the one that makes the table")
    })?;
    of_table(&found, state).ok_or_else(|| {
        error::config(format!("table {name} has no partitions"))
            .hint("leave `source` out to run the statements each time, or name a table with partitions")
    })
}

fn of_table(table: &StoredTable, state: &State) -> Option<Changed> {
    let columns: Vec<String> = table.partition_columns.iter().map(|column| column.name.to_lowercase()).collect();
    if columns.is_empty() {
        return None;
    }
    let mut gone: BTreeMap<&String, &String> = state.partitions.iter().collect();
    let mut changed = Changed { columns, ..Changed::default() };
    for found in &table.partitions {
        let partition = Partition::new(changed.columns.iter().zip(found.values.iter().cloned()));
        let stamp = stamp(&found.parameters);
        let name = partition.path();
        gone.remove(&name);
        match state.partitions.get(&name) {
            Some(known) if *known == stamp => changed.done += 1,
            _ => changed.pending.push(Stamped { partition, stamp }),
        }
    }
    changed.pending.sort_by(|a, b| a.partition.cmp(&b.partition));
    changed.gone = gone.into_keys().cloned().collect();
    Some(changed)
}

fn stamp(parameters: &BTreeMap<String, String>) -> String {
    match parameters.get(LOAD) {
        Some(load) => load.clone(),
        None => NOTED.map(|name| parameters.get(name).map_or("", String::as_str)).join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metastore::{Column, StoredPartition};

    fn table(partitions: &[(&str, &[(&str, &str)])]) -> StoredTable {
        let partition = |(day, parameters): &(&str, &[(&str, &str)])| StoredPartition {
            values: vec![(*day).to_owned()],
            parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..StoredPartition::default()
        };
        StoredTable {
            partition_columns: vec![Column::new("Dt", "string")],
            partitions: partitions.iter().map(partition).collect(),
            ..StoredTable::default()
        }
    }

    #[test]
    fn what_is_new_or_was_written_to_is_pending() {
        let (mut state, ddl) = (State::default(), "transient_lastDdlTime");
        let first = table(&[("b", &[(LOAD, "1"), (ddl, "7")]), ("a", &[(ddl, "5"), ("numRows", "2")])]);
        let changed = of_table(&first, &state).unwrap();
        assert_eq!(changed.columns, ["dt"]);
        let names = |changed: &Changed| changed.pending.iter().map(|p| p.partition.path()).collect::<Vec<_>>();
        assert_eq!(names(&changed), ["dt=a", "dt=b"]);
        state.partitions = changed.pending.iter().map(|p| (p.partition.path(), p.stamp.clone())).collect();

        assert_eq!(
            of_table(&first, &state).unwrap(),
            Changed { columns: vec!["dt".into()], done: 2, ..Changed::default() }
        );
        // A rewrite of the files is no change; a load is, and so is a row more, or a partition that is made anew.
        let rewritten = table(&[("b", &[(LOAD, "1"), (ddl, "9")]), ("a", &[(ddl, "5"), ("numRows", "3")])]);
        assert_eq!(names(&of_table(&rewritten, &state).unwrap()), ["dt=a"]);
        let loaded = of_table(&table(&[("b", &[(LOAD, "2"), (ddl, "7")])]), &state).unwrap();
        assert_eq!((names(&loaded), loaded.gone), (vec!["dt=b".to_owned()], vec!["dt=a".to_owned()]));
        assert_eq!(of_table(&StoredTable::default(), &state), None);
    }
}
