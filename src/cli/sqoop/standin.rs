//! Stand-in until `format` brings these.

use crate::error::{self, Result};

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
/// Usage: nothing, or an escape that is none of these.
pub fn parse_delimiter(text: &str) -> Result<DelimiterArgument> {
    let plain = |delimiter| Ok(DelimiterArgument { delimiter, warning: None });
    let number = |digits: &str, radix| {
        let code = if digits.is_empty() { Some(0) } else { u32::from_str_radix(digits, radix).ok() };
        let delimiter = code.filter(|_| !digits.starts_with('+')).and_then(char::from_u32);
        delimiter.ok_or_else(|| bad(text, "is no number of that base"))
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
            _ => Err(bad(text, "is no known escape")),
        },
        _ => Err(bad(text, "is no known escape")),
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
            error::usage(format!("{text:?} has {what}, which is no escape of a java string"))
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

/// Stand-in for the names of codecs.
pub fn codec(text: &str) -> Result<crate::format::Compression> {
    use crate::format::Compression;
    let short = text.trim().rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match short.strip_suffix("codec").unwrap_or(&short) {
        "gzip" | "deflate" | "default" => Ok(Compression::Gzip),
        "snappy" => Ok(Compression::Snappy),
        "lz4" => Ok(Compression::Lz4),
        "zstd" | "zstandard" => Ok(Compression::Zstd),
        _ => Err(error::config(format!("there is no compression codec {text:?}")).hint("codecs are gzip")),
    }
}
