//! Servers of a test's own beside the stack: a role of it with other settings, in its network, so that it can be killed,
//! stopped and started again without disturbing anybody. Their ports are not published: a gate of the same number on this
//! host leads to each, so that the address by which a server is known inside is right outside.

use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::gate::Gate;
use crate::stack::{setting, unique};

/// How long a server may take to listen, on a machine that compiles beside it.
const START: Duration = Duration::from_secs(180);

/// A server; it is removed when the test ends.
pub struct Own {
    container: String,
    port: u16,
    _gate: Gate,
}

impl Own {
    /// A HiveServer2 with a ticket, as the stack's, and more settings. Its ZooKeeper namespace is its own, unless they say
    /// another.
    pub fn hiveserver2(settings: &[&str]) -> Self {
        let (port, http) = (free_port(), free_port());
        let flags = [
            "-XX:TieredStopAtLevel=1".to_owned(),
            "-Dhive.server2.authentication=KERBEROS".to_owned(),
            format!("-Dhive.server2.thrift.port={port}"),
            format!("-Dhive.server2.thrift.http.port={http}"),
            format!("-Dhive.server2.zookeeper.namespace=own{port}"),
        ];
        let flags: Vec<&str> = flags.iter().map(String::as_str).chain(settings.iter().copied()).collect();
        Self::start("hiveserver2", port, &flags)
    }

    /// A metastore on the stack's database, with more settings.
    pub fn metastore(settings: &[&str]) -> Self {
        let port = free_port();
        let text = port.to_string();
        // The stack's own does the housekeeping.
        let quiet = ["-Dmetastore.compactor.initiator.on=false", "-Dmetastore.compactor.cleaner.on=false"];
        let arguments: Vec<&str> = [text.as_str()].into_iter().chain(quiet).chain(settings.iter().copied()).collect();
        Self::start("metastore", port, &arguments)
    }

    /// A Kafka of one process, without a login.
    pub fn kafka() -> Self {
        Self::kafka_with(|_| Vec::new())
    }

    /// A Kafka of one process that wants a ticket, in the name of Hive's service, whose keytab it has.
    pub fn kafka_with_tickets(realm: &str, keytab: &str) -> Self {
        let jaas = format!(
            "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true keyTab=\"{keytab}\" \
             principal=\"hive/localhost@{realm}\";"
        );
        Self::kafka_with(|port| {
            let listeners = format!("SASL_PLAINTEXT://0.0.0.0:{port},CONTROLLER://127.0.0.1:{}", port + 1);
            vec![
                format!("listeners={listeners}"),
                format!("advertised.listeners=SASL_PLAINTEXT://localhost:{port}"),
                "listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
                "inter.broker.listener.name=SASL_PLAINTEXT".to_owned(),
                "sasl.enabled.mechanisms=GSSAPI".to_owned(),
                "sasl.mechanism.inter.broker.protocol=GSSAPI".to_owned(),
                "sasl.kerberos.service.name=hive".to_owned(),
                format!("listener.name.sasl_plaintext.gssapi.sasl.jaas.config={jaas}"),
            ]
        })
    }

    fn kafka_with(settings: impl FnOnce(u16) -> Vec<String>) -> Self {
        let port = free_port();
        // Any role has the jars, and what the scripts want to know.
        let (text, settings) = (port.to_string(), settings(port));
        let arguments: Vec<&str> =
            ["/opt/stack/roles/kafka.sh", &text].into_iter().chain(settings.iter().map(String::as_str)).collect();
        let container = run_like("metastore", "kafka", &[], &arguments);
        let own = Self { container, port, _gate: Gate::at(port, &inside(port)) };
        own.wait();
        own
    }

    /// Runs a script beside it, with what the script reads; gives what it prints.
    pub fn run(&self, script: &str, input: &str) -> String {
        docker_in(&self.container, script, input)
    }

    fn start(role: &str, port: u16, arguments: &[&str]) -> Self {
        let script = format!("/opt/stack/roles/{role}.sh");
        let container = run_like(role, "own", &[], &[&[script.as_str()], arguments].concat());
        let gate = Gate::at(port, &inside(port));
        let own = Self { container, port, _gate: gate };
        own.wait();
        own
    }

