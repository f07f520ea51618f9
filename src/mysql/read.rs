//! Rows of a table or of a query as batches: a prepared SELECT for each split, decoded as the rows arrive and handed on
//! through a bounded channel, so that reading and encoding overlap and a slow target slows the server down.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use tokio::sync::mpsc;

use super::client::Connection;
use super::decode::{BatchBuilder, Scalar, is_null};
use super::session::{self, Session, UserSession};
use super::sql::quote;
use super::sql_text;
pub use super::sql_text::CONDITIONS;
use super::sql_text::SplitColumn;
use super::table::Table;
use super::types::{Column, Mapping, TypeOptions};
use super::wire::{Bytes, Fault, ResultColumn, Statement, Wire};
use crate::error::{self, Error, Kind, Result};

/// A batch ends at about this many bytes or at [`BATCH_ROWS`], whichever comes first.
const BATCH_BYTES: usize = 512 << 10;

/// See [`BATCH_BYTES`].
const BATCH_ROWS: usize = 8 << 10;

/// Where rows come from.
#[derive(Clone, Debug)]
pub enum RowSource {
    /// A table or a view.
    Table(Box<Table>),
    /// A query with [`CONDITIONS`] in it.
    Query(String),
}

/// What is read.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Where from.
    pub source: RowSource,
    /// The columns read, in order.
    pub columns: Vec<Column>,
    /// Further condition on the rows of a table, SQL text as the user gave it.
    pub condition: Option<String>,
    /// Schema of the batches.
    pub schema: SchemaRef,
    /// Most rows of a batch; fewer where rows are wide.
    pub most_rows: usize,
    options: TypeOptions,
    mappings: Vec<Mapping>,
    /// Whether the server was seen to keep the instants of a query or a view.
    is_kept: bool,
    /// How many dates that are not in the calendar became NULL; clones share the count.
    no_dates: Arc<AtomicU64>,
}

impl Selection {
    /// Decides what is read of a table; `chosen` empty means every column.
    ///
    /// # Errors
    /// NotFound: no such column. Schema: a column of a type that is not known. Config: a type for a column that is not
    /// read; a condition that does not stay in its parentheses.
    pub fn table(table: Table, chosen: &[String], condition: Option<String>, options: &TypeOptions) -> Result<Self> {
        let columns = table.select(chosen)?;
        let schema = table.schema(&columns, options)?;
        let escapes = options.session.escapes();
        let condition =
            condition.map(|sql| sql_text::condition(&sql, "where", escapes).map(str::to_owned)).transpose()?;
        Self::new(RowSource::Table(Box::new(table)), columns, condition, schema, options)
    }

    /// Decides what is read by a query, whose columns the server describes.
    ///
    /// # Errors
    /// Config: a query without [`CONDITIONS`], or two columns of one name. As the server says of the query.
    pub async fn query(conn: &mut Connection, sql: &str, options: &TypeOptions) -> Result<Self> {
        let sql = sql_text::statement(sql, options.session.escapes());
        sql_text::check_query(sql)?;
        conn.enter(&options.session).await?;
        let statement = conn.prepare(&sql.replace(CONDITIONS, "(1 = 0)"), "cannot prepare the query").await;
        let statement = statement.map_err(|e| in_text(e, "query"))?;
        let columns: Vec<Column> = statement.columns.iter().map(Column::of_result).collect();
        conn.forget(statement).await?;
        if columns.is_empty() {
            return Err(error::config("the query gives no rows").hint("give a SELECT"));
        }
        if let Some(twice) = twice(&columns) {
            return Err(error::config(format!("the query gives two columns of the name {twice}"))
                .hint("give each a name of its own by AS"));
        }
        let fields = columns.iter().map(|c| c.field(options)).collect::<Result<Vec<_>>>()?;
        Self::new(RowSource::Query(sql.to_owned()), columns, None, Arc::new(Schema::new(fields)), options)
    }

    fn new(
        source: RowSource,
        columns: Vec<Column>,
        condition: Option<String>,
        schema: SchemaRef,
        options: &TypeOptions,
    ) -> Result<Self> {
        let unknown = |name: &&String| !columns.iter().any(|c| c.name.eq_ignore_ascii_case(name));
        if let Some(name) = options.java_types.keys().find(unknown) {
            return Err(error::config(format!("a type is given for column {name}, which is not read"))
                .hint("check the names in map-column-java"));
        }
        let mappings = columns.iter().map(|c| c.mapping(options)).collect::<Result<_>>()?;
        Ok(Self {
            source,
            columns,
            condition,
            schema,
            most_rows: BATCH_ROWS,
            options: options.clone(),
            mappings,
            is_kept: false,
            no_dates: Arc::default(),
        })
    }

