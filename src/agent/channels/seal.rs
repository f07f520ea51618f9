//! Encryption of a channel on the disk: AES-256-GCM, under a key of each segment's own.
//!
//! The key of a segment is derived (HKDF-SHA-256) from one of the channel's keys, which the head of the segment names, and
//! a salt that is drawn for it. A record's nonce is its number, and a segment is not gone on with once the channel was
//! opened anew, so that no nonce comes twice under one key. What stands in a damaged record's place has its number and a
//! prefix that is drawn.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ring::aead::{self, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{self, Result};

/// Bytes of a key.
pub(in crate::agent) const KEY_BYTES: usize = 32;
/// Bytes that say that something was not changed.
pub(super) const TAG_BYTES: usize = 16;
pub(super) const SALT_BYTES: usize = 32;

/// A key of the channel.
pub(in crate::agent) struct Key {
    name: String,
    bytes: [u8; KEY_BYTES],
}

impl Key {
    pub(in crate::agent) fn new(name: String, bytes: [u8; KEY_BYTES]) -> Self {
        Self { name, bytes }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, ***)", self.name)
    }
}

/// The keys of a channel: those it reads with, and the one it writes with. None at all is a channel in the clear.
#[derive(Clone, Debug, Default)]
pub(in crate::agent) struct Keyring {
    active: Option<Arc<Key>>,
    all: BTreeMap<String, Arc<Key>>,
}

impl Keyring {
    /// Keys by their names; new segments are encrypted with `active`, or not at all.
    pub(in crate::agent) fn new(keys: Vec<Key>, active: Option<&str>) -> Self {
        let all: BTreeMap<_, _> = keys.into_iter().map(|key| (key.name.clone(), Arc::new(key))).collect();
        Self { active: active.and_then(|name| all.get(name).cloned()), all }
    }

    /// The key of new segments.
    pub(super) fn active(&self) -> Option<&Key> {
        self.active.as_deref()
    }

    /// The key of this name.
    pub(super) fn named(&self, name: &str) -> Option<&Key> {
        self.all.get(name).map(|key| &**key)
    }
}

/// What encrypts the records of one segment.
#[derive(Debug)]
pub(super) struct Seal(LessSafeKey);

/// What is sealed under the key of a segment, each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the record.
    pub number: u64,
    /// 0 for the record that was put, and drawn for one that stands in its place.
    pub again: u32,
}

impl Place {
    /// That of the segment's head, which no record has.
    pub(super) const HEAD: Self = Self { number: u64::MAX, again: u32::MAX };

    /// That of a record that takes the place of a damaged one.
    ///
    /// # Errors
    /// Bug: the system draws no numbers.
    pub(super) fn instead(number: u64) -> Result<Self> {
        let drawn = u32::from_le_bytes(drawn::<4>()?);
        Ok(Self { number, again: drawn.clamp(1, u32::MAX - 1) })
    }

    fn nonce(self) -> Nonce {
        let mut bytes = [0; aead::NONCE_LEN];
        bytes[..4].copy_from_slice(&self.again.to_le_bytes());
        bytes[4..].copy_from_slice(&self.number.to_le_bytes());
        Nonce::assume_unique_for_key(bytes)
    }
}

impl Seal {
    /// That of the segment with this salt whose first record is `first`.
    ///
    /// # Errors
    /// Bug: the key cannot be derived.
    pub(super) fn derive(key: &Key, salt: &[u8; SALT_BYTES], first: u64) -> Result<Self> {
        let key = Salt::new(HKDF_SHA256, salt).extract(&key.bytes);
        let info: [&[u8]; 2] = [b"sakia channel segment", &first.to_le_bytes()];
        let derived = key.expand(&info, &AES_256_GCM).map_err(|_| error::bug("cannot derive the key of a segment"))?;
        Ok(Self(LessSafeKey::new(UnboundKey::from(derived))))
    }

    /// Encrypts `bytes` where they lie, bound to `head`, and gives their tag.
    ///
    /// # Errors
    /// Bug: they are too many.
    pub(super) fn close(&self, place: Place, head: &[u8], bytes: &mut [u8]) -> Result<[u8; TAG_BYTES]> {
        let tag = self.0.seal_in_place_separate_tag(place.nonce(), Aad::from(head), bytes);
        let tag = tag.map_err(|_| error::bug("cannot encrypt a record"))?;
        tag.as_ref().try_into().map_err(|_| error::bug("a tag has another length"))
    }

    /// Decrypts bytes with their tag behind them, which is taken off; says whether they are what was encrypted there.
    pub(super) fn open(&self, place: Place, head: &[u8], bytes: &mut Vec<u8>) -> bool {
        let length = self.0.open_in_place(place.nonce(), Aad::from(head), bytes).map(|opened| opened.len());
        length.map(|length| bytes.truncate(length)).is_ok()
    }
}

/// Bytes that nobody can guess.
///
/// # Errors
/// Bug: the system draws none.
pub(super) fn drawn<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| error::bug("the system draws no random numbers"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(key: u8, salt: u8, first: u64) -> Seal {
        Seal::derive(&Key::new("k".into(), [key; 32]), &[salt; 32], first).unwrap()
    }

    #[test]
    fn a_seal_opens_what_it_closed_and_nothing_else() {
        let place = Place { number: 7, again: 0 };
        let mut sealed = b"an order".to_vec();
        let tag = seal(1, 2, 3).close(place, b"head", &mut sealed).unwrap();
        sealed.extend(tag);
        let opens = |seal: Seal, place, head: &[u8]| {
            let mut bytes = sealed.clone();
            seal.open(place, head, &mut bytes).then_some(bytes)
        };
        assert_eq!(opens(seal(1, 2, 3), place, b"head").as_deref(), Some(&b"an order"[..]));
        assert!(!sealed.windows(5).any(|w| w == b"order"));
        for (other, place, head) in [
            (seal(9, 2, 3), place, &b"head"[..]),
            (seal(1, 9, 3), place, b"head"),
            (seal(1, 2, 9), place, b"head"),
            (seal(1, 2, 3), Place { number: 8, ..place }, b"head"),
            (seal(1, 2, 3), Place { again: 1, ..place }, b"head"),
            (seal(1, 2, 3), place, b"heap"),
        ] {
            assert_eq!(opens(other, place, head), None);
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let ring = Keyring::new(vec![Key::new("2024".into(), [0x41; 32])], Some("2024"));
        let shown = format!("{ring:?}");
        assert!(shown.contains("2024") && !shown.contains("65") && !shown.contains("AAAA"), "{shown}");
        assert_eq!(ring.active().map(Key::name), Some("2024"));
    }
}
