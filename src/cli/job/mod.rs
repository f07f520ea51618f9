//! Saved jobs as they are kept: one file each, and the lease that a run of one holds.

mod lease;
mod store;

pub(super) use self::lease::lease;
pub(super) use self::store::{Front, Job, JobStore, State};
