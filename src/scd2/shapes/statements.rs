//! The HiveQL of the shape `parquet`. No MERGE and nothing that needs an ACID table.

use super::{BUCKETS, Buckets, Layout, SHAPE, Shape, WORK_OF};
use crate::error::{self, Result};
use crate::hiveserver2::{Engine, quote};
use crate::metastore::{OWNER, OWNER_PARAMETER};
use crate::scd2::batch::Batch;
use crate::scd2::plan::Plan;
use crate::scd2::template::Template;
use crate::scd2::types::{self, Carried};

/// Statistics of a table's changes by bucket: `bucket`, `inserted`, `changed`, `deleted`.
const BY_BUCKET: &str = "SELECT sakia_bucket AS bucket, sum(IF(sakia_target_sk IS NULL, 1, 0)) AS inserted, \
     sum(IF(sakia_target_sk IS NOT NULL AND NOT sakia_obsolete, 1, 0)) AS changed, \
     sum(IF(sakia_obsolete, 1, 0)) AS deleted";

impl Layout {
    /// What a new table's parameters say of its shape.
    pub(in crate::scd2) fn properties(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Merge => Vec::new(),
            Self::Iceberg => vec![(SHAPE, Shape::Iceberg.name().to_owned())],
            Self::Parquet(buckets) => {
                vec![(SHAPE, Shape::Parquet.name().to_owned()), (BUCKETS, buckets.count.to_string())]
            }
        }
    }
}

impl Plan {
    /// Says in which shape the table is, and which engine the statements are for.
    pub(in crate::scd2) fn set_layout(&mut self, layout: Layout, engine: Engine) {
        if let Some(buckets) = layout.buckets() {
            let column = quote::name(&buckets.column);
            let of_new = self.bucket_of("n.", buckets);
            self.values.insert("row_bucket", format!(",\ncoalesce(o.{column}, {of_new}) AS sakia_bucket"));
            self.values.insert("bucket_column", column);
        }
        self.layout = layout;
        self.engine = engine;
    }

    /// Whether a new table has to be told where it lies: Spark takes no external one otherwise.
    pub(in crate::scd2) fn needs_location(&self) -> bool {
        self.engine == Engine::Spark && self.layout.buckets().is_some()
    }

    /// Makes the target, with `properties` as table parameters, at `location` where one is given.
    pub(in crate::scd2) fn create(&self, properties: &[(&str, &str)], location: Option<&str>) -> Result<String> {
        let comment = self.values.get("comment").map_or("", String::as_str);
        // Each engine has its order of the two.
        let (template, stored) = match (&self.layout, self.engine) {
            (Layout::Merge, _) => (Template::Create, String::new()),
            (Layout::Iceberg, Engine::Hive) => {
                (Template::IcebergCreate, format!("COMMENT {comment}\nSTORED BY ICEBERG"))
            }
            (Layout::Iceberg, Engine::Spark) => (Template::IcebergCreate, format!("USING iceberg\nCOMMENT {comment}")),
            (Layout::Parquet(_), _) => (Template::ParquetCreate, String::new()),
        };
        let of_layout = self.layout.properties();
        let properties =
            of_layout.iter().map(|(name, value)| (*name, value.as_str())).chain(properties.iter().copied());
        let location = location.map(|location| format!("\nLOCATION {}", quote::text(location)));
        let values = [
            ("properties", quote::properties(&properties.collect::<Vec<_>>())),
            ("location", location.unwrap_or_default()),
            ("stored", stored),
        ];
        self.render(template, values)
    }

    /// Refuses a column of a new table that its format has no type for.
    ///
    /// # Errors
    /// Schema.
    pub(in crate::scd2) fn check_types(&self) -> Result<()> {
        let is_padded = |column: &&Carried| column.log_type.starts_with("char(");
        match self.carried.iter().find(is_padded).filter(|_| self.layout == Layout::Iceberg) {
            None => Ok(()),
            Some(Carried { name, log_type, .. }) => {
                let what = format!("column {name} of table {} is {log_type}, which iceberg has not", self.args.source);
                Err(error::schema(what).hint("convert it to string in a view over the log, or use the shape parquet"))
            }
        }
    }

    /// Refuses changes of columns that the engine cannot make: Spark leaves the columns of partitions as they are, and keeps
    /// the types of plain tables.
    ///
    /// # Errors
    /// Config.
    pub(in crate::scd2) fn check_alterations(&self) -> Result<()> {
        let alterations = self.alterations();
        match alterations.first().filter(|_| self.engine == Engine::Spark && self.layout.buckets().is_some()) {
            None => Ok(()),
            Some(statement) => Err(error::config(format!("spark cannot carry out: {statement}"))
                .hint("have hive do it, or use the shape iceberg; new-columns = \"ignore\" leaves a new column out")),
        }
    }

    /// The bucket of a row's keys: the CRC-32 of their texts, which is the same in Hive, in Spark and elsewhere.
    fn bucket_of(&self, prefix: &str, buckets: &Buckets) -> String {
        let keys = self.carried.iter().filter(|column| column.is_key);
        let text = |name: &str, hive_type: &str| types::key_text(&format!("{prefix}{}", quote::name(name)), hive_type);
        let texts: Vec<String> = keys.map(|column| text(&column.name, &column.hive_type)).collect();
        let hash = format!("pmod(crc32(concat_ws('|', {})), {})", texts.join(", "), buckets.count);
        format!("lpad(CAST({hash} AS string), {}, '0')", buckets.width())
    }

