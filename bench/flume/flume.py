"""The real Flume 1.11 until its sink has drained so many events: flume.py CONF EVENTS

An agent of Flume does not end by itself: its own counters say when it is done. Prints how many events were drained.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Nothing was drained for so long: it hangs.
PATIENCE_SECONDS = 120


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def drained(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            metrics = json.load(answer)
    except (OSError, ValueError):
        return 0  # it is not up yet
    return sum(int(m.get("EventDrainSuccessCount", 0)) for name, m in metrics.items() if name.startswith("SINK."))


def main():
    conf, events = Path(sys.argv[1]), int(sys.argv[2])
    jars = subprocess.run([HERE.parent / "jars", "flume"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1]
    port = free_port()
    agent = subprocess.Popen([
        "java", "-Xmx1g", f"-Dflume.monitoring.type=http", f"-Dflume.monitoring.port={port}",
        "-cp", f"{HERE.parent / 'conf/hadoop'}:{jars}/flume/*", "org.apache.flume.node.Application",
        "-n", "a1", "-f", str(conf), "--no-reload-conf",
    ], env={**os.environ, "HADOOP_USER_NAME": "root"})  # fmt: skip
    last, moved = 0, time.monotonic()
    try:
        while (count := drained(port)) < events:
            if count != last:
                last, moved = count, time.monotonic()
            if agent.poll() is not None or time.monotonic() - moved > PATIENCE_SECONDS:
                sys.exit(f"flume drained {count} of {events} events and then no more")
            time.sleep(0.1)
    finally:
        # It closes and renames what is open.
        agent.send_signal(signal.SIGTERM)
        agent.wait(60)
    print(count)


main()
