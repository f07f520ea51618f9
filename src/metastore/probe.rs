//! Asks a metastore whether its schema holds the names and texts of a table, by making a table of them and reading it
//! back. Hive's own scripts make latin1 columns, where other characters become question marks or an error; many have
//! been altered since, some columns and not others, so that nothing but trying tells.

use std::collections::BTreeMap;

use super::{Column, HiveStorage, MetastoreClient, TableSpec, names, stored::StoredTable, structures};
use crate::error::{self, Result};

impl MetastoreClient {
    /// Makes a table like `spec` under a name of its own over the directory `scratch`, reads it back and drops it.
    ///
    /// # Errors
    /// Schema: a name or a parameter comes back as another one. Those of the metastore.
    pub(super) async fn probe(&self, spec: &TableSpec, scratch: &str) -> Result<()> {
        let probe = TableSpec {
            table: format!("sakia_probe_{}", uuid::Uuid::now_v7().simple()),
            location: scratch.to_owned(),
            ..spec.clone()
        };
        self.ensure_database(&spec.database).await?;
        let context = |e: error::Error| e.context(format!("trying the names of table {}", spec.full_name()));
        self.make_table(&probe, None).await.map_err(context)?;
        let kept = self.stored_table(&probe.database, &probe.table).await;
        if let Err(e) = self.drop_table(&probe.database, &probe.table).await {
            tracing::warn!(error = %e, table = probe.full_name(), "a table without files stays behind");
        }
        match kept.map_err(context)? {
            Some(kept) => compare(spec, &kept),
            None => Err(error::busy(format!("table {} was dropped while it was tried", probe.full_name()))),
        }
    }
}

impl MetastoreClient {
    /// Makes a table without files in a database that is there, over the database's own directory, and drops it again: what
    /// the metastore declines, it declines now.
    ///
    /// # Errors
    /// Those of the metastore.
    pub(super) async fn try_making(&self, database: &str, location: &str) -> Result<()> {
        let probe = TableSpec {
            database: database.to_owned(),
            table: format!("sakia_probe_{}", uuid::Uuid::now_v7().simple()),
            comment: None,
            columns: vec![Column::new("k", "int")],
            partition_columns: Vec::new(),
            location: location.to_owned(),
            storage: HiveStorage::Parquet,
            parameters: BTreeMap::new(),
            adopt: false,
        };
        self.make_table(&probe, None).await?;
        self.drop_table(database, &probe.table).await.map(drop)
    }
}

fn compare(spec: &TableSpec, kept: &StoredTable) -> Result<()> {
    let pairs = |wanted: &[Column], kept: &[Column]| -> Vec<(Column, Column)> {
        wanted.iter().cloned().zip(kept.iter().cloned()).collect()
    };
    let mut all = pairs(&spec.columns, &kept.columns);
    all.extend(pairs(&spec.partition_columns, &kept.partition_columns));
    for (wanted, kept) in &all {
        if wanted.name != kept.name {
            let why = format!("this metastore's database cannot hold it, and keeps {:?}", kept.name);
            return Err(names::refused(spec, &wanted.name, &why));
        }
    }
    let wanted = structures::serde_parameters(&spec.storage);
    if let Some((name, value)) =
        wanted.iter().find(|(name, value)| kept.storage.serde_parameters.get(*name) != Some(value))
    {
        let what = format!("table {}: this metastore's database cannot hold {name} = {value:?}", spec.full_name());
        return Err(error::schema(what).hint("choose delimiters and a null string of plain characters"));
    }
    let wanted = structures::parameters(spec);
    if wanted.get(structures::AVRO_SCHEMA) != kept.parameters.get(structures::AVRO_SCHEMA) {
        let what = format!("table {}: this metastore's database cannot hold the avro schema", spec.full_name());
        return Err(error::schema(what).hint("use plain names, or another file format"));
    }
    let lost: Vec<&str> = all.iter().filter(|(w, k)| w.comment != k.comment).map(|(w, _)| w.name.as_str()).collect();
    if !lost.is_empty() {
        tracing::warn!(
            table = spec.full_name(),
            columns = lost.iter().take(5).copied().collect::<Vec<_>>().join(", "),
            "{} comments lose characters that this metastore's database cannot hold",
            lost.len()
        );
    }
    Ok(())
}
