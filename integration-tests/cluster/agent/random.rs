//! The agent killed at random instants while its log is written to and rotated. `make soak` does it a thousand times.
//! `SAKIA_KILLS` and `SAKIA_KILLS_SEED` give another number and other instants.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Place, Running, append};

const KILLS: u64 = 20;
const SEED: u64 = 20_261_130;

/// Lines that are written at once, and after how many times a log is rotated.
const LINES: usize = 20;
const TIMES: usize = 60;

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Writes lines and rotates the log until it is told to end; gives how many lines there are.
fn keep_writing(log: PathBuf, ends: Arc<AtomicBool>) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        let mut times = 0;
        while !ends.load(Ordering::SeqCst) {
            append(&log, times * LINES..(times + 1) * LINES);
            times += 1;
            if times % TIMES == 0 {
                fs::rename(&log, log.with_extension(format!("log.{}", times / TIMES))).unwrap();
            }
            thread::sleep(Duration::from_millis(20));
        }
        times * LINES
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_instants_under_load_it_loses_and_doubles_nothing() {
    let (kills, seed) = (number("SAKIA_KILLS", KILLS), number("SAKIA_KILLS_SEED", SEED));
    println!("SAKIA_KILLS={kills} SAKIA_KILLS_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let place = Place::new().await;
    let ends = Arc::new(AtomicBool::new(false));
    let writer = keep_writing(place.path("access.log"), Arc::clone(&ends));
    for kill in 1..=kills {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sakia"));
        command.arg("agent").arg(place.path("pipeline.toml"));
        let mut agent = Running(command.stderr(File::create(place.path("stderr")).unwrap()).spawn().unwrap());
        let lifetime = random.random_range(20..3_000);
        tokio::time::sleep(Duration::from_millis(lifetime)).await;
        let ended = agent.0.try_wait().unwrap();
        assert!(ended.is_none(), "it ended by itself with {ended:?}: {}", place.stderr());
        if kill % 100 == 0 {
            println!("{kill} kills");
        }
    }
    ends.store(true, Ordering::SeqCst);
    let lines = writer.join().unwrap();
    place.drain();
    place.assert_whole(lines);
}
