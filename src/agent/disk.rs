//! The local disk as the agent uses it: errors that name the file, and files replaced in one durable step.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::private;

/// Turns an error of the local disk into ours: `cannot <act> <path>`.
pub(super) fn failed<'a>(act: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |e| {
        let (kind, hint) = match e.kind() {
            ErrorKind::NotFound => (Kind::NotFound, None),
            ErrorKind::PermissionDenied => (Kind::Auth, None),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                (Kind::Refused, Some("make room on that disk, then run the same command again"))
            }
            ErrorKind::ReadOnlyFilesystem => {
                (Kind::Refused, Some("look at the system's log for why that disk is read-only, and mount it anew"))
            }
            _ => (Kind::Refused, None),
        };
        let error = Error::new(kind, format!("cannot {act} {}", path.display())).source(e);
        hint.into_iter().fold(error, Error::hint)
    }
}

/// Bytes that an ordinary user may still write to the disk of a directory.
pub(super) fn free(dir: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(dir)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Bytes of the disk of a directory, free or not.
pub(super) fn size(dir: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(dir)?;
    Ok(found.f_blocks.saturating_mul(found.f_frsize))
}

/// Replaces `dir/name` so that after any crash it holds either the old bytes or the new ones.
pub(super) fn replace(dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let (path, temporary) = (dir.join(name), dir.join(format!("{name}.new")));
    let mut file = private::create(&temporary).map_err(failed("create", &temporary))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("write", &temporary))?;
    fs::rename(&temporary, &path).map_err(failed("replace", &path))?;
    sync_dir(dir)
}

/// Makes the creation, renaming and removal of files in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(failed("sync directory", dir))
}
