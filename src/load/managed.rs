//! Tables whose files Hive manages itself: ORC, ACID, whatever the cluster's Hive writes. A load stages the rows as an
//! external table; one HiveQL INSERT carries them over. The statements are pure text, decided from what the metastore
//! says of both tables.
//!
//! An INSERT OVERWRITE may be repeated. An INSERT INTO may not: if its end is not known the error has the effect
//! [`Effect::Partial`], and somebody has to look. A column that the tables do not share, or that would not be carried
//! exactly, is refused.

use super::{DEFAULT_PARTITION, LoadMode, Partition};
use crate::error::{self, Effect, Kind, Result};
use crate::hiveserver2::{Session, Value, quote};
use crate::metastore::{Column, MetastoreClient, TableInfo, listed, types};
use crate::shutdown::Stop;

/// How a table is stored that is made for the purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredAs {
    /// ORC without transactions.
    Orc,
    /// ORC with transactions.
    TransactionalOrc,
    /// Whatever stands behind the columns in a CREATE TABLE, such as `stored as rcfile`.
    Clause(String),
}

/// Carries the rows of one table into another.
#[derive(Clone, Debug)]
pub struct ManagedInsert {
    /// Database and name of the staged table.
    pub from: (String, String),
    /// Database and name of the table that gets the rows.
    pub into: (String, String),
    /// Replace: the table, or its partitions that rows go to, afterwards hold these rows only.
    pub mode: LoadMode,
    /// The partition that all rows go to; further partition columns are taken from the rows.
    pub partition: Partition,
    /// Makes the table so, where it is missing; refused otherwise.
    pub create: Option<StoredAs>,
}

impl ManagedInsert {
    /// The statement that makes the table for the rows of `from`, partitioned by the static partition's columns and by
    /// those that partition `from`.
    pub fn create_statement(&self, from: &TableInfo, stored_as: &StoredAs) -> String {
        let described = |c: &Column| {
            let comment = c.comment.as_ref().map(|text| format!(" COMMENT {}", quote::text(text))).unwrap_or_default();
            format!("{} {}{comment}", quote::name(&c.name), c.hive_type)
        };
        let list = |columns: &[Column]| columns.iter().map(described).collect::<Vec<_>>().join(", ");
        let mut partitions: Vec<Column> = self.partition.names().map(|name| Column::new(name, "string")).collect();
        partitions.extend(from.partition_columns.clone());
        let partitioned = match &partitions[..] {
            [] => String::new(),
            columns => format!(" PARTITIONED BY ({})", list(columns)),
        };
        let stored = match stored_as {
            StoredAs::Orc => "STORED AS ORC TBLPROPERTIES ('transactional'='false')",
            StoredAs::TransactionalOrc => "STORED AS ORC TBLPROPERTIES ('transactional'='true')",
            StoredAs::Clause(clause) => clause,
        };
        let name = quote::table(&self.into.0, &self.into.1);
        format!("CREATE TABLE IF NOT EXISTS {name} ({}){partitioned} {stored}", list(&from.columns))
    }

    /// The statements that carry the rows, in order.
    ///
    /// # Errors
    /// Schema: the tables do not fit, both are shown. Config: the partition does not fit the table.
    pub fn insert_statements(&self, from: &TableInfo, into: &TableInfo) -> Result<Vec<String>> {
        let fixed = self.partition.names().count();
        if !into.partition_columns.iter().take(fixed).map(|c| c.name.as_str()).eq(self.partition.names()) {
            let what = format!("{} does not name the first partition columns of", self.partition.path());
            return Err(error::config(format!("{what} {}.{}", self.into.0, self.into.1)));
        }
        if self.partition.values().any(|value| value == DEFAULT_PARTITION) {
            return Err(error::config("a partition that rows are inserted into needs a value for each key"));
        }
        let dynamic = &into.partition_columns[fixed..];
        let wanted: Vec<&Column> = into.columns.iter().chain(dynamic).collect();
        let given: Vec<&Column> = from.columns.iter().chain(&from.partition_columns).collect();
        let carried = |column: &&Column| {
            given.iter().any(|c| c.name == column.name && types::carries(&c.hive_type, &column.hive_type))
        };
        if wanted.len() != given.len() || !wanted.iter().all(carried) {
            return Err(self.differ(&given, &wanted));
        }
        let selected = wanted.iter().map(|c| quote::name(&c.name)).collect::<Vec<_>>().join(", ");
        let mut keys: Vec<String> =
            self.partition.pairs().map(|(k, v)| format!("{}={}", quote::name(k), quote::text(v))).collect();
        keys.extend(dynamic.iter().map(|c| quote::name(&c.name)));
        let partition = if keys.is_empty() { String::new() } else { format!(" PARTITION ({})", keys.join(", ")) };
        let verb = match self.mode {
            LoadMode::Replace => "OVERWRITE",
            LoadMode::Append => "INTO",
        };
        let (from, into) = (quote::table(&self.from.0, &self.from.1), quote::table(&self.into.0, &self.into.1));
        let mut statements = Vec::new();
        if !dynamic.is_empty() {
            statements.push("SET hive.exec.dynamic.partition.mode=nonstrict".to_owned());
        }
        statements.push(format!("INSERT {verb} TABLE {into}{partition} SELECT {selected} FROM {from}"));
        Ok(statements)
    }

