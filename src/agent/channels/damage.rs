//! Records that do not check, where the agent was told to go on without them.
//!
//! Their bytes are kept in `damaged/` beside the segments (of an encrypted one as they are there, behind its head), and records without events take their place, of the same number
//! and size: nothing else moves, neither the records behind them nor the index. A crash between the two steps leaves the
//! damage as it was, and the next start does both again.

use std::fs::OpenOptions;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::head::{self, Form};
use super::index::Index;
use super::seal::Keyring;
use super::segment::{self, Next, SegmentReader};
use crate::agent::disk;
use crate::error::{Kind, Result};
use crate::private;

/// What becomes of records that do not check although others follow them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Damaged {
    /// The agent stops: a directory that is moved away makes sources that can be read again begin where the target is.
    #[default]
    Stop,
    /// They are kept aside and counted, and the agent goes on behind them.
    SetAside,
}

/// Where they are kept, below the channel's directory.
const DIRECTORY: &str = "damaged";

/// Bytes of a segment that are damaged, and the numbers of the records that they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub at: u64,
    pub end: u64,
    pub records: Range<u64>,
}

/// Sets aside what is damaged in the segments that are read at the start: the last one, and those without an index. Of the
/// others records are looked at when they are taken. Gives how many records that were.
///
/// # Errors
/// Data: more is damaged than records, such as a header, or a segment of version 1. Refused, Auth: the disk.
pub(in crate::agent) fn set_all_aside(dir: &Path, keys: &Keyring) -> Result<u64> {
    let mut count = 0;
    let segments = segment::list(dir)?;
    for (i, (first, path)) in segments.iter().enumerate() {
        let next = segments.get(i + 1).map(|(next, _)| *next);
        if next.is_some() && Index::read(path)?.is_some() {
            continue;
        }
        while let Some(stretch) = damage(path, *first, next, keys)? {
            count += stretch.records.end - stretch.records.start;
            set_aside(dir, *first, &stretch, keys)?;
        }
    }
    Ok(count)
}

/// The first damage of a segment; `next` is the first record of the one behind it.
fn damage(path: &Path, first: u64, next: Option<u64>, keys: &Keyring) -> Result<Option<Stretch>> {
    let Some(mut reader) = SegmentReader::open(path, first, keys)? else { return Ok(None) };
    loop {
        match reader.next() {
            Ok(Next::Record(_)) => {}
            Ok(Next::Torn { .. }) => return Ok(next.and_then(|next| reader.stretch(Some(next)))),
            Ok(Next::End) => return Ok(None),
            Err(e) if e.kind() == Kind::Data => return reader.stretch(next).map(Some).ok_or(e),
            Err(e) => return Err(e),
        }
    }
}

/// Keeps a stretch of a segment aside, and puts records without events in its place.
///
/// # Errors
/// Data: it is too short for the records that it should hold. Refused, Auth: the disk.
pub(super) fn set_aside(dir: &Path, first: u64, stretch: &Stretch, keys: &Keyring) -> Result<()> {
    let path = dir.join(segment::file_name(first));
    let form = head::of_file(&path, first, keys)?;
    let form = form.ok_or_else(|| segment::corrupt(&path, 0, "is not the header of this segment"))?;
    let Some(instead) = without_events(stretch, &form)? else {
        return Err(segment::corrupt(
            &path,
            stretch.at,
            "does not check, and is too short for what should stand there",
        ));
    };
    let file = OpenOptions::new().read(true).write(true).open(&path).map_err(disk::failed("open", &path))?;
    let mut bytes = vec![0; instead.len()];
    file.read_exact_at(&mut bytes, stretch.at).map_err(disk::failed("read", &path))?;
    let (kept, name) = (dir.join(DIRECTORY), format!("record-{:020}.bin", stretch.records.start));
    private::create_dir_all(&kept).map_err(disk::failed("create", &kept))?;
    if form.seal.is_some() {
        // Without the head nobody could ever decrypt what is left of it.
        bytes.splice(..0, head::bytes_of(&path).map_err(disk::failed("read", &path))?);
    }
    disk::replace(&kept, &name, &bytes)?;
    let write = file.write_all_at(&instead, stretch.at).and_then(|()| file.sync_all());
    write.map_err(disk::failed("write", &path))?;
    let (count, kept) = (stretch.records.end - stretch.records.start, kept.join(name));
    let (path, kept, at) = (path.display(), kept.display(), stretch.at);
    tracing::error!("{path}: {count} damaged records at byte {at} are set aside in {kept}; their events are missing");
    Ok(())
}

/// Records without events that fill a stretch: the last of them takes what the others leave.
fn without_events(stretch: &Stretch, form: &Form) -> Result<Option<Vec<u8>>> {
    let (Ok(room), Some(last)) = (usize::try_from(stretch.end - stretch.at), stretch.records.end.checked_sub(1)) else {
        return Ok(None);
    };
    let mut out = Vec::with_capacity(room);
    for number in stretch.records.start..last {
        out.extend(segment::filler(number, None, form)?.unwrap_or_default());
    }
    let Some(left) = room.checked_sub(out.len()) else { return Ok(None) };
    out.extend(segment::filler(last, Some(left), form)?.unwrap_or_default());
    Ok((out.len() == room).then_some(out))
}
