//! Paths in the cluster as Sqoop takes them: full locations, absolute paths, and relative ones below the user's home.

use std::path::Path;

use crate::error::{self, Result};
use crate::pipeline::Servers;
use crate::storage::hdfs::HdfsOptions;

/// Whose home relative paths start from.
#[derive(Debug)]
pub(super) struct Paths {
    servers: Servers,
}

impl Paths {
    /// Paths in a cluster; nothing is read before a path asks for it.
    pub(super) fn of(servers: Servers) -> Self {
        Self { servers }
    }

    /// The home directory, where imports land that name no directory: that of the user as Hadoop finds it, which is the
    /// proxy user, on a secured cluster the ticket's or the token's, and otherwise the system's.
    ///
    /// # Errors
    /// Config: the site files cannot be read.
    pub(super) fn home(&self) -> Result<String> {
        let access = self.servers.access(Path::new(""))?;
        let user = access.proxy_user().map(str::to_owned).or_else(|| access.short_name());
        let named = || ["HADOOP_USER_NAME", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let user = user.or_else(named).filter(|user| !user.is_empty());
        Ok(format!("/user/{}", user.as_deref().unwrap_or("root")))
    }

    /// A path without a scheme as an absolute one.
    ///
    /// # Errors
    /// As [`Self::home`].
    pub(super) fn absolute_path(&self, path: &str) -> Result<String> {
        let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
        if path.starts_with('/') { Ok(path.to_owned()) } else { Ok(format!("{}/{path}", self.home()?)) }
    }

    /// A path or full location as an absolute path; a location says which HDFS is meant.
    ///
    /// # Errors
    /// Usage: another filesystem, or two clusters at once. As [`Self::home`].
    pub(super) fn absolute(&self, path: &str, hdfs: &mut HdfsOptions) -> Result<String> {
        let Some((scheme, rest)) = path.split_once(':').filter(|(scheme, _)| !scheme.contains('/')) else {
            return self.absolute_path(path);
        };
        if scheme != "hdfs" {
            return Err(error::usage(format!("{path} is not in HDFS")).hint("give a path, or hdfs://HOST:PORT/PATH"));
        }
        let after = rest.strip_prefix("//").unwrap_or("");
        let (authority, path_in_it) = match after.find('/') {
            Some(at) => after.split_at(at),
            None if rest.starts_with("//") => (after, "/"),
            None => ("", rest),
        };
        if !authority.is_empty() {
            let url = format!("hdfs://{authority}");
            if hdfs.url.as_ref().is_some_and(|known| known.trim_end_matches('/') != url) {
                let known = hdfs.url.as_deref().unwrap_or_default();
                return Err(error::usage(format!("{path} is in another cluster than {known}"))
                    .hint("name one cluster, by -fs or in the paths"));
            }
            hdfs.url = Some(url);
        }
        self.absolute_path(path_in_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_proxy(user: &str) -> Servers {
        Servers { proxy_user: Some(user.to_owned()), ..Servers::default() }
    }

    #[test]
    fn paths_become_absolute() {
        let (paths, mut hdfs) = (Paths::of(of_proxy("etl")), HdfsOptions::default());
        let mut of = |path: &str| paths.absolute(path, &mut hdfs);
        assert_eq!(of("/a/b/").unwrap(), "/a/b");
        assert_eq!(of("b").unwrap(), "/user/etl/b");
        assert_eq!(of("/a=1/t:x").unwrap(), "/a=1/t:x");
        assert_eq!(of("hdfs:///a").unwrap(), "/a");
        assert_eq!(of("hdfs://nn:8020/a").unwrap(), "/a");
        assert!(of("hdfs://other/a").unwrap_err().to_string().contains("another cluster"));
        assert!(of("s3a://b/a").is_err());
        assert_eq!(hdfs.url.as_deref(), Some("hdfs://nn:8020"));
    }
}
