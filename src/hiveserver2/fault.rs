//! Failures of HiveServer2 turned into kinds, in one table, and their text cut down to what a reader needs.

use super::tcli_service::{TStatus, TStatusCode};
use crate::error::{self, Error, Kind, Result};
use crate::net::Server;
use crate::net::thrift::{is_timeout, why};
use crate::policy;

/// What the server says about a failed call or operation.
#[derive(Debug, Default)]
pub(super) struct Failure {
    pub sql_state: Option<String>,
    pub code: Option<i32>,
    pub message: Option<String>,
}

/// The remedy where the server does not know the session, or what runs in it, any more.
const SESSION_ENDED: &str = "the session has ended, as after hive.server2.idle.session.timeout; run again";

/// Which condition a piece of the server's text stands for; the first match counts.
const CONDITIONS: &[(&str, Kind, &str)] = &[
    ("Table not found", Kind::NotFound, "check the name, and that the step that makes the table has run"),
    ("Database does not exist", Kind::NotFound, "check the name, and that the step that makes it has run"),
    // Where a session is opened in it.
    ("new session: Database", Kind::NotFound, "check the database of the url, and that the step that makes it has run"),
    ("TABLE_OR_VIEW_NOT_FOUND", Kind::NotFound, "check the name, and that the step that makes the table has run"),
    ("SCHEMA_NOT_FOUND", Kind::NotFound, "check the name, and that the step that makes it has run"),
    ("UNRESOLVED_COLUMN", Kind::Schema, "check the column names against the table"),
    ("DATA_SOURCE_NOT_FOUND", Kind::Config, "give the spark thrift server iceberg's runtime, or use the shape parquet"),
    ("NoSuchObjectException", Kind::NotFound, ""),
    ("NoSuchTableException", Kind::NotFound, ""),
    ("AlreadyExistsException", Kind::Exists, ""),
    ("already exists", Kind::Exists, ""),
    ("Cardinality Violation", Kind::Data, "several source rows meet one target row"),
    ("ParseException", Kind::Bug, "this server does not take the statement as HiveQL"),
    ("Invalid table alias or column reference", Kind::Schema, "check the column names against the table"),
    ("Invalid column reference", Kind::Schema, "check the column names against the table"),
    ("HiveAccessControlException", Kind::Auth, "the user needs more rights in hive"),
    ("AccessControlException", Kind::Auth, "the user that the server acts as needs more rights in hdfs"),
    ("Permission denied", Kind::Auth, "the user needs more rights"),
    ("write conflict", Kind::Busy, "somebody else writes to the table; run again"),
    ("LockException", Kind::Busy, "somebody else holds the lock; run again later"),
    ("Error in acquiring locks", Kind::Busy, "somebody else holds the lock; run again later"),
    ("Transaction manager has aborted", Kind::Busy, "the transaction timed out or lost a conflict; run again"),
    ("safe mode", Kind::Busy, "wait until the namenode leaves safe mode"),
    ("is decommissioned or inactive", Kind::Unreachable, "the server is shutting down; run again when it is back"),
    ("on an inactive HS2 instance", Kind::Unreachable, "the server is starting or shutting down; run again later"),
    ("Invalid SessionHandle", Kind::Unreachable, SESSION_ENDED),
    ("Invalid OperationHandle", Kind::Unreachable, SESSION_ENDED),
    ("Session does not exist", Kind::Unreachable, SESSION_ENDED),
    ("Cannot open new connection", Kind::Busy, "the server has all the sessions it allows"),
    ("Connection refused", Kind::Unreachable, "a server behind hiveserver2 is away"),
    ("Unable to instantiate", Kind::Unreachable, "a server behind hiveserver2 is away"),
    ("TTransportException", Kind::Unreachable, "a server behind hiveserver2 is away"),
    ("SemanticException", Kind::Refused, ""),
];

/// Texts that Hive puts in front of the one that says something.
const PREFIXES: &[&str] = &[
    "Error while compiling statement:",
    "Error while processing statement:",
    "Error running query:",
    "FAILED:",
    "Execution Error, return code",
    "org.apache.hive.service.cli.HiveSQLException:",
    "SemanticException",
    "ParseException",
    "java.lang.RuntimeException:",
];

