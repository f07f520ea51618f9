//! Everything an export decides before it writes a row; printable.

use std::fmt;
use std::sync::Arc;

use super::row::{Origin, Shape};
use super::unit::{Unit, units};
use crate::error::{self, Result};
use crate::mysql::session::Session;
use crate::mysql::write::{Action, BULK_ROWS, Means, Reading, Statement, Target, TargetColumn};
use crate::transfer::args::{Compat, ExportArgs, UpdateMode, refuse};
use crate::transfer::input::{DataFile, Dataset, FileSet, HiveTable};

/// Rows of a chunk where statements are small.
const LEAST_CHUNK_ROWS: usize = 1000;

/// Packets of a chunk that goes in bulk: each but the first is made while the server is at the one before.
const CHUNK_PACKETS: usize = 5;

/// Rows of one INSERT where nobody says how many.
const ROWS_PER_STATEMENT: u32 = 100;

/// Rows of one LOAD DATA, at least; each is an exchange of its own.
const LOAD_CHUNK_ROWS: usize = 10_000;

/// The files of an export, and the Hive table that they belong to.
pub(super) struct ExportSource {
    pub data: Option<FileSet>,
    pub hive: Option<HiveTable>,
}

/// A decided export.
#[derive(Clone, Debug)]
pub struct ExportPlan {
    /// The table, or the procedure that is called.
    pub target: Target,
    /// The table that is filled first, and whether it is emptied before.
    pub staging: Option<(Target, bool)>,
    /// What is read; `None` where there are no files, or only empty ones.
    pub data: Option<FileSet>,
    /// The Hive table that the files belong to.
    pub hive: Option<String>,
    /// How records become rows.
    pub shape: Shape,
    /// What is sent.
    pub statement: Arc<Statement>,
    /// How it is sent.
    pub means: Means,
    /// Connections that write at once.
    pub connections: u32,
    /// Rows that are committed together; 0 for all of a connection.
    pub rows_per_transaction: u64,
    /// Rows that go from the reader to the writer at once.
    pub chunk_rows: usize,
    /// File of the rejected records.
    pub reject_file: Option<String>,
    /// Records that may be rejected.
    pub reject_limit: u64,
    /// Whether the rows are counted before and after.
    pub verify: bool,
    /// The session that the rows are written in.
    pub session: Session,
    /// What the reader should know.
    pub notes: Vec<String>,
}

impl ExportPlan {
    /// Decides an export.
    ///
    /// # Errors
    /// Config: options that do not fit together or the table. NotFound: no such column.
    pub(super) fn new(
        args: &ExportArgs,
        target: Target,
        staging: Option<Target>,
        source: ExportSource,
        run_id: &str,
    ) -> Result<Self> {
        refuse(args.check())?;
        let mut notes = source.data.as_ref().map(FileSet::notes).unwrap_or_default();
        let (columns, fields) = columns(args, &target, &source, &mut notes)?;
        let reading = match args.compat {
            Compat::Exact => Reading::Exact,
            Compat::Sqoop => Reading::Sqoop,
        };
        let names: Vec<TargetColumn> = columns.iter().map(|(column, _)| column.clone()).collect();
        let action = action(args, &target, &names, &mut notes)?;
        let written = staging.as_ref().unwrap_or(&target);
        let means = means(args, &action, &target, &mut notes)?;
        let rows_per_statement = args.rows_per_statement.unwrap_or(ROWS_PER_STATEMENT);
        let rows_per_transaction = u64::from(rows_per_statement) * u64::from(args.statements_per_transaction);
        let chunk_rows = match means {
            Means::Many { bulk, .. } => (LEAST_CHUNK_ROWS.div_ceil(bulk) * bulk).max(CHUNK_PACKETS * bulk),
            Means::Single | Means::Pipelined => LEAST_CHUNK_ROWS,
            Means::Load(_) => LOAD_CHUNK_ROWS,
        };
        let in_transaction = usize::try_from(rows_per_transaction).unwrap_or(usize::MAX);
        Ok(Self {
            statement: Arc::new(Statement::new(action, &written.quoted(), &names)),
            shape: Shape { columns, fields, reading },
            staging: staging.map(|table| (table, args.clear_staging_table)),
            hive: source.hive.map(|hive| hive.name),
            means,
            connections: args.num_mappers,
            rows_per_transaction,
            chunk_rows: if in_transaction == 0 { chunk_rows } else { chunk_rows.min(in_transaction) },
            reject_file: args
                .reject_dir
                .as_ref()
                .map(|dir| format!("{}/rejects-{run_id}.jsonl", dir.trim_end_matches('/'))),
            reject_limit: args.reject_limit,
            verify: args.verify,
            session: Session::Ours,
            data: source.data,
            target,
            notes,
        })
    }

