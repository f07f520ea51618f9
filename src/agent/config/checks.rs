//! Values that make no sense, each told with its key.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::error::{self, Error, Result};

/// What is wrong with a value: its key, which is empty for the table as a whole, and the error.
pub(in crate::agent) type Wrong = (&'static str, Error);

/// The error of a value, with its key.
pub(super) fn at(key: &'static str) -> impl Fn(Error) -> Wrong {
    move |error| (key, error)
}

/// An absolute path: a file given by its bare name has an empty path in front of it.
pub(super) fn absolute(base: &Path) -> Result<PathBuf> {
    std::path::absolute(Path::new(".").join(base))
        .map_err(|e| error::config(format!("{} is not a directory", base.display())).source(e))
}

/// Refuses a number that is out of its range.
pub(super) fn check_range(key: &'static str, value: u64, least: u64, most: u64) -> Result<(), Wrong> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let hint = if most == u64::MAX { format!("give at least {least}") } else { format!("give {least} to {most}") };
    Err((key, error::config(format!("{key} is {value}")).hint(hint)))
}

/// Refuses what cannot be listened on; nobody is asked whether it is free.
pub(super) fn check_listener(bind: &str, port: u16) -> Result<(), Wrong> {
    check_range("port", port.into(), 1, u16::MAX.into())?;
    let is_name =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if bind.parse::<IpAddr>().is_ok() || bind.trim_end_matches('.').split('.').all(is_name) {
        return Ok(());
    }
    Err((
        "bind",
        error::config(format!("bind is {bind:?}, which is neither an address nor the name of a host"))
            .hint("give an address of this host, such as 127.0.0.1, or 0.0.0.0 for all of them"),
    ))
}
