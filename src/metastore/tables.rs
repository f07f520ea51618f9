//! Databases and tables: made where missing, brought up to date where ours, refused otherwise.
//!
//! A table is changed by sending back what the metastore told, with other parameters. Tables of others are changed only
//! where the caller lets us take them over, and then only in their parameters and columns.

use std::collections::{BTreeMap, HashMap};
use std::sync::{MutexGuard, PoisonError};

use super::hive_metastore::{
    ClientCapabilities, ClientCapability, Database, EnvironmentContext, GetTableRequest, PrincipalType,
    TThriftHiveMetastoreSyncClient, Table,
};
use super::pool::Thrift;
use super::{
    Column, MetastoreClient, OWNER, OWNER_PARAMETER, Statistics, TableInfo, TableSpec, evolve, names, reader,
    structures,
};
use crate::error::{self, Kind, Result};

impl MetastoreClient {
    /// Makes a database unless there is one.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn ensure_database(&self, name: &str) -> Result<()> {
        let name = name.to_lowercase();
        // Held while it is made: a metastore that is asked for the same database twice at once may break down over it.
        let mut known = self.databases.lock().await;
        if known.contains(&name) {
            return Ok(());
        }
        match self.make_database(&name).await {
            Ok(()) => {}
            Err(e) if e.kind() == Kind::Exists => {}
            // Another process may have been the other one that asked.
            Err(_) if matches!(self.database_location(&name).await, Ok(Some(_))) => {}
            Err(e) => return Err(e),
        }
        known.insert(name);
        Ok(())
    }

    async fn make_database(&self, name: &str) -> Result<()> {
        let database = Database {
            name: Some(name.to_owned()),
            description: None,
            location_uri: None,
            parameters: None,
            owner_name: Some(self.user.clone()),
            owner_type: Some(PrincipalType::USER),
        };
        self.call(format!("making database {name}"), move |c| c.create_database(database.clone())).await
    }

    /// Looks at a table; `None` where there is none.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn table(&self, database: &str, table: &str) -> Result<Option<TableInfo>> {
        Ok(self.raw_table(database, table).await?.map(|t| structures::table_info(&t)))
    }

    /// Fails if [`MetastoreClient::ensure_table`] could not succeed; gives the table, if there is one. `scratch` is a
    /// directory where a table may be tried whose names this metastore's schema may be unable to hold; nothing else is
    /// changed.
    ///
    /// # Errors
    /// Exists: there is a table that is not ours or lies elsewhere, or this process is about to make it elsewhere.
    /// Schema: it has other columns, or names that Hive could not read. Config: its own name is not one.
    pub async fn check_table(&self, spec: &TableSpec, scratch: &str) -> Result<Option<TableInfo>> {
        names::check(spec)?;
        let found = self.table(&spec.database, &spec.table).await?;
        let is_new = match &found {
            Some(found) => compare(spec, found)?.is_some(),
            None => {
                self.reserve(spec)?;
                true
            }
        };
        if is_new && names::are_doubtful(spec) {
            self.probe(spec, scratch).await?;
        }
        Ok(found)
    }

    /// Notes that a table is not there and where it is going to be; two loads of one run cannot make the same.
    fn reserve(&self, spec: &TableSpec) -> Result<()> {
        let name = spec.full_name();
        match self.absent().insert(name.clone(), spec.location.clone()) {
            Some(other) if other != spec.location => Err(error::exists(format!(
                "table {name} is asked for at {other} and at {}: hive ignores case in names",
                spec.location
            ))
            .hint("give one of them another hive-table, or leave it out with exclude-tables")),
            _ => Ok(()),
        }
    }

    /// Locations of the tables that were looked for and not found, by full name.
    fn absent(&self) -> MutexGuard<'_, HashMap<String, String>> {
        // A map of strings is whole after every panic.
        self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an external table, or brings parameters, statistics and columns of ours up to date. Gives the parameters
    /// that the table had before; none if it was made now.
    ///
    /// # Errors
    /// Exists: there is a table that is not ours or lies elsewhere. Schema: it has other columns.
    pub async fn ensure_table(
        &self,
        spec: &TableSpec,
        statistics: Option<&Statistics>,
    ) -> Result<BTreeMap<String, String>> {
        let Some(table) = self.made_or_found(spec, statistics).await? else { return Ok(BTreeMap::new()) };
        let before = table.parameters.clone().unwrap_or_default();
        let mut wanted = structures::parameters(spec);
        wanted.retain(|key, _| key != "EXTERNAL");
        let change = |all: &mut BTreeMap<String, String>| {
            all.extend(wanted);
            statistics.iter().for_each(|s| s.apply(all));
        };
        self.bring_up_to_date(spec, table, change).await?;
        Ok(before)
    }

    /// Gets a table ready for files that are about to change: makes it, where it has partitions and is missing, adds
    /// the columns it lacks, and takes back what it claims about its rows. Says whether it was made.
    ///
    /// # Errors
    /// Those of [`MetastoreClient::ensure_table`].
    pub async fn prepare_table(&self, spec: &TableSpec, statistics: Option<&Statistics>) -> Result<bool> {
        let table = match spec.partition_columns.is_empty() {
            false => self.made_or_found(spec, None).await?,
            // It appears with its files, all at once, when they are registered.
            true if self.absent().contains_key(&spec.full_name()) => return Ok(false),
            true => self.raw_table(&spec.database, &spec.table).await?,
        };
        let Some(table) = table else { return Ok(!spec.partition_columns.is_empty()) };
        let withdraw = |all: &mut BTreeMap<String, String>| statistics.iter().for_each(|s| s.withdraw(all));
        self.bring_up_to_date(spec, table, withdraw).await.map(|()| false)
    }

    /// Makes a table unless there is one, which is given back.
    async fn made_or_found(&self, spec: &TableSpec, statistics: Option<&Statistics>) -> Result<Option<Table>> {
        let name = spec.full_name();
        let was_absent = self.absent().remove(&name).is_some();
        let mut found = if was_absent { None } else { self.raw_table(&spec.database, &spec.table).await? };
        if found.is_none() {
            match self.make_table(spec, statistics).await {
                Err(e) if e.kind() == Kind::Exists => {}
                made => return made.map(|()| None),
            }
            found = self.raw_table(&spec.database, &spec.table).await?;
        }
        match found {
            Some(table) => Ok(Some(table)),
            None => Err(error::busy(format!("table {name} was dropped while it was made")).hint("run again")),
        }
    }

    pub(super) async fn make_table(&self, spec: &TableSpec, statistics: Option<&Statistics>) -> Result<()> {
        let mut table = structures::table(spec, &self.user);
        structures::change(&mut table.parameters, |all| statistics.iter().for_each(|s| s.apply(all)));
        let act = format!("making table {}", spec.full_name());
        let made = self.call(act, move |c| c.create_table(table.clone())).await;
        if made.as_ref().is_err_and(|e| e.kind() != Kind::Exists) {
            // Its database may have been dropped: the next load makes it again.
            self.databases.lock().await.remove(&spec.database.to_lowercase());
        }
        made
    }

    /// Changes parameters of a table and adds the columns it lacks; does nothing where that changes nothing.
    async fn bring_up_to_date(
        &self,
        spec: &TableSpec,
        mut table: Table,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<()> {
        let name = spec.full_name();
        let grown = compare(spec, &structures::table_info(&table))?;
        let changed = structures::change(&mut table.parameters, change);
        let context = match grown {
            Some(columns) => {
                tracing::info!(table = name, columns = columns.len(), "columns are added or widened");
                let mut storage = table.sd.take().unwrap_or_default();
                storage.cols = Some(structures::fields(&columns));
                table.sd = Some(storage);
                cascading()
            }
            None if !changed => return Ok(()),
            None => keep_statistics(),
        };
        self.alter_table(&spec.database, &spec.table, table, context).await
    }

    /// Sets parameters of a table of ours, keeping its others; does nothing where they have these values.
    ///
    /// # Errors
    /// NotFound: no such table. Exists: it is not ours.
    pub async fn set_table_parameters(
        &self,
        database: &str,
        table: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<()> {
        let name = format!("{database}.{table}");
        let Some(mut found) = self.raw_table(database, table).await? else {
            return Err(error::not_found(format!("table {name} does not exist")));
        };
        if !structures::table_info(&found).is_ours() {
            return Err(not_ours(&name));
        }
        if !structures::change(&mut found.parameters, |all| all.extend(parameters.clone())) {
            return Ok(());
        }
        self.alter_table(database, table, found, keep_statistics()).await
    }

    /// Makes the metastore forget a table of ours; its files stay. Says whether there was one.
    ///
    /// # Errors
    /// Exists: the table is not ours.
    pub async fn drop_table(&self, database: &str, table: &str) -> Result<bool> {
        match self.table(database, table).await? {
            None => return Ok(false),
            Some(found) if !found.is_ours() => return Err(not_ours(&format!("{database}.{table}"))),
            Some(_) => {}
        }
        let act = format!("forgetting table {database}.{table}");
        let (database, table) = (database.to_lowercase(), table.to_lowercase());
        match self.call(act, move |c| c.drop_table(database.clone(), table.clone(), false)).await {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == Kind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn alter_table(&self, database: &str, name: &str, table: Table, context: EnvironmentContext) -> Result<()> {
        let act = format!("changing table {database}.{name}");
        let (database, name) = (database.to_lowercase(), name.to_lowercase());
        let alter = move |c: &mut Thrift| {
            let (database, name, table, context) = (database.clone(), name.clone(), table.clone(), context.clone());
            c.alter_table_with_environment_context(database, name, table, context)
        };
        self.call(act, alter).await
    }

    pub(super) async fn raw_table(&self, database: &str, table: &str) -> Result<Option<Table>> {
        // Without the capability an insert-only table is an error instead of a table that is not ours.
        let request = GetTableRequest {
            db_name: Some(database.to_lowercase()),
            tbl_name: Some(table.to_lowercase()),
            capabilities: Some(ClientCapabilities { values: Some(vec![ClientCapability::INSERT_ONLY_TABLES]) }),
        };
        let act = format!("looking at table {database}.{table}");
        match self.call(act, move |c| c.get_table_req(request.clone())).await {
            Ok(result) => Ok(result.table),
            Err(e) if e.kind() == Kind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}

/// Tells the metastore not to scan the directory and not to forget our row count.
pub(super) fn keep_statistics() -> EnvironmentContext {
    let properties = BTreeMap::from([("DO_NOT_UPDATE_STATS".to_owned(), "true".to_owned())]);
    EnvironmentContext { properties: Some(properties) }
}

/// Tells it besides to give the columns to the partitions too, as `ADD COLUMNS .. CASCADE` does.
fn cascading() -> EnvironmentContext {
    let properties = ["DO_NOT_UPDATE_STATS", "CASCADE"].map(|name| (name.to_owned(), "true".to_owned()));
    EnvironmentContext { properties: Some(BTreeMap::from(properties)) }
}

/// Whether the table found can be the one wanted; gives the columns it has to get.
fn compare(wanted: &TableSpec, found: &TableInfo) -> Result<Option<Vec<Column>>> {
    let name = wanted.full_name();
    if !found.is_ours() {
        if !wanted.adopt {
            return Err(not_ours(&name));
        }
        adoptable(wanted, found)?;
    }
    if found.location.trim_end_matches('/') != wanted.location {
        let what = format!("table {name} lies at {} and not at {}", found.location, wanted.location);
        return Err(error::exists(what).hint("choose another table, or drop this one: its files stay"));
    }
    reader::check(wanted, found)?;
    evolve::columns(wanted, found)
}

/// A table of others may be taken over if it is external.
fn adoptable(wanted: &TableSpec, found: &TableInfo) -> Result<()> {
    let name = wanted.full_name();
    if found.table_type != "EXTERNAL_TABLE" || found.parameters.get("transactional").is_some_and(|t| t == "true") {
        return Err(error::exists(format!("table {name} exists and hive itself manages its files"))
            .hint("insert into it through hiveserver2, or choose another table"));
    }
    Ok(())
}

fn not_ours(name: &str) -> error::Error {
    error::exists(format!("table {name} exists and was not made by sakia"))
        .hint(format!("choose another table; or, if it may be taken over, set its parameter {OWNER_PARAMETER}={OWNER}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metastore::{Column, HiveStorage};

    fn wanted() -> TableSpec {
        TableSpec {
            database: "shop".into(),
            table: "orders".into(),
            comment: None,
            columns: vec![Column::new("id", "bigint")],
            partition_columns: vec![Column::new("dt", "date")],
            location: "hdfs://nn:8020/lake/orders".into(),
            storage: HiveStorage::Parquet,
            parameters: BTreeMap::new(),
            adopt: false,
        }
    }

    #[test]
    fn a_table_of_ours_with_the_same_columns_is_fine() {
        let mut found = structures::table_info(&structures::table(&wanted(), "etl"));
        compare(&wanted(), &found).unwrap();
        found.columns[0].comment = Some("changed by hand".into());
        compare(&wanted(), &found).unwrap();
        assert_eq!(found.parameters["EXTERNAL"], "TRUE");
        assert_eq!((found.owner.as_str(), found.table_type.as_str()), ("etl", "EXTERNAL_TABLE"));
    }

    #[test]
    fn other_tables_are_refused_and_the_message_shows_both() {
        let ours = structures::table_info(&structures::table(&wanted(), "etl"));

        let mut foreign = ours.clone();
        foreign.parameters.remove(OWNER_PARAMETER);
        assert_eq!(compare(&wanted(), &foreign).unwrap_err().kind(), Kind::Exists);

        let mut elsewhere = ours.clone();
        elsewhere.location = "hdfs://nn:8020/old".into();
        assert_eq!(compare(&wanted(), &elsewhere).unwrap_err().kind(), Kind::Exists);
    }

    #[test]
    fn a_table_of_others_may_be_taken_over_where_it_is_read_as_we_write() {
        let adopt = TableSpec { adopt: true, ..wanted() };
        let mut foreign = structures::table_info(&structures::table(&wanted(), "etl"));
        foreign.parameters.remove(OWNER_PARAMETER);
        compare(&adopt, &foreign).unwrap();

        let managed = TableInfo { table_type: "MANAGED_TABLE".into(), ..foreign.clone() };
        assert_eq!(compare(&adopt, &managed).unwrap_err().kind(), Kind::Exists);
        let orc = TableInfo { serde: "org.apache.hadoop.hive.ql.io.orc.OrcSerde".into(), ..foreign.clone() };
        assert_eq!(compare(&adopt, &orc).unwrap_err().kind(), Kind::Schema);
        let elsewhere = TableInfo { location: "hdfs://nn:8020/old".into(), ..foreign };
        assert_eq!(compare(&adopt, &elsewhere).unwrap_err().kind(), Kind::Exists);
    }
}
