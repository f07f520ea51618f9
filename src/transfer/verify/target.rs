//! The files of a target: a directory, or what the metastore says of a Hive table.

use crate::error::{self, Result};
use crate::load::Cluster;
use crate::transfer::args::VerifyArgs;
use crate::transfer::input::{DataFile, FileSet, FileSetOptions, hive, list, options};

/// The files, and what they are called together.
pub(super) struct Target {
    pub name: String,
    /// `None` where there is no file.
    pub set: Option<FileSet>,
}

pub(super) async fn find(args: &VerifyArgs, cluster: &Cluster) -> Result<Target> {
    let style = options::style(args.compat);
    match (&args.target_dir, &args.hive_table) {
        (Some(directory), None) => {
            let options = options::of_directory(&args.text, style, args.calendar)?;
            let files = list(cluster.fs.as_ref(), directory).await?;
            Ok(Target { name: directory.clone(), set: open(cluster, files, options).await? })
        }
        (None, Some(table)) => {
            let source = hive::HiveSource {
                database: args.hive_database.as_deref(),
                table,
                partition: args.hive_partition.as_ref(),
                text: &args.text,
                style,
                calendar: args.calendar,
            };
            let table = hive::find(&source, cluster).await?;
            let name = format!("hive table {}", table.name);
            Ok(Target { name, set: open(cluster, table.files, table.options).await? })
        }
        (Some(_), Some(_)) => Err(error::config("both target-dir and hive-table are given").hint("give one of them")),
        (None, None) => {
            Err(error::config("nothing says what to compare the table with").hint("give target-dir, or hive-table"))
        }
    }
}

async fn open(cluster: &Cluster, files: Vec<DataFile>, options: FileSetOptions) -> Result<Option<FileSet>> {
    if files.is_empty() {
        return Ok(None);
    }
    FileSet::open(cluster.fs.clone(), files, options).await.map(Some)
}
