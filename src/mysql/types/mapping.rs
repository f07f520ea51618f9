//! How the values of a column travel: the decision, type by type.

use arrow_schema::{DataType, TimeUnit};

use super::{Column, Compat, JavaType, TypeOptions, ValueForm, ZeroDates, small};
use crate::error::{self, Error, Result};

/// Most digits of a decimal in Hive and in 128 bits.
pub(super) const MAX_PRECISION: u8 = 38;

/// Most digits of a decimal in MySQL.
const MYSQL_PRECISION: u8 = 65;

/// How the values of a column travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// BIT(1), and TINYINT(1) for Sqoop: true unless zero.
    Boolean,
    /// Integers of up to 8 bits with sign.
    Int8,
    /// Integers of up to 16 bits with sign.
    Int16,
    /// Integers of up to 32 bits with sign.
    Int32,
    /// Integers of up to 64 bits with sign; an unsigned one beyond is an error.
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
    /// Decimals of more than 38 digits.
    WideDecimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// Decimals as plain text, without leading zeros.
    DecimalText,
    /// Single precision.
    Float,
    /// Double precision.
    Double,
    /// A day.
    Date,
    /// A time on the wall clock of nowhere in particular.
    DateTime,
    /// A moment, in UTC; from a session in another zone it comes as seconds since 1970.
    Instant,
    /// A date or a time as MySQL writes it with so many digits of a second, which need not be in the calendar.
    DateText {
        /// Digits of the fraction.
        digits: u8,
        /// Whether there is a time of day.
        timed: bool,
    },
    /// Milliseconds from 1970 of a day or of a time in UTC.
    EpochMillis,
    /// A duration, as text with so many digits of a second.
    Time {
        /// Digits of the fraction.
        digits: u8,
    },
    /// A duration in milliseconds.
    TimeMillis,
    /// Characters.
    Text,
    /// Bytes.
    Binary,
    /// Whatever it is, as another type.
    As(JavaType, AsDecimal),
}

/// How a column that is asked for as BigDecimal travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsDecimal {
    /// As a decimal of 38 digits with so many after the point.
    Scale(u8),
    /// As plain text.
    Text,
}

impl Mapping {
    /// The Arrow type of the values.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 | Self::Bits | Self::EpochMillis | Self::TimeMillis => DataType::Int64,
            Self::WideBits => DataType::Decimal128(20, 0),
            // The scale of a MySQL decimal is at most 30.
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
            Self::WideDecimal { precision, scale } => DataType::Decimal256(precision, scale as i8),
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::DateTime => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Time { .. } | Self::Text | Self::DecimalText | Self::DateText { .. } => DataType::Utf8,
            Self::Binary => DataType::Binary,
            Self::As(java, decimal) => java.data_type(decimal),
        }
    }

    /// Whether a column is asked for as BigDecimal.
    pub fn is_decimal(self) -> bool {
        matches!(self, Self::As(JavaType::BigDecimal, _))
    }

    /// Whether a date that is not in the calendar becomes NULL here, where that is the policy.
    pub(super) fn is_dated(self, column: &Column) -> bool {
        match self {
            Self::Date | Self::DateTime | Self::Instant | Self::EpochMillis => true,
            Self::As(java, _) => column.is_dated() && java != JavaType::String,
            _ => false,
        }
    }
}

impl Column {
    /// How the column's values travel.
    ///
    /// # Errors
    /// Schema: a type that is not known.
    pub fn mapping(&self, options: &TypeOptions) -> Result<Mapping> {
        let natural = match options.compat {
            Compat::Exact => self.exact(options)?,
            Compat::Sqoop => self.sqoop(options)?,
        };
        Ok(match options.java_type(&self.name) {
            None => natural,
            Some(java) if self.is_carried_as(natural, java) => natural,
            Some(java) => self.converted(java, options),
        })
    }

    /// Whether the natural mapping is what the user asks for already.
    fn is_carried_as(&self, natural: Mapping, java: JavaType) -> bool {
        match (natural, java) {
            (Mapping::Text, JavaType::String)
            | (Mapping::Int32, JavaType::Integer)
            | (Mapping::Float, JavaType::Float)
            | (Mapping::Double, JavaType::Double)
            | (Mapping::Decimal { .. } | Mapping::WideDecimal { .. } | Mapping::DecimalText, JavaType::BigDecimal)
            | (Mapping::Binary, JavaType::Bytes) => true,
            (Mapping::Int64, JavaType::Long) => !self.is_dated() && self.data_type != "time",
            (Mapping::Boolean, JavaType::Boolean) => true,
            _ => false,
        }
    }

    fn converted(&self, java: JavaType, options: &TypeOptions) -> Mapping {
        let digits = small(self.fraction_digits);
        match (java, self.data_type.as_str()) {
            (JavaType::Date | JavaType::Timestamp, _) | (JavaType::Time, "time") if options.is_sqoop_columnar() => {
                if java == JavaType::Time {
                    Mapping::TimeMillis
                } else {
                    Mapping::EpochMillis
                }
            }
            (JavaType::Date, "date") => Mapping::Date,
            (JavaType::Timestamp, "timestamp") if options.files == ValueForm::Columnar => Mapping::Instant,
            (JavaType::Timestamp, "date" | "datetime" | "timestamp") => Mapping::DateTime,
            (JavaType::Time, "time") => Mapping::Time { digits },
            _ => Mapping::As(java, self.as_decimal(options)),
        }
    }

