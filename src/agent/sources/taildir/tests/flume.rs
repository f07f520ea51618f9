//! What Flume's own tests of TAILDIR ask for, and what its users do.

use std::sync::Arc;

use super::*;
use crate::agent::sources::taildir::event;
use crate::agent::sources::taildir::lines::LogLine;

impl Logs {
    /// Makes a file one that was changed so many seconds ago.
    fn age(&self, name: &str, seconds: u64) {
        let changed = std::time::SystemTime::now() - Duration::from_secs(seconds);
        OpenOptions::new().write(true).open(self.path(name)).unwrap().set_modified(changed).unwrap();
    }
}

#[test]
fn fv45_and_fv46_a_last_line_waits_for_its_end() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    logs.append("a.log", "file1line1\nfile1");
    assert_eq!(texts(round(&mut source, &mut known)), ["file1line1"]);
    // For longer than a file is kept open; Flume gives the line out then, and its end as another.
    logs.age("a.log", 3_600);
    assert!(round(&mut source, &mut known).is_empty() && round(&mut source, &mut known).is_empty());
    logs.append("a.log", "line2\n");
    assert_eq!(texts(round(&mut source, &mut known)), ["file1line2"]);
}

#[test]
fn fv47_what_was_not_committed_comes_again() {
    let logs = Logs::new();
    logs.append("a.log", "file1line1\nfile1line2\nfile1line3\nfile1line4\n");
    let read = || texts(round(&mut logs.source(Positions::default()), &mut Positions::default()));
    assert_eq!(read(), ["file1line1", "file1line2", "file1line3", "file1line4"]);
    assert_eq!(read(), ["file1line1", "file1line2", "file1line3", "file1line4"]);
    let mut content = Content::Plain(fs::File::open(logs.path("a.log")).unwrap());
    let mut batch = |at, max_lines| {
        let limits = ReadLimits { max_lines, max_bytes: 1_024, max_line_bytes: 1_024 };
        let read = lines::read(&mut content, at, 44, &mut 0, limits).unwrap();
        (read.lines.iter().map(|line| line.offset).collect::<Vec<_>>(), read.after)
    };
    assert_eq!(batch(0, 5), (vec![0, 11, 22, 33], 44));
    assert_eq!(batch(0, 2), (vec![0, 11], 22));
    assert_eq!(batch(22, 2), (vec![22, 33], 44));
}

#[test]
fn fv50_each_event_says_where_its_line_begins() {
    let logs = Logs::new();
    logs.append("a.log", "file1line1\nfile1line2\nfile1line3\n");
    let mut source = logs.source(Positions::default());
    source.look();
    let lines = source.read().unwrap().lines;
    let offset = |line| event(line, &Arc::from([])).headers.get("byteoffset").unwrap().to_owned();
    assert_eq!(lines.into_iter().map(offset).collect::<Vec<_>>(), ["0", "11", "22"]);
}

#[test]
fn fv51_a_line_ends_with_a_newline_alone() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    for (text, wanted) in [("a\rb\n", "a\rb"), ("a\r\n", "a")] {
        logs.append("a.log", text);
        assert_eq!(texts(round(&mut source, &mut known)), [wanted]);
    }
}

#[test]
fn fv52_the_file_that_changed_first_is_read_first() {
    let logs = Logs::new();
    for (name, seconds) in [("a.log", 1), ("a.log.b", 2), ("a.log.c", 4), ("a.log.d", 3)] {
        logs.append(name, &format!("{name}\n"));
        logs.age(name, 1_000 - seconds);
    }
    let read = texts(round(&mut logs.source(Positions::default()), &mut Positions::default()));
    assert_eq!(read, ["a.log", "a.log.b", "a.log.d", "a.log.c"]);
}

/// Flume has `maxBatchCount` for this, and without it reads a file that grows for ever before all others.
#[test]
fn fv53_a_file_that_grows_holds_no_other_up() {
    let logs = Logs::new();
    let mut source = logs.source(Positions::default());
    logs.append("a.log", &"a\n".repeat(6_000));
    logs.age("a.log", 60);
    logs.append("a.log.b", "b\n");
    source.look();
    let mut batch = || source.read().map(|batch| (batch.lines[0].body.clone(), batch.lines.len()));
    assert_eq!(batch().unwrap(), ("a".into(), 5_000));
    logs.append("a.log", &"a\n".repeat(6_000));
    assert_eq!((batch().unwrap(), batch().unwrap(), batch()), (("a".into(), 1_000), ("b".into(), 1), None));
    source.look();
    assert_eq!(source.read().map(|batch| batch.lines.len()), Some(5_000));
}

