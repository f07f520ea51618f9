//! The Hive metastore: external tables over directories that a load has filled, their partitions and parameters.
//!
//! It speaks the metastore's Thrift interface (checked on 3.1.3 and 4.0.1) and only ever changes tables that carry
//! our [`OWNER_PARAMETER`] or that the caller lets it take over; it never creates managed or transactional tables, and it drops nothing but its
//! notes of tables of ours and of partitions whose directory a load has replaced.

mod client;
mod evolve;
mod fault;
mod location;
pub mod names;
mod options;
mod partitions;
mod probe;
mod reader;
mod spec;
mod statistics;
mod stored;
mod tables;
mod thrift;
pub mod types;
mod version;

pub use client::MetastoreClient;
pub use options::MetastoreOptions;
pub use spec::{Column, HiveStorage, PartitionSpec, TableInfo, TableSpec, listed};
pub use statistics::Statistics;
pub use stored::{StoredFiles, StoredPartition, StoredTable};
pub use version::Version;

/// The table parameter that marks a table as made by us.
pub const OWNER_PARAMETER: &str = "sakia.owner";

/// The value of [`OWNER_PARAMETER`].
pub const OWNER: &str = "sakia";
