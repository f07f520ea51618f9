//! Straight ways for the commonest columns: what a value is and where it goes is decided once a column instead of once a
//! value. All other pairs of mapping and layout go by [`ColumnDecoder::append_any`].

use super::{Append, Builder, Bytes, ColumnDecoder, Wrong, unfit};
use crate::mysql::decode::decimal::parse_decimal;
use crate::mysql::decode::scalar::{Layout, Scalar};
use crate::mysql::decode::time::Dated;
use crate::mysql::types::Mapping;

/// The way of a column's values.
pub(super) fn way(mapping: Mapping, layout: Layout) -> Append {
    match (mapping, layout) {
        (Mapping::Int8, Layout::I8) => int8,
        (Mapping::Int16, Layout::I16) => int16,
        (Mapping::Int32, Layout::I32) => int32,
        (Mapping::Int64, Layout::I64) => int64,
        (Mapping::Float, Layout::F32) => float,
        (Mapping::Double, Layout::F64) => double,
        (Mapping::Decimal { scale: 0, .. }, Layout::U64) => decimal_of_u64,
        (Mapping::Decimal { .. }, Layout::Bytes) => decimal,
        (Mapping::Text, Layout::Bytes) => text,
        (Mapping::Date, Layout::Dated { .. }) => date,
        (Mapping::DateTime | Mapping::Instant, Layout::Dated { .. }) => moment,
        _ => ColumnDecoder::append_any,
    }
}

/// Numbers that lie in the row as they lie in the column.
macro_rules! as_they_lie {
    ($($name:ident: $builder:ident of $number:ty;)*) => {
        $(fn $name(column: &mut ColumnDecoder, rest: &mut Bytes<'_>) -> Result<(), Wrong> {
            let Builder::$builder(builder) = &mut column.builder else { return column.append_any(rest) };
            builder.append_value(<$number>::from_le_bytes(rest.array()?));
            Ok(())
        })*
    };
}

as_they_lie! {
    int8: Int8 of i8;
    int16: Int16 of i16;
    int32: Int32 of i32;
    int64: Int64 of i64;
    float: Float of f32;
    double: Double of f64;
}

fn decimal_of_u64(column: &mut ColumnDecoder, rest: &mut Bytes<'_>) -> Result<(), Wrong> {
    let Builder::Decimal(builder) = &mut column.builder else { return column.append_any(rest) };
    builder.append_value(u64::from_le_bytes(rest.array()?).into());
    Ok(())
}

fn decimal(column: &mut ColumnDecoder, rest: &mut Bytes<'_>) -> Result<(), Wrong> {
    let (Builder::Decimal(builder), Mapping::Decimal { scale, .. }) = (&mut column.builder, column.mapping) else {
        return column.append_any(rest);
    };
    let text = rest.string()?;
    builder.append_value(parse_decimal(text, scale).ok_or_else(|| unfit(Scalar::Bytes(text)))?);
    Ok(())
}

fn text(column: &mut ColumnDecoder, rest: &mut Bytes<'_>) -> Result<(), Wrong> {
    let Builder::RawText(builder) = &mut column.builder else { return column.append_any(rest) };
    builder.append_value(rest.string()?);
    Ok(())
}

fn date(column: &mut ColumnDecoder, rest: &mut Bytes<'_>) -> Result<(), Wrong> {
    let date = Dated::read(rest)?;
    column.append_date(date)
}

fn moment(column: &mut ColumnDecoder, rest: &mut Bytes<'_>) -> Result<(), Wrong> {
    let date = Dated::read(rest)?;
    column.append_moment(date)
}
