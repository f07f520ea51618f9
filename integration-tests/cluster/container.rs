//! Database servers of a test's own, in containers that go with the test.

use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::stack::{image_of, unique};

/// How long a server may take to start, on a machine that compiles beside it.
const START: Duration = Duration::from_secs(180);
/// What MariaDB and MySQL say on stderr once clients can connect.
const READY: &str = "ready for connections";

/// MariaDB from the stack's image in a container of its own, on port 3306 of it: statements of its init file, one a
/// line, and more flags.
pub fn mariadb(setup: &str, flags: &str) -> Container {
    mariadb_with(setup, flags, &[])
}

/// The same with more files, by their paths in the container.
pub fn mariadb_with(setup: &str, flags: &str, files: &[(&str, &str)]) -> Container {
    mariadb_request(setup, flags, files).start()
}

/// The container of such a server, not started yet.
pub fn mariadb_request(setup: &str, flags: &str, files: &[(&str, &str)]) -> Request {
    let start = format!(
        "mariadb-install-db --no-defaults --datadir=/data --user=root --skip-test-db >/dev/null && \
         mkdir -p /run/mysqld && \
         exec mariadbd --no-defaults --datadir=/data --user=root --init-file=/init.sql {flags}"
    );
    let mut request = database_request("image_ref", &start, setup);
    for (path, content) in files {
        request = request.with_file(path, content);
    }
    request
}

/// MySQL in a container of its own, not started yet: statements of its init file, one a line, and more flags.
pub fn mysql_request(setup: &str, flags: &str) -> Request {
    let start = format!(
        "mysqld --no-defaults --datadir=/data --user=root --initialize-insecure && \
         exec mysqld --no-defaults --datadir=/data --user=root --socket=/tmp/s.sock --secure-file-priv= \
         --innodb-buffer-pool-size=32M --performance-schema=OFF --mysqlx=OFF --init-file=/init.sql {flags}"
    );
    database_request("mysql_image_ref", &start, setup)
}

/// A database server on port 3306 of a container of its own, not started yet: the function of `docker/bin/lib.sh` that
/// says its image, its command, and what lies in `/init.sql`.
pub fn database_request(image: &str, start: &str, setup: &str) -> Request {
    Request::new(&image_of(image), start).with_file("/init.sql", setup)
}

/// A container that is not started yet.
pub struct Request {
    image: String,
    start: String,
    files: Vec<(String, String)>,
    environment: Vec<String>,
}

impl Request {
    /// An image, and what its shell runs.
    pub fn new(image: &str, start: &str) -> Self {
        Self { image: image.to_owned(), start: start.to_owned(), files: Vec::new(), environment: Vec::new() }
    }

    /// A file in it, by its path there.
    pub fn with_file(mut self, path: &str, content: &str) -> Self {
        self.files.push((path.to_owned(), content.to_owned()));
        self
    }

    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}"));
        self
    }

    /// Starts it, and waits until its server takes connections.
    pub fn start(self) -> Container {
        let mut container = Container { name: unique("sakia-database").replace('_', "-"), port: 0 };
        let mut create = Command::new("docker");
        create.args(["create", "--name", &container.name, "--publish", "127.0.0.1::3306"]);
        for variable in &self.environment {
            create.args(["--env", variable]);
        }
        done(create.args([&self.image, "bash", "-c", &self.start]));
        container.put(&self.files);
        done(Command::new("docker").args(["start", &container.name]));
        container.wait();
        let published = done(Command::new("docker").args(["port", &container.name, "3306"]));
        let published = String::from_utf8(published.stdout).unwrap();
        container.port = published.trim().rsplit_once(':').unwrap().1.parse().unwrap();
        container
    }
}

/// A server that runs; it is removed with this.
pub struct Container {
    name: String,
    port: u16,
}

impl Container {
    /// What the engine calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port of this host that leads to it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs a command in it; gives what that prints.
    pub fn exec(&self, command: &[&str]) -> Vec<u8> {
        done(Command::new("docker").args(["exec", &self.name]).args(command)).stdout
    }

    /// Puts files into it, with the directories that they lie in.
    fn put(&self, files: &[(String, String)]) {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let file = directory.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        // Not the directory itself, whose rights are nobody else's.
        let names = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name());
        let mut pack = Command::new("tar");
        pack.arg("-C").arg(directory.path()).args(["--owner=0", "--group=0", "-cf", "-"]).args(names);
        let mut packing = pack.stdout(Stdio::piped()).spawn().unwrap();
        let packed = packing.stdout.take().unwrap();
        done(Command::new("docker").args(["cp", "-", &format!("{}:/", self.name)]).stdin(packed));
        assert!(packing.wait().unwrap().success());
    }

    fn wait(&self) {
        let began = Instant::now();
        loop {
            let logged = done(Command::new("docker").args(["logs", &self.name]));
            if String::from_utf8_lossy(&logged.stderr).contains(READY) {
                return;
            }
            let state = done(Command::new("docker").args(["inspect", "--format", "{{.State.Running}}", &self.name]));
            let is_running = state.stdout.starts_with(b"true");
            assert!(is_running && began.elapsed() < START, "{}", String::from_utf8_lossy(&logged.stderr));
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", "--volumes", &self.name]).output();
    }
}

/// Runs a command that is expected to succeed.
fn done(command: &mut Command) -> Output {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    done
}
