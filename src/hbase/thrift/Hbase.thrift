// The part of HBase's Thrift interface (thrift1) that sakia calls, written from the protocol's facts (names, field
// numbers, types). Every field is optional: what is not set is not sent.
// Generate the Rust module with `make generate` (thrift --gen rs, compiler 0.17).
//
// Checked on the gateway of HBase 2.4 and 2.6.

struct TCell {
  1: optional binary value,
  2: optional i64 timestamp
}

// A field that is not sent is a zero to the gateway, not HBase's default: all are set where a family is made.
struct ColumnDescriptor {
  1: optional binary name,
  2: optional i32 maxVersions,
  3: optional string compression,
  4: optional bool inMemory,
  5: optional string bloomFilterType,
  6: optional i32 bloomFilterVectorSize,
  7: optional i32 bloomFilterNbHashes,
  8: optional bool blockCacheEnabled,
  9: optional i32 timeToLive
}

struct Mutation {
  1: optional bool isDelete,
  2: optional binary column,
  3: optional binary value,
  4: optional bool writeToWAL
}

struct BatchMutation {
  1: optional binary row,
  2: optional list<Mutation> mutations
}

struct TRowResult {
  1: optional binary row,
  2: optional map<binary, TCell> columns
}

struct TScan {
  1: optional binary startRow,
  2: optional binary stopRow,
  3: optional i64 timestamp,
  4: optional list<binary> columns,
  5: optional i32 caching,
  6: optional binary filterString,
  7: optional i32 batchSize,
  8: optional bool sortColumns,
  9: optional bool reversed,
  10: optional bool cacheBlocks
}

exception IOError {
  1: optional string message
}

exception IllegalArgument {
  1: optional string message
}

exception AlreadyExists {
  1: optional string message
}

enum TThriftServerType {
  ONE = 1,
  TWO = 2
}

service Hbase {
  TThriftServerType getThriftServerType(),

  list<binary> getTableNames() throws (1: IOError io),
  map<binary, ColumnDescriptor> getColumnDescriptors(1: binary tableName) throws (1: IOError io),
  void createTable(1: binary tableName, 2: list<ColumnDescriptor> columnFamilies)
    throws (1: IOError io, 2: IllegalArgument ia, 3: AlreadyExists exist),

  void mutateRowsTs(1: binary tableName, 2: list<BatchMutation> rowBatches, 3: i64 timestamp,
                    4: map<binary, binary> attributes)
    throws (1: IOError io, 2: IllegalArgument ia),
  bool checkAndPut(1: binary tableName, 2: binary row, 3: binary column, 5: binary value, 6: Mutation mput,
                   7: map<binary, binary> attributes)
    throws (1: IOError io, 2: IllegalArgument ia),

  list<TRowResult> getRow(1: binary tableName, 2: binary row, 3: map<binary, binary> attributes)
    throws (1: IOError io),
  list<TRowResult> getRowWithColumns(1: binary tableName, 2: binary row, 3: list<binary> columns,
                                     4: map<binary, binary> attributes)
    throws (1: IOError io),

  i32 scannerOpenWithScan(1: binary tableName, 2: TScan scan, 3: map<binary, binary> attributes)
    throws (1: IOError io),
  list<TRowResult> scannerGetList(1: i32 id, 2: i32 nbRows) throws (1: IOError io, 2: IllegalArgument ia),
  void scannerClose(1: i32 id) throws (1: IOError io, 2: IllegalArgument ia)
}
