//! What may become of a table's columns when its source has changed: columns may be added at the end and whole numbers
//! may grow, because Hive reads older files right then. Everything else is refused, with both schemas shown.

use super::{Column, TableInfo, TableSpec, listed};
use crate::error::{self, Result};

/// Whole numbers in the order of their size.
const WHOLE: [&str; 4] = ["tinyint", "smallint", "int", "bigint"];

/// Whether Hive reads files of one type right as the other, wider one.
pub(super) fn is_widening(from: &str, to: &str) -> bool {
    let rank = |name: &str| WHOLE.iter().position(|n| *n == name);
    matches!((rank(from), rank(to)), (Some(from), Some(to)) if from < to)
}

/// The columns the table has to get, `None` if it has them; comments may be changed by anybody.
///
/// # Errors
/// Schema: the columns wanted are not those found and some more.
pub(super) fn columns(wanted: &TableSpec, found: &TableInfo) -> Result<Option<Vec<Column>>> {
    let mut grown = false;
    let mut columns = found.columns.clone();
    for (index, column) in wanted.columns.iter().enumerate() {
        match columns.get_mut(index) {
            Some(there) if there.name != column.name => return Err(differ(wanted, found)),
            Some(there) if there.hive_type == column.hive_type => {}
            // The table was widened before; a source that is narrower fits.
            Some(there) if is_widening(&column.hive_type, &there.hive_type) => {}
            Some(there) if is_widening(&there.hive_type, &column.hive_type) => {
                there.hive_type.clone_from(&column.hive_type);
                grown = true;
            }
            Some(_) => return Err(differ(wanted, found)),
            None => {
                columns.push(column.clone());
                grown = true;
            }
        }
    }
    let keys = |columns: &[Column]| columns.iter().map(|c| (c.name.clone(), c.hive_type.clone())).collect::<Vec<_>>();
    if found.columns.len() > wanted.columns.len() || keys(&found.partition_columns) != keys(&wanted.partition_columns) {
        return Err(differ(wanted, found));
    }
    Ok(grown.then_some(columns))
}

/// Both schemas, and what to do.
fn differ(wanted: &TableSpec, found: &TableInfo) -> error::Error {
    let name = wanted.full_name();
    let what = format!(
        "table {name} has the columns {} and the load has {}",
        describe(&found.columns, &found.partition_columns),
        describe(&wanted.columns, &wanted.partition_columns)
    );
    let what = match first_difference(&wanted.columns, &found.columns) {
        Some((number, name)) if number > 20 => format!("{what}: the first that differs is number {number}, {name}"),
        _ => what,
    };
    error::schema(what).hint(format!(
        "load into another table and directory, or drop table {name} (its files stay) and replace all its data"
    ))
}

/// The first column of a load that is not that of the table: its number, counted from 1, and its name.
fn first_difference<'a>(wanted: &'a [Column], found: &'a [Column]) -> Option<(usize, &'a str)> {
    let same = |a: &Column, b: &Column| (&a.name, &a.hive_type) == (&b.name, &b.hive_type);
    let at = (0..wanted.len().max(found.len())).find(|at| match (wanted.get(*at), found.get(*at)) {
        (Some(wanted), Some(found)) => !same(wanted, found),
        _ => true,
    })?;
    wanted.get(at).or(found.get(at)).map(|column| (at + 1, column.name.as_str()))
}

fn describe(columns: &[Column], partition_columns: &[Column]) -> String {
    match partition_columns {
        [] => format!("({})", listed(columns)),
        _ => format!("({}) partitioned by ({})", listed(columns), listed(partition_columns)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::metastore::{HiveStorage, structures};

    fn spec(columns: &[(&str, &str)]) -> TableSpec {
        TableSpec {
            database: "shop".into(),
            table: "orders".into(),
            comment: None,
            columns: columns.iter().map(|(n, t)| Column::new(*n, *t)).collect(),
            partition_columns: vec![Column::new("dt", "date")],
            location: "hdfs://nn:8020/lake/orders".into(),
            storage: HiveStorage::Parquet,
            parameters: std::collections::BTreeMap::new(),
            adopt: false,
        }
    }

    fn change(from: &[(&str, &str)], to: &[(&str, &str)]) -> Result<Option<Vec<String>>> {
        let found = structures::table_info(&structures::table(&spec(from), "etl"));
        let list = |columns: Vec<Column>| columns.into_iter().map(|c| format!("{} {}", c.name, c.hive_type)).collect();
        Ok(columns(&spec(to), &found)?.map(list))
    }

    #[test]
    fn columns_grow_at_the_end_and_numbers_grow() {
        let old = [("id", "int"), ("name", "string")];
        assert_eq!(change(&old, &old).unwrap(), None);
        let longer = change(&old, &[("id", "int"), ("name", "string"), ("note", "string")]).unwrap();
        assert_eq!(longer.unwrap(), ["id int", "name string", "note string"]);
        assert_eq!(change(&old, &[("id", "bigint"), ("name", "string")]).unwrap().unwrap()[0], "id bigint");
        assert_eq!(change(&old, &[("id", "smallint"), ("name", "string")]).unwrap(), None);
    }

    #[test]
    fn everything_else_is_refused_and_both_schemas_are_shown() {
        let old = [("id", "bigint"), ("name", "string")];
        for new in [
            &[("id", "bigint")][..],
            &[("name", "string"), ("id", "bigint")],
            &[("id", "bigint"), ("note", "string"), ("name", "string")],
            &[("id", "string"), ("name", "string")],
            &[("id", "bigint"), ("name", "date")],
        ] {
            let error = change(&old, new).unwrap_err();
            assert_eq!(error.kind(), Kind::Schema);
            let text = error.to_string();
            assert!(text.contains("(id bigint, name string) partitioned by (dt date)"), "{text}");
            assert!(text.contains(&format!("{} {}", new[0].0, new[0].1)), "{text}");
        }
    }
}
