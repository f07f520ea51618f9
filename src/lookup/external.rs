//! The external Hive table over the HBase table, so that beeline reads the pages. It is made once; when the schema has
//! changed since, it is refused and not replaced: whether a table may be dropped is for its owner to say.

use sha2::{Digest, Sha256};

use super::query::check_name;
use crate::error::{self, Error, Result};
use crate::hbase::TableSchema;
use crate::hiveserver2::{Session, quote};
use crate::shutdown::Stop;

/// Name of the column that holds the row key.
const KEY_COLUMN: &str = "row_key";

/// Table property that says which schema the table was made from.
const FINGERPRINT: &str = "sakia.schema";

/// The table to make.
pub(super) struct ExternalTable {
    /// Quoted, with its database.
    name: String,
    /// Bare, as hive lists it.
    table: String,
    list_statement: String,
    statement: String,
    fingerprint: String,
}

impl ExternalTable {
    /// Decides everything about the table.
    ///
    /// # Errors
    /// Config: a name or type that Hive cannot take.
    pub(super) fn new(schema: &TableSchema, database: &str, table: &str) -> Result<Self> {
        let statement = create_statement(schema, database, table)?;
        let fingerprint = fingerprint(schema);
        Ok(Self {
            name: quote::table(database, table),
            table: table.to_lowercase(),
            list_statement: format!("SHOW TABLES IN {} LIKE {}", quote::name(database), quote::text(table)),
            statement,
            fingerprint,
        })
    }

    /// Its name in HiveQL, with its database.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes the table if there is none, else checks that it was made from this schema. Says whether it was made.
    ///
    /// # Errors
    /// Schema (made from another schema, or not by us), and what HiveServer2 says.
    pub(super) async fn ensure(&self, session: &Session, stop: &Stop) -> Result<bool> {
        if let Some(found) = self.fingerprint_found(session, stop).await? {
            return if found == self.fingerprint { Ok(false) } else { Err(self.drifted()) };
        }
        session.execute(&self.statement, stop).await?;
        match self.fingerprint_found(session, stop).await? {
            Some(found) if found == self.fingerprint => Ok(true),
            _ => Err(self.drifted()),
        }
    }

    /// The fingerprint in the table's properties, `""` if it carries none; `None` if there is no table.
    async fn fingerprint_found(&self, session: &Session, stop: &Stop) -> Result<Option<String>> {
        let listed = session.query(&self.list_statement, stop).await?;
        if !listed.rows.iter().flatten().any(|name| name.as_str() == Some(&self.table)) {
            return Ok(None);
        }
        let properties = session.query(&format!("SHOW TBLPROPERTIES {}", self.name), stop).await?;
        let found = properties.rows.iter().find_map(|row| match row.as_slice() {
            [key, value] if key.as_str() == Some(FINGERPRINT) => value.to_text(),
            _ => None,
        });
        Ok(Some(found.unwrap_or_default()))
    }

    fn drifted(&self) -> Error {
        error::schema(format!("hive table {} was not made from this hbase schema", self.name.replace('`', ""))).hint(
            format!(
                "DROP TABLE {} if it is a table over hbase (hbase keeps its rows), or name another hive-table",
                self.name
            ),
        )
    }
}

/// HiveQL that makes the external table `database`.`table` over the HBase table of `schema`.
///
/// # Errors
/// Config: a name or type that Hive cannot take.
pub fn create_statement(schema: &TableSchema, database: &str, table: &str) -> Result<String> {
    check_name("database", database)?;
    check_name("hive-table", table)?;
    let key = &schema.row_key;
    let key_comment =
        format!("crc32({}) mod {} in hex, |, {} in {} digits", key.column, key.salt_buckets, key.column, key.width);
    let mut columns = vec![format!("  `{KEY_COLUMN}` string COMMENT {}", quote::text(&key_comment))];
    for column in &schema.columns {
        check_name("column", &column.name)?;
        check_type(&column.name, &column.hive_type)?;
        let comment =
            column.comment.as_deref().map(|text| format!(" COMMENT {}", quote::text(text))).unwrap_or_default();
        columns.push(format!("  {} {}{comment}", quote::name(&column.name), column.hive_type));
    }
    let comment = schema.comment.as_deref().map(|text| format!("COMMENT {}\n", quote::text(text))).unwrap_or_default();
    let hbase_table = quote::text(&schema.qualified_name());
    Ok(format!(
        "CREATE EXTERNAL TABLE IF NOT EXISTS {} (\n{}\n)\n{comment}\
         STORED BY 'org.apache.hadoop.hive.hbase.HBaseStorageHandler'\n\
         WITH SERDEPROPERTIES ('hbase.columns.mapping' = {})\n\
         TBLPROPERTIES ('hbase.table.name' = {hbase_table}, 'hbase.mapred.output.outputtable' = {hbase_table}, \
         '{FINGERPRINT}' = '{}')",
        quote::table(database, table),
        columns.join(",\n"),
        quote::text(&mapping(schema)),
        fingerprint(schema),
    ))
}

