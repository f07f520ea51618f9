//! MySQL option files (`my.cnf`): the group `client` and what it says about the connection. Other groups and options are
//! the business of MySQL's own programs. It refuses files that include others, which it does not follow.
//!
//! Source: MySQL 8.4 manual, "Using Option Files".

use std::path::Path;

use super::value::Secret;
use crate::error::{self, Error, Result};

/// What an option file says where nothing else does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Defaults {
    /// User.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// Host.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
}

/// Reads a file.
///
/// # Errors
/// Config: it cannot be read, includes other files, or holds a malformed port.
pub(crate) fn read(file: &Path) -> Result<Defaults> {
    let in_file = |e: Error| e.context(format!("defaults file {}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|e| {
        in_file(error::config("cannot be read").hint("check the path and that this user may read it").source(e))
    })?;
    parse(&text).map_err(in_file)
}

fn parse(text: &str) -> Result<Defaults> {
    let (mut defaults, mut in_client) = (Defaults::default(), false);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        // The text of a line may be a password: only its number is named.
        let at = number + 1;
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('!') {
            return Err(error::config(format!("line {at} includes other files, which are not followed"))
                .hint("name the file that holds the group client"));
        }
        if let Some(group) = line.strip_prefix('[') {
            let group = group.split(']').next().unwrap_or_default().trim();
            in_client = group == "client";
            continue;
        }
        if !in_client {
            continue;
        }
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let value = unquote(value.trim());
        match name.trim().replace('_', "-").as_str() {
            "user" => defaults.user = Some(value),
            "password" => defaults.password = Some(Secret::new(value)),
            "host" => defaults.host = Some(value),
            "port" => {
                let port = value
                    .parse()
                    .map_err(|_| error::config(format!("line {at}: the port is not a number from 0 to 65535")))?;
                defaults.port = Some(port);
            }
            _ => {}
        }
    }
    Ok(defaults)
}

/// A value without its quotes, comment and escapes.
fn unquote(value: &str) -> String {
    let quoted = ['"', '\''].into_iter().find_map(|quote| {
        let rest = value.strip_prefix(quote)?;
        Some(&rest[..rest.rfind(quote)?])
    });
    // Outside quotes a comment may follow.
    let inner = quoted.unwrap_or_else(|| value.split(" #").next().unwrap_or_default().trim_end());
    let (mut text, mut rest) = (String::with_capacity(inner.len()), inner.chars());
    while let Some(c) = rest.next() {
        match (c, rest.as_str().chars().next()) {
            ('\\', Some(escaped)) => {
                let meant = match escaped {
                    'b' => Some('\u{8}'),
                    't' => Some('\t'),
                    'n' => Some('\n'),
                    'r' => Some('\r'),
                    's' => Some(' '),
                    '\\' | '"' | '\'' => Some(escaped),
                    _ => None,
                };
                // Anything else after a backslash stands for itself.
                if meant.is_some() {
                    rest.next();
                }
                text.push(meant.unwrap_or('\\'));
            }
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_client_is_read() {
        let text = "# mine\n[mysqld]\nport=1\npassword=no\n[client]\nuser = shop\npassword = \"p#a\\\\ss\\\"w\\qord\" # c\n\
                    host=db.example # the old one\nport=3307\nssl-mode=REQUIRED\n[mysql]\nuser=else\n";
        let defaults = parse(text).unwrap();
        assert_eq!(defaults.user.as_deref(), Some("shop"));
        assert_eq!(defaults.password.unwrap().expose(), "p#a\\ss\"w\\qord");
        assert_eq!((defaults.host.as_deref(), defaults.port), (Some("db.example"), Some(3307)));
    }

    #[test]
    fn what_is_not_understood_is_named_without_its_text() {
        let error = parse("[client]\nport = s3cret\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2: the port is not a number from 0 to 65535");
        assert!(parse("!includedir /etc/mysql\n").unwrap_err().to_string().contains("includes other files"));
        let error = read(Path::new("/nonexistent/my.cnf")).unwrap_err();
        assert!(error.to_string().starts_with("defaults file /nonexistent/my.cnf: cannot be read"), "{error}");
    }
}
