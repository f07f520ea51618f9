//! nginx's format texts: what stands in quotes in a `log_format` line.
//!
//! Source: nginx ngx_http_log_module, ngx_http_core_module (variables).

use super::directive::{Directive, Token};
use super::field::{DurationUnit, ExtraType, Field, Shape};
use super::time::TimeFormat;
use crate::error::{self, Result};

/// Splits a format text into its variables and what stands between them.
///
/// # Errors
/// Config: a variable has no name.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some((literal, behind)) = rest.split_once('$') {
        tokens.push(Token::Literal(literal.to_owned()));
        let (name, behind) = match behind.strip_prefix('{') {
            Some(inner) => inner.split_once('}').unwrap_or(("", "")),
            None => {
                let end = behind.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(behind.len());
                behind.split_at(end)
            }
        };
        if name.is_empty() {
            let shown: String = rest[literal.len()..].chars().take(20).collect();
            return Err(error::config(format!("format: {shown} is not a variable"))
                .hint("give the format as it stands in nginx.conf, such as $remote_addr"));
        }
        tokens.push(Token::Directive(Directive { text: format!("${name}"), ..variable(name) }));
        rest = behind;
    }
    tokens.push(Token::Literal(rest.to_owned()));
    Ok(tokens)
}

fn variable(name: &str) -> Directive {
    let known = |field, shape, label: &str| Directive::of(field, shape, label, name);
    match name {
        "remote_addr" => known(Field::Host, Shape::Host, "host"),
        "remote_user" => known(Field::User, Shape::User, "user"),
        "time_local" => known(Field::Time(TimeFormat::Common), Shape::Word, "time"),
        "time_iso8601" => known(Field::Time(TimeFormat::Iso8601), Shape::Word, "time"),
        "msec" => Directive { rank: 1, ..known(Field::Time(TimeFormat::EpochSeconds), Shape::Word, "time") },
        "request" => known(Field::Request, Shape::Word, "request line"),
        "request_method" => known(Field::Method, Shape::Word, "method"),
        "request_uri" => known(Field::Target, Shape::Target, "request target"),
        "uri" | "document_uri" => known(Field::Path, Shape::Target, "path"),
        "args" | "query_string" => known(Field::Query, Shape::Word, "query"),
        "server_protocol" => known(Field::Protocol, Shape::Protocol, "protocol"),
        "status" => known(Field::Status, Shape::Word, "status"),
        "body_bytes_sent" => known(Field::Bytes, Shape::Whole, "bytes"),
        "bytes_sent" => Directive::bytes_sent(),
        "http_referer" => known(Field::Referrer, Shape::Word, "referrer"),
        "http_user_agent" => known(Field::UserAgent, Shape::Word, "user agent"),
        "http_x_forwarded_for" | "proxy_add_x_forwarded_for" => Directive::forwarded_for(),
        "request_time" => known(Field::Duration(DurationUnit::Seconds), Shape::Word, "duration"),
        "cookie_sid" => known(Field::Session, Shape::Word, "session cookie"),
        "cookie_vid" => known(Field::Visitor, Shape::Word, "visitor cookie"),
        "host" | "http_host" => Directive::virtual_host("virtual_host"),
        "server_name" => Directive::virtual_host("server_name"),
        "server_port" => Directive::extra("port", Shape::Whole, ExtraType::Whole, "port of the server"),
        "request_length" => {
            Directive::extra("bytes_received", Shape::Whole, ExtraType::Whole, "bytes of the request with its headers")
        }
        // One value for each server that was asked.
        _ if name.starts_with("upstream_") => {
            let comment = format!("variable {name} of nginx: a value for each server that was asked");
            Directive::extra(name, Shape::Series, ExtraType::Text, comment)
        }
        _ => Directive::extra(name, Shape::Word, ExtraType::Text, format!("variable {name} of nginx")),
    }
}
