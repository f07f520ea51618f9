//! The agent cut off from the NameNode while its log grows: it keeps the lines and lands them all when the way is open.

use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Place, Running, append};
use crate::gate::Gate;
use crate::stack::address;

const ROUNDS: usize = 10;
const LINES: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_from_hdfs_its_channel_grows_and_all_of_it_lands_afterwards() {
    let place = Place::new().await;
    let gate = Gate::before(&address("NAMENODE_PORT"));
    let (file, log) = (place.path("pipeline.toml"), place.path("access.log"));
    let pipeline = fs::read_to_string(&file).unwrap();
    // The metastore does not go through the gate, so that the table is asked for once all is over.
    let gated = pipeline.replace(&address("NAMENODE_PORT"), &gate.address());
    fs::write(&file, gated.replace("hive-", "# hive-")).unwrap();
    append(&log, 0..LINES);
    let mut command = Command::new(env!("CARGO_BIN_EXE_sakia"));
    command.arg("agent").arg(&file).stderr(File::create(place.path("stderr")).unwrap());
    let mut agent = Running(command.spawn().unwrap());
    place.wait_for_epoch(&mut agent, 1).await;

    gate.shut();
    for round in 1..ROUNDS {
        let (before, began) = (place.traces().await.channel_bytes, Instant::now());
        append(&log, round * LINES..(round + 1) * LINES);
        while place.traces().await.channel_bytes <= before {
            assert!(began.elapsed() < Duration::from_secs(60), "{round}: {}", place.stderr());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let cut_off = place.traces().await;
    assert!(cut_off.recorded <= 2 && agent.0.try_wait().unwrap().is_none(), "{cut_off:?}: {}", place.stderr());

    gate.open();
    place.wait_for_epoch(&mut agent, cut_off.recorded + 1).await;
    drop(agent);
    append(&log, ROUNDS * LINES..(ROUNDS + 1) * LINES);
    fs::write(&file, pipeline).unwrap();
    place.drain();
    place.assert_whole((ROUNDS + 1) * LINES);
}
