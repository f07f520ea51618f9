//! Names and texts as parts of SQL.

/// A name in back quotes, as SQL text.
pub fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as SQL text that means the same in every sql_mode: a backslash is an escape in some only, so such a text, and
/// an empty one, goes as its bytes.
pub fn quote_text(text: &str) -> String {
    if text.is_empty() || text.contains('\\') {
        let digits: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        return format!("_utf8mb4 X'{digits}'");
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_inside_are_doubled() {
        assert_eq!(quote("a`b"), "`a``b`");
        assert_eq!(quote_text("o'clock"), "'o''clock'");
        assert_eq!(quote_text(r"a\'"), "_utf8mb4 X'615C27'");
        assert_eq!(quote_text(""), "_utf8mb4 X''");
    }
}
