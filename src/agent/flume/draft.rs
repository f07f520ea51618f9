//! From an agent's components to the tables of its own file: each is mapped by its rows, what Flume would do without is
//! an error or, with `lenient`, left out.

mod together;
mod way;

use toml::Value;

use super::channels::{self, ChannelDraft};
use super::elsewhere;
use super::grammar::{Agent, Kind, Said, names};
use super::options::{Component, find};
use super::output::Table;
use super::settings::{Common, Refusal, Settings};
use super::sinks::{self, SinkDraft};
use super::sources::{self, SourceDraft};
use super::validate::Left;
use crate::error::{self, Error};

/// What an agent became.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub sources: Vec<(String, Vec<Table>)>,
    pub channels: Vec<(String, ChannelDraft)>,
    pub sinks: Vec<(String, SinkDraft)>,
    /// Groups of sinks, each with what it was made of.
    pub groups: Vec<(String, Table)>,
}

/// Maps what is left of an agent.
pub(super) fn draft(agent: &Agent, left: &Left, common: &Common<'_>, wrong: &mut Vec<Error>) -> Draft {
    let mut mapper = Mapper { agent, common, wrong, draft: Draft::default() };
    left.channels.iter().for_each(|name| mapper.channel(name));
    left.sources.iter().for_each(|name| mapper.source(name));
    left.sinks.iter().for_each(|name| mapper.sink(name));
    mapper.groups(&left.groups);
    mapper.shared_channels();
    if common.lenient {
        mapper.unused_channels();
    }
    if mapper.wrong.is_empty() {
        mapper.ends_of_channels();
    }
    mapper.draft
}

struct Mapper<'a> {
    agent: &'a Agent,
    common: &'a Common<'a>,
    wrong: &'a mut Vec<Error>,
    draft: Draft,
}

/// Events below which a channel makes small files.
const SMALL: i64 = 100_000;

/// Keys that every component of a kind has, or that belong to its interceptors and its selector.
fn is_common(kind: Kind, key: &str) -> bool {
    match kind {
        Kind::Source => {
            ["type", "channels", "interceptors", "config"].contains(&key)
                || ["interceptors.", "selector."].iter().any(|beginning| key.starts_with(beginning))
        }
        _ => ["type", "channel", "config"].contains(&key),
    }
}

