"""Every command line that is measured, and how its output is counted. What to change when a flag changes is here."""

from dataclasses import dataclass, field
from pathlib import Path

import agent
import hive
import secured
import server

ROOT = server.ROOT
HADOOP_CONF = ROOT / "bench" / "conf" / "hadoop"
HDFS_OUT = "/bench/out"


@dataclass(frozen=True)
class Sizes:
    database: str
    rows: int
    small: int
    few: int
    export: int
    yarn: int
    events: int
    backlog_gib: float
    fetched: int


FULL = Sizes("bench", rows=4_000_000, small=300, few=20, export=1_000_000, yarn=1_000_000, events=2_000_000, backlog_gib=10, fetched=1_000_000)
QUICK = Sizes("bench_quick", rows=50_000, small=10, few=3, export=20_000, yarn=20_000, events=50_000, backlog_gib=0.2, fetched=20_000)


@dataclass(frozen=True)
class Case:
    """A command. In its parts {round} is the round's number and {door} the port of the door that notes first bytes."""

    name: str
    command: list
    rows: int
    # How rows are counted: ("printed",), ("lines",) below a heading, ("table",) or (format, place).
    count: tuple
    # Tables the command handles, where that is the measure.
    tables: int = 0
    rounds: int = 0
    # Emptied before each run: file:DIR, hdfs:DIR, secured:DIR or table:NAME.
    clear: list = field(default_factory=list)
    yarn: bool = False
    first_byte: bool = False
    # Added to the environment.
    environment: dict = field(default_factory=dict)


