//! Names of the columns that a dimension has beside those of its log.

use serde::{Deserialize, Serialize};

/// The columns that a dimension fills itself, by the names they are given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct OwnColumns {
    /// Column of the surrogate key: SHA-256 of the keys and valid_from
    #[arg(long = "sk-column", value_name = "NAME", default_value = "sk")]
    pub sk: String,
    /// Column of the first moment of a version
    #[arg(long = "valid-from-column", value_name = "NAME", default_value = "valid_from")]
    pub valid_from: String,
    /// Column of the first moment after it
    #[arg(long = "valid-to-column", value_name = "NAME", default_value = "valid_to")]
    pub valid_to: String,
    /// Column that says whether a version is open
    #[arg(long = "is-current-column", value_name = "NAME", default_value = "is_current")]
    pub is_current: String,
    /// Column that says whether a row records a deletion
    #[arg(long = "is-deleted-column", value_name = "NAME", default_value = "is_deleted")]
    pub is_deleted: String,
    /// Column that says whether facts alone tell of a version, where they do
    #[arg(long = "is-inferred-column", value_name = "NAME", default_value = "is_inferred")]
    pub is_inferred: String,
    /// Column of the sequence of a version's last event
    #[arg(long = "last-seq-column", value_name = "NAME", default_value = "last_seq")]
    pub last_seq: String,
    /// Column of the run and batch that wrote a row last
    #[arg(long = "batch-id-column", value_name = "NAME", default_value = "batch_id")]
    pub batch_id: String,
    /// Column of the tie-breaker that valid_from has, where there is a tie-breaker
    #[arg(long = "from-tie-column", value_name = "NAME", default_value = "valid_from_tie")]
    pub from_tie: String,
    /// Column of the tie-breaker that valid_to has
    #[arg(long = "to-tie-column", value_name = "NAME", default_value = "valid_to_tie")]
    pub to_tie: String,
    /// Column of the tie-breaker that last_seq has
    #[arg(long = "last-tie-column", value_name = "NAME", default_value = "last_seq_tie")]
    pub last_tie: String,
    /// Column of the parts that are rewritten as a whole, in the shape parquet
    #[arg(long = "bucket-column", value_name = "NAME", default_value = "bucket")]
    pub bucket: String,
}

impl Default for OwnColumns {
    fn default() -> Self {
        let name = str::to_owned;
        Self {
            sk: name("sk"),
            valid_from: name("valid_from"),
            valid_to: name("valid_to"),
            is_current: name("is_current"),
            is_deleted: name("is_deleted"),
            is_inferred: name("is_inferred"),
            last_seq: name("last_seq"),
            batch_id: name("batch_id"),
            from_tie: name("valid_from_tie"),
            to_tie: name("valid_to_tie"),
            last_tie: name("last_seq_tie"),
            bucket: name("bucket"),
        }
    }
}

impl OwnColumns {
    /// All that the rows of a dimension may have; those of a tie-breaker only where there is one, and the mark of inferred
    /// versions only where there may be some.
    pub(super) fn all(&self, with_tie: bool, is_inferring: bool) -> Vec<&str> {
        let mut all = vec![
            &self.sk,
            &self.valid_from,
            &self.valid_to,
            &self.is_current,
            &self.is_deleted,
            &self.last_seq,
            &self.batch_id,
        ];
        if with_tie {
            all.extend([&self.from_tie, &self.to_tie, &self.last_tie]);
        }
        if is_inferring {
            all.push(&self.is_inferred);
        }
        all.into_iter().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_files_have_the_same_defaults() {
        let command = <OwnColumns as clap::Args>::augment_args(clap::Command::new("x"));
        let typed = <OwnColumns as clap::FromArgMatches>::from_arg_matches(&command.get_matches_from(["x"])).unwrap();
        assert_eq!(typed, OwnColumns::default());
    }
}
