//! Delimited text as an import's options ask for it.

use crate::error::{self, Result};
use crate::format::{Compression, TextOptions};
use crate::transfer::args::{Compat, TextArgs};
use crate::transfer::input::options::{of_written, style};

/// How a text file is written; tables of Hive have their own delimiters unless told otherwise, and no encloser.
///
/// # Errors
/// Usage: a delimiter that cannot be read. Config: delimiters that contradict each other, or that Hive does not know.
pub(super) fn options(args: &TextArgs, compat: Compat, hive: bool, compression: Compression) -> Result<TextOptions> {
    let mut options = TextOptions {
        drop_delimiters: args.drop_delims,
        replace_delimiters: args.replace_delims.clone(),
        plain_decimals: !args.scientific_decimals,
        compression,
        for_hive: hive,
        ..of_written(args, style(compat), hive)?
    };
    if hive && compat == Compat::Sqoop {
        // As everywhere in Sqoop, where Hive's own tables have \\N.
        options.null_string = args.null_string.clone().unwrap_or_else(|| "null".to_owned());
        options.null_non_string = args.null_non_string.clone().unwrap_or_else(|| "null".to_owned());
    }
    let delimiters = &mut options.delimiters;
    if let Some(encloser) = delimiters.enclosed_by.filter(|_| hive) {
        if !delimiters.enclose_optionally {
            return Err(error::config(format!("hive's text tables would give {encloser:?} back with every field"))
                .hint("leave enclosed-by out; escaped-by protects the delimiters"));
        }
        // An escape character does as much; without one, a value that holds a delimiter is an error.
        (delimiters.enclosed_by, delimiters.enclose_optionally) = (None, false);
    }
    Ok(options)
}