/// As much is said of a failure whose cause is told behind it.
const MOST_CHARS_BEFORE_A_CAUSE: usize = 200;

impl Failure {
    /// The error, naming the statement by its first words.
    pub(super) fn into_error(self, attempt: &str) -> Error {
        let message = self.message.unwrap_or_else(|| "the server gave no reason".to_owned());
        if let Some(denial) = policy::denial(&message) {
            return denial.into_error(attempt);
        }
        let (kind, hint) = condition(&message, self.sql_state.as_deref());
        let mut what = format!("{attempt}: {}", useful(&message));
        match (self.code, self.sql_state) {
            (Some(code @ 1..), Some(state)) => what.push_str(&format!(" (hive error {code}, sql state {state})")),
            (Some(code @ 1..), None) => what.push_str(&format!(" (hive error {code})")),
            _ => {}
        }
        let error = Error::new(kind, what);
        if hint.is_empty() { error } else { error.hint(hint) }
    }
}

fn condition(message: &str, sql_state: Option<&str>) -> (Kind, &'static str) {
    let found = CONDITIONS.iter().find(|(text, _, _)| message.contains(text)).map(|(_, kind, hint)| (*kind, *hint));
    found.unwrap_or(match sql_state {
        Some("42S02") => (Kind::NotFound, "check the name of the table"),
        Some("42000") => (Kind::Bug, "this server does not take the statement as HiveQL"),
        _ => (Kind::Refused, "the server's log says more"),
    })
}

/// What says something in the server's text, in one line: the first line that is not a stack frame, without what Hive puts
/// in front of it, and the last cause, where a long report of tasks that failed, or a stack, hides it.
fn useful(message: &str) -> String {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("at "));
    let line = lines.next().unwrap_or("");
    let cause = message.lines().filter_map(|line| line.trim().strip_prefix("Caused by: ")).next_back();
    let mut head = stripped(line);
    // A vertex of Tez brings the reports of all its tasks.
    if let Some((before, _)) = head.split_once(", vertexId=").or(head.split_once(", diagnostics=")) {
        head = before;
    }
    let head = without_packages(head.trim_end_matches('.'));
    match cause.map(without_packages).map(|cause| cause.trim_end_matches(['.', ']', ',', ' ']).to_owned()) {
        Some(cause) if !cause.is_empty() && !head.contains(&cause) => {
            let head: String = head.chars().take(MOST_CHARS_BEFORE_A_CAUSE).collect();
            format!("{head}: {cause}")
        }
        _ => head,
    }
}

/// A line without what Hive puts in front of it.
fn stripped(line: &str) -> &str {
    let mut rest = line;
    while let Some(shorter) = PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = shorter.trim_start();
        // "Execution Error, return code 2 from org.apache.hadoop.hive.ql.exec.tez.TezTask. Vertex failed": the code is told
        // beside it.
        if let Some((_, after)) = rest.split_once(" from org.apache.").filter(|(code, _)| code.parse::<u32>().is_ok()) {
            rest = after.split_once(". ").map_or(rest, |(_, text)| text.trim_start());
        }
    }
    // Hive numbers its messages: "[Error 10001]: Line 1:14 ...".
    if rest.starts_with("[Error ") {
        rest = rest.split_once("]:").map_or(rest, |(_, text)| text.trim_start());
    }
    if rest.is_empty() { line } else { rest }
}

/// A text without the packages of Java's exceptions.
fn without_packages(text: &str) -> String {
    let short = |word: &str| -> String {
        match word.find("Exception").or_else(|| word.find("Error:")) {
            Some(end) => word[..end].rfind('.').map_or(word, |dot| &word[dot + 1..]).to_owned(),
            None => word.to_owned(),
        }
    };
    text.split_whitespace().map(short).collect::<Vec<_>>().join(" ")
}

