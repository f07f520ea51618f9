"""bench/RESULTS.md and bench/results.json out of what was measured."""

import json
import os
import statistics
from pathlib import Path

# Where files lie on the machine that measured is nobody's business.
HOME, ROOT = str(Path.home()), str(Path(__file__).resolve().parent.parent)


def plain(part):
    return str(part).replace(ROOT, ".").replace(HOME, "~")


# What a case is called in the table.
TITLES = {
    "drain-1": "bare drain, 1 connection",
    "drain-4": "bare drain, 4 connections",
    "drain-narrow-1": "bare drain of the narrow table, 1 connection",
    "connectorx-1": "connectorx + pyarrow, Parquet zstd, local, 1 connection",
    "connectorx-4": "connectorx + pyarrow, Parquet zstd, local, 4 connections",
    "spark-parquet": "Spark JDBC, Parquet zstd, local, 2 splits",
    "sakia-parquet-1": "sakia, Parquet zstd, local, 1 connection",
    "sakia-parquet-4": "sakia, Parquet zstd, local, 4 connections",
    "sakia-hdfs-1": "sakia, Parquet zstd, HDFS, 1 connection",
    "sakia-hdfs-4": "sakia, Parquet zstd, HDFS, 4 connections",
    "sakia-hdfs-4-authentication": "sakia, Parquet zstd, HDFS with Kerberos, 4 connections",
    "sakia-hdfs-4-privacy": "sakia, Parquet zstd, HDFS with Kerberos and privacy, 4 connections",
    "sakia-start-keytab": "sakia, 1,000 rows, HDFS with Kerberos by a keytab: the start alone",
    "sakia-agent-text": "sakia's agent, lines of JSON, file channel, text in HDFS",
    "sakia-agent-parquet": "sakia's agent, lines of JSON taken apart, file channel, Parquet in HDFS",
    "flume-agent-1000": "Flume, the same, batches of 1,000 events",
    "flume-agent-10000": "Flume, the same, batches of 10,000 events",
    "sakia-avro-1": "sakia, Avro snappy, local, 1 connection",
    "sakia-text-1": "sakia, delimited text, local, 1 connection",
    "sakia-narrow-1": "sakia, narrow table, Parquet zstd, local, 1 connection",
    "sakia-quarter-1": "sakia, Parquet zstd, local, a quarter of the rows",
    "sakia-half-1": "sakia, Parquet zstd, local, half of the rows",
    "sakia-start": "sakia, 1,000 rows, local: the start alone",
    "sakia-small": "sakia, small tables into registered Hive tables",
    "sakia-export": "sakia, export of delimited text from HDFS",
    "sqoop-parquet": "Sqoop 1.4.7, Parquet snappy, HDFS, local mode, 2 maps",
    "sqoop-small": "Sqoop 1.4.7, import-all-tables to Avro, local mode, one JVM",
    "sqoop-export": "Sqoop 1.4.7, export of delimited text from HDFS, local mode",
    "sqoop-yarn-parquet": "Sqoop 1.4.7, Parquet snappy, HDFS, on YARN",
    "query-one": "sakia query, select 1",
    "query-fetch": "sakia query, a table of Hive as csv2",
    "beeline-one": "beeline 3.1.3, select 1",
    "beeline-fetch": "beeline 3.1.3, a table of Hive as csv2",
    "sqoop-yarn-small": "Sqoop 1.4.7, import-all-tables to Avro, on YARN",
}

