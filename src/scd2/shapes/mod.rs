//! The shapes of a dimension: how its table is kept and changed. The definition is the same in each.
//!
//! | shape | table | changed by |
//! |---|---|---|
//! | merge | ACID, ORC | one MERGE a batch |
//! | iceberg | Iceberg | one MERGE a batch |
//! | parquet | external, Parquet, partitioned by hash buckets of the key | touched buckets are written anew elsewhere, and swapped by one call to the metastore |
//!
//! A table keeps the shape that it was made in; only one that is to be made may be given one. Spark has no ACID tables, so
//! there a new one is Parquet where nothing is said.

mod directories;
mod parquet;
mod statements;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(super) use self::parquet::Parquet;
use super::args::Scd2Args;
use super::source::SourceColumn;
use crate::error::{self, Result};
use crate::hiveserver2::Engine;
use crate::metastore::{HiveStorage, names};

/// Table parameter: the shape, where it is not that of a table that Hive changes in place.
pub(super) const SHAPE: &str = "sakia.scd2.shape";
/// Table parameter: how many buckets there are.
pub(super) const BUCKETS: &str = "sakia.scd2.buckets";
/// Table parameter of the tables that a batch works with: the dimension they are for.
const WORK_OF: &str = "sakia.scd2.work.of";
/// Buckets of a new table.
const DEFAULT_BUCKETS: u32 = 16;
/// Partitions that one statement may write by Hive's own limits, and a metastore swaps at once without effort.
const MOST_BUCKETS: u32 = 1000;

/// How the table of a dimension is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// An ACID table of ORC files, changed by MERGE
    #[default]
    Merge,
    /// A table of Iceberg's, changed by MERGE
    Iceberg,
    /// A plain external table of Parquet files, whose touched buckets are written anew and swapped
    Parquet,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Iceberg => "iceberg",
            Self::Parquet => "parquet",
        }
    }

    /// That of a new table for which nobody names one.
    fn of_new(engine: Engine) -> Self {
        match engine {
            Engine::Hive => Self::Merge,
            Engine::Spark => Self::Parquet,
        }
    }

    /// That of a table with such parameters.
    fn of_table(parameters: &BTreeMap<String, String>) -> Self {
        let noted = parameters.get(SHAPE);
        let is_noted = |shape: &Self| noted.is_some_and(|noted| noted == shape.name());
        [Self::Iceberg, Self::Parquet].into_iter().find(is_noted).unwrap_or_default()
    }
}

/// The shape of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Merge,
    Iceberg,
    Parquet(Buckets),
}

/// The partitions of a table in the shape `parquet`: a key is in the bucket that the CRC-32 of its text gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Buckets {
    /// Name of the partition column.
    pub column: String,
    pub count: u32,
}

impl Layout {
    /// The shape of a table by its parameters; of one that is to be made, by what is asked for.
    ///
    /// # Errors
    /// Config: the engine cannot write such a table; or one that is there has another shape or number of buckets than
    /// asked for, or the number cannot be. Data: the table does not say how many it has.
    pub(super) fn of(args: &Scd2Args, parameters: Option<&BTreeMap<String, String>>, engine: Engine) -> Result<Self> {
        let layout = Self::asked_or_found(args, parameters, engine)?;
        if engine == Engine::Spark && layout == Self::Merge {
            let what = format!("spark cannot write table {} in the shape merge: it has no ACID tables", args.target);
            return Err(error::config(what)
                .hint("use shape = \"parquet\", or \"iceberg\" where the server has it; for a new target"));
        }
        Ok(layout)
    }

