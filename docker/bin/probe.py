#!/usr/bin/env python3
"""Asks each role of the stack, in its own protocol, whether it serves. Standard library only.

    probe.py ROLE...        prints one line a role, `ROLE ok` or `ROLE why not`; exit 0 when all are ok
    probe.py ports PORT...  prints which process holds a port that is taken; exit 0 when all are free

It speaks the few bytes that a question takes, so that waiting costs no JVM start: JMX over HTTP for HDFS, Thrift's
binary protocol for the metastores, HiveServer2 (behind a SASL PLAIN greeting) and HBase's gateway, and MySQL's
handshake. Ports and names come from the environment (docker/stack.env).
Of the secured stack it has no ticket: there a role is ready when it asks for one, in its protocol.
"""

import glob
import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import urllib.error
import urllib.request

TIMEOUT = float(os.environ.get("PROBE_TIMEOUT", "5"))
HOST = "127.0.0.1"
SECURED = "KDC_PORT" in os.environ


class NotReady(Exception):
    """The role answers, but not yet (or not) as it should."""


def port(name):
    return int(os.environ[name])


def read_exactly(sock, n):
    data = b""
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            raise NotReady("closed the connection")
        data += part
    return data


# --- Thrift ------------------------------------------------------------------------------------------------------
STOP, BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = 0, 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15
FIXED = {BOOL: ">?", BYTE: ">b", DOUBLE: ">d", I16: ">h", I32: ">i", I64: ">q"}


def encode(fields):
    """A struct's bytes from {field id: (type, value)}; a struct's value is such a dict again."""
    out = b""
    for number, (kind, value) in fields.items():
        out += struct.pack(">bh", kind, number)
        if kind == STRUCT:
            out += encode(value)
        elif kind == STRING:
            raw = value if isinstance(value, bytes) else value.encode()
            out += struct.pack(">i", len(raw)) + raw
        else:
            out += struct.pack(FIXED[kind], value)
    return out + b"\0"


class Plain:
    """Thrift straight on the socket (metastore, HBase)."""

    def __init__(self, where, tls=False):
        self.sock = socket.create_connection((HOST, where), TIMEOUT)
        self.sock.settimeout(TIMEOUT)
        if tls:
            self.sock = authority().wrap_socket(self.sock, server_hostname=HOST)

    def send(self, data):
        self.sock.sendall(data)

    def read(self, n):
        return read_exactly(self.sock, n)


def authority():
    """Trust in the secured stack's own authority."""
    return ssl.create_default_context(cafile=os.environ["STACK_SHARED"] + "/tls/ca.pem")


class Sasl(Plain):
    """Thrift in SASL frames after a PLAIN greeting (HiveServer2 without authentication checks no password)."""

    START, OK, COMPLETE = 1, 2, 5

    def __init__(self, where, user="probe", password="probe", tls=False):
        super().__init__(where, tls)
        self.buffer = b""
        status, message = self.greet(b"PLAIN", f"\0{user}\0{password}".encode())
        if status != self.COMPLETE:
            raise NotReady(f"refused the SASL greeting: {message.decode(errors='replace')}")

    def greet(self, mechanism, response):
        """The server's answer to the greeting: its status and text."""
        for status, payload in ((self.START, mechanism), (self.OK, response)):
            self.sock.sendall(struct.pack(">bi", status, len(payload)) + payload)
        status, length = struct.unpack(">bi", read_exactly(self.sock, 5))
        return status, read_exactly(self.sock, length)

    def send(self, data):
        self.sock.sendall(struct.pack(">i", len(data)) + data)

    def read(self, n):
        while len(self.buffer) < n:
            self.buffer += read_exactly(self.sock, struct.unpack(">i", read_exactly(self.sock, 4))[0])
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data


class Kerberos(Sasl):
    """A server that takes GSSAPI, and turns down what is not a ticket."""

    def __init__(self, where, tls=False):  # pylint: disable=super-init-not-called
        Plain.__init__(self, where, tls)
        _, message = self.greet(b"GSSAPI", b"no ticket")
        if b"GSS initiate failed" not in message:
            raise NotReady(f"does not know Kerberos: {message.decode(errors='replace')}")


def wants_ticket(url, scheme="Negotiate"):
    """A page that answers 401 and says how to log in."""
    context = authority() if url.startswith("https") else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b""), timeout=TIMEOUT, context=context) as page:
            raise NotReady(f"lets everybody in ({page.status})")
    except urllib.error.HTTPError as answer:
        if answer.code != 401 or scheme not in answer.headers.get("WWW-Authenticate", scheme):
            raise NotReady(f"answers {answer.code}") from answer