# Line, ours, the peer, the measure, the goal. The ratio is ours / peer, or peer / ours where the goal says "faster".
GOALS = [
    ("Parquet zstd to local disk, 1 connection: wall / drain", "sakia-parquet-1", "drain-1", "wall", "<= 1.10"),
    ("Parquet zstd to local disk, 4 connections: wall / drain", "sakia-parquet-4", "drain-4", "wall", "<= 1.10"),
    ("Parquet zstd to local disk, 1 connection: CPU / drain", "sakia-parquet-1", "drain-1", "cpu", "<= 2.5"),
    ("Parquet zstd to local disk, 4 connections: CPU / drain", "sakia-parquet-4", "drain-4", "cpu", "<= 2.5"),
    ("Parquet zstd to local disk, 1 connection: CPU / connectorx", "sakia-parquet-1", "connectorx-1", "cpu", "<= 0.5"),
    ("Parquet zstd to local disk, 4 connections: CPU / connectorx", "sakia-parquet-4", "connectorx-4", "cpu", "<= 0.5"),
    ("Narrow table, 1 connection: wall / drain", "sakia-narrow-1", "drain-narrow-1", "wall", "none"),
    ("Narrow table, 1 connection: CPU / drain", "sakia-narrow-1", "drain-narrow-1", "cpu", "none"),
    ("Peak memory, Parquet zstd, 1 connection, MiB", "sakia-parquet-1", None, "peak_mib", "<= 128"),
    ("Peak memory, Parquet zstd, 4 connections, MiB", "sakia-parquet-4", None, "peak_mib", "<= 128"),
    ("Peak memory, all rows / half of them", "sakia-parquet-1", "sakia-half-1", "peak_mib", "about 1"),
    ("Peak memory, all rows / a quarter of them", "sakia-parquet-1", "sakia-quarter-1", "peak_mib", "about 1"),
    ("Parquet to HDFS, 1 connection: wall / drain", "sakia-hdfs-1", "drain-1", "wall", "<= 1.30"),
    ("Parquet to HDFS, 4 connections: wall / drain", "sakia-hdfs-4", "drain-4", "wall", "<= 1.30"),
    ("HDFS with Kerberos, 4 connections: wall / open HDFS", "sakia-hdfs-4-authentication", "sakia-hdfs-4", "wall", "none"),
    ("HDFS with Kerberos and privacy, 4 connections: wall / open HDFS", "sakia-hdfs-4-privacy", "sakia-hdfs-4", "wall", "<= 1.6"),
    ("HDFS with Kerberos and privacy, 4 connections: CPU / open HDFS", "sakia-hdfs-4-privacy", "sakia-hdfs-4", "cpu", "none"),
    ("HDFS with Kerberos and privacy, 4 connections: peak memory / open HDFS", "sakia-hdfs-4-privacy", "sakia-hdfs-4", "peak_mib", "about 1"),
    ("Parquet to HDFS, 4 connections: times faster than Sqoop, local mode", "sakia-hdfs-4", "sqoop-parquet", "per_row", ">= 15 faster"),
    ("Parquet to HDFS, 4 connections: times less CPU than Sqoop, local mode", "sakia-hdfs-4", "sqoop-parquet", "cpu_per_row", ">= 25 faster"),
    ("Parquet to HDFS, 4 connections: times less memory than Sqoop, local mode", "sakia-hdfs-4", "sqoop-parquet", "peak_mib", ">= 6 faster"),
    ("Parquet to HDFS, 4 connections: times faster a row than Sqoop on YARN", "sakia-hdfs-4", "sqoop-yarn-parquet", "per_row", "none faster"),
    ("Avro snappy: CPU / Parquet", "sakia-avro-1", "sakia-parquet-1", "cpu", "<= 1.3"),
    ("Small tables into Hive: ms a table", "sakia-small", None, "ms_per_table", "< 60"),
    ("Small tables: times faster a table than Sqoop in one JVM", "sakia-small", "sqoop-small", "ms_per_table", ">= 40 faster"),
    ("Small tables: times faster a table than Sqoop on YARN", "sakia-small", "sqoop-yarn-small", "ms_per_table", ">= 400 faster"),
    ("Export: times Sqoop's rows a second", "sakia-export", "sqoop-export", "per_row", ">= 8 faster"),
    ("Export: rows whose microseconds were lost", "sakia-export", None, "lost_fractions", "0"),
    ("Export by Sqoop: rows whose microseconds were lost", "sqoop-export", None, "lost_fractions", "none"),
    ("Agent to HDFS, file channel: times Flume's events a second, batches of 1,000", "sakia-agent-text", "flume-agent-1000", "per_row", "none faster"),
    ("Agent to HDFS, file channel: times Flume's events a second, batches of 10,000", "sakia-agent-text", "flume-agent-10000", "per_row", "none faster"),
    ("The same into Parquet, Flume's into text", "sakia-agent-parquet", "flume-agent-10000", "per_row", ">= 15 faster"),
    ("Agent to HDFS, file channel: times less CPU than Flume, batches of 10,000", "sakia-agent-text", "flume-agent-10000", "cpu_per_row", "none faster"),
    ("The same into Parquet, Flume's into text: times less CPU", "sakia-agent-parquet", "flume-agent-10000", "cpu_per_row", ">= 20 faster"),
    ("Agent, logs into the synced channel: events a CPU second", "agent-backlog", None, "fill_per_core", ">= 400,000"),
    ("Agent, backlog drained into 50 partitions: peak memory, MiB", "agent-backlog", None, "peak_mib", "<= 64"),
    ("Agent, killed with the backlog: start to ready, ms", "agent-backlog", None, "ready_ms", "< 2,000"),
    ("Agent, backlog: drained at so many times the inflow of 20,000 events a second", "agent-backlog", None, "times_inflow", ">= 5"),
    ("Agent, HTTP in batches of 100: events a second", "agent-http", None, "per_second", ">= 100,000"),
    ("Agent, HTTP at 50,000 events a second: p99 of a batch, ms", "agent-http", None, "p99_ms", "< 20"),
    ("Agent, rows of HBase through one gateway: events a second", "agent-hbase", None, "per_second", "none"),
    ("sakia query, select 1: wall / beeline", "query-one", "beeline-one", "wall", "<= 0.1"),
    ("sakia query, a table as csv2: CPU / beeline", "query-fetch", "beeline-fetch", "cpu", "<= 0.3"),
    ("sakia query, a table as csv2: wall / beeline", "query-fetch", "beeline-fetch", "wall", "none"),
    ("sakia query, a table as csv2: peak memory, MiB", "query-fetch", None, "peak_mib", "<= 64"),
    ("Start to the first byte sent to the server, ms", "sakia-start", None, "first_byte_ms", "< 30"),
    ("Start with a keytab to the first byte sent to the server, ms", "sakia-start-keytab", None, "first_byte_ms", "< 60"),
    ("Start to the first rows asked for, ms", "sakia-start", None, "first_execute_ms", "none"),
]


