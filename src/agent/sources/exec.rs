//! The lines that a command prints, as Flume's `exec` source takes them.
//!
//! A command cannot be asked to print something again: what it printed while the agent was not running, or while it was
//! killed, is lost. Where the command follows a log (`tail -F`), the source `taildir` reads that log without loss; the
//! start says so.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::{Source, SourceReport, intake};
use crate::agent::event::Event;
use crate::agent::outlet::Outlet;
use crate::agent::position::PositionForm;
use crate::config::Timespan;
use crate::error::{self, Error, Result};

pub(in crate::agent) const FORM: PositionForm = PositionForm { kind: Cow::Borrowed("exec"), version: 1 };

/// How long a command has to end when it is asked to.
const GRACE: Duration = Duration::from_secs(2);

/// Lines that wait to be put.
const WAITING: usize = 1_000;

/// What the source is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ExecOptions {
    /// Program and arguments, parted by blanks; with `shell` a line for the shell.
    pub command: String,
    /// The shell that runs the command, such as `/bin/sh -c`.
    #[serde(default)]
    pub shell: Option<String>,
    /// Run the command again when it has ended.
    #[serde(default)]
    pub restart: bool,
    /// Pause before it is run again.
    #[serde(default = "throttle")]
    pub restart_throttle: Timespan,
    /// Take what it prints on stderr into the agent's log.
    #[serde(default)]
    pub log_stderr: bool,
    /// Lines that are put at once.
    #[serde(default = "batch_size")]
    pub batch_size: usize,
    /// Longest time a line waits for others.
    #[serde(default = "batch_timeout")]
    pub batch_timeout: Timespan,
}

fn throttle() -> Timespan {
    Timespan::from_secs(10)
}

fn batch_size() -> usize {
    1_000
}

fn batch_timeout() -> Timespan {
    Timespan::from_secs(3)
}

/// Runs a command.
#[derive(Debug)]
pub(in crate::agent) struct ExecSource(pub ExecOptions);

impl Source for ExecSource {
    fn run(self: Box<Self>, outlet: Arc<Outlet>) -> Result<SourceReport> {
        if self.0.command.contains("tail -") {
            tracing::warn!(
                "{} loses what is printed while the agent does not run; a source of type taildir follows the log without loss",
                self.0.command
            );
        }
        let mut notes = Vec::new();
        Handle::current().block_on(async {
            while outlet.is_open() {
                let code = self.0.once(&outlet).await?;
                if !self.0.restart {
                    notes.push(format!("the command ended with {code}"));
                    break;
                }
                tracing::warn!("the command ended with {code}; it is run again");
                if !pause(&outlet, self.0.restart_throttle.get()).await {
                    break;
                }
            }
            Ok::<_, Error>(())
        })?;
        Ok(SourceReport { notes, ..SourceReport::default() })
    }
}

/// Waits, not longer than the outlet takes events; says whether it still does.
async fn pause(outlet: &Arc<Outlet>, time: Duration) -> bool {
    tokio::select! {
        () = tokio::time::sleep(time) => true,
        () = intake::closed(outlet.clone()) => false,
    }
}

impl ExecOptions {
    fn child(&self) -> Result<Child> {
        let words: Vec<&str> = match &self.shell {
            Some(shell) => shell.split_whitespace().chain([self.command.as_str()]).collect(),
            None => self.command.split_whitespace().collect(),
        };
        let (program, arguments) =
            words.split_first().ok_or_else(|| error::config("command is empty").hint("give a program"))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        // What the command starts ends with it.
        command.process_group(0);
        command.stderr(if self.log_stderr { Stdio::piped() } else { Stdio::null() });
        let what = || format!("cannot run {program}");
        command.spawn().map_err(|e| error::config(what()).hint("check command and shell").source(e))
    }

    /// Runs the command once, until it ends or the outlet takes no more; says how it ended.
    async fn once(&self, outlet: &Arc<Outlet>) -> Result<String> {
        let mut child = self.child()?;
        if let Some(stderr) = child.stderr.take() {
            let (to, mut said) = mpsc::channel(1);
            tokio::spawn(read(stderr, to));
            tokio::spawn(async move {
                while let Some(line) = said.recv().await {
                    tracing::warn!("the command says: {}", String::from_utf8_lossy(&line));
                }
            });
        }
        let (to, mut from) = mpsc::channel(WAITING);
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(read(stdout, to));
        }
        let taken = self.take(&mut from, outlet).await;
        let ended = match taken {
            Ok(()) => tokio::select! {
                status = child.wait() => Some(status),
                () = intake::closed(outlet.clone()) => None,
            },
            Err(_) => None,
        };
        let status = match ended {
            Some(status) => status.map_err(|e| error::refused("cannot wait for the command").source(e))?,
            None => end(&mut child).await?,
        };
        taken.map(|()| status.to_string())
    }

    /// Puts the lines until the command has printed all, or the outlet takes no more.
    async fn take(&self, from: &mut mpsc::Receiver<Bytes>, outlet: &Arc<Outlet>) -> Result<()> {
        while let Some(batch) = self.batch(from, outlet).await {
            let outlet = outlet.clone();
            let put = tokio::task::spawn_blocking(move || outlet.put(batch, BTreeMap::new(), None));
            if !put.await.map_err(|e| error::bug("a put panicked").source(e))?? {
                break;
            }
        }
        Ok(())
    }

    /// The next lines; `None` when the command has ended and all are taken, or the outlet takes no more.
    async fn batch(&self, from: &mut mpsc::Receiver<Bytes>, outlet: &Arc<Outlet>) -> Option<Vec<Event>> {
        let first = tokio::select! {
            line = from.recv() => line?,
            () = intake::closed(outlet.clone()) => return None,
        };
        let mut batch = vec![Event { body: first, ..Event::default() }];
        let until = Instant::now() + self.batch_timeout.get();
        while batch.len() < self.batch_size.max(1) {
            let next = tokio::time::timeout_at(until.into(), from.recv());
            tokio::select! {
                next = next => match next {
                    Ok(Some(body)) => batch.push(Event { body, ..Event::default() }),
                    Ok(None) | Err(_) => break,
                },
                () = intake::closed(outlet.clone()) => break,
            }
        }
        Some(batch)
    }
}

