//! Flume's components by themselves: its configurations run at the binary, on the local disk.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::flume::{lines, place, said, sakia};

/// Runs agent `a1` until there is nothing more; what it says.
fn drain(dir: &Path) -> String {
    let done = sakia(dir, &["agent", "run", "--flume-conf", "x.properties", "--name", "a1", "--drain"]);
    assert!(done.status.success(), "{}", said(&done));
    said(&done)
}

/// The names in a directory that are not hidden.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

const BASE: &str = "\
a1.sources = r
a1.channels = c
a1.channels.c.type = file
a1.channels.c.dataDirs = @D/data
a1.channels.c.checkpointDir = @D/checkpoint
a1.sources.r.channels = c
";

/// The configuration of the peer's golden file-roll, whose files hold the lines of the spooled file.
#[test]
fn a_spooled_directory_into_files_of_the_local_disk() {
    let dir = place(&format!(
        "{BASE}a1.sinks = k\na1.sinks.k.channel = c\na1.sources.r.type = spooldir\na1.sources.r.spoolDir = @D/spool\n\
         a1.sinks.k.type = file_roll\na1.sinks.k.sink.directory = @D/local\na1.sinks.k.sink.rollInterval = 2\n"
    ));
    let dir = dir.path();
    fs::create_dir(dir.join("spool")).unwrap();
    for round in 1..=3 {
        fs::write(dir.join(format!("spool/{round}.log")), format!("{round} one\n{round} two\r\n{round} end")).unwrap();
        drain(dir);
        assert_eq!(names(&dir.join("spool")).len(), round);
        assert!(dir.join(format!("spool/{round}.log.COMPLETED")).is_file());
        let (found, files) = lines(&dir.join("local"));
        assert_eq!((found.len(), files), (3 * round, round));
    }
    let (found, _) = lines(&dir.join("local"));
    assert_eq!(found[..3], ["1 end", "1 one", "1 two"]);
    let named = names(&dir.join("local"));
    assert!(named.iter().all(|name| name.len() == 15 && name.ends_with("-1")), "{named:?}");
}

#[test]
fn a_taildir_goes_on_where_flume_was_and_only_once() {
    let dir = place(&format!(
        "{BASE}a1.sinks = k\na1.sinks.k.channel = c\na1.sources.r.type = TAILDIR\na1.sources.r.filegroups = g\n\
         a1.sources.r.filegroups.g = @D/logs/.*log\na1.sources.r.positionFile = @D/pos.json\n\
         a1.sinks.k.type = file_roll\na1.sinks.k.sink.directory = @D/local\n"
    ));
    let dir = dir.path();
    fs::create_dir(dir.join("logs")).unwrap();
    for name in ["a.log", "b.log", "c.log"] {
        fs::write(dir.join("logs").join(name), format!("{name} 1\n{name} 2\n")).unwrap();
    }
    let inode = |name: &str| fs::metadata(dir.join("logs").join(name)).unwrap().ino();
    let entry = |inode: u64, pos: u64, name: &str| {
        format!(r#"{{"inode":{inode},"pos":{pos},"file":"{}/logs/{name}"}}"#, dir.display())
    };
    let written = [entry(inode("a.log"), 8, "a.log"), entry(inode("b.log"), 80, "b.log"), entry(7, 8, "c.log")];
    fs::write(dir.join("pos.json"), format!("[{}]", written.join(","))).unwrap();
    let log = drain(dir);
    for wanted in [
        "a.log is read from byte 8, where Flume was",
        "b.log is read from its first line",
        "c.log is read from its first",
    ] {
        assert!(log.contains(wanted), "{wanted}: {log}");
    }
    let wanted = ["a.log 2", "b.log 1", "b.log 2", "c.log 1", "c.log 2"];
    assert_eq!(lines(&dir.join("local")).0, wanted);
    // From here on the channel knows: the file may say what it likes.
    fs::write(dir.join("pos.json"), "[").unwrap();
    fs::write(dir.join("logs/d.log"), "d.log 1\n").unwrap();
    drain(dir);
    assert_eq!(lines(&dir.join("local")).0, [&wanted[..], &["d.log 1"]].concat());
}

#[test]
fn sinks_of_a_group_have_each_event_once() {
    let two = "a1.sinks = k l\na1.sinks.k.channel = c\na1.sinks.l.channel = c\na1.sinks.k.type = file_roll\n\
               a1.sinks.l.type = file_roll\na1.sinks.k.sink.directory = @D/out/k\na1.sinks.l.sink.directory = @D/out/l\n\
               a1.sources.r.type = seq\na1.sources.r.batchSize = 100\na1.sources.r.totalEvents = 1000\n";
    let group = "a1.sinkgroups = g\na1.sinkgroups.g.sinks = k l\na1.sinkgroups.g.processor.type = ";
    for (more, in_first) in [
        (format!("{group}failover\na1.sinkgroups.g.processor.priority.l = 9\n"), Some(0)),
        (format!("{group}load_balance\n"), None),
        (String::new(), None),
    ] {
        let dir = place(&format!("{BASE}{two}{more}"));
        let dir = dir.path();
        for _ in 0..2 {
            let log = drain(dir);
            let is_there = |sink: &str| names(&dir.join("out")).contains(&sink.to_owned());
            let of = |sink: &str| if is_there(sink) { lines(&dir.join("out").join(sink)).0 } else { Vec::new() };
            let (first, second) = (of("k"), of("l"));
            if let Some(wanted) = in_first {
                assert_eq!((first.len(), second.len()), (wanted, 1_000), "{log}");
            }
            let mut all: Vec<u64> = first.iter().chain(&second).map(|line| line.parse().unwrap()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..1_000).collect::<Vec<_>>(), "{more}: {log}");
        }
    }
}
