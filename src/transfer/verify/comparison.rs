//! What is compared with what: each column of the source, where the target holds it, and as what.

use arrow_array::RecordBatch;
use tokio::sync::mpsc;

use super::checksums::{BytesAs, Checksums, Summed};
use super::meaning::{Held, Meaning};
use super::sums::of_server;
use crate::error::{self, Error, Result};
use crate::format::avro::names::sqoop_name;
use crate::format::decode::{FileKind, TextRecord};
use crate::format::text::TextStyle;
use crate::mysql::quote;
use crate::mysql::read::{CONDITIONS, Selection, Source};
use crate::mysql::types::{Column, TypeOptions};
use crate::mysql::wire::ReadConnection;
use crate::transfer::input::{Dataset, FileSet, for_each};

/// Where the target holds a column.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// In the files, by its name there.
    Column(String),
    /// In the records of text, by its place.
    Field(usize),
    /// In the names of directories.
    Partition,
}

/// Columns of a source and of a target, ready to be summed up on both sides.
#[derive(Clone, Debug)]
pub struct Comparison {
    selection: Selection,
    columns: Vec<Summed>,
    places: Vec<Place>,
    zero_dates_are_null: bool,
}

/// What a comparison has to know beside the source and the files.
#[derive(Clone, Debug, Default)]
pub struct ComparisonOptions {
    /// Names of the fields of text, in order; those of the selection where there are none, without those held in the
    /// names of directories.
    pub text_columns: Vec<String>,
    /// Dates that are none were imported as NULL.
    pub zero_dates_are_null: bool,
}

impl Comparison {
    /// Finds every column of the selection in the files, or in the names of their directories.
    ///
    /// # Errors
    /// Schema: a column is missing in the target, or of a type that cannot hold its values.
    pub fn of(selection: &Selection, set: &FileSet, options: &ComparisonOptions) -> Result<Self> {
        let partitions: Vec<&str> = set.files().first().map(|f| f.partition.names().collect()).unwrap_or_default();
        let style = set.options().text.text.style;
        let bytes_as = if style == TextStyle::Sqoop { BytesAs::HexPairs } else { BytesAs::Base64 };
        let fields = text_fields(selection, &partitions, options);
        let (mut columns, mut places) = (Vec::new(), Vec::new());
        for column in &selection.columns {
            let in_partition = partitions.iter().any(|p| p.eq_ignore_ascii_case(&column.name));
            let in_files = match set.kind() {
                FileKind::Text | FileKind::Sequence => {
                    let place = fields.iter().position(|f| f.eq_ignore_ascii_case(&column.name));
                    place.map(|place| (Place::Field(place), Held::AsText))
                }
                FileKind::Avro | FileKind::Parquet => in_schema(set, column),
            };
            let (place, held) = match (in_files, in_partition) {
                (Some(found), _) => found,
                (None, true) => (Place::Partition, Held::AsText),
                (None, false) => return Err(missing(column, set)),
            };
            let meaning = Meaning::of(column, &held)?;
            columns.push(Summed { name: column.name.clone(), meaning, bytes_as });
            places.push(place);
        }
        let zero_dates_are_null = options.zero_dates_are_null;
        Ok(Self { selection: selection.clone(), columns, places, zero_dates_are_null })
    }

    /// A comparison with a target that holds no file: every column is as the source has it.
    ///
    /// # Errors
    /// Schema: a column of a type that is not known.
    pub fn with_nothing(selection: &Selection) -> Result<Self> {
        let summed = |column: &Column| {
            let meaning = Meaning::of(column, &Held::AsText)?;
            Ok(Summed { name: column.name.clone(), meaning, bytes_as: BytesAs::default() })
        };
        let columns: Vec<Summed> = selection.columns.iter().map(summed).collect::<Result<_>>()?;
        let places = vec![Place::Partition; columns.len()];
        Ok(Self { selection: selection.clone(), columns, places, zero_dates_are_null: false })
    }

    /// The columns, in the order of the selection.
    pub fn columns(&self) -> &[Summed] {
        &self.columns
    }

