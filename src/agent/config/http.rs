//! The keys of the sink `http`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use url::Url;

use super::RollArgs;
use super::checks::{Wrong, Wrongs, at, check_range};
use super::hbase::reject_dir;
use super::rpc::ClientTlsArgs;
use crate::agent::sinks::http::HttpSinkOptions;
use crate::agent::sinks::http::body::Form;
use crate::agent::sinks::http::statuses::{Statuses, Verdict};
use crate::config::{CONNECT_TIMEOUT, Timespan};
use crate::error::{self, Result};
use crate::secret::{self, SecretSource};

/// When an epoch is complete, where nobody says otherwise: a short one is sent again sooner.
pub(super) const ROLL: RollArgs = RollArgs { rows: 1_000, bytes: 4 << 20, age: Timespan::from_secs(1), idle: None };

/// A server that events are posted to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct HttpSinkArgs {
    url: String,
    reject_dir: PathBuf,
    #[serde(default)]
    form: Form,
    #[serde(default = "batch_size")]
    batch_size: u64,
    #[serde(default = "batch_bytes")]
    batch_bytes: u64,
    #[serde(default = "one")]
    connections: u64,
    #[serde(default)]
    compression: Compression,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    accept: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    token_file: Option<PathBuf>,
    #[serde(default)]
    token_env: Option<String>,
    #[serde(default)]
    tls: Option<ClientTlsArgs>,
    #[serde(default = "connect_timeout")]
    connect_timeout: Timespan,
    #[serde(default = "request_timeout")]
    request_timeout: Timespan,
    /// What becomes of events by the status of an answer.
    #[serde(default)]
    statuses: BTreeMap<String, Verdict>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Compression {
    #[default]
    None,
    Gzip,
}

fn batch_size() -> u64 {
    100
}

fn batch_bytes() -> u64 {
    1 << 20
}

fn one() -> u64 {
    1
}

fn connect_timeout() -> Timespan {
    Timespan::from_secs(CONNECT_TIMEOUT.as_secs())
}

fn request_timeout() -> Timespan {
    Timespan::from_secs(30)
}

impl HttpSinkArgs {
    /// # Errors
    /// Config: a value makes no sense, or the token cannot be had.
    pub(super) fn plan(self, base: &Path) -> Result<HttpSinkOptions, Wrongs> {
        let mut wrong = Wrongs::default();
        wrong.note(check_range("batch-size", self.batch_size, 1, 1 << 20));
        wrong.note(check_range("batch-bytes", self.batch_bytes, 1, 256 << 20));
        wrong.note(check_range("connections", self.connections, 1, 64));
        for (key, limit) in [("connect-timeout", self.connect_timeout), ("request-timeout", self.request_timeout)] {
            if limit.get().is_zero() {
                wrong.add(key, error::config(format!("{key} is 0")).hint("give it some time, such as 5s"));
            }
        }
        let headers = wrong.note(self.headers(base));
        let url = wrong.note(url(&self.url));
        let tls = match (self.tls, url.as_ref().map_or("", Url::scheme)) {
            (Some(_), "http") => {
                let e =
                    error::config("tls is given, and url is http").hint("write the url with https, or take tls out");
                Err(("tls", e))
            }
            (Some(tls), _) => tls.plan(base).map(Some).map_err(at("tls")),
            (None, "https") => ClientTlsArgs::default().plan(base).map(Some).map_err(at("url")),
            (None, _) => Ok(None),
        };
        let tls = wrong.note(tls);
        let statuses = wrong.note(Statuses::new(self.statuses).map_err(at("statuses")));
        let reject_dir = wrong.note(reject_dir(base, &self.reject_dir));
        let (Some(headers), Some(url), Some(tls), Some(statuses), Some(reject_dir), true) =
            (headers, url, tls, statuses, reject_dir, wrong.is_empty())
        else {
            return Err(wrong);
        };
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(HttpSinkOptions {
            tls,
            url,
            headers,
            form: self.form,
            gzip: self.compression == Compression::Gzip,
            batch_size: size(self.batch_size),
            batch_bytes: size(self.batch_bytes),
            connections: size(self.connections),
            connect_timeout: self.connect_timeout.get(),
            request_timeout: self.request_timeout.get(),
            statuses,
            reject_dir,
            sink: String::new(),
        })
    }