class Commands:
    def __init__(self, sizes, binary, work, rounds, sqoop_rounds):
        self.sizes, self.binary, self.work = sizes, binary, work
        self.rounds, self.sqoop_rounds = rounds, sqoop_rounds
        self.out = work / "out"
        self.sqoop_password = work / "sqoop.password"

    # --- sakia ---

    def sakia(self, command, database, *flags, port=server.PORT):
        connect = ["--connect", f"mysql://shop@127.0.0.1:{port}/{database}", "--password-file", server.PASSWORD_FILE]
        return [self.binary, command, *connect, "--output", "json", *flags]

    def on_hdfs(self):
        return ["--hdfs-url", "hdfs://localhost:8020", "--hdfs-config-dir", HADOOP_CONF]

    def sakia_local(self, name, form, codec, connections, table="orders", rows=None, where=None):
        target = self.out / name
        flags = ["--table", table, "-m", connections, "--as", form, "--target-dir", target, "--hdfs-url", "file:///"]
        flags += ["--compression", codec] if codec else []
        flags += ["--where", where] if where else []
        command = self.sakia("import", self.sizes.database, *flags)
        return Case(name, command, rows or self.sizes.rows, (form, f"file:{target}"), clear=[f"file:{target}"])

    def sakia_hdfs(self, name, connections):
        target = f"{HDFS_OUT}/{name.replace('-', '_')}"
        flags = ["--table", "orders", "-m", connections, "--as", "parquet", "--compression", "zstd"]
        command = self.sakia("import", self.sizes.database, *flags, "--target-dir", target, *self.on_hdfs())
        return Case(name, command, self.sizes.rows, ("parquet", f"hdfs:{target}"), clear=[f"hdfs:{target}"])

    def by_keytab(self):
        return ["--hdfs-url", secured.ADDRESS, "--kerberos-principal", secured.PRINCIPAL, "--kerberos-keytab", secured.KEYTAB]

    def sakia_secured(self, level):
        target = f"{secured.OUT}/{level}"
        flags = ["--table", "orders", "-m", 4, "--as", "parquet", "--compression", "zstd", "--target-dir", target]
        command = self.sakia("import", self.sizes.database, *flags, *self.by_keytab())
        return Case(
            f"sakia-hdfs-4-{level}", command, self.sizes.rows, ("parquet", f"secured:{target}"),
            clear=[f"secured:{target}"], environment=secured.environment(self.work, level),
        )  # fmt: skip

    def sakia_start_by_keytab(self):
        target = f"{secured.OUT}/start"
        flags = ["--table", "small_001", "-m", 1, "--target-dir", target]
        command = self.sakia("import", f"{self.sizes.database}_small", *flags, *self.by_keytab(), port="{door}")
        return Case(
            "sakia-start-keytab", command, 1000, ("parquet", f"secured:{target}"), clear=[f"secured:{target}"],
            first_byte=True, environment=secured.environment(self.work, "privacy"),
        )  # fmt: skip

    def events(self):
        """The log that agents read."""
        return self.work.parent / f"events-{self.sizes.events}.log"

    def sakia_agent(self, form):
        conf, target, state = agent.sakia(self.work, self.events(), form)
        command = [self.binary, "agent", "run", conf, "--drain", "--output", "json"]
        clear = [f"hdfs:{target}", f"file:{state}"]
        return Case(f"sakia-agent-{form}", command, self.sizes.events, (form, f"hdfs:{target}"), clear=clear)

    def flume_agent(self, batch):
        conf, state = agent.flume(self.work, self.events(), batch)
        command = ["python3", ROOT / "bench/flume/flume.py", conf, self.sizes.events]
        target = f"{agent.OUT}/agent_flume_{batch}"
        return Case(
            f"flume-agent-{batch}", command, self.sizes.events, ("text", f"hdfs:{target}"), rounds=self.sqoop_rounds,
            clear=[f"hdfs:{target}", f"file:{state}"],
        )  # fmt: skip

    def sakia_small(self):
        target = f"{HDFS_OUT}/sakia_small"
        hive = ["--hive-database", "bench_small_{round}", "--metastore-url", "thrift://localhost:9083"]
        flags = ["--warehouse-dir", target, "-m", 1, "--as", "parquet", *hive, *self.on_hdfs()]
        command = self.sakia("import-all", f"{self.sizes.database}_small", *flags)
        return Case(
            "sakia-small", command, self.sizes.small * 1000, ("parquet", f"hdfs:{target}"),
            tables=self.sizes.small, clear=[f"hdfs:{target}"],
        )  # fmt: skip

    def sakia_export(self):
        flags = ["--table", "orders_copy", "--export-dir", "/bench/export", "-m", 2, *self.on_hdfs()]
        command = self.sakia("export", self.sizes.database, *flags)
        return Case("sakia-export", command, self.sizes.export, ("table",), clear=["table:orders_copy"])

    def sakia_start(self):
        target = self.out / "sakia-start"
        flags = ["--table", "small_001", "-m", 1, "--target-dir", target, "--hdfs-url", "file:///"]
        command = self.sakia("import", f"{self.sizes.database}_small", *flags, port="{door}")
        return Case("sakia-start", command, 1000, ("parquet", f"file:{target}"), clear=[f"file:{target}"], first_byte=True)

    def queries(self):
        """A statement whose cost is the client's start, and one whose cost is its rows: sakia's and beeline's."""
        fetch = f"select * from {hive.table(self.sizes.fetched)}"
        for name, statement, rows in (("one", "select 1", 1), ("fetch", fetch, self.sizes.fetched)):
            yield Case(f"query-{name}", hive.sakia(self.binary, statement), rows, ("lines",))
            yield Case(f"beeline-{name}", hive.beeline(statement), rows, ("lines",))

    # --- peers ---

    def drain(self, name, connections, table="orders"):
        rows = self.sizes.rows
        edges = [rows * part // connections for part in range(connections + 1)]
        queries = [f"select * from {table} where id > {low} and id <= {high}" for low, high in zip(edges, edges[1:])]
        if connections == 1:
            queries = [f"select * from {table}"]
        server_words = ["127.0.0.1", server.PORT, "shop", server.PASSWORD_FILE, self.sizes.database]
        return Case(name, [self.work / "drain", *server_words, *queries], rows, ("printed",))

    def connectorx(self, python, name, connections):
        target = self.out / f"{name}.parquet"
        url = f"mysql://shop@127.0.0.1:{server.PORT}/{self.sizes.database}"
        script = ROOT / "bench" / "peer_connectorx.py"
        command = [python, script, url, server.PASSWORD_FILE, "orders", connections, target]
        return Case(name, command, self.sizes.rows, ("parquet", f"file:{target}"), clear=[f"file:{target}"])

    def spark(self, python, jars, splits=2):
        target = self.out / "spark"
        driver = next(Path(jars).glob("sqoop/mysql-connector-java-*.jar"))
        place = f"127.0.0.1:{server.PORT}/{self.sizes.database}"
        words = [driver, place, "shop", server.PASSWORD_FILE, "orders", self.sizes.rows, splits, f"file://{target}"]
        command = [python, ROOT / "bench" / "peer_spark.py", *words]
        return Case("spark-parquet", command, self.sizes.rows, ("parquet", f"file:{target}"), clear=[f"file:{target}"], rounds=1)

    def sqoop(self, mode, tool, database, *flags):
        jdbc = f"jdbc:mysql://127.0.0.1:{server.PORT}/{database}?useSSL=false"
        login = ["--username", "shop", "--password-file", f"file://{self.sqoop_password}"]
        return [ROOT / "bench" / "sqoop" / "sqoop", mode, tool, "--connect", jdbc, *login, *flags]

    def sqoop_import(self, name, mode, form, rows):
        target = f"{HDFS_OUT}/{name.replace('-', '_')}"
        flags = ["--table", "orders", "-m", 2, "--target-dir", target, *form]
        if rows < self.sizes.rows:
            flags += ["--where", f"id <= {rows}"]
        command = self.sqoop(mode, "import", self.sizes.database, *flags)
        return Case(
            name, command, rows, ("parquet", f"hdfs:{target}"),
            clear=[f"hdfs:{target}"], rounds=self.sqoop_rounds, yarn=mode == "yarn",
        )  # fmt: skip

    def sqoop_few(self, name, mode, tables):
        target = f"{HDFS_OUT}/{name.replace('-', '_')}"
        left_out = ",".join(f"small_{n:03}" for n in range(tables + 1, self.sizes.few + 1))
        flags = ["--warehouse-dir", target, "--as-avrodatafile", "-m", 1]
        flags += ["--exclude-tables", left_out] if left_out else []
        command = self.sqoop(mode, "import-all-tables", f"{self.sizes.database}_few", *flags)
        return Case(
            name, command, tables * 1000, ("avro", f"hdfs:{target}"), tables=tables,
            clear=[f"hdfs:{target}"], rounds=self.sqoop_rounds, yarn=mode == "yarn",
        )  # fmt: skip

    def sqoop_export(self):
        flags = ["--table", "orders_copy", "--export-dir", "/bench/export", "-m", 2]
        command = self.sqoop("local", "export", self.sizes.database, *flags)
        return Case(
            "sqoop-export", command, self.sizes.export, ("table",), clear=["table:orders_copy"], rounds=self.sqoop_rounds
        )

    # --- all of it, in the order of a round: what is compared stands side by side ---

    def all(self, connectorx_python, spark_python, sqoop_jars, with_yarn):
        rows = self.sizes.rows
        cases = [
            self.drain("drain-1", 1),
            self.sakia_local("sakia-parquet-1", "parquet", "zstd", 1),
            self.drain("drain-4", 4),
            self.sakia_local("sakia-parquet-4", "parquet", "zstd", 4),
            self.sakia_hdfs("sakia-hdfs-1", 1),
            self.sakia_hdfs("sakia-hdfs-4", 4),
            self.sakia_secured("authentication"),
            self.sakia_secured("privacy"),
            self.sakia_local("sakia-avro-1", "avro", "snappy", 1),
            self.sakia_local("sakia-text-1", "text", None, 1),
            self.drain("drain-narrow-1", 1, "narrow"),
            self.sakia_local("sakia-narrow-1", "parquet", "zstd", 1, table="narrow"),
            self.sakia_local("sakia-quarter-1", "parquet", "zstd", 1, rows=rows // 4, where=f"id <= {rows // 4}"),
            self.sakia_local("sakia-half-1", "parquet", "zstd", 1, rows=rows // 2, where=f"id <= {rows // 2}"),
            self.sakia_start(),
            self.sakia_start_by_keytab(),
            self.sakia_small(),
            self.sakia_export(),
            self.sakia_agent("text"),
            self.sakia_agent("parquet"),
            self.flume_agent(1_000),
            self.flume_agent(10_000),
            *self.queries(),
        ]
        if connectorx_python:
            cases.insert(2, self.connectorx(connectorx_python, "connectorx-1", 1))
            cases.insert(5, self.connectorx(connectorx_python, "connectorx-4", 4))
        if sqoop_jars:
            cases += [
                self.sqoop_import("sqoop-parquet", "local", ["--as-parquetfile"], rows),
                self.sqoop_few("sqoop-small", "local", self.sizes.few),
                self.sqoop_export(),
            ]
        if spark_python:
            cases.append(self.spark(spark_python, sqoop_jars))
        if with_yarn:
            cases += [
                self.sqoop_import("sqoop-yarn-parquet", "yarn", ["--as-parquetfile"], self.sizes.yarn),
                self.sqoop_few("sqoop-yarn-small", "yarn", 3),
            ]
        return cases
