//! Events that are pairs of keys and values: logfmt (`level=info msg="a b" took=5`), `k=v;k=v`, forms and queries (`a=1&b=2`).
//!
//! A value in quotes may hold separators; in it a backslash begins `\"`, `\\`, `\n`, `\r`, `\t` or `\uXXXX`. A key without a
//! value is true, as logfmt has it; one with an empty value is an empty text. A line whose quotes do not close, or that has
//! something between a closing quote and the next separator, is a reject, and so is one that names a key that is asked for
//! twice.
//!
//! Source: logfmt as Heroku's and Go's `go-logfmt` write it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::Parser;
use super::mapping::{FieldArgs, Found, Mapping};
use super::piece::form_decoded;
use crate::agent::event::Event;
use crate::agent::rows::{ColumnSpec, Row};
use crate::error::{self, Result};

/// How pairs are written.
#[derive(Clone, Debug)]
pub(in crate::agent) struct PairFormat {
    /// Between two pairs; several blanks are one.
    pub separator: char,
    /// Between a key and its value.
    pub assign: char,
    /// Around a value that holds separators; `None` where a quote is a letter like others.
    pub quote: Option<char>,
    /// The text that stands for NULL.
    pub null: Option<String>,
    /// Keys and values are percent-encoded, as in a form.
    pub percent: bool,
}

impl PairFormat {
    /// # Errors
    /// Config: two of its characters are the same.
    fn check(&self) -> Result<()> {
        let Self { separator, assign, quote, .. } = self;
        if separator == assign || quote.is_some_and(|quote| quote == *separator || quote == *assign) {
            return Err(error::config("separator, assign and quote of a key-value parser are not three characters")
                .hint("give each another one, such as \" \", = and \\\""));
        }
        Ok(())
    }
}

/// Takes lines of pairs apart.
#[derive(Clone, Debug)]
pub(in crate::agent) struct KeyValueParser {
    mapping: Arc<Mapping>,
    format: Arc<PairFormat>,
    /// The columns that take the value of a key.
    wanted: Arc<HashMap<String, Vec<usize>>>,
}

impl KeyValueParser {
    /// # Errors
    /// Config: the columns or the format make no sense.
    pub(in crate::agent) fn new(format: PairFormat, columns: &[FieldArgs], time: Option<&str>) -> Result<Self> {
        format.check()?;
        let mapping = Mapping::new(columns, time)?;
        let mut wanted = HashMap::<String, Vec<usize>>::new();
        for (number, key) in mapping.keys().enumerate() {
            wanted.entry(key.to_owned()).or_default().push(number);
        }
        Ok(Self { mapping: Arc::new(mapping), format: Arc::new(format), wanted: Arc::new(wanted) })
    }
}

