//! The secured stack as the tests see it: its settings, tickets, the binary in the environment of an edge node, and the
//! stock clients.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

pub const REALM: &str = "SAKIA.TEST";

static SETTINGS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let text = std::fs::read_to_string(root().join("docker/secure.env")).unwrap();
    let pairs = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
});

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A setting of `docker/secure.env`.
pub fn setting(name: &str) -> &'static str {
    SETTINGS.get(name).unwrap_or_else(|| panic!("docker/secure.env has no {name}"))
}

/// `localhost:PORT` of a server.
pub fn address(port: &str) -> String {
    format!("localhost:{}", setting(port))
}

/// What host and containers share: keytabs, certificates, the clients' settings.
pub fn shared() -> PathBuf {
    let cache = std::env::var_os("SAKIA_CACHE").map(PathBuf::from).unwrap_or_else(|| {
        let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        base.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache")).join("sakia")
    });
    cache.join("secure")
}

/// The keytab of a user.
pub fn keytab(user: &str) -> String {
    shared().join("keytabs").join(format!("{user}.keytab")).display().to_string()
}

/// A name that no other test and no earlier run uses.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}_{}", uuid::Uuid::now_v7().simple())
}

/// A command in the environment of an edge node, without a ticket.
pub fn on_the_edge(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let conf = shared().join("conf");
    let mut command = Command::new(program);
    command
        .env("KRB5_CONFIG", conf.join("krb5.conf"))
        .env("KRB5CCNAME", "FILE:/nonexistent/ticket")
        .env("HADOOP_CONF_DIR", &conf)
        .env("HIVE_CONF_DIR", &conf)
        .env("HBASE_CONF_DIR", &conf)
        .stdin(Stdio::null());
    command
}

/// The binary under test, without a ticket.
pub fn sakia() -> Command {
    on_the_edge(env!("CARGO_BIN_EXE_sakia"))
}

/// A copy of an edge node's settings, with some of them changed.
pub struct Conf(tempfile::TempDir);

impl Conf {
    /// Properties by name; `hadoop.` and `fs.` belong to core-site.xml, the others to hdfs-site.xml. An empty value takes
    /// the property out.
    pub fn with(changes: &[(&str, &str)]) -> Self {
        let conf = Self(tempfile::tempdir().unwrap());
        for entry in std::fs::read_dir(shared().join("conf")).unwrap() {
            let file = entry.unwrap();
            std::fs::copy(file.path(), conf.0.path().join(file.file_name())).unwrap();
        }
        for (name, value) in changes {
            let core = name.starts_with("hadoop.") || name.starts_with("fs.");
            let path = conf.0.path().join(if core { "core-site.xml" } else { "hdfs-site.xml" });
            let text = std::fs::read_to_string(&path).unwrap();
            let others = text.lines().filter(|line| !line.contains(&format!("<name>{name}</name>")));
            let mut text = others.collect::<Vec<_>>().join("\n");
            if !value.is_empty() {
                let property =
                    format!("<property><name>{name}</name><value>{value}</value></property>\n</configuration>");
                text = text.replace("</configuration>", &property);
            }
            std::fs::write(path, text).unwrap();
        }
        conf
    }

    /// The binary on such an edge node.
    pub fn sakia(&self) -> Command {
        let mut command = sakia();
        let directory = self.0.path();
        command.env("HADOOP_CONF_DIR", directory).env("HIVE_CONF_DIR", directory).env("HBASE_CONF_DIR", directory);
        command
    }
}

/// A ticket cache of a user's own.
pub struct Tickets {
    directory: tempfile::TempDir,
}

impl Tickets {
    /// As `kinit -k -t KEYTAB USER` gets them.
    pub fn of(user: &str) -> Self {
        let tickets = Self { directory: tempfile::tempdir().unwrap() };
        let mut kinit = tickets.lent_to(on_the_edge("kinit"));
        let done = kinit.args(["-k", "-t", &keytab(user), user]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        tickets
    }

    /// The cache, as Kerberos names it.
    pub fn cache(&self) -> String {
        format!("FILE:{}/tickets", self.directory.path().display())
    }

    /// A command that has them.
    pub fn lent_to(&self, mut command: Command) -> Command {
        command.env("KRB5CCNAME", self.cache());
        command
    }
}

/// What a finished command printed.
pub fn printed(done: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

/// Runs the binary with a pipeline and fails unless it ends well.
pub fn run(mut command: Command, pipeline: &str) -> String {
    let file = file_of(pipeline);
    let done = command.arg("run").arg(file.path()).output().unwrap();
    let said = printed(&done);
    assert!(done.status.success(), "{said}");
    said
}

/// A file that holds a text.
pub fn file_of(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// A stock client inside the stack, with the ticket of `user`.
pub fn tool(user: &str, name: &str, args: &[&str]) -> String {
    let done = Command::new(root().join("docker/bin/tool"))
        .arg(name)
        .args(args)
        .env("STACK_ENV", root().join("docker/secure.env"))
        .env("AS", user)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(done.status.success(), "{name} {args:?}: {}", printed(&done));
    String::from_utf8(done.stdout).unwrap()
}

/// The rows of a query as the stock beeline prints them, by the ticket of `user`.
pub fn beeline(user: &str, sql: &str) -> Vec<Vec<String>> {
    let rows = tool(user, "beeline", &["--silent=true", "--outputformat=tsv2", "--showHeader=false", "-e", sql]);
    let rows = rows.lines().filter(|line| !line.trim().is_empty());
    rows.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Runs statements as root in the stack's MariaDB.
pub fn sql(statements: &str) {
    tool("etl", "mariadb", &["-e", statements]);
}

/// The tables of a pipeline that name the servers; whose tickets are shown comes in front.
pub fn servers(who: &str) -> String {
    format!(
        "{who}\n[mysql]\nhost = '127.0.0.1'\nport = {port}\nuser = 'shop'\ndatabase = 'shop'\n\
         password-file = '{root}/docker/shop.password'\n[hdfs]\n[metastore]\n",
        port = setting("MARIADB_PORT"),
        root = root().display(),
    )
}

/// The table `[kerberos]` of a user with a keytab.
pub fn by_keytab(user: &str) -> String {
    format!("[kerberos]\nprincipal = '{user}@{REALM}'\nkeytab = '{}'\n", keytab(user))
}
