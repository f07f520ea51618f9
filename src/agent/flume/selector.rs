//! Flume's channel selectors. A new one is its rows, and a line in [`ALL`].

use toml::Value;

use super::grammar::names;
use super::options::{Component, mapped};
use super::output::Table;

/// Those that are here.
pub(super) const ALL: &[&Component<Table>] = &[&REPLICATING, &MULTIPLEXING, &LOAD_BALANCING];

/// The one where nothing is said.
pub(super) const DEFAULT: &str = "replicating";

const REPLICATING: Component<Table> = Component {
    names: &["replicating", "org.apache.flume.channel.ReplicatingChannelSelector"],
    native: "replicating",
    options: &[mapped("optional", "", "optional")],
    map: |said| {
        let mut table = Table::default();
        let optional = values(&said.list("optional"));
        if !optional.is_empty() {
            table.set("optional", optional);
        }
        table
    },
};

const MULTIPLEXING: Component<Table> = Component {
    names: &["multiplexing", "org.apache.flume.channel.MultiplexingChannelSelector"],
    native: "multiplexing",
    options: &[
        mapped("header", "flume.selector.header", "header"),
        mapped("mapping.*", "", "mapping"),
        mapped("optional.*", "", "optional"),
        mapped("default", "", "default"),
    ],
    map: |said| {
        let mut table = Table::default();
        table.set("header", said.needed("header"));
        for (key, beginning) in [("mapping", "mapping."), ("optional", "optional.")] {
            let all = said.below(beginning).into_iter();
            let all: toml::Table =
                all.map(|(value, list)| (value.to_owned(), values(&names(&list.text)).into())).collect();
            if !all.is_empty() {
                table.set(key, Value::Table(all));
            }
        }
        table.set("default", values(&said.list("default")));
        table
    },
};

const LOAD_BALANCING: Component<Table> = Component {
    names: &["load_balancing", "org.apache.flume.channel.LoadBalancingChannelSelector"],
    native: "load-balancing",
    options: &[mapped("policy", "round_robin", "policy")],
    map: |said| {
        let mut table = Table::default();
        match said.text("policy").map(str::to_ascii_lowercase).as_deref() {
            Some("random") => {
                table.set("policy", "random");
            }
            Some("round_robin") | None => {}
            Some(_) => said.not_here("policy", "is a class of its own", "use round_robin or random"),
        }
        table
    },
};

fn values(names: &[String]) -> Vec<Value> {
    names.iter().map(|name| Value::from(name.as_str())).collect()
}
