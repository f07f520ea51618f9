//! Configurations of Apache Flume 1.11, as agents of ours.
//!
//! ```text
//! files        java properties, the later file over the earlier            properties
//! values       ${env:..}, ${sys:..}, other properties; config filters      substitute, filters
//! keys         agents, their lists, what is said of each component         grammar, trouble
//! components   which of them Flume would go on with, and why not           validate
//! mapping      each component by the rows of its options                   draft, options, sources, channels, sinks, groups, ..
//! text         the agent's own file                                        output
//! ```
//!
//! What comes out is an agent's own file as text, which is read as any other: there is one way to run an agent. A component
//! that Flume would leave out with a warning stops the start with its reason, unless asked to be as lenient. What Flume
//! would run and is not here is always an error, with what to use instead. An option that does nothing here, or has another
//! effect, is noted by name.

mod channels;
mod draft;
mod elsewhere;
mod filters;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;
mod grammar;
mod groups;
mod interceptors;
mod kafka;
mod monitoring;
mod options;
#[cfg(test)]
mod options_map;
mod output;
mod properties;
mod rpc_client;
mod selector;
mod settings;
mod sinks;
mod sources;
mod substitute;
#[cfg(test)]
mod tests;
mod trouble;
mod validate;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use self::draft::Draft;
use self::grammar::{Agent, Kind};
use self::output::Table;
use self::properties::Properties;
pub(crate) use self::rpc_client::{headers, plain_client, rpc_client};
use self::settings::Common;
use self::sinks::Servers;
pub(crate) use self::substitute::Surroundings;
use self::trouble::{Trouble, TroubleKind};
use crate::config::nearest;
use crate::error::{self, Error};

/// What is to be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlumeFiles {
    /// The files, of which later ones win.
    pub files: Vec<PathBuf>,
    /// The agent in them.
    pub agent: String,
    /// Leave out what Flume leaves out.
    pub lenient: bool,
    /// Flume's `--conf`: site files in it say where HDFS is.
    pub config_dir: Option<PathBuf>,
}

/// An agent of Flume as an agent's own file.
#[derive(Debug)]
pub(crate) struct Imported {
    pub text: String,
    /// What is another way here, by name.
    pub notes: Vec<String>,
}

/// Reads an agent out of Flume's files.
///
/// # Errors
/// Config: all that is wrong with it, or not here.
pub(crate) fn import(from: &FlumeFiles, around: &Surroundings) -> Result<Imported, Vec<Error>> {
    let mut notes = Vec::new();
    let read = properties::read(&from.files, &mut notes).map_err(|e| vec![e])?;
    import_read(read, notes, from, around)
}

/// The same of what the files say, with what was noted of them.
fn import_read(
    read: Properties,
    mut notes: Vec<String>,
    from: &FlumeFiles,
    around: &Surroundings,
) -> Result<Imported, Vec<Error>> {
    let (read, named) = substitute::substitute(read, around, from.lenient, &mut notes)?;
    let (mut agents, mut troubles) = grammar::agents(&read);
    let Some(mut agent) = agents.remove(&from.agent) else { return Err(vec![no_agent(from, &agents)]) };
    let mut wrong = Vec::new();
    filters::apply(&mut agent, around, &mut wrong, &mut notes);
    if from.lenient {
        notes.extend(wrong.drain(..).map(|e| format!("{e}; it is left as it is, as Flume does")));
    }
    troubles.retain(|trouble| is_of(trouble, &from.agent, &named));
    let left = validate::validate(&agent, &mut troubles);
    for trouble in troubles {
        let error = trouble.error();
        if trouble.is_harmless() || from.lenient && trouble.kind != TroubleKind::AgentInvalid {
            notes.push(error.remedy().map_or_else(|| error.to_string(), |remedy| format!("{error}; {remedy}")));
        } else {
            wrong.push(error);
        }
    }
    let headers_are_written = agent.listed(Kind::Sink).iter().any(|sink| {
        let name = agent.text(Kind::Sink, sink, "serializer").unwrap_or_default().to_ascii_lowercase();
        ["header", "avro_event", "flumeeventavro"].iter().any(|of_headers| name.contains(of_headers))
    });
    let common = Common { around, lenient: from.lenient, headers_are_written, notes: RefCell::new(notes) };
    note_unlisted(&agent, &common);
    let draft = draft::draft(&agent, &left.unwrap_or_default(), &common, &mut wrong);
    let servers = servers(&draft, &mut wrong);
    let monitor = monitoring::table(around, &mut wrong, &mut common.notes.borrow_mut());
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let notes = common.notes.into_inner();
    Ok(Imported { text: text(from, &agent, draft, &servers, &monitor, &notes), notes })
}

fn no_agent(from: &FlumeFiles, agents: &BTreeMap<String, Agent>) -> Error {
    let files: Vec<String> = from.files.iter().map(|file| file.display().to_string()).collect();
    let names: Vec<&str> = agents.keys().map(String::as_str).collect();
    let error = error::config(format!("there is no agent {} in {}", from.agent, files.join(", ")));
    match (nearest(&from.agent, &names), names.is_empty()) {
        (Some(near), _) => error.hint(format!("did you mean {near}?")),
        (None, true) => error.hint("write its keys as AGENT.sources, AGENT.channels, AGENT.sinks"),
        (None, false) => error.hint(format!("its agents are {}", names.join(", "))),
    }
}

