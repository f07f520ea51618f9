//! Names as Sqoop makes them for Avro: a column or table becomes a Java identifier that Avro takes.
//!
//! White space is left out, every other character that is not allowed becomes an underscore, a leading digit gets one
//! in front, and so does a Java keyword or a name that begins with one.

use std::collections::BTreeMap;

use crate::error::{self, Result};

const KEYWORDS: &[&str] = &[
    "abstract",
    "assert",
    "boolean",
    "break",
    "byte",
    "case",
    "catch",
    "char",
    "class",
    "const",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extends",
    "false",
    "final",
    "finally",
    "float",
    "for",
    "goto",
    "if",
    "implements",
    "import",
    "instanceof",
    "int",
    "interface",
    "long",
    "native",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "short",
    "static",
    "strictfp",
    "super",
    "switch",
    "synchronized",
    "this",
    "throw",
    "throws",
    "transient",
    "true",
    "try",
    "void",
    "volatile",
    "while",
];

/// The Avro name that Sqoop gives a column, or the record of a table. Letters of other alphabets stay, as they do in
/// Sqoop; Java's Avro takes them, the specification does not.
pub fn sqoop_name(name: &str) -> String {
    let mut clean = String::with_capacity(name.len() + 1);
    for c in name.chars().filter(|c| !c.is_whitespace()) {
        if clean.is_empty() && c.is_numeric() {
            clean.push('_');
        }
        clean.push(if c.is_alphanumeric() { c } else { '_' });
    }
    if name.starts_with('_') || KEYWORDS.contains(&clean.as_str()) {
        clean.insert(0, '_');
    }
    clean
}

/// The Avro names of all columns of a table, in their order.
///
/// # Errors
/// Schema: two columns would get the same name, or one is left without a name.
pub fn sqoop_names<'a>(columns: impl IntoIterator<Item = &'a str>) -> Result<Vec<String>> {
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    let mut names = Vec::new();
    for column in columns {
        let name = sqoop_name(column);
        if name.is_empty() {
            return Err(error::schema(format!("column {column:?} has no character that avro allows")));
        }
        if let Some(first) = taken.insert(name.clone(), column) {
            return Err(error::schema(format!("columns {first:?} and {column:?} both become {name} in avro"))
                .hint("leave one of them out with columns, rename it in a query, or write parquet"));
        }
        names.push(name);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sqoops() {
        for (raw, clean) in [
            ("cla ss", "_class"),
            ("class", "_class"),
            ("___", "____"),
            ("_class", "__class"),
            ("9isLegalInSql", "_9isLegalInSql"),
            ("_NAME", "__NAME"),
            ("TEST_A-V+R/O", "TEST_A_V_R_O"),
            ("ID$1", "ID_1"),
            ("ID1$", "ID1_"),
            ("DATA_#_COL0", "DATA___COL0"),
            ("_lead", "__lead"),
            ("a b", "ab"),
            ("1digit", "_1digit"),
            ("p-l/u$s", "p_l_u_s"),
            ("ünï", "ünï"),
            ("od d-names", "odd_names"),
        ] {
            assert_eq!(sqoop_name(raw), clean, "{raw}");
        }
    }

    #[test]
    fn two_columns_of_one_name_are_refused() {
        assert_eq!(sqoop_names(["a-b", "c"]).unwrap(), ["a_b", "c"]);
        let error = sqoop_names(["a-b", "x", "a b-", "a+b"]).unwrap_err().to_string();
        assert!(error.contains("\"a-b\" and \"a+b\" both become a_b"), "{error}");
        assert!(sqoop_names(["  "]).is_err());
    }
}
