//! The data files that a path names, with the partitions that their directories name.
//!
//! Hidden files and directories (names that begin with `.` or `_`) hold no data, empty files hold no rows. Refused: a
//! directory inside a data set that is not one of a partition, since its files would be passed over.

use std::fmt;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::{FileSetOptions, pattern};
use crate::error::{self, Result};
use crate::load::Partition;
use crate::storage::{FileStatus, Filesystem};

/// A file of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Absolute path without a scheme.
    pub path: String,
    /// Length in bytes when it was listed.
    pub len_bytes: u64,
    /// Names and values of the partition columns of its rows.
    pub partition: Partition,
    /// How it is read, where that is not as the other files of its set.
    pub options: Option<Arc<FileSetOptions>>,
}

impl DataFile {
    /// A file that is read as its set says.
    pub fn new(path: impl Into<String>, len_bytes: u64, partition: Partition) -> Self {
        Self { path: path.into(), len_bytes, partition, options: None }
    }
}

/// Files in the lines of a plan: what becomes of them, how many and where, and each with its length.
pub struct Listed<'a> {
    /// What begins the first line.
    pub act: &'a str,
    /// What stands behind the number of files.
    pub of: &'a str,
    /// The files.
    pub files: &'a [DataFile],
}

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { act, of, files } = self;
        let bytes: u64 = files.iter().map(|file| file.len_bytes).sum();
        writeln!(f, "{act:<11} {} files{of}, {bytes} bytes", files.len())?;
        files.iter().try_for_each(|file| writeln!(f, "  {} ({} bytes)", file.path, file.len_bytes))
    }
}

/// A place where files are looked for, and the partition columns named on the way there.
type Place = (String, Vec<(String, String)>);

