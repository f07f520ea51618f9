//! The source against what happens to log files: growth, rotation, truncation, replacement.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::content::Content;
use super::lines::{self, ReadLimits};
use super::pattern::Pattern;
use super::position::{FilePosition, Moved, Positions};
use super::reader::{Taildir, TaildirOptions};
use super::{CompressedFiles, Start};
use crate::error::Kind;

mod flume;

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
        Taildir::new(self.options(), positions)
    }

    fn options(&self) -> TaildirOptions {
        TaildirOptions {
            patterns: vec![Pattern::new("a.log*", self.dir.path()).unwrap()],
            max_line_bytes: 1024,
            compressed: CompressedFiles::Skip,
            forget_after: Duration::from_secs(3600),
            position_file: None,
            noting: None,
            start: Start::Beginning,
        }
    }

    /// Makes a copy as `copytruncate` does, and empties the log.
    fn copy_and_truncate(&self, copy: &str) {
        fs::copy(self.path("a.log"), self.path(copy)).unwrap();
        fs::write(self.path("a.log"), "").unwrap();
    }

    fn compress(&self, name: &str, to: &str) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&fs::read(self.path(name)).unwrap()).unwrap();
        fs::write(self.path(to), encoder.finish().unwrap()).unwrap();
        fs::remove_file(self.path(name)).unwrap();
        // Nobody is writing to it any more.
        let old = std::time::SystemTime::now() - Duration::from_secs(60);
        OpenOptions::new().write(true).open(self.path(to)).unwrap().set_modified(old).unwrap();
    }
}

/// Reads a round; gives file name, offset and text of each line, and what is known of the files.
fn round(source: &mut Taildir, positions: &mut Positions) -> Vec<(String, u64, String)> {
    source.look();
    let mut lines = Vec::new();
    while let Some(batch) = source.read() {
        let name = Path::new(&batch.after.path).file_name().unwrap().to_str().unwrap().to_owned();
        for line in &batch.lines {
            lines.push((name.clone(), line.offset, String::from_utf8(line.body.to_vec()).unwrap()));
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
    assert_eq!(source.notes(), [format!("3 bytes of a last line without end in {}", logs.path("a.log").display())]);
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
fn copies_are_known_by_their_beginning_while_the_log_is_still_there() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    for (letter, text) in [("x", long("x")), ("y", "a short one\n".to_owned())] {
        logs.append("a.log", &text);
        assert_eq!(round(&mut source, &mut known).len(), text.lines().count());
        fs::copy(logs.path("a.log"), logs.path("a.log.1")).unwrap();
        assert!(round(&mut source, &mut known).is_empty(), "{letter}: copied, not yet truncated");
        fs::write(logs.path("a.log"), "").unwrap();
        assert!(round(&mut source, &mut known).is_empty(), "{letter}: truncated");
        assert!(round(&mut logs.source(known.clone()), &mut known).is_empty(), "{letter}: after a restart");
        fs::rename(logs.path("a.log.1"), logs.path(&format!("a.log.{letter}"))).unwrap();
    }
    assert!(source.notes().is_empty(), "the logs end with a newline: {:?}", source.notes());
}

#[test]
fn a_copy_that_is_being_made_is_waited_for() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    logs.append("a.log", &long("x"));
    round(&mut source, &mut known);
    for part in ["", &long("x")[..700], &long("x")[..4500]] {
        fs::write(logs.path("a.log.1"), part).unwrap();
        assert!(round(&mut source, &mut known).is_empty(), "{} bytes", part.len());
        assert_eq!(source.waits_for_copy(), !part.is_empty());
    }
    fs::write(logs.path("a.log.1"), long("x") + "late\n").unwrap();
    assert_eq!(texts(round(&mut source, &mut known)), ["late"]);
    assert!(source.is_settled());
}

#[test]
fn another_log_that_begins_alike_is_read_from_its_start() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    logs.append("a.log", &(long("x") + "this\n"));
    round(&mut source, &mut known);
    logs.append("a.log_other", &(long("x") + "that\n"));
    assert_eq!(round(&mut source, &mut known).len(), 11, "its last bytes are others");
}

#[test]
fn a_long_line_is_cut_and_the_next_one_whole() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    logs.append("a.log", &"x".repeat(3 << 20));
    assert!(round(&mut source, &mut known).is_empty());
    logs.append("a.log", "y\nshort\n");
    source.look();
    let cut = source.read().unwrap().lines;
    assert_eq!((cut.len(), cut[0].body.len(), cut[0].line_bytes), (1, 1024, (3 << 20) + 1));
    assert!(cut[0].is_cut());
    let next = source.read().unwrap().lines;
    assert_eq!((next[0].offset, next[0].body.as_ref()), ((3 << 20) + 2, b"short".as_slice()));
    assert!(!next[0].is_cut());

    for (length, is_cut) in [(1024, false), (1025, true)] {
        logs.append("a.log", &format!("{}\r\n", "z".repeat(length)));
        source.look();
        let line = source.read().unwrap().lines.remove(0);
        assert_eq!((line.line_bytes, line.is_cut()), (length as u64, is_cut));
    }
}

