//! Whether the agent lives, and whether it does what it is for.

use super::Monitor;
use super::meters::Standing;

impl Monitor {
    /// What failed, with its reason. A sink whose cluster is away tries again and has not failed.
    pub(super) fn failures(&self) -> Vec<String> {
        self.standings(|part, standing| standing.failure().map(|why| format!("{part}: {why}")))
    }

    /// What the agent waits for: channels that are not open, sources that do not listen yet, sinks that have not reached
    /// their targets.
    pub(super) fn awaited(&self) -> Vec<String> {
        self.standings(|part, standing| {
            let what = match part.split_once(' ') {
                Some(("source", _)) => "does not take events yet",
                Some(("channel", _)) => "is not open yet",
                _ => "has not reached its target yet",
            };
            (!standing.is_up()).then(|| format!("{part} {what}"))
        })
    }

    /// What is to be said of each part.
    fn standings(&self, say: impl Fn(&str, &Standing) -> Option<String>) -> Vec<String> {
        let parts = self.parts();
        let sources = parts.sources.iter().map(|(name, meter)| (format!("source {name}"), &meter.standing));
        let channels = parts.channels.iter().map(|(name, meter)| (format!("channel {name}"), &meter.standing));
        let sinks = parts.sinks.iter().map(|(name, meter)| (format!("sink {name}"), &meter.standing));
        sources.chain(channels).chain(sinks).filter_map(|(part, standing)| say(&part, standing)).collect()
    }
}
