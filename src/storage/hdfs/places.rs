//! What a doctor asks of the directories that steps write to and read. One file is made in each that is written to, and
//! removed again.

use bytes::Bytes;
use hdfs_native::client::FileStatus;

use super::{Hdfs, LOOK_TIMEOUT};
use crate::checkup::Checkup;
use crate::error::{self, Error, Kind, Result};

/// A quota of which less than one part in this many is left is nearly used up.
const LITTLE: u64 = 10;

/// A directory that a step uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The key that names it, or `directory`.
    pub key: &'static str,
    /// Absolute.
    pub path: String,
    /// How.
    pub usage: Usage,
}

/// What is done with a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// Files are made in it.
    Written,
    /// Files in it are read.
    Read {
        /// The step before that makes it.
        made_by: Option<String>,
    },
}

impl Place {
    /// What is asked about it.
    pub(super) fn question(&self) -> String {
        format!("{} {}", self.key, self.path)
    }

    pub(super) fn is_written(&self) -> bool {
        self.usage == Usage::Written
    }
}

/// Looks at a place; `and_clock`: and at the NameNode's clock.
pub(super) async fn examine(hdfs: &Hdfs, place: &Place, and_clock: bool, checkup: &mut Checkup) {
    match &place.usage {
        Usage::Written => written(hdfs, place, and_clock, checkup).await,
        Usage::Read { made_by } => read(hdfs, place, made_by.as_deref(), checkup).await,
    }
}

/// Whether there is what is to be read, and may be.
async fn read(hdfs: &Hdfs, place: &Place, made_by: Option<&str>, checkup: &mut Checkup) {
    let (question, path) = (place.question(), place.path.as_str());
    let found = match hdfs.stat(path).await {
        Ok(found) => found,
        Err(e) => return checkup.failed(question, &e),
    };
    let Some(found) = found else {
        return match made_by {
            Some(step) => checkup.skipped(question, format!("it is not there yet: step {step} makes it")),
            None => {
                let error = error::not_found(format!("there is no {path} to be read"))
                    .hint("check the path: hdfs dfs -ls shows what is there; no step before this one makes it");
                checkup.failed(question, &error);
            }
        };
    };
    if let Err(e) = hdfs.line.zone(path).await {
        return checkup.failed(question, &e);
    }
    if !found.is_dir {
        return checkup.fine(question, format!("a file of {} bytes", found.len_bytes));
    }
    match hdfs.limited(LOOK_TIMEOUT, format!("listing {path}"), hdfs.client.list_status(path, false)).await {
        Ok(inside) if inside.is_empty() => {
            checkup.warning(question, "it is empty", "check the path, and what writes there")
        }
        Ok(_) => checkup.fine(question, "may be listed, and is not empty"),
        Err(e) => checkup.failed(question, &e),
    }
}

/// Whether a file can be made where the data of a target is going to lie, and what is left of the quotas there.
async fn written(hdfs: &Hdfs, place: &Place, and_clock: bool, checkup: &mut Checkup) {
    let (question, target) = (place.question(), place.path.as_str());
    let above = match nearest(hdfs, target).await {
        Ok(above) => above,
        Err(e) => return checkup.failed(question, &e),
    };
    // Without a way to its keys, a zone's files are neither written nor read.
    let zone = match hdfs.line.zone(target).await {
        Ok(zone) => zone,
        Err(e) => return checkup.failed(question, &e),
    };
    if let Some(zone) = &zone {
        checkup.fine(question.as_str(), format!("it is in the encryption zone {zone}"));
    }
    match probe(hdfs, &above).await {
        Ok(made) => {
            checkup.fine(question.as_str(), format!("files can be made in {above}, they belong to {}", made.owner));
            if let Some(zone) = zone.filter(|zone| is_inside(&above, zone)) {
                checkup.fine(format!("key of {zone}"), "the key server lets us use it: a file was written with it");
            }
            // By the clock of the NameNode, in milliseconds.
            if and_clock {
                checkup
                    .clock("clock of the namenode", i64::try_from(made.modification_time / 1000).unwrap_or_default());
            }
        }
        Err(e) => return checkup.failed(question, &e),
    }
    for counted in counted(&above) {
        let asked =
            hdfs.limited(LOOK_TIMEOUT, format!("the quotas of {counted}"), hdfs.client.get_content_summary(counted));
        match asked.await {
            Ok(summary) => {
                let names = summary.file_count + summary.directory_count;
                quota(checkup, &format!("quota of names in {counted}"), names, summary.quota);
                quota(checkup, &format!("quota of space in {counted}"), summary.space_consumed, summary.space_quota);
            }
            // It takes more rights than writing does. Those above may be somebody else's.
            Err(e) if counted == above => checkup.skipped(format!("quotas of {counted}"), &e),
            Err(_) => {}
        }
    }
}

