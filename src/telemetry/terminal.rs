//! Text from elsewhere on its way to a terminal: data, names and error texts may hold characters that a terminal obeys.

use std::borrow::Cow;

/// Writes characters that a terminal might obey as `\u001b` and the like, which is also how JSON writes them: control
/// characters but line feed and tab, and those that turn the direction of writing.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_obeyed(c) {
            shown.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn is_obeyed(c: char) -> bool {
    let directs = matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    directs || (c.is_control() && !matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        assert_eq!(harmless("a\x1b[31m\u{9b}2J\x07\x7f\r\u{202e}b"), r"a\u001b[31m\u009b2J\u0007\u007f\u000d\u202eb");
        for text in ["", "plain é ä 日本\n\tnext", r"a \u001b that is text"] {
            assert!(matches!(harmless(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn json_stays_json_of_the_same_value() {
        let value = serde_json::json!({ "path": "/\u{1b}]0;x\u{7}\u{9b}\u{7f}\u{202e}" });
        let text = serde_json::to_string_pretty(&value).unwrap();
        assert_ne!(harmless(&text), text);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&harmless(&text)).unwrap(), value);
    }
}
