//! How a HiveServer2 is spoken to: by its options, else by the parameters of its address, else by `hive-site.xml`.

use std::path::Path;

use super::discovery::{self, Registered};
use super::options::{Authentication, HiveServer2Options};
use super::url::JdbcUrl;
use crate::error::{self, Result};
use crate::kerberos::VARIABLE;
use crate::net::login::Login;
use crate::net::sasl::Protection;
use crate::net::thrift::{HttpPath, Transport};
use crate::net::tls::{Store, Tls};
use crate::secret::Secret;

/// The kind and the service of the tokens that are meant for HiveServer2.
const TOKEN: (&str, &str) = ("HIVE_DELEGATION_TOKEN", "hiveserver2ClientToken");
/// The file whose settings are read.
pub(super) const FILE: &str = "hive-site.xml";
/// What says how a server finds out who we are.
const SETTING: &str = "hive.server2.authentication";
/// The path of HTTP where nothing else is said.
const PATH: &str = "cliservice";

/// The servers of one address and how each is spoken to. Blocks where a ZooKeeper is asked.
///
/// # Errors
/// As [`transport`]; those of the ZooKeeper.
pub(super) fn targets(options: &HiveServer2Options, url: &JdbcUrl) -> Result<Vec<(String, Transport)>> {
    if !url.is_discovered() {
        let transport = transport(options, url)?;
        return Ok(url.hosts.iter().map(|host| (host.clone(), transport.clone())).collect());
    }
    let mut found = discovery::registered(url, options.connect_timeout())?;
    // Whoever comes takes another one, as with Hive's own driver.
    let first = uuid::Uuid::new_v4().as_u128() as usize % found.len().max(1);
    found.rotate_left(first);
    let spoken = |server: Registered| {
        let url = url.of_registered(&server.settings);
        Ok((server.address, transport(options, &url)?))
    };
    found.into_iter().map(spoken).collect()
}

/// The transport to the servers of one address.
///
/// # Errors
/// Config: settings that contradict each other, or files that cannot be read.
pub(super) fn transport(options: &HiveServer2Options, url: &JdbcUrl) -> Result<Transport> {
    let site = options.access.hive();
    let auth = authentication(options, url)?;
    // A server with both has its binary port where nothing else is said.
    let mode = site.get("hive.server2.transport.mode");
    let is_http = options.http_path.is_some()
        || url.is("transportmode", "http")
        || (url.get("transportmode").is_none() && mode.is_some_and(|mode| mode.eq_ignore_ascii_case("http")));
    let http = is_http.then(|| {
        let path = options.http_path.as_deref().or(url.get("httppath")).or(site.get("hive.server2.thrift.http.path"));
        // What Hive's own driver sends, for servers that look for forged requests.
        let forged = ("X-XSRF-HEADER".to_owned(), "true".to_owned());
        let headers = url.headers().chain([forged]).collect();
        HttpPath { path: path.unwrap_or(PATH).to_owned(), headers }
    });
    let by_site = site.is_true("hive.server2.use.SSL");
    let tls = options.tls.unwrap_or_else(|| url.get("ssl").map_or(by_site, |_| url.is("ssl", "true")));
    let login = login(options, url, auth, http.is_some())?;
    Ok(Transport { login, tls: tls.then(|| trust(options, url)).transpose()?, http, framed: false, compact: false })
}

fn trust(options: &HiveServer2Options, url: &JdbcUrl) -> Result<Tls> {
    if url.is("twoway", "true") && !options.access.has_identity() {
        return Err(error::config(
            "twoWay=true of the hiveserver2 url asks for a certificate of ours, and there is none",
        )
        .hint("name it in [tls]: key-store and password-file, or cert and key"));
    }
    match url.get("ssltruststore") {
        // Java checks the password of a trust store only where one is given; the address holds none here.
        Some(file) => options.access.tls_trusting(Store::new(file, None)),
        None => options.access.tls(),
    }
}

/// How we log in.
fn authentication(options: &HiveServer2Options, url: &JdbcUrl) -> Result<Authentication> {
    if let Some(given) = options.auth {
        return Ok(given);
    }
    // A server may let in by several.
    let listed = options.access.hive().get(SETTING).unwrap_or_default().to_ascii_uppercase();
    let modes: Vec<&str> = listed.split(',').map(str::trim).filter(|mode| !mode.is_empty()).collect();
    match url.get("auth").map(str::to_ascii_lowercase).as_deref() {
        Some("nosasl") => return Ok(Authentication::Nosasl),
        // A token stands in for a ticket.
        Some("delegationtoken") => return Ok(Authentication::Kerberos),
        // Hive's driver has this for Kerberos by the ticket cache.
        Some("kerberos") => return Ok(Authentication::Kerberos),
        _ => {}
    }
    if options.principal.is_some() || url.get("principal").is_some() {
        return Ok(Authentication::Kerberos);
    }
    // A password is given for the other way in that such servers have.
    if modes.contains(&"KERBEROS") && options.password.is_none() && options.password_source().is_none() {
        return Ok(Authentication::Kerberos);
    }
    match modes[..] {
        ["NOSASL"] => Ok(Authentication::Nosasl),
        ["SAML" | "JWT"] => {
            Err(error::config(format!("{FILE} asks for a login by browser or JWT ({SETTING}), which is not supported"))
                .hint("give auth = \"plain\" or \"kerberos\" in [hiveserver2]"))
        }
        _ => Ok(Authentication::Plain),
    }
}

