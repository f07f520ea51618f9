//! Where lines wait between the source and the target.
//!
//! | channel | what |
//! |---|---|
//! | [`file::FileChannel`] | on the local disk: what was put is there after a crash, with the source's position |

pub(super) mod cursor;
pub(super) mod file;
pub(super) mod lock;
mod scan;
mod segment;
#[cfg(test)]
mod tests;

/// Names as the files of a channel have them.
pub(super) fn names() -> [String; 3] {
    [cursor::FILE.to_owned(), lock::FILE.to_owned(), segment::file_name(0)]
}
