//! The lines of the files that are in a directory now, for who sends them by hand: with the settings of Flume's
//! `ReliableSpoolingFileEventReader` that nobody sets there.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::content::Reader;
use super::files::Found;
use super::{Charset, Completed, DecodeErrors, Deserializer, Order, SpooldirOptions};
use crate::error::Result;

/// Characters of a line; the rest of a longer one is the next.
const LINE_CHARS: usize = 2_048;

/// Reads file by file. A file is renamed when the lines behind its last are asked for.
pub(in crate::agent) struct Walk {
    options: SpooldirOptions,
    waiting: VecDeque<Found>,
    open: Option<(Found, Reader)>,
}

impl Walk {
    /// # Errors
    /// NotFound, Auth, Refused: the directory.
    pub(in crate::agent) fn begin(directory: &Path) -> Result<Self> {
        let options = SpooldirOptions {
            directory: directory.to_owned(),
            completed: Completed::Rename,
            completed_suffix: ".COMPLETED".to_owned(),
            tracker_dir: directory.join(".flumespool"),
            include: None,
            ignore: None,
            order: Order::Oldest,
            recursive: false,
            poll: Duration::ZERO,
            file_header: None,
            basename_header: None,
            deserializer: Deserializer::Line,
            max_line_chars: LINE_CHARS,
            max_blob_bytes: 0,
            charset: Charset::Utf8,
            decode_errors: DecodeErrors::Fail,
        };
        options.prepare()?;
        let waiting = options.waiting()?.into();
        Ok(Self { options, waiting, open: None })
    }

    /// The next lines; `None` where there are no more files.
    ///
    /// # Errors
    /// Data: a file changed, or is not UTF-8. Those of the disk.
    pub(in crate::agent) fn next(&mut self) -> Result<Option<Vec<Bytes>>> {
        loop {
            if let Some((found, reader)) = &mut self.open {
                if let Some(batch) = reader.batch()? {
                    found.unchanged()?;
                    return Ok(Some(batch.events.into_iter().map(|(_, body)| body).collect()));
                }
                self.options.complete(found)?;
                self.open = None;
            }
            let Some(found) = self.waiting.pop_front() else { return Ok(None) };
            let reader = Reader::open(&self.options, &found, 0)?;
            self.open = Some((found, reader));
        }
    }
}
