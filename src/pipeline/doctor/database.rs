//! What a doctor asks of the database. Nothing is changed there; snapshots are opened and given back.

use super::super::step::{Step, StepKind};
use crate::checkup::Checkup;
use crate::config::CONNECT_TIMEOUT;
use crate::error::{Kind, Result};
use crate::mysql::snapshot::{Snapshot, SnapshotOptions};
use crate::mysql::{Connection, MySqlClient, quote};
use crate::net::Server;
use crate::net::examine::{asking, reach};

/// Connections that are asked to see one moment.
const CONNECTIONS: usize = 2;
/// Rows of a batch may be as large as this together.
const PACKET: u64 = 16 << 20;

/// Asks the server what it is, how it is spoken to, what the steps may do there, and which way to one moment it has for
/// us.
pub(super) async fn examine(client: &MySqlClient, steps: &[Step], checkup: &mut Checkup) -> Result<()> {
    let address = client.address().to_owned();
    checkup.hop(format!("mysql {address}"));
    // Several are tried in order by the login.
    if !address.contains(',') {
        let server = Server::new("a mysql server", address, CONNECT_TIMEOUT);
        if !asking(checkup, move |checkup| reach(&server, checkup)).await? {
            return Ok(());
        }
    }
    let connected = client.connect().await;
    let user = client.user().to_owned();
    let Some(mut conn) = checkup.take("login", connected, |_| format!("let in as {user}")) else { return Ok(()) };
    match conn.is_encrypted() {
        true => checkup.fine("encryption", "TLS"),
        false => checkup.warning(
            "encryption",
            "none: whoever sees the packets reads the rows",
            "let the server have a certificate, and give ssl-mode = \"verify-identity\", or \"required\" where it cannot be \
             checked",
        ),
    }
    settings(&mut conn, checkup).await;
    for step in steps {
        rights_of(&mut conn, step, checkup).await;
    }
    conn.close().await;
    let moment = Snapshot::preview(client, CONNECTIONS, &SnapshotOptions::default()).await;
    checkup.take("one moment for all connections", moment, Clone::clone);
    Ok(())
}

const ACT: &str = "asking the server about itself";

async fn settings(conn: &mut Connection, checkup: &mut Checkup) {
    let version = conn.texts("SELECT VERSION(), @@version_comment", ACT).await;
    checkup.take("version", version, |rows| line(rows));
    match conn.number("SELECT UNIX_TIMESTAMP()", ACT).await {
        Ok(seconds) => checkup.clock("clock", seconds.and_then(|s| i64::try_from(s).ok()).unwrap_or_default()),
        Err(e) => checkup.failed("clock", &e),
    }
    let session = "SELECT @@time_zone, @@system_time_zone, @@sql_mode, @@character_set_server";
    checkup.take("time zone, system's, sql_mode, charset", conn.texts(session, ACT).await, |rows| line(rows));
    match conn.number("SELECT @@max_allowed_packet", ACT).await {
        Ok(Some(bytes)) if bytes < PACKET => checkup.warning(
            "max_allowed_packet",
            format!("{} MiB", bytes >> 20),
            "a row larger than this cannot be read or written: raise it on the server",
        ),
        Ok(bytes) => checkup.fine("max_allowed_packet", format!("{} MiB", bytes.unwrap_or_default() >> 20)),
        Err(e) => checkup.failed("max_allowed_packet", &e),
    }
    let limits = conn.texts("SELECT @@wait_timeout, @@net_write_timeout", ACT).await;
    checkup.take("wait_timeout, net_write_timeout", limits, |rows| line(rows));
    let binlog = conn.texts("SELECT @@log_bin, @@binlog_format", ACT).await;
    checkup.take("binary log, its format", binlog, |rows| line(rows));
    let grants = conn.texts("SHOW GRANTS", ACT).await;
    checkup.take("rights", grants, |rows| {
        let all: Vec<&str> = rows.iter().filter_map(|row| row.first()?.as_deref()).map(rights).collect();
        all.join("; ")
    });
}

/// Whether a step may do with its table what it is going to do: the server is asked for its plan, which takes the same
/// rights and changes nothing.
async fn rights_of(conn: &mut Connection, step: &Step, checkup: &mut Checkup) {
    let read = |table: &str| ("read", table.to_owned(), format!("EXPLAIN SELECT * FROM {}", quote(table)));
    let write =
        |table: &str| ("write to", table.to_owned(), format!("EXPLAIN INSERT INTO {} () VALUES ()", quote(table)));
    let asked = match &step.kind {
        StepKind::Import(args) => args.table.as_deref().map(read),
        StepKind::Verify(args) => Some(read(&args.table)),
        StepKind::Export(args) => args.staging_table.as_deref().or(args.table.as_deref()).map(write),
        _ => None,
    };
    let Some((act, table, sql)) = asked else { return };
    let question = format!("step {}", step.name);
    match conn.texts(&sql, &format!("step {} may not {act} table {table}", step.name)).await {
        Err(e) if matches!(e.kind(), Kind::Auth | Kind::NotFound | Kind::Unreachable) => checkup.failed(question, &e),
        // Other errors are about the row that was not given.
        _ => checkup.fine(question, format!("may {act} table {table}")),
    }
}

/// A grant without what it was granted by: a hash of the password may follow there.
fn rights(grant: &str) -> &str {
    let grant = grant.strip_prefix("GRANT ").unwrap_or(grant);
    grant.find(" TO ").map_or(grant, |end| &grant[..end])
}

fn line(rows: &[Vec<Option<String>>]) -> String {
    let first = rows.first().into_iter().flatten();
    first.map(|value| value.as_deref().filter(|text| !text.is_empty()).unwrap_or("-")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_not_shown() {
        let grant = "GRANT USAGE ON *.* TO `shop`@`%` IDENTIFIED BY PASSWORD '*E74858'";
        assert_eq!(rights(grant), "USAGE ON *.*");
    }
}
