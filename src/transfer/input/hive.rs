//! A Hive table as input: its files, its columns, and how its text is read, as Hive itself reads them.
//!
//! Each partition is read as the metastore describes it: at its own location, with its own delimiters, and with the
//! columns that were declared when it was made; what was added to the table since is NULL there.
//!
//! Refused, each with a sentence: views, transactional tables, tables of a storage handler, and files or SerDes that
//! only Hive has.
//!
//! Source: read back from Hive 4.0.1 through beeline: header lines, byte order marks, CRLF, null formats, escapes,
//! missing and surplus fields, `line.delim` (which it ignores), `textinputformat.record.delimiter`, OpenCSVSerde.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::files::all_below;
use super::{DataFile, FileSetOptions, options};
use crate::error::{self, Error, Result};
use crate::format::TextOptions;
use crate::format::decode::{Calendar, TextDecodeOptions};
use crate::format::text::{Delimiters, TextStyle};
use crate::load::{Cluster, Partition};
use crate::metastore::{Column, StoredFiles, StoredTable};
use crate::transfer::args::{InputTextArgs, Pairs};

/// Which table is wanted, and how it is to be read where Hive's own settings are not meant.
#[derive(Clone, Copy, Debug)]
pub struct HiveSource<'a> {
    /// The database; `default` if none is named.
    pub database: Option<&'a str>,
    /// The table.
    pub table: &'a str,
    /// The one partition that is wanted, or some of its columns.
    pub partition: Option<&'a Pairs>,
    /// Delimiters and null strings that were typed.
    pub text: &'a InputTextArgs,
    /// Whose text it is.
    pub style: TextStyle,
    /// The calendar of files that do not name theirs; as Hive reads them, the hybrid one.
    pub calendar: Option<Calendar>,
}

/// A table that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiveTable {
    /// `database.table`.
    pub name: String,
    /// Columns held in the files, in order.
    pub columns: Vec<String>,
    /// Columns held by the partitions, in order.
    pub partition_columns: Vec<String>,
    /// Its files, each with how it is read.
    pub files: Vec<DataFile>,
    /// How files are read where nothing more is known.
    pub options: FileSetOptions,
}

/// Looks a table up and finds its files.
///
/// # Errors
/// NotFound: no such table or partition. Config: its files are of a kind that only Hive reads, or are elsewhere.
pub async fn find(source: &HiveSource<'_>, cluster: &Cluster) -> Result<HiveTable> {
    let database = source.database.unwrap_or("default");
    let name = format!("{database}.{}", source.table);
    let Some(metastore) = &cluster.metastore else {
        return Err(error::config(format!("hive table {name} cannot be found without a metastore"))
            .hint("give the address of the hive metastore"));
    };
    let Some(stored) = metastore.stored_table(database, source.table).await? else {
        return Err(
            error::not_found(format!("there is no hive table {name}")).hint("check hive-database and hive-table")
        );
    };
    check(&name, &stored)?;
    let partition_columns = names(&stored.partition_columns);
    let mut files = Vec::new();
    for (storage, partition) in places(&name, &stored, &partition_columns, source.partition)? {
        let options = Arc::new(file_options(&name, &stored, storage, source)?);
        for file in all_below(cluster.fs.as_ref(), path(&name, storage, cluster)?).await? {
            let options = Some(options.clone());
            files.push(DataFile { options, ..DataFile::new(file.path, file.len_bytes, partition.clone()) });
        }
    }
    if files.is_empty() && stored.partitions.is_empty() && !partition_columns.is_empty() {
        check_unregistered(&name, &stored, cluster).await?;
    }
    let options = file_options(&name, &stored, &stored.storage, source)?;
    Ok(HiveTable { name, columns: names(&stored.columns), partition_columns, files, options })
}

fn names(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| column.name.clone()).collect()
}

fn check(name: &str, table: &StoredTable) -> Result<()> {
    if table.table_type.ends_with("_VIEW") {
        return Err(error::config(format!("{name} is a view")).hint("name the table that it shows"));
    }
    let parameter = |key: &str| table.parameters.get(key).map_or("", String::as_str);
    if parameter("transactional").eq_ignore_ascii_case("true") {
        return Err(only_hive(format!("{name} is a transactional table, whose files only hive reads")));
    }
    if !parameter("storage_handler").is_empty() {
        return Err(only_hive(format!("{name} is kept outside of hive by {}", parameter("storage_handler"))));
    }
    Ok(())
}

