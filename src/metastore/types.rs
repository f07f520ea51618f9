//! Arrow types as Hive types; refuses what Hive cannot hold exactly (unsigned integers, intervals, 256-bit decimals).

use arrow_schema::{DataType, Field, Schema};

use super::Column;
use crate::error::{self, Result};

/// Largest precision of a Hive decimal.
const MAX_PRECISION: u8 = 38;

/// The columns of a table whose files have this schema.
///
/// Names become lower case, as Hive keeps them; the comment is taken from the field's metadata key `comment`.
///
/// # Errors
/// Schema: a type without an exact Hive counterpart, or two names that differ in case only.
pub fn columns(schema: &Schema) -> Result<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let name = field.name().to_lowercase();
        if columns.iter().any(|c| c.name == name) {
            return Err(error::schema(format!("two columns are called {name}"))
                .hint("hive ignores case in column names: rename one of them in the query"));
        }
        let hive_type = hive_type(field.data_type()).map_err(|e| e.context(format!("column {}", field.name())))?;
        columns.push(Column { name, hive_type, comment: field.metadata().get("comment").cloned() });
    }
    Ok(columns)
}

/// The Hive type that holds every value of `data_type`.
///
/// # Errors
/// Schema: there is none.
pub fn hive_type(data_type: &DataType) -> Result<String> {
    let name = match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "int".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float32 => "float".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "binary".to_owned()
        }
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(_, _) => "timestamp".to_owned(),
        DataType::Decimal128(precision, scale)
            if *precision <= MAX_PRECISION && u8::try_from(*scale).is_ok_and(|s| s <= *precision) =>
        {
            format!("decimal({precision},{scale})")
        }
        DataType::Dictionary(_, values) => hive_type(values)?,
        DataType::List(item) | DataType::LargeList(item) => format!("array<{}>", hive_type(item.data_type())?),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields.iter().map(|f| member(f)).collect::<Result<_>>()?;
            format!("struct<{}>", fields.join(","))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                format!("map<{},{}>", hive_type(fields[0].data_type())?, hive_type(fields[1].data_type())?)
            }
            other => return Err(error::schema(format!("map entries of type {other} are not key and value"))),
        },
        unsigned @ (DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64) => {
            return Err(error::schema(format!("hive has no type for the unsigned type {unsigned}"))
                .hint("widen it to the next signed type, uint64 to decimal(20,0)"));
        }
        other => return Err(error::schema(format!("hive has no type that holds every value of {other}"))),
    };
    Ok(name)
}

/// A field of a struct type.
fn member(field: &Field) -> Result<String> {
    Ok(format!("{}:{}", field.name().to_lowercase(), hive_type(field.data_type())?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::TimeUnit;

    use super::*;
    use crate::error::Kind;

    #[test]
    fn every_type_has_its_hive_name() {
        let text = || Arc::new(Field::new("item", DataType::Utf8, true));
        let entries = Field::new_struct(
            "entries",
            vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Int64, true)],
            false,
        );
        for (arrow, hive) in [
            (DataType::Boolean, "boolean"),
            (DataType::Int8, "tinyint"),
            (DataType::Int16, "smallint"),
            (DataType::Int32, "int"),
            (DataType::Int64, "bigint"),
            (DataType::Float32, "float"),
            (DataType::Float64, "double"),
            (DataType::Utf8, "string"),
            (DataType::Binary, "binary"),
            (DataType::Date32, "date"),
            (DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into())), "timestamp"),
            (DataType::Decimal128(10, 2), "decimal(10,2)"),
            (DataType::Decimal128(38, 38), "decimal(38,38)"),
            (DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), "string"),
            (DataType::List(text()), "array<string>"),
            (DataType::Struct(vec![Field::new("A", DataType::Int32, true)].into()), "struct<a:int>"),
            (DataType::Map(Arc::new(entries), false), "map<string,bigint>"),
        ] {
            assert_eq!(hive_type(&arrow).unwrap(), hive, "{arrow}");
        }
    }

    #[test]
    fn what_hive_cannot_hold_is_refused() {
        for arrow in [
            DataType::UInt8,
            DataType::UInt64,
            DataType::Decimal128(38, -2),
            DataType::Decimal128(3, 4),
            DataType::Decimal256(40, 0),
            DataType::Time64(TimeUnit::Microsecond),
            DataType::List(Arc::new(Field::new("item", DataType::UInt32, true))),
        ] {
            assert_eq!(hive_type(&arrow).unwrap_err().kind(), Kind::Schema, "{arrow}");
        }
    }

    #[test]
    fn columns_are_lower_case_and_carry_comments() {
        let note = std::collections::HashMap::from([("comment".to_owned(), "in euro".to_owned())]);
        let schema = Schema::new(vec![Field::new("Total", DataType::Decimal128(10, 2), true).with_metadata(note)]);
        let column = columns(&schema).unwrap().remove(0);
        assert_eq!(column.name, "total");
        assert_eq!(column.comment.as_deref(), Some("in euro"));

        let twice = Schema::new(vec![Field::new("a", DataType::Utf8, true), Field::new("A", DataType::Utf8, true)]);
        assert_eq!(columns(&twice).unwrap_err().kind(), Kind::Schema);
    }
}
