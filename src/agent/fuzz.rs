//! What comes from outside, or from a disk that failed, as fuzz targets: whatever the bytes are, nothing panics, and what
//! was read means the same when it is written and read again.
//!
//! A room's targets stand in the room. The test here runs each of them for a moment, with seeds that are changed at
//! random; `make fuzz` searches on by the coverage of the code.

use super::{channels, flume, parsers, rpc, sinks, sources};

/// Something that takes bytes which nobody vouches for.
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// Inputs that lead deep into it.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Takes an input; panics where something is wrong.
    pub run: fn(&[u8]),
}

/// All targets.
pub fn targets() -> impl Iterator<Item = &'static Target> {
    let rooms = [
        parsers::fuzz::TARGETS,
        flume::fuzz::TARGETS,
        rpc::fuzz::TARGETS,
        channels::fuzz::TARGETS,
        sources::http::fuzz::TARGETS,
        sources::syslog::fuzz::TARGETS,
        sinks::hdfs::fuzz::TARGETS,
    ];
    rooms.into_iter().flatten()
}

/// The inputs as a target's seeds.
pub(super) fn seeds(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

/// The first line of an input, and the rest of it.
pub(super) fn first_line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;
    use proptest::test_runner::{Config, TestRunner};

    use super::*;

    /// One change of an input: what, where, how much, and with which byte.
    type Change = (u8, Index, usize, u8);

    fn changed(mut data: Vec<u8>, changes: &[Change]) -> Vec<u8> {
        for (what, at, length, byte) in changes {
            let at = at.index(data.len() + 1);
            let end = (at + length).min(data.len());
            match what {
                0 => drop(data.drain(at..end)),
                1 => drop(data.splice(at..at, vec![*byte; *length])),
                2 => drop(data.splice(at..at, data[at..end].repeat(2))),
                3 => data[at..end].fill(*byte),
                4 => data[at..end].iter_mut().for_each(|one| *one ^= byte),
                _ => data.truncate(at),
            }
        }
        data
    }

    #[test]
    fn nothing_that_may_come_in_ends_the_process() {
        let changes = prop::collection::vec((0..6_u8, any::<Index>(), 0..9_usize, any::<u8>()), 0..8);
        for target in targets() {
            let seeds = (target.seeds)();
            seeds.iter().for_each(|seed| (target.run)(seed));
            let config = Config { cases: 1_000, failure_persistence: None, ..Config::default() };
            let ran = TestRunner::new(config).run(&(any::<Index>(), &changes), |(seed, changes)| {
                (target.run)(&changed(seed.get(&seeds).clone(), &changes));
                Ok(())
            });
            assert!(ran.is_ok(), "{}: {}", target.name, ran.err().map_or_else(String::new, |e| e.to_string()));
        }
    }
}
