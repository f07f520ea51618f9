//! The URL of a server: `mysql://`, `mariadb://`, and both with `jdbc:` in front, with the parameters that users of
//! Connector/J have in theirs.
//!
//! Parameters that change what is read or who is talked to are honoured, or refused by name; those that tune the Java
//! driver are let pass, and so, with a warning, are those that are not known. A password is refused.

use std::time::Duration;

use super::hosts::{Hosts, Order, decoded};
use super::parameters::Parameter;
use super::tls::SslMode;
use crate::error::{self, Error, Result};
use crate::mysql::session::UrlSession;
use crate::mysql::types::ZeroDates;
use crate::secret;

/// What a URL names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FromUrl {
    /// Hosts and ports in the order in which they are tried; the URL need not name any.
    pub hosts: Vec<(Option<String>, Option<u16>)>,
    pub user: Option<String>,
    pub database: Option<String>,
    pub ssl_mode: Option<SslMode>,
    pub connect_timeout: Option<Duration>,
    pub read_timeout: Option<Duration>,
    pub public_key: Option<bool>,
    pub session: UrlSession,
    pub jdbc: JdbcParameters,
}

/// Parameters of a URL that change what a value looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JdbcParameters {
    /// `zeroDateTimeBehavior`.
    pub zero_dates: Option<ZeroDates>,
    /// `tinyInt1isBit`.
    pub tiny_int_is_bit: Option<bool>,
}

/// Reads a URL.
///
/// # Errors
/// Config: what it says makes no sense, is not known, or is a secret.
pub(super) fn parse(text: &str) -> Result<FromUrl> {
    if secret::is_in_url(text) {
        return Err(password_in_url());
    }
    // The text is never repeated in an error all the same: a password may be where none is looked for.
    let wrong =
        |what: &str| error::config(format!("the mysql url {what}")).hint("write it as mysql://USER@HOST:3306/DATABASE");
    let (scheme, rest) = text.split_once("//").ok_or_else(|| wrong("does not start with mysql://"))?;
    let order = match scheme.strip_prefix("jdbc:").unwrap_or(scheme) {
        "mysql:" | "mariadb:" => Order::Any,
        "mysql:loadbalance:" | "mysql:failover:" => Order::Any,
        "mariadb:loadbalance:" | "mariadb:sequential:" | "mariadb:load-balance-read:" => Order::Any,
        "mysql:replication:" | "mariadb:replication:" => Order::SourceFirst,
        srv if srv.contains("+srv:") => {
            return Err(wrong("asks for the servers of a DNS SRV record").hint("name the servers themselves"));
        }
        _ => return Err(wrong("does not start with mysql://")),
    };
    if rest.contains('#') {
        return Err(wrong("has a # in it"));
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let database = decoded(path.trim_matches('/'))?;
    if database.contains('/') {
        return Err(wrong("names more than a database"));
    }
    let Hosts { hosts, user, replicas } = Hosts::parse(authority, order)?;
    if replicas > 0 {
        tracing::info!(replicas, "the mysql url names replicas, which are not asked: rows are read from the source");
    }
    let database = Some(database).filter(|name| !name.is_empty());
    let mut from = FromUrl { hosts, user, database, ..FromUrl::default() };
    parameters(query, &mut from)?;
    Ok(from)
}

fn password_in_url() -> Error {
    error::config("the mysql url holds a password, which everybody on this machine can see")
        .hint("take it out of the url and give password-file or password-env")
}

/// What the old parameters say about encryption; `sslMode` overrules them.
#[derive(Default)]
struct OldSsl {
    wanted: Option<bool>,
    required: bool,
    verified: bool,
}

impl OldSsl {
    fn mode(&self) -> Option<SslMode> {
        match (self.wanted, self.verified, self.required) {
            (Some(false), ..) => Some(SslMode::Disabled),
            (_, true, _) => Some(SslMode::VerifyCa),
            (_, _, true) => Some(SslMode::Required),
            (Some(true), ..) => Some(SslMode::Preferred),
            (None, ..) => None,
        }
    }
}

fn parameters(query: &str, from: &mut FromUrl) -> Result<()> {
    let mut old = OldSsl::default();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let unfit = || {
            error::config(format!("the parameter {key} of the mysql url has a value that is not known here"))
                .hint("correct it or leave it out")
        };
        let truth = || match value.to_lowercase().as_str() {
            "true" | "yes" => Ok(true),
            "false" | "no" => Ok(false),
            _ => Err(unfit()),
        };
        // Zero is the driver's word for no limit.
        let time = || match value.parse::<u64>() {
            Ok(millis) => Ok(Some(Duration::from_millis(millis)).filter(|t| !t.is_zero())),
            Err(_) => Err(unfit()),
        };
        match key.to_lowercase().as_str() {
            "" => {}
            "user" if from.user.as_ref().is_some_and(|user| *user != value) => {
                return Err(error::config("the mysql url names two users").hint("name one"));
            }
            "user" => from.user = Some(value.into_owned()),
            "sslmode" => from.ssl_mode = Some(ssl_mode(&value).ok_or_else(unfit)?),
            "usessl" => old.wanted = Some(truth()?),
            "requiressl" => old.required = truth()?,
            "verifyservercertificate" => old.verified = truth()?,
            "trustservercertificate" => old.verified = !truth()?,
            "allowpublickeyretrieval" => from.public_key = Some(truth()?),
            "connecttimeout" => from.connect_timeout = time()?,
            "sockettimeout" => from.read_timeout = time()?,
            "tinyint1isbit" => from.jdbc.tiny_int_is_bit = Some(truth()?),
            "zerodatetimebehavior" => from.jdbc.zero_dates = Some(zero_dates(&value).ok_or_else(unfit)?),
            "sessionvariables" => from.session.variables = Some(value.into_owned()),
            "connectiontimezone" | "servertimezone" => from.session.zone = Some(value.into_owned()),
            "forceconnectiontimezonetosession" => from.session.force = truth()?,
            "timezone" => from.session.mariadb_zone(&value),
            "connectioncollation" => from.session.collation = Some(value.into_owned()),
            store if store.contains("keystore") => {
                return Err(error::config(format!("the mysql url names a Java key store in {key}"))
                    .hint("give the certificates as PEM files in ssl-ca, ssl-cert and ssl-key"));
            }
            other => pass(&key, &Parameter::of(other))?,
        }
    }
    from.ssl_mode = from.ssl_mode.or(old.mode());
    Ok(())
}