    /// The table that rows are written to first.
    pub fn written_table(&self) -> &Target {
        self.staging.as_ref().map_or(&self.target, |(staging, _)| staging)
    }

    /// Names of the columns that are written.
    pub fn columns(&self) -> Vec<TargetColumn> {
        self.shape.columns.iter().map(|(column, _)| column.clone()).collect()
    }

    /// The work, in the order in which it is taken.
    pub(super) fn units(&self) -> Vec<Unit> {
        let Some(data) = &self.data else { return Vec::new() };
        let spanning = data.options(0).text.spanning;
        units(data.files(), data.kind(), self.connections, spanning)
    }

    fn files(&self) -> &[DataFile] {
        self.data.as_ref().map_or(&[], |data| data.files())
    }
}

/// The columns that are written and where their values come from; how many fields a text record has.
fn columns(
    args: &ExportArgs,
    target: &Target,
    source: &ExportSource,
    notes: &mut Vec<String>,
) -> Result<(Vec<(TargetColumn, Origin)>, usize)> {
    let chosen = target.select(&args.columns)?;
    let is_text = source.data.as_ref().is_none_or(|data| data.kind().is_text());
    let partitions = partition_columns(source);
    let (mut columns, mut generated, mut fields) = (Vec::new(), Vec::new(), 0);
    for column in &chosen {
        let same = |name: &&String| name.eq_ignore_ascii_case(&column.name);
        let origin = match (&source.hive, partitions.iter().find(same)) {
            (_, Some(name)) => Origin::Partition(name.clone()),
            (None, None) => {
                fields += 1;
                if is_text { Origin::Field(fields - 1) } else { Origin::Name(column.name.clone()) }
            }
            (Some(hive), None) => match hive.columns.iter().find(same) {
                Some(name) => Origin::Name(name.clone()),
                None if column.generated => Origin::Name(column.name.clone()),
                None => {
                    return Err(error::schema(format!("hive table {} has no column {}", hive.name, column.name))
                        .hint("choose the columns that both tables have with columns"));
                }
            },
        };
        match column.generated {
            true => generated.push(column.name.as_str()),
            false => columns.push((column.clone(), origin)),
        }
    }
    if !generated.is_empty() {
        notes.push(format!("the server computes {}: values in the files are passed over", generated.join(", ")));
    }
    let left_out = |name: &&String| !chosen.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    for name in partitions.iter().filter(left_out) {
        notes.push(format!("the values of the partition column {name} are not written"));
    }
    Ok((columns, fields))
}

fn partition_columns(source: &ExportSource) -> Vec<String> {
    match (&source.hive, &source.data) {
        (Some(hive), _) => hive.partition_columns.clone(),
        (None, Some(data)) => {
            let first = data.files().first();
            first.map(|file| file.partition.names().map(str::to_owned).collect()).unwrap_or_default()
        }
        (None, None) => Vec::new(),
    }
}

