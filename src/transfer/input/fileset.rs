//! Files of one kind and one schema, read through the filesystem.

use std::ops::Range;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use tokio::runtime::Handle;

use super::text::{self, Records, record_schema};
use super::{Batches, DataFile, Dataset, bridge};
use crate::error::{self, Result};
use crate::format::Compression;
use crate::format::decode::{
    AvroDecoder, FileKind, Input, ParquetDecoder, RowGroups, SequenceDecoder, TextDecodeOptions, TextDecoder, sniff,
};
use crate::storage::Filesystem;

/// Rows in a batch of Avro or Parquet.
const BATCH_ROWS: usize = 4 << 10;

/// How files are read whose bytes do not say it themselves.
#[derive(Clone, Debug)]
pub struct FileSetOptions {
    /// Delimited text and the records of sequence files.
    pub text: TextDecodeOptions,
    /// Names of the fields of text, in order; without them fields are named by their numbers, counted from 1.
    pub columns: Vec<String>,
}

/// Files of one kind and one schema. There is at least one.
#[derive(Clone)]
pub struct FileSet {
    fs: Arc<dyn Filesystem>,
    files: Vec<DataFile>,
    kind: FileKind,
    schema: SchemaRef,
    avro_schema: Option<String>,
    options: FileSetOptions,
    runtime: Handle,
}

/// What the first file shows.
struct Head {
    kind: FileKind,
    schema: SchemaRef,
    avro_schema: Option<String>,
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
        let input = bridge::open(fs.as_ref(), &first.path).await?;
        let head = tokio::task::spawn_blocking(move || head(input)).await;
        let Head { kind, schema, avro_schema } =
            head.map_err(|e| error::bug("a thread that reads files broke down").source(e))??;
        Ok(Self { fs, files, kind, schema, avro_schema, options, runtime: Handle::current() })
    }

    /// The kind of the files.
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// Schema of the batches; of text, that of whole records.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The Avro schema of the first file, of Avro files.
    pub fn avro_schema(&self) -> Option<&str> {
        self.avro_schema.as_deref()
    }

    /// The options.
    pub fn options(&self) -> &FileSetOptions {
        &self.options
    }

    /// Opens a file for a decoder. Blocking: for threads that compute.
    ///
    /// # Errors
    /// Those of the filesystem; Schema: it is of another kind than the first.
    pub fn input(&self, file: usize) -> Result<Input> {
        let Some(DataFile { path, .. }) = self.files.get(file) else {
            return Err(error::bug(format!("there is no file {file} in the set")));
        };
        let input = self.runtime.block_on(bridge::open(self.fs.as_ref(), path))?;
        let kind = kind_of(&input)?;
        if kind != self.kind {
            let first = self.files.first().map_or("", |f| f.path.as_str());
            return Err(error::schema(format!("{path} is {} and {first} {}", name(kind), name(self.kind)))
                .hint("read files of one format at a time"));
        }
        Ok(input)
    }

    /// Records of a text or sequence file, or of those that begin in a range of it; `None` of other kinds. Blocking: for
    /// threads that compute.
    ///
    /// # Errors
    /// Those of the filesystem and the decoder.
    pub fn records(&self, file: usize, range: Option<Range<u64>>) -> Result<Option<Records>> {
        let text = &self.options.text;
        Ok(match self.kind {
            FileKind::Text => {
                let input = self.input(file)?;
                let codec = Compression::of_file_name(input.name()).unwrap_or(Compression::None);
                Some(Box::new(TextDecoder::new(input, range, codec, text)?))
            }
            FileKind::Sequence => Some(Box::new(SequenceDecoder::new(self.input(file)?, range, text)?)),
            FileKind::Avro | FileKind::Parquet => None,
        })
    }

    /// Batches of a file, of text whole records. Blocking: for threads that compute.
    fn batches(&self, file: usize, columns: Option<&[String]>) -> Result<Batches> {
        if let Some(records) = self.records(file, None)? {
            return Ok(match columns {
                None => text::whole(records),
                Some(names) => {
                    let places = names.iter().map(|name| self.field(name)).collect::<Result<_>>()?;
                    text::fields(records, names, places, self.options.text.text.clone())
                }
            });
        }
        let input = self.input(file)?;
        let columns =
            columns.map(|names| names.iter().map(|n| self.column(n)).collect::<Result<Vec<_>>>()).transpose()?;
        let (schema, batches): (_, Batches) = match self.kind {
            FileKind::Avro => {
                let decoder = AvroDecoder::new(input.clone(), None, columns.as_deref(), BATCH_ROWS)?;
                (decoder.schema(), Box::new(decoder))
            }
            _ => {
                let decoder = ParquetDecoder::new(input.clone(), &RowGroups::All, columns.as_deref(), BATCH_ROWS)?;
                (decoder.schema(), Box::new(decoder))
            }
        };
        if columns.is_none() && !super::same_columns(&schema, &self.schema) {
            let first = self.files.first().map_or("", |f| f.path.as_str());
            return Err(super::differ((input.name(), &schema), (first, &self.schema)));
        }
        Ok(batches)
    }

    /// The place of a field of text by its name or number.
    fn field(&self, name: &str) -> Result<usize> {
        let names = &self.options.columns;
        if let Some(place) = names.iter().position(|n| n.eq_ignore_ascii_case(name)) {
            return Ok(place);
        }
        match name.parse::<usize>() {
            Ok(number) if number > 0 && names.is_empty() => Ok(number - 1),
            _ if names.is_empty() => Err(error::config(format!("nothing says which field of the text is {name}"))
                .hint("name the fields with columns, or give the number of the field")),
            _ => Err(error::not_found(format!("the text has no column {name}"))
                .hint(format!("its columns are {}", names.join(", ")))),
        }
    }

    /// The name of a column as the files spell it.
    fn column(&self, name: &str) -> Result<String> {
        let fields = self.schema.fields();
        let found = fields.iter().find(|f| f.name() == name);
        let found = found.or_else(|| fields.iter().find(|f| f.name().eq_ignore_ascii_case(name)));
        found.map(|f| f.name().clone()).ok_or_else(|| {
            let names: Vec<&str> = fields.iter().map(|f| f.name().as_str()).collect();
            error::not_found(format!("the files have no column {name}"))
                .hint(format!("their columns are {}", names.join(", ")))
        })
    }
}

