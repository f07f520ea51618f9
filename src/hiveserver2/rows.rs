//! Result rows: HiveServer2's columns with their bitmaps of NULLs, turned into rows of values.

use super::tcli_service::{TColumn, TColumnDesc, TRowSet, TTypeEntry, TTypeId, TTypeQualifierValue};
use crate::error::{self, Result};

/// One value of a result.
///
/// Types that Hive sends as text stay text, exactly as Hive writes them: STRING, CHAR, VARCHAR, DECIMAL, DATE,
/// TIMESTAMP, intervals and, as JSON, nested types.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL of any type.
    Null,
    /// BOOLEAN.
    Bool(bool),
    /// TINYINT to BIGINT.
    Int(i64),
    /// FLOAT and DOUBLE.
    Double(f64),
    /// Everything that Hive sends as text.
    Text(String),
    /// BINARY, and text that is not UTF-8.
    Bytes(Vec<u8>),
}

impl Value {
    /// The text of a text value; `None` for NULL and for other types.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number of an integer value; `None` for NULL and for other types.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Any value as text for people; `None` for NULL. Bytes that are not UTF-8 are replaced: data takes them as they are.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(value.to_string()),
            Self::Int(value) => Some(value.to_string()),
            Self::Double(value) => Some(value.to_string()),
            Self::Text(value) => Some(value.clone()),
            Self::Bytes(value) => Some(String::from_utf8_lossy(value).into_owned()),
        }
    }
}

/// One row, in the order of [`Rows::columns`].
pub type Row = Vec<Value>;

/// Name and Hive type of a result column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name, without the table's.
    pub name: String,
    /// The type as DDL writes it, such as `decimal(10,2)`; only the outer word for nested types.
    pub hive_type: String,
}

/// A whole result.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
}

impl Rows {
    /// The position of a column.
    ///
    /// # Errors
    /// Schema: there is no column of that name.
    pub fn index(&self, name: &str) -> Result<usize> {
        self.columns
            .iter()
            .position(|column| column.name == name)
            .ok_or_else(|| error::schema(format!("the result of the query has no column {name}")))
    }

    /// The text at a place; `None` for NULL and where there is no such row.
    ///
    /// # Errors
    /// Schema: there is no column of that name.
    pub fn text(&self, row: usize, column: &str) -> Result<Option<&str>> {
        let index = self.index(column)?;
        Ok(self.rows.get(row).and_then(|row| row.get(index)).and_then(Value::as_str))
    }

    /// The count at a place. A sum over no rows is NULL and means none.
    ///
    /// # Errors
    /// Schema: there is no column of that name.
    pub fn count(&self, row: usize, column: &str) -> Result<u64> {
        let index = self.index(column)?;
        let value = self.rows.get(row).and_then(|row| row.get(index)).and_then(Value::as_i64);
        Ok(value.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }
}

pub(super) fn column(desc: &TColumnDesc) -> Column {
    let hive_type = desc.type_desc.types.first().map_or_else(|| "void".to_owned(), hive_type);
    Column { name: desc.column_name.clone(), hive_type }
}

fn hive_type(entry: &TTypeEntry) -> String {
    match entry {
        TTypeEntry::PrimitiveEntry(entry) => {
            let number = |key: &str| {
                let value = entry.type_qualifiers.as_ref()?.qualifiers.get(key)?;
                match value {
                    TTypeQualifierValue::I32Value(number) => Some(*number),
                    TTypeQualifierValue::StringValue(_) => None,
                }
            };
            let name = type_name(entry.type_);
            match (number("precision"), number("scale"), number("characterMaximumLength")) {
                (Some(precision), Some(scale), _) => format!("{name}({precision},{scale})"),
                (_, _, Some(length)) => format!("{name}({length})"),
                _ => name.to_owned(),
            }
        }
        TTypeEntry::ArrayEntry(_) => "array".to_owned(),
        TTypeEntry::MapEntry(_) => "map".to_owned(),
        TTypeEntry::StructEntry(_) => "struct".to_owned(),
        TTypeEntry::UnionEntry(_) => "uniontype".to_owned(),
        TTypeEntry::UserDefinedTypeEntry(_) => "object".to_owned(),
    }
}

/// HiveQL's names of the protocol's type numbers.
fn type_name(id: TTypeId) -> &'static str {
    match id {
        TTypeId::BOOLEAN_TYPE => "boolean",
        TTypeId::TINYINT_TYPE => "tinyint",
        TTypeId::SMALLINT_TYPE => "smallint",
        TTypeId::INT_TYPE => "int",
        TTypeId::BIGINT_TYPE => "bigint",
        TTypeId::FLOAT_TYPE => "float",
        TTypeId::DOUBLE_TYPE => "double",
        TTypeId::STRING_TYPE => "string",
        TTypeId::TIMESTAMP_TYPE => "timestamp",
        TTypeId::BINARY_TYPE => "binary",
        TTypeId::ARRAY_TYPE => "array",
        TTypeId::MAP_TYPE => "map",
        TTypeId::STRUCT_TYPE => "struct",
        TTypeId::UNION_TYPE => "uniontype",
        TTypeId::DECIMAL_TYPE => "decimal",
        TTypeId::NULL_TYPE => "void",
        TTypeId::DATE_TYPE => "date",
        TTypeId::VARCHAR_TYPE => "varchar",
        TTypeId::CHAR_TYPE => "char",
        TTypeId::INTERVAL_YEAR_MONTH_TYPE => "interval_year_month",
        TTypeId::INTERVAL_DAY_TIME_TYPE => "interval_day_time",
        TTypeId::TIMESTAMPLOCALTZ_TYPE => "timestamp with local time zone",
        _ => "object",
    }
}

