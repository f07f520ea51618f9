//! Where the brokers are, and how they are spoken to: the keys `brokers`, `tls` and `sasl` of whoever speaks to them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::config;
use crate::error::{self, Result};
use crate::kerberos::{Credentials, KerberosOptions};
use crate::net::Server;
use crate::net::login::Login;
use crate::net::sasl::{Hash, Mechanism, Protection};
use crate::net::tls::{Identity, Store, Tls, Trust};
use crate::secret::{Secret, SecretSource};

/// How long a broker may take to accept a connection and to answer what needs no waiting.
pub(super) const LIMIT: Duration = Duration::from_secs(15);

/// A password that stands in the configuration itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Clear(Secret);

impl From<String> for Clear {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

/// What is trusted and what is shown; its presence says that the brokers speak TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct TlsArgs {
    /// PEM file of the authorities that vouch for the brokers.
    ca: Option<PathBuf>,
    /// Java trust store (JKS or PKCS #12) instead of it.
    trust_store: Option<PathBuf>,
    /// PEM file of our own certificate, and of its key.
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    /// Java key store (PKCS #12) instead of them.
    key_store: Option<PathBuf>,
    /// The password of the stores.
    password: Option<Clear>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    /// That of the key store, where it is another one.
    key_store_password: Option<Clear>,
}

/// The ways to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum MechanismName {
    #[serde(rename = "PLAIN")]
    Plain,
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    #[serde(rename = "GSSAPI")]
    Gssapi,
}

/// How we log in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SaslArgs {
    mechanism: MechanismName,
    user: Option<String>,
    password: Option<Clear>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    /// The service in the principals of the brokers.
    service: Option<String>,
    /// Whose tickets are shown, and where they are from.
    principal: Option<String>,
    keytab: Option<PathBuf>,
    cache: Option<String>,
}

/// What is shown to a broker.
#[derive(Clone, Debug)]
enum Shown {
    Plain(String, Secret),
    Scram(Hash, String, Secret),
    Ticket(Login),
}

/// Where the brokers are, and how they are spoken to.
#[derive(Clone, Debug)]
pub(crate) struct KafkaServers {
    /// `host:port` of some of them.
    pub brokers: Vec<String>,
    /// What we are called in their logs and quotas.
    pub client_id: String,
    tls: Option<(Trust, Option<Identity>)>,
    sasl: Option<Shown>,
}

/// Reads `brokers`: a list of `HOST:PORT`, or one text with commas.
///
/// # Errors
/// Config: none, or one that is not an address.
fn brokers(given: &[String]) -> Result<Vec<String>> {
    let parts = given.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty());
    let found: Vec<String> = parts.map(|text| config::host_and_port(text, "")).collect::<Result<_>>()?;
    if found.is_empty() {
        return Err(error::config("brokers names none").hint("name some: brokers = [\"kafka1:9092\", \"kafka2:9092\"]"));
    }
    Ok(found)
}

/// Whether a text can be the name of a topic.
pub(crate) fn is_topic(name: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=249).contains(&name.len()) && name != "." && name != ".." && name.chars().all(is_of_name)
}

impl KafkaServers {
    /// Relative files are below `base`. Passwords are read now, key stores when a connection is made.
    ///
    /// # Errors
    /// The key of each value that makes no sense, and why.
    pub(crate) fn new(
        given: &[String],
        client_id: &str,
        tls: Option<&TlsArgs>,
        sasl: Option<&SaslArgs>,
        base: &Path,
    ) -> Result<Self, Vec<(&'static str, error::Error)>> {
        let brokers = brokers(given).map_err(|e| ("brokers", e));
        let tls = tls.map(|tls| tls.plan(base)).transpose().map_err(|e| ("tls", e));
        let sasl = sasl.map(|sasl| sasl.plan(base)).transpose().map_err(|e| ("sasl", e));
        match (brokers, tls, sasl) {
            (Ok(brokers), Ok(tls), Ok(sasl)) => Ok(Self { brokers, client_id: client_id.to_owned(), tls, sasl }),
            (brokers, tls, sasl) => Err([brokers.err(), tls.err(), sasl.err()].into_iter().flatten().collect()),
        }
    }

    /// Reads what TLS stands on; `None` where the brokers do not speak it.
    ///
    /// # Errors
    /// Config, Auth: a file cannot be read.
    pub(super) fn tls(&self) -> Result<Option<Tls>> {
        self.tls.as_ref().map(|(trust, identity)| Tls::new(trust, identity.as_ref())).transpose()
    }

    /// What SASL begins with at one broker; `None` where nothing is shown. Blocks where a KDC is asked.
    ///
    /// # Errors
    /// Those of the ticket.
    pub(super) fn mechanism(&self, server: &Server) -> Result<Option<Mechanism>> {
        match &self.sasl {
            None => Ok(None),
            Some(Shown::Plain(user, password)) => {
                Ok(Some(Mechanism::Plain { user: user.clone(), password: password.clone() }))
            }
            Some(Shown::Scram(hash, user, password)) => Mechanism::scram(*hash, user, password.clone()).map(Some),
            Some(Shown::Ticket(login)) => login.mechanism(server),
        }
    }
}

/// A password that is given in one of three ways.
fn password(
    clear: Option<&Clear>,
    file: Option<&PathBuf>,
    env: Option<&String>,
    base: &Path,
) -> Result<Option<Secret>> {
    let source = SecretSource { password_file: file.cloned(), password_env: env.cloned(), ..SecretSource::default() };
    source.read_or(clear.map(|Clear(secret)| secret.clone()), base)
}

