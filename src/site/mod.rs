//! Hadoop's site files (`core-site.xml`, `hive-site.xml` ...) as one map of settings, read as Hadoop reads them: values
//! trimmed, `${other.setting}`, `${env.NAME}` and a few of Java's properties expanded, files included by `xi:include`, a
//! later file winning over an earlier one unless that said `final`. Passwords come from the credential files that
//! `hadoop.security.credential.provider.path` names.
//!
//! Source: Hadoop 3.4 `Configuration`. An unknown `${name}` stays as it is.

mod known;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(crate) use self::values::known_value;
use crate::error::{self, Result};
use crate::secret::{Secret, credential};

/// As deep as Hadoop goes before it takes a chain of references for a circle.
const MAX_DEPTH: usize = 20;

/// Credential files, in the order they are looked at.
const PROVIDERS: &str = "hadoop.security.credential.provider.path";
/// Whether a password may stand in the site file itself.
const IN_CLEAR: &str = "hadoop.security.credential.clear-text-fallback";

/// The configuration directory that an environment variable names; one that is empty names none, as for Hadoop.
pub fn directory(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|directory| !directory.is_empty()).map(PathBuf::from)
}

/// The settings of some site files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    settings: BTreeMap<String, String>,
    /// The files that settings are from; what was said on top of them is from none.
    origins: BTreeMap<String, PathBuf>,
}

impl Site {
    /// Those of a directory's files, by their names; one that is not there is skipped. `None` if none is there.
    ///
    /// # Errors
    /// Config: a file cannot be read, or is not a site file.
    pub fn of_directory(directory: &Path, names: &[&str]) -> Result<Option<Self>> {
        let files: Vec<PathBuf> = names.iter().map(|name| directory.join(name)).filter(|file| file.exists()).collect();
        if files.is_empty() { Ok(None) } else { Self::of_files(&files).map(Some) }
    }

    /// Those of files, the later ones winning.
    ///
    /// # Errors
    /// Config: a file cannot be read, or is not a site file.
    pub fn of_files<P: AsRef<Path>>(files: &[P]) -> Result<Self> {
        let mut reading = Reading::default();
        files.iter().try_for_each(|file| reading.file(file.as_ref(), 0))?;
        Ok(reading.finish())
    }

    /// The same, with settings of the command line on top: they win over what files call final.
    #[must_use]
    pub fn with<'a>(mut self, settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        for (name, value) in settings {
            self.origins.remove(name);
            self.settings.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// A setting; an empty one counts as not set, as in Hadoop's own getters.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a setting is `true`, in any case.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// All settings.
    pub fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    /// A password: from the credential files, else from the setting itself.
    ///
    /// # Errors
    /// Config, Auth: a credential file cannot be read or opened.
    pub(crate) fn password(&self, name: &str) -> Result<Option<Secret>> {
        for provider in self.get(PROVIDERS).into_iter().flat_map(|list| list.split(',')) {
            match credential(provider.trim(), name) {
                Ok(secret) => return Ok(Some(secret)),
                Err(e) if e.kind() == error::Kind::NotFound => {}
                Err(e) => return Err(e.context(format!("cannot look up {name}"))),
            }
        }
        let clear = self.get(IN_CLEAR).is_none_or(|value| value.eq_ignore_ascii_case("true"));
        Ok(self.get(name).filter(|_| clear).map(Secret::new))
    }
}

/// Settings while files are read.
#[derive(Default)]
struct Reading {
    raw: BTreeMap<String, String>,
    origins: BTreeMap<String, PathBuf>,
    frozen: BTreeSet<String>,
}

impl Reading {
    fn file(&mut self, file: &Path, depth: usize) -> Result<()> {
        let text = std::fs::read_to_string(file)
            .map_err(|e| error::config(format!("cannot read {}", file.display())).hint("check its path").source(e))?;
        let foreign = |e: roxmltree::Error| error::config(format!("{} is not a site file", file.display())).source(e);
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        let document = roxmltree::Document::parse_with_options(&text, options).map_err(foreign)?;
        self.elements(document.root_element(), file, depth)
    }

