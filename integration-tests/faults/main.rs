//! Tests that disturb the whole stack, so that nothing else may run beside them; `make test` runs them last, one by one.

#[path = "../cluster/stack.rs"]
mod stack;

mod safe_mode;
