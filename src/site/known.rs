//! Settings whose values are a closed set of words: another one is a mistake, which Hadoop's own clients end with for some
//! and take for the default for others. A default that nobody asked for is a login or a protection less.
//!
//! Source: Hadoop 3.4 `SecurityUtil.getAuthenticationMethod`, `SaslRpcServer.QualityOfProtection`, `HttpConfig.Policy`,
//! `Configuration.getBoolean`; Hive 4.0 `MetastoreConf`; HBase 2.6 `ThriftServer`. Case does not count.

use super::Site;
use crate::error::{self, Result};

const LEVELS: Words = Words::Several(&["authentication", "integrity", "privacy"]);

/// What a setting may be.
enum Words {
    One(&'static [&'static str]),
    /// With commas between them.
    Several(&'static [&'static str]),
    Flag,
}

/// Those that decide how servers are spoken to.
const SETTINGS: &[(&str, Words)] = &[
    ("hadoop.security.authentication", Words::One(&["simple", "kerberos"])),
    ("hadoop.rpc.protection", LEVELS),
    ("hadoop.ssl.require.client.cert", Words::Flag),
    ("hadoop.security.credential.clear-text-fallback", Words::Flag),
    ("dfs.data.transfer.protection", LEVELS),
    ("dfs.http.policy", Words::One(&["HTTP_ONLY", "HTTPS_ONLY", "HTTP_AND_HTTPS"])),
    ("dfs.client.use.datanode.hostname", Words::Flag),
    ("dfs.client.https.need-auth", Words::Flag),
    ("dfs.namenode.posix.acl.inheritance.enabled", Words::Flag),
    ("hive.metastore.sasl.enabled", Words::Flag),
    ("hive.metastore.use.SSL", Words::Flag),
    ("hive.metastore.client.thrift.transport.mode", Words::One(&["binary", "http"])),
    ("hive.metastore.thrift.framed.transport.enabled", Words::Flag),
    ("hive.metastore.thrift.compact.protocol.enabled", Words::Flag),
    ("hive.metastore.client.auth.mode", Words::One(&["nosasl", "plain", "jwt"])),
    ("hive.metastore.zookeeper.ssl.client.enable", Words::Flag),
    ("hive.server2.use.SSL", Words::Flag),
    ("hive.server2.transport.mode", Words::One(&["binary", "http", "all"])),
    (
        "hive.server2.authentication",
        Words::Several(&["NONE", "NOSASL", "KERBEROS", "LDAP", "PAM", "CUSTOM", "SAML", "JWT"]),
    ),
    ("hive.server2.support.dynamic.service.discovery", Words::Flag),
    ("hive.server2.active.passive.ha.enable", Words::Flag),
    ("hbase.thrift.security.qop", Words::Several(&["auth", "auth-int", "auth-conf"])),
    ("hbase.thrift.ssl.enabled", Words::Flag),
    ("hbase.regionserver.thrift.http", Words::Flag),
    ("hbase.regionserver.thrift.framed", Words::Flag),
    ("hbase.regionserver.thrift.compact", Words::Flag),
];

impl Site {
    /// Makes sure that what decides how servers are spoken to is a word that is known.
    ///
    /// # Errors
    /// Config: one is not; names its file, the setting, the word and those that are known.
    pub(crate) fn check(&self) -> Result<()> {
        SETTINGS
            .iter()
            .try_for_each(|(name, words)| self.get(name).map_or(Ok(()), |value| self.check_one(name, value, words)))
    }

    fn check_one(&self, name: &str, value: &str, words: &Words) -> Result<()> {
        let (known, several): (&[&str], bool) = match words {
            Words::One(known) => (known, false),
            Words::Several(known) => (known, true),
            Words::Flag => (&["true", "false"], false),
        };
        let is_known = |word: &str| known.iter().any(|one| one.eq_ignore_ascii_case(word));
        let given = value.split(',').filter(|_| several).chain(Some(value).filter(|_| !several)).map(str::trim);
        let Some(wrong) = given.filter(|word| !word.is_empty()).find(|word| !is_known(word)) else { return Ok(()) };
        let place = match self.origins.get(name) {
            Some(file) => format!(" in {}", file.display()),
            None => String::new(),
        };
        Err(error::config(format!("{name} is `{wrong}`{place}, which is not known")).hint(match several {
            true => format!("it is one of {}, or a list of them with commas", known.join(", ")),
            false => format!("it is {}", known.join(" or ")),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_an_error_with_its_file_and_the_known_ones() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("core-site.xml");
        let read = |name: &str, value: &str| {
            let text = format!(
                "<configuration><property><name>{name}</name><value>{value}</value></property></configuration>"
            );
            std::fs::write(&file, text).unwrap();
            Site::of_files(&[&file]).unwrap().check()
        };
        for (name, value) in [
            ("hadoop.security.authentication", "Kerberos"),
            ("hadoop.rpc.protection", " privacy, Integrity,"),
            ("dfs.http.policy", "https_only"),
            ("hive.metastore.sasl.enabled", "TRUE"),
            ("hbase.thrift.security.qop", "auth-conf"),
            ("hbase.thrift.security.qop", ""),
            ("fs.defaultFS", "anything"),
        ] {
            read(name, value).unwrap_or_else(|e| panic!("{name}={value}: {e}"));
        }
        for (name, value, wrong) in [
            ("hadoop.security.authentication", "KEROBEROS", "KEROBEROS"),
            ("hadoop.rpc.protection", "privacy,privat", "privat"),
            ("dfs.data.transfer.protection", "auth", "auth"),
            ("hive.metastore.sasl.enabled", "yes", "yes"),
        ] {
            let error = read(name, value).unwrap_err();
            assert_eq!(error.to_string(), format!("{name} is `{wrong}` in {}, which is not known", file.display()));
            assert_eq!(error.kind(), error::Kind::Config);
        }
        let remedy = read("hadoop.security.authentication", "KEROBEROS").unwrap_err();
        assert_eq!(remedy.remedy(), Some("it is simple or kerberos"));
        let said = Site::default().with([("hadoop.security.authentication", "both")]).check().unwrap_err();
        assert_eq!(said.to_string(), "hadoop.security.authentication is `both`, which is not known");
    }
}
