//! Where the servers are: from a tool's options, the generic properties, and the site files that they lie over.
//!
//! HDFS comes from `-fs` or `fs.defaultFS`, else from `HADOOP_CONF_DIR`; the metastore from `hive.metastore.uris`, on
//! the command line or in the `hive-site.xml` of `HIVE_CONF_DIR` or `HADOOP_CONF_DIR`; the HBase gateway and
//! HiveServer2 from `sakia.hbase.url` and `sakia.hiveserver2.url`, or `SAKIA_HBASE_URL` and `SAKIA_HIVESERVER2_URL`. The
//! names of earlier versions (`sakia.hbase.thrift`, `SAKIA_HBASE_THRIFT`, `sakia.hiveserver2.endpoints`,
//! `SAKIA_HIVESERVER2`) are understood.

use std::path::{Path, PathBuf};

use super::given::Given;
use super::paths::Paths;
use super::properties::Properties;
use crate::config::host_and_port;
use crate::error::{self, Error, Result};
use crate::hbase::HBaseOptions;
use crate::hiveserver2::HiveServer2Options;
use crate::kerberos::KerberosOptions;
use crate::metastore::MetastoreOptions;
use crate::mysql::MySqlOptions;
use crate::pipeline::Servers;
use crate::secret::{self, Secret};
use crate::storage::hdfs::HdfsOptions;

/// Hadoop's property that names the credential file.
const CREDENTIAL_PROVIDER: &str = "hadoop.security.credential.provider.path";

/// Sqoop's warning about a password in the argument vector, with which one in the URL is warned of, too.
const IN_CLEAR: &str = "Setting your password on the command-line is insecure. Consider using -P instead.";

/// How the password gets here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Password {
    /// No password.
    None,
    /// It stood in the argument vector, or in a file of connection parameters.
    Typed(Secret),
    /// It is asked for on the console.
    Prompt,
    /// It is in a file.
    File(PathBuf),
}

/// A database to ask, and the cluster that may hold its password.
#[derive(Debug)]
pub(crate) struct Source {
    /// The database.
    pub mysql: MySqlOptions,
    /// How the password gets here.
    pub password: Password,
    /// The cluster, and whose tickets are shown there.
    pub servers: Servers,
}

/// The cluster, and how its servers are spoken to.
pub(super) fn cluster(given: &Given, properties: &Properties) -> Servers {
    Servers {
        hdfs: Some(hdfs(properties)),
        kerberos: kerberos(given, properties),
        proxy_user: properties.get("sakia.proxy-user").map(str::to_owned),
        properties: properties.of_cluster(),
        ..Servers::default()
    }
}

/// The database of a tool that touches nothing else.
///
/// # Errors
/// Those of [`mysql`].
pub(super) fn source(given: &Given, properties: &Properties, notes: &mut Vec<String>) -> Result<Source> {
    let (mysql, password) = mysql(given, properties, notes)?;
    Ok(Source { mysql, password, servers: cluster(given, properties) })
}

