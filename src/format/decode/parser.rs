//! Records of text taken apart into fields, by the rules of Sqoop's parser: an encloser counts at the beginning of a
//! field only, behind the closing one a delimiter must follow, an escape character makes the next one literal wherever
//! it stands, an empty record has no fields.
//!
//! Where Sqoop lets a record end inside an enclosed field or behind an escape character, that is an error here.
//! Hive's tables have two rules more, see [`TextDecodeOptions`].
//!
//! Source: Sqoop 1.4.7 `TestRecordParser`.

use super::TextDecodeOptions;
use crate::error::{self, Result};
use crate::format::TextOptions;
use crate::format::text::{Delimiters, TextStyle};

/// One field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextField<'a> {
    /// The text, without enclosers and escape characters.
    pub text: &'a str,
    /// It stood there without an encloser and without an escape character.
    pub is_bare: bool,
}

impl TextField<'_> {
    /// Whether the field is NULL in a column of strings whose null string is `null`: in exact files only the bare null
    /// string is, in Sqoop's any field of that text.
    pub fn is_null(&self, null: &str, style: TextStyle) -> bool {
        self.text == null && (self.is_bare || style == TextStyle::Sqoop)
    }
}

/// The fields of a record, side by side: without an allocation each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextFields {
    text: String,
    /// Where each field ends, and whether it is bare.
    ends: Vec<(usize, bool)>,
}

impl TextFields {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The field of this place, from 0.
    pub fn get(&self, at: usize) -> Option<TextField<'_>> {
        let (end, is_bare) = *self.ends.get(at)?;
        Some(TextField { text: &self.text[self.end_before(at)..end], is_bare })
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = TextField<'_>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// Ends the field whose text was appended.
    pub(super) fn end_field(&mut self, is_bare: bool) {
        self.ends.push((self.text.len(), is_bare));
    }

    fn end_before(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.ends[at - 1].0 }
    }
}

/// Takes one record apart; what follows behind a record delimiter is left alone.
///
/// # Errors
/// Data: the text breaks the rules; says at which character.
pub fn parse_record(text: &str, options: &TextOptions) -> Result<TextFields> {
    let mut parser = Parser::new(&TextDecodeOptions::new(options.clone()), true)?;
    parser.feed(text)?;
    parser.finish()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Unenclosed,
    UnenclosedEscape,
    Enclosed,
    EnclosedEscape,
    /// Behind the closing encloser.
    Closed,
    /// Behind the record delimiter.
    Done,
}

/// Takes records apart that may come in several pieces.
pub(super) struct Parser {
    delimiters: Delimiters,
    lines: Option<char>,
    must_enclose: bool,
    csv: bool,
    escaped_line_ends: bool,
    /// Null strings that are taken as they stand, exact style only.
    nulls: Vec<String>,
    state: State,
    fields: TextFields,
    /// Fields that somebody is done with, to be filled again.
    spare: TextFields,
    /// Whether the field at hand is bare so far.
    is_bare: bool,
    /// A character was fed.
    begun: bool,
    /// Characters fed before this piece.
    before: usize,
}

impl Parser {
    /// Prepares the rules; `in_lines` where a record ends at a delimiter, and not at a length that is written down.
    pub(super) fn new(options: &TextDecodeOptions, in_lines: bool) -> Result<Self> {
        let text = &options.text;
        let delimiters = text.delimiters.checked()?;
        let mut nulls = Vec::new();
        if text.style == TextStyle::Exact && !options.csv {
            nulls = vec![text.null_string.clone(), text.null_non_string.clone()];
            nulls.dedup();
            nulls.retain(|null| !null.is_empty());
        }
        Ok(Self {
            delimiters,
            lines: in_lines.then_some(delimiters.lines),
            must_enclose: delimiters.enclosed_by.is_some() && !delimiters.enclose_optionally,
            csv: options.csv,
            escaped_line_ends: options.escaped_line_ends,
            nulls,
            state: State::FieldStart,
            fields: TextFields::default(),
            spare: TextFields::default(),
            is_bare: true,
            begun: false,
            before: 0,
        })
    }

