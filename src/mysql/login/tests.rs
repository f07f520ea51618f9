use super::*;
use crate::error::Kind;

fn of_url(url: &str) -> MySqlOptions {
    MySqlOptions { url: Some(url.into()), ..MySqlOptions::default() }
}

#[test]
fn a_url_names_everything() {
    let address = Address { host: "db".into(), port: 3307 };
    let want = Parts { addresses: vec![address], user: "an n".into(), database: Some("shop".into()) };
    assert_eq!(decided(&of_url("mysql://an%20n@db:3307/shop")).unwrap(), want);
    assert_eq!(decided(&of_url("jdbc:mysql://an%20n@db:3307/shop")).unwrap(), want);
    assert_eq!(decided(&of_url("mysql://u@[::1]/shop")).unwrap().addresses[0].to_string(), "[::1]:3306");
}

#[test]
fn single_keys_fill_what_the_url_leaves_open() {
    let options = MySqlOptions { user: Some("u".into()), ..of_url("mysql://db/shop") };
    assert_eq!(decided(&options).unwrap().user, "u");
    let twice = MySqlOptions { user: Some("u".into()), ..of_url("mysql://v@db/shop") };
    assert_eq!(decided(&twice).unwrap_err().kind(), Kind::Config);
    let again = MySqlOptions { user: Some("v".into()), ..of_url("mysql://v@db/shop") };
    assert_eq!(decided(&again).unwrap().user, "v");
    let ports = MySqlOptions { port: Some(7), user: Some("v".into()), ..of_url("mysql://h1,h2/shop") };
    let addresses: Vec<String> = decided(&ports).unwrap().addresses.iter().map(Address::to_string).collect();
    assert_eq!(addresses, ["h1:7", "h2:7"]);
    assert_eq!(decided(&of_url("mysql://u@/shop")).unwrap().addresses[0].to_string(), "localhost:3306");
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

/// What the options name.
fn decided(options: &MySqlOptions) -> Result<Parts> {
    let from_url = options.url.as_deref().map(url::parse).transpose()?.unwrap_or_default();
    parts(&from_url, options, &Defaults::default())
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
    let login = Login::new(&options, dir.path()).unwrap();
    let address = login.addresses[0].to_string();
    assert_eq!((address.as_str(), login.user.as_str(), login.password()), ("other:3307", "ann", "s3cret"));
    assert!(!format!("{login:?}").contains("s3cret"));
}
