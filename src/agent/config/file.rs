//! An agent's own file: `[[source]]`, `[[channel]]`, `[[sink]]` and `[[sink-group]]` tables, each with a name.
//!
//! Each table is read strictly: a key that its type does not know is an error with the nearest one that it does. What
//! they say of each other is checked before anything is opened.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::RollArgs;
use super::checks::absolute;
use super::components::{self, ChannelArgs, SinkArgs};
use super::groups;
use super::sources::{self, SourceArgs};
use super::{monitor, trials};
use crate::agent::graph::{ChannelPlan, Graph, SinkPlan, SourcePlan};
use crate::agent::interceptors::{InterceptorArgs, Interceptors};
use crate::agent::monitor::MonitorOptions;
use crate::agent::selector::{Selector, SelectorArgs};
use crate::agent::sinks::SinkKind;
use crate::agent::sources::SourceKind;
use crate::agent::trial::Trial;
use crate::config::{Document, Part, nearest};
use crate::error::{self, Error, Result};
use crate::secret::Secret;

/// The headings of the tables.
pub(crate) const TABLES: [&str; 6] = ["source", "channel", "sink", "sink-group", "monitor", "test"];

/// An agent as its file says it, checked.
#[derive(Debug)]
pub(crate) struct AgentFile {
    pub(in crate::agent) graph: Graph,
    /// Where it can be watched, if anywhere.
    pub(in crate::agent) monitor: Option<MonitorOptions>,
    pub(in crate::agent) tests: Vec<Trial>,
}

/// A table that names a component, and where in the file it stands.
pub(super) struct Named<'t, T> {
    pub name: String,
    pub part: Part<'t>,
    pub plan: T,
}

impl AgentFile {
    /// Takes the agent's tables out of a document; relative local paths begin at `base`.
    ///
    /// # Errors
    /// Config: all that is wrong with them.
    pub(crate) fn take(document: &mut Document<'_>, base: &Path) -> Result<Self, Vec<Error>> {
        let base = &absolute(base).map_err(|e| vec![e])?;
        let mut wrong = Vec::new();
        let (channels, names) = tables(document, "channel", &mut wrong, |part| channel(part, base));
        let (sources, _) = tables(document, "source", &mut wrong, |part| source(part, base, &names));
        let (mut sinks, _) = tables(document, "sink", &mut wrong, |part| sink(part, base, &names));
        let (groups, _) = tables(document, "sink-group", &mut wrong, groups::group);
        let listeners: Vec<_> = sources.iter().flat_map(|source| source.plan.kind.listens()).collect();
        let monitor = monitor::take(document, base, &listeners).map_err(|all| wrong.extend(all)).unwrap_or_default();
        if wrong.is_empty() {
            sinks = groups::together(sinks, groups)?;
            wrong.extend(unconnected(&sources, &channels, &sinks));
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let graph = Graph {
            sources: sources.into_iter().map(|named| named.plan).collect(),
            channels: channels.into_iter().map(|named| named.plan).collect(),
            sinks: sinks.into_iter().map(|named| named.plan).collect(),
        };
        let tests = trials::take(document, &graph)?;
        Ok(Self { graph, monitor, tests })
    }

    /// Whether a sink writes into the cluster.
    pub(crate) fn needs_cluster(&self) -> bool {
        self.graph.sinks.iter().any(|sink| sink.kind.needs_cluster())
    }

    /// Whether a sink writes to HBase.
    pub(crate) fn needs_hbase(&self) -> bool {
        self.graph.sinks.iter().any(|sink| sink.kind.needs_hbase())
    }

    /// The tables of HBase that sinks write to.
    pub(crate) fn hbase_tables(&self) -> impl Iterator<Item = &str> {
        self.graph.sinks.iter().flat_map(|sink| sink.kind.hbase_tables())
    }

    /// The directories in the cluster that sinks write to.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &str> {
        self.graph.sinks.iter().flat_map(|sink| sink.kind.targets())
    }

    /// The tables of Hive that sinks fill, with their databases.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.graph.sinks.iter().filter_map(|sink| sink.kind.table())
    }

    /// Where it is watched: address, port, and the token that is wanted; `None` where the file does not say it.
    pub(crate) fn watched(&self) -> Option<(String, u16, Option<Secret>)> {
        let options = self.monitor.as_ref().filter(|options| options.port > 0)?;
        Some((options.bind.clone(), options.port, options.token.clone()))
    }

    /// Whether a sink registers what it writes with the metastore.
    pub(crate) fn needs_metastore(&self) -> bool {
        self.graph.sinks.iter().any(|sink| sink.kind.needs_metastore())
    }
}

/// The names of a heading's tables, also of those that are broken otherwise.
#[derive(Default)]
struct Names {
    all: Vec<String>,
    /// Some table has none that can be read: then nobody knows which names are wrong.
    is_partial: bool,
}

