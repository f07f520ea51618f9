//! Everything an import decides before it reads a row; pure, and printable.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::args::{ImportArgs, ImportFormat};
use super::route::Partitioner;
use crate::error::{self, Result};
use crate::format::{AvroOptions, FileFormat, ParquetOptions};
use crate::load::{EncoderFactory, LoadMode, LoadPlan, TablePlan};
use crate::metastore::{Column, HiveStorage};
use crate::mysql::read::Selection;
use crate::mysql::split::SplitKey;
use crate::mysql::table::Table;
use crate::mysql::types::TypeOptions;

/// A decided import.
#[derive(Clone, Debug)]
pub struct ImportPlan {
    /// The table.
    pub table: Table,
    /// What is read.
    pub selection: Selection,
    /// What the table is split by; one split where absent.
    pub key: Option<SplitKey>,
    /// Connections and splits.
    pub connections: u32,
    /// What is written.
    pub format: FileFormat,
    /// How rows find their partitions.
    pub(super) partitioner: Option<Partitioner>,
    /// The transaction.
    pub load: LoadPlan,
}

impl ImportPlan {
    /// Decides an import of `table` on the server at `address`.
    ///
    /// # Errors
    /// Config: options that do not fit together or the table. NotFound: no such column. Schema: a column that cannot be
    /// carried exactly.
    pub fn new(args: &ImportArgs, table: Table, address: &str, run_id: &str) -> Result<Self> {
        let types =
            TypeOptions { hive: args.hive_database.is_some() || args.hive_table.is_some(), ..TypeOptions::default() };
        let key = split_key(&table, args.split_by.as_deref(), args.num_mappers)?;
        let selection = Selection::table(table.clone(), &args.columns, args.condition.clone(), &types)?;
        let (schema, partitioner, partition_columns) = match &args.partition_by {
            None => (selection.schema.clone(), None, Vec::new()),
            Some(by) => {
                let (partitioner, hive_columns) = partitioner(&selection, &by.0)?;
                (partitioner.schema.clone(), Some(partitioner), hive_columns)
            }
        };
        let name = &table.name;
        let compression = args.compression.unwrap_or_default();
        let format = match args.format {
            ImportFormat::Parquet => FileFormat::Parquet(ParquetOptions { compression, ..ParquetOptions::default() }),
            ImportFormat::Avro => FileFormat::Avro(AvroOptions { codec: compression, ..AvroOptions::new(name) }),
            ImportFormat::Text | ImportFormat::Sequence => {
                return Err(error::config("this format is not written yet").hint("choose parquet or avro"));
            }
        };
        // An encoder made now shows whether the format carries these columns.
        format.encoder(schema.clone()).map_err(|e| e.context(format!("table {}", table.full_name())))?;
        let storage = match format.avro_schema_json(&schema)? {
            None => HiveStorage::Parquet,
            Some(schema_json) => HiveStorage::Avro { schema_json },
        };
        let hive_table = match (&args.hive_database, &args.hive_table) {
            (None, None) => None,
            (database, hive) => Some(TablePlan {
                comment: Some(table.comment.clone()).filter(|text| !text.is_empty()),
                partition_columns,
                ..TablePlan::new(
                    database.as_deref().unwrap_or("default"),
                    hive.as_deref().unwrap_or(name.as_str()),
                    storage,
                )
            }),
        };
        let connections = if key.is_some() { args.num_mappers } else { 1 };
        let Some(target_dir) = &args.target_dir else {
            return Err(error::config("the import has no target-dir").hint("name the directory of the files"));
        };
        let mut plan = Self {
            table: table.clone(),
            key,
            connections,
            partitioner,
            load: LoadPlan {
                extension: format.extension().map(str::to_owned),
                table: hive_table,
                run_id: run_id.to_owned(),
                ..LoadPlan::new(target_dir, LoadMode::Replace, schema.clone(), encoder_factory(format.clone(), schema))
            },
            format,
            selection,
        };
        plan.load.fingerprint = plan.fingerprint(args, address)?;
        Ok(plan)
    }

