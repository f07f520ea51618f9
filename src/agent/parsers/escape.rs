//! Text as web servers log it: what could break a line is written as `\"`, `\\`, `\n` or `\xhh`.
//!
//! Source: Apache httpd 2.4, `ap_escape_logitem`; nginx `ngx_http_log_escape` (upper-case hexadecimal).

use std::borrow::Cow;

/// Splits off a quoted field: `text` begins with its opening quote. Gives what stands between the quotes, and the
/// text behind them; `None` if the field does not end. A quote behind an odd number of backslashes is escaped.
pub(super) fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut from = 0;
    loop {
        let at = from + inner[from..].find('"')?;
        let before = inner[..at].bytes().rev().take_while(|b| *b == b'\\').count();
        if before % 2 == 0 {
            return Some((&inner[..at], &inner[at + 1..]));
        }
        from = at + 1;
    }
}

/// Undoes the escapes of a field. A backslash that begins no escape stays.
///
/// Where the bytes are not UTF-8 text, such as a TLS handshake sent to a plain port, the field stays as it was logged:
/// nothing of it is lost, and a reader sees which bytes came.
pub(super) fn unescape(field: &str) -> Cow<'_, str> {
    if !field.contains('\\') {
        return Cow::Borrowed(field);
    }
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let (byte, used) = match (*first, behind) {
            (b'\\', [c @ (b'"' | b'\\'), ..]) => (*c, 2),
            (b'\\', [b'b', ..]) => (0x08, 2),
            (b'\\', [b'n', ..]) => (b'\n', 2),
            (b'\\', [b'r', ..]) => (b'\r', 2),
            (b'\\', [b't', ..]) => (b'\t', 2),
            (b'\\', [b'v', ..]) => (0x0b, 2),
            (b'\\', [b'x', high, low, ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 4),
                _ => (b'\\', 1),
            },
            (byte, _) => (byte, 1),
        };
        bytes.push(byte);
        rest = &rest[used..];
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(field), Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_ends_at_its_own_quote() {
        assert_eq!(quoted(r#""a \"b\" \\" rest"#), Some((r#"a \"b\" \\"#, " rest")));
        assert_eq!(quoted(r#""""#), Some(("", "")));
        for text in [r#""open"#, r#""open\""#, r#""open\"#, "none", ""] {
            assert_eq!(quoted(text), None, "{text}");
        }
    }

    #[test]
    fn escapes_are_undone_where_the_result_is_text() {
        assert_eq!(unescape(r#"\"\\\t\x41\xC3\xa9"#), "\"\\\tAé");
        assert_eq!(unescape(r"C:\dir\xZZ\"), r"C:\dir\xZZ\");
        assert_eq!(unescape(r"\x16\x03\x8b\\"), r"\x16\x03\x8b\\", "not UTF-8: as logged");
    }
}
