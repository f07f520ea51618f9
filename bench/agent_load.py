"""The agent where it has to hold out: a large backlog that drains while more comes, batches over HTTP, and rows of HBase.

Gives numbers by name, for the goals in report.py, and sentences. A count that is wrong is an error.
"""

import itertools
import json
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import agent
import hdfs
import server
from measure import cpu_with_children

HOURS = 50
# While the backlog drains, so many lines are added each second.
INFLOW = 20_000
BATCH = 100
NAMENODE = 8020
HTTP_SECONDS = 10
HBASE_THRIFT = 9090
HBASE_LINES = 200_000
PATIENCE_SECONDS = 900
REJECTS = f'reject-dir = "{agent.OUT}/load_rejected"\n'


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Agent:
    """A running agent of ours, asked at its own port."""

    def __init__(self, binary, conf, port, log, environment):
        self.port, self.began = port, time.monotonic()
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen([binary, "agent", "run", conf], stdout=out, stderr=subprocess.STDOUT, env=environment)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.read().decode()
        except (urllib.error.HTTPError, OSError):
            return None

    def metric(self, name):
        """The sum of a metric over its labels, or nothing before there is one."""
        lines = [line for line in (self.get("/metrics") or "").splitlines() if line.startswith((name + "{", name + " "))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines) if lines else None

    def until(self, what, step=0.05):
        """Seconds from the start until something holds."""
        while not what():
            if self.process.poll() is not None:
                raise RuntimeError(f"the agent ended: {self.log.read_text(errors='replace').strip().splitlines()[-1][:300]}")
            if time.monotonic() - self.began > PATIENCE_SECONDS:
                raise RuntimeError("the agent did not come to an end in time")
            time.sleep(step)
        return time.monotonic() - self.began

    def peak_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(60)


def configuration(place, port, source, channel, sink, url="hdfs://localhost:8020"):
    place.write_text(f"""
[hdfs]
url = "{url}"
config-dir = "{agent.HADOOP_CONF}"

[monitor]
port = {port}

[[source]]
name = "in"
channels = ["disk"]
{source}

[[channel]]
name = "disk"
type = "file"
{channel}

[[sink]]
name = "lake"
channel = "disk"
{sink}""")
    return place


def spread(log, place):
    """The same lines with times that go through fifty hours one after the other, so that as many partitions fill at once."""
    with log.open() as lines, place.open("w") as out:
        for i, line in enumerate(lines):
            head, rest = line.split('"ts":', 1)
            out.write(f'{head}"ts":{1704067200000 + (i % HOURS) * 3600000 + i // HOURS},{rest.split(",", 1)[1]}')


def backlog_logs(log, work, gib):
    """Logs of so many GiB, and their lines. Each begins with a line of its own: a file is known by how it begins."""
    logs = work / "backlog"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    one = work / "backlog.one"
    spread(log, one)
    lines = sum(1 for _ in one.open("rb"))
    files = max(1, round(gib * 2**30 / one.stat().st_size))
    for number in range(files):
        with (logs / f"{number}.log").open("wb") as out:
            out.write(f'{{"seq":{-1 - number},"ts":1704067200000}}\n'.encode())
            with one.open("rb") as body:
                shutil.copyfileobj(body, out, 1 << 20)
    one.unlink()
    return logs, files * (lines + 1)


class Door(threading.Thread):
    """A way to the NameNode that can be shut."""

    def __init__(self, to):
        super().__init__(daemon=True)
        self.to, self.open, self.ends = to, True, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            client, _ = self.listener.accept()
            if not self.open:
                client.close()
                continue
            server_end = socket.create_connection(("127.0.0.1", self.to))
            self.ends += [client, server_end]
            for one, other in ((client, server_end), (server_end, client)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one, other):
        try:
            while data := one.recv(1 << 16):
                other.sendall(data)
        except OSError:
            pass
        other.close()

    def shut(self):
        self.open = False
        for end in self.ends:
            end.close()


