//! What a doctor asks of the host that an agent runs on: the disks of its channels, the files, the ports and the commands of
//! its sources, and whether the agents that it sends to take connections. In each channel's directory one file is made and
//! removed again; ports are taken for a moment.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::AgentPlan;
use super::graph::{ChannelPlan, Graph, SourcePlan};
use super::monitor::MonitorOptions;
use super::sinks::kafka::KafkaSinkOptions;
use super::sources::exec::ExecOptions;
use super::sources::kafka::{KafkaOptions, Subscription};
use super::sources::spooldir::{Completed, SpooldirOptions};
use super::sources::syslog::Transport;
use super::sources::taildir::{Pattern, PositionFile};
use super::sources::{Port, SourceKind};
use super::{AgentArgs, AgentFile, disk};
use crate::checkup::Checkup;
use crate::error::{self, Result};
use crate::kafka::{Client, Member, Topics};

/// Asks about an agent step; relative local paths begin at `base`. Blocks.
pub(crate) fn examine_step(name: &str, args: &AgentArgs, base: &Path, checkup: &mut Checkup) {
    checkup.hop(format!("step {name}"));
    // What is wrong with the step was said when it was read.
    if let Ok(plan) = AgentPlan::new(args, base) {
        plan.graph.sources.iter().for_each(|source| source.examine(checkup));
        plan.graph.channels.iter().for_each(|channel| channel.examine(checkup));
    }
}

/// Asks about the sources, the channels and the monitor of an agent's own file. Blocks.
pub(crate) fn examine_file(file: &AgentFile, checkup: &mut Checkup) {
    let Graph { sources, channels, sinks } = &file.graph;
    for source in sources {
        checkup.hop(format!("source {}", source.name));
        source.examine(checkup);
    }
    for channel in channels {
        checkup.hop(format!("channel {}", channel.name));
        channel.examine(checkup);
    }
    for sink in sinks {
        for client in sink.kind.clients() {
            checkup.hop(format!("sink {}", sink.name));
            let server = client.server();
            let words = |_: &_| format!("{server} takes connections");
            checkup.take("agent", server.connect().map(drop), words);
        }
        for options in sink.kind.http() {
            checkup.hop(format!("sink {}", sink.name));
            let server = options.server();
            let words = |_: &_| format!("{server} takes connections");
            checkup.take("http server", server.connect().map(drop), words);
        }
        for options in sink.kind.kafka() {
            checkup.hop(format!("sink {}", sink.name));
            topic_to_write(options, checkup);
        }
    }
    if let Some(MonitorOptions { bind, port, .. }) = &file.monitor {
        checkup.hop("monitor");
        let own = Port { transport: Transport::Tcp, bind, port: *port };
        let words = |(): &()| format!("{bind}:{port} can be listened on");
        checkup.take("port", own.try_it(), words);
    }
}

impl SourcePlan {
    fn examine(&self, checkup: &mut Checkup) {
        match &self.kind {
            SourceKind::Taildir { options, .. } => {
                options.patterns.iter().for_each(|pattern| files(pattern, checkup));
                options.position_file.iter().for_each(|file| positions(file, checkup));
            }
            SourceKind::Netcat(_)
            | SourceKind::NetcatUdp(_)
            | SourceKind::Http(_)
            | SourceKind::Rpc(_)
            | SourceKind::Syslog(_) => {
                for port in self.kind.listens() {
                    let words = |_: &_| format!("{}:{} can be listened on", port.bind, port.port);
                    checkup.take("port", port.try_it(), words);
                }
            }
            SourceKind::Spooldir { options, .. } => spooled(options, checkup),
            SourceKind::Exec(options) => {
                let words = |found: &PathBuf| format!("is {}", found.display());
                let program = program(options);
                checkup.take(format!("program {program}"), found(program), words);
            }
            SourceKind::Kafka { options, .. } => topics_to_read(options, checkup),
            SourceKind::Sequence(_) => checkup.fine("events", "it makes them itself"),
            SourceKind::Replay(_) => {}
        }
    }
}

