//! What is filled: the columns of a table, or the parameters of a procedure.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};

use super::kind::Kind;
use crate::config;
use crate::error::{self, Error, Result};
use crate::mysql::{MySqlClient, quote};

/// Engines whose rows can be taken back until they are committed.
const TRANSACTIONAL: [&str; 3] = ["innodb", "rocksdb", "tokudb"];

/// A column or a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetColumn {
    /// Name as it was created.
    pub name: String,
    /// Type with attributes, for people.
    pub column_type: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether the server computes it, so that nobody can write it.
    pub generated: bool,
    /// Whether NULL may be written: the column holds it, or counts by itself. Servers turn NULL into something else in
    /// some columns that hold none.
    pub takes_null: bool,
}

impl TargetColumn {
    /// A column that is written.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), column_type: kind.name().to_lowercase(), kind, generated: false, takes_null: true }
    }
}

/// A table or procedure and what goes into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Database.
    pub database: String,
    /// Name inside the database.
    pub name: String,
    /// Columns or parameters in order.
    pub columns: Vec<TargetColumn>,
    /// Names of the columns of each unique key.
    pub unique_keys: Vec<Vec<String>>,
    /// Whether rows can be taken back until they are committed.
    pub transactional: bool,
}

impl Target {
    /// Looks up a table of the connection's database.
    ///
    /// # Errors
    /// NotFound: there is none of that name, or it shows no column. Config: it is a view. Schema: a type not known.
    pub async fn table(client: &MySqlClient, conn: &mut Conn, name: &str) -> Result<Self> {
        let database = client.database();
        let act = format!("cannot look up {database}.{name}");
        let tables: Vec<(String, Option<String>)> = conn
            .exec("SELECT table_name, engine FROM information_schema.tables WHERE table_schema = ?", (database,))
            .await
            .map_err(|e| client.advise(e, &act))?;
        let Some((_, engine)) = tables.iter().find(|(table, _)| table == name) else {
            return Err(missing("table", database, name, tables.iter().map(|(table, _)| table.as_str())));
        };
        let rows: Vec<Row> = conn
            .exec(
                "SELECT column_name AS c1, data_type AS c2, column_type AS c3, numeric_scale AS c4, \
                 numeric_precision AS c5, datetime_precision AS c6, character_maximum_length AS c7, \
                 character_set_name AS c8, extra AS c9, is_nullable AS c10 FROM information_schema.columns \
                 WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position",
                (database, name),
            )
            .await
            .map_err(|e| client.advise(e, &act))?;
        let columns = columns(&rows).map_err(|e| e.context(format!("table {database}.{name}")))?;
        let keys: Vec<(String, String)> = conn
            .exec(
                "SELECT index_name, column_name FROM information_schema.statistics WHERE table_schema = ? \
                 AND table_name = ? AND non_unique = 0 AND column_name IS NOT NULL ORDER BY index_name, seq_in_index",
                (database, name),
            )
            .await
            .map_err(|e| client.advise(e, &act))?;
        let mut unique_keys: Vec<(String, Vec<String>)> = Vec::new();
        for (index, column) in keys {
            match unique_keys.last_mut() {
                Some((last, columns)) if *last == index => columns.push(column),
                _ => unique_keys.push((index, vec![column])),
            }
        }
        Ok(Self {
            database: database.to_owned(),
            name: name.to_owned(),
            columns,
            unique_keys: unique_keys.into_iter().map(|(_, columns)| columns).collect(),
            // A view writes to tables that are not asked: as careful as with the worst of them.
            transactional: engine.as_deref().is_some_and(|e| TRANSACTIONAL.contains(&e.to_lowercase().as_str())),
        })
    }

