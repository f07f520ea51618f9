//! Ways to servers that few clusters have: the active one of several HiveServer2s, metastores that ZooKeeper knows, and a
//! gateway for HTTP (Knox) in front of HiveServer2.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::own::Own;
use crate::stack::{address, beeline, by_keytab, file_of, printed, run, sakia, servers, setting, shared, sql, unique};

/// What a doctor says of a HiveServer2.
fn examined(who: &str, hive: &str) -> String {
    let file = file_of(&format!(
        "connect-timeout = '5s'\n{who}\n[hiveserver2]\n{hive}\n[[step]]\ntype = 'scd2'\nname = 's'\nsource = 'a.b'\n\
         target = 'a.c'\nkeys = ['k']\nsequence = 's'\ntracked = ['t']\n"
    ));
    let mut command = sakia();
    command.arg("doctor").arg(file.path()).env("LDAP_PASSWORD", setting("LDAP_ETL_PASSWORD"));
    printed(&command.output().unwrap())
}

#[test]
fn the_active_one_of_several_hiveserver2s_is_found() {
    let namespace = unique("ha").replace('_', "");
    let url = format!(
        "url = 'jdbc:hive2://{}/;serviceDiscoveryMode=zooKeeperHA;zooKeeperNamespace={namespace}'",
        address("ZOOKEEPER_PORT")
    );
    let said = examined(&by_keytab("etl"), &url);
    assert!(said.contains(&format!("has no /{namespace}-unsecure/instances")), "{said}");
    let own = Own::hiveserver2(&[
        "-Dhive.server2.active.passive.ha.enable=true",
        &format!("-Dhive.server2.active.passive.ha.registry.namespace={namespace}"),
    ]);
    // It listens before it is the active one, and is the active one before it opens a session.
    let (began, opened) = (Instant::now(), format!("session: opened on {}", own.address()));
    let said = loop {
        let said = examined(&by_keytab("etl"), &url);
        if said.contains(&opened) {
            break said;
        }
        assert!(began.elapsed() < Duration::from_secs(90), "{said}\n{}", own.log());
    };
    assert!(said.contains("select: answered as"), "{said}");
}

#[test]
fn a_hiveserver2_without_sasl_is_spoken_to() {
    let own = Own::hiveserver2(&["-Dhive.server2.authentication=NOSASL"]);
    let url = |more: &str| format!("url = 'jdbc:hive2://{}/{more}'", own.address());
    let said = examined(&by_keytab("etl"), &url(";auth=noSasl;user=analyst"));
    assert!(said.contains(&format!("session: opened on {}", own.address())), "{said}\n{}", own.log());
    assert!(said.contains("select: answered as"), "{said}");
    // The site file says Kerberos, which this server does not speak.
    let said = examined(&by_keytab("etl"), &url(""));
    assert!(said.contains("FAIL") && said.contains("auth"), "{said}");
}

#[test]
fn metastores_are_found_through_zookeeper() {
    let (name, namespace) = (unique("it_found"), unique("hms"));
    let zookeeper = address("ZOOKEEPER_PORT");
    let own = Own::metastore(&[
        "-Dmetastore.service.discovery.mode=zookeeper",
        &format!("-Dmetastore.thrift.uris={zookeeper}"),
        &format!("-Dmetastore.zookeeper.namespace={namespace}"),
    ]);
    // It listens before it is in ZooKeeper.
    own.wait_for("Created a znode");
    sql(&format!("create table {name} (id int primary key); insert into {name} select seq from seq_1_to_20"));
    let properties = format!(
        "[properties]\n'hive.metastore.uris' = '{zookeeper}'\n'hive.metastore.service.discovery.mode' = 'zookeeper'\n\
         'hive.metastore.zookeeper.namespace' = '{namespace}'\n"
    );
    let pipeline = servers(&by_keytab("etl"))
        + &properties
        + &format!(
            "[[step]]\ntype = 'import'\nname = 't'\ntable = '{name}'\ntarget-dir = '/tmp/{name}.d/{name}'\n\
             hive-database = 'default'\n"
        );
    run(sakia(), &pipeline);
    assert_eq!(beeline("analyst", &format!("select count(*) from default.{name}")), [["20"]]);
    sql(&format!("drop table {name}"));
}

/// A gateway in front of a HiveServer2 inside HTTPS, as Knox is one: it is let through under another path, and passes on
/// who wants in.
const GATEWAY: &str = "
import http.server, ssl, sys, urllib.request
target, tls, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
trust = ssl.create_default_context(cafile=tls + '/ca.pem')
class Gateway(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        if self.path != '/gateway/default/hive':
            return self.answer(404, {}, b'no such topology')
        passed = {n: v for n, v in self.headers.items() if n.lower() not in ('host', 'connection', 'content-length')}
        request = urllib.request.Request(target, body, passed)
        try:
            with urllib.request.urlopen(request, context=trust) as got:
                self.answer(got.status, got.headers, got.read())
        except urllib.error.HTTPError as e:
            self.answer(e.code, e.headers, e.read())
    def answer(self, status, headers, body):
        self.send_response(status)
        for name in ('Content-Type', 'Set-Cookie', 'WWW-Authenticate'):
            for value in (headers.get_all(name) or []) if hasattr(headers, 'get_all') else []:
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Gateway)
own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
own.load_cert_chain(tls + '/server.pem', tls + '/server.key')
server.socket = own.wrap_socket(server.socket, server_side=True)
server.serve_forever()
";

struct Gateway {
    process: Child,
    port: u16,
}

impl Gateway {
    fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let target = format!("https://{}/cliservice", address("HIVESERVER2LDAP_HTTP_PORT"));
        let tls = shared().join("tls");
        let mut command = Command::new("python3");
        command.args(["-c", GATEWAY, &target, tls.to_str().unwrap(), &port.to_string()]);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let gateway = Self { process, port };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        gateway
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_gateway_in_front_of_hiveserver2_is_gone_through() {
    let gateway = Gateway::start();
    let with = |path: &str, password: &str| {
        let url = format!("jdbc:hive2://localhost:{}/;ssl=true;transportMode=http;httpPath={path}", gateway.port);
        examined("", &format!("url = '{url}'\nuser = 'etl'\nauth = 'plain'\npassword-env = '{password}'"))
    };
    let said = with("gateway/default/hive", "LDAP_PASSWORD");
    assert!(said.contains("inside TLS, by user and password") && said.contains("select: answered as"), "{said}");
    let said = with("gateway/other/hive", "LDAP_PASSWORD");
    assert!(said.contains("404") && said.contains("check the path"), "{said}");
    let said = with("gateway/default/hive", "PATH");
    assert!(said.contains("does not let us in with user and password"), "{said}");
}
