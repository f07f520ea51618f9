//! Where the servers of a pipeline are: one table each, in its file or from the command line's flags.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access::{Access, AccessOptions, TlsOptions};
use crate::config::{self, Document, Renamed, Timespan};
use crate::error::{self, Error, Result};
use crate::hbase::HBaseOptions;
use crate::hiveserver2::HiveServer2Options;
use crate::kerberos::KerberosOptions;
use crate::metastore::MetastoreOptions;
use crate::mysql::MySqlOptions;
use crate::secret;
use crate::storage::hdfs::HdfsOptions;

/// The names of the tables.
pub(super) const TABLES: [&str; 7] = ["mysql", "hdfs", "metastore", "hiveserver2", "hbase", "kerberos", "tls"];

/// The key above the tables that holds for all of them.
pub(super) const CONNECT_TIMEOUT: &str = "connect-timeout";

/// The table of properties, by name.
pub(super) const PROPERTIES: &str = "properties";

/// The key above the tables that names the user in whose name all is done in the cluster.
pub(super) const PROXY_USER: &str = "proxy-user";

const MYSQL: [Renamed; 2] =
    [Renamed::time("connect-timeout", "connect-timeout", "s"), Renamed::time("read-timeout", "read-timeout", "s")];
const HDFS: [Renamed; 1] = [Renamed::time("wait", "wait", "s")];
const METASTORE: [Renamed; 1] = [Renamed::key("uris", "url")];
const HIVESERVER2: [Renamed; 3] = [
    Renamed::key("endpoints", "url"),
    Renamed::time("connect-timeout-s", "connect-timeout", "s"),
    Renamed::time("call-timeout-s", "call-timeout", "s"),
];
const HBASE: [Renamed; 3] = [
    Renamed::key("thrift", "url"),
    Renamed::time("connect-timeout-ms", "connect-timeout", "ms"),
    Renamed::time("read-timeout-ms", "call-timeout", "ms"),
];

/// Where the servers are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Servers {
    /// The database, `[mysql]`.
    pub mysql: Option<MySqlOptions>,
    /// The cluster's filesystem, `[hdfs]`.
    pub hdfs: Option<HdfsOptions>,
    /// The Hive metastore, `[metastore]`.
    pub metastore: Option<MetastoreOptions>,
    /// HiveServer2, `[hiveserver2]`.
    pub hiveserver2: Option<HiveServer2Options>,
    /// The HBase Thrift gateway, `[hbase]`.
    pub hbase: Option<HBaseOptions>,
    /// Whose tickets are shown, `[kerberos]`.
    pub kerberos: Option<KerberosOptions>,
    /// What TLS to the cluster stands on, `[tls]`.
    pub tls: Option<TlsOptions>,
    /// The user in whose name all is done in the cluster.
    pub proxy_user: Option<String>,
    /// Properties over those of the site files, `[properties]`; what Hadoop's tools take by `-D`.
    pub properties: BTreeMap<String, String>,
}

impl Servers {
    /// The same, with what they would take from the environment: cron has another one.
    pub(super) fn without_environment(mut self) -> Self {
        if let Some(hdfs) = &mut self.hdfs {
            hdfs.config_dir = hdfs.configuration();
        }
        self
    }

    /// Takes the tables of the servers out of a document. Keys of earlier versions are read, and noted.
    pub(super) fn take(document: &mut Document<'_>, notes: &mut Vec<String>, wrong: &mut Vec<Error>) -> Self {
        let limit = document.value(CONNECT_TIMEOUT).unwrap_or_else(|e| {
            wrong.push(e);
            None
        });
        let proxy_user = document.value(PROXY_USER).unwrap_or_else(|e| {
            wrong.push(e);
            None
        });
        let properties = document.value(PROPERTIES).unwrap_or_else(|e| {
            wrong.push(e);
            None
        });
        let properties: BTreeMap<String, String> = properties.unwrap_or_default();
        let mut take = Take { document, notes, wrong };
        let mut servers = Self {
            mysql: take.table("mysql", &MYSQL),
            hdfs: take.table("hdfs", &HDFS),
            metastore: take.table("metastore", &METASTORE),
            hiveserver2: take.table("hiveserver2", &HIVESERVER2),
            hbase: take.table("hbase", &HBASE),
            kerberos: take.table("kerberos", &[]),
            tls: take.table("tls", &[]),
            proxy_user,
            properties,
        };
        servers.limit_connecting(limit);
        servers
    }

