//! The keys of each type of step, for the help of its command: their names are asked of the type that reads the step,
//! what is said of each is the help of the flag that sets it.

use std::collections::BTreeMap;
use std::vec::IntoIter;

use clap::{Arg, Args, Command};
use serde::de::DeserializeOwned;

use crate::config::{self, Key};

/// Widest line of the list; the terminal's own wrapping would lose the indent.
const WIDTH: usize = 96;

/// The keys of a step of type `kind`, one a paragraph.
pub(super) fn of<T: Args + DeserializeOwned>(kind: &str) -> String {
    let command = T::augment_args(Command::new("sakia"));
    let flags: Vec<Arg> = command.get_arguments().cloned().collect();
    let (keys, mut flags) = (config::keys::<T>(), flags.into_iter());
    let lines: Vec<(&str, String)> = keys.iter().map(|key| (key.name, said(key, &mut flags))).collect();
    let article = if kind.starts_with(['a', 'e', 'i']) { "an" } else { "a" };
    let column = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 4;
    let mut text = format!("Keys of {article} {kind} step in a pipeline file:");
    for (name, said) in lines {
        text.push_str(&format!("\n  {name:<width$}", width = column - 2));
        text.push_str(&wrapped(&said, column));
    }
    text
}

/// What is said of keys that are tables of a file alone, which no flag sets.
fn of_file(name: &str) -> Option<&'static str> {
    match name {
        "column" => Some("Columns of the site's own, a [[step.column]] table each: name, type, comment, from, after"),
        "complete" => Some(
            "When partitions are complete, a [step.complete] table: lateness, idle-after, marker, parameter; see docs/agent.md",
        ),
        "variables" => Some("What ${NAME} stands for in the queries, such as { min_value = \"50\" }"),
        "webhook" => Some(
            "The server that gets a signed request an event: { url, secret-file or secret-env, ca }; see docs/triggers.md",
        ),
        "side" => Some(
            "The places, a [[step.side]] table each: name, in (mysql, hive, files), table or target-dir, by, measures, where, unit, or query; see docs/reconcile.md",
        ),
        "route" => Some("What paths mean, a [[step.route]] table each: path, method, query, set; see docs/agent.md"),
        _ => None,
    }
}

/// What is said of a key. The flags stand in the order of the keys, those of a table in the table's place.
fn said(key: &Key, flags: &mut IntoIter<Arg>) -> String {
    if let Some(said) = of_file(key.name) {
        return said.to_owned();
    }
    if key.below.is_empty() {
        return flags.next().map(|flag| of_flag(&flag)).unwrap_or_default();
    }
    if key.below.iter().any(|key| !key.below.is_empty()) {
        key.below.iter().for_each(|key| drop(said(key, flags)));
        return "What is done with each table: { keys of an import step }, such as { warehouse-dir = \"/lake\" }"
            .to_owned();
    }
    let names: Vec<&str> = key.below.iter().map(|key| key.name).collect();
    flags.by_ref().take(names.len()).for_each(drop);
    format!("{}: {{ {} }}", title(key), names.join(", "))
}

/// What the keys of a table inside a step are about.
fn title(key: &Key) -> &'static str {
    match key.name {
        "text" => "Delimited text",
        "incremental" => "Only new or changed rows",
        "hbase" => "HBase cells instead of files",
        "roll" => "When an epoch is written",
        "columns" => "Names of the target's own columns",
        _ => "A table of keys",
    }
}

/// The headings of the flags that set keys of such tables, by the flags' ids.
pub(super) fn headings<T: Args + DeserializeOwned>() -> BTreeMap<String, &'static str> {
    fn gather(
        keys: &[Key],
        heading: Option<&'static str>,
        flags: &mut IntoIter<Arg>,
        into: &mut BTreeMap<String, &'static str>,
    ) {
        for key in keys.iter().filter(|key| of_file(key.name).is_none()) {
            if !key.below.is_empty() {
                let is_flat = key.below.iter().all(|key| key.below.is_empty());
                gather(&key.below, is_flat.then(|| title(key)), flags, into);
            } else if let (Some(flag), Some(heading)) = (flags.next(), heading) {
                into.insert(flag.get_id().to_string(), heading);
            }
        }
    }
    let command = T::augment_args(Command::new("sakia"));
    let flags: Vec<Arg> = command.get_arguments().cloned().collect();
    let mut headings = BTreeMap::new();
    gather(&config::keys::<T>(), None, &mut flags.into_iter(), &mut headings);
    headings
}

