//! Where a password comes from: a file, the environment, a terminal, or a Hadoop credential file.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::jceks;
use super::value::Secret;
use crate::error::{self, Result};

/// Declares options of a server that take a password as well: the keys that name its source join the fields given.
///
/// They stand here once for every server. Serde's `flatten` would join them too, but it forgets the line of a mistake
/// and cannot tell a misspelt key. `flags` is what the flags of the command line begin with, `whose` ends their help.
macro_rules! with_password_source {
    (
        flags: $flags:literal, whose: $whose:literal;
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident { $($fields:tt)* }
    ) => {
        $(#[$attribute])*
        $visibility struct $name {
            $($fields)*
            /// File that holds the password; one trailing newline is dropped.
            #[arg(id = concat!($flags, "password_file"), long = concat!($flags, "password-file"), value_name = "FILE")]
            #[arg(help = concat!("File that holds the password", $whose, "; one trailing newline is dropped"))]
            #[serde(default)]
            pub password_file: Option<std::path::PathBuf>,
            /// Environment variable that holds the password.
            #[arg(id = concat!($flags, "password_env"), long = concat!($flags, "password-env"), value_name = "NAME")]
            #[arg(help = concat!("Environment variable that holds the password", $whose))]
            #[serde(default)]
            pub password_env: Option<String>,
            /// Asks for the password on the terminal.
            #[arg(id = concat!($flags, "password_prompt"), long = concat!($flags, "password-prompt"))]
            #[arg(help = concat!("Asks for the password", $whose, " on the terminal"))]
            #[serde(default)]
            pub password_prompt: bool,
            /// Name of the password in a Hadoop credential file.
            #[arg(id = concat!($flags, "password_alias"), long = concat!($flags, "password-alias"), value_name = "ALIAS")]
            #[arg(help = concat!(
                "Name of the password", $whose, " in a Hadoop credential file; needs --", $flags, "credential-provider"
            ))]
            #[serde(default)]
            pub password_alias: Option<String>,
            /// Hadoop credential file, as jceks://file/PATH or localjceks://file/PATH.
            #[arg(id = concat!($flags, "credential_provider"), long = concat!($flags, "credential-provider"))]
            #[arg(value_name = "URI")]
            #[arg(help = "Hadoop credential file, as jceks://file/PATH or localjceks://file/PATH")]
            #[serde(default)]
            pub credential_provider: Option<String>,
        }

        impl $name {
            /// Where the password comes from.
            pub(crate) fn password_source(&self) -> $crate::secret::SecretSource {
                $crate::secret::SecretSource {
                    password_file: self.password_file.clone(),
                    password_env: self.password_env.clone(),
                    password_prompt: self.password_prompt,
                    password_alias: self.password_alias.clone(),
                    credential_provider: self.credential_provider.clone(),
                }
            }
        }
    };
}
pub(crate) use with_password_source;

/// Where a password comes from; at most one source may be named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SecretSource {
    /// A local file that holds it.
    pub password_file: Option<PathBuf>,
    /// An environment variable that holds it.
    pub password_env: Option<String>,
    /// The terminal.
    pub password_prompt: bool,
    /// Its name in the credential file.
    pub password_alias: Option<String>,
    /// The credential file, as a URI.
    pub credential_provider: Option<String>,
}

impl SecretSource {
    /// As [`SecretSource::read`], where the password itself may be said instead, as configurations of Flume have it.
    ///
    /// # Errors
    /// Those of [`SecretSource::read`]. Config: it is given in both ways.
    pub(crate) fn read_or(&self, said: Option<Secret>, base: &Path) -> Result<Option<Secret>> {
        match (self.read(base)?, said) {
            (Some(_), Some(_)) => {
                Err(error::config("password is given twice")
                    .hint("keep one of password, password-file and password-env"))
            }
            (read, said) => Ok(read.or(said)),
        }
    }