fn only_hive(what: String) -> Error {
    error::config(what).hint("copy it with hive into a parquet table, and name that")
}

/// The path of a location on the cluster's filesystem.
fn path<'a>(name: &str, storage: &'a StoredFiles, cluster: &Cluster) -> Result<&'a str> {
    let uri = cluster.fs.uri();
    storage.location.strip_prefix(&uri).filter(|path| path.starts_with('/')).ok_or_else(|| {
        error::config(format!("{name} lies at {}, outside of {uri}", storage.location))
            .hint("connect to the filesystem that holds it")
    })
}

/// Refuses a partitioned table that has files and no partition: Hive reads no row of it.
async fn check_unregistered(name: &str, table: &StoredTable, cluster: &Cluster) -> Result<()> {
    let directory = path(name, &table.storage, cluster)?;
    match all_below(cluster.fs.as_ref(), directory).await?.first() {
        None => Ok(()),
        Some(file) => Err(error::data(format!("hive knows no partition of {name}, and there is {}", file.path))
            .hint(format!("let hive find them with: msck repair table {name}"))),
    }
}

/// All the places of a table that are wanted, with their partitions.
fn places<'a>(
    name: &str,
    table: &'a StoredTable,
    columns: &[String],
    wanted: Option<&Pairs>,
) -> Result<Vec<(&'a StoredFiles, Partition)>> {
    let wanted = wanted.map_or(&[][..], |pairs| &pairs.0);
    if let Some((column, _)) = wanted.iter().find(|(c, _)| !columns.iter().any(|name| name.eq_ignore_ascii_case(c))) {
        return Err(error::not_found(format!("{name} has no partition column {column}"))
            .hint(format!("its partition columns are {}", columns.join(", "))));
    }
    if columns.is_empty() {
        return Ok(vec![(&table.storage, Partition::none())]);
    }
    let is_wanted = |values: &[String]| {
        wanted.iter().all(|(column, value)| {
            columns.iter().zip(values).any(|(name, v)| name.eq_ignore_ascii_case(column) && v == value)
        })
    };
    let of = |values: &[String]| Partition::new(columns.iter().zip(values.iter().map(String::as_str)));
    let found: Vec<_> =
        table.partitions.iter().filter(|p| is_wanted(&p.values)).map(|p| (&p.storage, of(&p.values))).collect();
    if found.is_empty() && !wanted.is_empty() {
        let pairs: Vec<String> = wanted.iter().map(|(c, v)| format!("{c}={v}")).collect();
        return Err(
            error::not_found(format!("{name} has no partition {}", pairs.join(","))).hint("check hive-partition")
        );
    }
    Ok(found)
}

/// How the files of a place are read.
fn file_options(
    name: &str,
    table: &StoredTable,
    storage: &StoredFiles,
    source: &HiveSource<'_>,
) -> Result<FileSetOptions> {
    let format = storage.input_format.as_str();
    let is_text = format.ends_with(".TextInputFormat") || format.ends_with(".SequenceFileInputFormat");
    if !is_text && !format.ends_with("MapredParquetInputFormat") && !format.ends_with("AvroContainerInputFormat") {
        return Err(only_hive(format!("the files of {name} are read by {format}, which only hive has")));
    }
    let mut text = TextDecodeOptions { spanning: false, ..TextDecodeOptions::new(options::of_hive()) };
    if is_text {
        text = text_options(name, table, storage)?;
    }
    text.text = options::of_read(source.text, source.style, text.text)?;
    let by_position = table.parameters.get("parquet.column.index.access").map(String::as_str);
    Ok(FileSetOptions {
        text,
        columns: names(if storage.columns.is_empty() { &table.columns } else { &storage.columns }),
        declared: true,
        by_position: by_position == Some("true"),
        calendar: Some(source.calendar.unwrap_or(Calendar::Hybrid)),
    })
}

