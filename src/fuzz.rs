//! What a fuzz target is: something that takes bytes which nobody vouches for. Whatever they are, nothing panics, nothing
//! takes long, and what was read means the same when it is written and read again.
//!
//! A room's targets stand in the room, in a file of this name; `agent::fuzz` lists them all and tries each for a moment, and
//! `make fuzz` searches on by the coverage of the code.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A target.
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// Inputs that lead deep into it.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Takes an input; panics where something is wrong.
    pub run: fn(&[u8]),
}

/// The texts as a target's seeds.
pub(crate) fn seeds(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

/// The first line of an input, and the rest of it.
pub(crate) fn first_line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}

/// A directory of one input, for what reads files alone; it is deleted with all that is in it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// # Errors
    /// Those of the disk.
    pub(crate) fn new() -> std::io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("sakia-fuzz-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir)?;
        Ok(Self(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of it is in the directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