/// The help of a flag, with its values and its default, in the words of a file.
fn of_flag(flag: &Arg) -> String {
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default().replace("--", "");
    let default = flag.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
    let values = flag.get_possible_values();
    let takes_value = flag.get_action().takes_values();
    if takes_value && !values.is_empty() {
        let mark = |name: &str| if default.as_deref() == Some(name) { " (default)" } else { "" };
        let values = values.iter().map(|value| format!("{}{}", value.get_name(), mark(value.get_name())));
        return format!("{help}: {}", values.collect::<Vec<_>>().join(", "));
    }
    match default.filter(|value| takes_value && !value.is_empty()) {
        Some(value) => format!("{help} [default: {value}]"),
        None => help,
    }
}

/// A text whose lines after the first are indented as far as the first begins.
fn wrapped(text: &str, indent: usize) -> String {
    let (mut lines, mut length) = (String::new(), indent);
    for word in text.split_whitespace() {
        if length > indent && length + 1 + word.chars().count() > WIDTH {
            lines.push_str(&format!("\n{:indent$}", ""));
            length = indent;
        } else if length > indent {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += word.chars().count();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::AgentArgs;
    use crate::lookup::LookupArgs;
    use crate::scd2::Scd2Args;
    use crate::transfer::args::{ExportArgs, ImportAllArgs, ImportArgs, MergeArgs, ReconcileArgs, VerifyArgs};
    use crate::trigger::TriggerArgs;

    /// Paths of all keys, those of tables with a dot.
    fn paths(keys: &[Key], above: &str, into: &mut Vec<String>) {
        for key in keys {
            let path = format!("{above}{}", key.name);
            match key.below.as_slice() {
                [] => into.push(path),
                below => paths(below, &format!("{path}."), into),
            }
        }
    }

    fn check<T: Args + DeserializeOwned>() {
        let command = T::augment_args(Command::new("sakia"));
        let flags: Vec<&str> = command.get_arguments().map(|flag| flag.get_long().unwrap()).collect();
        let mut keys = Vec::new();
        paths(&config::keys::<T>(), "", &mut keys);
        keys.retain(|key| of_file(key).is_none());
        assert_eq!(flags.len(), keys.len(), "{flags:?} {keys:?}");
        for (flag, key) in flags.iter().zip(&keys) {
            let own = key.rsplit('.').next().unwrap();
            let renamed = [("incremental", "mode"), ("hbase-null-incremental-mode", "null-mode")];
            assert!(
                *flag == own || flag.contains(own) || renamed.contains(&(flag, own)),
                "--{flag} is not the flag of {key}: keys and flags are not in one order"
            );
        }
    }

    #[test]
    fn each_key_has_a_flag_and_they_are_in_one_order() {
        check::<ImportArgs>();
        check::<ImportAllArgs>();
        check::<ExportArgs>();
        check::<MergeArgs>();
        check::<VerifyArgs>();
        check::<AgentArgs>();
        check::<Scd2Args>();
        check::<LookupArgs>();
        check::<ReconcileArgs>();
        check::<TriggerArgs>();
    }

    #[test]
    fn lines_keep_their_indent() {
        let text = of::<ImportArgs>("import");
        assert!(text.starts_with("Keys of an import step in a pipeline file:\n  table "));
        let indents: Vec<usize> = text.lines().skip(1).map(|line| line.len() - line.trim_start().len()).collect();
        let column = indents.iter().max().unwrap();
        assert!(indents.iter().all(|indent| *indent == 2 || indent == column), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }
}
