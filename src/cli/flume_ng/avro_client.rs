//! `flume-ng avro-client`: lines of a file, of stdin or of the files of a directory, to an avro source.
//!
//! Source: Flume 1.11 `AvroCLIClient`. It ends with 1 where lines could not be sent, and where headers could not be read:
//! Flume says so in its log alone.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::options::{self, Does, Opt, opt};
use crate::agent::flume::{headers, plain_client, rpc_client};
use crate::agent::{SendOptions, send_directory, send_lines};
use crate::error::{self, Result};
use crate::shutdown::Stop;
use crate::telemetry::summary::counted;

/// Lines of a call, where no properties say otherwise.
const BATCH_SIZE: usize = 5;

/// The options, in the order of the help.
pub(super) const OPTIONS: &[Opt] = &[
    opt("host", Some("H"), Some("host"), Does::Mapped, "host of the avro source"),
    opt("port", Some("p"), Some("port"), Does::Mapped, "port of the avro source"),
    opt("filename", Some("F"), Some("file"), Does::Mapped, "file whose lines are sent; stdin where none is named"),
    opt("dirname", None, Some("dir"), Does::Mapped, "directory of files that are complete; they are renamed"),
    opt("headerFile", Some("R"), Some("file"), Does::Mapped, "properties that each event has as headers"),
    opt("rpcProps", Some("P"), Some("file"), Does::Mapped, "properties of the client, in place of host and port"),
    opt("help", Some("h"), None, Does::Mapped, "display help text"),
    opt("conf", Some("c"), Some("dir"), Does::Note("flume-env.sh is not run"), "directory of flume-env.sh"),
    opt(
        "dryrun",
        Some("d"),
        None,
        Does::Refused("take it out: there is no command of Java to show"),
        "show the command",
    ),
    opt("classpath", Some("C"), Some("cp"), Does::Note("no class of Java's is run"), "append to the classpath"),
    opt("plugins-path", None, Some("dirs"), Does::Note("no class of Java's is run"), "plugins.d directories"),
];

/// Lines to be sent.
#[derive(Debug)]
pub(in crate::cli) struct AvroClient {
    to: SendOptions,
    from: Input,
    notes: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Input {
    Stdin,
    File(PathBuf),
    Directory(PathBuf),
}

/// Reads the arguments, and the files of properties that they name; `None` where help is asked for.
///
/// # Errors
/// Usage: what Flume refuses. Config: a file of properties.
pub(super) fn read(args: &[String]) -> Result<Option<AvroClient>> {
    let mut notes = Vec::new();
    let typed = options::parse(OPTIONS, args, &mut notes)?;
    if typed.has("help") {
        return Ok(None);
    }
    let from = match (typed.last("filename"), typed.last("dirname")) {
        (Some(_), Some(_)) => {
            return Err(error::usage("--filename and --dirname options cannot be used simultaneously").hint("keep one"));
        }
        (Some(file), None) => Input::File(PathBuf::from(file)),
        (None, Some(directory)) => Input::Directory(PathBuf::from(directory)),
        (None, None) => Input::Stdin,
    };
    let mut to = match (typed.last("rpcProps"), typed.last("host"), typed.last("port")) {
        (Some(file), ..) => rpc_client(Path::new(file))?,
        (None, Some(host), Some(port)) => {
            let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                error::usage(format!("--port {port} is not a port")).hint("give a number from 1 to 65535")
            })?;
            SendOptions { client: plain_client(host.to_owned(), port), batch_size: BATCH_SIZE, headers: Vec::new() }
        }
        _ => {
            return Err(error::usage("Either --rpcProps or both --host and --port must be specified.")
                .hint("write flume-ng avro-client -H HOST -p PORT"));
        }
    };
    if let Some(file) = typed.last("headerFile") {
        to.headers = headers(Path::new(file))?;
    }
    Ok(Some(AvroClient { to, from, notes }))
}

impl AvroClient {
    /// Sends the lines, and says how many there were.
    ///
    /// # Errors
    /// Those of the files and of the other agent.
    pub(super) async fn run(self, stop: &Stop) -> Result<String> {
        let Self { to, from, notes } = self;
        notes.iter().for_each(|note| tracing::warn!("{note}"));
        let sent = match from {
            Input::Stdin => stop.or(send_lines(&to, std::io::stdin())).await?,
            Input::File(path) => {
                let opened = File::open(&path).map_err(|e| {
                    error::not_found(format!("cannot open {}", path.display()))
                        .hint("check its path and rights")
                        .source(e)
                })?;
                stop.or(send_lines(&to, opened)).await?
            }
            Input::Directory(path) => stop.or(send_directory(&to, &path)).await?,
        };
        Ok(format!("{} sent to {}", counted(sent, "line", "lines"), to.client.server()))
    }
}
