//! The index at the end of a complete segment: a channel with much in it opens without reading all of it.
//!
//! ```text
//! index     count u32  records  positions (u32 length, JSON)                positions: behind the last record
//! record    bytes on disk u32  events u32
//! trailer   where the index begins u64  crc of the index u32  "SAKIAIDX"
//! ```
//!
//! An index that does not check is left alone: the segment is read then.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::record::{read_u32, read_u64};
use crate::agent::disk;
use crate::agent::position::Positions;
use crate::error::{self, Result};

const MAGIC: &[u8; 8] = b"SAKIAIDX";
const TRAILER_BYTES: u64 = 20;

/// Whether what stands at `at` of a segment is its index.
pub(super) fn begins_at(segment: &[u8], at: usize) -> bool {
    begin(segment) == Some(at as u64)
}

/// Where the index of a segment begins, by its trailer.
pub(super) fn begin(segment: &[u8]) -> Option<u64> {
    let trailer = segment.len().checked_sub(TRAILER_BYTES as usize)?;
    read_u64(segment, trailer).filter(|begin| segment.ends_with(MAGIC) && *begin <= trailer as u64)
}

/// How large a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordSize {
    /// With its frame.
    pub disk_bytes: u32,
    pub events: u32,
}

/// What a complete segment holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Index {
    pub sizes: Vec<RecordSize>,
    /// How far the sources behind the records were read, and behind all before.
    pub positions: Positions,
}

impl Index {
    /// The index of a segment whose records end at `at`, with its trailer.
    pub(super) fn encode(&self, at: u64) -> Result<Vec<u8>> {
        let positions =
            serde_json::to_vec(&self.positions).map_err(|e| error::bug("cannot encode positions").source(e))?;
        let length = |length: usize| u32::try_from(length).map_err(|_| error::bug("an index is too large"));
        let mut out = Vec::with_capacity(self.sizes.len() * 8 + positions.len() + 64);
        out.extend_from_slice(&length(self.sizes.len())?.to_le_bytes());
        for size in &self.sizes {
            out.extend_from_slice(&size.disk_bytes.to_le_bytes());
            out.extend_from_slice(&size.events.to_le_bytes());
        }
        out.extend_from_slice(&length(positions.len())?.to_le_bytes());
        out.extend_from_slice(&positions);
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&at.to_le_bytes());
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(MAGIC);
        Ok(out)
    }

    /// Reads the index of a segment; `None` if it has none that checks.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        let read = || -> std::io::Result<Option<Vec<u8>>> {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            let Some(end) = size.checked_sub(TRAILER_BYTES) else { return Ok(None) };
            let mut trailer = [0; TRAILER_BYTES as usize];
            file.read_exact_at(&mut trailer, end)?;
            let (at, crc) = (read_u64(&trailer, 0).unwrap_or(u64::MAX), read_u32(&trailer, 8));
            let Some(length) = end.checked_sub(at).filter(|_| trailer.ends_with(MAGIC)) else { return Ok(None) };
            let mut index = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            file.read_exact_at(&mut index, at)?;
            Ok((Some(crc32fast::hash(&index)) == crc).then_some(index))
        };
        let bytes = read().map_err(disk::failed("read", path))?;
        Ok(bytes.and_then(|bytes| Self::decode(&bytes)))
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let count = read_u32(bytes, 0)? as usize;
        let sizes = (0..count).map(|i| {
            let at = 4 + i * 8;
            Some(RecordSize { disk_bytes: read_u32(bytes, at)?, events: read_u32(bytes, at + 4)? })
        });
        let sizes = sizes.collect::<Option<Vec<_>>>()?;
        let at = 4 + count * 8;
        let end = at + 4 + read_u32(bytes, at)? as usize;
        let positions = serde_json::from_slice(bytes.get(at + 4..end)?).ok()?;
        (end == bytes.len()).then_some(Self { sizes, positions })
    }
}