# What no client can do better on this machine: the line, and how it follows from the medians of some cases.
LIMITS = [
    (
        "Drain, 4 connections: cores that client and server keep busy",
        ("drain-4",),
        lambda drain: (drain["cpu"] + drain["server_cpu"]) / drain["wall"],
    ),
    (
        "Parquet, 4 connections: wall / drain, if the client took 2.5 times the drain's CPU and no core ever waited",
        ("drain-4",),
        lambda drain: (2.5 * drain["cpu"] + drain["server_cpu"]) / CORES / drain["wall"],
    ),
    (
        "Parquet to HDFS, 1 connection: wall / drain, if the client took 2.5 times the drain's CPU and no core ever waited",
        ("drain-1", "sakia-hdfs-1"),
        lambda drain, ours: (2.5 * drain["cpu"] + drain["server_cpu"] + ours["hdfs_cpu"]) / CORES / drain["wall"],
    ),
    (
        "Parquet to HDFS, 4 connections: the same",
        ("drain-4", "sakia-hdfs-4"),
        lambda drain, ours: (2.5 * drain["cpu"] + drain["server_cpu"] + ours["hdfs_cpu"]) / CORES / drain["wall"],
    ),
    (
        "Import: a client that throws all rows away is so many times faster than Sqoop, local mode",
        ("drain-1", "sqoop-parquet"),
        lambda drain, sqoop: sqoop["per_row"] / drain["per_row"],
    ),
    (
        "Import: it takes so many times less CPU than Sqoop, local mode",
        ("drain-1", "sqoop-parquet"),
        lambda drain, sqoop: sqoop["cpu_per_row"] / drain["cpu_per_row"],
    ),
    (
        "Import: times the drain's CPU that a 25th of Sqoop's is",
        ("drain-1", "sqoop-parquet"),
        lambda drain, sqoop: sqoop["cpu_per_row"] / drain["cpu_per_row"] / 25,
    ),
    (
        "Export: times Sqoop's rows a second, if the client took no CPU and no core ever waited for the servers",
        ("sakia-export", "sqoop-export"),
        lambda ours, sqoop: sqoop["wall"] / ((ours["server_cpu"] + ours["hdfs_cpu"]) / CORES),
    ),
    (
        "Export: the same, if the client took as much CPU a row as the bare drain takes to receive one",
        ("sakia-export", "sqoop-export", "drain-1"),
        lambda ours, sqoop, drain: CORES * sqoop["per_row"]
        / ((ours["server_cpu"] + ours["hdfs_cpu"]) / ours["rows"] + drain["cpu_per_row"]),
    ),
]

