//! The rows of the benchmark's `orders` as the server sends them, made of their numbers alone.
//!
//! Source: MySQL 8.4 source documentation, "Binary Protocol Resultset Row".

use crate::mysql::wire::{FieldType, ResultColumn};
use mysql_common::constants::ColumnFlags;

/// Numbers of the collations of bytes and of utf8mb4.
const BYTES: u16 = 63;
const UTF8MB4: u16 = 45;

/// Columns as the server describes them: name, type, most bytes, digits after the point or of the second.
const COLUMNS: [(&str, FieldType, u32, u8); 12] = [
    ("id", FieldType::MYSQL_TYPE_LONGLONG, 20, 0),
    ("customer_id", FieldType::MYSQL_TYPE_LONG, 11, 0),
    ("sku", FieldType::MYSQL_TYPE_STRING, 40, 0),
    ("qty", FieldType::MYSQL_TYPE_SHORT, 6, 0),
    ("price", FieldType::MYSQL_TYPE_NEWDECIMAL, 14, 2),
    ("discount", FieldType::MYSQL_TYPE_DOUBLE, 22, 31),
    ("status", FieldType::MYSQL_TYPE_STRING, 32, 0),
    ("created_at", FieldType::MYSQL_TYPE_DATETIME, 26, 6),
    ("updated_at", FieldType::MYSQL_TYPE_TIMESTAMP, 19, 0),
    ("ship_date", FieldType::MYSQL_TYPE_DATE, 10, 0),
    ("email", FieldType::MYSQL_TYPE_VAR_STRING, 320, 0),
    ("note", FieldType::MYSQL_TYPE_VAR_STRING, 1020, 0),
];

/// A row: the bits that tell its NULLs, and the bytes of its values.
pub struct Row {
    pub nulls: [u8; (COLUMNS.len() + 9) / 8],
    pub values: Vec<u8>,
}

/// The description that comes before the rows.
pub fn columns() -> Vec<ResultColumn> {
    let column = |(name, field_type, length, decimals): (&str, FieldType, u32, u8)| {
        let text = matches!(field_type, FieldType::MYSQL_TYPE_STRING | FieldType::MYSQL_TYPE_VAR_STRING);
        let flags = match name {
            "id" => ColumnFlags::UNSIGNED_FLAG,
            "status" => ColumnFlags::ENUM_FLAG,
            _ => ColumnFlags::empty(),
        };
        let charset = if text { UTF8MB4 } else { BYTES };
        ResultColumn { name: name.to_owned(), field_type, flags, length, decimals, charset, extended: None }
    };
    COLUMNS.into_iter().map(column).collect()
}

impl Row {
    /// The row of a number, beginning with 1.
    pub fn numbered(id: u32) -> Self {
        let chance = mixed(id);
        let mut row = Self { nulls: [0; (COLUMNS.len() + 9) / 8], values: Vec::with_capacity(160) };
        row.bytes(&u64::from(id).to_le_bytes());
        row.bytes(&(1 + chance % 500_000).to_le_bytes());
        row.text(&format!("SKU{:07}", u64::from(id) * 7919 % 1_000_000));
        row.bytes(&((1 + id % 9) as u16).to_le_bytes());
        row.text(&format!("{}.{:02}", chance % 10_000, id % 100));
        row.unless(id.is_multiple_of(5), 5, |row| row.bytes(&(f64::from(chance) / f64::from(u32::MAX)).to_le_bytes()));
        row.text(["new", "paid", "shipped", "returned"][(id % 4) as usize]);
        // Whole milliseconds, so that Avro as Hive reads it carries them.
        row.time(id * 11, Some(id % 1_000 * 1_000));
        row.time(id * 13, None);
        row.unless(id.is_multiple_of(10), 9, |row| {
            row.bytes(&[4]);
            row.day(id % 700);
        });
        row.text(&format!("user{}@example{}.com", 1 + chance % 500_000, id % 20));
        row.unless(id.is_multiple_of(3), 11, |row| {
            let tail = if id.is_multiple_of(2) { "" } else { " – café ☕" };
            row.text(&format!("leave at the door {chance:08x}{:08x}{tail}", mixed(chance)));
        });
        row
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.values.extend_from_slice(bytes);
    }

    /// Text of at most 250 bytes, whose length takes one.
    fn text(&mut self, text: &str) {
        self.bytes(&[text.len() as u8]);
        self.bytes(text.as_bytes());
    }

    fn unless(&mut self, null: bool, column: usize, write: impl FnOnce(&mut Self)) {
        if null {
            // The first two bits belong to nobody.
            self.nulls[(column + 2) / 8] |= 1 << ((column + 2) % 8);
        } else {
            write(self);
        }
    }

    fn time(&mut self, seconds: u32, micros: Option<u32>) {
        self.bytes(&[if micros.is_some() { 11 } else { 7 }]);
        self.day(seconds / 86_400);
        self.bytes(&[(seconds / 3600 % 24) as u8, (seconds / 60 % 60) as u8, (seconds % 60) as u8]);
        if let Some(micros) = micros {
            self.bytes(&micros.to_le_bytes());
        }
    }

    /// A day that every calendar has.
    fn day(&mut self, number: u32) {
        self.bytes(&((2024 + number / 336 % 2) as u16).to_le_bytes());
        self.bytes(&[(1 + number / 28 % 12) as u8, (1 + number % 28) as u8]);
    }
}

/// A number that looks like chance and is the same everywhere.
fn mixed(number: u32) -> u32 {
    let mut x = number.wrapping_add(0x9e37_79b9);
    x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
    x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}