    /// What the server makes of the rows that meet a condition; of floats, what we make of their values. In the
    /// connection's transaction, if it is in one.
    ///
    /// # Errors
    /// As the server says.
    pub async fn expected(&self, conn: &mut ReadConnection, condition: Option<&str>) -> Result<Checksums> {
        let mut sums = Checksums::new(self.columns.len());
        let act = format!("cannot sum up {}", self.selection.name());
        let rows = conn.texts(&self.sql(condition), &act).await?;
        let row = rows.into_iter().next().ok_or_else(|| error::bug("the server sums up to no row"))?;
        let mut values = row.into_iter();
        let mut next = || values.next().flatten();
        sums.rows = count(next().as_deref())?;
        for (summed, into) in self.columns.iter().zip(&mut sums.columns) {
            if summed.meaning.is_by_bits() {
                continue;
            }
            let scale = if let Meaning::Decimal { scale, .. } = summed.meaning { scale } else { 0 };
            into.values = count(next().as_deref())?;
            into.sum = of_server(next().as_deref(), scale)?;
            let checksum = next().unwrap_or_else(|| "0".to_owned());
            into.checksum = checksum
                .parse()
                .map_err(|e| error::bug(format!("the server's sum of checksums is {checksum}")).source(e))?;
        }
        self.floats(conn, condition, &mut sums).await?;
        Ok(sums)
    }

    /// The statement that sums up everything but floats.
    pub fn sql(&self, condition: Option<&str>) -> String {
        let mut what = vec!["COUNT(*)".to_owned()];
        for (summed, column) in self.columns.iter().zip(&self.selection.columns) {
            what.extend(summed.meaning.sql(column, self.zero_dates_are_null).into_iter().flatten());
        }
        self.selection.select(&what.join(", "), condition)
    }

    /// Reads the columns whose bits the server cannot sum up.
    async fn floats(&self, conn: &mut ReadConnection, condition: Option<&str>, sums: &mut Checksums) -> Result<()> {
        let (numbers, columns): (Vec<usize>, Vec<Summed>) =
            self.columns.iter().cloned().enumerate().filter(|(_, c)| c.meaning.is_by_bits()).unzip();
        if columns.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
        let types = TypeOptions::default();
        let selection = match &self.selection.source {
            Source::Table(table) => {
                Selection::table(table.as_ref().clone(), &names, self.selection.condition.clone(), &types)?
            }
            Source::Query(sql) => {
                let list: Vec<String> = names.iter().map(|n| quote(n)).collect();
                let inner = sql.replace(CONDITIONS, "(1 = 1)");
                let sql = format!("SELECT {} FROM ({inner}) AS t1 WHERE {CONDITIONS}", list.join(", "));
                Selection::query(conn, &sql, &types).await?
            }
        };
        let places: Vec<Option<usize>> = (0..columns.len()).map(Some).collect();
        let mut found = Checksums::new(columns.len());
        let sql = selection.sql(condition);
        let (to, mut batches) = mpsc::channel::<RecordBatch>(2);
        let read = async {
            let read = selection.read(conn, &sql, &to).await;
            drop(to);
            read
        };
        let take = async {
            while let Some(batch) = batches.recv().await {
                found.take(&batch, &columns, &places)?;
            }
            Ok::<(), Error>(())
        };
        let (read, taken) = tokio::join!(read, take);
        read?;
        taken?;
        for (number, of_column) in numbers.into_iter().zip(&found.columns) {
            sums.columns[number] = of_column.clone();
        }
        Ok(())
    }

    /// What the files hold, read from the filesystem now; `workers` of them at once.
    ///
    /// # Errors
    /// Those of the filesystem and the decoders.
    pub async fn found(&self, set: &FileSet, workers: usize) -> Result<Checksums> {
        let (this, files) = (self.clone(), set.clone());
        let each = for_each(set.files().len(), workers, move |file, cancelled| {
            let mut sums = Checksums::new(this.columns.len());
            match files.records(file, None)? {
                Some(records) => {
                    for record in records {
                        cancelled.check()?;
                        this.take_record(&mut sums, &record?, &files)?;
                    }
                }
                None => {
                    let names: Vec<String> = this.names_in_files();
                    for batch in files.read(file, if names.is_empty() { None } else { Some(&names) })? {
                        cancelled.check()?;
                        this.take_batch(&mut sums, &batch?)?;
                    }
                }
            }
            this.take_partition(&mut sums, file, &files);
            Ok(sums)
        });
        let mut all = Checksums::new(self.columns.len());
        each.await?.iter().for_each(|sums| all.add(sums));
        Ok(all)
    }

