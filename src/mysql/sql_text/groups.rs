//! The SELECTs of a text, and how the rows of each are used.

use super::CONDITIONS;
use super::tokens::{Escapes, Kind, Token, tokens};

/// A SELECT, or what else stands in parentheses.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub is_select: bool,
    pub parent: usize,
    /// Whether its rows are compared with others, as those of `x IN (SELECT ..)` are.
    pub is_compared: bool,
    /// Whether it is a common table expression that is read in several places.
    pub is_shared: bool,
    pub has_conditions: bool,
    pub tokens: Vec<Token>,
}

/// The SELECTs of a text, each with its own tokens; those in parentheses that hold no SELECT are among its own, marked
/// off by the parentheses, except for keywords that mean something else inside a function.
pub(super) fn groups(sql: &str, escapes: Escapes) -> Vec<Group> {
    let all: Vec<Token> = tokens(sql, escapes).filter(|token| token.kind != Kind::Comment).collect();
    let mut groups = vec![Group { is_select: true, parent: usize::MAX, ..Group::default() }];
    let (mut open, mut inside): (Vec<(usize, bool)>, Vec<usize>) = (Vec::new(), vec![0]);
    for (at, token) in all.iter().enumerate() {
        let current = inside.last().copied().unwrap_or(0);
        match token.text(sql) {
            "(" => {
                let first = all[at + 1..].iter().find(|t| t.text(sql) != "(");
                let selects = first.is_some_and(|t| ["SELECT", "WITH", "VALUES", "TABLE"].iter().any(|w| t.is(sql, w)));
                open.push((current, selects));
                if selects {
                    let is_compared = !gives_rows(sql, &all[..at]);
                    let is_shared = defined(sql, &all[..at]).is_some_and(|name| places(sql, &all, name) > 1);
                    let parent = current;
                    groups.push(Group { is_select: true, parent, is_compared, is_shared, ..Group::default() });
                    inside.push(groups.len() - 1);
                } else {
                    groups[current].tokens.push(*token);
                }
            }
            ")" => match open.pop() {
                Some((_, true)) => drop(inside.pop()),
                _ => groups[current].tokens.push(*token),
            },
            text => {
                let in_function = open.last().is_some_and(|(_, selects)| !selects);
                groups[current].has_conditions |= text == CONDITIONS;
                if !(in_function && (token.is(sql, "LIMIT") || token.is(sql, "GROUP"))) {
                    groups[current].tokens.push(*token);
                }
            }
        }
    }
    groups
}

/// Whether a SELECT in parentheses that stands behind these is a table, a common table expression or a part of a UNION.
fn gives_rows(sql: &str, before: &[Token]) -> bool {
    const BEFORE_ROWS: [&str; 9] =
        ["FROM", "JOIN", "STRAIGHT_JOIN", "LATERAL", "AS", "UNION", "EXCEPT", "INTERSECT", "DISTINCT"];
    let opened = before.iter().rev().take_while(|token| token.text(sql) == "(").count();
    match &before[..before.len() - opened] {
        [] => true,
        [.., set, all] if all.is(sql, "ALL") => ["UNION", "EXCEPT", "INTERSECT"].iter().any(|word| set.is(sql, word)),
        [list @ .., comma] if comma.text(sql) == "," => is_list_of_tables(sql, list),
        [.., last] => BEFORE_ROWS.iter().any(|word| last.is(sql, word)),
    }
}

/// Whether the clause that a list belongs to is FROM.
fn is_list_of_tables(sql: &str, before: &[Token]) -> bool {
    let mut depth = 0;
    for token in before.iter().rev() {
        match token.text(sql) {
            ")" => depth += 1,
            "(" if depth == 0 => return false,
            "(" => depth -= 1,
            _ if depth > 0 => {}
            _ if token.is(sql, "FROM") => return true,
            _ if ["SELECT", "WHERE", "ON", "HAVING", "BY", "SET", "VALUES"].iter().any(|word| token.is(sql, word)) => {
                return false;
            }
            _ => {}
        }
    }
    false
}

/// The name of the common table expression that begins behind these: `name AS`, or `name (columns) AS`.
fn defined<'a>(sql: &'a str, before: &[Token]) -> Option<&'a str> {
    let [rest @ .., last] = before else { return None };
    if !last.is(sql, "AS") {
        return None;
    }
    let end = match rest.last()?.text(sql) {
        ")" => rest.iter().rposition(|token| token.text(sql) == "(")?,
        _ => rest.len(),
    };
    Some(rest[..end].last()?.name(sql))
}

/// In how many places a table is read.
fn places(sql: &str, all: &[Token], table: &str) -> usize {
    let begins = |token: &Token| token.text(sql) == "," || token.is(sql, "FROM") || is_join(sql, token);
    let named = |at: usize| all[at].name(sql).eq_ignore_ascii_case(table);
    let qualifies = |at: usize| all.get(at + 1).is_some_and(|next| next.text(sql) == ".");
    (1..all.len()).filter(|at| begins(&all[at - 1]) && named(*at) && !qualifies(*at)).count()
}

fn is_join(sql: &str, token: &Token) -> bool {
    token.is(sql, "JOIN") || token.is(sql, "STRAIGHT_JOIN")
}
