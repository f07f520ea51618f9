//! The data files below a directory, with the partitions that their directories name.

use std::fmt;

use percent_encoding::percent_decode_str;

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
    /// Names and values of the `k=v` directories above it, below the data set's directory.
    pub partition: Partition,
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

/// The files of a data set, by path: those in `directory` and in `k=v` directories below it, or `directory` itself if
/// it is a file. Empty files hold no rows and are left out, hidden ones are no data.
///
/// # Errors
/// NotFound: there is nothing. Data: a directory below that is no `k=v` one, whose files would be passed over.
pub async fn list(fs: &dyn Filesystem, directory: &str) -> Result<Vec<DataFile>> {
    let directory = directory.trim_end_matches('/');
    match fs.stat(directory).await? {
        None => return Err(error::not_found(format!("there is no directory {directory}")).hint("check its path")),
        Some(file) if !file.is_dir => return Ok(vec![data_file(&file, &[])]),
        Some(_) => {}
    }
    let mut files = Vec::new();
    let mut directories = vec![(directory.to_owned(), Vec::new())];
    while let Some((path, partition)) = directories.pop() {
        for entry in fs.list(&path).await?.into_iter().filter(|e| !e.name().starts_with(['.', '_'])) {
            match (entry.is_dir, partition_column(entry.name())) {
                (true, Some(column)) => {
                    let mut below = partition.clone();
                    below.push(column);
                    directories.push((entry.path, below));
                }
                (true, None) => {
                    return Err(error::data(format!("{} is a directory inside a data set", entry.path))
                        .hint("only partition directories such as dt=2024-01-01 are looked into"));
                }
                (false, _) if entry.len_bytes > 0 => files.push(data_file(&entry, &partition)),
                (false, _) => {}
            }
        }
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn data_file(file: &FileStatus, partition: &[(String, String)]) -> DataFile {
    DataFile {
        path: file.path.clone(),
        len_bytes: file.len_bytes,
        partition: Partition::new(partition.iter().map(|(k, v)| (k, v.as_str()))),
    }
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

    fn write(root: &std::path::Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[tokio::test]
    async fn data_files_are_found_with_their_partitions() {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("d/_SUCCESS", ""),
            ("d/.hidden/x", "x"),
            ("d/b", "1"),
            ("d/a", "22"),
            ("d/empty", ""),
            ("d/m=1/c=Z%2Fo/f", "3"),
        ] {
            write(dir.path(), path, text);
        }
        let fs = LocalFilesystem::new(dir.path());
        let found = list(&fs, "/d/").await.unwrap();
        let seen: Vec<_> = found.iter().map(|f| (f.path.as_str(), f.len_bytes)).collect();
        assert_eq!(seen, [("/d/a", 2), ("/d/b", 1), ("/d/m=1/c=Z%2Fo/f", 1)]);
        assert_eq!(found[2].partition, Partition::new([("m", "1"), ("c", "Z/o")]));
        assert_eq!(list(&fs, "/d/b").await.unwrap().len(), 1);
        assert_eq!(list(&fs, "/nothing").await.unwrap_err().kind(), Kind::NotFound);
        write(dir.path(), "d/sub/f", "x");
        assert_eq!(list(&fs, "/d").await.unwrap_err().kind(), Kind::Data);
    }
}
