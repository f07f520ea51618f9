//! How a gateway is spoken to: by its options, else by its address, else by `hbase-site.xml`.

use std::fmt;

use super::options::{Authentication, HBaseOptions};
use crate::access::Access;
use crate::config;
use crate::error::{self, Result};
use crate::net::login::Login;
use crate::net::sasl::Protection;
use crate::net::thrift::{HttpPath, Transport};

/// The kind of HBase's tokens, which its own clients show to region servers.
const TOKEN: &str = "HBASE_AUTH_TOKEN";

/// The address of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// `host:port`.
    pub address: String,
    /// The scheme and the path, where it speaks HTTP.
    http: Option<(&'static str, String)>,
}

impl Endpoint {
    /// Reads `thrift://HOST:PORT`, `HOST:PORT`, or `https://HOST:PORT[/PATH]`.
    ///
    /// # Errors
    /// Config: it is written in another way.
    pub(super) fn parse(text: &str) -> Result<Self> {
        for (scheme, start) in [("http", "http://"), ("https", "https://")] {
            if let Some(rest) = text.trim().strip_prefix(start) {
                let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let path = path.trim_start_matches('/').to_owned();
                return Ok(Self { address: config::host_and_port(address, start)?, http: Some((scheme, path)) });
            }
        }
        Ok(Self { address: config::host_and_port(text, "thrift://")?, http: None })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.http {
            None => f.write_str(&self.address),
            Some((scheme, path)) => write!(f, "{scheme}://{}/{path}", self.address),
        }
    }
}

/// The transport to a gateway.
///
/// # Errors
/// Config: settings that contradict each other, a token where a ticket is wanted, or files that cannot be read.
pub(super) fn transport(options: &HBaseOptions, endpoint: &Endpoint) -> Result<Transport> {
    let (access, site) = (&options.access, options.access.hbase());
    let by_url = endpoint.http.as_ref().map(|(scheme, _)| *scheme == "https");
    let tls = options.tls.or(by_url).unwrap_or_else(|| site.is_true("hbase.thrift.ssl.enabled"));
    let path = match &endpoint.http {
        Some((_, path)) => Some(path.clone()),
        None => site.is_true("hbase.regionserver.thrift.http").then(String::new),
    };
    let login = login(options, path.is_some())?;
    if access.proxy_user().is_some() && path.is_none() {
        return Err(error::config("an hbase thrift gateway takes a proxy user over http only")
            .hint("name a gateway started with hbase.regionserver.thrift.http=true, as http://HOST:PORT"));
    }
    let http = path.map(|path| HttpPath {
        path,
        headers: access.proxy_user().map(|user| ("doAs".to_owned(), user.to_owned())).into_iter().collect(),
    });
    Ok(Transport {
        tls: tls.then(|| access.tls()).transpose()?,
        login,
        framed: http.is_none() && options.framed.unwrap_or_else(|| site.is_true("hbase.regionserver.thrift.framed")),
        compact: options.compact.unwrap_or_else(|| site.is_true("hbase.regionserver.thrift.compact")),
        http,
    })
}

fn login(options: &HBaseOptions, http: bool) -> Result<Login> {
    let (access, site) = (&options.access, options.access.hbase());
    let by_site = || match site.get("hbase.thrift.security.qop").is_some() {
        true => Authentication::Kerberos,
        false => Authentication::None,
    };
    let asked = options.auth.or(options.principal.is_some().then_some(Authentication::Kerberos));
    if asked.unwrap_or_else(by_site) == Authentication::None {
        return Ok(Login::Nothing);
    }
    refuse_token(access)?;
    if http {
        // Browsers' names: the service is HTTP on the gateway's host, whatever HBase itself is called.
        let principal = options.principal.as_deref().or(site.get("hbase.thrift.spnego.principal"));
        return Ok(access.kerberos(principal.unwrap_or("HTTP"), Vec::new()));
    }
    let principal = options.principal.as_deref().or(site.get("hbase.thrift.kerberos.principal")).ok_or_else(|| {
        error::config("the hbase gateway wants Kerberos, and its principal is not known").hint(
            "give principal = \"hbase/_HOST@REALM\" in [hbase], or hbase.thrift.kerberos.principal in hbase-site.xml",
        )
    })?;
    let protection = Protection::parse_list(site.get("hbase.thrift.security.qop").unwrap_or_default())?;
    Ok(access.kerberos(principal, protection))
}

/// A token does not get past a gateway; it is named where there is nothing else to show.
fn refuse_token(access: &Access) -> Result<()> {
    match access.token(TOKEN, None) {
        Some(_) if access.credentials().ticket().is_err() => {
            let what = format!("hbase's thrift gateways take no delegation token ({TOKEN}), and there is no ticket");
            Err(error::config(format!("{what} beside {}", access.tokens().label()))
                .hint("name a keytab: principal and keytab in [kerberos]"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Transport {
        transport(&HBaseOptions::new([url]), &Endpoint::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn the_address_says_whether_it_is_http() {
        assert!(of("thrift://h:9090").http.is_none());
        let http = of("https://h:9090/gate");
        assert!(http.tls.is_some());
        assert_eq!(http.http.unwrap().path, "gate");
        assert_eq!(Endpoint::parse("http://h:1").unwrap().to_string(), "http://h:1/");
    }
}
