//! What a run says about itself: the log and progress lines on stderr, the closing summary on stdout.

pub mod log;
pub mod progress;
pub mod summary;
pub mod terminal;
