//! Delimiters of text files and the ways Sqoop lets users write them.
//!
//! Source: Sqoop 1.4.7 user guide, "Large Objects" and "Output line formatting arguments"; behaviour as of its tests.

use serde::{Deserialize, Serialize};

use crate::error::{self, Result};

/// What stands between and around the fields of a text file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Delimiters {
    /// Between two fields.
    pub fields: char,
    /// Behind each record.
    pub lines: char,
    /// Around a field, if set.
    pub enclosed_by: Option<char>,
    /// Encloses only fields that hold a delimiter.
    pub enclose_optionally: bool,
    /// In front of a character that would otherwise mean something, if set.
    pub escaped_by: Option<char>,
}

impl Default for Delimiters {
    /// Sqoop's: commas and line feeds, nothing enclosed or escaped.
    fn default() -> Self {
        Self { fields: ',', lines: '\n', enclosed_by: None, enclose_optionally: false, escaped_by: None }
    }
}

impl Delimiters {
    /// `--mysql-delimiters`: commas, line feeds, backslash, and a single quote where it is needed.
    pub fn mysql() -> Self {
        Self { enclosed_by: Some('\''), enclose_optionally: true, escaped_by: Some('\\'), ..Self::default() }
    }

    /// What a Hive text table has when nothing is said: ^A and line feeds.
    pub fn hive() -> Self {
        Self { fields: '\u{1}', ..Self::default() }
    }

    /// Checks that no character has two meanings, and drops the NUL that means "none".
    ///
    /// # Errors
    /// Config: two of them are the same.
    pub fn checked(mut self) -> Result<Self> {
        self.enclosed_by = self.enclosed_by.filter(|c| *c != '\0');
        self.escaped_by = self.escaped_by.filter(|c| *c != '\0');
        let named = [
            ("fields-terminated-by", Some(self.fields)),
            ("lines-terminated-by", Some(self.lines)),
            ("enclosed-by", self.enclosed_by),
            ("escaped-by", self.escaped_by),
        ];
        for (at, (name, delimiter)) in named.iter().enumerate() {
            let twin = named[..at].iter().find(|(_, other)| delimiter.is_some() && other == delimiter);
            if let Some((twin, _)) = twin {
                return Err(error::config(format!("{twin} and {name} are the same character {delimiter:?}"))
                    .hint("give each delimiter a character of its own"));
            }
        }
        Ok(self)
    }

    /// Whether a record may go on in the next line, so that a file cannot be cut into ranges at line ends.
    pub fn may_span_lines(&self) -> bool {
        self.enclosed_by.is_some() || self.escaped_by.is_some()
    }
}

/// A delimiter as it was typed, and what the user should hear about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelimiterArgument {
    /// The character meant.
    pub delimiter: char,
    /// A note: more was typed than is used.
    pub warning: Option<String>,
}

/// Reads a delimiter as Sqoop's options take it: one character, `\b \n \r \t \" \' \\`, `\0` for NUL, `\0ooo` octal,
/// `\0xhhh` hexadecimal. Of several characters the first is taken, with a warning.
///
/// # Errors
/// Usage: nothing, or another escape.
pub fn parse_delimiter(text: &str) -> Result<DelimiterArgument> {
    let plain = |delimiter| Ok(DelimiterArgument { delimiter, warning: None });
    let number = |digits: &str, radix| {
        let code = if digits.is_empty() { Some(0) } else { u32::from_str_radix(digits, radix).ok() };
        let delimiter = code.filter(|_| !digits.starts_with('+')).and_then(char::from_u32);
        delimiter.ok_or_else(|| bad(text, "is not a number of that base"))
    };
    if let Some(digits) = text.strip_prefix("\\0x").or_else(|| text.strip_prefix("\\0X")) {
        return plain(number(digits, 16)?);
    }
    if let Some(digits) = text.strip_prefix("\\0") {
        return plain(number(digits, 8)?);
    }
    let mut chars = text.chars();
    let first = chars.next().ok_or_else(|| bad(text, "is empty"))?;
    if first != '\\' {
        let warning = chars.next().map(|_| format!("delimiter {text:?} has several characters: {first:?} is used"));
        return Ok(DelimiterArgument { delimiter: first, warning });
    }
    match (chars.next(), chars.next()) {
        (None, _) => plain('\\'),
        (Some(escaped), None) => match escaped {
            'b' => plain('\u{8}'),
            'n' => plain('\n'),
            'r' => plain('\r'),
            't' => plain('\t'),
            '"' | '\'' | '\\' => plain(escaped),
            _ => Err(bad(text, "is not a known escape")),
        },
        _ => Err(bad(text, "is not a known escape")),
    }
}

