//! Config filters: `${NAME['KEY']}` in the value of a component, which a filter of that name looks up.
//!
//! `env` looks in the environment, `external` runs a command with the key behind it, `hadoop` reads Hadoop's credential
//! files. What is not found is an error; with `lenient` the text stays as it is, as in Flume.

use std::process::Command;

use regex::Regex;

use super::grammar::{Agent, Kind, Said};
use super::substitute::Surroundings;
use super::trouble::{Trouble, TroubleKind};
use crate::error::{self, Result};
use crate::secret::{Secret, credential};

/// Where a filter looks.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Environment,
    /// A program and its first arguments.
    Command(Vec<String>),
    /// Hadoop's credential files.
    Credentials(Vec<String>),
}

/// A filter.
struct Filter {
    name: String,
    place: Place,
    /// `${NAME['KEY']}`, with the key as its first group that matches.
    pattern: Regex,
}

/// Puts what the filters find into the values of an agent's components; notes what is wrong and, where nothing hides it
/// any more, what a filter gave.
pub(super) fn apply(agent: &mut Agent, around: &Surroundings, wrong: &mut Vec<error::Error>, notes: &mut Vec<String>) {
    let mut filters = Vec::new();
    for name in agent.listed(Kind::ConfigFilter) {
        match filter(agent, name) {
            Ok(filter) => filters.push(filter),
            Err(e) => wrong.push(e),
        }
    }
    let name = agent.name.clone();
    for ((kind, component), said) in agent.said.iter_mut().filter(|((kind, _), _)| *kind != Kind::ConfigFilter) {
        let prefix = format!("{name}.{}.{component}", kind.heading());
        for filter in &filters {
            filter.apply(&prefix, said, around, wrong, notes);
        }
    }
}

/// Reads a filter.
fn filter(agent: &Agent, name: &str) -> Result<Filter> {
    let prefix = format!("{}.configfilters.{name}", agent.name);
    let text = |key: &str| agent.text(Kind::ConfigFilter, name, key);
    let needed = |key: &str| {
        text(key).map(str::to_owned).ok_or_else(|| Trouble::new(TroubleKind::AttrsMissing, &prefix, key).error())
    };
    let class = needed("type")?;
    let place = match class.rsplit('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "env" | "environmentvariableconfigfilter" => Place::Environment,
        "external" | "externalprocessconfigfilter" => {
            if text("charset").is_some_and(|charset| !super::sources::is_utf8(charset)) {
                return Err(error::config(format!("{prefix}.charset is not here")).hint("let the command print UTF-8"));
            }
            Place::Command(needed("command")?.split_whitespace().map(str::to_owned).collect())
        }
        "hadoop" | "hadoopcredentialstoreconfigfilter" => {
            let files = needed("credential.provider.path")?;
            if text("credstore.java-keystore-provider.password-file").is_some() {
                let what = format!("{prefix}.credstore.java-keystore-provider.password-file is not read here");
                return Err(
                    error::config(what).hint("set HADOOP_CREDSTORE_PASSWORD in the environment, and take it out")
                );
            }
            Place::Credentials(files.split(',').map(|file| file.trim().to_owned()).collect())
        }
        _ => {
            return Err(
                error::config(format!("{prefix}.type = {class} is not here")).hint("use env, external or hadoop")
            );
        }
    };
    let key = "[-_a-zA-Z0-9]+";
    let pattern = format!(r#"\$\{{{}\[(?:'({key})'|"({key})"|({key}))\]\}}"#, regex::escape(name));
    let pattern = Regex::new(&pattern).map_err(|e| error::bug("a config filter has no pattern").source(e))?;
    Ok(Filter { name: name.to_owned(), place, pattern })
}

impl Filter {
    fn apply(
        &self,
        prefix: &str,
        said: &mut Said,
        around: &Surroundings,
        wrong: &mut Vec<error::Error>,
        notes: &mut Vec<String>,
    ) {
        for (key, value) in said.iter_mut() {
            let mut found_any = false;
            let text = self.pattern.replace_all(&value.text, |found: &regex::Captures<'_>| {
                let alias = (1..4).find_map(|group| found.get(group)).map_or("", |group| group.as_str());
                match self.look_up(alias, around) {
                    Ok(text) => {
                        found_any = true;
                        text
                    }
                    Err(e) => {
                        wrong.push(e.context(format!("{}: {prefix}.{key}: config filter {}", value.place, self.name)));
                        found[0].to_owned()
                    }
                }
            });
            let text = text.into_owned();
            if found_any && self.place != Place::Environment {
                let name = &self.name;
                notes.push(format!("{prefix}.{key} has what config filter {name} gave; keep a converted file private"));
            }
            value.text = text;
        }
    }

    fn look_up(&self, key: &str, around: &Surroundings) -> Result<String> {
        match &self.place {
            Place::Command(_) | Place::Credentials(_) if !around.asks_filters => {
                Err(error::config("it is not asked here").hint("read the configuration where the agent runs"))
            }
            Place::Environment => around.environment.get(key).cloned().ok_or_else(|| {
                error::config(format!("there is no variable {key} in the environment")).hint(format!("set {key}"))
            }),
            Place::Command(command) => run(command, key),
            Place::Credentials(files) => credential_of(files, key).map(|secret| secret.expose().to_owned()),
        }
    }
}

