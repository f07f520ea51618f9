//! Types and their values: how a value is written in SQL, and how MySQL and Hive are asked for it in one form.
//!
//! Both answer each cell as one word without blanks or delimiters, texts and bytes as hexadecimal digits, so that no
//! tool between can bend it.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A type of column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    TinyInt,
    SmallUnsigned,
    MediumInt,
    Int,
    IntUnsigned,
    BigInt,
    BigUnsigned,
    Bit1,
    Bit17,
    Bit64,
    Decimal,
    DecimalWide,
    Float,
    Double,
    Date,
    DateTime,
    DateTimeMillis,
    DateTimeMicros,
    Timestamp,
    TimestampMillis,
    Time,
    TimeMicros,
    Year,
    Char,
    VarChar,
    Text,
    LongText,
    Enum,
    Set,
    Json,
    Binary,
    VarBinary,
    Blob,
}

pub const KINDS: [Kind; 33] = [
    Kind::TinyInt,
    Kind::SmallUnsigned,
    Kind::MediumInt,
    Kind::Int,
    Kind::IntUnsigned,
    Kind::BigInt,
    Kind::BigUnsigned,
    Kind::Bit1,
    Kind::Bit17,
    Kind::Bit64,
    Kind::Decimal,
    Kind::DecimalWide,
    Kind::Float,
    Kind::Double,
    Kind::Date,
    Kind::DateTime,
    Kind::DateTimeMillis,
    Kind::DateTimeMicros,
    Kind::Timestamp,
    Kind::TimestampMillis,
    Kind::Time,
    Kind::TimeMicros,
    Kind::Year,
    Kind::Char,
    Kind::VarChar,
    Kind::Text,
    Kind::LongText,
    Kind::Enum,
    Kind::Set,
    Kind::Json,
    Kind::Binary,
    Kind::VarBinary,
    Kind::Blob,
];

/// Which characters a text may hold.
#[derive(Debug, Clone, Copy)]
pub struct Taste {
    /// No control characters.
    pub tame: bool,
    /// Characters beyond latin1.
    pub wide: bool,
}

/// How two answers about a cell are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// To the letter.
    Exact,
    /// Zeros at the end of a fraction do not count.
    Fraction,
    /// As numbers of floating point, of one and of two words.
    Single,
    Floating,
    /// MySQL says 0 and 1, Hive false and true.
    Boolean,
}

