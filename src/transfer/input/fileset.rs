//! Files of one format, read through the filesystem; of one schema too, unless they are those of a Hive table, which may
//! have got columns since the older of its files were written.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Handle;

use super::records::{self, Records, record_schema};
use super::{Batches, DataFile, Dataset};
use crate::error::{self, Error, Result};
use crate::format::Compression;
use crate::format::decode::{
    AvroDecoder, BatchOptions, Calendar, FileKind, Input, ParquetDecoder, RowGroups, SequenceDecoder,
    TextDecodeOptions, TextDecoder, sniff,
};
use crate::load::bridge;
use crate::storage::Filesystem;

/// Rows in a batch of Avro or Parquet.
const BATCH_ROWS: usize = 4 << 10;

/// Files that are looked at together.
const LOOKED_AT: usize = 8;

/// How files are read whose bytes do not say it themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSetOptions {
    /// Delimited text and the records of sequence files.
    pub text: TextDecodeOptions,
    /// Names of the fields of text, in order; without them fields are named by their numbers, counted from 1.
    pub columns: Vec<String>,
    /// `columns` are those that Hive declares for the files, whatever their format: any other does not exist for it,
    /// and one that a file or a record does not have is NULL.
    pub declared: bool,
    /// Columns of Avro and Parquet are found by their places among the declared ones, not by their names.
    pub by_position: bool,
    /// The calendar of days before 1582-10-15 in files that do not name theirs; without one, such days are an error.
    pub calendar: Option<Calendar>,
}

impl FileSetOptions {
    /// Text with fields of these names.
    pub fn new(text: TextDecodeOptions, columns: Vec<String>) -> Self {
        Self { text, columns, declared: false, by_position: false, calendar: None }
    }

    /// The place of a column among those of a file; `None` where the file does not have it.
    fn place(&self, schema: &Schema, name: &str) -> Option<usize> {
        let declared = self.columns.iter().position(|column| column.eq_ignore_ascii_case(name));
        if self.declared && (declared.is_none() || self.by_position) {
            return declared.filter(|place| *place < schema.fields().len());
        }
        super::position(schema, name)
    }
}

/// Files of one format. There is at least one.
#[derive(Clone)]
pub struct FileSet {
    fs: Arc<dyn Filesystem>,
    files: Vec<DataFile>,
    options: FileSetOptions,
    head: Head,
    runtime: Handle,
}

/// What the first file shows.
#[derive(Clone)]
pub struct Head {
    /// The format.
    pub kind: FileKind,
    /// Schema of the batches; of text, that of whole records.
    pub schema: SchemaRef,
    /// The codec inside the file, or that of its name.
    pub compression: Compression,
    /// The Avro schema, of Avro files and of those Parquet files that carry one.
    pub avro_schema: Option<String>,
    /// Times are INT96.
    pub int96: bool,
    /// Nothing says on which clock its INT96 times were: they are taken as UTC.
    pub zone_assumed: bool,
}

impl FileSet {
    /// Looks at the first of the files, which says what all of them are; the others are held against it when they are
    /// read.
    ///
    /// # Errors
    /// NotFound: there are no files. Data: the first cannot be read. Those of the filesystem.
    pub async fn open(fs: Arc<dyn Filesystem>, files: Vec<DataFile>, options: FileSetOptions) -> Result<Self> {
        let Some(first) = files.first() else {
            return Err(error::not_found("there are no files to read").hint("check the directory"));
        };
        let calendar = options.calendar;
        let input = bridge::open(fs.as_ref(), &first.path).await?;
        let head = tokio::task::spawn_blocking(move || head(input, calendar)).await;
        let head = head.map_err(|e| error::bug("a thread that reads files broke down").source(e))??;
        Ok(Self { fs, files, options, head, runtime: Handle::current() })
    }

    /// The format of the files.
    pub fn kind(&self) -> FileKind {
        self.head.kind
    }

    /// What the first file shows.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What a reader of the results should know of how the files were read.
    pub fn notes(&self) -> Vec<String> {
        let first = self.files.first().map_or("", |file| file.path.as_str());
        let assumed = format!("{first} does not name the time zone of its INT96 times: they are read as UTC");
        if self.head.zone_assumed { vec![assumed] } else { Vec::new() }
    }

