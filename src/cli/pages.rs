//! Shell completions and manual pages, made from the arguments themselves.

use std::path::Path;

use clap_complete::Shell;

use super::args;
use super::output::print;
use crate::error::{self, Result};

/// Prints what a shell needs to complete commands and flags.
///
/// # Errors
/// Refused: stdout cannot be written.
pub(super) fn completions(shell: Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "sakia", &mut text);
    print(String::from_utf8_lossy(&text).trim_end())
}

/// Writes `sakia.1` and one page a command, such as `sakia-import.1`.
///
/// # Errors
/// Config: the directory cannot be written.
pub(super) fn manual(directory: &Path) -> Result<()> {
    let cannot = |e| {
        error::config(format!("cannot write the manual pages to {}", directory.display()))
            .hint("name a directory that can be written")
            .source(e)
    };
    std::fs::create_dir_all(directory).map_err(cannot)?;
    clap_mangen::generate_to(args::command(), directory).map_err(cannot)
}
