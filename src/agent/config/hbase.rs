//! The keys of the sink `hbase`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::RollArgs;
use super::checks::{Wrong, Wrongs, at, check_range};
use super::parsers::{self, ParserArgs, ProtectArgs};
use crate::agent::sinks::hbase::HBaseSinkOptions;
use crate::agent::sinks::hbase::counter::CounterPlace;
use crate::agent::sinks::hbase::fields::{Bodies, Field};
use crate::agent::sinks::hbase::key::{KeyPart, PlaceForm, TimeForm};
use crate::agent::sinks::hbase::mapping::{Mapping, Stamp};
use crate::config::Timespan;
use crate::error::{self, Result};
use crate::hbase::BatchLimits;

/// When an epoch of rows is complete, where nobody says otherwise: a reader waits for them.
pub(super) const ROLL: RollArgs = RollArgs { rows: 10_000, bytes: 8 << 20, age: Timespan::from_secs(1), idle: None };

/// Rows of a table of HBase.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct HBaseSinkArgs {
    table: String,
    reject_dir: PathBuf,
    #[serde(default)]
    parser: Option<ParserArgs>,
    #[serde(default)]
    protect: Vec<ProtectArgs>,
    /// An expression for whole bodies, and the names of its groups.
    #[serde(default)]
    regex: Option<String>,
    #[serde(default)]
    ignore_case: bool,
    #[serde(default)]
    fields: Vec<String>,
    row_key: Vec<KeyPartArgs>,
    /// Cells, and the values that they take.
    #[serde(default)]
    cells: BTreeMap<String, String>,
    #[serde(default)]
    header_family: Option<String>,
    #[serde(default)]
    cell_time: Stamp,
    #[serde(default)]
    counter: Option<CounterArgs>,
    #[serde(default = "batch_size")]
    batch_size: u64,
    #[serde(default = "batch_bytes")]
    batch_bytes: u64,
    #[serde(default = "connections")]
    connections: u64,
}

/// A part of a row key: one of the first six keys, and what belongs to it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct KeyPartArgs {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    field: Option<String>,
    #[serde(default)]
    salt: Option<String>,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    time: Option<TimeForm>,
    #[serde(default)]
    place: Option<PlaceForm>,
    /// Digits of a number, with zeros in front.
    #[serde(default)]
    width: Option<u64>,
    /// Bytes of a value, or hex digits of a hash, from its start.
    #[serde(default)]
    length: Option<u64>,
    #[serde(default)]
    buckets: Option<u64>,
    #[serde(default)]
    optional: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CounterArgs {
    row: String,
    cell: String,
}

fn batch_size() -> u64 {
    1_000
}

fn batch_bytes() -> u64 {
    1_000_000
}

fn connections() -> u64 {
    4
}

impl HBaseSinkArgs {
    /// # Errors
    /// Config: a value makes no sense.
    pub(super) fn plan(self, base: &Path) -> Result<HBaseSinkOptions, Wrongs> {
        let mut wrong = Wrongs::default();
        wrong.note(check_range("batch-size", self.batch_size, 1, 100_000));
        wrong.note(check_range("batch-bytes", self.batch_bytes, 1 << 10, 64 << 20));
        wrong.note(check_range("connections", self.connections, 1, 64));
        if self.table.is_empty() || self.table.contains(|c: char| c.is_whitespace() || c == '/') {
            let e = error::config(format!("table is {:?}", self.table));
            wrong.add("table", e.hint("name a table, as TABLE or NAMESPACE:TABLE"));
        }
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let limits = BatchLimits { max_rows: size(self.batch_size), max_bytes: size(self.batch_bytes) };
        let (table, connections) = (self.table.clone(), size(self.connections));
        let reject_dir = wrong.note(reject_dir(base, &self.reject_dir));
        let counter = wrong.note(self.counter.as_ref().map(CounterArgs::plan).transpose());
        let mapping = wrong.note(self.mapping(base));
        let (Some(reject_dir), Some(counter), Some(mapping), true) = (reject_dir, counter, mapping, wrong.is_empty())
        else {
            return Err(wrong);
        };
        Ok(HBaseSinkOptions { table, mapping, counter, limits, connections, reject_dir, sink: String::new() })
    }

