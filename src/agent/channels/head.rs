//! What stands before the records of a segment, and says how they are written.
//!
//! ```text
//! version 2   "SAKIACH2"  first record number u64
//! version 3   "SAKIACH3"  first record number u64  salt (32 bytes)  name of the key (u8 length, 59 bytes)  tag  crc u32
//! ```
//!
//! Version 3 is an encrypted segment ([`seal`](super::seal)), and version 1 held lines and not events; others are refused.
//! The tag says whether a key is the right one, the crc whether the disk kept the head.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::record::{Version, read_u32};
use super::seal::{Keyring, Place, SALT_BYTES, Seal, TAG_BYTES, drawn};
use super::segment::{corrupt, framed};
use crate::agent::disk;
use crate::error::{self, Error, Result};

/// What segments of all versions begin with.
const MAGIC_STEM: &[u8] = b"SAKIACH";
const MAGIC: &[u8; 8] = b"SAKIACH2";
const MAGIC_1: &[u8; 8] = b"SAKIACH1";
const MAGIC_SEALED: &[u8; 8] = b"SAKIACH3";

/// Bytes before the first record of a segment in the clear.
pub(super) const HEAD_BYTES: usize = 16;
/// Bytes before the first record of an encrypted one.
pub(super) const SEALED_HEAD_BYTES: usize = 128;
/// Bytes of the name of a key.
pub(in crate::agent) const KEY_NAME_BYTES: usize = 59;

/// The last number that a record may have. Records are counted from 0, so that a larger one is damage, which nothing is to
/// count on from.
const LAST_NUMBER: u64 = u64::MAX >> 1;

/// Where in the head of an encrypted segment each thing stands.
const NAME_AT: usize = HEAD_BYTES + SALT_BYTES;
const TAG_AT: usize = NAME_AT + 1 + KEY_NAME_BYTES;
const CRC_AT: usize = TAG_AT + TAG_BYTES;

/// How the records of a segment are written.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub version: Version,
    /// What encrypts them, if anything does.
    pub seal: Option<Arc<Seal>>,
}

impl Form {
    /// Records in the clear, as they are written now.
    pub(super) const CLEAR: Self = Self { version: Version::Events, seal: None };

    /// Bytes before the first record.
    pub(super) fn head_bytes(&self) -> usize {
        if self.seal.is_some() { SEALED_HEAD_BYTES } else { HEAD_BYTES }
    }
}

/// The head of a new segment that begins with record `first`, and how its records are written.
///
/// # Errors
/// Bug: no salt can be drawn.
pub(super) fn new(first: u64, keys: &Keyring) -> Result<(Vec<u8>, Form)> {
    let Some(key) = keys.active() else {
        return Ok(([MAGIC.as_slice(), &first.to_le_bytes()].concat(), Form::CLEAR));
    };
    let salt: [u8; SALT_BYTES] = drawn()?;
    let seal = Seal::derive(key, &salt, first)?;
    let name = key.name().as_bytes();
    let length = u8::try_from(name.len()).ok().filter(|length| usize::from(*length) <= KEY_NAME_BYTES);
    let length = length.ok_or_else(|| error::bug("the name of a key is too long"))?;
    let mut head = [MAGIC_SEALED.as_slice(), &first.to_le_bytes(), &salt, &[length], name].concat();
    head.resize(TAG_AT, 0);
    let tag = seal.close(Place::HEAD, &head, &mut [])?;
    head.extend_from_slice(&tag);
    head.extend_from_slice(&crc32fast::hash(&head).to_le_bytes());
    Ok((head, Form { version: Version::Events, seal: Some(Arc::new(seal)) }))
}

