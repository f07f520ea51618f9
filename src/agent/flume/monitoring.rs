//! Flume's monitoring, which is asked for on the command line: `-Dflume.monitoring.type=http -Dflume.monitoring.port=N`.
//!
//! `http` is served as there, the JSON of all components at `/metrics`. Flume listens on all addresses; here it is this host
//! alone unless `flume.monitoring.bind`, which is sakia's own, names another address.

use super::output::Table;
use super::substitute::Surroundings;
use crate::config::nearest;
use crate::error::{self, Error};

/// How all properties of monitoring begin.
const PREFIX: &str = "flume.monitoring.";
/// The properties that are heard.
const KNOWN: [&str; 3] = ["type", "port", "bind"];
/// The port of Flume's server where none is named.
const PORT: u16 = 41414;

/// The table `[monitor]` that does the same; empty where nothing is served. What does nothing is noted.
pub(super) fn table(around: &Surroundings, wrong: &mut Vec<Error>, notes: &mut Vec<String>) -> Table {
    let said = |key: &str| around.system.get(&format!("{PREFIX}{key}")).map(|value| value.trim());
    let keys = around.system.keys().filter_map(|key| key.strip_prefix(PREFIX));
    let mut table = Table::default();
    let form = match said("type").map(str::to_ascii_lowercase).as_deref() {
        Some("http") => "flume",
        Some("prometheus") => "prometheus",
        Some(other) => {
            notes.push(format!(
                "-D{PREFIX}type={other} does nothing here: metrics are served as http (Flume's JSON) or prometheus"
            ));
            return table;
        }
        None => {
            let without = |key| format!("-D{PREFIX}{key} does nothing without -D{PREFIX}type=http, as in Flume");
            notes.extend(keys.map(without));
            return table;
        }
    };
    for key in keys.filter(|key| !KNOWN.contains(key)) {
        let near = nearest(key, &KNOWN).map(|near| format!("; did you mean {PREFIX}{near}?")).unwrap_or_default();
        notes.push(format!("-D{PREFIX}{key} does nothing here{near}"));
    }
    let port = said("port").map_or(Ok(PORT), str::parse);
    match port {
        Ok(port) => {
            table.set("port", i64::from(port));
        }
        Err(_) => wrong.push(
            error::config(format!("-D{PREFIX}port={} is not a port", said("port").unwrap_or_default()))
                .hint("give a number from 1 to 65535"),
        ),
    }
    match said("bind") {
        Some(bind) => {
            table.set("bind", bind);
        }
        None => notes.push(format!(
            "metrics are served on 127.0.0.1 alone, where Flume takes all addresses; -D{PREFIX}bind=0.0.0.0 does so here"
        )),
    }
    table.set("form", form);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table, what is wrong, and the notes.
    fn read(system: &[(&str, &str)]) -> (String, String, String) {
        let system = system.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let around = Surroundings { system, ..Surroundings::default() };
        let (mut wrong, mut notes, mut text) = (Vec::new(), Vec::new(), String::new());
        let table = table(&around, &mut wrong, &mut notes);
        if !table.is_empty() {
            super::super::output::write(&mut text, "", "[monitor]", &table);
        }
        (text, wrong.iter().map(Error::to_string).collect(), notes.join("\n"))
    }

    #[test]
    fn http_is_served_and_what_does_nothing_is_said() {
        let (text, wrong, notes) = read(&[("flume.monitoring.type", "HTTP"), ("flume.monitoring.port", "34545")]);
        assert_eq!((text.as_str(), wrong.as_str()), ("[monitor]\nport = 34545\nform = \"flume\"\n", ""));
        assert!(notes.contains("127.0.0.1 alone"), "{notes}");
        let (text, _, notes) = read(&[("flume.monitoring.type", "http"), ("flume.monitoring.bind", "0.0.0.0")]);
        assert_eq!(text, "[monitor]\nport = 41414\nbind = \"0.0.0.0\"\nform = \"flume\"\n");
        assert_eq!(notes, "");
        let (text, _, notes) = read(&[("flume.monitoring.type", "ganglia"), ("flume.monitoring.hosts", "a:1")]);
        assert!(text.is_empty() && notes.contains("type=ganglia does nothing here"), "{text}{notes}");
        let (text, _, notes) = read(&[("flume.monitoring.port", "1")]);
        assert!(text.is_empty() && notes.contains("flume.monitoring.port does nothing without"), "{text}{notes}");
        let (_, wrong, notes) = read(&[
            ("flume.monitoring.type", "http"),
            ("flume.monitoring.port", "70000"),
            ("flume.monitoring.prot", "1"),
        ]);
        assert!(wrong.contains("port=70000 is not a port"), "{wrong}");
        assert!(notes.contains("did you mean flume.monitoring.port?"), "{notes}");
    }
}