    fn differ(&self, given: &[&Column], wanted: &[&Column]) -> error::Error {
        let ((from_database, from), (database, name)) = (&self.from, &self.into);
        let (given, wanted) = (listed(given.iter().copied()), listed(wanted.iter().copied()));
        error::schema(format!(
            "the rows of {from_database}.{from} ({given}) cannot be carried into {database}.{name} ({wanted})"
        ))
        .hint("names must be the same and types wide enough: choose columns, or give types by map-column-hive")
    }

    /// Makes the table where asked, and carries the rows. A table that was made for rows which then do not arrive is
    /// dropped again.
    ///
    /// # Errors
    /// NotFound: a table is missing. Those of [`ManagedInsert::insert_statements`] and of HiveServer2. Data: the table
    /// does not hold `rows` rows afterwards.
    pub async fn run(&self, metastore: &MetastoreClient, session: &Session, rows: u64, stop: &Stop) -> Result<()> {
        let look = async |(database, name): &(String, String)| metastore.table(database, name).await;
        let missing =
            |(database, name): &(String, String)| error::not_found(format!("table {database}.{name} does not exist"));
        let from = look(&self.from).await?.ok_or_else(|| missing(&self.from))?;
        let (into, made) = match (look(&self.into).await?, &self.create) {
            (Some(into), _) => (into, false),
            (None, None) => return Err(missing(&self.into)),
            (None, Some(stored_as)) => {
                metastore.ensure_database(&self.into.0).await?;
                session.execute(&self.create_statement(&from, stored_as), stop).await?;
                (look(&self.into).await?.ok_or_else(|| missing(&self.into))?, true)
            }
        };
        let inserted = self.insert(session, &from, &into, stop).await;
        if made && inserted.as_ref().is_err_and(|e| !is_unknown(e)) {
            let name = quote::table(&self.into.0, &self.into.1);
            if let Err(e) = session.execute(&format!("DROP TABLE IF EXISTS {name}"), &Stop::new()).await {
                tracing::warn!(error = %e, table = name, "an empty table stays behind");
            }
        }
        inserted?;
        match self.mode {
            LoadMode::Append => Ok(()),
            LoadMode::Replace if self.partition.is_none() && !into.partition_columns.is_empty() => Ok(()),
            LoadMode::Replace => self.count(session, rows, stop).await,
        }
    }

    async fn insert(&self, session: &Session, from: &TableInfo, into: &TableInfo, stop: &Stop) -> Result<()> {
        for statement in self.insert_statements(from, into)? {
            session.execute(&statement, stop).await.map_err(|e| self.told(e))?;
        }
        Ok(())
    }

    /// Whether an INSERT INTO that broke off was done is not known.
    fn told(&self, error: error::Error) -> error::Error {
        if self.mode == LoadMode::Append && is_unknown(&error) {
            let into = format!("{}.{}", self.into.0, self.into.1);
            return error
                .effect(Effect::Partial)
                .hint(format!("look whether {into} has the rows before running again: they might be added twice"));
        }
        error
    }

