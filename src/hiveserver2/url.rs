//! Addresses of HiveServer2 as Hive's own driver takes them:
//! `jdbc:hive2://HOST:PORT,HOST:PORT/DATABASE;PARAMETER=VALUE;..?SETTING=VALUE;..#VARIABLE=VALUE;..`.
//!
//! Source: Hive 4.0 `org.apache.hive.jdbc.Utils.parseURL` and its `JdbcConnectionParams`. Parameters without a meaning
//! here are refused by name, a password in the address too.

use std::collections::BTreeMap;

use crate::config;
use crate::error::{self, Error, Result};
use crate::net::sasl::Protection;
use crate::site::{Site, known_value};

pub(super) const SCHEME: &str = "jdbc:hive2://";

/// Parameters that are understood, as Hive writes them; they are known in any case.
const KNOWN: [&str; 21] = [
    // Of Hive's driver alone: they change nothing here.
    "fetchSize",
    "socketTimeout",
    "requestTrack",
    "auth",
    "principal",
    "user",
    "ssl",
    "sslTrustStore",
    "transportMode",
    "httpPath",
    "saslQop",
    "serviceDiscoveryMode",
    "zooKeeperNamespace",
    "hive.server2.proxy.user",
    "kerberosAuthType",
    "cookieAuth",
    "cookieName",
    "retries",
    "retryInterval",
    "delegation.uid",
    "twoWay",
];

/// Parameters of few values, in lower case.
const VALUES: [(&str, &[&str]); 7] = [
    ("ssl", &BOOLEAN),
    ("twoway", &BOOLEAN),
    ("cookieauth", &BOOLEAN),
    ("requesttrack", &BOOLEAN),
    ("auth", &["noSasl", "kerberos", "delegationToken"]),
    ("transportmode", &["binary", "http"]),
    ("servicediscoverymode", &["none", "zooKeeper", "zooKeeperHA"]),
];
const BOOLEAN: [&str; 2] = ["true", "false"];

/// Parameters that mean something here, but are said elsewhere or not spoken, in lower case: what they ask for, and the
/// remedy. A key store or trust store needs its password, which no address may hold.
const REFUSED: [(&str, &str, &str); 8] = [
    ("sslkeystore", "a certificate of ours", "take it out, and name the key store in [tls]: key-store, password-file"),
    (
        "keystorepassword",
        "a certificate of ours",
        "take it out, and name the key store in [tls]: key-store, password-file",
    ),
    (
        "truststorepassword",
        "the password of a trust store",
        "take it out: a JKS file needs none, and one of PKCS12 is named in [tls]: trust-store, password-file",
    ),
    ("zookeepersslenable", "a zookeeper inside TLS", "name the hiveserver2 itself, or a port of zookeeper without TLS"),
    ("zookeeperkeystorelocation", "a zookeeper inside TLS", "name the hiveserver2 itself"),
    ("zookeepertruststorelocation", "a zookeeper inside TLS", "name the hiveserver2 itself"),
    ("jwt", "a login by JWT", "take it out: a token in an address would be printed; log in by Kerberos or a password"),
    ("browserresponseport", "a login by a browser (SAML)", "log in by Kerberos or a password"),
];

/// The settings of a site file that say that servers register in a ZooKeeper, and where that is.
pub(super) const DISCOVERY: &str = "hive.server2.support.dynamic.service.discovery";
pub(super) const QUORUM: &str = "hive.zookeeper.quorum";

/// What stands before the name of an HTTP header that the address adds, as gateways ask for them.
const HEADER: &str = "http.header.";

/// An address taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct JdbcUrl {
    /// `HOST:PORT` each; of ZooKeeper where that knows the servers.
    pub hosts: Vec<String>,
    /// The database that statements begin in.
    pub database: Option<String>,
    /// Parameters of the session, in lower case.
    parameters: BTreeMap<String, String>,
    /// Settings and variables, as a session is opened with them.
    pub configuration: BTreeMap<String, String>,
}

