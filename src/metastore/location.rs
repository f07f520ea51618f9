//! Where a table lies, or would lie.

use super::MetastoreClient;
use super::hive_metastore::TThriftHiveMetastoreSyncClient;
use crate::error::{Kind, Result};

impl MetastoreClient {
    /// The location of a table; where there is none, the one below its database's location; where there is no such
    /// database, the one below the location of `default`, as Hive makes databases.
    ///
    /// # Errors
    /// Those of the metastore.
    pub async fn table_location(&self, database: &str, table: &str) -> Result<String> {
        let (database, table) = (database.to_lowercase(), table.to_lowercase());
        if let Some(found) = self.table(&database, &table).await? {
            return Ok(found.location);
        }
        if let Some(location) = self.database_location(&database).await? {
            return Ok(format!("{location}/{table}"));
        }
        let root = self.database_location("default").await?.unwrap_or_default();
        Ok(format!("{root}/{database}.db/{table}"))
    }

    /// The location of a database without a slash at its end; `None` where there is no such database.
    pub(super) async fn database_location(&self, database: &str) -> Result<Option<String>> {
        let name = database.to_owned();
        let act = format!("looking at database {database}");
        match self.call(act, move |c| c.get_database(name.clone())).await {
            Ok(found) => Ok(found.location_uri.map(|uri| uri.trim_end_matches('/').to_owned())),
            Err(e) if e.kind() == Kind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}
