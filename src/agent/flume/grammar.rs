//! Flume's grammar of keys: `AGENT.sources = r1 r2`, `AGENT.sources.r1.type = ..`, and what is wrong with a key.
//!
//! As `FlumeConfiguration` and its `AgentConfiguration` read them: a key that is wrong is left out and noted.

use std::collections::BTreeMap;

use super::properties::{Properties, Value};
use super::trouble::{Trouble, TroubleKind};

/// A kind of component, by the heading of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    ConfigFilter,
    Source,
    Channel,
    Sink,
    SinkGroup,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [Self::ConfigFilter, Self::Source, Self::Channel, Self::Sink, Self::SinkGroup];

    /// As keys have it.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::ConfigFilter => "configfilters",
            Self::Source => "sources",
            Self::Channel => "channels",
            Self::Sink => "sinks",
            Self::SinkGroup => "sinkgroups",
        }
    }

    /// As sentences have it.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::ConfigFilter => "config filter",
            Self::Source => "source",
            Self::Channel => "channel",
            Self::Sink => "sink",
            Self::SinkGroup => "sink group",
        }
    }
}

/// What is said of one component, by its own keys.
pub(super) type Said = BTreeMap<String, Value>;

/// An agent as its file says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Agent {
    pub name: String,
    /// The names that are listed, of each kind, in their order.
    lists: BTreeMap<Kind, Vec<String>>,
    /// What is said of components, listed or not.
    pub said: BTreeMap<(Kind, String), Said>,
}

impl Agent {
    /// The names listed of a kind, each once.
    pub(super) fn listed(&self, kind: Kind) -> &[String] {
        self.lists.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// What is said of a component.
    pub(super) fn of(&self, kind: Kind, name: &str) -> Option<&Said> {
        self.said.get(&(kind, name.to_owned()))
    }

    /// A text of a component.
    pub(super) fn text(&self, kind: Kind, name: &str, key: &str) -> Option<&str> {
        self.of(kind, name)?.get(key).map(|value| value.text.as_str())
    }

    /// Takes a key without the agent's name; says whether it is one.
    fn add(&mut self, key: &str, value: &Value) -> bool {
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.heading() == key) {
            self.lists.insert(kind, names(&value.text));
            return true;
        }
        for kind in Kind::ALL {
            let below = key.strip_prefix(kind.heading()).and_then(|rest| rest.strip_prefix('.'));
            // A name has a character at least, which may be a point.
            let parts = below.and_then(|below| {
                let first = below.chars().next()?.len_utf8();
                let at = first + below[first..].find('.')?;
                Some((&below[..at], &below[at + 1..])).filter(|(_, key)| !key.is_empty())
            });
            if let Some((name, key)) = parts {
                let said = self.said.entry((kind, name.trim().to_owned())).or_default();
                said.insert(key.to_owned(), value.clone());
                return true;
            }
        }
        false
    }
}

/// The names in a list, each once.
pub(super) fn names(list: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in list.split_whitespace() {
        if !all.iter().any(|earlier| earlier == name) {
            all.push(name.to_owned());
        }
    }
    all
}

/// The agents of a file by their names, and what is wrong with its keys.
pub(super) fn agents(properties: &Properties) -> (BTreeMap<String, Agent>, Vec<Trouble>) {
    let (mut agents, mut troubles) = (BTreeMap::<String, Agent>::new(), Vec::new());
    for (key, value) in properties {
        let text = value.text.trim();
        let place = Some(value.place.clone());
        let mut wrong = |kind, component: &str, key: &str| {
            troubles.push(Trouble { kind, component: component.to_owned(), key: key.to_owned(), place: place.clone() });
        };
        if text.is_empty() {
            wrong(TroubleKind::PropertyValueNull, key, "");
            continue;
        }
        let Some((name, own)) = key.split_once('.').filter(|(name, _)| !name.is_empty()) else {
            wrong(TroubleKind::AgentNameMissing, key, "");
            continue;
        };
        if own.is_empty() {
            wrong(TroubleKind::PropertyNameNull, key, "");
            continue;
        }
        let agent = agents.entry(name.to_owned());
        let agent = agent.or_insert_with(|| Agent { name: name.to_owned(), ..Agent::default() });
        if !agent.add(own, &Value { text: text.to_owned(), place: value.place.clone() }) {
            wrong(TroubleKind::InvalidProperty, name, own);
        }
    }
    (agents, troubles)
}

#[cfg(test)]
mod tests {
    use super::super::properties;
    use super::*;

    /// A trouble without its place.
    type Wrong = (TroubleKind, String, String);

    fn read(text: &str) -> (BTreeMap<String, Agent>, Vec<Wrong>) {
        let (agents, troubles) = agents(&properties::parse(text.as_bytes(), "f", &mut Vec::new()).unwrap());
        (agents, troubles.into_iter().map(|t| (t.kind, t.component, t.key)).collect())
    }

    fn one(text: &str) -> Wrong {
        let (_, mut troubles) = read(text);
        assert_eq!(troubles.len(), 1, "{text}");
        troubles.remove(0)
    }

    #[test]
    fn fv1_to_fv5_what_is_not_a_key_of_an_agent() {
        // A key without a name or a value cannot be written in a file; an empty key comes nearest.
        for (text, kind, component) in [
            ("= v", TroubleKind::AgentNameMissing, ""),
            ("something =", TroubleKind::PropertyValueNull, "something"),
            ("something = v", TroubleKind::AgentNameMissing, "something"),
            (".something = v", TroubleKind::AgentNameMissing, ".something"),
            ("agent. = v", TroubleKind::PropertyNameNull, "agent."),
            ("agent.sources.r1. = v", TroubleKind::InvalidProperty, "agent"),
            ("agent.source.r1.type = v", TroubleKind::InvalidProperty, "agent"),
        ] {
            let (found, of, _) = one(text);
            assert_eq!((found, of.as_str()), (kind, component), "{text}");
        }
    }

    #[test]
    fn lists_and_what_is_said_of_components() {
        let (agents, troubles) =
            read("a1.sources = r1  r2\tr1\na1.sources.r1.type = seq \na1.sinks.k1.hdfs.path = /x\nb.channels=c");
        assert_eq!(troubles, []);
        let a1 = &agents["a1"];
        assert_eq!(a1.listed(Kind::Source), ["r1", "r2"]);
        assert_eq!(a1.text(Kind::Source, "r1", "type"), Some("seq"));
        assert_eq!(a1.text(Kind::Sink, "k1", "hdfs.path"), Some("/x"));
        assert!(a1.listed(Kind::Sink).is_empty() && agents["b"].listed(Kind::Channel) == ["c"]);
    }
}