    fn names_in_files(&self) -> Vec<String> {
        let name = |place: &Place| if let Place::Column(name) = place { Some(name.clone()) } else { None };
        self.places.iter().filter_map(name).collect()
    }

    fn take_batch(&self, sums: &mut Checksums, batch: &RecordBatch) -> Result<()> {
        let schema = batch.schema_ref();
        let place = |place: &Place| match place {
            Place::Column(name) => schema.index_of(name).ok(),
            _ => None,
        };
        let places: Vec<Option<usize>> = self.places.iter().map(place).collect();
        sums.take(batch, &self.columns, &places)
    }

    fn take_record(&self, sums: &mut Checksums, record: &TextRecord, set: &FileSet) -> Result<()> {
        let options = &set.options().text.text;
        sums.take_rows(1);
        for (number, (column, place)) in self.columns.iter().zip(&self.places).enumerate() {
            let Place::Field(at) = place else { continue };
            let Some(field) = record.fields.get(*at) else {
                let what = format!(
                    "line {} has {} fields, and {} is field {}",
                    record.line,
                    record.fields.len(),
                    column.name,
                    at + 1
                );
                return Err(
                    error::data(what).hint("compare the delimiters and columns with those the files were written with")
                );
            };
            let is_string = column.meaning == Meaning::Text;
            let null = if is_string { &options.null_string } else { &options.null_non_string };
            // Sqoop takes nothing at all for NULL, but in strings.
            let is_nothing = !is_string && field.text.is_empty() && column.meaning != Meaning::Bytes;
            let text = (!field.is_null(null, options.style) && !is_nothing).then_some(field.text);
            sums.take_text(number, column, text, 1);
        }
        Ok(())
    }

    fn take_partition(&self, sums: &mut Checksums, file: usize, set: &FileSet) {
        let Some(partition) = set.files().get(file).map(|f| &f.partition) else { return };
        let rows = sums.rows;
        for (number, (column, place)) in self.columns.iter().zip(&self.places).enumerate() {
            if *place != Place::Partition {
                continue;
            }
            let value =
                partition.names().zip(partition.values()).find(|(name, _)| name.eq_ignore_ascii_case(&column.name));
            let text = value.map(|(_, value)| value).filter(|value| *value != crate::load::DEFAULT_PARTITION);
            sums.take_text(number, column, text, rows);
        }
    }
}

/// Names of the fields of text.
fn text_fields(selection: &Selection, partitions: &[&str], options: &ComparisonOptions) -> Vec<String> {
    if !options.text_columns.is_empty() {
        return options.text_columns.clone();
    }
    let names = selection.columns.iter().map(|c| c.name.clone());
    names.filter(|name| !partitions.iter().any(|p| p.eq_ignore_ascii_case(name))).collect()
}

/// The column of Avro or Parquet files that holds a column of the source: of its name, or of that which Sqoop makes of
/// it.
fn in_schema(set: &FileSet, column: &Column) -> Option<(Place, Held)> {
    let schema = set.schema();
    let find = |name: &str| schema.fields().iter().find(|f| f.name().eq_ignore_ascii_case(name)).cloned();
    let field = find(&column.name).or_else(|| find(&sqoop_name(&column.name)))?;
    Some((Place::Column(field.name().clone()), Held::As(field.data_type().clone())))
}

fn missing(column: &Column, set: &FileSet) -> Error {
    let schema = set.schema();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let path = set.files().first().map_or("the target", |f| f.path.as_str());
    error::schema(format!("{path} has no column {}", column.name))
        .hint(format!("its columns are {}; choose those to compare with columns", names.join(", ")))
}

fn count(text: Option<&str>) -> Result<u64> {
    let text = text.unwrap_or("0");
    text.parse().map_err(|e| error::bug(format!("the server counts {text}")).source(e))
}
