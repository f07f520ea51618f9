//! A point on a key, and what lies before and after it as SQL text. All comparing is the server's, in the key's own order
//! and collation: text goes to it as bytes with the name of its character set, so no quote can end it.

use serde::{Deserialize, Serialize};

use super::key::{KeyColumn, KeyKind, SplitKey};
use crate::error::{self, Result};

/// The character set and the collation of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Charset {
    pub charset: String,
    /// `None` where the column's own collation decides anyway.
    pub collation: Option<String>,
}

impl Charset {
    /// From what the server says; `None` where it says nothing.
    ///
    /// # Errors
    /// Bug: a name with characters that no name has.
    pub(super) fn of(pair: &[Option<String>]) -> Result<Option<Self>> {
        let [Some(charset), Some(collation)] = pair else { return Ok(None) };
        let is_name = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        match is_name(charset) && is_name(collation) {
            true => Ok(Some(Self { charset: charset.clone(), collation: Some(collation.clone()) })),
            false => Err(error::bug(format!("the server names a character set {charset} and a collation {collation}"))),
        }
    }
}

/// One value of one key column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// As the server gave it; the bytes in hexadecimal digits for text and bytes.
    pub raw: String,
    /// As SQL text.
    pub literal: String,
}

impl Value {
    /// A value that the server gave; `None` if it cannot be written as a literal, such as a day that is in no calendar.
    ///
    /// # Errors
    /// Data: not the text of a value of this kind.
    pub(super) fn new(column: &KeyColumn, raw: &str, charset: Option<&Charset>) -> Result<Option<Self>> {
        let wrong = || error::data(format!("column {}: {raw} is not a value to split by", column.name));
        let literal = match column.kind {
            KeyKind::Integer | KeyKind::Bits | KeyKind::Decimal | KeyKind::Instant if is_number(raw, false) => {
                raw.to_owned()
            }
            // The e makes it a double also where it has no fraction.
            KeyKind::Float if is_number(raw, true) => match raw.contains(['e', 'E']) {
                true => raw.to_owned(),
                false => format!("{raw}e0"),
            },
            KeyKind::Date | KeyKind::DateTime if raw.bytes().all(is_of_time) => {
                if !is_a_day(raw.get(..10).unwrap_or_default()) {
                    return Ok(None);
                }
                format!("{}'{raw}'", if column.kind == KeyKind::Date { "DATE" } else { "TIMESTAMP" })
            }
            KeyKind::Time if raw.bytes().all(is_of_time) => format!("TIME'{raw}'"),
            KeyKind::Native(of) if raw.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'-' | b':' | b'.')) => {
                format!("CAST('{raw}' AS {of})")
            }
            KeyKind::Binary if is_hex(raw) => format!("X'{raw}'"),
            KeyKind::Text if is_hex(raw) => {
                let Charset { charset, collation } = charset.ok_or_else(wrong)?;
                let collate = collation.as_ref().map(|c| format!(" COLLATE {c}")).unwrap_or_default();
                format!("_{charset} X'{raw}'{collate}")
            }
            _ => return Err(wrong()),
        };
        Ok(Some(Self { raw: raw.to_owned(), literal }))
    }

    /// The value for messages: text is shown as text where it is that.
    pub(super) fn shown(&self, kind: KeyKind) -> String {
        match kind {
            KeyKind::Text => String::from_utf8(bytes_of(&self.raw)).unwrap_or_else(|_| format!("X'{}'", self.raw)),
            KeyKind::Binary => format!("X'{}'", self.raw),
            _ => self.raw.clone(),
        }
    }
}

/// A point on the key: a value for each of its columns, or for the first of them.
pub(super) type Cut = Vec<Value>;

/// How a row stands to a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Below,
    UpTo,
    AtLeast,
    Above,
}

impl Side {
    /// The comparison of the columns before the last that the cut names, and that of the last.
    fn operators(self) -> (&'static str, &'static str) {
        match self {
            Self::Below => ("<", "<"),
            Self::UpTo => ("<", "<="),
            Self::AtLeast => (">", ">="),
            Self::Above => (">", ">"),
        }
    }
}

/// The rows on one side of a cut; `columns` is the SQL text of the key's columns. Written out, because servers do not
/// use an index for the short form `(a, b) < (1, 2)`.
pub(super) fn compare(columns: &[String], side: Side, cut: &[Value]) -> String {
    let (before_last, last) = side.operators();
    let mut pairs = columns.iter().zip(cut).rev();
    let Some((column, value)) = pairs.next() else { return "TRUE".to_owned() };
    let mut sql = format!("{column} {last} {}", value.literal);
    for (column, Value { literal, .. }) in pairs {
        sql = format!("({column} {before_last} {literal} OR ({column} = {literal} AND {sql}))");
    }
    sql
}

