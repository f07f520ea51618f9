//! What is compared with what: each column of the source, where the target holds it, and as what.

use arrow_schema::Schema;

use super::checksums::{self, Checksums, Summed};
use super::meaning::{Held, meaning_of};
use super::rows::RowChecksum;
use super::value::BytesAs;
use crate::error::{self, Error, Result};
use crate::format::avro::names::sqoop_name;
use crate::format::decode::{ReadAs, TextDecodeOptions, TextRecord};
use crate::format::text::TextStyle;
use crate::load::DEFAULT_PARTITION;
use crate::mysql::checksum::Meaning;
use crate::mysql::read::Selection;
use crate::mysql::types::Column;
use crate::transfer::input::{Cancelled, Dataset, FileSet, for_each, missing, position};

/// Where the target holds a column.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// In the files, by its name there.
    Column(String),
    /// In the records of text, by its place.
    Field(usize),
    /// In the partition.
    Partition,
}

/// Columns of a source and of a target, ready to be summed up on both sides.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub(super) selection: Selection,
    pub(super) columns: Vec<Summed>,
    places: Vec<Place>,
    pub(super) zero_dates_are_null: bool,
}

/// What a comparison has to know beside the source and the files.
#[derive(Clone, Debug, Default)]
pub struct ComparisonOptions {
    /// Dates that do not exist were imported as NULL.
    pub zero_dates_are_null: bool,
}

impl Comparison {
    /// Finds every column of the selection in the files, or in their partitions. Fields of text that have no names are
    /// those of the selection, in its order, without those held by partitions.
    ///
    /// # Errors
    /// Schema: a column is missing in the target, or of a type that cannot hold its values.
    pub async fn of(selection: &Selection, set: &FileSet, options: &ComparisonOptions) -> Result<Self> {
        let schema = set.schema().await?;
        let partitions: Vec<&str> = set.files().first().map(|f| f.partition.names().collect()).unwrap_or_default();
        let first = set.options(0);
        let bytes_as = if first.text.text.style == TextStyle::Sqoop { BytesAs::HexPairs } else { BytesAs::Base64 };
        let is_partition = |column: &&Column| partitions.iter().any(|p| p.eq_ignore_ascii_case(&column.name));
        let fields: Vec<&Column> = selection.columns.iter().filter(|column| !is_partition(column)).collect();
        let (mut columns, mut places) = (Vec::new(), Vec::new());
        for column in &selection.columns {
            let by_name = || {
                let declared = first.columns.iter().any(|name| name.eq_ignore_ascii_case(&column.name));
                declared.then(|| Place::Column(column.name.clone()))
            };
            let in_files = match (set.kind().is_text(), first.declared) {
                (true, false) => fields.iter().position(|field| field.name == column.name).map(Place::Field),
                (true, true) => by_name(),
                (false, false) => in_schema(&schema, column),
                // A column that no file has yet is NULL everywhere.
                (false, true) => in_schema(&schema, column).or_else(by_name),
            };
            let place = match in_files {
                Some(place) if !(first.declared && is_partition(&column)) => place,
                _ if is_partition(&column) => Place::Partition,
                _ => return Err(not_there(column, set, &schema)),
            };
            let meaning = meaning_of(column, &held(&place, &schema, set.kind().is_text()))?;
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
            let meaning = meaning_of(column, &Held::AsText)?;
            Ok(Summed { name: column.name.clone(), meaning, bytes_as: BytesAs::default() })
        };
        let columns: Vec<Summed> = selection.columns.iter().map(summed).collect::<Result<_>>()?;
        let places = vec![Place::Partition; columns.len()];
        Ok(Self { selection: selection.clone(), columns, places, zero_dates_are_null: false })
    }

    /// Whether instants are compared as what the clock of the session shows.
    pub fn is_by_the_clock(&self) -> bool {
        let by_the_clock = |(column, summed): (&Column, &Summed)| {
            column.data_type == "timestamp" && matches!(summed.meaning, Meaning::Timestamp { instant: false, .. })
        };
        self.selection.columns.iter().zip(&self.columns).any(by_the_clock)
    }

    /// The columns, in the order of the selection.
    pub fn columns(&self) -> &[Summed] {
        &self.columns
    }

    /// What the files hold, read from the filesystem now; `workers` of them at once.
    ///
    /// # Errors
    /// Those of the filesystem and the decoders.
    pub async fn found(&self, set: &FileSet, workers: usize) -> Result<Checksums> {
        let (this, files) = (self.clone(), set.clone());
        let each = for_each(set.files().len(), workers, move |file, cancelled| match files.kind().is_text() {
            true => this.records(&files, file, cancelled),
            false => this.batches(&files, file, cancelled),
        });
        let mut all = Checksums::new(self.columns.len());
        each.await?.iter().for_each(|sums| all.add(sums));
        Ok(all)
    }

