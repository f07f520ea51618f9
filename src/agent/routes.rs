//! What the paths of a web site mean: a table of routes in the configuration, and the columns that it fills.
//!
//! ```toml
//! [[step.column]]
//! name = "stage"
//! type = "tinyint"
//!
//! [[step.route]]
//! path = "/p/{product_code}/**"
//! set = { stage = 3 }
//! ```
//!
//! A component of a path pattern is a text, `*` for any one that is not empty, or `{column}`, which also fills a column.
//! `**` at its end stands for whatever follows, or nothing. Every route that matches is applied, in the table's order; a
//! column keeps the first value it gets. What the path or the query says is percent-decoded. A text that is not a value
//! of its column's type leaves the column NULL: the path and the query have columns of their own and lose nothing.

mod pattern;

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use self::pattern::PathPattern;
use super::parsers::RequestLine;
use super::rows::{Cell, ColumnSpec, ColumnType};
use crate::config::nearest;
use crate::error::{self, Result};

/// A column of the site's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ColumnArgs {
    /// Its name in the table.
    pub name: String,
    /// Its type, as Hive names it.
    #[serde(default, rename = "type")]
    pub data_type: ColumnType,
    /// What it says, for the table's description.
    #[serde(default)]
    pub comment: String,
    /// Another column whose text it takes, where that is a value of its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The column behind which it stands, rather than behind those of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What a request for some paths says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RouteArgs {
    /// Which paths; all where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Which methods; all where it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub method: Vec<String>,
    /// Columns, and the keys of the query that fill them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// Columns, and the values they get.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, SetValue>,
}

/// A value that a route gives a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SetValue {
    Boolean(bool),
    Whole(i64),
    Text(String),
}

impl SetValue {
    fn text(&self) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Whole(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// The routes of a site and the columns they fill, checked.
#[derive(Debug, Default)]
pub(super) struct Routes {
    pub columns: Vec<ColumnSpec>,
    /// The column of the parser behind which a column stands, where it has a place of its own.
    pub after: Vec<Option<usize>>,
    /// The column of the parser that a column takes its text from.
    from: Vec<Option<usize>>,
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    path: Option<PathPattern>,
    method: Vec<String>,
    /// Columns by number, and the keys of the query.
    query: Vec<(usize, String)>,
    set: Vec<(usize, Cell<'static>)>,
}

impl Routes {
    /// Checks a table of routes; `parsed` are the columns that the parser fills anyway.
    ///
    /// # Errors
    /// Config: a column or a pattern that makes no sense.
    pub(super) fn new(columns: &[ColumnArgs], routes: &[RouteArgs], parsed: &[ColumnSpec]) -> Result<Self> {
        let mut all = Self::default();
        for column in columns {
            let taken = |known: &[ColumnSpec]| known.iter().any(|known| known.name == column.name);
            if taken(&all.columns) || taken(parsed) {
                return Err(error::config(format!("column {} is there twice", column.name))
                    .hint("give the site's own column another name"));
            }
            let from = column.from.as_ref().map(|from| {
                let number = parsed.iter().position(|c| c.name == *from && c.data_type == ColumnType::String);
                number.ok_or_else(|| unknown(from, parsed, &format!("column {} is from", column.name)))
            });
            all.from.push(from.transpose()?);
            let after = column.after.as_ref().map(|after| {
                let number = parsed.iter().position(|c| c.name == *after);
                number.ok_or_else(|| unknown(after, parsed, &format!("column {} is after", column.name)))
            });
            all.after.push(after.transpose()?);
            all.columns.push(ColumnSpec {
                name: column.name.clone(),
                data_type: column.data_type,
                nullable: true,
                comment: column.comment.clone(),
            });
        }
        for route in routes {
            let route = all.route(route)?;
            all.routes.push(route);
        }
        Ok(all)
    }

    fn route(&self, args: &RouteArgs) -> Result<Route> {
        let column = |name: &str| {
            let number = self.columns.iter().position(|column| column.name == name);
            number.ok_or_else(|| unknown(name, &self.columns, "a route fills"))
        };
        let path = args.path.as_ref().map(|path| PathPattern::new(path, column)).transpose()?;
        let query = args.query.iter().map(|(name, key)| Ok((column(name)?, key.clone()))).collect::<Result<_>>()?;
        let set = args.set.iter().map(|(name, value)| {
            let number = column(name)?;
            let cell = self.columns[number].data_type.cell(Cow::Owned(value.text()));
            let what = || error::config(format!("a route sets {name} to {}, which is not of its type", value.text()));
            Ok((number, cell.ok_or_else(what)?))
        });
        Ok(Route { path, method: args.method.clone(), query, set: set.collect::<Result<_>>()? })
    }

    /// Appends what a request says; `parsed` are the values of the parser's columns.
    pub(super) fn fill<'a>(&self, request: Option<&RequestLine<'a>>, parsed: &[Cell<'a>]) -> Vec<Cell<'a>> {
        let mut filled = Filled { columns: &self.columns, cells: self.columns.iter().map(|_| Cell::Null).collect() };
        for (number, from) in self.from.iter().enumerate() {
            if let Some(Cell::Text(text)) = from.and_then(|from| parsed.get(from)) {
                filled.put(number, text.clone());
            }
        }
        if let Some(request) = request {
            self.routes.iter().for_each(|route| route.fill(request, &mut filled));
        }
        filled.cells
    }
}

/// The values of the site's columns; each keeps the first it gets.
struct Filled<'r, 'a> {
    columns: &'r [ColumnSpec],
    cells: Vec<Cell<'a>>,
}

impl<'a> Filled<'_, 'a> {
    fn put(&mut self, number: usize, text: Cow<'a, str>) {
        if let Some(cell) = self.columns[number].data_type.cell(text) {
            self.set(number, cell);
        }
    }

    fn set(&mut self, number: usize, cell: Cell<'a>) {
        if self.cells[number] == Cell::Null {
            self.cells[number] = cell;
        }
    }
}

impl Route {
    /// Fills what a request says, where the route is for it.
    fn fill<'a>(&self, request: &RequestLine<'a>, filled: &mut Filled<'_, 'a>) {
        if !self.method.is_empty() && !request.method.is_some_and(|m| self.method.iter().any(|method| method == m)) {
            return;
        }
        if let Some(pattern) = &self.path {
            let Some(captured) = pattern.captures(request.path.unwrap_or_default()) else { return };
            captured.into_iter().for_each(|(number, text)| filled.put(number, decoded(text)));
        }
        for (number, key) in &self.query {
            if let Some(text) = parameter(request.query, key) {
                filled.put(*number, decoded(text));
            }
        }
        self.set.iter().for_each(|(number, cell)| filled.set(*number, cell.clone()));
    }
}

fn unknown(name: &str, known: &[ColumnSpec], what: &str) -> error::Error {
    let names: Vec<&str> = known.iter().map(|column| column.name.as_str()).collect();
    let hint = match nearest(name, &names) {
        Some(near) => format!("did you mean {near}?"),
        None => "declare it as a column of its own".to_owned(),
    };
    error::config(format!("{what} {name}, which is not a column")).hint(hint)
}

/// The value of a parameter of a query.
fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(n, v)| *n == name && !v.is_empty()).map(|(_, v)| v).next()
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests;