class Inflow(threading.Thread):
    """Adds lines to a log, so many a second, until it is told to end."""

    def __init__(self, place):
        super().__init__(daemon=True)
        self.place, self.over, self.lines = place, threading.Event(), 0
        body = '"user":"u1","session":"s","type":"view","url":"/home","ref":"https://shop.example/","ip":"10.0.0.1","ua":"x"}\n'
        self.chunk = "".join(f'{{"seq":{i},"ts":{1704067200000 + (i % HOURS) * 3600000},{body}' for i in range(INFLOW // 10))

    def run(self):
        due = time.monotonic()
        with self.place.open("w") as out:
            while not self.over.is_set():
                out.write(self.chunk)
                out.flush()
                self.lines += INFLOW // 10
                due += 0.1
                time.sleep(max(0, due - time.monotonic()))


def backlog(binary, work, environment, reader, log, gib):
    """Fills the channel while no HDFS is there, kills the agent, and drains while more comes."""
    logs, lines = backlog_logs(log, work, gib)
    state, target, port = work / "backlog-state", f"{agent.OUT}/load_parquet", free_port()
    shutil.rmtree(state, ignore_errors=True)
    source = f'type = "taildir"\nfiles = "{logs}/*.log"'
    channel = f'directory = "{state}"\nmax-bytes = {int(gib * 2**31) + 2**30}'
    sink = REJECTS + agent.PARQUET.replace("agent_parquet", "load_parquet").replace('type = "table"', 'type = "table"\npartition = "hour"', 1)
    door = Door(NAMENODE)
    door.start()
    away = configuration(work / "backlog-away.toml", port, source, channel, sink, f"hdfs://localhost:{door.port}")
    running = Agent(binary, away, port, work / "log" / "backlog-away", environment)
    running.until(lambda: running.get("/readyz") is not None, 0.005)
    door.shut()
    filled = running.until(lambda: running.metric("sakia_channel_put_events_total") == lines)
    cpu = cpu_with_children(running.process.pid)
    held, waiting = running.metric("sakia_channel_bytes"), running.metric("sakia_channel_events")
    running.end(signal.SIGKILL)

    there = configuration(work / "backlog.toml", port, source, channel, sink)
    running = Agent(binary, there, port, work / "log" / "backlog", environment)
    ready = running.until(lambda: running.get("/readyz") is not None, 0.005)
    inflow = Inflow(logs / "live.log")
    inflow.start()
    committed = lambda: running.metric("sakia_channel_committed_events_total") or 0
    drained = running.until(lambda: committed() >= waiting + inflow.lines * 0.98)
    inflow.over.set()
    inflow.join()
    total = lines + inflow.lines
    running.until(lambda: committed() == waiting + inflow.lines)
    peak = running.peak_mib()
    running.end()
    rows = int(server.run(reader, server.ROOT / "bench/count_rows.py", "parquet", f"hdfs:{target}").split()[0])
    shutil.rmtree(logs)
    shutil.rmtree(state)
    if rows != total:
        raise RuntimeError(f"backlog: {rows} rows came out, not {total}")
    return {
        "fill_per_second": lines / filled,
        "fill_per_core": lines / cpu,
        "held_gib": held / 2**30,
        "ready_ms": ready * 1000,
        "drain_per_second": (waiting + inflow.lines) / (drained - ready),
        "times_inflow": waiting / (drained - ready) / INFLOW,
        "peak_mib": peak,
    }


def sealed(binary, work, environment, log):
    """A log through a channel in the clear and through one that is encrypted, to nowhere."""
    key = work / "channel.key"
    key.unlink(missing_ok=True)
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32))
    lines = sum(1 for _ in log.open("rb"))
    per_core = {}
    for name, encryption in (("clear", ""), ("encrypted", f'\nencryption = {{ active = "k", keys = {{ k = "{key}" }} }}')):
        state, port = work / f"{name}-state", free_port()
        shutil.rmtree(state, ignore_errors=True)
        channel = f'directory = "{state}"{encryption}'
        conf = configuration(work / f"{name}.toml", port, f'type = "taildir"\nfiles = "{log}"', channel, 'type = "null"')
        running = Agent(binary, conf, port, work / "log" / name, environment)
        running.until(lambda: running.metric("sakia_channel_committed_events_total") == lines)
        per_core[f"{name}_per_core"] = lines / cpu_with_children(running.process.pid)
        running.end()
        shutil.rmtree(state)
    return per_core


def post(work, port, connections, rate, seconds, body):
    command = [work / "http_load", port, "/", body, connections, rate, seconds]
    return json.loads(server.run(*[str(part) for part in command]))


def http(binary, work, environment, log):
    """Batches of a hundred into the synced channel, which drains into HDFS meanwhile."""
    state, port, listen = work / "http-state", free_port(), free_port()
    shutil.rmtree(state, ignore_errors=True)
    source = f'type = "http"\nbind = "127.0.0.1"\nport = {listen}'
    sink = REJECTS + agent.TEXT.replace("agent_text", "load_http")
    conf = configuration(work / "http.toml", port, source, f'directory = "{state}"', sink)
    with log.open() as lines:
        events = [{"headers": {}, "body": next(lines).rstrip("\n")} for _ in range(BATCH)]
    body = work / "http.json"
    body.write_text(json.dumps(events))
    running = Agent(binary, conf, port, work / "log" / "http", environment)
    running.until(lambda: running.get("/readyz") is not None)
    most = post(work, listen, 16, 0, HTTP_SECONDS, body)
    half = post(work, listen, 16, 100_000 / 2 / BATCH, HTTP_SECONDS, body)
    sent = BATCH * (most["requests"] + half["requests"])
    running.until(lambda: running.metric("sakia_channel_committed_events_total") == sent)
    running.end()
    found = sum(data.count(b"\n") for path, _ in hdfs.files(f"{agent.OUT}/load_http") for data in [hdfs.read(path)])
    if found != sent or most["failed"] or half["failed"]:
        raise RuntimeError(f"http: {found} lines came out, not {sent}; {most['failed']} and {half['failed']} requests failed")
    shutil.rmtree(state)
    return {
        "per_second": BATCH * most["requests"] / most["seconds"],
        "p99_at_most_ms": most["p99_ms"],
        "half_per_second": BATCH * half["requests"] / half["seconds"],
        "p50_ms": half["p50_ms"],
        "p99_ms": half["p99_ms"],
    }