impl JdbcUrl {
    /// Takes it apart; `HOST:PORT` alone will do.
    ///
    /// # Errors
    /// Config: it is written in another way, names a parameter that has no meaning here, or holds a password.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return Ok(Self { hosts: vec![config::host_and_port(text, SCHEME)?], ..Self::default() });
        };
        let (rest, variables) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, settings) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, path) = rest.split_at(rest.find(['/', ';']).unwrap_or(rest.len()));
        let (database, parameters) = path.split_once(';').unwrap_or((path, ""));
        let database = Some(database.trim_start_matches('/')).filter(|name| !name.is_empty()).map(str::to_owned);
        let hosts = hosts.split(',').map(|host| config::host_and_port(host, SCHEME)).collect::<Result<Vec<_>>>()?;
        let mut url = Self { hosts, database, ..Self::default() };
        for (name, value) in pairs(parameters)? {
            let known = name.to_ascii_lowercase();
            // The remedy is part of the text: where a file is read, its own takes the place of a hint.
            if let Some((_, what, remedy)) = REFUSED.iter().find(|(refused, ..)| *refused == known) {
                return Err(error::config(format!("{name} of the hiveserver2 url asks for {what}: {remedy}")));
            }
            if known.ends_with("password") || matches!(known.as_str(), "pwd" | "token") {
                return Err(error::config(
                    "the hiveserver2 url holds a password, which would be printed with it: take it out of the url and \
                     give password-file or password-env",
                ));
            }
            if !KNOWN.iter().any(|name| name.eq_ignore_ascii_case(&known)) && !known.starts_with(HEADER) {
                return Err(meaningless(name));
            }
            check(name, &known, value)?;
            url.parameters.insert(known, value.to_owned());
        }
        for (name, value) in pairs(settings)? {
            url.configuration.insert(format!("set:hiveconf:{name}"), value.to_owned());
        }
        for (name, value) in pairs(variables)? {
            url.configuration.insert(format!("set:hivevar:{name}"), value.to_owned());
        }
        Ok(url)
    }

    /// What `hive-site.xml` says, where servers register in a ZooKeeper: the address by which Hive's own driver finds them.
    /// `None` where it says nothing of the kind.
    ///
    /// # Errors
    /// Config: a ZooKeeper that is not `HOST:PORT`.
    pub(super) fn of_site(site: &Site, file: &str) -> Result<Option<Self>> {
        let Some(quorum) = site.get(QUORUM).filter(|_| site.is_true(DISCOVERY)) else { return Ok(None) };
        let port = site.get("hive.zookeeper.client.port").unwrap_or("2181");
        let host = |host: &str| {
            let address = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
            config::host_and_port(&address, "").map_err(|e| e.context(format!("{QUORUM} of {file}")))
        };
        let hosts = quorum.split(',').map(str::trim).filter(|host| !host.is_empty()).map(host);
        let (mode, namespace) = match site.is_true("hive.server2.active.passive.ha.enable") {
            true => ("zooKeeperHA", "hive.server2.active.passive.ha.registry.namespace"),
            false => ("zooKeeper", "hive.server2.zookeeper.namespace"),
        };
        let mut url = Self { hosts: hosts.collect::<Result<_>>()?, ..Self::default() };
        url.parameters.insert("servicediscoverymode".to_owned(), mode.to_owned());
        if let Some(namespace) = site.get(namespace) {
            url.parameters.insert("zookeepernamespace".to_owned(), namespace.to_owned());
        }
        Ok(Some(url))
    }

    /// Whether nothing is said after the hosts but a database.
    pub(super) fn has_no_parameters(&self) -> bool {
        self.parameters.is_empty()
    }

    /// A parameter, by its name in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// HTTP headers that the address adds, by name.
    pub(super) fn headers(&self) -> impl Iterator<Item = (String, String)> {
        self.parameters.iter().filter_map(|(name, value)| Some((name.strip_prefix(HEADER)?.to_owned(), value.clone())))
    }

    /// Whether a parameter has a value, in any case.
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name).is_some_and(|given| given.eq_ignore_ascii_case(value))
    }

    /// The same, with what a server that registered itself says about how it is spoken to, unless the address does.
    pub(super) fn of_registered(&self, settings: &BTreeMap<String, String>) -> Self {
        const KEYS: [(&str, &str); 4] = [
            ("transportmode", "hive.server2.transport.mode"),
            ("httppath", "hive.server2.thrift.http.path"),
            ("ssl", "hive.server2.use.SSL"),
            ("saslqop", "hive.server2.thrift.sasl.qop"),
        ];
        let mut url = self.clone();
        for (parameter, setting) in KEYS {
            if let Some(value) = settings.get(setting) {
                url.parameters.entry(parameter.to_owned()).or_insert_with(|| value.clone());
            }
        }
        let kerberos =
            settings.get("hive.server2.authentication").is_some_and(|how| how.eq_ignore_ascii_case("kerberos"));
        if let Some(principal) = settings.get("hive.server2.authentication.kerberos.principal").filter(|_| kerberos) {
            url.parameters.entry("principal".to_owned()).or_insert_with(|| principal.clone());
        }
        url
    }

    /// Whether the hosts are those of a ZooKeeper that knows the servers.
    pub(super) fn is_discovered(&self) -> bool {
        self.get("servicediscoverymode").is_some_and(|mode| !mode.eq_ignore_ascii_case("none"))
    }
}

