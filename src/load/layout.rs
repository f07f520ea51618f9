//! Where a load keeps what: all paths of a target, from strings alone.
//!
//! ```text
//! <parent>/<name>/                        the target: data files and k=v directories, nothing else
//! <parent>/.sakia/<name>/manifest.json    the last committed load
//! <parent>/.sakia/<name>/lock/            who is loading now
//! <parent>/.sakia/<name>/stage-<id>/      a load under way; once its manifest is recorded: unfinished business
//!                                  data/  its files, laid out as in the target
//!                                  side/  its side parts
//!                                  old/   what a replacing load took out of the target
//! ```
//!
//! Where the target is one partition of a table, the name is its whole path: `<table>/.sakia/<k=v%2Fk2=v2>/..`, so that
//! loads of two partitions know nothing of each other.

use sha2::{Digest, Sha256};

use super::partition::escape;
use super::{Partition, StagedPart};
use crate::error::{self, Result};
use crate::storage::Filesystem;

const STAGE: &str = "stage-";

/// Name of the directory that holds the state of its neighbours.
const STATE: &str = ".sakia";

/// Whether Hadoop's readers pass a file or directory of this name over.
fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

/// The directory of a table below that of all tables: its name, with `%` and two hexadecimal digits in the place of what
/// Hadoop's readers pass over, cut paths at or take for a pattern: `_` and `.` at its beginning, and `/ : % * ? [ ] { } \ ^`
/// and control characters anywhere. Two tables never have the same.
pub fn directory_name(table: &str) -> String {
    let escaped = |(at, c): (usize, char)| match c {
        '_' | '.' if at == 0 => true,
        '/' | ':' | '%' | '*' | '?' | '[' | ']' | '{' | '}' | '\\' | '^' => true,
        c => c.is_ascii_control(),
    };
    let mut name = String::with_capacity(table.len());
    for (at, c) in table.char_indices() {
        if escaped((at, c)) {
            name.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            name.push(c);
        }
    }
    name
}

/// The same path, or the one whose last component Hadoop's readers see.
pub fn visible_path(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((parent, name)) if is_hidden(name) => {
            let first = name.chars().next().unwrap_or_default();
            format!("{parent}/%{:02X}{}", u32::from(first), &name[first.len_utf8()..])
        }
        _ => path.to_owned(),
    }
}

/// The paths of one target.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Directory of the data.
    pub target: String,
    /// Directory of manifest, lock and stages.
    pub state: String,
}

/// Whether a directory can be a target, as far as its name shows it; the address of a filesystem may stand before it.
///
/// # Errors
/// Config: it cannot.
pub fn check_target(target: &str) -> Result<()> {
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        None => target,
    };
    Layout::new(path).map(drop)
}

impl Layout {
    /// Refuses a target that is not an absolute path of at least one plain component.
    pub(super) fn new(target: &str) -> Result<Self> {
        let path = target.trim_end_matches('/');
        let plain = |component: &str| !matches!(component, "" | "." | ".." | STATE) && !component.contains(':');
        match path.rsplit_once('/') {
            Some((parent, name)) if path.starts_with('/') && !is_hidden(name) && path[1..].split('/').all(plain) => {
                Ok(Self { target: path.to_owned(), state: format!("{parent}/{STATE}/{name}") })
            }
            _ => Err(error::config(format!("{target:?} cannot be a target directory")).hint(
                "give an absolute path without scheme whose last component does not start with a dot or underscore",
            )),
        }
    }

    /// The target is the directory of one partition of a table; the table's own directory comes with it.
    pub(super) fn of_partition(target: &str, partition: &Partition) -> Result<(Self, String)> {
        let Self { target, state } = Self::new(target)?;
        if partition.is_none() {
            return Ok((Self { target: target.clone(), state }, target));
        }
        let path = partition.path();
        match target.strip_suffix(&path).and_then(|root| root.strip_suffix('/')).filter(|root| !root.is_empty()) {
            Some(root) => {
                let state = format!("{root}/.sakia/{}", path.replace('/', "%2F"));
                Ok((Self { state, target: target.clone() }, root.to_owned()))
            }
            None => {
                let what = format!("{target} is not the directory of the partition {path}");
                Err(error::config(what).hint(format!("the target has to end with /{path}")))
            }
        }
    }

    /// The encryption zone of the target, which its state has to be in as well: files cannot be renamed into a zone.
    ///
    /// # Errors
    /// Config: the target is the zone itself, so that its state lies outside. Those of the filesystem.
    pub(super) async fn zone(&self, fs: &dyn Filesystem) -> Result<Option<String>> {
        let zone = fs.zone(&self.target).await?;
        if zone.is_some() && fs.zone(&self.state).await? != zone {
            let what = format!("{} is an encryption zone, and files cannot be moved into one", self.target);
            return Err(error::config(what).hint(format!("choose a directory inside it, such as {}/data", self.target)));
        }
        Ok(zone)
    }

    pub(super) fn manifest(&self) -> String {
        format!("{}/manifest.json", self.state)
    }

    pub(super) fn lock(&self) -> String {
        format!("{}/lock", self.state)
    }

    pub(super) fn stage(&self, load_id: &str) -> String {
        format!("{}/{STAGE}{load_id}", self.state)
    }

