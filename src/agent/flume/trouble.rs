//! What Flume finds wrong with a configuration, by its own names, and in our words.

use super::grammar::Kind;
use super::properties::Place;
use crate::config::nearest;
use crate::error::{self, Error};

/// Flume's `FlumeConfigurationErrorType`, as far as it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TroubleKind {
    AgentNameMissing,
    PropertyNameNull,
    PropertyValueNull,
    InvalidProperty,
    AttrsMissing,
    ConfigError,
    PartOfAnotherGroup,
    AgentInvalid,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub kind: TroubleKind,
    /// The component, the agent, or the key where there is neither.
    pub component: String,
    pub key: String,
    /// Where it stands, if it stands anywhere.
    pub place: Option<Place>,
}

impl Trouble {
    pub(super) fn new(kind: TroubleKind, component: &str, key: &str) -> Self {
        Self { kind, component: component.to_owned(), key: key.to_owned(), place: None }
    }

    /// Whether it leaves the agent as it is: Flume warns, and nothing else is lost by it.
    pub(super) fn is_harmless(&self) -> bool {
        // The default is taken, or the value is one that others name.
        matches!(self.kind, TroubleKind::AgentNameMissing | TroubleKind::PropertyValueNull) && self.place.is_some()
    }

    /// In our words.
    pub(super) fn error(&self) -> Error {
        let Self { kind, component, key, place } = self;
        let error = match kind {
            TroubleKind::AgentNameMissing => error::config(format!("{component} names no agent"))
                .hint("write AGENT.sources, AGENT.channels, AGENT.sinks"),
            TroubleKind::PropertyNameNull => error::config(format!("{component} names an agent and nothing of it"))
                .hint("complete the key, or take it out"),
            TroubleKind::PropertyValueNull if place.is_some() => {
                error::config(format!("{component} has no value, and is left out")).hint("give it one, or take it out")
            }
            TroubleKind::PropertyValueNull => error::config(format!("agent {component} has no {key}"))
                .hint(format!("list them: {component}.{key} = NAME ..")),
            TroubleKind::InvalidProperty => invalid(component, key),
            TroubleKind::AttrsMissing => {
                error::config(format!("{component} has no {key}")).hint(format!("say {component}.{key}"))
            }
            TroubleKind::ConfigError => {
                error::config(format!("{component}: {key}")).hint("configure it, or take it out of the list")
            }
            TroubleKind::PartOfAnotherGroup => {
                error::config(format!("{component}: sink {key} is in another sink group"))
                    .hint("name each sink in one group")
            }
            TroubleKind::AgentInvalid => error::config(format!("agent {component} has nothing that could run"))
                .hint("correct what is said above"),
        };
        match place {
            Some(place) => error.context(place),
            None => error,
        }
    }
}

/// A key of an agent that is not of a kind it has.
fn invalid(agent: &str, key: &str) -> Error {
    let headings = Kind::ALL.map(Kind::heading);
    let first = key.split('.').next().unwrap_or_default();
    let hint = match nearest(first, &headings) {
        Some(near) if near == first => format!("write {agent}.{near}.NAME.KEY"),
        Some(near) => format!("did you mean {agent}.{near}{}?", &key[first.len()..]),
        None => format!("keys of an agent begin with {}", headings.join(", ")),
    };
    error::config(format!("{agent}.{key} is not a key of an agent")).hint(hint)
}
