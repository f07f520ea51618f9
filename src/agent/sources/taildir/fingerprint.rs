//! A few bytes of a file by which it is known again: where they lie, how many they are, and their hash.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The most bytes of a file's beginning that identify it.
pub(super) const HEAD_BYTES: usize = 4096;
/// The bytes before an offset that identify what was read up to there.
pub(super) const TAIL_BYTES: usize = 1024;

/// The hash of some bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fingerprint {
    /// Where they begin.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub at: u64,
    /// How many they are.
    pub len: usize,
    /// Their SHA-256 in hexadecimal.
    pub sha256: String,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Default for Fingerprint {
    /// That of a file of which nothing was read: any file can be it.
    fn default() -> Self {
        Self::new(&[], 0)
    }
}

impl Fingerprint {
    /// That of these bytes, which begin at `at`.
    pub fn new(bytes: &[u8], at: u64) -> Self {
        Self { at, len: bytes.len(), sha256: format!("{:x}", Sha256::digest(bytes)) }
    }

    /// That of the beginning of a file that was read up to `offset`; `head` holds its bytes from `start` on.
    pub fn head(head: &[u8], start: u64, offset: u64) -> Self {
        let read = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
        Self::new(&head[..read.min(HEAD_BYTES).min(head.len())], start)
    }

    /// Whether bytes that begin at the same place begin with these.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        bytes.get(..self.len).is_some_and(|bytes| *self == Self::new(bytes, self.at))
    }
}
