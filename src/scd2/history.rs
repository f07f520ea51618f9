//! A history that somebody else kept, read as the events that made it: a row begins where it says, and what it says ends
//! where its end is, unless the next row of its key begins there. Pure.
//!
//! An end is the first moment after the row, or with a unit the last one in it. One that is missing, or lies at the end of
//! time, is open. A row that ends before it begins, or after the next one begins, has an operation that means nothing: such
//! a history is refused, or the row is set aside.

use super::args::{EndUnit, Input, Scd2Args};
use super::batch::END_OF_TIME;
use super::expressions::list;
use super::input::OPERATION;
use super::plan::find;
use super::sequence::{Sequence, moment};
use super::source::SourceColumn;
use super::template::Values;
use crate::error::{self, Result};
use crate::hiveserver2::quote;

/// The column that the events have and the history has not.
pub(super) fn operation(args: &Scd2Args) -> Option<SourceColumn> {
    let operation = SourceColumn { name: OPERATION.to_owned(), hive_type: "string".to_owned(), comment: String::new() };
    Some(operation).filter(|_| args.input == Input::History)
}

/// Refuses an end that cannot be compared with the sequence.
///
/// # Errors
/// Schema.
pub(super) fn check(args: &Scd2Args, history: &[SourceColumn], sequence: &Sequence) -> Result<()> {
    let Some(name) = &args.end_column else { return Ok(()) };
    let column = find(history, &args.source, name)?;
    let of_end = Sequence::of(&Scd2Args { sequence: name.clone(), ..args.clone() }, history)?;
    let is_counted = args.end_unit.is_none_or(|unit| (unit == EndUnit::One) == sequence.is_number());
    if of_end.types() == sequence.types() && is_counted {
        return Ok(());
    }
    let what = format!(
        "column {name} of table {} is {}, which does not end what begins in {}",
        args.source, column.hive_type, args.sequence
    );
    Err(error::schema(what).hint("give both one type, by a view over the history, and end-unit one that this type has"))
}

/// What the template of the events says of the columns.
pub(super) fn values(args: &Scd2Args, sequence: &Sequence) -> Values {
    let (from, end) = (&args.sequence, args.end_column.as_deref().unwrap_or_default());
    let columns = args.carried().filter(|name| !name.eq_ignore_ascii_case(from));
    let of_row = |name: &str| format!("h.{}", quote::name(name));
    let end = sequence.value("h.", end);
    let mut ends = after(args.end_unit, &end);
    if !sequence.is_number() {
        ends = format!("IF({end} >= {}, NULL, {ends})", moment(END_OF_TIME));
    }
    Values::from([
        ("history", quote::qualified(&args.source)),
        ("h_columns", list(columns, ", ", of_row)),
        ("h_keys", list(&args.keys, ", ", |name| of_row(name))),
        ("h_from", quote::name(from)),
        ("begins", sequence.value("h.", from)),
        ("ends", ends),
    ])
}

/// The first moment after an end.
fn after(unit: Option<EndUnit>, end: &str) -> String {
    let interval = match unit {
        None => return end.to_owned(),
        Some(EndUnit::One) => return format!("{end} + 1"),
        Some(EndUnit::Day) => "1 0:0:0",
        Some(EndUnit::Second) => "0 0:0:1",
        Some(EndUnit::Millisecond) => "0 0:0:0.001",
        Some(EndUnit::Microsecond) => "0 0:0:0.000001",
    };
    format!("{end} + INTERVAL '{interval}' DAY TO SECOND")
}
