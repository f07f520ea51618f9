"""The secured stack as the benchmark sees it: its clients' settings at a level of protection, its files by the stock shell."""

import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import server

CACHE = Path(os.environ.get("SAKIA_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sakia")
# What host and containers of that stack share, under one path.
SHARED = CACHE / "secure"
KEYTAB = SHARED / "keytabs" / "etl.keytab"
PRINCIPAL = "etl@SAKIA.TEST"
ADDRESS = "hdfs://ns1"
OUT = "/user/etl/bench"


def up():
    environment = {**os.environ, "STACK_ENV": str(server.ROOT / "docker" / "secure.env")}
    subprocess.run([server.ROOT / "docker/bin/stack", "up"], env=environment, stdout=subprocess.DEVNULL, check=True)


def settings(work, level):
    """A copy of the clients' settings that asks for one level on every way, and for one replica, as all others do."""
    conf = work / f"secure-{level}"
    shutil.copytree(SHARED / "conf", conf)
    wanted = {"hadoop.rpc.protection": level, "dfs.data.transfer.protection": level, "dfs.replication": "1"}
    for name in ("core-site.xml", "hdfs-site.xml"):
        tree = ElementTree.parse(conf / name)
        for key, value in wanted.items():
            if (key.startswith("hadoop.")) == (name == "core-site.xml"):
                for old in [p for p in tree.getroot() if p.findtext("name") == key]:
                    tree.getroot().remove(old)
                new = ElementTree.SubElement(tree.getroot(), "property")
                ElementTree.SubElement(new, "name").text = key
                ElementTree.SubElement(new, "value").text = value
        tree.write(conf / name)
    return conf


def environment(work, level):
    conf = work / f"secure-{level}"
    return {"HADOOP_CONF_DIR": str(conf), "KRB5_CONFIG": str(conf / "krb5.conf"), "KRB5CCNAME": "FILE:/nonexistent"}


def shell(*arguments, out=subprocess.PIPE):
    tool = {**os.environ, "STACK_ENV": str(server.ROOT / "docker" / "secure.env"), "AS": "etl"}
    return subprocess.run([server.ROOT / "docker/bin/tool", "hdfs", "dfs", *arguments], env=tool, stdout=out, check=True).stdout


def delete(path):
    shell("-rm", "-r", "-f", "-skipTrash", path, f"{os.path.dirname(path)}/.sakia/{os.path.basename(path)}")


def fetch(path, work):
    """A directory of that HDFS on this machine's disk."""
    place = work / "fetched"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for file in shell("-ls", "-C", path).decode().splitlines():
        with (place / os.path.basename(file)).open("wb") as out:
            shell("-cat", file, out=out)
    return place
