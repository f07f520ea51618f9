//! Rows cut into splits over a key: disjoint, covering every row, the ends open, NULLs apart.
//!
//! Cuts are values that are really there, chosen so that the splits hold about as many rows each, however the key is
//! skewed. All comparing is the server's: a split is a pair of SQL conditions around such values, so it is right for any
//! collation. Two ways lead to the cuts:
//! - `dives`: an index on the key answers where a guessed value would lie and how many rows lie between two values,
//!   each for the price of one lookup. Rows are not read, whatever the size of the table.
//! - `sample`: without an index (and for a view or a query) one pass over the rows draws a sample of them. Such splits
//!   cost a pass each, too, so there are no more than connections.
//!
//! Neither is asked when the server estimates fewer rows than fill two splits, nor where cuts of an earlier plan are
//! at hand that still fit.

mod between;
mod cut;
mod dives;
mod kept;
mod key;
mod limit;
mod points;
mod sample;
mod steps;
mod temporal;
mod texts;

use std::time::Duration;

use self::cut::{Charset, Cut, Side, Value, compare, in_conditions, shown};
pub use self::kept::KeptCuts;
pub use self::key::{KeyColumn, KeyKind, SplitKey, name_parts};
use self::points::Points;
use super::client::Connection;
use super::read::in_text;
use super::session::{self, Session};
use super::sql::quote_text;
use super::table::Table;
use crate::error::{self, Result};

/// One share of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// What its rows fulfil, as SQL text; `None` where it takes every row.
    pub condition: Option<String>,
    /// Rows that the server estimates.
    pub estimated_rows: Option<u64>,
    /// The share in words, for plans and progress.
    pub label: String,
}

impl Split {
    /// The split that takes every row.
    pub fn all() -> Self {
        Self { condition: None, estimated_rows: None, label: "all rows".to_owned() }
    }

    /// The rows that the server estimates, for plans.
    pub fn rows_in_words(&self) -> String {
        self.estimated_rows.map_or_else(|| "rows unknown".to_owned(), |rows| format!("about {rows} rows"))
    }
}

/// What planning comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Disjoint, and covering every row.
    pub splits: Vec<Split>,
    /// What a later plan may take again to come to the same splits.
    pub cuts: Option<KeptCuts>,
}

impl Planned {
    /// One split that takes every row.
    pub fn whole() -> Self {
        Self { splits: vec![Split::all()], cuts: None }
    }
}

/// The rows that are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitSource {
    /// What stands after FROM.
    from: String,
    /// What stands after WHERE.
    condition: Option<String>,
    /// Whether it is a table with indices of its own.
    table: bool,
    /// Name, for messages.
    name: String,
    /// The session that its conditions are read in.
    session: Session,
}

impl SplitSource {
    /// The rows of a table that fulfil a condition.
    pub fn table(table: &Table, condition: Option<&str>, session: &Session) -> Self {
        Self {
            from: table.quoted(),
            condition: condition.map(str::to_owned),
            table: table.engine.is_some(),
            name: table.full_name(),
            session: session.clone(),
        }
    }

    /// The rows of a free-form query with `$CONDITIONS` where the condition of a split will stand.
    pub fn query(sql: &str, session: &Session) -> Self {
        let from = format!("({}) AS t1", sql.replace("$CONDITIONS", "(1 = 1)"));
        Self { from, condition: None, table: false, name: "the query".to_owned(), session: session.clone() }
    }

    fn is_query(&self) -> bool {
        self.from.starts_with('(')
    }

    /// WHERE and what follows it; empty where every row is meant.
    fn filter(&self, more: &[String]) -> String {
        let own = self.condition.iter().map(|c| format!("({c})"));
        let all: Vec<String> = own.chain(more.iter().cloned()).collect();
        if all.is_empty() { String::new() } else { format!(" WHERE {}", all.join(" AND ")) }
    }
}

