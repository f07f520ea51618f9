//! Events that are a line of delimited text: CSV, TSV and their like.
//!
//! A line that does not have exactly the fields that are named is a reject. A field that is the text of NULL is NULL,
//! whether it is quoted or not.
//!
//! Source: RFC 4180, as csv-core reads it.

use std::borrow::Cow;
use std::sync::Arc;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::Parser;
use super::mapping::{FieldArgs, Found, Mapping};
use crate::agent::event::Event;
use crate::agent::rows::{ColumnSpec, Row};
use crate::error::{self, Result};

/// How lines are written.
#[derive(Clone, Debug)]
pub(in crate::agent) struct LineFormat {
    /// Between two fields.
    pub separator: u8,
    /// Around a field that holds separators; `None` where a quote is a letter like others.
    pub quote: Option<u8>,
    /// The text that stands for NULL.
    pub null: String,
}

/// Takes lines of delimited text apart.
#[derive(Debug)]
pub(in crate::agent) struct DelimitedParser {
    mapping: Arc<Mapping>,
    format: LineFormat,
    /// How many fields a line has.
    fields: usize,
    /// The field that each column takes.
    places: Arc<[usize]>,
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl DelimitedParser {
    /// `fields` are the names of a line's fields; without them they are the keys of the columns, in their order.
    ///
    /// # Errors
    /// Config: the columns make no sense, or one takes a field that is not named.
    pub(in crate::agent) fn new(
        format: LineFormat,
        fields: &[String],
        columns: &[FieldArgs],
        time: Option<&str>,
    ) -> Result<Self> {
        let mapping = Mapping::new(columns, time)?;
        let place = |(number, key): (usize, &str)| {
            if fields.is_empty() {
                return Ok(number);
            }
            fields.iter().position(|field| field == key).ok_or_else(|| {
                error::config(format!("no field of a line is called {key}"))
                    .hint(format!("the fields are {}", fields.join(", ")))
            })
        };
        let places: Vec<usize> = mapping.keys().enumerate().map(place).collect::<Result<_>>()?;
        let fields = if fields.is_empty() { columns.len() } else { fields.len() };
        Ok(Self::with(Arc::new(mapping), format, fields, places.into()))
    }

    fn with(mapping: Arc<Mapping>, format: LineFormat, fields: usize, places: Arc<[usize]>) -> Self {
        let mut reader = ReaderBuilder::new();
        reader.delimiter(format.separator).quote(format.quote.unwrap_or_default()).quoting(format.quote.is_some());
        let (text, ends) = (vec![0; 1 << 10], vec![0; fields + 1]);
        Self { mapping, format, fields, places, reader: reader.build(), text, ends }
    }

    /// Reads the fields of a line into `text`, their ends into `ends`.
    fn split(&mut self, mut line: &[u8]) -> Result<(), String> {
        self.reader.reset();
        let (mut written, mut fields) = (0, 0);
        loop {
            let (text, ends) = (&mut self.text[written..], &mut self.ends[fields..]);
            let (done, read, more_text, more_ends) = self.reader.read_record(line, text, ends);
            (line, written, fields) = (&line[read..], written + more_text, fields + more_ends);
            match done {
                // Once more without input: the line ends here.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => return Err(format!("has more than {} fields", self.fields)),
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        if !line.is_empty() {
            return Err("is more than one line".to_owned());
        }
        if fields != self.fields {
            return Err(format!("has {fields} fields and not {}", self.fields));
        }
        Ok(())
    }
}

impl Parser for DelimitedParser {
    fn kind(&self) -> &'static str {
        "events"
    }

    fn columns(&self) -> &[ColumnSpec] {
        self.mapping.columns()
    }

    fn parse(&mut self, event: &Event, take: &mut dyn FnMut(Row<'_>)) -> Result<(), String> {
        self.split(&event.body)?;
        let found = self.places.iter().map(|place| {
            let from = place.checked_sub(1).map_or(0, |before| self.ends[before]);
            let text = std::str::from_utf8(&self.text[from..self.ends[*place]]).map_err(|_| "is not UTF-8")?;
            Ok((text != self.format.null).then_some(Found::Text(Cow::Borrowed(text))))
        });
        let found: Vec<Option<Found<'_>>> = found.collect::<Result<_, String>>()?;
        take(self.mapping.row(event, found)?);
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Parser> {
        Box::new(Self::with(self.mapping.clone(), self.format.clone(), self.fields, self.places.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::event::Headers;
    use crate::agent::rows::Cell;

    fn cells(parser: &mut DelimitedParser, body: &[u8]) -> Result<Vec<String>, String> {
        let mut headers = Headers::default();
        headers.set("timestamp", "1704067200000");
        let mut rows = Vec::new();
        parser.parse(&Event { headers, body: body.to_vec().into() }, &mut |row| {
            let cell = |cell: &Cell<'_>| match cell {
                Cell::Text(text) => text.clone().into_owned(),
                other => format!("{other:?}"),
            };
            rows.push(row.cells.iter().map(cell).collect());
        })?;
        Ok(rows.remove(0))
    }

    fn parser(separator: u8, quote: Option<u8>, fields: &[&str]) -> DelimitedParser {
        let format = LineFormat { separator, quote, null: String::new() };
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        let columns: Vec<FieldArgs> =
            ["name = \"a\"", "name = \"n\"\ntype = \"int\""].map(|column| toml::from_str(column).unwrap()).into();
        DelimitedParser::new(format, &fields, &columns, None).unwrap()
    }

    #[test]
    fn fields_fill_the_columns_that_take_them() {
        let mut csv = parser(b',', Some(b'"'), &["n", "skipped", "a"]);
        assert_eq!(cells(&mut csv, b"7,x,\"a \"\"b\"\", c\"").unwrap(), ["a \"b\", c", "Whole(7)"]);
        assert_eq!(cells(&mut csv, b",,").unwrap(), ["Null", "Null"]);
        let long = [b"1,,".to_vec(), vec![b'x'; 5_000]].concat();
        assert_eq!(cells(&mut csv, &long).unwrap()[0].len(), 5_000);
        let mut again = csv.boxed();
        let mut count = 0;
        let headers = || {
            let mut headers = Headers::default();
            headers.set("timestamp", "0");
            headers
        };
        again.parse(&Event { headers: headers(), body: "1,2,3".into() }, &mut |_| count += 1).unwrap();
        assert_eq!(count, 1);

        let mut tsv = parser(b'\t', None, &[]);
        assert_eq!(cells(&mut tsv, b"say \"hi\"\t-1").unwrap(), ["say \"hi\"", "Whole(-1)"]);
    }

    #[test]
    fn lines_of_another_shape_are_rejects() {
        let mut csv = parser(b',', Some(b'"'), &[]);
        for (body, reason) in [
            (&b"a"[..], "has 1 fields and not 2"),
            (b"a,1,2", "has 3 fields and not 2"),
            (b"a,1,2,3,4", "has more than 2 fields"),
            (b"", "has 0 fields and not 2"),
            (b"a,x", "n is not of the type int: \"x\""),
            (b"a,1\nb,2", "is more than one line"),
            (b"\xff,1", "is not UTF-8"),
        ] {
            let told = cells(&mut csv, body).unwrap_err();
            assert_eq!(told, reason, "{}", String::from_utf8_lossy(body));
        }
        let columns: Vec<FieldArgs> = vec![toml::from_str("name = \"a\"\nkey = \"b\"").unwrap()];
        let format = LineFormat { separator: b',', quote: None, null: String::new() };
        assert!(DelimitedParser::new(format, &["a".to_owned()], &columns, None).is_err());
    }
}
