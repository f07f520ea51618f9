//! What a keytab holds, looked at where no ticket is to be had with it: the library says of each fault in it that there
//! are not tickets. Keys are passed over.
//!
//! Source: MIT Kerberos 1.20, "The keytab file format".

use std::path::Path;

use super::fault;
use crate::error::{self, Error, Kind, Result};

/// The first byte of all keytabs, and the second of those whose numbers are in network order, which is all since 1996.
const MAGIC: [u8; 2] = [5, 2];
/// Principals that an error lists.
const LISTED: usize = 4;

/// Makes sure that a keytab can be read.
///
/// # Errors
/// Config: it cannot.
pub(super) fn open(file: &str) -> Result<()> {
    std::fs::File::open(file).map(drop).map_err(|e| unreadable(file, e))
}

/// Why no ticket of a principal is had with a keytab, where that is its fault.
pub(super) fn fault(file: &str, principal: &str) -> Option<Error> {
    let bytes = match std::fs::read(Path::new(file)) {
        Ok(bytes) => bytes,
        Err(e) => return Some(unreadable(file, e)),
    };
    let Some(principals) = principals(&bytes) else {
        let what = error::config(format!("{file} is not a keytab"));
        return Some(what.hint("name the file that ktutil, kadmin's ktadd or ktpass made; klist -k FILE reads it"));
    };
    // Without a realm it is that of krb5.conf, which is the library's business.
    let is_it = |found: &String| match principal.contains('@') {
        true => found == principal,
        false => found.rsplit_once('@').is_some_and(|(name, _)| name == principal),
    };
    if principals.iter().any(is_it) {
        return None;
    }
    let more = if principals.len() > LISTED { " and others" } else { "" };
    let has = match principals.is_empty() {
        true => "no keys at all".to_owned(),
        false => format!("those of {}{more}", principals[..principals.len().min(LISTED)].join(", ")),
    };
    let what = Error::new(Kind::Auth, format!("the keytab has no key of this principal, it has {has}"));
    Some(what.hint(fault::NO_KEY))
}

fn unreadable(file: &str, error: std::io::Error) -> Error {
    error::config(format!("cannot read keytab {file}"))
        .source(error)
        .hint("check the path and that this user may read it")
}

/// Whose keys it holds, each once; `None` if it is not a keytab.
fn principals(bytes: &[u8]) -> Option<Vec<String>> {
    let mut rest = bytes.strip_prefix(&MAGIC)?;
    let mut found: Vec<String> = Vec::new();
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let length = i32::from_be_bytes(*length);
        let (entry, behind) = behind.split_at_checked(usize::try_from(length.unsigned_abs()).ok()?)?;
        // A negative length is that of a hole, which an entry left; none at all ends the file.
        match length {
            0 => break,
            1.. => {
                let principal = principal(entry)?;
                if !found.contains(&principal) {
                    found.push(principal);
                }
            }
            _ => {}
        }
        rest = behind;
    }
    Some(found)
}

/// The principal at the beginning of an entry.
fn principal(entry: &[u8]) -> Option<String> {
    let (components, mut rest) = entry.split_first_chunk::<2>()?;
    let mut texts = Vec::new();
    // The realm comes first, and is not counted.
    for _ in 0..=u16::from_be_bytes(*components) {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        let (text, behind) = behind.split_at_checked(u16::from_be_bytes(*length).into())?;
        texts.push(String::from_utf8_lossy(text));
        rest = behind;
    }
    let (realm, name) = texts.split_first()?;
    Some(format!("{}@{realm}", name.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[&str], realm: &str) -> Vec<u8> {
        let text = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
        let mut entry = (name.len() as u16).to_be_bytes().to_vec();
        entry.extend(text(realm));
        name.iter().for_each(|part| entry.extend(text(part)));
        entry.extend([0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 18, 0, 2, 7, 7]);
        [&(entry.len() as i32).to_be_bytes()[..], &entry].concat()
    }

    fn keytab(parts: &[Vec<u8>]) -> Vec<u8> {
        [&MAGIC[..], &parts.concat()].concat()
    }

    #[test]
    fn principals_are_read_and_keys_and_holes_passed_over() {
        let hole = [&(-3i32).to_be_bytes()[..], b"old"].concat();
        let whole = keytab(&[entry(&["etl"], "R"), hole, entry(&["hive", "h"], "R"), entry(&["etl"], "R")]);
        assert_eq!(principals(&whole).unwrap(), ["etl@R", "hive/h@R"]);
        assert_eq!(principals(&keytab(&[])).unwrap(), [""; 0]);
        assert_eq!(principals(b"garbage"), None);
        assert_eq!(principals(&whole[..whole.len() - 1]), None);
    }

    #[test]
    fn what_is_wrong_with_it_is_said() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let said = |bytes: &[u8], principal: &str| {
            std::fs::write(path, bytes).unwrap();
            fault(path, principal).map(|e| e.to_string())
        };
        let whole = keytab(&[entry(&["etl"], "R"), entry(&["hive", "h"], "R")]);
        assert_eq!(said(&whole, "etl@R"), None);
        assert_eq!(said(&whole, "etl"), None);
        let other = said(&whole, "ann@R").unwrap();
        assert_eq!(other, "the keytab has no key of this principal, it has those of etl@R, hive/h@R");
        assert!(said(&keytab(&[]), "ann@R").unwrap().ends_with("no keys at all"));
        assert_eq!(said(b"", "etl@R").unwrap(), format!("{path} is not a keytab"));
    }
}
