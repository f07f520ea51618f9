//! The properties of a client of Flume's, as `avro-client` is given them.
//!
//! Source: Flume 1.11 `RpcClientFactory`, `NettyAvroRpcClient`, `ThriftRpcClient`. Clients of several hosts are refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::properties::{self, Properties};
use crate::agent::SendOptions;
use crate::agent::config::ClientTlsArgs;
use crate::agent::rpc::{ClientOptions, Deflation, Encoding, Speech};
use crate::config::nearest;
use crate::error::{self, Error, Result};
use crate::secret::Secret;

/// What a client is told that is told nothing more.
///
/// Source: `RpcClientConfigurationConstants`.
pub(crate) fn plain_client(host: String, port: u16) -> ClientOptions {
    let limit = Duration::from_secs(20);
    ClientOptions {
        host,
        port,
        speech: Speech::Avro,
        tls: None,
        deflation: None,
        connect_timeout: limit,
        request_timeout: limit,
    }
}

/// Keys that are read, and those that do nothing here.
const READ: [&str; 13] = [
    "client.type",
    "hosts",
    "batch-size",
    "connect-timeout",
    "request-timeout",
    "compression-type",
    "compression-level",
    "protocol",
    "ssl",
    "trust-all-certs",
    "truststore",
    "truststore-password",
    "kerberos",
];
const PASSED_OVER: [&str; 7] = [
    "truststore-type",
    "exclude-protocols",
    "include-protocols",
    "exclude-cipher-suites",
    "include-cipher-suites",
    "maxConnections",
    "maxIoWorkers",
];

/// Reads a file of properties: where lines are sent to, without headers.
///
/// # Errors
/// Config: it cannot be read, names no host, or asks for what is not here.
pub(crate) fn rpc_client(file: &Path) -> Result<SendOptions> {
    let mut notes = Vec::new();
    let said = properties::read(&[file], &mut notes)?;
    for key in said.keys().filter(|key| !READ.contains(&key.as_str()) && !key.starts_with("hosts.")) {
        let does_nothing = match (PASSED_OVER.contains(&key.as_str()), nearest(key, &READ)) {
            (false, Some(near)) => format!("{key} is not known and does nothing; did you mean {near}?"),
            _ => format!("{key} does nothing here"),
        };
        notes.push(does_nothing);
    }
    notes.iter().for_each(|note| tracing::warn!("{}: {note}", file.display()));
    let said = Said { file, said };
    let speech = said.speech()?;
    let (host, port) = said.host()?;
    let deflates = said.is("compression-type", "deflate") && speech == Speech::Avro;
    let tls = said.tls()?;
    let level = u32::try_from(said.number("compression-level", 6)?).unwrap_or(9).min(9);
    let client = ClientOptions {
        speech,
        // As Flume 1.11 has it on both sides.
        deflation: deflates.then_some(Deflation { level, around_tls: tls.is_some() }),
        tls,
        connect_timeout: said.limit("connect-timeout")?,
        request_timeout: said.limit("request-timeout")?,
        ..plain_client(host, port)
    };
    let batch_size = usize::try_from(said.number("batch-size", 100)?).unwrap_or(usize::MAX).max(1);
    Ok(SendOptions { client, batch_size, headers: Vec::new() })
}

/// Reads a file of headers.
///
/// # Errors
/// Config: it cannot be read.
pub(crate) fn headers(file: &Path) -> Result<Vec<(String, String)>> {
    let said = properties::read(&[file], &mut Vec::new())?;
    Ok(said.into_iter().map(|(name, value)| (name, value.text)).collect())
}

struct Said<'a> {
    file: &'a Path,
    said: Properties,
}

