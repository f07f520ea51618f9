//! The files of an export: found, told by their first bytes, and cut into ranges of work.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::pattern;
use crate::error::{self, Result};
use crate::format::Compression;
use crate::format::decode::{FileKind, sniff};
use crate::storage::{FileStatus, Filesystem};

/// Bytes of a file that are worth a range of their own.
const LEAST_RANGE_BYTES: u64 = 8 << 20;

/// Most bytes of a range, so that the last one is never long.
const MOST_RANGE_BYTES: u64 = 64 << 20;

/// A file to be exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Absolute path.
    pub path: Arc<str>,
    /// Length.
    pub len_bytes: u64,
    /// Values of the partition columns of its Hive table; `None` where NULL.
    pub partition: Arc<Vec<Option<String>>>,
}

/// The files of an export and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// All of the same kind, none empty.
    pub files: Vec<SourceFile>,
    /// What they are.
    pub kind: FileKind,
    /// What was passed over.
    pub notes: Vec<String>,
}

/// A part of a file that one connection writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Place of the file among the files.
    pub file: usize,
    /// Bytes; the records that begin there.
    pub range: Range<u64>,
    /// Whether it is all of the file.
    pub whole: bool,
}

impl Unit {
    /// The range, if it is not all of the file.
    pub fn part(&self) -> Option<Range<u64>> {
        (!self.whole).then(|| self.range.clone())
    }

    /// Whether its lines and rows are counted from the beginning of the file.
    pub fn is_from_the_beginning(&self) -> bool {
        self.range.start == 0
    }
}

/// Finds what a path, a directory or a pattern names: plain files, not descending.
///
/// # Errors
/// NotFound: nothing is there.
pub async fn find(fs: &dyn Filesystem, path: &str, notes: &mut Vec<String>) -> Result<Vec<FileStatus>> {
    let uri = fs.uri();
    let plain = path.strip_prefix(uri.as_str()).unwrap_or(path);
    if !plain.starts_with('/') {
        return Err(error::config(format!("export directory {path} is no absolute path of {uri}"))
            .hint("write it as /data/orders"));
    }
    let mut found = Vec::new();
    for path in expand(fs, plain).await? {
        match fs.stat(&path).await? {
            Some(status) if status.is_dir => found.extend(fs.list(&path).await?),
            Some(status) => found.push(status),
            None => {}
        }
    }
    if found.is_empty() && (pattern::is_pattern(plain) || fs.stat(plain).await?.is_none()) {
        return Err(error::not_found(format!("there is nothing to export at {plain}")).hint("check export-dir"));
    }
    let is_hidden = |f: &FileStatus| f.name().starts_with(['_', '.']);
    let below = found.iter().filter(|f| f.is_dir && !is_hidden(f)).count();
    if below > 0 {
        notes.push(format!("{below} directories below {plain} are not descended into"));
    }
    found.retain(|f| !f.is_dir && !is_hidden(f));
    Ok(found)
}

