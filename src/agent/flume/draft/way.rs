//! What is done to a source's events on their way to its channels: interceptors, and the selector.

use toml::Value;

use super::super::elsewhere;
use super::super::grammar::{Kind, Said, names};
use super::super::options::find;
use super::super::output::Table;
use super::super::settings::{Refusal, Settings};
use super::super::{interceptors, selector};
use super::Mapper;
use crate::error;

/// What is said below a beginning, without it.
fn below(said: &Said, beginning: &str) -> Said {
    let own = said.iter().filter_map(|(key, value)| Some((key.strip_prefix(beginning)?.to_owned(), value.clone())));
    own.filter(|(key, _)| key != "type").collect()
}

impl Mapper<'_> {
    /// The interceptors of a source, in their order.
    pub(super) fn interceptors(&self, source: &str, refusals: &mut Vec<Refusal>) -> Vec<Value> {
        let Some(said) = self.agent.of(Kind::Source, source) else { return Vec::new() };
        let prefix = self.prefix(Kind::Source, source);
        let listed = names(said.get("interceptors").map_or("", |value| value.text.as_str()));
        let mut made = Vec::new();
        for name in &listed {
            let (beginning, prefix) = (format!("interceptors.{name}."), format!("{prefix}.interceptors.{name}"));
            let Some(class) = said.get(&format!("{beginning}type")) else {
                let error = error::config(format!("{prefix} has no type")).hint(format!("say {prefix}.type"));
                refusals.push(Refusal::Invalid(error));
                continue;
            };
            let Some(component) = find(interceptors::ALL, &class.text) else {
                let error = error::config(format!("{prefix}.type = {} is not here", class.text));
                let error = error.hint(elsewhere::interceptor(&class.text)).context(&class.place);
                refusals.push(Refusal::NotHere(error));
                continue;
            };
            let own = below(said, &beginning);
            let settings = Settings::new(prefix, &own, component.options, self.common);
            let mut table = Table::default();
            table.set("type", component.native).append((component.map)(&settings));
            refusals.extend(settings.finish());
            made.push(table.inline());
        }
        let named = |key: &str| listed.iter().any(|name| key.starts_with(&format!("{name}.")));
        for (key, value) in said.iter().filter_map(|(key, value)| Some((key.strip_prefix("interceptors.")?, value))) {
            if !named(key) {
                let what = format!(
                    "{}: {prefix}.interceptors.{key}: no interceptor of that name is listed, and it does nothing",
                    value.place
                );
                self.common.notes.borrow_mut().push(what);
            }
        }
        made
    }

    /// The selector of a source, if it says one.
    pub(super) fn selector(&self, source: &str, refusals: &mut Vec<Refusal>) -> Option<Value> {
        let own = below(self.agent.of(Kind::Source, source)?, "selector.");
        let class = self.agent.text(Kind::Source, source, "selector.type");
        if class.is_none() && own.is_empty() {
            return None;
        }
        let (prefix, class) =
            (format!("{}.selector", self.prefix(Kind::Source, source)), class.unwrap_or(selector::DEFAULT));
        let Some(component) = find(selector::ALL, class) else {
            let error = error::config(format!("{prefix}.type = {class} is a class of its own"));
            refusals.push(Refusal::NotHere(error.hint("use replicating, multiplexing or load_balancing")));
            return None;
        };
        let settings = Settings::new(prefix, &own, component.options, self.common);
        let mut table = Table::default();
        table.set("type", component.native).append((component.map)(&settings));
        refusals.extend(settings.finish());
        Some(table.inline())
    }
}
