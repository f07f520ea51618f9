//! How a metastore is spoken to: by its options, else by `hive-site.xml` as Hive's own client reads it.

use super::MetastoreOptions;
use super::options::{Authentication, Endpoint};
use crate::access::Access;
use crate::error::{self, Result};
use crate::net::login::Login;
use crate::net::sasl::Protection;
use crate::net::thrift::{HttpPath, Transport};
use crate::net::tls::{Store, Tls};

/// The kind of the tokens that metastores and HiveServer2s give.
const TOKEN: &str = "HIVE_DELEGATION_TOKEN";

/// How Hive's client logs in where it is neither by ticket nor not at all, and what to do here.
const AUTH_MODE: &str = "hive.metastore.client.auth.mode";
/// The header that says over HTTP who we are. Source: Hive 4.0 `MetaStoreUtils.USER_NAME_HTTP_HEADER`.
const USER_HEADER: &str = "x-actor-username";
/// The path of HTTP where nothing else is said.
const PATH: &str = "metastore";

/// How the metastore at an address is spoken to. Blocks where a ticket says who we are.
///
/// # Errors
/// Config: settings that contradict each other or ask for what is not spoken, or files that cannot be read.
pub(super) fn transport(options: &MetastoreOptions, endpoint: &Endpoint) -> Result<Transport> {
    let (access, site) = (&options.access, options.access.hive());
    let mode = site.get(AUTH_MODE).map(str::to_ascii_lowercase);
    if let Some(mode @ ("jwt" | "plain")) = mode.as_deref() {
        let what = if mode == "jwt" { "JWT" } else { "a password" };
        return Err(error::config(format!(
            "{AUTH_MODE} of hive-site.xml asks for a login at the metastore by {what}, which is not supported"
        ))
        .hint("let a metastore take Kerberos tickets, and name it by url in [metastore]"));
    }
    let by_site =
        || site.get("hive.metastore.client.thrift.transport.mode").is_some_and(|m| m.eq_ignore_ascii_case("http"));
    let by_site = || by_site().then(|| site.get("hive.metastore.server.thrift.http.path").unwrap_or(PATH).to_owned());
    let path = endpoint.http.as_ref().map(|(_, path)| path.clone()).or_else(by_site);
    let tls = options.tls.or(endpoint.http.as_ref().map(|(tls, _)| *tls));
    let tls = tls.unwrap_or_else(|| site.is_true("hive.metastore.use.SSL"));
    Ok(Transport {
        // Over HTTP nobody logs in: the header says who it is, as Hive's own client does it.
        login: if path.is_some() { Login::Nothing } else { login(options, tls)? },
        tls: tls.then(|| trust(access)).transpose()?,
        framed: path.is_none() && site.is_true("hive.metastore.thrift.framed.transport.enabled"),
        compact: site.is_true("hive.metastore.thrift.compact.protocol.enabled"),
        http: path.map(|path| HttpPath { path, headers: vec![(USER_HEADER.to_owned(), options.user())] }),
    })
}

/// The user in whose name calls are made, where a ticket of somebody else logs in.
pub(super) fn proxy_user(options: &MetastoreOptions, transport: &Transport) -> Option<String> {
    let by_ticket = matches!(transport.login, Login::Kerberos { .. });
    options.access.proxy_user().filter(|_| by_ticket).map(str::to_owned)
}

fn trust(access: &Access) -> Result<Tls> {
    let site = access.hive();
    match site.get("hive.metastore.truststore.path") {
        Some(file) => access.tls_trusting(Store::new(file, site.password("hive.metastore.truststore.password")?)),
        None => access.tls(),
    }
}

fn login(options: &MetastoreOptions, tls: bool) -> Result<Login> {
    let (access, site) = (&options.access, options.access.hive());
    let asked = options.auth.or(options.principal.is_some().then_some(Authentication::Kerberos));
    let by_site = || match site.is_true("hive.metastore.sasl.enabled") {
        true => Authentication::Kerberos,
        false => Authentication::None,
    };
    if asked.unwrap_or_else(by_site) == Authentication::None {
        return Ok(Login::Nothing);
    }
    // Inside TLS nothing is encrypted twice: metastores then offer the login alone, and Hive's client asks for no more.
    let protection = match tls {
        true => Vec::new(),
        false => Protection::parse_list(site.get("hadoop.rpc.protection").unwrap_or_default())?,
    };
    let signature = site.get("hive.metastore.token.signature").unwrap_or_default();
    if let Some(token) = access.token(TOKEN, Some(signature)) {
        return Ok(Login::Token { token: token.clone(), protection });
    }
    let principal =
        options.principal.as_deref().or(site.get("hive.metastore.kerberos.principal")).ok_or_else(|| {
            error::config("the metastore wants Kerberos, and its principal is not known")
                .hint("name hive-site.xml by HIVE_CONF_DIR, or give principal = \"hive/_HOST@REALM\" in [metastore]")
        })?;
    Ok(access.kerberos(principal, protection))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport(options: &MetastoreOptions) -> Result<Transport> {
        super::transport(options, &Endpoint::parse(&options.urls[0])?)
    }

    fn options() -> MetastoreOptions {
        MetastoreOptions::new("thrift://h:9083")
    }

    #[test]
    fn without_a_word_a_metastore_is_open() {
        let transport = transport(&options()).unwrap();
        assert!(matches!(transport.login, Login::Nothing) && transport.tls.is_none());
    }

    #[test]
    fn over_http_a_header_says_who_we_are() {
        let options =
            MetastoreOptions { user: Some("ann".into()), ..MetastoreOptions::new("https://h:9083/metastore") };
        let transport = transport(&options).unwrap();
        assert!(matches!(transport.login, Login::Nothing) && transport.tls.is_some());
        let http = transport.http.unwrap();
        assert_eq!((http.path.as_str(), &http.headers[0].1), ("metastore", &"ann".to_owned()));
    }

    #[test]
    fn kerberos_needs_the_servers_principal() {
        let error = transport(&MetastoreOptions { auth: Some(Authentication::Kerberos), ..options() }).unwrap_err();
        assert!(error.remedy().unwrap().contains("principal"), "{error}");
        let named = MetastoreOptions { principal: Some("hive/_HOST@R".into()), ..options() };
        assert!(matches!(transport(&named).unwrap().login, Login::Kerberos { .. }));
    }
}
