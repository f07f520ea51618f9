//! What a doctor asks of the key servers of encryption zones: whether they answer, and let us in. Whether they let us use a
//! zone's key is told by the file that is made in it.
//!
//! Source: Hadoop 3.4 `KMSClientProvider`, KMS REST API.

use std::collections::BTreeMap;

use reqwest::{Method, Request, StatusCode};
use url::Url;

use super::options::{self, HdfsOptions};
use crate::checkup::Checkup;
use crate::error::{self, Result};
use crate::net::Server;
use crate::net::examine::{asking, reach};
use crate::net::http::Http;
use crate::net::login::Login;

const SETTING: &str = "hadoop.security.key.provider.path";
const DEFAULT_PORT: u16 = 9600;

/// Asks each of them; `of_namenode` is the provider that the NameNode has, if it has one, and `is_needed` says whether a
/// step goes into a zone.
pub(super) async fn examine(
    options: &HdfsOptions,
    settings: &BTreeMap<String, String>,
    of_namenode: Option<String>,
    is_needed: bool,
    checkup: &mut Checkup,
) {
    let here = settings.get(SETTING).map(|value| value.trim()).filter(|value| !value.is_empty());
    let Some(provider) = here.or(of_namenode.as_deref()) else { return };
    checkup.hop("key server");
    if here.is_none() {
        return checkup.warning(
            "address",
            format!("the namenode has the key server {provider}, and the site files here have none"),
            format!("set {SETTING} = {provider} in core-site.xml, if targets are in encryption zones"),
        );
    }
    let Some(servers) = checkup.note("address", servers(provider)) else { return };
    let began = checkup.checks().len();
    let mut any = false;
    for url in servers {
        any |= one(options, url, checkup).await;
    }
    // Whoever lives stands in for one that is away.
    if any || !is_needed {
        checkup.soften(began);
    }
}

/// The key servers of `kms://SCHEME@HOST;HOST:PORT/PATH`.
fn servers(provider: &str) -> Result<Vec<Url>> {
    let malformed = || {
        error::config(format!("{SETTING} is {provider}, which is not the address of a key server"))
            .hint("write it as kms://http@HOST:9600/kms, with ; between several hosts")
    };
    let (scheme, rest) = provider.strip_prefix("kms://").and_then(|rest| rest.split_once('@')).ok_or_else(malformed)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, "kms"));
    let last_port = authority.rsplit_once(':').map(|(_, port)| port);
    let url = |host: &str| {
        let port = if host.contains(':') { None } else { last_port };
        let port = port.map_or(String::new(), |port| format!(":{port}"));
        let mut url = Url::parse(&format!("{scheme}://{host}{port}/{path}")).ok()?;
        if url.port().is_none() && port.is_empty() && !host.contains(':') {
            url.set_port(Some(DEFAULT_PORT)).ok()?;
        }
        matches!(scheme, "http" | "https").then_some(url)
    };
    authority.split(';').map(|host| url(host.trim()).ok_or_else(malformed)).collect()
}

/// Asks one; gives whether it let us in.
async fn one(options: &HdfsOptions, url: Url, checkup: &mut Checkup) -> bool {
    let address = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    let server = Server::new("a key server", address, options.connect_timeout());
    checkup.hop(format!("key server {}", server.address));
    let asked = server.clone();
    match asking(checkup, move |checkup| reach(&asked, checkup)).await {
        Ok(true) => {}
        Ok(false) => return false,
        Err(e) => {
            checkup.failed("port", &e);
            return false;
        }
    }
    let access = &options.access;
    if access.is_secure() && (access.proxy_user().is_some() || options::token(options).is_some()) {
        checkup.skipped("login", "it is asked by ticket and in no other's name alone");
        return true;
    }
    checkup.take("login", login(options, &server, url).await, |words| (*words).to_owned()).is_some()
}

/// Asks for the names of the keys, which not everybody may see, but whoever is let in is told so.
async fn login(options: &HdfsOptions, server: &Server, mut url: Url) -> Result<&'static str> {
    let access = &options.access;
    let login = if access.is_secure() { access.kerberos("HTTP", Vec::new()) } else { Login::Nothing };
    let tls = (url.scheme() == "https").then(|| access.tls_of_host()).transpose()?;
    let path = format!("{}/v1/keys/names", url.path().trim_end_matches('/'));
    url.set_path(&path);
    if !access.is_secure() {
        url.query_pairs_mut().append_pair("user.name", &options::user(options));
    }
    let mut request = Request::new(Method::GET, url);
    *request.timeout_mut() = Some(server.limit);
    let answer = Http::new(server, tls.as_ref(), &login)?.send(request).await?;
    match answer.status() {
        StatusCode::OK | StatusCode::FORBIDDEN => Ok("answers, and lets us in"),
        StatusCode::NOT_FOUND => Err(error::not_found(format!("{server} has no keys at {path}"))
            .hint(format!("check the path in {SETTING}: it is mostly /kms"))),
        other => Err(error::unreachable(format!("{server} answered {other}"))
            .hint(format!("check {SETTING}, and the log of the key server"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_of_a_provider_has_its_address() {
        let read = |provider: &str| -> Vec<String> { servers(provider).unwrap().iter().map(Url::to_string).collect() };
        assert_eq!(read("kms://http@kms:9600/kms"), ["http://kms:9600/kms"]);
        assert_eq!(read("kms://https@a;b:9601/kms"), ["https://a:9601/kms", "https://b:9601/kms"]);
        assert_eq!(read("kms://http@a"), ["http://a:9600/kms"]);
        for wrong in ["jceks://file/x", "kms://a:9600/kms", "kms://ftp@a:9600/kms"] {
            assert!(servers(wrong).unwrap_err().to_string().contains(wrong), "{wrong}");
        }
    }
}
