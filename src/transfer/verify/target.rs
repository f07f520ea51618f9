//! The files of a target: a directory, or what the metastore says of a Hive table.

use crate::error::{self, Result};
use crate::format::TextOptions;
use crate::load::Cluster;
use crate::metastore::TableInfo;
use crate::transfer::args::VerifyArgs;
use crate::transfer::input::{DataFile, FileSet, FileSetOptions, list, words};

/// The files, what they are called together, and how their text is read.
pub(super) struct Target {
    pub name: String,
    pub set: Option<FileSet>,
    /// Names of the fields of text, of a Hive table.
    pub text_columns: Vec<String>,
}

pub(super) async fn find(args: &VerifyArgs, cluster: &Cluster) -> Result<Target> {
    let style = words::style(args.compat);
    match (&args.target_dir, &args.hive_table) {
        (Some(directory), None) => {
            let text = words::of_read(&args.text, style, false)?;
            let files = list(cluster.fs.as_ref(), directory).await?;
            let set = open(cluster, files, text).await?;
            Ok(Target { name: directory.clone(), set, text_columns: Vec::new() })
        }
        (None, Some(table)) => hive(args, table, cluster).await,
        (Some(_), Some(_)) => Err(error::config("both target-dir and hive-table are given").hint("give one of them")),
        (None, None) => {
            Err(error::config("nothing says what to compare the table with").hint("give target-dir, or hive-table"))
        }
    }
}

async fn open(cluster: &Cluster, files: Vec<DataFile>, text: TextOptions) -> Result<Option<FileSet>> {
    if files.is_empty() {
        return Ok(None);
    }
    let options = FileSetOptions { text: words::decoding(text), columns: Vec::new() };
    FileSet::open(cluster.fs.clone(), files, options).await.map(Some)
}

async fn hive(args: &VerifyArgs, table: &str, cluster: &Cluster) -> Result<Target> {
    let database = args.hive_database.as_deref().unwrap_or("default");
    let name = format!("{database}.{table}");
    let Some(metastore) = &cluster.metastore else {
        return Err(error::config(format!("hive table {name} cannot be found without a metastore"))
            .hint("give the address of the hive metastore"));
    };
    let Some(info) = metastore.table(database, table).await? else {
        let error = error::not_found(format!("there is no hive table {name}"));
        return Err(error.hint("check hive-database and hive-table"));
    };
    check(&name, &info)?;
    let uri = cluster.fs.uri();
    let Some(directory) = info.location.strip_prefix(&uri).filter(|path| path.starts_with('/')) else {
        return Err(error::config(format!("{name} lies at {}, outside of {uri}", info.location))
            .hint("connect to the filesystem that holds it"));
    };
    let mut files = match list(cluster.fs.as_ref(), directory).await {
        // Hive makes the directory with the first row.
        Err(e) if e.kind() == crate::error::Kind::NotFound => Vec::new(),
        listed => listed?,
    };
    if let Some(wanted) = &args.hive_partition {
        files.retain(|file| {
            let has = |(name, value): &(String, String)| {
                let pairs = file.partition.names().zip(file.partition.values());
                pairs.into_iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && v == value)
            };
            wanted.0.iter().all(has)
        });
    }
    let text = words::of_read(&args.text, words::style(args.compat), true)?;
    let text_columns = info.columns.iter().map(|c| c.name.clone()).collect();
    Ok(Target { name: format!("hive table {name}"), set: open(cluster, files, text).await?, text_columns })
}

fn check(name: &str, info: &TableInfo) -> Result<()> {
    if info.table_type == "VIRTUAL_VIEW" {
        return Err(error::config(format!("{name} is a view")).hint("verify the table that it shows"));
    }
    let transactional = info.parameters.get("transactional").is_some_and(|yes| yes.eq_ignore_ascii_case("true"));
    if transactional || info.input_format.contains("Orc") {
        return Err(error::config(format!("{name} is kept in files that only hive reads"))
            .hint("copy it with hive into a parquet table, and verify that"));
    }
    Ok(())
}