    /// Looks up a procedure of the connection's database.
    ///
    /// # Errors
    /// NotFound: there is none of that name. Config: it has parameters that give values back. Schema: a type not known.
    pub async fn procedure(client: &MySqlClient, conn: &mut Conn, name: &str) -> Result<Self> {
        let database = client.database();
        let act = format!("cannot look up procedure {database}.{name}");
        let routines: Vec<String> = conn
            .exec(
                "SELECT routine_name FROM information_schema.routines WHERE routine_schema = ? \
                 AND routine_type = 'PROCEDURE'",
                (database,),
            )
            .await
            .map_err(|e| client.advise(e, &act))?;
        if !routines.iter().any(|routine| routine.eq_ignore_ascii_case(name)) {
            return Err(missing("procedure", database, name, routines.iter().map(String::as_str)));
        }
        let rows: Vec<Row> = conn
            .exec(
                "SELECT parameter_name AS c1, data_type AS c2, dtd_identifier AS c3, numeric_scale AS c4, \
                 numeric_precision AS c5, datetime_precision AS c6, character_maximum_length AS c7, \
                 character_set_name AS c8, parameter_mode AS c9, 'YES' AS c10 FROM information_schema.parameters \
                 WHERE specific_schema = ? AND specific_name = ? AND routine_type = 'PROCEDURE' \
                 ORDER BY ordinal_position",
                (database, name),
            )
            .await
            .map_err(|e| client.advise(e, &act))?;
        if rows.iter().filter_map(|row| text(row, 8)).any(|mode| !mode.eq_ignore_ascii_case("IN")) {
            return Err(error::config(format!("procedure {database}.{name} has OUT or INOUT parameters"))
                .hint("call a procedure whose parameters are all IN"));
        }
        let columns = columns(&rows).map_err(|e| e.context(format!("procedure {database}.{name}")))?;
        let (database, name) = (database.to_owned(), name.to_owned());
        Ok(Self { database, name, columns, unique_keys: Vec::new(), transactional: false })
    }

    /// `database.name`, for messages.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }

    /// `` `database`.`name` ``, for SQL.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.database), quote(&self.name))
    }

    /// The chosen columns in the order chosen; all of them where none is chosen.
    ///
    /// # Errors
    /// NotFound: no such column. Config: a column twice, or one that the server computes.
    pub fn select(&self, chosen: &[String]) -> Result<Vec<TargetColumn>> {
        let mut found: Vec<TargetColumn> = Vec::with_capacity(chosen.len());
        for name in chosen {
            let column = self.column(name)?;
            if column.generated {
                return Err(error::config(format!("column {name} of {} is computed by the server", self.full_name()))
                    .hint("leave it out of columns"));
            }
            if found.contains(column) {
                return Err(error::config(format!("column {name} is chosen twice")).hint("name it once in columns"));
            }
            found.push(column.clone());
        }
        Ok(if chosen.is_empty() { self.columns.clone() } else { found })
    }

    /// A column by name, whatever its case.
    ///
    /// # Errors
    /// NotFound: there is none of that name; the hint names the nearest one.
    pub fn column(&self, name: &str) -> Result<&TargetColumn> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let names: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
            let error = error::not_found(format!("table {} has no column {name}", self.full_name()));
            match config::nearest(name, &names) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error.hint(format!("its columns are {}", names.join(", "))),
            }
        })
    }

    /// Whether these columns, in whatever order, are one of the unique keys.
    pub fn is_unique_key(&self, columns: &[String]) -> bool {
        let holds = |key: &Vec<String>, name: &String| key.iter().any(|k| k.eq_ignore_ascii_case(name));
        self.unique_keys.iter().any(|key| key.len() == columns.len() && columns.iter().all(|name| holds(key, name)))
    }
}

fn missing<'a>(what: &str, database: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let error = error::not_found(format!("there is no {what} {database}.{name}"));
    match config::nearest(name, &known.collect::<Vec<_>>()) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint(format!("check the {what}'s name, the database in the url and the user's grants")),
    }
}

fn text(row: &Row, at: usize) -> Option<String> {
    row.get_opt::<Option<String>, _>(at).and_then(std::result::Result::ok).flatten()
}

fn number(row: &Row, at: usize) -> Option<u64> {
    row.get_opt::<Option<u64>, _>(at).and_then(std::result::Result::ok).flatten()
}

fn columns(rows: &[Row]) -> Result<Vec<TargetColumn>> {
    rows.iter()
        .map(|row| {
            let (name, data_type) = (text(row, 0).unwrap_or_default(), text(row, 1).unwrap_or_default());
            let (column_type, extra) = (text(row, 2).unwrap_or_default(), text(row, 8).unwrap_or_default());
            let numbers = Numbers {
                scale: number(row, 3),
                precision: number(row, 4),
                fraction_digits: number(row, 5),
                max_length: number(row, 6),
                is_unicode: text(row, 7).is_some_and(|set| set.starts_with("utf8")),
            };
            let kind = kind(&data_type.to_lowercase(), &column_type, numbers).ok_or_else(|| {
                error::schema(format!("column {name}: type {column_type} is not known"))
                    .hint("leave it out with columns")
            })?;
            // DEFAULT_GENERATED is a mere default.
            let extra = extra.to_uppercase();
            let generated = ["VIRTUAL", "STORED", "PERSISTENT"].iter().any(|word| extra.contains(word));
            let takes_null = text(row, 9).as_deref() != Some("NO") || extra.contains("AUTO_INCREMENT");
            Ok(TargetColumn { name, column_type, kind, generated, takes_null })
        })
        .collect()
}

