//! Counts and sums that a server makes: MySQL in the user's session, Hive by HiveServer2.

use std::collections::BTreeMap;

use super::Found;
use crate::error::{self, Result};
use crate::hiveserver2::{HiveServer2Options, Session, Value, quote};
use crate::mysql::{self, Answer, MySqlClient};
use crate::shutdown::Stop;
use crate::transfer::args::{Place, SideArgs};

/// The statement that a place is asked. What the user wrote, an expression or a condition, stands in it as it is.
pub(super) fn statement(side: &SideArgs) -> String {
    if let Some(query) = &side.query {
        return query.trim().trim_end_matches(';').to_owned();
    }
    let of_mysql = side.place == Place::Mysql;
    let name = |name: &str| if of_mysql { mysql::quote(name) } else { quote::name(name) };
    let table = side.table.as_deref().unwrap_or_default();
    let table = if of_mysql { mysql::quote(table) } else { quote::qualified(table) };
    let measures: Vec<String> = side.measures.iter().map(|(as_, what)| format!("{what} AS {}", name(as_))).collect();
    let condition = side.condition.as_ref().map(|condition| format!("\nWHERE {condition}")).unwrap_or_default();
    let (by, key) = (&side.by, name("sakia_key"));
    format!("SELECT {by} AS {key}, {}\nFROM {table}{condition}\nGROUP BY {by}", measures.join(", "))
}

pub(super) async fn of_mysql(side: &SideArgs, client: &MySqlClient, stop: &Stop) -> Result<Found> {
    let mut conn = stop.or(client.connect()).await?;
    let answer = stop.or(conn.ask_as_user(&statement(side), "cannot count rows in mysql")).await?;
    conn.close().await;
    let Answer::Rows(columns, rows) = answer else {
        return Err(error::config("the statement gives no rows").hint("a query is a SELECT"));
    };
    collect(columns.into_iter().map(|column| column.name).collect(), rows)
}

pub(super) async fn of_hive(side: &SideArgs, options: &HiveServer2Options, stop: &Stop) -> Result<Found> {
    let session = stop.or(Session::open_exact(options)).await?;
    let rows = session.query(&statement(side), stop).await?;
    session.close().await?;
    let names = rows.columns.into_iter().map(|column| column.name).collect();
    collect(names, rows.rows.iter().map(|row| row.iter().map(Value::to_text).collect()).collect())
}

/// The first column is the key, the others are measures.
fn collect(names: Vec<String>, rows: Vec<Vec<Option<String>>>) -> Result<Found> {
    if names.len() < 2 {
        return Err(error::config("the answer has one column, and needs a key and a measure at least")
            .hint("select the key first, then what is compared"));
    }
    let mut all = BTreeMap::new();
    for row in rows {
        let mut values = row.into_iter();
        let key = values.next().flatten();
        let values = values.map(|value| value.map(plain)).collect();
        if all.insert(key.clone(), values).is_some() {
            let key = key.as_deref().unwrap_or("NULL");
            return Err(error::data(format!("key {key} is given twice")).hint("group the query by its first column"));
        }
    }
    Ok(Found { measures: names.into_iter().skip(1).map(|name| name.to_lowercase()).collect(), rows: all })
}

/// A number without zeros that say nothing; any other text as it is.
pub(super) fn plain(text: String) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number {
        return text;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    match fraction {
        "" if whole == "0" => "0".to_owned(),
        "" => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::transfer::args::ReconcileArgs;

    #[test]
    fn statements_quote_names_and_leave_expressions() {
        let text = "[[side]]\nname = 'a'\nin = 'mysql'\ntable = 'or`ders'\nby = 'date(at)'\nwhere = 'at < now()'\n\
                    measures = { rows = 'count(*)', total = 'sum(total)' }\n\
                    [[side]]\nname = 'b'\nin = 'hive'\ntable = 'shop.orders'\nby = 'to_date(at)'\n\
                    measures = { rows = 'count(*)' }\n\
                    [[side]]\nname = 'c'\nin = 'hive'\nquery = 'select 1, 2;'\n";
        let args: ReconcileArgs = config::parse(text, "test").unwrap();
        let statements: Vec<String> = args.sides.iter().map(statement).collect();
        assert_eq!(
            statements[0],
            "SELECT date(at) AS `sakia_key`, count(*) AS `rows`, sum(total) AS `total`\nFROM `or``ders`\n\
             WHERE at < now()\nGROUP BY date(at)"
        );
        assert_eq!(
            statements[1],
            "SELECT to_date(at) AS `sakia_key`, count(*) AS `rows`\nFROM `shop`.`orders`\nGROUP BY to_date(at)"
        );
        assert_eq!(statements[2], "select 1, 2");
    }

    #[test]
    fn numbers_are_equal_whatever_zeros_they_are_written_with() {
        for (text, shown) in [
            ("1.500", "1.5"),
            ("-0.00", "0"),
            ("007", "7"),
            ("100", "100"),
            ("-12.30", "-12.3"),
            ("1.0E10", "1.0E10"),
            ("", ""),
            ("2011-12-09", "2011-12-09"),
        ] {
            assert_eq!(plain(text.to_owned()), shown);
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_refused() {
        let row = |key: &str| vec![Some(key.to_owned()), Some("1".to_owned())];
        let names = || vec!["day".to_owned(), "rows".to_owned()];
        assert!(collect(names(), vec![row("a"), row("b")]).is_ok());
        let twice = collect(names(), vec![row("a"), row("a")]).unwrap_err();
        assert!(twice.to_string().contains("key a is given twice"), "{twice}");
        assert!(collect(vec!["day".to_owned()], Vec::new()).is_err());
    }
}
