//! A log format: named, or given by the server's own format text.
//!
//! | name | what the server is told |
//! |---|---|
//! | `common` | `%h %l %u %t "%r" %>s %b` |
//! | `combined` | the same, then `"%{Referer}i" "%{User-Agent}i"`; `rt=%D`, `sid=` and `vid=` may follow |
//! | `vhost_combined` | `%v:%p` in front of it, as in Debian's `other_vhosts_access.log` |
//! | `main` | nginx's own: combined, then `"$http_x_forwarded_for"` |
//!
//! It refuses a format in which the end of a field cannot be told, that does not say the time of the request with its
//! zone, or in which a request line does not stand in quotes.

use super::directive::{Directive, Token};
use super::escape::Escapes;
use super::field::{ExtraField, Field, Shape};
use super::time::TimeFormat;
use super::{apache, nginx};
use crate::error::{self, Result};

const NAMES: [(&str, &str); 4] = [
    ("common", r#"%h %l %u %t "%r" %>s %b"#),
    ("combined", r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#),
    ("vhost_combined", r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#),
    (
        "main",
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for""#,
    ),
];

/// Extra fields that come first, in this order, however a format orders them: tables that were made for one format can
/// then often be added to in another.
const FIRST: [&str; 5] = ["ident", "virtual_host", "port", "forwarded_for", "bytes_sent"];

/// How the lines of a log are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFormat {
    /// What stands before the first field.
    pub(super) prefix: String,
    pub(super) fields: Vec<FormatField>,
    /// The fields that have no column of their own in every table of clicks.
    pub(super) extras: Vec<ExtraField>,
    /// The extra field that holds what identd says.
    pub(super) ident: Option<usize>,
    /// The client is the first in this list, for the format has no other address.
    pub(super) client_in: Option<usize>,
    /// `rt=`, `sid=` and `vid=` may follow.
    pub(super) may_go_on: bool,
    pub(super) escapes: Escapes,
}

/// A field and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FormatField {
    pub field: Field,
    pub shape: Shape,
    /// What reasons call it.
    pub label: String,
    /// It ends at the next quote that is not escaped.
    pub quoted: bool,
    /// The text between it and the next field; for the last one, up to the end of the line.
    pub behind: String,
}

impl LogFormat {
    /// Reads a format: its name, a format text, or a whole `LogFormat` or `log_format` line.
    ///
    /// # Errors
    /// Config: there is no format of that name, or lines of it could not be told apart into fields.
    pub(crate) fn new(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some((name, known)) = NAMES.iter().find(|(name, _)| *name == text) {
            let known = Self::of_text(known, Escapes::Default)?;
            return Ok(Self { may_go_on: *name == "combined", ..known });
        }
        if let Some(rest) = directive_line(text, "LogFormat") {
            let (format, _name) = quoted_words(rest, true).ok_or_else(|| no_text(text))?;
            return Self::of_tokens(apache::tokens(&format)?, Escapes::Default);
        }
        if let Some(rest) = directive_line(text, "log_format") {
            let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            let (escapes, rest) = nginx_escapes(name, rest.trim_start())?;
            let (format, _) = quoted_words(rest, false).ok_or_else(|| no_text(text))?;
            return Self::of_tokens(nginx::tokens(&format)?, escapes);
        }
        Self::of_text(text, Escapes::Default)
    }

    /// Reads a format text, whose first directive says which server's it is.
    fn of_text(text: &str, escapes: Escapes) -> Result<Self> {
        match text.find(['%', '$']).map(|at| &text[at..=at]) {
            Some("%") => Self::of_tokens(apache::tokens(text)?, escapes),
            Some(_) => Self::of_tokens(nginx::tokens(text)?, escapes),
            None => {
                let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
                Err(error::config(format!("format: there is no log format {text:?}")).hint(format!(
                    "known formats are {}; or give the text of the server's LogFormat or log_format",
                    names.join(", ")
                )))
            }
        }
    }

    fn of_tokens(tokens: Vec<Token>, escapes: Escapes) -> Result<Self> {
        let tokens = merged(tokens);
        let taken = fill_columns(&tokens)?;
        let extras = extras(&tokens, &taken)?;
        let ident = extras.iter().position(|extra| extra.name == "ident");
        let (prefix, fields) = (String::new(), Vec::new());
        let mut format = Self { prefix, fields, extras, ident, client_in: None, may_go_on: false, escapes };
        let mut quotes = 0;
        for (at, token) in tokens.into_iter().enumerate() {
            match token {
                Token::Literal(text) => {
                    quotes += text.matches('"').count();
                    match format.fields.last_mut() {
                        Some(field) => field.behind.push_str(&text),
                        None => format.prefix.push_str(&text),
                    }
                }
                Token::Directive(directive) => {
                    let column = directive.column_name();
                    let field = match directive.field.filter(|_| taken[at]) {
                        Some(field) => field,
                        None => Field::Extra(format.extras.iter().position(|e| e.name == column).unwrap_or_default()),
                    };
                    let (shape, label) = (directive.shape, directive.label);
                    // Whether it is quoted is known once what follows is.
                    let quoted = quotes % 2 == 1;
                    format.fields.push(FormatField { field, shape, label, quoted, behind: String::new() });
                }
            }
        }
        for field in &mut format.fields {
            field.quoted &= field.behind.starts_with('"');
        }
        let has_host = format.fields.iter().any(|f| f.field == Field::Host);
        format.client_in = format.extras.iter().position(|e| e.name == "forwarded_for").filter(|_| !has_host);
        format.check()?;
        Ok(format)
    }

    fn check(&self) -> Result<()> {
        let Some((_, before_last)) = self.fields.split_last() else {
            return Err(error::config("format: there are no fields in it").hint("give the server's format text"));
        };
        if let Some(open) = before_last.iter().find(|field| field.behind.is_empty()) {
            return Err(error::config(format!(
                "format: nothing follows the {}, so its end cannot be told",
                open.label
            ))
            .hint("let the server write a blank between two fields"));
        }
        let request = self.fields.iter().find(|f| f.field == Field::Request);
        if request.is_some_and(|request| !request.quoted) {
            return Err(error::config("format: the request line does not stand in quotes, so its end cannot be told")
                .hint("write it as \"%r\", or \"$request\""));
        }
        let time = self.fields.iter().find_map(|f| if let Field::Time(time) = &f.field { Some(time) } else { None });
        match time {
            None => {
                Err(error::config("format: it does not say the time of the request, by which clicks are partitioned")
                    .hint("add %t, or [$time_local]"))
            }
            Some(time) if !time.is_complete() => {
                Err(error::config("format: the time lacks its date, time of day or zone")
                    .hint("write it as %t, or with %z in %{..}t"))
            }
            Some(_) => Ok(()),
        }
    }

    /// Whether lines say what the client calls itself.
    pub(in crate::agent) fn has_user_agent(&self) -> bool {
        self.fields.iter().any(|field| field.field == Field::UserAgent)
    }

    /// The fields that get columns of their own.
    pub(crate) fn extras(&self) -> &[ExtraField] {
        &self.extras
    }
}

/// What follows a configuration word at the beginning of a line.
fn directive_line<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    let rest = &text[word.len()..];
    (head.eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace)).then(|| rest.trim_start())
}