/// Reads the tables of one heading, and their names.
fn tables<'t, T>(
    document: &mut Document<'t>,
    heading: &str,
    wrong: &mut Vec<Error>,
    mut read: impl FnMut(&mut Part<'t>) -> Result<T, Vec<Error>>,
) -> (Vec<Named<'t, T>>, Names) {
    let mut names = Names::default();
    let parts = document.tables(heading).unwrap_or_else(|e| {
        wrong.push(e);
        names.is_partial = true;
        Vec::new()
    });
    let mut all: Vec<Named<'t, T>> = Vec::new();
    for mut part in parts {
        let name = match part.text("name") {
            Ok(name) => name,
            Err(e) => {
                wrong.push(e);
                names.is_partial = true;
                continue;
            }
        };
        part.label = format!("{heading} `{name}`");
        if names.all.contains(&name) {
            let what = format!("two tables [[{heading}]] are called `{name}`");
            wrong.push(part.wrong("name", error::config(what).hint("give each a name of its own")));
        }
        names.all.push(name.clone());
        match read(&mut part) {
            Ok(plan) => all.push(Named { name, part, plan }),
            Err(errors) => wrong.extend(errors),
        }
    }
    (all, names)
}

fn source(part: &mut Part<'_>, base: &Path, channels: &Names) -> Result<SourcePlan, Vec<Error>> {
    let mut wrong = Vec::new();
    let selector: Option<SelectorArgs> = take(part, "selector", &mut wrong);
    // What is said of a selector that cannot be read would be about another one.
    let selector_is_read = wrong.is_empty();
    let selector = selector.unwrap_or_default();
    let mut interceptors: Vec<InterceptorArgs> = take(part, "interceptors", &mut wrong).unwrap_or_default();
    interceptors.iter_mut().for_each(|interceptor| interceptor.below(base));
    let before = wrong.len();
    let own: Vec<String> = take(part, "channels", &mut wrong).unwrap_or_default();
    let channels_are_read = wrong.len() == before;
    let args = sources::source(part);
    for name in &own {
        wrong.extend(known(name, channels).err().map(|e| part.wrong("channels", e)));
    }
    if let Some(twice) = own.iter().enumerate().find(|(i, name)| own[..*i].contains(name)) {
        let e = error::config(format!("channel `{}` is named twice", twice.1)).hint("name it once");
        wrong.push(part.wrong("channels", e));
    }
    if own.is_empty() && channels_are_read {
        let e = error::config("the source fills no channel").hint("name one: channels = [\"..\"]");
        wrong.push(part.wrong("channels", e));
    }
    match Selector::new(&selector, &own) {
        _ if !(selector_is_read && channels_are_read) => {}
        Ok(selector) if own.is_empty() || (0..own.len()).any(|channel| selector.requires(channel)) => {}
        Ok(_) => {
            let e = error::config("no channel must have the events").hint("make at least one of them required");
            wrong.push(part.wrong("selector", e));
        }
        Err(e) => wrong.push(part.wrong("selector", e)),
    }
    wrong.extend(Interceptors::new(&interceptors).err().map(|e| part.wrong("interceptors", e)));
    match (args.and_then(|args: SourceArgs| args.plan(base).map_err(|all| all.told(part))), wrong.is_empty()) {
        (Ok(kind), true) => Ok(SourcePlan { name: label(part), kind, channels: own, selector, interceptors }),
        (Ok(_), false) => Err(wrong),
        (Err(more), _) => Err(wrong.into_iter().chain(more).collect()),
    }
}

fn channel(part: &mut Part<'_>, base: &Path) -> Result<ChannelPlan, Vec<Error>> {
    let args: ChannelArgs = components::channel(part)?;
    args.plan(label(part), base).map_err(|all| all.told(part))
}

fn sink(part: &mut Part<'_>, base: &Path, channels: &Names) -> Result<SinkPlan, Vec<Error>> {
    let mut wrong = Vec::new();
    let channel = part.text("channel").map_err(|e| wrong.push(e)).unwrap_or_default();
    let channel_is_read = wrong.is_empty();
    let roll: Option<RollArgs> = take(part, "roll", &mut wrong);
    let args = components::sink(part).map_err(|all| wrong.extend(all));
    let roll = roll.unwrap_or_else(|| args.as_ref().map_or_else(|()| RollArgs::default(), SinkArgs::roll));
    if channel_is_read {
        wrong.extend(known(&channel, channels).err().map(|e| part.wrong("channel", e)));
    }
    let roll = roll.plan().map_err(|all| wrong.extend(all.told(part)));
    let kind = args.and_then(|args: SinkArgs| args.plan(base).map_err(|all| wrong.extend(all.told(part))));
    match (roll, kind, wrong.is_empty()) {
        (Ok(roll), Ok(mut kind), true) => {
            let name = label(part);
            kind.call(&name);
            Ok(SinkPlan { name, channel, roll, kind })
        }
        _ => Err(wrong),
    }
}

