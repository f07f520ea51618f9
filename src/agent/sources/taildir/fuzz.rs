//! Logs with whatever is in them, and Flume's position file.

use std::fs::File;
use std::path::Path;

use super::PositionFile;
use super::content::Content;
use super::lines::{self, ReadLimits};
use crate::fuzz::{Scratch, Target, seeds};

pub(in crate::agent) const TARGETS: &[Target] = &[
    Target { name: "taildir", seeds: logs, run: log },
    Target { name: "position-file", seeds: positions, run: position },
];

fn logs() -> Vec<Vec<u8>> {
    seeds(&[
        "\u{4}one\ntwo\r\n\nthree words\nthe last has no end",
        "\u{2}\0\0\0one\ntw\0\0o\n\0\n",
        "\u{1}a line that is longer than it may be, by far\n\0\0",
    ])
}

/// The first byte says how much is read at once, and how long a line may be. Lines lie in the log one behind the other, and
/// what is left at its end is no line.
fn log(data: &[u8]) {
    let (Some((most, data)), Ok(dir)) = (data.split_first(), Scratch::new()) else { return };
    let path = dir.path().join("log");
    let Ok(file) = std::fs::write(&path, data).and_then(|()| File::open(&path)) else { return };
    let most = usize::from(*most);
    let limits = ReadLimits { max_lines: 1 + most % 3, max_bytes: 1 + most, max_line_bytes: 1 + most / 2 };
    let (mut content, mut at, mut searched, end) = (Content::Plain(file), 0, 0, data.len() as u64);
    let mut holes = 0;
    while let Ok(found) = lines::read(&mut content, at, end, &mut searched, limits) {
        let mut from = at;
        for line in &found.lines {
            assert!(line.offset >= from && line.body.len() as u64 <= line.line_bytes);
            let begin = line.offset as usize;
            assert_eq!(data.get(begin..begin + line.body.len()), Some(&line.body[..]));
            from = line.offset + line.line_bytes;
        }
        assert!(found.after >= from && found.after <= end);
        holes += found.hole_bytes;
        if found.after == at {
            break;
        }
        at = found.after;
    }
    assert!(!data[at as usize..].contains(&b'\n'), "a line is left behind byte {at}");
    assert!(holes <= data.iter().filter(|byte| **byte == 0).count() as u64);
}

fn positions() -> Vec<Vec<u8>> {
    seeds(&[r#"[{"inode":7,"pos":12,"file":"/log/a"},{"inode":9,"pos":5,"file":"/log/c"}]"#, "[]"])
}

fn position(data: &[u8]) {
    let _ = PositionFile::parse(data, Path::new("positions.json"));
}
