use super::*;

fn of_url(url: &str) -> MySqlOptions {
    MySqlOptions { url: Some(url.into()), ..MySqlOptions::default() }
}

#[test]
fn a_url_names_everything() {
    let want = Address { host: "db".into(), port: 3307, user: "an n".into(), database: Some("shop".into()) };
    assert_eq!(decided(&of_url("mysql://an%20n@db:3307/shop")).unwrap(), want);
    assert_eq!(decided(&of_url("jdbc:mysql://an%20n@db:3307/shop")).unwrap(), want);
    assert_eq!(decided(&of_url("mysql://u@[::1]/shop")).unwrap().host, "::1");
}

#[test]
fn single_keys_fill_what_the_url_leaves_open() {
    let options = MySqlOptions { user: Some("u".into()), ..of_url("mysql://db/shop") };
    assert_eq!(decided(&options).unwrap().user, "u");
    let twice = MySqlOptions { user: Some("u".into()), ..of_url("mysql://v@db/shop") };
    assert_eq!(decided(&twice).unwrap_err().kind(), Kind::Config);
    let error = MySqlClient::new(&of_url("mysql://u@db"), Path::new(".")).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert_eq!(MySqlClient::of_server(&of_url("mysql://u@db"), Path::new(".")).unwrap().database(), "");
}

#[test]
fn a_password_in_the_url_is_refused_and_not_repeated() {
    let error = decided(&of_url("mysql://u:s3cret@db/shop")).unwrap_err();
    assert!(!error.to_string().contains("s3cret") && !format!("{error:?}").contains("s3cret"));
    assert_eq!(error.kind(), Kind::Config);
}

#[test]
fn toml_keys_are_known_or_refused() {
    assert!(toml::from_str::<MySqlOptions>("url = 'mysql://u@h/d'\npassword-file = 'pw'").is_ok());
    assert!(toml::from_str::<MySqlOptions>("urls = 'mysql://u@h/d'").is_err());
}

#[tokio::test]
async fn a_closed_port_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let options = of_url(&format!("mysql://u@127.0.0.1:{port}/d"));
    let error = MySqlClient::new(&options, Path::new(".")).unwrap().connect().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

/// Host, port, user and database of options.
fn decided(options: &MySqlOptions) -> Result<Address> {
    let from_url = options.url.as_deref().map(url::parse).transpose()?.unwrap_or_default();
    address(&from_url, options, &Defaults::default())
}

#[test]
fn a_file_of_defaults_fills_what_nothing_else_names() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("my.cnf"), "[client]\nuser=ann\nhost=db\nport=3307\npassword=s3cret\n").unwrap();
    let options = MySqlOptions {
        host: Some("other".into()),
        database: Some("shop".into()),
        defaults_file: Some("my.cnf".into()),
        ..MySqlOptions::default()
    };
    let client = MySqlClient::new(&options, dir.path()).unwrap();
    assert_eq!((client.address(), client.user(), client.login().password()), ("other:3307", "ann", "s3cret"));
    assert!(!format!("{client:?}").contains("s3cret"));
}
