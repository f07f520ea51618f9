//! A Hive table as the source of an export: its files, its columns, and how its text is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::input::{self, SourceFile};
use crate::error::{self, Result};
use crate::format::TextOptions;
use crate::format::text::Delimiters;
use crate::load::{Cluster, DEFAULT_PARTITION};
use crate::metastore::{StoredFiles, StoredTable};
use crate::transfer::args::{ExportArgs, Pairs};

/// A Hive table to be exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiveSource {
    /// `database.table`.
    pub name: String,
    /// Columns held in the files, in order.
    pub columns: Vec<String>,
    /// Columns held in directory names, in order.
    pub partition_columns: Vec<String>,
    /// How its text is read; `None` where its files are not text.
    pub text: Option<TextOptions>,
}

/// Looks a Hive table up and finds its files.
///
/// # Errors
/// NotFound: no such table or partition. Config: its files are of a kind that only Hive reads.
pub async fn find(args: &ExportArgs, table: &str, cluster: &Cluster) -> Result<(HiveSource, Vec<SourceFile>)> {
    let database = args.hive_database.as_deref().unwrap_or("default");
    let name = format!("{database}.{table}");
    let Some(metastore) = &cluster.metastore else {
        return Err(error::config(format!("hive table {name} cannot be found without a metastore"))
            .hint("give the address of the hive metastore"));
    };
    let Some(stored) = metastore.stored_table(database, table).await? else {
        return Err(
            error::not_found(format!("there is no hive table {name}")).hint("check hive-database and hive-table")
        );
    };
    check(&name, &stored)?;
    let column_names =
        |columns: &[crate::metastore::Column]| columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    let partition_columns = column_names(&stored.partition_columns);
    let wanted = args.hive_partition.as_ref();
    let mut text = None;
    let mut files = Vec::new();
    for (storage, values) in places(&name, &stored, &partition_columns, wanted)? {
        let this = text_options(&name, storage)?;
        match &text {
            Some(other) if *other != this => {
                return Err(error::config(format!("the partitions of {name} are kept in different ways"))
                    .hint("export them one at a time with hive-partition"));
            }
            _ => text = Some(this),
        }
        if !storage.location.starts_with(&cluster.fs.uri()) {
            return Err(error::config(format!("{name} lies at {}, outside of {}", storage.location, cluster.fs.uri()))
                .hint("connect to the filesystem that holds it"));
        }
        let partition = Arc::new(values);
        let found = input::find_below(cluster.fs.as_ref(), &storage.location).await?;
        files.extend(found.into_iter().map(|f| SourceFile {
            path: f.path.into(),
            len_bytes: f.len_bytes,
            partition: partition.clone(),
        }));
    }
    let columns = column_names(&stored.columns);
    Ok((HiveSource { name, columns, partition_columns, text: text.flatten() }, files))
}

fn check(name: &str, table: &StoredTable) -> Result<()> {
    if table.table_type == "VIRTUAL_VIEW" {
        return Err(error::config(format!("{name} is a view")).hint("export the table that it shows"));
    }
    if table.parameters.get("transactional").is_some_and(|yes| yes.eq_ignore_ascii_case("true")) {
        return Err(error::config(format!("{name} is a transactional table, whose files only hive reads"))
            .hint("copy it with hive into a parquet table, and export that"));
    }
    Ok(())
}

/// Where files are, and the values of their partition columns.
type Place<'a> = (&'a StoredFiles, Vec<Option<String>>);

/// All the places of a table that are wanted.
fn places<'a>(
    name: &str,
    table: &'a StoredTable,
    columns: &[String],
    wanted: Option<&Pairs>,
) -> Result<Vec<Place<'a>>> {
    let wanted = wanted.map_or(&[][..], |pairs| &pairs.0);
    if let Some((column, _)) = wanted.iter().find(|(c, _)| !columns.iter().any(|name| name.eq_ignore_ascii_case(c))) {
        return Err(error::not_found(format!("{name} has no partition column {column}"))
            .hint(format!("its partition columns are {}", columns.join(", "))));
    }
    if columns.is_empty() {
        return Ok(vec![(&table.storage, Vec::new())]);
    }
    let is_wanted = |values: &[String]| {
        wanted.iter().all(|(column, value)| {
            columns.iter().zip(values).any(|(name, v)| name.eq_ignore_ascii_case(column) && v == value)
        })
    };
    let known = |value: &String| Some(value.clone()).filter(|v| v != DEFAULT_PARTITION);
    let found: Vec<_> = table
        .partitions
        .iter()
        .filter(|p| is_wanted(&p.values))
        .map(|p| (&p.storage, p.values.iter().map(known).collect::<Vec<_>>()))
        .collect();
    if found.is_empty() && !wanted.is_empty() {
        let pairs: Vec<String> = wanted.iter().map(|(c, v)| format!("{c}={v}")).collect();
        return Err(
            error::not_found(format!("{name} has no partition {}", pairs.join(","))).hint("check hive-partition")
        );
    }
    Ok(found)
}

