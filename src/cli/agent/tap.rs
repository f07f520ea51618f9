//! `agent tap`: events of a running agent as they pass one of its parts, asked for at the port where it is watched.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use reqwest::StatusCode;
use reqwest::header::AUTHORIZATION;
use url::Url;

use crate::cli::args::AgentTap;
use crate::cli::output::print;
use crate::error::{self, Error, Result};
use crate::net::{Server, http};
use crate::pipeline::AgentPipeline;
use crate::secret::{Secret, SecretSource};
use crate::shutdown::Stop;

/// How long the agent may take to answer.
const LIMIT: Duration = Duration::from_secs(10);

const WATCHED: &str =
    "check that the agent runs, and that it is watched there: [monitor] in its file, or --metrics-port";

/// Prints events as they pass.
///
/// # Errors
/// Usage: nobody says where the agent is watched. Unreachable: it is not watched there. Auth: it wants another token.
/// NotFound: it has no such part.
pub(super) async fn run(args: &AgentTap, stop: &Stop) -> Result<()> {
    let (mut url, token) = address(args)?;
    let parts = [("source", &args.source), ("channel", &args.channel), ("sink", &args.sink)];
    url.set_path("/tap");
    url.query_pairs_mut()
        .clear()
        .extend_pairs(parts.iter().filter_map(|(kind, name)| Some((*kind, name.as_deref()?))))
        .append_pair("count", &args.count.to_string())
        .append_pair("seconds", &args.time.get().as_secs().max(1).to_string());
    let server = Server::new("an agent of sakia", url.origin().ascii_serialization(), LIMIT);
    let mut request = http::client(&server, None)?.get(url);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let failed = |e: reqwest::Error| http::failed(&server, e);
    let answer = stop.or(async { request.send().await.map_err(|e| failed(e).hint(WATCHED)) }).await?;
    if !answer.status().is_success() {
        let status = answer.status();
        let why = answer.text().await.map_err(failed)?;
        return Err(refused(status, why.trim(), &server));
    }
    let mut pieces = answer.bytes_stream();
    let mut waiting = Vec::new();
    while let Some(piece) = stop.or(async { pieces.next().await.transpose().map_err(failed) }).await? {
        waiting.extend_from_slice(&piece);
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = waiting.drain(..=end).collect();
            print(String::from_utf8_lossy(&line).trim_end())?;
        }
    }
    Ok(())
}

/// Where the agent is watched, and the token that it wants.
fn address(args: &AgentTap) -> Result<(Url, Option<Secret>)> {
    let parsed = |text: &str| {
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host());
        url.ok_or_else(|| error::usage(format!("{text} is not the address of an agent")).hint("write http://HOST:PORT"))
    };
    if let Some(url) = &args.url {
        let source = SecretSource { password_file: args.token_file.clone(), ..SecretSource::default() };
        return Ok((parsed(url)?, source.read(Path::new(""))?));
    }
    let file = args.file.as_deref().unwrap_or(Path::new(""));
    let agent = AgentPipeline::read(file)?;
    let (bind, port, token) = agent.watched().ok_or_else(|| {
        error::usage(format!("{} does not say where the agent is watched", file.display()))
            .hint("add [monitor] with a port, or give the port it was started with: --url http://127.0.0.1:PORT")
    })?;
    let host = match bind.parse::<std::net::IpAddr>() {
        Ok(address) if address.is_unspecified() => "127.0.0.1".to_owned(),
        Ok(std::net::IpAddr::V6(address)) => format!("[{address}]"),
        _ => bind,
    };
    Ok((parsed(&format!("http://{host}:{port}"))?, token))
}

fn refused(status: StatusCode, why: &str, server: &Server) -> Error {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            error::auth(format!("{server} does not show events: {why}")).hint("give its token by --token-file")
        }
        StatusCode::NOT_FOUND => {
            error::not_found(format!("{server}: {why}")).hint("see the names of its parts in its file, or in /metrics")
        }
        StatusCode::BAD_REQUEST => error::usage(why.to_owned()).hint("see sakia agent tap --help"),
        _ => error::refused(format!("{server} answers {status}: {why}")).hint(WATCHED),
    }
}
