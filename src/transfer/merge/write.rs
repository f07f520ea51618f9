//! Survivors into the parts of a load: files in groups, several groups at once, each from its beginning again where a
//! datanode takes it away.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::{Judged, Rewrite, survivors};
use crate::error::{self, Kind, Result};
use crate::load::{Load, PartWriter, Partition, StagedPart};
use crate::storage::{TRIES, pause_after_loss};
use crate::transfer::input::Dataset;

/// Files are put together up to this size, so that a merge does not keep every small file small.
const GROUP_BYTES: u64 = 128 << 20;

/// A written file ends once it is this long.
const ROLL_BYTES: u64 = 512 << 20;

/// Batches that wait between reading and encoding.
const BATCHES_AHEAD: usize = 1;

/// A data set and its verdict.
#[derive(Clone)]
pub struct JudgedData {
    /// The files.
    pub data: Arc<dyn Dataset>,
    /// What survives of them.
    pub judged: Judged,
}

/// Files that are written one after another.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    partition: Partition,
    files: Vec<usize>,
}

/// Neighbours of one partition, up to a size.
fn groups(data: &dyn Dataset, most_bytes: u64) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut bytes = 0;
    for (number, file) in data.files().iter().enumerate() {
        match groups.last_mut() {
            Some(last) if last.partition == file.partition && bytes + file.len_bytes <= most_bytes => {
                last.files.push(number);
                bytes += file.len_bytes;
            }
            _ => {
                groups.push(Group { partition: file.partition.clone(), files: vec![number] });
                bytes = file.len_bytes;
            }
        }
    }
    groups
}

/// Writes what survives of some data sets into parts of a load, numbered from `first` on; gives the parts.
///
/// # Errors
/// Those of [`survivors`], of the rewrite, and of the load's parts. Lost: a file was lost to a dead datanode as often as
/// is tried.
pub async fn write(
    load: &Load,
    data: &[&JudgedData],
    rewrite: &Rewrite,
    first: usize,
    workers: usize,
) -> Result<Vec<StagedPart>> {
    let all = data.iter().flat_map(|d| groups(d.data.as_ref(), GROUP_BYTES).into_iter().map(move |g| (*d, g)));
    let written = stream::iter(all.enumerate())
        .map(|(number, (data, group))| group_again(load, data, group, rewrite, first + number))
        .buffer_unordered(workers.max(1));
    let parts: Vec<Vec<StagedPart>> = written.try_collect().await?;
    Ok(parts.into_iter().flatten().collect())
}

async fn group_again(
    load: &Load,
    data: &JudgedData,
    group: Group,
    rewrite: &Rewrite,
    number: usize,
) -> Result<Vec<StagedPart>> {
    for tries in 1.. {
        match write_group(load, data, &group, rewrite, number).await {
            Err(e) if e.kind() == Kind::Lost && tries < TRIES => {
                tracing::warn!(error = %e, part = number, "writing the file again");
                pause_after_loss(tries).await;
            }
            done => return done,
        }
    }
    Err(error::bug("a file was written again without end"))
}

async fn write_group(
    load: &Load,
    JudgedData { data, judged }: &JudgedData,
    group: &Group,
    rewrite: &Rewrite,
    number: usize,
) -> Result<Vec<StagedPart>> {
    let (mut done, mut open): (Vec<StagedPart>, Option<PartWriter>) = (Vec::new(), None);
    for file in &group.files {
        let (to, mut batches) = mpsc::channel(BATCHES_AHEAD);
        let (data, judged, file) = (data.clone(), judged.clone(), *file);
        let reader = tokio::spawn(async move { survivors(data, &judged, file, to).await });
        let reader = AbortOnDropHandle::new(reader);
        while let Some(batch) = batches.recv().await {
            let mut writer = match open.take() {
                Some(writer) => writer,
                None => {
                    let encoder = rewrite.format.encoder(rewrite.schema.clone())?;
                    load.part_with(number, done.len(), &group.partition, encoder).await?
                }
            };
            writer.write(&rewrite.batch(&batch)?).await?;
            if writer.size_bytes() >= ROLL_BYTES {
                done.push(writer.finish().await?);
            } else {
                open = Some(writer);
            }
        }
        reader.await.map_err(|e| error::bug("the reader of a file broke down").source(e))??;
    }
    if let Some(writer) = open {
        done.push(writer.finish().await?);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::input::{Batches, DataFile};

    struct Sizes(Vec<DataFile>);

    impl Dataset for Sizes {
        fn files(&self) -> &[DataFile] {
            &self.0
        }

        fn read(&self, _: usize, _: Option<&[String]>) -> Result<Batches> {
            Ok(Box::new(std::iter::empty()))
        }
    }

    #[test]
    fn small_neighbours_of_a_partition_are_put_together() {
        let file = |len_bytes, dt| DataFile::new("/f", len_bytes, Partition::new([("dt", dt)]));
        let data = Sizes(vec![file(4, "1"), file(5, "1"), file(2, "1"), file(1, "2"), file(30, "2")]);
        let seen: Vec<Vec<usize>> = groups(&data, 10).into_iter().map(|g| g.files).collect();
        assert_eq!(seen, [vec![0, 1], vec![2], vec![3], vec![4]]);
    }
}
