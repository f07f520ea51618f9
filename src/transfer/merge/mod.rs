//! Merges.

mod dead;
mod set;