fn bad(text: &str, why: &str) -> crate::error::Error {
    error::usage(format!("delimiter {text:?} {why}")).hint(
        "a delimiter is one character, or one of \\b \\n \\r \\t \\\" \\' \\\\ \\0 \\0ooo (octal) \\0xhh (hexadecimal)",
    )
}

/// Reads a null string as Sqoop takes it: pasted into a Java program, so that users write `\\N` for `\N`. A single
/// `\N`, which Java refuses, is taken as it stands.
///
/// # Errors
/// Usage: an escape that Java does not know.
pub fn unescape_java(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let wrong = |what: &str| {
            error::usage(format!("{text:?} has {what}, which is not an escape of a java string"))
                .hint("write a backslash as \\\\, for example '\\\\N' for hive's null")
        };
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('f') => out.push('\u{c}'),
            Some('r') => out.push('\r'),
            Some('s') => out.push(' '),
            Some(same @ ('"' | '\'' | '\\')) => out.push(same),
            Some('N') => out.push_str("\\N"),
            Some('u') => {
                while chars.next_if_eq(&'u').is_some() {}
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                out.push(code.and_then(char::from_u32).ok_or_else(|| wrong("a broken \\u"))?);
            }
            Some(first @ '0'..='7') => {
                let mut code = first as u32 - '0' as u32;
                let most = if first <= '3' { 2 } else { 1 };
                for _ in 0..most {
                    let Some(digit) = chars.next_if(|c| ('0'..='7').contains(c)) else { break };
                    code = code * 8 + (digit as u32 - '0' as u32);
                }
                out.extend(char::from_u32(code));
            }
            Some(other) => return Err(wrong(&format!("\\{other}"))),
            None => return Err(wrong("a backslash at its end")),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn arguments_are_read_as_sqoop_reads_them() {
        let of = |text: &str| parse_delimiter(text).unwrap().delimiter;
        assert_eq!((of("a"), of("   "), of("xyz")), ('a', ' ', 'x'));
        assert!(parse_delimiter("xyz").unwrap().warning.is_some());
        assert_eq!(parse_delimiter("a").unwrap().warning, None);
        assert_eq!((of("\\0xf"), of("\\0Xf0")), ('\u{f}', '\u{f0}'));
        assert_eq!((of("\\04"), of("\\045")), ('\u{4}', '%'));
        assert!(["\\0", "\\00", "\\0000", "\\0x0"].iter().all(|text| of(text) == '\0'));
        assert_eq!((of("\\n"), of("\\t"), of("\\b"), of("\\r")), ('\n', '\t', '\u{8}', '\r'));
        assert_eq!((of("\\\\"), of("\\"), of("\\'"), of("\\\"")), ('\\', '\\', '\'', '"'));
        for text in ["\\Q", "\\nn", "", "\\095", "\\0x9K5"] {
            assert_eq!(parse_delimiter(text).unwrap_err().kind(), Kind::Usage, "{text}");
        }
    }

    #[test]
    fn null_strings_are_java_literals() {
        let of = |text: &str| unescape_java(text).unwrap();
        assert_eq!(
            (of("\\\\N"), of("\\N"), of("null"), of("")),
            ("\\N".into(), "\\N".into(), "null".into(), "".into())
        );
        assert_eq!((of("a\\tb"), of("\\u0041"), of("\\101\\7z")), ("a\tb".into(), "A".into(), "A\u{7}z".into()));
        assert!(unescape_java("\\q").is_err());
        assert!(unescape_java("x\\").is_err());
        assert!(unescape_java("\\u12").is_err());
    }

    #[test]
    fn a_character_means_one_thing() {
        let twice = Delimiters { escaped_by: Some(','), ..Delimiters::default() };
        assert_eq!(twice.checked().unwrap_err().kind(), Kind::Config);
        let none = Delimiters { escaped_by: Some('\0'), enclosed_by: Some('\0'), ..Delimiters::default() };
        assert_eq!(none.checked().unwrap(), Delimiters::default());
        assert!(Delimiters::mysql().checked().is_ok() && Delimiters::hive().checked().is_ok());
    }
}