/// The database, without a password that is not in a file.
///
/// # Errors
/// Usage: no connect string, or several passwords. Config: a file of connection parameters that cannot be read.
pub(super) fn mysql(
    given: &Given,
    properties: &Properties,
    notes: &mut Vec<String>,
) -> Result<(MySqlOptions, Password)> {
    let url = given.owned("connect").ok_or_else(|| {
        error::usage("Error: Required argument --connect is missing.")
            .hint("give --connect jdbc:mysql://HOST:3306/DATABASE")
    })?;
    if !["jdbc:mysql:", "jdbc:mariadb:", "mysql:", "mariadb:"].iter().any(|scheme| url.starts_with(scheme)) {
        let scheme = url.split("//").next().unwrap_or_default();
        return Err(error::usage(format!("there is no connector for {scheme}"))
            .hint("sources are MySQL and MariaDB: jdbc:mysql://HOST:3306/DATABASE"));
    }
    let (url, in_url) = secret::split_url(&url);
    let password = match (password(given, properties, notes)?, in_url) {
        (Password::None, Some(typed)) if !given.has("password-alias") => {
            notes.push(IN_CLEAR.to_owned());
            Password::Typed(typed)
        }
        (_, Some(_)) => return Err(several_passwords()),
        (password, None) => password,
    };
    let password_file = match &password {
        Password::File(file) => Some(file.clone()),
        _ => None,
    };
    let mut options =
        MySqlOptions { url: Some(url), user: given.owned("username"), password_file, ..MySqlOptions::default() };
    if let Some(alias) = given.owned("password-alias") {
        options.credential_provider = properties.get(CREDENTIAL_PROVIDER).map(str::to_owned);
        options.password_alias = Some(alias);
    }
    let in_file = match given.text("connection-param-file") {
        Some(file) => add_parameters(&mut options, Path::new(file))?,
        None => None,
    };
    // As with the driver, what is given beside the file wins over it.
    let password = match (password, in_file) {
        (Password::None, Some(secret)) if options.password_alias.is_none() => Password::Typed(secret),
        (password, _) => password,
    };
    Ok((options, password))
}

fn password(given: &Given, properties: &Properties, notes: &mut Vec<String>) -> Result<Password> {
    let paths = || Paths::of(cluster(given, properties));
    let file = given.text("password-file").map(|path| password_file(path, &paths())).transpose()?;
    // An alias is looked up where the connection is made.
    let several = given.has("password-alias") && (given.has("password") || given.has("P") || file.is_some());
    match (given.text("password"), given.has("P"), file.filter(|_| !several)) {
        _ if several => Err(several_passwords()),
        (None, false, None) => Ok(Password::None),
        (Some(typed), false, None) => {
            notes.push(IN_CLEAR.to_owned());
            Ok(Password::Typed(Secret::new(typed)))
        }
        (None, true, None) => Ok(Password::Prompt),
        (None, false, Some(file)) => Ok(Password::File(file)),
        _ => Err(several_passwords()),
    }
}

fn several_passwords() -> Error {
    error::usage("Only one of --password, -P, --password-alias or path to --password-file must be specified.")
        .hint("name one source for the password")
}

/// Sqoop looks for a password file in the cluster unless its path begins with `file:`. A local file of that path is
/// taken too, and wins.
fn password_file(path: &str, paths: &Paths) -> Result<PathBuf> {
    if let Some(local) = path.strip_prefix("file:") {
        return Ok(PathBuf::from(format!("/{}", local.trim_start_matches('/'))));
    }
    if path.starts_with("hdfs:") || Path::new(path).is_file() {
        return Ok(PathBuf::from(path));
    }
    Ok(PathBuf::from(format!("hdfs://{}", paths.absolute_path(path)?)))
}

/// Adds Java properties to the URL, where the driver would find them too; the password is given back.
fn add_parameters(options: &mut MySqlOptions, file: &Path) -> Result<Option<Secret>> {
    let unreadable = || error::config(format!("cannot read connection parameters from {}", file.display()));
    let reader = std::fs::File::open(file).map_err(|e| unreadable().hint("check the path").source(e))?;
    let parameters = java_properties::read(reader).map_err(|e| unreadable().source(e))?;
    let (mut url, mut password) = (options.url.take().unwrap_or_default(), None);
    for (name, value) in std::collections::BTreeMap::from_iter(parameters) {
        match name.as_str() {
            "user" => options.user = options.user.take().or(Some(value)),
            "password" => password = Some(Secret::new(value)),
            _ => {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(&url::form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish());
            }
        }
    }
    options.url = Some(url);
    Ok(password)
}

/// HDFS; the site files of `HADOOP_CONF_DIR` say where it is unless the properties do.
pub(super) fn hdfs(properties: &Properties) -> HdfsOptions {
    let url = properties.get("fs.defaultFS").or_else(|| properties.get("fs.default.name"));
    HdfsOptions { url: url.map(str::to_owned), ..HdfsOptions::default() }
}

