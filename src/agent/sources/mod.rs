//! Where events come from.
//!
//! | source | what |
//! |---|---|
//! | [`taildir::Taildir`] | the lines of the files that match a pattern, followed as they grow and are rotated |

mod lines;
mod pattern;
pub mod taildir;
#[cfg(test)]
mod tests;

pub use pattern::Pattern;