fn no_text(line: &str) -> error::Error {
    let shown: String = line.chars().take(40).collect();
    error::config(format!("format: {shown:?} holds no format text in quotes")).hint("give the whole line")
}

fn nginx_escapes<'a>(name: &str, rest: &'a str) -> Result<(Escapes, &'a str)> {
    let Some(behind) = rest.strip_prefix("escape=") else { return Ok((Escapes::Default, rest)) };
    let (escape, behind) = behind.split_once(char::is_whitespace).unwrap_or((behind, ""));
    match escape {
        "default" => Ok((Escapes::Default, behind.trim_start())),
        "json" => Ok((Escapes::Json, behind.trim_start())),
        _ => Err(error::config(format!("format: log_format {name} has escape={escape}, so values can hold anything"))
            .hint("let nginx write escape=default or escape=json")),
    }
}

/// The text in one or several quoted words, put together, and what follows them. A backslash lets a quote be part of
/// the text; it stays in the text of a server whose formats have escapes of their own.
fn quoted_words(text: &str, keeps_escapes: bool) -> Option<(String, &str)> {
    let (mut found, mut rest) = (String::new(), text);
    while let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let mut end = None;
        let mut chars = rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    let next = chars.next().map(|(_, next)| next);
                    if keeps_escapes || !matches!(next, Some('"' | '\'' | '\\')) {
                        found.push(c);
                    }
                    found.extend(next);
                }
                _ if c == quote => {
                    end = Some(at + 1);
                    break;
                }
                _ => found.push(c),
            }
        }
        rest = rest[end?..].trim_start();
    }
    (!found.is_empty()).then_some((found, rest))
}

