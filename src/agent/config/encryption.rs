//! The keys that encrypt a channel on the disk: `encryption = { active = "..", keys = { ".." = "FILE" } }`.
//!
//! A file holds one key of 32 bytes, as 64 hexadecimal digits or in Base64. One that others than its owner can read is
//! refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::agent::channels::head::KEY_NAME_BYTES;
use crate::agent::channels::seal::{KEY_BYTES, Key, Keyring};
use crate::config::nearest;
use crate::error::{self, Error, Result};
use crate::private;

/// The keys of a channel.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct EncryptionArgs {
    /// The key that is written with.
    #[serde(default)]
    active: Option<String>,
    /// Files by the names of the keys that they hold.
    keys: BTreeMap<String, PathBuf>,
    /// Only read what is encrypted: for leaving it off again.
    #[serde(default)]
    decrypt_only: bool,
}

impl EncryptionArgs {
    /// Reads the keys.
    ///
    /// # Errors
    /// Config: the active one is not among them; a file cannot be read, can be read by others, or does not hold a key.
    pub(super) fn plan(self, base: &Path) -> Result<Keyring> {
        let Self { active, keys, decrypt_only } = self;
        match &active {
            Some(name) if !keys.contains_key(name) => {
                let names: Vec<&str> = keys.keys().map(String::as_str).collect();
                let hint = match nearest(name, &names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("add its file: keys = {{ \"{name}\" = \"FILE\" }}"),
                };
                return Err(error::config(format!("keys has none that is called `{name}`")).hint(hint));
            }
            Some(_) if decrypt_only => {
                return Err(error::config("active and decrypt-only are both given")
                    .hint("keep active to encrypt what comes, or decrypt-only to write it in the clear from now on"));
            }
            None if !decrypt_only => {
                return Err(error::config("no key is named to write with")
                    .hint("name it: active = \"..\"; decrypt-only = true writes what comes in the clear"));
            }
            _ => {}
        }
        let keys = keys.into_iter().map(|(name, file)| {
            if name.is_empty() || name.len() > KEY_NAME_BYTES {
                return Err(error::config(format!("`{name}` cannot be the name of a key"))
                    .hint(format!("give it one of 1 to {KEY_NAME_BYTES} bytes")));
            }
            let bytes = read(&base.join(file)).map_err(|e| e.context(format!("key `{name}`")))?;
            Ok(Key::new(name, bytes))
        });
        Ok(Keyring::new(keys.collect::<Result<_>>()?, active.as_deref()))
    }
}

/// Reads a key.
fn read(path: &Path) -> Result<[u8; KEY_BYTES]> {
    let cannot = |e: std::io::Error| -> Error {
        error::config(format!("cannot read key file {}", path.display()))
            .hint("check the path and that this user may read it")
            .source(e)
    };
    if !private::is_private(path).map_err(cannot)? {
        return Err(error::config(format!("key file {} can be read by others than its owner", path.display()))
            .hint(format!("chmod 600 {}", path.display())));
    }
    let text = std::fs::read(path).map_err(cannot)?;
    let text = text.trim_ascii_end();
    decoded(text).ok_or_else(|| {
        error::config(format!("key file {} does not hold a key of 32 bytes", path.display()))
            .hint(format!("make one: (umask 077; openssl rand -hex 32 > {})", path.display()))
    })
}

fn decoded(text: &[u8]) -> Option<[u8; KEY_BYTES]> {
    if text.len() != 2 * KEY_BYTES {
        return STANDARD.decode(text).ok()?.try_into().ok();
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, _) = text.as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn plan(dir: &Path, said: &str) -> Result<Keyring> {
        toml::from_str::<EncryptionArgs>(said).unwrap().plan(dir)
    }

    #[test]
    fn keys_are_read_from_files_that_only_their_owner_reads() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        fs::write(&file, format!("{}\n", "0f".repeat(32))).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let said = "active = 'a'\nkeys = { a = 'key' }";
        let error = plan(dir.path(), said).unwrap_err();
        assert!(error.to_string().contains("can be read by others") && error.remedy().is_some(), "{error}");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        plan(dir.path(), said).unwrap();
        plan(dir.path(), "decrypt-only = true\nkeys = { a = 'key' }").unwrap();
        fs::write(&file, STANDARD.encode([7; 32])).unwrap();
        plan(dir.path(), said).unwrap();
        for wrong in ["secret", "", &"0g".repeat(32), &"0f".repeat(31)] {
            fs::write(&file, wrong).unwrap();
            let error = plan(dir.path(), said).unwrap_err();
            let shown = format!("{error} {:?}", error.remedy());
            assert!(shown.contains("openssl rand") && (wrong.is_empty() || !shown.contains(wrong)), "{shown}");
        }
    }

    #[test]
    fn the_key_to_write_with_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for (said, remedy) in [
            ("keys = { a = 'key' }", "decrypt-only"),
            ("active = 'june'\nkeys = { jun = 'key' }", "did you mean `jun`?"),
            ("active = 'a'\ndecrypt-only = true\nkeys = { a = 'key' }", "keep active"),
            ("active = 'a'\nkeys = { a = 'nowhere' }", "check the path"),
        ] {
            let error = plan(dir.path(), said).unwrap_err();
            assert!(error.remedy().is_some_and(|text| text.contains(remedy)), "{error} {:?}", error.remedy());
        }
    }
}