def decode(wire, kind):
    """A value off the wire; a struct as {field id: value}."""
    if kind in FIXED:
        return struct.unpack(FIXED[kind], wire.read(struct.calcsize(FIXED[kind])))[0]
    if kind == STRING:
        return wire.read(struct.unpack(">i", wire.read(4))[0])
    if kind in (LIST, SET):
        of, size = struct.unpack(">bi", wire.read(5))
        return [decode(wire, of) for _ in range(size)]
    if kind == MAP:
        key, value, size = struct.unpack(">bbi", wire.read(6))
        return [(decode(wire, key), decode(wire, value)) for _ in range(size)]
    if kind != STRUCT:
        raise NotReady(f"sent an unknown Thrift type {kind}")
    fields = {}
    while (of := wire.read(1)[0]) != STOP:
        number = struct.unpack(">h", wire.read(2))[0]
        fields[number] = decode(wire, of)
    return fields


def call(wire, method, arguments):
    """One Thrift call: the successful answer, or NotReady with what the server said."""
    name = method.encode()
    wire.send(struct.pack(">II", 0x80010001, len(name)) + name + struct.pack(">I", 1) + encode(arguments))
    kind = wire.read(4)[3]
    decode(wire, STRING)
    wire.read(4)
    answer = decode(wire, STRUCT)
    if kind != 2 or 0 not in answer:
        said = next((v for f in answer.values() for v in [f, *(f.values() if isinstance(f, dict) else [])]
                     if isinstance(v, bytes)), b"an error")
        raise NotReady(f"{method}: {said.decode(errors='replace').splitlines()[0][:200]}")
    return answer[0]


# --- the roles ---------------------------------------------------------------------------------------------------
def beans(query, name="NAMENODE_HTTP_PORT"):
    url = f"http://{HOST}:{port(name)}/jmx?qry=Hadoop:service=NameNode,name={query}"
    with urllib.request.urlopen(url, timeout=TIMEOUT) as page:
        found = json.load(page)["beans"]
    if not found:
        raise NotReady("is still starting")
    return found[0]


def hdfs():
    name = "NAMENODE_HTTP_PORT"
    if name not in os.environ:  # two NameNodes: what counts is what the active one says
        states = {f"NAMENODE{n}_HTTP_PORT": "" for n in (1, 2)}
        for name in states:
            states[name] = beans("NameNodeStatus", name)["State"]
        if sorted(states.values()) != ["active", "standby"]:
            raise NotReady(f"the NameNodes are {' and '.join(states.values())}")
        name = next(name for name, state in states.items() if state == "active")
    live, wanted = beans("FSNamesystemState", name)["NumLiveDataNodes"], port("LIVE_DATANODES")
    for number in range(1, wanted + 1):  # the NameNode misses a dead node only after a while
        socket.create_connection((HOST, port(f"DATANODE{number}_PORT")), TIMEOUT).close()
    if live != wanted:
        raise NotReady(f"{live} of {wanted} DataNodes are live")
    safe_mode = beans("NameNodeInfo", name)["Safemode"]
    if safe_mode:
        raise NotReady(safe_mode)


def metastore(name="METASTORE_PORT"):
    if SECURED:
        Kerberos(port(name))
    elif b"default" not in call(Plain(port(name)), "get_all_databases", {}):
        raise NotReady("has no database `default`")


def metastore3():
    metastore("OLD_METASTORE_PORT")


def metastore2():
    Kerberos(port("METASTORE2_PORT"), tls=True)


def hiveserver2():
    if SECURED:
        Kerberos(port("HIVESERVER2_PORT"))
    else:
        select_1(Sasl(port("HIVESERVER2_PORT")))


def hiveserver2http():
    wants_ticket(f"http://{HOST}:{port('HIVESERVER2_HTTP_PORT')}/cliservice")


def hiveserver2ldap():
    select_1(Sasl(port("HIVESERVER2LDAP_PORT"), "etl", os.environ["LDAP_ETL_PASSWORD"], tls=True))


def hiveserver2ldaphttp():
    wants_ticket(f"https://{HOST}:{port('HIVESERVER2LDAP_HTTP_PORT')}/cliservice", "Basic")


def select_1(wire):
    """A session that asks one thing."""

    def ask(method, request):
        answer = call(wire, method, {1: (STRUCT, request)})
        status = answer[1]
        if status[1] not in (0, 1):
            raise NotReady(f"{method}: {status.get(5, b'an error').decode(errors='replace')[:200]}")
        return answer

    def handle(answer, number):
        """A session's or operation's handle, to be sent back as it came."""
        value = answer[number]
        ids = {1: (STRUCT, {1: (STRING, value[1][1]), 2: (STRING, value[1][2])})}
        if 2 in value:
            ids |= {2: (I32, value[2]), 3: (BOOL, value[3])}
        return (STRUCT, ids)

    session = handle(ask("OpenSession", {1: (I32, 7), 2: (STRING, "probe"), 3: (STRING, "probe")}), 3)
    try:
        query = handle(ask("ExecuteStatement", {1: session, 2: (STRING, "select 1"), 4: (BOOL, False)}), 2)
        rows = ask("FetchResults", {1: query, 2: (I32, 0), 3: (I64, 2)})
        if 3 not in rows:
            raise NotReady("`select 1` gave no rows")
    finally:
        ask("CloseSession", {1: session})


