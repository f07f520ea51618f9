#!/usr/bin/env python3
"""The real Flume 1.11 and sakia send events to each other: interop.py [SAKIA]

Each way of Flume's calls (Avro with and without deflate and TLS, Thrift in both protocols, with TLS) is gone in both
directions: numbered events of one agent, files of the other, which have to hold each number. `avro-client` is run on both
sides, too. The jars are those of `bench/jars flume`; Java, keytool and openssl are needed, and no cluster.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
EVENTS = 1000
PATIENCE_SECONDS = 60
PASSWORD = "changeit"

# Options of Flume's source, of its sink, and of each of ours.
TLS = {
    "source": "a1.sources.r.ssl = true\na1.sources.r.keystore = @D/server.p12\na1.sources.r.keystore-type = PKCS12\n"
    f"a1.sources.r.keystore-password = {PASSWORD}\n",
    "sink": "a1.sinks.k.ssl = true\na1.sinks.k.truststore = @D/trust.jks\na1.sinks.k.truststore-type = JKS\n"
    f"a1.sinks.k.truststore-password = {PASSWORD}\n",
    "our_source": "tls = { cert = '@D/cert.pem', key = '@D/key.pem' }\n",
    "our_sink": "tls = { ca = '@D/cert.pem' }\n",
}
DEFLATE = {
    "source": "a1.sources.r.compression-type = deflate\n",
    "sink": "a1.sinks.k.compression-type = deflate\n",
    "our_source": "compression = 'deflate'\n",
    "our_sink": "compression = 'deflate'\n",
}
BINARY = {
    "source": "a1.sources.r.protocol = binary\n",
    "sink": "a1.sinks.k.protocol = binary\n",
    "our_source": "protocol = 'binary'\n",
    "our_sink": "protocol = 'binary'\n",
}
# What is compressed is TLS with Flume 1.11.
AROUND = {"our_sink": "compress-around-tls = true\n"}
WAYS = [
    ("avro", []),
    ("avro", [DEFLATE]),
    ("avro", [TLS]),
    ("avro", [TLS, DEFLATE, AROUND]),
    ("thrift", []),
    ("thrift", [BINARY]),
    ("thrift", [TLS]),
]


def options(parts, who, keys):
    return "".join(part.get(who, "") for part in parts).replace("@D", str(keys))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def keys(place):
    def run(*args):
        subprocess.run(args, cwd=place, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out",
        "cert.pem")  # fmt: skip
    run("openssl", "pkcs12", "-export", "-in", "cert.pem", "-inkey", "key.pem", "-out", "server.p12", "-passout",
        f"pass:{PASSWORD}")  # fmt: skip
    run("keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", "cert.pem", "-keystore", "trust.jks", "-storetype",
        "JKS", "-storepass", PASSWORD)  # fmt: skip


class Side:
    """A process that is ended with the block."""

    def __init__(self, name, place, args):
        self.log = place / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(args, cwd=place, stdout=log, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def flume(jars, place, conf):
    (place / "flume.properties").write_text(conf)
    return Side("flume", place, [
        "java", "-Xmx256m", "-cp", f"{jars}/flume/*", "org.apache.flume.node.Application", "-n", "a1", "-f",
        "flume.properties", "--no-reload-conf",
    ])  # fmt: skip


def ours(sakia, place, conf):
    (place / "agent.toml").write_text(conf)
    return Side("sakia", place, [sakia, "agent", "run", "agent.toml"])


def wait_for_port(port):
    for _ in range(PATIENCE_SECONDS * 10):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nobody listens on {port}")


def lines(directory):
    texts = [file.read_text() for file in sorted(directory.iterdir()) if file.is_file()]
    # A last line without its end is still being written.
    return [line for text in texts for line in text[: text.rfind("\n") + 1].splitlines()]


def arrived(directory, wanted):
    """Waits until each line is there; gives how many are there twice."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        found = lines(directory)
        if wanted <= set(found):
            unknown = set(found) - wanted
            assert not unknown, f"events that nobody sent: {sorted(unknown)[:5]}"
            return len(found) - len(wanted)
        time.sleep(0.2)
    raise TimeoutError(f"{len(wanted - set(lines(directory)))} of {len(wanted)} events did not arrive")


MEMORY = "a1.channels.c.type = memory\na1.channels.c.capacity = 10000\na1.channels.c.transactionCapacity = 1000\n"
NUMBERS = {str(number) for number in range(EVENTS)}


def flume_source(kind, parts, keys, place, port):
    return (
        "a1.sources = r\na1.channels = c\na1.sinks = k\n" + MEMORY + f"a1.sources.r.type = {kind}\na1.sources.r.bind = 127.0.0.1\n"
        f"a1.sources.r.port = {port}\na1.sources.r.channels = c\n{options(parts, 'source', keys)}"
        f"a1.sinks.k.type = file_roll\na1.sinks.k.channel = c\na1.sinks.k.sink.directory = {place}/out\n"
        "a1.sinks.k.sink.rollInterval = 1\n"
    )