/// The Hive metastore.
///
/// # Errors
/// Usage: nothing says where it is.
pub(super) fn metastore(properties: &Properties) -> Result<MetastoreOptions> {
    let uris = properties.get("hive.metastore.uris").unwrap_or_default();
    let uris: Vec<String> = uris.split(',').map(str::trim).filter(|uri| !uri.is_empty()).map(str::to_owned).collect();
    if uris.is_empty() {
        return Err(error::usage("Hive tables are asked for, and nothing says where the metastore is").hint(
            "set HIVE_CONF_DIR to the directory of hive-site.xml, or give -D hive.metastore.uris=thrift://HOST:9083",
        ));
    }
    Ok(MetastoreOptions { urls: uris, ..MetastoreOptions::default() })
}

/// The Thrift gateway of HBase.
///
/// # Errors
/// Usage: nothing says where it is.
pub(super) fn hbase(properties: &Properties) -> Result<HBaseOptions> {
    let urls = named(properties, &["sakia.hbase.url", "sakia.hbase.thrift"])
        .or_else(|| of_environment(&["SAKIA_HBASE_URL", "SAKIA_HBASE_THRIFT"]))
        .ok_or_else(|| {
            error::usage("an HBase table is asked for, and nothing says where HBase's Thrift gateway is")
                .hint("set SAKIA_HBASE_URL, or give -D sakia.hbase.url=thrift://HOST:9090")
        })?;
    let urls = urls.split(',').map(|url| host_and_port(url, "thrift://")).collect::<Result<Vec<_>>>()?;
    Ok(HBaseOptions::new(urls))
}

fn named(properties: &Properties, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| properties.get(name).map(str::to_owned))
}

fn of_environment(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok())
}

/// Whose tickets are shown, where that is said: by the properties `sakia.kerberos.*`, or with HiveServer2's keytab.
pub(super) fn kerberos(given: &Given, properties: &Properties) -> Option<KerberosOptions> {
    let property = |name: &str| properties.get(name).map(str::to_owned);
    let keytab = property("sakia.kerberos.keytab").or_else(|| given.owned("hs2-keytab"));
    let options = KerberosOptions {
        principal: property("sakia.kerberos.principal")
            .or_else(|| given.owned("hs2-user").filter(|_| given.has("hs2-keytab"))),
        keytab: keytab.map(PathBuf::from),
        cache: property("sakia.kerberos.cache"),
    };
    Some(options).filter(|options| *options != KerberosOptions::default())
}

/// A URL of HiveServer2 without the password that it may hold, which would be printed with it.
fn without_password(url: &str) -> String {
    let is_password = |part: &&str| part.to_ascii_lowercase().starts_with("password=");
    url.split(';').filter(|part| !is_password(part)).collect::<Vec<_>>().join(";")
}

/// HiveServer2, if something says where it is.
pub(super) fn hiveserver2(given: &Given, properties: &Properties) -> Option<HiveServer2Options> {
    let of_url = given.text("hs2-url").map(without_password);
    // With a keytab it is the principal that logs in.
    let user = given.owned("hs2-user").filter(|_| !given.has("hs2-keytab"));
    let password_file = properties.get("sakia.hiveserver2.password-file").map(PathBuf::from);
    let urls = named(properties, &["sakia.hiveserver2.url", "sakia.hiveserver2.endpoints"])
        .or(of_url)
        .or_else(|| of_environment(&["SAKIA_HIVESERVER2_URL", "SAKIA_HIVESERVER2"]))?;
    let mut options = HiveServer2Options::new("", user.unwrap_or_else(|| "hive".to_owned()));
    options.urls = match urls.starts_with("jdbc:") {
        true => vec![urls],
        false => urls.split(',').map(|url| url.trim().to_owned()).collect(),
    };
    options.password_file = password_file;
    Some(options)
}
