//! Tests that disturb the whole stack, so that nothing else may run beside them; `make test` runs them last, one by one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../cluster/stack.rs"]
#[allow(dead_code, reason = "shared with the cluster tests, which use more of it")]
mod stack;

mod dead_datanode;
mod dead_import;
mod safe_mode;