/// Lets a parameter pass, or not. As Connector/J does, one that is not known is passed over, unless it may be a slip.
fn pass(key: &str, parameter: &Parameter) -> Result<()> {
    match parameter {
        Parameter::Harmless => tracing::debug!(parameter = key, "a parameter of the mysql url has no meaning here"),
        Parameter::Refused => {
            return Err(error::config(format!("the parameter {key} of the mysql url cannot be honoured here"))
                .hint("take it out of the url"));
        }
        Parameter::Mistyped(near) => {
            return Err(error::config(format!("the mysql url has the parameter {key}, which is not known"))
                .hint(format!("did you mean {near}?")));
        }
        Parameter::Unknown => {
            tracing::warn!("the mysql url has the parameter {key}, which is not known and has no effect");
        }
    }
    Ok(())
}

/// The mode by the names of Connector/J and of MariaDB's connector.
fn ssl_mode(text: &str) -> Option<SslMode> {
    Some(match text.to_lowercase().replace('-', "_").as_str() {
        "disabled" | "disable" => SslMode::Disabled,
        "preferred" => SslMode::Preferred,
        "required" | "trust" => SslMode::Required,
        "verify_ca" => SslMode::VerifyCa,
        "verify_identity" | "verify_full" => SslMode::VerifyIdentity,
        _ => return None,
    })
}

