//! Whether Hive reads the text of a cell as the type that the schema file gives the column. It silently reads a text of
//! another type as NULL, and cuts one that is too long.
//!
//! Source: Hive 4.0, `LazyInteger`, `LazyHiveDecimal`, `LazyDate`, `LazyTimestamp` and `LazyHiveVarchar`.

use std::str::FromStr;

use jiff::civil;

/// Whether a cell is read back as it was written.
pub(super) fn fits(hive_type: &str, cell: &[u8]) -> bool {
    let (word, numbers) = hive_type.split_once('(').unwrap_or((hive_type, ""));
    let mut numbers = numbers.trim_end_matches(')').split(',').filter_map(|n| n.trim().parse::<usize>().ok());
    let word = word.trim().to_ascii_lowercase();
    let Ok(text) = std::str::from_utf8(cell) else { return matches!(word.as_str(), "binary" | "string") };
    match word.as_str() {
        "boolean" => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
        "tinyint" => i8::from_str(text).is_ok(),
        "smallint" => i16::from_str(text).is_ok(),
        "int" | "integer" => i32::from_str(text).is_ok(),
        "bigint" => i64::from_str(text).is_ok(),
        "float" | "double" => f64::from_str(text).is_ok(),
        "decimal" | "numeric" => is_decimal(text, numbers.next().unwrap_or(10), numbers.next().unwrap_or(0)),
        "date" => civil::Date::from_str(text).is_ok() && text.len() == "yyyy-mm-dd".len(),
        "timestamp" => is_timestamp(text),
        "char" | "varchar" => numbers.next().is_none_or(|most| text.chars().count() <= most),
        _ => true,
    }
}

/// Digits that fit before and behind the point; zeros at the end say nothing.
fn is_decimal(text: &str, precision: usize, scale: usize) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = [whole, fraction].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    all_digits && !digits.trim_matches('.').is_empty() && fraction.len() <= scale && whole.len() + scale <= precision
}

/// `yyyy-mm-dd hh:mm:ss`, with up to nine digits of a second.
fn is_timestamp(text: &str) -> bool {
    let has_time = text.as_bytes().get(10) == Some(&b' ');
    has_time && civil::DateTime::from_str(&text.replacen(' ', "T", 1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hive_would_read_as_null_or_cut_does_not_fit() {
        for (hive_type, fit, unfit) in [
            ("int", &["0", "-2147483648"][..], &["3000000000", "x", "", "1.0", " 1"][..]),
            ("bigint", &["3000000000"], &["9223372036854775808"]),
            ("boolean", &["true", "FALSE"], &["1", "yes"]),
            ("double", &["1e3", "-0.5", "NaN"], &["", "x"]),
            ("decimal(5,2)", &["123.45", "-0.1", "7", "1.500"], &["1234", "1.234", "1e2", "", "."]),
            ("decimal", &["1234567890"], &["12345678901", "1.5"]),
            ("date", &["2024-02-29", "0001-01-01"], &["2023-02-29", "x", "2024-02-29 00:00:00"]),
            (
                "timestamp",
                &["2024-02-29 01:02:03", "2024-02-29 01:02:03.123456789"],
                &["2024-02-29", "x", "1700000000"],
            ),
            ("varchar(2)", &["é日", ""], &["abc"]),
            ("string", &["", "anything"], &[]),
        ] {
            assert!(fit.iter().all(|text| fits(hive_type, text.as_bytes())), "{hive_type}");
            for text in unfit {
                assert!(!fits(hive_type, text.as_bytes()), "{hive_type} {text:?}");
            }
        }
        assert!(fits("binary", &[0xff]) && fits("string", &[0xff]) && !fits("varchar(9)", &[0xff]));
    }
}
