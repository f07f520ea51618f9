//! A table as a file in `hbase-schemas/` describes it: families, row key, and which column goes into which cell.
//!
//! All values are text in UTF-8, so Hive, the hbase shell and any Thrift client read the same; `hive-type` says how
//! an external Hive table reads the text. Only a BINARY is not text: its bytes are stored as they are. Binary encodings
//! (`#b`) cannot be asked for.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use super::row_key::RowKeyRecipe;
use super::thrift1::ColumnDescriptor;
use crate::error::{self, Error, Result};

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TableSchema {
    /// Namespace; `default` needs no making, any other must exist: thrift1 cannot make one.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Name without the namespace.
    pub table: String,
    /// What a row is; becomes the comment of the Hive table.
    #[serde(default)]
    pub comment: Option<String>,
    /// Cell that holds the id of the run that last wrote the row. Its timestamp is at least that of every tombstone
    /// in the row, so the next write can go above them.
    pub written_by: String,
    /// How the row key is made.
    pub row_key: RowKeyRecipe,
    /// The column families.
    #[serde(rename = "family")]
    pub families: Vec<Family>,
    /// Which column goes into which cell.
    #[serde(rename = "column")]
    pub columns: Vec<ColumnMapping>,
}

/// One column family. The gateway refuses the empty text that thrift sends for an unset field, so all are set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Family {
    /// Its name; short, because every cell carries it.
    pub name: String,
    /// Versions kept of a cell.
    #[serde(default = "one")]
    pub max_versions: i32,
    /// Which Bloom filter finds a cell's file.
    #[serde(default)]
    pub bloom_filter: BloomFilter,
    /// How blocks are compressed.
    #[serde(default)]
    pub compression: Compression,
    /// Seconds until a cell vanishes, counted from its timestamp; absent: never.
    #[serde(default)]
    pub time_to_live_seconds: Option<i32>,
}

/// Bloom filters of a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BloomFilter {
    None,
    #[default]
    Row,
    Rowcol,
}

/// Compressions of a family; all but none and gz need their library on the region servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    #[default]
    None,
    Gz,
    Snappy,
    Lz4,
    Zstd,
}

/// One column of the table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ColumnMapping {
    /// Name in the query and in Hive.
    pub name: String,
    /// Cell, `family:qualifier`.
    pub cell: String,
    /// Hive's type for the text in the cell.
    #[serde(default = "string")]
    pub hive_type: String,
    /// What it says; becomes the comment of the Hive column.
    #[serde(default)]
    pub comment: Option<String>,
}

fn default_namespace() -> String {
    "default".to_owned()
}

fn one() -> i32 {
    1
}

fn string() -> String {
    "string".to_owned()
}

impl Family {
    /// A family with HBase's own defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            max_versions: 1,
            bloom_filter: BloomFilter::default(),
            compression: Compression::default(),
            time_to_live_seconds: None,
        }
    }
}

impl TableSchema {
    /// Reads and checks a schema file.
    ///
    /// # Errors
    /// Config: the file cannot be read, an unknown key, a name that HBase or Hive cannot carry.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).map_err(|e| {
            error::config(format!("cannot read hbase schema {}", file.display())).hint("check the path").source(e)
        })?;
        Self::parse(&text).map_err(|e| e.context(format!("hbase schema {}", file.display())))
    }

    /// Parses and checks the text of a schema file.
    ///
    /// # Errors
    /// Config.
    pub fn parse(text: &str) -> Result<Self> {
        let schema: Self = toml::from_str(text).map_err(toml_error)?;
        schema.validate()?;
        Ok(schema)
    }

    /// The name as HBase prints it: `table` in the default namespace, else `namespace:table`.
    pub fn qualified_name(&self) -> String {
        if self.namespace == "default" { self.table.clone() } else { format!("{}:{}", self.namespace, self.table) }
    }

    /// The cells that a read of mapped columns asks for: all columns and [`TableSchema::written_by`].
    pub fn cells(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.cell.clone()).chain([self.written_by.clone()]).collect()
    }

    fn validate(&self) -> Result<()> {
        check_name("namespace", &self.namespace, "_")?;
        check_name("table", &self.table, "_-.")?;
        self.row_key.validate()?;
        if self.families.is_empty() || self.columns.is_empty() {
            return Err(error::config("a table needs at least one [[family]] and one [[column]]"));
        }
        for family in &self.families {
            check_name("family", &family.name, "_-.")?;
            if family.max_versions < 1 || family.time_to_live_seconds.is_some_and(|seconds| seconds < 1) {
                return Err(error::config(format!("family {}: versions and time to live start at 1", family.name)));
            }
        }
        no_repeats("family", self.families.iter().map(|family| family.name.clone()))?;
        no_repeats("column", self.columns.iter().map(|column| column.name.to_lowercase()))?;
        no_repeats("cell", self.cells().into_iter())?;
        self.cells().iter().try_for_each(|cell| self.check_cell(cell))
    }

    /// A blank or a comma would change the meaning of Hive's `hbase.columns.mapping`, `#` too.
    fn check_cell(&self, cell: &str) -> Result<()> {
        let (family, qualifier) =
            cell.split_once(':').ok_or_else(|| error::config(format!("cell \"{cell}\" is not family:qualifier")))?;
        check_name("qualifier", qualifier, "_-.")?;
        if self.families.iter().any(|known| known.name == family) {
            return Ok(());
        }
        let known: Vec<_> = self.families.iter().map(|family| family.name.as_str()).collect();
        Err(error::config(format!("cell {cell} is in no [[family]]")).hint(format!("there is {}", known.join(", "))))
    }
}

