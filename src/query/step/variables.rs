//! The variables of a step's statements: the run, the partitions, the team's own. The server fills them in.
//!
//! What comes from data, the values of partitions, is written with Hive's escapes, so that `'${dt}'` is that value whatever
//! stands in it. A statement that names a variable nobody sets is refused before the first is run: Hive would leave the name
//! as it is, and inside quotes nobody would notice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::args::Variables;
use super::changed::{Changed, Stamped};
use crate::error::{self, Result};
use crate::hiveserver2::quote;
use crate::load::{DEFAULT_PARTITION, Partition};
use crate::query::script::{Act, Statement};

/// Names of ours, whatever the source.
const OURS: [&str; 8] =
    ["run_id", "run_date", "run_time", "step", "partition", "partition_filter", "changed_partitions", "changed_count"];
/// Before the name of a partition column.
const OF_COLUMNS: [&str; 3] = ["changed_", "first_", "last_"];
/// What the server knows by itself, or is told by its settings.
const OF_SERVER: [&str; 4] = ["hiveconf:", "system:", "env:", "metaconf:"];

/// Refuses a team's own variables whose names cannot be.
pub(super) fn check_own(own: &Variables) -> Result<()> {
    for name in own.keys() {
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.is_empty() || !is_plain || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(error::config(format!("{name:?} cannot be the name of a variable"))
                .hint("give it a name of letters, digits and underscores"));
        }
        if OURS.contains(&name.as_str()) || OF_COLUMNS.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(error::config(format!("`{name}` is the name of a variable that every step has, or may have"))
                .hint("give yours another name"));
        }
    }
    Ok(())
}

/// The variables that do not depend on partitions.
pub(super) fn of_run(own: &Variables, step: &str, run_id: &str, begun: Timestamp) -> Variables {
    let mut all = own.clone();
    let begun = TimeZone::UTC.to_datetime(begun);
    all.insert("run_id".to_owned(), escaped(run_id));
    all.insert("run_date".to_owned(), begun.strftime("%Y-%m-%d").to_string());
    all.insert("run_time".to_owned(), begun.strftime("%Y-%m-%d %H:%M:%S").to_string());
    all.insert("step".to_owned(), escaped(step));
    all
}

/// Those of one partition.
///
/// # Errors
/// Config: a partition column has the name of another variable.
pub(super) fn of_partition(run: &Variables, partition: &Partition) -> Result<Variables> {
    let mut all = run.clone();
    let mut add = |name: &str, value: String| match all.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(taken(name)),
    };
    add("partition", escaped(&partition.path()))?;
    add("partition_filter", filter(partition))?;
    partition.pairs().try_for_each(|(column, value)| add(column, escaped(value)))?;
    Ok(all)
}

/// Those of all partitions that are pending.
pub(super) fn of_changed(run: &Variables, changed: &Changed) -> Variables {
    let mut all = run.clone();
    let filters: BTreeSet<String> = changed.pending.iter().map(|Stamped { partition, .. }| filter(partition)).collect();
    all.insert("changed_partitions".to_owned(), format!("({})", Vec::from_iter(filters).join(" OR ")));
    all.insert("changed_count".to_owned(), changed.pending.len().to_string());
    for column in &changed.columns {
        let of =
            |stamped: &Stamped| stamped.partition.pairs().find(|(name, _)| name == column).map(|(_, v)| v.to_owned());
        let values: BTreeSet<String> = changed.pending.iter().filter_map(of).collect();
        let list: Vec<String> = values.iter().map(|value| literal(value)).collect();
        all.insert(format!("changed_{column}"), list.join(", "));
        let mut known = values.iter().filter(|value| *value != DEFAULT_PARTITION);
        let first = known.next().map_or("", String::as_str);
        all.insert(format!("first_{column}"), escaped(first));
        all.insert(format!("last_{column}"), escaped(known.next_back().map_or(first, String::as_str)));
    }
    all
}

fn taken(name: &str) -> error::Error {
    error::config(format!("`{name}` is a partition column, and a variable that the step has anyway"))
        .hint("give a variable of your own another name; for a column of that name use a view over the source")
}

/// The condition that a row is in a partition.
fn filter(partition: &Partition) -> String {
    let of = |(column, value): (&str, &str)| {
        let column = quote::name(column);
        match value {
            DEFAULT_PARTITION => format!("({column} IS NULL OR {column} = {})", literal(value)),
            _ => format!("{column} = {}", literal(value)),
        }
    };
    let conditions: Vec<String> = partition.pairs().map(of).collect();
    format!("({})", conditions.join(" AND "))
}

/// A text between quotes, which the server finds no variable in.
fn literal(value: &str) -> String {
    quote::text(value).replace("${", "\\u0024{")
}

/// As it stands between quotes of either kind.
fn escaped(value: &str) -> String {
    let quoted = literal(value).replace('"', "\\\"");
    quoted[1..quoted.len() - 1].to_owned()
}

/// Refuses statements that name a variable nobody sets.
///
/// # Errors
/// Config: with the place of the first one.
pub(super) fn check_named(acts: &[Act], known: &BTreeMap<String, String>) -> Result<()> {
    let mut set: BTreeSet<String> = known.keys().cloned().collect();
    for act in acts {
        let Act::Run(statement) = act else { continue };
        set.extend(set_by(&statement.text));
        check_text(&statement.text, &set).map_err(|e| placed(e, statement))?;
    }
    for (name, value) in known {
        check_text(value, &set).map_err(|e| e.context(format!("variable `{name}`")))?;
    }
    Ok(())
}

