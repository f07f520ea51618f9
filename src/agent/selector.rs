//! Which of a source's channels an event goes to.
//!
//! As Flume's selectors: `replicating` sends each event to all channels, `multiplexing` to those that a header's value is
//! mapped to, `load-balancing` to one in turn, or, where the source can be read again, to one by its place in the source. A required channel that is full holds its source back; an optional one does
//! without the event, which is counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::config::nearest;
use crate::error::{self, Result};

/// How channels are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub(crate) enum SelectorArgs {
    /// To all channels.
    Replicating {
        /// Of these, the channels that may do without an event.
        #[serde(default)]
        optional: Vec<String>,
    },
    /// By the value of a header.
    Multiplexing {
        #[serde(default = "selector_header")]
        header: String,
        /// Values, and the channels of each.
        #[serde(default)]
        mapping: BTreeMap<String, Vec<String>>,
        /// Values, and channels that may do without an event.
        #[serde(default)]
        optional: BTreeMap<String, Vec<String>>,
        /// The channels where no value is mapped.
        #[serde(default)]
        default: Vec<String>,
    },
    /// To one channel after the other.
    LoadBalancing {
        #[serde(default)]
        policy: BalancingPolicy,
    },
}

/// Which channel is next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BalancingPolicy {
    #[default]
    RoundRobin,
    Random,
}

fn selector_header() -> String {
    "flume.selector.header".to_owned()
}

impl Default for SelectorArgs {
    fn default() -> Self {
        Self::Replicating { optional: Vec::new() }
    }
}

/// Channels by number: those that must have an event, and those that may do without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    pub required: Vec<usize>,
    pub optional: Vec<usize>,
}

/// A selector of channels that are known.
#[derive(Debug)]
pub(super) enum Selector {
    Always(Chosen),
    ByHeader { header: String, mapping: BTreeMap<String, Chosen>, default: Chosen },
    InTurn { turns: Vec<Chosen>, next: AtomicUsize, random: bool },
}

impl Selector {
    /// The selector of a source whose channels have these names.
    ///
    /// # Errors
    /// Config: a channel that is not one of the source's.
    pub(super) fn new(args: &SelectorArgs, channels: &[String]) -> Result<Self> {
        let numbers = |names: &[String]| names.iter().map(|name| number(name, channels)).collect::<Result<Vec<_>>>();
        let without = |all: Vec<usize>, some: &[usize]| all.into_iter().filter(|n| !some.contains(n)).collect();
        Ok(match args {
            SelectorArgs::Replicating { optional } => {
                let optional = numbers(optional)?;
                Self::Always(Chosen { required: without((0..channels.len()).collect(), &optional), optional })
            }
            SelectorArgs::Multiplexing { header, mapping, optional, default } => {
                let mut all: BTreeMap<String, Chosen> = BTreeMap::new();
                for (value, names) in mapping {
                    all.entry(value.clone()).or_default().required = numbers(names)?;
                }
                let default = numbers(default)?;
                for (value, names) in optional {
                    // A value with optional channels alone goes to the default ones as well.
                    let new = || Chosen { required: default.clone(), optional: Vec::new() };
                    let chosen = all.entry(value.clone()).or_insert_with(new);
                    chosen.optional = without(numbers(names)?, &chosen.required);
                }
                let default = Chosen { required: default, optional: Vec::new() };
                Self::ByHeader { header: header.clone(), mapping: all, default }
            }
            SelectorArgs::LoadBalancing { policy } => {
                let one = |n| Chosen { required: vec![n], optional: Vec::new() };
                let random = *policy == BalancingPolicy::Random;
                Self::InTurn { turns: (0..channels.len()).map(one).collect(), next: AtomicUsize::new(0), random }
            }
        })
    }

    /// The channels of an event. `place` is where its source has it, if it can be read again: the same place has the same
    /// channels, also after a crash.
    pub(super) fn choose(&self, event: &Event, place: Option<(&str, u64)>) -> &Chosen {
        match self {
            Self::Always(chosen) => chosen,
            Self::ByHeader { header, mapping, default } => {
                let value = event.headers.get(header).filter(|value| !value.trim().is_empty());
                value.and_then(|value| mapping.get(value)).unwrap_or(default)
            }
            Self::InTurn { turns, next, random } => {
                let turn = match (place, random) {
                    (Some((key, offset)), _) => hashed(key, offset),
                    // The lower half of such an identifier is random.
                    (None, true) => uuid::Uuid::now_v7().as_u64_pair().1 as usize,
                    (None, false) => next.fetch_add(1, Ordering::Relaxed),
                };
                &turns[turn % turns.len()]
            }
        }
    }

