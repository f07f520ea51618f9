//! What the gateway says turned into kinds; the Java class name in its text decides, in one table.

use super::thrift1::{AlreadyExists, IOError, IllegalArgument};
use crate::error::{Error, Kind};
use crate::net::thrift::{is_timeout, why};
use crate::policy;

const CELL: &str = "store less, or raise hbase.client.keyvalue.maxsize and hbase.server.keyvalue.maxsize in hbase";

/// Java class names, or words of a message that has none of its own, in the order they are looked for: the first one that the text holds decides.
const CLASSES: &[(&str, Kind, &str)] = &[
    ("NoSuchColumnFamilyException", Kind::NotFound, "add the column family to the table, or correct the schema file"),
    ("TableNotFoundException", Kind::NotFound, "create the table, or correct the schema file"),
    ("NamespaceNotFoundException", Kind::NotFound, "create the namespace in the hbase shell: the gateway cannot"),
    ("TableExistsException", Kind::Exists, ""),
    ("TableNotEnabledException", Kind::Refused, "enable the table in the hbase shell"),
    ("AccessDeniedException", Kind::Auth, "grant the gateway's user the right in the hbase shell"),
    ("AccessControlException", Kind::Auth, "grant the gateway's user the right in the hbase shell"),
    ("KeyValue size too large", Kind::Data, CELL),
    ("exceeds limit of", Kind::Data, CELL),
    ("SpaceLimitingException", Kind::Full, "the table's quota of space is used up: list_quotas in the hbase shell"),
    ("QuotaExceededException", Kind::Full, "the namespace's quota is used up: list_quotas in the hbase shell"),
    ("RpcThrottlingException", Kind::Busy, "a throttle of hbase is reached: list_quotas in the hbase shell"),
    ("RegionTooBusyException", Kind::Busy, ""),
    ("CallQueueTooBigException", Kind::Busy, ""),
    ("PleaseHoldException", Kind::Busy, "the hbase master is starting"),
    ("ServerNotRunningYetException", Kind::Busy, "hbase is starting"),
    ("MasterNotRunningException", Kind::Unreachable, "start the hbase master"),
    ("NotServingRegionException", Kind::Busy, ""),
    ("CallTimeoutException", Kind::Unreachable, "check that the region servers run"),
    ("SocketTimeoutException", Kind::Unreachable, "check that the region servers run"),
    ("ConnectException", Kind::Unreachable, "check that the region servers run"),
    ("ConnectionClosedException", Kind::Unreachable, "check that the region servers run"),
    ("RetriesExhaustedException", Kind::Unreachable, "check that the region servers run"),
];

/// Finds the kind and the remedy for a text of the gateway.
fn classify(text: &str) -> (Kind, &'static str) {
    CLASSES
        .iter()
        .find(|(class, ..)| text.contains(class))
        .map_or((Kind::Refused, ""), |(_, kind, hint)| (*kind, *hint))
}

/// Whether a scanner id is unknown to the gateway: it expired, or another gateway answers.
pub(super) fn is_unknown_scanner(error: &thrift::Error) -> bool {
    said_by_server(error).is_some_and(|text| text.to_ascii_lowercase().contains("scanner id"))
}

/// The text of an exception that the service declares.
fn said_by_server(error: &thrift::Error) -> Option<String> {
    let thrift::Error::User(declared) = error else { return None };
    let text = if let Some(e) = declared.downcast_ref::<IOError>() {
        e.message.clone()
    } else if let Some(e) = declared.downcast_ref::<IllegalArgument>() {
        e.message.clone()
    } else if let Some(e) = declared.downcast_ref::<AlreadyExists>() {
        e.message.clone()
    } else {
        None
    };
    Some(text.unwrap_or_else(|| declared.to_string()))
}