impl Parser for KeyValueParser {
    fn kind(&self) -> &'static str {
        "events"
    }

    fn columns(&self) -> &[ColumnSpec] {
        self.mapping.columns()
    }

    fn parse(&mut self, event: &Event, take: &mut dyn FnMut(Row<'_>)) -> Result<(), String> {
        let text = std::str::from_utf8(&event.body).map_err(|_| "is not UTF-8")?;
        let mut found = vec![None; self.mapping.columns().len()];
        let mut is_seen = vec![false; found.len()];
        let mut pairs = Pairs { rest: text, format: &self.format };
        while let Some((key, value)) = pairs.next()? {
            let Some(columns) = self.wanted.get(&*key) else { continue };
            for number in columns {
                if std::mem::replace(&mut is_seen[*number], true) {
                    return Err(format!("names {key} twice"));
                }
                found[*number] = match &value {
                    None => Some(Found::Boolean(true)),
                    Some(text) if self.format.null.as_deref() == Some(&**text) => None,
                    Some(text) => Some(Found::Text(text.clone())),
                };
            }
        }
        take(self.mapping.row(event, found)?);
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Parser> {
        Box::new(self.clone())
    }
}

/// A key, and its value if it has one.
type Pair<'a> = (Cow<'a, str>, Option<Cow<'a, str>>);

/// The pairs of a line, one after the other.
struct Pairs<'a, 'f> {
    rest: &'a str,
    format: &'f PairFormat,
}

impl<'a> Pairs<'a, '_> {
    /// The next pair; `None` at the end.
    ///
    /// # Errors
    /// Why the line is malformed.
    fn next(&mut self) -> Result<Option<Pair<'a>>, String> {
        let PairFormat { separator, assign, quote, percent, .. } = *self.format;
        let is_between = |c: char| c == separator || c.is_ascii_whitespace();
        self.rest = self.rest.trim_start_matches(is_between);
        if self.rest.is_empty() {
            return Ok(None);
        }
        let ends = |c: char| c == assign || c == separator || (separator == ' ' && c.is_ascii_whitespace());
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (key, rest) = self.rest.split_at(end);
        let decoded = |text: &'a str| if percent { form_decoded(text) } else { Cow::Borrowed(text) };
        let key = decoded(key.trim());
        if key.is_empty() {
            return Err(format!("has a value without a key, before {:?}", rest.chars().take(20).collect::<String>()));
        }
        let Some(value) = rest.strip_prefix(assign) else {
            self.rest = rest;
            return Ok(Some((key, None)));
        };
        let value = if separator == ' ' { value } else { value.trim_start() };
        if let Some(quote) = quote
            && let Some(inner) = value.strip_prefix(quote)
        {
            let (text, rest) = unquoted(inner, quote).map_err(|why| format!("{why} in the value of {key}"))?;
            if !rest.is_empty() && !rest.starts_with(is_between) {
                return Err(format!("has something behind the quoted value of {key}"));
            }
            self.rest = rest;
            return Ok(Some((key, Some(text))));
        }
        let ends = |c: char| c == separator || (separator == ' ' && c.is_ascii_whitespace());
        let end = value.find(ends).unwrap_or(value.len());
        let (value, rest) = value.split_at(end);
        self.rest = rest;
        Ok(Some((key, Some(decoded(value.trim())))))
    }
}

/// What stands before the closing quote, and what stands behind it.
fn unquoted(text: &str, quote: char) -> Result<(Cow<'_, str>, &str), String> {
    let open = || "a quote that is not closed".to_owned();
    let end = text.find([quote, '\\']).ok_or_else(open)?;
    if text[end..].starts_with(quote) {
        return Ok((Cow::Borrowed(&text[..end]), &text[end + quote.len_utf8()..]));
    }
    let mut out = text[..end].to_owned();
    let mut rest = text[end..].chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => out.push(escaped(&mut rest, quote)?),
            c if c == quote => return Ok((Cow::Owned(out), rest.as_str())),
            c => out.push(c),
        }
    }
    Err(open())
}

/// The character that a backslash and what follows stand for.
fn escaped(rest: &mut std::str::Chars<'_>, quote: char) -> Result<char, String> {
    Ok(match rest.next() {
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('\\') => '\\',
        Some(c) if c == quote => c,
        Some('u') => {
            let first = unit(rest)?;
            let is_high = (0xd800..0xdc00).contains(&first);
            let mut later = rest.clone();
            let second = if is_high && later.by_ref().take(2).eq(['\\', 'u']) {
                let second = unit(&mut later)?;
                *rest = later;
                Some(second)
            } else {
                None
            };
            let units = [Some(first), second].into_iter().flatten();
            let mut decoded = char::decode_utf16(units);
            match (decoded.next(), decoded.next()) {
                (Some(Ok(c)), None) => c,
                _ => return Err("an escape that does not stand for a character".to_owned()),
            }
        }
        Some(c) => return Err(format!("an escape \\{c} that is not known")),
        None => return Err("a quote that is not closed".to_owned()),
    })
}