impl Family {
    pub(super) fn to_thrift(&self) -> ColumnDescriptor {
        let compression = match self.compression {
            Compression::None => "NONE",
            Compression::Gz => "GZ",
            Compression::Snappy => "SNAPPY",
            Compression::Lz4 => "LZ4",
            Compression::Zstd => "ZSTD",
        };
        let bloom_filter = match self.bloom_filter {
            BloomFilter::None => "NONE",
            BloomFilter::Row => "ROW",
            BloomFilter::Rowcol => "ROWCOL",
        };
        ColumnDescriptor {
            name: Some(format!("{}:", self.name).into_bytes()),
            max_versions: Some(self.max_versions),
            compression: Some(compression.to_owned()),
            in_memory: Some(false),
            bloom_filter_type: Some(bloom_filter.to_owned()),
            bloom_filter_vector_size: Some(0),
            bloom_filter_nb_hashes: Some(0),
            block_cache_enabled: Some(true),
            // HBase's "forever".
            time_to_live: Some(self.time_to_live_seconds.unwrap_or(i32::MAX)),
        }
    }
}

/// The reason alone: the full text of toml is a picture of the place, several lines high.
fn toml_error(e: toml::de::Error) -> Error {
    error::config(e.message().to_owned())
}

fn check_name(what: &str, name: &str, punctuation: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || punctuation.contains(c);
    if !name.is_empty() && name.chars().all(fits) && !name.starts_with(['-', '.']) {
        return Ok(());
    }
    let allowed: String = punctuation.chars().flat_map(|c| [' ', c]).collect();
    Err(error::config(format!("{what} \"{name}\" is not a name"))
        .hint(format!("letters, digits and{allowed} are allowed")))
}

fn no_repeats(what: &str, names: impl Iterator<Item = String>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.clone()) {
            return Err(error::config(format!("{what} {name} is given twice")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"
        table = "t"
        written-by = "m:run"
        row-key = { column = "id", salt-buckets = 16, width = 12 }
        [[family]]
        name = "p"
        [[family]]
        name = "m"
        compression = "snappy"
        bloom-filter = "rowcol"
        time-to-live-seconds = 60
        [[column]]
        name = "country"
        cell = "p:country"
    "#;

    #[test]
    fn unset_family_fields_are_sent_with_values() {
        let schema = TableSchema::parse(SCHEMA).unwrap();
        let p = schema.families[0].to_thrift();
        assert_eq!((p.compression.as_deref(), p.bloom_filter_type.as_deref()), (Some("NONE"), Some("ROW")));
        assert_eq!((p.max_versions, p.time_to_live), (Some(1), Some(i32::MAX)));
        let m = schema.families[1].to_thrift();
        assert_eq!((m.compression.as_deref(), m.bloom_filter_type.as_deref()), (Some("SNAPPY"), Some("ROWCOL")));
        assert_eq!(m.time_to_live, Some(60));
        assert_eq!(schema.columns[0].hive_type, "string");
        assert_eq!(schema.cells(), ["p:country", "m:run"]);
    }

    #[test]
    fn the_default_namespace_is_not_spelled_out() {
        assert_eq!(TableSchema::parse(SCHEMA).unwrap().qualified_name(), "t");
        let other = TableSchema::parse(&format!("namespace = \"ecom\"\n{SCHEMA}")).unwrap();
        assert_eq!(other.qualified_name(), "ecom:t");
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, said) in [
            ("written-by", "writen-by", "writen-by"),
            ("p:country", "q:country", "cell q:country is in no [[family]]"),
            ("p:country", "country", "cell \"country\" is not family:qualifier"),
            ("p:country", "p:coun try", "qualifier \"coun try\""),
            ("p:country", "p:a,p:b", "qualifier \"a,p:b\""),
            ("p:country", "m:run", "cell m:run is given twice"),
            ("name = \"m\"", "name = \"p\"", "family p is given twice"),
            ("table = \"t\"", "table = \"a:t\"", "table \"a:t\""),
            ("salt-buckets = 16", "salt-buckets = 0", "salt-buckets = 0"),
            ("name = \"p\"", "name = \"p\"\nmax-versions = 0", "family p"),
        ] {
            assert!(SCHEMA.contains(from), "{from}");
            let error = TableSchema::parse(&SCHEMA.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            assert_eq!(error.kind(), crate::error::Kind::Config);
        }
    }
}