/// What is not connected to anything, or to more than it can be.
fn unconnected(
    sources: &[Named<'_, SourcePlan>],
    channels: &[Named<'_, ChannelPlan>],
    sinks: &[Named<'_, SinkPlan>],
) -> Vec<Error> {
    let mut wrong = Vec::new();
    if sources.is_empty() {
        wrong.push(error::config("there is no source").hint("add a [[source]] table"));
    }
    for channel in channels {
        let mut of =
            |key: &str, what: String, hint: &str| wrong.push(channel.part.wrong(key, error::config(what).hint(hint)));
        let emptied = sinks.iter().filter(|sink| sink.plan.channel == channel.name).count();
        if emptied != 1 {
            let what = match emptied {
                0 => "no sink empties the channel".to_owned(),
                more => format!("{more} sinks empty the channel, and each event would reach one of them"),
            };
            of("", what, "give each sink a channel of its own; a source can fill several");
        }
        if !sources.iter().any(|source| source.plan.channels.contains(&channel.name)) {
            of("", "no source fills the channel".to_owned(), "name it in the channels of a source");
        }
        let mut before = channels.iter().take_while(|other| other.name != channel.name);
        let twin = before.find(|other| other.plan.directory == channel.plan.directory);
        if let Some(twin) = twin.filter(|twin| twin.plan.directory.is_some()) {
            let what = format!("its directory is that of channel {}", twin.name);
            of("directory", what, "give each channel a directory of its own");
        }
    }
    wrong.extend(crowded(sinks));
    for (number, source) in sources.iter().enumerate() {
        let twin = |other: &&Named<'_, SourcePlan>| listen_at_once(&other.plan.kind, &source.plan.kind);
        if let Some(other) = sources[..number].iter().find(twin) {
            let what = format!("source {} listens on the same port", other.name);
            let key = if source.part.has("port") { "port" } else { "ports" };
            wrong.push(source.part.wrong(key, error::config(what).hint("give each source a port of its own")));
        }
        let kept = channels.iter().filter_map(|channel| channel.plan.directory.as_deref());
        let read = |directory: &&Path| source.plan.kind.reads(directory);
        if let Some(directory) = kept.into_iter().find(read) {
            let what = format!("files matches the files of the channel in {}", directory.display());
            let e = error::config(what).hint("give the channel a directory of its own");
            wrong.push(source.part.wrong("files", e));
        }
    }
    wrong
}

/// Sinks whose directories lie in each other.
fn crowded(sinks: &[Named<'_, SinkPlan>]) -> Vec<Error> {
    let mut wrong = Vec::new();
    for (number, sink) in sinks.iter().enumerate() {
        for of in [SinkKind::targets as fn(&SinkKind) -> Vec<&str>, SinkKind::directories] {
            for own in of(&sink.plan.kind) {
                let near = |there: &str| Path::new(own).starts_with(there) || Path::new(there).starts_with(own);
                let is_near = |other: &&Named<'_, SinkPlan>| of(&other.plan.kind).into_iter().any(near);
                let Some(other) = sinks[..number].iter().find(is_near) else { continue };
                let what = format!("{own} lies with the directory of sink {}", other.name);
                let e = error::config(what).hint("give each sink a directory of its own");
                let key = ["path", "target-dir", "directory", "sinks"].into_iter().find(|key| sink.part.has(key));
                wrong.push(sink.part.wrong(key.unwrap_or_default(), e));
            }
        }
        wrong.extend(nested(sink).map(|what| {
            let hint = "give each sink a directory of its own, or all of them the same";
            sink.part.wrong("sinks", error::config(what).hint(hint))
        }));
    }
    wrong
}

/// Sinks of a group whose directories lie in each other: they may be the same, as their epochs follow each other.
fn nested(group: &Named<'_, SinkPlan>) -> Option<String> {
    let of_kind = |directories: Vec<&str>| {
        let lies = |(one, other): (&str, &str)| one != other && Path::new(other).starts_with(one);
        let pairs = directories.iter().flat_map(|one| directories.iter().map(move |other| (*one, *other)));
        pairs
            .into_iter()
            .find(|pair| lies(*pair))
            .map(|(one, other)| format!("{other}, of a sink of the group, lies in {one}"))
    };
    of_kind(group.plan.kind.targets()).or_else(|| of_kind(group.plan.kind.directories()))
}

/// Whether two sources would take the same port of an address.
fn listen_at_once(one: &SourceKind, other: &SourceKind) -> bool {
    let others = other.listens();
    one.listens().iter().any(|one| others.iter().any(|other| one.meets(other)))
}

fn known(name: &str, channels: &Names) -> Result<()> {
    if channels.is_partial || channels.all.iter().any(|channel| channel == name) {
        return Ok(());
    }
    let names: Vec<&str> = channels.all.iter().map(String::as_str).collect();
    let hint = match nearest(name, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "add a [[channel]] table of that name".to_owned(),
    };
    Err(error::config(format!("there is no channel `{name}`")).hint(hint))
}

/// Takes a value out of a table, and notes what is wrong with it.
fn take<T: DeserializeOwned>(part: &mut Part<'_>, key: &str, wrong: &mut Vec<Error>) -> Option<T> {
    part.take(key).unwrap_or_else(|e| {
        wrong.push(e);
        None
    })
}

/// The name of the component that a table is for.
fn label(part: &Part<'_>) -> String {
    part.label.split('`').nth(1).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
