//! From the body of an event to a row.
//!
//! | parser | what it reads |
//! |---|---|
//! | [`weblog`] | lines of Apache and nginx, by the server's own format text |
//! | [`json`] | JSON objects, by the names of members |
//! | [`delimited`] | lines of CSV, TSV and their like, by the places of fields |
//! | [`pattern`] | texts, by the named groups of a regular expression |
//! | [`key_value`] | lines of `key=value` pairs, by their keys |
//!
//! The columns of the last four are those that the user declares (`mapping`), or that a preset does ([`segment`]).
//! [`protected`] hides values of any of them before they become rows.

pub(super) mod delimited;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;
pub(super) mod json;
pub(super) mod key_value;
pub(super) mod mapping;
pub(super) mod pattern;
mod piece;
pub(super) mod protected;
pub(super) mod segment;
mod user_agent;
pub(super) mod weblog;

pub(super) use self::mapping::shown;
pub(super) use self::piece::campaign;
pub(super) use self::weblog::RequestLine;
use super::event::Event;
use super::rows::{ColumnSpec, Row};

/// Takes events apart.
pub(super) trait Parser: Send + std::fmt::Debug {
    /// What the rows are, for the target's fingerprint: rows of another kind never come into the same files.
    fn kind(&self) -> &'static str;

    /// What a table of its rows is, for the table's description.
    fn comment(&self) -> &'static str {
        "events, one row an event"
    }

    /// The columns of its rows, in their order.
    fn columns(&self) -> &[ColumnSpec];

    /// Gives the rows of an event to `take`.
    ///
    /// # Errors
    /// Why the event is malformed. No row was given then.
    fn parse(&mut self, event: &Event, take: &mut dyn FnMut(Row<'_>)) -> Result<(), String>;

    /// Another one like this, for another thread.
    fn boxed(&self) -> Box<dyn Parser>;
}