# The connection `c`, and a table of the bench's own.
HAPPYBASE = f"""
import happybase
c, name = happybase.Connection("127.0.0.1", {HBASE_THRIFT}), b"bench_agent"
def drop():
    if name in c.tables():
        c.delete_table(name, disable=True)
"""

ROWS = """type = "hbase"
table = "bench_agent"
reject-dir = "REJECTS"
row-key = [{ salt = "user", buckets = 16 }, { text = "|" }, { field = "user" }, { text = "|" }, { field = "seq", width = 12 }]
cells = { "e:type" = "type", "e:url" = "url", "e:ip" = "ip" }
cell-time = "written"
parser = { type = "json", columns = [{ name = "seq", type = "bigint" }, { name = "user" }, { name = "type" }, { name = "url" }, { name = "ip" }] }

[hbase]
url = "127.0.0.1:PORT"
"""


def hbase(binary, work, environment, reader, log):
    """A log through the synced channel into a table of HBase, a row a line, by the Thrift gateway."""
    state, port, part = work / "hbase-state", free_port(), work / "hbase.log"
    shutil.rmtree(state, ignore_errors=True)
    with log.open("rb") as lines, part.open("wb") as out:
        out.writelines(itertools.islice(lines, HBASE_LINES))
    lines = sum(1 for _ in part.open("rb"))
    server.run(reader, "-c", HAPPYBASE + "drop(); c.create_table(name, {'e': {}})")
    sink = ROWS.replace("PORT", str(HBASE_THRIFT)).replace("REJECTS", str(work / "hbase-rejects"))
    conf = configuration(work / "hbase.toml", port, f'type = "taildir"\nfiles = "{part}"', f'directory = "{state}"', sink)
    running = Agent(binary, conf, port, work / "log" / "hbase", environment)
    took = running.until(lambda: running.metric("sakia_channel_committed_events_total") == lines)
    cpu = cpu_with_children(running.process.pid)
    running.end()
    shutil.rmtree(state)
    counted = "print(sum(1 for _ in c.table(name).scan(filter='KeyOnlyFilter()', batch_size=10000))); drop()"
    rows = int(server.run(reader, "-c", HAPPYBASE + counted))
    if rows != lines:
        raise RuntimeError(f"hbase: {rows} rows came out, not {lines}")
    return {"per_second": lines / took, "per_core": lines / cpu}


def all_of(binary, work, environment, reader, log, gib):
    """Numbers by case, and what to say of them; errors as sentences."""
    for name in ("load_parquet", "load_http", "load_rejected", ".sakia"):
        hdfs.delete(f"{agent.OUT}/{name}")
    server.run("cc", "-O2", "-pthread", "-o", work / "http_load", server.ROOT / "bench/http_load.c")
    found, said, errors = {}, [], []
    for name, measured in (
        ("agent-sealed", lambda: sealed(binary, work, environment, log)),
        ("agent-http", lambda: http(binary, work, environment, log)),
        ("agent-hbase", lambda: hbase(binary, work, environment, reader, log)),
        ("agent-backlog", lambda: backlog(binary, work, environment, reader, log, gib)),
    ):
        try:
            found[name] = measured()
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            errors.append(f"{name}: {error}")
    if m := found.get("agent-backlog"):
        said += [
            f"Into the synced channel, from logs, while no HDFS is there: {m['fill_per_second']:,.0f} events a second, {m['fill_per_core']:,.0f} a CPU second",
            f"Killed with {m['held_gib']:.1f} GiB in the channel, the agent is ready {m['ready_ms']:,.0f} ms after its start",
            f"The backlog drains into {HOURS} partitions of Parquet with {m['drain_per_second']:,.0f} events a second while {INFLOW:,} a second are added; peak memory {m['peak_mib']:.0f} MiB",
        ]
    if m := found.get("agent-sealed"):
        said.append(
            f"Through a channel to nowhere: {m['clear_per_core']:,.0f} events a CPU second in the clear, {m['encrypted_per_core']:,.0f} encrypted"
        )
    if m := found.get("agent-http"):
        said += [
            f"Over HTTP, batches of {BATCH}, 16 connections, HDFS sink: {m['per_second']:,.0f} events a second, p99 of a batch {m['p99_at_most_ms']:.1f} ms",
            f"At {m['half_per_second']:,.0f} events a second: p50 {m['p50_ms']:.1f} ms, p99 {m['p99_ms']:.1f} ms",
        ]
    if m := found.get("agent-hbase"):
        said.append(
            f"Into HBase through one Thrift gateway, three cells a row: {m['per_second']:,.0f} events a second, {m['per_core']:,.0f} a CPU second of the agent"
        )
    return found, said, errors