impl ChannelPlan {
    fn examine(&self, checkup: &mut Checkup) {
        match &self.directory {
            Some(directory) => {
                let limits = self.storage.overflow.as_ref().map_or(&self.limits, |overflow| &overflow.limits);
                room(directory, limits.max_bytes, checkup);
            }
            None => checkup.fine("events", format!("in memory, {} MiB at most", self.limits.max_bytes >> 20)),
        }
    }
}

/// Asks whether there are files of a pattern, and whether they can be read.
fn files(pattern: &Pattern, checkup: &mut Checkup) {
    let question = format!("files {pattern}");
    match pattern.readable() {
        Ok(0) => checkup.warning(
            question,
            "none is there now",
            "the agent waits for them; check the pattern, and that this user may list their directory",
        ),
        Ok(1) => checkup.fine(question, "1 is there and can be read"),
        Ok(count) => checkup.fine(question, format!("{count} are there and can be read")),
        Err(e) => checkup.failed(question, &e),
    }
}

/// Asks whether the files of a directory can be listed, and renamed or deleted.
fn spooled(options: &SpooldirOptions, checkup: &mut Checkup) {
    let question = format!("directory {}", options.directory.display());
    let words = |count: &usize| format!("{count} files wait there to be read");
    if checkup.take(question, options.count(), words).is_some() && options.completed != Completed::Track {
        checkup.take("files that were read", options.writable(), |_: &()| "can be renamed and deleted".to_owned());
    }
}

/// Asks whether Flume's position file can be read.
fn positions(file: &Path, checkup: &mut Checkup) {
    let question = format!("position file {}", file.display());
    match PositionFile::read(file) {
        Ok(Some(positions)) => checkup.fine(question, format!("it says where {} files begin", positions.count())),
        Ok(None) => checkup.fine(question, "there is none: files begin as those that Flume never read"),
        Err(e) => checkup.failed(question, &e),
    }
}

/// Asks the brokers for the topics of a source, and for its group.
fn topics_to_read(options: &KafkaOptions, checkup: &mut Checkup) {
    let brokers = options.servers.brokers.join(", ");
    let client = Client::new(options.servers.clone(), Arc::new(|| true));
    let found = client.and_then(|mut client| {
        let (named, matching) = match &options.subscription {
            Subscription::Names(names) => (Some(names), None),
            Subscription::Matching(regex) => (None, Some(regex)),
        };
        let mut found = client.topics(named, false)?;
        found.known.retain(|name, topic| matching.is_none_or(|regex| !topic.is_internal && regex.is_match(name)));
        Ok((client, found))
    });
    let words = |(_, found): &(Client, Topics)| format!("{} topics are there to be read", found.known.len());
    let Some((mut client, found)) = checkup.take(format!("kafka {brokers}"), found, words) else { return };
    for name in found.wrong.keys() {
        let wrong = found.error(name).map_or(Ok(()), Err);
        checkup.take(format!("topic {name}"), wrong, |(): &()| "is there".to_owned());
    }
    let broker = Member::new(options.group.clone()).coordinator(&mut client);
    checkup.take(format!("consumer group {}", options.group.id), broker, |broker| format!("broker {broker} keeps it"));
}

/// Asks the brokers for the topic of a sink.
fn topic_to_write(options: &KafkaSinkOptions, checkup: &mut Checkup) {
    let brokers = options.servers.brokers.join(", ");
    let names: BTreeSet<String> = options.fixed_topic().into_iter().collect();
    let found = Client::new(options.servers.clone(), Arc::new(|| true))
        .and_then(|mut client| client.topics(Some(&names), false));
    let words = |_: &Topics| "the brokers answer".to_owned();
    let Some(found) = checkup.take(format!("kafka {brokers}"), found, words) else { return };
    for name in &names {
        let question = format!("topic {name}");
        match found.error(name) {
            None => checkup.fine(question, "is there"),
            Some(e) if e.is_transient() => checkup.warning(
                question,
                "is not there now",
                "make it, unless the brokers make topics themselves (auto.create.topics.enable)",
            ),
            Some(e) => checkup.failed(question, &e),
        }
    }
}

/// The program that a source begins: the shell, where it is given one.
fn program(options: &ExecOptions) -> &str {
    options.shell.as_deref().unwrap_or(&options.command).split_whitespace().next().unwrap_or_default()
}

