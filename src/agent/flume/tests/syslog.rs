//! Syslog over TLS.

use super::*;

#[test]
fn the_key_store_of_syslog_ports() {
    let dir = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration-tests/cluster/wire/tls");
    let store = dir.path().join("keys.p12");
    let made = std::process::Command::new("openssl")
        .args(["pkcs12", "-export", "-passout", "pass:geheim", "-in"])
        .arg(fixtures.join("server.pem"))
        .arg("-inkey")
        .arg(fixtures.join("server-key.pem"))
        .arg("-out")
        .arg(&store)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    for ports in [
        "type=multiport_syslogtcp\na1.sources.r.ports=6514",
        "type=syslogtcp\na1.sources.r.host=h\na1.sources.r.port=6514",
    ] {
        let r = "a1.sources.r";
        let said = format!("{r}.{ports}\n{r}.ssl=true\n{r}.keystore={}\n{r}.keystore-password=geheim", store.display());
        let source = &toml(&agent(&said))["source"][0];
        assert_eq!(source["tls"]["key-store"].as_str(), store.to_str());
        assert_eq!(source["framing"].as_str(), Some("lines"));
    }
}