    /// Whether every event goes to the first channel, and must.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Always(chosen) if chosen.required == [0])
    }

    /// Whether a channel ever must have an event.
    pub(super) fn requires(&self, channel: usize) -> bool {
        match self {
            Self::Always(chosen) => chosen.required.contains(&channel),
            Self::ByHeader { mapping, default, .. } => {
                mapping.values().chain([default]).any(|chosen| chosen.required.contains(&channel))
            }
            Self::InTurn { .. } => true,
        }
    }
}

/// A number that is spread evenly over places.
fn hashed(key: &str, offset: u64) -> usize {
    let mut crc = crc32fast::Hasher::new();
    crc.update(key.as_bytes());
    crc.update(&offset.to_le_bytes());
    crc.finalize() as usize
}

fn number(name: &str, channels: &[String]) -> Result<usize> {
    channels.iter().position(|channel| channel == name).ok_or_else(|| {
        let names: Vec<&str> = channels.iter().map(String::as_str).collect();
        let hint = match nearest(name, &names) {
            Some(near) => format!("did you mean {near}?"),
            None => "add it to the source's channels".to_owned(),
        };
        error::config(format!("the selector names channel {name}, which is not one of the source's")).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(toml: &str) -> Result<Selector> {
        let args: SelectorArgs = toml::from_str(toml).unwrap();
        Selector::new(&args, &["ch1", "ch2", "ch3"].map(str::to_owned))
    }

    fn chosen(selector: &Selector, value: Option<&'static str>) -> (Vec<usize>, Vec<usize>) {
        let mut event = Event::default();
        value.into_iter().for_each(|value| event.headers.set("h", value));
        let Chosen { required, optional } = selector.choose(&event, None).clone();
        (required, optional)
    }

    #[test]
    fn all_channels_but_some_may_do_without() {
        let all = selector("type = 'replicating'\noptional = ['ch2']").unwrap();
        assert_eq!(chosen(&all, None), (vec![0, 2], vec![1]));
        assert!(all.requires(0) && !all.requires(1));
    }

    #[test]
    fn fv82_a_headers_value_is_mapped() {
        let by_header = selector(
            "type = 'multiplexing'\nheader = 'h'\nmapping = { foo = ['ch1', 'ch2'] }\n\
             optional = { foo = ['ch2', 'ch3'], bar = ['ch1'] }\ndefault = ['ch3']",
        )
        .unwrap();
        assert_eq!(chosen(&by_header, Some("foo")), (vec![0, 1], vec![2]), "required beats optional");
        assert_eq!(chosen(&by_header, Some("bar")), (vec![2], vec![0]));
        for value in [None, Some(""), Some(" "), Some("other")] {
            assert_eq!(chosen(&by_header, value), (vec![2], vec![]), "{value:?}");
        }
        assert!(by_header.requires(2));
    }

    #[test]
    fn one_after_the_other() {
        let turns = selector("type = 'load-balancing'").unwrap();
        let seen: Vec<_> = (0..4).map(|_| chosen(&turns, None).0[0]).collect();
        assert_eq!(seen, [0, 1, 2, 0]);
        let random = selector("type = 'load-balancing'\npolicy = 'random'").unwrap();
        assert!((0..100).map(|_| chosen(&random, None).0[0]).collect::<std::collections::BTreeSet<_>>().len() == 3);
    }

    #[test]
    fn a_place_always_has_the_same_channel() {
        let turns = selector("type = 'load-balancing'").unwrap();
        let of = |offset| turns.choose(&Event::default(), Some(("a", offset))).required[0];
        let first: Vec<usize> = (0..300).map(of).collect();
        assert_eq!((0..300).map(of).collect::<Vec<_>>(), first);
        for channel in 0..3 {
            assert!(first.iter().filter(|chosen| **chosen == channel).count() > 60, "evenly: {first:?}");
        }
    }

    #[test]
    fn a_channel_that_is_not_the_sources_is_refused() {
        let said = selector("type = 'replicating'\noptional = ['ch4']").unwrap_err().to_string();
        assert!(said.contains("ch4"), "{said}");
    }
}
