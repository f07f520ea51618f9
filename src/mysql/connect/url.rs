//! The URL of a server: `mysql://`, `mariadb://`, and both with `jdbc:` in front, with the parameters that users of
//! Connector/J have in theirs.
//!
//! Parameters that change what is read or who is talked to are mapped; those that tune the Java driver are accepted with
//! a note; others are refused by name, and so is a password.

use std::time::Duration;

use url::Url;

use crate::error::{self, Error, Result};
use crate::mysql::types::ZeroDates;
use crate::mysql::wire::tls::SslMode;

/// Parameters of the Java driver that say nothing here: tuning, logging, encodings (text is always Unicode).
const HARMLESS: [&str; 51] = [
    "allowloadlocalinfile",
    "allowmultiqueries",
    "allownanandinf",
    "autoreconnect",
    "autoreconnectforpools",
    "cacheprepstmts",
    "cacheresultsetmetadata",
    "cacheserverconfiguration",
    "characterencoding",
    "charactersetresults",
    "connectionattributes",
    "connectioncollation",
    "defaultfetchsize",
    "donttrackopenresources",
    "elidesetautocommits",
    "enabledsslprotocolsuites",
    "enabledtlsprotocols",
    "failoverreadonly",
    "initialtimeout",
    "interactiveclient",
    "jdbccomplianttruncation",
    "logger",
    "maintaintimestats",
    "maxreconnects",
    "nettimeoutforstreamingresults",
    "noaccesstoprocedurebodies",
    "nodatetimestringsync",
    "nullcatalogmeanscurrent",
    "nullnamepatternmatchesall",
    "paranoid",
    "passwordcharacterencoding",
    "permitmysqlscheme",
    "prepstmtcachesize",
    "prepstmtcachesqllimit",
    "profilesql",
    "rewritebatchedstatements",
    "sendfractionalseconds",
    "tcpkeepalive",
    "tcpnodelay",
    "tlsversions",
    "usecompression",
    "usecursorfetch",
    "useinformationschema",
    "usejdbccomplianttimezoneshift",
    "uselegacydatetimecode",
    "uselocalsessionstate",
    "uselocaltransactionstate",
    "useoldaliasmetadatabehavior",
    "useserverprepstmts",
    "useunicode",
    "yearisdatetype",
];

/// Parameters for the time zone of the Java driver; times are read in UTC and keep their meaning.
const ZONES: [&str; 4] = ["connectiontimezone", "forceconnectiontimezonetosession", "servertimezone", "usetimezone"];

/// What a URL names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FromUrl {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub database: Option<String>,
    pub ssl_mode: Option<SslMode>,
    pub connect_timeout: Option<Duration>,
    pub read_timeout: Option<Duration>,
    pub public_key: Option<bool>,
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
    // The text may hold a password that was put there by mistake: it is never repeated in an error.
    let wrong =
        |what: &str| error::config(format!("the mysql url {what}")).hint("write it as mysql://USER@HOST:3306/DATABASE");
    let url = Url::parse(text.strip_prefix("jdbc:").unwrap_or(text)).map_err(|e| wrong("cannot be read").source(e))?;
    if !matches!(url.scheme(), "mysql" | "mariadb") {
        return Err(wrong("does not start with mysql://"));
    }
    if url.password().is_some() {
        return Err(password_in_url());
    }
    if url.fragment().is_some() {
        return Err(wrong("has a # in it"));
    }
    let decode = |part: &str| {
        let text = percent_encoding::percent_decode_str(part).decode_utf8();
        text.map(|t| Some(t.into_owned()).filter(|t| !t.is_empty())).map_err(|e| wrong("is not UTF-8").source(e))
    };
    let database = decode(url.path().trim_start_matches('/'))?;
    if database.as_deref().is_some_and(|d| d.contains('/')) {
        return Err(wrong("names more than a database"));
    }
    let host = url.host_str().map(|h| h.trim_matches(['[', ']']).to_owned()).filter(|h| !h.is_empty());
    let mut from = FromUrl { host, port: url.port(), user: decode(url.username())?, database, ..FromUrl::default() };
    parameters(&url, &mut from)?;
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

fn parameters(url: &Url, from: &mut FromUrl) -> Result<()> {
    let mut old = OldSsl::default();
    for (key, value) in url.query_pairs() {
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
            "password" | "password1" | "password2" | "password3" => return Err(password_in_url()),
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
            zone if ZONES.contains(&zone) => {
                tracing::debug!(parameter = %key, "times are read in UTC whatever the url says");
            }
            known if HARMLESS.binary_search(&known).is_ok() => {
                tracing::debug!(parameter = %key, "a parameter of the mysql url has no meaning here");
            }
            store if store.contains("keystore") => {
                return Err(error::config(format!("the mysql url names a Java key store in {key}"))
                    .hint("give the certificates as PEM files in ssl-ca, ssl-cert and ssl-key"));
            }
            _ => {
                return Err(error::config(format!("the mysql url has the parameter {key}, which is not known here"))
                    .hint("take it out of the url"));
            }
        }
    }
    from.ssl_mode = from.ssl_mode.or(old.mode());
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

    fn of(query: &str) -> Result<FromUrl> {
        parse(&format!("jdbc:mysql://u@db/shop?{query}"))
    }

    #[test]
    fn the_list_can_be_searched() {
        assert!(HARMLESS.windows(2).all(|pair| pair[0] < pair[1]));
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
        assert!(of("shoeSize=44").unwrap_err().to_string().contains("shoeSize"));
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
