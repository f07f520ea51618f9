"""What a command costs: wall seconds, CPU seconds and peak memory of its whole process tree."""

import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
# Often enough for the processes of one command; a single process's peak comes exact from the kernel.
SAMPLE_SECONDS = 0.05


def tree(pid):
    """A process and its descendants."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task").iterdir()
        for task in children:
            for child in (task / "children").read_text().split():
                yield from tree(int(child))
    except OSError:
        return


def resident_bytes(pids):
    total = 0
    for root in pids:
        for pid in tree(root):
            try:
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
            except (OSError, IndexError):
                continue
    return total


def cpu_with_children(pid):
    """Seconds of a process and of the descendants it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICKS


def measure(launcher, command, log, environment, daemons=()):
    """Runs a command under the launcher. `daemons` are processes that work for it, with all they start."""
    result = log.with_suffix(".json")
    result.unlink(missing_ok=True)
    before = [cpu_with_children(pid) for pid in daemons]
    with log.open("wb") as out:
        process = subprocess.Popen([launcher, result, *command], stdout=out, stderr=subprocess.STDOUT, env=environment)
        peak, done = [0], threading.Event()

        def sample():
            while not done.wait(SAMPLE_SECONDS):
                peak[0] = max(peak[0], resident_bytes([process.pid, *daemons]))

        sampler = threading.Thread(target=sample)
        sampler.start()
        try:
            process.wait()
        finally:
            done.set()
            sampler.join()
    cost = json.loads(result.read_text())
    if daemons:
        time.sleep(3)  # until the containers have ended and their seconds are added up
        cost["daemons"] = sum(cpu_with_children(pid) for pid in daemons) - sum(before)
    cost["cpu"] = cost["user"] + cost["system"] + cost.get("daemons", 0)
    cost["peak_mib"] = max(peak[0] / 2**20, cost["largest_kib"] / 1024)
    return cost


class FirstByte:
    """A door before the server that notes when the client's first byte came, and when it first asked for rows.

    The server of this protocol speaks first, so the client's first byte is its answer to the greeting.
    """

    COM_STMT_EXECUTE = 0x17

    def __init__(self, port):
        self.port = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.door = self.listener.getsockname()[1]
        self.reset()
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self):
        self.first_byte = self.first_execute = None

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.port))
            for one, other, watched in ((client, server, True), (server, client, False)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass_on, args=(one, other, watched), daemon=True).start()

    def _pass_on(self, one, other, watched):
        try:
            while data := one.recv(1 << 16):
                if watched:
                    self._note(data)
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            other.close()

    def _note(self, data):
        now = time.monotonic()
        self.first_byte = self.first_byte or now
        at = 0
        # Commands are packets numbered 0: three bytes of length, the number, the command.
        while at + 4 < len(data):
            if data[at + 3] == 0 and data[at + 4] == self.COM_STMT_EXECUTE:
                self.first_execute = self.first_execute or now
            at += 4 + int.from_bytes(data[at : at + 3], "little")
