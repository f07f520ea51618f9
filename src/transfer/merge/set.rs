//! A set of keys that knows what it weighs: a hash table over one arena, so that a key costs its bytes and about 40
//! more. It holds one class of keys, told by their hashes; when it outgrows its budget it halves the class and drops
//! what falls out.

use std::hash::Hasher;

/// Most classes that keys are divided into.
const MAX_CLASSES: u32 = 1 << 20;

/// Hash of a key's bytes; the same in every run.
pub(super) fn hash(key: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(key);
    hasher.finish()
}

/// One of several classes of hashes. The upper half of the hash decides, the lower half finds the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub index: u32,
    /// A power of two.
    pub of: u32,
}

impl Class {
    /// Every key.
    pub(super) const ALL: Self = Self { index: 0, of: 1 };

    pub(super) fn holds(self, hash: u64) -> bool {
        ((hash >> 32) as u32) & (self.of - 1) == self.index
    }
}

struct Entry {
    hash: u64,
    /// Where the key was seen; see [`KeySet::insert`].
    place: u64,
    offset: u32,
    len: u32,
}

/// Keys of one class and where each was seen last.
pub(super) struct KeySet {
    class: Class,
    budget_bytes: usize,
    arena: Vec<u8>,
    entries: Vec<Entry>,
    /// Number of an entry plus one; 0 is free.
    slots: Vec<u32>,
}

/// What became of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    /// It is new, or of another class.
    New,
    /// It was there; this place of the two is the earlier one.
    Double(u64),
}

impl KeySet {
    pub(super) fn new(class: Class, budget_bytes: usize) -> Self {
        Self { class, budget_bytes, arena: Vec::new(), entries: Vec::new(), slots: vec![0; 64] }
    }

    pub(super) fn class(&self) -> Class {
        self.class
    }

    pub(super) fn bytes(&self) -> usize {
        self.arena.len() + self.entries.len() * size_of::<Entry>() + self.slots.len() * size_of::<u32>()
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        let hash = hash(key);
        self.class.holds(hash) && self.find(hash, key).is_ok()
    }

    /// Takes a key seen at `place`, a number that grows with age: the newest place of a key has the greatest number.
    pub(super) fn insert(&mut self, key: &[u8], place: u64) -> Inserted {
        let hash = hash(key);
        if !self.class.holds(hash) {
            return Inserted::New;
        }
        match self.find(hash, key) {
            Ok(entry) => {
                let known = &mut self.entries[entry].place;
                let earlier = place.min(*known);
                *known = place.max(*known);
                Inserted::Double(earlier)
            }
            Err(slot) => {
                self.push(key, hash, place, slot);
                Inserted::New
            }
        }
    }

    fn push(&mut self, key: &[u8], hash: u64, place: u64, slot: usize) {
        // Both numbers stay below the budget, which `set_budget` keeps below 4 GiB.
        let (offset, len) = (self.arena.len() as u32, key.len() as u32);
        self.arena.extend_from_slice(key);
        self.entries.push(Entry { hash, place, offset, len });
        self.slots[slot] = self.entries.len() as u32;
        if self.entries.len() * 2 > self.slots.len() {
            self.rebuild(self.slots.len() * 2);
        }
    }

    /// Halves the class until the set fits its budget. Only while the first class is being found: a later class keeps
    /// its size.
    pub(super) fn shrink(&mut self) {
        while self.bytes() > self.budget_bytes && self.entries.len() > 1 && self.class.of < MAX_CLASSES {
            self.class.of *= 2;
            let (class, arena) = (self.class, std::mem::take(&mut self.arena));
            self.entries.retain(|entry| class.holds(entry.hash));
            for entry in &mut self.entries {
                let key = &arena[entry.offset as usize..][..entry.len as usize];
                entry.offset = self.arena.len() as u32;
                self.arena.extend_from_slice(key);
            }
            self.rebuild((self.entries.len() * 2).next_power_of_two().max(64));
        }
    }

    fn rebuild(&mut self, slots: usize) {
        self.slots = vec![0; slots];
        for (number, entry) in self.entries.iter().enumerate() {
            let mut slot = entry.hash as usize & (slots - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (slots - 1);
            }
            self.slots[slot] = number as u32 + 1;
        }
    }

    /// The number of a key's entry, or the free slot for it.
    fn find(&self, hash: u64, key: &[u8]) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let Some(number) = self.slots[slot].checked_sub(1) else { return Err(slot) };
            let entry = &self.entries[number as usize];
            if entry.hash == hash && &self.arena[entry.offset as usize..][..entry.len as usize] == key {
                return Ok(number as usize);
            }
            slot = (slot + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The classes of a set that did not fit hold every key once, and all doubles are found.
        #[test]
        fn classes_cover_all_keys(keys in prop::collection::vec("[a-e]{0,4}", 0..400), budget in 64_usize..8_000) {
            let mut first = KeySet::new(Class::ALL, budget);
            for (place, key) in keys.iter().enumerate() {
                first.insert(key.as_bytes(), place as u64);
                first.shrink();
            }
            let of = first.class().of;
            let mut sets = vec![first];
            for index in 1..of.min(64) {
                let mut set = KeySet::new(Class { index, of }, budget);
                for (place, key) in keys.iter().enumerate() {
                    set.insert(key.as_bytes(), place as u64);
                }
                sets.push(set);
            }
            if of <= 64 {
                let last: HashMap<&String, u64> = keys.iter().zip(0..).collect();
                prop_assert_eq!(sets.iter().map(|s| s.entries.len()).sum::<usize>(), last.len());
                for (key, place) in last {
                    let holders: Vec<_> = sets.iter().filter(|s| s.contains(key.as_bytes())).collect();
                    prop_assert_eq!(holders.len(), 1);
                    let entry = holders[0].find(hash(key.as_bytes()), key.as_bytes()).unwrap();
                    prop_assert_eq!(holders[0].entries[entry].place, place);
                }
            }
        }
    }

    #[test]
    fn the_budget_holds() {
        let mut set = KeySet::new(Class::ALL, 10_000);
        for key in 0..100_000_u32 {
            set.insert(&key.to_be_bytes(), u64::from(key));
            set.shrink();
            assert!(set.bytes() <= 10_000);
        }
        assert!(set.class().of >= 256 && !set.entries.is_empty(), "{:?}", set.class());
    }

    #[test]
    fn the_earlier_place_of_a_double_is_named_whatever_the_order() {
        let mut set = KeySet::new(Class::ALL, 1 << 20);
        assert_eq!(set.insert(b"k", 7), Inserted::New);
        assert_eq!(set.insert(b"k", 3), Inserted::Double(3));
        assert_eq!(set.insert(b"k", 9), Inserted::Double(7));
    }
}
