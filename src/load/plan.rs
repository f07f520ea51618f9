//! Everything a load has to know before its first row. Plain data, no I/O.

use std::fmt;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};

use super::Partition;
use crate::error::Result;
use crate::format::Encoder;
use crate::metastore::{Column, HiveStorage};

/// What a load does with the files that are in the target already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadMode {
    /// Swaps them for the new ones.
    Replace,
    /// Keeps them and adds the new ones.
    Append,
}

/// How the files of the target are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartNames {
    /// `part-<load id>-NNNNN[.ext]`: unique over all loads, so that appending ones need not look.
    #[default]
    Load,
    /// `part-m-NNNNN[.ext]`, as Sqoop's jobs call them; an appending load counts on from the highest number there is.
    Sqoop,
}

/// What a load does about files that no load of ours put into the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strangers {
    /// Refuses the target.
    #[default]
    Refuse,
    /// Leaves them alone and adds its own beside them; for appending loads only.
    Keep,
    /// Takes out whatever is there, once the new files are complete; for replacing loads only.
    Replace,
}

/// Makes the encoder of one file; the partition is the one the file belongs to.
pub type EncoderFactory = Arc<dyn Fn(&Partition) -> Result<Box<dyn Encoder>> + Send + Sync>;

/// Everything a load has to know before its first row.
#[derive(Clone)]
pub struct LoadPlan {
    /// Directory of the data: an absolute path without a scheme.
    pub target: String,
    /// What happens to files that are there already.
    pub mode: LoadMode,
    /// Schema of the batches, without partition columns.
    pub schema: SchemaRef,
    /// Makes the encoder of each file.
    pub encoder: EncoderFactory,
    /// File name extension without a dot, such as `parquet`, if the files have one.
    pub extension: Option<String>,
    /// How the files are called.
    pub names: PartNames,
    /// What happens to files that others put there.
    pub strangers: Strangers,
    /// Whether what a replacing load takes out goes to the trash, where the cluster has one.
    pub keeps_replaced: bool,
    /// The files that a replacing load was made from, by their paths: exactly these may be taken out, whoever put
    /// them there, and the target must hold no others. For a merge; see [`Load::replace_files`](super::Load).
    pub replaces: Option<Vec<String>>,
    /// Whether the manifest goes on naming the files of earlier loads that this one adds to, so that a later load can
    /// tell whether they are all there. For loads that go on from what is in the target, and are not endless.
    pub accounts_for_earlier: bool,
    /// Leaves an empty `_SUCCESS` in the target, as Hadoop's jobs do.
    pub success_marker: bool,
    /// The table over the target, if one is wanted.
    pub table: Option<TablePlan>,
    /// Names of the fields of text, which does not say them itself; whoever reads the files later finds them recorded.
    pub columns: Vec<String>,
    /// Sums up what was asked for, so that a later run can tell whether it asks for the same.
    pub fingerprint: String,
    /// The run this load belongs to.
    pub run_id: String,
    /// Names the load; a caller that repeats a load after a failure gives the same one. Sortable and unique if `None`.
    pub load_id: Option<String>,
}

impl LoadPlan {
    /// A plan with names of its own, without a table, that refuses strangers.
    pub fn new(target: impl Into<String>, mode: LoadMode, schema: SchemaRef, encoder: EncoderFactory) -> Self {
        Self {
            target: target.into(),
            mode,
            schema,
            encoder,
            extension: None,
            names: PartNames::default(),
            strangers: Strangers::default(),
            keeps_replaced: false,
            replaces: None,
            accounts_for_earlier: false,
            success_marker: false,
            table: None,
            columns: Vec::new(),
            fingerprint: String::new(),
            run_id: String::new(),
            load_id: None,
        }
    }
}

impl fmt::Debug for LoadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadPlan")
            .field("target", &self.target)
            .field("mode", &self.mode)
            .field("extension", &self.extension)
            .field("names", &self.names)
            .field("strangers", &self.strangers)
            .field("table", &self.table)
            .field("load_id", &self.load_id)
            .finish_non_exhaustive()
    }
}

/// The external table over a target.
#[derive(Clone, Debug)]
pub struct TablePlan {
    /// Database; made where it is missing.
    pub database: String,
    /// Name inside the database.
    pub table: String,
    /// Text shown by `describe formatted`.
    pub comment: Option<String>,
    /// Columns held in directory names, in order; those of the static partition come first.
    pub partition_columns: Vec<Column>,
    /// The one partition that this load fills: the plan's target is its directory, `<directory of the table>/k=v/..`,
    /// and parts name values for the remaining partition columns only.
    pub static_partition: Partition,
    /// How Hive reads the files.
    pub storage: HiveStorage,
    /// Types and comments that take the place of the ones derived from the schema, by column name.
    pub columns: Vec<Column>,
    /// Fails where the table exists.
    pub create_only: bool,
    /// Takes an external table of others over, if it lies in the same place and has the same columns and file format.
    pub adopt: bool,
}

impl TablePlan {
    /// A table without partitions that must be ours if it exists.
    pub fn new(database: impl Into<String>, table: impl Into<String>, storage: HiveStorage) -> Self {
        Self {
            database: database.into(),
            table: table.into(),
            comment: None,
            partition_columns: Vec::new(),
            static_partition: Partition::none(),
            storage,
            columns: Vec::new(),
            create_only: false,
            adopt: false,
        }
    }

    /// Names of the partition columns that parts give values for.
    pub(super) fn dynamic_columns(&self) -> impl Iterator<Item = &str> {
        self.partition_columns.iter().map(|c| c.name.as_str()).skip(self.static_partition.names().count())
    }
}
