//! Records of text taken apart into fields, by the rules of Sqoop's parser: an encloser counts at the beginning of a
//! field only, behind the closing one a delimiter must follow, an escape character makes the next one literal wherever
//! it stands, an empty record has no fields.
//!
//! Where Sqoop lets a record end inside an enclosed field or behind an escape character, that is an error here.
//!
//! Source: Sqoop 1.4.7 `TestRecordParser`.

use crate::error::{self, Result};
use crate::format::TextOptions;
use crate::format::text::{Delimiters, TextStyle};

/// One field of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextField {
    /// The text, without enclosers and escape characters.
    pub text: String,
    /// It stood there without an encloser and without an escape character.
    pub is_bare: bool,
}

impl TextField {
    /// Whether the field is NULL in a column of strings whose null string is `null`: in exact files only the bare null
    /// string is, in Sqoop's any field of that text.
    pub fn is_null(&self, null: &str, style: TextStyle) -> bool {
        self.text == null && (self.is_bare || style == TextStyle::Sqoop)
    }
}

/// Takes one record apart; what follows behind a record delimiter is left alone.
///
/// # Errors
/// Data: the text breaks the rules; says at which character.
pub fn parse_record(text: &str, options: &TextOptions) -> Result<Vec<TextField>> {
    let mut parser = Parser::new(options, true)?;
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
    /// Null strings that are taken as they stand, exact style only.
    nulls: Vec<String>,
    state: State,
    fields: Vec<TextField>,
    field: TextField,
    /// A character was fed.
    begun: bool,
    /// Characters fed before this piece.
    before: usize,
}

impl Parser {
    /// Prepares the rules; `in_lines` where a record ends at a delimiter, and not at a length that is written down.
    pub fn new(options: &TextOptions, in_lines: bool) -> Result<Self> {
        let delimiters = options.delimiters.checked()?;
        let mut nulls = Vec::new();
        if options.style == TextStyle::Exact {
            nulls = vec![options.null_string.clone(), options.null_non_string.clone()];
            nulls.dedup();
            nulls.retain(|null| !null.is_empty());
        }
        Ok(Self {
            delimiters,
            lines: in_lines.then_some(delimiters.lines),
            must_enclose: delimiters.enclosed_by.is_some() && !delimiters.enclose_optionally,
            nulls,
            state: State::FieldStart,
            fields: Vec::new(),
            field: TextField { text: String::new(), is_bare: true },
            begun: false,
            before: 0,
        })
    }

    /// Whether the record cannot end here: an encloser is open, or an escape character waits for its own.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Enclosed | State::EnclosedEscape | State::UnenclosedEscape)
    }

    /// Takes a piece of the record. Pieces after the first may begin inside a field only.
    pub fn feed(&mut self, text: &str) -> Result<()> {
        let Delimiters { fields, enclosed_by, escaped_by, .. } = self.delimiters;
        let lines = self.lines;
        let mut skip_to = 0;
        for (count, (at, c)) in text.char_indices().enumerate() {
            if at < skip_to {
                continue;
            }
            self.begun = true;
            match self.state {
                State::FieldStart => {
                    if let Some(null) = self.null_at(&text[at..]) {
                        skip_to = at + null.len();
                        self.field.text = null;
                        self.state = State::Unenclosed;
                    } else if Some(c) == enclosed_by {
                        self.field.is_bare = false;
                        self.state = State::Enclosed;
                    } else if Some(c) == escaped_by {
                        self.field.is_bare = false;
                        self.state = State::UnenclosedEscape;
                    } else if c == fields {
                        self.end_field();
                    } else if Some(c) == lines {
                        self.state = State::Done;
                    } else if self.must_enclose {
                        return Err(wrong(self.before + count, "the field does not begin with its encloser"));
                    } else {
                        self.field.text.push(c);
                        self.state = State::Unenclosed;
                    }
                }
                State::Unenclosed => {
                    if Some(c) == escaped_by {
                        self.field.is_bare = false;
                        self.state = State::UnenclosedEscape;
                    } else if c == fields {
                        self.end_field();
                    } else if Some(c) == lines {
                        self.state = State::Done;
                    } else {
                        self.field.text.push(c);
                    }
                }
                State::Enclosed => {
                    if Some(c) == escaped_by {
                        self.state = State::EnclosedEscape;
                    } else if Some(c) == enclosed_by {
                        self.state = State::Closed;
                    } else {
                        self.field.text.push(c);
                    }
                }
                State::EnclosedEscape => {
                    self.field.text.push(c);
                    self.state = State::Enclosed;
                }
                State::UnenclosedEscape => {
                    self.field.text.push(c);
                    self.state = State::Unenclosed;
                }
                State::Closed => {
                    if c == fields {
                        self.end_field();
                    } else if Some(c) == lines {
                        self.state = State::Done;
                    } else {
                        return Err(wrong(self.before + count, "a delimiter must follow the closing encloser"));
                    }
                }
                State::Done => return Ok(()),
            }
        }
        self.before += text.chars().count();
        Ok(())
    }

    /// The null string that stands here as a whole field.
    fn null_at(&self, rest: &str) -> Option<String> {
        let whole = |null: &&String| {
            let behind = rest.strip_prefix(null.as_str());
            let ends = |c: char| c == self.delimiters.fields || Some(c) == self.lines;
            behind.is_some_and(|b| b.is_empty() || b.starts_with(ends))
        };
        self.nulls.iter().find(whole).cloned()
    }

    fn end_field(&mut self) {
        let empty = TextField { text: String::new(), is_bare: true };
        self.fields.push(std::mem::replace(&mut self.field, empty));
        self.state = State::FieldStart;
    }

    /// The fields of the record; the parser is ready for the next one.
    pub fn finish(&mut self) -> Result<Vec<TextField>> {
        let open = match self.state {
            State::Enclosed | State::EnclosedEscape => Some("the record ends inside an enclosed field"),
            State::UnenclosedEscape => Some("the record ends behind an escape character"),
            _ => None,
        };
        let at = self.before;
        if self.begun {
            self.end_field();
        }
        let fields = std::mem::take(&mut self.fields);
        self.reset();
        open.map_or(Ok(fields), |what| Err(wrong(at, what)))
    }

    /// Forgets what was fed.
    pub fn reset(&mut self) {
        self.fields.clear();
        self.field = TextField { text: String::new(), is_bare: true };
        self.state = State::FieldStart;
        self.begun = false;
        self.before = 0;
    }
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
        parse_record(text, &quoted()).unwrap().into_iter().map(|field| field.text).collect()
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
        assert!(parse_record("\"a\",null", &exact).unwrap()[1].is_null("null", TextStyle::Exact));
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
        assert_eq!(fields[1].text, "\\N");
        let fields = parse_record("\\\\N", &TextOptions { style: TextStyle::Sqoop, ..options }).unwrap();
        assert!(fields[0].is_null("\\N", TextStyle::Sqoop));
    }
}
