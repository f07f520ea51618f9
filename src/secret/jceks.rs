//! Hadoop credential files: Java keystores of the kind JCEKS, on the local disk. Their password is that of the environment
//! variable `HADOOP_CREDSTORE_PASSWORD`, else the word that Hadoop uses, `none`.
//!
//! Source: OpenJDK 17 `com.sun.crypto.provider.{JceKeyStore, KeyProtector, PBES1Core}`; Hadoop 3.4 "Credential Provider API".

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use md5::{Digest as _, Md5};

use super::java::{Bytes, byte_arrays, skip_private_key, store_body};
use super::value::Secret;
use crate::error::{self, Error, Result};

const MAGIC: u32 = 0xcece_cece;
const PRIVATE_KEY: u32 = 1;
const CERTIFICATE: u32 = 2;
const SECRET_KEY: u32 = 3;
/// No real file has more rounds than this.
const ROUNDS: u32 = 5_000_000;

/// The credential of a name in a file named as Hadoop names it.
pub(crate) fn credential(provider: &str, alias: &str) -> Result<Secret> {
    let path = path_of(provider)?;
    let password = std::env::var("HADOOP_CREDSTORE_PASSWORD").unwrap_or_else(|_| "none".to_owned());
    let file = std::fs::read(path).map_err(|e| {
        error::config(format!("cannot read credential file {path}"))
            .hint("check the path and that this user may read it")
            .source(e)
    })?;
    find(&file, &password, alias).map_err(|e| e.context(format!("credential file {path}")))
}

fn path_of(provider: &str) -> Result<&str> {
    let local = ["jceks://file", "localjceks://file"].into_iter().find_map(|prefix| provider.strip_prefix(prefix));
    local.filter(|path| path.starts_with('/')).ok_or_else(|| {
        error::config(format!("credential provider {provider} is not a local file"))
            .hint("copy the file here and name it as jceks://file/PATH")
    })
}

fn find(file: &[u8], password: &str, alias: &str) -> Result<Secret> {
    let (body, is_right) = store_body(file, password).ok_or_else(foreign)?;
    let mut bytes = Bytes(body);
    if bytes.int()? != MAGIC {
        return Err(foreign());
    }
    if !is_right {
        return Err(error::auth("its password is wrong, or it is damaged")
            .hint("export HADOOP_CREDSTORE_PASSWORD as it was when the file was made"));
    }
    bytes.int()?;
    let (count, mut names) = (bytes.int()?, Vec::new());
    for _ in 0..count {
        let (kind, name) = (bytes.int()?, bytes.text()?);
        bytes.take(8)?;
        match kind {
            SECRET_KEY => {
                let sealed = byte_arrays(&mut bytes)?;
                // Java keeps the names in lower case.
                if name == alias.to_lowercase() {
                    return open(&sealed, password);
                }
                names.push(name);
            }
            CERTIFICATE => certificate(&mut bytes)?,
            PRIVATE_KEY => skip_private_key(&mut bytes, certificate)?,
            _ => return Err(foreign()),
        }
    }
    Err(error::not_found(format!("there is no alias {alias}"))
        .hint(format!("its aliases are {}", error::some_of(&names))))
}

fn certificate(bytes: &mut Bytes<'_>) -> Result<()> {
    bytes.text()?;
    let length = bytes.int()? as usize;
    bytes.take(length).map(drop)
}

/// Decrypts a sealed key: its parameters and its content.
fn open(sealed: &[&[u8]], password: &str) -> Result<Secret> {
    let [parameters, content] = sealed else { return Err(foreign()) };
    // SEQUENCE { OCTET STRING of 8 bytes, INTEGER }
    let [0x30, _, 0x04, 8, salt @ ..] = parameters else { return Err(foreign()) };
    let Some((salt, [0x02, length, rounds @ ..])) = salt.split_first_chunk::<8>() else { return Err(foreign()) };
    let rounds = rounds.iter().fold(0u32, |n, b| n.wrapping_shl(8) | u32::from(*b));
    if usize::from(*length) > 4 || rounds == 0 || rounds > ROUNDS {
        return Err(foreign());
    }
    let derived = derive(salt, rounds, password.as_bytes());
    let (key, iv) = derived.split_at(24);
    let cipher = cbc::Decryptor::<des::TdesEde3>::new_from_slices(key, iv).map_err(|_| foreign())?;
    let mut content = content.to_vec();
    let key = cipher.decrypt_padded::<Pkcs7>(&mut content).map_err(|_| {
        error::auth("an alias cannot be decrypted")
            .hint("export HADOOP_CREDSTORE_PASSWORD as it was when the file was made")
    })?;
    let arrays = byte_arrays(&mut Bytes(key))?;
    let [secret] = arrays[..] else { return Err(foreign()) };
    String::from_utf8(secret.to_vec()).map(Secret::new).map_err(|_| error::data("a credential is not UTF-8"))
}

/// Key and initial vector of PBEWithMD5AndTripleDES: each half of the salt is digested by itself.
fn derive(salt: &[u8; 8], rounds: u32, password: &[u8]) -> [u8; 32] {
    let mut salt = *salt;
    if salt[..4] == salt[4..] {
        // As Java does it, its mistake included: the first half is not quite turned around.
        (salt[0], salt[2]) = (salt[3], salt[0]);
        (salt[1], salt[2]) = (salt[2], salt[1]);
    }
    let mut derived = [0; 32];
    for (half, into) in salt.chunks(4).zip(derived.chunks_mut(16)) {
        let mut digest = Md5::new().chain_update(half).chain_update(password).finalize();
        for _ in 1..rounds {
            digest = Md5::new().chain_update(digest).chain_update(password).finalize();
        }
        into.copy_from_slice(&digest);
    }
    derived
}

fn foreign() -> Error {
    error::data("this is not a credential file of hadoop")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    /// Made by Hadoop 3.4.2: `hadoop credential create shop.password -provider localjceks://file/..`.
    const FILE: &[u8] = include_bytes!("testdata/hadoop.jceks");

    #[test]
    fn a_file_of_hadoop_is_read() {
        assert_eq!(find(FILE, "none", "shop.password").unwrap().expose(), "s3cret of the shöp");
        let error = find(FILE, "none", "shop.pasword").unwrap_err();
        assert_eq!((error.kind(), error.remedy()), (Kind::NotFound, Some("its aliases are shop.password")));
        assert_eq!(find(FILE, "other", "shop.password").unwrap_err().kind(), Kind::Auth);
    }

    #[test]
    fn broken_files_are_refused() {
        for length in 0..FILE.len() {
            assert!(find(&FILE[..length], "none", "shop.password").is_err());
        }
        for at in 0..FILE.len() {
            let mut damaged = FILE.to_vec();
            damaged[at] ^= 1;
            assert!(find(&damaged, "none", "shop.password").is_err());
        }
    }

    #[test]
    fn only_local_files_are_named() {
        assert_eq!(path_of("jceks://file/a/b").unwrap(), "/a/b");
        for elsewhere in ["jceks://hdfs@nn:8020/a", "/a/b", "bcfks://file/a", "jceks://filea"] {
            assert!(path_of(elsewhere).unwrap_err().remedy().is_some());
        }
    }
}
