//! The rights of new files and directories, as Hadoop's clients give them: the umask of the site files, but for a
//! directory with a default ACL, which takes its place.
//!
//! Hadoop's own clients send both what was asked for and what the umask leaves of it; the one below sends one mode. Sent
//! whole where the directory above has a default ACL, it makes the NameNode do the same: it cuts it by that ACL.
//!
//! Source: HDFS-6962; Hadoop 3.4 `FSDirectory.copyINodeDefaultAcl`, `AclStorage`. Before Hadoop 3 the umask is applied all
//! the same; so it is where `dfs.namenode.posix.acl.inheritance.enabled` is false.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdfs_native::acl::{AclEntry, AclEntryScope, AclStatus};
use hdfs_native::{Client, HdfsError};

use super::address::above;
use super::defaults::FileDefaults;

/// Directories that are remembered; an agent makes new ones without end.
const REMEMBERED: usize = 4096;
const TIMEOUT: Duration = Duration::from_secs(60);

/// The ACL of a directory; `None` where there is none such, or none of either.
async fn acl(client: &Client, directory: &str) -> Result<Option<AclStatus>, HdfsError> {
    match client.get_acl_status(directory).await {
        Ok(status) => Ok(Some(status)),
        Err(HdfsError::FileNotFound(_)) => Ok(None),
        // AclException: the NameNode has ACLs switched off.
        Err(HdfsError::RPCError(class, _))
            if class.ends_with("FileNotFoundException") || class.ends_with("AclException") =>
        {
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

/// The entries of an ACL with those that a mode stands for. Where there are entries for access, the mode's bits of the group
/// are the mask.
fn whole(mut entries: Vec<AclEntry>, mode: u16) -> Vec<AclEntry> {
    let bits = |shift: u16| match mode >> shift & 7 {
        0 => "---",
        1 => "--x",
        2 => "-w-",
        3 => "-wx",
        4 => "r--",
        5 => "r-x",
        6 => "rw-",
        _ => "rwx",
    };
    let has_mask = entries.iter().any(|entry| entry.scope == AclEntryScope::Access);
    let middle = if has_mask { "mask" } else { "group" };
    let made =
        [("user", 6), (middle, 3), ("other", 0)].map(|(kind, shift)| AclEntry::new(kind, "access", bits(shift), None));
    entries.extend(made);
    entries
}

/// What is known about the directories that were written to.
#[derive(Debug)]
pub(super) struct Modes {
    defaults: FileDefaults,
    /// Whether a default ACL takes the place of the umask here.
    inherits: bool,
    known: Mutex<HashMap<String, bool>>,
}

impl Modes {
    pub(super) fn new(defaults: FileDefaults, settings: &BTreeMap<String, String>) -> Self {
        let off = settings.get("dfs.namenode.posix.acl.inheritance.enabled").is_some_and(|value| value == "false");
        Self { defaults, inherits: !off, known: Mutex::default() }
    }

    /// The rights of a new file.
    pub(super) async fn of_file(&self, client: &Client, path: &str) -> u32 {
        self.cut(client, path, 0o666).await
    }

    /// The rights of a new directory.
    pub(super) async fn of_directory(&self, client: &Client, path: &str) -> u32 {
        self.cut(client, path, 0o777).await
    }

    async fn cut(&self, client: &Client, path: &str, whole: u32) -> u32 {
        let (masked, above) = (whole & !self.defaults.umask, above(path));
        if masked == whole || !self.inherits {
            return masked;
        }
        if self.has_default(client, above).await { whole } else { masked }
    }

    /// Whether new entries of a directory, or of the one above that it will be made in, get an ACL from it.
    async fn has_default(&self, client: &Client, directory: &str) -> bool {
        let mut looked_at = Vec::new();
        let mut directory = directory;
        let found = loop {
            if let Some(known) = self.known().get(directory) {
                break *known;
            }
            looked_at.push(directory.to_owned());
            match tokio::time::timeout(TIMEOUT, client.get_acl_status(directory)).await {
                Ok(Ok(status)) => {
                    break status.entries.iter().any(|entry| entry.scope == AclEntryScope::Default);
                }
                Ok(Err(HdfsError::FileNotFound(_))) if directory != "/" => directory = above(directory),
                Ok(Err(HdfsError::RPCError(class, _)))
                    if class.ends_with("FileNotFoundException") && directory != "/" =>
                {
                    directory = above(directory);
                }
                // No ACLs at this NameNode, or an error that making the file tells better.
                _ => return false,
            }
        };
        let mut known = self.known();
        if known.len() > REMEMBERED {
            known.clear();
        }
        known.extend(looked_at.into_iter().map(|directory| (directory, found)));
        found
    }

    /// Gives a directory of ours the rights, the group and the ACL of another.
    pub(super) async fn take_after(&self, client: &Client, model: &str, directory: &str) -> Result<(), HdfsError> {
        let (Some(model), Some(own)) = (acl(client, model).await?, acl(client, directory).await?) else {
            return Ok(());
        };
        if model.group != own.group {
            match client.set_owner(directory, None, Some(&model.group)).await {
                Err(HdfsError::RPCError(class, _)) if class.ends_with("AccessControlException") => {
                    tracing::debug!(directory, group = model.group, "the group may not be given");
                }
                given => given?,
            }
        }
        // We go on writing there.
        let mode = model.permission | 0o700;
        if model.entries.is_empty() && own.entries.is_empty() {
            return if mode == own.permission { Ok(()) } else { client.set_permission(directory, mode.into()).await };
        }
        let inherited = model.entries.iter().any(|entry| entry.scope == AclEntryScope::Default);
        client.set_acl(directory, whole(model.entries, mode)).await?;
        self.known().insert(directory.to_owned(), inherited);
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, bool>> {
        // A map of flags is whole after every panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acl_is_set_with_what_its_mode_stands_for() {
        let entry = |kind: &str, scope: &str, rights: &str, name: Option<&str>| {
            AclEntry::new(kind, scope, rights, name.map(str::to_owned))
        };
        let below = entry("user", "default", "rwx", Some("hive"));
        let expected = [
            below.clone(),
            entry("user", "access", "rwx", None),
            entry("group", "access", "r-x", None),
            entry("other", "access", "---", None),
        ];
        assert_eq!(whole(vec![below], 0o750), expected);
        let here = [entry("user", "access", "rwx", Some("hive")), entry("group", "access", "r--", None)];
        let whole = whole(here.to_vec(), 0o770);
        assert_eq!(whole[3], entry("mask", "access", "rwx", None), "{whole:?}");
    }
}