/// How text is read, by what its SerDe is told. Hive cuts records at line ends, whatever is escaped or enclosed.
fn text_options(name: &str, table: &StoredTable, storage: &StoredFiles) -> Result<TextDecodeOptions> {
    let told = &storage.serde_parameters;
    let mut text = TextDecodeOptions { spanning: false, ..TextDecodeOptions::new(options::of_hive()) };
    if storage.serde.ends_with("LazySimpleSerDe") {
        lazy_simple(name, told, &mut text.text)?;
        text.escaped_line_ends = true;
    } else if storage.serde.ends_with("OpenCSVSerde") {
        let first = |key: &str, or: char| told.get(key).and_then(|v| v.chars().next()).unwrap_or(or);
        let escape = first("escapeChar", '\\');
        text.text.delimiters = Delimiters {
            fields: first("separatorChar", ','),
            enclosed_by: Some(first("quoteChar", '"')),
            enclose_optionally: true,
            // The SerDe takes a quote for the default.
            escaped_by: Some(if escape == '"' { '\\' } else { escape }),
            ..Delimiters::hive()
        };
        text.csv = true;
    } else {
        return Err(only_hive(format!("the rows of {name} are read by {}, which only hive has", storage.serde)));
    }
    let parameter = |key: &str| table.parameters.get(key).map(String::as_str);
    match parameter("textinputformat.record.delimiter").map(|text| text.chars().collect::<Vec<_>>()) {
        None => {}
        Some(one) if one.len() == 1 => text.text.delimiters.lines = one[0],
        Some(_) => {
            return Err(only_hive(format!("the records of {name} end with a delimiter of several characters")));
        }
    }
    let lines = |key: &str| parameter(key).map_or(Ok(0), str::parse::<usize>);
    let wrong = |e| error::config(format!("{name} has a header or footer whose lines cannot be counted")).source(e);
    text.header_lines = lines("skip.header.line.count").map_err(wrong)?;
    if lines("skip.footer.line.count").map_err(wrong)? > 0 {
        return Err(only_hive(format!("the files of {name} end with lines that are not rows")));
    }
    text.text.delimiters = text.text.delimiters.checked()?;
    Ok(text)
}

fn lazy_simple(name: &str, told: &BTreeMap<String, String>, text: &mut TextOptions) -> Result<()> {
    let is = |key: &str, value: &str| told.get(key).is_some_and(|told| told.eq_ignore_ascii_case(value));
    if !told.get("serialization.encoding").is_none_or(|encoding| encoding.eq_ignore_ascii_case("utf-8")) {
        return Err(only_hive(format!("the text of {name} is not in utf-8, which only hive reads")));
    }
    if is("serialization.last.column.takes.rest", "true") {
        return Err(only_hive(format!("the last column of {name} takes all other fields, which only hive reads")));
    }
    if told.get("timestamp.formats").is_some_and(|formats| !formats.is_empty()) {
        return Err(only_hive(format!("the times of {name} have formats of their own, which only hive reads")));
    }
    let delimiter = |key: &str| delimiter(told, key).map_err(|e: Error| e.context(name));
    let fields = match delimiter("field.delim")? {
        Some(fields) => Some(fields),
        None => delimiter("serialization.format")?,
    };
    text.delimiters.fields = fields.unwrap_or('\u{1}');
    text.delimiters.escaped_by = delimiter("escape.delim")?;
    if let Some(null) = told.get("serialization.null.format") {
        (text.null_string, text.null_non_string) = (null.clone(), null.clone());
    }
    Ok(())
}

