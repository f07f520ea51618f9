//! A MariaDB with certificates in a container of its own: ed25519 passwords, a server whose name is proved, and users that
//! have to show a certificate.

use sakia::error::Kind;
use sakia::mysql::{MySqlClient, MySqlOptions};

use crate::container;
use crate::stack::root;

/// One statement a line, as an init file wants them.
const SETUP: &str = "\
INSTALL SONAME 'auth_ed25519';
CREATE DATABASE it;
CREATE USER signed IDENTIFIED VIA ed25519 USING PASSWORD('s3cret of ed25519');
CREATE USER certified IDENTIFIED BY 's3cret of ed25519' REQUIRE X509;
GRANT ALL ON it.* TO signed, certified;
";

const FILES: [(&str, &str); 3] = [
    ("/tls/ca.pem", include_str!("tls/ca.pem")),
    ("/tls/server.pem", include_str!("tls/server.pem")),
    ("/tls/server-key.pem", include_str!("tls/server-key.pem")),
];

struct Logins {
    port: u16,
    dir: tempfile::TempDir,
}

impl Logins {
    fn options(&self, user: &str, host: &str, mode: &str) -> MySqlOptions {
        let tls = root().join("integration-tests/cluster/wire/tls");
        MySqlOptions {
            url: Some(format!("jdbc:mysql://{user}@{host}:{}/it?sslMode={mode}", self.port)),
            password_file: Some(self.dir.path().join("password")),
            ssl_ca: mode.starts_with("VERIFY").then(|| tls.join("ca.pem")),
            ..MySqlOptions::default()
        }
    }

    /// Logs in; says whether encrypted.
    async fn login(options: &MySqlOptions) -> sakia::error::Result<bool> {
        let conn = MySqlClient::new(options, root()).unwrap().connect().await?;
        let encrypted = conn.is_encrypted();
        conn.close().await;
        Ok(encrypted)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_by_signature_and_certificate() {
    let flags = "--ssl-ca=/tls/ca.pem --ssl-cert=/tls/server.pem --ssl-key=/tls/server-key.pem";
    let server = container::mariadb_with(SETUP, flags, &FILES);
    let logins = Logins { port: server.port(), dir: tempfile::tempdir().unwrap() };
    std::fs::write(logins.dir.path().join("password"), "s3cret of ed25519\n").unwrap();

    for (mode, encrypted) in
        [("DISABLED", false), ("PREFERRED", true), ("REQUIRED", true), ("VERIFY_CA", true), ("VERIFY_IDENTITY", true)]
    {
        let login = Logins::login(&logins.options("signed", "127.0.0.1", mode)).await;
        assert_eq!(login.unwrap_or_else(|e| panic!("{mode}: {e}")), encrypted, "{mode}");
    }
    // The same server under a name that its certificate does not bear.
    assert!(Logins::login(&logins.options("signed", "localhost", "VERIFY_CA")).await.unwrap());
    let error = Logins::login(&logins.options("signed", "localhost", "VERIFY_IDENTITY")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth, "{error}");

    let bare = logins.options("certified", "127.0.0.1", "VERIFY_IDENTITY");
    assert_eq!(Logins::login(&bare).await.unwrap_err().kind(), Kind::Auth);
    let tls = root().join("integration-tests/cluster/wire/tls");
    let shown = MySqlOptions {
        ssl_cert: Some(tls.join("client.pem")),
        ssl_key: Some(tls.join("client-key.pem")),
        ..bare.clone()
    };
    assert!(Logins::login(&shown).await.unwrap());

    std::fs::write(logins.dir.path().join("password"), "another\n").unwrap();
    let error = Logins::login(&logins.options("signed", "127.0.0.1", "REQUIRED")).await.unwrap_err();
    assert!(error.kind() == Kind::Auth && !error.to_string().contains("another"), "{error}");
}
