// The part of the Hive metastore's Thrift interface that sakia calls, written from the protocol's facts (names, field
// numbers, types). Fields we do not read are left out; the generated reader skips what it does not know. A structure
// that is read, changed and sent back (Table, Partition and what they hold) has all the fields that a metastore keeps
// of an external table, so that nothing is lost on the way. Every field is optional: what is not set is not sent.
// Generate the Rust module with `make generate` (thrift --gen rs, compiler 0.17).
//
// Checked on the metastores 3.1.3 and 4.0.1. A metastore before 4.0 skips the fields it does not know.

enum PrincipalType {
  USER = 1,
  ROLE = 2,
  GROUP = 3
}

enum ClientCapability {
  TEST_CAPABILITY = 1,
  INSERT_ONLY_TABLES = 2
}

enum SerdeType {
  HIVE = 1,
  SCHEMA_REGISTRY = 2
}

struct Database {
  1: optional string name,
  2: optional string description,
  3: optional string locationUri,
  4: optional map<string, string> parameters,
  6: optional string ownerName,
  7: optional PrincipalType ownerType
}

struct FieldSchema {
  1: optional string name,
  2: optional string type,
  3: optional string comment
}

struct SerDeInfo {
  1: optional string name,
  2: optional string serializationLib,
  3: optional map<string, string> parameters,
  4: optional string description,
  5: optional string serializerClass,
  6: optional string deserializerClass,
  7: optional SerdeType serdeType
}

struct Order {
  1: optional string col,
  2: optional i32 order
}

struct SkewedInfo {
  1: optional list<string> skewedColNames,
  2: optional list<list<string>> skewedColValues,
  3: optional map<list<string>, string> skewedColValueLocationMaps
}

struct StorageDescriptor {
  1: optional list<FieldSchema> cols,
  2: optional string location,
  3: optional string inputFormat,
  4: optional string outputFormat,
  5: optional bool compressed,
  6: optional i32 numBuckets,
  7: optional SerDeInfo serdeInfo,
  8: optional list<string> bucketCols,
  9: optional list<Order> sortCols,
  10: optional map<string, string> parameters,
  11: optional SkewedInfo skewedInfo,
  12: optional bool storedAsSubDirectories
}

struct Table {
  1: optional string tableName,
  2: optional string dbName,
  3: optional string owner,
  4: optional i32 createTime,
  5: optional i32 lastAccessTime,
  6: optional i32 retention,
  7: optional StorageDescriptor sd,
  8: optional list<FieldSchema> partitionKeys,
  9: optional map<string, string> parameters,
  10: optional string viewOriginalText,
  11: optional string viewExpandedText,
  12: optional string tableType,
  14: optional bool temporary,
  15: optional bool rewriteEnabled,
  17: optional string catName,
  18: optional PrincipalType ownerType,
  19: optional i64 writeId,
  22: optional i8 accessType,
  23: optional list<string> requiredReadCapabilities,
  24: optional list<string> requiredWriteCapabilities,
  25: optional i64 id
}

struct Partition {
  1: optional list<string> values,
  2: optional string dbName,
  3: optional string tableName,
  4: optional i32 createTime,
  5: optional i32 lastAccessTime,
  6: optional StorageDescriptor sd,
  7: optional map<string, string> parameters,
  9: optional string catName,
  10: optional i64 writeId
}

struct EnvironmentContext {
  1: optional map<string, string> properties
}

struct ClientCapabilities {
  1: optional list<ClientCapability> values
}

struct GetTableRequest {
  1: optional string dbName,
  2: optional string tblName,
  3: optional ClientCapabilities capabilities
}

struct GetTableResult {
  1: optional Table table
}

struct AddPartitionsRequest {
  1: optional string dbName,
  2: optional string tblName,
  3: optional list<Partition> parts,
  4: optional bool ifNotExists,
  5: optional bool needResult
}

struct AddPartitionsResult {
}

exception MetaException {
  1: optional string message
}

exception AlreadyExistsException {
  1: optional string message
}

exception InvalidObjectException {
  1: optional string message
}

exception NoSuchObjectException {
  1: optional string message
}

exception InvalidOperationException {
  1: optional string message
}

// The first call belongs to fb303, the service that the metastore's own extends.
service ThriftHiveMetastore {
  string getVersion(),

  void create_database(1: Database database)
    throws (1: AlreadyExistsException o1, 2: InvalidObjectException o2, 3: MetaException o3),
  Database get_database(1: string name) throws (1: NoSuchObjectException o1, 2: MetaException o2),

  void create_table(1: Table tbl)
    throws (1: AlreadyExistsException o1, 2: InvalidObjectException o2, 3: MetaException o3,
            4: NoSuchObjectException o4),
  void drop_table(1: string dbname, 2: string name, 3: bool deleteData)
    throws (1: NoSuchObjectException o1, 2: MetaException o3),
  // The table as it is, on every metastore since 2.3; get_table is gone from 4.0.1.
  GetTableResult get_table_req(1: GetTableRequest req) throws (1: MetaException o1, 2: NoSuchObjectException o2),
  void alter_table_with_environment_context(1: string dbname, 2: string tbl_name, 3: Table new_tbl,
                                            4: EnvironmentContext environment_context)
    throws (1: InvalidOperationException o1, 2: MetaException o2),

  AddPartitionsResult add_partitions_req(1: AddPartitionsRequest request)
    throws (1: InvalidObjectException o1, 2: AlreadyExistsException o2, 3: MetaException o3),
  bool drop_partition_by_name(1: string db_name, 2: string tbl_name, 3: string part_name, 4: bool deleteData)
    throws (1: NoSuchObjectException o1, 2: MetaException o2),
  list<Partition> get_partitions(1: string db_name, 2: string tbl_name, 3: i16 max_parts)
    throws (1: NoSuchObjectException o1, 2: MetaException o2),
  list<string> get_partition_names(1: string db_name, 2: string tbl_name, 3: i16 max_parts)
    throws (1: MetaException o2),
  list<Partition> get_partitions_by_names(1: string db_name, 2: string tbl_name, 3: list<string> names)
    throws (1: MetaException o1, 2: NoSuchObjectException o2),
  void alter_partitions_with_environment_context(1: string db_name, 2: string tbl_name, 3: list<Partition> new_parts,
                                                 4: EnvironmentContext environment_context)
    throws (1: InvalidOperationException o1, 2: MetaException o2),

  string get_delegation_token(1: string token_owner, 2: string renewer_kerberos_principal_name)
    throws (1: MetaException o1)
}
