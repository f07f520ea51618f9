//! Text files, byte for byte.

use std::io::Read;

use super::{Files, Stage, cases, failed, files, goldens};

/// What the names of the cases begin with that this module replays.
pub const NAMES: [&str; 1] = ["text-"];

/// Cases in which Sqoop bends or loses something: the case, why ours differs, and what stands in Sqoop's file and what
/// in ours.
const DIFFERENT: [(&str, &str, &[(&str, &str)]); 0] = [];

/// Cases that fail in Sqoop and not here: why, and the right file.
const RIGHT: [(&str, &str, &str); 0] = [];

/// Cases that are about more than one file: their rows are compared, sorted.
const SEVERAL: [&str; 2] = ["text-ints-m3", "text-query-join"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_files_are_sqoops_byte_for_byte() {
    let stage = Stage::set(&["types"]).await;
    let mut wrong = Vec::new();
    for case in cases("text-").iter().filter(|case| *case != "text-direct-mariadb-corrupt") {
        let ran = stage.run(case);
        eprintln!("{case}: {} {}", ran.code, ran.err);
        let ours = stage.written(case);
        let sqoops = files(&goldens().join(case).join("out"));
        if ran.code != i32::from(failed(case)) {
            wrong.push(format!("{case}: exit code {}: {}", ran.code, ran.err));
        }
        if ours.keys().ne(sqoops.keys()) {
            wrong.push(format!("{case}: files {:?} where Sqoop has {:?}", ours.keys(), sqoops.keys()));
        }
        for (name, bytes) in &sqoops {
            let (a, b) = (plain(name, bytes), plain(name, ours.get(name).map_or(&[][..], Vec::as_slice)));
            if a != b {
                wrong.push(format!("{case}/{name}:\nSqoop {:?}\nours  {:?}", show(&a), show(&b)));
            }
        }
    }
    eprintln!("{}", wrong.join("\n"));
    stage.clear(&["types"]).await;
    assert!(wrong.is_empty());
}

fn show(b: &[u8]) -> String { String::from_utf8_lossy(b).into_owned() }

/// The bytes that a codec holds.
fn plain(name: &str, bytes: &[u8]) -> Vec<u8> {
    if !name.ends_with(".gz") || bytes.is_empty() {
        return bytes.to_vec();
    }
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}
