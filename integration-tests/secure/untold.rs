//! Clients that nobody told how a server is to be spoken to: no site files, and nothing in the pipeline. Each is told within
//! seconds what the server wants, and by which keys it is said.

use std::time::{Duration, Instant};

use crate::stack::{address, by_keytab, file_of, printed, sakia, shared};

/// An agent that needs no server, so that those are asked that its file names.
const ANYTHING: &str = "[[source]]\nname = 'a'\ntype = 'sequence'\nchannels = ['c']\n[[channel]]\nname = 'c'\n\
     type = 'memory'\n[[sink]]\nname = 's'\ntype = 'null'\nchannel = 'c'\n";

/// What `doctor` says to a client without site files; it has to be said long before a time limit.
fn untold(pipeline: &str) -> String {
    let file = file_of(&format!("{pipeline}{ANYTHING}"));
    let began = Instant::now();
    let mut command = sakia();
    for directory in ["HADOOP_CONF_DIR", "HIVE_CONF_DIR", "HBASE_CONF_DIR"] {
        command.env_remove(directory);
    }
    let done = command.arg("doctor").arg(file.path()).output().unwrap();
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}: {said}", began.elapsed());
    for words in ["failed to fill", "unexpected end of file", "early eof", "error sending request", "HTTP version"] {
        assert!(!said.contains(words), "the words of a library, {words}: {said}");
    }
    said
}

fn assert_told(pipeline: &str, what: &str, remedy: &str) {
    let said = untold(pipeline);
    let at = said.find(what).unwrap_or_else(|| panic!("{what}: {said}"));
    let to_do = said[at..].lines().nth(1).unwrap_or_default();
    assert!(to_do.contains("to do: ") && to_do.contains(remedy), "{remedy}: {said}");
}

fn tls() -> String {
    format!("[tls]\nca = '{}/tls/ca.pem'\n", shared().display())
}

#[test]
fn a_hiveserver2_that_wants_kerberos_says_so() {
    let (binary, http) = (address("HIVESERVER2_PORT"), address("HIVESERVER2_HTTP_PORT"));
    let of = |url: &str, more: &str| format!("[hiveserver2]\nurl = '{url}'\n{more}\n");
    let principal = "principal = \"hive/_HOST@REALM\" in [hiveserver2]";
    assert_told(&of(&binary, ""), "the server takes no user and password (PLAIN): it wants Kerberos", principal);
    assert_told(&of(&binary, "auth = 'nosasl'"), "it wants a kerberos ticket", principal);
    assert_told(&of(&http, "http-path = 'cliservice'"), "does not let us in with user and password", principal);
}

#[test]
fn a_hiveserver2_of_another_transport_says_so() {
    let of = |url: &str, more: &str| format!("[hiveserver2]\nurl = '{url}'\n{more}\n");
    let (binary, http) = (address("HIVESERVER2_PORT"), address("HIVESERVER2_HTTP_PORT"));
    assert_told(&of(&http, ""), "it speaks HTTP", "http-path = \"cliservice\"");
    assert_told(&of(&http, "auth = 'nosasl'"), "it speaks HTTP", "http-path = \"cliservice\"");
    assert_told(
        &of(&binary, "http-path = 'cliservice'"),
        "ended the connection before it had answered",
        "leave http-path",
    );
    assert_told(&of(&address("HIVESERVER2LDAP_PORT"), ""), "it speaks TLS", "tls = true in [hiveserver2]");
    assert_told(
        &of(&address("MARIADB_PORT"), "auth = 'nosasl'"),
        "a mysql server answers there",
        "check host and port",
    );
}

#[test]
fn a_metastore_that_wants_kerberos_or_tls_says_so() {
    let of = |port: &str| format!("[metastore]\nurl = 'thrift://{}'\n", address(port));
    assert_told(&of("METASTORE_PORT"), "it wants a kerberos ticket", "principal = \"hive/_HOST@REALM\"");
    assert_told(&of("METASTORE2_PORT"), "it speaks TLS", "tls = true in [metastore]");
    assert_told(&of("HIVESERVER2_HTTP_PORT"), "it speaks HTTP", "http://HOST:PORT/metastore");
    let http = format!("[metastore]\nurl = 'http://{}/metastore'\n", address("METASTORE_PORT"));
    assert_told(&http, "a hive metastore", "thrift://HOST:PORT");
}

#[test]
fn a_gateway_that_wants_kerberos_says_so() {
    let of = |url: &str, more: &str| format!("[hbase]\nurl = '{url}'\n{more}\n");
    let (binary, https) = (address("HBASE_THRIFT_PORT"), address("HBASE_THRIFT_HTTP_PORT"));
    let principal = "principal = \"hbase/_HOST@REALM\" in [hbase]";
    assert_told(&of(&binary, ""), "it wants a kerberos ticket", principal);
    assert_told(&of(&binary, "framed = true"), "it wants a kerberos ticket", principal);
    assert_told(&of(&format!("https://{https}"), &tls()), "does not let us in without a login", principal);
    assert_told(&of(&https, ""), "it speaks ", "[hbase]");
}

#[test]
fn who_may_not_act_as_another_is_told_what_to_set_at_each_server() {
    let set = "hadoop.proxyuser.etl.hosts have this host";
    let who = format!("proxy-user = 'analyst'\n{}", by_keytab("etl"));
    for server in [
        format!("[hiveserver2]\nurl = '{}'\n", address("HIVESERVER2_PORT")),
        format!("[hiveserver2]\nurl = '{}'\nhttp-path = 'cliservice'\n", address("HIVESERVER2_HTTP_PORT")),
        "[metastore]\n".to_owned(),
        format!("[hbase]\nurl = 'https://{}'\nauth = 'kerberos'\n", address("HBASE_THRIFT_HTTP_PORT")),
    ] {
        let file = file_of(&format!("{who}{server}{ANYTHING}"));
        let done = sakia().arg("doctor").arg(file.path()).output().unwrap();
        let said = printed(&done);
        assert_eq!(done.status.code(), Some(1), "{server}: {said}");
        assert!(said.contains(set), "{server}: {said}");
        assert!(said.contains("hadoop.proxyuser.etl.groups a group of analyst"), "{server}: {said}");
    }
}
