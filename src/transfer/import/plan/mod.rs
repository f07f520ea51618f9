//! Everything an import decides before it reads a row; pure, and printable.

mod files;
mod fingerprint;
mod print;
mod read;

pub use self::files::{Facts, FilesPlan};
pub(super) use self::read::type_options;
use crate::error::{self, Result};
use crate::mysql::read::Selection;
use crate::mysql::split::{Source, SplitKey, SplitOptions};
use crate::mysql::table::Table;
use crate::transfer::args::{Consistency, Existing, ImportArgs, ZeroDates};
use crate::transfer::import::cells::CellPlan;
use crate::transfer::import::incremental::Incremental;
use crate::transfer::import::route::Partitioner;

/// A decided import.
#[derive(Clone, Debug)]
pub struct ImportPlan {
    /// `database.table`, or `query`.
    pub name: String,
    /// What is read.
    pub selection: Selection,
    /// What the rows are split by; one split where absent.
    pub key: Option<SplitKey>,
    /// How many splits, how wide.
    pub splits: SplitOptions,
    /// Connections that read at once.
    pub connections: u32,
    /// How all splits come to see one moment.
    pub consistency: Consistency,
    /// Whether uncommitted rows are read too.
    pub relaxed: bool,
    /// Which rows are read, where not all of them are.
    pub incremental: Option<Incremental>,
    /// Whether the target is compared with the source.
    pub verify: bool,
    /// What becomes of dates that are none.
    pub zero_dates: ZeroDates,
    /// Where the rows go.
    pub target: TargetPlan,
    /// What the summary should say.
    pub notes: Vec<String>,
}

/// Where rows go.
#[derive(Clone, Debug)]
pub enum TargetPlan {
    /// Files, and perhaps a Hive table over them.
    Files(Box<FilesPlan>),
    /// Cells of an HBase table.
    Cells(CellPlan),
}

impl ImportPlan {
    /// Decides an import of what the server at `address` described.
    ///
    /// # Errors
    /// Config: options that do not fit together or the table. NotFound: no such column. Schema: a column that cannot be
    /// carried exactly.
    pub fn new(args: &ImportArgs, selection: Selection, facts: &Facts, address: &str, run_id: &str) -> Result<Self> {
        let name = name(&selection);
        let mut selection = read::named(args, selection)?;
        if let Some(rows) = args.fetch_size {
            selection.most_rows = rows as usize;
        }
        let (key, connections) = read::key(args, &selection)?;
        let incremental =
            Incremental::new(&args.incremental, selection.session(), |name| read::column(&selection, name).cloned())?;
        let mut notes = read::notes(args, &selection);
        let target = match CellPlan::new(&args.hbase, &selection.schema, &read::row_key(args, &selection))? {
            Some(cells) => TargetPlan::Cells(cells),
            None => TargetPlan::Files(Box::new(FilesPlan::new(args, &selection, facts, address, run_id)?)),
        };
        if args.consistency == Consistency::None {
            notes.push("every split read at its own moment".to_owned());
        }
        let splits = SplitOptions {
            connections,
            limit: args.split_limit,
            boundary_query: args.boundary_query.clone(),
            ..SplitOptions::default()
        };
        Ok(Self {
            name,
            selection,
            key,
            splits,
            connections,
            consistency: args.consistency,
            relaxed: args.relaxed_isolation,
            incremental,
            verify: args.verify,
            zero_dates: args.zero_dates,
            target,
            notes,
        })
    }

    /// The table, unless a query is imported.
    pub fn table(&self) -> Option<&Table> {
        self.selection.of_table()
    }

    /// Whether a snapshot binds all that is read; nobody knows of a view or a query.
    pub fn has_snapshots(&self) -> bool {
        self.table().is_some_and(Table::is_transactional)
    }

    /// The engine that a snapshot does not bind.
    pub fn without_snapshots(&self) -> Option<&str> {
        let table = self.table().filter(|t| !t.is_transactional())?;
        Some(table.engine.as_deref().unwrap_or("a view"))
    }

    /// The files that are to be written, where there are some.
    pub fn files(&self) -> Option<&FilesPlan> {
        match &self.target {
            TargetPlan::Files(files) => Some(files),
            TargetPlan::Cells(_) => None,
        }
    }

    /// How rows find their partitions.
    pub(super) fn partitioner(&self) -> Option<&Partitioner> {
        self.files().and_then(|files| files.partitioner.as_ref())
    }

    /// Sums up the question, where it is kept with the data.
    pub fn fingerprint(&self) -> Option<&str> {
        self.files().map(|files| files.load.fingerprint.as_str())
    }
}

/// `database.table`, or `query`.
fn name(selection: &Selection) -> String {
    selection.of_table().map_or_else(|| "query".to_owned(), Table::full_name)
}

/// The rows that are cut into splits.
pub(super) fn rows_to_split(selection: &Selection) -> Source {
    match &selection.source {
        read::RowSource::Table(table) => Source::table(table, selection.condition.as_deref(), selection.session()),
        read::RowSource::Query(sql) => Source::query(sql, selection.session()),
    }
}

/// Options that exclude each other, whatever the table.
///
/// # Errors
/// Config: two that exclude each other, or one that needs another.
pub fn check_options(args: &ImportArgs) -> Result<()> {
    let both = |a: &str, b: &str| Err(error::config(format!("{a} and {b} are both given")).hint("choose one"));
    let incremental = args.incremental.mode.is_some();
    if args.num_mappers == 0 {
        return Err(error::config("num-mappers is 0").hint("give at least 1"));
    }
    if args.autoreset_to_one_mapper && args.split_by.is_some() {
        return both("autoreset-to-one-mapper", "split-by");
    }
    if args.relaxed_isolation && args.consistency != Consistency::None {
        return Err(error::config("relaxed-isolation reads uncommitted rows, which no snapshot shows")
            .hint("add consistency none, or leave relaxed-isolation out"));
    }
    if args.target_dir.is_some() && args.warehouse_dir.is_some() {
        return both("target-dir", "warehouse-dir");
    }
    if args.partition_by.is_some() && args.hive_partition.is_some() {
        return both("partition-by", "hive-partition");
    }
    if args.text.drop_delims && args.text.replace_delims.is_some() {
        return both("drop-delims", "replace-delims");
    }
    if incremental && args.existing == Existing::Delete {
        return both("incremental", "existing delete");
    }
    if !args.incremental.merge_key.is_empty() && args.existing == Existing::Append {
        return Err(error::config("merge-key replaces rows, and existing append keeps all").hint("choose one"));
    }
    if args.verify && (incremental || args.hbase.table.is_some()) {
        return Err(error::config("verify compares whole tables with files").hint("leave it out here"));
    }
    Ok(())
}