/// A delimiter as Hive takes it: a number is the code of the character; of several characters the first counts.
fn delimiter(told: &BTreeMap<String, String>, key: &str) -> Result<Option<char>> {
    let Some(text) = told.get(key) else { return Ok(None) };
    let found = match text.parse::<i8>() {
        Ok(code) => u8::try_from(code).ok().map(char::from),
        Err(_) => match text.chars().next() {
            None => return Ok(None),
            Some(first) => Some(first).filter(char::is_ascii),
        },
    };
    found
        .map(Some)
        .ok_or_else(|| only_hive(format!("{key} {text:?} is a byte and not a character, which only hive reads")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::DEFAULT_PARTITION;
    use crate::metastore::StoredPartition;

    const LAZY: &str = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe";

    fn storage(serde: &str, told: &[(&str, &str)]) -> StoredFiles {
        StoredFiles {
            location: "hdfs://n/t".into(),
            input_format: "org.apache.hadoop.mapred.TextInputFormat".into(),
            serde: serde.into(),
            serde_parameters: told.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            columns: Vec::new(),
        }
    }

    fn table(parameters: &[(&str, &str)]) -> StoredTable {
        let parameters = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        StoredTable { parameters, columns: vec![Column::new("a", "int")], ..StoredTable::default() }
    }

    fn read(parameters: &[(&str, &str)], storage: &StoredFiles) -> Result<FileSetOptions> {
        let source = HiveSource {
            database: None,
            table: "t",
            partition: None,
            text: &InputTextArgs::default(),
            style: TextStyle::Exact,
            calendar: None,
        };
        file_options("d.t", &table(parameters), storage, &source)
    }

    #[test]
    fn text_is_read_as_its_serde_is_told() {
        let plain = read(&[], &storage(LAZY, &[("serialization.format", "1")])).unwrap();
        assert_eq!((plain.text.text.delimiters, plain.text.text.null_string.as_str()), (Delimiters::hive(), "\\N"));
        assert!(plain.text.escaped_line_ends && !plain.text.spanning && plain.declared);
        assert_eq!((plain.calendar, plain.columns), (Some(Calendar::Hybrid), vec!["a".to_owned()]));
        let told =
            [("field.delim", "\t"), ("escape.delim", "\\"), ("serialization.null.format", ""), ("line.delim", "|")];
        let tab = read(&[("skip.header.line.count", "2")], &storage(LAZY, &told)).unwrap().text;
        assert_eq!((tab.text.delimiters.fields, tab.text.delimiters.escaped_by), ('\t', Some('\\')));
        assert_eq!((tab.text.null_string.as_str(), tab.text.delimiters.lines, tab.header_lines), ("", '\n', 2));
        let bar = read(&[("textinputformat.record.delimiter", "|")], &storage(LAZY, &[])).unwrap().text;
        assert_eq!(bar.text.delimiters.lines, '|');
        let csv = read(&[], &storage("org.apache.hadoop.hive.serde2.OpenCSVSerde", &[("separatorChar", ";")])).unwrap();
        assert_eq!((csv.text.text.delimiters.fields, csv.text.csv), (';', true));
    }

    #[test]
    fn what_only_hive_reads_is_refused() {
        let orc = StoredFiles {
            input_format: "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat".into(),
            ..storage(LAZY, &[])
        };
        for (parameters, storage) in [
            (&[][..], orc),
            (&[], storage("org.apache.hive.hcatalog.data.JsonSerDe", &[])),
            (&[], storage(LAZY, &[("serialization.encoding", "ISO-8859-1")])),
            (&[], storage(LAZY, &[("serialization.last.column.takes.rest", "true")])),
            (&[], storage(LAZY, &[("field.delim", "§")])),
            (&[], storage(LAZY, &[("field.delim", "-2")])),
            (&[("skip.footer.line.count", "1")], storage(LAZY, &[])),
            (&[("textinputformat.record.delimiter", "||")], storage(LAZY, &[])),
        ] {
            let error = read(parameters, &storage).unwrap_err();
            assert!(error.remedy().unwrap().contains("parquet"), "{error}");
        }
        let view = StoredTable { table_type: "VIRTUAL_VIEW".into(), ..table(&[]) };
        assert!(check("d.t", &view).unwrap_err().to_string().contains("is a view"));
        assert!(check("d.t", &table(&[("transactional", "true")])).is_err());
        assert!(check("d.t", &table(&[("storage_handler", "HBaseStorageHandler")])).is_err());
    }

    #[test]
    fn partitions_are_chosen_by_some_of_their_columns() {
        let partition =
            |a: &str, b: &str| StoredPartition { values: vec![a.into(), b.into()], ..StoredPartition::default() };
        let table = StoredTable {
            partition_columns: vec![Column::new("y", "int"), Column::new("c", "string")],
            partitions: vec![partition("2024", "x"), partition("2024", DEFAULT_PARTITION), partition("2023", "x")],
            ..StoredTable::default()
        };
        let columns = ["y".to_owned(), "c".to_owned()];
        let of = |wanted: Option<&str>| {
            let pairs: Option<Pairs> = wanted.map(|text| text.parse().unwrap());
            places("d.t", &table, &columns, pairs.as_ref())
                .map(|found| found.into_iter().map(|(_, partition)| partition).collect::<Vec<_>>())
        };
        assert_eq!(of(None).unwrap().len(), 3);
        assert_eq!(of(Some("Y=2024")).unwrap()[1], Partition::new([("y", "2024"), ("c", "")]));
        assert!(of(Some("y=2022")).is_err() && of(Some("z=1")).is_err());
    }
}