/// How many splits there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitOptions {
    /// Connections that will read.
    pub connections: u32,
    /// Splits for each connection: what one has left to do is taken by another.
    pub per_connection: u32,
    /// Rows below which a split is not worth a statement of its own.
    pub min_rows: u64,
    /// Greatest width of a split, in units of the key, or in seconds.
    pub limit: Option<u64>,
    /// Statement that gives the least and the greatest key; rows outside are left out.
    pub boundary_query: Option<String>,
    /// Time after which the cuts that are found by then are used.
    pub time: Duration,
    /// Cuts of an earlier plan of the same source and key, taken again while the server estimates about as many rows.
    pub kept: Option<KeptCuts>,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self {
            connections: 4,
            per_connection: 4,
            min_rows: 10_000,
            limit: None,
            boundary_query: None,
            time: Duration::from_millis(500),
            kept: None,
        }
    }
}

impl SplitOptions {
    /// So many splits over so many connections, however few rows there are.
    pub fn exactly(connections: u32) -> Self {
        Self { connections, per_connection: 1, min_rows: 0, ..Self::default() }
    }
}

/// Decides the splits of `source` over `key`.
///
/// The connection may be in a transaction; splits are disjoint and cover every row also of a later moment.
///
/// # Errors
/// As the server says. Config: a limit for a key that has no width, or one that makes too many splits. Data: a boundary
/// query whose answer is not a pair of keys.
pub async fn plan(
    conn: &mut Connection,
    source: &SplitSource,
    key: &SplitKey,
    options: &SplitOptions,
) -> Result<Planned> {
    conn.enter(&source.session).await?;
    let mut planner = Planner::new(conn, source, key, options);
    if options.limit.is_some() {
        limit::check(key)?;
    }
    if options.limit.is_some() || options.boundary_query.is_some() {
        // Both speak of one column.
        planner.key.columns.truncate(1);
    }
    if let Some(query) = &options.boundary_query {
        let Some(ends) = planner.boundaries(query).await? else {
            return Ok(Planned { splits: vec![planner.nulls()], cuts: None });
        };
        planner.ends = Some(ends);
    }
    let wanted = options.connections.max(1).saturating_mul(options.per_connection.max(1));
    if options.connections <= 1 && options.limit.is_none() {
        return Ok(Planned { splits: planner.splits(&[], &[]), cuts: None });
    }
    let index = planner.index().await?;
    if let Some(kept) = options.kept.as_ref().filter(|kept| kept.fit(&planner)) {
        match kept.restore(&mut planner) {
            Ok(cuts) => {
                let cuts = planner.ascending(cuts).await?;
                return Ok(Planned { splits: planner.splits(&cuts, &kept.rows()), cuts: Some(kept.clone()) });
            }
            Err(error) => tracing::warn!(%error, "{}: the cuts of the import before are not usable", source.name),
        }
    }
    let mut points = match index {
        _ if planner.too_few() && options.limit.is_none() => Points::default(),
        Some(index) => planner.dive(&index, wanted).await?,
        None => planner.sample().await?,
    };
    let wanted = if planner.indexed { wanted } else { options.connections };
    points.merge(planner.worthwhile(wanted, points.rows()) as usize);
    if let Some(width) = options.limit {
        limit::narrow(&planner.key.columns[0], &mut points, width)?;
    }
    let cuts = planner.ascending(points.cuts()).await?;
    let splits = planner.splits(&cuts, &points.rows_of(&cuts));
    Ok(Planned { splits, cuts: KeptCuts::of(&planner, &cuts) })
}

/// What planning knows.
struct Planner<'a> {
    conn: &'a mut Connection,
    source: &'a SplitSource,
    options: &'a SplitOptions,
    key: SplitKey,
    /// The least and the greatest key that rows may have, from a boundary query.
    ends: Option<(Cut, Cut)>,
    /// Character set of each column of the key that is text.
    charsets: Vec<Option<Charset>>,
    /// Rows that the server estimates.
    estimate: Option<u64>,
    indexed: bool,
}

