//! The HiveQL templates: built in, or files of a directory of the user's, with `{{name}}` filled in.
//!
//! A line that starts with `--` is a comment and is not sent. Refuses a template with a `{{name}}` that nothing is known
//! for.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{self, Result};

/// What `{{name}}` stands for.
pub(super) type Values = BTreeMap<&'static str, String>;

/// A statement, or a part of one, that has a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Template {
    Create,
    Overview,
    Affected,
    Covered,
    Log,
    Truncated,
    Events,
    Versions,
    Difference,
    Merge,
    Verify,
    Compare,
    QuarantineCreate,
    Quarantine,
    IcebergCreate,
    ParquetCreate,
    ParquetStage,
    ParquetRewrite,
    JournalCreate,
    Picture,
    Pictured,
    Known,
    Changes,
    Staged,
    LateCreate,
    Late,
    Facts,
    Inferred,
    Placed,
    History,
}

impl Template {
    const ALL: [Self; 30] = [
        Self::Create,
        Self::Overview,
        Self::Affected,
        Self::Covered,
        Self::Log,
        Self::Truncated,
        Self::Events,
        Self::Versions,
        Self::Difference,
        Self::Merge,
        Self::Verify,
        Self::Compare,
        Self::QuarantineCreate,
        Self::Quarantine,
        Self::IcebergCreate,
        Self::ParquetCreate,
        Self::ParquetStage,
        Self::ParquetRewrite,
        Self::JournalCreate,
        Self::Picture,
        Self::Pictured,
        Self::Known,
        Self::Changes,
        Self::Staged,
        Self::LateCreate,
        Self::Late,
        Self::Facts,
        Self::Inferred,
        Self::Placed,
        Self::History,
    ];

    fn file_name(self) -> &'static str {
        match self {
            Self::Create => "scd2_create.hql",
            Self::Overview => "scd2_overview.hql",
            Self::Affected => "scd2_affected.hql",
            Self::Covered => "scd2_covered.hql",
            Self::Log => "scd2_log.hql",
            Self::Truncated => "scd2_truncated.hql",
            Self::Events => "scd2_events.hql",
            Self::Versions => "scd2_versions.hql",
            Self::Difference => "scd2_difference.hql",
            Self::Merge => "scd2_merge.hql",
            Self::Verify => "scd2_verify.hql",
            Self::Compare => "scd2_compare.hql",
            Self::QuarantineCreate => "scd2_quarantine_create.hql",
            Self::Quarantine => "scd2_quarantine.hql",
            Self::IcebergCreate => "scd2_iceberg_create.hql",
            Self::ParquetCreate => "scd2_parquet_create.hql",
            Self::ParquetStage => "scd2_parquet_stage.hql",
            Self::ParquetRewrite => "scd2_parquet_rewrite.hql",
            Self::JournalCreate => "scd2_journal_create.hql",
            Self::Picture => "scd2_picture.hql",
            Self::Pictured => "scd2_pictured.hql",
            Self::Known => "scd2_known.hql",
            Self::Changes => "scd2_changes.hql",
            Self::Staged => "scd2_staged.hql",
            Self::LateCreate => "scd2_late_create.hql",
            Self::Late => "scd2_late.hql",
            Self::Facts => "scd2_facts.hql",
            Self::Inferred => "scd2_inferred.hql",
            Self::Placed => "scd2_placed.hql",
            Self::History => "scd2_history.hql",
        }
    }

    fn built_in(self) -> &'static str {
        match self {
            Self::Create => include_str!("../../hive-ddl/scd2_create.hql"),
            Self::Overview => include_str!("../../hive-ddl/scd2_overview.hql"),
            Self::Affected => include_str!("../../hive-ddl/scd2_affected.hql"),
            Self::Covered => include_str!("../../hive-ddl/scd2_covered.hql"),
            Self::Log => include_str!("../../hive-ddl/scd2_log.hql"),
            Self::Truncated => include_str!("../../hive-ddl/scd2_truncated.hql"),
            Self::Events => include_str!("../../hive-ddl/scd2_events.hql"),
            Self::Versions => include_str!("../../hive-ddl/scd2_versions.hql"),
            Self::Difference => include_str!("../../hive-ddl/scd2_difference.hql"),
            Self::Merge => include_str!("../../hive-ddl/scd2_merge.hql"),
            Self::Verify => include_str!("../../hive-ddl/scd2_verify.hql"),
            Self::Compare => include_str!("../../hive-ddl/scd2_compare.hql"),
            Self::QuarantineCreate => include_str!("../../hive-ddl/scd2_quarantine_create.hql"),
            Self::Quarantine => include_str!("../../hive-ddl/scd2_quarantine.hql"),
            Self::IcebergCreate => include_str!("../../hive-ddl/scd2_iceberg_create.hql"),
            Self::ParquetCreate => include_str!("../../hive-ddl/scd2_parquet_create.hql"),
            Self::ParquetStage => include_str!("../../hive-ddl/scd2_parquet_stage.hql"),
            Self::ParquetRewrite => include_str!("../../hive-ddl/scd2_parquet_rewrite.hql"),
            Self::JournalCreate => include_str!("../../hive-ddl/scd2_journal_create.hql"),
            Self::Picture => include_str!("../../hive-ddl/scd2_picture.hql"),
            Self::Pictured => include_str!("../../hive-ddl/scd2_pictured.hql"),
            Self::Known => include_str!("../../hive-ddl/scd2_known.hql"),
            Self::Changes => include_str!("../../hive-ddl/scd2_changes.hql"),
            Self::Staged => include_str!("../../hive-ddl/scd2_staged.hql"),
            Self::LateCreate => include_str!("../../hive-ddl/scd2_late_create.hql"),
            Self::Late => include_str!("../../hive-ddl/scd2_late.hql"),
            Self::Facts => include_str!("../../hive-ddl/scd2_facts.hql"),
            Self::Inferred => include_str!("../../hive-ddl/scd2_inferred.hql"),
            Self::Placed => include_str!("../../hive-ddl/scd2_placed.hql"),
            Self::History => include_str!("../../hive-ddl/scd2_history.hql"),
        }
    }
}

