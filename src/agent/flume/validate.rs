//! Which components of an agent Flume would go on with, in the order in which it looks: filters, channels, sources,
//! sinks, sink groups. One that is wrong is taken out, and then those that lean on it.
//!
//! This is `AgentConfiguration.isValid` without what the types themselves ask for.

use std::collections::BTreeMap;

use super::grammar::{Agent, Kind, names};
use super::trouble::{Trouble, TroubleKind};

/// The components that are left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    pub channels: Vec<String>,
    pub sources: Vec<String>,
    pub sinks: Vec<String>,
    /// Groups, and the sinks of each.
    pub groups: BTreeMap<String, Vec<String>>,
}

/// What is left of an agent; `None` if that is nothing that could run.
pub(super) fn validate(agent: &Agent, troubles: &mut Vec<Trouble>) -> Option<Left> {
    let left = check(agent, troubles);
    if left.is_none() {
        troubles.push(Trouble::new(TroubleKind::AgentInvalid, &agent.name, ""));
    }
    left
}

fn check(agent: &Agent, troubles: &mut Vec<Trouble>) -> Option<Left> {
    let empty = |kind: Kind| Trouble::new(TroubleKind::PropertyValueNull, &agent.name, kind.heading());
    let channels: Vec<String> = configured(agent, Kind::Channel, troubles);
    if channels.is_empty() {
        troubles.push(empty(Kind::Channel));
        return None;
    }
    let sources = with_channels(agent, Kind::Source, "channels", &channels, troubles);
    let sinks = with_channels(agent, Kind::Sink, "channel", &channels, troubles);
    let groups = groups(agent, &sinks, troubles);
    for (kind, left) in [(Kind::Source, &sources), (Kind::Sink, &sinks)] {
        if left.is_empty() {
            troubles.push(empty(kind));
        }
    }
    (!(sources.is_empty() && sinks.is_empty())).then_some(Left { channels, sources, sinks, groups })
}

/// The components of a list of which something is said, with a type.
fn configured(agent: &Agent, kind: Kind, troubles: &mut Vec<Trouble>) -> Vec<String> {
    let is_fine = |name: &&String| {
        let full = format!("{}.{}.{name}", agent.name, kind.heading());
        let trouble = match agent.of(kind, name) {
            None => Trouble::new(TroubleKind::ConfigError, &full, "it is listed, and nothing is said of it"),
            Some(said) if !said.contains_key("type") => Trouble::new(TroubleKind::AttrsMissing, &full, "type"),
            Some(_) => return true,
        };
        troubles.push(trouble);
        false
    };
    agent.listed(kind).iter().filter(is_fine).cloned().collect()
}

/// Of those the ones that have a channel which is left.
fn with_channels(
    agent: &Agent,
    kind: Kind,
    key: &str,
    channels: &[String],
    troubles: &mut Vec<Trouble>,
) -> Vec<String> {
    let mut left = configured(agent, kind, troubles);
    left.retain(|name| {
        let full = format!("{}.{}.{name}", agent.name, kind.heading());
        let Some(text) = agent.text(kind, name, key) else {
            troubles.push(Trouble::new(TroubleKind::AttrsMissing, &full, key));
            return false;
        };
        // A sink has one channel, whose name is taken whole.
        let own = if kind == Kind::Sink { vec![text.to_owned()] } else { names(text) };
        let unknown: Vec<String> = own.iter().filter(|name| !channels.contains(name)).cloned().collect();
        if !unknown.is_empty() {
            let what = format!("there is no channel {}", unknown.join(", "));
            troubles.push(Trouble::new(TroubleKind::ConfigError, &full, &what));
        }
        unknown.len() < own.len()
    });
    left
}

