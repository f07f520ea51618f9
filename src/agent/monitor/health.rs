//! Whether the agent lives, and whether it does what it is for.

use super::Monitor;
use super::meters::{SinkMeter, Standing};

impl Monitor {
    /// What failed, with its reason. A sink whose cluster is away tries again and has not failed.
    pub(super) fn failures(&self) -> Vec<String> {
        self.standings(|part, standing, _| standing.failure().map(|why| format!("{part}: {why}")))
    }

    /// What the agent waits for: channels that are not open, sources that do not listen yet, sinks that have not reached
    /// their targets.
    pub(super) fn awaited(&self) -> Vec<String> {
        self.standings(|part, standing, sink| {
            let what = match part.split_once(' ') {
                Some(("source", _)) => "does not take events yet",
                Some(("channel", _)) => "is not open yet",
                _ => "has not reached its target yet",
            };
            let why = sink.and_then(SinkMeter::failing).map(|why| format!(": {why}")).unwrap_or_default();
            (!standing.is_up()).then(|| format!("{part} {what}{why}"))
        })
    }

    /// Sinks that had reached their targets and try again now, each with its reason. Their channels take events meanwhile.
    pub(super) fn retrying(&self) -> Vec<String> {
        self.standings(|part, standing, sink| {
            let why = sink.and_then(SinkMeter::failing).filter(|_| standing.is_up())?;
            Some(format!("{part} tries again: {why}"))
        })
    }

    /// What is to be said of each part; a sink comes with its meter.
    fn standings(&self, say: impl Fn(&str, &Standing, Option<&SinkMeter>) -> Option<String>) -> Vec<String> {
        let parts = self.parts();
        let sources = parts.sources.iter().map(|(name, meter)| (format!("source {name}"), &meter.standing, None));
        let channels = parts.channels.iter().map(|(name, meter)| (format!("channel {name}"), &meter.standing, None));
        let sinks =
            parts.sinks.iter().map(|(name, meter)| (format!("sink {name}"), &meter.standing, Some(meter.as_ref())));
        sources.chain(channels).chain(sinks).filter_map(|(part, standing, sink)| say(&part, standing, sink)).collect()
    }
}
