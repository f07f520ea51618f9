//! The columns of a web server's log.
//!
//! Every such table has the same first columns. Those of the site's routes follow, then whether a program asked and where
//! the line stands, and what else the server's format logs.

use super::entry::LogEntry;
use super::field::ExtraType;
use super::format::LogFormat;
use crate::agent::event::Event;
use crate::agent::parsers::user_agent::Described;
use crate::agent::routes::Routes;
use crate::agent::rows::{Cell, ColumnSpec, ColumnType, Row};
use crate::error::{self, Result};

/// The columns that every log has, in their order.
pub(super) fn of_the_log() -> Vec<ColumnSpec> {
    use ColumnType::{BigInt, Int, String, Timestamp};
    let columns = [
        ("event_ts", Timestamp, false, "time of the request, UTC"),
        ("ip", String, true, "client address or name"),
        ("user_name", String, true, "who signed in, as the server logged it"),
        ("session_id", String, true, "session cookie"),
        ("visitor_id", String, true, "visitor cookie"),
        ("method", String, true, "HTTP method; null where the request line is not HTTP"),
        ("path", String, true, "requested path, as sent"),
        ("query", String, true, "what follows the question mark, as sent"),
        ("protocol", String, true, "HTTP version; null for HTTP/0.9"),
        ("garbage", String, true, "the request line, where it is not HTTP"),
        ("status", Int, true, "HTTP status of the answer"),
        ("bytes", BigInt, true, "bytes of the answer; with its headers where the format logs no others"),
        ("referrer", String, true, "page the client says it came from"),
        ("user_agent", String, true, "what the client calls itself"),
        ("runtime_us", BigInt, true, "time the answer took, in microseconds"),
    ];
    columns.map(column).into()
}

/// The columns behind those of the routes.
fn of_the_line() -> [ColumnSpec; 3] {
    let columns = [
        (
            "is_bot",
            ColumnType::Boolean,
            true,
            "whether the user agent is that of a program, or missing; null where not logged",
        ),
        ("source_file", ColumnType::String, true, "log file the line was read from"),
        ("source_offset", ColumnType::BigInt, true, "where the line begins in that file, in bytes"),
    ];
    columns.map(column)
}

fn column((name, data_type, nullable, comment): (&str, ColumnType, bool, &str)) -> ColumnSpec {
    ColumnSpec { name: name.to_owned(), data_type, nullable, comment: comment.to_owned() }
}

/// The columns of a table, and where each of its values stands in a row as [`row`] makes it.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    pub specs: Vec<ColumnSpec>,
    /// `None` where rows are in the order of the table.
    order: Option<Vec<usize>>,
}

impl Columns {
    /// The values of a row in the order of the table.
    pub(super) fn in_order<'a>(&self, mut row: Row<'a>) -> Row<'a> {
        if let Some(order) = &self.order {
            let cells = order.iter().map(|at| std::mem::replace(&mut row.cells[*at], Cell::Null)).collect();
            row.cells = cells;
        }
        row
    }
}

/// All columns of a log of this format on a site with these routes.
///
/// # Errors
/// Config: the format or a route gives something the name of a column that means something else.
pub(super) fn all(format: &LogFormat, routes: &Routes) -> Result<Columns> {
    let mut columns = of_the_log();
    let own = columns.len();
    columns.extend(routes.columns.iter().cloned());
    columns.extend(of_the_line());
    columns.extend(format.extras().iter().map(|extra| {
        let data_type = match extra.data_type {
            ExtraType::Text => ColumnType::String,
            ExtraType::Whole => ColumnType::BigInt,
        };
        column((&extra.name, data_type, true, &extra.comment))
    }));
    let is_twice = |(i, column): &(usize, &ColumnSpec)| {
        matches!(&*column.name, "dt" | "hr") || columns.iter().take(*i).any(|before| before.name == column.name)
    };
    match columns.iter().enumerate().find(is_twice) {
        None => Ok(in_places(columns, own, &routes.after)),
        Some((_, twice)) => {
            Err(error::config(format!("format: it logs {} twice, or under the name of another column", twice.name))
                .hint("leave one of them out of the server's format, or name the site's own column otherwise"))
        }
    }
}

