//! The pipeline file: one table a server, one `[[step]]` a step. The whole file is checked before anything is done:
//! unknown keys and kinds of step, two steps of one name, keys that contradict each other, a step whose server is not
//! configured.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::{self, Opened};
use super::servers::{PROPERTIES, PROXY_USER, Servers};
use super::step::Step;
use crate::config::{self, Document, Part};
use crate::error::{self, Error, Result};

/// A pipeline as its file says it.
#[derive(Debug)]
pub(crate) struct Pipeline {
    /// Directory of the file; relative local paths in it start here.
    pub base: PathBuf,
    /// The servers, one table each.
    pub servers: Servers,
    /// The steps in order, `[[step]]`.
    pub steps: Vec<Step>,
}

impl Pipeline {
    /// Reads and checks a pipeline file; speaks to no server.
    ///
    /// # Errors
    /// Config: the first thing that is wrong with the file, and how many more there are.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        Self::check_file(file).map_err(|wrong| config::first_of(wrong, &format!("sakia check {}", file.display())))
    }

    /// As [`Pipeline::read`], with everything that is wrong.
    ///
    /// # Errors
    /// Config: one error for each mistake that can be found without a server.
    pub(crate) fn check_file(file: &Path) -> Result<Self, Vec<Error>> {
        let read = |document: &mut Document<'_>, opened: &mut Opened| {
            let parts = document.tables("step").unwrap_or_else(|e| {
                opened.wrong.push(e);
                Vec::new()
            });
            if parts.is_empty() && opened.wrong.is_empty() {
                let what = format!("{}: there is no step in it", opened.origin);
                opened.wrong.push(error::config(what).hint("add a [[step]] table"));
            }
            let servers_are_fine = opened.wrong.is_empty();
            let mut pipeline = Self { base: opened.base.clone(), servers: opened.servers.clone(), steps: Vec::new() };
            for part in parts {
                match pipeline.read_step(part, servers_are_fine, &mut opened.notes) {
                    Ok(step) => pipeline.steps.push(step),
                    Err(all) => opened.wrong.extend(all),
                }
            }
            Some(pipeline)
        };
        file::open(file, &["step"], read).map(|(pipeline, _)| pipeline)
    }

    /// Reads one step and checks it beside those before it.
    fn read_step(
        &self,
        mut part: Part<'_>,
        servers_are_fine: bool,
        notes: &mut Vec<String>,
    ) -> Result<Step, Vec<Error>> {
        let step = Step::read(&mut part, notes)?;
        let mut wrong: Vec<Error> = step.check(&self.base).into_iter().map(|(key, e)| part.wrong(key, e)).collect();
        if let Some(table) = step.kind.needs().iter().find(|table| servers_are_fine && !self.servers.has(table)) {
            let what = format!("there is no [{table}] table, which the step needs");
            wrong.push(part.wrong("", error::config(what).hint("say where the server is")));
        }
        if self.steps.iter().any(|earlier| earlier.name == step.name) {
            let what = format!("two steps are called `{}`", step.name);
            wrong.push(part.wrong("", error::config(what).hint("give each step a name of its own")));
        }
        for (key, value) in step.kind.owns() {
            if let Some(earlier) = self.steps.iter().find(|earlier| earlier.kind.owns().contains(&(key, value))) {
                let what = format!("`{key}` {value} belongs to step `{}` already", earlier.name);
                wrong.push(part.wrong(key, error::config(what).hint("give each step a directory of its own")));
            }
        }
        if wrong.is_empty() { Ok(step) } else { Err(wrong) }
    }

    /// A pipeline of one step that no file says; its relative local paths start in the working directory.
    ///
    /// # Errors
    /// Usage: the step lacks something, contradicts itself, or needs a server that is not named.
    pub(crate) fn of_step(servers: Servers, step: Step) -> Result<Self> {
        servers.check()?;
        let pipeline = Self { base: PathBuf::new(), servers, steps: vec![step] };
        for step in &pipeline.steps {
            if let Some((_, e)) = step.check(&pipeline.base).into_iter().next() {
                return Err(e.context(format!("the command line: step `{}`", step.name)));
            }
            if let Some(table) = step.kind.needs().iter().find(|table| !pipeline.servers.has(table)) {
                let what =
                    format!("the command line: step `{}` needs {table}, and nothing says where it is", step.name);
                return Err(error::config(what).hint(format!("give --{table}-url")));
            }
        }
        Ok(pipeline)
    }

    /// A pipeline without steps, of servers that are only to be looked at.
    ///
    /// # Errors
    /// Config: a URL holds a password.
    pub(crate) fn of_servers(servers: Servers) -> Result<Self> {
        servers.check()?;
        Ok(Self { base: PathBuf::new(), servers, steps: Vec::new() })
    }

    /// The pipeline as a file that [`Pipeline::read`] reads back, without what need not be said. Passwords are not in
    /// it, only where they come from.
    ///
    /// # Errors
    /// Bug: something is not read as it is written.
    pub(crate) fn to_toml(&self) -> Result<String> {
        let mut file = String::new();
        if let Some(user) = &self.servers.proxy_user {
            file.push_str(&format!("{PROXY_USER} = {}\n\n", toml::Value::from(user.as_str())));
        }
        if !self.servers.properties.is_empty() {
            let table =
                toml::Table::from_iter(self.servers.properties.iter().map(|(k, v)| (k.clone(), v.as_str().into())));
            add(&mut file, &format!("[{PROPERTIES}]"), &table);
        }
        for (name, table) in self.servers.clone().without_environment().to_tables()? {
            add(&mut file, &format!("[{name}]"), &table);
        }
        for step in &self.steps {
            add(&mut file, "[[step]]", &step.to_table()?);
        }
        Ok(file)
    }

    /// Keeps only the named steps, in the order of the file; all if none is named.
    ///
    /// # Errors
    /// Usage: there is no step of a name.
    pub(crate) fn select(mut self, names: &[String]) -> Result<Self> {
        for name in names {
            let known: Vec<&str> = self.steps.iter().map(|s| s.name.as_str()).collect();
            if !known.contains(&name.as_str()) {
                let hint = match config::nearest(name, &known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the steps are: {}", known.join(", ")),
                };
                return Err(error::usage(format!("the pipeline has no step `{name}`")).hint(hint));
            }
        }
        self.steps.retain(|s| names.is_empty() || names.contains(&s.name));
        Ok(self)
    }

    /// How many steps there are of each type.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for step in &self.steps {
            *counts.entry(step.kind.as_str()).or_default() += 1;
        }
        counts
    }
}

/// Adds a table below its heading; tables inside it are written inline, so that one heading is enough.
fn add(file: &mut String, heading: &str, table: &toml::Table) {
    if !file.is_empty() {
        file.push('\n');
    }
    file.push_str(heading);
    file.push('\n');
    // What names a thing comes first; the rest as it is sorted.
    let (first, rest): (Vec<_>, Vec<_>) = table.iter().partition(|(key, _)| matches!(key.as_str(), "type" | "name"));
    for (key, value) in first.into_iter().rev().chain(rest) {
        let is_bare = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let key = if is_bare { key.clone() } else { toml::Value::from(key.as_str()).to_string() };
        file.push_str(&format!("{key} = {value}\n"));
    }
}
