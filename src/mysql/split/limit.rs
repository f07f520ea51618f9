//! The greatest width of a split: cuts are added until none is wider, in units of the key, or in seconds for times.

use super::cut::{Cut, Value};
use super::key::{KeyColumn, KeyKind, SplitKey};
use super::points::Points;
use super::temporal;
use crate::error::{self, Error, Result};

/// Microseconds of a second.
const MICROS: i128 = 1_000_000;

/// More splits than this are a mistake in the limit.
const MOST: i128 = 100_000;

/// Refuses a key that has no width.
pub(super) fn check(key: &SplitKey) -> Result<()> {
    let [column, ..] = &key.columns[..] else { return Ok(()) };
    match column.kind {
        KeyKind::Integer | KeyKind::Bits | KeyKind::Date | KeyKind::DateTime | KeyKind::Time | KeyKind::Instant => {
            Ok(())
        }
        _ => Err(error::config(format!("split-limit is given, and column {} has no width to limit", column.name))
            .hint("leave split-limit out, or split by a column of integers, dates or times")),
    }
}

/// Adds cuts where two neighbours are further apart than `width`; cuts of a composite key lose all but their first column.
pub(super) fn narrow(column: &KeyColumn, points: &mut Points, width: u64) -> Result<()> {
    let Some(greatest) = points.greatest.clone() else { return Ok(()) };
    let width = match column.kind {
        KeyKind::Date => i128::from(width / 86_400).max(1),
        KeyKind::DateTime | KeyKind::Time | KeyKind::Instant => i128::from(width) * MICROS,
        _ => i128::from(width),
    };
    if width == 0 {
        return Err(error::config("split-limit is 0").hint("give at least 1"));
    }
    let mut narrowed: Vec<(Cut, u64)> = Vec::new();
    let ends = points.all.iter().skip(1).map(|(cut, _)| cut.clone()).chain(std::iter::once(greatest));
    for ((from, rows), to) in points.all.iter().zip(ends.collect::<Vec<_>>()) {
        let (Some(low), Some(high)) = (number(column, from), number(column, &to)) else {
            return Err(error::bug(format!("column {}: a key has no number", column.name)));
        };
        let parts = (high - low + width - 1).div_euclid(width).max(1);
        if parts + narrowed.len() as i128 > MOST {
            return Err(too_many(column));
        }
        narrowed.push((from.clone(), rows / parts as u64));
        for part in 1..parts {
            let raw = text(column.kind, low + (high - low) / parts * part + (high - low) % parts * part / parts);
            let value = raw.map(|raw| Value::new(column, &raw, None)).transpose()?.flatten();
            narrowed.extend(value.map(|v| (vec![v], rows / parts as u64)));
        }
    }
    points.all = narrowed;
    Ok(())
}

fn number(column: &KeyColumn, cut: &[Value]) -> Option<i128> {
    let raw = &cut.first()?.raw;
    match column.kind {
        KeyKind::Integer | KeyKind::Bits => raw.parse().ok(),
        KeyKind::Instant => micros(raw),
        kind => temporal::number(kind, raw),
    }
}

fn text(kind: KeyKind, number: i128) -> Option<String> {
    match kind {
        KeyKind::Integer | KeyKind::Bits => Some(number.to_string()),
        KeyKind::Instant => Some(format!("{}.{:06}", number / MICROS, number % MICROS)),
        _ => temporal::text(kind, number),
    }
}

/// Seconds with or without a fraction, in microseconds.
fn micros(seconds: &str) -> Option<i128> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    Some(whole.parse::<i128>().ok()? * MICROS + format!("{fraction:0<6}").parse::<i128>().ok()?)
}

fn too_many(column: &KeyColumn) -> Error {
    error::config(format!("split-limit makes more than {MOST} splits of column {}", column.name))
        .hint("give a greater limit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::session::Session;
    use crate::mysql::types::tests::column;

    /// The cuts of the keys from `low` to `high`, `width` at most apart.
    fn cuts(column_type: &str, ends: &[&str], width: u64) -> Result<Vec<String>> {
        let key = SplitKey::new(&column("k", column_type), &Session::Ours).unwrap();
        check(&key)?;
        let column = &key.columns[0];
        let cut = |raw: &str| vec![Value::new(column, raw, None).unwrap().unwrap()];
        let (last, points) = ends.split_last().unwrap();
        let all = points.iter().map(|p| (cut(p), 10)).collect();
        let mut points = Points { all, greatest: Some(cut(last)) };
        narrow(column, &mut points, width)?;
        Ok(points.all.iter().map(|(cut, _)| cut[0].raw.clone()).collect())
    }

    #[test]
    fn no_split_is_wider_than_the_limit() {
        assert_eq!(cuts("int", &["0", "100"], 25).unwrap(), ["0", "25", "50", "75"]);
        assert_eq!(cuts("int", &["0", "50", "100"], 60).unwrap(), ["0", "50"]);
        let sevenths: Vec<i64> =
            cuts("int", &["1", "20"], 3).unwrap().iter().map(|c| c.parse().unwrap()).chain([20]).collect();
        assert!(sevenths.len() == 8 && sevenths.windows(2).all(|w| w[1] - w[0] <= 3), "{sevenths:?}");
        assert_eq!(
            cuts("datetime", &["2020-01-01 00:00:00", "2020-01-02 00:00:00"], 21_600).unwrap()[1..],
            ["2020-01-01 06:00:00", "2020-01-01 12:00:00", "2020-01-01 18:00:00"]
        );
        assert_eq!(cuts("date", &["2020-01-01", "2020-01-03"], 86_400).unwrap(), ["2020-01-01", "2020-01-02"]);
    }

    #[test]
    fn what_has_no_width_is_refused() {
        for column_type in ["varchar(9)", "double", "decimal(9,2)", "binary(4)"] {
            assert!(cuts(column_type, &["1", "2"], 1).unwrap_err().to_string().contains("column k"));
        }
        let error = cuts("bigint", &["0", "9223372036854775807"], 10).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }
}
