//! Secrets: read from a file, the environment or nowhere else; never printed, never in argv.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{self, Result};

/// A password or token. `Debug` shows only that there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for handing to a protocol and to nothing that prints.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Where a password comes from; at most one source may be named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SecretSource {
    /// File that holds the password; one trailing newline is dropped
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Environment variable that holds the password
    #[arg(long, value_name = "NAME")]
    pub password_env: Option<String>,
}

impl SecretSource {
    /// Reads the secret, if a source is named. Relative files are looked for below `base`.
    ///
    /// # Errors
    /// Config: two sources, an unset variable, a file that cannot be read.
    pub fn read(&self, base: &Path) -> Result<Option<Secret>> {
        match (&self.password_file, &self.password_env) {
            (Some(_), Some(_)) => {
                Err(error::config("password-file and password-env are both given")
                    .hint("name one source for the password"))
            }
            (Some(file), None) => read_file(&base.join(file)).map(Some),
            (None, Some(name)) => read_env(name).map(Some),
            (None, None) => Ok(None),
        }
    }
}

fn read_file(file: &Path) -> Result<Secret> {
    let text = std::fs::read_to_string(file).map_err(|e| {
        error::config(format!("cannot read password file {}", file.display()))
            .hint("check the path and that this user may read it")
            .source(e)
    })?;
    Ok(Secret(text.strip_suffix('\n').unwrap_or(&text).to_owned()))
}

fn read_env(name: &str) -> Result<Secret> {
    std::env::var(name).map(Secret).map_err(|_| {
        error::config(format!("environment variable {name} holds no password"))
            .hint(format!("export {name} or name a password-file"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_loses_one_trailing_newline_only() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pw"), "s3cret\n\n").unwrap();
        let source = SecretSource { password_file: Some("pw".into()), password_env: None };
        assert_eq!(source.read(dir.path()).unwrap().unwrap().expose(), "s3cret\n");
    }

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", Secret::new("s3cret")), "Secret(***)");
    }

    #[test]
    fn two_sources_are_refused() {
        let source = SecretSource { password_file: Some("a".into()), password_env: Some("B".into()) };
        assert!(source.read(Path::new("/")).is_err());
    }
}
