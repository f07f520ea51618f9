//! Every table of a database, each by an import of its own. A table that fails does not keep the others from being
//! imported; the step fails at the end and names them all.

use std::time::Instant;

use mysql_async::prelude::Queryable;

use crate::error::{self, Result};
use crate::mysql::MySqlClient;
use crate::shutdown::Stop;
use crate::telemetry::summary::Summary;
use crate::transfer::args::ImportAllArgs;
use crate::transfer::{self, ImportArgs};

use super::connections::Connections;

/// The tables and views of the connection's database, in the order the server gives them.
const TABLES: &str = "SELECT table_name FROM information_schema.tables WHERE table_schema = ?";

/// The imports that the step stands for.
///
/// # Errors
/// Usage: a key that makes no sense for every table; NotFound: a table to leave out that is not there.
pub(super) async fn imports(args: &ImportAllArgs, client: &MySqlClient) -> Result<Vec<ImportArgs>> {
    check(&args.each)?;
    let mut conn = client.connect().await?;
    let act = format!("cannot list the tables of {}", client.database());
    let tables: Vec<String> = conn.exec(TABLES, (client.database(),)).await.map_err(|e| client.advise(e, &act))?;
    // A connection that does not close well has done its work all the same.
    let _ = conn.disconnect().await;
    if let Some(unknown) = args.exclude_tables.iter().find(|name| !tables.contains(name)) {
        tracing::warn!("there is no table {unknown} to leave out of {}", client.database());
    }
    let chosen = tables.into_iter().filter(|name| !args.exclude_tables.contains(name));
    Ok(chosen.map(|table| ImportArgs { table: Some(table), ..args.each.clone() }).collect())
}

/// Refuses what can be said of one table only.
fn check(each: &ImportArgs) -> Result<()> {
    let wrong = [
        ("table", each.table.is_some()),
        ("query", each.query.is_some()),
        ("columns", !each.columns.is_empty()),
        ("where", each.condition.is_some()),
        ("split-by", each.split_by.is_some()),
        ("boundary-query", each.boundary_query.is_some()),
        ("target-dir", each.target_dir.is_some()),
        ("hive-table", each.hive_table.is_some()),
        ("incremental", each.incremental.mode.is_some()),
        ("hbase-table", each.hbase.table.is_some()),
    ];
    match wrong.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((key, _)) => Err(error::usage(format!("an import of all tables takes no {key}"))
            .hint("import that table by a step or command of its own")),
    }
}

/// Runs them; each that ends has its own line in the summary.
pub(super) async fn run(
    args: &ImportAllArgs,
    connections: &mut Connections<'_>,
    label: &str,
    summary: &mut Summary,
    stop: &Stop,
) -> Result<()> {
    let mysql = connections.mysql(stop).await?;
    let mut failed: Vec<(String, error::Error)> = Vec::new();
    for each in stop.or(imports(args, &mysql)).await? {
        stop.check()?;
        let table = each.table.clone().unwrap_or_default();
        let (name, started) = (format!("{label}: {table}"), Instant::now());
        tracing::info!("{name}: starts");
        let run = transfer::import::run(&each, &mysql, connections.cluster(stop).await?, &summary.run_id, stop);
        match run.await {
            Ok(mut done) => {
                (done.step, done.elapsed) = (name.clone(), started.elapsed());
                tracing::info!(rows_in = done.rows_in, rows_out = done.rows_out, "{name}: ends");
                summary.steps.push(done);
            }
            Err(error) if args.stop_at_first_failure || stop.is_requested() => return Err(error.context(table)),
            Err(error) => {
                tracing::error!("{name}: {error}");
                failed.push((table, error));
            }
        }
    }
    let names: Vec<String> = failed.iter().map(|(table, _)| table.clone()).collect();
    match failed.into_iter().next() {
        None => Ok(()),
        Some((table, first)) if names.len() == 1 => Err(first.context(table)),
        Some((table, first)) => Err(first.context(table).context(format!(
            "{} tables failed ({}), the first",
            names.len(),
            names.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_one_table_is_refused() {
        let each = ImportArgs { warehouse_dir: Some("/w".into()), ..ImportArgs::default() };
        assert!(check(&each).is_ok());
        let error = check(&ImportArgs { split_by: Some("id".into()), ..each }).unwrap_err();
        assert_eq!(error.to_string(), "an import of all tables takes no split-by");
    }
}