#[test]
fn fv54_rounds_find_lines_as_long_as_there_are_new_ones() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    let lines = [Some("file1line1\nfile1line2\n"), Some("file1line3\n"), None, None].map(|more| {
        more.into_iter().for_each(|text| logs.append("a.log", text));
        round(&mut source, &mut known).len()
    });
    assert_eq!(lines, [2, 1, 0, 0]);
}

#[test]
fn fv55_a_file_that_is_deleted_before_it_is_opened_is_no_trouble() {
    let logs = Logs::new();
    let mut source = logs.source(Positions::default());
    logs.append("a.log", "gone\n");
    logs.append("a.log.b", "here\n");
    assert_eq!(source.look(), 2);
    fs::remove_file(logs.path("a.log")).unwrap();
    let batch = source.read().unwrap();
    assert_eq!((batch.lines.len(), batch.lines[0].body.as_ref()), (1, b"here".as_slice()));
    assert_eq!((source.read(), source.troubles(), source.is_settled()), (None, 0, true));
}

#[test]
fn fv56_files_that_nobody_writes_to_are_closed() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    for number in 0..1_000 {
        let name = format!("a.log.{number:04}");
        logs.append(&name, &format!("line of {number}\n"));
        logs.age(&name, if number == 7 { 0 } else { 3_600 });
    }
    let mut read = texts(round(&mut source, &mut known));
    read.sort();
    let mut wanted: Vec<String> = (0..1_000).map(|number| format!("line of {number}")).collect();
    wanted.sort();
    assert_eq!(read, wanted);
    let open = fs::read_dir("/proc/self/fd").unwrap().filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
    let ours: Vec<_> = open.filter(|path| path.starts_with(logs.dir.path())).collect();
    assert_eq!(ours, [logs.path("a.log.0007")]);
}

#[test]
fn fv58_a_file_that_is_renamed_within_the_pattern_is_not_read_again() {
    let logs = Logs::new();
    let mut known = Positions::default();
    let mut source = logs.source(Positions::default());
    logs.append("a.log", "1\n2\n");
    assert_eq!(texts(round(&mut source, &mut known)), ["1", "2"]);
    fs::rename(logs.path("a.log"), logs.path("a.log.1")).unwrap();
    assert!(round(&mut source, &mut known).is_empty());
    assert!(round(&mut logs.source(known.clone()), &mut known).is_empty(), "after a restart");
}

#[test]
fn fv60_copied_and_truncated_in_the_middle_of_a_round() {
    let logs = Logs::new();
    let numbered = |from: u32, to: u32| (from..to).map(|number| format!("{number}\n")).collect::<String>();
    for copy in ["a.log.1", "elsewhere"] {
        let mut known = Positions::default();
        let mut source = logs.source(Positions::default());
        fs::write(logs.path("a.log"), numbered(0, 12_000)).unwrap();
        source.look();
        let first = source.read().unwrap();
        let mut found: Vec<u32> = numbers(&first.lines);
        known.put(first.after);
        logs.copy_and_truncate(copy);
        logs.append("a.log", &numbered(12_000, 12_010));
        while let Some(batch) = source.read() {
            found.extend(numbers(&batch.lines));
            known.put(batch.after);
        }
        found.extend(texts(round(&mut source, &mut known)).iter().map(|line| line.parse::<u32>().unwrap()));
        found.sort();
        // What is in no file that is read was lost by whoever truncated it.
        let wanted: Vec<u32> =
            if copy == "elsewhere" { (0..5_000).chain(12_000..12_010).collect() } else { (0..12_010).collect() };
        assert!(found == wanted, "{copy}: {} lines of {}", found.len(), wanted.len());
        ["a.log", copy].iter().for_each(|name| fs::remove_file(logs.path(name)).unwrap());
    }
}

fn numbers(lines: &[LogLine]) -> Vec<u32> {
    lines.iter().map(|line| std::str::from_utf8(&line.body).unwrap().parse().unwrap()).collect()
}