/// Turns a failed call into our error; `act` says what was attempted, `endpoint` which gateway.
pub(super) fn explain(error: thrift::Error, act: &str, endpoint: &str) -> Error {
    if let thrift::Error::User(declared) = &error
        && declared.is::<AlreadyExists>()
    {
        return Error::new(Kind::Exists, act);
    }
    if let Some(text) = said_by_server(&error) {
        if let Some(denial) = policy::denial(&text) {
            return denial.into_error(act);
        }
        let (kind, hint) = classify(&text);
        let failed = Error::new(kind, act).source(first_line(&text));
        return if hint.is_empty() { failed } else { failed.hint(hint) };
    }
    let at_gateway = format!("{act} through the hbase thrift gateway {endpoint}");
    match error {
        thrift::Error::Transport(e) if is_timeout(&e) => Error::new(Kind::Unreachable, at_gateway)
            .hint("the gateway waits for hbase: check that the master and the region servers run")
            .source(why(&e)),
        thrift::Error::Transport(e) => Error::new(Kind::Unreachable, at_gateway)
            .hint("look at the gateway's log, and run again once it is back")
            .source(why(&e)),
        thrift::Error::Application(e) => Error::new(Kind::Refused, at_gateway).source(e.message),
        thrift::Error::Protocol(_) => Error::new(Kind::Refused, at_gateway)
            .hint(
                "check whether the gateway wants frames, the compact protocol, HTTP or TLS: framed, compact, url, tls",
            )
            .source("its answer is not one of thrift"),
        thrift::Error::User(e) => Error::new(Kind::Refused, at_gateway).source(e.to_string()),
    }
}

/// The first line, without the stack trace after it, without the packages of Java classes, and without the table's
/// whole description that some messages end with.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or(text);
    let line = line.split_once(", {").map_or(line, |(line, _)| line);
    let mut words: Vec<&str> = Vec::new();
    for word in line.split_whitespace() {
        let word = if word.ends_with("Exception:") { word.rsplit('.').next().unwrap_or(word) } else { word };
        if words.last() != Some(&word) {
            words.push(word);
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_error(text: &str) -> thrift::Error {
        thrift::Error::User(Box::new(IOError::new(text.to_owned())))
    }

    #[test]
    fn class_names_decide_the_kind() {
        for (text, kind) in [
            ("org.apache.hadoop.hbase.TableNotFoundException: t\n\tat x", Kind::NotFound),
            (
                "Failed 1 action: org.apache.hadoop.hbase.regionserver.NoSuchColumnFamilyException: Column family x",
                Kind::NotFound,
            ),
            ("org.apache.hadoop.hbase.NamespaceNotFoundException: ecom", Kind::NotFound),
            ("org.apache.hadoop.hbase.PleaseHoldException: Master is initializing", Kind::Busy),
            ("org.apache.hadoop.hbase.security.AccessDeniedException: x", Kind::Auth),
            (
                "Failed 1 action: org.apache.hadoop.hbase.DoNotRetryIOException: Cell[\"a/f:c/1/Put/vlen=11\"] with size \
                 31 exceeds limit of 10 bytes in table t",
                Kind::Data,
            ),
            ("java.lang.IllegalArgumentException: KeyValue size too large", Kind::Data),
            (
                "org.apache.hadoop.hbase.client.RetriesExhaustedWithDetailsException: Failed 1 action: \
                 org.apache.hadoop.hbase.quotas.SpaceLimitingException: NO_INSERTS Puts are disallowed due to a space quota.",
                Kind::Full,
            ),
            ("org.apache.hadoop.hbase.quotas.RpcThrottlingException: write size limit exceeded", Kind::Busy),
            ("org.apache.hadoop.hbase.RegionTooBusyException: Over memstore limit", Kind::Busy),
            ("something new", Kind::Refused),
        ] {
            let error = explain(io_error(text), "cannot put rows into t", "h:1");
            assert_eq!(error.kind(), kind, "{text}");
            assert!(!error.to_string().contains("\tat"), "{error}");
        }
    }

    #[test]
    fn a_message_is_cut_to_what_a_reader_needs() {
        let text = "org.apache.hadoop.hbase.regionserver.NoSuchColumnFamilyException: \
                    org.apache.hadoop.hbase.regionserver.NoSuchColumnFamilyException: Column family nope does not \
                    exist in region t,,1.4ac. in table 't', {TABLE_ATTRIBUTES => {}}, {NAME => 'f'}\n\tat x.y.Z";
        let expected =
            "NoSuchColumnFamilyException: Column family nope does not exist in region t,,1.4ac. in table 't'";
        assert_eq!(first_line(text), expected);
    }

    #[test]
    fn a_call_that_was_waited_for_in_vain_says_so() {
        let late: thrift::Error = std::io::Error::from_raw_os_error(11).into();
        assert!(explain(late, "cannot get", "h:1").to_string().contains("h:1: no answer in time"));
    }

    #[test]
    fn an_existing_table_is_a_condition() {
        let error = explain(thrift::Error::User(Box::new(AlreadyExists::new(None))), "cannot create t", "h:1");
        assert_eq!(error.kind(), Kind::Exists);
    }
}