/// The numbers that belong to a type.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    scale: Option<u64>,
    precision: Option<u64>,
    fraction_digits: Option<u64>,
    max_length: Option<u64>,
    is_unicode: bool,
}

fn kind(data_type: &str, column_type: &str, n: Numbers) -> Option<Kind> {
    let digits = small(n.fraction_digits);
    Some(match data_type {
        "tinyint" if column_type.to_lowercase().starts_with("tinyint(1)") && !column_type.contains("unsigned") => {
            Kind::Bool
        }
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => Kind::Integer,
        "year" => Kind::Year,
        "bit" => Kind::Bit(small(n.precision).max(1)),
        "decimal" => Kind::Decimal { scale: small(n.scale) },
        "float" => Kind::Float,
        "double" => Kind::Double,
        "date" => Kind::Date,
        "datetime" | "timestamp" => Kind::DateTime { digits },
        "time" => Kind::Time { digits },
        "char" | "varchar" => Kind::Text { max_chars: n.max_length, max_bytes: None },
        "tinytext" | "text" | "mediumtext" | "longtext" => {
            Kind::Text { max_chars: None, max_bytes: n.max_length.filter(|_| n.is_unicode) }
        }
        "json" | "uuid" | "inet4" | "inet6" => Kind::Text { max_chars: None, max_bytes: None },
        "enum" | "set" => Kind::Choice { members: members(column_type) },
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "geometry" | "point"
        | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon" | "geometrycollection"
        | "geomcollection" | "vector" => Kind::Binary,
        _ => return None,
    })
}

fn small(number: Option<u64>) -> u8 {
    number.and_then(|n| u8::try_from(n).ok()).unwrap_or(0)
}

/// The members of `enum('a','b''c')`.
fn members(column_type: &str) -> Vec<String> {
    let mut members = Vec::new();
    let mut chars = column_type.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\'' {
            continue;
        }
        let mut member = String::new();
        while let Some(c) = chars.next() {
            match c {
                '\'' if chars.next_if_eq(&'\'').is_none() => break,
                c => member.push(c),
            }
        }
        members.push(member);
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_from_the_type() {
        assert_eq!(members("enum('a','b''c','')"), ["a", "b'c", ""]);
        assert_eq!(members("set('1','x,y')"), ["1", "x,y"]);
    }

    #[test]
    fn types_become_kinds() {
        let of = |column_type: &str, n: Numbers| kind(column_type.split(['(', ' ']).next().unwrap(), column_type, n);
        let n = Numbers { scale: Some(3), precision: Some(14), fraction_digits: Some(6), ..Numbers::default() };
        assert_eq!(of("tinyint(1)", n), Some(Kind::Bool));
        assert_eq!(of("tinyint(3) unsigned", n), Some(Kind::Integer));
        assert_eq!(of("decimal(14,3)", n), Some(Kind::Decimal { scale: 3 }));
        assert_eq!(of("bit(14)", n), Some(Kind::Bit(14)));
        assert_eq!(of("datetime(6)", n), Some(Kind::DateTime { digits: 6 }));
        assert_eq!(of("hyperlink", n), None);
    }

    #[test]
    fn keys_are_found_in_any_order() {
        let target = Target {
            database: "d".into(),
            name: "t".into(),
            columns: vec![
                TargetColumn::new("A", Kind::Integer),
                TargetColumn { generated: true, ..TargetColumn::new("g", Kind::Date) },
            ],
            unique_keys: vec![vec!["A".into(), "b".into()]],
            transactional: true,
        };
        assert!(target.is_unique_key(&["B".into(), "a".into()]) && !target.is_unique_key(&["a".into()]));
        assert_eq!(target.select(&["a".into()]).unwrap().len(), 1);
        assert!(target.select(&["g".into()]).is_err() && target.select(&["a".into(), "A".into()]).is_err());
    }
}
