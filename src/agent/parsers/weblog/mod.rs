//! Lines of a web server's log: from the text of a line to its fields, by the format that the server wrote it in.
//!
//! ```text
//! apache, nginx   the server's own format text, read into directives (`directive`)
//! format          directives and literals put together to a LogFormat; formats known by name
//! entry           a line taken apart by a LogFormat: a LogEntry, or the reason why it is not one
//! time, escape, request   what stands in the fields
//! bots            programs among the clients
//! columns         the columns of such a log, and a line as a row of them
//! ```
//!
//! A line that does not have exactly the fields of its format is malformed. It is never read as if it had.

mod apache;
pub(super) mod bots;
mod columns;
mod directive;
mod entry;
mod escape;
mod field;
mod format;
mod nginx;
mod request;
#[cfg(test)]
mod tests;
mod time;

use std::sync::Arc;

use self::bots::Bots;
use self::columns::Columns;
pub(in crate::agent) use self::format::LogFormat;
pub(in crate::agent) use self::request::RequestLine;
use super::Parser;
use super::user_agent::UserAgents;
use crate::agent::event::Event;
use crate::agent::routes::{ColumnArgs, RouteArgs, Routes};
use crate::agent::rows::{ColumnSpec, Row};
use crate::error::{self, Result};

/// Takes lines apart by the server's format, and paths by the site's routes.
#[derive(Clone, Debug)]
pub(in crate::agent) struct WeblogParser {
    format: Arc<LogFormat>,
    routes: Arc<Routes>,
    columns: Arc<Columns>,
    bots: Bots,
    /// Where what user agents say has columns.
    user_agents: Option<UserAgents>,
}

impl WeblogParser {
    /// # Errors
    /// Config: the format cannot be that of such a log, or the routes make no sense.
    pub(in crate::agent) fn new(format: LogFormat, columns: &[ColumnArgs], routes: &[RouteArgs]) -> Result<Self> {
        let routes = Routes::new(columns, routes, &columns::of_the_log())?;
        let columns = Arc::new(columns::all(&format, &routes)?);
        Ok(Self {
            format: Arc::new(format),
            routes: Arc::new(routes),
            columns,
            bots: Bots::default(),
            user_agents: None,
        })
    }

    /// The same with columns for what user agents say, behind all others.
    ///
    /// # Errors
    /// Config: the format logs no user agent, or a column has the name of one of these.
    pub(in crate::agent) fn describing(self) -> Result<Self> {
        if !self.format.has_user_agent() {
            return Err(error::config("user-agents is set, and the format logs no user agent")
                .hint("let the server log it (%{User-Agent}i, $http_user_agent), or take user-agents out"));
        }
        let columns = Arc::new(columns::with_user_agents(&self.columns)?);
        Ok(Self { columns, user_agents: Some(UserAgents::default()), ..self })
    }
}

impl Parser for WeblogParser {
    fn kind(&self) -> &'static str {
        "clicks"
    }

    fn comment(&self) -> &'static str {
        "clicks of the web log, one row a line"
    }

    fn columns(&self) -> &[ColumnSpec] {
        &self.columns.specs
    }

    fn parse(&mut self, event: &Event, take: &mut dyn FnMut(Row<'_>)) -> Result<(), String> {
        let entry = self.format.parse(&event.body)?;
        let is_bot = self.format.has_user_agent().then(|| self.bots.is_bot(entry.user_agent.as_deref()));
        let mut row = self.columns.in_order(columns::row(&entry, &self.format, &self.routes, is_bot, event)?);
        if let Some(agents) = &mut self.user_agents {
            row.cells.extend(columns::of_user_agent(&agents.describe(entry.user_agent.as_deref())));
        }
        take(row);
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Parser> {
        Box::new(self.clone())
    }
}
