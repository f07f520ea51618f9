"""HDFS through WebHDFS, without starting a JVM: list, read, put, delete."""

import json
import urllib.error
import urllib.parse
import urllib.request

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