    fn elements(&mut self, parent: roxmltree::Node<'_, '_>, file: &Path, depth: usize) -> Result<()> {
        for node in parent.children().filter(roxmltree::Node::is_element) {
            match node.tag_name().name() {
                "property" => self.property(node, file),
                "include" => self.include(node, file, depth)?,
                // Hadoop takes properties of nested configurations, which included files have.
                "configuration" => self.elements(node, file, depth)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// `xi:include`, with what stands in its `fallback` where the file is not there.
    fn include(&mut self, node: roxmltree::Node<'_, '_>, file: &Path, depth: usize) -> Result<()> {
        let href = node.attribute("href").unwrap_or_default();
        let path = href.strip_prefix("file://").or(href.strip_prefix("file:")).unwrap_or(href);
        let included = file.parent().unwrap_or(Path::new("")).join(path);
        let fallback = node.children().find(|child| child.tag_name().name() == "fallback");
        match fallback {
            _ if depth >= MAX_DEPTH => {
                Err(error::config(format!("{} includes itself", file.display())).hint("break the circle of xi:include"))
            }
            _ if included.is_file() => self.file(&included, depth + 1),
            Some(fallback) => self.elements(fallback, file, depth),
            None => Err(error::config(format!("{} includes {href}, which is not there", file.display()))
                .hint("check the href of its xi:include")),
        }
    }

    fn property(&mut self, property: roxmltree::Node<'_, '_>, file: &Path) {
        // Attributes mean the same as elements of their names.
        let child = |name: &str| {
            let element = property.children().find(|n| n.has_tag_name(name)).map(|n| n.text().unwrap_or(""));
            element.or(property.attribute(name)).map(|text| text.trim().to_owned())
        };
        let (Some(name), Some(value)) = (child("name"), child("value")) else { return };
        if self.frozen.contains(&name) {
            return;
        }
        if child("final").is_some_and(|f| f == "true") {
            self.frozen.insert(name.clone());
        }
        self.origins.insert(name.clone(), file.to_owned());
        self.raw.insert(name, value);
    }

    fn finish(self) -> Site {
        let Self { raw, origins, .. } = self;
        Site { settings: raw.keys().map(|key| (key.clone(), expand(&raw[key], &raw, 0))).collect(), origins }
    }
}

/// Replaces each `${name}` by its setting, and `${env.NAME}` by the environment's.
fn expand(value: &str, settings: &BTreeMap<String, String>, depth: usize) -> String {
    let mut expanded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, end)) = after.split_once('}') else { break };
        expanded.push_str(before);
        match settings.get(name) {
            Some(inner) if depth < MAX_DEPTH => expanded.push_str(&expand(inner, settings, depth + 1)),
            _ => match of_environment(name) {
                Some(inner) => expanded.push_str(&inner),
                None => {
                    expanded.push_str("${");
                    expanded.push_str(name);
                    expanded.push('}');
                }
            },
        }
        rest = end;
    }
    expanded.push_str(rest);
    expanded
}

/// `env.NAME`, with what is to be taken where it is not set (`-`) or empty (`:-`); and the properties of Java that site
/// files lean on.
fn of_environment(name: &str) -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok();
    match name {
        "user.name" => return variable("USER").or_else(|| variable("LOGNAME")),
        "user.home" => return variable("HOME"),
        "java.io.tmpdir" => return Some("/tmp".to_owned()),
        _ => {}
    }
    let name = name.strip_prefix("env.")?;
    match (name.split_once(":-"), name.split_once('-')) {
        (Some((name, default)), _) => {
            Some(variable(name).filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned()))
        }
        (None, Some((name, default))) => Some(variable(name).unwrap_or_else(|| default.to_owned())),
        (None, None) => variable(name),
    }
}