fn login(options: &HiveServer2Options, url: &JdbcUrl, auth: Authentication, http: bool) -> Result<Login> {
    let (access, site) = (&options.access, options.access.hive());
    match auth {
        // Over HTTP even such a server wants to hear a name.
        Authentication::Nosasl if !http => Ok(Login::Nothing),
        Authentication::Plain | Authentication::Nosasl => {
            // Servers that check nothing still refuse an empty password.
            let given = options.password_source().read_or(options.password.clone(), Path::new(""))?;
            let password = given.unwrap_or_else(|| Secret::new("anonymous"));
            Ok(Login::Password { user: user(options, url), password })
        }
        Authentication::Kerberos => {
            // Those of an address were looked at when it was taken apart.
            let named = |e: error::Error| e.context("protection of [hiveserver2]");
            let protection = match url.get("saslqop") {
                Some(wanted) => Protection::parse_list(wanted)?,
                None => Protection::parse_list(options.protection.as_deref().unwrap_or_default()).map_err(named)?,
            };
            if let Some(token) = access.token(TOKEN.0, Some(TOKEN.1)) {
                return Ok(Login::Token { token: token.clone(), protection });
            }
            if url.is("auth", "delegationtoken") {
                let file = access.tokens().label();
                return Err(error::config(format!(
                    "auth=delegationToken of the hiveserver2 url asks for a token, and there is none of it in {file}"
                ))
                .hint(format!("get one into the file that {VARIABLE} names: kind {}, service {}", TOKEN.0, TOKEN.1)));
            }
            let by_site = site.get("hive.server2.authentication.kerberos.principal");
            let principal = options.principal.as_deref().or(url.get("principal")).or(by_site).ok_or_else(|| {
                error::config("hiveserver2 wants Kerberos, and its principal is not known")
                    .hint("add ;principal=hive/_HOST@REALM to its url, or name hive-site.xml by HIVE_CONF_DIR")
            })?;
            Ok(access.kerberos(principal, protection))
        }
    }
}

/// The user where nobody is named.
pub(super) const UNNAMED: &str = "hive";

/// The user to act as; where nobody is named, Hive's own driver is anonymous.
pub(super) fn user(options: &HiveServer2Options, url: &JdbcUrl) -> String {
    let unnamed = || if options.shell.is_some() { "anonymous" } else { UNNAMED };
    options.user.as_deref().or(url.get("user")).unwrap_or_else(unnamed).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Access, AccessOptions};

    fn of(url: &str) -> Transport {
        transport(&HiveServer2Options::new(url, "ann"), &JdbcUrl::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn an_address_says_how_its_server_is_spoken_to() {
        assert!(matches!(of("h:1").login, Login::Password { .. }));
        assert!(matches!(of("jdbc:hive2://h:1/;auth=noSasl").login, Login::Nothing));
        let kerberos = of("jdbc:hive2://h:1/;principal=hive/_HOST@R;saslQop=auth-int");
        assert!(matches!(kerberos.login, Login::Kerberos { protection, .. } if protection == [Protection::Integrity]));
        let http = of("jdbc:hive2://h:1/;transportMode=http;httpPath=hive;ssl=true");
        assert_eq!(http.http.unwrap().path, "hive");
        assert!(http.tls.is_some());
        let nameless = of("jdbc:hive2://h:1/;transportMode=http;auth=noSasl");
        assert!(matches!(nameless.login, Login::Password { user, .. } if user == "ann"));
    }

    #[test]
    fn hive_site_may_list_several_logins() {
        let login = |value: &str| {
            let access = AccessOptions { properties: vec![(SETTING, value)], ..AccessOptions::default() };
            let access = Access::new(&access, Path::new("")).unwrap();
            let options = HiveServer2Options { access, ..HiveServer2Options::new("h:1", "ann") };
            authentication(&options, &JdbcUrl::parse("h:1").unwrap()).unwrap()
        };
        assert_eq!(login("LDAP, saml"), Authentication::Plain);
        assert_eq!(login("LDAP,kerberos"), Authentication::Kerberos);
        assert_eq!(login("nosasl"), Authentication::Nosasl);
    }

    #[test]
    fn kerberos_needs_the_servers_principal() {
        let url = "jdbc:hive2://h:1/;auth=kerberos";
        let error = transport(&HiveServer2Options::new(url, "ann"), &JdbcUrl::parse(url).unwrap()).unwrap_err();
        assert!(error.remedy().unwrap().contains("principal="), "{error}");
    }
}