    /// Reads the secret, if a source is named. Relative files are looked for below `base`.
    ///
    /// # Errors
    /// Config: two sources, an unset variable, a file that cannot be read, no terminal to ask on. NotFound: no such alias.
    pub(crate) fn read(&self, base: &Path) -> Result<Option<Secret>> {
        let Self { password_file, password_env, password_prompt, password_alias, credential_provider } = self;
        let named: Vec<&str> = [
            ("password-file", password_file.is_some()),
            ("password-env", password_env.is_some()),
            ("password-prompt", *password_prompt),
            ("password-alias", password_alias.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect();
        if let [one, other, ..] = named[..] {
            return Err(
                error::config(format!("{one} and {other} are both given")).hint("name one source for the password")
            );
        }
        match (password_file, password_env, password_alias) {
            (Some(file), ..) => read_file(base, file).map(Some),
            (_, Some(name), _) => read_env(name).map(Some),
            (.., Some(alias)) => {
                let provider = credential_provider.as_ref().ok_or_else(|| {
                    error::config(format!("password-alias {alias} is given without a credential file"))
                        .hint("name it in credential-provider, such as localjceks://file/etc/shop.jceks")
                })?;
                jceks::credential(provider, alias).map(Some)
            }
            _ if *password_prompt => prompt().map(Some),
            _ => Ok(None),
        }
    }

    /// Whether no source is named.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self { credential_provider: self.credential_provider.clone(), ..Self::default() }
    }

    /// The source in words, for messages.
    pub(crate) fn label(&self) -> String {
        match (&self.password_file, &self.password_env, &self.password_alias) {
            (Some(file), ..) => format!("the password of {}", file.display()),
            (_, Some(name), _) => format!("the password of ${name}"),
            (.., Some(alias)) => format!("the password of alias {alias}"),
            _ if self.password_prompt => "the password that was typed".to_owned(),
            _ => "no password".to_owned(),
        }
    }
}

fn prompt() -> Result<Secret> {
    if !std::io::stdin().is_terminal() {
        return Err(error::config("cannot ask for a password: there is no terminal")
            .hint("name a password-file, a password-env or a password-alias"));
    }
    let typed = rpassword::prompt_password("Enter password: ");
    typed.map(Secret::new).map_err(|e| error::config("cannot read a password from the terminal").source(e))
}

fn read_file(base: &Path, file: &Path) -> Result<Secret> {
    let named = file.to_string_lossy();
    let file = match named.split_once("://") {
        None => base.join(file),
        Some(("file", path)) => PathBuf::from(path),
        Some((scheme, _)) => {
            return Err(error::config(format!("password file {named}: {scheme} is not read for passwords"))
                .hint("copy it to a local file that only this user may read, or use a credential file"));
        }
    };
    let text = std::fs::read_to_string(&file).map_err(|e| {
        error::config(format!("cannot read password file {}", file.display()))
            .hint("check the path and that this user may read it")
            .source(e)
    })?;
    Ok(Secret::new(text.strip_suffix('\n').unwrap_or(&text)))
}

fn read_env(name: &str) -> Result<Secret> {
    std::env::var(name).map(Secret::new).map_err(|_| {
        error::config(format!("environment variable {name} holds no password"))
            .hint(format!("export {name} or name a password-file"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_file(file: &str) -> SecretSource {
        SecretSource { password_file: Some(file.into()), ..SecretSource::default() }
    }

    #[test]
    fn a_file_loses_one_trailing_newline_only() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pw"), "s3cret\n\n").unwrap();
        assert_eq!(of_file("pw").read(dir.path()).unwrap().unwrap().expose(), "s3cret\n");
        let url = format!("file://{}/pw", dir.path().display());
        assert_eq!(of_file(&url).read(Path::new("/")).unwrap().unwrap().expose(), "s3cret\n");
    }

    #[test]
    fn files_elsewhere_are_refused() {
        let error = of_file("hdfs://nn:8020/pw").read(Path::new("/")).unwrap_err();
        assert!(error.to_string().contains("hdfs is not read") && error.remedy().is_some(), "{error}");
    }

    #[test]
    fn two_sources_are_refused() {
        let source = SecretSource { password_env: Some("B".into()), ..of_file("a") };
        assert_eq!(
            source.read(Path::new("/")).unwrap_err().to_string(),
            "password-file and password-env are both given"
        );
        let source =
            SecretSource { password_prompt: true, password_alias: Some("a".into()), ..SecretSource::default() };
        assert!(source.read(Path::new("/")).is_err());
    }

    #[test]
    fn an_alias_is_found_in_its_file() {
        let provider = format!("localjceks://file{}/src/secret/testdata/hadoop.jceks", env!("CARGO_MANIFEST_DIR"));
        let source = SecretSource {
            password_alias: Some("Shop.Password".into()),
            credential_provider: Some(provider),
            ..SecretSource::default()
        };
        assert_eq!(source.read(Path::new("/")).unwrap().unwrap().expose(), "s3cret of the shöp");
        let nowhere = SecretSource { credential_provider: None, ..source };
        assert!(nowhere.read(Path::new("/")).unwrap_err().to_string().contains("without a credential file"));
    }
}
