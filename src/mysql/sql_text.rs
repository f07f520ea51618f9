//! SQL text as a user wrote it, looked at only as far as it takes to put it into a statement of ours: where its texts,
//! names and comments are, whether its parentheses match, and what stands around `$CONDITIONS`.
//!
//! Whether a backslash is an escape depends on the sql_mode, and is an argument. It knows no grammar. What it cannot tell is left to the server.

mod groups;
mod shape;
mod tokens;

pub use self::shape::{SplitColumn, check_splitting};
pub use self::tokens::Escapes;
use self::tokens::{Kind, tokens};
use crate::error::{self, Result};

/// What stands in a query for the condition of a split.
pub const CONDITIONS: &str = "$CONDITIONS";

/// Refuses a query that has no place for the condition of a split.
///
/// # Errors
/// Config: there is none.
pub fn check_query(sql: &str) -> Result<()> {
    match sql.contains(CONDITIONS) {
        true => Ok(()),
        false => Err(error::config(format!("Query [{sql}] must contain '{CONDITIONS}' in WHERE clause."))
            .hint("the condition of each split is put in its place")),
    }
}

/// A statement without what may follow its end: blanks, comments, semicolons. Only so can it stand in parentheses.
pub fn statement(sql: &str, escapes: Escapes) -> &str {
    let sql = sql.trim();
    let end =
        tokens(sql, escapes).rev().find(|t| t.kind != Kind::Comment && t.text(sql) != ";").map_or(0, |token| token.end);
    &sql[..end]
}

/// Whether a text calls one of some functions, at whatever depth.
pub fn calls(sql: &str, functions: &[&str], escapes: Escapes) -> bool {
    let all: Vec<_> = tokens(sql, escapes).filter(|token| token.kind != Kind::Comment).collect();
    all.windows(2).any(|pair| pair[1].text(sql) == "(" && functions.iter().any(|name| pair[0].is(sql, name)))
}

/// A condition as it can stand in parentheses, beside others. `what` names it.
///
/// # Errors
/// Config: a parenthesis without its twin, which would let the condition reach out of ours, or nothing at all.
pub fn condition<'a>(sql: &'a str, what: &str, escapes: Escapes) -> Result<&'a str> {
    let condition = statement(sql, escapes);
    let mut depth = 0_i32;
    for token in tokens(condition, escapes) {
        depth += match token.text(condition) {
            "(" => 1,
            ")" => -1,
            ";" => return Err(error::config(format!("{what} {sql:?} holds a semicolon")).hint("give one condition")),
            _ => 0,
        };
        if depth < 0 {
            break;
        }
    }
    if depth != 0 {
        return Err(error::config(format!("{what} {sql:?} has a parenthesis without its twin"))
            .hint("close what is opened; several conditions are joined by AND or OR"));
    }
    if condition.is_empty() {
        return Err(error::config(format!("{what} {sql:?} holds no condition")).hint("leave it out to take every row"));
    }
    Ok(condition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_end_of_a_statement_is_left_out() {
        for (sql, kept) in [
            ("SELECT 1;", "SELECT 1"),
            ("SELECT 1 ; ; -- end", "SELECT 1"),
            ("SELECT 1 # end", "SELECT 1"),
            ("SELECT 1 /* a */ ; /* b */\n", "SELECT 1"),
            ("SELECT ';' , '--' -- x\n + 1", "SELECT ';' , '--' -- x\n + 1"),
            ("SELECT 1--1", "SELECT 1--1"),
            ("SELECT `a;#`;", "SELECT `a;#`"),
            ("SELECT 'it''s \\' -- ;'", "SELECT 'it''s \\' -- ;'"),
            ("SELECT /*!50000 1 */;", "SELECT /*!50000 1 */"),
            ("-- nothing", ""),
        ] {
            assert_eq!(statement(sql, Escapes::Backslash), kept, "{sql}");
        }
    }

    #[test]
    fn calls_are_told_from_names_and_texts() {
        for (sql, calls_it) in [
            ("SELECT MAX(t) FROM x", true),
            ("SELECT a FROM (SELECT max /* of all */ (t) a FROM x) q", true),
            ("SELECT `max`, max, 'max(t)' FROM x -- max(t)", false),
            ("SELECT maximum(t) FROM x", false),
        ] {
            assert_eq!(calls(sql, &["min", "max"], Escapes::Backslash), calls_it, "{sql}");
        }
    }

    #[test]
    fn a_condition_stays_in_its_parentheses() {
        assert_eq!(condition(" a = ')' OR (b = 1) -- x", "where", Escapes::Backslash).unwrap(), "a = ')' OR (b = 1)");
        assert_eq!(condition(r"a = '\' AND (b = 1)", "where", Escapes::None).unwrap(), r"a = '\' AND (b = 1)");
        for wrong in ["id = 1) OR (id = 2", "(a = 1", "a = 1)", "", " -- x", "a = 1; DROP TABLE t"] {
            assert!(condition(wrong, "where", Escapes::Backslash).is_err(), "{wrong}");
        }
    }
}