    /// Sums up what was asked for and what the table looks like: with the same fingerprint and the same rows, an import
    /// makes the same files.
    fn fingerprint(&self, args: &ImportArgs, address: &str) -> Result<String> {
        let columns: Vec<_> =
            self.selection.columns.iter().map(|c| json!([c.name, c.column_type, c.nullable, c.comment])).collect();
        let table = self.load.table.as_ref().map(|t| json!([t.database, t.table, t.comment, t.partition_columns]));
        let asked = json!({
            "server": address,
            "table": self.table.full_name(),
            "created": self.table.created_at,
            "columns": columns,
            "where": self.selection.condition,
            "key": self.key.as_ref().map(|k| &k.column),
            "splits": self.connections,
            "format": self.format,
            "partitions": args.partition_by,
            "hive": table,
        });
        let text = serde_json::to_vec(&asked).map_err(|e| error::bug("cannot write a plan as JSON").source(e))?;
        Ok(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for ImportPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map_or("nothing", |k| k.column.as_str());
        writeln!(f, "read       {} over {} connections, split by {key}", self.table.full_name(), self.connections)?;
        writeln!(f, "statement  {}", self.selection.sql(None))?;
        writeln!(
            f,
            "write      {} files below {}",
            self.load.extension.as_deref().unwrap_or("plain"),
            self.load.target
        )?;
        if let Some(table) = &self.load.table {
            writeln!(f, "register   {}.{}", table.database, table.table)?;
        }
        for field in self.load.schema.fields() {
            let source = field.metadata().get("mysql.type").map_or("", String::as_str);
            writeln!(f, "  {:<24} {source} -> {}", field.name(), field.data_type())?;
        }
        Ok(())
    }
}

/// The column named in split-by, or the first of the primary key if it can be split.
fn split_key(table: &Table, split_by: Option<&str>, num_mappers: u32) -> Result<Option<SplitKey>> {
    match (num_mappers, split_by) {
        (0, _) => Err(error::config("num-mappers is 0").hint("give at least 1")),
        (_, Some(name)) => {
            let key = SplitKey::new(table.column(name)?)?;
            Ok(Some(key).filter(|_| num_mappers > 1))
        }
        (1, None) => Ok(None),
        (_, None) => match table.primary_key.first() {
            Some(name) => Ok(SplitKey::new(table.column(name)?).ok()),
            None => Ok(None),
        },
    }
}

/// How rows find their partitions, and the partition columns for the metastore.
fn partitioner(selection: &Selection, by: &[super::partition::PartitionColumn]) -> Result<(Partitioner, Vec<Column>)> {
    let fields = selection.schema.fields();
    let (mut columns, mut hive_columns) = (Vec::new(), Vec::new());
    for column in by {
        let Some(source) = fields.iter().position(|f| f.name().eq_ignore_ascii_case(&column.source)) else {
            let what = format!("partition column {}: column {} is not read", column.name, column.source);
            return Err(error::config(what).hint("check its name, and that columns holds it"));
        };
        let clash = fields.iter().any(|f| f.name().eq_ignore_ascii_case(&column.name));
        if clash && !column.takes_the_column() {
            return Err(error::config(format!("partition column {} has the name of another column", column.name))
                .hint("give the partition column a name of its own"));
        }
        hive_columns.push(column.hive_column(&fields[source])?);
        columns.push((column.clone(), source));
    }
    let taken = |index: usize| columns.iter().any(|(c, source)| *source == index && c.takes_the_column());
    let kept: Vec<usize> = (0..fields.len()).filter(|i| !taken(*i)).collect();
    if kept.is_empty() {
        return Err(error::config("every column is a partition column").hint("leave one for the files"));
    }
    let kept_fields: Vec<_> = kept.iter().map(|i| fields[*i].clone()).collect();
    let schema: SchemaRef = Arc::new(Schema::new_with_metadata(kept_fields, selection.schema.metadata().clone()));
    Ok((Partitioner { columns, kept, schema }, hive_columns))
}

fn encoder_factory(format: FileFormat, schema: SchemaRef) -> EncoderFactory {
    Arc::new(move |_| format.encoder(schema.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::mysql;

    fn column(name: &str, data_type: &str) -> mysql::types::Column {
        mysql::types::Column {
            name: name.into(),
            data_type: data_type.into(),
            column_type: data_type.into(),
            nullable: false,
            precision: Some(10),
            scale: Some(2),
            fraction_digits: Some(6),
            comment: String::new(),
        }
    }

    fn orders() -> Table {
        Table {
            database: "shop".into(),
            name: "orders".into(),
            comment: "Invoices".into(),
            engine: Some("InnoDB".into()),
            created_at: None,
            columns: vec![
                column("id", "bigint"),
                column("at", "datetime"),
                column("country", "varchar"),
                column("total", "decimal"),
            ],
            primary_key: vec!["id".into()],
        }
    }

    fn plan(toml: &str) -> Result<ImportPlan> {
        let args = toml::from_str(&format!("table = 'orders'\ntarget-dir = '/lake/orders'\n{toml}")).unwrap();
        ImportPlan::new(&args, orders(), "localhost:3306", "r1")
    }

    #[test]
    fn the_primary_key_splits_unless_told_otherwise() {
        assert_eq!(plan("").unwrap().key.unwrap().column, "id");
        assert_eq!(plan("split-by = 'at'").unwrap().key.unwrap().column, "at");
        let one = plan("num-mappers = 1").unwrap();
        assert_eq!((one.key, one.connections), (None, 1));
        assert_eq!(plan("num-mappers = 0").unwrap_err().kind(), Kind::Config);
        assert_eq!(plan("split-by = 'country'").unwrap_err().kind(), Kind::Config);
    }

    #[test]
    fn a_hive_table_is_made_where_one_is_named() {
        assert!(plan("").unwrap().load.table.is_none());
        let table = plan("hive-database = 'lake'").unwrap().load.table.unwrap();
        assert_eq!((table.database.as_str(), table.table.as_str()), ("lake", "orders"));
        assert_eq!(table.comment.as_deref(), Some("Invoices"));
        let avro = plan("hive-table = 'o'\nas = 'avro'").unwrap();
        assert!(matches!(avro.load.table.unwrap().storage, HiveStorage::Avro { .. }));
        assert_eq!(avro.load.extension.as_deref(), Some("avro"));
    }

    #[test]
    fn a_partition_column_of_the_same_name_leaves_the_files() {
        let plan = plan("hive-table = 'o'\npartition-by = 'm=month(at),country=country'").unwrap();
        let names: Vec<_> = plan.load.schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["id", "at", "total"]);
        let partitions: Vec<_> = plan.load.table.unwrap().partition_columns.into_iter().map(|c| c.name).collect();
        assert_eq!(partitions, ["m", "country"]);
    }

    #[test]
    fn wrong_partitions_are_refused() {
        for by in ["m=month(nothing)", "country=month(at)", "t=total"] {
            assert_eq!(plan(&format!("partition-by = '{by}'")).unwrap_err().kind(), Kind::Config, "{by}");
        }
        assert_eq!(plan("columns = ['id']\npartition-by = 'id=id'").unwrap_err().kind(), Kind::Config);
    }

    #[test]
    fn the_fingerprint_is_that_of_the_question() {
        let of = |toml: &str| plan(toml).unwrap().load.fingerprint;
        assert_eq!(of(""), of("num-mappers = 4"));
        for other in ["num-mappers = 3", "where = 'id > 3'", "as = 'avro'", "compression = 'zstd'", "columns = ['id']"]
        {
            assert_ne!(of(""), of(other), "{other}");
        }
    }

    #[test]
    fn the_plan_can_be_read() {
        let text = plan("hive-table = 'o'").unwrap().to_string();
        assert!(text.contains("read       shop.orders over 4 connections, split by id"), "{text}");
        assert!(text.contains("register   default.o"), "{text}");
    }
}
