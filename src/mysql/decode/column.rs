//! The builder of one column, and the fast way from a row's bytes into it.

mod straight;

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder, Float32Builder, Float64Builder,
    Int8Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_schema::DataType;

use super::decimal::{parse_decimal, parse_wide, plain};
use super::scalar::{Layout, Scalar, bits};
use super::text;
use super::time::{Dated, Duration, no_date};
use super::{Wrong, unfit};
use crate::error::{self, Error};
use crate::mysql::session::ONE_OF_TWO;
use crate::mysql::types::{InvalidText, Mapping, TypeOptions, ZeroDates};
use crate::mysql::wire::{Bytes, Fault, ResultColumn};

/// Appends the next value of a row to a column.
type Append = fn(&mut ColumnDecoder, &mut Bytes<'_>) -> Result<(), Wrong>;

/// Decodes the values of one column.
pub(super) struct ColumnDecoder {
    append: Append,
    pub(super) mapping: Mapping,
    pub(super) layout: Layout,
    pub(super) digits: u8,
    pub(super) zero_dates: ZeroDates,
    invalid_text: InvalidText,
    pub(super) builder: Builder,
    /// How many dates that are not in the calendar became NULL.
    pub(super) no_dates: u64,
    /// Bytes of the values of the last batch, if they vary in length.
    last_bytes: usize,
    /// Whether instants come as seconds since 1970.
    seconds: bool,
}

/// The Arrow builder of a column.
pub(super) enum Builder {
    Boolean(BooleanBuilder),
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Decimal(Decimal128Builder),
    WideDecimal(Decimal256Builder),
    Float(Float32Builder),
    Double(Float64Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Text(StringBuilder),
    /// Text as it came, to be proved when the batch ends.
    RawText(BinaryBuilder),
    Binary(BinaryBuilder),
}

/// Runs an expression on the Arrow builder inside, whatever its type.
macro_rules! on_builder {
    ($self:expr, $builder:ident => $do:expr) => {
        match $self {
            Builder::Boolean($builder) => $do,
            Builder::Int8($builder) => $do,
            Builder::Int16($builder) => $do,
            Builder::Int32($builder) => $do,
            Builder::Int64($builder) => $do,
            Builder::Decimal($builder) => $do,
            Builder::WideDecimal($builder) => $do,
            Builder::Float($builder) => $do,
            Builder::Double($builder) => $do,
            Builder::Date($builder) => $do,
            Builder::Timestamp($builder) => $do,
            Builder::Text($builder) => $do,
            Builder::RawText($builder) => $do,
            Builder::Binary($builder) => $do,
        }
    };
}

impl Builder {
    fn new(mapping: Mapping, rows: usize, bytes: usize) -> Self {
        let data_type = mapping.data_type();
        match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            DataType::Int8 => Self::Int8(Int8Builder::with_capacity(rows)),
            DataType::Int16 => Self::Int16(Int16Builder::with_capacity(rows)),
            DataType::Int32 => Self::Int32(Int32Builder::with_capacity(rows)),
            DataType::Int64 => Self::Int64(Int64Builder::with_capacity(rows)),
            DataType::Decimal128(..) => Self::Decimal(Decimal128Builder::with_capacity(rows).with_data_type(data_type)),
            DataType::Decimal256(..) => {
                Self::WideDecimal(Decimal256Builder::with_capacity(rows).with_data_type(data_type))
            }
            DataType::Float32 => Self::Float(Float32Builder::with_capacity(rows)),
            DataType::Float64 => Self::Double(Float64Builder::with_capacity(rows)),
            DataType::Date32 => Self::Date(Date32Builder::with_capacity(rows)),
            DataType::Timestamp(..) => {
                Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(data_type))
            }
            DataType::Binary => Self::Binary(BinaryBuilder::with_capacity(rows, bytes)),
            DataType::Utf8 if mapping == Mapping::Text => Self::RawText(BinaryBuilder::with_capacity(rows, bytes)),
            // No mapping has another type.
            _ => Self::Text(StringBuilder::with_capacity(rows, bytes)),
        }
    }

    /// Bytes held by values whose length varies.
    fn varying_bytes(&self) -> usize {
        match self {
            Self::Text(b) => b.values_slice().len(),
            Self::RawText(b) | Self::Binary(b) => b.values_slice().len(),
            _ => 0,
        }
    }
}

