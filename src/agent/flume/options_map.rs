//! `docs/flume-options.md`, which is made of the rows of the mapping.

use super::options::{Component, Does};
use super::{channels, elsewhere, groups, interceptors, selector, sinks, sources};

const TOP: &str = "# Flume's options, and what they are here

Made of the mapping's own rows (`src/agent/flume`), which a test holds. An option in no list is one that Flume does not know
either: it is named with the nearest one, and does nothing, as in Flume. What a default means in practice is said at the start
and by `sakia agent convert`. [flume.md](flume.md) says how the switch is made.
";

/// The rows of one kind.
fn of_kind<T>(out: &mut String, kind: &str, all: &[&Component<T>]) {
    out.push_str(&format!("\n## {kind}\n"));
    for component in all {
        let names: Vec<String> = component.names.iter().map(|name| format!("`{name}`")).collect();
        out.push_str(&format!("\n### {}: `{}` here\n\n", names.join(", "), component.native));
        out.push_str("| option | default | here |\n|---|---|---|\n");
        for opt in component.options {
            let does = match opt.does {
                Does::Mapped(key) if key.contains(' ') => key.to_owned(),
                Does::Mapped(key) => format!("`{key}`"),
                Does::Note(why) => format!("does nothing: {why}"),
                Does::Refused(instead) => format!("refused unless it is the default: {instead}"),
            };
            let default = if opt.default.is_empty() { String::new() } else { format!("`{}`", opt.default) };
            out.push_str(&format!("| `{}` | {default} | {does} |\n", opt.name));
        }
    }
}

fn whole() -> String {
    let mut out = TOP.to_owned();
    of_kind(&mut out, "Sources", sources::ALL);
    of_kind(&mut out, "Channels", channels::ALL);
    of_kind(&mut out, "Sinks", sinks::ALL);
    of_kind(&mut out, "Interceptors", interceptors::ALL);
    of_kind(&mut out, "Selectors", selector::ALL);
    of_kind(&mut out, "Processors of sink groups", groups::ALL);
    out.push_str("\n## Not here\n\n| kind | names | instead |\n|---|---|---|\n");
    for row in elsewhere::ALL {
        let names: Vec<String> = row.names.iter().map(|name| format!("`{name}`")).collect();
        out.push_str(&format!("| {} | {} | {} |\n", row.kind.noun(), names.join(", "), row.instead));
    }
    out
}

#[test]
fn the_list_of_options_is_that_of_the_mapping() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/flume-options.md");
    let whole = whole();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(file, &whole).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    let differs = kept.lines().zip(whole.lines()).find(|(kept, made)| kept != made);
    assert!(
        kept == whole,
        "docs/flume-options.md is not that of the rows, first at {differs:?}; make bless writes it anew"
    );
}

#[test]
fn a_name_stands_once_and_a_sentence_says_what_to_use() {
    let mut seen = std::collections::BTreeSet::new();
    let sources = sources::ALL.iter().flat_map(|c| c.names).map(|name| format!("source {name}"));
    let channels = channels::ALL.iter().flat_map(|c| c.names).map(|name| format!("channel {name}"));
    let sinks = sinks::ALL.iter().flat_map(|c| c.names).map(|name| format!("sink {name}"));
    let not = elsewhere::ALL.iter().flat_map(|row| row.names.iter().map(|name| format!("{} {name}", row.kind.noun())));
    for name in sources.chain(channels).chain(sinks).chain(not) {
        assert!(seen.insert(name.to_ascii_lowercase()), "{name} stands twice");
    }
    for row in elsewhere::ALL {
        assert!(row.instead.len() > 20 && !row.instead.ends_with('.'), "{}", row.instead);
    }
}
