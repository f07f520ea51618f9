//! One of sakia's fuzz targets under libFuzzer. `SAKIA_FUZZ_TARGET` names it, `SAKIA_FUZZ_SEEDS` a directory that gets its
//! seeds; without a name it prints those of all. What a target is, and which there are: `src/agent/fuzz.rs`.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sakia::fuzz::Target;
use sakia::targets;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("SAKIA_FUZZ_TARGET").unwrap_or_default();
    if name.is_empty() {
        targets().for_each(|target| println!("{}", target.name));
        std::process::exit(0);
    }
    targets().find(|target| target.name == name).unwrap_or_else(|| {
        let names: Vec<&str> = targets().map(|target| target.name).collect();
        panic!("SAKIA_FUZZ_TARGET is {name:?}: make it one of {}", names.join(", "))
    })
});

fn write_seeds() {
    let target = &**TARGET;
    if let Some(directory) = std::env::var_os("SAKIA_FUZZ_SEEDS").map(PathBuf::from) {
        for (number, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(directory.join(format!("seed-{number}")), seed).expect("a seed can be written");
        }
    }
}

fuzz_target!(init: write_seeds(), |data: &[u8]| {
    (TARGET.run)(data);
});
