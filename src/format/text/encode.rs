//! The encoder of text files, and of the records that sequence files share with them.

use arrow_array::{Array, RecordBatch};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, SchemaRef};

use super::cell::{self, Cells, Look};
use super::escape::{Escaping, push};
use super::{TextOptions, TextStyle};
use crate::error::{self, Result};
use crate::format::hadoop::Compressor;
use crate::format::{Compression, Encoder, Output};

/// Encodes one text file.
pub struct TextEncoder {
    records: Records,
    compressor: Option<Compressor>,
    text: Vec<u8>,
}

/// Compressed files hand over pieces of text of this size to their codec.
const PIECE_BYTES: usize = 256 << 10;

impl TextEncoder {
    /// Makes the encoder of one file.
    ///
    /// # Errors
    /// Schema: a type without a text. Config: delimiters that contradict each other, or a codec that Hadoop does not have.
    pub fn new(schema: SchemaRef, options: &TextOptions) -> Result<Self> {
        let compressor = match options.compression {
            Compression::None => None,
            codec => Some(Compressor::new(codec)?),
        };
        Ok(Self { records: Records::new(schema, options, true)?, compressor, text: Vec::new() })
    }
}

impl Encoder for TextEncoder {
    fn encode(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let out = out.open();
        let rows = self.records.rows(batch)?;
        for row in 0..batch.num_rows() {
            let text = if self.compressor.is_some() { &mut self.text } else { &mut *out };
            rows.write(row, text)?;
            push(text, rows.records.lines);
            if self.text.len() >= PIECE_BYTES {
                pass_on(&mut self.compressor, &mut self.text, out)?;
            }
        }
        self.records.count += batch.num_rows() as u64;
        Ok(())
    }

    fn finish(&mut self, out: &mut Output) -> Result<()> {
        let out = out.open();
        pass_on(&mut self.compressor, &mut self.text, out)?;
        match self.compressor.take() {
            Some(compressor) => compressor.finish(out),
            None => Ok(()),
        }
    }

    fn buffered_bytes(&self) -> usize {
        self.text.len() + self.compressor.as_ref().map_or(0, Compressor::buffered_bytes)
    }
}