impl Mapper<'_> {
    fn prefix(&self, kind: Kind, name: &str) -> String {
        format!("{}.{}.{name}", self.agent.name, kind.heading())
    }

    /// Maps a component by the rows of its type; `None` where it is wrong.
    fn component<T>(
        &mut self,
        kind: Kind,
        name: &str,
        all: &'static [&'static Component<T>],
        refusals: &mut Vec<Refusal>,
    ) -> Option<(T, &'static str)> {
        let (prefix, said) = (self.prefix(kind, name), self.agent.of(kind, name)?);
        let class = said.get("type")?;
        let Some(component) = find(all, &class.text) else {
            let error = elsewhere::refused(kind, &prefix, &class.text).context(&class.place);
            refusals.push(Refusal::NotHere(error));
            return None;
        };
        let own: Said =
            said.iter().filter(|(key, _)| !is_common(kind, key)).map(|(k, v)| (k.clone(), v.clone())).collect();
        let settings = Settings::new(prefix, &own, component.options, self.common);
        let made = (component.map)(&settings);
        refusals.extend(settings.finish());
        Some((made, component.native))
    }

    /// Says what is wrong with a component; whether it stays.
    fn stays(&mut self, refusals: Vec<Refusal>) -> bool {
        let is_fine = refusals.is_empty();
        for refusal in refusals {
            match refusal {
                Refusal::Invalid(error) if self.common.lenient => self.left_out(&error),
                refusal => self.wrong.push(refusal.into_error()),
            }
        }
        is_fine
    }

    fn left_out(&self, error: &Error) {
        self.common.notes.borrow_mut().push(format!("{error}; the component is left out, as Flume does"));
    }

    fn channel(&mut self, name: &str) {
        let mut refusals = Vec::new();
        let made = self.component(Kind::Channel, name, channels::ALL, &mut refusals);
        if let (true, Some((made, native))) = (self.stays(refusals), made) {
            let made = ChannelDraft { table: headed(name, native, made.table), ..made };
            self.draft.channels.push((name.to_owned(), made));
        }
    }

    fn source(&mut self, name: &str) {
        let mut refusals = Vec::new();
        let made = self.component(Kind::Source, name, sources::ALL, &mut refusals);
        let own = names(self.agent.text(Kind::Source, name, "channels").unwrap_or_default());
        let own: Vec<String> = own.into_iter().filter(|name| self.has_channel(name)).collect();
        let interceptors = self.interceptors(name, &mut refusals);
        let selector = self.selector(name, &mut refusals);
        let batch = made.as_ref().and_then(|(made, _)| made.batch);
        self.check_batch(Kind::Source, name, batch, &own, &mut refusals);
        if let (true, Some((made, native)), false) = (self.stays(refusals), made, own.is_empty()) {
            let tables = source_tables(name, native, made, &own, &interceptors, selector);
            self.draft.sources.push((name.to_owned(), tables));
        }
    }

    fn sink(&mut self, name: &str) {
        let mut refusals = Vec::new();
        let made = self.component(Kind::Sink, name, sinks::ALL, &mut refusals);
        let channel = self.agent.text(Kind::Sink, name, "channel").unwrap_or_default().to_owned();
        let batch = made.as_ref().and_then(|(made, _)| made.batch);
        self.check_batch(Kind::Sink, name, batch, std::slice::from_ref(&channel), &mut refusals);
        let stays = self.stays(refusals);
        if let (true, Some((made, native)), true) = (stays, made, self.has_channel(&channel)) {
            let mut table = Table::default();
            table.set("name", name).set("type", native).set("channel", channel.as_str());
            table.append(made.table.clone());
            self.note_small(name, &channel, made.servers.hdfs);
            if !made.roll.is_empty() {
                table.set("roll", made.roll.clone().inline());
            }
            self.draft.sinks.push((name.to_owned(), SinkDraft { table, ..made }));
        }
    }

    /// An epoch is complete where its channel is full: files are no larger than that.
    fn note_small(&self, sink: &str, channel: &str, has_files: bool) {
        let of = self.draft.channels.iter().find(|(name, _)| name == channel);
        if let Some(capacity) = of.and_then(|(_, made)| made.capacity).filter(|capacity| has_files && *capacity < SMALL)
        {
            let (sink, channel) = (self.prefix(Kind::Sink, sink), self.prefix(Kind::Channel, channel));
            let what = format!(
                "{channel} holds {capacity} events, and {sink} completes its files where that is full; raise its capacity"
            );
            self.common.notes.borrow_mut().push(what);
        }
    }

    fn has_channel(&self, name: &str) -> bool {
        self.draft.channels.iter().any(|(channel, _)| channel == name)
    }

    /// Flume takes out what asks for more at once than its channel gives (FLUME-3246).
    fn check_batch(&self, kind: Kind, name: &str, batch: Option<i64>, of: &[String], refusals: &mut Vec<Refusal>) {
        let Some(batch) = batch else { return };
        for (channel, made) in self.draft.channels.iter().filter(|(channel, _)| of.contains(channel)) {
            let Some(most) = made.transaction.filter(|most| *most < batch) else { continue };
            let what = format!(
                "{} takes batches of {batch} events, and channel {channel} has a transactionCapacity of {most}: Flume \
                 runs without this {}",
                self.prefix(kind, name),
                kind.noun()
            );
            refusals
                .push(Refusal::Invalid(error::config(what).hint("lower the batch size, or raise transactionCapacity")));
        }
    }

    /// Flume removes a channel that nothing is connected to.
    fn unused_channels(&mut self) {
        let Self { agent, common, draft, .. } = self;
        let is_used = |name: &String| {
            let of_source = |(source, _): &(String, Vec<Table>)| {
                names(agent.text(Kind::Source, source, "channels").unwrap_or_default()).contains(name)
            };
            let of_sink = |(sink, _): &(String, SinkDraft)| agent.text(Kind::Sink, sink, "channel") == Some(name);
            draft.sources.iter().any(of_source) || draft.sinks.iter().any(of_sink)
        };
        draft.channels.retain(|(name, _)| {
            let is_used = is_used(name);
            if !is_used {
                let what = format!("{}.channels.{name} has no component, and is left out, as Flume does", agent.name);
                common.notes.borrow_mut().push(what);
            }
            is_used
        });
    }
}

fn headed(name: &str, native: &str, table: Table) -> Table {
    let mut all = Table::default();
    all.set("name", name).set("type", native).append(table);
    all
}

/// The tables of a source, of which there are several where its parts have headers of their own.
fn source_tables(
    name: &str,
    native: &str,
    made: SourceDraft,
    channels: &[String],
    interceptors: &[Value],
    selector: Option<Value>,
) -> Vec<Table> {
    let mut tables = Vec::new();
    for part in made.parts {
        let name = part.suffix.map_or_else(|| name.to_owned(), |suffix| format!("{name}-{suffix}"));
        let mut table = headed(&name, native, part.table);
        table.set("channels", channels.iter().map(|name| Value::from(name.as_str())).collect::<Vec<_>>());
        let all: Vec<Value> = part.first.into_iter().chain(interceptors.iter().cloned()).collect();
        table.set_some("interceptors", Some(all).filter(|all| !all.is_empty())).set_some("selector", selector.clone());
        tables.push(table);
    }
    tables
}
