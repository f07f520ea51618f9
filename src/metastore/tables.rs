//! Databases and tables: made where missing, brought up to date where ours, refused otherwise.
//!
//! A table is changed by sending back what the metastore told, with other parameters. The Thrift structures we speak
//! are older than the newest metastores', so that fields they do not know are lost; on the external tables that we
//! made there is nothing in them. Tables of others are never changed for that reason.

use std::collections::BTreeMap;

use hive_metastore::{ClientCapabilities, Database, EnvironmentContext, GetTableRequest, PrincipalType, Table};
use volo::FastStr;

use super::{Column, MetastoreClient, OWNER, OWNER_PARAMETER, TableInfo, TableSpec, thrift};
use crate::error::{self, Kind, Result};

/// The capability of reading tables that only grow; younger than the generated code.
const INSERT_ONLY_TABLES: i32 = 2;

impl MetastoreClient {
    /// Makes a database unless there is one.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn ensure_database(&self, name: &str) -> Result<()> {
        let database = Database {
            name: Some(FastStr::from(name.to_lowercase())),
            owner_name: Some(self.user.clone().into()),
            owner_type: Some(PrincipalType::USER),
            ..Database::default()
        };
        let create = |c: hive_metastore::ThriftHiveMetastoreClient| {
            let database = database.clone();
            async move { c.create_database(database).await }
        };
        match self.call(&format!("making database {name}"), create).await {
            Err(e) if e.kind() == Kind::Exists => Ok(()),
            done => done,
        }
    }

    /// Looks at a table; `None` where there is none.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn table(&self, database: &str, table: &str) -> Result<Option<TableInfo>> {
        Ok(self.raw_table(database, table).await?.map(|t| thrift::table_info(&t)))
    }

    /// Fails if [`MetastoreClient::ensure_table`] could not succeed; changes nothing.
    ///
    /// # Errors
    /// Exists: there is a table that is not ours or lies elsewhere. Schema: it has other columns.
    pub async fn check_table(&self, spec: &TableSpec) -> Result<()> {
        match self.table(&spec.database, &spec.table).await? {
            Some(found) => compare(spec, &found),
            None => Ok(()),
        }
    }

    /// Makes an external table, or brings the parameters of ours up to date.
    ///
    /// # Errors
    /// Exists: there is a table that is not ours or lies elsewhere. Schema: it has other columns.
    pub async fn ensure_table(&self, spec: &TableSpec) -> Result<()> {
        let name = spec.full_name();
        if self.raw_table(&spec.database, &spec.table).await?.is_none() {
            let table = thrift::table(spec, &self.user);
            let create = |c: hive_metastore::ThriftHiveMetastoreClient| {
                let table = table.clone();
                async move { c.create_table(table).await }
            };
            match self.call(&format!("making table {name}"), create).await {
                Err(e) if e.kind() == Kind::Exists => {}
                done => return done,
            }
        }
        self.check_table(spec).await?;
        let mut wanted = thrift::unmap(thrift::table(spec, &self.user).parameters.as_ref());
        wanted.retain(|key, _| key != "EXTERNAL");
        self.set_table_parameters(&spec.database, &spec.table, &wanted).await
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
        if !thrift::table_info(&found).is_ours() {
            return Err(not_ours(&name));
        }
        let mut all = thrift::unmap(found.parameters.as_ref());
        let before = all.clone();
        all.extend(parameters.clone());
        if all == before {
            return Ok(());
        }
        found.parameters = Some(thrift::map(&all));
        let (database, table) = (FastStr::from(database.to_lowercase()), FastStr::from(table.to_lowercase()));
        let alter = |c: hive_metastore::ThriftHiveMetastoreClient| {
            let (database, table, found) = (database.clone(), table.clone(), found.clone());
            async move { c.alter_table_with_environment_context(database, table, found, keep_statistics()).await }
        };
        self.call(&format!("setting parameters of table {name}"), alter).await
    }

    async fn raw_table(&self, database: &str, table: &str) -> Result<Option<Table>> {
        // Without the capability an insert-only table is an error instead of a table that is not ours.
        let request = GetTableRequest {
            db_name: database.to_lowercase().into(),
            tbl_name: table.to_lowercase().into(),
            capabilities: Some(ClientCapabilities { values: vec![INSERT_ONLY_TABLES.into()] }),
        };
        let get = |c: hive_metastore::ThriftHiveMetastoreClient| {
            let request = request.clone();
            async move { c.get_table_req(request).await }
        };
        match self.call(&format!("looking at table {database}.{table}"), get).await {
            Ok(result) => Ok(Some(result.table)),
            Err(e) if e.kind() == Kind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}

/// Tells the metastore not to scan the directory and not to forget our row count.
fn keep_statistics() -> EnvironmentContext {
    let properties = BTreeMap::from([("DO_NOT_UPDATE_STATS".to_owned(), "true".to_owned())]);
    EnvironmentContext { properties: Some(thrift::map(&properties)) }
}

/// Whether the table found can be the one wanted.
fn compare(wanted: &TableSpec, found: &TableInfo) -> Result<()> {
    let name = wanted.full_name();
    if !found.is_ours() {
        return Err(not_ours(&name));
    }
    if found.location.trim_end_matches('/') != wanted.location {
        let what = format!("table {name} lies at {} and not at {}", found.location, wanted.location);
        return Err(error::exists(what).hint("choose another table, or drop this one: its files stay"));
    }
    if !same(&found.columns, &wanted.columns) || !same(&found.partition_columns, &wanted.partition_columns) {
        let what = format!(
            "table {name} has the columns {} and the load has {}",
            describe(&found.columns, &found.partition_columns),
            describe(&wanted.columns, &wanted.partition_columns)
        );
        return Err(error::schema(what).hint(format!(
            "load into another table and directory, or drop table {name} (its files stay) and replace all its data"
        )));
    }
    Ok(())
}

fn not_ours(name: &str) -> error::Error {
    error::exists(format!("table {name} exists and was not made by sakia"))
        .hint(format!("choose another table; or, if it may be taken over, set its parameter {OWNER_PARAMETER}={OWNER}"))
}

/// Comments may be changed by anybody.
fn same(a: &[Column], b: &[Column]) -> bool {
    a.iter().map(|c| (&c.name, &c.hive_type)).eq(b.iter().map(|c| (&c.name, &c.hive_type)))
}

fn describe(columns: &[Column], partition_columns: &[Column]) -> String {
    let list = |columns: &[Column]| {
        columns.iter().map(|c| format!("{} {}", c.name, c.hive_type)).collect::<Vec<_>>().join(", ")
    };
    match partition_columns {
        [] => format!("({})", list(columns)),
        _ => format!("({}) partitioned by ({})", list(columns), list(partition_columns)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metastore::HiveStorage;

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
        }
    }

    #[test]
    fn a_table_of_ours_with_the_same_columns_is_fine() {
        let mut found = thrift::table_info(&thrift::table(&wanted(), "etl"));
        compare(&wanted(), &found).unwrap();
        found.columns[0].comment = Some("changed by hand".into());
        compare(&wanted(), &found).unwrap();
        assert_eq!(found.parameters["EXTERNAL"], "TRUE");
        assert_eq!((found.owner.as_str(), found.table_type.as_str()), ("etl", "EXTERNAL_TABLE"));
    }

    #[test]
    fn other_tables_are_refused_and_the_message_shows_both() {
        let ours = thrift::table_info(&thrift::table(&wanted(), "etl"));

        let mut foreign = ours.clone();
        foreign.parameters.remove(OWNER_PARAMETER);
        assert_eq!(compare(&wanted(), &foreign).unwrap_err().kind(), Kind::Exists);

        let mut elsewhere = ours.clone();
        elsewhere.location = "hdfs://nn:8020/old".into();
        assert_eq!(compare(&wanted(), &elsewhere).unwrap_err().kind(), Kind::Exists);

        let mut grown = wanted();
        grown.columns.push(Column::new("note", "string"));
        let error = compare(&grown, &ours).unwrap_err();
        assert_eq!(error.kind(), Kind::Schema);
        let text = error.to_string();
        assert!(text.contains("(id bigint) partitioned by (dt date)"), "{text}");
        assert!(text.contains("(id bigint, note string) partitioned by (dt date)"), "{text}");
    }
}
