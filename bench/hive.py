"""HiveServer2 of the stack: its table, and the command lines of its stock client."""

import glob
import subprocess

import server

ROOT = server.ROOT
URL = "jdbc:hive2://localhost:10000/default"
# Ten columns of the kinds that reports have: numbers, texts, a decimal, a time.
COLUMNS = """a.p * {step} + b.p as id, a.p as customer, b.p % 7 as state, cast(b.p as double) / 3 as weight,
  cast(a.p as decimal(12,2)) as price, concat('customer ', a.p) as name, concat('note number ', b.p) as note,
  a.p > b.p as is_open, from_unixtime(1577836800 + a.p * 60) as day, if(b.p % 10 = 0, null, b.p) as discount"""


def table(rows):
    return f"bench_query_{rows}"


def fill(rows):
    """A table of so many rows, the product of two lists, if it is not there yet."""
    step = max(1, rows // 1000)
    numbers = "(select posexplode(split(space({last}), ' ')) as (p, x)) {name}"
    left, right = numbers.format(last=rows // step - 1, name="a"), numbers.format(last=step - 1, name="b")
    text = f"create table if not exists {table(rows)} stored as orc as select {COLUMNS.format(step=step)} from {left}, {right}"
    subprocess.run([ROOT / "docker/bin/tool", "beeline", "--silent=true", "-e", text], check=True)


def beeline(statement):
    """The stock client, in a JVM of its own as it is used, on this side of the container."""
    jars = server.run("bash", "-c", ". docker/bin/lib.sh; jars_dir", cwd=ROOT).strip()
    if not glob.glob(f"{jars}/beeline/hive-beeline-*.jar"):
        raise SystemExit(f"bench: {jars}/beeline holds no beeline: make jars")
    flags = [f"@{ROOT}/docker/conf/jvm.flags", "-Xmx256m", "-cp", f"{ROOT}/docker/conf/tools:{jars}/beeline/*"]
    main = ["-Dlog4j2.configurationFile=log4j2.properties", "org.apache.hive.beeline.BeeLine"]
    return ["java", *flags, *main, "-u", URL, "-n", "root", "--silent=true", "--outputformat=csv2", "-e", statement]


def sakia(binary, statement):
    return [binary, "query", "-u", URL, "-n", "root", "--silent=true", "--outputformat=csv2", "-e", statement]