    /// Whether the record cannot end here: an encloser is open, or an escape character waits for its own.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Enclosed | State::EnclosedEscape | State::UnenclosedEscape)
    }

    /// Takes a piece of the record. Pieces after the first may begin inside a field only.
    pub(super) fn feed(&mut self, text: &str) -> Result<()> {
        self.begun |= !text.is_empty();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let taken = match self.state {
                State::FieldStart => match self.null_at(&text[at..]) {
                    Some(len) => {
                        self.fields.text.push_str(&text[at..at + len]);
                        self.state = State::Unenclosed;
                        len
                    }
                    None => self.begin_field(c).map_err(|what| self.wrong(&text[..at], what))?,
                },
                State::Unenclosed => {
                    self.plain(&text[at..]).map_err(|(ahead, what)| self.wrong(&text[..at + ahead], what))?
                }
                State::Enclosed => self.enclosed(&text[at..]),
                State::EnclosedEscape | State::UnenclosedEscape => {
                    self.fields.text.push(match c {
                        'n' if self.escaped_line_ends => '\n',
                        'r' if self.escaped_line_ends => '\r',
                        c => c,
                    });
                    let is_enclosed = self.state == State::EnclosedEscape;
                    self.state = if is_enclosed { State::Enclosed } else { State::Unenclosed };
                    c.len_utf8()
                }
                State::Closed if self.csv && Some(c) == self.delimiters.enclosed_by => {
                    self.fields.text.push(c);
                    self.state = State::Enclosed;
                    c.len_utf8()
                }
                State::Closed => match self.delimit(c) {
                    true => c.len_utf8(),
                    false => return Err(self.wrong(&text[..at], "a delimiter must follow the closing encloser")),
                },
                State::Done => return Ok(()),
            };
            at += taken;
        }
        // Only an open record has more pieces.
        if self.is_open() {
            self.before += text.chars().count();
        }
        Ok(())
    }

    /// Takes the first character of a field, or leaves it to what comes next; how many bytes it took.
    fn begin_field(&mut self, c: char) -> Result<usize, &'static str> {
        if Some(c) == self.delimiters.enclosed_by {
            self.is_bare = false;
            self.state = State::Enclosed;
            return Ok(c.len_utf8());
        }
        let may_begin = !self.must_enclose
            || Some(c) == self.delimiters.escaped_by
            || c == self.delimiters.fields
            || Some(c) == self.lines;
        self.state = State::Unenclosed;
        if may_begin { Ok(0) } else { Err("the field does not begin with its encloser") }
    }

    /// Takes what is neither delimiter nor escape character, or one of these; how many bytes it took, or how many are in
    /// front of what is wrong.
    fn plain(&mut self, text: &str) -> Result<usize, (usize, &'static str)> {
        let Delimiters { fields, escaped_by, enclosed_by, .. } = self.delimiters;
        let run = run(text, [Some(fields), self.lines, escaped_by]);
        if let Some(at) = enclosed_by.filter(|_| self.csv).and_then(|encloser| text[..run].find(encloser)) {
            return Err((at, "an encloser stands inside a field that does not begin with it"));
        }
        self.fields.text.push_str(&text[..run]);
        let Some(c) = text[run..].chars().next() else { return Ok(run) };
        if !self.delimit(c) {
            self.is_bare = false;
            self.state = if self.csv { State::Unenclosed } else { State::UnenclosedEscape };
        }
        Ok(run + c.len_utf8())
    }

    /// Takes what is neither encloser nor escape character, or one of these; how many bytes it took.
    fn enclosed(&mut self, text: &str) -> usize {
        let Delimiters { enclosed_by, escaped_by, .. } = self.delimiters;
        let run = run(text, [enclosed_by, escaped_by, None]);
        self.fields.text.push_str(&text[..run]);
        let Some(c) = text[run..].chars().next() else { return run };
        self.state = if Some(c) == escaped_by { State::EnclosedEscape } else { State::Closed };
        run + c.len_utf8()
    }

    /// Ends the field or the record, if this is a delimiter.
    fn delimit(&mut self, c: char) -> bool {
        if Some(c) == self.lines && c != self.delimiters.fields {
            self.state = State::Done;
            return true;
        }
        let is_delimiter = c == self.delimiters.fields;
        if is_delimiter {
            self.end_field();
        }
        is_delimiter
    }

    /// An error at the character behind what was read of a piece.
    fn wrong(&self, read: &str, what: &str) -> error::Error {
        wrong(self.before + read.chars().count(), what)
    }

    /// The length of the null string that stands here as a whole field.
    fn null_at(&self, rest: &str) -> Option<usize> {
        let first = rest.as_bytes().first();
        let whole = |null: &&String| {
            // Few fields begin like a null string, and a look at one byte is cheaper than a comparison.
            let alike = null.as_bytes().first() == first;
            let behind = if alike { rest.strip_prefix(null.as_str()) } else { None };
            let ends = |c: char| c == self.delimiters.fields || Some(c) == self.lines;
            behind.is_some_and(|b| b.is_empty() || b.starts_with(ends))
        };
        self.nulls.iter().find(whole).map(String::len)
    }

    fn end_field(&mut self) {
        self.fields.end_field(self.is_bare);
        self.is_bare = true;
        self.state = State::FieldStart;
    }

    /// The fields of the record; the parser is ready for the next one.
    pub(super) fn finish(&mut self) -> Result<TextFields> {
        let open = match self.state {
            State::Enclosed | State::EnclosedEscape => Some("the record ends inside an enclosed field"),
            State::UnenclosedEscape => Some("the record ends behind an escape character"),
            _ => None,
        };
        let at = self.before;
        if self.begun {
            self.end_field();
        }
        // The next record will be about as large.
        let (bytes, count) = (self.fields.text.len(), self.fields.len());
        let fields = std::mem::replace(&mut self.fields, std::mem::take(&mut self.spare));
        self.reset();
        self.fields.text.reserve(bytes);
        self.fields.ends.reserve(count);
        open.map_or(Ok(fields), |what| Err(wrong(at, what)))
    }

    /// Takes the fields of a record back, so that those of another need no memory of their own.
    pub(super) fn recycle(&mut self, fields: TextFields) {
        self.spare = fields;
    }

    /// Forgets what was fed.
    pub(super) fn reset(&mut self) {
        self.fields.text.clear();
        self.fields.ends.clear();
        self.is_bare = true;
        self.state = State::FieldStart;
        self.begun = false;
        self.before = 0;
    }
}