/// Seconds after every TIMESTAMP.
const AFTER_ALL: &str = "253402300800";

const ACT: &str = "cannot find the boundaries of the splits";

impl<'a> Planner<'a> {
    fn new(conn: &'a mut Connection, source: &'a SplitSource, key: &SplitKey, options: &'a SplitOptions) -> Self {
        let charsets = vec![None; key.columns.len()];
        Self { conn, source, options, key: key.clone(), ends: None, charsets, estimate: None, indexed: false }
    }

    /// Asks the server something that has rows.
    async fn ask(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let rows = self.conn.texts(sql, ACT).await;
        rows.map_err(|e| {
            let e = match (self.source.is_query(), &self.source.condition) {
                (true, _) => in_text(e, "query"),
                (false, Some(_)) => in_text(e, "where"),
                (false, None) => e,
            };
            e.context(format!("{}, split by {}", self.source.name, self.key.name()))
        })
    }

    /// The least and the greatest key as the user's statement gives them; `None` where they are NULL.
    async fn boundaries(&mut self, query: &str) -> Result<Option<(Cut, Cut)>> {
        let rows = self.ask(query).await?;
        let [row] = &rows[..] else {
            return Err(error::data(format!("the boundary query gives {} rows", rows.len()))
                .hint("it must give one row: the least and the greatest key"));
        };
        let [low, high] = &row[..] else {
            return Err(error::data(format!("the boundary query gives {} columns", row.len()))
                .hint("it must give two: the least and the greatest key"));
        };
        let Some((low, high)) = low.clone().zip(high.clone()) else { return Ok(None) };
        let (low, high) = match self.key.columns[0].kind {
            KeyKind::Instant => (self.instant(&low).await?, self.instant(&high).await?),
            _ => (low, high),
        };
        let column = &self.key.columns[0];
        let value = |text: &String| -> Result<Cut> {
            let utf8 = Charset { charset: "utf8mb4".to_owned(), collation: None };
            let raw = match column.kind {
                KeyKind::Text | KeyKind::Binary => cut::hex_of(text.as_bytes()),
                _ => text.clone(),
            };
            let value = Value::new(column, &raw, Some(&utf8)).map_err(|e| e.context("the boundary query"))?;
            let value = value.ok_or_else(|| {
                error::data(format!("the boundary query gives {text}, which is in no calendar"))
                    .hint("let it give days of the calendar")
            })?;
            Ok(vec![value])
        };
        Ok(Some((value(&low)?, value(&high)?)))
    }

    /// The seconds of a time as the session's clock shows it; one that no TIMESTAMP holds is before or after all of them.
    async fn instant(&mut self, text: &str) -> Result<String> {
        let seconds = match cut::is_time(text) {
            true => {
                let time = format!("TIMESTAMP{}", quote_text(text));
                self.ask(&format!("SELECT {}", session::seconds(&time))).await?.pop()
            }
            false => None,
        };
        let seconds = seconds.and_then(|row| row.into_iter().next().flatten());
        match seconds {
            Some(seconds) if seconds.trim_matches(['0', '.']).is_empty() && text > "2000" => Ok(AFTER_ALL.to_owned()),
            Some(seconds) => Ok(seconds),
            None => Err(error::data(format!("the boundary query gives {text}, which is not a time"))
                .hint("let it give the least and the greatest key")),
        }
    }

    /// Whether the server estimates too few rows for two splits.
    fn too_few(&self) -> bool {
        self.estimate.is_some_and(|rows| self.worthwhile(u32::MAX, rows) < 2)
    }

    /// So many splits that each has rows enough.
    fn worthwhile(&self, wanted: u32, rows: u64) -> u32 {
        let most = rows.checked_div(self.options.min_rows).unwrap_or(u64::MAX).max(1);
        wanted.min(u32::try_from(most).unwrap_or(u32::MAX))
    }

