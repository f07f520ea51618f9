//! All fuzz targets ([`crate::fuzz`]). The test here tries each for a moment, with seeds that are changed by chance; the
//! chance is the same in each run, so that what is red stays red.

use super::{channels, flume, interceptors, parsers, rejects, rpc, sinks, sources};
use crate::format::avro;
use crate::fuzz::Target;
use crate::kafka;

/// All targets.
pub fn targets() -> impl Iterator<Item = &'static Target> {
    let rooms = [
        parsers::fuzz::TARGETS,
        interceptors::fuzz::TARGETS,
        flume::fuzz::TARGETS,
        rpc::fuzz::TARGETS,
        channels::fuzz::TARGETS,
        rejects::fuzz::TARGETS,
        sources::http::fuzz::TARGETS,
        sources::kafka::fuzz::TARGETS,
        sources::spooldir::fuzz::TARGETS,
        sources::syslog::fuzz::TARGETS,
        sources::taildir::fuzz::TARGETS,
        sinks::hdfs::fuzz::TARGETS,
        avro::fuzz::TARGETS,
        kafka::fuzz::TARGETS,
    ];
    rooms.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use proptest::sample::Index;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    use super::*;

    /// Inputs of each target.
    const CASES: u32 = 1_000;

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

    /// What is wrong with a target, if anything is.
    fn tried(target: &Target) -> Option<String> {
        let seeds = (target.seeds)();
        seeds.iter().for_each(|seed| (target.run)(seed));
        let changes = prop::collection::vec((0..6_u8, any::<Index>(), 0..9_usize, any::<u8>()), 0..8);
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let ran = TestRunner::new_with_rng(config, chance).run(&(any::<Index>(), changes), |(seed, changes)| {
            (target.run)(&changed(seed.get(&seeds).clone(), &changes));
            Ok(())
        });
        ran.err().map(|e| format!("{}: {e}", target.name))
    }

    #[test]
    fn nothing_that_may_come_in_ends_the_process() {
        let wrong: Vec<String> = std::thread::scope(|scope| {
            let all: Vec<_> = targets().map(|target| scope.spawn(|| tried(target))).collect();
            all.into_iter().filter_map(|one| one.join().expect("a seed is taken")).collect()
        });
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn targets_have_names_of_their_own_and_seeds() {
        let names: BTreeSet<&str> = targets().map(|target| target.name).collect();
        assert_eq!(names.len(), targets().count());
        assert!(targets().all(|target| !(target.seeds)().is_empty()));
    }
}
