//! Where files begin that no channel knows yet: at their first line, behind their last one, or where Flume left them.
//!
//! Flume's TAILDIR keeps a JSON array of `{"inode", "pos", "file"}`. It is read once, before the source's first batch,
//! and only read: the channel keeps the position from then on. What it says of a file counts where inode and path are
//! those of the file, or where the file was renamed as rotation does; what does not count is told. A file that is cut off
//! in the middle, as Flume leaves it when it is killed while writing, is refused: all lines would come again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::content::{Codec, Content, read_plain};
use super::followed::Followed;
use super::look::{Look, file_id};
use super::position::{FileId, FilePosition};
use super::reader::TaildirOptions;
use super::rotation::is_rotated_name;
use super::troubles::Troubles;
use crate::agent::disk;
use crate::error::{self, Kind, Result};

/// Where a file begins that was there before the source's first start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Start {
    /// At its first line.
    #[default]
    Beginning,
    /// Behind its last complete line.
    End,
}

/// What Flume noted of one file.
#[derive(Debug, Deserialize)]
struct Noted {
    inode: u64,
    pos: u64,
    file: PathBuf,
}

/// Flume's position file.
#[derive(Debug)]
pub(in crate::agent) struct PositionFile {
    files: Vec<Noted>,
    /// When Flume wrote it.
    written: Option<SystemTime>,
}

/// What the position file says of a file.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Flume was here.
    At(u64),
    /// Flume did not know it, or knew another file in its place, which is told.
    Unknown(Option<String>),
    /// Flume knew it before it was written anew.
    Anew(String),
}

impl PositionFile {
    /// Reads a position file; `None` where there is none.
    ///
    /// # Errors
    /// Data: it is not one. Auth, Refused: the disk.
    pub(in crate::agent) fn read(path: &Path) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(disk::failed("read", path)(e)),
        };
        let written = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        Ok(Some(Self { written, ..Self::parse(&bytes, path)? }))
    }

    /// The same of the bytes of the file.
    ///
    /// # Errors
    /// Data: they are not one.
    pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let files = serde_json::from_slice(bytes).map_err(|e| {
            error::data(format!("position file {} is not one that Flume completed", path.display())).source(e).hint(
                "start Flume once more and stop it by SIGTERM, so that it writes the file; or take position-file out, and \
                 all lines are read from their beginning",
            )
        })?;
        Ok(Self { files, written: None })
    }

    /// How many files it knows.
    pub(in crate::agent) fn count(&self) -> usize {
        self.files.len()
    }

    /// What it says of a file that was made at `born`, where the disk knows that.
    fn of(&self, look: &Look, born: Option<SystemTime>) -> Verdict {
        let (path, inode) = (look.path.as_path(), look.id.inode);
        let is_renamed = |noted: &&Noted| match (noted.file.to_str(), path.to_str()) {
            (Some(from), Some(to)) => noted.inode == inode && is_rotated_name(from, to),
            _ => false,
        };
        let own = self.files.iter().find(|noted| noted.inode == inode && noted.file == path);
        let Some(own) = own.or_else(|| self.files.iter().find(is_renamed)) else {
            let why = if let Some(other) = self.files.iter().find(|noted| noted.inode == inode) {
                Some(format!("Flume read inode {inode} as {}", other.file.display()))
            } else {
                let other = self.files.iter().find(|noted| noted.file == path);
                other.map(|other| format!("it is inode {inode}, and Flume read inode {} there", other.inode))
            };
            return Verdict::Unknown(why);
        };
        if born.zip(self.written).is_some_and(|(born, written)| born > written) {
            return Verdict::Anew(
                "it was made after Flume wrote its positions, on the inode of the file before".to_owned(),
            );
        }
        if own.pos > look.size {
            return Verdict::Anew(format!(
                "Flume was at byte {}, and it has {}: it was cut off since",
                own.pos, look.size
            ));
        }
        Verdict::At(own.pos)
    }
}

