//! The configuration: TOML read strictly, and the forms that its values share.
//!
//! An unknown key is an error that names the nearest known one; a wrong value names its file, line and key, and what was
//! expected. An address is a `url` or a list of them, and a length of time is a number with its unit, everywhere.

mod address;
mod keys;
mod read;
mod renamed;
mod timespan;
mod tree;
mod words;

pub use address::{host_and_port, one_or_more, path, write_one_or_more};
pub use keys::{Key, keys};
pub use read::{first_of, from_table, parse, read_file, read_text, to_table};
pub use renamed::Renamed;
pub use timespan::{CONNECT_TIMEOUT, Timespan};
pub use tree::{Document, Part};
pub use words::nearest;
