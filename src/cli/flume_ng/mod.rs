//! The front door for Flume's users: `sakia flume-ng agent ..`, or the binary called `flume-ng`, takes the arguments of
//! Flume 1.11's script and runs the agent by sakia's means.
//!
//! Options that have no meaning here are noted or refused, never passed over. `-d` prints the agent's own file that does
//! the same. Whatever fails ends with exit code 1.

mod avro_client;
mod options;

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::avro_client::AvroClient;
use self::options::{Does, Opt, Typed};
use super::agent::{Origin, checked, property, run_agent};
use super::output::{Output, Report, print, tell};
use crate::agent::RunArgs;
use crate::agent::flume::{self, FlumeFiles, Surroundings};
use crate::config;
use crate::error::{self, Error, Result};
use crate::secret;
use crate::shutdown::Stop;

/// Commands that are refused, and what to use.
const REFUSED: [(&str, &str); 1] =
    [("tool", "its tools are about the files of Flume's own channel; let Flume empty that before the switch")];

/// How often Flume looks at its files.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// What is asked for.
#[derive(Debug)]
pub(super) enum Request {
    Agent(Box<Agent>),
    AvroClient(Box<AvroClient>),
    Print(String),
}

/// An agent to be run.
#[derive(Debug)]
pub(super) struct Agent {
    files: FlumeFiles,
    properties: Vec<String>,
    notes: Vec<String>,
    drain: bool,
    /// How often the files are looked at.
    watch: Option<Duration>,
    /// Print its own file, and run nothing.
    dry: bool,
}

/// The arguments after `flume-ng`, where the front door is asked for: as the first argument, or as the program's name.
pub(super) fn arguments(args: &[OsString]) -> Option<&[OsString]> {
    let (program, rest) = args.split_first()?;
    if Path::new(program).file_name().is_some_and(|name| name == "flume-ng") {
        return Some(rest);
    }
    rest.split_first().filter(|(first, _)| *first == "flume-ng").map(|(_, rest)| rest)
}

/// Reads the arguments.
///
/// # Errors
/// Usage: what Flume refuses, and what we do.
pub(super) fn read(args: &[OsString]) -> Result<Request> {
    let text = |arg: &OsString| {
        let not_text = || error::usage("an argument is not UTF-8").hint("write it in UTF-8");
        arg.to_str().map(str::to_owned).ok_or_else(not_text)
    };
    let args = args.iter().map(text).collect::<Result<Vec<_>>>()?;
    let Some((command, args)) = args.split_first() else {
        return Err(error::usage("Unknown or unspecified command ''").hint("write flume-ng agent -n NAME -f FILE"));
    };
    let mut notes = Vec::new();
    match command.as_str() {
        "help" | "--help" | "-h" => return Ok(Request::Print(help())),
        "version" => return Ok(Request::Print(version())),
        "agent" => {}
        "avro-client" => {
            let client = avro_client::read(args)?;
            return Ok(client.map_or_else(|| Request::Print(help()), |client| Request::AvroClient(Box::new(client))));
        }
        "node" => notes.push("the command node is the old name of agent".to_owned()),
        other => {
            let refused = REFUSED.iter().find(|(name, _)| *name == other);
            return Err(match refused {
                Some((name, instead)) => {
                    error::usage(format!("flume-ng's command {name} is not supported")).hint(*instead)
                }
                None => error::usage(format!("Unknown or unspecified command '{other}'"))
                    .hint("the commands are agent, avro-client, help and version"),
            });
        }
    }
    let typed = options::parse(options::ALL, args, &mut notes)?;
    if typed.has("help") {
        return Ok(Request::Print(help()));
    }
    agent(typed, notes).map(|agent| Request::Agent(Box::new(agent)))
}

fn agent(typed: Typed, mut notes: Vec<String>) -> Result<Agent> {
    let name =
        typed.last("name").ok_or_else(|| error::usage("Missing required option: n").hint("name the agent: -n a1"))?;
    // Flume takes addresses before files.
    let mut files = typed.all("conf-uri").map(path_of_uri).collect::<Result<Vec<PathBuf>>>()?;
    files.extend(typed.all("conf-file").map(PathBuf::from));
    if files.is_empty() {
        return Err(error::usage("no configuration file is named").hint("name it: -f FILE"));
    }
    let config_dir = typed.last("conf").map(PathBuf::from);
    if config_dir.as_ref().is_some_and(|dir| dir.join("flume-env.sh").is_file()) {
        notes.push("flume-env.sh is not run here: what it exports has to be in the environment".to_owned());
    }
    for key in typed.properties.iter().map(|typed| property(typed).0) {
        let why = match key.as_str() {
            "flume.root.logger" | "flume.log.dir" | "flume.log.file" => {
                "the log goes to stderr; SAKIA_LOG says how much"
            }
            key if key.starts_with("log4j") => "the log goes to stderr; SAKIA_LOG says how much",
            key if key.starts_with("org.apache.flume.log.") => "values are not logged; flume-ng agent -d prints them",
            _ => continue,
        };
        notes.push(format!("-D{key} does nothing here: {why}"));
    }
    let files = FlumeFiles { files, agent: name.to_owned(), lenient: typed.has("flume-lenient"), config_dir };
    let (drain, dry) = (typed.has("drain"), typed.has("dryrun"));
    let watch = if typed.has("no-reload-conf") { None } else { Some(poll_interval(&typed)?) };
    Ok(Agent { files, properties: typed.properties, notes, drain, watch, dry })
}