CORES = os.cpu_count()


def limit_lines(found):
    for title, cases, limit in LIMITS:
        known = [found.get(case) for case in cases]
        yield f"| {title} | {number(limit(*known)) if all(known) else '-'} |"


def medians(case, runs):
    """The median of each measure of a case's good runs; nothing where there are none."""
    good = [run for run in runs if not run.get("error")]
    if not good:
        return {}
    found = {
        key: statistics.median(run[key] for run in good)
        for key in ("wall", "cpu", "peak_mib", "server_cpu", "hdfs_cpu", "first_byte_ms", "first_execute_ms", "lost_fractions")
        if all(run.get(key) is not None for run in good)
    }
    found["rounds"], found["rows"] = len(good), case.rows
    found["wall_from"], found["wall_to"] = min(r["wall"] for r in good), max(r["wall"] for r in good)
    found["per_row"] = found["wall"] / case.rows
    found["cpu_per_row"] = found["cpu"] / case.rows
    if case.tables:
        found["ms_per_table"] = 1000 * found["wall"] / case.tables
    return found


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def goal_lines(found):
    for title, ours, peer, key, goal in GOALS:
        value, against = found.get(ours, {}).get(key), found.get(peer, {}).get(key) if peer else None
        if peer and value is not None:
            value = None if not against or not value else against / value if goal.endswith("faster") else value / against
        yield f"| {title} | {number(value)} | {goal.removesuffix(' faster')} |"


def case_lines(cases, found):
    for case in cases:
        m = found[case.name]
        spread = f"{m['wall_from']:.2f}-{m['wall_to']:.2f}" if m else "-"
        cells = [TITLES.get(case.name, case.name), number(case.rows), number(m.get("rounds")), number(m.get("wall")), spread]
        cells += [number(m.get(key)) for key in ("cpu", "server_cpu", "hdfs_cpu", "peak_mib")]
        cells.append(number(1 / m["per_row"]) if m else "-")
        yield "| " + " | ".join(cells) + " |"


def write(directory, facts, cases, runs, load, aligned, notes):
    under_load, said_of_load = load
    found = {case.name: medians(case, runs[case.name]) for case in cases} | under_load
    lines = [
        "# Results of `make bench`",
        "",
        *[f"- {name}: {value}" for name, value in facts.items()],
        "",
        "Written by the benchmark; README.md beside this file says what is measured and how. A dash is what was not",
        "measured in this run or failed; the notes say why.",
        "",
        "## Against the goals",
        "| measure | now | goal |",
        "|---|---:|---:|",
        *goal_lines(found),
        "",
        "What the machine allows, from the same medians: a goal beyond it cannot be reached here.",
        "",
        "| limit | value |",
        "|---|---:|",
        *limit_lines(found),
        "",
        "## Measured",
        "Medians; CPU seconds and peak memory are those of the client's whole process tree. HDFS CPU is that of its daemons and",
        "of the proxies of their ports.",
        "",
        "| case | rows | rounds | wall s | from-to | CPU s | MariaDB CPU s | HDFS CPU s | peak MiB | rows/s |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *case_lines(cases, found),
        "",
        "## The agent under load",
        "Measured once, behind the rounds: the logs of a backlog are written into the channel while no HDFS is there, the agent",
        "is killed, and started again with HDFS; a client in C posts batches over HTTP; lines become rows of HBase.",
        "",
        *[f"- {line}" for line in said_of_load or ["not measured"]],
        "",
        "## One moment",
        "How long it takes to open the snapshots of four connections at one moment while two clients move money between three",
        "tables without a pause (the tests' build and servers); the sum over the tables is right in every round.",
        "",
        *[f"- {line}" for line in aligned or ["not measured"]],
        "",
        "## Notes",
        *[f"- {note}" for note in notes],
    ]
    (directory / "RESULTS.md").write_text("\n".join(lines) + "\n")
    raw = {
        "facts": facts,
        "cases": {
            case.name: {"command": [plain(p) for p in case.command], "rows": case.rows, "median": found[case.name], "runs": runs[case.name]}
            for case in cases
        },
        "under_load": under_load,
        "aligned": aligned,
        "notes": notes,
    }
    (directory / "results.json").write_text(json.dumps(raw, indent=1) + "\n")