#[test]
fn compressed_files_are_skipped_with_a_note() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    logs.append("a.log", &long("x"));
    round(&mut source, &mut known);
    logs.append("a.log", "late\n");
    fs::rename(logs.path("a.log"), logs.path("a.log.1")).unwrap();
    logs.compress("a.log.1", "a.log.1.gz");
    logs.append("a.log", "new\n");
    let mut restarted = logs.source(known.clone());
    assert_eq!(texts(round(&mut restarted, &mut known)), ["new"]);
    assert_eq!(restarted.notes(), ["1 compressed file skipped, 1 of them not wholly read before"]);
    assert!(restarted.is_settled());
    let gone = restarted.gone();
    assert!(gone.is_empty(), "its position is kept, for it says what was read: {gone:?}");
    fs::write(logs.path("a.log.2.gz"), b"\x1f\x8b\x08rest").unwrap();
    assert!(round(&mut restarted, &mut known).is_empty());
    assert_eq!(restarted.notes(), ["2 compressed files skipped, 2 of them not wholly read before"]);
}

#[test]
fn compressed_files_are_read_on_request_from_where_they_were_left() {
    let logs = Logs::new();
    let mut known = Positions::default();
    logs.append("a.log", &long("x"));
    round(&mut logs.source(Positions::default()), &mut known);
    logs.append("a.log", "late\n");
    logs.compress("a.log", "a.log.1.gz");
    logs.append("b", "never\nseen\n");
    logs.compress("b", "a.log.2.gz");
    let read = |known: &Positions| {
        Taildir::new(TaildirOptions { compressed: CompressedFiles::Read, ..logs.options() }, known.clone())
    };
    let mut lines = texts(round(&mut read(&known), &mut known));
    lines.sort();
    assert_eq!(lines, ["late", "never", "seen"]);
    assert!(round(&mut read(&known), &mut known).is_empty());
}

#[test]
fn what_cannot_be_read_keeps_nobody_waiting() {
    use std::os::unix::ffi::OsStrExt;
    let logs = Logs::new();
    let mut known = Positions::default();
    let other = logs.path("later");
    let mut options = logs.options();
    options.patterns.push(Pattern::new("later/*", logs.dir.path()).unwrap());
    let deleted: FilePosition =
        serde_json::from_str(r#"{"path":"/deleted","device":1,"inode":1,"head":{"len":0,"sha256":"x"},"offset":2}"#)
            .unwrap();
    let mut source = Taildir::new(options, vec![deleted].into());
    let odd = logs.dir.path().join(std::ffi::OsStr::from_bytes(b"a.log.\xff"));
    fs::write(&odd, "odd\n").unwrap();
    logs.append("a.log", "1\n");
    assert_eq!(texts(round(&mut source, &mut known)), ["1"]);
    assert_eq!((source.troubles(), source.is_settled()), (2, false));
    assert!(source.gone().is_empty(), "nothing is known to be gone while something cannot be looked at");
    fs::create_dir(&other).unwrap();
    logs.append("later/x", "2\n");
    fs::remove_file(odd).unwrap();
    assert_eq!(texts(round(&mut source, &mut known)), ["2"]);
    let gone = source.gone();
    assert!(source.is_settled() && matches!(&gone[..], [Moved::To(p)] if p.path == "/deleted"), "{gone:?}");
    assert_eq!(Taildir::into_trouble(source).map(|e| e.kind()), None::<Kind>);
}

#[test]
fn the_hole_that_a_writer_leaves_behind_is_skipped() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    // A writer that does not append: it goes on at its own offset.
    let writer = fs::File::create(logs.path("a.log")).unwrap();
    let mut at = 0;
    let mut write = |text: &str| {
        std::os::unix::fs::FileExt::write_all_at(&writer, text.as_bytes(), at).unwrap();
        at += text.len() as u64;
        at
    };
    write(&long("x"));
    round(&mut source, &mut known);
    for (number, text) in [(1, "one\n".to_owned()), (2, long("y")), (3, "three\n".to_owned())] {
        logs.copy_and_truncate(&format!("a.log.{number}"));
        let end = write(&text);
        let mut restarted = logs.source(known.clone());
        let lines = texts(round(&mut source, &mut known));
        assert_eq!(lines, text.lines().collect::<Vec<_>>());
        let hole = end - text.len() as u64;
        assert_eq!(texts(round(&mut restarted, &mut Positions::default())), lines, "while the agent was down");
        assert_eq!(restarted.notes(), [format!("{hole} NUL bytes of holes skipped")]);
        assert!(round(&mut source, &mut known).is_empty());
    }
    write("four\n");
    assert_eq!(texts(round(&mut logs.source(known.clone()), &mut known)), ["four"]);
}