/// How often the files are looked at.
fn poll_interval(typed: &Typed) -> Result<Duration> {
    let Some(text) = typed.last("poll-interval") else { return Ok(POLL_INTERVAL) };
    match text.parse() {
        Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
        _ => Err(error::usage(format!("poll-interval is {text}")).hint("give a number of seconds, such as 30")),
    }
}

/// The file of an address.
fn path_of_uri(uri: &str) -> Result<PathBuf> {
    let path = uri.strip_prefix("file://").or_else(|| uri.strip_prefix("file:"));
    match (path, uri.contains("://")) {
        (Some(path), _) => Ok(PathBuf::from(path)),
        (None, false) => Ok(PathBuf::from(uri)),
        (None, true) => Err(error::usage(format!("-u {uri} is refused"))
            .hint("copy the configuration into a file, and name that by -f")),
    }
}

/// Does what is asked for.
///
/// # Errors
/// Those of the configuration, of the servers and of the agent.
pub(super) async fn run(request: Request, stop: &Stop) -> Result<()> {
    let agent = match request {
        Request::Print(text) => return print(&text),
        Request::AvroClient(client) => return print(&client.run(stop).await?),
        Request::Agent(agent) => *agent,
    };
    let around = Surroundings::of_process(agent.properties.iter().map(|typed| property(typed)).collect());
    if agent.dry {
        let imported = flume::import(&agent.files, &around).and_then(|imported| checked(&agent.files, imported));
        let imported = imported.map_err(told)?;
        let notes: String = agent.notes.iter().map(|note| format!("# {note}\n")).collect();
        return print(&without_passwords(&secret::masked(&format!("{notes}{}", imported.text.trim_end()))));
    }
    agent.notes.iter().for_each(|note| tracing::warn!("{note}"));
    let origin = Origin::Flume(agent.files, around);
    let read = origin.read().map_err(told)?;
    let mut report = Report::new(Output::Table);
    let how = RunArgs { drain: agent.drain, watch: agent.watch, ..RunArgs::default() };
    let done = run_agent(read, origin, &how, &mut report, stop).await;
    if done.is_ok() || !report.summary.steps.is_empty() {
        print(&report.summary.to_table())?;
    }
    done
}

/// An agent's file in which `***` stands for each password of a key store, and for what follows it in its line.
fn without_passwords(text: &str) -> String {
    const KEY: &str = " password = ";
    let shown = |line: &str| match line.split_once(KEY) {
        Some((before, _)) => format!("{before}{KEY}***"),
        None => line.to_owned(),
    };
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}

/// Tells all mistakes but the last, which is given back.
fn told(mut wrong: Vec<Error>) -> Error {
    let last = wrong.pop();
    wrong.iter().for_each(tell);
    last.unwrap_or_else(|| config::first_of(wrong, "sakia agent check"))
}

fn version() -> String {
    format!("Flume 1.11 arguments, read by sakia {}", env!("CARGO_PKG_VERSION"))
}

fn help() -> String {
    let mut text = "Usage: flume-ng <command> [options]...\n\ncommands:\n  help         display this help text\n  \
                    agent        run a Flume agent\n  avro-client  send lines to an avro source\n  \
                    version      show whose arguments are read\n\nagent options:"
        .to_owned();
    describe(&mut text, options::ALL);
    text.push_str(
        "\n  -Dproperty=value               a property that ${sys:property} names\n  \
         -Xproperty=value               [does nothing here]\n\navro-client options:",
    );
    describe(&mut text, avro_client::OPTIONS);
    text.push_str(
        "\n\nsakia agent convert FILE --name NAME prints the agent's own file that does the same, and what is another way.",
    );
    text
}

fn describe(text: &mut String, all: &[Opt]) {
    for opt in all {
        let mut names = format!("--{}", opt.long);
        if let Some(short) = opt.short {
            let _ = write!(names, ",-{short}");
        }
        if let Some(value) = opt.value {
            let _ = write!(names, " <{value}>");
        }
        let note = match opt.does {
            Does::Mapped => "",
            Does::Note(_) => " [does nothing here]",
            Does::Refused(_) => " [refused]",
        };
        // Writing to a string does not fail.
        let _ = write!(text, "\n  {names:<31}{}{note}", opt.help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_stores_are_not_shown() {
        let text = "tls = { key-store = \"/a\", password = 's\"3', trust-store = \"x\" }\nport = 1";
        let shown = "tls = { key-store = \"/a\", password = ***\nport = 1";
        assert_eq!(without_passwords(text), shown);
    }
}
