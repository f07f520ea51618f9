//! One statement after another: what is said of each on stderr, and where it stands when it fails.

use std::io::Write;
use std::time::{Duration, Instant};

use super::output::{Form, Style, Writer};
use super::script::{Act, Statement};
use super::sink::Sink;
use crate::error::{self, Error, Kind, Result};
use crate::hiveserver2::{Batch, Cursor, HiveServer2Options, Session};
use crate::shutdown::Stop;
use crate::telemetry::progress::AboveLines;
use crate::telemetry::terminal::harmless;

/// Rows of the first fetch, before it is known how long they are.
const FIRST_ROWS: u32 = 100;
/// The server gives no more at once (`hive.server2.thrift.resultset.max.fetch.size`).
const MOST_ROWS: u32 = 10_000;
/// As much is fetched at once.
const FETCH_BYTES: usize = 4 << 20;
/// How long the server has to close a session whose statement was stopped.
const CLOSE_WAIT: Duration = Duration::from_secs(3);

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Request {
    /// The statements, in order.
    pub acts: Vec<Act>,
    /// How their rows are written.
    pub style: Style,
    /// Whether the next one is run when one failed.
    pub force: bool,
    /// Whether nothing is said but errors.
    pub silent: bool,
    /// Whether the server's log of a statement is shown while it runs.
    pub shows_log: bool,
}

/// Runs the statements in one session. `tell` hears the errors that the run goes on after.
///
/// # Errors
/// That of the first statement that failed; where the run went on after some, how many. Stopped.
pub(crate) async fn run(
    options: &HiveServer2Options,
    request: &Request,
    mut sink: Sink,
    tell: &mut (dyn FnMut(&Error) + Send),
    stop: &Stop,
) -> Result<()> {
    let session = stop.or(Session::open(options)).await?;
    let done = Run { request, session: &session, sink: &mut sink, results: 0 }.all(tell, stop).await;
    let ended = |e: &Error| matches!(e.kind(), Kind::Stopped(_) | Kind::Unreachable);
    match &done {
        // Whoever waits for Ctrl-C to work waits no longer than this; the end of the connection closes the session as well.
        Err(e) if ended(e) => drop(tokio::time::timeout(CLOSE_WAIT, session.close()).await),
        // All that was asked for is done.
        _ => session.close().await.unwrap_or_else(|error| tracing::debug!(%error, "the session was not closed")),
    }
    // What was written before a failure stays on standard output; a file is there when it is whole.
    match done {
        Ok(failed) => {
            sink.finish()?;
            failed.map_or(Ok(()), Err)
        }
        Err(e) => sink.flush().and(Err(e)),
    }
}

struct Run<'r> {
    request: &'r Request,
    session: &'r Session,
    sink: &'r mut Sink,
    /// Results that were written.
    results: usize,
}

impl Run<'_> {
    /// Runs them; an error of those that it went on after.
    async fn all(&mut self, tell: &mut (dyn FnMut(&Error) + Send), stop: &Stop) -> Result<Option<Error>> {
        let (mut failed, mut run) = (0, 0);
        for act in &self.request.acts {
            let Act::Run(statement) = act else { break };
            run += 1;
            match self.one(statement, stop).await {
                Ok(()) => {}
                Err(e) if self.request.force && !matches!(e.kind(), Kind::Stopped(_) | Kind::Unreachable) => {
                    failed += 1;
                    tell(&e);
                }
                Err(e) => return Err(e),
            }
        }
        let what = || error::refused(format!("{failed} of {run} statements failed")).hint("see the errors above");
        Ok((failed > 0).then(what))
    }

    async fn one(&mut self, statement: &Statement, stop: &Stop) -> Result<()> {
        let began = Instant::now();
        let done = self.result(statement, stop).await.map_err(|e| placed(e, statement))?;
        self.note(&match done {
            Done::Rows(rows) => format!("{} selected ({})", counted(rows), seconds(began)),
            Done::Changed(rows) => format!("{} affected ({})", counted(rows), seconds(began)),
        });
        Ok(())
    }

    async fn result(&mut self, statement: &Statement, stop: &Stop) -> Result<Done> {
        let mut say = |line: &str| say(line);
        let listener = self.request.shows_log.then_some(&mut say as &mut (dyn FnMut(&str) + Send));
        let mut cursor = self.session.open_watched(&statement.text, stop, listener).await?;
        if !cursor.has_rows() {
            let changed = cursor.modified_rows().unwrap_or(0);
            cursor.close().await?;
            return Ok(Done::Changed(changed));
        }
        self.results += 1;
        if self.request.style.form == Form::Parquet && self.results > 1 {
            return Err(error::usage("a second result, and a parquet file holds one")
                .hint("give each statement with rows a command of its own"));
        }
        let rows = self.write(&mut cursor, stop).await?;
        cursor.close().await?;
        Ok(Done::Rows(rows))
    }

    /// Writes all rows of a result.
    async fn write(&mut self, cursor: &mut Cursor<'_>, stop: &Stop) -> Result<u64> {
        let (mut rows, mut text, mut fetch) = (0, Vec::new(), FIRST_ROWS);
        let mut writer = Writer::begin(&self.request.style, &cursor.columns, &mut text)?;
        while !self.sink.is_gone()
            && let Some(batch) = cursor.next_columns(fetch, stop).await?
        {
            writer.rows(&batch, &mut text)?;
            rows += batch.height() as u64;
            fetch = next_fetch(&batch);
            self.sink.put(&mut text)?;
        }
        writer.end(&mut text)?;
        self.sink.put(&mut text)?;
        self.sink.flush()?;
        Ok(rows)
    }

    fn note(&self, text: &str) {
        if !self.request.silent {
            say(text);
        }
    }
}

