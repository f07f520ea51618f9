//! Whether a query may be read in several splits: each gets the rows of `query with its own condition`, and together
//! they have to be the rows of the whole query.
//!
//! That holds where the condition only picks rows. It does not where something beside it, or around it, is counted over
//! all rows: LIMIT, GROUP BY, a total, a window; unless what belongs together has one split key. Nor where it picks rows
//! that others are compared with: in a subquery of a condition, and on one side of EXCEPT or INTERSECT.

use super::CONDITIONS;
use super::groups::{Group, groups};
use super::tokens::{Escapes, Token};
use crate::error::{self, Result};

/// The column that a query is split by.
#[derive(Clone, Copy, Debug)]
pub struct SplitColumn<'a> {
    /// Its name in the result.
    pub name: &'a str,
    /// Its place in the result, counted from 1.
    pub place: usize,
}

/// Refuses a query that gives other rows in several splits over a column than as a whole, as far as its text
/// shows it.
///
/// # Errors
/// Config: `$CONDITIONS` is not part of a condition, or something is counted over the rows of a split alone.
pub fn check_splitting(sql: &str, key: SplitColumn<'_>, escapes: Escapes) -> Result<()> {
    let groups = groups(sql, escapes);
    let mut around = Vec::new();
    for group in groups.iter().filter(|group| group.has_conditions) {
        let mut at = group.parent;
        around.push(group);
        while at != usize::MAX {
            around.push(&groups[at]);
            at = groups[at].parent;
        }
    }
    if around.is_empty() {
        return Err(error::config(format!("{CONDITIONS} stands in a text or a comment of the query"))
            .hint("write it where a condition goes: WHERE $CONDITIONS"));
    }
    around.retain(|group| group.is_select);
    let counted = twice(sql, &groups).or_else(|| around.iter().find_map(|group| counted_over_all(sql, group, key)));
    let makes_key =
        || around.iter().any(|group| makes(sql, group, key)) && around.iter().any(|g| makes_distinct(sql, g));
    match counted.or_else(|| makes_key().then_some("DISTINCT, GROUP BY or UNION over a value called like a column")) {
        None => Ok(()),
        Some(what) => Err(error::config(format!(
            "the query has {what}, which does not go with a condition on {} inside it",
            key.name
        ))
        .hint(
            "put it in parentheses, as SELECT * FROM (...) AS q WHERE $CONDITIONS; without incremental, reading by one \
             connection (-m 1) does as well",
        )),
    }
}

/// Whether the list of a SELECT has a value under the name of the column that is not that column: a condition means the
/// column of the table, and whatever makes rows distinct means the value.
fn makes(sql: &str, group: &Group, key: SplitColumn<'_>) -> bool {
    const MODIFIERS: [&str; 4] = ["SELECT", "DISTINCT", "DISTINCTROW", "ALL"];
    let list = group.tokens.iter().skip_while(|token| !token.is(sql, "SELECT"));
    let (mut depth, mut items) = (0_i32, vec![Vec::new()]);
    for token in list.filter(|token| !MODIFIERS.iter().any(|word| token.is(sql, word))) {
        match token.text(sql) {
            "(" => depth += 1,
            ")" => depth -= 1,
            "," if depth == 0 => {
                items.push(Vec::new());
                continue;
            }
            _ if depth == 0 && token.is(sql, "FROM") => break,
            _ => {}
        }
        if let Some(item) = items.last_mut() {
            item.push(*token);
        }
    }
    items.iter().any(|item| match &item[..] {
        [value @ .., alias] if value.len() > 1 && alias.name(sql).eq_ignore_ascii_case(key.name) => {
            let value =
                if value.last().is_some_and(|last| last.is(sql, "AS")) { &value[..value.len() - 1] } else { value };
            // Without an alias the name is the end of the value: `t.id`.
            !is_column(sql, item, key) && !is_column(sql, value, SplitColumn { place: 0, ..key })
        }
        _ => false,
    })
}

/// Whether equal rows of a SELECT become one.
fn makes_distinct(sql: &str, group: &Group) -> bool {
    let is = |at: usize, word: &str| group.tokens.get(at).is_some_and(|token| token.is(sql, word));
    (0..group.tokens.len()).any(|at| {
        is(at, "DISTINCT")
            || is(at, "DISTINCTROW")
            || (is(at, "GROUP") && is(at + 1, "BY"))
            || (is(at, "UNION") && !is(at + 1, "ALL"))
    })
}

