//! MySQL types as Arrow types. As they are by default: unsigned integers widen to the next signed type, BIGINT UNSIGNED
//! and BIT(64) to decimal(20,0), DECIMAL stays decimal with all its 65 digits (text for Hive beyond 38), DATETIME is a
//! time without a zone, TIMESTAMP an instant in UTC, TIME (a duration, to 838 hours and below zero) is text.
//!
//! With [`Compat::Sqoop`] they are what Sqoop 1.4.7 writes: times as milliseconds, decimals as text, BIT(1) and
//! TINYINT(1) as booleans. It refuses types it does not know.
//!
//! Source: MySQL 8.4 manual chapter "Data Types", MariaDB knowledge base "Data Types"; checked on MariaDB 10.11.

mod java;
mod mapping;
mod result;

use std::collections::{BTreeMap, HashMap};

use arrow_schema::Field;
use serde::{Deserialize, Serialize};

pub use self::java::JavaType;
pub use self::mapping::{AsDecimal, Mapping};
use super::session::Session;
use crate::error::Result;

/// Whose types the values get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Compat {
    /// Types that hold every value exactly.
    #[default]
    Exact,
    /// Those of Sqoop 1.4.7.
    Sqoop,
}

/// What becomes of dates that are not in the calendar: `0000-00-00`, `2010-00-00`, `2010-02-31`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ZeroDates {
    /// NULL.
    Null,
    /// An error that names the row.
    #[default]
    Error,
    /// The column becomes text, so that it can hold them.
    Text,
}

/// What becomes of text that is not UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum InvalidText {
    /// An error that names the row.
    #[default]
    Error,
    /// Each wrong sequence becomes U+FFFD.
    Replace,
}

/// In what form the values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueForm {
    /// Avro, Parquet.
    #[default]
    Columnar,
    /// Delimited text and what is made of it: values stay exact, their writer knows how Sqoop writes them.
    Text,
}

/// How columns become Arrow columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeOptions {
    /// Whose types.
    pub compat: Compat,
    /// What becomes of dates that are not in the calendar.
    pub zero_dates: ZeroDates,
    /// What becomes of text that is not UTF-8.
    pub invalid_text: InvalidText,
    /// In what form the values are written.
    pub files: ValueForm,
    /// Whether Hive reads them: it holds decimals of 38 digits at most.
    pub hive: bool,
    /// Types of single columns by their names, as `--map-column-java` gives them.
    pub java_types: BTreeMap<String, JavaType>,
    /// Decimals stay decimals for Sqoop too (`sqoop.avro.logical_types.decimal.enable`).
    pub logical_decimals: bool,
    /// TINYINT(1) is a boolean for Sqoop (`tinyInt1isBit`).
    pub tiny_int_is_bit: bool,
    /// The session that the rows are read in.
    pub session: Session,
}

impl Default for TypeOptions {
    fn default() -> Self {
        Self {
            compat: Compat::Exact,
            zero_dates: ZeroDates::Error,
            invalid_text: InvalidText::Error,
            files: ValueForm::Columnar,
            hive: false,
            java_types: BTreeMap::new(),
            logical_decimals: false,
            tiny_int_is_bit: true,
            session: Session::Ours,
        }
    }
}

impl TypeOptions {
    /// Whether values look as Sqoop's in files with types of their own.
    fn is_sqoop_columnar(&self) -> bool {
        (self.compat, self.files) == (Compat::Sqoop, ValueForm::Columnar)
    }

    /// The type that the user wants for a column.
    fn java_type(&self, column: &str) -> Option<JavaType> {
        self.java_types.iter().find(|(name, _)| name.eq_ignore_ascii_case(column)).map(|(_, java)| *java)
    }
}

/// A column as information_schema describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Name as it was created.
    pub name: String,
    /// Type without attributes, lower case, such as `bigint`.
    pub data_type: String,
    /// Type with attributes, such as `bigint(20) unsigned`.
    pub column_type: String,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Digits of a number, bits of a BIT.
    pub precision: Option<u64>,
    /// Digits after the point.
    pub scale: Option<u64>,
    /// Digits of the fraction of a second.
    pub fraction_digits: Option<u64>,
    /// Comment, or empty.
    pub comment: String,
    /// Most characters of a text, most bytes of bytes.
    pub max_length: Option<u64>,
    /// Character set of a text.
    pub charset: Option<String>,
    /// What else the server says of it, such as `auto_increment` or `VIRTUAL GENERATED`.
    pub extra: String,
}

impl Column {
    /// The column as an Arrow field. Its metadata: `comment`, `mysql.type`, `java.type`, and for Sqoop's Avro
    /// `avro.prop.columnName` and `avro.prop.sqlType`.
    ///
    /// # Errors
    /// As [`Column::mapping`].
    pub fn field(&self, options: &TypeOptions) -> Result<Field> {
        let mapping = self.mapping(options)?;
        let mut metadata = HashMap::from([
            ("mysql.type".to_owned(), self.column_type.clone()),
            ("java.type".to_owned(), self.java_type(options).to_string()),
        ]);
        if !self.comment.is_empty() {
            metadata.insert("comment".to_owned(), self.comment.clone());
        }
        if options.compat == Compat::Sqoop {
            metadata.insert("avro.prop.columnName".to_owned(), self.name.clone());
            metadata.insert("avro.prop.sqlType".to_owned(), self.jdbc_code(options).to_string());
        }
        // Sqoop declares every column nullable.
        let nullable = self.nullable
            || options.is_sqoop_columnar()
            || (options.zero_dates == ZeroDates::Null && mapping.is_dated(self));
        Ok(Field::new(&self.name, mapping.data_type(), nullable).with_metadata(metadata))
    }

    /// Whether integers are unsigned.
    pub fn is_unsigned(&self) -> bool {
        // The values of an ENUM may hold the word.
        !matches!(self.data_type.as_str(), "enum" | "set") && self.column_type.to_lowercase().contains("unsigned")
    }

    /// Whether the server computes the values, so that they cannot be written.
    pub fn is_generated(&self) -> bool {
        // DEFAULT_GENERATED is a mere default.
        ["VIRTUAL", "STORED", "PERSISTENT"].iter().any(|word| self.extra_has(word))
    }

    /// Whether the server counts the values up.
    pub fn is_auto_increment(&self) -> bool {
        self.extra_has("AUTO_INCREMENT")
    }

    /// Whether `*` leaves it out.
    pub fn is_invisible(&self) -> bool {
        self.extra_has("INVISIBLE")
    }

    fn extra_has(&self, word: &str) -> bool {
        self.extra.to_uppercase().contains(word)
    }

    /// Whether values have a date in them.
    pub fn is_dated(&self) -> bool {
        matches!(self.data_type.as_str(), "date" | "datetime" | "timestamp")
    }

    /// The width in characters or digits that the type is declared with.
    fn declared_width(&self) -> Option<u32> {
        self.column_type.split_once('(')?.1.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }
}

fn small(number: Option<u64>) -> u8 {
    number.and_then(|n| u8::try_from(n).ok()).unwrap_or(0)
}

#[cfg(test)]
pub(super) mod tests;
