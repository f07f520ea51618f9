//! What is filled: the columns of a table, or the parameters of a procedure.

use super::value::Kind;
use crate::config;
use crate::error::{self, Result};
use crate::mysql::sql::quote;
use crate::mysql::table::{Procedure, Table};
use crate::mysql::types::Column;

/// A column or a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetColumn {
    /// Name as it was created.
    pub name: String,
    /// Type with attributes, for people.
    pub column_type: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether the server computes it, so that it cannot be written.
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

impl TargetColumn {
    /// Whether it holds instants, which the server makes of the text of the session's clock.
    pub fn is_timestamp(&self) -> bool {
        self.column_type.get(..9).is_some_and(|name| name.eq_ignore_ascii_case("timestamp"))
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
    /// A table as a target.
    ///
    /// # Errors
    /// Schema: a type not known.
    pub fn table(table: &Table) -> Result<Self> {
        let columns = columns(&table.columns).map_err(|e| e.context(format!("table {}", table.full_name())))?;
        Ok(Self {
            database: table.database.clone(),
            name: table.name.clone(),
            columns,
            unique_keys: table.unique_keys.clone(),
            // A view writes to tables that are not asked: as careful as with the worst of them.
            transactional: table.is_transactional(),
        })
    }

    /// A procedure as a target.
    ///
    /// # Errors
    /// Schema: a type not known.
    pub fn procedure(procedure: &Procedure) -> Result<Self> {
        let Procedure { database, name, parameters } = procedure;
        let columns = columns(parameters).map_err(|e| e.context(format!("procedure {database}.{name}")))?;
        let (database, name) = (database.clone(), name.clone());
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
                None => error.hint("check the names of its columns"),
            }
        })
    }

    /// Whether these columns, in whatever order, are one of the unique keys.
    pub fn is_unique_key(&self, columns: &[String]) -> bool {
        let holds = |key: &Vec<String>, name: &String| key.iter().any(|k| k.eq_ignore_ascii_case(name));
        self.unique_keys.iter().any(|key| key.len() == columns.len() && columns.iter().all(|name| holds(key, name)))
    }
}

fn columns(columns: &[Column]) -> Result<Vec<TargetColumn>> {
    let target = |column: &Column| {
        let kind = kind(column).ok_or_else(|| {
            error::schema(format!("column {}: type {} is not known", column.name, column.column_type))
                .hint("leave it out with columns")
        })?;
        Ok(TargetColumn {
            name: column.name.clone(),
            column_type: column.column_type.clone(),
            kind,
            generated: column.is_generated(),
            takes_null: column.nullable || column.is_auto_increment(),
        })
    };
    columns.iter().map(target).collect()
}

fn kind(column: &Column) -> Option<Kind> {
    let (digits, max_length) = (small(column.fraction_digits), column.max_length);
    let is_unicode = column.charset.as_ref().is_some_and(|set| set.starts_with("utf8"));
    let column_type = column.column_type.as_str();
    Some(match column.data_type.as_str() {
        "tinyint" if column_type.to_lowercase().starts_with("tinyint(1)") && !column.is_unsigned() => Kind::Bool,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => Kind::Integer,
        "year" => Kind::Year,
        "bit" => Kind::Bit(small(column.precision).max(1)),
        "decimal" => Kind::Decimal { scale: small(column.scale) },
        "float" => Kind::Float,
        "double" => Kind::Double,
        "date" => Kind::Date,
        "datetime" | "timestamp" => Kind::DateTime { digits },
        "time" => Kind::Time { digits },
        "char" | "varchar" => Kind::Text { max_chars: max_length, max_bytes: None },
        "tinytext" | "text" | "mediumtext" | "longtext" => {
            Kind::Text { max_chars: None, max_bytes: max_length.filter(|_| is_unicode) }
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
    use crate::mysql::types::tests::column;

    #[test]
    fn members_are_read_from_the_type() {
        assert_eq!(members("enum('a','b''c','')"), ["a", "b'c", ""]);
        assert_eq!(members("set('1','x,y')"), ["1", "x,y"]);
    }

    #[test]
    fn types_become_kinds() {
        let of = |column_type: &str| kind(&column("c", column_type));
        assert_eq!(of("tinyint(1)"), Some(Kind::Bool));
        assert_eq!(of("tinyint(1) unsigned"), Some(Kind::Integer));
        assert_eq!(of("decimal(14,3)"), Some(Kind::Decimal { scale: 3 }));
        assert_eq!(of("bit(14)"), Some(Kind::Bit(14)));
        assert_eq!(of("datetime(6)"), Some(Kind::DateTime { digits: 6 }));
        assert_eq!(of("hyperlink"), None);
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
