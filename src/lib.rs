//! sakia moves MySQL tables and click logs into HDFS, Hive and HBase: the roles of Sqoop and Flume in one binary.
//!
//! Everything that lands in a cluster lands by one transaction, the load (`load`): parts are staged under a hidden
//! name, a manifest is the commit point, publishing and registering are safe to repeat.
//!
//! The rooms, from the ground up; a file uses only lower floors and its own room:
//!
//! | floor | rooms |
//! |---|---|
//! | 0 | [`access`], `checkup`, [`config`], [`error`], `fuzz`, [`kerberos`], `lease`, [`memory`], `net`, `policy`, `private`, `retry`, `secret`, [`shutdown`], [`site`], [`telemetry`] |
//! | 1 | [`format`](mod@format), [`hbase`], [`hiveserver2`], `kafka`, [`metastore`], [`mysql`], [`storage`] |
//! | 2 | [`load`] |
//! | 3 | `agent`, [`lookup`], `query`, [`scd2`], [`transfer`] |
//! | 4 | `pipeline` |
//! | 5 | [`cli`] |

// A load inside an import inside a pipeline is a future within futures, some 45 deep.
#![recursion_limit = "256"]
#![warn(unreachable_pub)]

pub mod access;
mod agent;
mod checkup;
pub mod cli;
pub mod config;
pub mod error;
pub mod format;
pub mod hbase;
pub mod hiveserver2;
mod kafka;
pub mod kerberos;
mod lease;
pub mod load;
pub mod lookup;
pub mod memory;
pub mod metastore;
pub mod mysql;
mod net;
mod pipeline;
mod policy;
mod private;
mod query;
mod retry;

pub mod scd2;
mod secret;
pub mod shutdown;
pub mod site;
pub mod storage;
pub mod telemetry;
pub mod transfer;
mod trigger;

#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(any(test, fuzzing))]
pub use agent::fuzz::targets;