    async fn count(&self, session: &Session, rows: u64, stop: &Stop) -> Result<()> {
        let keys: Vec<String> =
            self.partition.pairs().map(|(k, v)| format!("{}={}", quote::name(k), quote::text(v))).collect();
        let condition = if keys.is_empty() { String::new() } else { format!(" WHERE {}", keys.join(" AND ")) };
        let name = quote::table(&self.into.0, &self.into.1);
        let counted = session.query(&format!("SELECT count(*) FROM {name}{condition}"), stop).await?;
        match counted.rows.first().and_then(|row| row.first()) {
            Some(Value::Int(found)) if u64::try_from(*found) == Ok(rows) => Ok(()),
            found => Err(error::data(format!("{name} holds {found:?} rows after {rows} were inserted"))
                .hint("somebody else may write there; run again to replace them")),
        }
    }
}

/// Whether the statement may still be running, or be done.
fn is_unknown(error: &error::Error) -> bool {
    matches!(error.kind(), Kind::Unreachable | Kind::Stopped(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(columns: &[(&str, &str)], partitions: &[(&str, &str)]) -> TableInfo {
        let list = |all: &[(&str, &str)]| all.iter().map(|(n, t)| Column::new(*n, *t)).collect();
        TableInfo { columns: list(columns), partition_columns: list(partitions), ..TableInfo::default() }
    }

    fn plan(mode: LoadMode, partition: Partition) -> ManagedInsert {
        let name = |text: &str| ("shop".to_owned(), text.to_owned());
        ManagedInsert { from: name("stage"), into: name("orders"), mode, partition, create: None }
    }

    #[test]
    fn columns_are_carried_by_name() {
        let from = info(&[("id", "int"), ("total", "decimal(10,2)"), ("day", "date")], &[]);
        let into = info(&[("total", "decimal(12,2)"), ("day", "string"), ("id", "bigint")], &[]);
        assert_eq!(
            plan(LoadMode::Replace, Partition::none()).insert_statements(&from, &into).unwrap(),
            ["INSERT OVERWRITE TABLE `shop`.`orders` SELECT `total`, `day`, `id` FROM `shop`.`stage`"]
        );
    }

    #[test]
    fn partitions_are_fixed_or_come_from_the_rows() {
        let from = info(&[("id", "int")], &[("hr", "string")]);
        let into = info(&[("id", "int")], &[("dt", "string"), ("hr", "string")]);
        let insert = plan(LoadMode::Append, Partition::new([("dt", "it's")]));
        assert_eq!(
            insert.insert_statements(&from, &into).unwrap(),
            [
                "SET hive.exec.dynamic.partition.mode=nonstrict",
                "INSERT INTO TABLE `shop`.`orders` PARTITION (`dt`='it\\'s', `hr`) SELECT `id`, `hr` FROM `shop`.`stage`"
            ]
        );
        let wrong = plan(LoadMode::Append, Partition::new([("hr", "1")]));
        assert_eq!(wrong.insert_statements(&from, &into).unwrap_err().kind(), Kind::Config);
    }

    #[test]
    fn what_would_not_be_carried_exactly_is_refused() {
        let from = [("id", "bigint"), ("name", "string")];
        for into in [
            &[("id", "int"), ("name", "string")][..],
            &[("id", "bigint"), ("name", "varchar(10)")],
            &[("id", "bigint")],
            &[("id", "bigint"), ("name", "string"), ("note", "string")],
            &[("id", "bigint"), ("note", "string")],
        ] {
            let insert = plan(LoadMode::Replace, Partition::none());
            let error = insert.insert_statements(&info(&from, &[]), &info(into, &[])).unwrap_err();
            assert_eq!(error.kind(), Kind::Schema);
            assert!(error.to_string().contains("(id bigint, name string)"), "{error}");
        }
    }

    #[test]
    fn the_table_is_made_as_asked() {
        let mut from = info(&[("id", "int")], &[("hr", "string")]);
        from.columns[0].comment = Some("the key".into());
        let insert = plan(LoadMode::Replace, Partition::new([("dt", "x")]));
        assert_eq!(
            insert.create_statement(&from, &StoredAs::TransactionalOrc),
            "CREATE TABLE IF NOT EXISTS `shop`.`orders` (`id` int COMMENT 'the key') \
             PARTITIONED BY (`dt` string, `hr` string) STORED AS ORC TBLPROPERTIES ('transactional'='true')"
        );
        let clause = StoredAs::Clause("stored as rcfile".into());
        assert!(insert.create_statement(&from, &clause).ends_with(") stored as rcfile"));
    }
}