/// Drops the blanks around the commas of a list, which `a, b` in a site file has and Hadoop ignores.
pub(crate) fn tidy_list(value: &str) -> String {
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn read(files: &[(&str, &str)]) -> Result<Site> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let names = ["core-site.xml", "hdfs-site.xml"];
        Site::of_directory(directory.path(), &names).map(Option::unwrap_or_default)
    }

    #[test]
    fn values_are_trimmed_expanded_and_final_ones_stay() {
        let core = "<?xml version=\"1.0\"?>
            <configuration>
              <property><name>fs.defaultFS</name><value>\n  hdfs://${cluster}\n</value></property>
              <property><name> cluster </name><value>${prefix}-a</value></property>
              <property><name>prefix</name><value>prod</value><final>true</final></property>
              <property><name>kept</name><value>${env.SAKIA_NO_SUCH} ${open</value></property>
              <property><name>or</name><value>${env.SAKIA_NO_SUCH:-b} ${env.SAKIA_NO_SUCH-c}</value></property>
              <property><name>round</name><value>${round}</value></property>
              <property><name>nothing</name></property>
              <property><name>empty</name><value/></property>
              <property name=\"short\" value=\"1\"/>
            </configuration>";
        let hdfs = "<configuration>
              <property><name>prefix</name><value>test</value></property>
              <property><name>dfs.replication</name><value>2</value></property>
            </configuration>";
        let site = read(&[("core-site.xml", core), ("hdfs-site.xml", hdfs)]).unwrap();
        let settings = site.settings();
        assert_eq!(settings["fs.defaultFS"], "hdfs://prod-a");
        assert_eq!(settings["dfs.replication"], "2");
        assert_eq!(settings["kept"], "${env.SAKIA_NO_SUCH} ${open");
        assert_eq!(settings["or"], "b c");
        assert_eq!(settings["round"], "${round}");
        assert_eq!((settings["empty"].as_str(), site.get("empty")), ("", None));
        assert_eq!(settings["short"], "1");
        assert!(!settings.contains_key("nothing"));
    }

    #[test]
    fn files_are_included() {
        let core = "<configuration xmlns:xi='http://www.w3.org/2001/XInclude'>
              <property><name>a</name><value>1</value></property>
              <xi:include href='more.xml'/>
              <xi:include href='missing.xml'><xi:fallback>
                <property><name>c</name><value>3</value></property>
              </xi:fallback></xi:include>
              <property><name>d</name><value>${b}</value></property>
            </configuration>";
        let more = "<configuration><property><name>b</name><value>2</value></property></configuration>";
        let site = read(&[("core-site.xml", core), ("more.xml", more)]).unwrap();
        let found: Vec<_> = site.settings().iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(found, ["a=1", "b=2", "c=3", "d=2"]);
        let alone = "<configuration><include href='gone.xml'/></configuration>";
        assert_eq!(read(&[("core-site.xml", alone)]).unwrap_err().kind(), Kind::Config);
        let circle = "<configuration><include href='core-site.xml'/></configuration>";
        assert!(read(&[("core-site.xml", circle)]).unwrap_err().to_string().ends_with("includes itself"));
    }

    #[test]
    fn a_broken_file_is_a_configuration_error() {
        assert_eq!(read(&[("core-site.xml", "<configuration>")]).unwrap_err().kind(), Kind::Config);
    }

    #[test]
    fn a_password_comes_from_the_credential_file_first() {
        let provider = format!("localjceks://file{}/src/secret/testdata/hadoop.jceks", env!("CARGO_MANIFEST_DIR"));
        let site = Site::default().with([(PROVIDERS, provider.as_str()), ("other", "clear"), ("shop.password", "old")]);
        let password = |site: &Site, name| site.password(name).unwrap().map(|secret| secret.expose().to_owned());
        assert_eq!(password(&site, "shop.password").as_deref(), Some("s3cret of the shöp"));
        assert_eq!(password(&site, "other").as_deref(), Some("clear"));
        assert_eq!(password(&site.with([(IN_CLEAR, "false")]), "other"), None);
    }

    #[test]
    fn lists_lose_their_blanks() {
        assert_eq!(tidy_list(" nn1, nn2 ,"), "nn1,nn2");
    }
}
