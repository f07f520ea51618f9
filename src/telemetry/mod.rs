//! What a run says about itself: the log on stderr and the closing summary on stdout.

pub mod log;
pub mod summary;
