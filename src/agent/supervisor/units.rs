//! The parts of an agent that have nothing in common: sources, channels and sinks that are connected, directly or by others,
//! are a unit. A unit is begun and ended as a whole, and alone.

use std::collections::BTreeSet;

use crate::agent::graph::Graph;

/// A graph whose parts are all connected, and what tells it from another version of itself.
#[derive(Debug)]
pub(super) struct Unit {
    /// All that was said of its parts.
    pub definition: String,
    pub graph: Graph,
}

impl Unit {
    /// Whether a sink of it writes into the cluster or to HBase.
    pub(super) fn needs_servers(&self) -> bool {
        self.graph.sinks.iter().any(|sink| sink.kind.needs_cluster() || sink.kind.needs_hbase())
    }

    /// The names of its channels, of which no other unit has one.
    fn channels(&self) -> BTreeSet<&str> {
        self.graph.channels.iter().map(|channel| channel.name.as_str()).collect()
    }
}

/// Takes a graph apart, in the order of the channels' names. `servers` stands for what is said of the cluster.
pub(super) fn split(graph: Graph, servers: u64) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let Graph { sources, channels, sinks } = graph;
    let mut channels = channels;
    channels.sort_by(|one, other| one.name.cmp(&other.name));
    for channel in channels {
        let graph = Graph { sources: Vec::new(), channels: vec![channel], sinks: Vec::new() };
        units.push(Unit { definition: String::new(), graph });
    }
    for source in sources {
        let feeds = |unit: &Unit| source.channels.iter().any(|channel| unit.channels().contains(channel.as_str()));
        let (mut fed, others): (Vec<Unit>, Vec<Unit>) = units.into_iter().partition(feeds);
        units = others;
        if !fed.is_empty() {
            let mut whole = fed.remove(0);
            for Unit { graph, .. } in fed {
                whole.graph.sources.extend(graph.sources);
                whole.graph.channels.extend(graph.channels);
            }
            whole.graph.sources.push(source);
            units.push(whole);
        }
    }
    for sink in sinks {
        if let Some(unit) = units.iter_mut().find(|unit| unit.channels().contains(sink.channel.as_str())) {
            unit.graph.sinks.push(sink);
        }
    }
    units.sort_by(|one, other| one.channels().first().cmp(&other.channels().first()));
    for unit in &mut units {
        let servers = if unit.needs_servers() { servers } else { 0 };
        unit.definition = format!("{servers} {:?}", unit.graph);
    }
    units
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::agent::AgentFile;
    use crate::config::Document;

    fn units(text: &str, servers: u64) -> Vec<Unit> {
        let mut document = Document::parse(text, "a.toml").unwrap();
        split(AgentFile::take(&mut document, Path::new("/")).unwrap().graph, servers)
    }

    /// Sources with their channels, each channel with a sink of its own.
    fn agent(sources: &[(&str, &[&str])]) -> String {
        let mut text = String::new();
        let mut channels = BTreeSet::<&str>::new();
        for (name, fed) in sources {
            text += &format!("[[source]]\nname = '{name}'\ntype = 'sequence'\nchannels = {fed:?}\n");
            channels.extend(fed.iter().copied());
        }
        for channel in channels {
            text += &format!("[[channel]]\nname = '{channel}'\ntype = 'memory'\n");
            text += &format!("[[sink]]\nname = 'k-{channel}'\ntype = 'null'\nchannel = '{channel}'\n");
        }
        text
    }

    fn names(units: &[Unit]) -> Vec<Vec<&str>> {
        units.iter().map(|unit| unit.channels().into_iter().collect()).collect()
    }

    #[test]
    fn what_is_connected_stays_together() {
        let text = agent(&[("x", &["e", "a"]), ("y", &["c"]), ("z", &["b", "c"]), ("w", &["d"])]);
        let units = units(&text, 1);
        assert_eq!(names(&units), [vec!["a", "e"], vec!["b", "c"], vec!["d"]]);
        let parts: Vec<_> = units.iter().map(|unit| (unit.graph.sources.len(), unit.graph.sinks.len())).collect();
        assert_eq!(parts, [(1, 2), (2, 2), (1, 1)]);
    }

    #[test]
    fn a_change_changes_its_own_unit_alone() {
        let text = agent(&[("x", &["a"]), ("y", &["b"])]);
        let definitions = |text: &str, servers| -> Vec<String> {
            units(text, servers).into_iter().map(|unit| unit.definition).collect()
        };
        let before = definitions(&text, 1);
        assert_eq!(before, definitions(&text, 2), "neither writes into the cluster");
        let after = definitions(
            &text.replace("name = 'y'\ntype = 'sequence'", "name = 'y'\ntype = 'sequence'\nbatch-size = 7"),
            1,
        );
        assert_eq!(before[0], after[0]);
        assert_ne!(before[1], after[1]);
        let table = "type = 'hdfs'\npath = '/lake'\nreject-dir = '/r'";
        let text = text.replacen("type = 'null'", table, 1);
        assert_ne!(definitions(&text, 1)[0], definitions(&text, 2)[0], "it writes to another cluster");
    }
}