impl ColumnDecoder {
    pub(super) fn new(mapping: Mapping, column: &ResultColumn, options: &TypeOptions) -> Self {
        let layout = Layout::of(column);
        let is_instant = matches!(mapping, Mapping::Instant | Mapping::EpochMillis);
        Self {
            append: straight::way(mapping, layout),
            mapping,
            layout,
            digits: if column.decimals > 6 { 6 } else { column.decimals },
            zero_dates: options.zero_dates,
            invalid_text: options.invalid_text,
            builder: Builder::new(mapping, 0, 0),
            no_dates: 0,
            last_bytes: 0,
            seconds: is_instant && !options.session.is_utc() && !matches!(layout, Layout::Dated { .. }),
        }
    }

    /// Makes room for a batch.
    pub(super) fn reserve(&mut self, rows: usize) {
        self.builder = Builder::new(self.mapping, rows, self.last_bytes);
    }

    #[inline]
    pub(super) fn append_null(&mut self) {
        on_builder!(&mut self.builder, b => b.append_null());
    }

    /// The values collected; there is room for as many rows again.
    ///
    /// # Errors
    /// Data: text that is not UTF-8; with the row of the batch.
    pub(super) fn finish(&mut self, rows: usize) -> Result<ArrayRef, (usize, Error)> {
        // A batch of large objects does not say what the next one will be like.
        self.last_bytes = self.builder.varying_bytes().min(1 << 20);
        let array: ArrayRef = match &mut self.builder {
            Builder::RawText(b) => Arc::new(text::proved(b.finish(), self.invalid_text)?),
            builder => on_builder!(builder, b => Arc::new(b.finish())),
        };
        self.reserve(rows);
        Ok(array)
    }

    /// Appends the next value of a row.
    #[inline]
    pub(super) fn append(&mut self, rest: &mut Bytes<'_>) -> Result<(), Wrong> {
        (self.append)(self, rest)
    }

    /// Appends a value in whatever way there is for it.
    fn append_any(&mut self, rest: &mut Bytes<'_>) -> Result<(), Wrong> {
        let layout = self.layout;
        match (&mut self.builder, self.mapping) {
            (Builder::Int8(b), Mapping::Int8) => b.append_value(integer(rest, layout)?),
            (Builder::Int16(b), Mapping::Int16) => b.append_value(integer(rest, layout)?),
            (Builder::Int32(b), Mapping::Int32) => b.append_value(integer(rest, layout)?),
            (Builder::Int64(b), Mapping::Int64) => b.append_value(integer(rest, layout)?),
            (Builder::Decimal(b), Mapping::Decimal { scale, .. }) => b.append_value(decimal(rest, layout, scale)?),
            (Builder::RawText(b), Mapping::Text) => b.append_value(bytes(rest, layout)?),
            (Builder::Date(_), Mapping::Date) => {
                let date = dated(rest, layout)?;
                self.append_date(date)?;
            }
            (_, Mapping::Instant | Mapping::EpochMillis) if self.seconds => {
                let micros = micros_of_seconds(rest, layout)?;
                self.append_instant(micros)?;
            }
            (Builder::Timestamp(_), Mapping::DateTime | Mapping::Instant) => {
                let date = dated(rest, layout)?;
                self.append_moment(date)?;
            }
            (Builder::Binary(b), Mapping::Binary) => b.append_value(bytes(rest, layout)?),
            _ => return self.append_rare(rest),
        }
        Ok(())
    }

    #[inline]
    fn append_date(&mut self, date: Dated) -> Result<(), Wrong> {
        match (&mut self.builder, date.days()) {
            (Builder::Date(b), Some(days)) if date.day_micros() == 0 => b.append_value(days),
            (Builder::Date(_), None) if date.day_micros() == 0 => return self.append_no_date(&date),
            _ => return Err(unfit(shown(date))),
        }
        Ok(())
    }

