//! Hadoop's generic options before a tool's own (`-D name=value`, `-conf`, `-fs` and the like) and the properties they
//! set, with those of the site files underneath.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::error::{self, Result};
use crate::site::{self, Site};

/// Beginnings of properties about what is not here: the cluster's jobs, their logs and their memory.
const OF_JOBS: [&str; 9] = ["mapreduce.", "mapred.", "yarn.", "io.", "oozie.", "tez.", "java.", "map.", "reduce."];

/// Where servers are: not worth a note if a command does not need one of them.
const PLACES: [&str; 3] = ["fs.defaultFS", "fs.default.name", "hive.metastore.uris"];

/// Properties by name.
#[derive(Debug, Default)]
pub(super) struct Properties {
    set: BTreeMap<String, String>,
    site: BTreeMap<String, String>,
    asked: RefCell<BTreeSet<String>>,
}

impl Properties {
    /// Takes the generic options off the front of a tool's arguments; gives the properties and what is left.
    ///
    /// # Errors
    /// Usage: an option without its value, or a `-D` that is not `name=value`. Config: a file of `-conf` that cannot be
    /// read.
    pub(super) fn take<'a>(mut args: &'a [String], notes: &mut Vec<String>) -> Result<(Self, &'a [String])> {
        let (mut files, mut set) = (BTreeMap::new(), BTreeMap::new());
        while let Some((option, value, used)) = generic(args)? {
            match option {
                "D" => {
                    let (name, value) = value.split_once('=').ok_or_else(|| {
                        error::usage(format!("-D {value} is not a property")).hint("write -D name=value")
                    })?;
                    set.insert(name.trim().to_owned(), value.to_owned());
                }
                "conf" => files.extend(Site::of_files(&[value])?.settings().clone()),
                "fs" => drop(set.insert("fs.defaultFS".to_owned(), value.to_owned())),
                _ => notes.push(format!("-{option} does nothing here: no job runs in the cluster")),
            }
            args = &args[used..];
        }
        files.extend(set);
        Ok((Self { set: files, ..Self::default() }, args))
    }

    /// Puts the properties of the Hive site file underneath: `HIVE_CONF_DIR`, or beside Hadoop's site files.
    ///
    /// # Errors
    /// Config: there is one that cannot be read.
    pub(super) fn with_hive_site(mut self) -> Result<Self> {
        let places = ["HIVE_CONF_DIR", "HADOOP_CONF_DIR"].into_iter().filter_map(site::directory);
        if let Some(file) = places.map(|dir| dir.join("hive-site.xml")).find(|file| file.is_file()) {
            self.site = Site::of_files(&[file])?.settings().clone();
        }
        Ok(self)
    }

    /// A property.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.set.get(name).or_else(|| self.site.get(name)).map(String::as_str).map(str::trim)
    }

    /// A property that is `true` or `false`.
    ///
    /// # Errors
    /// Usage: it is neither.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(error::usage(format!("{name}={other} is neither true nor false")).hint("write true")),
        }
    }

    /// The properties that begin so, without the beginning.
    pub(super) fn below(&self, beginning: &str) -> Vec<(&str, &str)> {
        let found = self.set.iter().filter_map(|(name, value)| Some((name.strip_prefix(beginning)?, value.as_str())));
        let found: Vec<_> = found.collect();
        self.asked.borrow_mut().extend(found.iter().map(|(name, _)| format!("{beginning}{name}")));
        found
    }

    /// Those that say how the cluster's servers are spoken to; they are not idle.
    pub(super) fn of_cluster(&self) -> BTreeMap<String, String> {
        const OF_SERVERS: [&str; 6] = ["hadoop.", "dfs.", "fs.", "hive.", "hbase.", "ssl."];
        let of_servers = |name: &str| OF_SERVERS.iter().any(|beginning| name.starts_with(beginning));
        let found: BTreeMap<String, String> = self
            .set
            .iter()
            .filter(|(name, _)| of_servers(name) && !PLACES.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        self.asked.borrow_mut().extend(found.keys().cloned());
        found
    }

    /// As they would be typed again.
    pub(super) fn typed(&self) -> BTreeMap<String, String> {
        self.set.clone()
    }

    /// Notes the properties that were never looked up: they do nothing.
    pub(super) fn note_idle(&self, notes: &mut Vec<String>) {
        let asked = self.asked.borrow();
        let idle = |name: &&String| !asked.contains(*name) && !PLACES.contains(&name.as_str());
        for name in self.set.keys().filter(idle) {
            let why = if OF_JOBS.iter().any(|of_job| name.starts_with(of_job)) {
                "no job runs in the cluster"
            } else {
                "it has no meaning here"
            };
            notes.push(format!("property {name} does nothing here: {why}"));
        }
    }
}