/// What zero dates become; Connector/J's `round` has no counterpart.
fn zero_dates(text: &str) -> Option<ZeroDates> {
    Some(match text.to_lowercase().as_str() {
        "converttonull" | "convert_to_null" => ZeroDates::Null,
        "exception" => ZeroDates::Error,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_as_connector_j_reads_it() {
        let host = |name: &str, port| (Some(name.to_owned()), port);
        for (url, hosts, database) in [
            ("jdbc:mysql://h1:1,h2:2/db", vec![host("h1", Some(1)), host("h2", Some(2))], Some("db")),
            ("jdbc:mysql:loadbalance://h1,h2/db", vec![host("h1", None), host("h2", None)], Some("db")),
            ("jdbc:mysql:replication://h1,h2,h3/db", vec![host("h1", None)], Some("db")),
            ("jdbc:mariadb:sequential://h1/db", vec![host("h1", None)], Some("db")),
            ("jdbc:mysql://h/db/", vec![host("h", None)], Some("db")),
            ("jdbc:mysql:///db", vec![(None, None)], Some("db")),
            ("jdbc:mysql://h", vec![host("h", None)], None),
            ("jdbc:mysql://h?user=u", vec![host("h", None)], None),
            ("jdbc:mysql://address=(host=h)(port=1)/d%20b", vec![host("h", Some(1))], Some("d b")),
        ] {
            let from = parse(url).unwrap_or_else(|e| panic!("{url}: {e}"));
            assert_eq!((from.hosts, from.database.as_deref()), (hosts, database), "{url}");
        }
        for (url, says) in [
            ("jdbc:mysql+srv://h/d", "SRV"),
            ("jdbc:postgresql://h/d", "mysql://"),
            ("mysql:h/d", "mysql://"),
            ("mysql://h/a/b", "more than a database"),
            ("mysql://u@h/d?user=v", "two users"),
        ] {
            let error = parse(url).unwrap_err();
            assert!(error.to_string().contains(says), "{url}: {error}");
        }
    }

    fn of(query: &str) -> Result<FromUrl> {
        parse(&format!("jdbc:mysql://u@db/shop?{query}"))
    }

    #[test]
    fn encryption_has_old_and_new_names() {
        for (query, mode) in [
            ("", None),
            ("useSSL=false", Some(SslMode::Disabled)),
            ("useSSL=true", Some(SslMode::Preferred)),
            ("useSSL=true&requireSSL=true", Some(SslMode::Required)),
            ("useSSL=true&verifyServerCertificate=true", Some(SslMode::VerifyCa)),
            ("sslMode=VERIFY_IDENTITY&useSSL=false", Some(SslMode::VerifyIdentity)),
            ("sslMode=verify-full", Some(SslMode::VerifyIdentity)),
        ] {
            assert_eq!(of(query).unwrap().ssl_mode, mode, "{query}");
        }
        assert!(of("sslMode=maybe").unwrap_err().to_string().contains("sslMode"));
    }

    #[test]
    fn what_changes_values_is_kept() {
        let from = of("zeroDateTimeBehavior=convertToNull&tinyInt1isBit=false&connectTimeout=5000&socketTimeout=0");
        let from = from.unwrap();
        let jdbc = JdbcParameters { zero_dates: Some(ZeroDates::Null), tiny_int_is_bit: Some(false) };
        assert_eq!((from.jdbc, from.connect_timeout, from.read_timeout), (jdbc, Some(Duration::from_secs(5)), None));
        assert!(of("zeroDateTimeBehavior=round").is_err());
    }

    #[test]
    fn the_drivers_own_parameters_are_let_pass_and_others_named() {
        assert!(
            of("useUnicode=true&characterEncoding=utf8&serverTimezone=UTC&useCursorFetch=true&autoReconnect=true")
                .is_ok()
        );
        assert!(of("").is_ok() && parse("jdbc:mariadb://u@db/shop?").is_ok());
        assert_eq!(of("shoeSize=44").unwrap(), of("").unwrap());
        assert_eq!(of("sslMod=REQUIRED").unwrap_err().remedy(), Some("did you mean sslmode?"));
        assert!(of("maxRows=10").unwrap_err().to_string().contains("maxRows"));
        assert!(of("trustCertificateKeyStoreUrl=file:x").unwrap_err().remedy().unwrap().contains("ssl-ca"));
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for url in ["jdbc:mysql://u@db/shop?password=s3cret", "mysql://u:s3cret@db/shop"] {
            let error = parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }
}
