//! Servers in containers of their own, with a zone and an `sql_mode` of their own; asked by the stock client.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::container::{self, Container, Request};

pub const DATABASE: &str = "hostile";

pub struct Server {
    container: Container,
    pub port: u16,
    /// Where MariaDB's client is, which speaks to both, and the server's address from there.
    client: [String; 2],
    /// Whether a backslash in a string of SQL is one.
    backslash_is_plain: bool,
}

const SETUP: &str = "CREATE DATABASE hostile CHARACTER SET utf8mb4;\n\
                     CREATE USER loader IDENTIFIED BY '';\n\
                     GRANT ALL ON hostile.* TO loader;\n";

impl Server {
    /// Central European time, summer time and all, and names in double quotes.
    pub async fn mariadb() -> Self {
        let modes = "ANSI,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,HIGH_NOT_PRECEDENCE,NO_UNSIGNED_SUBTRACTION";
        let flags = format!("--log-bin=log --server-id=1 --sql-mode={modes}");
        let (container, port) = start(container::mariadb_request(SETUP, &flags, &[]));
        let client = [container.name().to_owned(), "127.0.0.1".to_owned()];
        Self { container, port, client, backslash_is_plain: true }
    }

    /// A zone of half an hour, and the modes of its makers.
    pub async fn mysql(client: &Self) -> Self {
        let flags = "--default-time-zone=+05:30 --gtid-mode=ON --enforce-gtid-consistency=ON";
        let (container, port) = start(container::mysql_request(SETUP, flags));
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = Command::new("docker").args(["inspect", "--format", format, container.name()]).output().unwrap();
        let address = String::from_utf8(address.stdout).unwrap().trim().to_owned();
        let client = [client.container.name().to_owned(), address];
        Self { container, port, client, backslash_is_plain: false }
    }

    /// Runs statements by the stock client; the rows as it prints them, or its error.
    pub fn sql(&self, statements: &str) -> Result<Vec<Vec<String>>, String> {
        let [container, host] = &self.client;
        let mut client = Command::new("docker")
            .args([
                "exec",
                "-i",
                container,
                "mariadb",
                "--no-defaults",
                "--user=loader",
                "--protocol=tcp",
                "--host",
                host,
            ])
            .args(["--default-character-set=utf8mb4", "--batch", "--raw", "--skip-column-names", DATABASE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let mut input = client.stdin.take().unwrap();
        let text = statements.to_owned();
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = client.wait_with_output().map_err(|e| e.to_string())?;
        // A client that ends early closes its input; its own error says more.
        let _ = writer.join().unwrap();
        if !output.status.success() {
            return Err(format!("mariadb: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(printed.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }

    /// A string as this server's mode reads it.
    pub fn text(&self, text: &str) -> String {
        let text = text.replace('\'', "''");
        let text = if self.backslash_is_plain { text } else { text.replace('\\', "\\\\") };
        format!("'{text}'")
    }
}

fn start(request: Request) -> (Container, u16) {
    let container = request.with_env("TZ", "Europe/Berlin").start();
    let port = container.port();
    (container, port)
}