    /// Bytes of all files.
    pub fn len_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.len_bytes).sum()
    }

    /// How a file is read.
    pub fn options(&self, file: usize) -> &FileSetOptions {
        self.files.get(file).and_then(|file| file.options.as_deref()).unwrap_or(&self.options)
    }

    /// Holds the formats of all files against that of the first, before any is read.
    ///
    /// # Errors
    /// Schema: one is of another. Those of the filesystem.
    pub async fn check_kinds(&self) -> Result<()> {
        let look = |file: &DataFile| {
            let path = file.path.clone();
            async move {
                let reader = self.fs.open(&path).await?;
                let kind = sniff(&reader.read_at(0, 4).await?);
                if kind == self.head.kind { Ok(()) } else { Err(self.of_another_kind(&path, kind)) }
            }
        };
        let looks: Vec<_> = self.files.iter().skip(1).map(look).collect();
        stream::iter(looks).buffered(LOOKED_AT).try_collect().await
    }

    /// The columns of the files: those of the first and, where Hive declares more than that has, those that later files
    /// have.
    ///
    /// # Errors
    /// Those of the filesystem and the decoders.
    pub async fn schema(&self) -> Result<SchemaRef> {
        let mut schema = self.head.schema.clone();
        for file in 1..self.files.len() {
            let options = self.options(file);
            let lacks = |name: &String| super::position(&schema, name).is_none();
            if self.head.kind.is_text() || !options.declared || !options.columns.iter().any(lacks) {
                continue;
            }
            let set = self.clone();
            let other = tokio::task::spawn_blocking(move || set.batches(file, None, None).map(|(schema, _)| schema));
            let other = other.await.map_err(|e| error::bug("a thread that reads files broke down").source(e))??;
            let more = other.fields().iter().filter(|field| super::position(&schema, field.name()).is_none());
            let fields: Vec<_> = schema.fields().iter().chain(more).cloned().collect();
            schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        }
        Ok(schema)
    }

    /// The place of a column in a file whose batches have this schema, or in its records; `None` where Hive declares a
    /// column that it does not have.
    ///
    /// # Errors
    /// NotFound: there is no such column. Config: nothing says which field of text it is.
    pub fn place(&self, file: usize, schema: &Schema, name: &str) -> Result<Option<usize>> {
        let options = self.options(file);
        let names = &options.columns;
        let place = match self.head.kind.is_text() {
            true => names.iter().position(|column| column.eq_ignore_ascii_case(name)),
            false => options.place(schema, name),
        };
        match name.parse::<usize>() {
            _ if place.is_some() || options.declared => Ok(place),
            _ if !self.head.kind.is_text() => Err(self.no_column(file, schema, name)),
            Ok(number) if number > 0 && names.is_empty() => Ok(Some(number - 1)),
            _ if names.is_empty() => Err(error::config(format!("nothing says which field of the text is {name}"))
                .hint("name the fields with columns, or give the number of the field")),
            _ => Err(error::not_found(format!("the text has no column {name}"))
                .hint(format!("its columns are {}", names.join(", ")))),
        }
    }

    fn no_column(&self, file: usize, schema: &Schema, name: &str) -> Error {
        let path = self.files.get(file).map_or("the file", |file| file.path.as_str());
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        error::not_found(format!("{path} has no column {name}")).hint(format!("its columns are {}", names.join(", ")))
    }

    /// Records of a text or sequence file, or of those that begin in a range of it. Blocking: for threads that compute.
    ///
    /// # Errors
    /// Those of the filesystem and the decoder; Bug: the files are not text.
    pub fn records(&self, file: usize, range: Option<Range<u64>>) -> Result<Records> {
        let input = self.input(file)?;
        let options = &self.options(file).text;
        match self.head.kind {
            FileKind::Text => {
                let codec = codec_of(input.name());
                Ok(Records::Text(Box::new(TextDecoder::new(input, range, codec, options)?)))
            }
            FileKind::Sequence => Ok(Records::Sequence(Box::new(SequenceDecoder::new(input, range, options)?))),
            kind => Err(error::bug(format!("{} is {kind}, and not read as text", input.name()))),
        }
    }

    /// Batches of an Avro or Parquet file, or of the part of it that begins in a range: their schema, and they
    /// themselves. Of text, batches of whole records. Blocking: for threads that compute.
    ///
    /// # Errors
    /// Those of the filesystem and the decoder.
    pub fn batches(
        &self,
        file: usize,
        range: Option<Range<u64>>,
        columns: Option<&[String]>,
    ) -> Result<(SchemaRef, Batches)> {
        let options = BatchOptions { columns, rows: BATCH_ROWS, calendar: self.options(file).calendar };
        match self.head.kind {
            FileKind::Avro => {
                let decoder = AvroDecoder::new(self.input(file)?, range, &options)?;
                Ok((decoder.schema(), Box::new(decoder)))
            }
            FileKind::Parquet => {
                let groups = range.map_or(RowGroups::All, RowGroups::Bytes);
                let decoder = ParquetDecoder::new(self.input(file)?, &groups, &options)?;
                Ok((decoder.schema(), Box::new(decoder)))
            }
            FileKind::Text | FileKind::Sequence => Ok((record_schema(), records::whole(self.records(file, range)?))),
        }
    }

    /// Opens a file for a decoder. Blocking: for threads that compute.
    fn input(&self, file: usize) -> Result<Input> {
        let Some(DataFile { path, .. }) = self.files.get(file) else {
            return Err(error::bug(format!("there is no file {file} in the set")));
        };
        let input = self.runtime.block_on(bridge::open(self.fs.as_ref(), path))?;
        let kind = kind_of(&input)?;
        if kind == self.head.kind { Ok(input) } else { Err(self.of_another_kind(path, kind)) }
    }

    fn of_another_kind(&self, path: &str, kind: FileKind) -> Error {
        let first = self.files.first().map_or("", |file| file.path.as_str());
        error::schema(format!("{first} is {}, {path} is {kind}", self.head.kind))
            .hint("read files of one format at a time, by a pattern, or one partition after the other")
    }

    /// Some columns of a file.
    fn chosen(&self, file: usize, path: &str, names: &[String]) -> Result<Batches> {
        if self.head.kind.is_text() {
            let missing = |name: &String| error::bug(format!("{path}: no field is declared for {name}"));
            let place = |name: &String| self.place(file, &self.head.schema, name)?.ok_or_else(|| missing(name));
            let places = names.iter().map(place).collect::<Result<_>>()?;
            let options = self.options(file).text.clone();
            return Ok(records::fields(self.records(file, None)?, names, places, options, path.to_owned()));
        }
        let spelt = |name: &String| match super::position(&self.head.schema, name) {
            Some(place) => Ok(self.head.schema.field(place).name().clone()),
            None => Err(self.no_column(0, &self.head.schema, name)),
        };
        let names = names.iter().map(spelt).collect::<Result<Vec<_>>>()?;
        self.batches(file, None, Some(&names)).map(|(_, batches)| batches)
    }
}