    fn mapping(self, base: &Path) -> Result<Mapping, Wrongs> {
        let mut wrong = Wrongs::default();
        if self.row_key.is_empty() {
            let e = error::config("row-key has no part").hint("give one, such as { field = \"id\" }");
            wrong.add("row-key", e);
        }
        if self.cells.is_empty() && self.header_family.is_none() {
            let e = error::config("no cell is written").hint("give cells = { \"family:qualifier\" = \"value\" }");
            wrong.add("cells", e);
        }
        if let Some(family) = &self.header_family {
            wrong.note(check_family(family).map_err(at("header-family")));
        }
        let of_bodies =
            BodyArgs { parser: self.parser, protect: self.protect, regex: self.regex, ignore_case: self.ignore_case };
        // What keys and cells name is known by what bodies hold.
        let Some(bodies) = wrong.note(of_bodies.plan(self.fields, base)) else { return Err(wrong) };
        let key = self.row_key.into_iter().map(|part| part.plan(&bodies).map_err(at("row-key")));
        let key = key.filter_map(|part| wrong.note(part)).collect();
        let cell = |(cell, field): (String, String)| {
            check_cell(&cell)?;
            let field = bodies.field(&field).map_err(|e| e.context(format!("cell {cell}")))?;
            Ok((cell, field))
        };
        let cells = self.cells.into_iter().map(|one| cell(one).map_err(at("cells")));
        let cells = cells.filter_map(|cell| wrong.note(cell)).collect();
        wrong.end()?;
        Ok(Mapping { bodies, key, cells, header_family: self.header_family, stamp: self.cell_time })
    }
}

/// How bodies are taken apart.
struct BodyArgs {
    parser: Option<ParserArgs>,
    protect: Vec<ProtectArgs>,
    regex: Option<String>,
    ignore_case: bool,
}

impl BodyArgs {
    /// # Errors
    /// Config: keys that do not belong together, or one that makes no sense.
    fn plan(self, fields: Vec<String>, base: &Path) -> Result<Bodies, Wrong> {
        Ok(match (self.parser, self.regex) {
            (Some(_), Some(_)) => {
                let e = error::config("parser and regex are both given").hint("keep one of them");
                return Err(("regex", e));
            }
            (Some(parser), None) => {
                let parser = parser.plan().map_err(at("parser"))?;
                Bodies::Parsed(parsers::protected(parser, self.protect, base).map_err(at("protect"))?)
            }
            (None, _) if !self.protect.is_empty() => {
                let e =
                    error::config("protect is given without a parser").hint("give a parser, whose columns it names");
                return Err(("protect", e));
            }
            (None, Some(regex)) => Bodies::groups(&regex, self.ignore_case, fields).map_err(at("regex"))?,
            (None, None) if !fields.is_empty() || self.ignore_case => {
                let e = error::config("fields or ignore-case is given without regex").hint("give regex, too");
                return Err(("fields", e));
            }
            (None, None) => Bodies::Whole,
        })
    }
}

/// A directory of this host for what is put aside.
pub(super) fn reject_dir(base: &Path, path: &Path) -> Result<String, Wrong> {
    let path = base.join(path);
    let text = path.to_str().filter(|_| !path.as_os_str().is_empty() && path.is_absolute());
    text.map(str::to_owned).ok_or_else(|| {
        let e = error::config(format!("reject-dir {} is not a directory of this host", path.display()));
        ("reject-dir", e.hint("name one, such as /var/lib/sakia/rejected"))
    })
}

impl CounterArgs {
    fn plan(&self) -> Result<CounterPlace, Wrongs> {
        let mut wrong = Wrongs::default();
        wrong.note(check_cell(&self.cell).map_err(at("counter")));
        if self.row.is_empty() {
            wrong.add("counter", error::config("the counter has no row").hint("give row = \"..\""));
        }
        wrong.end()?;
        Ok(CounterPlace { row: self.row.clone(), cell: self.cell.clone() })
    }
}

fn check_cell(cell: &str) -> Result<()> {
    let (family, qualifier) = cell.split_once(':').unwrap_or_default();
    if qualifier.is_empty() {
        return Err(error::config(format!("cell {cell:?} is not FAMILY:QUALIFIER"))
            .hint("name it by its column family and its qualifier, such as \"e:type\""));
    }
    check_family(family)
}

fn check_family(family: &str) -> Result<()> {
    let fits = !family.is_empty()
        && !family.starts_with('.')
        && !family.contains(|c: char| c.is_control() || "/:".contains(c));
    if fits { Ok(()) } else { Err(error::config(format!("{family:?} is not the name of a column family"))) }
}