/// Whether a trouble is of the agent, or of none and nobody's variable.
fn is_of(trouble: &Trouble, agent: &str, named: &BTreeSet<String>) -> bool {
    match trouble.kind {
        TroubleKind::AgentNameMissing => !named.contains(&trouble.component),
        TroubleKind::InvalidProperty => trouble.component == agent,
        _ => trouble.component.strip_prefix(agent).is_some_and(|rest| rest.starts_with('.')),
    }
}

/// Says which components are configured and not listed.
fn note_unlisted(agent: &Agent, common: &Common<'_>) {
    for (kind, name) in agent.said.keys().filter(|(kind, name)| !agent.listed(*kind).contains(name)) {
        let (agent, heading, noun) = (&agent.name, kind.heading(), kind.noun());
        let what = format!(
            "{agent}.{heading}.{name} is configured, and {agent}.{heading} does not list this {noun}: it is left out, as Flume does"
        );
        common.notes.borrow_mut().push(what);
    }
}

/// What all sinks say of the servers, as one: an agent has one cluster.
fn servers(draft: &Draft, wrong: &mut Vec<Error>) -> Servers {
    let mut all: Option<(&str, Servers)> = None;
    for (name, sink) in draft.sinks.iter().filter(|(_, sink)| sink.servers.hdfs) {
        match &all {
            None => all = Some((name, sink.servers.clone())),
            Some((_, servers)) if *servers == sink.servers => {}
            Some((first, _)) => {
                let what = format!("sinks {first} and {name} write to HDFS at two addresses or as two users");
                let hint = "give both the same address, principal, keytab and proxyUser, or make two agents of them";
                wrong.push(error::config(what).hint(hint));
            }
        }
    }
    let (first, mut all) = all.map_or((None, Servers::default()), |(name, servers)| (Some(name), servers));
    let mut logged_in = first.filter(|_| all.principal.is_some());
    for (name, sink) in draft.sinks.iter().filter(|(_, sink)| sink.servers.hbase.is_some()) {
        let Servers { hbase, principal, keytab, .. } = sink.servers.clone();
        if all.hbase.as_ref().is_some_and(|known| Some(known) != hbase.as_ref()) {
            let what = format!("sink {name} writes to HBase through other gateways than the sinks before it");
            wrong.push(error::config(what).hint("give all the same thriftGateways, or make two agents of them"));
        }
        all.hbase = hbase;
        match (&principal, logged_in) {
            (None, _) => {}
            (Some(_), None) => (all.principal, all.keytab, logged_in) = (principal, keytab, Some(name.as_str())),
            (Some(_), Some(_)) if all.principal == principal && all.keytab == keytab => {}
            (Some(_), Some(other)) => {
                let what = format!("sinks {other} and {name} log in as two users");
                let hint = "give both the same principal and keytab, or make two agents of them";
                wrong.push(error::config(what).hint(hint));
            }
        }
    }
    all
}

/// The agent's own file.
fn text(
    from: &FlumeFiles,
    agent: &Agent,
    draft: Draft,
    servers: &Servers,
    monitor: &Table,
    notes: &[String],
) -> String {
    let files: Vec<String> = from.files.iter().map(|file| file.display().to_string()).collect();
    let mut out = String::new();
    output::remark(&mut out, &format!("Agent {} of {}, as sakia reads it", agent.name, files.join(", ")));
    notes.iter().for_each(|note| output::remark(&mut out, note));
    if let Some(user) = &servers.proxy_user {
        out.push_str(&format!("\nproxy-user = {}\n", toml::Value::from(user.as_str())));
    }
    if servers.hdfs {
        let mut table = Table::default();
        let has_site = |dir: &&PathBuf| dir.join("core-site.xml").is_file() || dir.join("hdfs-site.xml").is_file();
        table.set_some("url", servers.url.clone());
        table.set_some("config-dir", from.config_dir.as_ref().filter(has_site).map(|dir| absolute(dir)));
        output::write(&mut out, "", "[hdfs]", &table);
    }
    if let Some(gateways) = &servers.hbase {
        let mut table = Table::default();
        table.set("url", gateways.split(',').map(|url| toml::Value::from(url.trim())).collect::<Vec<_>>());
        output::write(&mut out, "", "[hbase]", &table);
    }
    if servers.principal.is_some() || servers.keytab.is_some() {
        let mut table = Table::default();
        table.set_some("principal", servers.principal.clone()).set_some("keytab", servers.keytab.clone());
        output::write(&mut out, "", "[kerberos]", &table);
    }
    if !monitor.is_empty() {
        output::write(&mut out, "", "[monitor]", monitor);
    }
    let said = |kind: Kind, name: &str| format!("{}.{}.{name}", agent.name, kind.heading());
    for (name, tables) in &draft.sources {
        tables.iter().for_each(|table| output::write(&mut out, &said(Kind::Source, name), "[[source]]", table));
    }
    for (name, channel) in &draft.channels {
        output::write(&mut out, &said(Kind::Channel, name), "[[channel]]", &channel.table);
    }
    for (name, sink) in &draft.sinks {
        output::write(&mut out, &said(Kind::Sink, name), "[[sink]]", &sink.table);
    }
    for (comment, group) in &draft.groups {
        output::write(&mut out, comment, "[[sink-group]]", group);
    }
    out
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
