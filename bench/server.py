"""The benchmark's MariaDB: the stack's image, on the host's network, with a buffer pool that holds the tables.

The stack's own server sits behind a published port, whose proxy would cost as much as the client, and has a small
buffer pool. The data is in a volume of its own; the container goes when the run ends.
"""

import os
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTAINER = "sakia-bench-mariadb"
PORT = 13307
PASSWORD_FILE = ROOT / "docker" / "shop.password"

START = """
set -eu
if [ ! -d /data/db ]; then
  rm -rf /data/new
  mariadb-install-db --no-defaults --datadir=/data/new --user=root --auth-root-authentication-method=socket --skip-test-db >/dev/null
  mv /data/new /data/db
fi
mkdir -p /run/mysqld
exec mariadbd --no-defaults --datadir=/data/db --user=root --socket=/run/mysqld/mysqld.sock --port=%d --bind-address=127.0.0.1 \
  --character-set-server=utf8mb4 --default-time-zone=+00:00 --skip-name-resolve --local-infile=ON --max-allowed-packet=64M \
  --innodb-buffer-pool-size=2G --innodb-log-file-size=512M --innodb-flush-log-at-trx-commit=2 \
  --server-id=1 --log-bin=binlog --binlog-format=ROW --sync-binlog=0 --expire-logs-days=1
"""


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def image():
    script = f'. "{ROOT}/docker/bin/lib.sh"; image_ref'
    return run("bash", "-c", script).strip()


def sql(text, database="", quiet=False):
    """Runs SQL as root and returns the rows as lists of text."""
    command = ["docker", "exec", "--interactive", CONTAINER, "mariadb", "--default-character-set=utf8mb4"]
    command += ["--batch", "--raw", "--skip-column-names", database]
    errors = subprocess.DEVNULL if quiet else None
    answer = run(*[part for part in command if part], input=text, stderr=errors)
    return [line.split("\t") for line in answer.splitlines()]


def up():
    """Starts the server and waits until it answers."""
    down()
    run(
        "docker", "run", "--detach", "--name", CONTAINER, "--network", "host", "--memory", "4g",
        "--volume", f"{CONTAINER}:/data", image(), "bash", "-c", START % PORT,
    )  # fmt: skip
    deadline = time.monotonic() + 90
    while True:
        try:
            sql("select 1", quiet=True)
            break
        except subprocess.CalledProcessError:
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: MariaDB does not answer; see: docker logs {CONTAINER}") from None
            time.sleep(0.3)
    password = PASSWORD_FILE.read_text().strip()
    sql(
        f"create or replace user 'shop'@'%' identified by '{password}';"
        "grant all on *.* to 'shop'@'%';"
    )


def down():
    """Stops the server; its data stays."""
    subprocess.run(["docker", "stop", CONTAINER], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    subprocess.run(["docker", "rm", "--force", CONTAINER], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def version():
    return sql("select version()")[0][0]


def fill(sizes):
    """Makes the tables, unless they are there with the right counts."""
    wanted = [sizes.rows, sizes.rows, sizes.small, sizes.few]
    if counts(sizes.database) == wanted:
        return
    print(f"bench: making the tables ({sizes.rows:,} rows) in {sizes.database}", flush=True)
    text = (ROOT / "bench" / "tables.sql").read_text()
    for name, value in (("DATABASE", sizes.database), ("ROWS", sizes.rows), ("SMALL", sizes.small), ("FEW", sizes.few)):
        text = text.replace(f"@{name}@", str(value))
    sql(text)
    found = counts(sizes.database)
    if found != wanted:
        raise SystemExit(f"bench: the tables have {found} rows and tables, not {wanted}")


def counts(database):
    there = sql(
        "select table_schema, count(*) from information_schema.tables "
        f"where table_schema in ('{database}', '{database}_small', '{database}_few') and table_name <> 'orders_copy' group by 1"
    )
    tables = {name: int(count) for name, count in there}
    if tables.get(database) != 2:
        return None
    rows = sql("select count(*) from orders; select count(*) from narrow", database)
    return [int(rows[0][0]), int(rows[1][0]), tables.get(f"{database}_small", 0), tables.get(f"{database}_few", 0)]


def cpu_seconds():
    """Seconds the server has used so far."""
    pid = run("docker", "inspect", "--format", "{{.State.Pid}}", CONTAINER).strip()
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
