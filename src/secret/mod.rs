//! Secrets: read from a file, the environment, a terminal, a Hadoop credential file or a MySQL option file; never printed,
//! never saved, and taken out of URLs that hold one.

mod java;
mod jceks;
pub mod option_file;
mod source;
mod url;
mod value;

pub use self::source::SecretSource;
pub use self::url::{is_in_url, masked, split as split_url};
pub use self::value::Secret;