/// What a statement did.
enum Done {
    Rows(u64),
    Changed(u64),
}

/// As many rows as a fetch of bounded size holds, judged by the last ones.
fn next_fetch(last: &Batch) -> u32 {
    let each = last.bytes().div_ceil(last.height().max(1)).max(1);
    u32::try_from(FETCH_BYTES / each).unwrap_or(MOST_ROWS).clamp(1, MOST_ROWS)
}

fn counted(rows: u64) -> String {
    match rows {
        0 => "No rows".to_owned(),
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    }
}

fn seconds(began: Instant) -> String {
    format!("{:.3} seconds", began.elapsed().as_secs_f64())
}

/// One line on stderr; nobody is left to tell when that is gone.
fn say(line: &str) {
    let _ = AboveLines.write_all(format!("{}\n", harmless(line)).as_bytes());
}

/// The error of a statement with its place, and what is known of it where nobody saw its end.
pub(super) fn placed(error: Error, statement: &Statement) -> Error {
    let Statement { origin, number, .. } = statement;
    let line = line_of(&error.to_string(), statement);
    let kind = error.kind();
    let error = error.context(format!("{origin}, line {line}, statement {number}"));
    match kind {
        Kind::Unreachable => error.hint(
            "the session is over, with its variables and temporary tables; whether the server finished the statement is not \
             known, and it was not run again: look, then run again from here",
        ),
        Kind::Stopped(_) => error.hint(format!("statement {number} was cancelled on the server, those before it are done")),
        _ => error,
    }
}

/// The line of the script that an error is about: the one that Hive names within the statement, else where that begins.
fn line_of(said: &str, statement: &Statement) -> usize {
    let lines = statement.text.lines().count();
    let within = said.split("ine ").skip(1).find_map(|rest| {
        let (line, column) = rest.split_once(':')?;
        column.starts_with(|c: char| c.is_ascii_digit()).then(|| line.parse::<usize>().ok()).flatten()
    });
    statement.line + within.filter(|line| (1..=lines).contains(line)).map_or(0, |line| line - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hiveserver2::Cell;

    fn statement() -> Statement {
        Statement { text: "select a\nfrom t\nwhere x".to_owned(), origin: "r.sql".into(), line: 7, number: 2 }
    }

    #[test]
    fn an_error_names_the_line_of_the_script() {
        for (said, line) in [
            ("hive statement 'select a': Line 2:5 Table not found 't'", 8),
            ("line 3:6 cannot recognize input near 'x'", 9),
            ("Line 12:1 is beyond it", 7),
            ("the line is: cut", 7),
            ("no place at all", 7),
        ] {
            assert_eq!(line_of(said, &statement()), line, "{said}");
        }
        let error = placed(error::not_found("Line 2:5 Table not found 't'"), &statement());
        assert_eq!(error.to_string(), "r.sql, line 8, statement 2: Line 2:5 Table not found 't'");
    }

    #[test]
    fn where_the_connection_broke_it_is_said_that_nothing_was_run_again() {
        let error = placed(error::unreachable("the connection broke"), &statement());
        assert!(error.remedy().unwrap().contains("it was not run again"), "{error:?}");
        let stopped = placed(Error::new(Kind::Stopped(2), "stopped by a signal"), &statement());
        assert_eq!(stopped.exit_code(), 130);
    }

    #[test]
    fn long_rows_are_fetched_few_at_a_time() {
        let short = Batch::of_cells(&vec![vec![Cell::Int(1)]; 10]);
        assert_eq!(next_fetch(&short), MOST_ROWS);
        let text = vec![b'x'; 2 << 20];
        assert_eq!(next_fetch(&Batch::of_cells(&[vec![Cell::Bytes(&text)]])), 1);
    }
}
