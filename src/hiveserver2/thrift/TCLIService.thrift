// The part of HiveServer2's Thrift interface that sakia calls, written from the protocol's facts (names, field numbers,
// types). Fields we do not read are left out; the generated reader skips what it does not know.
// Generate the Rust module with `make generate` (thrift --gen rs, compiler 0.17).
//
// Checked on HiveServer2 4.0.1. Columnar results need protocol V6 or later.

enum TProtocolVersion {
  HIVE_CLI_SERVICE_PROTOCOL_V1 = 0,
  HIVE_CLI_SERVICE_PROTOCOL_V6 = 5, // columnar results, binary payload
  HIVE_CLI_SERVICE_PROTOCOL_V10 = 9 // progress in GetOperationStatus
}

enum TStatusCode {
  SUCCESS_STATUS = 0,
  SUCCESS_WITH_INFO_STATUS = 1,
  STILL_EXECUTING_STATUS = 2,
  ERROR_STATUS = 3,
  INVALID_HANDLE_STATUS = 4
}

// One line of infoMessages per exception and frame of the server's stack; errorMessage is the one to show.
struct TStatus {
  1: required TStatusCode statusCode,
  2: optional list<string> infoMessages,
  3: optional string sqlState,
  4: optional i32 errorCode,
  5: optional string errorMessage
}

struct THandleIdentifier {
  1: required binary guid,
  2: required binary secret
}

struct TSessionHandle {
  1: required THandleIdentifier sessionId
}

enum TOperationType {
  EXECUTE_STATEMENT = 0
}

struct TOperationHandle {
  1: required THandleIdentifier operationId,
  2: required TOperationType operationType,
  3: required bool hasResultSet,
  4: optional double modifiedRowCount
}

enum TOperationState {
  INITIALIZED_STATE = 0,
  RUNNING_STATE = 1,
  FINISHED_STATE = 2,
  CANCELED_STATE = 3,
  CLOSED_STATE = 4,
  ERROR_STATE = 5,
  UKNOWN_STATE = 6, // the protocol's own spelling
  PENDING_STATE = 7,
  TIMEDOUT_STATE = 8
}

// ---- types of result columns ----

enum TTypeId {
  BOOLEAN_TYPE = 0,
  TINYINT_TYPE = 1,
  SMALLINT_TYPE = 2,
  INT_TYPE = 3,
  BIGINT_TYPE = 4,
  FLOAT_TYPE = 5,
  DOUBLE_TYPE = 6,
  STRING_TYPE = 7,
  TIMESTAMP_TYPE = 8,
  BINARY_TYPE = 9,
  ARRAY_TYPE = 10,
  MAP_TYPE = 11,
  STRUCT_TYPE = 12,
  UNION_TYPE = 13,
  USER_DEFINED_TYPE = 14,
  DECIMAL_TYPE = 15,
  NULL_TYPE = 16,
  DATE_TYPE = 17,
  VARCHAR_TYPE = 18,
  CHAR_TYPE = 19,
  INTERVAL_YEAR_MONTH_TYPE = 20,
  INTERVAL_DAY_TIME_TYPE = 21,
  TIMESTAMPLOCALTZ_TYPE = 22
}

union TTypeQualifierValue {
  1: optional i32 i32Value,
  2: optional string stringValue
}

// Keys: precision, scale, characterMaximumLength.
struct TTypeQualifiers {
  1: required map<string, TTypeQualifierValue> qualifiers
}

struct TPrimitiveTypeEntry {
  1: required TTypeId type,
  2: optional TTypeQualifiers typeQualifiers
}

// Of nested types only the fact is read: their values come as JSON text.
struct TNestedTypeEntry {
}

union TTypeEntry {
  1: TPrimitiveTypeEntry primitiveEntry,
  2: TNestedTypeEntry arrayEntry,
  3: TNestedTypeEntry mapEntry,
  4: TNestedTypeEntry structEntry,
  5: TNestedTypeEntry unionEntry,
  6: TNestedTypeEntry userDefinedTypeEntry
}

struct TTypeDesc {
  1: required list<TTypeEntry> types
}

struct TColumnDesc {
  1: required string columnName,
  2: required TTypeDesc typeDesc,
  3: required i32 position,
  4: optional string comment
}

struct TTableSchema {
  1: required list<TColumnDesc> columns
}

// ---- result columns: values and a bitmap of NULLs, lowest bit first, which may be shorter than the column ----

struct TBoolColumn {
  1: required list<bool> values,
  2: required binary nulls
}

struct TByteColumn {
  1: required list<i8> values,
  2: required binary nulls
}