/// The first line that a command prints.
fn run(command: &[String], key: &str) -> Result<String> {
    let named = command.join(" ");
    let failed =
        |what: &str| error::config(format!("command {named} {key} {what}")).hint("run it by hand as this user");
    let (program, args) = command.split_first().ok_or_else(|| failed("is empty"))?;
    let done = Command::new(program).args(args).arg(key).output().map_err(|e| failed("cannot be run").source(e))?;
    if !done.status.success() {
        return Err(failed(&format!("ended with {}", done.status)));
    }
    let text = String::from_utf8(done.stdout).map_err(|e| failed("did not print UTF-8").source(e))?;
    text.lines().next().map(str::to_owned).ok_or_else(|| failed("printed nothing"))
}

/// A password by its name, from the first file that has it.
fn credential_of(files: &[String], alias: &str) -> Result<Secret> {
    let mut last = error::config(format!("there is no credential file for {alias}")).hint("name one");
    for file in files {
        match credential(file, alias) {
            Err(e) if e.kind() == error::Kind::NotFound => last = e,
            done => return done,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::super::{grammar, properties};
    use super::*;

    /// What becomes of `a.sources.r.x`, and what is wrong.
    fn of(filters: &str, x: &str) -> (String, Vec<String>, Vec<String>) {
        asked(true, filters, x)
    }

    fn asked(asks_filters: bool, filters: &str, x: &str) -> (String, Vec<String>, Vec<String>) {
        let text = format!("a.sources.r.x = {x}\n{filters}");
        let (mut agents, _) = grammar::agents(&properties::parse(text.as_bytes(), "f", &mut Vec::new()).unwrap());
        let mut agent = agents.remove("a").unwrap();
        let environment = [("host", "filtered_host"), ("port", "filtered_port"), ("header", "filtered_header")];
        let environment = environment.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let around = Surroundings { environment, asks_filters, ..Surroundings::default() };
        let (mut wrong, mut notes) = (Vec::new(), Vec::new());
        apply(&mut agent, &around, &mut wrong, &mut notes);
        let x = agent.text(Kind::Source, "r", "x").unwrap().to_owned();
        (x, wrong.iter().map(|e| format!("{e}; {}", e.remedy().unwrap_or("-"))).collect(), notes)
    }

    const TWO: &str = "a.configfilters = f1 f2\na.configfilters.f1.type = env\na.configfilters.f2.type = \
                       org.apache.flume.configfilter.EnvironmentVariableConfigFilter";

    #[test]
    fn fv8_a_key_without_quotes() {
        assert_eq!(of(TWO, "${f1[host]}").0, "filtered_host");
    }

    #[test]
    fn fv9_quotes_and_several_filters_in_a_value() {
        assert_eq!(of(TWO, "${f2[\"port\"]}-${f1['header']}").0, "filtered_port-filtered_header");
    }

    #[test]
    fn fv10_what_a_filter_does_not_find_stays_and_is_said() {
        let (x, wrong, _) = of(TWO, "${f1['param\"]}");
        assert_eq!((x.as_str(), wrong.len()), ("${f1['param\"]}", 0), "quotes of two kinds are not a key");
        let (x, wrong, _) = of(TWO, "${f1['null']}");
        assert_eq!(x, "${f1['null']}");
        assert_eq!(
            wrong,
            ["f:1: a.sources.r.x: config filter f1: there is no variable null in the environment; set null"]
        );
    }

    #[test]
    fn a_command_gives_its_first_line() {
        let by = |command: &str| {
            of(
                &format!("a.configfilters=f\na.configfilters.f.type=external\na.configfilters.f.command={command}"),
                "<${f['k']}>",
            )
        };
        let (x, wrong, notes) = by("echo it is");
        assert_eq!((x.as_str(), wrong.len(), notes.len()), ("<it is k>", 0, 1));
        assert!(by("false").1[0].contains("command false k ended with"));
        assert!(by("true").1[0].contains("printed nothing"));
        assert!(by("/nowhere/x").1[0].contains("cannot be run"));
    }

    #[test]
    fn what_is_not_to_be_asked_runs_no_command_and_reads_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let made = dir.path().join("made");
        let command = format!("a.configfilters.f.type=external\na.configfilters.f.command=touch {}", made.display());
        let file = "a.configfilters.f.type=hadoop\na.configfilters.f.credential.provider.path=jceks://file/nowhere";
        for filter in [&command, file] {
            let (x, wrong, _) = asked(false, &format!("a.configfilters=f\n{filter}"), "${f['k']}");
            assert_eq!(x, "${f['k']}");
            assert!(wrong[0].contains("config filter f: it is not asked here"), "{wrong:?}");
        }
        assert!(!made.exists());
    }

    #[test]
    fn a_filter_that_is_not_one_is_said() {
        assert!(of("a.configfilters=f\na.configfilters.f.type=vault", "1").1[0].contains("type = vault is not here"));
        assert!(of("a.configfilters=f", "1").1[0].contains("a.configfilters.f has no type"));
        let hadoop = "a.configfilters=f\na.configfilters.f.type=hadoop\na.configfilters.f.credential.provider.path=";
        assert!(of(&format!("{hadoop}jceks://file/nowhere"), "${f[k]}").1[0].contains("cannot read credential file"));
    }
}
