//! MySQL types as Arrow types, exactly: unsigned integers widen to the next signed type, BIGINT UNSIGNED and BIT(64) to
//! decimal(20,0), DECIMAL stays decimal, DATETIME is a time without a zone, TIMESTAMP an instant in UTC, TIME (a
//! duration, to 838 hours and below zero) is text.
//!
//! It refuses DECIMAL of more than 38 digits, which Hive does not hold, and types it does not know.
//!
//! Source: MySQL 8.4 manual chapter "Data Types", MariaDB knowledge base "Data Types"; checked on MariaDB 10.11.

use arrow_schema::{DataType, Field, TimeUnit};

use crate::error::{self, Result};

/// Most digits of a decimal in Hive and in 128 bits.
const MAX_PRECISION: u8 = 38;

/// What becomes of dates that are none: `0000-00-00`, `2010-00-00`, `2010-02-31`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, clap::ValueEnum)]
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

/// A column as information_schema describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// How the values of a column travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// BIT(1).
    Boolean,
    /// Integers of up to 8 bits with sign.
    Int8,
    /// Integers of up to 16 bits with sign.
    Int16,
    /// Integers of up to 32 bits with sign.
    Int32,
    /// Integers of up to 64 bits with sign.
    Int64,
    /// BIT(2) to BIT(63), as a number.
    Bits,
    /// BIT(64), as a number.
    WideBits,
    /// Exact decimals and integers beyond 64 bits with sign.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// Single precision.
    Float,
    /// Double precision.
    Double,
    /// A day.
    Date,
    /// A time on the wall clock of nowhere in particular.
    DateTime,
    /// A moment, in UTC.
    Instant,
    /// A duration, as text with so many digits of a second.
    Time {
        /// Digits of the fraction.
        digits: u8,
    },
    /// Characters.
    Text,
    /// Bytes.
    Binary,
}

impl Carrier {
    /// The Arrow type of the values.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 | Self::Bits => DataType::Int64,
            Self::WideBits => DataType::Decimal128(20, 0),
            // The scale of a MySQL decimal is at most 30.
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::DateTime => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Time { .. } | Self::Text => DataType::Utf8,
            Self::Binary => DataType::Binary,
        }
    }
}

impl Column {
    /// How the column's values travel.
    ///
    /// # Errors
    /// Schema: a type that cannot be carried exactly or is not known.
    pub fn carrier(&self) -> Result<Carrier> {
        let unsigned = self.column_type.contains("unsigned");
        Ok(match (self.data_type.as_str(), unsigned) {
            ("tinyint", false) => Carrier::Int8,
            ("tinyint", true) | ("smallint", false) => Carrier::Int16,
            ("smallint", true) | ("mediumint", _) | ("int", false) | ("year", _) => Carrier::Int32,
            ("int", true) | ("bigint", false) => Carrier::Int64,
            ("bigint", true) => Carrier::Decimal { precision: 20, scale: 0 },
            ("bit", _) => self.bits()?,
            ("decimal", _) => self.decimal()?,
            ("float", _) => Carrier::Float,
            ("double", _) => Carrier::Double,
            ("date", _) => Carrier::Date,
            ("datetime", _) => Carrier::DateTime,
            ("timestamp", _) => Carrier::Instant,
            ("time", _) => Carrier::Time { digits: small(self.fraction_digits) },
            (
                "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "json" | "enum" | "set" | "uuid"
                | "inet4" | "inet6",
                _,
            ) => Carrier::Text,
            (
                "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "geometry" | "point"
                | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon" | "geometrycollection"
                | "geomcollection",
                _,
            ) => Carrier::Binary,
            _ => {
                return Err(error::schema(format!("column {}: type {} is not known", self.name, self.column_type))
                    .hint("leave the column out with columns"));
            }
        })
    }

    /// The column as an Arrow field; its metadata keeps `comment` and `mysql.type`.
    ///
    /// # Errors
    /// As [`Column::carrier`].
    pub fn field(&self) -> Result<Field> {
        let mut metadata = vec![("mysql.type".to_owned(), self.column_type.clone())];
        if !self.comment.is_empty() {
            metadata.push(("comment".to_owned(), self.comment.clone()));
        }
        let field = Field::new(&self.name, self.carrier()?.data_type(), self.nullable);
        Ok(field.with_metadata(std::collections::HashMap::from_iter(metadata)))
    }