    /// Sets how long each server has to let us in, where its own options do not.
    pub fn limit_connecting(&mut self, limit: Option<Timespan>) {
        let Self { mysql, hdfs, metastore, hiveserver2, hbase, .. } = self;
        let limits = [
            mysql.as_mut().map(|options| &mut options.connect_timeout),
            hdfs.as_mut().map(|options| &mut options.connect_timeout),
            metastore.as_mut().map(|options| &mut options.connect_timeout),
            hiveserver2.as_mut().map(|options| &mut options.connect_timeout),
            hbase.as_mut().map(|options| &mut options.connect_timeout),
        ];
        for own in limits.into_iter().flatten() {
            *own = own.or(limit);
        }
    }

    /// Refuses a URL that holds a password, so that it is neither printed nor saved.
    ///
    /// # Errors
    /// Config: there is one; it is not repeated.
    pub(super) fn check(&self) -> Result<()> {
        match self.mysql.as_ref().and_then(|options| options.url.as_deref()).is_some_and(secret::is_in_url) {
            false => Ok(()),
            true => Err(error::config("the mysql url holds a password, which would be printed and saved with it")
                .hint("take it out of the url and give password-file or password-env")),
        }
    }

    /// What the connections to the cluster share; relative files are below `base`.
    ///
    /// # Errors
    /// Config: site files, a token file or the file of a password that cannot be read.
    pub(crate) fn access(&self, base: &Path) -> Result<Access> {
        let mut properties: Vec<(&str, &str)> =
            self.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        // What stands in the table of a server is said of it more plainly.
        properties.extend(self.hdfs.iter().flat_map(HdfsOptions::login));
        let options = AccessOptions {
            kerberos: self.kerberos.as_ref(),
            tls: self.tls.as_ref(),
            proxy_user: self.proxy_user.as_deref(),
            hadoop: self.hdfs.clone().unwrap_or_default().configuration(),
            properties,
        };
        Access::new(&options, base)
    }

    /// The same, each with what their connections share.
    #[must_use]
    pub(super) fn with_access(mut self, access: &Access) -> Self {
        let Self { hdfs, metastore, hiveserver2, hbase, .. } = &mut self;
        let own = [
            hdfs.as_mut().map(|options| &mut options.access),
            metastore.as_mut().map(|options| &mut options.access),
            hiveserver2.as_mut().map(|options| &mut options.access),
            hbase.as_mut().map(|options| &mut options.access),
        ];
        own.into_iter().flatten().for_each(|own| *own = access.clone());
        self
    }

    /// Whether the server of a table was named.
    pub(super) fn has(&self, table: &str) -> bool {
        match table {
            "mysql" => self.mysql.is_some(),
            "hdfs" => self.hdfs.is_some(),
            "metastore" => self.metastore.is_some(),
            "hiveserver2" => self.hiveserver2.is_some(),
            "hbase" => self.hbase.is_some(),
            _ => false,
        }
    }

    /// The tables by name, without what need not be said; secrets are not in them, only where they come from.
    ///
    /// # Errors
    /// Bug: options that are not read as they are written.
    pub(super) fn to_tables(&self) -> Result<Vec<(&'static str, toml::Table)>> {
        fn table<T: Serialize + DeserializeOwned + PartialEq>(options: Option<&T>) -> Result<Option<toml::Table>> {
            options.map(config::to_table).transpose()
        }
        let tables = [
            table(self.mysql.as_ref())?,
            table(self.hdfs.as_ref())?,
            table(self.metastore.as_ref())?,
            table(self.hiveserver2.as_ref())?,
            table(self.hbase.as_ref())?,
            table(self.kerberos.as_ref())?,
            table(self.tls.as_ref())?,
        ];
        Ok(TABLES.into_iter().zip(tables).filter_map(|(name, table)| Some((name, table?))).collect())
    }
}

struct Take<'a, 't> {
    document: &'a mut Document<'t>,
    notes: &'a mut Vec<String>,
    wrong: &'a mut Vec<Error>,
}

impl Take<'_, '_> {
    /// Reads one table; what is wrong with it is collected.
    fn table<T: DeserializeOwned>(&mut self, name: &str, renamed: &[Renamed]) -> Option<T> {
        let table = self.document.table(name).and_then(|table| {
            let Some(mut part) = table else { return Ok(None) };
            part.rename(renamed, self.notes).map(|()| Some(part))
        });
        match table.map_err(|e| vec![e]).and_then(|part| part.map(|part| part.read()).transpose()) {
            Ok(options) => options,
            Err(wrong) => {
                self.wrong.extend(wrong);
                None
            }
        }
    }
}