    #[inline]
    fn append_moment(&mut self, date: Dated) -> Result<(), Wrong> {
        match (&mut self.builder, date.epoch_micros()) {
            (Builder::Timestamp(b), Some(micros)) => b.append_value(micros),
            (Builder::Timestamp(_), None) => return self.append_no_date(&date),
            _ => return Err(unfit(shown(date))),
        }
        Ok(())
    }

    /// Appends an instant by its microseconds since 1970; 0 is the zero date, which is nothing else's number.
    fn append_instant(&mut self, micros: i128) -> Result<(), Wrong> {
        if micros == 0 {
            return self.append_no_date(&Dated::default());
        }
        if micros == i128::from(ONE_OF_TWO) * 1_000_000 {
            return Err(one_of_two());
        }
        let micros = i64::try_from(micros).map_err(|_| unfit(micros))?;
        match &mut self.builder {
            Builder::Timestamp(b) => b.append_value(micros),
            Builder::Int64(b) => b.append_value(micros.div_euclid(1000)),
            _ => return Err(unfit(micros)),
        }
        Ok(())
    }

    fn append_rare(&mut self, rest: &mut Bytes<'_>) -> Result<(), Wrong> {
        let layout = self.layout;
        match (&mut self.builder, self.mapping) {
            (Builder::Boolean(b), Mapping::Boolean) => b.append_value(whole(rest, layout)? != 0),
            (Builder::Int64(b), Mapping::Bits) => b.append_value(integer(rest, layout)?),
            (Builder::Decimal(b), Mapping::WideBits) => b.append_value(whole(rest, layout)?),
            (Builder::WideDecimal(b), Mapping::WideDecimal { scale, .. }) => {
                let text = bytes(rest, layout)?;
                b.append_value(parse_wide(text, scale).ok_or_else(|| unfit(Scalar::Bytes(text)))?);
            }
            (Builder::Text(b), Mapping::DecimalText) => {
                let (sign, digits) = plain(bytes(rest, layout)?)?;
                write(b, |b| b.write_str(sign).and_then(|()| b.write_str(digits)));
            }
            (Builder::Text(b), Mapping::DateText { digits, timed }) => {
                let date = dated(rest, layout)?;
                write(b, |b| date.write(timed, digits, b));
            }
            (Builder::Text(b), Mapping::Time { digits }) => {
                let time = duration(rest, layout)?;
                write(b, |b| time.write(digits, b));
            }
            (Builder::Int64(b), Mapping::EpochMillis) => {
                let date = dated(rest, layout)?;
                match date.epoch_micros() {
                    Some(micros) => b.append_value(micros.div_euclid(1000)),
                    None => return self.append_no_date(&date),
                }
            }
            (Builder::Int64(b), Mapping::TimeMillis) => {
                b.append_value(duration(rest, layout)?.total_micros().div_euclid(1000));
            }
            (_, mapping) => {
                let value = Scalar::read(rest, layout, self.digits)?;
                return match mapping {
                    Mapping::As(..) => self.append_converted(value),
                    _ => Err(unfit(value)),
                };
            }
        }
        Ok(())
    }

    /// Treats a date that is not in the calendar as the policy says.
    pub(super) fn append_no_date(&mut self, date: &Dated) -> Result<(), Wrong> {
        match self.zero_dates {
            ZeroDates::Null => {
                self.no_dates += 1;
                self.append_null();
            }
            ZeroDates::Error | ZeroDates::Text => return Err(Box::new(no_date(date))),
        }
        Ok(())
    }
}

impl From<Fault> for Wrong {
    #[cold]
    fn from(fault: Fault) -> Self {
        Box::new(match fault {
            Fault::Protocol(what) => error::refused(what),
            _ => error::bug("a row's bytes have a fault that only a connection has"),
        })
    }
}

/// Writes a text piece by piece; a builder takes all of them.
pub(super) fn write(builder: &mut StringBuilder, text: impl FnOnce(&mut StringBuilder) -> std::fmt::Result) {
    // Writing into memory does not fail.
    let _ = text(builder);
    builder.append_value("");
}

fn shown(date: Dated) -> Scalar<'static> {
    Scalar::Dated { date, timed: true, digits: 6 }
}

