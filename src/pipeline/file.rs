//! The front that a pipeline's file and an agent's have in common: the text, its tables of servers, and what stands in it
//! that nobody knows.

use std::path::{Path, PathBuf};

use super::servers::{CONNECT_TIMEOUT, PROPERTIES, PROXY_USER, Servers, TABLES};
use crate::config::{self, Document};
use crate::error::Error;

/// A file while it is read.
#[derive(Debug)]
pub(super) struct Opened {
    /// What it is called in errors.
    pub origin: String,
    /// Directory of the file; relative local paths in it start here.
    pub base: PathBuf,
    /// Its servers.
    pub servers: Servers,
    /// What is to be said of keys of earlier versions.
    pub notes: Vec<String>,
    /// All that is wrong so far.
    pub wrong: Vec<Error>,
}

/// Reads a file whose own tables have these headings; `read` takes them out of the document. Notes are said whether the file
/// is good or not.
///
/// # Errors
/// Config: all that is wrong with it.
pub(super) fn open<T>(
    file: &Path,
    headings: &[&str],
    read: impl FnOnce(&mut Document<'_>, &mut Opened) -> Option<T>,
) -> Result<(T, Opened), Vec<Error>> {
    let text = config::read_text(file).map_err(|e| vec![e])?;
    open_text(&text, &file.display().to_string(), file.parent().unwrap_or(Path::new("")), headings, read)
}

/// As [`open`], of a file's text that `origin` names; relative local paths begin at `base`.
///
/// # Errors
/// As there.
pub(super) fn open_text<T>(
    text: &str,
    origin: &str,
    base: &Path,
    headings: &[&str],
    read: impl FnOnce(&mut Document<'_>, &mut Opened) -> Option<T>,
) -> Result<(T, Opened), Vec<Error>> {
    let mut document = Document::parse(text, origin).map_err(|e| vec![e])?;
    let (mut notes, mut wrong) = (Vec::new(), Vec::new());
    let servers = Servers::take(&mut document, &mut notes, &mut wrong);
    wrong.extend(servers.check().err().map(|e| e.context(format!("{origin}: [mysql]"))));
    let known = [CONNECT_TIMEOUT, PROXY_USER, PROPERTIES].into_iter().chain(headings.iter().copied()).chain(TABLES);
    wrong.extend(document.unknown_keys(&known.collect::<Vec<_>>()));
    let mut opened = Opened { origin: origin.to_owned(), base: base.to_owned(), servers, notes, wrong };
    let found = read(&mut document, &mut opened);
    for note in opened.notes.drain(..) {
        tracing::warn!("{note}");
    }
    match found {
        Some(found) if opened.wrong.is_empty() => Ok((found, opened)),
        _ => Err(opened.wrong),
    }
}
