//! From the text of an event to its fields.
//!
//! | format | what |
//! |---|---|
//! | [`combined`] | the combined log format of Apache and nginx, with `rt=`, `sid=` and `vid=` behind it |

pub mod combined;
mod escape;
mod request;

pub use request::RequestLine;
