//! What new files are like where nobody says otherwise: Hadoop's clients decide it by their site files, not its servers.

use std::collections::BTreeMap;

use crate::error::{self, Result};

/// What new files are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileDefaults {
    /// Copies of each block; the server's default where absent.
    pub replication: Option<u32>,
    /// Bytes of a block; the server's default where absent.
    pub block_bytes: Option<u64>,
    /// Rights that nobody gets.
    pub umask: u32,
}

/// Hadoop's own.
const UMASK: u32 = 0o022;

impl Default for FileDefaults {
    fn default() -> Self {
        Self { replication: None, block_bytes: None, umask: UMASK }
    }
}

impl FileDefaults {
    /// The rights of a new file.
    pub(super) fn file_mode(self) -> u32 {
        0o666 & !self.umask
    }

    /// The rights of a new directory.
    pub(super) fn directory_mode(self) -> u32 {
        0o777 & !self.umask
    }
}

/// Reads `fs.permissions.umask-mode`: octal, or symbolic as `u=rwx,g=rx,o=`, which says what is left.
///
/// Source: Hadoop 3.4 `UmaskParser`, hdfs-default.xml.
///
/// # Errors
/// Config: it is neither.
fn umask(text: &str) -> Result<u32> {
    let wrong = || {
        error::config(format!("fs.permissions.umask-mode is {text:?} in the site files, which is not a umask"))
            .hint("write it in octal, such as 022, or as u=rwx,g=rx,o=")
    };
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return u32::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o777).ok_or_else(wrong);
    }
    let mut mask = 0;
    for clause in text.split(',') {
        let (who, rights) = clause.trim().split_once('=').ok_or_else(wrong)?;
        let rights = rights.chars().try_fold(0, |all, right| {
            Some(
                all | match right {
                    'r' => 4,
                    'w' => 2,
                    'x' => 1,
                    _ => return None,
                },
            )
        });
        let hidden = 7 & !rights.ok_or_else(wrong)?;
        for whom in who.chars() {
            mask |= match whom {
                'u' => hidden << 6,
                'g' => hidden << 3,
                'o' => hidden,
                'a' => hidden << 6 | hidden << 3 | hidden,
                _ => return Err(wrong()),
            };
        }
    }
    Ok(mask)
}

/// Reads `fs.permissions.umask-mode`, and `dfs.replication` and `dfs.blocksize` with the endings of numbers that Hadoop
/// knows (`128m`).
///
/// # Errors
/// Config: a setting that is not a number above zero.
pub(super) fn of(settings: &BTreeMap<String, String>) -> Result<FileDefaults> {
    let number = |name: &str| -> Result<Option<u64>> {
        let Some(text) = settings.get(name) else { return Ok(None) };
        let (digits, shift) = match text.to_ascii_lowercase().chars().last().and_then(|unit| "kmgtpe".find(unit)) {
            Some(unit) => (&text[..text.len() - 1], 10 * (unit + 1)),
            None => (text.as_str(), 0),
        };
        let number = digits.parse().ok().and_then(|n: u64| n.checked_mul(1 << shift)).filter(|n| *n > 0);
        number.map(Some).ok_or_else(|| {
            error::config(format!("{name} is {text:?} in the site files, which is not a number above zero"))
        })
    };
    let replication = number("dfs.replication")?.map(u32::try_from).transpose();
    let replication = replication.map_err(|e| error::config("dfs.replication is too large").source(e))?;
    let umask = settings.get("fs.permissions.umask-mode").map_or(Ok(UMASK), |text| umask(text))?;
    Ok(FileDefaults { replication, block_bytes: number("dfs.blocksize")?, umask })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn files_are_as_the_site_files_want_them() {
        let read =
            |settings: &[(&str, &str)]| of(&settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        assert_eq!(read(&[]).unwrap(), FileDefaults::default());
        let both = FileDefaults { replication: Some(1), block_bytes: Some(256 << 20), ..FileDefaults::default() };
        assert_eq!(read(&[("dfs.replication", "1"), ("dfs.blocksize", "256m")]).unwrap(), both);
        assert_eq!(read(&[("dfs.blocksize", "1048576")]).unwrap().block_bytes, Some(1 << 20));
        for (name, value) in [
            ("dfs.replication", "0"),
            ("dfs.replication", "99999999999"),
            ("dfs.blocksize", "128q"),
            ("dfs.blocksize", "é"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.kind() == Kind::Config && error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn a_umask_is_octal_or_symbolic() {
        assert_eq!(umask("027").unwrap(), 0o027);
        assert_eq!(umask("u=rwx,g=rx,o=").unwrap(), 0o027);
        assert_eq!(umask("a=r").unwrap(), 0o333);
        for wrong in ["", "8", "1777", "g+w", "u=q", "x=r"] {
            assert_eq!(umask(wrong).unwrap_err().kind(), Kind::Config, "{wrong}");
        }
        assert_eq!((FileDefaults::default().file_mode(), FileDefaults::default().directory_mode()), (0o644, 0o755));
    }
}