    fn as_decimal(&self, options: &TypeOptions) -> AsDecimal {
        let scale = small(self.scale);
        match self.data_type.as_str() {
            _ if options.is_sqoop_columnar() && !options.logical_decimals => AsDecimal::Text,
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" | "bit" => AsDecimal::Scale(0),
            "decimal" if small(self.precision) <= MAX_PRECISION => AsDecimal::Scale(scale),
            _ => AsDecimal::Text,
        }
    }

    /// The type that holds every value.
    fn exact(&self, options: &TypeOptions) -> Result<Mapping> {
        Ok(match (self.data_type.as_str(), self.is_unsigned()) {
            ("tinyint", false) => Mapping::Int8,
            ("tinyint", true) | ("smallint", false) => Mapping::Int16,
            ("smallint", true) | ("mediumint", _) | ("int", false) | ("year", _) => Mapping::Int32,
            ("int", true) | ("bigint", false) => Mapping::Int64,
            ("bigint", true) => Mapping::Decimal { precision: 20, scale: 0 },
            ("bit", _) => self.bits()?,
            ("decimal", _) => self.decimal(options)?,
            ("float", _) => Mapping::Float,
            ("double", _) => Mapping::Double,
            ("date" | "datetime" | "timestamp", _) => self.dated(options),
            ("time", _) => Mapping::Time { digits: small(self.fraction_digits) },
            _ => self.characters_or_bytes()?,
        })
    }

    /// Sqoop's type; for text files the exact one, as its writer knows the rest.
    fn sqoop(&self, options: &TypeOptions) -> Result<Mapping> {
        let columnar = options.files == ValueForm::Columnar;
        Ok(match (self.data_type.as_str(), self.is_unsigned()) {
            ("tinyint", false) if options.tiny_int_is_bit && self.declared_width() == Some(1) => Mapping::Boolean,
            ("tinyint" | "smallint", _) | ("mediumint" | "int", false) | ("year", _) => Mapping::Int32,
            ("bigint", true) if !columnar => self.exact(options)?,
            ("mediumint" | "int", true) | ("bigint", _) => Mapping::Int64,
            ("bit", _) => match self.bits()? {
                Mapping::Boolean => Mapping::Boolean,
                _ if columnar => Mapping::Binary,
                number => number,
            },
            ("decimal", _) if columnar && !options.logical_decimals => Mapping::DecimalText,
            ("date" | "datetime" | "timestamp", _) if columnar && options.zero_dates != ZeroDates::Text => {
                Mapping::EpochMillis
            }
            ("time", _) if columnar => Mapping::TimeMillis,
            _ => self.exact(options)?,
        })
    }

    fn dated(&self, options: &TypeOptions) -> Mapping {
        match self.data_type.as_str() {
            kind if options.zero_dates == ZeroDates::Text => {
                Mapping::DateText { digits: small(self.fraction_digits), timed: kind != "date" }
            }
            "date" => Mapping::Date,
            "datetime" => Mapping::DateTime,
            // A text of it is what the clock of the session shows.
            _ if options.files == ValueForm::Text => Mapping::DateTime,
            _ => Mapping::Instant,
        }
    }

    /// Whether the server computes the column, in the session that reads it.
    pub fn is_virtual(&self) -> bool {
        self.extra.to_uppercase().contains("VIRTUAL")
    }

    /// Whether the column holds instants that travel as what the clock of the session shows: as text, that is.
    pub fn is_by_the_clock(&self, mapping: Mapping) -> bool {
        self.data_type == "timestamp" && !matches!(mapping, Mapping::Instant | Mapping::EpochMillis)
    }

    fn characters_or_bytes(&self) -> Result<Mapping> {
        match self.data_type.as_str() {
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "json" | "enum" | "set" | "uuid"
            | "inet4" | "inet6" | "null" => Ok(Mapping::Text),
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector" | "geometry"
            | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
            | "geometrycollection" | "geomcollection" => Ok(Mapping::Binary),
            _ => Err(self.refused("is not known").hint("leave the column out with columns")),
        }
    }

    fn bits(&self) -> Result<Mapping> {
        match self.precision {
            Some(1) => Ok(Mapping::Boolean),
            Some(2..=63) => Ok(Mapping::Bits),
            Some(64) => Ok(Mapping::WideBits),
            _ => Err(self.refused("has no known width")),
        }
    }

    fn decimal(&self, options: &TypeOptions) -> Result<Mapping> {
        let (precision, scale) = (small(self.precision), small(self.scale));
        if precision == 0 || precision > MYSQL_PRECISION || scale > precision {
            return Err(self.refused("has no known number of digits"));
        }
        Ok(match precision > MAX_PRECISION {
            false => Mapping::Decimal { precision, scale },
            true if options.hive => Mapping::DecimalText,
            true => Mapping::WideDecimal { precision, scale },
        })
    }

    fn refused(&self, why: &str) -> Error {
        error::schema(format!("column {}: type {} {why}", self.name, self.column_type))
    }
}
