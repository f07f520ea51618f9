//! Text as web servers log it: what could break a line is written as `\"`, `\\`, `\n` or `\xhh`.
//!
//! Source: Apache httpd 2.4, `ap_escape_logitem`; nginx `ngx_http_log_escape` (upper-case hexadecimal) and, for
//! `escape=json`, `ngx_escape_json`.

use std::borrow::Cow;

/// How a server escapes what could break a line, and what it writes for a value that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Apache's, and nginx's unless it is told otherwise; `-` for nothing.
    Default,
    /// nginx's `escape=json`: `\u00hh`; no character for nothing.
    Json,
}

/// Splits off a quoted field: `text` begins behind its opening quote. Gives what stands between the quotes, and the
/// text from the closing quote on; `None` if the field does not end. A quote behind an odd number of backslashes is
/// escaped.
pub(super) fn until_quote(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find('"')?;
        let before = text[..at].bytes().rev().take_while(|b| *b == b'\\').count();
        if before % 2 == 0 {
            return Some(text.split_at(at));
        }
        from = at + 1;
    }
}

impl Escapes {
    /// What stands for a value that the server does not know.
    pub(super) fn null(self) -> &'static str {
        match self {
            Self::Default => "-",
            Self::Json => "",
        }
    }

    /// Undoes the escapes of a field. A backslash that begins no escape stays.
    ///
    /// Where the bytes are not UTF-8 text, such as a TLS handshake sent to a plain port, the field stays as it was
    /// logged: nothing of it is lost, and a reader sees which bytes came.
    pub(super) fn undo(self, field: &str) -> Cow<'_, str> {
        if !field.contains('\\') {
            return Cow::Borrowed(field);
        }
        let mut bytes = Vec::with_capacity(field.len());
        let mut rest = field.as_bytes();
        while let Some(first) = rest.first() {
            let (byte, used) = self.escaped(rest).unwrap_or((*first, 1));
            bytes.push(byte);
            rest = &rest[used..];
        }
        String::from_utf8(bytes).map_or(Cow::Borrowed(field), Cow::Owned)
    }

    /// The byte that an escape at the beginning of `text` stands for, and the length of the escape.
    fn escaped(self, text: &[u8]) -> Option<(u8, usize)> {
        let (b'\\', behind) = text.split_first()? else { return None };
        Some(match (self, behind) {
            (_, [c @ (b'"' | b'\\'), ..]) => (*c, 2),
            (Self::Json, [b'/', ..]) => (b'/', 2),
            (_, [b'b', ..]) => (0x08, 2),
            (Self::Json, [b'f', ..]) => (0x0c, 2),
            (_, [b'n', ..]) => (b'\n', 2),
            (_, [b'r', ..]) => (b'\r', 2),
            (_, [b't', ..]) => (b'\t', 2),
            (Self::Default, [b'v', ..]) => (0x0b, 2),
            (Self::Default, [b'x', high, low, ..]) => (hex(*high)? << 4 | hex(*low)?, 4),
            (Self::Json, [b'u', b'0', b'0', high, low, ..]) => (hex(*high)? << 4 | hex(*low)?, 6),
            _ => return None,
        })
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_ends_at_its_own_quote() {
        assert_eq!(until_quote(r#"a \"b\" \\" rest"#), Some((r#"a \"b\" \\"#, "\" rest")));
        assert_eq!(until_quote(r#"""#), Some(("", "\"")));
        for text in ["open", r#"open\""#, r#"open\"#, ""] {
            assert_eq!(until_quote(text), None, "{text}");
        }
    }

    #[test]
    fn escapes_are_undone_where_the_result_is_text() {
        let undo = |text| Escapes::Default.undo(text);
        assert_eq!(undo(r#"\"\\\t\x41\xC3\xa9"#), "\"\\\tAé");
        assert_eq!(undo(r"C:\dir\xZZ\"), r"C:\dir\xZZ\");
        assert_eq!(undo(r"\x16\x03\x8b\\"), r"\x16\x03\x8b\\", "not UTF-8: as logged");
        assert_eq!(Escapes::Json.undo(r#"a\u0001\f\"\/é"#), "a\u{1}\u{c}\"/é");
    }
}
