//! How the bodies of events are taken apart: `parser` of a table.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::agent::parsers::delimited::{DelimitedParser, LineFormat};
use crate::agent::parsers::json::JsonParser;
use crate::agent::parsers::key_value::{KeyValueParser, PairFormat};
use crate::agent::parsers::mapping::FieldArgs;
use crate::agent::parsers::pattern::PatternParser;
use crate::agent::parsers::protected::ProtectedParser;
use crate::agent::parsers::weblog::{LogFormat, WeblogParser};
use crate::agent::parsers::{Parser, campaign, segment};
use crate::agent::routes::{ColumnArgs, RouteArgs};
use crate::agent::veil::{How, Veil, VeilArgs};
use crate::error::{self, Result};

/// How bodies are taken apart.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub(super) enum ParserArgs {
    Weblog {
        #[serde(default = "combined")]
        format: String,
        #[serde(default, rename = "column")]
        columns: Vec<ColumnArgs>,
        #[serde(default, rename = "route")]
        routes: Vec<RouteArgs>,
        /// Columns for what user agents say.
        #[serde(default)]
        user_agents: bool,
    },
    Json {
        /// Columns of messages of the Segment specification, by the name of the event; those in `columns` join them.
        #[serde(default)]
        preset: Option<String>,
        /// The key of a URL, whose parameters of campaigns have columns of their own.
        #[serde(default)]
        campaign: Option<String>,
        /// The column with the time of an event.
        #[serde(default)]
        time: Option<String>,
        #[serde(default)]
        columns: Vec<FieldArgs>,
    },
    KeyValue {
        #[serde(default = "blank")]
        separator: String,
        #[serde(default = "equals")]
        assign: String,
        /// Empty: quotes are letters like others.
        #[serde(default = "quote")]
        quote: String,
        #[serde(default)]
        null: Option<String>,
        /// Keys and values are percent-encoded, as in a form.
        #[serde(default)]
        percent_decode: bool,
        #[serde(default)]
        campaign: Option<String>,
        #[serde(default)]
        time: Option<String>,
        #[serde(default)]
        columns: Vec<FieldArgs>,
    },
    Delimited {
        #[serde(default = "comma")]
        separator: String,
        /// Empty: quotes are letters like others.
        #[serde(default = "quote")]
        quote: String,
        #[serde(default)]
        null: String,
        /// The names of a line's fields, in their order; without them they are the keys of the columns.
        #[serde(default)]
        fields: Vec<String>,
        #[serde(default)]
        campaign: Option<String>,
        #[serde(default)]
        time: Option<String>,
        columns: Vec<FieldArgs>,
    },
    Regex {
        pattern: String,
        #[serde(default)]
        campaign: Option<String>,
        #[serde(default)]
        time: Option<String>,
        columns: Vec<FieldArgs>,
    },
}

fn combined() -> String {
    "combined".to_owned()
}

fn blank() -> String {
    " ".to_owned()
}

fn equals() -> String {
    "=".to_owned()
}

fn comma() -> String {
    ",".to_owned()
}

fn quote() -> String {
    "\"".to_owned()
}

