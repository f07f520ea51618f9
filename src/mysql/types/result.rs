//! The columns of a free-form query, as far as a result describes them.

use mysql_common::constants::ColumnFlags;

use super::Column;
use crate::mysql::wire::{FieldType, ResultColumn};

/// The number of the collation of bytes.
const BYTES: u16 = 63;

/// Most bytes of a character in the result: text is sent as utf8mb4.
const CHARACTER_BYTES: u32 = 4;

impl Column {
    /// The column behind a result's column. It may be NULL always: an outer join or an expression may make it so.
    pub fn of_result(result: &ResultColumn) -> Self {
        let kind = kind(result);
        let column_type = column_type(kind, result);
        let decimals = u64::from(result.decimals);
        let (precision, scale) = match kind {
            "decimal" => (Some(decimal_digits(result)), Some(decimals)),
            "bit" => (Some(result.length.into()), None),
            _ => (None, None),
        };
        let timed = matches!(kind, "time" | "datetime" | "timestamp");
        Self {
            name: result.name.clone(),
            data_type: kind.to_owned(),
            column_type,
            nullable: true,
            precision,
            scale,
            // 31 and more say that the server does not know: all digits that there can be.
            fraction_digits: timed.then_some(decimals.min(6)),
            ..Self::default()
        }
    }
}

/// The bytes as text: digits, and a place for the point and for the sign.
fn decimal_digits(result: &ResultColumn) -> u64 {
    let places = u32::from(result.decimals > 0) + u32::from(!result.is_unsigned());
    result.length.saturating_sub(places).max(result.decimals.into()).clamp(1, 65).into()
}

fn kind(result: &ResultColumn) -> &'static str {
    use FieldType::*;
    let text = result.charset != BYTES;
    match result.field_type {
        MYSQL_TYPE_TINY => "tinyint",
        MYSQL_TYPE_SHORT => "smallint",
        MYSQL_TYPE_INT24 => "mediumint",
        MYSQL_TYPE_LONG => "int",
        MYSQL_TYPE_LONGLONG => "bigint",
        MYSQL_TYPE_YEAR => "year",
        MYSQL_TYPE_BIT => "bit",
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => "decimal",
        MYSQL_TYPE_FLOAT => "float",
        MYSQL_TYPE_DOUBLE => "double",
        MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => "date",
        MYSQL_TYPE_DATETIME | MYSQL_TYPE_DATETIME2 => "datetime",
        MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_TIMESTAMP2 => "timestamp",
        MYSQL_TYPE_TIME | MYSQL_TYPE_TIME2 => "time",
        MYSQL_TYPE_JSON => "json",
        MYSQL_TYPE_GEOMETRY => "geometry",
        MYSQL_TYPE_VECTOR => "vector",
        MYSQL_TYPE_NULL => "null",
        MYSQL_TYPE_ENUM => "enum",
        MYSQL_TYPE_SET => "set",
        _ if result.flags.contains(ColumnFlags::ENUM_FLAG) => "enum",
        _ if result.flags.contains(ColumnFlags::SET_FLAG) => "set",
        MYSQL_TYPE_STRING | MYSQL_TYPE_VAR_STRING | MYSQL_TYPE_VARCHAR => match result.extended.as_deref() {
            Some("uuid") => "uuid",
            Some("inet4") => "inet4",
            Some("inet6") => "inet6",
            _ if result.field_type == MYSQL_TYPE_STRING => {
                if text {
                    "char"
                } else {
                    "binary"
                }
            }
            _ => {
                if text {
                    "varchar"
                } else {
                    "varbinary"
                }
            }
        },
        // What is left is a large object, whose length tells its kind.
        _ => large(result, text),
    }
}

fn large(result: &ResultColumn, text: bool) -> &'static str {
    if result.extended.as_deref() == Some("json") {
        return "json";
    }
    let per_character = if text { CHARACTER_BYTES } else { 1 };
    let kinds = match text {
        true => ["tinytext", "text", "mediumtext", "longtext"],
        false => ["tinyblob", "blob", "mediumblob", "longblob"],
    };
    let length = result.length / per_character;
    let limits = [0xff, 0xffff, 0xff_ffff];
    kinds[limits.iter().position(|limit| length <= *limit).unwrap_or(3)]
}

fn column_type(kind: &str, result: &ResultColumn) -> String {
    let unsigned = if result.is_unsigned() { " unsigned" } else { "" };
    match kind {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => format!("{kind}({}){unsigned}", result.length),
        "decimal" => format!("decimal({},{}){unsigned}", decimal_digits(result), result.decimals),
        "float" | "double" => format!("{kind}{unsigned}"),
        "bit" | "binary" | "varbinary" => format!("{kind}({})", result.length),
        "char" | "varchar" => format!("{kind}({})", result.length / CHARACTER_BYTES),
        "time" | "datetime" | "timestamp" if (1..=6).contains(&result.decimals) => {
            format!("{kind}({})", result.decimals)
        }
        kind => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(field_type: FieldType, length: u32, decimals: u8, charset: u16, flags: ColumnFlags) -> ResultColumn {
        ResultColumn { name: "x".into(), field_type, flags, length, decimals, charset, extended: None }
    }

    #[test]
    fn types_are_told_by_number_length_and_flags() {
        use FieldType::*;
        let (none, unsigned) = (ColumnFlags::empty(), ColumnFlags::UNSIGNED_FLAG);
        for (result, column_type) in [
            (result(MYSQL_TYPE_TINY, 1, 0, 63, none), "tinyint(1)"),
            (result(MYSQL_TYPE_LONGLONG, 20, 0, 63, unsigned), "bigint(20) unsigned"),
            (result(MYSQL_TYPE_NEWDECIMAL, 12, 3, 63, none), "decimal(10,3)"),
            (result(MYSQL_TYPE_NEWDECIMAL, 10, 0, 63, unsigned), "decimal(10,0) unsigned"),
            (result(MYSQL_TYPE_DATETIME, 26, 6, 63, none), "datetime(6)"),
            (result(MYSQL_TYPE_VAR_STRING, 160, 0, 45, none), "varchar(40)"),
            (result(MYSQL_TYPE_VAR_STRING, 40, 0, 63, none), "varbinary(40)"),
            (result(MYSQL_TYPE_STRING, 4, 0, 45, ColumnFlags::ENUM_FLAG), "enum"),
            (result(MYSQL_TYPE_BLOB, 1020, 0, 45, none), "tinytext"),
            (result(MYSQL_TYPE_BLOB, 262_140, 0, 45, none), "text"),
            (result(MYSQL_TYPE_BLOB, u32::MAX, 0, 45, none), "longtext"),
            (result(MYSQL_TYPE_BLOB, u32::MAX, 0, 63, none), "longblob"),
            (result(MYSQL_TYPE_BIT, 9, 0, 63, unsigned), "bit(9)"),
        ] {
            assert_eq!(Column::of_result(&result).column_type, column_type);
        }
        let uuid = ResultColumn { extended: Some("uuid".into()), ..result(MYSQL_TYPE_STRING, 36, 0, 45, none) };
        assert_eq!(Column::of_result(&uuid).data_type, "uuid");
    }
}
