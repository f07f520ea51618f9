//! A small HDFS of a test's own beside the stack, for what would disturb everybody: another level of protection, dead
//! DataNodes, damaged blocks. It knows the stack's KDC, and lives on the spare ports, one at a time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::stack::{Conf, printed, root, shared, unique};

const SCRIPT: &str = include_str!("small.sh");
const NAMENODE_HTTP: &str = "localhost:29802";

static PORTS: Mutex<()> = Mutex::new(());

/// A NameNode and two DataNodes, gone with this.
pub struct Small {
    container: String,
    _ports: MutexGuard<'static, ()>,
}

pub fn docker(args: &[&str]) -> Output {
    let done = Command::new("docker").args(args).stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", printed(&done));
    done
}

/// Waits for a condition for a minute and a half.
pub fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(90);
    while !is_so() {
        assert!(Instant::now() < limit, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What a web page without a login says.
pub fn page(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// Starts a container in the network of the pod, with the files and jars of the stack.
pub fn beside_the_stack(name: &str, settings: &str, script: &str) {
    let image = docker(&["inspect", "--format", "{{.Config.Image}}", "sakia-secure-tools"]);
    docker(&[
        "run",
        "--detach",
        "--name",
        name,
        "--network",
        "container:sakia-secure-pod",
        "--volumes-from",
        "sakia-secure-tools",
        "--env-file",
        root().join("docker/secure.env").to_str().unwrap(),
        "--env",
        &format!("STACK_SHARED={}", shared().display()),
        "--env",
        &format!("SETTINGS={settings}"),
        String::from_utf8(image.stdout).unwrap().trim(),
        "bash",
        "-c",
        script,
    ]);
}

impl Small {
    /// Starts it with settings over those of the stack, and waits until it takes files.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
        let small = Self { container: unique("sakia-small"), _ports: ports };
        let lines: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        beside_the_stack(&small.container, &lines.join("\n"), SCRIPT);
        small.wait_for_nodes(2);
        small.shell("hdfs", "fs", &["-mkdir", "-p", "/user/etl", "/tmp"]);
        small.shell("hdfs", "fs", &["-chmod", "1777", "/tmp"]);
        small.shell("hdfs", "fs", &["-chown", "etl:etl", "/user/etl"]);
        small
    }

    /// Waits until the NameNode counts so many living DataNodes and takes files.
    pub fn wait_for_nodes(&self, count: usize) {
        wait_for(&format!("{count} datanodes"), || {
            let state =
                page(NAMENODE_HTTP, "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState").unwrap_or_default();
            state.contains(&format!("\"NumLiveDataNodes\" : {count},"))
                && state.contains("\"FSState\" : \"Operational\"")
        });
    }

    /// The settings of an edge node of this cluster, with changes.
    pub fn conf(&self, changes: &[(&str, &str)]) -> Conf {
        let mut all = vec![
            ("fs.defaultFS", "hdfs://localhost:29801"),
            ("dfs.namenode.http-address", NAMENODE_HTTP),
            ("dfs.http.policy", "HTTP_ONLY"),
        ];
        all.extend(changes);
        Conf::with(&all)
    }

    /// Hadoop's own shell (`fs`), or another of its commands, by the ticket of a user.
    pub fn shell(&self, user: &str, command: &str, args: &[&str]) -> String {
        let done = self.try_shell(user, command, args);
        assert!(done.status.success(), "{command} {args:?}: {}", printed(&done));
        String::from_utf8(done.stdout).unwrap()
    }

    /// The same, which may fail.
    pub fn try_shell(&self, user: &str, command: &str, args: &[&str]) -> Output {
        let main = match command {
            "fs" => "org.apache.hadoop.fs.FsShell",
            "dfsadmin" => "org.apache.hadoop.hdfs.tools.DFSAdmin",
            "fsck" => "org.apache.hadoop.hdfs.tools.DFSck",
            other => panic!("{other}"),
        };
        let script = ". /opt/stack/roles/lib.sh; login; java_run 96m \"/opt/stack/conf/tools:/run/small/conf:$JARS/hdfs/*\" \"$@\"";
        let mut exec = Command::new("docker");
        exec.args(["exec", "--env", &format!("AS={user}"), &self.container, "bash", "-c", script, "shell", main]);
        exec.args(args).stdin(Stdio::null()).output().unwrap()
    }

    /// A command inside the container.
    pub fn inside(&self, script: &str) -> String {
        String::from_utf8(docker(&["exec", &self.container, "bash", "-c", script]).stdout).unwrap()
    }

    /// What its servers have logged.
    pub fn log(&self) -> String {
        printed(&docker(&["logs", &self.container]))
    }

    /// Sends a signal to `namenode`, `datanode1` or `datanode2`.
    pub fn signal(&self, signal: &str, role: &str) {
        self.inside(&format!("kill -{signal} $(cat /run/small/{role}.pid)"));
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let logs = Command::new("docker").args(["logs", "--tail", "5", &self.container]).output();
        if let (true, Ok(logs)) = (std::thread::panicking(), logs) {
            eprintln!("the end of the small hdfs's log:\n{}", printed(&logs));
        }
        let _ = Command::new("docker").args(["rm", "--force", &self.container]).output();
    }
}