    /// Leaves out the rows that do not meet a further condition.
    pub fn narrow(&mut self, condition: &str) {
        match &mut self.source {
            RowSource::Query(sql) => *sql = sql.replace(CONDITIONS, &format!("({CONDITIONS}) AND ({condition})")),
            RowSource::Table(_) => {
                let own = self.condition.take().map(|own| format!("({own}) AND ")).unwrap_or_default();
                self.condition = Some(format!("{own}({condition})"));
            }
        }
    }

    /// Makes sure that a query gives every row once when it is read in several splits over the column `key`, or only
    /// those rows that meet a further condition. Of a table that is always so.
    ///
    /// # Errors
    /// Config: it gives rows also where nothing meets the condition of a split, or counts over the rows of a split alone.
    pub async fn check_splitting(&self, conn: &mut Connection, key: &str) -> Result<()> {
        let RowSource::Query(sql) = &self.source else { return Ok(()) };
        let place = self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(key)).map_or(0, |at| at + 1);
        sql_text::check_splitting(sql, SplitColumn { name: key, place }, self.session().escapes())?;
        let nothing = format!("SELECT 1 FROM ({}) AS t1 LIMIT 1", sql.replace(CONDITIONS, "(1 = 0)"));
        conn.enter(self.session()).await?;
        if conn.texts(&nothing, "cannot try the query").await?.is_empty() {
            return Ok(());
        }
        Err(error::config(format!(
            "the query gives rows also where {CONDITIONS} is false, so that each split would read them"
        ))
        .hint("write WHERE (...) AND $CONDITIONS, in each part of a UNION; what is counted over all rows needs -m 1"))
    }

    /// Gives the columns of the batches other names, in order, and the schema other metadata.
    pub fn rename(&mut self, names: &[String], metadata: HashMap<String, String>) {
        let fields = self.schema.fields().iter().zip(names).map(|(f, name)| f.as_ref().clone().with_name(name));
        self.schema = Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata));
    }

    /// How many dates that are not in the calendar became NULL, in all that was read.
    pub fn no_dates(&self) -> u64 {
        self.no_dates.load(Ordering::Relaxed)
    }

    /// The session that the rows are read in: a condition and a query mean what they mean in it.
    pub fn session(&self) -> &Session {
        &self.options.session
    }

    /// The table, if it is one.
    pub fn of_table(&self) -> Option<&Table> {
        match &self.source {
            RowSource::Table(table) => Some(table),
            RowSource::Query(_) => None,
        }
    }

    /// `table shop.orders` or `the query`, for messages.
    pub fn name(&self) -> String {
        match &self.source {
            RowSource::Table(table) => format!("table {}", table.full_name()),
            RowSource::Query(_) => "the query".to_owned(),
        }
    }

    /// The SELECT of a split, which takes the rows that meet its condition.
    pub fn sql(&self, split: Option<&str>) -> String {
        let list = || self.columns.iter().map(|c| self.value_of(c)).collect::<Vec<_>>().join(", ");
        match &self.source {
            RowSource::Table(_) => self.select(&list(), split),
            RowSource::Query(sql) => {
                let sql = sql.replace(CONDITIONS, &format!("({})", split.unwrap_or("1 = 1")));
                match self.columns.iter().any(|c| self.is_in_seconds(c)) {
                    true => format!("SELECT {} FROM ({sql}) AS t1", list()),
                    false => sql,
                }
            }
        }
    }

    /// A column as it is read, named as it is called: the instant of a TIMESTAMP, where the session's clock does not show
    /// it, and a CHAR without the blanks that fill it up.
    fn value_of(&self, column: &Column) -> String {
        let name = quote(&column.name);
        if self.is_in_seconds(column) {
            let seconds = session::seconds(&name);
            let seconds = if self.keeps_instants() { seconds } else { session::unambiguous(&seconds) };
            return format!("{seconds} AS {name}");
        }
        match self.of_table().is_some() && self.session().pads() && column.data_type == "char" {
            true => format!("TRIM(TRAILING ' ' FROM {name}) AS {name}"),
            false => name,
        }
    }

    /// Whether the server can say every instant of a TIMESTAMP: some make the text of the session's clock of it before.
    pub fn keeps_instants(&self) -> bool {
        let of_table = self.of_table().is_some_and(|table| table.engine.is_some());
        of_table || self.is_kept || self.session().of_user().is_none_or(UserSession::is_utc)
    }

    /// Asks how the server answers a query or a view, where that decides whether its instants are kept: MySQL keeps
    /// none, MariaDB those that do not pass through the table of a GROUP BY (`MAX(t)`; checked on 10.11).
    ///
    /// # Errors
    /// As the server says. If the account may not see the plan (1345), that is not an error: the instants are then doubted.
    pub async fn ask_for_instants(&mut self, conn: &mut Connection) -> Result<()> {
        let has_instants = self.columns.iter().any(|column| self.is_in_seconds(column));
        let keeps = self.session().of_user().is_some_and(|user| user.keeps_instants);
        if !has_instants || !keeps || self.keeps_instants() {
            return Ok(());
        }
        if let RowSource::Query(sql) = &self.source
            && sql_text::calls(sql, &["max", "min"], self.session().escapes())
        {
            return Ok(());
        }
        conn.enter(self.session()).await?;
        let plan = format!("EXPLAIN {}", self.select("*", None));
        match conn.texts(&plan, "cannot ask how the rows are read").await {
            Ok(steps) => self.is_kept = !steps.iter().flatten().flatten().any(|text| text.contains("Using temporary")),
            Err(e) if e.kind() == Kind::Auth => {}
            Err(e) => return Err(self.hinted(e)),
        }
        Ok(())
    }

    /// The zone whose clock the text of instants shows, where instants are read as text and it is not UTC.
    pub fn clock(&self) -> Option<String> {
        let mut mappings = self.columns.iter().zip(&self.mappings);
        let user = self.session().of_user().filter(|user| !user.is_utc())?;
        mappings.any(|(column, mapping)| column.is_by_the_clock(*mapping)).then(|| user.zone_name())
    }

    /// Whether a column comes as seconds since 1970.
    fn is_in_seconds(&self, column: &Column) -> bool {
        let mut mappings = self.columns.iter().zip(&self.mappings);
        let mapping = mappings.find(|(c, _)| c.name == column.name).map(|(_, mapping)| *mapping);
        column.data_type == "timestamp"
            && !self.session().is_utc()
            && mapping.is_some_and(|mapping| !column.is_by_the_clock(mapping))
    }

    /// A SELECT of some expressions over the rows of a split.
    pub fn select(&self, what: &str, split: Option<&str>) -> String {
        let (from, condition) = match &self.source {
            RowSource::Table(table) => (table.quoted(), self.condition.as_deref()),
            RowSource::Query(sql) => (format!("({}) AS t1", sql.replace(CONDITIONS, "(1 = 1)")), None),
        };
        let conditions: Vec<String> = condition.into_iter().chain(split).map(|c| format!("({c})")).collect();
        let mut sql = format!("SELECT {what} FROM {from}");
        if !conditions.is_empty() {
            sql.push_str(" WHERE ");
            sql.push_str(&conditions.join(" AND "));
        }
        sql
    }

    /// Reads the rows of one SELECT and hands them on; ends early, and well, when they are no longer taken: the
    /// connection is then fit only to be dropped, as it is after an error in a value and when the call is cancelled.
    ///
    /// # Errors
    /// As the server says. Data: a value that cannot be carried exactly; names table, column and key.
    pub async fn read(&self, conn: &mut Connection, sql: &str, to: &mpsc::Sender<RecordBatch>) -> Result<u64> {
        let act = format!("cannot read {}", self.name());
        conn.enter(self.session()).await?;
        let statement = conn.prepare(sql, &act).await.map_err(|e| self.hinted(e))?;
        match self.rows(&mut conn.wire, &statement, to).await {
            Ok((rows, true)) => {
                conn.forget(statement).await?;
                Ok(rows)
            }
            Ok((rows, false)) => Ok(rows),
            Err(fault) => Err(self.hinted(conn.explain(fault, &act))),
        }
    }

    /// Hands all rows on; says how many there were, and whether the result was read to its end.
    async fn rows(
        &self,
        wire: &mut Wire,
        statement: &Statement,
        to: &mpsc::Sender<RecordBatch>,
    ) -> Result<(u64, bool), Fault> {
        let result = wire.execute(statement).await?;
        let most_rows = (BATCH_BYTES / (8 * result.len().max(1))).clamp(64, BATCH_ROWS).min(self.most_rows).max(1);
        let mut batch = BatchBuilder::new(self.schema.clone(), &self.mappings, &result, &self.options, most_rows)
            .map_err(|e| Fault::Ours(self.in_source(e)))?;
        let mut rows = 0;
        loop {
            let place = match wire.arrived_row()? {
                Some(place) => place,
                None if wire.is_over() => break,
                None => match wire.row().await? {
                    Some(place) => place,
                    None => break,
                },
            };
            let (nulls, values) = wire.row_parts(&place, result.len())?;
            if let Err(wrong) = batch.append(nulls, values) {
                return Err(Fault::Ours(self.at_row(wrong, rows, &result, nulls, values)));
            }
            rows += 1;
            if batch.rows() >= most_rows || batch.bytes() >= BATCH_BYTES {
                let full = batch.finish().map_err(|e| Fault::Ours(self.in_source(e)))?;
                if to.send(full).await.is_err() {
                    return Ok((rows, wire.is_over()));
                }
            }
        }
        self.no_dates.fetch_add(batch.no_dates(), Ordering::Relaxed);
        if batch.rows() > 0 {
            // Whoever does not take it any more has failed already and says so itself.
            let _ = to.send(batch.finish().map_err(|e| Fault::Ours(self.in_source(e)))?).await;
        }
        Ok((rows, true))
    }

    /// Points to the text that the user wrote, if the server does not understand a statement that holds some.
    fn hinted(&self, error: Error) -> Error {
        match &self.source {
            RowSource::Query(_) => in_text(error, "query"),
            RowSource::Table(_) if self.condition.is_some() => in_text(error, "where"),
            RowSource::Table(_) => error,
        }
    }

    fn in_source(&self, error: Error) -> Error {
        error.context(self.name())
    }

    /// Names the row by its primary key, as far as that is read, or by its place in the result.
    fn at_row(&self, error: Error, before: u64, result: &[ResultColumn], nulls: &[u8], values: &[u8]) -> Error {
        let mut rest = Bytes(values);
        let mut key = Vec::new();
        for (index, column) in result.iter().enumerate() {
            let value = match is_null(nulls, index) {
                true => continue,
                false => Scalar::of(&mut rest, column),
            };
            let Ok(value) = value else { break };
            if self.of_table().is_some_and(|table| table.primary_key.contains(&column.name)) {
                key.push(format!("{} = {value}", column.name));
            }
        }
        match key.is_empty() {
            true => error.context(format!("{}, row {} of the split", self.name(), before + 1)),
            false => error.context(format!("{}, row {}", self.name(), key.join(", "))),
        }
    }
}