/// The text of every template.
#[derive(Clone, Debug)]
pub(super) struct Templates {
    texts: BTreeMap<Template, String>,
}

impl Templates {
    /// The built-in templates, each replaced by the file of its name in `dir` if there is one.
    ///
    /// # Errors
    /// Config: the directory or a file in it cannot be read.
    pub(super) fn load(dir: Option<&Path>) -> Result<Self> {
        let mut texts = BTreeMap::new();
        if let Some(dir) = dir.filter(|dir| !dir.is_dir()) {
            return Err(error::config(format!("ddl-dir {} is not a directory", dir.display())));
        }
        for template in Template::ALL {
            let file = dir.map(|dir| dir.join(template.file_name())).filter(|file| file.exists());
            let text = match file {
                None => template.built_in().to_owned(),
                Some(file) => std::fs::read_to_string(&file)
                    .map_err(|e| error::config(format!("cannot read template {}", file.display())).source(e))?,
            };
            texts.insert(template, text);
        }
        Ok(Self { texts })
    }

    /// The statement of a template; a value of several lines is indented as the line it stands in.
    ///
    /// # Errors
    /// Config: the template names a value that this statement does not have, or does not close its braces.
    pub(super) fn render(&self, template: Template, values: &Values) -> Result<String> {
        let text = self.texts.get(&template).map_or("", String::as_str);
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
        let broken = |what: String| error::config(format!("template {} {what}", template.file_name()));
        let mut statement = String::new();
        for line in lines {
            let start = statement.len();
            let indent = &line[..line.len() - line.trim_start().len()];
            let mut rest = line;
            while let Some((before, after)) = rest.split_once("{{") {
                let (name, after) = after.split_once("}}").ok_or_else(|| broken("has {{ without }}".to_owned()))?;
                let value = values.get(name.trim()).ok_or_else(|| {
                    broken(format!("names '{}', which this statement does not have", name.trim()))
                        .hint(format!("known here: {}", values.keys().copied().collect::<Vec<_>>().join(", ")))
                })?;
                statement.push_str(before);
                statement.push_str(&value.replace('\n', &format!("\n{indent}")));
                rest = after;
            }
            statement.push_str(rest);
            // The line held only a name that stands for nothing.
            if statement[start..].trim().is_empty() {
                statement.truncate(start);
            } else {
                statement.push('\n');
            }
        }
        Ok(statement.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_file_replaces_a_built_in_template_and_comments_are_not_sent() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("scd2_verify.hql"), "-- mine\nSELECT 1 FROM {{ target }}\n").unwrap();
        let templates = Templates::load(Some(dir.path())).unwrap();
        let values = Values::from([("target", "`a`.`b`".to_owned())]);
        assert_eq!(templates.render(Template::Verify, &values).unwrap(), "SELECT 1 FROM `a`.`b`");
        let error = templates.render(Template::Create, &values).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.to_string().contains("scd2_create.hql names 'sk'"), "{error}");
    }

    #[test]
    fn a_missing_directory_is_refused() {
        assert_eq!(Templates::load(Some(Path::new("/nowhere/at/all"))).unwrap_err().kind(), Kind::Config);
    }
}
