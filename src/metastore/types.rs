//! Arrow types as Hive types; refuses what Hive cannot hold exactly (unsigned integers, intervals, 256-bit decimals).
//! In text files every value has a text, so that there a type without a counterpart becomes a wider one or a string.

use arrow_schema::{DataType, Field, Schema};

use super::evolve::is_widening;
use super::{Column, HiveStorage};
use crate::error::{self, Result};

/// Largest precision of a Hive decimal.
const MAX_PRECISION: u8 = 38;

/// The columns of a table whose files have this schema, the given ones in the place of those of their names.
///
/// # Errors
/// Those of [`columns`]. Config: a given column that is not there, or of a type that Hive would not read the files as.
pub fn table_columns(schema: &Schema, storage: &HiveStorage, given: &[Column]) -> Result<Vec<Column>> {
    let mut columns = named(schema, |field| match given.iter().find(|c| c.name.eq_ignore_ascii_case(field.name())) {
        Some(column) => given_type(field, storage, &column.hive_type),
        None if storage.is_text() => Ok(text_type(field.data_type())),
        None => hive_type(field.data_type()),
    })?;
    for wanted in given {
        match columns.iter_mut().find(|c| c.name == wanted.name.to_lowercase()) {
            Some(column) if wanted.comment.is_some() => column.comment.clone_from(&wanted.comment),
            Some(_) => {}
            None => {
                let Column { name, hive_type, .. } = wanted;
                return Err(error::config(format!("there is no column {name} to give the hive type {hive_type}"))
                    .hint("check the names in map-column-hive"));
            }
        }
    }
    Ok(columns)
}

/// The columns of a table whose files have this schema.
///
/// Names become lower case, as Hive keeps them; the comment is taken from the field's metadata key `comment`.
///
/// # Errors
/// Schema: a type without an exact Hive counterpart, or two names that differ in case only.
pub fn columns(schema: &Schema) -> Result<Vec<Column>> {
    named(schema, |field| hive_type(field.data_type()))
}

fn named(schema: &Schema, type_of: impl Fn(&Field) -> Result<String>) -> Result<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let name = field.name().to_lowercase();
        if columns.iter().any(|c| c.name == name) {
            return Err(error::schema(format!("two columns are called {name}"))
                .hint("hive ignores case in column names: rename one of them in the query"));
        }
        let hive_type = type_of(field).map_err(|e| e.context(format!("column {}", field.name())))?;
        columns.push(Column { name, hive_type, comment: field.metadata().get("comment").cloned() });
    }
    Ok(columns)
}

/// A type that was asked for, if Hive reads the files so.
fn given_type(field: &Field, storage: &HiveStorage, wanted: &str) -> Result<String> {
    let wanted: String = wanted.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    if !is_primitive(&wanted) {
        return Err(error::config(format!("{wanted:?} is not a hive type"))
            .hint("give a primitive type such as string, bigint or decimal(10,2)"));
    }
    let wanted = if wanted == "integer" { "int".to_owned() } else { wanted };
    if storage.is_text() {
        return Ok(wanted);
    }
    let own = hive_type(field.data_type())?;
    let is_string = |name: &str| name == "string" || name.starts_with("varchar(") || name.starts_with("char(");
    let fits = own == wanted
        || (is_string(&own) && is_string(&wanted))
        || (matches!(storage, HiveStorage::Parquet) && is_widening(&own, &wanted));
    if fits && (own == wanted || matches!(storage, HiveStorage::Parquet)) {
        return Ok(wanted);
    }
    Err(error::config(format!("hive does not read the {own} of these files as {wanted}"))
        .hint("change the type in the files with map-column-java, or write text files"))
}

/// Whether Hive's own conversion carries every value of the type `from` into `to` exactly.
pub fn carries(from: &str, to: &str) -> bool {
    let digits = |name: &str| {
        let (precision, scale) = name.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
        let (precision, scale): (u8, u8) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
        Some((precision.checked_sub(scale)?, scale))
    };
    let whole = |name: &str| match name {
        "tinyint" => Some((3, 0)),
        "smallint" => Some((5, 0)),
        "int" => Some((10, 0)),
        "bigint" => Some((19, 0)),
        other => digits(other),
    };
    from == to
        || is_widening(from, to)
        || (from == "float" && to == "double")
        || (to == "string" && is_primitive(from) && from != "binary")
        || matches!((whole(from), digits(to)), (Some(from), Some(to)) if from.0 <= to.0 && from.1 <= to.1)
}

