//! Everything an import decides before it reads a row; pure, and printable.

mod files;
mod fingerprint;
mod print;
mod read;

pub(super) use self::files::hive_name;
pub(super) use self::files::{Facts, FilesPlan};
pub(super) use self::read::type_options;
use crate::error::Result;
use crate::load::LoadMode;
use crate::mysql::read::Selection;
use crate::mysql::split::{SplitKey, SplitOptions, SplitSource};
use crate::mysql::table::Table;
use crate::transfer::args::{Consistency, ImportArgs, ZeroDates};
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
    /// How all splits see the same moment.
    pub consistency: Consistency,
    /// Whether uncommitted rows are read too.
    pub relaxed: bool,
    /// Which rows are read, where not all of them are.
    pub incremental: Option<Incremental>,
    /// Whether the target is compared with the source.
    pub verify: bool,
    /// What becomes of dates that are in no calendar.
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
        let incremental = Incremental::new(args, selection.session(), |name| read::column(&selection, name).cloned())?;
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

    /// Whether a snapshot binds all that is read; for a view or a query that is not known.
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

    /// Whether the rows are added to a table that Hive manages, also where the last run added the same.
    pub(super) fn always_adds(&self) -> bool {
        self.files().and_then(|files| files.managed.as_ref()).is_some_and(|insert| insert.mode == LoadMode::Append)
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
pub(super) fn rows_to_split(selection: &Selection) -> SplitSource {
    match &selection.source {
        read::RowSource::Table(table) => SplitSource::table(table, selection.condition.as_deref(), selection.session()),
        read::RowSource::Query(sql) => SplitSource::query(sql, selection.session()),
    }
}
