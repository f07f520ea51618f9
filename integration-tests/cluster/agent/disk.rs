//! The agent on a disk that is full, read-only or broken, and under a clock that jumps. It ends with a sentence that
//! names the file, and the next run loses and doubles nothing.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use super::{LINES, MALFORMED, Place, Running, append, write_log};

/// Fails the `FAIL_SYNC`th sync of a file's data, as a disk does that loses a block.
const BROKEN_SYNC: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
static int calls;
int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, __func__);
    if (__sync_add_and_fetch(&calls, 1) == atoi(getenv("FAIL_SYNC"))) { errno = EIO; return -1; }
    return real(fd);
}
"#;

impl Place {
    /// Runs a script in which `drain` drains, and `$CHANNEL` is the channel's directory; mounts in it are its own.
    fn script(&self, script: &str) -> Output {
        fs::create_dir_all(self.path("channel")).unwrap();
        let script = format!("drain() {{ \"$SAKIA\" agent \"$FILE\" --drain; }}\n{script}");
        let mut shell = Command::new("unshare");
        shell.args(["--map-root-user", "--mount", "bash", "-ec", &script]);
        shell.env("SAKIA", env!("CARGO_BIN_EXE_sakia"));
        shell.env("CHANNEL", self.path("channel")).env("FILE", self.path("pipeline.toml"));
        shell.stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_whose_disk_is_full_or_read_only_goes_on_when_that_is_over() {
    let place = Place::new().await;
    write_log(&place.path("access.log"), 'f');
    let output = place.script(
        r#"mount -t tmpfs -o size=600k none "$CHANNEL"
           head -c 1M /dev/zero > "$CHANNEL/filler" || true
           drain && exit 10
           mount -o remount,ro "$CHANNEL"
           drain && exit 11
           mount -o remount,rw,size=3m "$CHANNEL"
           rm "$CHANNEL/filler"
           # Less than the log: what is full is emptied, again and again.
           drain"#,
    );
    let said = said(&output);
    assert!(output.status.success(), "{}: {said}", output.status);
    for word in ["/channel/", "No space left on device", "make room on that disk", "Read-only file system"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    place.assert_whole(LINES - LINES / MALFORMED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_failed_is_not_tried_again_and_the_next_run_has_the_lines() {
    let place = Place::new().await;
    write_log(&place.path("access.log"), 's');
    let (source, library) = (place.path("sync.c"), place.path("sync.so"));
    fs::write(&source, BROKEN_SYNC).unwrap();
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status().unwrap();
    assert!(compiled.success());
    let mut broken = Command::new(env!("CARGO_BIN_EXE_sakia"));
    broken.env("LD_PRELOAD", &library).env("FAIL_SYNC", "5");
    let output = place.start_as(broken).wait_with_output().unwrap();
    let said = said(&output);
    assert!(!output.status.success() && said.contains("cannot sync") && said.contains("channel/segment-"), "{said}");
    assert!(said.contains("Input/output error"), "{said}");
    place.drain();
    place.assert_whole(LINES - LINES / MALFORMED);
}

fn faketime() -> PathBuf {
    ["x86_64", "aarch64"]
        .map(|machine| PathBuf::from(format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketime.so.1")))
        .into_iter()
        .find(|path| path.exists())
        .expect("the package faketime is installed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_under_a_running_agent_loses_and_doubles_nothing() {
    for jump in ["+1h", "-1h"] {
        let place = Place::new().await;
        let (log, clock) = (place.path("access.log"), place.path("clock"));
        append(&log, 0..100);
        fs::write(&clock, "+0\n").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sakia"));
        command.env("LD_PRELOAD", faketime()).env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").arg("agent").arg(place.path("pipeline.toml"));
        let log_file = fs::File::create(place.path("stderr")).unwrap();
        let mut agent = Running(command.stderr(log_file).spawn().unwrap());
        place.wait_for_epoch(&mut agent, 1).await;
        fs::write(&clock, format!("{jump}\n")).unwrap();
        append(&log, 100..200);
        place.wait_for_epoch(&mut agent, 2).await;
        drop(agent);
        append(&log, 200..300);
        place.drain();
        place.assert_whole(300);
    }
}
