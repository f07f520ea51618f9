//! A Spark Thrift server of a test's own, over the stack's HDFS and its metastore of Hive 3.1 (Spark's client asks what
//! Hive 4 does not answer any more), with Iceberg's catalog over Spark's own.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sakia::hiveserver2::{HiveServer2Options, Session};

use crate::stack::{address, root};

/// How long it may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Ends with the test.
pub struct Spark {
    server: Child,
    home: PathBuf,
    port: u16,
    /// Where it runs, with its log.
    directory: tempfile::TempDir,
}

impl Spark {
    /// Starts one and waits until it takes sessions.
    pub async fn start() -> Self {
        let brought = Command::new(root().join("docker/bin/spark")).stderr(Stdio::inherit()).output().unwrap();
        assert!(brought.status.success(), "docker/bin/spark failed");
        let home = PathBuf::from(String::from_utf8(brought.stdout).unwrap().trim());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let mut command = Command::new(home.join("bin/spark-class"));
        command.args(["org.apache.spark.deploy.SparkSubmit", "--master", "local[2]", "--driver-memory", "1g"]);
        command.args(["--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"]);
        for (name, value) in settings() {
            command.arg("--conf").arg(format!("{name}={value}"));
        }
        command.args(["spark-internal", "--hiveconf", "hive.server2.thrift.bind.host=localhost"]);
        command.arg("--hiveconf").arg(format!("hive.server2.thrift.port={port}"));
        command.env("SPARK_HOME", &home).env("SPARK_LOCAL_IP", "127.0.0.1").env("HADOOP_USER_NAME", "root");
        command.current_dir(directory.path()).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut spark = Self { server: command.spawn().unwrap(), home, port, directory };
        spark.wait().await;
        spark
    }

    async fn wait(&mut self) {
        let since = Instant::now();
        loop {
            let ended = self.server.try_wait().unwrap();
            if ended.is_none() && Session::open(&self.options()).await.is_ok() {
                return;
            }
            if ended.is_some() || since.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap();
                panic!("spark does not take a session ({ended:?}):\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// The way to it.
    pub fn options(&self) -> HiveServer2Options {
        HiveServer2Options::new(format!("localhost:{}", self.port), "root")
    }

    /// Rows of a query as the beeline that comes with Spark prints them, columns separated by tabs.
    pub fn beeline(&self, sql: &str) -> Vec<String> {
        let mut beeline = Command::new(self.home.join("bin/beeline"));
        beeline.args(["-u", &format!("jdbc:hive2://localhost:{}/default", self.port), "-n", "root"]);
        beeline.args(["--silent=true", "--outputformat=tsv2", "--showHeader=false", "-e", sql]);
        let done = beeline.env("SPARK_HOME", &self.home).stdin(Stdio::null()).output().unwrap();
        let errors = String::from_utf8_lossy(&done.stderr);
        // Of several statements it ends as the last one does.
        assert!(done.status.success() && !errors.contains("Error:"), "{sql}: {errors}");
        let said = String::from_utf8(done.stdout).unwrap();
        said.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

impl Drop for Spark {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

/// What Spark is told: where things are, and to be small and quick to start.
fn settings() -> Vec<(&'static str, String)> {
    let namenode = format!("hdfs://{}", address("NAMENODE_PORT"));
    let set = |name, value: &str| (name, value.to_owned());
    vec![
        ("spark.hadoop.hive.metastore.uris", format!("thrift://{}", address("OLD_METASTORE_PORT"))),
        ("spark.sql.warehouse.dir", format!("{namenode}/user/hive/warehouse")),
        ("spark.hadoop.fs.defaultFS", namenode),
        set("spark.driver.bindAddress", "127.0.0.1"),
        set("spark.driver.host", "127.0.0.1"),
        set("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1"),
        set("spark.ui.enabled", "false"),
        set("spark.sql.shuffle.partitions", "1"),
        set("spark.sql.codegen.wholeStage", "false"),
        // A zone whose clock leaves out hours: sakia's sessions are in UTC whatever this says.
        set("spark.sql.session.timeZone", "America/New_York"),
        set("spark.sql.ansi.enabled", "true"),
        set("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"),
        set("spark.sql.catalog.spark_catalog", "org.apache.iceberg.spark.SparkSessionCatalog"),
        set("spark.sql.catalog.spark_catalog.type", "hive"),
    ]
}
