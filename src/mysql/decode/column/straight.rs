//! Straight ways for the commonest columns: what a value is and where it goes is decided once a column instead of once a
//! value. All other pairs of carrier and layout go by [`ColumnDecoder::append_any`].

use super::{Append, Builder, Bytes, ColumnDecoder, Wrong, unfit};
use crate::mysql::decode::decimal::parse_decimal;
use crate::mysql::decode::scalar::{Layout, Scalar};
use crate::mysql::decode::time::Dated;
use crate::mysql::types::Carrier;

/// The way of a column's values.
pub(super) fn way(carrier: Carrier, layout: Layout) -> Append {
    match (carrier, layout) {
        (Carrier::Int8, Layout::I8) => int8,
        (Carrier::Int16, Layout::I16) => int16,
        (Carrier::Int32, Layout::I32) => int32,
        (Carrier::Int64, Layout::I64) => int64,
        (Carrier::Float, Layout::F32) => float,
        (Carrier::Double, Layout::F64) => double,
        (Carrier::Decimal { scale: 0, .. }, Layout::U64) => decimal_of_u64,
        (Carrier::Decimal { .. }, Layout::Bytes) => decimal,
        (Carrier::Text, Layout::Bytes) => text,
        (Carrier::Date, Layout::Dated { .. }) => date,
        (Carrier::DateTime | Carrier::Instant, Layout::Dated { .. }) => moment,
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
    let (Builder::Decimal(builder), Carrier::Decimal { scale, .. }) = (&mut column.builder, column.carrier) else {
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