impl Kind {
    pub fn sql(self) -> &'static str {
        match self {
            Self::TinyInt => "TINYINT",
            Self::SmallUnsigned => "SMALLINT UNSIGNED",
            Self::MediumInt => "MEDIUMINT",
            Self::Int => "INT",
            Self::IntUnsigned => "INT UNSIGNED",
            Self::BigInt => "BIGINT",
            Self::BigUnsigned => "BIGINT UNSIGNED",
            Self::Bit1 => "BIT(1)",
            Self::Bit17 => "BIT(17)",
            Self::Bit64 => "BIT(64)",
            Self::Decimal => "DECIMAL(12,4)",
            Self::DecimalWide => "DECIMAL(38,10)",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Date => "DATE",
            Self::DateTime => "DATETIME",
            Self::DateTimeMillis => "DATETIME(3)",
            Self::DateTimeMicros => "DATETIME(6)",
            Self::Timestamp => "TIMESTAMP",
            Self::TimestampMillis => "TIMESTAMP(3)",
            Self::Time => "TIME",
            Self::TimeMicros => "TIME(6)",
            Self::Year => "YEAR",
            Self::Char => "CHAR(12)",
            Self::VarChar => "VARCHAR(60)",
            Self::Text => "TEXT",
            Self::LongText => "LONGTEXT",
            Self::Enum => "ENUM('a','b c','\u{e9}','7')",
            Self::Set => "SET('x','y z','\u{fc}')",
            Self::Json => "JSON",
            Self::Binary => "BINARY(4)",
            Self::VarBinary => "VARBINARY(24)",
            Self::Blob => "BLOB",
        }
    }

    pub fn is_text(self) -> bool {
        matches!(self, Self::Char | Self::VarChar | Self::Text | Self::LongText | Self::Enum | Self::Set)
    }

    pub fn is_bytes(self) -> bool {
        matches!(self, Self::Binary | Self::VarBinary | Self::Blob)
    }

    /// Whether a primary key may be of it, without a length of its own.
    pub fn can_be_key(self) -> bool {
        !matches!(self, Self::Text | Self::LongText | Self::Json | Self::Blob | Self::Float | Self::Double)
    }

    pub fn form(self) -> Form {
        match self {
            Self::Float => Form::Single,
            Self::Double => Form::Floating,
            Self::Bit1 => Form::Boolean,
            Self::Decimal | Self::DecimalWide => Form::Fraction,
            Self::DateTime | Self::DateTimeMillis | Self::DateTimeMicros | Self::Timestamp | Self::TimestampMillis => {
                Form::Fraction
            }
            _ => Form::Exact,
        }
    }

    /// How MySQL and MariaDB are asked for a cell; `column` is quoted already, the session's zone is UTC.
    pub fn ask_mysql(self, column: &str) -> String {
        let word = match self {
            Self::Bit1 | Self::Bit17 | Self::Bit64 => format!("CAST({column} AS UNSIGNED)"),
            Self::Float => format!("CAST({column} AS DOUBLE)"),
            Self::DateTime | Self::DateTimeMillis | Self::DateTimeMicros | Self::Timestamp | Self::TimestampMillis => {
                format!("DATE_FORMAT({column}, '%Y-%m-%dT%H:%i:%s.%f')")
            }
            _ if self.is_text() || self == Self::Json => format!("CONCAT('x', HEX(CONVERT({column} USING utf8mb4)))"),
            _ if self.is_bytes() => format!("CONCAT('x', HEX({column}))"),
            _ => column.to_owned(),
        };
        format!("IFNULL({word}, 'NULL')")
    }

    /// How Hive is asked for the same. In text files bytes are base64 in a column of strings.
    pub fn ask_hive(self, column: &str, in_text: bool) -> String {
        let word = match self {
            Self::DateTime | Self::DateTimeMillis | Self::DateTimeMicros | Self::Timestamp | Self::TimestampMillis => {
                format!("replace(cast({column} as string), ' ', 'T')")
            }
            _ if self.is_bytes() && in_text => format!("concat('x', hex(unbase64({column})))"),
            _ if self.is_text() || self == Self::Json || self.is_bytes() => format!("concat('x', hex({column}))"),
            _ => format!("cast({column} as string)"),
        };
        format!("coalesce({word}, 'NULL')")
    }

    /// A value as SQL that every `sql_mode` reads alike.
    #[allow(clippy::too_many_lines, reason = "a line or two a type")]
    pub fn value(self, rng: &mut ChaCha8Rng, taste: Taste) -> String {
        let one = |rng: &mut ChaCha8Rng, of: &[&str]| of[rng.random_range(0..of.len())].to_owned();
        match self {
            Self::TinyInt => any(rng, i8::MIN.into(), i8::MAX.into()),
            Self::SmallUnsigned => any(rng, 0, u16::MAX.into()),
            Self::MediumInt => any(rng, -(1 << 23), (1 << 23) - 1),
            Self::Int => any(rng, i32::MIN.into(), i32::MAX.into()),
            Self::IntUnsigned => any(rng, 0, u32::MAX.into()),
            Self::BigInt => any(rng, i64::MIN.into(), i64::MAX.into()),
            Self::BigUnsigned | Self::Bit64 => any(rng, 0, u64::MAX.into()),
            Self::Bit1 => any(rng, 0, 1),
            Self::Bit17 => any(rng, 0, (1 << 17) - 1),
            Self::Decimal => decimal(rng, 12, 4),
            Self::DecimalWide => decimal(rng, 38, 10),
            Self::Float => format!("{:e}", f32::from_bits(rng.random_range(0x0100_0000..0x7f00_0000))),
            Self::Double => {
                format!("{:e}", f64::from_bits(rng.random_range(0x0020_0000_0000_0000..0x7fe0_0000_0000_0000)))
            }
            Self::Date => one(
                rng,
                &["'0001-01-01'", "'1582-10-04'", "'1582-10-15'", "'1900-02-28'", "'2024-02-29'", "'9999-12-31'"],
            ),
            Self::DateTime => one(
                rng,
                &["'0001-01-01 00:00:00'", "'1582-10-10 01:02:03'", "'2024-03-31 02:30:00'", "'9999-12-31 23:59:59'"],
            ),
            Self::DateTimeMillis => {
                one(rng, &["'1500-02-28 23:59:59.999'", "'2024-10-27 02:30:00.001'", "'1970-01-01 00:00:00.000'"])
            }
            Self::DateTimeMicros => one(
                rng,
                &["'1969-12-31 23:59:59.999999'", "'2024-10-27 02:30:00.000001'", "'1000-01-01 00:00:00.500000'"],
            ),
            // As moments, so that the zone of the session that inserts them says nothing: both sides of the hour that
            // is missing in central Europe, and of the one that comes twice. Not within it, as the text of a TIMESTAMP is
            // what the clock shows.
            Self::Timestamp => format!(
                "FROM_UNIXTIME({})",
                one(rng, &["1", "1729985399", "1729994400", "1711846799", "1711846800", "2147483647"])
            ),
            Self::TimestampMillis => {
                format!("FROM_UNIXTIME({})", one(rng, &["0.001", "1729985399.999", "1729994400.500", "1711846799.999"]))
            }
            Self::Time => one(rng, &["'-838:59:59'", "'00:00:00'", "'25:00:01'", "'838:59:59'"]),
            Self::TimeMicros => one(rng, &["'-00:00:00.000001'", "'23:59:59.999999'", "'100:00:00.500000'"]),
            Self::Year => one(rng, &["1901", "2024", "2155"]),
            Self::Char => text(rng, 11, taste, false),
            Self::VarChar => text(rng, 60, taste, true),
            Self::Text | Self::LongText => {
                let most = if rng.random_ratio(1, 10) { 3000 } else { 40 };
                text(rng, most, taste, true)
            }
            Self::Enum => utf8(&one(rng, &["a", "b c", "\u{e9}", "7"])),
            Self::Set => utf8(&one(rng, &["", "x", "x,y z", "\u{fc}", "x,y z,\u{fc}"])),
            Self::Json => utf8(&one(rng, &["null", "[]", "{\"a\": [1, \"\u{fc}\\\"\"]}", "\"\\u0000\"", "1.50"])),
            Self::Binary => bytes(rng, 4, 4),
            Self::VarBinary => bytes(rng, 0, 24),
            Self::Blob => bytes(rng, 0, 200),
        }
    }
}

