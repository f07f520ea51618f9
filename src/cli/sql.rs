//! One statement, and lists of databases and tables: what comes back, as text in the shape of Sqoop's `eval`, or JSON.

use serde_json::json;

use crate::error::Result;
use crate::mysql::{self, MySqlClient};

/// Widest column of the table.
const MAX_WIDTH: usize = 20;

/// The tables and views of the connection's database, in the order the server gives them.
const TABLES: &str = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()";

/// What a statement gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Columns with their display width, and rows as the server writes them; `None` is NULL.
    Rows(Vec<(String, usize)>, Vec<Vec<Option<String>>>),
    /// No rows; so many were changed.
    Changed(u64),
}

/// Runs one statement; what it changes is committed.
///
/// # Errors
/// What the server says.
pub(super) async fn eval(client: &MySqlClient, sql: &str) -> Result<Answer> {
    let mut conn = client.connect().await?;
    let answer = match conn.ask_as_user(sql, "cannot run the statement").await? {
        mysql::Answer::Changed(rows) => Answer::Changed(rows),
        mysql::Answer::Rows(columns, rows) => {
            Answer::Rows(columns.into_iter().map(|column| (column.name, column.width)).collect(), rows)
        }
    };
    conn.close().await;
    Ok(answer)
}

/// The databases that the user may see.
///
/// # Errors
/// What the server says.
pub(super) async fn databases(client: &MySqlClient) -> Result<Vec<String>> {
    names(client, "SHOW DATABASES").await
}

/// The tables and views of the connection's database.
///
/// # Errors
/// What the server says.
pub(super) async fn tables(client: &MySqlClient) -> Result<Vec<String>> {
    names(client, TABLES).await
}

async fn names(client: &MySqlClient, sql: &str) -> Result<Vec<String>> {
    match eval(client, sql).await? {
        Answer::Rows(_, rows) => Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()),
        Answer::Changed(_) => Ok(Vec::new()),
    }
}

impl Answer {
    /// A table as Sqoop prints it: columns as wide as their type but at most 20, longer values as they are.
    pub(super) fn to_table(&self) -> String {
        let (columns, rows) = match self {
            Self::Rows(columns, rows) => (columns, rows),
            Self::Changed(rows) => return format!("{rows} row(s) updated."),
        };
        let widths: Vec<usize> = columns.iter().map(|(_, width)| (*width).min(MAX_WIDTH)).collect();
        let line = |cells: Vec<&str>| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$} | "));
            format!("| {}\n", padded.collect::<String>())
        };
        let rule = "-".repeat(widths.iter().map(|width| width + 3).sum::<usize>() + 1);
        let mut table = format!("{rule}\n{}{rule}\n", line(columns.iter().map(|(name, _)| name.as_str()).collect()));
        for row in rows {
            table.push_str(&line(row.iter().map(|cell| cell.as_deref().unwrap_or("(null)")).collect()));
        }
        table + &rule
    }

    /// One JSON object: `columns` and `rows`, or `changed`.
    pub(super) fn to_json(&self) -> String {
        let value = match self {
            Self::Rows(columns, rows) => {
                json!({ "columns": columns.iter().map(|(name, _)| name).collect::<Vec<_>>(), "rows": rows })
            }
            Self::Changed(rows) => json!({ "changed": rows }),
        };
        // An object of strings and numbers always serialises.
        serde_json::to_string_pretty(&value).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v65_rows_are_a_table_in_sqoops_shape() {
        let columns = [("id", 11), ("ti", 4), ("t1", 1), ("bo", 1)].map(|(name, width)| (name.to_owned(), width));
        let rows = [["1", "-128", "0", "0"], ["2", "127", "1", "1"], ["3", "", "", ""], ["4", "0", "2", "-1"]];
        let cell = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let answer =
            Answer::Rows(columns.into(), rows.iter().map(|row| row.iter().map(|c| cell(c)).collect()).collect());
        // The output of Sqoop 1.4.7 on the same rows.
        assert_eq!(
            answer.to_table(),
            "------------------------------\n\
             | id          | ti   | t1 | bo | \n\
             ------------------------------\n\
             | 1           | -128 | 0 | 0 | \n\
             | 2           | 127  | 1 | 1 | \n\
             | 3           | (null) | (null) | (null) | \n\
             | 4           | 0    | 2 | -1 | \n\
             ------------------------------"
        );
    }

    #[test]
    fn v65_changes_are_counted() {
        assert_eq!(Answer::Changed(1).to_table(), "1 row(s) updated.");
        assert_eq!(Answer::Changed(1).to_json(), "{\n  \"changed\": 1\n}");
    }
}
