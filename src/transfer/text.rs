//! Delimited text as an import's options ask for it.

use super::args::{Compat, TextArgs};
use super::input::words;
use crate::error::Result;
use crate::format::{Compression, SequenceOptions, TextOptions};

/// How a text file is written; tables of Hive have their own delimiters unless told otherwise.
pub(super) fn options(args: &TextArgs, compat: Compat, hive: bool, compression: Compression) -> Result<TextOptions> {
    Ok(TextOptions {
        drop_delimiters: args.drop_delims,
        replace_delimiters: args.replace_delims.clone(),
        plain_decimals: !args.scientific_decimals,
        compression,
        ..words::of_written(args, words::style(compat), hive)?
    })
}

/// How a SequenceFile of such text is written.
pub(super) fn sequence_options(
    args: &TextArgs,
    compat: Compat,
    hive: bool,
    codec: Compression,
) -> Result<SequenceOptions> {
    Ok(SequenceOptions { text: options(args, compat, hive, codec)?, ..SequenceOptions::default() })
}
