//! Saved jobs as they are kept: one file each, and the lock that a run of one holds.

mod lock;
mod store;

pub use self::lock::JobLock;
pub use self::store::{Front, Job, JobStore, State};