/// The generic option at the front, its value, and how many arguments both are.
fn generic(args: &[String]) -> Result<Option<(&'static str, &str, usize)>> {
    let Some(first) = args.first() else { return Ok(None) };
    for name in ["conf", "fs", "jt", "files", "libjars", "archives", "tokenCacheFile", "D"] {
        let Some(after) = first.strip_prefix('-').and_then(|bare| bare.strip_prefix(name)) else { continue };
        let attached = match after {
            "" => None,
            _ if name == "D" => Some(after),
            _ => match after.strip_prefix('=') {
                Some(value) => Some(value),
                None => continue,
            },
        };
        if let Some(value) = attached {
            return Ok(Some((name, value, 1)));
        }
        let missing =
            || error::usage(format!("Missing argument for option: {name}")).hint(format!("write -{name} VALUE"));
        return Ok(Some((name, args.get(1).ok_or_else(missing)?, 2)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(args: &[&str]) -> (Properties, Vec<String>, Vec<String>) {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let mut notes = Vec::new();
        let (properties, rest) = Properties::take(&args, &mut notes).unwrap();
        (properties, rest.to_vec(), notes)
    }

    #[test]
    fn generic_options_end_where_the_tools_own_begin() {
        let (properties, rest, notes) =
            taken(&["-Da=1", "-D", "b=x=y", "-fs", "hdfs://nn:8020", "-libjars", "x.jar", "--table", "t", "-Dc=3"]);
        assert_eq!((properties.get("a"), properties.get("b")), (Some("1"), Some("x=y")));
        assert_eq!(properties.get("fs.defaultFS"), Some("hdfs://nn:8020"));
        assert_eq!(rest, ["--table", "t", "-Dc=3"]);
        assert_eq!(notes, ["-libjars does nothing here: no job runs in the cluster"]);
    }

    #[test]
    fn a_file_of_properties_is_read_and_d_wins_over_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "<configuration><property><name>a</name><value>1</value></property>\
                    <property><name>b</name><value>2</value></property></configuration>";
        std::fs::write(&file, text).unwrap();
        let (properties, _, _) = taken(&["-D", "a=9", "-conf", file.path().to_str().unwrap()]);
        assert_eq!((properties.get("a"), properties.get("b")), (Some("9"), Some("2")));
    }

    #[test]
    fn what_has_no_meaning_is_noted() {
        let (properties, _, mut notes) = taken(&["-Dmapreduce.job.queuename=q", "-Dx=1", "-Dy=2"]);
        assert_eq!(properties.get("y"), Some("2"));
        properties.note_idle(&mut notes);
        assert_eq!(notes.len(), 2);
        assert!(notes[0].contains("mapreduce.job.queuename") && notes[0].contains("no job"), "{notes:?}");
    }

    #[test]
    fn what_is_not_a_property_is_refused() {
        let args = ["-D".to_owned(), "x".to_owned()];
        assert!(Properties::take(&args, &mut Vec::new()).is_err());
        assert!(Properties::take(&args[..1], &mut Vec::new()).is_err());
    }
}
