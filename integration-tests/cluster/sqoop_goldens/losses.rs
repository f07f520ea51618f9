//! x
pub const NAMES: [&str; 1] = ["loss-"];
