//! The keys of a MySQL connection, as a file or a command line gives them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::tls::{SslMode, TlsFiles};
use crate::config::Timespan;
use crate::secret::{Secret, with_password_source};

with_password_source! {
    flags: "", whose: "";
    /// How to reach a MySQL or MariaDB server.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    pub struct MySqlOptions {
        /// Server and database, as mysql://USER@HOST:PORT/DATABASE; jdbc:mysql:// and jdbc:mariadb:// are accepted too
        #[arg(long = "connect", value_name = "URL")]
        pub url: Option<String>,
        /// Host, instead of a URL
        #[arg(long = "mysql-host", value_name = "HOST")]
        pub host: Option<String>,
        /// Port, instead of a URL [default: 3306]
        #[arg(long = "mysql-port", value_name = "PORT")]
        pub port: Option<u16>,
        /// User, if the URL names none
        #[arg(long = "username", value_name = "USER")]
        pub user: Option<String>,
        /// Database, if the URL names none
        #[arg(long = "mysql-database", value_name = "NAME")]
        pub database: Option<String>,
        /// MySQL option file whose group client names user, password, host and port where nothing else does
        #[arg(long, value_name = "FILE")]
        pub defaults_file: Option<PathBuf>,
        /// Encryption of the connection [default: preferred, or as the URL says]
        #[arg(long, value_name = "MODE", value_enum)]
        pub ssl_mode: Option<SslMode>,
        /// PEM file of the authorities that vouch for the server [default: the well-known ones]
        #[arg(long, value_name = "FILE")]
        pub ssl_ca: Option<PathBuf>,
        /// PEM file of our own certificate
        #[arg(long, value_name = "FILE")]
        pub ssl_cert: Option<PathBuf>,
        /// PEM file of its private key
        #[arg(long, value_name = "FILE")]
        pub ssl_key: Option<PathBuf>,
        /// How long the server has to accept a connection and let us in; that of the URL, of the pipeline, or 20s, where
        /// absent.
        #[arg(skip)]
        pub connect_timeout: Option<Timespan>,
        /// Silence after which a reading connection is given up, such as 5m [default: none]
        #[arg(long, value_name = "TIME")]
        pub read_timeout: Option<Timespan>,
        /// The password itself, where a prompt or the cluster gave it; never in a file, never shown.
        #[arg(skip)]
        #[serde(skip)]
        pub password: Option<Secret>,
    }
}

impl MySqlOptions {
    /// The files that encryption stands on; relative ones are below `base`.
    pub(super) fn tls_files(&self, base: &Path) -> TlsFiles {
        let below = |file: &Option<PathBuf>| file.as_ref().map(|file| base.join(file));
        TlsFiles { ca: below(&self.ssl_ca), cert: below(&self.ssl_cert), key: below(&self.ssl_key) }
    }
}
