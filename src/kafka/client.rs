//! Brokers by their numbers, and topics with the leaders of their partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::options::{KafkaServers, LIMIT};
pub(crate) use super::wire::Alive;
use super::wire::{Connection, Request, Sent};
use crate::error::{self, Error, Kind, Result};
use crate::net::tls::Tls;

/// The versions of requests for metadata that name topics by their ids as well.
const WITH_IDS: i16 = 10;

/// Speaks to the brokers of a cluster.
pub(crate) struct Client {
    servers: Arc<KafkaServers>,
    tls: Option<Tls>,
    alive: Alive,
    /// Their addresses, once they were asked for.
    brokers: BTreeMap<i32, String>,
    open: BTreeMap<i32, Connection>,
    /// A connection to one that was configured, whose number is not known.
    first: Option<Connection>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("brokers", &self.brokers).finish_non_exhaustive()
    }
}

/// A topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topic {
    /// `None` where the brokers do not know ids (before 2.8).
    pub id: Option<Uuid>,
    /// Kafka's own.
    pub is_internal: bool,
    /// The leader of each partition; -1 where there is none now.
    pub leaders: BTreeMap<i32, i32>,
}

/// Topics by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Topics {
    pub known: BTreeMap<String, Topic>,
    /// The error of each topic that was asked for and is not there, or not for us.
    pub wrong: BTreeMap<String, i16>,
}

impl Topics {
    /// The leader of a partition, where there is one now.
    pub(crate) fn leader(&self, topic: &str, partition: i32) -> Option<i32> {
        self.known.get(topic)?.leaders.get(&partition).copied().filter(|leader| *leader >= 0)
    }

    /// The error of a topic that was asked for.
    pub(crate) fn error(&self, topic: &str) -> Option<Error> {
        self.wrong.get(topic).map(|code| super::fault::of(*code, format!("topic {topic}")))
    }
}

impl Client {
    /// Nothing is connected to yet.
    ///
    /// # Errors
    /// Config, Auth: what TLS stands on cannot be read.
    pub(crate) fn new(servers: Arc<KafkaServers>, alive: Alive) -> Result<Self> {
        let tls = servers.tls()?;
        Ok(Self { servers, tls, alive, brokers: BTreeMap::new(), open: BTreeMap::new(), first: None })
    }

    /// Connects to the first configured broker that answers.
    fn first(&mut self) -> Result<&mut Connection> {
        if self.first.as_ref().is_some_and(is_over) {
            self.first = None;
        }
        if self.first.is_none() {
            let mut failed: Option<Error> = None;
            for address in &self.servers.brokers {
                match Connection::open(&self.servers, self.tls.as_ref(), address, self.alive.clone()) {
                    Ok(open) => {
                        self.first = Some(open);
                        break;
                    }
                    // Another broker would say the same.
                    Err(e) if !e.is_transient() => return Err(e),
                    Err(e) => failed = Some(failed.unwrap_or(e)),
                }
                if !(self.alive)() {
                    return Err(error::busy("the agent ends"));
                }
            }
            if let (None, Some(e)) = (&self.first, failed) {
                return Err(e);
            }
        }
        self.first.as_mut().ok_or_else(|| error::bug("no broker is configured"))
    }

    /// The connection to a broker; it is connected to where it was not.
    fn broker(&mut self, number: i32) -> Result<&mut Connection> {
        if self.open.get(&number).is_some_and(is_over) {
            self.open.remove(&number);
        }
        if !self.open.contains_key(&number) {
            let address = self.brokers.get(&number);
            let address = address.ok_or_else(|| error::busy(format!("kafka broker {number} is not known now")))?;
            let open = Connection::open(&self.servers, self.tls.as_ref(), address, self.alive.clone()).map_err(|e| {
                let advertised = "it is the address that the brokers advertise (advertised.listeners): let it be reached from here";
                if e.kind() == Kind::Unreachable { e.hint(advertised) } else { e }
            })?;
            self.open.insert(number, open);
        }
        self.open.get_mut(&number).ok_or_else(|| error::bug("a connection is lost"))
    }

    /// Asks any broker.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) fn any<R: Request>(&mut self, request: &R) -> Result<R::Response> {
        let done = self.first()?.call(request, LIMIT);
        self.first = self.first.take().filter(|_| done.is_ok());
        done
    }

    /// Asks a broker.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) fn at<R: Request>(&mut self, broker: i32, request: &R, limit: Duration) -> Result<R::Response> {
        let done = self.broker(broker)?.call(request, limit);
        self.keep(broker, done)
    }

    /// Sends a request to a broker.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) fn send<R: Request>(&mut self, broker: i32, request: &R) -> Result<Sent> {
        let done = self.broker(broker)?.send(request);
        self.keep(broker, done)
    }

    /// Waits for the answer to what was sent to a broker.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) fn receive<R: Request>(&mut self, broker: i32, sent: Sent, limit: Duration) -> Result<R::Response> {
        let open =
            self.open.get_mut(&broker).ok_or_else(|| error::bug("an answer is waited for where nothing was sent"))?;
        let done = open.receive::<R>(sent, limit);
        self.keep(broker, done)
    }

    /// Lets go of a connection that failed.
    fn keep<T>(&mut self, broker: i32, done: Result<T>) -> Result<T> {
        if done.is_err() {
            self.open.remove(&broker);
        }
        done
    }

    /// Lets go of a connection, whose answers nobody waits for.
    pub(super) fn forget(&mut self, broker: i32) {
        self.open.remove(&broker);
    }

    /// Notes where a broker is that an answer named.
    pub(super) fn note(&mut self, broker: i32, host: &str, port: i32) {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        self.brokers.insert(broker, format!("{host}:{port}"));
    }

    /// Asks for topics, or for all of them, and for the brokers; `make` lets the brokers make those that are not there, where
    /// they do that.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn topics(&mut self, names: Option<&BTreeSet<String>>, make: bool) -> Result<Topics> {
        let version = self.first()?.version::<MetadataRequest>()?;
        let topic = |name: &String| {
            MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(name.clone()))))
        };
        let topics = match names {
            Some(names) => Some(names.iter().map(topic).collect()),
            // Before version 1 nothing names all.
            None if version == 0 => Some(Vec::new()),
            None => None,
        };
        let request = MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(make);
        let answer = self.any(&request)?;
        self.brokers.clear();
        for broker in &answer.brokers {
            self.note(broker.node_id.0, &broker.host, broker.port);
        }
        let mut found = Topics::default();
        for topic in answer.topics {
            let Some(name) = topic.name.map(|name| name.0.to_string()) else { continue };
            if topic.error_code != 0 {
                found.wrong.insert(name, topic.error_code);
                continue;
            }
            let id = Some(topic.topic_id).filter(|id| version >= WITH_IDS && !id.is_nil());
            let leaders = topic.partitions.iter().map(|one| (one.partition_index, one.leader_id.0)).collect();
            found.known.insert(name, Topic { id, is_internal: topic.is_internal, leaders });
        }
        Ok(found)
    }

    /// Says whether whoever waits goes on.
    pub(crate) fn is_alive(&self) -> bool {
        (self.alive)()
    }

    /// Waits; says whether whoever waits goes on.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while self.is_alive() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20).min(time));
        }
        self.is_alive()
    }
}

/// Whether the broker wants another login.
fn is_over(open: &Connection) -> bool {
    open.expires.is_some_and(|at| at <= Instant::now())
}