/// The files of a data set, by path: a file, or what lies in a directory and in the `k=v` directories below it, or all
/// that of whatever a pattern matches. The path may begin with the address of the filesystem.
///
/// # Errors
/// NotFound: there is nothing. Config: the path is not absolute. Data: a directory that is not one of a partition, or
/// files under different partition columns.
pub async fn list(fs: &dyn Filesystem, path: &str) -> Result<Vec<DataFile>> {
    let uri = fs.uri();
    let plain = path.strip_prefix(uri.as_str()).unwrap_or(path);
    if !plain.starts_with('/') {
        return Err(error::config(format!("{path} is not an absolute path of {uri}")).hint("write it as /data/orders"));
    }
    let (mut files, mut found) = (Vec::new(), false);
    for (path, partition) in expand(fs, plain).await? {
        match fs.stat(&path).await? {
            None => continue,
            Some(status) if status.is_dir => below(fs, (path, partition), &mut files).await?,
            Some(status) => files.push(data_file(&status, &partition)),
        }
        found = true;
    }
    if !found {
        return Err(error::not_found(format!("there is no file or directory {plain}")).hint("check the path"));
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    one_partitioning(&files)?;
    Ok(files)
}

/// Adds the files of a directory and of the partition directories below it.
async fn below(fs: &dyn Filesystem, place: Place, files: &mut Vec<DataFile>) -> Result<()> {
    let mut places = vec![place];
    while let Some((path, partition)) = places.pop() {
        for entry in fs.list(&path).await?.into_iter().filter(is_shown) {
            match (entry.is_dir, partition_column(entry.name())) {
                (true, Some(column)) => {
                    let mut below = partition.clone();
                    below.push(column);
                    places.push((entry.path, below));
                }
                (true, None) => {
                    let what = format!("{} is a directory inside a data set, and not one of a partition", entry.path);
                    return Err(error::data(what)
                        .hint("only directories such as dt=2024-01-01 are looked into: name its path, or a pattern"));
                }
                (false, _) if entry.len_bytes > 0 => files.push(data_file(&entry, &partition)),
                (false, _) => {}
            }
        }
    }
    Ok(())
}

/// All files below a directory, whatever its directories are called: Hive's engines put those of a UNION into
/// directories of their own. None where the directory is missing: Hive makes it with the first row.
///
/// # Errors
/// Those of the filesystem.
pub(super) async fn all_below(fs: &dyn Filesystem, directory: &str) -> Result<Vec<FileStatus>> {
    let mut open = vec![directory.to_owned()];
    let mut found = Vec::new();
    while let Some(directory) = open.pop() {
        if fs.stat(&directory).await?.is_none() {
            continue;
        }
        for entry in fs.list(&directory).await?.into_iter().filter(is_shown) {
            match entry.is_dir {
                true => open.push(entry.path),
                false if entry.len_bytes > 0 => found.push(entry),
                false => {}
            }
        }
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The paths that a pattern stands for, with the partitions that the matched parts name.
async fn expand(fs: &dyn Filesystem, path: &str) -> Result<Vec<Place>> {
    let mut places = vec![(String::new(), Vec::new())];
    let mut matched = false;
    for component in path.split('/').filter(|component| !component.is_empty()) {
        if pattern::is_pattern(component) {
            matched = true;
            places = matching(fs, places, component).await?;
            continue;
        }
        for (path, partition) in &mut places {
            *path = format!("{path}/{component}");
            partition.extend(partition_column(component).filter(|_| matched));
        }
    }
    for (path, _) in places.iter_mut().filter(|(path, _)| path.is_empty()) {
        path.push('/');
    }
    Ok(places)
}

/// What a pattern matches in some directories.
async fn matching(fs: &dyn Filesystem, places: Vec<Place>, pattern: &str) -> Result<Vec<Place>> {
    let mut found = Vec::new();
    for (path, partition) in places {
        let directory = if path.is_empty() { "/" } else { &path };
        if !fs.stat(directory).await?.is_some_and(|status| status.is_dir) {
            continue;
        }
        for entry in fs.list(directory).await?.into_iter().filter(is_shown) {
            if pattern::matches(pattern, entry.name()) {
                let mut below = partition.clone();
                below.extend(partition_column(entry.name()).filter(|_| entry.is_dir));
                found.push((entry.path, below));
            }
        }
    }
    Ok(found)
}

fn one_partitioning(files: &[DataFile]) -> Result<()> {
    let Some(first) = files.first() else { return Ok(()) };
    match files.iter().find(|file| !file.partition.names().eq(first.partition.names())) {
        Some(other) => Err(error::data(format!(
            "{} and {} lie below directories of different partition columns",
            first.path, other.path
        ))
        .hint("read them one after the other")),
        None => Ok(()),
    }
}

fn is_shown(entry: &FileStatus) -> bool {
    !entry.name().starts_with(['.', '_'])
}

fn data_file(file: &FileStatus, partition: &[(String, String)]) -> DataFile {
    let partition = Partition::new(partition.iter().map(|(name, value)| (name, value.as_str())));
    DataFile::new(file.path.clone(), file.len_bytes, partition)
}

/// Name and value of a `k=v` directory, without Hive's escapes.
fn partition_column(name: &str) -> Option<(String, String)> {
    let (key, value) = name.split_once('=').filter(|(key, _)| !key.is_empty())?;
    let plain = |text: &str| percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned);
    Some((plain(key)?, plain(value)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::storage::local::LocalFilesystem;

    fn filesystem(files: &[(&str, &str)]) -> (tempfile::TempDir, LocalFilesystem) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let fs = LocalFilesystem::new(dir.path());
        (dir, fs)
    }

    fn paths(found: &[DataFile]) -> Vec<&str> {
        found.iter().map(|file| file.path.as_str()).collect()
    }

    #[tokio::test]
    async fn data_files_are_found_with_their_partitions() {
        let (dir, fs) = filesystem(&[
            ("d/_SUCCESS", ""),
            ("d/.hidden/x", "x"),
            ("d/m=1/c=Z%2Fo/f", "3"),
            ("d/m=1/c=__HIVE_DEFAULT_PARTITION__/f", "22"),
            ("d/m=2/c=a%3Ab/empty", ""),
        ]);
        let found = list(&fs, "/d/").await.unwrap();
        assert_eq!(paths(&found), ["/d/m=1/c=Z%2Fo/f", "/d/m=1/c=__HIVE_DEFAULT_PARTITION__/f"]);
        assert_eq!(found[0].partition, Partition::new([("m", "1"), ("c", "Z/o")]));
        assert_eq!(found[1].partition, Partition::new([("m", "1"), ("c", "")]));
        assert_eq!(list(&fs, "/d/m=1/c=Z%2Fo/f").await.unwrap()[0].partition, Partition::none());
        assert_eq!(list(&fs, &format!("{}/d", fs.uri())).await.unwrap().len(), 2);
        for (path, kind) in [("/nothing", Kind::NotFound), ("/d/x*", Kind::NotFound), ("d", Kind::Config)] {
            assert_eq!(list(&fs, path).await.unwrap_err().kind(), kind, "{path}");
        }
        std::fs::write(dir.path().join("d/f"), "x").unwrap();
        let mixed = list(&fs, "/d").await.unwrap_err();
        assert!(mixed.to_string().contains("different partition columns"), "{mixed}");
    }

    #[tokio::test]
    async fn a_directory_that_is_not_a_partition_is_refused() {
        let (_dir, fs) = filesystem(&[("d/part-0", "1"), ("d/sub/x", "2")]);
        let error = list(&fs, "/d").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Data);
        assert!(error.to_string().starts_with("/d/sub is a directory inside a data set"), "{error}");
        assert_eq!(paths(&list(&fs, "/d/part-*").await.unwrap()), ["/d/part-0"]);
        let all: Vec<String> = all_below(&fs, "/d").await.unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(all, ["/d/part-0", "/d/sub/x"]);
        assert!(all_below(&fs, "/none").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn patterns_match_files_and_partitions() {
        let (_dir, fs) = filesystem(&[
            ("d/part-0", "1"),
            ("e/part-0", "1"),
            ("e/_SUCCESS", ""),
            ("p/ds=1/f", "1"),
            ("p/ds=2/f", "1"),
            ("p/ds=3/f", "1"),
        ]);
        assert_eq!(paths(&list(&fs, "/{d,e}/part-*").await.unwrap()), ["/d/part-0", "/e/part-0"]);
        assert_eq!(paths(&list(&fs, "/{d,e}/*").await.unwrap()), ["/d/part-0", "/e/part-0"]);
        let found = list(&fs, "/p/ds=[12]").await.unwrap();
        assert_eq!(paths(&found), ["/p/ds=1/f", "/p/ds=2/f"]);
        assert_eq!(found[1].partition, Partition::new([("ds", "2")]));
    }
}