fn is_primitive(name: &str) -> bool {
    const PLAIN: [&str; 14] = [
        "tinyint",
        "smallint",
        "int",
        "integer",
        "bigint",
        "float",
        "double",
        "boolean",
        "string",
        "binary",
        "date",
        "timestamp",
        "decimal",
        "timestampwithlocaltimezone",
    ];
    let numbers = |inside: &str, most: usize| {
        let all: Vec<_> = inside.split(',').map(str::parse::<u32>).collect();
        all.len() <= most && all.iter().all(Result::is_ok)
    };
    let inside = |kind: &str| name.strip_prefix(kind).and_then(|rest| rest.strip_suffix(')'));
    PLAIN.contains(&name)
        || inside("decimal(").is_some_and(|inside| numbers(inside, 2))
        || inside("varchar(").or_else(|| inside("char(")).is_some_and(|inside| numbers(inside, 1))
}

/// The Hive type of a column of text files.
pub fn text_type(data_type: &DataType) -> String {
    match data_type {
        DataType::UInt8 => "smallint".to_owned(),
        DataType::UInt16 => "int".to_owned(),
        DataType::UInt32 => "bigint".to_owned(),
        DataType::UInt64 => "decimal(20,0)".to_owned(),
        // Bytes are written as hexadecimal digits, lists and the like have no agreed text.
        other if other.is_nested() || other.is_binary() => "string".to_owned(),
        other => hive_type(other).unwrap_or_else(|_| "string".to_owned()),
    }
}

/// The Hive type that holds every value of `data_type`.
///
/// # Errors
/// Schema: no type of Hive does.
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

    fn text() -> HiveStorage {
        HiveStorage::Text { fields: ',', lines: '\n', escaped_by: None, null: None }
    }

    #[test]
    fn text_files_hold_every_type() {
        for (arrow, hive) in [
            (DataType::UInt64, "decimal(20,0)"),
            (DataType::Decimal256(65, 30), "string"),
            (DataType::Time64(TimeUnit::Microsecond), "string"),
            (DataType::Binary, "string"),
            (DataType::Date32, "date"),
        ] {
            assert_eq!(text_type(&arrow), hive, "{arrow}");
        }
    }

    #[test]
    fn wider_types_carry_narrower_ones() {
        for (from, to, fits) in [
            ("int", "bigint", true),
            ("bigint", "int", false),
            ("decimal(10,2)", "decimal(12,2)", true),
            ("decimal(10,2)", "decimal(10,3)", false),
            ("int", "decimal(10,0)", true),
            ("bigint", "decimal(18,0)", false),
            ("decimal(3,0)", "int", false),
            ("date", "string", true),
            ("binary", "string", false),
            ("string", "varchar(10)", false),
            ("double", "float", false),
            ("array<int>", "array<int>", true),
        ] {
            assert_eq!(carries(from, to), fits, "{from} as {to}");
        }
    }

    #[test]
    fn types_may_be_given_where_hive_reads_the_files_so() {
        let schema = Schema::new(vec![
            Field::new("Id", DataType::Int32, false),
            Field::new("total", DataType::Decimal128(10, 2), true),
        ]);
        let with = |storage: &HiveStorage, name: &str, hive_type: &str| {
            table_columns(&schema, storage, &[Column::new(name, hive_type)])
                .map(|columns| columns.into_iter().map(|c| c.hive_type).collect::<Vec<_>>())
        };
        let parquet = HiveStorage::Parquet;
        assert_eq!(with(&text(), "ID", "STRING").unwrap(), ["string", "decimal(10,2)"]);
        assert_eq!(with(&text(), "total", "DECIMAL(13, 5)").unwrap(), ["int", "decimal(13,5)"]);
        assert_eq!(with(&text(), "total", "VARCHAR(255)").unwrap(), ["int", "varchar(255)"]);
        assert_eq!(with(&parquet, "id", "bigint").unwrap(), ["bigint", "decimal(10,2)"]);
        for (storage, name, hive_type) in [
            (&text(), "nothing", "string"),
            (&text(), "id", "strin"),
            (&text(), "id", "decimal(1,2,3)"),
            (&parquet, "id", "string"),
            (&parquet, "total", "double"),
        ] {
            assert_eq!(with(storage, name, hive_type).unwrap_err().kind(), Kind::Config, "{name} {hive_type}");
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
