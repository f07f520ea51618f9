//! What a doctor asks of HiveServer2. Nothing is changed there.

use std::time::Instant;

use super::security;
use super::{Engine, HiveServer2Options, Session, Value};
use crate::checkup::Checkup;
use crate::error::Result;
use crate::net::examine::{Hop, any_reached};
use crate::shutdown::Stop;

/// What merges of histories need, and what it has to be.
const ACID: [(&str, &str); 3] = [
    ("hive.txn.manager", "org.apache.hadoop.hive.ql.lockmgr.DbTxnManager"),
    ("hive.support.concurrency", "true"),
    ("hive.metastore.compactor.initiator.on", "true"),
];

/// A statement that changes nothing, by which is found whether another one can be run.
#[derive(Debug)]
pub(crate) struct Trial {
    /// What is asked.
    pub question: String,
    /// The statement.
    pub statement: String,
    /// The answer where it goes well.
    pub words: String,
    /// The database that it reads.
    pub database: String,
    /// The one table of it, where that is known.
    pub table: Option<String>,
}

/// Asks each server whether it is reached, and the first that answers what merges need to know, and whether the statements
/// of the steps can be planned.
pub(crate) async fn examine(
    options: &HiveServer2Options,
    acid: bool,
    trials: &[Trial],
    checkup: &mut Checkup,
) -> Result<()> {
    let given = options.clone();
    if !any_reached("hiveserver2", move || hops(&given), checkup).await? {
        checkup.skipped("session", "no hiveserver2 can be reached");
        return Ok(());
    }
    let (stop, opened) = (Stop::new(), Session::open(options).await);
    let words = |session: &Session| format!("opened on {}", session.endpoint());
    let Some(session) = checkup.take("session", opened, words) else { return Ok(()) };
    let began = Instant::now();
    let answer = who(&session, &stop).await;
    let words = |who: &String| format!("answered as {who}, in {} ms", began.elapsed().as_millis());
    if checkup.take("select", answer, words).is_some() {
        clock(&session, &stop, checkup).await;
        match checkup.note("engine", session.engine().await) {
            Some(Engine::Spark) => checkup.fine("engine", "spark, behind its thrift server"),
            Some(Engine::Hive) => settings(&session, acid, &stop, checkup).await,
            None => {}
        }
        for trial in trials {
            let answer = session.query(&trial.statement, &stop).await;
            checkup.take(trial.question.as_str(), answer, |_| trial.words.clone());
        }
    }
    session.close().await
}

/// Whom the server takes us for, and as whom it runs statements; before Hive 2.2 the latter alone.
async fn who(session: &Session, stop: &Stop) -> Result<String> {
    let runs_as = session.query("select current_user()", stop).await.map(|rows| first(&rows))?;
    let ours = session.query("select logged_in_user()", stop).await.map(|rows| first(&rows));
    Ok(match ours {
        Ok(ours) if ours != runs_as => format!("{ours}, statements run as {runs_as}"),
        _ => runs_as,
    })
}

async fn clock(session: &Session, stop: &Stop, checkup: &mut Checkup) {
    let rows = session.query("select unix_timestamp(current_timestamp)", stop).await;
    let seconds = rows.map(|rows| rows.rows.first().and_then(|row| row.first()).and_then(Value::as_i64));
    match checkup.note("clock", seconds) {
        Some(Some(seconds)) => checkup.clock("clock", seconds),
        Some(None) => checkup.skipped("clock", "it does not tell"),
        None => {}
    }
}

/// What transactional tables stand on; no matter where no step makes one.
async fn settings(session: &Session, acid: bool, stop: &Stop, checkup: &mut Checkup) {
    for (name, wanted) in ACID {
        let rows = session.query(&format!("set {name}"), stop).await;
        let value = rows.map(|rows| {
            let line = first(&rows);
            line.split_once('=').map_or(line.clone(), |(_, value)| value.to_owned())
        });
        match checkup.note(name, value) {
            // What the metastore alone is set to.
            Some(value) if value.ends_with("is undefined") => checkup.skipped(name, "hiveserver2 does not know it"),
            Some(value) if acid && value != wanted => checkup.warning(
                name,
                format!("{value}, expected {wanted}"),
                "histories (scd2) are transactional tables: set it on the server",
            ),
            Some(value) => checkup.fine(name, value),
            None => {}
        }
    }
}

fn first(rows: &super::Rows) -> String {
    match rows.rows.first().and_then(|row| row.first()) {
        Some(Value::Text(text)) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// The servers. Blocks where a ZooKeeper knows them.
fn hops(options: &HiveServer2Options) -> Result<Vec<Hop>> {
    let mut hops = Vec::new();
    for url in options.addresses()? {
        for (address, transport) in security::targets(options, &url)? {
            let server = options.server(&address);
            hops.push(Hop { name: format!("hiveserver2 {address}"), server, transport });
        }
    }
    Ok(hops)
}
