//! What a doctor asks of a metastore. Where steps fill tables, one without files is made and dropped again; nothing else is
//! changed there.

use super::options::Endpoint;
use super::{MetastoreClient, MetastoreOptions, security};
use crate::checkup::Checkup;
use crate::error::{self, Result};
use crate::net::examine::{Hop, any_reached};

/// A table that a step needs, or fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub database: String,
    /// Not known where a step fills many.
    pub table: Option<String>,
    /// Whether it has to be there.
    is_read: bool,
}

impl Wanted {
    /// One that a step reads.
    pub(crate) fn read(database: &str, table: &str) -> Self {
        Self { database: database.to_lowercase(), table: Some(table.to_lowercase()), is_read: true }
    }

    /// One that a step makes and fills.
    pub(crate) fn filled(database: &str, table: Option<&str>) -> Self {
        Self { database: database.to_lowercase(), table: table.map(str::to_lowercase), is_read: false }
    }

    /// Whether the step that fills this one may make a table of that name, or any of the database.
    pub(crate) fn may_make(&self, database: &str, table: Option<&str>) -> bool {
        let is_it = self.table.as_deref().zip(table).is_none_or(|(ours, theirs)| ours.eq_ignore_ascii_case(theirs));
        !self.is_read && self.database.eq_ignore_ascii_case(database) && is_it
    }
}

/// Asks each metastore whether it is reached, and the first that answers what it is and what we may do there.
pub(crate) async fn examine(options: &MetastoreOptions, wanted: &[Wanted], checkup: &mut Checkup) -> Result<()> {
    let given = options.clone();
    if !any_reached("metastore", move || hops(&given), checkup).await? {
        checkup.skipped("version", "no metastore can be reached");
        return Ok(());
    }
    let words = |client: &MetastoreClient| match client.version() {
        // Whatever Hive stands around it.
        Ok(version) if version.text == "3.0" => "of a hive before 4.0, all of which say 3.0".to_owned(),
        Ok(version) => format!("hive {}", version.text),
        Err(_) => "it does not tell its version".to_owned(),
    };
    let Some(client) = checkup.take("version", MetastoreClient::connect(options).await, words) else { return Ok(()) };
    match client.database_location("default").await {
        Ok(Some(place)) => checkup.fine("warehouse", place),
        Ok(None) => checkup.skipped("warehouse", "there is no database default"),
        Err(e) => checkup.failed("warehouse", &e),
    }
    let mut databases: Vec<&str> = wanted.iter().map(|wanted| wanted.database.as_str()).collect();
    databases.sort_unstable();
    databases.dedup();
    for name in databases {
        let of_it: Vec<&Wanted> = wanted.iter().filter(|wanted| wanted.database == name).collect();
        database(&client, name, &of_it, checkup).await;
    }
    Ok(())
}

/// Asks about a database and tables of it. A metastore tells nobody's rights: a table without files is made and dropped
/// again, as a load does it before it publishes anything.
async fn database(client: &MetastoreClient, name: &str, wanted: &[&Wanted], checkup: &mut Checkup) {
    let question = format!("database {name}");
    let place = match client.database_location(name).await {
        Ok(Some(place)) => place,
        Ok(None) if wanted.iter().any(|wanted| wanted.is_read) => {
            let e = error::not_found(format!("there is no database {name}"));
            return checkup.failed(question, &e.hint("check hive-database, and that what fills it has run"));
        }
        Ok(None) => return checkup.fine(question, "is not there yet, and is made by the first load"),
        Err(e) => return checkup.failed(question, &e),
    };
    checkup.fine(question, format!("lies at {place}"));
    if wanted.iter().any(|wanted| !wanted.is_read) {
        let words = |(): &()| "tables can be made".to_owned();
        checkup.take(format!("rights in {name}"), client.try_making(name, &place).await, words);
    }
    for Wanted { table, is_read, .. } in wanted {
        let Some(table) = table else { continue };
        let question = format!("table {name}.{table}");
        match client.table(name, table).await {
            Ok(Some(found)) if !is_read && !found.is_ours() => checkup.warning(
                question,
                format!("is there, at {}, and was not made by sakia", found.location),
                "a load changes only tables of its own, unless it lies where the load writes and has the same columns: \
                 drop it, or give hive-table another name",
            ),
            Ok(Some(found)) => checkup.fine(question, format!("is there, at {}", found.location)),
            Ok(None) if *is_read => {
                let e = error::not_found(format!("there is no table {name}.{table}"));
                checkup.failed(question, &e.hint("check hive-table, and that what fills it has run"));
            }
            Ok(None) => checkup.fine(question, "is not there yet, and is made by the first load"),
            Err(e) => checkup.failed(question, &e),
        }
    }
}

/// The metastores. Blocks where a ZooKeeper knows them.
fn hops(options: &MetastoreOptions) -> Result<Vec<Hop>> {
    let hop = |endpoint: &Endpoint| {
        let server = options.server(endpoint);
        let transport = security::transport(options, endpoint)?;
        Ok(Hop { name: format!("metastore {}", server.address), server, transport })
    };
    options.endpoints()?.iter().map(hop).collect()
}
