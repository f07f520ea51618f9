//! The sequence: what orders the events of a key. Moments or whole numbers, and a tie-breaker where moments meet.
//!
//! In statements it is `sakia_seq`, and `sakia_tie` where there is a tie-breaker. Where it is compared with no help of
//! windows it is one text, which sorts as the sequence does. Refuses types that give no order, texts whose zone nobody
//! says, and local times of which there are none or two.

use super::args::Scd2Args;
use super::batch::END_OF_TIME;
use super::source::SourceColumn;
use crate::error::{self, Result};
use crate::hiveserver2::quote;

/// Digits of the greatest whole number that a sequence may be, so that ten to that many still is a decimal of Hive.
const MAX_DIGITS: usize = 37;
/// Characters of a moment's text, with nine digits behind the point.
pub(super) const MOMENT_WIDTH: usize = 29;

/// A column that orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A timestamp or a date.
    Moment,
    /// A text that is a moment on the clock of a zone.
    Text { zone: String },
    /// A whole number; its type in the dimension.
    Number { hive_type: String },
}

/// What orders the events of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    column: String,
    kind: Kind,
    tie: Option<(String, Kind)>,
}

impl Sequence {
    /// The sequence that `args` names, in `log`.
    ///
    /// # Errors
    /// Schema: a column is missing or gives no order. Config: a zone is missing, or there is nothing it is of.
    pub(super) fn of(args: &Scd2Args, log: &[SourceColumn]) -> Result<Self> {
        let column = super::plan::find(log, &args.source, &args.sequence)?;
        let kind = kind(args, column)?;
        let tie = args.tie_breaker.as_ref().map(|name| -> Result<_> {
            let column = super::plan::find(log, &args.source, name)?;
            match whole_number(&column.hive_type) {
                Some(hive_type) => Ok((column.name.clone(), Kind::Number { hive_type })),
                None => Err(cannot_order(args, column, "a tie-breaker is a whole number")),
            }
        });
        Ok(Self { column: args.sequence.clone(), kind, tie: tie.transpose()? })
    }

    /// Whether it is a whole number, so that time has no say in it.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Number { .. })
    }

    /// Whether there is a tie-breaker.
    pub(super) fn has_tie(&self) -> bool {
        self.tie.is_some()
    }

    /// What `column`, which may be the sequence or one of the same kind, says as a value of the sequence; `prefix` names
    /// the table. NULL where it says none.
    pub(super) fn value(&self, prefix: &str, column: &str) -> String {
        let name = format!("{prefix}{}", quote::name(column));
        match &self.kind {
            Kind::Moment => format!("CAST({name} AS timestamp)"),
            Kind::Text { zone } => moment_of_text(&name, zone),
            Kind::Number { hive_type } => format!("CAST({name} AS {hive_type})"),
        }
    }

    /// The sequence of an event, as `sakia_` columns.
    pub(super) fn of_event(&self) -> String {
        let tie = self
            .tie
            .as_ref()
            .map(|(name, kind)| format!(", CAST(e.{} AS {}) AS sakia_tie", quote::name(name), kind.hive_type()));
        format!("{} AS sakia_seq{}", self.value("e.", &self.column), tie.unwrap_or_default())
    }

    /// Whether an event has none.
    pub(super) fn is_missing(&self) -> String {
        let tie = self.tie.as_ref().map(|(name, _)| format!(" OR e.{} IS NULL", quote::name(name)));
        format!("{} IS NULL{}", self.value("e.", &self.column), tie.unwrap_or_default())
    }

    /// The column where it is compared with the bounds of a batch.
    pub(super) fn bounded(&self, prefix: &str) -> String {
        match self.kind {
            // As it is, so that Hive may leave out files by it.
            Kind::Moment => format!("{prefix}{}", quote::name(&self.column)),
            _ => self.value(prefix, &self.column),
        }
    }

    /// Whether an event comes before `until`; whole numbers are not cut into batches.
    pub(super) fn before(&self, prefix: &str, until: &str) -> String {
        if self.is_number() { "true".to_owned() } else { format!("{} < {}", self.bounded(prefix), moment(until)) }
    }

    /// Its columns, each with what `suffix` adds.
    pub(super) fn columns(&self, suffix: &str) -> Vec<String> {
        let names = ["sakia_seq", "sakia_tie"].into_iter().take(1 + usize::from(self.has_tie()));
        names.map(|name| format!("{name}{suffix}")).collect()
    }

    /// Its types, first that of the sequence itself.
    pub(super) fn types(&self) -> (&str, Option<&str>) {
        (self.kind.hive_type(), self.tie.as_ref().map(|(_, kind)| kind.hive_type()))
    }

    /// The value that stands for an open end.
    pub(super) fn end(&self) -> String {
        self.kind.end()
    }

    /// That of the tie-breaker.
    pub(super) fn tie_end(&self) -> String {
        self.tie.as_ref().map(|(_, kind)| kind.end()).unwrap_or_default()
    }

    /// A sequence as a text that sorts as it does.
    pub(super) fn text(&self, seq: &str, tie: &str) -> String {
        let first = self.kind.text(seq);
        self.tie.as_ref().map_or(first.clone(), |(_, kind)| format!("concat({first}, {})", kind.text(tie)))
    }

    /// That text of an event.
    pub(super) fn text_of_event(&self) -> String {
        let tie =
            self.tie.as_ref().map(|(name, kind)| format!("CAST(e.{} AS {})", quote::name(name), kind.hive_type()));
        self.text(&self.value("e.", &self.column), &tie.unwrap_or_default())
    }

    /// How many characters that has.
    pub(super) fn width(&self) -> usize {
        self.kind.width() + self.tie.as_ref().map_or(0, |(_, kind)| kind.width())
    }

    /// What such a text says, for people.
    pub(super) fn shown(&self, text: &str) -> String {
        let (first, tie) = text.split_at_checked(self.kind.width()).unwrap_or((text, ""));
        let number = |text: &str| {
            let (sign, digits) = text.split_at_checked(1).unwrap_or(("", ""));
            let value: i128 = digits.parse().unwrap_or(0);
            if sign == "0" { value - 10_i128.pow(37) } else { value }
        };
        let mut shown = if self.is_number() { number(first).to_string() } else { first.trim_end().to_owned() };
        if self.has_tie() {
            shown.push_str(&format!("/{}", number(tie)));
        }
        shown
    }
}

