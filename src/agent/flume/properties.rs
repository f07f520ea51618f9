//! Files of Java properties as Flume reads them: several of them as one, where a later value replaces an earlier one.
//!
//! The grammar is `java.util.Properties`' (continued lines, escapes, `#` and `!`), the bytes are ISO-8859-1. Each value
//! keeps its place, so that what is said of it says where it stands.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use java_properties::{LineContent, PropertiesIter};

use crate::error::{self, Result};

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    file: Arc<str>,
    line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A value, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub text: String,
    pub place: Place,
}

/// Values by their keys.
pub(super) type Properties = BTreeMap<String, Value>;

/// Reads files, the later ones over the earlier.
///
/// # Errors
/// Config: a file that cannot be read, that is not of this grammar, or that is of another one by its name.
pub(super) fn read(files: &[impl AsRef<Path>], notes: &mut Vec<String>) -> Result<Properties> {
    let mut all = Properties::new();
    for file in files.iter().map(AsRef::as_ref) {
        let named = file.display().to_string();
        if let Some(kind @ ("json" | "yaml" | "yml" | "xml")) = file.extension().and_then(|e| e.to_str()) {
            return Err(error::config(format!("{named} cannot be read as {kind}: Flume knows properties alone"))
                .hint("write it as a properties file, and name that"));
        }
        let bytes = std::fs::read(file).map_err(|e| {
            error::config(format!("cannot read {named}")).hint("check the path of the Flume configuration").source(e)
        })?;
        all.extend(parse(&bytes, &named, notes)?);
    }
    Ok(all)
}

/// Reads the bytes of one file, which `origin` names.
///
/// # Errors
/// Config: a `\u` without four digits.
pub(super) fn parse(bytes: &[u8], origin: &str, notes: &mut Vec<String>) -> Result<Properties> {
    let file: Arc<str> = origin.into();
    let (mut all, mut failed) = (Properties::new(), None);
    for line in PropertiesIter::new(&*in_ascii(bytes)) {
        match line {
            Ok(line) => {
                let place = Place { file: file.clone(), line: line.line_number() };
                if let LineContent::KVPair(key, text) = line.consume_content() {
                    add(&mut all, key.trim().to_owned(), Value { text, place }, notes);
                }
            }
            Err(e) => {
                failed = Some(e);
                break;
            }
        }
    }
    match failed {
        None => Ok(all),
        Some(e) => {
            let line = e.line_number().map(|line| format!(":{line}")).unwrap_or_default();
            Err(error::config(format!("{origin}{line} is not a line of a properties file"))
                .hint("write a backslash as \\\\, and \\u with four hexadecimal digits")
                .source(e))
        }
    }
}

/// ISO-8859-1 with an escape for each character that is not ASCII. The crate takes bytes for those of Windows-1252, the first
/// ones for a byte order mark where they look like it, and panics where a file ends within that.
fn in_ascii(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.is_ascii() {
        return Cow::Borrowed(bytes);
    }
    let (mut out, mut is_escaped) = (Vec::with_capacity(bytes.len() * 2), false);
    for byte in bytes {
        if byte.is_ascii() {
            out.push(*byte);
        } else {
            let escape = format!("\\u{byte:04x}");
            // A backslash before it makes no difference to it.
            out.extend_from_slice(&escape.as_bytes()[usize::from(is_escaped)..]);
        }
        is_escaped = *byte == b'\\' && !is_escaped;
    }
    Cow::Owned(out)
}

fn add(all: &mut Properties, key: String, value: Value, notes: &mut Vec<String>) {
    if !value.text.is_ascii() {
        notes.push(format!(
            "{}: {key} is read as ISO-8859-1, as Flume reads it; write what is not ASCII as \\uXXXX",
            value.place
        ));
    }
    if let Some(earlier) = all.get(&key) {
        notes.push(format!("{}: {key} is given twice; this value replaces that of {}", value.place, earlier.place));
    }
    all.insert(key, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let all = parse(text.as_bytes(), "f", &mut Vec::new()).unwrap();
        all.into_iter().map(|(key, value)| (key, value.text)).collect()
    }

    fn pair(key: &str, text: &str) -> (String, String) {
        (key.to_owned(), text.to_owned())
    }

    #[test]
    fn the_grammar_is_that_of_java() {
        let text = "# no\n! no\na1.x=1\n a1.y : 2\na1.z 3\na1.l = one \\\n    two\na1.r = ^(\\\\d+)\\u0041\na1.e =\n";
        let wanted =
            [("a1.e", ""), ("a1.l", "one two"), ("a1.r", "^(\\d+)A"), ("a1.x", "1"), ("a1.y", "2"), ("a1.z", "3")];
        assert_eq!(values(text), wanted.map(|(key, text)| pair(key, text)));
        assert!(parse(b"a = \\u00", "f", &mut Vec::new()).unwrap_err().to_string().starts_with("f"));
    }

    #[test]
    fn the_last_of_two_values_counts_and_that_is_said() {
        let mut notes = Vec::new();
        let all = parse(b"a1.x = 1\n\na1.x = 2", "f", &mut notes).unwrap();
        assert_eq!((all["a1.x"].text.as_str(), all["a1.x"].place.to_string().as_str()), ("2", "f:3"));
        assert_eq!(notes, ["f:3: a1.x is given twice; this value replaces that of f:1"]);
    }

    #[test]
    fn bytes_are_iso_8859_1() {
        let mut notes = Vec::new();
        let all = parse(b"a1.x = caf\xe9", "f", &mut notes).unwrap();
        assert_eq!(all["a1.x"].text, "café");
        assert!(notes[0].contains("ISO-8859-1"), "{notes:?}");
    }

    #[test]
    fn bytes_that_are_those_of_another_encoding_are_not_taken_for_it() {
        let value = |bytes: &[u8]| parse(bytes, "f", &mut Vec::new()).unwrap().into_iter().next();
        for (bytes, key, text) in [
            (&b"\xfe"[..], "\u{fe}", ""),
            (b"\xff\xfea=1", "\u{ff}\u{fe}a", "1"),
            (b"\xef\xbb\xbfa=1", "\u{ef}\u{bb}\u{bf}a", "1"),
            (b"a=\x80\x93", "a", "\u{80}\u{93}"),
            (b"a=\\\xe9\\\\\xe9", "a", "\u{e9}\\\u{e9}"),
        ] {
            let found = value(bytes).unwrap();
            assert_eq!((found.0.as_str(), found.1.text.as_str()), (key, text), "{bytes:?}");
        }
    }

    #[test]
    fn later_files_win() {
        let dir = tempfile::tempdir().unwrap();
        let files = ["a", "b"].map(|name| dir.path().join(name));
        std::fs::write(&files[0], "a1.x=1\na1.y=1\n").unwrap();
        std::fs::write(&files[1], "a1.y=2\n").unwrap();
        let mut notes = Vec::new();
        let all = read(&files, &mut notes).unwrap();
        assert_eq!((all["a1.x"].text.as_str(), all["a1.y"].text.as_str()), ("1", "2"));
        assert!(notes.is_empty(), "{notes:?}");
        assert!(read(&[dir.path().join("c")], &mut notes).is_err());
        assert!(read(&["x.yaml"], &mut notes).unwrap_err().to_string().contains("yaml"));
    }
}