    fn bits(&self) -> Result<Carrier> {
        match self.precision {
            Some(1) => Ok(Carrier::Boolean),
            Some(2..=63) => Ok(Carrier::Bits),
            Some(64) => Ok(Carrier::WideBits),
            _ => Err(error::schema(format!("column {}: {} has no known width", self.name, self.column_type))),
        }
    }

    fn decimal(&self) -> Result<Carrier> {
        let (precision, scale) = (small(self.precision), small(self.scale));
        if precision > MAX_PRECISION {
            let what = format!(
                "column {}: {} has more than the {MAX_PRECISION} digits that hive holds",
                self.name, self.column_type
            );
            return Err(error::schema(what).hint("leave the column out with columns, or import a view that casts it"));
        }
        Ok(Carrier::Decimal { precision, scale })
    }
}

fn small(number: Option<u64>) -> u8 {
    number.and_then(|n| u8::try_from(n).ok()).unwrap_or(0)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::error::Kind;

    /// A column of a type, as information_schema would show it.
    pub(in crate::mysql) fn column(name: &str, column_type: &str) -> Column {
        let data_type = column_type.split(['(', ' ']).next().unwrap().to_owned();
        let numbers: Vec<u64> = column_type.split(['(', ')', ',']).skip(1).map_while(|n| n.parse().ok()).collect();
        let temporal = matches!(data_type.as_str(), "time" | "datetime" | "timestamp");
        Column {
            name: name.into(),
            data_type,
            column_type: column_type.into(),
            nullable: true,
            precision: numbers.first().copied().filter(|_| !temporal),
            scale: numbers.get(1).copied(),
            fraction_digits: numbers.first().copied().filter(|_| temporal),
            comment: String::new(),
        }
    }

    #[test]
    fn every_type_has_its_arrow_type() {
        let micros = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        for (mysql, arrow) in [
            ("tinyint(1)", DataType::Int8),
            ("tinyint(3) unsigned", DataType::Int16),
            ("smallint(5) unsigned zerofill", DataType::Int32),
            ("mediumint(8) unsigned", DataType::Int32),
            ("int(10) unsigned", DataType::Int64),
            ("int", DataType::Int32),
            ("bigint(20)", DataType::Int64),
            ("bigint unsigned", DataType::Decimal128(20, 0)),
            ("bit(1)", DataType::Boolean),
            ("bit(63)", DataType::Int64),
            ("bit(64)", DataType::Decimal128(20, 0)),
            ("decimal(14,3)", DataType::Decimal128(14, 3)),
            ("decimal(38,30) unsigned", DataType::Decimal128(38, 30)),
            ("float", DataType::Float32),
            ("double unsigned", DataType::Float64),
            ("date", DataType::Date32),
            ("datetime(6)", micros(None)),
            ("timestamp", micros(Some("UTC"))),
            ("time(3)", DataType::Utf8),
            ("year(4)", DataType::Int32),
            ("enum('a','unsigned')", DataType::Utf8),
            ("set('a')", DataType::Utf8),
            ("json", DataType::Utf8),
            ("varbinary(16)", DataType::Binary),
            ("longblob", DataType::Binary),
            ("point", DataType::Binary),
        ] {
            assert_eq!(column("x", mysql).carrier().unwrap().data_type(), arrow, "{mysql}");
        }
    }

    #[test]
    fn what_cannot_be_carried_is_refused_by_name() {
        for mysql in ["decimal(39,0)", "decimal(65,30)", "vector(3)", "bit(65)"] {
            let error = column("total", mysql).carrier().unwrap_err();
            assert_eq!(error.kind(), Kind::Schema);
            assert!(error.to_string().contains("column total"), "{error}");
        }
    }

    #[test]
    fn a_field_keeps_comment_and_source_type() {
        let field = Column { comment: "in pounds".into(), ..column("total", "decimal(14,3)") }.field().unwrap();
        assert_eq!(field.metadata().get("comment").map(String::as_str), Some("in pounds"));
        assert_eq!(field.metadata().get("mysql.type").map(String::as_str), Some("decimal(14,3)"));
    }
}
