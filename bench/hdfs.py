"""HDFS through WebHDFS, without starting a JVM: list, read, put, delete."""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

WEB = "http://localhost:9870/webhdfs/v1"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def _url(path, operation):
    return f"{WEB}{urllib.parse.quote(path)}?op={operation}&user.name=root"


def _json(path, operation, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(_url(path, operation), method=method)) as answer:
        return json.load(answer)


def delete(path):
    _json(path, "DELETE&recursive=true", "DELETE")


def files(path):
    """Paths and lengths of all files below a directory."""
    for entry in _json(path, "LISTSTATUS")["FileStatuses"]["FileStatus"]:
        below = f"{path.rstrip('/')}/{entry['pathSuffix']}" if entry["pathSuffix"] else path
        if entry["type"] == "DIRECTORY":
            yield from files(below)
        else:
            yield below, entry["length"]


def read(path):
    with urllib.request.urlopen(_url(path, "OPEN")) as answer:
        return answer.read()


def put(path, data):
    """Writes a file of one replica."""
    try:
        urllib.request.build_opener(_NoRedirect).open(
            urllib.request.Request(_url(path, "CREATE&overwrite=true&replication=1"), method="PUT")
        )
    except urllib.error.HTTPError as redirect:
        target = redirect.headers["Location"]
    headers = {"Content-Type": "application/octet-stream"}
    urllib.request.urlopen(urllib.request.Request(target, data=data, method="PUT", headers=headers)).close()


def cpu_seconds():
    """Seconds that the NameNode, the DataNodes and the proxies of their published ports have used so far."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text().replace("\0", " ")
            if "org.apache.hadoop.hdfs.server." in words or "docker-proxy" in words:
                fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return total / os.sysconf("SC_CLK_TCK")