    fn headers(&self, base: &Path) -> Result<HeaderMap, Wrongs> {
        let (mut headers, mut wrong) = (HeaderMap::new(), Wrongs::default());
        for (name, text) in &self.headers {
            let known = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(text.as_str()));
            let (Ok(known), Ok(value)) = known else {
                wrong.add("headers", error::config(format!("{name:?} = {text:?} is not a header of HTTP")));
                continue;
            };
            if known == AUTHORIZATION {
                let e = error::config("headers holds Authorization, in clear");
                wrong.add("headers", e.hint("give the token by token-file or token-env"));
            }
            headers.insert(known, value);
        }
        let of_keys = [
            ("content-type", CONTENT_TYPE, Some(self.content_type.as_deref().unwrap_or(self.form.content_type()))),
            ("accept", ACCEPT, self.accept.as_deref()),
        ];
        for (key, name, text) in of_keys {
            let Some(text) = text else { continue };
            let value = HeaderValue::try_from(text).map_err(|_| (key, error::config(format!("{key} is {text:?}"))));
            if let Some(value) = wrong.note(value) {
                headers.insert(name, value);
            }
        }
        let key = if self.token_file.is_some() { "token-file" } else { "token-env" };
        let source = SecretSource {
            password_file: self.token_file.clone(),
            password_env: self.token_env.clone(),
            ..SecretSource::default()
        };
        let token = wrong.note(source.read(base).map_err(|e| (key, e.context("the token"))));
        if let Some(token) = token.flatten() {
            let value = HeaderValue::try_from(format!("Bearer {}", token.expose()));
            let value = value.map_err(|_| (key, error::config("the token cannot stand in a header of HTTP")));
            if let Some(mut value) = wrong.note(value) {
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
        }
        wrong.end().map(|()| headers)
    }
}

fn url(text: &str) -> Result<Url, Wrong> {
    if secret::is_in_url(text) {
        let e = error::config("url holds a password, which would be printed with it");
        return Err(("url", e.hint("take it out; a token is given by token-file or token-env")));
    }
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| {
        let e = error::config(format!("url is {text:?}"));
        ("url", e.hint("write it as http://HOST:PORT/PATH or https://HOST/PATH"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(url: &str, more: &str) -> Result<HttpSinkOptions, String> {
        let args: HttpSinkArgs =
            toml::from_str(&format!("url = '{url}'\nreject-dir = 'r'\n{more}")).map_err(|e| e.to_string())?;
        args.plan(Path::new("/base")).map_err(|all| all.to_string())
    }

    #[test]
    fn a_server_and_what_it_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let token = dir.path().join("token");
        std::fs::write(&token, "open sesame\n").unwrap();
        let more = format!(
            "form = 'lines'\naccept = 'text/plain'\nheaders = {{ x-own = '1' }}\ntoken-file = '{}'",
            token.display()
        );
        let made = sink("http://h:8080/in", &more).unwrap();
        let header = |name: &str| made.headers[name].to_str().unwrap();
        assert_eq!(
            (header("content-type"), header("accept"), header("x-own")),
            ("application/x-ndjson", "text/plain", "1")
        );
        assert_eq!(header("authorization"), "Bearer open sesame");
        assert!(!format!("{made:?}").contains("sesame"));
        assert_eq!(made.server().address, "h:8080");
        assert_eq!(sink("https://h/", "tls = {}").unwrap().server().address, "h:443");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_key() {
        for (url, more, said) in [
            ("h:8080", "", "url: url is"),
            ("ftp://h/", "", "url: url is"),
            ("http://u:secret@h/", "", "url: url holds a password"),
            ("http://h/", "tls = {}", "tls: tls is given"),
            ("http://h/", "headers = { authorization = 'x' }", "in clear"),
            ("http://h/", "statuses = { '9XX' = 'taken' }", "statuses: 9XX"),
            ("http://h/", "statuses = { '200' = 'took' }", "unknown variant"),
            ("http://h/", "request-timeout = '0s'", "request-timeout"),
            ("http://h/", "form = 'xml'", "unknown variant"),
        ] {
            let wrong = sink(url, more).unwrap_err();
            assert!(wrong.contains(said) && !wrong.contains("secret"), "{url} {more}: {wrong}");
        }
    }
}