    fn asked_or_found(args: &Scd2Args, parameters: Option<&BTreeMap<String, String>>, engine: Engine) -> Result<Self> {
        let buckets = |count| Self::Parquet(Buckets { column: args.columns.bucket.clone(), count });
        let Some(parameters) = parameters else {
            return match args.shape.unwrap_or(Shape::of_new(engine)) {
                Shape::Merge => Ok(Self::Merge),
                Shape::Iceberg => Ok(Self::Iceberg),
                Shape::Parquet => Ok(buckets(args.buckets.unwrap_or(DEFAULT_BUCKETS))),
            };
        };
        let found = Shape::of_table(parameters);
        let remedy = "name another target, which is built from the whole log, or ask for what the table has";
        if let Some(asked) = args.shape.filter(|asked| *asked != found) {
            let what = format!("table {} was made in the shape {}, not {}", args.target, found.name(), asked.name());
            return Err(error::config(what).hint(remedy));
        }
        match found {
            Shape::Merge => return Ok(Self::Merge),
            Shape::Iceberg => return Ok(Self::Iceberg),
            Shape::Parquet => {}
        }
        let count: Option<u32> = parameters.get(BUCKETS).and_then(|count| count.parse().ok());
        let Some(count) = count.filter(|count| (1..=MOST_BUCKETS).contains(count)) else {
            let what = format!("table {} does not say in its parameter {BUCKETS} how many buckets it has", args.target);
            return Err(error::data(what).hint("set the parameter to what it was, or drop the table"));
        };
        if let Some(asked) = args.buckets.filter(|asked| *asked != count) {
            let what = format!("table {} was made with {count} buckets, not {asked}", args.target);
            return Err(error::config(what).hint(remedy));
        }
        Ok(buckets(count))
    }

    /// Refuses options that make no sense together, before anything is asked of a server.
    ///
    /// # Errors
    /// Config.
    pub(super) fn check(args: &Scd2Args) -> Result<()> {
        let wrong =
            |what: &str, hint: &str| Err(error::config(format!("scd2 target {}: {what}", args.target)).hint(hint));
        if args.buckets.is_some_and(|count| !(1..=MOST_BUCKETS).contains(&count)) {
            return wrong(&format!("buckets is not between 1 and {MOST_BUCKETS}"), "leave it out for 16");
        }
        if args.shape.is_some_and(|shape| shape != Shape::Parquet) && (args.buckets.is_some() || args.grace.is_some()) {
            return wrong(
                "buckets and grace are of the shape parquet",
                "leave them out, or set shape = \"parquet\" for a new target",
            );
        }
        Ok(())
    }

    pub(super) fn buckets(&self) -> Option<&Buckets> {
        match self {
            Self::Merge | Self::Iceberg => None,
            Self::Parquet(buckets) => Some(buckets),
        }
    }

    /// Takes the column of the buckets out of those of a table, whose rows do not hold it.
    ///
    /// # Errors
    /// Schema: it has none.
    pub(super) fn take_from(&self, columns: &mut Vec<SourceColumn>, table: &str) -> Result<()> {
        let Some(buckets) = self.buckets() else { return Ok(()) };
        super::plan::find(columns, table, &buckets.column)?;
        columns.retain(|column| !column.name.eq_ignore_ascii_case(&buckets.column));
        Ok(())
    }

    /// Refuses a table that could not be made, or not be read.
    ///
    /// # Errors
    /// Config: a column has the name of that of the buckets. Schema: one that Hive cannot read in Parquet files.
    pub(super) fn check_names(&self, args: &Scd2Args) -> Result<()> {
        let Some(buckets) = self.buckets() else { return Ok(()) };
        let own = args.own_columns();
        for column in args.carried().chain(own) {
            if column.eq_ignore_ascii_case(&buckets.column) {
                let what = format!("scd2 target {} fills column {column} itself", args.target);
                return Err(error::config(what).hint("name its buckets: columns = { bucket = \"dim_bucket\" }"));
            }
            if let Some(why) = names::unreadable(column, &HiveStorage::Parquet) {
                let what = format!("column {column:?} of table {} cannot be kept: {why}", args.target);
                return Err(error::schema(what).hint("rename it in a view over the log, or use the shape merge"));
            }
        }
        Ok(())
    }
}

impl Buckets {
    /// The values of the partition column.
    fn all(&self) -> impl Iterator<Item = String> {
        let width = self.width();
        (0..self.count).map(move |bucket| format!("{bucket:0width$}"))
    }

