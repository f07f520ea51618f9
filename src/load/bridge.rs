//! Files of an asynchronous filesystem for decoders that block.

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::error::Result;
use crate::format::decode::{Input, RangeRead};
use crate::storage::{FileReader, Filesystem};

/// Waits for an asynchronous reader. Only for threads that may block.
struct Bridge {
    reader: Box<dyn FileReader>,
    runtime: Handle,
}

impl RangeRead for Bridge {
    fn len_bytes(&self) -> u64 {
        self.reader.len_bytes()
    }

    fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        self.runtime.block_on(self.reader.read_at(offset, len))
    }
}

/// Opens a file for a decoder. Its reads block, so the decoder belongs on a thread that may.
///
/// # Errors
/// Those of the filesystem.
pub(crate) async fn open(fs: &dyn Filesystem, path: &str) -> Result<Input> {
    let reader = fs.open(path).await?;
    Ok(Input::new(path, Arc::new(Bridge { reader, runtime: Handle::current() })))
}
