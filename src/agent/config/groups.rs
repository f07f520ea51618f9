//! `[[sink-group]]` tables: sinks that empty one channel together become one sink of the agent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::checks::{Wrong, Wrongs};
use super::file::Named;
use crate::agent::graph::SinkPlan;
use crate::agent::roll::Roll;
use crate::agent::sinks::SinkKind;
use crate::agent::sinks::group::{GroupOptions, Member, Processor};
use crate::config::{self, Part, Timespan};
use crate::error::{self, Error, Result};

/// A group of sinks.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct GroupArgs {
    sinks: Vec<String>,
    processor: ProcessorArgs,
}

/// How epochs are divided.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
enum ProcessorArgs {
    Failover {
        /// Of each sink; those that are left out come last, in their order.
        #[serde(default)]
        priorities: BTreeMap<String, i64>,
        #[serde(default)]
        max_penalty: Option<Timespan>,
    },
    LoadBalancing {
        #[serde(default)]
        order: Order,
        /// Let a sink that failed rest.
        #[serde(default)]
        backoff: bool,
        #[serde(default)]
        max_penalty: Option<Timespan>,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Order {
    #[default]
    RoundRobin,
    Random,
}

/// How long a sink that failed rests at most, where nobody says otherwise.
const MAX_PENALTY: Duration = Duration::from_secs(30);

/// Reads a group.
pub(super) fn group(part: &mut Part<'_>) -> Result<GroupArgs, Vec<Error>> {
    part.read()
}

impl GroupArgs {
    /// How its sinks are chosen, and the priority of each.
    fn plan(&self) -> Result<(Processor, Vec<i64>), Wrongs> {
        let ProcessorArgs::Failover { priorities, max_penalty } = &self.processor else {
            return Ok((self.balancing()?, vec![0; self.sinks.len()]));
        };
        let mut wrong = Wrongs::default();
        for name in priorities.keys().filter(|name| !self.sinks.contains(name)) {
            let e = error::config(format!("processor.priorities names `{name}`, which is not a sink of the group"));
            wrong.add("processor", e.hint("name the sinks of the group alone"));
        }
        let mut left_out = 0;
        let priority = |name: &String| {
            priorities.get(name).copied().unwrap_or_else(|| {
                left_out -= 1;
                left_out
            })
        };
        let own: Vec<i64> = self.sinks.iter().map(priority).collect();
        if let Some(twice) = own.iter().enumerate().find(|(number, own_one)| own[..*number].contains(own_one)) {
            let e = error::config(format!("two sinks have the priority {}", twice.1));
            let hint = "give each a priority of its own; one that is left out has -1, the next -2";
            wrong.add("processor", e.hint(hint));
        }
        wrong.end()?;
        let max_penalty = max_penalty.map_or(MAX_PENALTY, Timespan::get);
        Ok((Processor::Failover { max_penalty }, own))
    }

    fn balancing(&self) -> Result<Processor, Wrong> {
        let ProcessorArgs::LoadBalancing { order, backoff, max_penalty } = self.processor else {
            return Err(("processor", error::bug("a group has another processor")));
        };
        if max_penalty.is_some() && !backoff {
            let e = error::config("max-penalty is given, and sinks that failed do not rest");
            return Err(("processor", e.hint("say backoff = true, or take it out")));
        }
        let max_penalty = backoff.then(|| max_penalty.map_or(MAX_PENALTY, Timespan::get));
        Ok(Processor::LoadBalancing { is_random: order == Order::Random, max_penalty })
    }
}

/// Puts the sinks of each group together, in the place of the first of them; the others stay as they are.
///
/// # Errors
/// Config: a sink is not there, or cannot be in the group.
pub(super) fn together<'t>(
    mut sinks: Vec<Named<'t, SinkPlan>>,
    groups: Vec<Named<'t, GroupArgs>>,
) -> Result<Vec<Named<'t, SinkPlan>>, Vec<Error>> {
    let (mut wrong, mut used) = (Vec::new(), BTreeMap::<String, String>::new());
    for Named { name, part, plan } in groups {
        let mut of = |key: &str, what: String, hint: &str| wrong.push(part.wrong(key, error::config(what).hint(hint)));
        let before = sinks.len();
        let (mut own, mut rest) = (Vec::new(), Vec::new());
        let first = sinks.iter().position(|sink| plan.sinks.contains(&sink.name)).unwrap_or(before);
        for sink in sinks {
            if plan.sinks.contains(&sink.name) { own.push(sink) } else { rest.push(sink) }
        }
        sinks = rest;
        for sink in &plan.sinks {
            let is_own = own.iter().any(|own| own.name == *sink);
            if plan.sinks.iter().filter(|other| *other == sink).count() > 1 {
                of("sinks", format!("sink `{sink}` is named twice"), "name it once");
            } else if let Some(group) = used.insert(sink.clone(), name.clone()).filter(|_| !is_own) {
                of("sinks", format!("sink `{sink}` is in group `{group}` as well"), "name each sink in one group");
            } else if !is_own {
                let names: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
                let hint = match config::nearest(sink, &names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "add a [[sink]] table of that name".to_owned(),
                };
                of("sinks", format!("there is no sink `{sink}`"), &hint);
            }
        }
        if plan.sinks.len() < 2 {
            of("sinks", "a group has several sinks".to_owned(), "name another one, or leave the group out");
        }
        if let Some(row) = own.iter().find(|sink| sink.plan.kind.takes_rows()) {
            let what = format!("sink `{}` takes rows, which it alone can make of events", row.name);
            of("sinks", what, "give a sink of type table a channel of its own");
        }
        if let Some(other) = own.iter().find(|sink| sink.plan.channel != own[0].plan.channel) {
            let what = format!("sinks `{}` and `{}` empty different channels", own[0].name, other.name);
            of("sinks", what, "let the sinks of a group empty one channel");
        }
        let order = |sink: &Named<'_, SinkPlan>| plan.sinks.iter().position(|name| *name == sink.name);
        own.sort_by_key(order);
        match plan.plan() {
            Ok((processor, priorities)) if own.len() == priorities.len() => {
                let made = one(&name, own, processor, priorities);
                sinks.insert(first.min(sinks.len()), Named { name, part, plan: made });
            }
            Ok(_) => {}
            Err(all) => wrong.extend(all.told(&part)),
        }
    }
    if wrong.is_empty() { Ok(sinks) } else { Err(wrong) }
}

/// One sink of several; an epoch is complete where it is for any of them.
fn one(name: &str, own: Vec<Named<'_, SinkPlan>>, processor: Processor, priorities: Vec<i64>) -> SinkPlan {
    let roll = |a: Roll, b: Roll| Roll {
        rows: a.rows.min(b.rows),
        bytes: a.bytes.min(b.bytes),
        age: a.age.min(b.age),
        idle: a.idle.into_iter().chain(b.idle).min(),
    };
    let all = Roll { rows: u64::MAX, bytes: u64::MAX, age: Duration::MAX, idle: None };
    let all = own.iter().fold(all, |all, sink| roll(all, sink.plan.roll));
    let channel = own.first().map(|sink| sink.plan.channel.clone()).unwrap_or_default();
    let member =
        |(sink, priority): (Named<'_, SinkPlan>, i64)| Member { name: sink.name, priority, kind: sink.plan.kind };
    let members = own.into_iter().zip(priorities).map(member).collect();
    let kind = SinkKind::Group(GroupOptions { name: name.to_owned(), members, processor });
    SinkPlan { name: name.to_owned(), channel, roll: all, kind }
}
