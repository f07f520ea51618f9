//! An agent's own file: the tables of the servers as a pipeline has them, and those of its sources, channels and sinks.

use std::path::Path;

use tracing::Instrument;

use super::config::Pipeline;
use super::connections::Connections;
use super::file::{self, Opened};
use super::versions::{AgentOrigin, AgentText, AgentVersions};
use crate::agent::{self, AgentFile, CompactArgs, Held, ReplayArgs, RunArgs, Servers, Verdict};
use crate::config::{self, Document};
use crate::error::{self, Error, Result};
use crate::secret::Secret;
use crate::shutdown::Stop;
use crate::telemetry::summary::Summary;

/// An agent and the servers it writes to.
#[derive(Debug)]
pub(crate) struct AgentPipeline {
    /// The servers; without steps.
    pub(super) pipeline: Pipeline,
    pub(super) agent: AgentFile,
    /// What it was read from.
    pub(super) text: AgentText,
}

impl AgentPipeline {
    /// Whether a file has the tables of an agent, and not those of a pipeline.
    ///
    /// # Errors
    /// Config: it cannot be read, or is not TOML.
    pub(crate) fn is_one(file: &Path) -> Result<bool> {
        let (text, origin) = (config::read_text(file)?, file.display().to_string());
        let document = Document::parse(&text, &origin)?;
        Ok(agent::TABLES.iter().any(|table| document.has(table)) && !document.has("step"))
    }

    /// Reads and checks an agent's file; speaks to no server.
    ///
    /// # Errors
    /// Config: the first thing that is wrong with the file, and how many more there are.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        Self::check_file(file)
            .map_err(|wrong| config::first_of(wrong, &format!("sakia agent check {}", file.display())))
    }

    /// As [`AgentPipeline::read`], with everything that is wrong.
    ///
    /// # Errors
    /// Config: one error for each mistake that can be found without a server.
    pub(crate) fn check_file(file: &Path) -> Result<Self, Vec<Error>> {
        Self::check_text(Self::text_of(file).map_err(|e| vec![e])?)
    }

    /// The text of an agent's own file.
    ///
    /// # Errors
    /// Config: it cannot be read.
    pub(crate) fn text_of(file: &Path) -> Result<AgentText> {
        let base = file.parent().unwrap_or(Path::new("")).to_owned();
        let (origin, check) = (file.display().to_string(), format!("sakia agent check {}", file.display()));
        Ok(AgentText { text: config::read_text(file)?, origin, check, base })
    }

    /// As [`AgentPipeline::check_file`], of a file's text.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn check_text(text: AgentText) -> Result<Self, Vec<Error>> {
        let (agent, opened) = file::open_text(&text.text, &text.origin, &text.base, &agent::TABLES, take)?;
        let Opened { base, servers, .. } = opened;
        Ok(Self { pipeline: Pipeline { base, servers, steps: Vec::new() }, agent, text })
    }

    /// Where it is watched by its file: address, port, and the token that is wanted; `None` where only a flag can say it.
    pub(crate) fn watched(&self) -> Option<(String, u16, Option<Secret>)> {
        self.agent.watched()
    }

    /// Runs the tests that the file holds; asks no server.
    ///
    /// # Errors
    /// Bug: what was checked cannot be run.
    pub(crate) fn try_out(&self) -> Result<Vec<Verdict>> {
        agent::try_out(&self.agent)
    }

    /// Runs the agent until a stop, or, where it drains, until its sources have no more. The summary has each sink. Asked
    /// to, it reads its origin again, and goes on as that is then.
    ///
    /// # Errors
    /// Of the first part of the agent that fails.
    pub(crate) async fn run(
        self,
        origin: AgentOrigin,
        how: &RunArgs,
        summary: &mut Summary,
        stop: &Stop,
    ) -> Result<()> {
        let span = tracing::info_span!("run", id = %summary.run_id);
        let work = async {
            let mut versions = AgentVersions::new(origin);
            let first = versions.version(self);
            summary.steps = agent::run_file(first, &mut versions, how, &summary.run_id, stop).await?;
            Ok(())
        };
        Box::pin(work).instrument(span).await
    }
}

impl AgentPipeline {
    /// What sinks write to.
    async fn open(&self, stop: &Stop) -> Result<Servers> {
        let cluster = match self.agent.needs_cluster() {
            true => Some(Connections::new(&self.pipeline)?.cluster(stop).await?.clone()),
            false => None,
        };
        let hbase = if self.agent.needs_hbase() { self.pipeline.hbase()? } else { None };
        Ok(Servers { cluster, hbase })
    }

    /// What would be replayed of what sinks put aside; nothing is changed.
    ///
    /// # Errors
    /// Those of [`agent::look`] and of the cluster.
    pub(crate) async fn rejects(self, what: &ReplayArgs, stop: &Stop) -> Result<Vec<Held>> {
        let servers = self.open(stop).await?;
        stop.or(agent::look(self.agent, what, servers.cluster.as_ref())).await
    }

    /// Sends what a sink put aside through its channel once more. The summary has the sink.
    ///
    /// # Errors
    /// Those of [`agent::replay`] and of the cluster.
    pub(crate) async fn replay(self, what: &ReplayArgs, summary: &mut Summary, stop: &Stop) -> Result<()> {
        let span = tracing::info_span!("run", id = %summary.run_id);
        let work = async {
            let servers = self.open(stop).await?;
            summary.steps = agent::replay(self.agent, what, &servers, &summary.run_id, stop).await?;
            Ok(())
        };
        Box::pin(work).instrument(span).await
    }

    /// Rewrites the small files of closed partitions into few. The summary has each sink.
    ///
    /// # Errors
    /// Those of [`agent::compact`] and of the cluster.
    pub(crate) async fn compact(self, what: &CompactArgs, summary: &mut Summary, stop: &Stop) -> Result<()> {
        let span = tracing::info_span!("run", id = %summary.run_id);
        let work = async {
            let servers = self.open(stop).await?;
            summary.steps = agent::compact(self.agent, what, servers.cluster.as_ref(), &summary.run_id, stop).await?;
            Ok(())
        };
        Box::pin(work).instrument(span).await
    }
}

/// Takes the agent out of its file, with what it needs of the servers.
fn take(document: &mut Document<'_>, opened: &mut Opened) -> Option<AgentFile> {
    let agent = AgentFile::take(document, &opened.base).map_err(|all| opened.wrong.extend(all)).ok()?;
    let needed =
        [("hdfs", agent.needs_cluster()), ("metastore", agent.needs_metastore()), ("hbase", agent.needs_hbase())];
    for (table, is_needed) in needed {
        if is_needed && !opened.servers.has(table) {
            let what = format!("{}: there is no [{table}] table, which a sink needs", opened.origin);
            opened.wrong.push(error::config(what).hint("say where the server is"));
        }
    }
    Some(agent)
}
