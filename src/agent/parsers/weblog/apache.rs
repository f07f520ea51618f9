//! Apache's format texts: what stands in quotes in a `LogFormat` or `CustomLog` line.
//!
//! Source: Apache httpd 2.4, mod_log_config and mod_logio.

use super::directive::{Directive, Token};
use super::field::{DurationUnit, ExtraType, Field, Shape};
use super::time::TimeFormat;
use crate::error::{self, Result};

/// Splits a format text into its directives and what stands between them.
///
/// # Errors
/// Config: a directive is unknown, or has no end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let behind = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let escaped = behind.chars().next();
                match escaped {
                    Some('t') => literal.push('\t'),
                    Some('n') => literal.push('\n'),
                    Some(c @ ('"' | '\\')) => literal.push(c),
                    Some(c) => literal.extend(['\\', c]),
                    None => literal.push('\\'),
                }
                rest = &behind[escaped.map_or(0, char::len_utf8)..];
            }
            '%' if behind.starts_with('%') => {
                literal.push('%');
                rest = &behind[1..];
            }
            '%' => {
                let length = directive_bytes(rest).ok_or_else(|| unknown(rest))?;
                let (text, behind) = rest.split_at(length);
                let found = directive(text)?;
                if text.ends_with('t') && !text.contains('^') && !text.contains('{') {
                    // The brackets are part of what %t writes.
                    literal.push('[');
                    tokens.push(Token::Literal(std::mem::replace(&mut literal, "]".to_owned())));
                    tokens.push(Token::Directive(found));
                } else {
                    tokens.push(Token::Literal(std::mem::take(&mut literal)));
                    tokens.push(Token::Directive(found));
                }
                rest = behind;
            }
            _ => {
                literal.push(c);
                rest = behind;
            }
        }
    }
    tokens.push(Token::Literal(literal));
    Ok(tokens)
}

/// The length of the directive at the beginning of a text: `%`, conditions, `{..}`, and its letter.
fn directive_bytes(text: &str) -> Option<usize> {
    let mut at = 1 + text[1..].find(|c: char| !matches!(c, '<' | '>' | '!' | ',' | '0'..='9'))?;
    if text[at..].starts_with('{') {
        at += text[at..].find('}')? + 1;
        at += text[at..].find(|c: char| !matches!(c, '<' | '>'))?;
    }
    if text[at..].starts_with("^t") {
        at += 2;
    }
    Some(at + text[at..].chars().next()?.len_utf8())
}

fn unknown(text: &str) -> error::Error {
    let shown: String = text.chars().take(20).collect();
    error::config(format!("format: {shown} is not a directive of apache's log formats"))
        .hint("write %% for a percent sign")
}

fn directive(text: &str) -> Result<Directive> {
    let (before, parameter, behind) = match text.split_once('{') {
        Some((before, rest)) => {
            let (parameter, behind) = rest.split_once('}').unwrap_or((rest, ""));
            (before, Some(parameter), behind)
        }
        None => (text, None, text),
    };
    let is_original = before.contains('<') || behind.contains('<');
    let is_final = before.contains('>') || behind.contains('>');
    let is_trailer = behind.contains("^t");
    let letter = text.chars().next_back().unwrap_or('%');
    let found = match (letter, parameter) {
        ('i', Some(name)) if !is_trailer => header(name),
        ('o', Some(name)) if !is_trailer => named(name, "sent_http", "header of the answer"),
        ('i' | 'o', Some(name)) => named(name, "trailer", "trailer"),
        ('C', Some(name)) => cookie(name),
        ('e', Some(name)) => named(name, "env", "environment variable"),
        ('n', Some(name)) => named(name, "note", "note"),
        ('t', Some(format)) => Directive::of(time(format)?, Shape::Word, "time", format!("time_{format}")),
        ('T', Some(unit)) => {
            let unit = match unit {
                "us" => DurationUnit::Microseconds,
                "ms" => DurationUnit::Milliseconds,
                "s" => DurationUnit::Seconds,
                _ => return Err(unknown(text)),
            };
            Directive::of(Field::Duration(unit), Shape::Word, "duration", "duration")
        }
        ('a', Some("c")) => Directive::extra("peer_ip", Shape::Host, ExtraType::Text, "address of the peer"),
        ('p', Some(which @ ("local" | "remote"))) => {
            Directive::extra(format!("{which}_port"), Shape::Whole, ExtraType::Whole, format!("{which} port"))
        }
        ('p', None | Some("canonical")) => {
            Directive::extra("port", Shape::Whole, ExtraType::Whole, "port of the server")
        }
        ('P', _) => Directive::extra("process_id", Shape::Word, ExtraType::Text, "process or thread that answered"),
        ('h', None | Some("c")) => Directive::of(Field::Host, Shape::Host, "host", "remote_host"),
        (_, Some(_)) => return Err(unknown(text)),
        ('s', None) => {
            let rank = u8::from(is_original || !is_final);
            let column = if rank == 0 { "final_status" } else { "original_status" };
            Directive { rank, ..Directive::of(Field::Status, Shape::Word, "status", column) }
        }
        (letter, None) => plain(letter).ok_or_else(|| unknown(text))?,
    };
    Ok(Directive { text: text.to_owned(), ..found })
}