impl Kind {
    fn hive_type(&self) -> &str {
        match self {
            Self::Moment | Self::Text { .. } => "timestamp",
            Self::Number { hive_type } => hive_type,
        }
    }

    fn end(&self) -> String {
        match self {
            Self::Moment | Self::Text { .. } => moment(END_OF_TIME),
            Self::Number { hive_type } if hive_type == "bigint" => format!("{}L", i64::MAX),
            Self::Number { hive_type } => {
                let digits = precision(hive_type).unwrap_or(MAX_DIGITS);
                format!("CAST('{}' AS {hive_type})", "9".repeat(digits))
            }
        }
    }

    fn text(&self, value: &str) -> String {
        match self {
            Self::Moment | Self::Text { .. } => format!("rpad(CAST({value} AS string), {MOMENT_WIDTH}, ' ')"),
            // A sign that sorts, and as many digits always; below zero the distance from the least.
            Self::Number { .. } => format!(
                "concat(IF({value} < 0, '0', '1'), lpad(CAST(IF({value} < 0, \
                 CAST({value} AS decimal(38,0)) + CAST('1{}' AS decimal(38,0)), CAST({value} AS decimal(38,0))) \
                 AS string), {MAX_DIGITS}, '0'))",
                "0".repeat(MAX_DIGITS)
            ),
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Moment | Self::Text { .. } => MOMENT_WIDTH,
            Self::Number { .. } => 1 + MAX_DIGITS,
        }
    }
}

/// A moment as a literal.
pub(super) fn moment(text: &str) -> String {
    format!("TIMESTAMP {}", quote::text(text))
}

fn kind(args: &Scd2Args, column: &SourceColumn) -> Result<Kind> {
    let hive_type = column.hive_type.as_str();
    let is_text = hive_type == "string" || hive_type.starts_with("varchar(") || hive_type.starts_with("char(");
    match (&args.sequence_zone, whole_number(hive_type)) {
        (Some(zone), _) if is_text => Ok(Kind::Text { zone: zone.clone() }),
        (Some(_), _) => Err(error::config(format!(
            "sequence-zone is given, and column {} of table {} is {hive_type}, which has no zone",
            column.name, args.source
        ))
        .hint("leave sequence-zone out; it is for texts")),
        (None, Some(hive_type)) => Ok(Kind::Number { hive_type }),
        (None, None) if matches!(hive_type, "timestamp" | "date") => Ok(Kind::Moment),
        (None, None) if is_text => Err(error::schema(format!(
            "column {} of table {} is {hive_type}, and nobody says on which zone's clock",
            column.name, args.source
        ))
        .hint("set sequence-zone, such as sequence-zone = \"UTC\", or convert the column in a view over the log")),
        _ => Err(cannot_order(args, column, "not a timestamp, a date, a whole number or a text with its zone")),
    }
}

fn cannot_order(args: &Scd2Args, column: &SourceColumn, why: &str) -> error::Error {
    let SourceColumn { name, hive_type, .. } = column;
    error::schema(format!("column {name} of table {} is {hive_type}, which cannot order changes: {why}", args.source))
        .hint("convert it in a view over the log; a time with a zone is best converted to UTC")
}