/// The columns for what user agents say.
const USER_AGENT: [(&str, &str); 3] = [
    ("ua_family", "family of browsers or programs that the client is of, such as Chrome; null where not known"),
    ("ua_os", "system that the client runs on, such as Windows; null where not known, and of programs"),
    ("ua_device", "desktop, mobile, tablet, bot or other"),
];

/// The same columns, and behind them those for what user agents say.
///
/// # Errors
/// Config: another column has one of their names.
pub(super) fn with_user_agents(columns: &Columns) -> Result<Columns> {
    let mut all = columns.clone();
    for (name, comment) in USER_AGENT {
        if columns.specs.iter().any(|known| known.name == name) {
            return Err(error::config(format!("the site has a column {name}, which user-agents fills"))
                .hint("name the site's own column otherwise, or take user-agents out"));
        }
        all.specs.push(column((name, ColumnType::String, true, comment)));
    }
    Ok(all)
}

/// What a user agent says, in these columns.
pub(super) fn of_user_agent(said: &Described) -> [Cell<'static>; 3] {
    let text = |text: Option<&str>| text.map_or(Cell::Null, |text| Cell::Text(text.to_owned().into()));
    [text(said.family.as_deref()), text(said.os.as_deref()), text(Some(said.device))]
}

/// Moves the columns of routes, which begin at number `own`, to the places that they ask for.
fn in_places(columns: Vec<ColumnSpec>, own: usize, after: &[Option<usize>]) -> Columns {
    if after.iter().all(Option::is_none) {
        return Columns { specs: columns, order: None };
    }
    let of = |place: usize| after.iter().enumerate().filter(move |(_, after)| **after == Some(place));
    let is_moved = |at: usize| at >= own && after.get(at - own).is_some_and(Option::is_some);
    let mut order = Vec::with_capacity(columns.len());
    for at in (0..columns.len()).filter(|at| !is_moved(*at)) {
        order.push(at);
        order.extend(of(at).map(|(number, _)| own + number));
    }
    Columns { specs: order.iter().map(|at| columns[*at].clone()).collect(), order: Some(order) }
}

/// A line as a row of these columns, those of routes behind those of the log.
///
/// # Errors
/// Why the line cannot be one.
pub(super) fn row<'a>(
    entry: &'a LogEntry<'a>,
    format: &LogFormat,
    routes: &Routes,
    is_bot: Option<bool>,
    event: &'a Event,
) -> Result<Row<'a>, String> {
    let request = entry.request_line();
    let (file, offset) = event.origin();
    let offset = offset.map(|offset| i64::try_from(offset).map_err(|_| "its offset does not fit into a BIGINT"));
    let mut cells: Vec<Cell<'a>> = vec![
        Cell::Time(entry.time),
        entry.host.into(),
        entry.user.as_deref().into(),
        entry.session.as_deref().into(),
        entry.visitor.as_deref().into(),
        request.and_then(|r| r.method).into(),
        request.and_then(|r| r.path).into(),
        request.and_then(|r| r.query).into(),
        request.and_then(|r| r.protocol).into(),
        entry.request.as_deref().filter(|_| request.is_none()).into(),
        entry.status.map(i64::from).into(),
        entry.bytes.into(),
        entry.referrer.as_deref().into(),
        entry.user_agent.as_deref().into(),
        entry.runtime_us.into(),
    ];
    let routed = routes.fill(request.as_ref(), &cells);
    cells.extend(routed);
    cells.extend([is_bot.into(), file.into(), offset.transpose()?.into()]);
    cells.extend(format.extras().iter().zip(&entry.extras).map(|(extra, value)| match extra.data_type {
        ExtraType::Text => value.as_deref().into(),
        // The parser has let numbers through only.
        ExtraType::Whole => value.as_deref().and_then(|text| text.parse::<i64>().ok()).into(),
    }));
    Ok(Row { time: entry.time, cells })
}