/// Two conditions that are not those of the parts of one UNION: rows of different splits would belong together.
fn twice(sql: &str, groups: &[Group]) -> Option<&'static str> {
    let mut with = groups.iter().filter(|group| group.has_conditions);
    let (first, second) = (with.next()?, with.next()?);
    let is_union = |group: &Group| {
        let has = |word: &str| group.tokens.iter().any(|token| token.is(sql, word));
        has("UNION") && !has("FROM")
    };
    let parts = first.parent == second.parent && groups.get(first.parent).is_some_and(is_union);
    (!parts || with.any(|group| group.parent != first.parent)).then_some("$CONDITIONS in several places")
}

/// What a SELECT does with all of its rows at once.
fn counted_over_all(sql: &str, group: &Group, key: SplitColumn<'_>) -> Option<&'static str> {
    let is = |at: usize, word: &str| group.tokens.get(at).is_some_and(|token| token.is(sql, word));
    if group.is_compared {
        return Some("$CONDITIONS in a subquery of a condition");
    }
    if group.is_shared {
        return Some("$CONDITIONS in a common table expression that it reads more than once");
    }
    if has_total(sql, group) {
        return Some("a total over all rows");
    }
    for at in 0..group.tokens.len() {
        if ["EXCEPT", "INTERSECT", "MINUS"].iter().any(|word| is(at, word)) {
            return Some("EXCEPT or INTERSECT");
        }
        if is(at, "LIMIT") || is(at, "FETCH") {
            return Some("a LIMIT");
        }
        if is(at, "GROUP") && is(at + 1, "BY") && !names(sql, &group.tokens[at + 2..], key) {
            return Some("a GROUP BY without the column to split by");
        }
        if is(at, "WITH") && is(at + 1, "ROLLUP") {
            return Some("a ROLLUP");
        }
        let follows_a_call = at > 0 && group.tokens[at - 1].text(sql) == ")";
        if follows_a_call && is(at, "OVER") && !partitioned(sql, &group.tokens[at + 1..], key) {
            return Some("a window function that is not partitioned by the column to split by");
        }
    }
    None
}

/// Functions that make one value of many rows.
const AGGREGATES: [&str; 21] = [
    "ANY_VALUE",
    "ST_COLLECT",
    "AVG",
    "BIT_AND",
    "BIT_OR",
    "BIT_XOR",
    "COUNT",
    "GROUP_CONCAT",
    "JSON_ARRAYAGG",
    "JSON_OBJECTAGG",
    "MAX",
    "MEDIAN",
    "MIN",
    "STD",
    "STDDEV",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "SUM",
    "VARIANCE",
    "VAR_POP",
    "VAR_SAMP",
];

/// Whether a SELECT makes one row of all of its rows: it calls an aggregate, not as a window, and does not group.
fn has_total(sql: &str, group: &Group) -> bool {
    let tokens = &group.tokens;
    let opens = |at: usize| tokens.get(at).is_some_and(|token| token.text(sql) == "(");
    let groups = tokens.windows(2).any(|pair| pair[0].is(sql, "GROUP") && pair[1].is(sql, "BY"));
    let calls = (0..tokens.len()).filter(|at| opens(at + 1) && AGGREGATES.iter().any(|name| tokens[*at].is(sql, name)));
    !groups && calls.into_iter().any(|at| !after_call(sql, &tokens[at + 1..]).is_some_and(|next| next.is(sql, "OVER")))
}

/// What follows a call, whose arguments begin with the first of these.
fn after_call(sql: &str, arguments: &[Token]) -> Option<Token> {
    let mut depth = 0;
    for (at, token) in arguments.iter().enumerate() {
        match token.text(sql) {
            "(" => depth += 1,
            ")" if depth == 1 => return arguments.get(at + 1).copied(),
            ")" => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Words that end a list of expressions.
const AFTER_A_LIST: [&str; 9] = ["HAVING", "ORDER", "LIMIT", "WITH", "WINDOW", "UNION", "ROWS", "RANGE", "FOR"];

/// Whether a list of expressions, up to the next clause, has a certain column as one of them.
fn names(sql: &str, list: &[Token], key: SplitColumn<'_>) -> bool {
    let (mut depth, mut item): (u32, Vec<Token>) = (0, Vec::new());
    for token in list {
        let text = token.text(sql);
        match text {
            "(" => depth += 1,
            ")" if depth == 0 => break,
            ")" => depth -= 1,
            _ if depth == 0 && AFTER_A_LIST.iter().any(|word| token.is(sql, word)) => break,
            "," if depth == 0 && is_column(sql, &item, key) => return true,
            _ => {}
        }
        match text {
            "," if depth == 0 => item.clear(),
            _ => item.push(*token),
        }
    }
    is_column(sql, &item, key)
}

/// A column, perhaps with the names of its table and database before it.
fn is_column(sql: &str, item: &[Token], key: SplitColumn<'_>) -> bool {
    if let [only] = item
        && only.text(sql) == key.place.to_string()
    {
        return true;
    }
    let plain = item.iter().enumerate().all(|(at, token)| (at % 2 == 1) == (token.text(sql) == "."));
    plain && item.last().is_some_and(|token| token.name(sql).eq_ignore_ascii_case(key.name))
}

/// Whether what follows OVER is `(PARTITION BY` and a list with a certain column.
fn partitioned(sql: &str, rest: &[Token], key: SplitColumn<'_>) -> bool {
    let [open, partition, by, list @ ..] = rest else { return false };
    open.text(sql) == "(" && partition.is(sql, "PARTITION") && by.is(sql, "BY") && names(sql, list, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: SplitColumn<'_> = SplitColumn { name: "id", place: 2 };

    #[test]
    fn queries_whose_condition_picks_rows_are_split() {
        for sql in [
            "SELECT a.id, b.x FROM a JOIN b USING (id) WHERE a.x > 1 AND $CONDITIONS ORDER BY b.x",
            "SELECT * FROM (SELECT id, COUNT(*) n FROM t GROUP BY x LIMIT 3) q WHERE $CONDITIONS",
            "SELECT id, (SELECT MAX(x) FROM u GROUP BY y LIMIT 1) FROM t WHERE $CONDITIONS",
            "SELECT t.id, SUM(x) FROM t WHERE $CONDITIONS GROUP BY y, t.`id` HAVING SUM(x) > 1",
            "SELECT x, id, COUNT(*) FROM t WHERE $CONDITIONS GROUP BY x, 2",
            "SELECT DISTINCT id FROM t WHERE ($CONDITIONS)",
            "SELECT id, ROW_NUMBER() OVER (PARTITION BY d.id ORDER BY x) FROM d WHERE $CONDITIONS",
            "SELECT id, GROUP_CONCAT(x ORDER BY x LIMIT 2) FROM t WHERE $CONDITIONS GROUP BY id",
            "SELECT id, 'LIMIT 1' AS `limit` FROM t WHERE $CONDITIONS -- LIMIT 1",
            "WITH c AS (SELECT * FROM u LIMIT 5) SELECT id FROM c WHERE $CONDITIONS",
            "SELECT * FROM (SELECT id FROM t EXCEPT SELECT id FROM u) q WHERE $CONDITIONS",
            "SELECT id FROM t WHERE x = (SELECT MAX(x) FROM t) AND y IN (SELECT y FROM u) AND $CONDITIONS",
            "(SELECT id FROM t WHERE $CONDITIONS) UNION ALL (SELECT id FROM u WHERE $CONDITIONS)",
            "SELECT q.id FROM u, (SELECT id FROM t WHERE $CONDITIONS) q JOIN (SELECT id FROM v) w USING (id)",
            "SELECT id, SUM(x) OVER (PARTITION BY id) FROM t WHERE $CONDITIONS",
            "SELECT DISTINCT t.id, u.id AS other FROM t JOIN u WHERE $CONDITIONS",
            "SELECT DISTINCT t.id AS id, COUNT(DISTINCT x) n FROM t WHERE $CONDITIONS GROUP BY t.id",
            "SELECT id DIV 7 AS id FROM t WHERE $CONDITIONS",
            "SELECT id FROM t WHERE $CONDITIONS UNION ALL SELECT id FROM u WHERE $CONDITIONS",
            "SELECT * FROM ((SELECT id FROM t WHERE $CONDITIONS) UNION ALL (SELECT id FROM u WHERE $CONDITIONS)) q",
            "SELECT id FROM t WHERE (x = 1 AND $CONDITIONS) OR (y = 2 AND $CONDITIONS)",
            "WITH c AS (SELECT * FROM t WHERE $CONDITIONS) SELECT c.id, c.x FROM c JOIN u ON c.x = u.x",
        ] {
            check_splitting(sql, KEY, Escapes::Backslash).unwrap_or_else(|e| panic!("{sql}: {e}"));
        }
    }

    #[test]
    fn what_counts_over_all_rows_is_not_split() {
        for (sql, said) in [
            ("SELECT id FROM t WHERE $CONDITIONS LIMIT 10", "LIMIT"),
            ("(SELECT id FROM t WHERE $CONDITIONS) LIMIT 10", "LIMIT"),
            ("WITH c AS (SELECT id FROM t WHERE $CONDITIONS) SELECT id FROM c ORDER BY id LIMIT 10", "LIMIT"),
            ("SELECT MAX(id) id, x FROM t WHERE $CONDITIONS GROUP BY x", "GROUP BY"),
            ("SELECT id, x FROM t WHERE $CONDITIONS GROUP BY f(x, id)", "GROUP BY"),
            ("SELECT id, COUNT(*) FROM t WHERE $CONDITIONS GROUP BY id WITH ROLLUP", "ROLLUP"),
            ("SELECT id, ROW_NUMBER() OVER (ORDER BY id) FROM t WHERE $CONDITIONS", "window"),
            ("SELECT id, LAG(x) OVER w FROM t WHERE $CONDITIONS WINDOW w AS (ORDER BY id)", "window"),
            ("SELECT x, id FROM (SELECT * FROM t WHERE $CONDITIONS) q GROUP BY x", "GROUP BY"),
            ("SELECT id FROM t WHERE x = (SELECT MAX(x) FROM t WHERE $CONDITIONS)", "subquery of a condition"),
            ("SELECT id FROM t WHERE g IN (SELECT g FROM t WHERE $CONDITIONS)", "subquery of a condition"),
            ("SELECT id FROM t WHERE g > ALL (SELECT g FROM t WHERE $CONDITIONS)", "subquery of a condition"),
            ("SELECT t.id, m FROM t JOIN (SELECT MAX(x) m FROM t WHERE $CONDITIONS) q ON x < m", "total"),
            ("SELECT id FROM t WHERE $CONDITIONS EXCEPT SELECT id FROM u", "EXCEPT"),
            ("SELECT id FROM t INTERSECT (SELECT id FROM u WHERE $CONDITIONS)", "INTERSECT"),
            ("SELECT DISTINCT id DIV 7 id FROM t WHERE $CONDITIONS", "DISTINCT"),
            ("SELECT COUNT(*), id DIV 7 AS id FROM t WHERE $CONDITIONS GROUP BY 2", "DISTINCT"),
            ("SELECT f(id) id FROM t WHERE $CONDITIONS UNION SELECT id FROM u WHERE $CONDITIONS", "DISTINCT"),
            ("SELECT id FROM (SELECT id DIV 7 `id` FROM t WHERE $CONDITIONS) q GROUP BY id", "DISTINCT"),
            (
                "SELECT b.id FROM (SELECT * FROM t WHERE $CONDITIONS) b JOIN (SELECT * FROM t WHERE $CONDITIONS) a ON x",
                "several places",
            ),
            ("WITH c AS (SELECT * FROM t WHERE $CONDITIONS) SELECT c.id FROM c JOIN c d ON x", "more than once"),
            ("WITH `c` (id) AS (SELECT id FROM t WHERE $CONDITIONS) SELECT c.id FROM c, c d", "more than once"),
            ("SELECT id, (SELECT v FROM u WHERE $CONDITIONS) FROM t WHERE $CONDITIONS", "several places"),
            ("SELECT id FROM t WHERE x IN ((SELECT x FROM u WHERE $CONDITIONS))", "subquery of a condition"),
            ("SELECT id, COALESCE((SELECT v FROM u WHERE $CONDITIONS), 0) FROM t", "subquery of a condition"),
            ("SELECT id, (SELECT v FROM u WHERE $CONDITIONS) FROM t", "subquery of a condition"),
            ("SELECT id FROM t WHERE 1 = 1 -- $CONDITIONS", "comment"),
            ("SELECT id FROM t WHERE x <> '$CONDITIONS'", "comment"),
        ] {
            let error = check_splitting(sql, KEY, Escapes::Backslash).expect_err(sql);
            assert!(error.to_string().contains(said), "{sql}: {error}");
        }
    }
}