/// The type that a dimension gives a whole number; `None` if it is not one.
fn whole_number(hive_type: &str) -> Option<String> {
    match hive_type {
        "tinyint" | "smallint" | "int" | "bigint" => Some("bigint".to_owned()),
        _ => precision(hive_type).filter(|digits| *digits <= MAX_DIGITS).map(|_| hive_type.to_owned()),
    }
}

/// Digits of a decimal without a fraction.
fn precision(hive_type: &str) -> Option<usize> {
    let (digits, scale) = hive_type.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    digits.trim().parse().ok().filter(|_| scale.trim() == "0")
}

/// A text as the moment in UTC that it is on the clock of `zone`. NULL where it is none: another form, a day or a time
/// of day that there is not, an hour that the clock leaves out, or one that it shows twice.
fn moment_of_text(name: &str, zone: &str) -> String {
    let is_utc = ["UTC", "Z", "GMT", "Etc/UTC"].iter().any(|utc| utc.eq_ignore_ascii_case(zone));
    let text = format!("CAST({name} AS string)");
    // A Z says what the option says.
    let (text, form) = if is_utc { (format!("regexp_replace({text}, 'Z$', '')"), "") } else { (text, "") };
    let form = quote::text(&format!(
        "^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}([.][0-9]{{1,9}})?{form}$"
    ));
    let local = format!("CAST(concat(substr({text}, 1, 10), ' ', substr({text}, 12)) AS timestamp)");
    let is_one = format!(
        "{text} RLIKE {form} AND substr(CAST({local} AS string), 1, 19) = \
         concat(substr({text}, 1, 10), ' ', substr({text}, 12, 8))"
    );
    if is_utc {
        return format!("IF({is_one}, {local}, CAST(NULL AS timestamp))");
    }
    let zone = quote::text(zone);
    let utc = format!("to_utc_timestamp({local}, {zone})");
    let shows = |moment: &str| format!("from_utc_timestamp({moment}, {zone})");
    format!(
        "IF({is_one} AND {} = {local} AND {} <> {local} AND {} <> {local}, {utc}, CAST(NULL AS timestamp))",
        shows(&utc),
        shows(&format!("{utc} + INTERVAL '1' HOUR")),
        shows(&format!("{utc} - INTERVAL '1' HOUR")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind as ErrorKind;

    fn sequence(more: &str, hive_type: &str) -> Result<Sequence> {
        let args: Scd2Args = toml::from_str(&format!(
            "source = 'a.log'\ntarget = 'a.dim'\nkeys = ['k']\nsequence = 'at'\ntracked = ['v']\n{more}"
        ))
        .unwrap();
        let column = |name: &str, hive_type: &str| SourceColumn {
            name: name.into(),
            hive_type: hive_type.into(),
            comment: String::new(),
        };
        Sequence::of(&args, &[column("at", hive_type), column("pos", "bigint"), column("text", "string")])
    }

    #[test]
    fn what_orders_has_an_order() {
        for (hive_type, of_dimension) in
            [("timestamp", "timestamp"), ("date", "timestamp"), ("int", "bigint"), ("decimal(20,0)", "decimal(20,0)")]
        {
            assert_eq!(sequence("", hive_type).unwrap().types(), (of_dimension, None));
        }
        for refused in ["string", "double", "decimal(10,2)", "decimal(38,0)", "timestamp with local time zone"] {
            assert_eq!(sequence("", refused).unwrap_err().kind(), ErrorKind::Schema, "{refused}");
        }
        assert_eq!(sequence("sequence-zone = 'UTC'", "varchar(26)").unwrap().types(), ("timestamp", None));
        assert_eq!(sequence("sequence-zone = 'UTC'", "timestamp").unwrap_err().kind(), ErrorKind::Config);
        let pair = sequence("tie-breaker = 'pos'", "timestamp").unwrap();
        assert_eq!(pair.types(), ("timestamp", Some("bigint")));
        assert_eq!(sequence("tie-breaker = 'text'", "timestamp").unwrap_err().kind(), ErrorKind::Schema);
    }

    #[test]
    fn texts_that_sort_say_what_they_stand_for() {
        let number = sequence("", "bigint").unwrap();
        let text = |sign: char, digits: i128| format!("{sign}{digits:037}");
        assert_eq!(number.shown(&text('1', 42)), "42");
        assert_eq!(number.shown(&text('0', 10_i128.pow(37) - 42)), "-42");
        let pair = sequence("tie-breaker = 'pos'", "timestamp").unwrap();
        let moment = format!("{:29}", "2020-01-01 00:00:00.5");
        assert_eq!(pair.shown(&format!("{moment}{}", text('1', 7))), "2020-01-01 00:00:00.5/7");
        assert_eq!((number.width(), pair.width()), (38, 67));
    }
}
