//! What is asked of a NameNode besides files: how connections are protected, whether there is a trash, which encryption
//! zone a path is in. The client below knows none of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::OnceCell;

use super::options::{self, HdfsOptions};
use super::protection::{self, Wanted};
use super::rpc::{Caller, Defaults, Namenode, Room};
use crate::error::{self, Error, Kind, Result};
use crate::kerberos::Credentials;
use crate::net::{Server, thrift};

/// Pause between two rounds of NameNodes.
const PAUSE: Duration = Duration::from_millis(250);

/// The NameNodes behind one address, and how they are spoken to.
#[derive(Debug)]
pub(super) struct Line {
    speaker: Arc<Speaker>,
    facts: OnceCell<Facts>,
    /// For the name by which we log in, where the cluster did not say.
    options: HdfsOptions,
    /// Directory of all home directories.
    homes: String,
    /// `fs.trash.interval` here, in minutes.
    trash_minutes: f64,
    /// Whether the site files name a key server.
    has_keys: bool,
    /// The encryption zones that were met.
    zones: Mutex<BTreeSet<String>>,
    /// Why the client below cannot get keys from it as it should, if so.
    no_keys: Option<&'static str>,
}

#[derive(Debug)]
struct Speaker {
    namenodes: Vec<Server>,
    caller: Caller,
    wanted: Wanted,
    secure: bool,
}

/// What a NameNode said.
#[derive(Clone, Debug)]
struct Facts {
    defaults: Defaults,
    /// What it calls us, where it was heard.
    user: Option<String>,
}

impl Speaker {
    /// Asks the active NameNode; where several change places, again until one is active, for the time of a connection.
    /// Blocks.
    fn ask<T>(&self, question: impl Fn(&mut Namenode) -> Result<T>) -> Result<T> {
        let began = Instant::now();
        loop {
            let mut last = None;
            for server in &self.namenodes {
                match Namenode::open(server, &self.caller).and_then(|mut namenode| question(&mut namenode)) {
                    Err(e) if e.is_transient() => last = Some((e, server.limit)),
                    told => return told,
                }
            }
            match last {
                None => return Err(error::config("hdfs has no namenode")),
                Some((_, limit)) if self.namenodes.len() > 1 && began.elapsed() < limit => std::thread::sleep(PAUSE),
                Some((e, _)) => return Err(e),
            }
        }
    }

    fn facts(&self) -> Result<Facts> {
        self.ask(|namenode| {
            let defaults = namenode.defaults()?;
            let user = match self.secure {
                true => protection::try_datanode(namenode, &defaults, &self.wanted)?,
                false => None,
            };
            Ok(Facts { defaults, user })
        })
    }
}

impl Line {
    /// Whose tickets are shown.
    pub(super) fn credentials(&self) -> &Credentials {
        self.options.access.credentials()
    }

    /// Prepares; nothing is asked yet.
    ///
    /// # Errors
    /// Config: a setting that cannot be read.
    pub(super) fn new(options: &HdfsOptions, settings: &BTreeMap<String, String>, authority: &str) -> Result<Self> {
        let limit = options.connect_timeout();
        let servers = options::namenodes(settings, authority).into_iter();
        let namenodes = servers.map(|address| Server::new("an hdfs namenode", address, limit)).collect();
        let access = &options.access;
        let speaker = Speaker {
            namenodes,
            caller: options::caller(options, settings)?,
            wanted: Wanted::new(settings)?,
            secure: access.is_secure(),
        };
        let no_keys = match (access.proxy_user(), options::token(options)) {
            (Some(_), _) => Some("a proxy user is set, and the key server would be asked by who logs in"),
            (_, Some(_)) => Some("there is a delegation token in place of a ticket, and the key server wants a ticket"),
            _ => None,
        };
        let get = |name: &str| settings.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let trash_minutes = get("fs.trash.interval")
            .map_or(Ok(0.0), str::parse)
            .map_err(|e| error::config("fs.trash.interval of the site files is not a number of minutes").source(e))?;
        Ok(Self {
            speaker: Arc::new(speaker),
            facts: OnceCell::new(),
            options: options.clone(),
            homes: get("dfs.user.home.dir.prefix").unwrap_or("/user").trim_end_matches('/').to_owned(),
            trash_minutes,
            has_keys: get("hadoop.security.key.provider.path").is_some(),
            zones: Mutex::default(),
            no_keys: no_keys.filter(|_| access.is_secure()),
        })
    }

    /// Whether connections to DataNodes have to be encrypted.
    pub(super) fn is_private(&self) -> bool {
        self.speaker.wanted.is_private()
    }

    /// Makes sure that one of the NameNodes answers and lets us in, and says why not: the client below would go on trying.
    /// One that is not the active one does as well.
    ///
    /// # Errors
    /// Auth, Refused, Config: we are not let in. Unreachable: none answers.
    pub(super) async fn greet(&self) -> Result<()> {
        let mut asked: FuturesUnordered<_> = self
            .speaker
            .namenodes
            .iter()
            .map(|server| {
                let (speaker, server) = (self.speaker.clone(), server.clone());
                thrift::blocking(move || Namenode::open(&server, &speaker.caller)?.defaults().map(drop))
            })
            .collect();
        let mut worst: Option<Error> = None;
        let gravity = |error: &Error| match error.kind() {
            Kind::Unreachable => 0,
            Kind::Busy => 1,
            _ => 2,
        };
        while let Some(told) = asked.next().await {
            let Err(error) = told else { return Ok(()) };
            if worst.as_ref().is_none_or(|worst| gravity(worst) < gravity(&error)) {
                worst = Some(error);
            }
        }
        match worst {
            // The one that is active may be about to be it.
            Some(error) if error.kind() == Kind::Busy => Ok(()),
            Some(error) => Err(error),
            None => Err(error::config("hdfs has no namenode")),
        }
    }