def flume_sink(kind, parts, keys, port):
    return (
        "a1.sources = r\na1.channels = c\na1.sinks = k\n" + MEMORY + f"a1.sources.r.type = seq\na1.sources.r.totalEvents = {EVENTS}\n"
        f"a1.sources.r.batchSize = 100\na1.sources.r.channels = c\na1.sinks.k.type = {kind}\na1.sinks.k.channel = c\n"
        f"a1.sinks.k.hostname = localhost\na1.sinks.k.port = {port}\n{options(parts, 'sink', keys)}"
    )


def our_source(kind, parts, keys, place, port):
    return (
        f"[[source]]\nname = 'r'\ntype = '{kind}'\nport = {port}\nchannels = ['c']\n{options(parts, 'our_source', keys)}"
        "[[channel]]\nname = 'c'\ntype = 'memory'\n"
        f"[[sink]]\nname = 'k'\ntype = 'file-roll'\nchannel = 'c'\ndirectory = '{place}/out'\nreject-dir = '{place}/rejects'\n"
        "roll = { age = '500ms' }\n"
    )


def our_sink(kind, parts, keys, port):
    return (
        f"[[source]]\nname = 'r'\ntype = 'sequence'\ntotal-events = {EVENTS}\nbatch-size = 100\nchannels = ['c']\n"
        "[[channel]]\nname = 'c'\ntype = 'memory'\n"
        f"[[sink]]\nname = 'k'\ntype = '{kind}'\nchannel = 'c'\nhost = 'localhost'\nport = {port}\n"
        f"{options(parts, 'our_sink', keys)}"
    )


def both_ways(sakia, jars, keys, kind, parts):
    """Of each direction: whether it is to us, its directory and port, and how receiver and sender are begun."""
    for to_us in [True, False]:
        with tempfile.TemporaryDirectory(prefix="interop") as name:
            place, port = Path(name), free_port()
            (place / "out").mkdir()
            if to_us:
                receiver = lambda: ours(sakia, place, our_source(kind, parts, keys, place, port))
                sender = lambda: flume(jars, place, flume_sink(kind, parts, keys, port))
            else:
                receiver = lambda: flume(jars, place, flume_source(kind, parts, keys, place, port))
                sender = lambda: ours(sakia, place, our_sink(kind, parts, keys, port))
            yield to_us, place, port, receiver, sender


def clients(sakia, jars, place):
    """Lines by `avro-client`, of the one to the other."""
    text = place / "lines"
    text.write_text("".join(f"{number}\n" for number in range(EVENTS)))
    flumes = ["java", "-cp", f"{jars}/flume/*", "org.apache.flume.client.avro.AvroCLIClient"]
    for name, side, client in [
        ("flume avro-client to sakia", lambda port: ours(sakia, place, our_source("avro", [], place, place, port)), flumes),
        ("sakia avro-client to flume", lambda port: flume(jars, place, flume_source("avro", [], place, place, port)), [sakia, "flume-ng", "avro-client"]),
    ]:  # fmt: skip
        out, port = place / "out", free_port()
        out.mkdir(exist_ok=True)
        for file in out.iterdir():
            if file.is_file():
                file.unlink()
        with side(port):
            wait_for_port(port)
            subprocess.run([*client, "-H", "localhost", "-p", str(port), "-F", str(text)], check=True, capture_output=True)
            yield name, arrived(out, NUMBERS)


def main():
    sakia = str(Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parents[1] / "target/debug/sakia").resolve())
    jars = subprocess.run([HERE.parent / "jars", "flume"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="interop") as name:
        keys_place = Path(name)
        keys(keys_place)
        for kind, parts in WAYS:
            said = [word for part, word in [(DEFLATE, "deflate"), (TLS, "TLS"), (BINARY, "binary")] if part in parts]
            for to_us, place, port, first, second in both_ways(sakia, jars, keys_place, kind, parts):
                way = " ".join([kind, *said, "flume to sakia" if to_us else "sakia to flume"])
                try:
                    with first() as receiver:
                        wait_for_port(port)
                        with second() as sender:
                            print(f"{way}: {EVENTS} events, {arrived(place / 'out', NUMBERS)} twice", flush=True)
                except (TimeoutError, AssertionError) as wrong:
                    failed += 1
                    print(f"{way}: FAILED: {wrong}", flush=True)
                    for log in [receiver.log, sender.log]:
                        print(f"  {log.name}: " + "\n    ".join(log.read_text(errors="replace").splitlines()[-8:]))
        for name, twice in clients(sakia, jars, keys_place):
            print(f"{name}: {EVENTS} lines, {twice} twice", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