fn pass_on(compressor: &mut Option<Compressor>, text: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<()> {
    if let Some(compressor) = compressor {
        compressor.write(text)?;
        compressor.drain(out);
        text.clear();
    }
    Ok(())
}

/// The rules by which rows become records of text, without the delimiter behind them.
pub(in crate::format) struct Records {
    schema: SchemaRef,
    columns: Vec<Column>,
    escaping: Escaping,
    look: Look,
    fields: char,
    lines: char,
    strip: Option<String>,
    /// Rows that went through in earlier batches.
    pub(in crate::format) count: u64,
}

/// What is known of a column before its values come.
struct Column {
    /// Text that stands for NULL.
    null: String,
    /// The same as it is written.
    null_bytes: Vec<u8>,
    /// Java's String: its null string, and the delimiters that are dropped from it.
    is_string: bool,
    /// Its values never need to be escaped or enclosed.
    is_safe: bool,
}

impl Records {
    /// Prepares the rules; `in_lines` where a record ends at a line end, and not at a length that is written down.
    pub(crate) fn new(schema: SchemaRef, options: &TextOptions, in_lines: bool) -> Result<Self> {
        if options.drop_delimiters && options.replace_delimiters.is_some() {
            return Err(error::config("delimiters cannot be both dropped and replaced")
                .hint("choose one of hive-drop-import-delims and hive-delims-replacement"));
        }
        let escaping = Escaping::new(options, in_lines)?;
        let column = |field: &std::sync::Arc<Field>| Column::new(field, options, &escaping);
        let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
        let dropped = options.drop_delimiters.then(String::new);
        Ok(Self {
            columns,
            escaping,
            look: Look { base64: options.style == TextStyle::Exact, plain_decimals: options.plain_decimals },
            fields: options.delimiters.fields,
            lines: options.delimiters.lines,
            strip: options.replace_delimiters.clone().or(dropped),
            count: 0,
            schema,
        })
    }

    /// The rows of a batch.
    pub(crate) fn rows<'a>(&'a self, batch: &'a RecordBatch) -> Result<Rows<'a>> {
        if batch.schema_ref().fields() != self.schema.fields() {
            return Err(error::schema("a batch has another schema than the text file"));
        }
        let cells = batch.columns().iter().map(|c| Ok((Cells::new(c)?, c.nulls()))).collect::<Result<Vec<_>>>()?;
        Ok(Rows { records: self, cells })
    }
}

impl Column {
    fn new(field: &Field, options: &TextOptions, escaping: &Escaping) -> Result<Self> {
        cell::supported(field)?;
        let is_text = *field.data_type() == DataType::Utf8;
        let is_string = field.metadata().get("java.type").map_or(is_text, |java| java == "String");
        let null = if is_string { &options.null_string } else { &options.null_non_string };
        let mut null_bytes = Vec::new();
        let exact = options.style == TextStyle::Exact || options.for_hive;
        match exact {
            true => {
                let holds = |c: char| c == options.delimiters.fields || c == options.delimiters.lines || c == '\r';
                if null.contains(holds) {
                    return Err(error::config(format!("the null string {null:?} holds a delimiter")));
                }
                null_bytes.extend_from_slice(null.as_bytes());
            }
            false => escaping.field(null, "", &mut null_bytes)?,
        }
        // A null string made of digits and the like could be taken for a value: then every value is looked at.
        let could_be_value = |c: char| c.is_ascii_alphanumeric() || " -+.:/=".contains(c);
        let may_collide = exact
            && null.chars().all(could_be_value)
            && (*field.data_type() == DataType::Binary || !matches!(null.as_str(), "" | "null" | "NULL"));
        let is_safe = !is_text && escaping.plain_is_safe && !may_collide;
        Ok(Self { null: null.clone(), null_bytes, is_string, is_safe })
    }
}

/// The rows of one batch, ready to be written.
pub(in crate::format) struct Rows<'a> {
    records: &'a Records,
    cells: Vec<(Cells<'a>, Option<&'a NullBuffer>)>,
}

impl Rows<'_> {
    /// Writes one row without the delimiter behind it.
    ///
    /// # Errors
    /// Data: a value that nobody could read back.
    pub(crate) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let records = self.records;
        for (at, ((cells, nulls), column)) in self.cells.iter().zip(&records.columns).enumerate() {
            if at > 0 {
                push(out, records.fields);
            }
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                out.extend_from_slice(&column.null_bytes);
                continue;
            }
            match cells {
                Cells::Text(texts) => records.text(column, texts.value(row), out),
                _ if column.is_safe => {
                    records.safe(cells, row, out);
                    Ok(())
                }
                _ => records.looked_at(column, cells, row, out),
            }
            .map_err(|e| {
                let name = records.schema.field(at).name();
                e.context(format!("column {name}, row {} of the file", records.count + row as u64 + 1))
            })?;
        }
        Ok(())
    }
}

impl Records {
    #[inline]
    fn safe(&self, cells: &Cells<'_>, row: usize, out: &mut Vec<u8>) {
        match self.escaping.around_all() {
            None => cells.print(row, self.look, out),
            Some(encloser) => {
                push(out, encloser);
                cells.print(row, self.look, out);
                push(out, encloser);
            }
        }
    }

    fn text(&self, column: &Column, text: &str, out: &mut Vec<u8>) -> Result<()> {
        match &self.strip {
            Some(by) if column.is_string && text.contains(HIVE_DELIMITERS) => {
                self.escaping.field(&text.replace(HIVE_DELIMITERS, by), &column.null, out)
            }
            _ => self.escaping.field(text, &column.null, out),
        }
    }

    fn looked_at(&self, column: &Column, cells: &Cells<'_>, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let mut printed = Vec::new();
        cells.print(row, self.look, &mut printed);
        let printed = String::from_utf8(printed).map_err(|e| error::bug("a number is not text").source(e))?;
        self.escaping.field(&printed, &column.null, out)
    }
}

/// What Hive's text tables cannot hold inside a string.
const HIVE_DELIMITERS: [char; 3] = ['\n', '\r', '\u{1}'];
