//! Events that are JSON objects.
//!
//! A column's key is the name of a member, names below each other with dots between them (`context.page.url`; a number is
//! a place in an array), or a JSON pointer (`/a.b/c`). A member that is not asked for is passed over; a value is taken as it
//! is written, so that `1.10` in a text stays `1.10`. An event that is not one object, or names a member that is asked for
//! twice, is a reject.
//!
//! Source: RFC 8259, RFC 6901.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Parser;
use super::mapping::{FieldArgs, Found, Mapping};
use crate::agent::event::Event;
use crate::agent::rows::{ColumnSpec, Row};
use crate::error::{self, Result};

/// Takes JSON objects apart.
#[derive(Clone, Debug)]
pub(in crate::agent) struct JsonParser {
    mapping: Arc<Mapping>,
    wanted: Arc<Branch>,
}

impl JsonParser {
    /// # Errors
    /// Config: the columns make no sense, or a key has an empty part.
    pub(in crate::agent) fn new(columns: &[FieldArgs], time: Option<&str>) -> Result<Self> {
        let mapping = Mapping::new(columns, time)?;
        let mut wanted = Branch::default();
        for (number, key) in mapping.keys().enumerate() {
            let mut branch = &mut wanted;
            for part in parts(key)? {
                branch = branch.grow(part);
            }
            branch.columns.push(number);
        }
        Ok(Self { mapping: Arc::new(mapping), wanted: Arc::new(wanted) })
    }
}

impl Parser for JsonParser {
    fn kind(&self) -> &'static str {
        "events"
    }

    fn columns(&self) -> &[ColumnSpec] {
        self.mapping.columns()
    }

    fn parse(&mut self, event: &Event, take: &mut dyn FnMut(Row<'_>)) -> Result<(), String> {
        let text = std::str::from_utf8(&event.body).map_err(|_| "is not UTF-8")?.trim_ascii();
        if !text.starts_with('{') {
            return Err("is not a JSON object".to_owned());
        }
        let mut found = vec![None; self.mapping.columns().len()];
        self.wanted.members(text, &mut found).map_err(|e| format!("is not JSON: {e}"))?;
        take(self.mapping.row(event, found)?);
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Parser> {
        Box::new(self.clone())
    }
}

/// The names of a key, from the outside in.
fn parts(key: &str) -> Result<Vec<String>> {
    let parts: Vec<String> = match key.strip_prefix('/') {
        Some(pointer) => pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect(),
        None => key.split('.').map(str::to_owned).collect(),
    };
    if key.is_empty() || (!key.starts_with('/') && parts.iter().any(String::is_empty)) {
        return Err(error::config(format!("the key {key:?} has an empty name"))
            .hint("write names with dots between them, or a JSON pointer such as /a.b/c"));
    }
    Ok(parts)
}

/// The members that are wanted below a value, and the columns that take the value itself.
#[derive(Debug, Default)]
struct Branch {
    columns: Vec<usize>,
    /// In the order of the columns.
    below: Vec<(String, Branch)>,
    /// Where each of them stands.
    places: BTreeMap<String, usize>,
}

/// What was found so far, by column.
type Values<'a> = Vec<Option<Found<'a>>>;

impl Branch {
    /// What is below this name, which is made if it is not there.
    fn grow(&mut self, name: String) -> &mut Self {
        let place = *self.places.entry(name.clone()).or_insert(self.below.len());
        if place == self.below.len() {
            self.below.push((name, Self::default()));
        }
        &mut self.below[place].1
    }

    /// What is wanted of a member. Events of one kind have theirs in one order, mostly that of the columns: the one behind
    /// the last that was found is tried first.
    fn named(&self, name: &str, likely: &mut usize) -> Option<&Self> {
        let place = match self.below.get(*likely) {
            Some((next, _)) if next == name => *likely,
            _ => *self.places.get(name)?,
        };
        *likely = place + 1;
        self.below.get(place).map(|(_, branch)| branch)
    }

    /// Takes a value apart that stands here.
    fn take<'a>(&self, text: &'a str, found: &mut Values<'a>) -> serde_json::Result<()> {
        for number in &self.columns {
            if found[*number].is_some() {
                return Err(de::Error::custom("a member that is asked for is there twice"));
            }
            found[*number] = value(text)?;
        }
        if self.below.is_empty() { Ok(()) } else { self.members(text, found) }
    }

    /// Looks below an object or an array; below other values there is nothing.
    fn members<'a>(&self, text: &'a str, found: &mut Values<'a>) -> serde_json::Result<()> {
        let mut json = serde_json::Deserializer::from_str(text);
        let members = Members { branch: self, found };
        match text.as_bytes().first() {
            Some(b'{') => json.deserialize_map(members)?,
            Some(b'[') => json.deserialize_seq(members)?,
            _ => return Ok(()),
        }
        json.end()
    }
}

struct Members<'b, 'f, 'a> {
    branch: &'b Branch,
    found: &'f mut Values<'a>,
}

impl<'a> Visitor<'a> for Members<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let mut likely = 0;
        while let Some(name) = map.next_key::<Text<'a>>()? {
            match self.branch.named(&name.0, &mut likely) {
                Some(branch) => {
                    let value: &'a RawValue = map.next_value()?;
                    branch.take(value.get(), self.found).map_err(de::Error::custom)?;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        let (mut place, mut likely) = (0_usize, 0);
        while let Some(value) = list.next_element::<&'a RawValue>()? {
            if let Some(branch) = self.branch.named(&place.to_string(), &mut likely) {
                branch.take(value.get(), self.found).map_err(de::Error::custom)?;
            }
            place += 1;
        }
        Ok(())
    }
}