/// Where a program lies.
fn found(program: &str) -> Result<PathBuf> {
    let runs = |file: &PathBuf| {
        file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = match program.contains('/') {
        true => vec![PathBuf::from(program)],
        false => std::env::split_paths(&path).map(|directory| directory.join(program)).collect(),
    };
    places.retain(runs);
    places.into_iter().next().ok_or_else(|| {
        error::config(format!("there is no program {program} that can be run"))
            .hint("check its name, its rights and PATH, or name it by its whole path")
    })
}

/// Asks whether a file can be made in a directory, or in the nearest one above that is there, and whether there is room
/// for so many bytes.
fn room(directory: &Path, most_bytes: u64, checkup: &mut Checkup) {
    // A relative one has no working directory above it.
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let there = directory.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/"));
    let words = |_: &()| format!("files can be made in {}", there.display());
    if checkup.take("channel directory", writable(there), words).is_none() {
        return;
    }
    match disk::free(there) {
        Ok(bytes) if bytes < most_bytes => checkup.warning(
            "room for the channel",
            format!("{} MiB are free, and the channel may hold {} MiB", bytes >> 20, most_bytes >> 20),
            "the agent ends when the disk is full: make room, or lower channel-max-bytes",
        ),
        Ok(bytes) => {
            let free = bytes >> 20;
            checkup.fine(
                "room for the channel",
                format!("{free} MiB are free, of which it takes {} at most", most_bytes >> 20),
            );
        }
        Err(e) => {
            let what = format!("cannot look at the disk of {}", there.display());
            checkup.failed("room for the channel", &error::config(what).source(e));
        }
    }
}

fn writable(directory: &Path) -> Result<()> {
    let file = directory.join(format!(".sakia-probe-{}", uuid::Uuid::now_v7().simple()));
    let made = std::fs::write(&file, b"?").and_then(|()| std::fs::remove_file(&file));
    made.map_err(|e| {
        error::config(format!("no file can be made in {}", directory.display()))
            .source(e)
            .hint("let the directory belong to the user of this process")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkup::Outcome;

    #[test]
    fn files_ports_and_programs_are_looked_for() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.log"), "x").unwrap();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let source = |text: String| {
            let text = format!(
                "[[channel]]\nname = 'c'\ntype = 'memory'\n[[sink]]\nname = 's'\ntype = 'null'\nchannel = 'c'\n\
                 [[source]]\nname = 'a'\nchannels = ['c']\n{text}\n"
            );
            let mut document = crate::config::Document::parse(&text, "a.toml").unwrap();
            let file = AgentFile::take(&mut document, directory.path()).unwrap();
            let mut checkup = Checkup::default();
            examine_file(&file, &mut checkup);
            let check = &checkup.checks()[0];
            format!("{}: {} {}", check.outcome.as_str(), check.question, check.answer)
        };
        for (text, said) in [
            ("type = 'taildir'\nfiles = 'a.*'".to_owned(), "1 is there and can be read"),
            ("type = 'taildir'\nfiles = 'b.*'".to_owned(), "warning: files"),
            ("type = 'taildir'\nfiles = 'no/such/b.*'".to_owned(), "failed: files"),
            (format!("type = 'netcat'\nport = {port}"), "failed: port cannot listen on 127.0.0.1"),
            ("type = 'exec'\ncommand = 'no-such-program -x'".to_owned(), "failed: program no-such-program"),
            ("type = 'exec'\ncommand = 'sh -c true'".to_owned(), "fine: program sh"),
        ] {
            let found = source(text);
            assert!(found.contains(said), "{said}: {found}");
        }
    }

    #[test]
    fn a_disk_with_room_is_told_from_one_without() {
        let directory = tempfile::tempdir().unwrap();
        let worst = |most_bytes| {
            let mut checkup = Checkup::default();
            room(&directory.path().join("not/there/yet"), most_bytes, &mut checkup);
            assert_eq!(checkup.checks().len(), 2);
            checkup.worst()
        };
        assert_eq!((worst(1), worst(u64::MAX)), (Outcome::Fine, Outcome::Warning));
    }
}
