//! Directories and files on this machine's disk that hold customers' data: readable by their owner alone from the
//! moment they are made (0700 and 0600, whatever the umask says).
//!
//! What exists already is narrowed where it is ours, that is owned by the user of this process. A directory with the
//! sticky bit, such as `/tmp`, or with a group that its files inherit, is shared on purpose and left as it is.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Group and others.
const STRANGERS: u32 = 0o077;
/// The sticky bit, and the one that lets files inherit the group.
const SHARED: u32 = 0o3000;

/// Makes a directory, and those above it that are missing; narrows it if it exists and is ours.
///
/// # Errors
/// Those of the disk.
pub(crate) fn create_dir_all(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    narrow(path)
}

/// Opens a file for writing, made if it is missing and narrowed if it is there; what it holds stays.
///
/// # Errors
/// Those of the disk.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    narrow(path)?;
    Ok(file)
}

/// Makes an empty file, or empties and narrows the one that is there.
///
/// # Errors
/// Those of the disk.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    file.set_len(0)?;
    Ok(file)
}

/// Takes the rights of group and others away from a file or directory that is ours.
///
/// # Errors
/// Those of the disk.
pub(crate) fn narrow(path: &Path) -> io::Result<()> {
    let found = fs::metadata(path)?;
    let mode = found.mode();
    let is_shared = found.is_dir() && mode & SHARED != 0;
    if mode & STRANGERS == 0 || is_shared || found.uid() != own_uid()? {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode & 0o7777 & !STRANGERS))
}

/// Whether neither group nor others have any right to a file.
///
/// # Errors
/// Those of the disk.
pub(crate) fn is_private(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.mode() & STRANGERS == 0)
}

/// The user of this process: whoever owns its entry in `/proc`.
fn own_uid() -> io::Result<u32> {
    Ok(fs::metadata("/proc/self")?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_is_made_is_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        create_dir_all(&deep).unwrap();
        assert_eq!((mode(&dir.path().join("a")), mode(&deep)), (0o700, 0o700));
        let file = deep.join("file");
        open(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn what_was_there_is_narrowed_and_keeps_the_rights_of_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let (made, file) = (dir.path().join("made"), dir.path().join("file"));
        fs::create_dir(&made).unwrap();
        set(&made, 0o775);
        create_dir_all(&made).unwrap();
        assert_eq!(mode(&made), 0o700);
        fs::write(&file, "old").unwrap();
        set(&file, 0o444);
        narrow(&file).unwrap();
        assert_eq!(mode(&file), 0o400);
        set(&file, 0o644);
        open(&file).unwrap();
        assert_eq!((mode(&file), fs::read(&file).unwrap().as_slice()), (0o600, b"old".as_slice()));
        create(&file).unwrap();
        assert!(fs::read(&file).unwrap().is_empty());
    }

    #[test]
    fn a_shared_directory_stays_shared() {
        let dir = tempfile::tempdir().unwrap();
        for shared in [0o1777, 0o2770] {
            set(dir.path(), shared);
            create_dir_all(dir.path()).unwrap();
            assert_eq!(mode(dir.path()), shared);
        }
    }
}
