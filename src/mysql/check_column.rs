//! A column that tells new rows from old ones: its greatest value, the server's time as the column holds times, and the
//! condition on the rows between two values.
//!
//! It refuses columns whose order says nothing about age, and values that are not of the column's type.

use super::client::Connection;
use super::read::Selection;
use super::session::{self, Session};
use super::sql::{quote, quote_text};
use super::types::Column;
use crate::error::{self, Result};

/// How values of the column are compared and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Date,
    Time { digits: u64, zoned: bool },
}

/// A column that tells new rows from old ones.
#[derive(Clone, Debug)]
pub struct CheckColumn {
    name: String,
    kind: Kind,
    nullable: bool,
    /// The session that the rows are read in.
    session: Session,
    /// Whether a value that is shown says that it is in UTC, for the user's clock does not show that.
    shows_offset: bool,
}

/// Rows on one side of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Greater than the value.
    Above,
    /// The value itself, or greater.
    AtLeast,
    /// The value itself, or smaller.
    UpTo,
    /// Smaller than the value.
    Below,
}

impl CheckColumn {
    /// Looks at a column.
    ///
    /// # Errors
    /// Config: its order says nothing about age.
    pub fn new(column: &Column, session: &Session) -> Result<Self> {
        let digits = column.fraction_digits.unwrap_or(0);
        let kind = match column.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float" | "double" | "year" => {
                Kind::Number
            }
            "date" => Kind::Date,
            "datetime" => Kind::Time { digits, zoned: false },
            "timestamp" => Kind::Time { digits, zoned: true },
            other => {
                let what =
                    format!("check column {} is of type {other}, whose order says nothing about age", column.name);
                return Err(error::config(what).hint("name a column of numbers, dates or times"));
            }
        };
        let (name, nullable) = (column.name.clone(), column.nullable);
        Ok(Self { name, kind, nullable, session: session.clone(), shows_offset: false })
    }

    /// Name of the column.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it holds dates or times, and not numbers.
    pub fn holds_times(&self) -> bool {
        self.kind != Kind::Number
    }

    /// The server's time as the column would hold it.
    ///
    /// # Errors
    /// As the server says.
    pub async fn server_time(&self, conn: &mut Connection) -> Result<Option<String>> {
        let act = "cannot ask the server for its time";
        let now = match self.kind {
            Kind::Time { digits, zoned: true } => format!("CAST(UTC_TIMESTAMP({digits}) AS CHAR)"),
            Kind::Time { digits, zoned: false } => format!("CAST(NOW({digits}) AS CHAR)"),
            Kind::Number | Kind::Date => "CAST(CURRENT_DATE AS CHAR)".to_owned(),
        };
        // A column without a zone holds what the clock of the user's session shows.
        if !self.is_instant() {
            let user = conn.user_session().await?;
            conn.enter(&user).await?;
        }
        let rows = conn.texts(&format!("SELECT {now}"), act).await?;
        Ok(rows.into_iter().flatten().flatten().next())
    }

    /// The greatest value among the rows of a selection; `None` where there is none.
    ///
    /// # Errors
    /// As the server says.
    pub async fn greatest(&self, conn: &mut Connection, rows: &Selection) -> Result<Option<String>> {
        conn.enter(rows.session()).await?;
        if !self.by_seconds() {
            return one(conn, &rows.select(&format!("CAST(MAX({}) AS CHAR)", quote(&self.name)), None)).await;
        }
        let greatest = format!("MAX({})", session::seconds(&quote(&self.name)));
        let greatest = if rows.keeps_instants() { greatest } else { session::unambiguous(&greatest) };
        let found = one(conn, &rows.select(&format!("CAST({greatest} AS CHAR)"), None)).await?;
        let utc = |seconds: String| {
            session::utc_of_seconds_text(&seconds).ok_or_else(|| {
                error::data(format!(
                    "the session's clock shows the greatest value of {} twice in that night",
                    self.name
                ))
                .hint("import the table itself, or set the session's zone to UTC in the url")
            })
        };
        found.map(utc).transpose()
    }

    /// How many rows of a selection have NULL in the column, which are on no side of any value.
    ///
    /// # Errors
    /// As the server says.
    pub async fn nulls(&self, conn: &mut Connection, rows: &Selection) -> Result<u64> {
        if !self.nullable {
            return Ok(0);
        }
        conn.enter(rows.session()).await?;
        let is_null = format!("{} IS NULL", quote(&self.name));
        let count = one(conn, &rows.select("CAST(COUNT(*) AS CHAR)", Some(&is_null))).await?;
        Ok(count.and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    /// The condition that rows on one side of a value meet, as SQL text.
    pub fn condition(&self, side: Side, value: &str) -> String {
        let operator = match side {
            Side::Above => ">",
            Side::AtLeast => ">=",
            Side::UpTo => "<=",
            Side::Below => "<",
        };
        let column = quote(&self.name);
        if self.by_seconds() {
            return instants(&column, operator, value);
        }
        format!("{column} {operator} {}", self.literal(value))
    }

    /// Whether the column holds instants; other times are what the clock of the user's session shows.
    pub fn is_instant(&self) -> bool {
        matches!(self.kind, Kind::Time { zoned: true, .. })
    }

    /// Whether instants are compared by their seconds, because the session's clock does not show UTC.
    fn by_seconds(&self) -> bool {
        self.is_instant() && !self.session.is_utc()
    }

    /// A value as it is shown to the user, who may type it again.
    pub fn shown(&self, value: &str) -> String {
        if self.shows_offset { format!("{value}+00:00") } else { value.to_owned() }
    }

    /// Reads a value as the user typed it: an instant is typed as the clock of the user's session shows it, or with its
    /// offset, and is kept in UTC.
    ///
    /// # Errors
    /// Those of [`CheckColumn::checked`]; as the server says.
    pub async fn typed(&mut self, conn: &mut Connection, value: Option<&str>) -> Result<Option<String>> {
        let checked = value.map(|value| self.checked(value)).transpose()?;
        if !self.is_instant() {
            return Ok(checked);
        }
        let user = conn.user_session().await?;
        self.shows_offset = !user.is_utc();
        let has_offset = value.is_some_and(|value| session::utc_of_offset(value).is_some());
        let Some(checked) = checked.filter(|_| !user.is_utc() && !has_offset) else {
            return value.map(|value| self.checked(value)).transpose();
        };
        conn.enter(&user).await?;
        let seconds = session::seconds(&format!("TIMESTAMP{}", quote_text(&checked)));
        let rows = conn.texts(&format!("SELECT CAST({seconds} AS CHAR)"), "cannot read last-value").await?;
        let utc =
            rows.into_iter().flatten().flatten().next().and_then(|seconds| session::utc_of_seconds_text(&seconds));
        // Where no TIMESTAMP lies: whatever the zone, all of them are before it or after it.
        Ok(Some(utc.filter(|utc| !utc.starts_with("1970-01-01 00:00:00")).unwrap_or(checked)))
    }

    fn literal(&self, value: &str) -> String {
        match self.kind {
            Kind::Number => value.to_owned(),
            Kind::Date => format!("DATE{}", quote_text(value)),
            Kind::Time { .. } => format!("TIMESTAMP{}", quote_text(value)),
        }
    }

    /// A value as the user typed it, which goes into SQL text: numbers must be numbers, times times. A day is its
    /// midnight.
    ///
    /// # Errors
    /// Config: it is not a value of the column.
    pub fn checked(&self, value: &str) -> Result<String> {
        let mut value = value.trim().to_owned();
        if self.is_instant()
            && let Some(utc) = session::utc_of_offset(&value)
        {
            return Ok(utc);
        }
        let fits = match self.kind {
            Kind::Number => value.parse::<f64>().is_ok_and(f64::is_finite),
            Kind::Date => value.parse::<jiff::civil::Date>().is_ok(),
            Kind::Time { .. } => value.replacen(' ', "T", 1).parse::<jiff::civil::DateTime>().is_ok(),
        };
        if !fits {
            let what = format!("last-value {value:?} is not a value of check column {}", self.name);
            return Err(error::config(what).hint("write it as the database shows it"));
        }
        if matches!(self.kind, Kind::Time { .. }) && !value.contains([' ', 'T']) {
            value.push_str(" 00:00:00");
        }
        Ok(value)
    }

    /// Which of two values, as the server or the user wrote them, comes first; `None` where that cannot be told.
    pub fn compare(&self, one: &str, other: &str) -> Option<std::cmp::Ordering> {
        match self.kind {
            Kind::Number => number(one, other),
            Kind::Date => Some(one.parse::<jiff::civil::Date>().ok()?.cmp(&other.parse().ok()?)),
            Kind::Time { .. } => {
                let time = |text: &str| text.replacen(' ', "T", 1).parse::<jiff::civil::DateTime>().ok();
                Some(time(one)?.cmp(&time(other)?))
            }
        }
    }
}

/// Instants beyond a time in UTC. The column itself is compared with days to spare, for the sake of its index.
fn instants(column: &str, operator: &str, utc: &str) -> String {
    let seconds = session::seconds_of_utc(utc).unwrap_or_else(|| "0".to_owned());
    let exact = format!("{} {operator} {seconds}", session::seconds(column));
    let (days, wide) = if operator.starts_with('>') { (-2, ">=") } else { (2, "<=") };
    match session::utc_days_later(utc, days) {
        Some(day) => format!("{column} {wide} TIMESTAMP{} AND {exact}", quote_text(&day)),
        None => exact,
    }
}

/// Compares numbers exactly where both are whole; a float would take two great ones for equal.
fn number(one: &str, other: &str) -> Option<std::cmp::Ordering> {
    match (one.parse::<i128>(), other.parse::<i128>()) {
        (Ok(one), Ok(other)) => Some(one.cmp(&other)),
        _ => one.parse::<f64>().ok()?.partial_cmp(&other.parse().ok()?),
    }
}

/// The one value that a statement gives.
async fn one(conn: &mut Connection, sql: &str) -> Result<Option<String>> {
    let rows = conn.texts(sql, "cannot find the bound of an incremental import").await?;
    let value = rows.into_iter().next().and_then(|row| row.into_iter().next());
    value.ok_or_else(|| error::bug("the bound of an incremental import has no row"))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cmp::Ordering;

    use super::*;

    pub(crate) fn column(column_type: &str) -> Column {
        Column {
            name: "c".into(),
            data_type: column_type.into(),
            column_type: column_type.into(),
            nullable: true,
            precision: None,
            scale: None,
            fraction_digits: Some(6),
            ..Column::default()
        }
    }

    fn check(column_type: &str) -> CheckColumn {
        CheckColumn::new(&column(column_type), &Session::Ours).unwrap()
    }

    #[test]
    fn instants_are_compared_by_their_seconds_where_the_clock_is_not_utc() {
        let user = Session::Users(std::sync::Arc::default());
        let check = CheckColumn::new(&column("timestamp"), &user).unwrap();
        assert_eq!(
            check.condition(Side::Above, "2024-10-27 00:30:00"),
            "`c` >= TIMESTAMP'2024-10-25 00:30:00' AND IFNULL(UNIX_TIMESTAMP(`c`), IF(`c` IS NULL, NULL, 0)) > 1729989000"
        );
        assert_eq!(check.condition(Side::UpTo, "0000-00-00 00:00:00").matches("AND").count(), 0);
        let wall = CheckColumn::new(&column("datetime"), &user).unwrap();
        assert_eq!(wall.condition(Side::Below, "2024-10-27 00:30:00"), "`c` < TIMESTAMP'2024-10-27 00:30:00'");
    }

    #[test]
    fn a_time_with_its_offset_is_an_instant() {
        assert_eq!(check("timestamp").checked("2024-10-27 02:30:00+01:00").unwrap(), "2024-10-27 01:30:00");
        assert!(check("datetime").checked("yesterday+01:00").is_err());
    }

    #[test]
    fn v83_text_columns_are_refused() {
        assert!(CheckColumn::new(&column("varchar"), &Session::Ours).is_err());
    }

    #[test]
    fn a_last_value_cannot_break_into_the_sql() {
        let id = check("int");
        assert!(id.checked("1 OR 1=1").is_err());
        let time = check("datetime");
        assert!(time.checked("yesterday").is_err());
        assert_eq!(time.checked("2024-01-01 10:00:00.5").unwrap(), "2024-01-01 10:00:00.5");
        assert_eq!(time.checked("2024-01-01").unwrap(), "2024-01-01 00:00:00");
    }

    #[test]
    fn values_are_compared_as_what_they_are() {
        let id = check("bigint");
        assert_eq!(id.compare("9", "11"), Some(Ordering::Less));
        assert_eq!(id.compare("18446744073709551614", "18446744073709551615"), Some(Ordering::Less));
        assert_eq!(check("decimal").compare("1.50", "1.5"), Some(Ordering::Equal));
        let time = check("datetime");
        assert_eq!(time.compare("2024-01-01 00:00:00", "2024-01-01 00:00:00.000000"), Some(Ordering::Equal));
        assert_eq!(time.compare("2024-01-01 00:00:01", "2024-01-01 00:00:00.5"), Some(Ordering::Greater));
    }
}
