//! Rows in HBase, through its Thrift gateways.
//!
//! An epoch is done when the gateways have all of its rows. One that fails in between comes again, and writes the same
//! rows: keys are made of the event and of its place in the channel, and the timestamps of cells are those of the events.
//! So each event has its row once, whatever is killed.
//!
//! An event that can have no row, or one that HBase would not take, goes to a directory of this host with the reason.
//!
//! ```text
//! fields     the values of an event
//! key        row keys, part by part
//! mapping    from an event to its rows
//! puts       rows on their way to the gateways
//! counter    how many events there were
//! ```

pub(in crate::agent) mod counter;
pub(in crate::agent) mod fields;
pub(in crate::agent) mod key;
pub(in crate::agent) mod mapping;
mod puts;

use std::cell::RefCell;
use std::rc::Rc;

use async_trait::async_trait;
use jiff::Timestamp;

use self::counter::{Counter, CounterPlace};
use self::key::Origin;
use self::mapping::Mapping;
use self::puts::Gateways;
use super::aside::Aside;
use super::{Begun, Chunk, EpochWriter, Kept, Sink, Written};
use crate::agent::channels::cursor::Cursor;
use crate::agent::sorter::Sorter;
use crate::error::{self, Result};
use crate::hbase::{BatchLimits, HBaseClient, HBaseOptions};

/// What the sink is told.
#[derive(Clone, Debug)]
pub(in crate::agent) struct HBaseSinkOptions {
    /// `namespace:table`, or `table` in the default namespace.
    pub table: String,
    pub mapping: Mapping,
    pub counter: Option<CounterPlace>,
    pub limits: BatchLimits,
    /// Connections that rows travel on at once.
    pub connections: usize,
    /// Where events go that can have no row, as JSON lines: a directory of this host.
    pub reject_dir: String,
    /// The sink, as rejects name it.
    pub sink: String,
}

impl HBaseSinkOptions {
    /// The families that the table has to have.
    fn families(&self) -> Vec<&str> {
        let of_counter = self.counter.as_ref().and_then(|counter| Some(counter.cell.split_once(':')?.0));
        let mut all = self.mapping.families();
        all.extend(of_counter.filter(|family| !all.contains(family)));
        all
    }
}

/// Writes rows.
pub(super) struct HBaseSink {
    options: Rc<HBaseSinkOptions>,
    /// Of the epoch that is written.
    gateways: Rc<RefCell<Option<Gateways>>>,
    server: HBaseOptions,
}

impl HBaseSink {
    /// Nothing is connected to yet.
    pub(super) fn new(options: HBaseSinkOptions, server: HBaseOptions) -> Self {
        Self { options: Rc::new(options), gateways: Rc::default(), server }
    }

    /// The gateways, once the table is known to be as the sink needs it, and a connection to one of them.
    async fn ready(&self) -> Result<(Gateways, HBaseClient)> {
        let new = || {
            let HBaseSinkOptions { table, limits, connections, .. } = &*self.options;
            Gateways::new(self.server.clone(), table.clone(), *limits, *connections)
        };
        let mut gateways = self.gateways.borrow_mut().take().unwrap_or_else(new);
        let client = gateways.ready(&self.options.families()).await?;
        Ok((gateways, client))
    }
}

#[async_trait(?Send)]
impl Sink for HBaseSink {
    fn name(&self) -> String {
        format!("agent hbase {}", self.options.table)
    }

    fn sorter(&self) -> Option<Sorter> {
        None
    }

    async fn recover(&mut self) -> Result<Kept> {
        Ok(Kept::Channel)
    }

    async fn greet(&mut self) -> Result<()> {
        let (gateways, _) = self.ready().await?;
        *self.gateways.borrow_mut() = Some(gateways);
        Ok(())
    }

    /// Connects, so that another sink of a group can take the epoch where no gateway answers.
    async fn begin(&mut self, from: &Cursor) -> Result<Begun> {
        let options = self.options.clone();
        let (gateways, client) = self.ready().await?;
        let counter = match &options.counter {
            Some(place) => Some(Counter::read(&client, &options.table, place, from).await?),
            None => None,
        };
        Ok(Begun::Epoch(Box::new(HBaseEpoch {
            aside: Aside::new(&options.reject_dir, &options.sink, from),
            mapping: options.mapping.clone(),
            channel: from.channel.clone(),
            idle: self.gateways.clone(),
            written: Written::default(),
            options,
            gateways,
            client,
            counter,
        })))
    }
}

/// An epoch being written.
struct HBaseEpoch {
    options: Rc<HBaseSinkOptions>,
    mapping: Mapping,
    channel: String,
    gateways: Gateways,
    client: HBaseClient,
    /// Where the gateways are given back to.
    idle: Rc<RefCell<Option<Gateways>>>,
    counter: Option<Counter>,
    aside: Aside,
    written: Written,
}

#[async_trait(?Send)]
impl EpochWriter for HBaseEpoch {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        let Chunk::Events(events) = chunk else { return Err(error::bug("a sink of events was given rows")) };
        let mut rows = Vec::with_capacity(events.len());
        let mut refused = puts::Refused::new();
        let places: Vec<_> = events.places().collect();
        let origin = |number: usize| Origin { channel: &self.channel, place: places[number], row: 0 };
        for (number, event) in events.iter().enumerate() {
            let made = self.mapping.rows(event, origin(number)).and_then(|made| {
                made.iter().try_for_each(|made| Gateways::check(&self.client, &self.options.table, made)).map(|()| made)
            });
            match made {
                Ok(made) => rows.extend(made.into_iter().map(|made| (number, made))),
                Err(reason) => drop(refused.insert(number, reason)),
            }
        }
        refused.extend(self.gateways.put(rows, Timestamp::now().as_millisecond()).await?);
        for (number, event) in events.iter().enumerate() {
            if let Some(reason) = refused.get(&number) {
                self.aside.add(event, reason)?;
                continue;
            }
            self.written.rows += 1;
            self.written.bytes += event.body.len() as u64;
            if let Some(counter) = &mut self.counter {
                counter.count(origin(number));
            }
        }
        Ok(())
    }

    async fn commit(self: Box<Self>, to: &Cursor) -> Result<Written> {
        let Self { options, gateways, client, idle, counter, aside, mut written, .. } = *self;
        if let Some(counter) = counter {
            let (row, stamp_ms) = counter.row(to, Timestamp::now().as_millisecond())?;
            client.mutate(&options.table, &[row], stamp_ms).await?;
        }
        written.rejects = aside.rows();
        written.first_reject = aside.finish()?;
        *idle.borrow_mut() = Some(gateways);
        Ok(written)
    }
}
