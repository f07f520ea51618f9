//! Sinks that empty a channel together: in a sink group, or without one.

use std::collections::BTreeMap;

use super::super::grammar::{Kind, Said, names};
use super::super::groups::{self, ProcessorDraft};
use super::super::options::find;
use super::super::output::Table;
use super::super::settings::{Refusal, Settings};
use super::Mapper;
use crate::error::{self, Error};

impl Mapper<'_> {
    /// Maps Flume's groups, of the sinks that are left.
    pub(super) fn groups(&mut self, groups: &BTreeMap<String, Vec<String>>) {
        for (group, sinks) in groups {
            let (prefix, here) = (self.prefix(Kind::SinkGroup, group), |name: &String| self.has_sink(name));
            let own: Vec<String> = sinks.iter().filter(|name| here(name)).cloned().collect();
            let mut refusals = Vec::new();
            let channel = |name: &String| self.agent.text(Kind::Sink, name, "channel");
            if own.iter().any(|name| channel(name) != channel(&own[0])) {
                let error = error::config(format!("{prefix}: its sinks empty different channels"));
                let hint = "let them empty one; Flume empties the channel of the sink at hand alone";
                refusals.push(Refusal::NotHere(error.hint(hint)));
            }
            match (&own[..], self.processor(&prefix, group, &own, &mut refusals)) {
                ([], _) => {}
                ([only], _) => {
                    let what = format!("{prefix} has the sink {only} alone, which runs by itself");
                    self.common.notes.borrow_mut().push(what);
                    refusals.clear();
                }
                (_, Some((native, made))) => {
                    let sinks: Vec<String> = own.iter().filter(|name| !made.left_out.contains(name)).cloned().collect();
                    self.draft.sinks.retain(|(name, _)| !made.left_out.contains(name));
                    let note = "an epoch goes to one of its sinks; one that cannot be reached at the start holds the agent back";
                    self.common.notes.borrow_mut().push(format!("{prefix}: {note}"));
                    if sinks.len() > 1 {
                        self.draft.groups.push((prefix.clone(), groups::table(group, &sinks, native, made.table)));
                    }
                }
                (_, None) => {}
            }
            self.stays(refusals);
        }
    }

    /// The processor of a group of several sinks.
    fn processor(
        &self,
        prefix: &str,
        group: &str,
        sinks: &[String],
        refusals: &mut Vec<Refusal>,
    ) -> Option<(&'static str, ProcessorDraft)> {
        let class = self.agent.text(Kind::SinkGroup, group, "processor.type").unwrap_or("default");
        let Some(component) = find(groups::ALL, class) else {
            let error = error::config(format!("{prefix}.processor.type = {class} does not go with several sinks"));
            let hint = "use failover or load_balance";
            let is_default = ["default", "org.apache.flume.sink.DefaultSinkProcessor"].contains(&class);
            // Flume's own takes one sink; another one is a class of the user's.
            let refusal = if is_default { Refusal::Invalid } else { Refusal::NotHere };
            refusals.push(refusal(error.hint(hint)));
            return None;
        };
        let said = self.agent.of(Kind::SinkGroup, group)?;
        let below = |(key, value): (&String, _)| Some((key.strip_prefix("processor.")?.to_owned(), value));
        let mut own: Said = said.iter().filter_map(below).map(|(key, value)| (key, Clone::clone(value))).collect();
        own.remove("type");
        if let Some(value) = said.get("sinks") {
            let mut value = value.clone();
            value.text = sinks.join(" ");
            own.insert("sinks".to_owned(), value);
        }
        let settings = Settings::new(format!("{prefix}.processor"), &own, component.options, self.common);
        let made = (component.map)(&settings);
        refusals.extend(settings.finish());
        Some((component.native, made))
    }

    fn has_sink(&self, name: &str) -> bool {
        self.draft.sinks.iter().any(|(sink, _)| sink == name)
    }

    /// Sinks that empty a channel together without a group: Flume gives each event to one of them, whichever is first.
    /// Refuses a channel that nothing fills or nothing empties, which Flume would run, and an agent of which nothing is
    /// left.
    pub(super) fn ends_of_channels(&mut self) {
        let of_source = |source: &str| names(self.agent.text(Kind::Source, source, "channels").unwrap_or_default());
        let filled: Vec<String> = self.draft.sources.iter().flat_map(|(source, _)| of_source(source)).collect();
        let of_sink = |sink: &str| self.agent.text(Kind::Sink, sink, "channel").map(str::to_owned);
        let emptied: Vec<String> = self.draft.sinks.iter().filter_map(|(sink, _)| of_sink(sink)).collect();
        if self.draft.channels.is_empty() {
            let what = format!("agent {} has nothing left that could run", self.agent.name);
            let hint = match self.common.notes.borrow().as_slice() {
                [] => "correct its components".to_owned(),
                notes => notes.join("; "),
            };
            self.wrong.push(error::config(what).hint(hint));
        }
        for (channel, _) in &self.draft.channels {
            let place = format!("{}.channels.{channel}", self.agent.name);
            if !filled.contains(channel) {
                let hint = "give it one; to empty what is in it, run the agent as it was with --drain";
                self.wrong.push(error::config(format!("{place}: no source fills it")).hint(hint));
            }
            if !emptied.contains(channel) {
                let hint = "give it one, or a sink of the type null to throw its events away";
                self.wrong.push(error::config(format!("{place}: no sink empties it")).hint(hint));
            }
        }
    }

    pub(super) fn shared_channels(&mut self) {
        let channels: Vec<String> = self.draft.channels.iter().map(|(name, _)| name.clone()).collect();
        for channel in channels {
            let is_of = |name: &str| self.agent.text(Kind::Sink, name, "channel") == Some(&channel);
            let all = self.draft.sinks.iter().map(|(name, _)| name.clone());
            let of: Vec<String> = all.filter(|name| is_of(name)).collect();
            let group = self
                .draft
                .groups
                .iter()
                .find(|(_, table)| table.list("sinks").iter().any(|sink| of.iter().any(|name| name == sink)));
            match group {
                Some((prefix, table)) if table.list("sinks").len() < of.len() => {
                    let error = beside(prefix, &of, &table.list("sinks"), &channel);
                    self.wrong.push(error);
                }
                Some(_) => {}
                None if of.len() < 2 => {}
                None => {
                    let (sinks, name) = (of.join(", "), of.join("-"));
                    let what = format!(
                        "sinks {sinks} empty channel {channel} together: each event reaches one of them, as in Flume, an \
                         epoch each in turn. One of them alone is as quick, and writes many files at once; to give each all \
                         events, give each a channel"
                    );
                    self.common.notes.borrow_mut().push(what);
                    let mut processor = Table::default();
                    processor.set("backoff", true);
                    let table = groups::table(&name, &of, "load-balancing", processor);
                    self.draft.groups.push((format!("sinks {sinks} of channel {channel}"), table));
                }
            }
        }
    }
}

/// The error of a sink that empties the channel of a group.
fn beside(prefix: &str, of: &[String], grouped: &[&str], channel: &str) -> Error {
    let others: Vec<&str> = of.iter().map(String::as_str).filter(|name| !grouped.contains(name)).collect();
    let what = format!("sink {} empties channel {channel} beside {prefix}", others.join(", "));
    error::config(what).hint("put it into the group, or give it a channel of its own")
}