    /// Waits until it listens.
    fn wait(&self) {
        let began = Instant::now();
        let address = self.inside().to_socket_addrs().unwrap().next().unwrap();
        while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            assert!(
                began.elapsed() < START && inspected(&self.container, "{{.State.Running}}") == "true",
                "{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// `localhost:port`, here and inside.
    pub fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Where it is without the gate.
    pub fn inside(&self) -> String {
        inside(self.port)
    }

    /// What ends it without a farewell, for a gate, which lives longer than the server.
    pub fn killer(&self) -> impl Fn() + Send + Sync + 'static {
        let container = self.container.clone();
        move || docker(&["kill", "--signal", "KILL", &container])
    }

    /// Starts it again.
    pub fn again(&self) {
        docker(&["start", &self.container]);
        self.wait();
    }

    /// Whether its log has a word.
    pub fn has_logged(&self, word: &str) -> bool {
        self.watcher()(word)
    }

    /// What says whether its log has a word, for a gate, which lives longer than the server.
    pub fn watcher(&self) -> impl Fn(&str) -> bool + Send + Sync + 'static {
        let container = self.container.clone();
        move |word| {
            let done = Command::new("docker").args(["logs", &container]).output().unwrap();
            printed(&done).contains(word)
        }
    }

    /// Waits until its log has a word.
    pub fn wait_for(&self, word: &str) {
        let began = Instant::now();
        while !self.has_logged(word) {
            assert!(began.elapsed() < START, "{word}: {}", self.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        let done = Command::new("docker").args(["logs", "--tail", "40", &self.container]).output().unwrap();
        printed(&done)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", &self.container]).output();
    }
}

/// A container of the stack.
pub fn container_of(role: &str) -> String {
    format!("{}-{role}", setting("COMPOSE_PROJECT_NAME"))
}

/// A port of the stack's pod, also one that it does not publish.
fn inside(port: u16) -> String {
    let address = inspected(&container_of("pod"), "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    format!("{address}:{port}")
}

fn printed(done: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

/// A port that nobody in the pod is likely to have: the stack's are below 30000, those of its clients above 32768.
fn free_port() -> u16 {
    30_000 + (uuid::Uuid::new_v4().as_u128() % 2_700) as u16
}

pub fn inspected(container: &str, format: &str) -> String {
    let done = Command::new("docker").args(["inspect", "--format", format, container]).output().unwrap();
    assert!(done.status.success(), "{container}: {}", printed(&done));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

pub fn docker(arguments: &[&str]) {
    let done = Command::new("docker").args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", printed(&done));
}

/// Runs a script in a container, with what it reads; gives what it prints.
pub fn docker_in(container: &str, script: &str, input: &str) -> String {
    let mut run = Command::new("docker");
    run.args(["exec", "--interactive", container, "bash", "-c", script]);
    let mut run = run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    run.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = run.wait_with_output().unwrap();
    assert!(done.status.success(), "{script}: {}", printed(&done));
    printed(&done)
}

/// Starts a container with the image, the volumes and the environment of `role`'s, in the network of the others, that
/// runs `bash` with `arguments`; gives its name, which begins with `name`'s.
pub fn run_like(role: &str, name: &str, options: &[&str], arguments: &[&str]) -> String {
    let (model, pod) = (container_of(role), container_of("pod"));
    let container = unique(&container_of(name)).replace('_', "-");
    let mut run = Command::new("docker");
    run.args(["run", "--detach", "--name", &container, "--network", &format!("container:{pod}")]);
    run.args(["--volumes-from", &model]).args(options);
    let environment = inspected(&model, "{{range .Config.Env}}{{println .}}{{end}}");
    for variable in environment.lines().filter(|line| !line.is_empty()) {
        run.args(["--env", variable]);
    }
    let done = run.arg(inspected(&model, "{{.Config.Image}}")).arg("bash").args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", printed(&done));
    container
}
