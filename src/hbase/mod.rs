//! HBase behind its Thrift gateway (the `thrift1` service): tables by schema file, rows in batches, gets and scans.
//!
//! Every cell carries a timestamp that the caller fixes, so a batch may be sent twice. What the gateway
//! cannot do is refused or said, never imitated: it knows no namespaces and no split points (`createTable` makes one
//! region), and a batch is not atomic: when one row of it is refused, others may have been stored.
//!
//! | file | what |
//! |---|---|
//! | `options` | where the gateways are |
//! | `transport` | one byte stream to one of them |
//! | `gateway` | the blocking half: connect, check, reconnect once |
//! | `client` | the async half that the rest of the house uses |
//! | `scan` | a scan that survives a lost connection |
//! | `row`, `mutation` | what is read, what is written |
//! | `schema`, `row_key` | the files in `hbase-schemas/` |
//! | `lease` | who may write to a table |
//! | `fault` | the gateway's exceptions turned into kinds |

mod client;
mod fault;
mod gateway;
mod lease;
mod mutation;
mod options;
mod row;
mod row_key;
mod scan;
mod schema;
mod transport;

pub use client::HBaseClient;
pub use lease::CellLease;
pub use mutation::{BatchLimits, RowMutation};
pub use options::HBaseOptions;
pub use row::{Cell, Row};
pub use row_key::RowKeyRecipe;
pub use scan::{Scan, Scanner};
pub use schema::TableSchema;