    /// The load id in the name of a stage directory.
    pub(super) fn load_of_stage(name: &str) -> Option<&str> {
        name.strip_prefix(STAGE)
    }

    pub(super) fn staged_data(&self, load_id: &str) -> String {
        format!("{}/data", self.stage(load_id))
    }

    pub(super) fn replaced_data(&self, load_id: &str) -> String {
        format!("{}/old", self.stage(load_id))
    }

    /// Where a part lies until it is published.
    pub(super) fn staged(&self, load_id: &str, part: &StagedPart) -> String {
        match &part.directory {
            Some(directory) => format!("{}/side/{}/{}", self.stage(load_id), side(directory), part.file),
            None => format!("{}/{}", self.staged_data(load_id), below(part)),
        }
    }

    /// Where a part lies once it is published.
    pub(super) fn published(&self, part: &StagedPart) -> String {
        match &part.directory {
            Some(directory) => format!("{directory}/{}", part.file),
            None => match &part.place {
                Some(place) => format!("{}/{place}/{}", self.target, part.file),
                None => format!("{}/{}", self.target, below(part)),
            },
        }
    }
}

/// Path of a data part below the target.
fn below(part: &StagedPart) -> String {
    if part.partition.is_none() { part.file.clone() } else { format!("{}/{}", part.partition.path(), part.file) }
}

/// The directory above a path.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The name that a directory of side parts has while they are staged: a long one is told by its hash, as a component of
/// a path has no more than 255 bytes.
fn side(directory: &str) -> String {
    let name = escape(directory);
    if name.len() <= 200 {
        return name;
    }
    Sha256::digest(directory).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Partition;

    #[test]
    fn state_lies_beside_the_target_and_hidden() {
        let layout = Layout::new("/lake/shop/orders/").unwrap();
        assert_eq!(layout.target, "/lake/shop/orders");
        assert_eq!(layout.manifest(), "/lake/shop/.sakia/orders/manifest.json");
        assert_eq!(Layout::load_of_stage("stage-7"), Some("7"));
        assert_eq!(Layout::new("/orders").unwrap().state, "/.sakia/orders");
    }

    #[test]
    fn every_table_has_a_directory_that_readers_see() {
        for (table, directory) in [
            ("orders", "orders"),
            ("_prisma_migrations", "%5Fprisma_migrations"),
            (".hidden", "%2Ehidden"),
            ("a_b.c", "a_b.c"),
            ("a/b:c", "a%2Fb%3Ac"),
            ("100%", "100%25"),
            ("t[1]{2}*?", "t%5B1%5D%7B2%7D%2A%3F"),
            ("été und 表", "été und 表"),
        ] {
            assert_eq!(directory_name(table), directory);
            Layout::new(&format!("/lake/{directory}")).unwrap();
        }
        assert_eq!(visible_path("/hive/shop.db/_x"), "/hive/shop.db/%5Fx");
        assert_eq!(visible_path("/hive/shop.db/%5Fx"), "/hive/shop.db/%5Fx");
    }

    #[test]
    fn what_cannot_be_a_target_is_refused() {
        for target in [
            "",
            "/",
            "orders",
            "hdfs://localhost:8020/a",
            "/a//b",
            "/a/../b",
            "/a/.sakia",
            "/a/.sakia/b",
            "/a/_b",
            "/a/.b",
        ] {
            assert!(Layout::new(target).is_err(), "{target}");
        }
    }

    #[test]
    fn the_state_of_a_partition_lies_in_its_table() {
        let partition = Partition::new([("dt", "a:b"), ("hr", "08")]);
        let (layout, root) = Layout::of_partition("/lake/clicks/dt=a%3Ab/hr=08/", &partition).unwrap();
        assert_eq!((root.as_str(), layout.target.as_str()), ("/lake/clicks", "/lake/clicks/dt=a%3Ab/hr=08"));
        assert_eq!(layout.manifest(), "/lake/clicks/.sakia/dt=a%3Ab%2Fhr=08/manifest.json");
        for wrong in ["/lake/clicks", "/lake/clicks/dt=x/hr=08", "/dt=a%3Ab/hr=08"] {
            assert!(Layout::of_partition(wrong, &partition).is_err(), "{wrong}");
        }
        assert_eq!(Layout::of_partition("/a/b", &Partition::none()).unwrap().1, "/a/b");
    }

    #[test]
    fn parts_keep_their_place() {
        let layout = Layout::new("/lake/clicks").unwrap();
        let mut part = StagedPart {
            file: "f".into(),
            partition: Partition::new([("dt", "1")]),
            directory: None,
            place: None,
            rows: 0,
            bytes: 0,
            sha256: String::new(),
        };
        assert_eq!(layout.staged("7", &part), "/lake/.sakia/clicks/stage-7/data/dt=1/f");
        assert_eq!(layout.published(&part), "/lake/clicks/dt=1/f");
        part.place = Some("_compacted/dt=1/7".into());
        assert_eq!(layout.staged("7", &part), "/lake/.sakia/clicks/stage-7/data/dt=1/f");
        assert_eq!(layout.published(&part), "/lake/clicks/_compacted/dt=1/7/f");
        part.directory = Some("/lake/rejects".into());
        assert_eq!(layout.staged("7", &part), "/lake/.sakia/clicks/stage-7/side/%2Flake%2Frejects/f");
        assert_eq!(layout.published(&part), "/lake/rejects/f");
    }
}
