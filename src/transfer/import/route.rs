//! Rows of one split to the files of their partitions.
//!
//! Memory is bounded: when the open files together hold more than [`HELD_BYTES`], the fullest is flushed (its row group
//! ends early); when more than [`OPEN_FILES`] are open, the one not written to for longest is completed and a later row
//! of its partition begins another file.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::take::take_record_batch;
use futures::future::try_join_all;

use super::partition::{Key, PartitionColumn};
use crate::error::{self, Result};
use crate::load::{Load, PartWriter, Partition, SealedPart, StagedPart};

/// Bytes that the open files of one split may hold in memory.
const HELD_BYTES: usize = 32 << 20;

/// Files of one split that may be open.
const OPEN_FILES: usize = 64;

/// How rows find their partitions.
#[derive(Clone, Debug)]
pub(super) struct Partitioner {
    /// Each partition column and the index of its source in the batches read.
    pub columns: Vec<(PartitionColumn, usize)>,
    /// Indices of the columns that go to the files, in order.
    pub kept: Vec<usize>,
    /// Schema of the files.
    pub schema: SchemaRef,
}

impl Partitioner {
    /// The rows of a batch by partition, in their order, without the columns that directory names hold.
    fn split(&self, batch: &RecordBatch) -> Result<Vec<(Partition, RecordBatch)>> {
        let groups = self.groups(batch)?;
        let columns: Vec<ArrayRef> = self.kept.iter().map(|i| batch.column(*i).clone()).collect();
        let bug = |e| error::bug("the rows of a partition cannot be taken").source(e);
        let kept = RecordBatch::try_new(self.schema.clone(), columns).map_err(bug)?;
        if let [(partition, _)] = &groups[..] {
            return Ok(vec![(partition.clone(), kept)]);
        }
        let taken = groups.into_iter().map(|(partition, rows)| {
            let rows = take_record_batch(&kept, &UInt32Array::from(rows)).map_err(bug)?;
            Ok((partition, rows))
        });
        taken.collect()
    }

    /// Row numbers by partition, partitions in the order of their first row.
    fn groups(&self, batch: &RecordBatch) -> Result<Vec<(Partition, Vec<u32>)>> {
        let mut keys = Vec::with_capacity(self.columns.len());
        for (column, source) in &self.columns {
            keys.push(column.keys(batch.column(*source))?.into_iter());
        }
        let mut groups: Vec<(Partition, Vec<u32>)> = Vec::new();
        let mut group_of_key: HashMap<Vec<Key>, usize> = HashMap::new();
        for row in 0..batch.num_rows() as u32 {
            let key: Vec<Key> = keys.iter_mut().filter_map(Iterator::next).collect();
            let group = match group_of_key.get(&key) {
                Some(group) => *group,
                None => {
                    let partition = self.partition(batch, &key)?;
                    let group = groups.iter().position(|(p, _)| *p == partition).unwrap_or(groups.len());
                    if group == groups.len() {
                        groups.push((partition, Vec::new()));
                    }
                    group_of_key.insert(key, group);
                    group
                }
            };
            groups[group].1.push(row);
        }
        Ok(groups)
    }

    fn partition(&self, batch: &RecordBatch, key: &[Key]) -> Result<Partition> {
        let value = |((column, source), key): (&(PartitionColumn, usize), &Key)| {
            column.value(key, batch.column(*source).data_type()).map(|value| (column.name.clone(), value))
        };
        Ok(Partition::new(self.columns.iter().zip(key).map(value).collect::<Result<Vec<_>>>()?))
    }
}

/// The files of one split.
pub(super) struct Router<'a> {
    load: Arc<Load>,
    split: usize,
    partitioner: Option<&'a Partitioner>,
    /// Open files, the one written to last at the end.
    open: Vec<(Partition, PartWriter)>,
    files: usize,
    done: Vec<StagedPart>,
}

impl<'a> Router<'a> {
    /// A split without a file: files begin with their first row.
    pub(super) fn new(load: Arc<Load>, split: usize, partitioner: Option<&'a Partitioner>) -> Self {
        Self { load, split, partitioner, open: Vec::new(), files: 0, done: Vec::new() }
    }

