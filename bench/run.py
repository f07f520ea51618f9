"""Measures sakia beside its peers, interleaved, and writes bench/RESULTS.md: run.py [--quick]

README.md says what is measured. Nothing here asserts a speed: a number is reported beside its goal, and only a failed
command or a wrong row count makes the exit status 1.
"""

import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import agent
import agent_load
import hdfs
import hive
import report
import secured
import server
from cases import FULL, QUICK, ROOT, Case, Commands
from measure import FirstByte, measure

CACHE = Path(os.environ.get("SAKIA_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sakia")
BENCH = ROOT / "bench"
SQOOP = BENCH / "sqoop"
EXPORT_FILES = 4
COLUMNS = "id customer_id sku qty price discount status created_at updated_at ship_date email note".split()


def say(text):
    print(f"bench: {text}", flush=True)


def prepare_work():
    """An empty scratch folder with the compiled launcher and drain. Everything in it can be made again."""
    work = CACHE / "bench" / "work"
    shutil.rmtree(work, ignore_errors=True)
    for name in ("out", "log"):
        (work / name).mkdir(parents=True)
    server.run("cc", "-O2", "-o", work / "measure", BENCH / "measure.c")
    flags = server.run("mariadb_config", "--cflags", "--libs").split()
    server.run("cc", "-O2", "-pthread", "-o", work / "drain", BENCH / "drain.c", *flags)
    password = work / "sqoop.password"
    password.write_text(server.PASSWORD_FILE.read_text().strip())  # Sqoop takes a line's end for a part of it
    password.chmod(0o600)
    return work


def python_environment(name, requirements):
    """A virtual environment in the cache, or None and the reason why it cannot be had."""
    home = CACHE / "bench" / name
    stamp = home / "requirements.txt"
    wanted = requirements.read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        say(f"making the Python environment {home}")
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        install = [home / "bin/python", "-m", "pip", "install", "--quiet", "--requirement", requirements]
        done = subprocess.run(install, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            return None, f"{name}: not measured, pip could not install it: {done.stderr.strip().splitlines()[-1]}"
        stamp.write_text(wanted)
    return home / "bin/python", None


def fill_export(sizes):
    """The rows to export, as delimited text in HDFS, made by neither of the two that export them."""
    fields = ", ".join(f"ifnull({name}, 'null')" for name in COLUMNS)
    hdfs.delete("/bench/export")
    step = sizes.export // EXPORT_FILES
    for part in range(EXPORT_FILES):
        query = f"select concat_ws(',', {fields}) from orders where id > {part * step} and id <= {(part + 1) * step};"
        lines = "\n".join(row[0] for row in server.sql(query, sizes.database))
        hdfs.put(f"/bench/export/part-{part}", (lines + "\n").encode())


def clear(place, sizes):
    """Empties a target, and forgets what sakia keeps beside it of the load before: each run is a first one."""
    kind, path = place.split(":", 1)
    beside = f"{os.path.dirname(path)}/.sakia/{os.path.basename(path)}"
    if kind == "hdfs":
        hdfs.delete(path)
        hdfs.delete(beside)
    elif kind == "secured":
        secured.delete(path)
    elif kind == "table":
        server.sql(f"set sql_log_bin = 0; drop table if exists {path}; create table {path} like orders", sizes.database)
    else:
        for old in (path, beside):
            shutil.rmtree(old, ignore_errors=True)
        Path(path).unlink(missing_ok=True)


def count(case, log, reader, sizes, work):
    """Rows the output really holds, and what else the check found."""
    if case.count == ("printed",):
        return int(log.read_text().split()[0]), {}
    if case.count == ("lines",):
        with log.open("rb") as lines:
            return sum(1 for _ in lines) - 1, {}
    if case.count == ("table",):
        same = " and ".join(f"c.{name} <=> o.{name}" for name in COLUMNS)
        [[rows, times, whole]] = server.sql(
            "select count(*), ifnull(sum(c.created_at = o.created_at), 0), "
            f"ifnull(sum({same}), 0) from orders_copy c join orders o using (id)",
            sizes.database,
        )
        return int(rows), {"lost_fractions": int(rows) - int(times), "changed_rows": int(rows) - int(whole)}
    form, place = case.count
    if place.startswith("secured:"):
        place = f"file:{secured.fetch(place.removeprefix('secured:'), work)}"
    if place.startswith("file:") and not Path(place[5:]).exists():
        return 0, {}
    rows, files, size = server.run(reader, BENCH / "count_rows.py", form, place).split()
    return int(rows), {"files": int(files), "bytes": int(size)}


class Bench:
    def __init__(self, sizes, work, reader, environment):
        self.sizes, self.work, self.reader, self.environment = sizes, work, reader, environment
        self.door = FirstByte(server.PORT)
        self.daemons = []

    def once(self, case: Case, turn):
        for place in case.clear:
            clear(place, self.sizes)
        words = {"round": str(turn), "door": str(self.door.door)}
        command = [re.sub(r"\{(round|door)\}", lambda m: words[m[1]], str(part)) for part in case.command]
        log = self.work / "log" / f"{case.name}.{turn}"
        self.door.reset()
        busy, busy_hdfs = server.cpu_seconds(), hdfs.cpu_seconds()
        cost = measure(
            self.work / "measure", command, log, self.environment | case.environment, self.daemons if case.yarn else ()
        )
        cost["server_cpu"] = server.cpu_seconds() - busy
        cost["hdfs_cpu"] = hdfs.cpu_seconds() - busy_hdfs
        if case.first_byte:
            for name in ("first_byte", "first_execute"):
                at = getattr(self.door, name)
                cost[f"{name}_ms"] = None if at is None else 1000 * (at - cost["began"])
        if cost["code"]:
            last = (log.read_text(errors="replace").strip().splitlines() or ["nothing printed"])[-1]
            cost["error"] = f"exit status {cost['code']}: {last[:300]}"
            return cost
        rows, found = count(case, log, self.reader, self.sizes, self.work)
        cost |= found
        if rows != case.rows:
            cost["error"] = f"{rows} rows came out, not {case.rows}"
        return cost

    def all(self, cases, rounds):
        runs = {case.name: [] for case in cases}
        for turn in range(1, rounds + 1):
            for case in cases:
                if case.rounds and turn > case.rounds:
                    continue
                cost = self.once(case, turn)
                runs[case.name].append(cost)
                told = cost.get("error") or f"wall {cost['wall']:.2f} s, CPU {cost['cpu']:.2f} s, peak {cost['peak_mib']:.0f} MiB"
                say(f"round {turn}, {case.name}: {told}")
        return runs


def facts(sizes, binary, rounds):
    def first(*command):
        try:
            return server.run(*command, stderr=subprocess.STDOUT).strip().splitlines()[0]
        except (OSError, subprocess.CalledProcessError, IndexError):
            return "?"

    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) / 2**20
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {os.uname().release}; servers and clients share it",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "sakia": f"{first(binary, '--version')}, commit {first('git', '-C', ROOT, 'rev-parse', '--short', 'HEAD')}, {first('rustc', '--version')}",
        "peers": "Sqoop 1.4.7 on Hadoop 3.4.2, Flume 1.11.0 on Hadoop 3.3.6, "
        + f"{first('java', '-version')}; {', '.join(line for line in (BENCH / 'requirements.txt').read_text().split() if '==' in line)}",
        "servers": f"MariaDB {server.version()}, HDFS 3.4.2, 1 replica",
        "sizes": f"{sizes.rows:,} rows, {sizes.small} small tables, {sizes.export:,} rows to export, {sizes.events:,} events, {rounds} rounds",
    }


