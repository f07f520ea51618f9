//! A real MySQL beside the stack's MariaDB, in a container of its own: GTIDs on, caching_sha2_password, certificates that
//! the server made for itself. One server serves all tests that run at the same time; the last one to end stops it.

use std::sync::{Arc, Weak};

use mysql_async::{Conn, OptsBuilder};
use sakia::mysql::{MySqlClient, MySqlOptions};
use tokio::sync::Mutex;

use crate::container::{self, Container, database_request};
use crate::stack::{self, root, setting};

/// The password of every account.
const PASSWORD: &str = "s3cret of mysql";

/// One statement a line, as an init file wants them. `reader` may do what an import must be able to do, and no more;
/// `locker` may lock tables too.
const SETUP: &str = "\
CREATE USER writer IDENTIFIED WITH caching_sha2_password BY 's3cret of mysql';
GRANT ALL ON *.* TO writer;
CREATE USER reader IDENTIFIED WITH caching_sha2_password BY 's3cret of mysql';
GRANT SELECT ON *.* TO reader;
CREATE USER locker IDENTIFIED WITH caching_sha2_password BY 's3cret of mysql';
GRANT SELECT, LOCK TABLES ON *.* TO locker;
";

static SERVER: Mutex<Weak<MySqlServer>> = Mutex::const_new(Weak::new());

/// The server; it stops when nobody holds it any more.
pub struct MySqlServer {
    _container: Container,
    port: u16,
}

impl MySqlServer {
    /// The one that runs, or a new one.
    pub async fn shared() -> Arc<Self> {
        let mut shared = SERVER.lock().await;
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(tokio::task::spawn_blocking(Self::start).await.unwrap());
        *shared = Arc::downgrade(&server);
        server
    }

    fn start() -> Self {
        let options = "--no-defaults --datadir=/data --user=root";
        let start = format!(
            "mysqld {options} --initialize-insecure && exec mysqld {options} --gtid-mode=ON \
             --enforce-gtid-consistency=ON --init-file=/init.sql --secure-file-priv=NULL --mysqlx=OFF \
             --innodb-flush-log-at-trx-commit=2 --sync-binlog=0 --local-infile=ON --socket=/tmp/mysql.sock --pid-file=/tmp/mysql.pid"
        );
        let request = database_request("mysql_image_ref", &start, SETUP);
        let container = request.start();
        let port = container.port();
        Self { _container: container, port }
    }
}

/// A server that tests read from: the stack's MariaDB, or a real MySQL.
#[derive(Clone)]
pub enum Server {
    MariaDb,
    /// A MariaDB of its own and its port.
    OwnMariaDb(#[allow(dead_code, reason = "the server ends with it")] Arc<Container>, u16),
    MySql(Arc<MySqlServer>),
}

impl Server {
    /// Either kind.
    pub async fn both() -> [Self; 2] {
        [Self::MariaDb, Self::MySql(MySqlServer::shared().await)]
    }

    /// A MariaDB of its own for tests that lock all tables: the stack's serves Hive's metastore as well, whose compactor
    /// can hold a write open for the 50 seconds that it waits for another.
    pub fn own_mariadb() -> Self {
        let setup = format!("CREATE USER writer IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO writer;\n");
        let flags = "--server-id=1 --log-bin=binlog --binlog-format=ROW --sync-binlog=0 \
                     --innodb-flush-log-at-trx-commit=2 --character-set-server=utf8mb4";
        let container = container::mariadb(&setup, flags);
        let port = container.port();
        Self::OwnMariaDb(Arc::new(container), port)
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::MariaDb | Self::OwnMariaDb(..) => "MariaDB",
            Self::MySql(_) => "MySQL",
        }
    }

    /// The product's way to it, as the user that reads.
    pub fn client(&self, database: &str) -> MySqlClient {
        match self {
            Self::MariaDb => self.client_of(setting("SHOP_USER"), database),
            Self::OwnMariaDb(..) => self.client_of("writer", database),
            Self::MySql(_) => self.client_of("reader", database),
        }
    }

    /// The product's way to it, as some user.
    pub fn client_of(&self, user: &str, database: &str) -> MySqlClient {
        let (address, password) = match self {
            Self::MariaDb => (stack::address("MARIADB_PORT"), mariadb_password()),
            Self::OwnMariaDb(_, port) => (format!("127.0.0.1:{port}"), PASSWORD.to_owned()),
            Self::MySql(server) => (format!("127.0.0.1:{}", server.port), PASSWORD.to_owned()),
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, password).unwrap();
        let url = Some(format!("mysql://{user}@{address}/{database}"));
        let options = MySqlOptions { url, password_file: Some(file.path().into()), ..Default::default() };
        MySqlClient::new(&options, root()).unwrap()
    }

    /// A connection that is not the product's, for writing.
    pub async fn writer(&self, database: Option<&str>) -> Conn {
        let opts = OptsBuilder::default().db_name(database).prefer_socket(false);
        let opts = opts.setup(vec!["SET time_zone = '+00:00', sql_mode = '', NAMES utf8mb4"]);
        let opts = match self {
            Self::MariaDb => opts
                .ip_or_hostname(setting("STACK_HOST"))
                .tcp_port(setting("MARIADB_PORT").parse().unwrap())
                .user(Some(setting("SHOP_USER")))
                .pass(Some(mariadb_password())),
            Self::OwnMariaDb(_, port) => {
                opts.ip_or_hostname("127.0.0.1").tcp_port(*port).user(Some("writer")).pass(Some(PASSWORD))
            }
            Self::MySql(server) => opts
                .ip_or_hostname("127.0.0.1")
                .tcp_port(server.port)
                .user(Some("writer"))
                .pass(Some(PASSWORD))
                .ssl_opts(mysql_async::SslOpts::default().with_danger_accept_invalid_certs(true)),
        };
        Conn::new(opts).await.unwrap()
    }
}

fn mariadb_password() -> String {
    let password = std::fs::read_to_string(root().join(setting("SHOP_PASSWORD_FILE"))).unwrap();
    password.trim_end().to_owned()
}