impl Dataset for FileSet {
    fn files(&self) -> &[DataFile] {
        &self.files
    }

    fn read(&self, file: usize, columns: Option<&[String]>) -> Result<Batches> {
        let path = self.files.get(file).map(|f| f.path.clone()).unwrap_or_default();
        let batches = self.batches(file, columns)?;
        // Records of text know their line; the file is added here.
        let is_text = matches!(self.kind, FileKind::Text | FileKind::Sequence);
        Ok(Box::new(batches.map(move |batch| {
            batch.map_err(|e| if is_text && !e.to_string().contains(&path) { e.context(&path) } else { e })
        })))
    }
}

fn head(input: Input) -> Result<Head> {
    let kind = kind_of(&input)?;
    Ok(match kind {
        FileKind::Avro => {
            let decoder = AvroDecoder::new(input, None, None, 1)?;
            Head { kind, schema: decoder.schema(), avro_schema: Some(decoder.schema_json().to_owned()) }
        }
        FileKind::Parquet => {
            let decoder = ParquetDecoder::new(input, &RowGroups::All, None, 1)?;
            Head { kind, schema: decoder.schema(), avro_schema: None }
        }
        FileKind::Text | FileKind::Sequence => Head { kind, schema: record_schema(), avro_schema: None },
    })
}

fn kind_of(input: &Input) -> Result<FileKind> {
    let len = input.len_bytes().min(4) as usize;
    Ok(if len == 0 { FileKind::Text } else { sniff(&input.read_at(0, len)?) })
}

fn name(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Text => "text",
        FileKind::Avro => "avro",
        FileKind::Parquet => "parquet",
        FileKind::Sequence => "a sequence file",
    }
}
