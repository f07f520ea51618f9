//! Events that a regular expression takes apart: its named groups fill the columns.

use std::borrow::Cow;
use std::sync::Arc;

use regex::Regex;

use super::Parser;
use super::mapping::{FieldArgs, Found, Mapping};
use crate::agent::event::Event;
use crate::agent::rows::{ColumnSpec, Row};
use crate::error::{self, Result};

/// Takes texts apart by a regular expression. One that does not match is a reject; a group that took no part is NULL.
#[derive(Clone, Debug)]
pub(in crate::agent) struct PatternParser {
    mapping: Arc<Mapping>,
    regex: Regex,
    /// The group that each column takes.
    groups: Arc<[usize]>,
}

impl PatternParser {
    /// # Errors
    /// Config: the columns or the pattern make no sense, or a column takes a group that is not there.
    pub(in crate::agent) fn new(pattern: &str, columns: &[FieldArgs], time: Option<&str>) -> Result<Self> {
        let mapping = Mapping::new(columns, time)?;
        let regex = Regex::new(pattern).map_err(|e| {
            let hint = "groups are named: (?<user>\\S+); look-around and back-references are not there";
            error::config(format!("the pattern is not a regular expression: {e}")).hint(hint)
        })?;
        let group = |key: &str| {
            regex.capture_names().position(|name| name == Some(key)).ok_or_else(|| {
                error::config(format!("no group of the pattern is called {key}"))
                    .hint("name one (?<name>...), or let the column's key be the name of one")
            })
        };
        let groups: Vec<usize> = mapping.keys().map(group).collect::<Result<_>>()?;
        Ok(Self { mapping: Arc::new(mapping), regex, groups: groups.into() })
    }
}

impl Parser for PatternParser {
    fn kind(&self) -> &'static str {
        "events"
    }

    fn columns(&self) -> &[ColumnSpec] {
        self.mapping.columns()
    }

    fn parse(&mut self, event: &Event, take: &mut dyn FnMut(Row<'_>)) -> Result<(), String> {
        let text = std::str::from_utf8(&event.body).map_err(|_| "is not UTF-8")?;
        let matched = self.regex.captures(text).ok_or("does not match the pattern")?;
        let found = self.groups.iter().map(|group| matched.get(*group));
        let found = found.map(|group| group.map(|group| Found::Text(Cow::Borrowed(group.as_str())))).collect();
        take(self.mapping.row(event, found)?);
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Parser> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parser(pattern: &str) -> Result<PatternParser> {
        let columns =
            ["name = \"at\"\ntype = \"timestamp\"", "name = \"level\"\nkey = \"lvl\"", "name = \"ms\"\ntype = \"int\""];
        let columns: Vec<FieldArgs> = columns.map(|column| toml::from_str(column).unwrap()).into();
        PatternParser::new(pattern, &columns, Some("at"))
    }

    #[test]
    fn named_groups_fill_the_columns() {
        let mut parser = parser(r"^(?<at>\S+) \[(?<lvl>\w+)\](?: took (?<ms>\d+) ms)?").unwrap();
        let mut rows = Vec::new();
        for body in ["2024-01-01T00:00:00Z [WARN] took 15 ms", "2024-01-01T00:00:01Z [INFO] fine"] {
            let event = Event { body: body.into(), ..Event::default() };
            parser.parse(&event, &mut |row| rows.push(format!("{} {:?}", row.time, &row.cells[1..]))).unwrap();
        }
        assert_eq!(
            rows,
            ["2024-01-01T00:00:00Z [Text(\"WARN\"), Whole(15)]", "2024-01-01T00:00:01Z [Text(\"INFO\"), Null]",]
        );
        for (body, reason) in [("x", "does not match"), ("yesterday [INFO]", "at is not a time with its offset")] {
            let told = parser.parse(&Event { body: body.into(), ..Event::default() }, &mut |_| {}).unwrap_err();
            assert!(told.contains(reason), "{told}");
        }
    }

    #[test]
    fn a_pattern_without_a_columns_group_is_refused() {
        assert!(parser("(").is_err());
        let error = parser("(?<at>a)(?<level>b)(?<ms>c)").unwrap_err();
        assert!(error.to_string().contains("no group of the pattern is called lvl"), "{error}");
    }
}
