//! A datum of Avro without its file: its schema, and whether bytes are exactly one datum of it. A file of blocks in which
//! one datum is cut off, or of another schema, cannot be read behind that datum.
//!
//! Source: Apache Avro specification 1.11, "Binary encoding".

mod parse;

use crate::error::{self, Result};

/// Values within values; Java's own reader ends with its stack.
const MAX_DEPTH: usize = 256;

/// Values that take no bytes, such as the items of an array of nulls, beyond one for each byte of the datum. Their count is
/// short to write and long to read: here, and for every reader of the file after that.
const MAX_EMPTY: usize = 1 << 16;

/// A schema, taken apart so far that its data can be told from other bytes.
#[derive(Debug)]
pub struct DatumSchema {
    text: String,
    nodes: Vec<Node>,
    root: usize,
}

/// A type; others are named by their places in the list of all.
#[derive(Debug)]
enum Node {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    /// Bytes of a value.
    Fixed(usize),
    /// How many symbols there are.
    Enum(usize),
    Array(usize),
    Map(usize),
    Union(Vec<usize>),
    Record(Vec<usize>),
}

impl DatumSchema {
    /// Reads a schema.
    ///
    /// # Errors
    /// Schema: it is not JSON, or not a schema of Avro.
    pub fn new(text: &str) -> Result<Self> {
        let text = text.trim();
        let (nodes, root) = parse::parse(text).map_err(|why| {
            error::schema(format!("this is not a schema of avro: {why}")).hint("see the avro specification")
        })?;
        Ok(Self { text: text.to_owned(), nodes, root })
    }

    /// The schema as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether bytes are one datum of this schema and nothing else.
    ///
    /// # Errors
    /// Why they are not.
    pub fn check(&self, bytes: &[u8]) -> Result<(), String> {
        let mut walk = Walk { nodes: &self.nodes, bytes, at: 0, empty: bytes.len() + MAX_EMPTY };
        walk.value(self.root, 0).map_err(|why| format!("{why}, before its byte {}", walk.at))?;
        match bytes.len() - walk.at {
            0 => Ok(()),
            left => Err(format!("{left} bytes follow the datum")),
        }
    }
}

/// A way over the bytes of a datum.
struct Walk<'a> {
    nodes: &'a [Node],
    bytes: &'a [u8],
    at: usize,
    /// Values without bytes that may still come.
    empty: usize,
}

impl<'a> Walk<'a> {
    fn value(&mut self, node: usize, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("values are nested more than {MAX_DEPTH} deep"));
        }
        let before = self.at;
        self.value_of(&self.nodes[node], depth)?;
        if self.at == before {
            let too_many = || format!("its values that take no bytes outnumber its bytes by more than {MAX_EMPTY}");
            self.empty = self.empty.checked_sub(1).ok_or_else(too_many)?;
        }
        Ok(())
    }

    fn value_of(&mut self, node: &'a Node, depth: usize) -> Result<(), String> {
        match node {
            Node::Null => Ok(()),
            Node::Boolean => match self.take(1)? {
                [0 | 1] => Ok(()),
                _ => Err("a boolean is neither 0 nor 1".to_owned()),
            },
            Node::Int => {
                let number = self.long()?;
                i32::try_from(number).map(drop).map_err(|_| format!("{number} is not an int"))
            }
            Node::Long => self.long().map(drop),
            Node::Float => self.take(4).map(drop),
            Node::Double => self.take(8).map(drop),
            Node::Bytes => self.sized().map(drop),
            Node::Text => self.text(),
            Node::Fixed(length) => self.take(*length).map(drop),
            Node::Enum(symbols) => self.index(*symbols, "a symbol").map(drop),
            Node::Array(items) => self.blocks(|walk| walk.value(*items, depth + 1)),
            Node::Map(values) => self.blocks(|walk| {
                walk.text()?;
                walk.value(*values, depth + 1)
            }),
            Node::Union(branches) => {
                let branch = self.index(branches.len(), "a branch of a union")?;
                self.value(branches[branch], depth + 1)
            }
            Node::Record(fields) => fields.iter().try_for_each(|field| self.value(*field, depth + 1)),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let left = &self.bytes[self.at..];
        let taken = left.get(..length).ok_or("it ends within a value")?;
        self.at += length;
        Ok(taken)
    }

    fn long(&mut self) -> Result<i64, String> {
        let mut value = 0u64;
        for shift in (0..).step_by(7) {
            let byte = self.take(1)?[0];
            if shift == 63 && byte > 1 {
                return Err("a number has more than 64 bits".to_owned());
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn index(&mut self, count: usize, what: &str) -> Result<usize, String> {
        let index = self.long()?;
        usize::try_from(index)
            .ok()
            .filter(|index| *index < count)
            .ok_or_else(|| format!("{what} has number {index} of {count}"))
    }

    fn sized(&mut self) -> Result<&'a [u8], String> {
        let length = self.long()?;
        self.take(usize::try_from(length).map_err(|_| format!("a length is {length}"))?)
    }

    fn text(&mut self) -> Result<(), String> {
        let bytes = self.sized()?;
        std::str::from_utf8(bytes).map(drop).map_err(|_| "a string is not UTF-8".to_owned())
    }

    /// The blocks of an array or a map.
    fn blocks(&mut self, item: impl Fn(&mut Self) -> Result<(), String>) -> Result<(), String> {
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            let mut end = None;
            if count < 0 {
                let length = self.long()?;
                let length = usize::try_from(length).map_err(|_| format!("a block has {length} bytes"))?;
                end = Some(self.at.saturating_add(length));
            }
            for _ in 0..count.unsigned_abs() {
                item(self)?;
            }
            if end.is_some_and(|end| end != self.at) {
                return Err("a block is not as long as it says".to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests;