impl ParserArgs {
    /// # Errors
    /// Config: its format, its columns or its routes make no sense.
    pub(super) fn plan(self) -> Result<Box<dyn Parser>> {
        Ok(match self {
            Self::Weblog { format, columns, routes, user_agents } => {
                let parser = WeblogParser::new(LogFormat::new(&format)?, &columns, &routes)?;
                Box::new(if user_agents { parser.describing()? } else { parser })
            }
            Self::Json { preset, campaign, time, columns } => {
                let is_preset = preset.is_some();
                let columns = match preset {
                    Some(name) => segment::with_own(&name, columns)?,
                    None => columns,
                };
                let time = time.or_else(|| is_preset.then(|| segment::TIME.to_owned()));
                Box::new(JsonParser::new(&with_campaign(columns, campaign), time.as_deref())?)
            }
            Self::KeyValue { separator, assign, quote, null, percent_decode, campaign, time, columns } => {
                let format = PairFormat {
                    separator: one_character("separator", &separator)?,
                    assign: one_character("assign", &assign)?,
                    quote: one_byte("quote", &quote)?.map(char::from),
                    null,
                    percent: percent_decode,
                };
                Box::new(KeyValueParser::new(format, &with_campaign(columns, campaign), time.as_deref())?)
            }
            Self::Delimited { separator, quote, null, fields, campaign, time, columns } => {
                if campaign.is_some() && fields.is_empty() {
                    return Err(error::config("campaign names a field, and fields names none")
                        .hint("name the fields of a line: fields = [\"..\"]"));
                }
                let separator = one_byte("separator", &separator)?
                    .ok_or_else(|| error::config("separator is empty").hint("give one character, such as , or \\t"))?;
                let format = LineFormat { separator, quote: one_byte("quote", &quote)?, null };
                let columns = with_campaign(columns, campaign);
                Box::new(DelimitedParser::new(format, &fields, &columns, time.as_deref())?)
            }
            Self::Regex { pattern, campaign, time, columns } => {
                Box::new(PatternParser::new(&pattern, &with_campaign(columns, campaign), time.as_deref())?)
            }
        })
    }
}

/// The columns, and those of the campaign that the URL of a key names, unless the user has one of that name.
fn with_campaign(mut columns: Vec<FieldArgs>, key: Option<String>) -> Vec<FieldArgs> {
    for column in key.iter().flat_map(|key| campaign(key)) {
        match columns.iter_mut().find(|own| own.name.eq_ignore_ascii_case(&column.name)) {
            // What a preset has of a campaign is what its library made of the same URL.
            Some(own) if own.key.as_deref().is_some_and(|key| key.starts_with("context.campaign.")) => *own = column,
            Some(_) => {}
            None => columns.push(column),
        }
    }
    columns
}

/// How columns of a table are hidden.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ProtectArgs {
    columns: Vec<String>,
    how: How,
    /// The key of a hash.
    #[serde(default)]
    key_file: Option<PathBuf>,
    #[serde(default)]
    key_env: Option<String>,
    /// Bits of an address that stay.
    #[serde(default)]
    ipv4_bits: Option<u8>,
    #[serde(default)]
    ipv6_bits: Option<u8>,
}

/// A parser whose rows have hidden values, where any are to be.
///
/// # Errors
/// Config: a column is not there or cannot hold such a value, a key cannot be had.
pub(super) fn protected(parser: Box<dyn Parser>, args: Vec<ProtectArgs>, base: &Path) -> Result<Box<dyn Parser>> {
    let mut veils = Vec::new();
    for ProtectArgs { columns, how, key_file, key_env, ipv4_bits, ipv6_bits } in args {
        if columns.is_empty() {
            return Err(error::config("protect names no columns").hint("name them: columns = [\"ip\"]"));
        }
        let veil = Veil::new(&VeilArgs { how, key_file, key_env, ipv4_bits, ipv6_bits }, base)?;
        veils.extend(columns.into_iter().map(|column| (column, veil.clone())));
    }
    if veils.is_empty() { Ok(parser) } else { Ok(Box::new(ProtectedParser::new(parser, veils)?)) }
}

fn one_character(key: &str, text: &str) -> Result<char> {
    let byte = one_byte(key, text)?;
    byte.map(char::from).ok_or_else(|| error::config(format!("{key} is empty")).hint("give one character"))
}

/// The one byte of a text; `None` where it is empty.
fn one_byte(key: &str, text: &str) -> Result<Option<u8>> {
    match text.as_bytes() {
        [] => Ok(None),
        [byte] if byte.is_ascii() => Ok(Some(*byte)),
        _ => Err(error::config(format!("{key} is {text:?}")).hint("give one ASCII character")),
    }
}