impl TlsArgs {
    fn plan(&self, base: &Path) -> Result<(Trust, Option<Identity>)> {
        let below = |file: &Option<PathBuf>| file.as_ref().map(|file| base.join(file));
        let both = |one: &str, other: &str| {
            Err(error::config(format!("{one} and {other} of tls are both given")).hint("keep one of them"))
        };
        let secret = password(self.password.as_ref(), self.password_file.as_ref(), self.password_env.as_ref(), base)?;
        let of_keys = self.key_store_password.as_ref().map(|Clear(secret)| secret.clone());
        let trust = match (below(&self.ca), below(&self.trust_store)) {
            (Some(_), Some(_)) => return both("ca", "trust-store"),
            (Some(file), None) => Trust::Pem(file),
            (None, Some(file)) => Trust::Store(Store::new(file, secret.clone())),
            (None, None) => Trust::System,
        };
        let identity = match (below(&self.cert), below(&self.key), below(&self.key_store)) {
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => return both("cert", "key-store"),
            (Some(certificate), Some(key), None) => Some(Identity::Pem { certificate, key }),
            (Some(_), None, None) | (None, Some(_), None) => {
                return Err(error::config("cert and key of tls belong together").hint("give both or neither"));
            }
            (None, None, Some(file)) => Some(Identity::Store(Store::new(file, of_keys.or(secret)))),
            (None, None, None) => None,
        };
        Ok((trust, identity))
    }
}

impl SaslArgs {
    fn plan(&self, base: &Path) -> Result<Shown> {
        if self.mechanism == MechanismName::Gssapi {
            return self.ticket(base);
        }
        if self.service.is_some() || self.principal.is_some() || self.keytab.is_some() || self.cache.is_some() {
            return Err(error::config("service, principal, keytab and cache of sasl are those of a ticket")
                .hint("take them out, or write mechanism = \"GSSAPI\""));
        }
        let secret = password(self.password.as_ref(), self.password_file.as_ref(), self.password_env.as_ref(), base)?;
        let (Some(user), Some(secret)) = (self.user.clone(), secret) else {
            return Err(
                error::config("sasl has no user or no password").hint("give user, and password-file or password-env")
            );
        };
        Ok(match self.mechanism {
            MechanismName::ScramSha256 => Shown::Scram(Hash::Sha256, user, secret),
            MechanismName::ScramSha512 => Shown::Scram(Hash::Sha512, user, secret),
            _ => Shown::Plain(user, secret),
        })
    }

    fn ticket(&self, base: &Path) -> Result<Shown> {
        if self.user.is_some() || self.password.is_some() || self.password_file.is_some() || self.password_env.is_some()
        {
            return Err(error::config("user and password of sasl are not shown with a ticket")
                .hint("give principal and keytab, or write another mechanism"));
        }
        let options = KerberosOptions {
            principal: self.principal.clone(),
            keytab: self.keytab.clone(),
            cache: self.cache.clone(),
        };
        Ok(Shown::Ticket(Login::Kerberos {
            credentials: Credentials::new(&options, base)?,
            server: self.service.clone().unwrap_or_else(|| "kafka".to_owned()),
            // Kafka protects nothing after the login; TLS does.
            protection: vec![Protection::Authentication],
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(tls: &str, sasl: &str) -> Result<KafkaServers, String> {
        let tls: Option<TlsArgs> = (!tls.is_empty()).then(|| toml::from_str(tls).unwrap());
        let sasl: Option<SaslArgs> = (!sasl.is_empty()).then(|| toml::from_str(sasl).unwrap());
        let made = KafkaServers::new(&["a:1, b:2".to_owned()], "x", tls.as_ref(), sasl.as_ref(), Path::new("/base"));
        made.map_err(|all| all.iter().map(|(key, e)| format!("{key}: {e}")).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn brokers_are_a_list_or_a_text_with_commas() {
        assert_eq!(servers("", "").unwrap().brokers, ["a:1", "b:2"]);
        assert!(brokers(&[]).is_err() && brokers(&[" , ".to_owned()]).is_err() && brokers(&["a".to_owned()]).is_err());
    }

    #[test]
    fn ways_to_log_in_are_whole_or_refused() {
        let plain = "mechanism = 'PLAIN'\nuser = 'u'\npassword = 'geheim'";
        let shown = format!("{:?}", servers("", plain).unwrap());
        assert!(shown.contains("Plain") && !shown.contains("geheim"), "{shown}");
        for (sasl, said) in [
            ("mechanism = 'PLAIN'", "no user or no password"),
            ("mechanism = 'SCRAM-SHA-256'\nuser = 'u'\npassword = 'p'\nkeytab = 'k'", "those of a ticket"),
            ("mechanism = 'GSSAPI'\nuser = 'u'", "not shown with a ticket"),
            ("mechanism = 'GSSAPI'\nkeytab = 'k'", "principal"),
        ] {
            assert!(servers("", sasl).unwrap_err().contains(said), "{sasl}");
        }
        assert!(servers("ca = 'a'\ntrust-store = 'b'", "").unwrap_err().contains("both given"));
        assert!(servers("cert = 'a'", "").unwrap_err().contains("belong together"));
        assert!(servers("ca = 'a'\ncert = 'c'\nkey = 'k'", "").is_ok());
    }

    #[test]
    fn names_of_topics() {
        for (name, is_one) in [("clicks", true), ("a.b_c-1", true), ("", false), (".", false), ("a/b", false)] {
            assert_eq!(is_topic(name), is_one, "{name}");
        }
        assert!(!is_topic(&"x".repeat(250)));
    }
}
