//! File patterns: `*` and `?` in any component of a path, or a regular expression for the name of a file, matched against
//! what is on disk.
//!
//! A `*` does not match a leading dot. `**`, `[..]` and `{..}` are refused rather than taken literally.

use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use regex::bytes::Regex;

use super::troubles::Troubles;
use crate::agent::disk;
use crate::error::{self, Result};

/// A path whose components may hold `*` and `?`, or whose last one is a regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// The components before the first one with a wildcard.
    parent: PathBuf,
    /// The components from there on; at least the file name.
    rest: Vec<Part>,
}

/// What the names of one component are like.
#[derive(Clone, Debug)]
enum Part {
    /// With `*` and `?`.
    Wild(String),
    /// A whole name matches the expression, whose text is kept as it was given.
    Regex(String, Regex),
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> = self.rest.iter().map(Part::text).collect();
        write!(f, "{}", self.parent.join(parts.join("/")).display())
    }
}

impl Part {
    fn text(&self) -> &str {
        match self {
            Self::Wild(text) | Self::Regex(text, _) => text,
        }
    }

    fn accepts(&self, name: &[u8]) -> bool {
        match self {
            Self::Wild(text) => matches(text.as_bytes(), name),
            Self::Regex(_, regex) => regex.is_match(name),
        }
    }

    /// The only name that it stands for.
    fn fixed(&self) -> Option<&str> {
        match self {
            Self::Wild(text) if !text.contains(['*', '?']) => Some(text),
            _ => None,
        }
    }
}

impl Pattern {
    /// Reads a pattern; a relative one begins at `base`.
    ///
    /// # Errors
    /// Config: it names no file, or holds what is not supported.
    pub(crate) fn new(text: &str, base: &Path) -> Result<Self> {
        if text.contains(['[', ']', '{', '}']) || text.contains("**") {
            return Err(error::config(format!("file pattern {text} holds more than * and ?"))
                .hint("give several patterns as a list: files = [\"/var/log/a*.log\", \"/var/log/b*.log\"]"));
        }
        let path = base.join(text);
        let path = path.to_str().ok_or_else(|| error::config(format!("file pattern {text} is not UTF-8")))?;
        let mut parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
        if text.ends_with('/') || parts.is_empty() {
            return Err(error::config(format!("file pattern {text} names a directory"))
                .hint(format!("name its files: {}/*.log", text.trim_end_matches('/'))));
        }
        let wild = parts.iter().position(|p| p.contains(['*', '?'])).unwrap_or(parts.len() - 1);
        let rest = parts.split_off(wild).into_iter().map(|part| Part::Wild(part.to_owned())).collect();
        let root = if path.starts_with('/') { "/" } else { "" };
        Ok(Self { parent: PathBuf::from(format!("{root}{}", parts.join("/"))), rest })
    }

    /// Reads a directory with a regular expression for the names in it, `/var/log/shop/access\.log(\.\d+)?`, as Flume has
    /// it: a whole name has to match, which may begin with a dot. A relative directory begins at `base`.
    ///
    /// # Errors
    /// Config: there is no directory in it, or what follows is not a regular expression.
    pub(crate) fn of_regex(text: &str, base: &Path) -> Result<Self> {
        let (parent, name) = text.rsplit_once('/').filter(|(_, name)| !name.is_empty()).ok_or_else(|| {
            error::config(format!("file pattern {text} is not a directory with a regular expression"))
                .hint("write DIRECTORY/REGEX, such as /var/log/shop/access\\.log.*")
        })?;
        let regex = Regex::new(&format!("^(?:{name})$")).map_err(|e| {
            let why = e.to_string();
            let last = why.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
            error::config(format!("file pattern {text}: {last}"))
                .hint("look-around and back-references are not supported; write it without them")
        })?;
        let parent = if parent.is_empty() { Path::new("/") } else { Path::new(parent) };
        Ok(Self { parent: base.join(parent), rest: vec![Part::Regex(name.to_owned(), regex)] })
    }

    /// Whether a path matches, whatever is on disk.
    pub(crate) fn accepts(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(&self.parent) else { return false };
        let names: Vec<&[u8]> = below.iter().map(OsStrExt::as_bytes).collect();
        self.rest.len() == names.len() && self.rest.iter().zip(names).all(|(part, name)| part.accepts(name))
    }

    /// The files that match now, with what their directory says of them; what could not be looked at is `trouble`.
    pub(super) fn files(&self, trouble: &mut Troubles) -> Vec<(PathBuf, Metadata)> {
        if let Err(e) = fs::metadata(&self.parent) {
            let error = disk::failed("list", &self.parent)(e);
            trouble.add(
                &self.parent,
                error.hint("check files; a relative pattern begins at the directory of the pipeline file"),
            );
            return Vec::new();
        }
        let mut found = vec![self.parent.clone()];
        for part in &self.rest {
            let mut deeper = Vec::new();
            for dir in &found {
                if let Err(error) = list_matching(dir, part, &mut deeper) {
                    trouble.add(dir, error);
                }
            }
            found = deeper;
        }
        let mut files = Vec::with_capacity(found.len());
        for path in found {
            match path.metadata() {
                Ok(metadata) if metadata.is_file() => files.push((path, metadata)),
                Ok(_) => {}
                Err(e) if is_absent(&e) => {}
                Err(e) => trouble.add(&path, disk::failed("look at", &path)(e)),
            }
        }
        files
    }
}

