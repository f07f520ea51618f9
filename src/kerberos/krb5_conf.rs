//! What `krb5.conf` says of KDCs, for remedies and for the doctor: the library reads it for itself.

use std::path::{Path, PathBuf};

const VARIABLE: &str = "KRB5_CONFIG";
const DEFAULT: &str = "/etc/krb5.conf";
const PORT: u16 = 88;
/// As deep as files that include files are followed.
const MAX_DEPTH: usize = 8;

/// The files that are read, as the environment names them.
pub(super) fn files() -> String {
    std::env::var(VARIABLE).ok().filter(|files| !files.is_empty()).unwrap_or_else(|| DEFAULT.to_owned())
}

/// The KDCs of a realm that they name, as `host:port`.
pub(super) fn kdcs(realm: &str) -> Vec<String> {
    let text: String = files().split(':').map(|file| with_includes(Path::new(file), 0)).collect();
    named(&text, realm)
}

fn with_includes(file: &Path, depth: usize) -> String {
    let mut text = String::new();
    let Ok(own) = std::fs::read_to_string(file) else { return text };
    for line in own.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["include", file] if depth < MAX_DEPTH => text += &with_includes(Path::new(file), depth + 1),
            ["includedir", directory] if depth < MAX_DEPTH => {
                let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
                let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
                files.sort();
                text.extend(files.iter().map(|file| with_includes(file, depth + 1)));
            }
            _ => {
                text += line;
                text.push('\n');
            }
        }
    }
    text
}

/// The lines `kdc = HOST[:PORT]` of `REALM = { .. }`.
fn named(text: &str, realm: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        match line.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
            Some((name, value)) if value.starts_with('{') => inside = name == realm,
            Some(("kdc", host)) if inside => {
                let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                found.push(if has_port { host.to_owned() } else { format!("{host}:{PORT}") });
            }
            _ if line.starts_with('}') => inside = false,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kdcs_of_a_realm_are_read() {
        let text =
            "[realms]\n  OTHER = {\n kdc = no:1\n }\n R = {\n  kdc = a\n  admin_server = b\n  kdc = [::1]:750\n }\n";
        assert_eq!(named(text, "R"), ["a:88", "[::1]:750"]);
        assert_eq!(named(text, "NONE"), [""; 0]);
    }
}