/// The directives that take no parameter.
fn plain(letter: char) -> Option<Directive> {
    let text = |name, comment| Directive::extra(name, Shape::Word, ExtraType::Text, comment);
    let whole = |name, comment| Directive::extra(name, Shape::Whole, ExtraType::Whole, comment);
    Some(match letter {
        'a' => Directive { rank: 1, ..Directive::of(Field::Host, Shape::Host, "client address", "client_ip") },
        'A' => text("local_ip", "address of the server"),
        'l' => Directive::extra("ident", Shape::Ident, ExtraType::Text, "who identd on the client says it is"),
        'u' => Directive::of(Field::User, Shape::User, "user", "user"),
        't' => Directive::of(Field::Time(TimeFormat::Common), Shape::Word, "time", "time"),
        'r' => Directive::of(Field::Request, Shape::Word, "request line", "request"),
        'b' | 'B' => Directive::of(Field::Bytes, Shape::Whole, "bytes", "body_bytes"),
        'O' => Directive::bytes_sent(),
        'I' => whole("bytes_received", "bytes of the request with its headers"),
        'S' => whole("bytes_transferred", "bytes of request and answer with their headers"),
        'D' => Directive::of(Field::Duration(DurationUnit::Microseconds), Shape::Word, "duration", "duration_us"),
        'T' => Directive {
            rank: 1,
            ..Directive::of(Field::Duration(DurationUnit::Seconds), Shape::Word, "duration", "duration_s")
        },
        'v' => Directive::virtual_host("virtual_host"),
        'V' => Directive::virtual_host("server_name"),
        'm' => Directive::of(Field::Method, Shape::Word, "method", "request_method"),
        'U' => Directive::of(Field::Path, Shape::Target, "path", "request_path"),
        'q' => Directive::of(Field::Query, Shape::Word, "query", "request_query"),
        'H' => Directive::of(Field::Protocol, Shape::Protocol, "protocol", "request_protocol"),
        'f' => text("file_name", "file that was sent"),
        'k' => whole("keepalive_requests", "earlier requests on the connection"),
        'L' => text("log_id", "number of the request in the error log"),
        'R' => text("handler", "handler that answered"),
        'X' => text("connection_status", "X aborted, + kept alive, - closed"),
        _ => return None,
    })
}

fn header(name: &str) -> Directive {
    match name.to_ascii_lowercase().as_str() {
        "referer" => Directive::of(Field::Referrer, Shape::Word, "referrer", "http_referer"),
        "user-agent" => Directive::of(Field::UserAgent, Shape::Word, "user agent", "http_user_agent"),
        "x-forwarded-for" => Directive::forwarded_for(),
        _ => named(name, "http", "header of the request"),
    }
}

fn cookie(name: &str) -> Directive {
    match name {
        "sid" => Directive::of(Field::Session, Shape::Word, "session cookie", "cookie_sid"),
        "vid" => Directive::of(Field::Visitor, Shape::Word, "visitor cookie", "cookie_vid"),
        _ => named(name, "cookie", "cookie"),
    }
}

fn named(name: &str, prefix: &str, what: &str) -> Directive {
    Directive::extra(format!("{prefix}_{name}"), Shape::Word, ExtraType::Text, format!("{what} {name}"))
}

/// The format in `%{format}t`.
fn time(format: &str) -> Result<Field> {
    let format = format.strip_prefix("begin:").unwrap_or(format);
    let time = match format {
        "sec" => TimeFormat::EpochSeconds,
        "msec" => TimeFormat::EpochMillis,
        "usec" => TimeFormat::EpochMicros,
        "msec_frac" | "usec_frac" => TimeFormat::Strftime("%f".to_owned()),
        _ if format.starts_with("end:") => {
            return Err(error::config(format!("format: %{{{format}}}t is the time when the answer was sent"))
                .hint("log the time of the request: %t"));
        }
        _ => TimeFormat::Strftime(format.to_owned()),
    };
    Ok(Field::Time(time))
}