#[test]
fn a_file_that_was_made_larger_before_is_read_as_it_fills() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    let file = fs::File::create(logs.path("a.log")).unwrap();
    file.set_len(3 << 20).unwrap();
    assert!(round(&mut source, &mut known).is_empty());
    for (at, text, line) in [(0, "one\n", "one"), (4, "two\nthr", "two"), (11, "ee\n", "three")] {
        std::os::unix::fs::FileExt::write_all_at(&file, text.as_bytes(), at).unwrap();
        assert_eq!(texts(round(&mut source, &mut known)), [line]);
    }
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

/// What happens to a log between two looks.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many lines of this length are written.
    Write(u8, u16),
    /// The log is copied and emptied; the agent looks in between, or not.
    CopyTruncate { look: bool },
    /// The log is renamed and begun anew.
    Rename,
    /// The agent looks.
    Look,
    /// The agent is killed and run again.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..6_u8, 1..900_u16).prop_map(|(lines, length)| Step::Write(lines, length)),
        2 => any::<bool>().prop_map(|look| Step::CopyTruncate { look }),
        1 => Just(Step::Rename),
        4 => Just(Step::Look),
        1 => Just(Step::Restart),
    ]
}

impl Logs {
    /// Makes room for the next rotated file: `a.log.1` becomes `a.log.2`, and so on.
    fn shift(&self, rotations: &mut u32) {
        for number in (1..=*rotations).rev() {
            fs::rename(self.path(&format!("a.log.{number}")), self.path(&format!("a.log.{}", number + 1))).unwrap();
        }
        *rotations += 1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_rotation_does_each_line_comes_once(steps in proptest::collection::vec(step(), 1..40)) {
        let logs = Logs::new();
        logs.append("a.log", "");
        let (mut known, mut source) = (Positions::default(), logs.source(Positions::default()));
        let (mut rotations, mut written, mut read) = (0, Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Write(lines, length) => for _ in 0..lines {
                    let line = format!("{}:{}", written.len(), "x".repeat(length.into()));
                    logs.append("a.log", &format!("{line}\n"));
                    written.push(line);
                },
                Step::CopyTruncate { look } => {
                    logs.shift(&mut rotations);
                    fs::copy(logs.path("a.log"), logs.path("a.log.1")).unwrap();
                    if look {
                        read.extend(texts(round(&mut source, &mut known)));
                    }
                    fs::write(logs.path("a.log"), "").unwrap();
                }
                Step::Rename => {
                    logs.shift(&mut rotations);
                    fs::rename(logs.path("a.log"), logs.path("a.log.1")).unwrap();
                    logs.append("a.log", "");
                }
                Step::Look => read.extend(texts(round(&mut source, &mut known))),
                Step::Restart => source = logs.source(known.clone()),
            }
        }
        read.extend(texts(round(&mut source, &mut known)));
        read.sort_by_key(|line| line.split(':').next().unwrap().parse::<usize>().unwrap());
        prop_assert_eq!(read, written);
    }

    #[test]
    fn holes_end_lines_and_are_counted(
        pieces in proptest::collection::vec(("[a-z]{0,30}", 0..200_usize), 0..30), partial in "[a-z]{0,30}",
    ) {
        // Each piece is ended by a hole of that many bytes, or by a newline if there is no hole.
        let (mut bytes, mut expected, mut holes) = (Vec::new(), Vec::new(), 0);
        for (text, hole) in &pieces {
            let after_hole = bytes.last() == Some(&0);
            if !text.is_empty() || (*hole == 0 && !after_hole) {
                expected.push((bytes.len() as u64, text.clone(), *hole > 0));
            }
            bytes.extend_from_slice(text.as_bytes());
            bytes.resize(bytes.len() + hole, 0);
            holes += *hole as u64;
            if *hole == 0 {
                bytes.push(b'\n');
            }
        }
        bytes.extend_from_slice(b"end\n");
        expected.push((bytes.len() as u64 - 4, "end".to_owned(), false));
        bytes.extend_from_slice(partial.as_bytes());

        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let mut content = Content::Plain(file);
        let limits = ReadLimits { max_lines: 3, max_bytes: 64, max_line_bytes: 32 };
        let (mut at, mut searched, mut found, mut skipped) = (0, 0, Vec::new(), 0);
        loop {
            let read = lines::read(&mut content, at, bytes.len() as u64, &mut searched, limits).unwrap();
            if read.after == at {
                break;
            }
            (at, skipped) = (read.after, skipped + read.hole_bytes);
            found.extend(read.lines.into_iter().map(|line| {
                (line.offset, String::from_utf8(line.body.to_vec()).unwrap(), line.torn)
            }));
        }
        prop_assert_eq!((found, skipped, at), (expected, holes, (bytes.len() - partial.len()) as u64));
    }
}