/// Fails unless the status of a call is a success.
pub(super) fn check(status: TStatus, attempt: &str) -> Result<()> {
    match status.status_code {
        TStatusCode::SUCCESS_STATUS | TStatusCode::SUCCESS_WITH_INFO_STATUS | TStatusCode::STILL_EXECUTING_STATUS => {
            Ok(())
        }
        TStatusCode::INVALID_HANDLE_STATUS => {
            Err(error::unreachable(format!("{attempt}: the server lost the session"))
                .hint("hiveserver2 was restarted or closed an idle session; run again"))
        }
        _ => {
            let failure =
                Failure { sql_state: status.sql_state, code: status.error_code, message: status.error_message };
            Err(failure.into_error(attempt))
        }
    }
}

/// The error of a call that got no answer.
pub(super) fn of_call(server: &Server, error: thrift::Error) -> Error {
    let Server { what, address, .. } = server;
    match error {
        thrift::Error::Transport(e) if is_timeout(&e) => {
            error::unreachable(format!("{what} at {address} did not answer a call in time"))
                .hint("raise call-timeout, or look at the server's log")
        }
        thrift::Error::Transport(e) => error::unreachable(format!("the connection to {what} at {address} broke"))
            .source(why(&e))
            .hint("look at the server's log, and run again once it is back"),
        thrift::Error::Application(e) => {
            error::refused(format!("{what} at {address} declined a call")).source(e.message)
        }
        thrift::Error::User(e) => error::refused(format!("{what} at {address} declined a call")).source(e.to_string()),
        thrift::Error::Protocol(_) => error::refused(format!("{address} does not answer as {what}"))
            .hint("check that the port is hiveserver2's and that auth names what it is set to"),
    }
}