impl Pattern {
    /// How many files match now, each of which can be read.
    ///
    /// # Errors
    /// Of the first directory that cannot be listed, or file that cannot be read.
    pub(in crate::agent) fn readable(&self) -> Result<usize> {
        let mut trouble = Troubles::default();
        let files = self.files(&mut trouble);
        for (path, _) in &files {
            fs::File::open(path).map_err(disk::failed("read", path))?;
        }
        trouble.into_first().map_or(Ok(files.len()), Err)
    }
}

fn is_absent(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn list_matching(dir: &Path, part: &Part, found: &mut Vec<PathBuf>) -> Result<()> {
    if let Some(name) = part.fixed() {
        found.push(dir.join(name));
        return Ok(());
    }
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if is_absent(&e) => return Ok(()),
        Err(e) => return Err(disk::failed("list", dir)(e)),
    };
    for entry in entries {
        let name = entry.map_err(disk::failed("list", dir))?.file_name();
        if part.accepts(name.as_bytes()) {
            found.push(dir.join(name));
        }
    }
    Ok(())
}

/// Whether `name` is of the form `part`.
fn matches(part: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b".") && !part.starts_with(b".") {
        return false;
    }
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match part.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                // Let the last star swallow one byte more.
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    part[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (part, name, yes) in [
            ("access.log*", "access.log", true),
            ("access.log*", "access.log.1", true),
            ("*.log", "a.log", true),
            ("*.log", "a.log.1", false),
            ("*.log", ".a.log", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
        ] {
            assert_eq!(matches(part.as_bytes(), name.as_bytes()), yes, "{part} {name}");
        }
    }

    #[test]
    fn files_in_any_component() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["shop/a/x.log", "shop/b/y.log", "shop/b/z.txt", "other/a/x.log"] {
            fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
            fs::write(dir.path().join(path), "").unwrap();
        }
        let files = |text: &str| {
            let mut trouble = Troubles::default();
            let found = Pattern::new(text, dir.path()).unwrap().files(&mut trouble);
            assert_eq!(trouble.count(), 0);
            let mut found: Vec<PathBuf> = found.into_iter().map(|(path, _)| path).collect();
            found.sort();
            found.iter().map(|p| p.strip_prefix(dir.path()).unwrap().display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(files("shop/*/*.log"), ["shop/a/x.log", "shop/b/y.log"]);
        assert_eq!(files("./shop/b/z.txt"), ["shop/b/z.txt"]);
        assert_eq!(files("*/a/x.log"), ["other/a/x.log", "shop/a/x.log"]);
        assert!(files("shop/*/none.log").is_empty());
        let accepts = |text: &str, path: &str| Pattern::new(text, dir.path()).unwrap().accepts(&dir.path().join(path));
        assert!(
            accepts("shop/*", "shop/lock") && accepts("*/a/x*", "new/a/x.log") && accepts("./shop/lock", "shop/lock")
        );
        assert!(!accepts("shop/*", "shop/b/lock") && !accepts("shop/*.log", "shop/lock") && !accepts("*/b", "shop/c"));
        let mut trouble = Troubles::default();
        assert!(Pattern::new("gone/*.log", dir.path()).unwrap().files(&mut trouble).is_empty());
        assert_eq!(trouble.into_first().unwrap().kind(), error::Kind::NotFound);
    }

    #[test]
    fn fv43_names_by_regular_expressions_as_flume_has_them() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.log", "a.log.1", "b.log", "c.log.yyyy-MM-01", "c.log.yyyy-MM-02", ".c.log.x"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let files = |text: &str| {
            let found = Pattern::of_regex(&format!("{}/{text}", dir.path().display()), Path::new("/"));
            let mut found = found.unwrap().files(&mut Troubles::default());
            found.sort_by(|a, b| a.0.cmp(&b.0));
            found.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(files("[ab].log"), ["a.log", "b.log"]);
        assert_eq!(files("c.log.*"), ["c.log.yyyy-MM-01", "c.log.yyyy-MM-02"]);
        assert_eq!(files(r"a\.log(\.\d+)?"), ["a.log", "a.log.1"]);
        assert_eq!(files(".*x"), [".c.log.x"]);
        let relative = Pattern::of_regex("logs/a|b", Path::new("/base")).unwrap();
        assert_eq!(relative.to_string(), "/base/logs/a|b");
        assert!(relative.accepts(Path::new("/base/logs/b")) && !relative.accepts(Path::new("/base/logs/bb")));
        for bad in ["a.log", "/x/", "/x/(?=a)", "/x/("] {
            assert_eq!(Pattern::of_regex(bad, Path::new("/")).unwrap_err().kind(), error::Kind::Config, "{bad}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for text in ["a[bc].log", "{a,b}.log", "logs/**/a.log", "logs/"] {
            assert_eq!(Pattern::new(text, Path::new("/base")).unwrap_err().kind(), error::Kind::Config, "{text}");
        }
    }
}