    fn batches(&self, set: &FileSet, file: usize, cancelled: &Cancelled) -> Result<Checksums> {
        let schema = match set.options(file).declared {
            // Files of a Hive table may lack columns that were added since.
            true => set.batches(file, None, None)?.0,
            false => set.head().schema.clone(),
        };
        let places = self.in_file(set, file, &schema)?;
        let name = |place: &InFile| if let InFile::Column(name) = place { Some(name.clone()) } else { None };
        let wanted: Vec<String> = places.iter().filter_map(name).collect();
        let (schema, batches) = set.batches(file, None, (!wanted.is_empty()).then_some(&wanted[..]))?;
        let place = |place: &'_ InFile| match place {
            InFile::Column(name) => schema.index_of(name).ok().map(checksums::Place::Column),
            _ => None,
        };
        let of: Vec<checksums::Place<'_>> =
            places.iter().map(|p| place(p).unwrap_or(checksums::Place::Constant(p.constant()))).collect();
        let mut sums = Checksums::new(self.columns.len());
        for batch in batches {
            cancelled.check()?;
            sums.take(&batch?, &self.columns, &of)?;
        }
        Ok(sums)
    }

    fn records(&self, set: &FileSet, file: usize, cancelled: &Cancelled) -> Result<Checksums> {
        let options = set.options(file);
        let places = self.in_file(set, file, &set.head().schema)?;
        let path = set.files().get(file).map_or("", |file| file.path.as_str());
        let mut sums = Checksums::new(self.columns.len());
        let mut whole = RowChecksum::new(self.columns.iter().map(|column| column.meaning.is_by_bits()));
        let mut scratch = Vec::with_capacity(places.len());
        let mut records = set.records(file, None)?;
        while let Some(record) = records.next() {
            cancelled.check()?;
            let record = record?;
            if !options.declared {
                let lacks = |place: &InFile| place.field().filter(|at| *at >= record.fields.len());
                if let Some(at) = places.iter().find_map(lacks) {
                    return Err(missing(path, &record, at));
                }
            }
            let texts = self.columns.iter().zip(&places).map(|(column, place)| match place.field() {
                Some(at) => text(&record, at, column, &options.text),
                None => place.constant(),
            });
            sums.take_texts(&self.columns, texts, &mut whole, &mut scratch);
            records.recycle(record);
        }
        Ok(sums)
    }

    /// Where one file holds the columns.
    fn in_file(&self, set: &FileSet, file: usize, schema: &Schema) -> Result<Vec<InFile>> {
        let place = |(column, place): (&Summed, &Place)| {
            Ok(match place {
                Place::Field(at) => InFile::Field(*at),
                Place::Partition => InFile::Constant(partition_value(set, file, &column.name)),
                Place::Column(name) => match set.place(file, schema, name)? {
                    None => InFile::Constant(None),
                    Some(at) if set.kind().is_text() => InFile::Field(at),
                    Some(at) => InFile::Column(schema.field(at).name().clone()),
                },
            })
        };
        self.columns.iter().zip(&self.places).map(place).collect()
    }
}

/// Where one file holds a column.
enum InFile {
    Column(String),
    Field(usize),
    /// The same in every row; `None` for NULL.
    Constant(Option<String>),
}

impl InFile {
    fn field(&self) -> Option<usize> {
        if let Self::Field(at) = self { Some(*at) } else { None }
    }

    fn constant(&self) -> Option<&str> {
        if let Self::Constant(value) = self { value.as_deref() } else { None }
    }
}

/// The text of a field; `None` where it stands for NULL.
fn text<'a>(record: &'a TextRecord, at: usize, column: &Summed, options: &TextDecodeOptions) -> Option<&'a str> {
    let read_as = match column.meaning {
        Meaning::Text => ReadAs::Characters,
        Meaning::Bytes => ReadAs::Bytes,
        _ => ReadAs::Other,
    };
    record.fields.get(at).filter(|field| !options.is_null(field, read_as)).map(|field| field.text)
}

/// The value of a column in the partition of a file.
fn partition_value(set: &FileSet, file: usize, column: &str) -> Option<String> {
    let mut pairs = set.files().get(file)?.partition.pairs();
    let (_, value) = pairs.find(|(name, _)| name.eq_ignore_ascii_case(column))?;
    (value != DEFAULT_PARTITION).then(|| value.to_owned())
}

/// The column of Avro or Parquet files that holds a column of the source: of its name, or of that which Sqoop makes of
/// it.
fn in_schema(schema: &Schema, column: &Column) -> Option<Place> {
    let field = position(schema, &column.name).or_else(|| position(schema, &sqoop_name(&column.name)))?;
    Some(Place::Column(schema.field(field).name().clone()))
}

fn held(place: &Place, schema: &Schema, is_text: bool) -> Held {
    match place {
        Place::Column(name) if !is_text => {
            position(schema, name).map_or(Held::AsText, |at| Held::As(schema.field(at).data_type().clone()))
        }
        _ => Held::AsText,
    }
}

fn not_there(column: &Column, set: &FileSet, schema: &Schema) -> Error {
    let names: Vec<&str> = match set.kind().is_text() {
        true => set.options(0).columns.iter().map(String::as_str).collect(),
        false => schema.fields().iter().map(|f| f.name().as_str()).collect(),
    };
    let path = set.files().first().map_or("the target", |f| f.path.as_str());
    error::schema(format!("{path} has no column {}", column.name))
        .hint(format!("its columns are {}; choose those to compare with columns", names.join(", ")))
}