    /// Writes the rows of some batches to the files of their partitions. A cancelled call spoils the router.
    ///
    /// # Errors
    /// Data: a value that makes no partition. Those of the load's parts.
    pub(super) async fn write(&mut self, batches: Vec<RecordBatch>) -> Result<()> {
        match self.partitioner {
            None => self.write_to(Partition::none(), batches).await?,
            Some(partitioner) => {
                for batch in &batches {
                    for (partition, rows) in partitioner.split(batch)? {
                        self.write_to(partition, vec![rows]).await?;
                    }
                }
            }
        }
        self.shrink().await
    }

    async fn write_to(&mut self, partition: Partition, rows: Vec<RecordBatch>) -> Result<()> {
        let at = self.open.iter().position(|(p, _)| *p == partition);
        let mut writer = match at {
            Some(at) => self.open.remove(at).1,
            None => self.begin(&partition).await?,
        };
        writer.write_all(rows).await?;
        self.open.push((partition, writer));
        Ok(())
    }

    async fn begin(&mut self, partition: &Partition) -> Result<PartWriter> {
        if self.open.len() >= OPEN_FILES {
            let (_, oldest) = self.open.remove(0);
            self.done.push(oldest.finish().await?);
        }
        let roll = self.files;
        self.files += 1;
        self.load.part(self.split, roll, partition).await
    }

    /// Flushes the fullest files until what is held fits.
    async fn shrink(&mut self) -> Result<()> {
        while self.open.len() > 1 && self.open.iter().map(|(_, w)| w.buffered_bytes()).sum::<usize>() > HELD_BYTES {
            let Some((_, fullest)) = self.open.iter_mut().max_by_key(|(_, w)| w.buffered_bytes()) else { break };
            let before = fullest.buffered_bytes();
            fullest.flush().await?;
            if fullest.buffered_bytes() >= before {
                break;
            }
        }
        Ok(())
    }

    /// Ships all that is left of all files.
    ///
    /// # Errors
    /// Those of the load's parts.
    pub(super) async fn seal(self) -> Result<SealedFiles> {
        let closing = try_join_all(self.open.into_iter().map(|(_, writer)| writer.seal())).await?;
        Ok(SealedFiles { done: self.done, closing })
    }
}

/// The files of one split, all of whose rows are on their way.
pub(super) struct SealedFiles {
    done: Vec<StagedPart>,
    closing: Vec<SealedPart>,
}

impl SealedFiles {
    /// Makes all files durable, at once: closing a file waits for the cluster more than it works.
    ///
    /// # Errors
    /// Those of the load's parts.
    pub(super) async fn close(mut self) -> Result<Vec<StagedPart>> {
        self.done.extend(try_join_all(self.closing.into_iter().map(SealedPart::close)).await?);
        Ok(self.done)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::record_batch;
    use arrow_schema::Schema;

    use super::*;
    use crate::transfer::import::PartitionColumns;

    #[test]
    fn rows_go_to_their_partitions_in_order() {
        let batch = record_batch!(("id", Int32, [1, 2, 3, 4]), ("land", Utf8, ["a", "b", "a", "c"])).unwrap();
        let PartitionColumns(columns) = "land=land".parse().unwrap();
        let partitioner = Partitioner {
            columns: columns.into_iter().map(|c| (c, 1)).collect(),
            kept: vec![0],
            schema: Arc::new(Schema::new(vec![batch.schema().field(0).clone()])),
        };
        let split = partitioner.split(&batch).unwrap();
        let seen: Vec<(String, RecordBatch)> = split.into_iter().map(|(p, rows)| (p.path(), rows)).collect();
        let want = |ids: &[i32]| {
            RecordBatch::try_new(
                partitioner.schema.clone(),
                vec![Arc::new(arrow_array::Int32Array::from(ids.to_vec()))],
            )
            .unwrap()
        };
        assert_eq!(
            seen,
            [
                ("land=a".to_owned(), want(&[1, 3])),
                ("land=b".to_owned(), want(&[2])),
                ("land=c".to_owned(), want(&[4]))
            ]
        );
    }
}