/// The first words of a statement, for errors and logs.
pub(super) fn first_words(statement: &str) -> String {
    const LONGEST_CHARS: usize = 80;
    let text = statement.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join(" ");
    let mut words = String::new();
    for word in text.split_whitespace().take(8) {
        if !words.is_empty() && words.chars().count() + word.chars().count() >= LONGEST_CHARS {
            break;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.extend(word.chars().take(LONGEST_CHARS));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str, sql_state: &str, code: i32) -> Error {
        Failure { sql_state: Some(sql_state.into()), code: Some(code), message: Some(message.into()) }
            .into_error("hive statement 'select 1'")
    }

    #[test]
    fn texts_of_the_server_become_kinds() {
        let table: &[(&str, Kind)] = &[
            (
                "Error while compiling statement: FAILED: SemanticException [Error 10001]: Line 1:14 Table not found 'x'",
                Kind::NotFound,
            ),
            (
                "Error while compiling statement: FAILED: SemanticException [Error 10072]: Database does not exist: nodb",
                Kind::NotFound,
            ),
            (
                "Error while compiling statement: FAILED: ParseException line 1:0 cannot recognize input near 'selec'",
                Kind::Bug,
            ),
            (
                "FAILED: Execution Error, return code 40000 from org.apache.hadoop.hive.ql.ddl.DDLTask. AlreadyExistsException(message:Table hive.default.t already exists)",
                Kind::Exists,
            ),
            (
                "Error while compiling statement: FAILED: SemanticException [Error 10004]: Line 1:7 Invalid table alias or column reference 'y'",
                Kind::Schema,
            ),
            ("Error running query: org.apache.hadoop.hive.ql.lockmgr.LockException: No record of lock", Kind::Busy),
            ("FAILED: Hive Internal Error: Aborting [txnid:7,7] due to a write conflict on db/t", Kind::Busy),
            ("Vertex failed, Cardinality Violation in Merge statement: [1, 2],", Kind::Data),
            ("java.net.ConnectException: Connection refused", Kind::Unreachable),
            (
                "Error running query: [TABLE_OR_VIEW_NOT_FOUND] org.apache.spark.sql.AnalysisException: \
                 [TABLE_OR_VIEW_NOT_FOUND] The table or view `a`.`b` cannot be found.",
                Kind::NotFound,
            ),
            (
                "[DATA_SOURCE_NOT_FOUND] org.apache.spark.SparkClassNotFoundException: [DATA_SOURCE_NOT_FOUND] Failed to \
                 find the data source: iceberg.",
                Kind::Config,
            ),
            ("Permission denied: user=ann, access=WRITE, inode=\"/warehouse\":hive:hive:drwxr-xr-x", Kind::Auth),
            (
                "HiveAccessControlException Permission denied: user [ann] does not have [USE] privilege on [shop]",
                Kind::Auth,
            ),
            ("Failed to open new session: Database nodb does not exist", Kind::NotFound),
            ("Failed to open new session: User: ann is not allowed to impersonate bob", Kind::Auth),
            ("Cannot create directory /tmp/hive. Name node is in safe mode", Kind::Busy),
            (
                "Cannot open sessions on an inactive HS2 instance, or the HS2 server leader is not ready",
                Kind::Unreachable,
            ),
            ("Invalid SessionHandle: SessionHandle [0d8b4c2e-7a3c-4c53-9a8f-0f6f1b8f7a11]", Kind::Unreachable),
            ("Unable to run new queries as HiveServer2 is decommissioned or inactive, state: X", Kind::Unreachable),
        ];
        for (message, kind) in table {
            assert_eq!(error(message, "", 0).kind(), *kind, "{message}");
        }
    }

    #[test]
    fn the_text_is_one_line_without_hives_preamble() {
        let message = "Error while compiling statement: FAILED: SemanticException [Error 10001]: Line 1:14 Table not found 'x'\n\tat org.apache.hadoop.Foo.bar(Foo.java:1)";
        assert_eq!(
            error(message, "42S02", 10001).to_string(),
            "hive statement 'select 1': Line 1:14 Table not found 'x' (hive error 10001, sql state 42S02)"
        );
    }

    #[test]
    fn the_cause_is_kept_where_reports_of_tasks_hide_it() {
        let tez = "Error while compiling statement: FAILED: Execution Error, return code 2 from \
            org.apache.hadoop.hive.ql.exec.tez.TezTask. Vertex failed, vertexName=Map 1, vertexId=vertex_17_1_00, \
            diagnostics=[Task failed, taskId=task_17_1_00_000000, diagnostics=[TaskAttempt 0 failed, info=[Error: Error \
            while running task ( failure ) : attempt_17:java.lang.RuntimeException: java.lang.RuntimeException: x\n\
            \tat org.apache.hadoop.hive.ql.exec.tez.TezProcessor.run(TezProcessor.java:298)\n\
            Caused by: java.lang.RuntimeException: map failed\n\tat a.b(C.java:1)\n\
            Caused by: org.apache.hadoop.hive.ql.metadata.HiveException: Unable to evaluate UDF: 7 is out of range\n\
            \t... 20 more\n]], Vertex did not succeed due to OWN_TASK_FAILURE, failedTasks:1";
        assert_eq!(
            error(tez, "08S01", 2).to_string(),
            "hive statement 'select 1': Vertex failed, vertexName=Map 1: HiveException: Unable to evaluate UDF: 7 is out of \
             range (hive error 2, sql state 08S01)"
        );
        let ddl = "Error while compiling statement: FAILED: Execution Error, return code 40000 from \
            org.apache.hadoop.hive.ql.ddl.DDLTask. AlreadyExistsException(message:Table hive.default.t already exists)";
        assert!(
            error(ddl, "08S01", 40000)
                .to_string()
                .starts_with("hive statement 'select 1': AlreadyExistsException(message:Table hive.default.t"),
        );
        let opened = "Failed to open new session: org.apache.hive.service.cli.HiveSQLException: Database `nodb` does not \
            exist\n\tat a.b(C.java:1)\nCaused by: java.lang.RuntimeException: more of it";
        assert!(
            error(opened, "", 0)
                .to_string()
                .ends_with("HiveSQLException: Database `nodb` does not exist: RuntimeException: more of it")
        );
    }

    #[test]
    fn an_unknown_text_is_judged_by_its_sql_state() {
        assert_eq!(error("something", "42S02", 1).kind(), Kind::NotFound);
        assert_eq!(error("something", "08S01", 1).kind(), Kind::Refused);
    }

    #[test]
    fn statements_are_named_by_their_first_words() {
        assert_eq!(first_words("select 1"), "select 1");
        assert_eq!(
            first_words("-- note\nMERGE INTO `shop`.`dim`\n  AS t USING (SELECT\n a, b, c"),
            "MERGE INTO `shop`.`dim` AS t USING (SELECT a,"
        );
        assert!(first_words(&"x".repeat(500)).chars().count() <= 80);
    }
}