/// The error of a parameter that is not known. A file's own hint would take the place of the remedy, which stands in the
/// text for that.
fn meaningless(name: &str) -> Error {
    let what = format!("parameter {name} of the hiveserver2 url has no meaning here");
    error::config(match config::nearest(name, &KNOWN) {
        Some(near) => format!("{what}: did you mean {near}?"),
        None => format!("{what}: leave it out; settings of hive come after the `?`"),
    })
}

/// Refuses a value that a parameter cannot have.
fn check(name: &str, known: &str, value: &str) -> Result<()> {
    let what = format!("{name} of the hiveserver2 url");
    if let Some((_, values)) = VALUES.iter().find(|(parameter, _)| *parameter == known) {
        return match (known, value.to_ascii_lowercase().as_str()) {
            ("auth", "browser" | "jwt" | "saml") => Err(error::config(format!(
                "{what} is `{value}`, a login that is not supported: log in by Kerberos, or by user and password, which \
                 need no auth"
            ))),
            _ => known_value(&what, value, values).map(drop),
        };
    }
    match known {
        "saslqop" => Protection::parse_list(value).map(drop).map_err(|_| {
            error::config(format!("{what} is `{value}`, known are auth, auth-int, auth-conf, and lists of them"))
        }),
        _ => Ok(()),
    }
}

