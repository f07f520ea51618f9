//! An import of every table of a database, as typed on the command line, in a pipeline file, or through Sqoop's
//! arguments.

use serde::{Deserialize, Serialize};

use super::import::ImportArgs;
use super::unsaid::{is_default, is_false};

/// Every table and view of a database, each by an import of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ImportAllArgs {
    /// Tables to leave out
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_tables: Vec<String>,
    /// Leave views out; by default they are imported as tables are, which is what Sqoop does
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub exclude_views: bool,
    /// Stop at the first table that fails, instead of importing the others and failing at the end
    #[arg(long)]
    #[serde(skip_serializing_if = "is_false")]
    pub stop_at_first_failure: bool,
    /// What is done with each table; it names no table, query, column or directory of one
    #[command(flatten)]
    #[serde(skip_serializing_if = "is_default")]
    pub each: ImportArgs,
}
