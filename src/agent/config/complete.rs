//! When the partitions of a table are complete, and what says so: `complete` of a sink.

use serde::{Deserialize, Serialize};

use super::checks::Wrongs;
use crate::agent::sinks::table::CompleteOptions;
use crate::config::Timespan;
use crate::error;

/// The file that Hadoop's jobs leave behind, and that Oozie waits for where nobody says otherwise.
const MARKER: &str = "_SUCCESS";

/// The parameter of a complete partition where nobody says otherwise.
const PARAMETER: &str = "sakia.complete";

/// When partitions are complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CompleteArgs {
    /// How much later than others a row may come.
    pub lateness: Timespan,
    /// After so long without an event the clock says what time it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_after: Option<Timespan>,
    /// Name of the file in a partition's directory; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// Parameter of a partition in the metastore; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
}

impl CompleteArgs {
    /// # Errors
    /// Config: a name makes no sense, or nothing would say that a partition is complete.
    pub(super) fn plan(self, has_table: bool) -> Result<CompleteOptions, Wrongs> {
        let mut wrong = Wrongs::default();
        let Self { lateness, idle_after, marker, parameter } = self;
        if parameter.as_ref().is_some_and(|name| !name.is_empty()) && !has_table {
            let e = error::config("parameter is one of a table's partitions, and there is no hive-table");
            wrong.add("complete", e.hint("give hive-table, or leave parameter out"));
        }
        let marker = Some(marker.unwrap_or_else(|| MARKER.to_owned())).filter(|name| !name.is_empty());
        let parameter = parameter.unwrap_or_else(|| PARAMETER.to_owned());
        let parameter = Some(parameter).filter(|name| !name.is_empty() && has_table);
        if let Some(name) = marker.iter().find(|name| !name.starts_with(['_', '.']) || name.contains(['/', ':'])) {
            let e = error::config(format!("marker {name:?} would be read as a file of rows, or is not a name"));
            wrong.add("complete", e.hint("begin it with an underscore, and leave out / and :"));
        }
        let taken = |name: &&String| name.starts_with("sakia.") && *name != PARAMETER;
        if let Some(name) = parameter.iter().find(taken) {
            let e = error::config(format!("parameter {name:?} is one of sakia's own"));
            wrong.add("complete", e.hint(format!("call it {PARAMETER}, or by a name that does not begin with sakia.")));
        }
        if marker.is_none() && parameter.is_none() {
            let e = error::config("neither marker nor parameter says that a partition is complete");
            wrong.add("complete", e.hint("give one of them, or leave complete out"));
        }
        wrong.end()?;
        let (lateness, idle_after) = (lateness.get(), idle_after.map(Timespan::get));
        Ok(CompleteOptions { lateness, idle_after, marker, parameter })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};

    fn plan(text: &str, has_table: bool) -> Result<CompleteOptions, Error> {
        toml::from_str::<CompleteArgs>(&format!("lateness = '10m'\n{text}"))
            .unwrap()
            .plan(has_table)
            .map_err(Wrongs::first)
    }

    #[test]
    fn names_have_defaults_and_can_be_none() {
        let names = |text: &str, has_table| {
            let options = plan(text, has_table).unwrap();
            (options.marker.unwrap_or_default(), options.parameter.unwrap_or_default())
        };
        assert_eq!(names("", true), ("_SUCCESS".to_owned(), "sakia.complete".to_owned()));
        assert_eq!(names("", false), ("_SUCCESS".to_owned(), String::new()));
        assert_eq!(names("marker = ''\nparameter = 'done'", true), (String::new(), "done".to_owned()));
        assert_eq!(names("marker = '.done'\nparameter = ''", true), (".done".to_owned(), String::new()));
    }

    #[test]
    fn what_nobody_would_see_or_hive_would_read_is_refused() {
        for (text, has_table) in [
            ("marker = ''", false),
            ("marker = ''\nparameter = ''", true),
            ("marker = 'done'", true),
            ("marker = '_a/b'", true),
            ("parameter = 'done'", false),
            ("parameter = 'sakia.rows'", true),
        ] {
            assert_eq!(plan(text, has_table).unwrap_err().kind(), Kind::Config, "{text}");
        }
        assert!(toml::from_str::<CompleteArgs>("idle-after = '1h'").is_err(), "lateness has no default");
    }
}
