//! Names and texts as parts of SQL.

/// A name in back quotes, as SQL text.
pub fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text in single quotes, as SQL text for a session without NO_BACKSLASH_ESCAPES.
pub fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_inside_are_doubled() {
        assert_eq!(quote("a`b"), "`a``b`");
        assert_eq!(quote_text(r"o'cl\ock"), r"'o''cl\\ock'");
    }
}
