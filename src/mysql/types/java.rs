//! The Java types that Sqoop gives columns, and the numbers JDBC has for MySQL types.

use std::fmt;
use std::str::FromStr;

use arrow_schema::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

use super::mapping::AsDecimal;
use super::{Column, Compat, TypeOptions, small};
use crate::error::{self, Error, Result};

/// A Java type of Sqoop's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum JavaType {
    /// Characters.
    String,
    /// 32 bits.
    Integer,
    /// 64 bits.
    Long,
    /// Single precision.
    Float,
    /// Double precision.
    Double,
    /// Yes or no.
    Boolean,
    /// Exact decimals.
    BigDecimal,
    /// Days.
    Date,
    /// Times of day.
    Time,
    /// Moments.
    Timestamp,
    /// Bytes.
    Bytes,
}

/// The types by the names they are given here.
const NAMES: [(JavaType, &str); 11] = [
    (JavaType::String, "String"),
    (JavaType::Integer, "Integer"),
    (JavaType::Long, "Long"),
    (JavaType::Float, "Float"),
    (JavaType::Double, "Double"),
    (JavaType::Boolean, "Boolean"),
    (JavaType::BigDecimal, "BigDecimal"),
    (JavaType::Date, "Date"),
    (JavaType::Time, "Time"),
    (JavaType::Timestamp, "Timestamp"),
    (JavaType::Bytes, "Bytes"),
];

impl fmt::Display for JavaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.iter().find(|(java, _)| java == self).map_or("", |(_, name)| name))
    }
}

impl FromStr for JavaType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // As in java.sql.Date, java.math.BigDecimal, org.apache.hadoop.io.BytesWritable.
        let short = text.trim().rsplit('.').next().unwrap_or_default();
        match NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(short)) {
            Some((java, _)) => Ok(*java),
            None if matches!(short, "BytesWritable" | "BlobRef" | "byte[]") => Ok(Self::Bytes),
            None => Err(error::config(format!("{text} is not a type that a column can be mapped to"))
                .hint(format!("give one of {}", NAMES.map(|(_, name)| name).join(", ")))),
        }
    }
}

impl TryFrom<String> for JavaType {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<JavaType> for String {
    fn from(java: JavaType) -> Self {
        java.to_string()
    }
}

impl JavaType {
    /// The Arrow type that a column has when it is asked for as this type.
    pub(super) fn data_type(self, decimal: AsDecimal) -> DataType {
        match self {
            Self::String | Self::Time => DataType::Utf8,
            Self::Integer => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::BigDecimal => match decimal {
                AsDecimal::Scale(scale) => DataType::Decimal128(super::mapping::MAX_PRECISION, scale as i8),
                AsDecimal::Text => DataType::Utf8,
            },
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Bytes => DataType::Binary,
        }
    }
}

impl Column {
    /// The Java type that Sqoop gives the column, or that the user wants.
    pub fn java_type(&self, options: &TypeOptions) -> JavaType {
        if let Some(java) = options.java_type(&self.name) {
            return java;
        }
        match (self.data_type.as_str(), self.is_unsigned()) {
            ("tinyint", false) if self.is_boolean(options) => JavaType::Boolean,
            ("tinyint" | "smallint" | "year", _) | ("mediumint" | "int", false) => JavaType::Integer,
            ("bigint", true) if options.compat == Compat::Exact => JavaType::BigDecimal,
            ("mediumint" | "int", true) | ("bigint", _) => JavaType::Long,
            ("bit", _) if self.precision == Some(1) => JavaType::Boolean,
            ("bit", _) if options.is_sqoop_columnar() => JavaType::Bytes,
            ("bit", _) => JavaType::Long,
            ("decimal", _) => JavaType::BigDecimal,
            ("float", _) => JavaType::Float,
            ("double", _) => JavaType::Double,
            ("date", _) => JavaType::Date,
            ("time", _) => JavaType::Time,
            ("datetime" | "timestamp", _) => JavaType::Timestamp,
            _ if self.is_bytes() => JavaType::Bytes,
            _ => JavaType::String,
        }
    }

    /// The number that JDBC (Connector/J 5.1) has for the column's type.
    pub fn jdbc_code(&self, options: &TypeOptions) -> i32 {
        match (self.data_type.as_str(), self.is_unsigned()) {
            ("tinyint", false) if self.is_boolean(options) => -7,
            ("tinyint", _) => -6,
            ("smallint", _) => 5,
            ("mediumint" | "int", false) => 4,
            ("mediumint" | "int", true) | ("bigint", _) => -5,
            ("bit", _) => -7,
            ("decimal", _) => 3,
            ("float", _) => 7,
            ("double", _) => 8,
            ("date" | "year", _) => 91,
            ("time", _) => 92,
            ("datetime" | "timestamp", _) => 93,
            ("varchar", _) => 12,
            ("tinytext" | "text" | "mediumtext" | "longtext", _) => -1,
            ("varbinary" | "tinyblob" | "vector", _) => -3,
            ("blob" | "mediumblob" | "longblob", _) => -4,
            _ if self.is_bytes() => -2,
            // CHAR, ENUM, SET, JSON, UUID, INET4, INET6.
            _ => 1,
        }
    }

    fn is_boolean(&self, options: &TypeOptions) -> bool {
        options.compat == Compat::Sqoop && options.tiny_int_is_bit && self.declared_width() == Some(1)
    }

    fn is_bytes(&self) -> bool {
        let kind = self.data_type.as_str();
        let shapes = ["geometry", "point", "linestring", "polygon", "collection"];
        kind.ends_with("binary")
            || kind.ends_with("blob")
            || kind == "vector"
            || shapes.iter().any(|s| kind.ends_with(s))
    }

    /// Digits of a second that the column keeps.
    pub fn second_digits(&self) -> u8 {
        small(self.fraction_digits)
    }
}
