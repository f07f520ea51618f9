//! Hadoop's path patterns: `*`, `?`, `[a-z]`, `[^a]`, `{a,b}`; a pattern never reaches over a slash.

/// Whether a path component has a pattern in it.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// Whether a name matches a pattern.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    alternatives(pattern).iter().any(|p| {
        let pattern: Vec<char> = p.chars().collect();
        let name: Vec<char> = name.chars().collect();
        plain(&pattern, &name)
    })
}

/// The patterns that the braces of one stand for; without a closing brace, the pattern as it is.
fn alternatives(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else { return vec![pattern.to_owned()] };
    let Some((choices, after)) = rest.split_once('}') else { return vec![pattern.to_owned()] };
    choices.split(',').flat_map(|choice| alternatives(&format!("{before}{choice}{after}"))).collect()
}

fn plain(pattern: &[char], name: &[char]) -> bool {
    match pattern {
        [] => name.is_empty(),
        ['*', rest @ ..] => (0..=name.len()).any(|skip| plain(rest, &name[skip..])),
        ['?', rest @ ..] => !name.is_empty() && plain(rest, &name[1..]),
        ['[', rest @ ..] => match (rest.iter().position(|c| *c == ']'), name) {
            (Some(end), [first, others @ ..]) => in_class(&rest[..end], *first) && plain(&rest[end + 1..], others),
            (None, [first, others @ ..]) => *first == '[' && plain(rest, others),
            (_, []) => false,
        },
        ['\\', escaped, rest @ ..] => name.first() == Some(escaped) && plain(rest, &name[1..]),
        [c, rest @ ..] => name.first() == Some(c) && plain(rest, &name[1..]),
    }
}

fn in_class(class: &[char], c: char) -> bool {
    let (negated, mut class) = match class {
        ['^' | '!', rest @ ..] => (true, rest),
        class => (false, class),
    };
    let mut found = false;
    while let [first, rest @ ..] = class {
        if let ['-', last, after @ ..] = rest {
            found |= (*first..=*last).contains(&c);
            class = after;
        } else {
            found |= *first == c;
            class = rest;
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_hadoops() {
        for (pattern, name) in [
            ("*", "x"),
            ("part-m-*", "part-m-00000"),
            ("a?c", "abc"),
            ("[a-c]x", "bx"),
            ("[^a]x", "bx"),
            ("{a,b*}.gz", "bcd.gz"),
            ("a\\*", "a*"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("a?c", "ac"), ("[a-c]x", "dx"), ("[^a]x", "ax"), ("{a,b}.gz", "c.gz"), ("a\\*", "ab"), ("", "x")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(is_pattern("a*") && !is_pattern("part-m-00000"));
    }
}
