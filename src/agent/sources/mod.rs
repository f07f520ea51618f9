//! Where lines come from.
//!
//! | source | what |
//! |---|---|
//! | [`taildir::Taildir`] | the lines of the files that match a pattern, followed as they grow and are rotated |

mod compressed;
mod content;
mod followed;
mod lines;
mod look;
mod pattern;
pub(super) mod taildir;
#[cfg(test)]
mod tests;
mod troubles;

pub(crate) use compressed::CompressedFiles;
pub(super) use pattern::Pattern;