    /// Makes sure, on a cluster with Kerberos, that connections are protected as the site files ask.
    ///
    /// # Errors
    /// Refused: they are not. Those of the NameNode.
    pub(super) async fn check(&self) -> Result<()> {
        if self.speaker.secure { self.facts().await.map(drop) } else { Ok(()) }
    }

    async fn facts(&self) -> Result<&Facts> {
        let speaker = self.speaker.clone();
        self.facts.get_or_try_init(|| thrift::blocking(move || speaker.facts())).await
    }

    /// Whether the NameNode takes no writes.
    ///
    /// # Errors
    /// Those of the NameNode.
    pub(super) async fn is_safe_mode(&self) -> Result<bool> {
        let speaker = self.speaker.clone();
        thrift::blocking(move || speaker.ask(Namenode::is_safe_mode)).await
    }

    /// How much the DataNodes hold, and may still take.
    ///
    /// # Errors
    /// Those of the NameNode.
    pub(super) async fn room(&self) -> Result<Room> {
        let speaker = self.speaker.clone();
        thrift::blocking(move || speaker.ask(Namenode::room)).await
    }

    /// Where the NameNode gets the keys of encryption zones from, if it has any.
    ///
    /// # Errors
    /// Those of the NameNode.
    pub(super) async fn key_provider(&self) -> Result<Option<String>> {
        Ok(self.facts().await?.defaults.key_provider.clone().filter(|keys| !keys.is_empty()))
    }

    /// The encryption zone that a path is in, or will be in once it is there.
    ///
    /// # Errors
    /// Config: there is one, and no way to its keys. Those of the NameNode.
    pub(super) async fn zone(&self, path: &str) -> Result<Option<String>> {
        let Some(keys) = self.key_provider().await? else { return Ok(None) };
        let (speaker, of) = (self.speaker.clone(), path.to_owned());
        let Some(zone) = thrift::blocking(move || speaker.ask(|namenode| zone_of(namenode, &of))).await? else {
            return Ok(None);
        };
        let refused = |why: &str| error::config(format!("{path} is in the encryption zone {zone}: {why}"));
        match (self.has_keys, self.no_keys) {
            (false, _) => Err(refused("the site files name no key server")
                .hint(format!("set hadoop.security.key.provider.path = {keys} in core-site.xml"))),
            (true, Some(why)) => Err(refused(why).hint("use a ticket of a user who may use the zone's key")),
            (true, None) => {
                self.zones().insert(zone.clone());
                Ok(Some(zone))
            }
        }
    }

    /// Whether a zone was met.
    pub(super) fn has_zones(&self) -> bool {
        !self.zones().is_empty()
    }

    /// Whether a path is in a zone that was met. Over WebHDFS the DataNode would write there, in the clear up to it and with
    /// its own right to the key, which it mostly does not have.
    pub(super) fn is_in_zone(&self, path: &str) -> bool {
        let inside =
            |zone: &String| path.strip_prefix(zone.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
        self.zones().iter().any(inside)
    }

    fn zones(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // A set of paths is whole after every panic.
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directory that takes what is deleted at a path, `Current` of a trash; `None` where the cluster keeps nothing.
    ///
    /// The NameNode's `fs.trash.interval` decides, where it has one, else the one here.
    ///
    /// Source: Hadoop 3.4 `Trash.moveToAppropriateTrash`, `DistributedFileSystem.getTrashRoot`.
    ///
    /// # Errors
    /// Those of [`zone`](Self::zone).
    pub(super) async fn trash(&self, path: &str) -> Result<Option<String>> {
        let facts = self.facts().await?;
        if facts.defaults.trash_minutes.unwrap_or_default() == 0 && self.trash_minutes <= 0.0 {
            return Ok(None);
        }
        let user = match facts.user.clone() {
            Some(user) => user,
            None => {
                let options = self.options.clone();
                thrift::blocking(move || Ok(options::user_of_paths(&options))).await?
            }
        };
        Ok(Some(match self.zone(path).await? {
            Some(zone) => format!("{}/.Trash/{user}/Current", zone.trim_end_matches('/')),
            None => format!("{}/{user}/.Trash/Current", self.homes),
        }))
    }
}

/// The zone of the nearest directory that is there.
fn zone_of(namenode: &mut Namenode, path: &str) -> Result<Option<String>> {
    let mut path = path.trim_end_matches('/');
    loop {
        match namenode.zone(if path.is_empty() { "/" } else { path }) {
            Err(e) if e.kind() == Kind::NotFound && !path.is_empty() => path = &path[..path.rfind('/').unwrap_or(0)],
            told => return told,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_in_a_zone_or_beside_it() {
        let line = Line::new(&HdfsOptions::default(), &BTreeMap::new(), "nn:8020").unwrap();
        line.zones().insert("/lake".to_owned());
        assert!(line.is_in_zone("/lake/t/part-0"));
        assert!(!line.is_in_zone("/lakeside/t") && !line.is_in_zone("/tmp/lake/t"));
        line.zones().insert("/".to_owned());
        assert!(line.is_in_zone("/lakeside/t"));
    }
}