/// A whole number: an end of the range, zero, or any.
fn any(rng: &mut ChaCha8Rng, least: i128, most: i128) -> String {
    match rng.random_range(0..5) {
        0 => least.to_string(),
        1 => most.to_string(),
        2 => 0.clamp(least, most).to_string(),
        _ => rng.random_range(least..=most).to_string(),
    }
}

fn decimal(rng: &mut ChaCha8Rng, digits: u32, scale: usize) -> String {
    let most = 10i128.pow(digits) - 1;
    let number = match rng.random_range(0..4) {
        0 => most,
        1 => 0,
        _ => rng.random_range(-most..=most),
    };
    let text = format!("{:0width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    format!("{}{whole}.{fraction}", if number < 0 { "-" } else { "" })
}

fn text(rng: &mut ChaCha8Rng, most: usize, taste: Taste, blank_at_end: bool) -> String {
    const TAME: [&str; 18] =
        ["a", "Z", "0", " ", ",", "\\", "'", "\"", "`", "%", "\u{e9}", "\u{df}", ";", "N", "\\N", "null", "|", "="];
    const WILD: [&str; 6] = ["\n", "\r", "\t", "\u{1}", "\0", "\u{1a}"];
    const WIDE: [&str; 4] = ["\u{6f22}", "\u{1f600}", "\u{301}", "\u{feff}"];
    let mut text = match rng.random_range(0..8) {
        0 => String::new(),
        1 => "\\N".to_owned(),
        2 => "null".to_owned(),
        _ => {
            let mut text = String::new();
            for _ in 0..rng.random_range(0..=most) {
                let piece = match rng.random_range(0..6) {
                    0 if !taste.tame => WILD[rng.random_range(0..WILD.len())],
                    1 if taste.wide => WIDE[rng.random_range(0..WIDE.len())],
                    _ => TAME[rng.random_range(0..TAME.len())],
                };
                if text.chars().count() + piece.chars().count() <= most {
                    text.push_str(piece);
                }
            }
            text
        }
    };
    // CHAR forgets blanks at the end, and so the same value could not be put back.
    if !blank_at_end {
        text.truncate(text.trim_end_matches([' ', '\0']).len());
    }
    utf8(&text)
}

fn utf8(text: &str) -> String {
    let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
    format!("CONVERT(X'{hex}' USING utf8mb4)")
}

fn bytes(rng: &mut ChaCha8Rng, least: usize, most: usize) -> String {
    let length = rng.random_range(least..=most);
    let hex: String = (0..length).map(|_| format!("{:02X}", rng.random::<u8>())).collect();
    format!("X'{hex}'")
}
