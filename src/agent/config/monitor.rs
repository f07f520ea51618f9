//! The table `[monitor]` of an agent's file: where the agent can be watched.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::checks::check_listener;
use crate::agent::monitor::{Form, MonitorOptions};
use crate::agent::sources::syslog::Transport;
use crate::agent::sources::{Port, loopback};
use crate::config::Document;
use crate::error::{self, Error, Result};
use crate::secret::SecretSource;

/// The keys of the table.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct MonitorArgs {
    #[serde(default = "loopback")]
    bind: String,
    port: u16,
    #[serde(default)]
    form: Form,
    #[serde(default)]
    token_file: Option<PathBuf>,
    #[serde(default)]
    token_env: Option<String>,
}

/// Takes the table out of a document, if there is one; sources listen on `listeners`.
///
/// # Errors
/// Config: all that is wrong with it.
pub(super) fn take(
    document: &mut Document<'_>,
    base: &Path,
    listeners: &[Port<'_>],
) -> Result<Option<MonitorOptions>, Vec<Error>> {
    let Some(part) = document.table("monitor").map_err(|e| vec![e])? else { return Ok(None) };
    let MonitorArgs { bind, port, form, token_file, token_env } = part.read()?;
    let mut wrong = Vec::new();
    // Any port that is free is as good as another.
    if let Err(all) = check_listener(&bind, port.max(1)) {
        wrong.extend(all.told(&part));
    }
    let own = Port { transport: Transport::Tcp, bind: &bind, port };
    if port != 0 && listeners.iter().any(|listener| listener.meets(&own)) {
        let e = error::config(format!("a source listens on port {port} as well")).hint("give each a port of its own");
        wrong.push(part.wrong("port", e));
    }
    let key = if token_file.is_some() { "token-file" } else { "token-env" };
    let source = SecretSource { password_file: token_file, password_env: token_env, ..SecretSource::default() };
    let token = source.read(base).map_err(|e| wrong.push(part.wrong(key, e.context("the token")))).unwrap_or_default();
    if wrong.is_empty() { Ok(Some(MonitorOptions { bind, port, form, token })) } else { Err(wrong) }
}
