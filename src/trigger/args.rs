//! What a trigger is told.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::error::{self, Error};

/// A Hive query whose rows become events, each handed over once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TriggerArgs {
    /// File with the HiveQL query whose rows are looked at
    #[arg(long, value_name = "FILE", default_value = "", hide_default_value = true, value_parser = config::path)]
    #[serde(default)]
    pub query_file: PathBuf,
    /// Hive database of the names that stand without one; ${database} stands for it
    #[arg(
        id = "trigger_database",
        long = "database",
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    #[serde(default)]
    pub database: String,
    /// What makes an event
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    #[serde(default)]
    pub on: On,
    /// Columns that tell one row from another
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    #[serde(default)]
    pub key: Vec<String>,
    /// Column with the person whom the event is about [default: the first of key]
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub subject: Option<String>,
    /// File with a HiveQL query whose first column has all who may be written to [default: consent is not asked]
    #[arg(long, value_name = "FILE", value_parser = config::path)]
    #[serde(default)]
    pub consent_file: Option<PathBuf>,
    /// Table of events in the database of MySQL, made if missing; NAME_members beside it holds who is in a segment
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    #[serde(default)]
    pub outbox: String,
    /// Local directory that gets a file of JSON lines a run
    #[arg(long, value_name = "DIR", value_parser = config::path)]
    #[serde(default)]
    pub file_dir: Option<PathBuf>,
    /// Most events that a run may make; more are refused before any is written [default: no limit]
    #[arg(long, value_name = "COUNT")]
    #[serde(default)]
    pub max_events: Option<u64>,
    /// What ${NAME} stands for in the queries.
    #[arg(skip)]
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// The server that gets a signed request an event.
    #[arg(skip)]
    #[serde(default)]
    pub webhook: Option<WebhookArgs>,
}

/// What makes an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// Each key, the first time that the query gives it
    #[default]
    Row,
    /// Each key that the query gives and did not give before, and each that it does not give any more
    Membership,
}

/// Where requests go, and what they are signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WebhookArgs {
    /// `https://..`; `http://` to this host only.
    pub url: String,
    /// File with the secret that requests are signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// Environment variable with the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_env: Option<String>,
    /// PEM file of the authorities that vouch for the server, where they are not the well-known ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

impl TriggerArgs {
    /// The column with the person whom an event is about.
    pub(super) fn subject(&self) -> &str {
        self.subject.as_deref().or(self.key.first().map(String::as_str)).unwrap_or_default()
    }

    /// What is wrong, each with its key.
    pub(super) fn wrong(&self) -> Vec<(&'static str, Error)> {
        let missing = [
            (self.query_file.as_os_str().is_empty(), "query-file", "name the file of the query"),
            (self.key.is_empty(), "key", "name the columns that tell rows apart"),
            (self.outbox.is_empty(), "outbox", "name the table of events"),
        ];
        let mut wrong: Vec<(&'static str, Error)> = missing
            .into_iter()
            .filter(|(missing, ..)| *missing)
            .map(|(_, key, hint)| (key, error::config(format!("missing key `{key}`")).hint(hint)))
            .collect();
        if self.file_dir.is_some() && self.webhook.is_some() {
            let e =
                error::config("both file-dir and webhook are given").hint("give each a step and an outbox of its own");
            wrong.push(("webhook", e));
        }
        if let Some(webhook) = &self.webhook
            && webhook.secret_file.is_some() == webhook.secret_env.is_some()
        {
            let e = error::config("the webhook needs one secret").hint("give secret-file or secret-env");
            wrong.push(("webhook", e));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_its_key() {
        let keys = |text: &str| {
            let args: TriggerArgs = config::parse(text, "test").unwrap();
            args.wrong().into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(keys(""), ["query-file", "key", "outbox"]);
        let whole = "query-file = 'q.hql'\nkey = ['id']\noutbox = 'outbox'\n";
        assert_eq!(keys(whole), [""; 0]);
        let webhook = "webhook = { url = 'https://crm', secret-env = 'SECRET' }\n";
        assert_eq!(keys(&format!("{whole}{webhook}")), [""; 0]);
        assert_eq!(keys(&format!("{whole}{webhook}file-dir = 'out'\n")), ["webhook"]);
        assert_eq!(keys(&format!("{whole}webhook = {{ url = 'https://crm' }}\n")), ["webhook"]);
    }
}
