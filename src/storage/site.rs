//! Hadoop's site files (`core-site.xml`, `hdfs-site.xml`) as one map of settings, read as Hadoop reads them: values
//! trimmed, `${other.setting}` expanded, a later file winning over an earlier one unless that said `final`.
//!
//! Refuses files that are not XML; leaves out `xi:include` and `${env.X}` (an unknown `${name}` stays as it is).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::{self, Result};

/// As deep as Hadoop goes before it takes a chain of references for a circle.
const MAX_DEPTH: usize = 20;

/// The configuration directory that an environment variable names; one that is empty names none, as for Hadoop.
pub fn directory(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|directory| !directory.is_empty()).map(PathBuf::from)
}

/// The settings of a configuration directory; files that are not there are skipped.
pub(super) async fn read(directory: &Path) -> Result<BTreeMap<String, String>> {
    let mut raw = BTreeMap::new();
    let mut frozen = BTreeSet::new();
    let mut found = false;
    for name in ["core-site.xml", "hdfs-site.xml"] {
        let path = directory.join(name);
        match tokio::fs::read_to_string(&path).await {
            Ok(text) => {
                found = true;
                parse(&text, &mut raw, &mut frozen)
                    .map_err(|e| error::config(format!("{} is not a site file", path.display())).source(e))?;
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(error::config(format!("cannot read {}", path.display())).source(e)),
        }
    }
    if !found {
        return Err(error::config(format!("there is no core-site.xml or hdfs-site.xml in {}", directory.display()))
            .hint("name the directory that holds the cluster's client configuration"));
    }
    Ok(raw.keys().map(|key| (key.clone(), expand(&raw[key], &raw, 0))).collect())
}

/// The settings of one site file, such as `hive-site.xml`.
///
/// # Errors
/// Config: it cannot be read, or is not a site file.
pub fn read_file(file: &Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| error::config(format!("cannot read {}", file.display())).hint("check its path").source(e))?;
    let mut raw = BTreeMap::new();
    parse(&text, &mut raw, &mut BTreeSet::new())
        .map_err(|e| error::config(format!("{} is not a site file", file.display())).source(e))?;
    Ok(raw.keys().map(|key| (key.clone(), expand(&raw[key], &raw, 0))).collect())
}

/// Adds the properties of one file.
fn parse(
    text: &str,
    settings: &mut BTreeMap<String, String>,
    frozen: &mut BTreeSet<String>,
) -> Result<(), roxmltree::Error> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(text, options)?;
    for property in document.root_element().children().filter(|n| n.has_tag_name("property")) {
        let child = |name: &str| {
            let text = property.children().find(|n| n.has_tag_name(name)).map(|n| n.text().unwrap_or(""));
            text.map(|t| t.trim().to_owned())
        };
        let (Some(name), Some(value)) = (child("name"), child("value")) else { continue };
        if frozen.contains(&name) {
            continue;
        }
        if child("final").is_some_and(|f| f == "true") {
            frozen.insert(name.clone());
        }
        settings.insert(name, value);
    }
    Ok(())
}

/// Replaces each `${name}` by its setting.
fn expand(value: &str, settings: &BTreeMap<String, String>, depth: usize) -> String {
    let mut expanded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, end)) = after.split_once('}') else { break };
        expanded.push_str(before);
        match settings.get(name) {
            Some(inner) if depth < MAX_DEPTH => expanded.push_str(&expand(inner, settings, depth + 1)),
            _ => {
                expanded.push_str("${");
                expanded.push_str(name);
                expanded.push('}');
            }
        }
        rest = end;
    }
    expanded.push_str(rest);
    expanded
}

/// Drops the blanks around the commas of a list, which `a, b` in a site file has and Hadoop ignores.
pub(super) fn tidy_list(value: &str) -> String {
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    async fn read_texts(core: &str, hdfs: Option<&str>) -> Result<BTreeMap<String, String>> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("core-site.xml"), core).unwrap();
        if let Some(hdfs) = hdfs {
            std::fs::write(directory.path().join("hdfs-site.xml"), hdfs).unwrap();
        }
        read(directory.path()).await
    }

    #[tokio::test]
    async fn values_are_trimmed_expanded_and_final_ones_stay() {
        let core = "<?xml version=\"1.0\"?>
            <configuration>
              <property><name>fs.defaultFS</name><value>\n  hdfs://${cluster}\n</value></property>
              <property><name> cluster </name><value>${prefix}-a</value></property>
              <property><name>prefix</name><value>prod</value><final>true</final></property>
              <property><name>kept</name><value>${env.HOME} ${open</value></property>
              <property><name>round</name><value>${round}</value></property>
              <property><name>nothing</name></property>
              <property><name>empty</name><value/></property>
            </configuration>";
        let hdfs = "<configuration>
              <property><name>prefix</name><value>test</value></property>
              <property><name>dfs.replication</name><value>2</value></property>
            </configuration>";
        let settings = read_texts(core, Some(hdfs)).await.unwrap();
        assert_eq!(settings["fs.defaultFS"], "hdfs://prod-a");
        assert_eq!(settings["dfs.replication"], "2");
        assert_eq!(settings["kept"], "${env.HOME} ${open");
        assert_eq!(settings["round"], "${round}");
        assert_eq!(settings["empty"], "");
        assert!(!settings.contains_key("nothing"));
    }

    #[tokio::test]
    async fn missing_and_broken_files_are_configuration_errors() {
        assert_eq!(read_texts("<configuration>", None).await.unwrap_err().kind(), Kind::Config);
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(read(empty.path()).await.unwrap_err().kind(), Kind::Config);
    }

    #[test]
    fn lists_lose_their_blanks() {
        assert_eq!(tidy_list(" nn1, nn2 ,"), "nn1,nn2");
    }
}