/// Whether a path is a directory, or in it.
fn is_inside(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The directories whose quotas a file in `path` counts in, as far as they are asked for: the NameNode counts a whole tree
/// for the answer, so not those in the root, in which the data of everybody lies.
fn counted(path: &str) -> Vec<&str> {
    let mut found = if path == "/" { Vec::new() } else { vec![path] };
    let ends = path.match_indices('/').map(|(at, _)| &path[..at]).filter(|above| above.matches('/').count() > 1);
    found.extend(ends.collect::<Vec<_>>().into_iter().rev());
    found
}

fn quota(checkup: &mut Checkup, question: &str, used: u64, quota: u64) {
    // Without a quota it is -1, which the client below has as the largest number.
    if quota == 0 || i64::try_from(quota).is_err() {
        return;
    }
    let answer = format!("{used} of {quota} are used");
    match quota.saturating_sub(used) < quota / LITTLE {
        true => checkup.warning(question, answer, "let it be raised: hdfs dfsadmin -setQuota, -setSpaceQuota"),
        false => checkup.fine(question, answer),
    }
}

/// The directory itself, or the nearest one above it that is there.
async fn nearest(hdfs: &Hdfs, target: &str) -> Result<String> {
    let mut path = target.trim_end_matches('/');
    loop {
        let here = if path.is_empty() { "/" } else { path };
        match hdfs.stat(here).await? {
            Some(found) if found.is_dir => return Ok(here.to_owned()),
            Some(_) => return Err(Error::new(Kind::Exists, format!("{here} is a file"))),
            None if path.is_empty() => return Err(error::bug("hdfs has no root directory")),
            None => path = &path[..path.rfind('/').unwrap_or(0)],
        }
    }
}

/// Makes a file, looks what it has become, and removes it.
async fn probe(hdfs: &Hdfs, directory: &str) -> Result<FileStatus> {
    let path = format!("{}/.sakia-probe-{}", directory.trim_end_matches('/'), uuid::Uuid::now_v7().simple());
    let what = |act: &str| format!("{act} {path}");
    let made = async {
        let create = hdfs.client.create(&path, hdfs_native::WriteOptions::default());
        let mut file = hdfs.call(what("creating"), create).await?;
        hdfs.call(what("writing"), file.write_bytes(Bytes::from_static(b"?"))).await?;
        hdfs.call(what("closing"), file.close()).await?;
        hdfs.call(what("looking at"), hdfs.client.get_file_info(&path)).await
    };
    let made = made.await;
    match hdfs.call(what("deleting"), hdfs.client.delete(&path, false)).await {
        Err(e) if made.is_ok() => Err(e),
        _ => made,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_asked_of_a_directory_and_of_those_above_but_the_first() {
        assert_eq!(counted("/"), [""; 0]);
        assert_eq!(counted("/tmp"), ["/tmp"]);
        assert_eq!(counted("/user/etl"), ["/user/etl"]);
        assert_eq!(counted("/user/etl/a/b"), ["/user/etl/a/b", "/user/etl/a", "/user/etl"]);
    }
}
