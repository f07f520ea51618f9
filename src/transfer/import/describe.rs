//! Tables and queries are looked up, and what the cluster has to say is asked, so that their imports can be decided.

use super::plan::{Facts, ImportPlan, hive_name, type_options};
use crate::error::{self, Result};
use crate::load;
use crate::mysql::Connection;
use crate::mysql::read::Selection;
use crate::mysql::session::Session;
use crate::mysql::table::{Listed, Table};
use crate::mysql::types::TypeOptions;
use crate::transfer::args::{ImportAllArgs, ImportArgs, ImportFormat, ParquetTimestamps, ZeroDates, refuse};
use crate::transfer::ends::Ends;

/// The first metastore whose Parquet reader takes INT64 timestamps.
const INT64_TIMESTAMPS: u32 = 4;

/// What an import reads, for messages.
pub(super) fn name(args: &ImportArgs) -> String {
    args.table.clone().unwrap_or_else(|| "query".to_owned())
}

/// Looks the table or query up and decides the import.
pub(super) async fn plan(
    ends: &Ends<'_>,
    conn: &mut Connection,
    args: &ImportArgs,
    run_id: &str,
) -> Result<ImportPlan> {
    refuse(args.check())?;
    let mut types = type_options(args)?;
    let jdbc = ends.mysql.jdbc();
    if let (Some(zero_dates), true) = (jdbc.zero_dates, args.zero_dates == ZeroDates::default()) {
        types.zero_dates = zero_dates;
    }
    if let Some(is_bit) = jdbc.tiny_int_is_bit {
        types.tiny_int_is_bit = is_bit;
    }
    let mut selection = match (&args.table, &args.query) {
        (Some(name), None) => {
            let table = Table::describe(conn, ends.mysql.database(), name).await?;
            types.session = session(conn, args, Some(&table), &types).await?;
            Selection::table(table, &args.columns, args.condition.clone(), &types)?
        }
        (None, Some(_)) if args.condition.is_some() || !args.columns.is_empty() => {
            return Err(
                error::config("where and columns belong to a table, not to a query").hint("write them into the query")
            );
        }
        (None, Some(sql)) => {
            types.session = session(conn, args, None, &types).await?;
            Selection::query(conn, sql, &types).await?
        }
        (Some(_), Some(_)) => return Err(error::config("table and query are both given").hint("choose one")),
        (None, None) => return Err(error::config("the import names no table").hint("give table, or query")),
    };
    selection.ask_for_instants(conn).await?;
    let facts = facts(ends, args, &selection).await?;
    let mut plan = ImportPlan::new(args, selection, &facts, ends.mysql.address(), run_id)?;
    if let Some(incremental) = &mut plan.incremental {
        incremental.read_last_value(conn, args.incremental.last_value.as_deref()).await?;
    }
    let key = plan.key.iter().flat_map(|key| &key.columns).map(|column| column.name.as_str());
    let check_column = plan.incremental.iter().map(|incremental| incremental.column.name());
    for column in key.chain(check_column) {
        plan.selection.check_splitting(conn, column).await?;
    }
    Ok(plan)
}

/// The session that the rows are read in: the user's where something that the user wrote is read in it, such as a
/// condition, a query, a view or a computed column, and where an instant becomes text. Ours everywhere else.
async fn session(
    conn: &mut Connection,
    args: &ImportArgs,
    table: Option<&Table>,
    types: &TypeOptions,
) -> Result<Session> {
    let written = args.condition.is_some() || args.query.is_some() || args.boundary_query.is_some();
    let of_table = |table: &Table| table.is_read_in_a_session(&args.columns, types);
    if written || table.is_some_and(of_table) { conn.user_session().await } else { Ok(Session::Ours) }
}

/// What the cluster has to say, as far as the plan asks.
async fn facts(ends: &Ends<'_>, args: &ImportArgs, selection: &Selection) -> Result<Facts> {
    let mut facts = Facts::default();
    let Some(cluster) = ends.cluster else { return Ok(facts) };
    facts.uri = cluster.fs.uri();
    let hive = args.hive_database.is_some() || args.hive_table.is_some();
    let Some(metastore) = cluster.metastore.as_ref().filter(|_| hive) else { return Ok(facts) };
    if args.format == ImportFormat::Parquet && args.parquet_timestamps == ParquetTimestamps::Auto {
        facts.old_hive = metastore.version()?.major < INT64_TIMESTAMPS;
    }
    let Some((database, table)) = hive_name(args, selection)? else { return Ok(facts) };
    if matches!(args.format, ImportFormat::Text | ImportFormat::Sequence) && args.hive_stored_as.is_none() {
        let found = metastore.table(&database, &table).await?;
        facts.null_format = found.map(|table| table.null_format().to_owned());
    }
    if args.target_dir.is_none() && args.warehouse_dir.is_none() {
        let location = metastore.table_location(&database, &table).await?;
        let uri = cluster.fs.uri();
        let path = location.strip_prefix(&uri).ok_or_else(|| {
            error::config(format!("table {database}.{table} would lie at {location}, which is not in {uri}"))
                .hint("give target-dir")
        })?;
        facts.hive_location = Some(load::visible_path(path));
    }
    Ok(facts)
}

/// One import for each table of the database.
pub(super) async fn each_table(ends: &Ends<'_>, args: &ImportAllArgs) -> Result<Vec<ImportArgs>> {
    let each = &args.each;
    if each.table.is_some() || each.query.is_some() || each.target_dir.is_some() || !each.columns.is_empty() {
        return Err(error::config("an import of all tables names one table's table, query, columns or target-dir")
            .hint("give warehouse-dir: each table gets a directory below it"));
    }
    if each.incremental.mode.is_some() || each.hbase.table.is_some() {
        return Err(error::config("an import of all tables is neither incremental nor for hbase")
            .hint("import such tables one by one"));
    }
    let mut conn = ends.mysql.connect().await?;
    let listed = Table::list(&mut conn, ends.mysql.database()).await?;
    conn.close().await;
    if let Some(unknown) = args.exclude_tables.iter().find(|x| !listed.iter().any(|table| table.name == **x)) {
        tracing::warn!("exclude-tables names {unknown}, which is not a table");
    }
    let wanted = listed.into_iter().filter(|table| !args.exclude_tables.contains(&table.name));
    let wanted = wanted.filter(|table| !(args.exclude_views && table.is_view));
    let one = |table: Listed| ImportArgs {
        table: Some(table.name),
        autoreset_to_one_mapper: each.autoreset_to_one_mapper,
        ..each.clone()
    };
    Ok(wanted.map(one).collect())
}