/// Where the files begin that are there now, for a source of which no channel knows anything. `None` where the source was
/// told nothing of it: then each begins at its first line.
///
/// # Errors
/// Those of [`PositionFile::read`]. Auth, Refused: of the first file or directory that cannot be read, as where it begins
/// has to be known now.
pub(super) fn positions(options: &TaildirOptions) -> Result<Option<Vec<FilePosition>>> {
    let noted = match &options.position_file {
        Some(path) => {
            PositionFile::read(path)?.inspect(|_| tracing::info!("reading where Flume was, {}", path.display()))
        }
        None => None,
    };
    if let (Some(path), None) = (&options.position_file, &noted) {
        tracing::info!("there is no position file {}: files begin as those that Flume never read", path.display());
    }
    if noted.is_none() && options.start == Start::Beginning {
        return Ok(None);
    }
    let looks = looks(options)?;
    if let Some(noted) = &noted {
        tell_gone(noted, options, &looks);
    }
    let mut positions = Vec::new();
    for look in looks.values() {
        positions.extend(position(look, noted.as_ref(), options.start)?);
    }
    Ok(Some(positions))
}

/// The files that match now.
fn looks(options: &TaildirOptions) -> Result<BTreeMap<FileId, Look>> {
    let (mut troubles, mut looks) = (Troubles::default(), BTreeMap::new());
    for pattern in &options.patterns {
        for (path, metadata) in pattern.files(&mut troubles) {
            looks.insert(file_id(&metadata), Look::new(path, &metadata));
        }
    }
    match troubles.into_first() {
        // What comes later begins at its first line.
        Some(error) if error.kind() != Kind::NotFound => {
            Err(error.hint("where its files begin has to be known at the first start: let this user read them"))
        }
        _ => Ok(looks),
    }
}

/// Says which files Flume knew and nobody finds.
fn tell_gone(noted: &PositionFile, options: &TaildirOptions, looks: &BTreeMap<FileId, Look>) {
    let there: BTreeSet<u64> = looks.keys().map(|id| id.inode).collect();
    let is_ours = |path: &Path| options.patterns.iter().any(|pattern| pattern.accepts(path));
    for gone in noted.files.iter().filter(|noted| !there.contains(&noted.inode) && is_ours(&noted.file)) {
        let (path, pos) = (gone.file.display(), gone.pos);
        tracing::warn!(
            "{path}, which Flume read up to byte {pos}, is gone or another file: the rest of it is not read"
        );
    }
}

