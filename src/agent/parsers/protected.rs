//! Rows of any parser with values hidden before anybody stores them. What is put aside as a reject is not a row: it is
//! kept as it came.

use std::sync::Arc;

use super::Parser;
use crate::agent::event::Event;
use crate::agent::rows::{Cell, ColumnSpec, ColumnType, Row};
use crate::agent::veil::Veil;
use crate::config::nearest;
use crate::error::{self, Result};

/// Hides values of columns.
#[derive(Debug)]
pub(in crate::agent) struct ProtectedParser {
    inner: Box<dyn Parser>,
    /// The columns, and how each is hidden.
    veils: Arc<[(usize, Veil)]>,
}

impl ProtectedParser {
    /// `veils` are by the names of columns.
    ///
    /// # Errors
    /// Config: there is no such column, or it could not hold what becomes of its values.
    pub(in crate::agent) fn new(inner: Box<dyn Parser>, veils: Vec<(String, Veil)>) -> Result<Self> {
        let mut placed: Vec<(usize, Veil)> = Vec::new();
        for (name, veil) in veils {
            let number = place(inner.columns(), &name, &veil)?;
            if placed.iter().any(|(other, _)| *other == number) {
                return Err(error::config(format!("column {name} is protected twice")).hint("say once how"));
            }
            placed.push((number, veil));
        }
        Ok(Self { inner, veils: placed.into() })
    }
}

fn place(columns: &[ColumnSpec], name: &str, veil: &Veil) -> Result<usize> {
    let number = columns.iter().position(|column| column.name == name).ok_or_else(|| {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let hint = match nearest(name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the columns are {}", names.join(", ")),
        };
        error::config(format!("there is no column `{name}`")).hint(hint)
    })?;
    let column = &columns[number];
    match veil {
        Veil::Drop if !column.nullable => {
            Err(error::config(format!("column {name} cannot be dropped, as it is never NULL"))
                .hint("hash or mask it, or declare it without required"))
        }
        Veil::Hash(_) | Veil::Mask | Veil::Ip { .. } if column.data_type != ColumnType::String => {
            let what = format!("column {name} is of the type {}, which holds no such text", column.data_type.name());
            Err(error::config(what).hint("drop it, or declare it as a string"))
        }
        _ => Ok(number),
    }
}

impl Parser for ProtectedParser {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn comment(&self) -> &'static str {
        self.inner.comment()
    }

    fn columns(&self) -> &[ColumnSpec] {
        self.inner.columns()
    }

    fn parse(&mut self, event: &Event, take: &mut dyn FnMut(Row<'_>)) -> Result<(), String> {
        let veils = self.veils.clone();
        self.inner.parse(event, &mut |mut row| {
            for (number, veil) in &*veils {
                let cell = &mut row.cells[*number];
                *cell = match &*cell {
                    Cell::Text(text) => veil.hide(text).map_or(Cell::Null, |hidden| Cell::Text(hidden.into())),
                    // Only what is dropped has another type.
                    _ => Cell::Null,
                };
            }
            take(row);
        })
    }

    fn boxed(&self) -> Box<dyn Parser> {
        Box::new(Self { inner: self.inner.boxed(), veils: self.veils.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::parsers::json::JsonParser;
    use crate::agent::parsers::mapping::FieldArgs;

    fn inner() -> Box<dyn Parser> {
        let number = FieldArgs { data_type: ColumnType::BigInt, ..FieldArgs::text("n", "n") };
        let named = FieldArgs { required: true, ..FieldArgs::text("id", "id") };
        Box::new(JsonParser::new(&[FieldArgs::text("ip", "ip"), number, named], None).unwrap())
    }

    #[test]
    fn values_are_hidden_and_nothing_else_changes() {
        let veils = vec![("ip".to_owned(), Veil::Ip { v4_bits: 24, v6_bits: 48 }), ("n".to_owned(), Veil::Drop)];
        let mut parser = ProtectedParser::new(inner(), veils).unwrap().boxed();
        let mut rows = Vec::new();
        for body in [r#"{"ip":"203.0.113.7","n":5,"id":"a"}"#, r#"{"id":"b"}"#] {
            let mut event = Event { body: body.into(), ..Event::default() };
            event.headers.set("timestamp", "0");
            parser.parse(&event, &mut |row| rows.push(format!("{:?}", row.cells))).unwrap();
        }
        assert_eq!(rows, ["[Text(\"203.0.113.0\"), Null, Text(\"a\")]", "[Null, Null, Text(\"b\")]"]);
    }

    #[test]
    fn columns_that_could_not_hold_it_are_refused() {
        for (name, veil, why) in [
            ("ipp", Veil::Mask, "no column `ipp`"),
            ("n", Veil::Mask, "of the type bigint"),
            ("id", Veil::Drop, "cannot be dropped"),
        ] {
            let error = ProtectedParser::new(inner(), vec![(name.to_owned(), veil)]).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let twice = vec![("ip".to_owned(), Veil::Mask), ("ip".to_owned(), Veil::Drop)];
        assert!(ProtectedParser::new(inner(), twice).is_err());
    }
}