/// How the records of the segment that begins with record `first` are written, by the first bytes of its file; `None` if a
/// crash left it without its head.
///
/// # Errors
/// Data: they are not the head of this segment. Config: it is of a newer version, or its key is missing or another one.
pub(super) fn read(path: &Path, bytes: &[u8], first: u64, keys: &Keyring) -> Result<Option<Form>> {
    let Some((head, rest)) = bytes.split_at_checked(HEAD_BYTES) else { return Ok(None) };
    let (magic, number) = head.split_at(MAGIC.len());
    if number != first.to_le_bytes() || first > LAST_NUMBER {
        return Err(foreign(path, bytes));
    }
    match magic {
        // A changed byte must not make one kind of the other, whose records would then look like what a crash left.
        magic if magic != MAGIC_SEALED && is_sealed_head(bytes) => {
            Err(corrupt(path, 0, "is not the header of this segment"))
        }
        magic if magic == MAGIC_SEALED && framed(bytes, HEAD_BYTES, first).is_some() => {
            Err(corrupt(path, 0, "is not the header of this segment"))
        }
        magic if magic == MAGIC => Ok(Some(Form::CLEAR)),
        magic if magic == MAGIC_1 => Ok(Some(Form { version: Version::Lines, seal: None })),
        magic if magic != MAGIC_SEALED => Err(foreign(path, bytes)),
        _ if HEAD_BYTES + rest.len() < SEALED_HEAD_BYTES => Ok(None),
        _ => sealed(path, &bytes[..SEALED_HEAD_BYTES], first, keys).map(Some),
    }
}

/// The same of a file.
///
/// # Errors
/// Those of [`read`], and of the disk.
pub(super) fn of_file(path: &Path, first: u64, keys: &Keyring) -> Result<Option<Form>> {
    let bytes = bytes_of(path).map_err(disk::failed("read", path))?;
    read(path, &bytes, first, keys)
}

/// The first bytes of a file, as many as a head has at most.
pub(super) fn bytes_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(SEALED_HEAD_BYTES);
    File::open(path)?.take(SEALED_HEAD_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether these are the first bytes of an encrypted segment, but for its version.
fn is_sealed_head(bytes: &[u8]) -> bool {
    let head = bytes.get(MAGIC.len()..CRC_AT).map(|rest| [MAGIC_SEALED.as_slice(), rest].concat());
    head.is_some_and(|head| read_u32(bytes, CRC_AT) == Some(crc32fast::hash(&head)))
}

/// How the records of an encrypted segment are written.
fn sealed(path: &Path, head: &[u8], first: u64, keys: &Keyring) -> Result<Form> {
    let length = usize::from(head[NAME_AT]);
    let name = head.get(NAME_AT + 1..NAME_AT + 1 + length.min(KEY_NAME_BYTES)).map(std::str::from_utf8);
    let checks = read_u32(head, CRC_AT) == Some(crc32fast::hash(&head[..CRC_AT]));
    let (true, Some(Ok(name)), Ok(salt)) = (checks, name, head[HEAD_BYTES..NAME_AT].try_into()) else {
        return Err(corrupt(path, 0, "is not the header of this segment"));
    };
    let Some(key) = keys.named(name) else {
        let what = format!(
            "channel file {} is encrypted with the key `{name}`, which the channel does not have",
            path.display()
        );
        return Err(error::config(what).hint(format!(
            "keep it under encryption.keys until the channel is emptied: keys = {{ \"{name}\" = \"FILE\", .. }}; nothing was \
             changed"
        )));
    };
    let seal = Seal::derive(key, &salt, first)?;
    if !seal.open(Place::HEAD, &head[..TAG_AT], &mut head[TAG_AT..CRC_AT].to_vec()) {
        let what = format!("the key `{name}` is not the one that channel file {} was encrypted with", path.display());
        return Err(error::config(what)
            .hint("name the file that held it then, and give a new key a name of its own; nothing was changed"));
    }
    Ok(Form { version: Version::Events, seal: Some(Arc::new(seal)) })
}

/// The error for a segment whose head is not one of ours.
fn foreign(path: &Path, head: &[u8]) -> Error {
    let version = head.strip_prefix(MAGIC_STEM).and_then(|rest| rest.first());
    if version.is_some_and(|version| (b'4'..=b'9').contains(version)) {
        return error::config(format!("channel file {} was written by a newer sakia, or is damaged", path.display()))
            .hint("run the agent with that version, or empty the channel with it first: sakia agent ... --drain");
    }
    corrupt(path, 0, "is not the header of this segment")
}