/// The names of a key's columns in the conditions of splits.
pub(super) fn in_conditions(key: &SplitKey) -> Vec<String> {
    key.columns.iter().map(|c| c.sql.clone()).collect()
}

/// The cut for messages.
pub(super) fn shown(key: &SplitKey, cut: &[Value]) -> String {
    let values: Vec<String> = key.columns.iter().zip(cut).map(|(c, v)| v.shown(c.kind)).collect();
    match &values[..] {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    }
}

/// The bytes behind hexadecimal digits; what is not a digit counts as 0.
pub(super) fn bytes_of(hex: &str) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0) as u8;
    hex.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |byte, b| byte << 4 | digit(*b))).collect()
}

pub(super) fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn is_hex(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_number(text: &str, with_exponent: bool) -> bool {
    let allowed = |b: u8| b.is_ascii_digit() || b == b'.' || (with_exponent && matches!(b, b'e' | b'E' | b'+' | b'-'));
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().any(|b| b.is_ascii_digit()) && digits.bytes().all(allowed)
}

/// Whether a text is a time of the calendar.
pub(super) fn is_time(text: &str) -> bool {
    text.bytes().all(is_of_time) && is_a_day(text.get(..10).unwrap_or_default())
}

fn is_of_time(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b' ')
}

/// Whether `YYYY-MM-DD` is in the calendar: other days are kept by servers in some modes, and no literal may name them.
fn is_a_day(text: &str) -> bool {
    let mut numbers = text.split('-').map(|n| n.parse::<u16>().ok());
    let (Some(Some(year)), Some(Some(month)), Some(Some(day))) = (numbers.next(), numbers.next(), numbers.next())
    else {
        return false;
    };
    let (Ok(month), Ok(day)) = (u8::try_from(month), u8::try_from(day)) else { return false };
    // Not every server takes the year 0.
    year > 0 && crate::mysql::decode::civil(year, month, day).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::session::Session;
    use crate::mysql::types::tests::column;

    fn value(column_type: &str, raw: &str) -> Result<Option<Value>> {
        let key = SplitKey::new(&column("k", column_type), &Session::Ours).unwrap();
        let charset = Charset { charset: "utf8mb4".into(), collation: Some("utf8mb4_general_ci".into()) };
        Value::new(&key.columns[0], raw, Some(&charset))
    }

    fn number(raw: &str) -> Value {
        Value { raw: raw.into(), literal: raw.into() }
    }

    #[test]
    fn literals_are_sql_that_no_value_can_break() {
        for (column_type, raw, literal) in [
            ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
            ("bigint", "-9223372036854775808", "-9223372036854775808"),
            ("decimal(65,30)", "-0.000000000000000000000000000001", "-0.000000000000000000000000000001"),
            ("double", "5", "5e0"),
            ("double", "-1.7976931348623157e308", "-1.7976931348623157e308"),
            ("date", "2024-02-29", "DATE'2024-02-29'"),
            ("datetime(6)", "2024-02-29 00:00:00.000001", "TIMESTAMP'2024-02-29 00:00:00.000001'"),
            ("time", "-838:59:59", "TIME'-838:59:59'"),
            ("varbinary(4)", "00FF", "X'00FF'"),
            ("varchar(9)", "44274172", "_utf8mb4 X'44274172' COLLATE utf8mb4_general_ci"),
            ("varchar(9)", "", "_utf8mb4 X'' COLLATE utf8mb4_general_ci"),
        ] {
            assert_eq!(value(column_type, raw).unwrap().unwrap().literal, literal, "{column_type}");
        }
        assert_eq!(value("date", "2024-00-00").unwrap(), None);
        assert_eq!(value("datetime", "2023-02-29 00:00:00").unwrap(), None);
        for (column_type, raw) in
            [("int", "1 OR 1"), ("double", "nan"), ("varchar(9)", "4"), ("date", "'"), ("uuid", "'")]
        {
            assert!(value(column_type, raw).is_err(), "{column_type}: {raw}");
        }
    }

    #[test]
    fn several_columns_are_compared_one_after_the_other() {
        let columns = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let cut = [number("1"), number("2"), number("3")];
        assert_eq!(compare(&columns[..1], Side::UpTo, &cut), "a <= 1");
        assert_eq!(compare(&columns, Side::Below, &cut[..2]), "(a < 1 OR (a = 1 AND b < 2))");
        assert_eq!(compare(&columns, Side::AtLeast, &cut), "(a > 1 OR (a = 1 AND (b > 2 OR (b = 2 AND c >= 3))))");
    }
}
