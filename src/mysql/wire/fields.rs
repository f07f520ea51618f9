//! The columns of a result, as the server describes them.

use mysql_common::constants::{ColumnFlags, ColumnType};

use super::bytes::Bytes;
use super::fault::Fault;

pub use mysql_common::constants::ColumnType as FieldType;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// Name in the result.
    pub name: String,
    /// Type of the values on the wire.
    pub field_type: FieldType,
    /// Unsigned, not null, enum and so on.
    pub flags: ColumnFlags,
    /// Most bytes of a value as text.
    pub length: u32,
    /// Digits after the point or of the second; 31 for a float without.
    pub decimals: u8,
    /// Number of the collation; 63 for bytes.
    pub charset: u16,
    /// MariaDB's own name of the type (`uuid`, `inet6`, `point`) or of the format (`json`), where it has one.
    pub extended: Option<String>,
}

impl ResultColumn {
    /// Reads a column definition.
    pub(super) fn parse(payload: &[u8], extended: bool) -> Result<Self, Fault> {
        let mut rest = Bytes(payload);
        // Catalog, database, table as called, table.
        for _ in 0..4 {
            rest.string()?;
        }
        let name = String::from_utf8_lossy(rest.string()?).into_owned();
        rest.string()?;
        let extended = if extended { extended_name(rest.string()?)? } else { None };
        rest.length()?;
        let charset = u16::from_le_bytes(rest.array()?);
        let length = u32::from_le_bytes(rest.array()?);
        let field_type =
            ColumnType::try_from(rest.byte()?).map_err(|_| Fault::Protocol("a column of a type not known here"))?;
        let flags = ColumnFlags::from_bits_truncate(u16::from_le_bytes(rest.array()?));
        let decimals = rest.byte()?;
        Ok(Self { name, field_type, flags, length, decimals, charset, extended })
    }

    /// Whether integers are unsigned.
    pub fn is_unsigned(&self) -> bool {
        self.flags.contains(ColumnFlags::UNSIGNED_FLAG)
    }
}

/// The last name in MariaDB's list of (kind, name).
fn extended_name(list: &[u8]) -> Result<Option<String>, Fault> {
    let mut rest = Bytes(list);
    let mut name = None;
    while !rest.0.is_empty() {
        rest.byte()?;
        name = Some(String::from_utf8_lossy(rest.string()?).into_owned());
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_read_with_and_without_mariadbs_addition() {
        let head = b"\x03def\x04shop\x01t\x01t\x02no\x02no";
        let tail = b"\x0c\x2d\x00\x28\x00\x00\x00\xfd\x01\x10\x00\x00\x00";
        let plain = ResultColumn::parse(&[head.as_slice(), tail].concat(), false).unwrap();
        assert_eq!(
            (plain.name.as_str(), plain.field_type, plain.charset, plain.length),
            ("no", FieldType::MYSQL_TYPE_VAR_STRING, 45, 40)
        );
        assert!(plain.flags.contains(ColumnFlags::NOT_NULL_FLAG) && !plain.is_unsigned());
        let with = ResultColumn::parse(&[head.as_slice(), b"\x06\x00\x04uuid", tail].concat(), true).unwrap();
        assert_eq!(with.extended.as_deref(), Some("uuid"));
        assert_eq!(ResultColumn { extended: None, ..with }, plain);
        assert!(ResultColumn::parse(head, false).is_err());
    }
}