fn placed(error: error::Error, statement: &Statement) -> error::Error {
    let Statement { origin, line, number, .. } = statement;
    error.context(format!("{origin}, line {line}, statement {number}"))
}

/// The variable that a `SET hivevar:NAME=VALUE` makes.
fn set_by(statement: &str) -> Option<String> {
    let (word, rest) = statement.split_once(char::is_whitespace)?;
    let (name, _) = rest.trim_start().strip_prefix("hivevar:")?.split_once('=')?;
    word.eq_ignore_ascii_case("set").then(|| name.trim().to_owned())
}

fn check_text(text: &str, known: &BTreeSet<String>) -> Result<()> {
    // As Hive finds them: up to the next brace, without another dollar sign or a blank inside.
    for after in text.split("${").skip(1) {
        let Some((name, _)) = after.split_once('}') else { continue };
        if name.is_empty() || name.contains([' ', '$']) || OF_SERVER.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let name = name.strip_prefix("hivevar:").unwrap_or(name);
        if !known.contains(name) {
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(error::config(format!("nobody sets the variable ${{{name}}}"))
                .hint(format!("set it in the step's `variables`; there are {}", names.join(", "))));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::script::{Source, acts};

    fn own(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn changed(partitions: &[&[(&str, &str)]]) -> Changed {
        let stamped = |pairs: &&[(&str, &str)]| Stamped {
            partition: Partition::new(pairs.iter().map(|(k, v)| (*k, *v))),
            stamp: "1".into(),
        };
        let columns = partitions[0].iter().map(|(name, _)| (*name).to_owned()).collect();
        Changed { columns, pending: partitions.iter().map(stamped).collect(), ..Changed::default() }
    }

    #[test]
    fn the_run_says_its_day_and_its_id() {
        let all = of_run(&own(&[("gap", "30")]), "sessions", "r1", "2024-02-29T23:59:59Z".parse().unwrap());
        let expected = [
            ("gap", "30"),
            ("run_date", "2024-02-29"),
            ("run_id", "r1"),
            ("run_time", "2024-02-29 23:59:59"),
            ("step", "sessions"),
        ];
        assert_eq!(all, own(&expected));
    }

    #[test]
    fn a_hostile_partition_stays_inside_its_quotes() {
        let hostile = r#"it's "a"; \ ${run_id}"#;
        let all = of_partition(&Variables::new(), &Partition::new([("city", hostile), ("n", "")])).unwrap();
        assert_eq!(all["city"], r#"it\'s \"a\"\; \\ \u0024{run_id}"#);
        assert_eq!(
            all["partition_filter"],
            r#"(`city` = 'it\'s "a"\; \\ \u0024{run_id}' AND (`n` IS NULL OR `n` = '__HIVE_DEFAULT_PARTITION__'))"#
        );
        assert!(of_partition(&own(&[("city", "x")]), &Partition::new([("city", "y")])).is_err());
    }

    #[test]
    fn what_changed_is_a_condition_lists_and_ends() {
        let parts: [&[(&str, &str)]; 3] =
            [&[("dt", "2024-01-01"), ("hr", "23")], &[("dt", "2024-01-02"), ("hr", "00")], &[("dt", ""), ("hr", "00")]];
        let all = of_changed(&Variables::new(), &changed(&parts));
        assert_eq!(all["changed_count"], "3");
        assert_eq!(all["changed_dt"], "'2024-01-01', '2024-01-02', '__HIVE_DEFAULT_PARTITION__'");
        assert_eq!(all["changed_hr"], "'00', '23'");
        assert_eq!((all["first_dt"].as_str(), all["last_dt"].as_str()), ("2024-01-01", "2024-01-02"));
        assert!(all["changed_partitions"].contains("(`dt` = '2024-01-01' AND `hr` = '23') OR "), "{all:?}");
    }

    #[test]
    fn a_variable_that_nobody_sets_is_found_before_anything_is_run() {
        let of = |text: &str| {
            let known = own(&[("dt", "2024-01-01"), ("gap", "${minutes}")]);
            let own = if text.contains("minutes") { known } else { own(&[("dt", "2024-01-01")]) };
            check_named(&acts(&[Source::Text(text.to_owned())], ";").unwrap(), &own)
        };
        for fine in [
            "select '${dt}', '${hivevar:dt}', ${hiveconf:x}, '${system:user.name}', '${a b}', '${'",
            "set hivevar:x = 1;\nselect ${x}",
            "set hivevar:minutes=30; select ${gap}",
        ] {
            of(fine).unwrap();
        }
        let error = of("select 1;\nselect '${day}'").unwrap_err();
        assert_eq!(error.to_string(), "-e, line 2, statement 2: nobody sets the variable ${day}");
        assert!(of("select ${gap}, ${minutes}").is_err());
    }

    #[test]
    fn names_of_ours_are_ours() {
        for name in ["", "1a", "a b", "a-b", "run_id", "changed_dt", "first_x"] {
            assert!(check_own(&own(&[(name, "")])).is_err(), "{name}");
        }
        check_own(&own(&[("gap_minutes", "30"), ("_x", "${run_date}")])).unwrap();
    }
}
