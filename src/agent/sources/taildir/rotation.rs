//! The names that rotation gives to the copies of a log.

use std::path::Path;

/// Whether a file at `path` is called as a rotated copy of the log at `original` would be, wherever it lies:
/// `access.log.1`, `access.log-20240101`, `access-20240101.log`, `access.log.2.gz`.
///
/// Source: logrotate(8), options `extension`, `dateext`, `olddir`.
pub(super) fn is_rotated_name(original: &str, path: &str) -> bool {
    let name = |path| Path::new(path).file_name().and_then(|name| name.to_str());
    let (Some(original), Some(name)) = (name(original), name(path)) else { return false };
    if let Some(added) = name.strip_prefix(original) {
        return added.starts_with(['.', '-', '_', '~']);
    }
    let Some((stem, extension)) = original.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) else { return false };
    let date = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(extension)?.strip_suffix('.'));
    let is_date = |c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | 'T');
    date.is_some_and(|date| date.starts_with(['-', '_', '.']) && date.chars().all(is_date))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_logrotate_are_known() {
        for (name, yes) in [
            ("/old/access.log.1", true),
            ("/var/log/access.log-20240101", true),
            ("/var/log/access.log.2.gz", true),
            ("/var/log/access-20240101.log", true),
            ("/var/log/access.1.log", true),
            ("/var/log/access.log", false),
            ("/var/log/access.logs", false),
            ("/var/log/access_ssl.log", false),
            ("/var/log/other.log.1", false),
        ] {
            assert_eq!(is_rotated_name("/var/log/access.log", name), yes, "{name}");
        }
        assert!(is_rotated_name("/log", "/log.1"));
        assert!(!is_rotated_name("/log", "/blog"));
    }
}
