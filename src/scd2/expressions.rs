//! What the names in the templates stand for; the templates say where each goes.

use super::args::{Scd2Args, UntrackedPolicy};
use super::template::Values;
use super::types::{self, Carried};
use crate::hiveserver2::quote;

/// Every value that does not depend on the batch.
pub(super) fn values(args: &Scd2Args, carried: &[Carried]) -> Values {
    names(args, carried).into_iter().chain(conditions(args, carried)).chain(texts(args, carried)).collect()
}

fn list<T>(items: impl IntoIterator<Item = T>, between: &str, one: impl Fn(T) -> String) -> String {
    items.into_iter().map(one).collect::<Vec<_>>().join(between)
}

/// Tables, columns and lists of them.
fn names(args: &Scd2Args, carried: &[Carried]) -> [(&'static str, String); 13] {
    let all = |prefix: &'static str| list(carried, ", ", move |c| format!("{prefix}{}", quote::name(&c.name)));
    let keys = |prefix: &'static str| list(&args.keys, ", ", move |name| format!("{prefix}{}", quote::name(name)));
    [
        ("source", quote::qualified(&args.source)),
        ("target", quote::qualified(&args.target)),
        ("sequence", quote::name(&args.sequence)),
        ("keys", keys("")),
        ("event_keys", keys("e.")),
        ("said_keys", keys("said.")),
        ("event_key_columns", list(carried.iter().filter(|c| c.is_key), ", ", of_log)),
        ("columns", all("")),
        ("n_columns", all("n.")),
        ("s_columns", all("s.")),
        ("event_columns", list(carried, ", ", of_log)),
        (
            "assignments",
            list(carried.iter().filter(|c| !c.is_key), ", ", |c| format!("{0} = s.{0}", quote::name(&c.name))),
        ),
        ("neighbours", neighbours(args)),
    ]
}

/// A column of the log in the dimension's type.
fn of_log(column: &Carried) -> String {
    let name = quote::name(&column.name);
    if column.log_type == column.hive_type {
        return format!("e.{name}");
    }
    format!("CAST(e.{name} AS {}) AS {name}", column.hive_type)
}

/// What a window looks through.
fn by_key(args: &Scd2Args, order: &str) -> String {
    format!("(PARTITION BY {} ORDER BY {order})", list(&args.keys, ", ", |name| quote::name(name)))
}

/// What the tracked columns say one event before and after, numbered.
fn neighbours(args: &Scd2Args) -> String {
    let over = by_key(args, "sakia_seq");
    list(args.tracked.iter().enumerate(), ",\n", |(i, name)| {
        let name = quote::name(name);
        format!("lag({name}) OVER {over} AS sakia_before_{i}, lead({name}) OVER {over} AS sakia_after_{i}")
    })
}

/// Conditions, and columns that windows compute.
fn conditions(args: &Scd2Args, carried: &[Carried]) -> [(&'static str, String); 11] {
    let by_key_and_start = by_key(args, "`valid_from`");
    let same_as = |which: &str| {
        list(args.tracked.iter().enumerate(), " AND ", |(i, name)| {
            format!("{} <=> sakia_{which}_{i}", quote::name(name))
        })
    };
    let same_keys = |left: &str, right: &str| {
        list(&args.keys, " AND ", |name| format!("{left}.{0} = {right}.{0}", quote::name(name)))
    };
    let same_as_next =
        list(&args.tracked, " AND ", |name| format!("{0} <=> lead({0}) OVER {by_key_and_start}", quote::name(name)));
    [
        ("any_key_null", list(&args.keys, " OR ", |name| format!("{} IS NULL", quote::name(name)))),
        ("same_keys", same_keys("e", "a")),
        ("said_same_keys", same_keys("said", "t")),
        ("batch", args.batches.label_of(&format!("e.{}", quote::name(&args.sequence)))),
        ("run_columns", run_columns(args)),
        ("same_as_before", same_as("before")),
        ("same_as_after", same_as("after")),
        ("same_as_next", same_as_next),
        ("n_same_as_o", list(carried, " AND ", |c| format!("n.{0} <=> o.{0}", quote::name(&c.name)))),
        ("by_key", by_key(args, "sakia_seq")),
        ("by_key_and_start", by_key_and_start),
    ]
}

/// Values as texts.
fn texts(args: &Scd2Args, carried: &[Carried]) -> [(&'static str, String); 6] {
    let op = args.op_column.as_ref().map(|op| format!("CAST(e.{} AS string)", quote::name(op)));
    let tracked: Vec<&Carried> = carried.iter().filter(|c| args.tracked.contains(&c.name)).collect();
    let said = |prefix: &str| {
        let column = |c: &&Carried| (format!("{prefix}{}", quote::name(&c.name)), c.hive_type.clone());
        framed(tracked.iter().map(column))
    };
    [
        ("is_delete", op.as_ref().map_or("false".to_owned(), |op| format!("({op} <=> 'D')"))),
        ("op", op.unwrap_or_else(|| "CAST(NULL AS string)".to_owned())),
        ("content", content(carried)),
        (
            "key_texts",
            list(carried.iter().filter(|c| c.is_key), ", ", |c| types::key_text(&quote::name(&c.name), &c.hive_type)),
        ),
        ("log_said", said("")),
        ("t_said", said("t.")),
    ]
}

/// Orders events of one key at one moment that say different things: by a digest, so that no collation or locale has a
/// say.
fn content(carried: &[Carried]) -> String {
    let others = carried.iter().filter(|c| !c.is_key);
    format!("sha2({}, 256)", framed(others.map(|c| (format!("e.{}", quote::name(&c.name)), c.log_type.clone()))))
}

/// Values as one text. Lengths keep neighbours apart, `~` is NULL.
fn framed(columns: impl Iterator<Item = (String, String)>) -> String {
    let texts = list(columns, ", ", |(name, hive_type)| {
        let text = types::text(&name, &hive_type);
        format!("coalesce(concat(length({text}), ':', {text}), '~')")
    });
    format!("concat_ws('|', {texts})")
}

/// The carried columns of a run, seen from its first event.
fn run_columns(args: &Scd2Args) -> String {
    let over = by_key(args, "sakia_seq");
    let untracked = |name: &String| {
        let name = quote::name(name);
        match args.untracked_policy {
            // The row after the first of a run is the last of it, where the run is longer than one.
            UntrackedPolicy::LatestInRun => {
                format!("CASE WHEN sakia_ends THEN {name} ELSE lead({name}) OVER {over} END AS {name}")
            }
            UntrackedPolicy::FirstInRun => name,
        }
    };
    let others = args.keys.iter().chain(&args.tracked).map(|name| quote::name(name));
    list(others.chain(args.untracked.iter().map(untracked)), ", ", |column| column)
}