/// Where one file begins; `None` at its first line.
fn position(look: &Look, noted: Option<&PositionFile>, start: Start) -> Result<Option<FilePosition>> {
    let failed = |e| disk::failed("read", &look.path)(e);
    let file = File::open(&look.path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if file_id(&metadata) != look.id {
        return Ok(None);
    }
    let path = look.path.display();
    let from = if start == Start::End { "behind its last line" } else { "from its first line" };
    let verdict = noted.map_or(Verdict::Unknown(None), |noted| noted.of(look, metadata.created().ok()));
    let at = match verdict {
        Verdict::At(pos) => Some(pos),
        Verdict::Anew(why) => {
            tracing::warn!("{path} is read from its first line: {why}");
            return Ok(None);
        }
        Verdict::Unknown(why) => {
            if let Some(why) = why {
                tracing::warn!("{path} is read {from}: {why}");
            }
            None
        }
    };
    if Codec::of(&read_plain(&file, 0, 8).map_err(failed)?).is_some() {
        return Ok(None);
    }
    let Some((mut followed, _)) = Followed::new(Content::Plain(file), look.size).map_err(failed)? else {
        return Ok(None);
    };
    let offset = match (at, start) {
        (Some(pos), _) => pos,
        (None, Start::End) => followed.end_of_lines(look.size).map_err(failed)?,
        (None, Start::Beginning) => return Ok(None),
    };
    if offset <= followed.start() {
        return Ok(None);
    }
    followed.stand_at(offset).map_err(failed)?;
    tracing::info!("{path} is read from byte {offset}{}", if at.is_some() { ", where Flume was" } else { "" });
    Ok(Some(followed.position(look, look.path()?)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use super::*;
    use crate::agent::sources::taildir::{CompressedFiles, Pattern};

    fn options(dir: &Path, start: Start) -> TaildirOptions {
        TaildirOptions {
            patterns: vec![Pattern::new("*.log*", dir).unwrap()],
            max_line_bytes: 1 << 10,
            compressed: CompressedFiles::Skip,
            forget_after: Duration::from_secs(1 << 20),
            position_file: Some(dir.join("positions.json")),
            noting: None,
            start,
        }
    }

    fn inode(path: &Path) -> u64 {
        file_id(&fs::metadata(path).unwrap()).inode
    }

    /// Where files begin, by name, with a position file of these files.
    fn begin(dir: &Path, start: Start, noted: &[(u64, u64, &str)]) -> Vec<(String, u64)> {
        let noted = noted.iter().map(|(inode, pos, name)| {
            format!(r#"{{"inode":{inode},"pos":{pos},"file":"{}"}}"#, dir.join(name).display())
        });
        fs::write(dir.join("positions.json"), format!("[{}]", noted.collect::<Vec<_>>().join(","))).unwrap();
        let found = positions(&options(dir, start)).unwrap().unwrap();
        let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
        let mut found: Vec<_> = found.into_iter().map(|position| (name(&position.path), position.offset)).collect();
        found.sort();
        found
    }

    #[test]
    fn fv57_what_flume_read_counts_where_inode_and_path_are_those_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        for name in ["a.log", "b.log", "c.log", "d.log.1"] {
            fs::write(dir.join(name), format!("{name}\nline two\n")).unwrap();
        }
        let [a, b, c, d] = ["a.log", "b.log", "c.log", "d.log.1"].map(|name| inode(&dir.join(name)));
        let noted =
            [(a, 6, "a.log"), (b + 1_000_000, 6, "b.log"), (c, 6, "other.log"), (d, 8, "d.log"), (7, 3, "gone.log")];
        assert_eq!(begin(dir, Start::Beginning, &noted), [("a.log".to_owned(), 6), ("d.log.1".to_owned(), 8)]);
        let all = [("a.log", 6), ("b.log", 15), ("c.log", 15), ("d.log.1", 8)].map(|(name, at)| (name.to_owned(), at));
        assert_eq!(begin(dir, Start::End, &noted), all);
    }

    #[test]
    fn fv48_a_position_behind_the_end_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        fs::write(&path, "one\n").unwrap();
        for start in [Start::Beginning, Start::End] {
            assert_eq!(begin(dir.path(), start, &[(inode(&path), 5, "a.log")]), []);
        }
        assert_eq!(begin(dir.path(), Start::Beginning, &[(inode(&path), 4, "a.log")]), [("a.log".to_owned(), 4)]);
    }

    #[test]
    fn fv49_a_start_at_the_end_waits_for_whole_lines() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.log"), "one\ntwo\nhal").unwrap();
        fs::write(dir.path().join("b.log"), "no end").unwrap();
        let mut long = File::create(dir.path().join("c.log")).unwrap();
        long.write_all(format!("x\n{}", "y".repeat(200_000)).as_bytes()).unwrap();
        assert_eq!(begin(dir.path(), Start::End, &[]), [("a.log".to_owned(), 8), ("c.log".to_owned(), 2)]);
        assert_eq!(begin(dir.path(), Start::Beginning, &[]), []);
    }

    #[test]
    fn fv59_a_file_made_after_flume_wrote_is_another_on_its_inode() {
        let look = Look::new(PathBuf::from("/l/a.log"), &fs::metadata("/proc/self/exe").unwrap());
        let noted = Noted { inode: look.id.inode, pos: 3, file: look.path.clone() };
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let file = PositionFile { files: vec![noted], written: Some(written) };
        assert_eq!(file.of(&look, Some(written)), Verdict::At(3));
        assert_eq!(file.of(&look, None), Verdict::At(3));
        assert!(matches!(file.of(&look, Some(written + Duration::from_secs(1))), Verdict::Anew(_)));
    }

    #[test]
    fn fv61_a_position_file_that_was_cut_off_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path(), Start::Beginning);
        assert!(positions(&options).unwrap().is_none(), "there is none");
        for text in ["", r#"[{"inode":1,"pos":"#, r#"{"inode":1}"#, r#"[{"inode":1,"pos":2}]"#] {
            fs::write(dir.path().join("positions.json"), text).unwrap();
            let error = positions(&options).unwrap_err();
            assert_eq!(error.kind(), Kind::Data, "{text}");
            assert!(error.to_string().contains("positions.json"), "{error}");
        }
        fs::write(dir.path().join("positions.json"), "[]").unwrap();
        assert_eq!(positions(&options).unwrap(), Some(Vec::new()));
    }
}
