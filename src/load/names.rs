//! The names of a load's files.

use super::layout::Layout;
use super::strangers::{self, is_data};
use super::{LoadMode, LoadPlan, PartNames, StagedPart};
use crate::error::Result;
use crate::storage::Filesystem;

/// Makes the names of one load.
#[derive(Clone, Debug)]
pub(super) struct Names {
    style: PartNames,
    prefix: String,
    suffix: String,
    /// Added to the caller's numbers.
    first: u64,
}

impl Names {
    /// Decides the names of a load; looks into the target where the style counts on from what is there.
    pub(super) async fn new(fs: &dyn Filesystem, layout: &Layout, plan: &LoadPlan, load_id: &str) -> Result<Self> {
        let suffix = plan.extension.as_deref().map(|e| format!(".{e}")).unwrap_or_default();
        let (prefix, first) = match plan.names {
            PartNames::Load => (format!("part-{load_id}-"), 0),
            PartNames::Sqoop if plan.mode == LoadMode::Replace => ("part-m-".to_owned(), 0),
            PartNames::Sqoop => {
                let files = strangers::files(fs, &layout.target).await?;
                let highest = files.iter().filter_map(|file| number(file.name())).max();
                ("part-m-".to_owned(), highest.map_or(0, |n| n + 1))
            }
        };
        Ok(Self { style: plan.names, prefix, suffix, first })
    }

    /// The name of the caller's file `number`; `roll` counts the files that one number was divided into.
    pub(super) fn name(&self, number: usize, roll: usize) -> String {
        let Self { style: _, prefix, suffix, first } = self;
        let number = first + number as u64;
        match roll {
            0 => format!("{prefix}{number:05}{suffix}"),
            _ => format!("{prefix}{number:05}-{roll}{suffix}"),
        }
    }

    /// Whether files that an earlier load wrote are called as this one would call them, its own id aside.
    pub(super) fn like(&self, part: &StagedPart, load_id: &str) -> bool {
        let prefix = match self.style {
            PartNames::Load => format!("part-{load_id}-"),
            PartNames::Sqoop => self.prefix.clone(),
        };
        part.directory.is_some() || (part.file.starts_with(&prefix) && part.file.ends_with(&self.suffix))
    }
}

/// The number in the name of a file that a job of Sqoop's or one of ours left: `part-m-00007.avro`, `part-r-00000`.
fn number(name: &str) -> Option<u64> {
    let rest = name.strip_prefix("part-m-").or_else(|| name.strip_prefix("part-r-"))?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    digits.parse().ok().filter(|_| is_data(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_the_names_of_jobs_only() {
        for (name, found) in [
            ("part-m-00007", Some(7)),
            ("part-m-00007.avro", Some(7)),
            ("part-m-100000-2.parquet", Some(100_000)),
            ("part-r-00001", Some(1)),
            ("part-m-", None),
            ("part-0190-00007.parquet", None),
            ("_part-m-00007", None),
            ("data.csv", None),
        ] {
            assert_eq!(number(name), found, "{name}");
        }
    }

    #[test]
    fn an_extension_is_optional_and_rolls_are_told_apart() {
        let names =
            |suffix: &str| Names { style: PartNames::Sqoop, prefix: "part-m-".into(), suffix: suffix.into(), first: 3 };
        assert_eq!(names("").name(0, 0), "part-m-00003");
        assert_eq!(names(".gz").name(2, 1), "part-m-00005-1.gz");
    }
}