#[inline]
fn integer<T: TryFrom<i64> + TryFrom<u64>>(rest: &mut Bytes<'_>, layout: Layout) -> Result<T, Wrong> {
    let signed: i64 = match layout {
        Layout::I8 => i8::from_le_bytes(rest.array()?).into(),
        Layout::U8 => rest.byte()?.into(),
        Layout::I16 => i16::from_le_bytes(rest.array()?).into(),
        Layout::U16 => u16::from_le_bytes(rest.array()?).into(),
        Layout::I32 => i32::from_le_bytes(rest.array()?).into(),
        Layout::U32 => u32::from_le_bytes(rest.array()?).into(),
        Layout::I64 => i64::from_le_bytes(rest.array()?),
        Layout::U64 => {
            let number = u64::from_le_bytes(rest.array()?);
            return T::try_from(number).map_err(|_| unfit(number));
        }
        Layout::Bits => {
            let bytes = rest.string()?;
            let number = bits(bytes).ok_or_else(|| unfit(Scalar::Bytes(bytes)))?;
            return T::try_from(number).map_err(|_| unfit(number));
        }
        other => return Err(unfit(Scalar::read(rest, other, 6)?)),
    };
    T::try_from(signed).map_err(|_| unfit(signed))
}

/// A whole number of any size that there is.
fn whole(rest: &mut Bytes<'_>, layout: Layout) -> Result<i128, Wrong> {
    match Scalar::read(rest, layout, 6)? {
        Scalar::Int(number) => Ok(number.into()),
        Scalar::UInt(number) => Ok(number.into()),
        other => Err(unfit(other)),
    }
}

#[inline]
fn decimal(rest: &mut Bytes<'_>, layout: Layout, scale: u8) -> Result<i128, Wrong> {
    match layout {
        Layout::Bytes => {
            let text = rest.string()?;
            parse_decimal(text, scale).ok_or_else(|| unfit(Scalar::Bytes(text)))
        }
        Layout::U64 if scale == 0 => Ok(u64::from_le_bytes(rest.array()?).into()),
        _ if scale == 0 => whole(rest, layout),
        other => Err(unfit(Scalar::read(rest, other, 6)?)),
    }
}

/// What to say of an instant in the hour that the clock goes through twice.
#[cold]
fn one_of_two() -> Wrong {
    let what = "the clock of the session shows this time twice, and the server does not say which of the two it is";
    Box::new(error::data(what).hint(
        "read in UTC with connectionTimeZone=UTC&forceConnectionTimeZoneToSession=true in the url, or read the table itself",
    ))
}

/// Seconds since 1970, whole or with a fraction, in microseconds.
fn micros_of_seconds(rest: &mut Bytes<'_>, layout: Layout) -> Result<i128, Wrong> {
    match layout {
        Layout::Bytes => decimal(rest, layout, 6),
        layout => Ok(whole(rest, layout)? * 1_000_000),
    }
}

#[inline]
fn bytes<'a>(rest: &mut Bytes<'a>, layout: Layout) -> Result<&'a [u8], Wrong> {
    match layout {
        Layout::Bytes | Layout::Bits => Ok(rest.string()?),
        other => Err(unfit(Scalar::read(rest, other, 6)?)),
    }
}

#[inline]
fn dated(rest: &mut Bytes<'_>, layout: Layout) -> Result<Dated, Wrong> {
    match layout {
        Layout::Dated { .. } => Ok(Dated::read(rest)?),
        Layout::Bytes => {
            let text = rest.string()?;
            Dated::parse(text).ok_or_else(|| unfit(Scalar::Bytes(text)))
        }
        other => Err(unfit(Scalar::read(rest, other, 6)?)),
    }
}

fn duration(rest: &mut Bytes<'_>, layout: Layout) -> Result<Duration, Wrong> {
    match layout {
        Layout::Duration => Ok(Duration::read(rest)?),
        Layout::Bytes => {
            let text = rest.string()?;
            Duration::parse(text).ok_or_else(|| unfit(Scalar::Bytes(text)))
        }
        other => Err(unfit(Scalar::read(rest, other, 6)?)),
    }
}
