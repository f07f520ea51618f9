//! x
pub const NAMES: [&str; 6] = ["append-two", "eval-select", "inc-", "list-", "target-exists-fails", "export-"];
