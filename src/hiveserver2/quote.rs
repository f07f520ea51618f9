//! Names, texts and properties as HiveQL writes them, and as DESCRIBE writes them back. Every room that builds a statement
//! quotes here.
//!
//! Hive reads `\` in a text as the start of an escape, so quotes, backslashes and control characters are escaped. A
//! semicolon is escaped too: HiveServer2 takes one statement and does not mind, but Hive's shells cut there, and
//! statements are also printed for people. `${..}` is left alone, since our sessions switch substitution off.

/// A name between back quotes: a database, a table or a column.
pub fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A table with its database.
pub fn table(database: &str, table: &str) -> String {
    format!("{}.{}", name(database), name(table))
}

/// A table written as `database.table`.
pub fn qualified(table: &str) -> String {
    table.split('.').map(name).collect::<Vec<_>>().join(".")
}

/// A text between quotes.
pub fn text(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' | ';' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            // Four digits always: Hive reads `\0` and three octal digits as something else.
            c if c.is_ascii_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// A list of properties, as it stands inside `TBLPROPERTIES (..)`.
pub fn properties(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{} = {}", text(name), text(value)));
    pairs.collect::<Vec<_>>().join(", ")
}

/// A name or comment out of the answer to DESCRIBE, which Hive writes with Java's escapes.
pub fn described(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => plain.push('\r'),
            Some('b') => plain.push('\u{8}'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => {
                let digits: String = rest.by_ref().take(4).collect();
                plain.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            escaped => plain.extend(escaped),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_leave_their_quotes() {
        assert_eq!(name("a`b"), "`a``b`");
        assert_eq!(qualified("shop.date"), "`shop`.`date`");
        assert_eq!(table("shop", "a.b"), "`shop`.`a.b`");
        assert_eq!(text(r"it's \ here; and ${there}"), r"'it\'s \\ here\; and ${there}'");
        assert_eq!(text("a\r\n\t\0b\x1b"), r"'a\r\n\t\u0000b\u001b'");
        assert_eq!(described(r#"a\\b \"c\" \'\/ \n\t\r\b\f \u00e9\u0001"#), "a\\b \"c\" '/ \n\t\r\u{8}\u{c} é\u{1}");
        assert_eq!(properties(&[("a", "1"), ("it's", "2")]), r"'a' = '1', 'it\'s' = '2'");
    }
}
