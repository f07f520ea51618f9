//! The text that replaces a match, as Java's `Matcher.replaceAll` takes it.

use crate::error::{self, Result};

/// The replacement as this library takes it, for an expression of so many groups.
///
/// In Java's, `$1` takes as many digits as make a group that is there, `${name}` a named one, and a backslash takes what
/// follows it as it is.
///
/// # Errors
/// Config: it names a group that is not there, or ends in the middle.
pub(super) fn translated(text: &str, groups: usize) -> Result<String> {
    let wrong = |why: &str| error::config(format!("replacement {text} {why}"));
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => push(&mut out, rest.next().ok_or_else(|| wrong("ends with a backslash"))?),
            '$' => match rest.next() {
                Some('{') => {
                    let name: String = rest.by_ref().take_while(|c| *c != '}').collect();
                    out.push_str(&format!("${{{name}}}"));
                }
                Some(digit) if digit.is_ascii_digit() => {
                    let mut group = digit as usize - '0' as usize;
                    if group > groups {
                        return Err(wrong(&format!("names group {group}, and the expression has {groups}")));
                    }
                    while let Some(more) = rest.peek().and_then(|c| c.to_digit(10)) {
                        let longer = group * 10 + more as usize;
                        if longer > groups {
                            break;
                        }
                        group = longer;
                        rest.next();
                    }
                    out.push_str(&format!("${{{group}}}"));
                }
                _ => return Err(wrong("has a $ without a group").hint("write \\$ for the character")),
            },
            c => push(&mut out, c),
        }
    }
    Ok(out)
}

/// A character that stands for itself.
fn push(out: &mut String, c: char) {
    if c == '$' {
        out.push('$');
    }
    out.push(c);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_characters_are_told_apart() {
        for (text, groups, wanted) in [
            ("", 0, ""),
            ("x", 0, "x"),
            ("$1-$2", 2, "${1}-${2}"),
            ("$12", 2, "${1}2"),
            ("$12", 12, "${12}"),
            ("${host}!", 1, "${host}!"),
            (r"\$1 \\", 1, r"$$1 \"),
        ] {
            assert_eq!(translated(text, groups).unwrap(), wanted, "{text}");
        }
        for bad in ["$2", "$", "$x", "\\"] {
            assert!(translated(bad, 1).is_err(), "{bad}");
        }
    }
}