/// `hbase.columns.mapping`: no blanks, one would become part of a column's name.
fn mapping(schema: &TableSchema) -> String {
    let cells = schema.columns.iter().map(|column| column.cell.as_str());
    [":key"].into_iter().chain(cells).collect::<Vec<_>>().join(",")
}

/// Digest of what the Hive table is made of; comments may change without a word.
fn fingerprint(schema: &TableSchema) -> String {
    let mut digest = Sha256::new();
    digest.update(format!("{}\n{KEY_COLUMN} string :key\n", schema.qualified_name()));
    for column in &schema.columns {
        digest.update(format!("{} {} {}\n", column.name, column.hive_type, column.cell));
    }
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Types are written as they stand in the schema file: a word, and perhaps numbers in brackets.
fn check_type(column: &str, hive_type: &str) -> Result<()> {
    let (word, numbers) = match hive_type.split_once('(') {
        Some((word, rest)) => (word, rest.strip_suffix(')').unwrap_or("?")),
        None => (hive_type, "0"),
    };
    let is_number = |number: &str| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic());
    if is_word && numbers.split(',').all(|number| is_number(number.trim())) {
        return Ok(());
    }
    Err(error::config(format!("hive-type \"{hive_type}\" of column {column} is not a primitive type of hive"))
        .hint("such as string, bigint, decimal(18,2) or timestamp"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::diff::tests::schema;

    #[test]
    fn the_statement_follows_the_schema() {
        insta::assert_snapshot!(create_statement(&schema(), "shop", "t_360").unwrap(), @r"
        CREATE EXTERNAL TABLE IF NOT EXISTS `shop`.`t_360` (
          `row_key` string COMMENT 'crc32(id) mod 16 in hex, |, id in 12 digits',
          `country` string,
          `city` varchar(20) COMMENT 'where, if known'
        )
        COMMENT 'what\'s known'
        STORED BY 'org.apache.hadoop.hive.hbase.HBaseStorageHandler'
        WITH SERDEPROPERTIES ('hbase.columns.mapping' = ':key,p:country,m:city')
        TBLPROPERTIES ('hbase.table.name' = 't', 'hbase.mapred.output.outputtable' = 't', 'sakia.schema' = 'b6512e64a8c887e8')
        ");
    }

    #[test]
    fn only_what_matters_changes_the_fingerprint() {
        let before = schema();
        let mut after = schema();
        after.columns[1].comment = None;
        assert_eq!(fingerprint(&before), fingerprint(&after));
        after.columns[1].hive_type = "string".into();
        assert_ne!(fingerprint(&before), fingerprint(&after));
    }

    #[test]
    fn names_and_types_cannot_smuggle_statements() {
        assert!(create_statement(&schema(), "shop`", "t").is_err());
        assert!(create_statement(&schema(), "shop", "t; x").is_err());
        let mut bad = schema();
        for hive_type in
            ["string) STORED", "string COMMENT 'x'", "decimal(18,2", "decimal(18,)", "", "map<string,string>"]
        {
            bad.columns[0].hive_type = hive_type.into();
            assert!(create_statement(&bad, "shop", "t").is_err(), "{hive_type}");
        }
        for hive_type in ["string", "decimal(18, 2)", "varchar(20)"] {
            bad.columns[0].hive_type = hive_type.into();
            assert!(create_statement(&bad, "shop", "t").is_ok(), "{hive_type}");
        }
    }
}
