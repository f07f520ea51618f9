//! Writes the click log that the shop's orders could have left behind: Apache combined format plus
//! `rt=` `sid=` `vid=`, as described in the README beside this folder. Same data, same bytes.
//!
//! The map: `orders` reads the invoice lines, `shoppers` and `bots` turn them into requests, `line`
//! writes one request as Apache does, `disorder` delays and damages lines, `facts` counts.
//!
//! Refuses data it cannot read to the end: a half-made log would look like a quiet day. The log
//! appears under its name only when it is complete.

mod bots;
mod disorder;
mod facts;
mod line;
mod orders;
mod shoppers;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::facts::Facts;

/// The one seed: every stream of random numbers below is derived from it.
const SEED: u64 = 20_101_201;

/// Writes the shop's click log.
#[derive(Parser)]
struct Args {
    /// Folder with the unpacked CSV files, one a day (see unpack.sh)
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The log to write; replaced if it exists
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print the log's counts and checksum, as they stand in facts.toml
    #[arg(long)]
    stats: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(facts) => {
            if args.stats {
                print!("{facts}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<Facts, Box<dyn Error>> {
    let log = generate(&orders::read(&args.data)?);
    let facts = Facts::of(&log);
    replace(&args.out, &log).map_err(|e| format!("cannot write {}: {e}", args.out.display()))?;
    Ok(facts)
}

/// One line of the log, without its line end.
struct Entry {
    /// When the request began (what the line says), in seconds since 1970; none in a malformed line.
    at: Option<i64>,
    /// When the line reached the log: what the log is sorted by.
    logged_at: i64,
    text: Vec<u8>,
}

/// The whole log, in the order of its lines.
fn generate(orders: &[orders::Order]) -> Vec<Entry> {
    let mut log = Vec::new();
    shoppers::browse(orders, &mut random(1), &mut log);
    bots::crawl(orders, &mut random(2), &mut log);
    disorder::delay(&mut log, &mut random(3));
    // Stable, so lines of one second stay in the order they were made.
    log.sort_by_key(|entry| entry.logged_at);
    disorder::damage(log, &mut random(4))
}

/// Each part draws from its own stream, so a change in one does not move the others.
fn random(stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    random.set_stream(stream);
    random
}

fn replace(path: &Path, log: &[Entry]) -> std::io::Result<()> {
    let mut hidden = path.as_os_str().to_owned();
    hidden.push(".tmp");
    let mut file = std::io::BufWriter::with_capacity(1 << 20, fs::File::create(&hidden)?);
    for entry in log {
        file.write_all(&entry.text)?;
        file.write_all(b"\n")?;
    }
    file.into_inner()?.sync_all()?;
    fs::rename(&hidden, path)
}