/// Four hexadecimal digits.
fn unit(rest: &mut std::str::Chars<'_>) -> Result<u16, String> {
    let digits: String = rest.by_ref().take(4).collect();
    let is_hex = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let number = is_hex.then(|| u16::from_str_radix(&digits, 16).ok()).flatten();
    number.ok_or_else(|| "an escape \\u without four hexadecimal digits".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn logfmt() -> PairFormat {
        PairFormat { separator: ' ', assign: '=', quote: Some('"'), null: None, percent: false }
    }

    fn pairs(format: &PairFormat, text: &str) -> Result<Vec<(String, Option<String>)>, String> {
        let (mut pairs, mut all) = (Pairs { rest: text, format }, Vec::new());
        while let Some((key, value)) = pairs.next()? {
            all.push((key.into_owned(), value.map(Cow::into_owned)));
        }
        Ok(all)
    }

    fn shown(format: &PairFormat, text: &str) -> String {
        let pairs = pairs(format, text).unwrap();
        pairs.iter().map(|(key, value)| format!("[{key}|{}]", value.as_deref().unwrap_or("!"))).collect()
    }

    #[test]
    fn pairs_are_read_in_each_dialect() {
        let text = r#"level=info  msg="a \"b\" = c\n\u00fc\ud83d\ude00" took=5ms	debug empty= url=http://x/?a=b"#;
        assert_eq!(
            shown(&logfmt(), text),
            "[level|info][msg|a \"b\" = c\nü😀][took|5ms][debug|!][empty|][url|http://x/?a=b]"
        );
        let semicolons = PairFormat { separator: ';', ..logfmt() };
        assert_eq!(shown(&semicolons, "a=1; b = two words ;;c=\"x;y\";"), "[a|1][b|two words][c|x;y]");
        let form = PairFormat { separator: '&', quote: None, percent: true, ..logfmt() };
        assert_eq!(shown(&form, "a=1+2&b%5B%5D=%22&flag&c="), "[a|1 2][b[]|\"][flag|!][c|]");
        let colons = PairFormat { separator: ',', assign: ':', ..logfmt() };
        assert_eq!(shown(&colons, "a:1,b:\"2:3\""), "[a|1][b|2:3]");
    }

    #[test]
    fn what_is_broken_is_a_reject() {
        for (text, reason) in [
            ("a=\"x", "a quote that is not closed"),
            ("a=\"x\\", "a quote that is not closed"),
            ("a=\"x\"y", "something behind the quoted value of a"),
            ("=x", "a value without a key"),
            ("a=\"\\q\"", "an escape \\q that is not known"),
            ("a=\"\\u12\"", "without four hexadecimal digits"),
            ("a=\"\\ud800\"", "does not stand for a character"),
        ] {
            let told = pairs(&logfmt(), text).unwrap_err();
            assert!(told.contains(reason), "{text}: {told}");
        }
    }

    #[test]
    fn keys_fill_columns_and_none_may_come_twice() {
        let columns: [FieldArgs; 3] =
            [FieldArgs::text("level", "level"), FieldArgs::text("flag", "flag"), FieldArgs::text("n", "n")];
        let format = PairFormat { null: Some("-".to_owned()), ..logfmt() };
        let mut parser = KeyValueParser::new(format, &columns, None).unwrap();
        let mut parse = |body: &'static str| {
            let mut event = Event { body: body.into(), ..Event::default() };
            event.headers.set("timestamp", "0");
            let mut rows = Vec::new();
            parser.parse(&event, &mut |row| rows.push(format!("{:?}", row.cells))).map(|()| rows.remove(0))
        };
        assert_eq!(parse("x=1 level=warn flag n=-"), Ok("[Text(\"warn\"), Text(\"true\"), Null]".to_owned()));
        assert_eq!(parse("level=a level=b"), Err("names level twice".to_owned()));
        assert_eq!(parse("n=- n=-"), Err("names n twice".to_owned()));
        let same = PairFormat { assign: ' ', ..logfmt() };
        assert!(KeyValueParser::new(same, &columns, None).is_err());
    }

    proptest! {
        #[test]
        fn what_was_quoted_comes_back(values in prop::collection::vec(".{0,12}", 1..5)) {
            let quoted = |value: &String| value.replace('\\', "\\\\").replace('"', "\\\"");
            let line: Vec<String> = values.iter().enumerate().map(|(i, v)| format!("k{i}=\"{}\"", quoted(v))).collect();
            let found = pairs(&logfmt(), &line.join(" ")).unwrap();
            prop_assert_eq!(found.into_iter().filter_map(|(_, value)| value).collect::<Vec<_>>(), values);
        }

        #[test]
        fn no_line_breaks_the_parser(text in ".{0,60}") {
            let _ = pairs(&logfmt(), &text);
            let _ = pairs(&PairFormat { separator: '&', percent: true, ..logfmt() }, &text);
        }
    }
}