impl KeyPartArgs {
    fn plan(self, bodies: &Bodies) -> Result<KeyPart> {
        let Self { text, field, salt, sha256, time, place, width, length, buckets, optional } = self;
        let value = |name: String| -> Result<Field> { bodies.field(&name) };
        let within = |key: &str, number: Option<u64>, most: u64| match number {
            Some(number) if !(1..=most).contains(&number) => {
                Err(error::config(format!("{key} is {number}")).hint(format!("give 1 to {most}")))
            }
            number => Ok(number.map(|number| usize::try_from(number).unwrap_or(usize::MAX))),
        };
        let (width, length) = (within("width", width, 40)?, within("length", length, 32_767)?);
        let buckets = within("buckets", buckets, 256)?;
        let (part, fits) = match (text, field, salt, sha256, time, place) {
            (Some(text), None, None, None, None, None) => (KeyPart::Text(text), [false; 4]),
            (None, Some(name), None, None, None, None) => {
                let part = KeyPart::Field { field: value(name)?, width, length };
                (part, [width.is_some() && length.is_none(), length.is_some() && width.is_none(), false, false])
            }
            (None, None, Some(name), None, None, None) => {
                let buckets = buckets.ok_or_else(|| {
                    error::config("a salt has no buckets").hint("say over how many salts keys are spread: buckets = 16")
                })?;
                let buckets = u32::try_from(buckets).unwrap_or(u32::MAX);
                (KeyPart::Salt { field: value(name)?, buckets }, [false, false, true, false])
            }
            (None, None, None, Some(name), None, None) => {
                let length = within("length", length.map(|length| length as u64), 64)?.unwrap_or(64);
                (KeyPart::Sha256 { field: value(name)?, length }, [false, true, false, false])
            }
            (None, None, None, None, Some(form), None) => {
                (KeyPart::Time { form, optional: optional.unwrap_or_default() }, [false, false, false, true])
            }
            (None, None, None, None, None, Some(form)) => (KeyPart::Place(form), [false; 4]),
            _ => {
                return Err(error::config(
                    "a part of the row key is not one of text, field, salt, sha256, time and place",
                )
                .hint("give each part one of them, in braces of its own"));
            }
        };
        let said = [width.is_some(), length.is_some(), buckets.is_some(), optional.is_some()];
        let names = ["width", "length", "buckets", "optional"];
        let stray = names.into_iter().zip(said).zip(fits).find(|((_, is_said), fits)| *is_said && !fits);
        match stray {
            Some(((name, _), _)) => Err(error::config(format!("{name} does not belong to its part of the row key"))
                .hint("width or length belong to field, length to sha256, buckets to salt, optional to time")),
            None => Ok(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::event::Event;
    use crate::agent::sinks::Place;
    use crate::agent::sinks::hbase::key::Origin;

    fn sink(more: &str) -> Result<HBaseSinkOptions, String> {
        let args: HBaseSinkArgs =
            toml::from_str(&format!("table = 'ns:t'\nreject-dir = 'r'\n{more}")).map_err(|e| e.to_string())?;
        args.plan(Path::new("/base")).map_err(|all| all.to_string())
    }

    /// What an event becomes: key, cells, and their timestamp.
    fn rows(more: &str, event: &Event) -> Result<Vec<(String, String, Option<i64>)>, String> {
        let mut mapping = sink(more).unwrap().mapping;
        let origin = Origin { channel: "c", place: Place::default(), row: 0 };
        let made = mapping.rows(event, origin)?;
        let row = |made: &crate::agent::sinks::hbase::mapping::Made| {
            let (key, cells) = made.shown();
            let cells: Vec<String> = cells.iter().map(|(cell, value)| format!("{cell}={value}")).collect();
            (key, cells.join(" "), made.stamp_ms)
        };
        Ok(made.iter().map(row).collect())
    }

    fn event(body: &str, headers: &[(&str, &str)]) -> Event {
        let mut event = Event { body: body.to_owned().into(), ..Event::default() };
        headers.iter().for_each(|(name, value)| event.headers.set(*name, *value));
        event
    }

    #[test]
    fn values_come_from_columns_groups_headers_and_bodies() {
        let parsed = "parser = { type = 'json', time = 'at', columns = [{ name = 'at', type = 'timestamp' }, { name = 'id' }, \
                      { name = 'n', type = 'int' }, { name = 'x', type = 'double' }] }\n\
                      row-key = [{ field = 'id' }]\ncells = { 'f:n' = 'n', 'f:x' = 'x', 'f:at' = 'at', 'f:h' = '%{host}' }";
        let body = r#"{"at":"2023-11-14T22:13:20Z","id":"k","n":5}"#;
        let made = rows(parsed, &event(body, &[("host", "web1")])).unwrap();
        let cells = "f:at=2023-11-14 22:13:20.0 f:h=web1 f:n=5";
        assert_eq!(made, [("k".to_owned(), cells.to_owned(), Some(1_700_000_000_000))]);

        let groups = "regex = '(\\w+) (\\w+)?'\nfields = ['a', 'b']\nignore-case = true\nheader-family = 'h'\n\
                      row-key = [{ field = 'a' }]\ncells = { 'f:b' = 'b', 'f:all' = 'body' }\ncell-time = 'written'";
        let made = rows(groups, &event("k ", &[("host", "web1")])).unwrap();
        assert_eq!(made, [("k".to_owned(), "f:all=k  h:host=web1".to_owned(), None)]);
        for (more, event, said) in [
            (groups, event("k v w", &[]), "does not match"),
            (parsed, event("{}", &[]), "has no at"),
            (parsed, event(r#"{"at":"2023-11-14T22:13:20Z"}"#, &[]), "has no id for its row key"),
            (parsed, event(r#"{"at":"1923-11-14T22:13:20Z","id":"k","n":5}"#, &[]), "before 1970"),
            (
                "row-key = [{ place = 'uuid' }]\ncells = { 'f:b' = 'body' }",
                event("x", &[]),
                "has no time for its cells",
            ),
            ("row-key = [{ place = 'uuid' }]\ncells = { 'f:b' = '%{x}' }", event("x", &[]), "no value for any cell"),
        ] {
            let why = rows(more, &event).unwrap_err();
            assert!(why.contains(said), "{said}: {why}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_key() {
        let key = "row-key = [{ place = 'uuid' }]\n";
        let made =
            sink(&format!("{key}cells = {{ 'f:b' = 'body' }}\ncounter = {{ row = 'r', cell = 'g:n' }}")).unwrap();
        assert_eq!((made.reject_dir.as_str(), made.limits.max_rows, made.connections), ("/base/r", 1_000, 4));
        for (more, said) in [
            ("cells = { 'f:b' = 'body' }".to_owned(), "missing field `row-key`"),
            ("row-key = []\ncells = { 'f:b' = 'body' }".to_owned(), "row-key has no part"),
            (key.to_owned(), "no cell is written"),
            (format!("{key}cells = {{ 'b' = 'body' }}"), "is not FAMILY:QUALIFIER"),
            (format!("{key}cells = {{ 'f:b' = 'bdy' }}"), "%{bdy}"),
            (
                format!("{key}cells = {{ 'f:b' = 'x' }}\nregex = '(a)'\nfields = ['y', 'z']"),
                "has 1 groups, and fields names 2",
            ),
            (
                format!("{key}cells = {{ 'f:b' = 'colur' }}\nregex = '(a)'\nfields = ['colour']"),
                "did you mean `colour`?",
            ),
            (format!("{key}cells = {{ 'f:b' = 'body' }}\nfields = ['y']"), "without regex"),
            (format!("{key}cells = {{ 'f:b' = 'body' }}\ncounter = {{ row = '', cell = 'f:n' }}"), "has no row"),
            (format!("{key}header-family = 'a:b'"), "not the name of a column family"),
            ("row-key = [{ text = 'a', field = 'b' }]\nheader-family = 'f'".to_owned(), "not one of text"),
            ("row-key = [{ salt = '%{id}' }]\nheader-family = 'f'".to_owned(), "has no buckets"),
            ("row-key = [{ text = 'a', width = 5 }]\nheader-family = 'f'".to_owned(), "width does not belong"),
            ("row-key = [{ field = '%{id}', width = 0 }]\nheader-family = 'f'".to_owned(), "width is 0"),
            ("row-key = [{ sha256 = '%{id}', length = 65 }]\nheader-family = 'f'".to_owned(), "length is 65"),
            (format!("{key}header-family = 'f'\nbatch-size = 0"), "batch-size is 0"),
        ] {
            let wrong = sink(&more).unwrap_err();
            assert!(wrong.contains(said), "{more}: {wrong}");
        }
    }
}
