"""The agent beside Flume: lines of a file through a file channel that is synced, into files in HDFS."""

import random
import shutil

from server import ROOT

OUT = "/bench/out"
HADOOP_CONF = ROOT / "bench" / "conf" / "hadoop"
PATHS = ["/home", "/cat/%d", "/product/%d", "/cart", "/checkout", "/search?q=%d"]


def fill(events, place):
    """A log of click events, some 200 bytes of JSON each; made once."""
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    rng = random.Random(7)
    with place.with_suffix(".new").open("w") as out:
        for i in range(events):
            path = PATHS[i % len(PATHS)]
            path = path % rng.randrange(100_000) if "%d" in path else path
            out.write(
                f'{{"seq":{i},"ts":{1704067200000 + i * 37},"user":"u{i * 7919 % 500000:06d}","session":"{i * 2654435761 % 2**64:016x}",'
                f'"type":"{("view", "click", "cart", "buy")[i % 4]}","url":"{path}","ref":"https://shop.example/",'
                f'"ip":"10.{i % 256}.{i // 256 % 256}.{i // 65536 % 256}","ua":"Mozilla/5.0 (X11; Linux) rv:{i % 140}"}}\n'
            )
    place.with_suffix(".new").rename(place)


TEXT = f"""type = "hdfs"
path = "{OUT}/agent_text"
compression = "none"
"""

PARQUET = f"""type = "table"
target-dir = "{OUT}/agent_parquet"

[sink.parser]
type = "json"
time = "event_ts"
columns = [
    {{ name = "seq", type = "bigint" }},
    {{ name = "event_ts", key = "ts", type = "timestamp", format = "millis" }},
    {{ name = "user_name", key = "user" }},
    {{ name = "session" }},
    {{ name = "type" }},
    {{ name = "url" }},
    {{ name = "ref" }},
    {{ name = "ip" }},
    {{ name = "ua" }},
]
"""


def sakia(work, log, form):
    """The configuration of ours with a sink for text or Parquet, its target, and what it leaves on this machine."""
    state, conf = work / f"agent-{form}", work / f"agent-{form}.toml"
    conf.write_text(f"""
[hdfs]
url = "hdfs://localhost:8020"
config-dir = "{HADOOP_CONF}"

[[source]]
name = "log"
type = "taildir"
files = "{log}"
channels = ["disk"]

[[channel]]
name = "disk"
type = "file"
directory = "{state}"

[[sink]]
name = "lake"
channel = "disk"
reject-dir = "{OUT}/agent_rejected"
{TEXT if form == "text" else PARQUET}""")
    return conf, f"{OUT}/agent_{form}", state


def flume(work, log, batch):
    """The configuration of Flume's with a size of its transactions, and what it leaves behind."""
    state, conf = work / f"agent-flume-{batch}", work / f"agent-flume-{batch}.properties"
    shutil.rmtree(state, ignore_errors=True)
    conf.write_text(f"""
a1.sources = r
a1.channels = c
a1.sinks = k
a1.sources.r.type = TAILDIR
a1.sources.r.channels = c
a1.sources.r.positionFile = {state}/position.json
a1.sources.r.filegroups = g
a1.sources.r.filegroups.g = {log}
a1.sources.r.batchSize = {batch}
a1.channels.c.type = file
a1.channels.c.checkpointDir = {state}/checkpoint
a1.channels.c.dataDirs = {state}/data
a1.channels.c.capacity = 1000000
a1.channels.c.transactionCapacity = 10000
a1.sinks.k.type = hdfs
a1.sinks.k.channel = c
a1.sinks.k.hdfs.path = hdfs://localhost:8020{OUT}/agent_flume_{batch}
a1.sinks.k.hdfs.fileType = DataStream
a1.sinks.k.hdfs.rollInterval = 0
a1.sinks.k.hdfs.rollCount = 0
a1.sinks.k.hdfs.rollSize = 134217728
a1.sinks.k.hdfs.batchSize = {batch}
""")
    return conf, state
