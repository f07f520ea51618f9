//! A sink on its way to its target, which may be away when the agent begins.
//!
//! What will pass (a server that does not answer, a NameNode in safe mode or on standby, a target that somebody holds) is
//! waited for, as a running sink does. What is wrong for good ends the agent.

use std::time::Duration;

use super::monitor::SinkMeter;
use super::servers::{Servers, Supply};
use super::sinks::{Kept, Sink, SinkKind};
use crate::error::{Error, Result};
use crate::retry::{Pauses, Retry};

/// What an agent does about targets that are away when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// They are an error.
    AtOnce,
    /// They are waited for, as long as an agent that runs waits for them.
    Waiting,
    /// So they are, and after this time what does not depend on them goes on meanwhile.
    Meanwhile(Duration),
}

/// What an agent needs of its surroundings.
pub(super) struct Surroundings<'a> {
    pub supply: &'a dyn Supply,
    pub run_id: &'a str,
    pub retry: Retry,
    pub start: Start,
}

/// A sink whose target was asked, and what that keeps.
pub(super) type Reached = (Box<dyn Sink>, Kept);

/// Opens the sink of a channel, and asks its target.
///
/// # Errors
/// Those of its servers and of [`Sink::recover`], where they will not pass or were waited for as long as is said.
pub(super) async fn reach(name: &str, kind: SinkKind, around: &Surroundings<'_>, meter: &SinkMeter) -> Result<Reached> {
    let retry = match around.start {
        Start::AtOnce => Retry::for_time(Duration::ZERO),
        Start::Waiting | Start::Meanwhile(_) => around.retry,
    };
    let mut waiting = Waiting::new(name, meter, retry);
    let servers = loop {
        let with_cluster = kind.needs_cluster();
        if !with_cluster && !kind.needs_hbase() {
            break Servers::default();
        }
        match around.supply.servers(with_cluster).await {
            Ok(servers) => break servers,
            Err(e) => waiting.after(e).await?,
        }
    };
    let mut sink = kind.open(&servers, around.run_id, false)?;
    loop {
        match sink.recover().await {
            Ok(kept) => return Ok((sink, kept)),
            Err(e) => waiting.after(e).await?,
        }
    }
}

/// Reaches the targets that keep nothing and were not asked, where the agent goes on until it is stopped: one that drains may
/// have nothing for them.
///
/// # Errors
/// Those of [`Sink::greet`] that will not pass.
pub(super) async fn greet(name: &str, sink: &mut dyn Sink, retry: Retry, meter: &SinkMeter) -> Result<()> {
    if retry.budget == Duration::MAX {
        let mut waiting = Waiting::new(name, meter, retry);
        while let Err(e) = sink.greet().await {
            waiting.after(e).await?;
        }
    }
    meter.reached();
    Ok(())
}

/// The pauses between attempts.
struct Waiting<'a> {
    name: &'a str,
    meter: &'a SinkMeter,
    pauses: Pauses,
}

impl<'a> Waiting<'a> {
    fn new(name: &'a str, meter: &'a SinkMeter, retry: Retry) -> Self {
        Self { name, meter, pauses: retry.pauses() }
    }

    async fn after(&mut self, error: Error) -> Result<()> {
        if !self.pauses.are_worth(&error) {
            return Err(error);
        }
        self.meter.fail(&error);
        self.pauses.after(error.context(format!("sink {} cannot reach its target", self.name))).await
    }
}
