//! Kafka, as a client: brokers and their topics, a consumer group, records read and written.
//!
//! ```text
//! options   where the brokers are and how they are spoken to: TLS, SASL      options
//! wire      a connection: requests in the newest version both sides know     wire, login
//! client    brokers by number, topics and their leaders                      client
//! group     one member of a consumer group: joining, its beat, its offsets   group, assign, beat
//! records   batches of records as they lie in a topic, and their codecs      records, codec
//! reading   from leaders, in parallel                                        fetch
//! writing   to leaders, each batch once however often it is sent             produce, partition
//! ```
//!
//! The messages are those of the crate `kafka-protocol`, which encodes and decodes and does nothing else; all above them
//! is here. librdkafka was not taken: it is a C library that builds by its own configure script, brings its own TLS
//! (OpenSSL) and links Cyrus SASL for Kerberos, where this binary has one TLS (rustls), finds GSSAPI when it runs, and
//! starts on hosts that have neither. What is not needed was left out: transactions of our own, the admin API, and
//! cooperative rebalancing.
//!
//! It refuses brokers before 0.11 (their batches have no checksum of this kind and no transactions), a topic's batches
//! from before that, and the answers of whoever does not speak Kafka.

mod assign;
mod beat;
mod client;
mod codec;
mod fault;
mod fetch;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod group;
mod login;
mod options;
mod partition;
mod produce;
mod records;
mod wire;

pub(crate) use self::assign::{Assigned, Assignor};
pub(crate) use self::beat::{Beat, Verdict};
pub(crate) use self::client::{Alive, Client, Topics};
pub(crate) use self::codec::Codec;
pub(crate) use self::fetch::{Limits, Outcome, Place, Wanted};
pub(crate) use self::group::{Committed, GroupOptions, Member};
pub(crate) use self::options::{KafkaServers, SaslArgs, TlsArgs, is_topic};
pub(crate) use self::produce::{Acks, Addressed, Producer, ProducerOptions};
pub(crate) use self::records::{Header, Isolation, Record};