impl Dataset for FileSet {
    fn files(&self) -> &[DataFile] {
        &self.files
    }

    fn read(&self, file: usize, columns: Option<&[String]>) -> Result<Batches> {
        let path = self.files.get(file).map_or("", |file| file.path.as_str());
        if let Some(names) = columns {
            return self.chosen(file, path, names);
        }
        let (schema, batches) = self.batches(file, None, None)?;
        if !super::same_columns(&schema, &self.head.schema) {
            let first = self.files.first().map_or("", |f| f.path.as_str());
            return Err(super::differ((path, &schema), (first, &self.head.schema)));
        }
        Ok(batches)
    }
}

impl fmt::Debug for FileSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSet").field("kind", &self.head.kind).field("files", &self.files).finish_non_exhaustive()
    }
}

fn head(input: Input, calendar: Option<Calendar>) -> Result<Head> {
    let kind = kind_of(&input)?;
    let options = BatchOptions { columns: None, rows: 1, calendar };
    let of = |schema, compression, avro_schema| Head {
        kind,
        schema,
        compression,
        avro_schema,
        int96: false,
        zone_assumed: false,
    };
    Ok(match kind {
        FileKind::Avro => {
            let decoder = AvroDecoder::new(input, None, &options)?;
            let compression = match decoder.metadata("avro.codec") {
                None | Some("null") => Compression::None,
                Some("zstandard") => Compression::Zstd,
                Some(name) => name.parse()?,
            };
            of(decoder.schema(), compression, Some(decoder.schema_json().to_owned()))
        }
        FileKind::Parquet => {
            let decoder = ParquetDecoder::new(input, &RowGroups::Numbers(0..0), &options)?;
            let avro_schema = decoder.key_value("parquet.avro.schema").map(str::to_owned);
            let (int96, zone_assumed) = (decoder.has_int96(), decoder.has_unnamed_zone());
            Head { int96, zone_assumed, ..of(decoder.schema(), decoder.compression(), avro_schema) }
        }
        FileKind::Text => of(record_schema(), codec_of(input.name()), None),
        FileKind::Sequence => {
            let text = TextDecodeOptions::new(crate::format::TextOptions::default());
            of(record_schema(), SequenceDecoder::new(input, None, &text)?.codec(), None)
        }
    })
}

fn kind_of(input: &Input) -> Result<FileKind> {
    let len = input.len_bytes().min(4) as usize;
    Ok(if len == 0 { FileKind::Text } else { sniff(&input.read_at(0, len)?) })
}

/// The codec of a text file, by its name.
pub fn codec_of(path: &str) -> Compression {
    Compression::of_file_name(path).unwrap_or(Compression::None)
}