fn action(args: &ExportArgs, target: &Target, columns: &[TargetColumn], notes: &mut Vec<String>) -> Result<Action> {
    if args.call.is_some() {
        return Ok(Action::Call);
    }
    if args.update_key.is_empty() {
        return Ok(Action::Insert);
    }
    let place = |name: &String| {
        target.column(name)?;
        columns.iter().position(|c| c.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            error::config(format!("update-key {name} is not among the columns written")).hint("name it in columns too")
        })
    };
    let keys = args.update_key.iter().map(place).collect::<Result<Vec<_>>>()?;
    match args.update_mode {
        UpdateMode::UpdateOnly if keys.len() >= columns.len() => {
            Err(error::config("all columns are in update-key: there is nothing to update")
                .hint("name fewer in update-key"))
        }
        UpdateMode::UpdateOnly => Ok(Action::Update { keys }),
        UpdateMode::AllowInsert => {
            if !target.is_unique_key(&args.update_key) {
                let what =
                    format!("update-key {} is not a unique key of {}", args.update_key.join(","), target.full_name());
                if args.compat == Compat::Exact {
                    return Err(
                        error::config(what).hint("the table's unique keys decide what is updated: name one of them")
                    );
                }
                notes.push(format!("{what}: the table's own unique keys decide what is updated"));
            }
            Ok(Action::Upsert)
        }
    }
}

fn means(args: &ExportArgs, action: &Action, target: &Target, notes: &mut Vec<String>) -> Result<Means> {
    let rows = args.rows_per_statement.unwrap_or(ROWS_PER_STATEMENT) as usize;
    if *action == Action::Call {
        return Ok(Means::Single);
    }
    if target.transactional && !args.direct && !args.batch && !matches!(action, Action::Update { .. }) {
        let bulk = args.rows_per_statement.map_or(BULK_ROWS, |rows| rows as usize);
        return Ok(Means::Many { bulk, statement: rows });
    }
    if args.direct {
        if !target.transactional {
            return Err(error::config(format!("{} has an engine that cannot take rows back", target.full_name()))
                .hint("direct checks what the server made of the rows and takes them back: leave direct out"));
        }
        return Ok(Means::Load(rows));
    }
    if !target.transactional {
        notes.push(format!("{} has an engine that cannot take rows back: one row a statement", target.full_name()));
    }
    Ok(Means::Pipelined)
}

impl fmt::Display for ExportPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.units();
        let (count, bytes) = (self.files().len(), self.data.as_ref().map_or(0, FileSet::len_bytes));
        let from = self.hive.as_ref().map(|hive| format!(" of hive table {hive}")).unwrap_or_default();
        let kind = self.data.as_ref().map(|data| format!(", {}", data.kind())).unwrap_or_default();
        writeln!(f, "read       {count} files{from}, {bytes} bytes{kind}")?;
        for unit in &units {
            if let Some(file) = self.files().get(unit.file) {
                writeln!(f, "  {} {unit}", file.path)?;
            }
        }
        writeln!(f, "write      {} over {} connections", self.written_table().full_name(), self.connections)?;
        writeln!(f, "statement  {}", self.statement.shown())?;
        let how = match self.means {
            Means::Many { bulk, statement } => {
                format!("in bulk, up to {bulk} rows at a time, where MariaDB can; else {statement} rows a statement")
            }
            Means::Single => "one row a statement".to_owned(),
            Means::Pipelined => "a statement a row, many sent at a time".to_owned(),
            Means::Load(_) => format!("by {}", self.statement.load_data()),
        };
        writeln!(f, "send       {how}")?;
        match (&self.staging, self.rows_per_transaction) {
            (Some((_, clear)), _) => {
                let first = if *clear { "emptied first, " } else { "empty, " };
                writeln!(
                    f,
                    "visible    all rows or none: the staging table is {first}moved to {} in one transaction",
                    self.target.full_name()
                )?;
            }
            (None, 0) => writeln!(f, "visible    one transaction a connection")?,
            (None, rows) => writeln!(f, "visible    step by step, {rows} rows a transaction")?,
        }
        match &self.reject_file {
            Some(path) => writeln!(f, "rejects    at most {} to {path}", self.reject_limit)?,
            None => writeln!(f, "rejects    none: the first bad record fails the export")?,
        }
        for note in &self.notes {
            writeln!(f, "note       {note}")?;
        }
        for (column, origin) in &self.shape.columns {
            let from = match origin {
                Origin::Field(at) => format!("field {}", at + 1),
                Origin::Name(name) => format!("field {name}"),
                Origin::Partition(name) => format!("partition column {name}"),
            };
            writeln!(f, "  {from:<24} -> {} {}", column.name, column.column_type)?;
        }
        Ok(())
    }
}
