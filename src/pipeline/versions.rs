//! The versions of an agent: its own file's text, the servers that it names, and the connection to them, which versions with
//! the same servers share.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::rc::Rc;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::agent::AgentPipeline;
use super::config::Pipeline;
use super::connections::Connections;
use super::servers::Servers;
use crate::agent::{self, AgentFile, Version, Versions};
use crate::config;
use crate::error::{Error, Result};
use crate::load::Cluster;
use crate::shutdown::Stop;

/// An agent's own file as text.
#[derive(Clone, Debug)]
pub(crate) struct AgentText {
    pub text: String,
    /// What it is called in errors.
    pub origin: String,
    /// The command that says all that is wrong with it.
    pub check: String,
    /// Where relative local paths begin.
    pub base: PathBuf,
}

/// Where the text comes from.
pub(crate) struct AgentOrigin {
    /// The files that say it.
    pub files: Vec<PathBuf>,
    /// Reads them as they are now.
    pub read: Box<dyn Fn() -> Result<AgentText, Vec<Error>>>,
}

/// The versions of an agent.
pub(super) struct AgentVersions {
    origin: AgentOrigin,
    /// The servers of all versions so far.
    known: Vec<Known>,
}

/// Servers, and the connection to them.
struct Known {
    base: PathBuf,
    servers: Servers,
    cluster: Rc<OnceCell<Cluster>>,
}

/// A version.
struct AgentVersion {
    text: AgentText,
    pipeline: Pipeline,
    needs_cluster: bool,
    needs_hbase: bool,
    servers: u64,
    cluster: Rc<OnceCell<Cluster>>,
}

impl AgentVersions {
    pub(super) fn new(origin: AgentOrigin) -> Self {
        Self { origin, known: Vec::new() }
    }

    /// The version of an agent that was read.
    pub(super) fn version(&mut self, agent: AgentPipeline) -> Rc<dyn Version> {
        let AgentPipeline { pipeline, agent, text } = agent;
        let Pipeline { base, servers, .. } = &pipeline;
        let number = self.known.iter().position(|known| known.base == *base && known.servers == *servers);
        let number = number.unwrap_or_else(|| {
            self.known.push(Known { base: base.clone(), servers: servers.clone(), cluster: Rc::default() });
            self.known.len() - 1
        });
        let (servers, cluster) = (number as u64 + 1, self.known[number].cluster.clone());
        let (needs_cluster, needs_hbase) = (agent.needs_cluster(), agent.needs_hbase());
        Rc::new(AgentVersion { text, pipeline, needs_cluster, needs_hbase, servers, cluster })
    }
}

impl Versions for AgentVersions {
    fn read(&mut self) -> Result<Rc<dyn Version>, Vec<Error>> {
        let agent = AgentPipeline::check_text((self.origin.read)()?)?;
        Ok(self.version(agent))
    }

    fn stamp(&self) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        for file in &self.origin.files {
            std::fs::read(file).ok()?.hash(&mut hasher);
        }
        Some(hasher.finish())
    }
}

#[async_trait(?Send)]
impl Version for AgentVersion {
    fn file(&self) -> Result<AgentFile> {
        let read = AgentPipeline::check_text(self.text.clone());
        read.map(|read| read.agent).map_err(|wrong| config::first_of(wrong, &self.text.check))
    }

    async fn open(&self, with_cluster: bool, stop: &Stop) -> Result<agent::Servers> {
        let connect = || async { Connections::new(&self.pipeline)?.cluster(stop).await.cloned() };
        let cluster = match with_cluster && self.needs_cluster {
            true => Some(self.cluster.get_or_try_init(connect).await?.clone()),
            false => None,
        };
        let hbase = if self.needs_hbase { self.pipeline.hbase()? } else { None };
        Ok(agent::Servers { cluster, hbase })
    }

    fn servers(&self) -> u64 {
        self.servers
    }
}