impl Said<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.said.get(key).map(|value| value.text.trim()).filter(|text| !text.is_empty())
    }

    fn is(&self, key: &str, value: &str) -> bool {
        self.text(key).is_some_and(|text| text.eq_ignore_ascii_case(value))
    }

    fn wrong(&self, what: impl std::fmt::Display) -> Error {
        error::config(format!("{}: {what}", self.file.display()))
    }

    fn number(&self, key: &str, default: u64) -> Result<u64> {
        let Some(text) = self.text(key) else { return Ok(default) };
        text.parse().map_err(|_| self.wrong(format!("{key} = {text} is not a number")).hint("give a whole number"))
    }

    /// Below a second Flume takes its default.
    fn limit(&self, key: &str) -> Result<Duration> {
        let ms = self.number(key, 20_000)?;
        Ok(Duration::from_millis(if ms < 1_000 { 20_000 } else { ms }))
    }

    fn speech(&self) -> Result<Speech> {
        if self.is("kerberos", "true") {
            return Err(self.wrong("kerberos = true is not here").hint("no ticket is shown to another agent; use ssl"));
        }
        let kind = self.text("client.type").unwrap_or("default");
        let class = kind.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        match class.as_str() {
            "default" | "nettyavrorpcclient" => Ok(Speech::Avro),
            "thrift" | "thriftrpcclient" if self.is("protocol", "binary") => Ok(Speech::Thrift(Encoding::Binary)),
            "thrift" | "thriftrpcclient" => Ok(Speech::Thrift(Encoding::Compact)),
            _ => {
                Err(self.wrong(format!("client.type = {kind} is not here")).hint("use default or thrift, and one host"))
            }
        }
    }

    fn host(&self) -> Result<(String, u16)> {
        let missing =
            |key: &str| self.wrong(format!("it has no {key}")).hint("write hosts = h1 and hosts.h1 = HOST:PORT");
        let hosts = self.text("hosts").ok_or_else(|| missing("hosts"))?;
        let key = format!("hosts.{}", hosts.split_whitespace().next().unwrap_or_default());
        let host = self.text(&key).ok_or_else(|| missing(&key))?;
        let parts = host.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
        parts.ok_or_else(|| self.wrong(format!("{key} = {host} is not an address")).hint("write it as HOST:PORT"))
    }

    fn tls(&self) -> Result<Option<crate::net::tls::Tls>> {
        if !self.is("ssl", "true") {
            return Ok(None);
        }
        if self.is("trust-all-certs", "true") {
            let hint = "name the certificate of the other agent, or of who signed it, in a truststore";
            return Err(self.wrong("trust-all-certs = true is not here").hint(hint));
        }
        let args = ClientTlsArgs {
            ca: None,
            trust_store: self.text("truststore").map(PathBuf::from),
            password_file: None,
            password_env: None,
            password: self.text("truststore-password").map(Secret::new),
        };
        args.plan(Path::new("")).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<SendOptions> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rpc.properties");
        std::fs::write(&file, text).unwrap();
        rpc_client(&file)
    }

    const HOSTS: &str = "hosts = h1 h2\nhosts.h1 = a:4141\n";

    #[test]
    fn a_client_as_flume_reads_it() {
        let plain = of(HOSTS).unwrap();
        assert_eq!((plain.client.host.as_str(), plain.client.port, plain.batch_size), ("a", 4141, 100));
        let more =
            "client.type = thrift\nprotocol = binary\nbatch-size = 7\nrequest-timeout = 500\nconnect-timeout = 3000";
        let made = of(&format!("{HOSTS}{more}")).unwrap();
        assert_eq!((made.client.speech, made.batch_size), (Speech::Thrift(Encoding::Binary), 7));
        let limits = (made.client.connect_timeout, made.client.request_timeout);
        assert_eq!(limits, (Duration::from_secs(3), Duration::from_secs(20)));
        let deflated = of(&format!("{HOSTS}compression-type = deflate\ncompression-level = 1")).unwrap();
        assert_eq!(deflated.client.deflation, Some(Deflation { level: 1, around_tls: false }));
    }

    #[test]
    fn what_is_not_here_is_named() {
        for (more, said) in [
            ("client.type = default_failover", "client.type = default_failover is not here"),
            ("kerberos = true", "kerberos = true is not here"),
            ("ssl = true\ntrust-all-certs = true", "trust-all-certs = true is not here"),
            ("batch-size = many", "batch-size = many is not a number"),
            ("hosts.h1 = a", "hosts.h1 = a is not an address"),
            ("hosts = ", "it has no hosts"),
        ] {
            let error = of(&format!("{HOSTS}{more}")).unwrap_err();
            assert!(error.to_string().contains(said) && error.remedy().is_some(), "{more}: {error}");
        }
    }
}