/// Ends a command with all that it started: asked first, and made to if it does not.
async fn end(child: &mut Child) -> Result<ExitStatus> {
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    for (signal, patience) in [(Signal::TERM, GRACE), (Signal::KILL, Duration::MAX)] {
        if let Some(Err(e)) = group.map(|group| kill_process_group(group, signal)) {
            tracing::warn!("cannot end the command: {e}");
        }
        if let Ok(status) = tokio::time::timeout(patience, child.wait()).await {
            return status.map_err(|e| error::refused("cannot wait for the command").source(e));
        }
    }
    Err(error::bug("a command that was killed does not end"))
}

/// Gives the lines of a stream; a last one without an end is one, too.
async fn read(stream: impl AsyncRead + Unpin, to: mpsc::Sender<Bytes>) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(read) if read > 0) {
        let mut body = std::mem::take(&mut line);
        if body.ends_with(b"\n") {
            body.pop();
        }
        if body.ends_with(b"\r") {
            body.pop();
        }
        if to.send(body.into()).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::channels::memory::MemoryChannel;
    use crate::agent::channels::{Channel, ChannelLimits, Take};
    use crate::agent::interceptors::Interceptors;
    use crate::agent::outlet::Feed;
    use crate::agent::selector::{Selector, SelectorArgs};

    fn options(command: &str, more: &str) -> ExecOptions {
        toml::from_str(&format!("command = {command:?}\n{more}")).unwrap()
    }

    async fn run(options: ExecOptions, until: usize) -> (Vec<String>, Result<SourceReport>) {
        let limits = ChannelLimits { max_bytes: 1 << 20, max_events: 1_000, segment_bytes: 0, min_free_bytes: 0 };
        let channel: Arc<dyn Channel> = Arc::new(MemoryChannel::new(limits, None));
        let selector = Selector::new(&SelectorArgs::default(), &["c".to_owned()]).unwrap();
        let feed = Feed { channel: channel.clone(), feeders: Arc::default() };
        let outlet = Arc::new(Outlet::new("e", FORM, vec![feed], selector, Interceptors::default()));
        let running = tokio::task::spawn_blocking(move || Box::new(ExecSource(options)).run(outlet));
        let bodies = tokio::task::spawn_blocking(move || {
            let mut bodies = Vec::new();
            while bodies.len() < until {
                match channel.take(Duration::from_secs(20)).unwrap() {
                    Take::Record { batch, .. } => {
                        let text = |event: &Event| String::from_utf8(event.body.to_vec()).unwrap();
                        bodies.extend(batch.events.iter().map(text));
                    }
                    Take::End => break,
                    other => panic!("{other:?}"),
                }
            }
            channel.close();
            bodies
        });
        (bodies.await.unwrap(), running.await.unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn lines_of_a_command_that_ends() {
        let (bodies, done) = run(options("printf one\\ntwo\\r\\nthree", ""), usize::MAX).await;
        assert_eq!(bodies, ["one", "two", "three"]);
        assert!(done.unwrap().notes[0].contains("exit status: 0"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_shell_takes_the_command_as_one_line() {
        let (bodies, _) = run(options("for i in 1 2; do echo line $i; done", "shell = '/bin/sh -c'"), usize::MAX).await;
        assert_eq!(bodies, ["line 1", "line 2"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_command_is_run_again_and_ended_by_a_stop() {
        let more = "shell = '/bin/sh -c'\nrestart = true\nrestart-throttle = '10ms'\nbatch-timeout = '10ms'";
        let (bodies, done) = run(options("echo again", more), 3).await;
        assert_eq!(bodies[..3], ["again", "again", "again"]);
        done.unwrap();
        let began = Instant::now();
        let endless =
            options("trap '' TERM; echo $$; sleep 1000; true", "shell = '/bin/sh -c'\nbatch-timeout = '10ms'");
        let (bodies, done) = run(endless, 1).await;
        done.unwrap();
        assert!(began.elapsed() < Duration::from_secs(20));
        let group: i32 = bodies[0].parse().unwrap();
        let is_alive =
            || std::process::Command::new("pgrep").args(["-g", &group.to_string()]).status().unwrap().success();
        while is_alive() {
            assert!(began.elapsed() < Duration::from_secs(20), "what the command started goes with it");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_program_that_is_not_there_is_named() {
        let said = run(options("/nonexistent/program x", ""), 1).await.1.unwrap_err().to_string();
        assert!(said.contains("/nonexistent/program"), "{said}");
    }
}