/// Groups that have a sink which is left and in no other group.
fn groups(agent: &Agent, sinks: &[String], troubles: &mut Vec<Trouble>) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for group in agent.listed(Kind::SinkGroup) {
        let full = format!("{}.sinkgroups.{group}", agent.name);
        let mut own = names(agent.text(Kind::SinkGroup, group, "sinks").unwrap_or_default());
        own.retain(|sink| {
            let trouble = if groups.values().flatten().any(|used| used == sink) {
                Trouble::new(TroubleKind::PartOfAnotherGroup, &full, sink)
            } else if !sinks.contains(sink) {
                Trouble::new(TroubleKind::ConfigError, &full, &format!("there is no sink {sink}"))
            } else {
                return true;
            };
            troubles.push(trouble);
            false
        });
        if own.is_empty() {
            troubles.push(Trouble::new(TroubleKind::ConfigError, &full, "it has no sink"));
        } else {
            groups.insert(group.clone(), own);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::super::{grammar, properties};
    use super::*;

    /// What is left of an agent, and the kinds of what is wrong.
    fn of(text: &str, agent: &str) -> (Option<Left>, Vec<TroubleKind>) {
        let (agents, _) = grammar::agents(&properties::parse(text.as_bytes(), "f", &mut Vec::new()).unwrap());
        let mut troubles = Vec::new();
        let left = validate(&agents[agent], &mut troubles);
        (left, troubles.into_iter().map(|trouble| trouble.kind).collect())
    }

    #[test]
    fn fv6_a_singular_heading() {
        let text = "agent.channels = c1\nagent.channel.c1 = cc1";
        let (agents, mut troubles) =
            grammar::agents(&properties::parse(text.as_bytes(), "f", &mut Vec::new()).unwrap());
        assert!(validate(&agents["agent"], &mut troubles).is_none());
        let kinds: Vec<TroubleKind> = troubles.iter().map(|trouble| trouble.kind).collect();
        use TroubleKind::*;
        assert_eq!(kinds, [InvalidProperty, ConfigError, PropertyValueNull, AgentInvalid]);
        let said = troubles[0].error();
        assert_eq!(said.to_string(), "f:2: agent.channel.c1 is not a key of an agent");
        assert_eq!(said.remedy(), Some("did you mean agent.channels.c1?"));
    }

    #[test]
    fn fv7_the_agents_of_flumes_own_file() {
        use TroubleKind::*;
        // From flume-conf.properties of Apache Flume 1.11 (Apache License 2.0), test resources of flume-ng-node.
        let text = include_str!("testdata/flume-conf.properties");
        let (left, troubles) = of(text, "host1");
        assert_eq!((left.unwrap().sources, troubles), (vec!["source1".to_owned()], vec![]));
        assert_eq!(of(text, "host2"), (None, vec![PropertyValueNull, AgentInvalid]));
        assert_eq!(of(text, "host3"), (None, vec![ConfigError, AttrsMissing, PropertyValueNull, AgentInvalid]));
        let (left, troubles) = of(text, "host4");
        assert_eq!(left, None, "src2 is listed, src1 configured");
        assert_eq!(troubles, [ConfigError, ConfigError, PropertyValueNull, PropertyValueNull, AgentInvalid]);
        let (left, troubles) = of(text, "host5");
        let left = left.unwrap();
        assert_eq!(
            (left.sinks, &left.groups["sg1"]),
            (vec!["sink1".to_owned(), "sink2".to_owned()], &vec!["sink1".to_owned(), "sink2".to_owned()])
        );
        assert_eq!(troubles, [ConfigError, ConfigError]);
    }

    #[test]
    fn a_sink_is_in_one_group() {
        let text = "a.channels=c\na.channels.c.type=memory\na.sinks=k\na.sinks.k.type=null\na.sinks.k.channel=c\n\
                    a.sinkgroups=g h\na.sinkgroups.g.sinks=k\na.sinkgroups.h.sinks=k";
        let (left, troubles) = of(text, "a");
        assert_eq!(left.unwrap().groups.len(), 1);
        use TroubleKind::*;
        assert_eq!(troubles, [PartOfAnotherGroup, ConfigError, PropertyValueNull]);
    }
}