    /// Digits of a value.
    fn width(&self) -> usize {
        (self.count - 1).to_string().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn args(more: &str) -> Scd2Args {
        toml::from_str(&format!(
            "source = 'a.log'\ntarget = 'a.dim'\nkeys = ['k']\nsequence = 'at'\ntracked = ['v']\n{more}"
        ))
        .unwrap()
    }

    #[test]
    fn a_table_keeps_the_shape_it_was_made_in() {
        let parquet = BTreeMap::from([(SHAPE.to_owned(), "parquet".to_owned()), (BUCKETS.to_owned(), "4".to_owned())]);
        let buckets = |count| Layout::Parquet(Buckets { column: "bucket".into(), count });
        let of =
            |args: &Scd2Args, parameters: Option<&BTreeMap<String, String>>| Layout::of(args, parameters, Engine::Hive);
        assert_eq!(of(&args(""), None).unwrap(), Layout::Merge);
        assert_eq!(of(&args("shape = 'parquet'"), None).unwrap(), buckets(16));
        assert_eq!(of(&args(""), Some(&parquet)).unwrap(), buckets(4));
        assert_eq!(of(&args(""), Some(&BTreeMap::new())).unwrap(), Layout::Merge);
        let damaged = BTreeMap::from([(SHAPE.to_owned(), "parquet".to_owned())]);
        assert_eq!(of(&args(""), Some(&damaged)).unwrap_err().kind(), Kind::Data);
        for (asked, parameters) in [
            ("shape = 'merge'", &parquet),
            ("buckets = 5", &parquet),
            ("shape = 'parquet'", &BTreeMap::from([("transactional".to_owned(), "true".to_owned())])),
        ] {
            assert_eq!(of(&args(asked), Some(parameters)).unwrap_err().kind(), Kind::Config, "{asked}");
        }
    }

    #[test]
    fn spark_writes_what_it_can() {
        let of = |asked: &str, parameters: Option<&BTreeMap<String, String>>| {
            Layout::of(&args(asked), parameters, Engine::Spark)
        };
        let iceberg = BTreeMap::from([(SHAPE.to_owned(), "iceberg".to_owned())]);
        assert!(of("", None).unwrap().buckets().is_some(), "no ACID tables there");
        assert_eq!(of("shape = 'iceberg'", None).unwrap(), Layout::Iceberg);
        assert_eq!(of("", Some(&iceberg)).unwrap(), Layout::Iceberg);
        for (asked, parameters) in [("shape = 'merge'", None), ("", Some(&BTreeMap::new()))] {
            let error = of(asked, parameters).unwrap_err();
            assert!(error.kind() == Kind::Config && error.to_string().contains("no ACID tables"), "{error}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in
            ["buckets = 0", "buckets = 1001", "shape = 'merge'\nbuckets = 4", "shape = 'iceberg'\ngrace = '1h'"]
        {
            assert_eq!(Layout::check(&args(wrong)).unwrap_err().kind(), Kind::Config, "{wrong}");
        }
        Layout::check(&args("shape = 'parquet'\nbuckets = 1000\ngrace = '1h'")).unwrap();
        let parquet = |args: &Scd2Args| Layout::of(args, None, Engine::Hive).unwrap().check_names(args);
        let of = |column: &str| Scd2Args { untracked: vec![column.into()], ..args("shape = 'parquet'") };
        parquet(&of("plain")).unwrap();
        assert_eq!(parquet(&of("Bucket")).unwrap_err().kind(), Kind::Config);
        assert_eq!(parquet(&of("a b")).unwrap_err().kind(), Kind::Schema);
        parquet(&Scd2Args { shape: None, ..of("Bucket") }).unwrap();
        let renamed = of("bucket");
        let columns = super::super::OwnColumns { bucket: "part".into(), ..renamed.columns.clone() };
        parquet(&Scd2Args { columns, ..renamed }).unwrap();
    }

    #[test]
    fn buckets_have_as_many_digits_as_the_last_one() {
        let all = |count| Buckets { column: "b".into(), count }.all().collect::<Vec<_>>();
        assert_eq!(all(1), ["0"]);
        assert_eq!(all(11)[..3], ["00", "01", "02"]);
        assert_eq!(all(1000).last().map(String::as_str), Some("999"));
    }
}
