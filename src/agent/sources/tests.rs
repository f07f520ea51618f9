//! The source against what happens to log files: growth, rotation, truncation, replacement.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use tempfile::TempDir;

use super::Pattern;
use super::taildir::Taildir;
use crate::agent::position::Positions;
use crate::error::Kind;

struct Logs {
    dir: TempDir,
}

impl Logs {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn source(&self, positions: Positions) -> Taildir {
        Taildir::new(vec![Pattern::new("a.log*", self.dir.path()).unwrap()], 1024, positions)
    }
}

/// Reads a round; gives file name, offset and text of each line, and what is known of the files.
fn round(source: &mut Taildir, positions: &mut Positions) -> Vec<(String, u64, String)> {
    source.look().unwrap();
    let mut lines = Vec::new();
    while let Some(batch) = source.read().unwrap() {
        let name = Path::new(&batch.after.path).file_name().unwrap().to_str().unwrap().to_owned();
        for event in &batch.events {
            lines.push((name.clone(), event.offset, String::from_utf8(event.body.to_vec()).unwrap()));
        }
        positions.put(batch.after);
    }
    lines
}

fn texts(lines: Vec<(String, u64, String)>) -> Vec<String> {
    lines.into_iter().map(|(_, _, text)| text).collect()
}

/// A beginning that is as long as ever counts.
fn long(letter: &str) -> String {
    format!("{}\n", letter.repeat(500)).repeat(10)
}

#[test]
fn only_complete_lines_and_each_once() {
    let logs = Logs::new();
    logs.append("a.log", "one\r\nt\rwo\n\nthr");
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    let line = |offset, text: &str| ("a.log".to_owned(), offset, text.to_owned());
    assert_eq!(round(&mut source, &mut known), [line(0, "one"), line(5, "t\rwo"), line(10, "")]);
    assert_eq!(source.unfinished(), [(logs.path("a.log").to_str().unwrap().to_owned(), 3)]);
    assert!(round(&mut source, &mut known).is_empty());
    logs.append("a.log", "ee\nfour");
    assert_eq!(round(&mut source, &mut known), [line(11, "three")]);
    logs.append("a.log", "\n");
    assert_eq!(round(&mut logs.source(known.clone()), &mut known), [line(17, "four")], "after a restart");
    assert!(round(&mut logs.source(known.clone()), &mut known).is_empty());
}

#[test]
fn rotation_neither_loses_nor_doubles() {
    let logs = Logs::new();
    logs.append("a.log", "1\n");
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    assert_eq!(texts(round(&mut source, &mut known)), ["1"]);
    logs.append("a.log", "2\n");
    fs::rename(logs.path("a.log"), logs.path("a.log.1")).unwrap();
    logs.append("a.log", "3\n");
    let mut restarted = logs.source(known.clone());
    let mut lines = texts(round(&mut source, &mut known));
    lines.sort();
    assert_eq!(lines, ["2", "3"]);
    let mut lines = texts(round(&mut restarted, &mut Positions::default()));
    lines.sort();
    assert_eq!(lines, ["2", "3"], "while the agent was down");
}

#[test]
fn a_file_renamed_out_of_the_pattern_is_read_on() {
    let logs = Logs::new();
    logs.append("a.log", "1\n");
    let mut source = logs.source(Positions::default());
    let mut known = Positions::default();
    round(&mut source, &mut known);
    fs::rename(logs.path("a.log"), logs.path("old")).unwrap();
    logs.append("old", "2\n");
    assert_eq!(texts(round(&mut source, &mut known)), ["2"]);
}

#[test]
fn truncated_and_replaced_files_begin_anew() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    logs.append("a.log", "old 1\nold 2\n");
    round(&mut source, &mut known);
    fs::write(logs.path("a.log"), "new\n").unwrap();
    assert_eq!(texts(round(&mut source, &mut known)), ["new"], "truncated in place");
    fs::write(logs.path("a.log"), "newer and longer\n").unwrap();
    assert_eq!(texts(round(&mut source, &mut known)), ["newer and longer"], "in place, but longer than before");
    fs::remove_file(logs.path("a.log")).unwrap();
    fs::write(logs.path("a.log"), "another file, perhaps on the same inode\n").unwrap();
    assert_eq!(texts(round(&mut logs.source(known.clone()), &mut known)).len(), 1, "while the agent was down");
}

#[test]
fn copied_and_truncated_the_copy_is_read_on() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    logs.append("a.log", &long("x"));
    assert_eq!(round(&mut source, &mut known).len(), 10);
    logs.append("a.log", "late\n");
    fs::copy(logs.path("a.log"), logs.path("a.log.1")).unwrap();
    fs::write(logs.path("a.log"), "next\n").unwrap();
    let mut restarted = logs.source(known.clone());
    for source in [&mut source, &mut restarted] {
        let mut lines = texts(round(source, &mut known));
        lines.sort();
        assert_eq!(lines, ["late", "next"]);
    }
    assert!(round(&mut logs.source(known.clone()), &mut known).is_empty());
}

#[test]
fn the_same_log_elsewhere_is_known_again() {
    let (here, there) = (Logs::new(), Logs::new());
    here.append("a.log", &long("x"));
    let mut known = Positions::default();
    assert_eq!(round(&mut here.source(Positions::default()), &mut known).len(), 10);
    there.append("a.log", &format!("{}more\n", long("x")));
    drop(here);
    assert_eq!(texts(round(&mut there.source(known.clone()), &mut known)), ["more"]);
}

#[test]
fn a_long_line_is_cut_and_the_next_one_whole() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    logs.append("a.log", &"x".repeat(3 << 20));
    assert!(round(&mut source, &mut known).is_empty());
    logs.append("a.log", "y\nshort\n");
    source.look().unwrap();
    let cut = source.read().unwrap().unwrap().events;
    assert_eq!((cut.len(), cut[0].body.len(), cut[0].line_bytes), (1, 1024, (3 << 20) + 1));
    assert!(cut[0].is_cut());
    let next = source.read().unwrap().unwrap().events;
    assert_eq!((next[0].offset, next[0].body.as_ref()), ((3 << 20) + 2, b"short".as_slice()));
    assert!(!next[0].is_cut());

    for (length, is_cut) in [(1024, false), (1025, true)] {
        logs.append("a.log", &format!("{}\r\n", "z".repeat(length)));
        source.look().unwrap();
        let event = source.read().unwrap().unwrap().events.remove(0);
        assert_eq!((event.line_bytes, event.is_cut()), (length as u64, is_cut));
    }
}

#[test]
fn compressed_files_are_refused_by_name() {
    let logs = Logs::new();
    fs::write(logs.path("a.log.2.gz"), b"\x1f\x8b\x08rest").unwrap();
    let mut source = logs.source(Positions::default());
    source.look().unwrap();
    let error = source.read().unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains("a.log.2.gz"), "{error}");
}

#[test]
fn many_lines_come_in_batches() {
    let logs = Logs::new();
    let text: String = (0..12_345).map(|i| format!("line {i}\n")).collect();
    logs.append("a.log", &text);
    let mut known = Positions::default();
    let lines = round(&mut logs.source(Positions::default()), &mut known);
    assert_eq!(lines.len(), 12_345);
    assert!(lines.iter().enumerate().all(|(i, (_, _, text))| *text == format!("line {i}")));
    assert_eq!(known.iter().next().unwrap().offset, text.len() as u64);
}