def drop_hive(rounds, sizes):
    names = [f"bench_small_{turn}" for turn in range(1, rounds + 1)]
    text = "".join(f"drop database if exists {name} cascade;" for name in names)
    subprocess.run([ROOT / "docker/bin/tool", "beeline", "--silent=true", "-e", text], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def registered(turn):
    """Tables that Hive itself lists in the database of a round."""
    done = subprocess.run(
        [ROOT / "docker/bin/tool", "beeline", "--silent=true", "--outputformat=tsv2", "--showHeader=false", "-e", f"show tables in bench_small_{turn}"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False,
    )  # fmt: skip
    return sum(1 for line in done.stdout.splitlines() if line.startswith("small_"))


def peers(notes):
    """Interpreters and jars of the peers that can be had; what cannot is a note."""
    connectorx, reason = python_environment("connectorx", BENCH / "requirements.txt")
    spark = None
    notes += [reason] if reason else []
    if os.environ.get("BENCH_SPARK") == "1":
        spark, reason = python_environment("spark", BENCH / "requirements-spark.txt")
        notes += [reason] if reason else []
    jars = server.run(BENCH / "jars", "sqoop").strip().splitlines()[-1]
    server.run(BENCH / "jars", "flume")
    return connectorx, spark, jars


def alignment(notes):
    """What the tests that move money during snapshots say of the time to align them, a line a server."""
    subprocess.run(["make", "-C", ROOT, "mysql-image"], stdout=subprocess.DEVNULL, check=False)
    command = ["cargo", "test", "--locked", "--quiet", "--test", "cluster", "transfers_during_snapshots"]
    done = subprocess.run(
        [*command, "--", "--nocapture", "--test-threads=1"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        notes.append("The snapshots were not measured: their tests failed.")
    return [line.strip(" .") for line in done.stdout.splitlines() if "readers aligned" in line]


def main():
    options = argparse.ArgumentParser(description="Measures sakia beside its peers.")
    options.add_argument("--quick", action="store_true", help="small sizes, to try it out; results go to the cache")
    options.add_argument("--only", metavar="REGEX", default="", help="only cases whose name matches")
    options.add_argument("--binary", type=Path, required=True, help="the sakia to measure")
    args = options.parse_args()
    sizes = QUICK if args.quick else FULL
    rounds = int(os.environ.get("ROUNDS") or (2 if args.quick else 5))
    sqoop_rounds = int(os.environ.get("BENCH_SQOOP_ROUNDS") or 1)
    with_yarn = os.environ.get("BENCH_YARN") == "1"
    environment = {**os.environ, "HADOOP_USER_NAME": "root", "HADOOP_CONF_DIR": str(BENCH / "conf/hadoop")}
    notes = [
        "Each output's rows were counted with another project's reader; a run with a wrong count is not a measurement.",
    ]
    work = prepare_work()
    environment["BENCH_WORK"] = str(work)
    reader = server.run(ROOT / "docker/bin/test-python").strip().splitlines()[-1]
    connectorx, spark, jars = peers(notes)
    commands = Commands(sizes, args.binary.resolve(), work, rounds, sqoop_rounds)
    cases = [case for case in commands.all(connectorx, spark, jars, with_yarn) if re.search(args.only, case.name)]
    try:
        if any(case.environment for case in cases):
            secured.up()
            for level in ("authentication", "privacy"):
                secured.settings(work, level)
        server.up()
        server.fill(sizes)
        if any(case.count == ("table",) for case in cases):
            fill_export(sizes)
        if any(case.count == ("lines",) for case in cases):
            hive.fill(sizes.fetched)
        agent.fill(sizes.events, commands.events())
        bench = Bench(sizes, work, reader, environment)
        if any(case.yarn for case in cases):
            started = subprocess.run([SQOOP / "yarn", "start"], env=environment, stdout=subprocess.PIPE, text=True, check=False)
            bench.daemons = [int(pid) for pid in started.stdout.split()] if started.returncode == 0 else []
            if not bench.daemons:
                notes.append("YARN: not measured, its daemons did not start.")
                cases = [case for case in cases if not case.yarn]
        told = facts(sizes, args.binary, rounds)
        runs = bench.all(cases, rounds)
        load, load_errors = ({}, []), []
        if re.search(args.only, "agent-load"):
            log, gib = commands.events(), sizes.backlog_gib
            *load, load_errors = agent_load.all_of(args.binary.resolve(), work, environment, reader, log, gib)
        small = runs.get("sakia-small") or [{"error": "not run"}]
        if not small[0].get("error"):
            notes.append(f"Hive lists {registered(1)} of {sizes.small} small tables after the first round.")
    finally:
        subprocess.run([SQOOP / "yarn", "stop"], env=environment, check=False)
        drop_hive(rounds, sizes)
        server.down()
    errors = sorted({f"{name}: {run['error']}" for name, of in runs.items() for run in of if run.get("error")}) + load_errors
    directory = work if args.quick or args.only else BENCH
    aligned = [] if args.only else alignment(notes)
    report.write(directory, told, cases, runs, load, aligned, notes + errors)
    hdfs.delete("/bench/out")
    if any(case.environment for case in cases):
        secured.delete(secured.OUT)
    say(f"wrote {directory / 'RESULTS.md'}")
    for error in errors:
        say(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
