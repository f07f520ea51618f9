//! Nowhere.

use async_trait::async_trait;

use super::{Begun, Chunk, EpochWriter, Kept, Sink, Written};
use crate::agent::channels::cursor::Cursor;
use crate::agent::sorter::Sorter;
use crate::error::Result;

/// Takes events and keeps none.
#[derive(Debug)]
pub(super) struct NullSink;

#[async_trait(?Send)]
impl Sink for NullSink {
    fn name(&self) -> String {
        "null".to_owned()
    }

    fn sorter(&self) -> Option<Sorter> {
        None
    }

    async fn recover(&mut self) -> Result<Kept> {
        Ok(Kept::Channel)
    }

    async fn begin(&mut self, _: &Cursor) -> Result<Begun> {
        Ok(Begun::Epoch(Box::new(Written::default())))
    }
}

/// An epoch that only counts.
#[async_trait(?Send)]
impl EpochWriter for Written {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        if let Chunk::Events(events) = chunk {
            self.rows += events.len() as u64;
            self.bytes += events.iter().map(|event| event.body.len() as u64).sum::<u64>();
        }
        Ok(())
    }

    async fn commit(self: Box<Self>, _: &Cursor) -> Result<Written> {
        Ok(*self)
    }
}