    /// The buckets of versions `n`, as a list in a text.
    pub(in crate::scd2) fn buckets_of_new(&self) -> String {
        self.layout.buckets().map(|buckets| listed(&self.bucket_of("n.", buckets))).unwrap_or_default()
    }

    /// The buckets of differences, as a list in a text.
    pub(in crate::scd2) fn buckets_of_changed(&self) -> String {
        self.layout.buckets().map(|_| listed("sakia_bucket")).unwrap_or_default()
    }

    /// The statements that apply a batch, for people: the tables that one attempt works with are called ATTEMPT, and what
    /// the metastore does is not among them.
    ///
    /// # Errors
    /// Those of the templates.
    pub(in crate::scd2) fn statements(
        &self,
        batch: &Batch,
        until: &str,
        batch_id: &str,
        touched: &[String],
    ) -> Result<Vec<String>> {
        if self.layout.buckets().is_none() {
            return Ok(vec![self.merge(batch, until, batch_id)?]);
        }
        let [stage, shadow] = ["stage", "shadow"].map(|kind| format!("{}_sakia_{kind}_ATTEMPT", self.args.target));
        let mut statements = vec![self.stage(&stage, batch, until)?];
        if !touched.is_empty() {
            statements.push(self.shadow(&shadow, "ATTEMPT"));
            statements.push(self.rewrite(&shadow, &stage, touched, batch_id)?);
        }
        Ok(statements)
    }

    /// Keeps what a batch changes in the table `stage`.
    pub(super) fn stage(&self, stage: &str, batch: &Batch, until: &str) -> Result<String> {
        let values = [
            ("stage", quote::qualified(stage)),
            ("properties", quote::properties(&[(WORK_OF, &self.args.target)])),
            ("difference", self.difference(batch, until)?),
        ];
        self.render(Template::ParquetStage, values)
    }

    /// Counts what a batch changes, by bucket.
    pub(super) fn touched(stage: &str) -> String {
        format!("{BY_BUCKET} FROM {} GROUP BY sakia_bucket", quote::qualified(stage))
    }

    /// Makes a table like the target, at another place, whose partitions take the place of the target's. Its files outlive it.
    pub(super) fn shadow(&self, shadow: &str, location: &str) -> String {
        let properties =
            [(WORK_OF, self.args.target.as_str()), (OWNER_PARAMETER, OWNER), ("external.table.purge", "false")];
        // To Spark a table is external that has a location.
        let external = if self.engine == Engine::Hive { "EXTERNAL " } else { "" };
        format!(
            "CREATE {external}TABLE {} LIKE {} LOCATION {} TBLPROPERTIES ({})",
            quote::qualified(shadow),
            self.target,
            quote::text(location),
            quote::properties(&properties)
        )
    }

    /// Writes the buckets `touched` into `shadow`, with what `stage` changes in them.
    pub(super) fn rewrite(&self, shadow: &str, stage: &str, touched: &[String], batch_id: &str) -> Result<String> {
        let touched: Vec<String> = touched.iter().map(|bucket| quote::text(bucket)).collect();
        let values = [
            ("shadow", quote::qualified(shadow)),
            ("stage", quote::qualified(stage)),
            ("touched", touched.join(", ")),
            ("table_columns", self.columns.listed(&self.args, &self.carried)),
            ("rewritten", self.columns.rewritten(&self.args, &self.carried, &quote::text(batch_id))),
        ];
        self.render(Template::ParquetRewrite, values)
    }

    /// Counts the versions of `shadow` and the violations among them.
    pub(super) fn verify_of(&self, shadow: &str) -> Result<String> {
        self.render(Template::Verify, [("target", quote::qualified(shadow))])
    }

    /// Counts the rows of `shadow` by bucket.
    pub(super) fn rows_of(&self, shadow: &str) -> String {
        let column = self.values.get("bucket_column").map_or("", String::as_str);
        format!("SELECT {column} AS bucket, count(*) AS versions FROM {} GROUP BY {column}", quote::qualified(shadow))
    }

    /// Adds partitions without rows to a table: for each its bucket, and where it lies if that is not below the table.
    pub(super) fn add_buckets(&self, table: &str, buckets: &[(String, Option<String>)]) -> String {
        let column = self.values.get("bucket_column").map_or("", String::as_str);
        let one = |(bucket, location): &(String, Option<String>)| {
            let place = location.as_ref().map(|location| format!(" LOCATION {}", quote::text(location)));
            format!("PARTITION ({column} = {}){}", quote::text(bucket), place.unwrap_or_default())
        };
        let all: Vec<String> = buckets.iter().map(one).collect();
        format!("ALTER TABLE {} ADD IF NOT EXISTS {}", quote::qualified(table), all.join("\n"))
    }
}

fn listed(bucket: &str) -> String {
    format!(", concat_ws(',', sort_array(collect_set({bucket}))) AS buckets")
}