/// A string, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A value; `None` is null.
fn value(text: &str) -> serde_json::Result<Option<Found<'_>>> {
    Ok(Some(match text.as_bytes().first() {
        Some(b'n') => return Ok(None),
        Some(b't') => Found::Boolean(true),
        Some(b'f') => Found::Boolean(false),
        // It was read once to find its end; only escapes make a string of it that is not what stands there.
        Some(b'"') => Found::Text(match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(plain) if memchr::memchr(b'\\', plain.as_bytes()).is_none() => Cow::Borrowed(plain),
            _ => serde_json::from_str::<Text<'_>>(text)?.0,
        }),
        Some(b'{' | b'[') => Found::Nested(text),
        _ => Found::Number(text),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::event::Headers;
    use crate::agent::rows::Cell;

    fn parser(columns: &str) -> JsonParser {
        #[derive(Deserialize)]
        struct Args {
            time: Option<String>,
            columns: Vec<FieldArgs>,
        }
        let args: Args = toml::from_str(columns).unwrap();
        JsonParser::new(&args.columns, args.time.as_deref()).unwrap()
    }

    fn event(body: &str) -> Event {
        let mut headers = Headers::default();
        headers.set("timestamp", "1704067200000");
        Event { headers, body: body.to_owned().into() }
    }

    fn cells(parser: &mut JsonParser, body: &str) -> Result<Vec<String>, String> {
        let mut rows = Vec::new();
        parser.parse(&event(body), &mut |row| {
            let cell = |cell: &Cell<'_>| match cell {
                Cell::Null => "NULL".to_owned(),
                Cell::Text(text) => text.clone().into_owned(),
                other => format!("{other:?}"),
            };
            rows.push(row.cells.iter().map(cell).collect());
        })?;
        Ok(rows.remove(0))
    }

    #[test]
    fn members_at_any_depth_fill_their_columns() {
        let mut parser = parser(
            r#"columns = [
                { name = "user" }, { name = "sku", key = "properties.products.1.sku" },
                { name = "products", key = "properties.products" }, { name = "dotted", key = "/a.b/c~1d" },
                { name = "price", key = "properties.price" }, { name = "n", type = "bigint" },
            ]"#,
        );
        let body = r#" {"user":"J\u00fcrgen \"J\"","x":{"deep":[1,{"user":"no"}]},"n":null,"a.b":{"c/d":true},
            "properties":{"price":1.10,"products":[{"sku":"a"},{"sku":"b"}]}} "#;
        assert_eq!(
            cells(&mut parser, body).unwrap(),
            ["Jürgen \"J\"", "b", r#"[{"sku":"a"},{"sku":"b"}]"#, "true", "1.10", "NULL"]
        );
        assert_eq!(cells(&mut parser, "{}").unwrap(), ["NULL"; 6]);
        // What is asked for below a value that is not a container is missing.
        assert_eq!(cells(&mut parser, r#"{"properties":7}"#).unwrap(), ["NULL"; 6]);
    }

    #[test]
    fn what_is_not_one_object_is_a_reject() {
        let mut parser = parser("columns = [{ name = \"a\", required = true }, { name = \"b\", type = \"int\" }]");
        for (body, reason) in [
            ("", "is not a JSON object"),
            ("[1]", "is not a JSON object"),
            ("{\"a\":1", "is not JSON: EOF while parsing"),
            ("{\"a\":1}{\"a\":2}", "is not JSON: trailing characters"),
            ("{\"a\":1,\"a\":2}", "there twice"),
            ("{\"a\":01}", "is not JSON: invalid number"),
            ("{\"b\":1}", "has no a"),
            ("{\"a\":null}", "has no a"),
            ("{\"a\":1,\"b\":\"x\"}", "b is not of the type int: \"x\""),
            ("{\"a\":\"\\ud800\"}", "is not JSON"),
        ] {
            let told = cells(&mut parser, body).unwrap_err();
            assert!(told.contains(reason), "{body}: {told}");
        }
        let mut bytes = event("");
        bytes.body = vec![b'{', 0xff, b'}'].into();
        assert_eq!(parser.parse(&bytes, &mut |_| {}), Err("is not UTF-8".to_owned()));
    }

    #[test]
    fn the_time_is_a_column_or_the_header() {
        let mut with = parser(
            "time = \"at\"\ncolumns = [{ name = \"at\", key = \"ts\", type = \"timestamp\", format = \"millis\" }]",
        );
        let mut times = Vec::new();
        with.parse(&event("{\"ts\":1704067200037}"), &mut |row| times.push(row.time.to_string())).unwrap();
        assert!(!with.columns()[0].nullable);
        assert_eq!(cells(&mut with, "{}"), Err("has no ts, its time".to_owned()));
        let mut without = parser("columns = [{ name = \"a\" }]");
        without.parse(&event("{}"), &mut |row| times.push(row.time.to_string())).unwrap();
        assert_eq!(times, ["2024-01-01T00:00:00.037Z", "2024-01-01T00:00:00Z"]);
        let unstamped = Event { body: "{}".into(), ..Event::default() };
        assert!(without.parse(&unstamped, &mut |_| {}).unwrap_err().contains("has no time"));
    }

    #[test]
    fn keys_with_an_empty_name_are_refused() {
        for key in ["", "a..b", ".a"] {
            assert!(parts(key).is_err(), "{key}");
        }
        assert_eq!(parts("/a.b/~01").unwrap(), ["a.b", "~1"]);
    }
}