struct TI16Column {
  1: required list<i16> values,
  2: required binary nulls
}

struct TI32Column {
  1: required list<i32> values,
  2: required binary nulls
}

struct TI64Column {
  1: required list<i64> values,
  2: required binary nulls
}

struct TDoubleColumn {
  1: required list<double> values,
  2: required binary nulls
}

// Declared as text by the protocol; read as bytes, since a server does not always send valid UTF-8.
struct TStringColumn {
  1: required list<binary> values,
  2: required binary nulls
}

struct TBinaryColumn {
  1: required list<binary> values,
  2: required binary nulls
}

union TColumn {
  1: TBoolColumn boolVal,
  2: TByteColumn byteVal,
  3: TI16Column i16Val,
  4: TI32Column i32Val,
  5: TI64Column i64Val,
  6: TDoubleColumn doubleVal,
  7: TStringColumn stringVal,
  8: TBinaryColumn binaryVal
}

// Row-wise results (before V6); required by the protocol, always empty for us.
struct TRow {
}

struct TRowSet {
  1: required i64 startRowOffset,
  2: required list<TRow> rows,
  3: optional list<TColumn> columns
}

// ---- calls ----

struct TOpenSessionReq {
  1: required TProtocolVersion client_protocol,
  2: optional string username,
  3: optional string password,
  4: optional map<string, string> configuration
}

struct TOpenSessionResp {
  1: required TStatus status,
  2: required TProtocolVersion serverProtocolVersion,
  3: optional TSessionHandle sessionHandle,
  4: optional map<string, string> configuration
}

struct TCloseSessionReq {
  1: required TSessionHandle sessionHandle
}

struct TCloseSessionResp {
  1: required TStatus status
}

struct TExecuteStatementReq {
  1: required TSessionHandle sessionHandle,
  2: required string statement,
  3: optional map<string, string> confOverlay,
  4: optional bool runAsync
}

struct TExecuteStatementResp {
  1: required TStatus status,
  2: optional TOperationHandle operationHandle
}

struct TGetOperationStatusReq {
  1: required TOperationHandle operationHandle
}

struct TGetOperationStatusResp {
  1: required TStatus status,
  2: optional TOperationState operationState,
  3: optional string sqlState,
  4: optional i32 errorCode,
  5: optional string errorMessage,
  9: optional bool hasResultSet,
  11: optional i64 numModifiedRows
}

struct TCancelOperationReq {
  1: required TOperationHandle operationHandle
}

struct TCancelOperationResp {
  1: required TStatus status
}

struct TCloseOperationReq {
  1: required TOperationHandle operationHandle
}

struct TCloseOperationResp {
  1: required TStatus status
}

struct TGetResultSetMetadataReq {
  1: required TOperationHandle operationHandle
}

struct TGetResultSetMetadataResp {
  1: required TStatus status,
  2: optional TTableSchema schema
}

enum TFetchOrientation {
  FETCH_NEXT = 0
}

struct TFetchResultsReq {
  1: required TOperationHandle operationHandle,
  2: required TFetchOrientation orientation,
  3: required i64 maxRows,
  4: optional i16 fetchType // 0 rows, 1 the log of the operation, as one column of text
}

struct TFetchResultsResp {
  1: required TStatus status,
  2: optional bool hasMoreRows, // not to be trusted: false while there are more
  3: optional TRowSet results
}

enum TGetInfoType {
  CLI_DBMS_NAME = 17
}

struct TGetInfoReq {
  1: required TSessionHandle sessionHandle,
  2: required TGetInfoType infoType
}

union TGetInfoValue {
  1: string stringValue
}

struct TGetInfoResp {
  1: required TStatus status,
  2: optional TGetInfoValue infoValue // the protocol says required, and a failure brings none
}

service TCLIService {
  TOpenSessionResp OpenSession(1: TOpenSessionReq req),
  TGetInfoResp GetInfo(1: TGetInfoReq req),
  TCloseSessionResp CloseSession(1: TCloseSessionReq req),
  TExecuteStatementResp ExecuteStatement(1: TExecuteStatementReq req),
  TGetOperationStatusResp GetOperationStatus(1: TGetOperationStatusReq req),
  TCancelOperationResp CancelOperation(1: TCancelOperationReq req),
  TCloseOperationResp CloseOperation(1: TCloseOperationReq req),
  TGetResultSetMetadataResp GetResultSetMetadata(1: TGetResultSetMetadataReq req),
  TFetchResultsResp FetchResults(1: TFetchResultsReq req)
}
