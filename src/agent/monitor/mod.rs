//! What can be seen of a running agent: counters, and a port that tells them.
//!
//! ```text
//! meters       what sources, channels and sinks count             touched by them
//! health       whether a part failed, and what is awaited         /healthz, /readyz
//! prometheus   the text form of Prometheus                        /metrics
//! flume        the JSON of Flume's own monitoring                 /metrics, where that is asked for
//! tap          samples of events on their way                    /tap
//! server       the port
//! ```
//!
//! Whoever reaches the port sees names and numbers; events are shown on loopback alone, or to who shows a token. The port is
//! on loopback unless told otherwise.

mod flume;
mod health;
mod meters;
mod process;
mod prometheus;
mod server;
mod tap;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::meters::Counter;
pub(super) use self::meters::{ChannelMeter, SinkMeter, Size, SourceMeter};
pub(crate) use self::server::Form;
pub(super) use self::server::{MonitorOptions, Server};
use super::event::Event;
use super::graph::Graph;

/// The meters of an agent's parts. A clone is the same monitor.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    state: Arc<State>,
    /// All parts of the graph that is run with this one are open.
    opened: CancellationToken,
}

#[derive(Debug)]
struct State {
    /// When the agent began.
    began: Timestamp,
    parts: Mutex<Parts>,
    /// Parts that are gone, which may come again.
    gone: Mutex<Parts>,
    /// Versions of the agent's file that came into force after the first, and that did not.
    reloads: Counter,
    refusals: Counter,
    /// The last one did not.
    is_refused: AtomicBool,
}

/// The meters, by the names of the parts.
#[derive(Clone, Debug, Default)]
struct Parts {
    sources: Meters<SourceMeter>,
    channels: Meters<ChannelMeter>,
    sinks: Meters<SinkMeter>,
}

type Meters<T> = BTreeMap<String, Arc<T>>;

impl Default for Monitor {
    fn default() -> Self {
        let (reloads, refusals) = Default::default();
        let state = State {
            began: Timestamp::now(),
            parts: Mutex::default(),
            gone: Mutex::default(),
            reloads,
            refusals,
            is_refused: AtomicBool::new(false),
        };
        Self { state: Arc::new(state), opened: CancellationToken::new() }
    }
}

impl Monitor {
    /// The same monitor for a graph that is opened by itself.
    pub(super) fn of_unit(&self) -> Self {
        Self { state: self.state.clone(), opened: CancellationToken::new() }
    }

    /// Is cancelled once all parts of the graph are open.
    pub(super) fn opened(&self) -> &CancellationToken {
        &self.opened
    }

    /// Expects the parts of a graph that is about to be opened.
    pub(super) fn expect(&self, graph: &Graph) {
        graph.sources.iter().for_each(|source| self.source(&source.name).standing.down());
        graph.channels.iter().for_each(|channel| self.channel(&channel.name).standing.down());
        graph.sinks.iter().for_each(|sink| self.sink(&sink.name).standing.down());
    }

    /// Tells no more of parts that a graph does not have; they count on if they come again.
    pub(super) fn forget_all_but(&self, graph: &Graph) {
        let (mut parts, mut gone) = (self.parts(), lock(&self.state.gone));
        let Parts { sources, channels, sinks } = &mut *parts;
        retire(sources, &mut gone.sources, |name| graph.sources.iter().any(|source| source.name == name));
        retire(channels, &mut gone.channels, |name| graph.channels.iter().any(|channel| channel.name == name));
        retire(sinks, &mut gone.sinks, |name| graph.sinks.iter().any(|sink| sink.name == name));
    }

    /// A version of the agent's file came into force, or did not.
    pub(super) fn reloaded(&self, is_in_force: bool) {
        let counter = if is_in_force { &self.state.reloads } else { &self.state.refusals };
        counter.add(1);
        self.state.is_refused.store(!is_in_force, Ordering::Relaxed);
    }

    pub(super) fn source(&self, name: &str) -> Arc<SourceMeter> {
        meter(&mut self.parts().sources, &mut lock(&self.state.gone).sources, name)
    }

    pub(super) fn channel(&self, name: &str) -> Arc<ChannelMeter> {
        meter(&mut self.parts().channels, &mut lock(&self.state.gone).channels, name)
    }

    pub(super) fn sink(&self, name: &str) -> Arc<SinkMeter> {
        meter(&mut self.parts().sinks, &mut lock(&self.state.gone).sinks, name)
    }

    /// What passes at a part, from now on; `None` where there is no such part.
    fn listen(&self, kind: &str, name: &str) -> Option<mpsc::Receiver<Event>> {
        let parts = self.parts();
        Some(match kind {
            "source" => parts.sources.get(name)?.tap.listen(),
            "channel" => parts.channels.get(name)?.tap.listen(),
            "sink" => parts.sinks.get(name)?.tap.listen(),
            _ => return None,
        })
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        lock(&self.state.parts)
    }
}

fn lock(parts: &Mutex<Parts>) -> MutexGuard<'_, Parts> {
    parts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The meter of a name: the one that is there, the one that was there before, or a new one.
fn meter<T: Default>(meters: &mut Meters<T>, gone: &mut Meters<T>, name: &str) -> Arc<T> {
    let old = || gone.remove(name).unwrap_or_default();
    meters.entry(name.to_owned()).or_insert_with(old).clone()
}

/// Moves the meters of names that are not kept.
fn retire<T>(meters: &mut Meters<T>, gone: &mut Meters<T>, is_kept: impl Fn(&str) -> bool) {
    let (kept, others) = std::mem::take(meters).into_iter().partition(|(name, _)| is_kept(name));
    *meters = kept;
    gone.extend(others);
}