def hbase():
    if not SECURED:
        call(Plain(port("HBASE_THRIFT_PORT")), "getTableNames", {})
        return
    # No ticket, no word from the master: it is asked by way of its log, since its last start.
    name = os.environ["COMPOSE_PROJECT_NAME"] + "-hbase"
    started = docker("inspect", "--format", "{{.State.StartedAt}}", name).strip()
    if "Master has completed initialization" not in docker("logs", "--since", started, name):
        raise NotReady("is still starting")


def docker(*words):
    return subprocess.run(["docker", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT,
                          check=True).stdout.decode(errors="replace")


def gateway(name="HBASE_THRIFT_PORT"):
    Kerberos(port(name))


def gateway2():
    gateway("HBASE_THRIFT2_PORT")


def gatewayhttp():
    wants_ticket(f"https://{HOST}:{port('HBASE_THRIFT_HTTP_PORT')}/")


def kdc():
    socket.create_connection((HOST, port("KDC_PORT")), TIMEOUT).close()


def kms():
    wants_ticket(f"http://{HOST}:{port('KMS_PORT')}/kms/v1/keys/names")


def zookeeper():
    sock = socket.create_connection((HOST, port("ZOOKEEPER_PORT")), TIMEOUT)
    sock.settimeout(TIMEOUT)
    sock.sendall(b"srvr")
    if not read_exactly(sock, 9) == b"Zookeeper":
        raise NotReady("is no ZooKeeper")


def ldap():
    """An anonymous bind, and its success."""
    sock = socket.create_connection((HOST, port("LDAP_PORT")), TIMEOUT)
    sock.settimeout(TIMEOUT)
    sock.sendall(bytes.fromhex("300c020101600702010304008000"))
    if read_exactly(sock, 14)[7:10] != b"\x0a\x01\x00":
        raise NotReady("refuses a bind")


def mariadb():
    """The shop's user logs in by mysql_native_password and asks `select 1`."""
    user, database = os.environ["SHOP_USER"], os.environ["SHOP_DATABASE"]
    with open(os.environ["SHOP_PASSWORD_FILE"], encoding="utf-8") as file:
        password = hashlib.sha1(file.read().strip().encode()).digest()
    sock = socket.create_connection((HOST, port("MARIADB_PORT")), TIMEOUT)
    sock.settimeout(TIMEOUT)

    def packet():
        head = read_exactly(sock, 4)
        body = read_exactly(sock, int.from_bytes(head[:3], "little"))
        if body[:1] == b"\xff":
            raise NotReady(body[3:].decode(errors="replace"))
        return body

    greeting = packet()
    end = greeting.index(b"\0", 1)
    salt = greeting[end + 5:end + 13] + greeting[end + 32:end + 44]
    mask = hashlib.sha1(salt + hashlib.sha1(password).digest()).digest()
    token = bytes(a ^ b for a, b in zip(password, mask))
    # long password, long flag, with database, protocol 4.1, secure connection, plugin names
    login = struct.pack("<IIB23x", 0x1 | 0x4 | 0x8 | 0x200 | 0x8000 | 0x80000, 1 << 24, 45)
    login += user.encode() + b"\0" + bytes([len(token)]) + token + database.encode() + b"\0mysql_native_password\0"
    sock.sendall(len(login).to_bytes(3, "little") + b"\1" + login)
    packet()
    query = b"\x03select 1"
    sock.sendall(len(query).to_bytes(3, "little") + b"\0" + query)
    packet()
    sock.sendall(b"\1\0\0\0\1")


# --- ports -------------------------------------------------------------------------------------------------------
def holder(inode):
    """The process that owns a socket, as far as /proc shows it to us."""
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            if os.readlink(link) == f"socket:[{inode}]":
                pid = link.split("/")[2]
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
                return f"process {pid}: {words[:120]}"
        except OSError:
            continue
    return "a process of another user"


def taken_ports(wanted):
    """(port, its holder) for each wanted port something listens on."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as file:
            for line in file.readlines()[1:]:
                field = line.split()
                number = int(field[1].rsplit(":", 1)[1], 16)
                if field[3] == "0A" and number in wanted:
                    yield number, holder(field[9])


ROLES = {f.__name__: f for f in (
    mariadb, hdfs, metastore, metastore2, metastore3, hbase, gateway, gateway2, gatewayhttp, kdc, kms, ldap, zookeeper,
    hiveserver2, hiveserver2http, hiveserver2ldap, hiveserver2ldaphttp)}


def main(words):
    if words[:1] == ["ports"]:
        taken = sorted(set(taken_ports({int(word) for word in words[1:]})))
        for number, who in taken:
            print(f"port {number} is held by {who}")
        return bool(taken)
    bad = False
    for word in words:
        try:
            ROLES[word]()
            print(word, "ok", flush=True)
        except (NotReady, OSError, ValueError, LookupError, subprocess.SubprocessError) as why:
            bad = True
            # One line an answer, whatever a server's own text looks like: `stack` reads the first word as the role.
            print(word, " ".join(str(why).split()) or type(why).__name__, flush=True)
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
