//! From the text of a line to its fields, by the format that the server wrote it in.
//!
//! ```text
//! apache, nginx   the server's own format text, read into directives (`directive`)
//! format          directives and literals put together to a LogFormat; formats known by name
//! entry           a line taken apart by a LogFormat: a LogEntry, or the reason why it is not one
//! time, escape, request   what stands in the fields
//! ```
//!
//! A line that does not have exactly the fields of its format is malformed. It is never read as if it had.

mod apache;
mod directive;
mod entry;
mod escape;
mod field;
mod format;
mod nginx;
mod request;
#[cfg(test)]
mod tests;
mod time;

pub(super) use entry::LogEntry;
pub(super) use field::{ExtraField, ExtraType};
pub(super) use format::LogFormat;
pub(super) use request::RequestLine;