/// Names the option whose text the server may not have understood, where nothing better is known.
pub(super) fn in_text(error: Error, option: &str) -> Error {
    match (error.kind(), error.remedy()) {
        (Kind::Config | Kind::NotFound, None) => error.hint(format!("check the text of {option}")),
        _ => error,
    }
}

/// A name that two columns have.
fn twice(columns: &[Column]) -> Option<&str> {
    let mut seen = HashMap::new();
    columns.iter().map(|c| c.name.as_str()).find(|name| seen.insert(name.to_lowercase(), ()).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::types::tests::column;
    use super::*;

    fn orders() -> Table {
        Table {
            database: "shop".into(),
            name: "orders".into(),
            engine: Some("InnoDB".into()),
            columns: vec![column("id", "int(11)"), column("no", "varchar(10)")],
            primary_key: vec!["id".into()],
            ..Table::default()
        }
    }

    #[test]
    fn conditions_are_kept_apart() {
        let options = TypeOptions::default();
        let condition = Some("id > 3 OR no = 'x'".to_owned());
        let selection = Selection::table(orders(), &["no".into()], condition, &options).unwrap();
        assert_eq!(
            selection.sql(Some("`id` >= 5")),
            "SELECT `no` FROM `shop`.`orders` WHERE (id > 3 OR no = 'x') AND (`id` >= 5)"
        );
        assert_eq!(selection.sql(None), "SELECT `no` FROM `shop`.`orders` WHERE (id > 3 OR no = 'x')");
    }

    #[test]
    fn a_query_takes_conditions_where_it_says() {
        let sql = "SELECT a.id FROM a JOIN b USING (id) WHERE a.x > 1 AND $CONDITIONS";
        let (columns, options) = (vec![column("id", "int")], TypeOptions::default());
        let source = RowSource::Query(sql.to_owned());
        let query = Selection::new(source, columns, None, Arc::new(Schema::empty()), &options).unwrap();
        assert!(query.sql(Some("a.id < 3")).ends_with("a.x > 1 AND (a.id < 3)"));
        assert!(query.sql(None).ends_with("a.x > 1 AND (1 = 1)"));
        assert!(query.select("MIN(id)", None).starts_with("SELECT MIN(id) FROM (SELECT a.id FROM a"));
    }

    #[test]
    fn a_type_for_a_column_that_is_not_read_is_refused() {
        let java_types = [("nothing".to_owned(), "String".parse().unwrap())].into();
        let options = TypeOptions { java_types, ..TypeOptions::default() };
        let error = Selection::table(orders(), &[], None, &options).unwrap_err();
        assert!(error.to_string().contains("column nothing"), "{error}");
    }

    #[test]
    fn two_columns_of_one_name_are_noticed() {
        assert_eq!(twice(&[column("a", "int"), column("A", "int")]), Some("A"));
        assert_eq!(twice(&[column("a", "int"), column("b", "int")]), None);
    }
}