fn pairs(text: &str) -> Result<Vec<(&str, &str)>> {
    let one = |pair: &&str| !pair.trim().is_empty();
    let pair = |pair: &str| -> Result<(&str, &str)> {
        Err(error::config(format!("`{pair}` in the hiveserver2 url is not NAME=VALUE")))
    };
    text.split(';').filter(one).map(|text| text.trim().split_once('=').map_or_else(|| pair(text), Ok)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_as_hives_driver_does() {
        let url = JdbcUrl::parse(
            "jdbc:hive2://zk1:2181,zk2:2181/shop;serviceDiscoveryMode=zooKeeper;zooKeeperNamespace=hs2;\
             principal=hive/_HOST@R?hive.exec.parallel=true;a.b=c#day=2020-01-01",
        )
        .unwrap();
        assert_eq!(url.hosts, ["zk1:2181", "zk2:2181"]);
        assert_eq!(url.database.as_deref(), Some("shop"));
        assert!(url.is_discovered() && url.is("servicediscoverymode", "ZOOKEEPER"));
        assert_eq!(url.get("principal"), Some("hive/_HOST@R"));
        let settings: Vec<_> = url.configuration.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            settings,
            ["set:hiveconf:a.b=c", "set:hiveconf:hive.exec.parallel=true", "set:hivevar:day=2020-01-01"]
        );
    }

    #[test]
    fn short_ones_will_do() {
        for text in ["h:1", "jdbc:hive2://h:1", "jdbc:hive2://h:1/", " jdbc:hive2://h:1/; "] {
            let url = JdbcUrl::parse(text).unwrap();
            assert_eq!((url.hosts, url.database), (vec!["h:1".to_owned()], None), "{text}");
        }
        assert_eq!(JdbcUrl::parse("jdbc:hive2://h:1;ssl=true").unwrap().get("ssl"), Some("true"));
    }

    #[test]
    fn hive_site_says_where_the_servers_register() {
        let of = |settings: &[(&str, &str)]| {
            JdbcUrl::of_site(&Site::default().with(settings.iter().copied()), "hive-site.xml")
        };
        let url = of(&[(DISCOVERY, "true"), (QUORUM, "zk1, zk2:2182"), ("hive.server2.zookeeper.namespace", "hs2")]);
        let url = url.unwrap().unwrap();
        assert_eq!(url.hosts, ["zk1:2181", "zk2:2182"]);
        assert!(url.is("servicediscoverymode", "zooKeeper") && url.is("zookeepernamespace", "hs2"));
        let url = of(&[(DISCOVERY, "true"), (QUORUM, "zk1"), ("hive.server2.active.passive.ha.enable", "true")]);
        assert!(url.unwrap().unwrap().is("servicediscoverymode", "zooKeeperHA"));
        assert_eq!(of(&[(QUORUM, "zk1")]).unwrap(), None);
        assert_eq!(of(&[(DISCOVERY, "false"), (QUORUM, "zk1")]).unwrap(), None);
    }

    #[test]
    fn the_address_of_a_gateway_adds_headers() {
        let url = JdbcUrl::parse(
            "jdbc:hive2://knox:8443/;ssl=true;transportMode=http;httpPath=gateway/default/hive;http.header.X-Team=a",
        )
        .unwrap();
        assert_eq!(url.get("httppath"), Some("gateway/default/hive"));
        assert_eq!(url.headers().collect::<Vec<_>>(), [("x-team".to_owned(), "a".to_owned())]);
    }

    #[test]
    fn a_value_that_is_not_known_and_a_misspelt_name_are_errors() {
        for (parameter, said) in [
            ("ssl=maybe", "ssl of the hiveserver2 url is `maybe`, known are true, false"),
            ("twoWay=1", "twoWay of the hiveserver2 url is `1`"),
            ("transportMode=htpp", "known are binary, http"),
            ("serviceDiscoveryMode=dns", "known are none, zooKeeper, zooKeeperHA"),
            ("auth=kerberoos", "known are noSasl, kerberos, delegationToken"),
            ("auth=browser", "not supported: log in by Kerberos"),
            (
                "saslQop=auth-confg",
                "saslQop of the hiveserver2 url is `auth-confg`, known are auth, auth-int, auth-conf",
            ),
            (
                "prinicpal=hive/_HOST@R",
                "parameter prinicpal of the hiveserver2 url has no meaning here: did you mean principal?",
            ),
            ("SaslQopp=auth", "did you mean saslQop?"),
        ] {
            let error = JdbcUrl::parse(&format!("jdbc:hive2://h:1/;{parameter}")).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
        assert!(JdbcUrl::parse("jdbc:hive2://h:1/;SSL=TRUE;saslQop=auth-conf,auth;auth=KERBEROS").is_ok());
    }

    #[test]
    fn what_has_no_meaning_and_passwords_are_refused() {
        assert!(JdbcUrl::parse("jdbc:hive2://h:1/;wsl=true").unwrap_err().to_string().contains("wsl"));
        let error = JdbcUrl::parse("jdbc:hive2://h:1/;user=a;password=topsecret").unwrap_err();
        assert!(!error.to_string().contains("topsecret"), "{error}");
        for (parameter, remedy) in [
            ("sslKeyStore=/k", "key-store"),
            ("trustStorePassword=topsecret", "trust-store"),
            ("zooKeeperSSLEnable=true", "without TLS"),
            ("jwt=topsecret", "Kerberos"),
        ] {
            let error = JdbcUrl::parse(&format!("jdbc:hive2://h:1/;ssl=true;{parameter}")).unwrap_err();
            let name = parameter.split('=').next().unwrap();
            assert!(error.to_string().starts_with(&format!("{name} of the hiveserver2 url")), "{error}");
            assert!(error.to_string().contains(remedy) && !error.to_string().contains("topsecret"), "{error}");
        }
        for wrong in ["jdbc:hive2://h", "jdbc:hive2://", "h", "jdbc:hive2://h:1/;ssl"] {
            assert!(JdbcUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