/// Finds all files below a directory: Hive's engines put those of a UNION into directories of their own.
///
/// # Errors
/// Those of the filesystem.
pub async fn find_below(fs: &dyn Filesystem, dir: &str) -> Result<Vec<FileStatus>> {
    let uri = fs.uri();
    let mut open = vec![dir.strip_prefix(uri.as_str()).unwrap_or(dir).to_owned()];
    let mut found = Vec::new();
    while let Some(dir) = open.pop() {
        // Hive makes the directory with the first row.
        if fs.stat(&dir).await?.is_none() {
            continue;
        }
        for status in fs.list(&dir).await? {
            match status.is_dir {
                _ if status.name().starts_with(['_', '.']) => {}
                true => open.push(status.path),
                false => found.push(status),
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The paths that a pattern stands for.
async fn expand(fs: &dyn Filesystem, path: &str) -> Result<Vec<String>> {
    let mut paths = vec![String::new()];
    for component in path.split('/').filter(|c| !c.is_empty()) {
        if !pattern::is_pattern(component) {
            paths.iter_mut().for_each(|path| *path = format!("{path}/{component}"));
            continue;
        }
        let mut found = Vec::new();
        for path in &paths {
            let dir = if path.is_empty() { "/" } else { path };
            let is_dir = fs.stat(dir).await?.is_some_and(|status| status.is_dir);
            let names = if is_dir { fs.list(dir).await? } else { Vec::new() };
            let matching = names.iter().filter(|f| pattern::matches(component, f.name()));
            found.extend(matching.map(|f| format!("{path}/{}", f.name())));
        }
        paths = found;
    }
    Ok(if path == "/" { vec!["/".to_owned()] } else { paths })
}

impl Files {
    /// Tells the kind of the files by their first bytes; empty ones are left out.
    ///
    /// # Errors
    /// Data: they are of several kinds.
    pub async fn of(fs: &dyn Filesystem, mut files: Vec<SourceFile>, notes: Vec<String>) -> Result<Self> {
        files.retain(|f| f.len_bytes > 0);
        let mut first: Option<(FileKind, Arc<str>)> = None;
        for file in &files {
            let reader = fs.open(&file.path).await?;
            let kind = sniff(&reader.read_at(0, 4).await?);
            match &first {
                Some((other, path)) if *other != kind => {
                    let what = format!("{path} is {}, {} is {}", name(*other), file.path, name(kind));
                    return Err(error::data(what).hint("export files of one kind at a time, by a pattern"));
                }
                Some(_) => {}
                None => first = Some((kind, file.path.clone())),
            }
        }
        Ok(Self { files, kind: first.map_or(FileKind::Text, |(kind, _)| kind), notes })
    }

    /// Bytes in all.
    pub fn len_bytes(&self) -> u64 {
        self.files.iter().map(|f| f.len_bytes).sum()
    }

    /// Cuts the files into work for so many connections; `spanning` text cannot be cut.
    pub fn units(&self, connections: u32, spanning: bool) -> Vec<Unit> {
        let share = self.len_bytes() / (u64::from(connections.max(1)) * 4);
        let size = share.clamp(LEAST_RANGE_BYTES, MOST_RANGE_BYTES);
        let mut units = Vec::new();
        for (file, source) in self.files.iter().enumerate() {
            let cuttable = self.kind != FileKind::Text || (!spanning && compression(&source.path) == Compression::None);
            let step = if cuttable { size } else { source.len_bytes };
            let whole = step >= source.len_bytes;
            let mut at = 0;
            while at < source.len_bytes {
                let end = at.saturating_add(step).min(source.len_bytes);
                units.push(Unit { file, range: at..end, whole });
                at = end;
            }
        }
        units
    }
}

/// The codec of a text file, by its name.
pub(super) fn compression(path: &str) -> Compression {
    Compression::of_file_name(path).unwrap_or(Compression::None)
}

/// A kind of file, for people.
pub(super) fn name(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Text => "text",
        FileKind::Avro => "Avro",
        FileKind::Parquet => "Parquet",
        FileKind::Sequence => "a sequence file",
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {} to {}", self.range.start, self.range.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(kind: FileKind, lens: &[(&str, u64)]) -> Files {
        let file =
            |(path, len): &(&str, u64)| SourceFile { path: (*path).into(), len_bytes: *len, partition: Arc::default() };
        Files { files: lens.iter().map(file).collect(), kind, notes: Vec::new() }
    }

    #[test]
    fn ranges_cover_each_file_once() {
        let files = files(FileKind::Text, &[("/a", 20 << 20), ("/b.gz", 20 << 20), ("/c", 1)]);
        let units = files.units(4, false);
        assert_eq!(units.iter().map(|u| u.file).collect::<Vec<_>>(), [0, 0, 0, 1, 2]);
        assert_eq!(units[0].range.end, units[1].range.start);
        assert_eq!((units[2].range.end, units[3].whole, units[0].whole), (20 << 20, true, false));
        assert_eq!(files.units(4, true).len(), 3, "records that span lines are not cut");
    }

    #[tokio::test]
    async fn hidden_files_and_directories_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["d/part-0", "d/_SUCCESS", "d/.crc", "d/sub/x", "e/part-0"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "1").unwrap();
        }
        let fs = crate::storage::local::LocalFilesystem::new(dir.path());
        let mut notes = Vec::new();
        let names = |found: Vec<FileStatus>| found.into_iter().map(|f| f.path).collect::<Vec<_>>();
        assert_eq!(names(find(&fs, "/d", &mut notes).await.unwrap()), ["/d/part-0"]);
        assert_eq!(notes.len(), 1);
        assert_eq!(names(find(&fs, "/{d,e}/part-*", &mut notes).await.unwrap()), ["/d/part-0", "/e/part-0"]);
        assert_eq!(names(find(&fs, "/d/part-0", &mut notes).await.unwrap()), ["/d/part-0"]);
        assert_eq!(names(find_below(&fs, "/d").await.unwrap()), ["/d/part-0", "/d/sub/x"]);
        assert_eq!(find(&fs, "/x", &mut notes).await.unwrap_err().kind(), crate::error::Kind::NotFound);
        assert_eq!(find(&fs, "/d/x*", &mut notes).await.unwrap_err().kind(), crate::error::Kind::NotFound);
        assert!(find(&fs, "d", &mut notes).await.is_err());
    }

    #[tokio::test]
    async fn kinds_are_told_by_their_first_bytes_and_not_mixed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), b"Obj\x01").unwrap();
        std::fs::write(dir.path().join("b"), b"PAR1").unwrap();
        std::fs::write(dir.path().join("c"), b"").unwrap();
        let fs = crate::storage::local::LocalFilesystem::new(dir.path());
        let of = |paths: &[(&str, u64)]| files(FileKind::Text, paths).files;
        let found = Files::of(&fs, of(&[("/a", 4), ("/c", 0)]), Vec::new()).await.unwrap();
        assert_eq!((found.kind, found.files.len()), (FileKind::Avro, 1));
        let mixed = Files::of(&fs, of(&[("/a", 4), ("/b", 4)]), Vec::new()).await.unwrap_err();
        assert!(mixed.to_string().contains("/a is Avro, /b is Parquet"), "{mixed}");
    }
}