/// Bytes in front of the first of these characters.
fn run(text: &str, ends: [Option<char>; 3]) -> usize {
    // A character that does not exist is any of the others.
    let Some(any) = ends.into_iter().flatten().next() else { return text.len() };
    let [a, b, c] = ends.map(|end| end.unwrap_or(any));
    let found = match [a, b, c].map(u8::try_from) {
        // The byte of an ASCII character is part of no other.
        [Ok(a), Ok(b), Ok(c)] if (a | b | c).is_ascii() => memchr::memchr3(a, b, c, text.as_bytes()),
        _ => text.find([a, b, c]),
    };
    found.unwrap_or(text.len())
}

fn wrong(at: usize, what: &str) -> error::Error {
    error::data(format!("at character {}: {what}", at + 1))
        .hint("compare the delimiters with those the files were written with")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqoop(delimiters: Delimiters) -> TextOptions {
        TextOptions { delimiters, style: TextStyle::Sqoop, ..TextOptions::default() }
    }

    fn quoted() -> TextOptions {
        let delimiters = Delimiters { enclosed_by: Some('"'), escaped_by: Some('\\'), ..Delimiters::default() };
        sqoop(Delimiters { enclose_optionally: true, ..delimiters })
    }

    fn texts(text: &str) -> Vec<String> {
        parse_record(text, &quoted()).unwrap().iter().map(|field| field.text.to_owned()).collect()
    }

    // V28.
    #[test]
    fn empty_fields_are_sqoops() {
        assert_eq!(texts(""), [""; 0]);
        assert_eq!(texts("\n"), [""]);
        assert_eq!(texts(","), ["", ""]);
        assert_eq!(texts(",,\n"), ["", "", ""]);
        assert_eq!(texts(",foo,"), ["", "foo", ""]);
        assert_eq!(texts("foo,"), ["foo", ""]);
    }

    // V29 to V31.
    #[test]
    fn escapes_and_enclosers_are_sqoops() {
        assert_eq!(texts("the \\,field"), ["the ,field"]);
        assert_eq!(texts("the \\\\field"), ["the \\field"]);
        assert_eq!(texts("\"the \\\"field\""), ["the \"field"]);
        assert_eq!(texts("\"the ,,field\""), ["the ,,field"]);
        assert_eq!(texts("\"the ,\nfield\""), ["the ,\nfield"]);
        assert_eq!(texts("\"the \n\nfield\""), ["the \n\nfield"]);
        assert_eq!(texts("\\\nbaz"), ["\nbaz"]);
        assert_eq!(texts("foo,bar\nbaz"), ["foo", "bar"]);
        assert_eq!(texts("\nbaz"), [""]);
        assert_eq!(texts("q\"uote,it's"), ["q\"uote", "it's"]);
    }

    // V32. A record that is null does not exist here: there is no text without a text.
    #[test]
    fn a_required_encloser_is_required() {
        let delimiters = Delimiters { enclosed_by: Some('"'), escaped_by: Some('\\'), ..Delimiters::default() };
        let options = sqoop(delimiters);
        let error = parse_record("\"field1\",field2", &options).unwrap_err().to_string();
        assert!(error.starts_with("at character 10:"), "{error}");
        assert!(parse_record("field1,\"field2\"", &options).is_err());
        assert!(parse_record("\"a\"\"b\"", &options).is_err());
        assert!(parse_record("\"a", &options).is_err());
        assert!(parse_record("\"a\",\"b\\", &options).is_err());
        let exact = TextOptions { style: TextStyle::Exact, ..options };
        assert!(parse_record("\"a\",null", &exact).unwrap().get(1).unwrap().is_null("null", TextStyle::Exact));
    }

    #[test]
    fn hives_tables_have_two_rules_more() {
        let of = |text: &str, options: &TextDecodeOptions| {
            let mut parser = Parser::new(options, true).unwrap();
            parser.feed(text).unwrap();
            parser.finish().unwrap().iter().map(|field| field.text.to_owned()).collect::<Vec<_>>()
        };
        let csv = TextDecodeOptions {
            csv: true,
            ..TextDecodeOptions::new(TextOptions { style: TextStyle::Exact, ..quoted() })
        };
        assert_eq!(of(r#""x ""y"" z","",\N,"b\"c",d\,e"#, &csv), ["x \"y\" z", "", "N", "b\"c", "d", "e"]);
        let mut parser = Parser::new(&csv, true).unwrap();
        assert!(parser.feed("a,b\"c\"").unwrap_err().to_string().starts_with("at character 4"));
        let delimiters = Delimiters { escaped_by: Some('\\'), ..Delimiters::default() };
        let text = TextOptions { delimiters, null_string: "\\N".into(), ..TextOptions::default() };
        let lazy = TextDecodeOptions { escaped_line_ends: true, ..TextDecodeOptions::new(text) };
        assert_eq!(of(r"a\nb\rc\\n\x", &lazy), ["a\nb\rc\\nx"]);
    }

    #[test]
    fn null_is_the_bare_null_string() {
        let options = TextOptions {
            delimiters: Delimiters { escaped_by: Some('\\'), ..Delimiters::hive() },
            null_string: "\\N".into(),
            null_non_string: "\\N".into(),
            ..TextOptions::default()
        };
        let fields = parse_record("\\N\u{1}\\\\N\u{1}N\u{1}\\N", &options).unwrap();
        let nulls: Vec<bool> = fields.iter().map(|f| f.is_null("\\N", TextStyle::Exact)).collect();
        assert_eq!(nulls, [true, false, false, true]);
        assert_eq!(fields.get(1).unwrap().text, "\\N");
        let fields = parse_record("\\\\N", &TextOptions { style: TextStyle::Sqoop, ..options }).unwrap();
        assert!(fields.get(0).unwrap().is_null("\\N", TextStyle::Sqoop));
    }
}