/// The rows of one answer.
///
/// # Errors
/// Data: columns of different lengths, or no columns where there should be some.
pub(super) fn decode(set: TRowSet, width: usize) -> Result<Vec<Row>> {
    let columns = set.columns.unwrap_or_default();
    let columns: Vec<Vec<Value>> = columns.into_iter().map(values).collect();
    let height = columns.first().map_or(0, Vec::len);
    if (columns.len() != width && !columns.is_empty()) || columns.iter().any(|column| column.len() != height) {
        return Err(error::data("hiveserver2 sent columns that do not fit each other"));
    }
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    Ok((0..height).map(|_| columns.iter_mut().filter_map(Iterator::next).collect()).collect())
}

fn values(column: TColumn) -> Vec<Value> {
    match column {
        TColumn::BoolVal(c) => with_nulls(c.values, &c.nulls, Value::Bool),
        TColumn::ByteVal(c) => with_nulls(c.values, &c.nulls, |v| Value::Int(v.into())),
        TColumn::I16Val(c) => with_nulls(c.values, &c.nulls, |v| Value::Int(v.into())),
        TColumn::I32Val(c) => with_nulls(c.values, &c.nulls, |v| Value::Int(v.into())),
        TColumn::I64Val(c) => with_nulls(c.values, &c.nulls, Value::Int),
        TColumn::DoubleVal(c) => with_nulls(c.values, &c.nulls, |v| Value::Double(v.into())),
        TColumn::StringVal(c) => with_nulls(c.values, &c.nulls, text),
        TColumn::BinaryVal(c) => with_nulls(c.values, &c.nulls, Value::Bytes),
    }
}

fn text(bytes: Vec<u8>) -> Value {
    String::from_utf8(bytes).map_or_else(|e| Value::Bytes(e.into_bytes()), Value::Text)
}

/// Bit `i`, lowest first, of the bitmap says that value `i` is NULL; the bitmap may end early.
fn with_nulls<T>(values: Vec<T>, nulls: &[u8], make: impl Fn(T) -> Value) -> Vec<Value> {
    let is_null = |i: usize| nulls.get(i / 8).is_some_and(|byte| byte >> (i % 8) & 1 == 1);
    values.into_iter().enumerate().map(|(i, value)| if is_null(i) { Value::Null } else { make(value) }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tcli_service::{TI32Column, TPrimitiveTypeEntry, TStringColumn, TTypeDesc, TTypeQualifiers};
    use super::*;

    fn set(columns: Vec<TColumn>) -> TRowSet {
        TRowSet { start_row_offset: 0, rows: Vec::new(), columns: Some(columns) }
    }

    fn ints(values: Vec<i32>, nulls: Vec<u8>) -> TColumn {
        TColumn::I32Val(TI32Column { values, nulls })
    }

    #[test]
    fn columns_become_rows_and_the_bitmap_may_be_short() {
        let texts: Vec<Vec<u8>> = (0..10).map(|i| format!("t{i}").into_bytes()).collect();
        let strings = TColumn::StringVal(TStringColumn { values: texts, nulls: vec![0b0000_0010, 0b10] });
        let rows = decode(set(vec![ints((0..10).collect(), vec![0b1]), strings]), 2).unwrap();
        assert_eq!(rows.len(), 10);
        assert_eq!(rows[0], [Value::Null, Value::Text("t0".into())]);
        assert_eq!(rows[1], [Value::Int(1), Value::Null]);
        assert_eq!(rows[9], [Value::Int(9), Value::Null]);
        assert_eq!(rows[8], [Value::Int(8), Value::Text("t8".into())]);
    }

    #[test]
    fn columns_of_different_lengths_are_refused() {
        assert!(decode(set(vec![ints(vec![1, 2], vec![]), ints(vec![1], vec![])]), 2).is_err());
        assert!(decode(set(vec![ints(vec![1, 2], vec![])]), 2).is_err());
        assert_eq!(decode(set(vec![]), 2).unwrap(), Vec::<Row>::new());
    }

    #[test]
    fn types_are_written_as_in_ddl() {
        let qualifiers = |pairs: &[(&str, i32)]| {
            let map = pairs.iter().map(|(k, v)| ((*k).to_owned(), TTypeQualifierValue::I32Value(*v))).collect();
            Some(TTypeQualifiers { qualifiers: map })
        };
        let desc = |id, type_qualifiers| TColumnDesc {
            column_name: "c".into(),
            type_desc: TTypeDesc {
                types: vec![TTypeEntry::PrimitiveEntry(TPrimitiveTypeEntry { type_: id, type_qualifiers })],
            },
            position: 1,
            comment: None,
        };
        let decimal = desc(TTypeId::DECIMAL_TYPE, qualifiers(&[("precision", 10), ("scale", 2)]));
        assert_eq!(column(&decimal).hive_type, "decimal(10,2)");
        let varchar = desc(TTypeId::VARCHAR_TYPE, qualifiers(&[("characterMaximumLength", 20)]));
        assert_eq!(column(&varchar).hive_type, "varchar(20)");
        assert_eq!(column(&desc(TTypeId::BIGINT_TYPE, None)).hive_type, "bigint");
    }
}