/// Puts together what says one thing in several directives: a time, and path and query.
fn merged(tokens: Vec<Token>) -> Vec<Token> {
    let mut merged: Vec<Token> = Vec::new();
    for token in tokens.into_iter().filter(|t| !matches!(t, Token::Literal(text) if text.is_empty())) {
        let Token::Directive(directive) = token else {
            merged.push(token);
            continue;
        };
        let joined = match (&directive.field, merged.as_mut_slice()) {
            (Some(Field::Time(TimeFormat::Strftime(more))), [.., Token::Directive(before), Token::Literal(text)]) => {
                let text = text.replace('%', "%%");
                join_times(before, &text, more).then_some(1)
            }
            (Some(Field::Time(TimeFormat::Strftime(more))), [.., Token::Directive(before)]) => {
                join_times(before, "", more).then_some(0)
            }
            (Some(Field::Query), [.., Token::Directive(before)]) if before.field == Some(Field::Path) => {
                (before.field, before.label) = (Some(Field::Target), "request target".to_owned());
                Some(0)
            }
            (Some(Field::Query), [.., Token::Directive(path), Token::Directive(mark)])
                if path.field == Some(Field::Path) && mark.text == "$is_args" =>
            {
                (path.field, path.label) = (Some(Field::Target), "request target".to_owned());
                Some(1)
            }
            _ => None,
        };
        match joined {
            Some(used) => merged.truncate(merged.len() - used),
            None => merged.push(Token::Directive(directive)),
        }
    }
    merged
}

/// Adds the rest of a time that Apache is told in several directives, such as `%{%d/%b/%Y:%T}t.%{msec_frac}t`.
fn join_times(before: &mut Directive, between: &str, more: &str) -> bool {
    let Some(Field::Time(TimeFormat::Strftime(format))) = &mut before.field else { return false };
    format.push_str(between);
    format.push_str(more);
    true
}

/// Says for each token whether it fills the column that every table of clicks has for it.
fn fill_columns(tokens: &[Token]) -> Result<Vec<bool>> {
    let field = |token: &Token| match token {
        Token::Directive(Directive { field: Some(field), rank, .. }) => Some((std::mem::discriminant(field), *rank)),
        _ => None,
    };
    let mut taken = vec![false; tokens.len()];
    for (at, token) in tokens.iter().enumerate() {
        let Some((this, rank)) = field(token) else { continue };
        let best = tokens
            .iter()
            .enumerate()
            .filter_map(|(at, other)| field(other).filter(|(other, _)| *other == this).map(|(_, rank)| (rank, at)));
        taken[at] = best.min() == Some((rank, at));
        if let (false, Token::Directive(Directive { field: Some(Field::Time(_)), text, .. })) = (taken[at], token) {
            return Err(error::config(format!("format: {text} says the time once more"))
                .hint("let the server log the time of the request once"));
        }
    }
    Ok(taken)
}

/// The extra fields in the order of their columns.
fn extras(tokens: &[Token], taken: &[bool]) -> Result<Vec<ExtraField>> {
    let mut extras: Vec<ExtraField> = Vec::new();
    for (token, taken) in tokens.iter().zip(taken) {
        let Token::Directive(directive) = token else { continue };
        if *taken {
            continue;
        }
        let (name, data_type) = (directive.column_name(), directive.data_type);
        if extras.iter().any(|extra| extra.name == name) {
            return Err(error::config(format!("format: it logs {} twice", directive.text)).hint("log it once"));
        }
        extras.push(ExtraField { name, data_type, comment: directive.comment.clone() });
    }
    extras.sort_by_key(|extra| FIRST.iter().position(|first| *first == extra.name).unwrap_or(FIRST.len()));
    Ok(extras)
}
