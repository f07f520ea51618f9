//! The exceptions a metastore declares, and the breaks of its connection, as our errors: one table for all methods.

use hive_metastore::{
    ThriftHiveMetastoreAddPartitionsReqException as AddPartitions,
    ThriftHiveMetastoreAlterPartitionsWithEnvironmentContextException as AlterPartitions,
    ThriftHiveMetastoreAlterTableWithEnvironmentContextException as AlterTable,
    ThriftHiveMetastoreCreateDatabaseException as CreateDatabase,
    ThriftHiveMetastoreCreateTableException as CreateTable,
    ThriftHiveMetastoreDropPartitionByNameException as DropPartition,
    ThriftHiveMetastoreDropTableException as DropTable, ThriftHiveMetastoreGetAllDatabasesException as GetAllDatabases,
    ThriftHiveMetastoreGetDatabaseException as GetDatabase,
    ThriftHiveMetastoreGetPartitionNamesException as GetPartitionNames,
    ThriftHiveMetastoreGetPartitionsByNamesException as GetPartitions,
    ThriftHiveMetastoreGetPartitionsException as GetAllPartitions, ThriftHiveMetastoreGetTableReqException as GetTable,
};
use volo_thrift::ClientError;

use crate::error::{Error, Kind};

/// A declared exception: its condition and the server's words.
pub(super) trait Fault {
    fn parts(self) -> (Kind, String);
}

/// Says for each method which exception stands for which condition.
macro_rules! faults {
    ($($method:ident { $($variant:ident => $kind:ident),* })*) => {
        $(impl Fault for $method {
            fn parts(self) -> (Kind, String) {
                match self {
                    $(Self::$variant(e) => (Kind::$kind, e.message.unwrap_or_default().to_string()),)*
                }
            }
        })*
    };
}

faults! {
    GetAllDatabases { O1 => Refused }
    CreateDatabase { O1 => Exists, O2 => Schema, O3 => Refused }
    GetDatabase { O1 => NotFound, O2 => Refused }
    GetTable { O1 => Refused, O2 => NotFound }
    CreateTable { O1 => Exists, O2 => Schema, O3 => Refused, O4 => NotFound }
    AlterTable { O1 => Refused, O2 => Refused }
    DropTable { O1 => NotFound, O3 => Refused }
    AddPartitions { O1 => Schema, O2 => Exists, O3 => Refused }
    GetPartitionNames { O2 => Refused }
    GetPartitions { O1 => Refused, O2 => NotFound }
    GetAllPartitions { O1 => NotFound, O2 => Refused }
    AlterPartitions { O1 => Refused, O2 => Refused }
    DropPartition { O1 => NotFound, O2 => Refused }
}

/// A declared exception met while doing `what`.
pub(super) fn declared(what: &str, fault: impl Fault) -> Error {
    let (kind, message) = fault.parts();
    // The metastore passes on what the filesystem told it only as the text of a MetaException.
    let denied = kind == Kind::Refused && message.contains("AccessControlException");
    Error::new(if denied { Kind::Auth } else { kind }, what).source(cut(message))
}

/// A failure inside a metastore comes with the whole SQL statement that failed.
fn cut(mut message: String) -> String {
    const LONGEST_CHARS: usize = 300;
    if let Some((end, _)) = message.char_indices().nth(LONGEST_CHARS) {
        message.truncate(end);
        message.push_str("...");
    }
    message
}

/// A call that got no answer, or one that is not an answer to it.
pub(super) fn broken(what: &str, uri: &str, error: ClientError) -> Error {
    match error {
        ClientError::Application(e) => Error::new(Kind::Refused, format!("{what}: {uri}")).source(e.to_string()),
        ClientError::Protocol(e) => {
            Error::new(Kind::Unreachable, format!("{what}: {uri} does not answer as a metastore"))
                .source(e.to_string())
                .hint("check host and port, and whether the metastore wants SASL or TLS, which are not supported")
        }
        // The library's own text names its types, and an address that it made up.
        ClientError::Transport(e) => {
            Error::new(Kind::Unreachable, format!("{what}: cannot talk to the metastore {uri}"))
                .source(e.kind().to_string())
                .hint("check that the metastore runs there and that its address is right")
        }
        ClientError::Biz(e) => Error::new(Kind::Refused, format!("{what}: {uri}")).source(e.status_message.to_string()),
    }
}