    /// Those of the cuts that the server finds to ascend.
    async fn ascending(&mut self, cuts: Vec<Cut>) -> Result<Vec<Cut>> {
        let of_server = |kind| matches!(kind, KeyKind::Text | KeyKind::Native(_));
        if cuts.len() < 2 || !self.key.columns.iter().any(|c| of_server(c.kind)) {
            return Ok(cuts);
        }
        let below = |a: &Cut, b: &Cut| {
            let columns: Vec<String> = a.iter().map(|v| v.literal.clone()).collect();
            compare(&columns, Side::Below, b)
        };
        let pairs = cuts.windows(2).map(|pair| format!("{}, {}", below(&pair[0], &pair[1]), below(&pair[1], &pair[0])));
        let sql = format!("SELECT {}", pairs.collect::<Vec<_>>().join(", "));
        let answer = self.ask(&sql).await?.pop().unwrap_or_default();
        let says = |i: usize| answer.get(i).is_some_and(|v| v.as_deref() == Some("1"));
        let mut ascending: Vec<Cut> = Vec::with_capacity(cuts.len());
        for (i, cut) in cuts.into_iter().enumerate() {
            if i > 0 && says(2 * i - 1) {
                // One that falls might overlap with any split before it: nothing more is cut.
                break;
            }
            if i == 0 || says(2 * i - 2) {
                ascending.push(cut);
            }
        }
        Ok(ascending)
    }

    /// The split of rows whose key is unknown.
    fn nulls(&self) -> Split {
        let nullable = self.key.columns.iter().filter(|c| c.nullable || self.key.columns.len() == 1);
        let condition: Vec<String> = nullable.map(|c| format!("{} IS NULL", c.sql)).collect();
        let label = format!("{} is null", self.key.name());
        Split { condition: Some(condition.join(" OR ")), estimated_rows: None, label }
    }

    /// The splits between the cuts, and that of the NULLs where there may be some.
    fn splits(&self, cuts: &[Cut], rows: &[u64]) -> Vec<Split> {
        let nullable = self.key.columns.iter().any(|c| c.nullable);
        let (first, last) = match &self.ends {
            Some((low, high)) => (Some((Side::AtLeast, low)), Some((Side::UpTo, high))),
            None => (None, None),
        };
        if cuts.is_empty() && self.ends.is_none() {
            return vec![Split { estimated_rows: self.estimate, ..Split::all() }];
        }
        let lows = std::iter::once(first).chain(cuts.iter().map(|c| Some((Side::AtLeast, c))));
        let highs = cuts.iter().map(|c| Some((Side::Below, c))).chain(std::iter::once(last));
        let ranges = lows.zip(highs).enumerate();
        let mut splits: Vec<Split> =
            ranges.map(|(i, (low, high))| self.range(low, high, rows.get(i).copied())).collect();
        if nullable && self.ends.is_none() {
            splits.push(self.nulls());
        }
        splits
    }

    fn range(&self, low: Option<(Side, &Cut)>, high: Option<(Side, &Cut)>, rows: Option<u64>) -> Split {
        let columns = in_conditions(&self.key);
        let sides = low.iter().chain(&high).map(|(side, cut)| compare(&columns, *side, cut));
        // A row with a NULL in a later column is in the split of the NULLs alone.
        let known = self.key.columns.iter().skip(1).filter(|c| c.nullable).map(|c| format!("{} IS NOT NULL", c.sql));
        let condition = sides.chain(known).collect::<Vec<_>>().join(" AND ");
        let name = self.key.name();
        let low = low.map(|(_, cut)| format!("{name} from {}", shown(&self.key, cut)));
        let high = high.map(|(side, cut)| {
            let word = if side == Side::UpTo { "to" } else { "below" };
            format!("{word} {}", shown(&self.key, cut))
        });
        let label = match (low, high) {
            (Some(low), Some(high)) => format!("{low} {high}"),
            (Some(low), None) => low,
            (None, Some(high)) => format!("{name} {high}"),
            (None, None) => name,
        };
        Split { condition: Some(condition).filter(|c| !c.is_empty()), estimated_rows: rows, label }
    }
}