/// How the text of files is read; `None` where they are no text.
fn text_options(name: &str, storage: &StoredFiles) -> Result<Option<TextOptions>> {
    let format = storage.input_format.as_str();
    if format.ends_with("MapredParquetInputFormat") || format.ends_with("AvroContainerInputFormat") {
        return Ok(None);
    }
    let is_text = format.ends_with(".TextInputFormat") || format.ends_with(".SequenceFileInputFormat");
    if !is_text {
        return Err(error::config(format!("the files of {name} are read by {format}, which only hive has"))
            .hint("copy the table with hive into a parquet table, and export that"));
    }
    let told = &storage.serde_parameters;
    let mut text = TextOptions { delimiters: Delimiters::hive(), ..TextOptions::default() };
    if storage.serde.ends_with("LazySimpleSerDe") {
        let delimiters = &mut text.delimiters;
        let fields = delimiter(told, "field.delim").or_else(|| delimiter(told, "serialization.format"));
        delimiters.fields = fields.unwrap_or('\u{1}');
        delimiters.lines = delimiter(told, "line.delim").unwrap_or('\n');
        delimiters.escaped_by = delimiter(told, "escape.delim");
        let null = told.get("serialization.null.format").cloned().unwrap_or_else(|| "\\N".to_owned());
        (text.null_string, text.null_non_string) = (null.clone(), null);
    } else if storage.serde.ends_with("OpenCSVSerde") {
        let first = |key: &str, or: char| told.get(key).and_then(|v| v.chars().next()).unwrap_or(or);
        let delimiters = &mut text.delimiters;
        delimiters.fields = first("separatorChar", ',');
        (delimiters.enclosed_by, delimiters.enclose_optionally) = (Some(first("quoteChar", '"')), true);
        delimiters.escaped_by = Some(first("escapeChar", '\\'));
        (text.null_string, text.null_non_string) = ("\\N".to_owned(), "\\N".to_owned());
    } else {
        return Err(error::config(format!("the rows of {name} are read by {}, which only hive has", storage.serde))
            .hint("copy the table with hive into a parquet table, and export that"));
    }
    text.delimiters = text.delimiters.checked()?;
    Ok(Some(text))
}

/// A delimiter as Hive takes it: a number is the code of the character.
fn delimiter(told: &BTreeMap<String, String>, key: &str) -> Option<char> {
    let text = told.get(key)?;
    match text.parse::<i8>() {
        Ok(code) => u8::try_from(code).ok().map(char::from),
        Err(_) => text.chars().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metastore::{Column, StoredPartition};

    fn storage(serde: &str, told: &[(&str, &str)]) -> StoredFiles {
        StoredFiles {
            location: "hdfs://n/t".into(),
            input_format: "org.apache.hadoop.mapred.TextInputFormat".into(),
            serde: serde.into(),
            serde_parameters: told.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        }
    }

    #[test]
    fn delimiters_come_from_the_serde() {
        let lazy = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe";
        let of = |told: &[(&str, &str)]| text_options("d.t", &storage(lazy, told)).unwrap().unwrap();
        let plain = of(&[("serialization.format", "1")]);
        assert_eq!((plain.delimiters, plain.null_string.as_str()), (Delimiters::hive(), "\\N"));
        let tab = of(&[("field.delim", "\t"), ("escape.delim", "\\"), ("serialization.null.format", "")]);
        assert_eq!(
            (tab.delimiters.fields, tab.delimiters.escaped_by, tab.null_string.as_str()),
            ('\t', Some('\\'), "")
        );
        assert!(text_options("d.t", &storage("org.apache.hive.hcatalog.data.JsonSerDe", &[])).is_err());
        let orc = StoredFiles {
            input_format: "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat".into(),
            ..storage(lazy, &[])
        };
        assert!(text_options("d.t", &orc).unwrap_err().remedy().unwrap().contains("parquet"));
    }

    #[test]
    fn partitions_are_chosen_by_some_of_their_columns() {
        let partition =
            |a: &str, b: &str| StoredPartition { values: vec![a.into(), b.into()], storage: StoredFiles::default() };
        let table = StoredTable {
            partition_columns: vec![Column::new("y", "int"), Column::new("c", "string")],
            partitions: vec![partition("2024", "x"), partition("2024", DEFAULT_PARTITION), partition("2023", "x")],
            ..StoredTable::default()
        };
        let columns = ["y".to_owned(), "c".to_owned()];
        let of = |wanted: Option<&str>| {
            let pairs: Option<Pairs> = wanted.map(|text| text.parse().unwrap());
            places("d.t", &table, &columns, pairs.as_ref())
                .map(|found| found.into_iter().map(|(_, v)| v).collect::<Vec<_>>())
        };
        assert_eq!(of(None).unwrap().len(), 3);
        assert_eq!(of(Some("Y=2024")).unwrap()[1], [Some("2024".into()), None]);
        assert!(of(Some("y=2022")).is_err() && of(Some("z=1")).is_err());
    }
}
