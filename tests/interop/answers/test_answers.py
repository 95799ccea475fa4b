#!/usr/bin/python3
"""The same bytes to Gregor and to Apache Kafka 3.7.0: equal answers, field by field.

Each test sends requests in every version that Kafka serves, decodes both answers
with our codec (which the wire tests judge by Kafka's own classes) and compares
them. What must differ (ids, times, ports, sizes) is taken out by name.
"""
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
from harness import BUILD, TOP, until  # noqa: E402
import harness  # noqa: E402

# Flexible from version on; 999: none.
FLEXIBLE = {0: 9, 1: 12, 2: 6, 3: 9, 18: 3, 19: 5, 20: 4, 21: 2, 22: 2, 23: 4, 32: 4,
            33: 2, 35: 2, 37: 2, 44: 1, 60: 0, 61: 0}
NAMES = {0: "produce", 1: "fetch", 2: "list_offsets", 3: "metadata",
         18: "api_versions", 19: "create_topics", 20: "delete_topics",
         21: "delete_records", 22: "init_producer_id",
         23: "offset_for_leader_epoch", 32: "describe_configs", 33: "alter_configs",
         35: "describe_log_dirs", 37: "create_partitions",
         44: "incremental_alter_configs", 60: "describe_cluster",
         61: "describe_producers"}


class Codec:
    """Our side of the codec comparison (tests/interop/wire/codec.c)."""

    def __init__(self, arena):
        path = arena.path("codec")
        arena.run(["make", "-s", "-C", TOP, f"BUILD={BUILD}", f"{BUILD}/libgregor.a"],
                  seconds=600)
        arena.run(["gcc", "-std=gnu11", "-O1", "-D_GNU_SOURCE", f"-I{TOP}/lib",
                   f"-I{BUILD}/gen", "-o", path, f"{HERE}/../wire/codec.c",
                   f"{BUILD}/libgregor.a", "-lz", "-lsnappy", "-llz4", "-lzstd",
                   "-lisal"])
        self.child = subprocess.Popen([path], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
        self.child.stdin.write(b"L")
        self.child.stdin.flush()
        self.versions = {}
        for _ in range(self.number(2)):
            kind = self.read(1)
            name = self.read(self.number(2)).decode()
            self.versions[kind.decode() + name] = (self.number(2), self.number(2))

    def read(self, n):
        data = self.child.stdout.read(n)
        assert len(data) == n, "the codec has gone"
        return data

    def number(self, n):
        return int.from_bytes(self.read(n), "big")

    def decode(self, name, version, data):
        text = ("k" + name).encode()
        self.child.stdin.write(b"E" + struct.pack(">H", len(text)) + text + struct.pack(
            ">hII", version, 1, len(data)) + data)
        self.child.stdin.flush()
        err = self.number(1)
        self.read(self.number(4))
        shown = self.read(self.number(4))
        assert err == 0, f"{name} {version}: not readable ({err}): {data.hex()}"
        return json.loads(shown)


class Wire:
    """One connection; answers as decoded by the codec."""

    def __init__(self, codec, broker):
        self.codec = codec
        self.s = socket.create_connection(("127.0.0.1", broker.port), 10)
        self.s.settimeout(30)

    def ask(self, key, version, body):
        flexible = version >= FLEXIBLE[key]
        head = struct.pack(">hhih", key, version, 7, 1) + b"t" + b"\0" * flexible
        self.s.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        try:
            data = self.take(struct.unpack(">i", self.take(4))[0])
        except (ConnectionError, OSError):
            return "closed"
        skip = 4 + (flexible and key != 18)
        return self.codec.decode(NAMES[key] + "_response", version, data[skip:])

    def take(self, n):
        data = b""
        while len(data) < n:
            chunk = self.s.recv(n - len(data))
            if not chunk:
                raise ConnectionError
            data += chunk
        return data


class Body:
    """Writes a request's fields in the old or the compact form."""

    def __init__(self, key, version):
        self.v, self.flexible, self.data = version, version >= FLEXIBLE[key], b""

    def _count(self, n):
        if not self.flexible:
            return struct.pack(">i", n)
        n, out = n + 1, b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])

    def num(self, form, *values):
        self.data += struct.pack(">" + form, *values)
        return self

    def text(self, s):
        if s is None:
            self.data += b"\0" if self.flexible else b"\xff\xff"
        elif self.flexible:
            self.data += self._count(len(s)) + s.encode()
        else:
            self.data += struct.pack(">h", len(s)) + s.encode()
        return self

    def blob(self, b):
        self.data += self._count(-1 if b is None else len(b)) + (b or b"")
        return self

    def array(self, items, write=None):
        if items is None:
            self.data += self._count(-1)
            return self
        self.data += self._count(len(items))
        for item in items:
            write(item)
        return self

    def end(self):
        self.data += b"\0" * self.flexible
        return self


IGNORED = re.compile(r"(?i)^(port|clusterId|topicId|producerId|throttleTimeMs|sessionId"
                     r"|logDir|size|totalBytes|usableBytes|logAppendTimeMs|lastTimestamp"
                     r"|documentation|finalizedFeaturesEpoch)$")


def differences(ours, theirs, at=""):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for k in sorted(set(ours) | set(theirs)):
            if not IGNORED.match(k):
                yield from differences(ours.get(k), theirs.get(k), f"{at}.{k}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield f"{at}: {len(ours)} elements, Kafka has {len(theirs)}"
        def name(x):
            return json.dumps([x.get(k) for k in ("name", "partitionIndex", "apiKey",
                "partition", "resourceName", "topic")] if isinstance(x, dict) else 0)
        for i, (x, y) in enumerate(zip(sorted(ours, key=name), sorted(theirs, key=name))):
            yield from differences(x, y, f"{at}[{i}]")
    elif ours != theirs:
        yield f"{at}: {ours!r}, Kafka says {theirs!r}"


# Where Apache Kafka's answer is none to follow: it fails on absent records, makes
# topics without replicas, takes the last of two equal partitions, and lists topics
# nobody asked for, with no partitions. It has no answer to an unknown operation but
# an unexpected exception's.
PASSED_OVER = re.compile(r"^produce \d+ a 0 1 None:"
                         r"|^create_topics \d+ n -1 -1 \[\(0, \[\]\)\]"
                         r"|^create_topics \d+ n -1 -1 \[\(0, \[0\]\), \(0, "
                         r"|^describe_log_dirs \d+ \["
                         r"|^incremental_alter_configs \d+ 2 a retention.ms 9 5:")


class Pair:
    def __init__(self, arena):
        self.codec = Codec(arena)
        zk = arena.service("keeper").connect
        self.brokers = [arena.gregor(**SETTINGS), arena.kafka(zk, **SETTINGS)]
        self.found = []

    def ask(self, key, version, write, what=""):
        """`write(body)` fills one request; both get it on fresh connections."""
        body = Body(key, version)
        write(body)
        ours, theirs = (Wire(self.codec, b).ask(key, version, body.data)
                        for b in self.brokers)
        label = f"{NAMES[key]} {version} {what}"
        self.found += [f"{label}: {d}" for d in differences(ours, theirs)
                       if not PASSED_OVER.match(f"{label}: ")]
        return ours, theirs

    def versions(self, key):
        low, high = self.codec.versions["k" + NAMES[key] + "_request"]
        return range(low, high + 1)

    def check(self):
        assert not self.found, f"{len(self.found)} differences:\n" + "\n".join(self.found)


SETTINGS = {"num_partitions": "2", "auto_create_topics_enable": "false"}


def topics_made(pair):
    def write(body):
        def one(t):
            body.text(t[0]).num("ih", t[1], 1).array([], None).array(
                t[2], lambda c: body.text(c[0]).text(c[1]).end()).end()
        body.array([("a", 3, []), ("b", 1, [("retention.ms", "60000")])], one)
        body.num("ib", 10000, 0).end()
    for b in pair.brokers:
        until(lambda: Wire(pair.codec, b).ask(3, 1, b"\0\0\0\0")["brokers"], 20,
              "the broker knows itself")
    pair.ask(19, 5, write, "two topics")
    for b in pair.brokers:
        def led():
            answer = Wire(pair.codec, b).ask(3, 1, struct.pack(">ih1sh1s", 2, 1, b"a", 1,
                                                              b"b"))
            return all(p["leaderId"] == 0 for t in answer["topics"]
                       for p in t["partitions"]) and \
                sum(len(t["partitions"]) for t in answer["topics"]) == 4
        until(led, 20, "leaders")


def test_metadata_answers_are_equal(arena):
    pair = Pair(arena)
    topics_made(pair)
    for v in pair.versions(3):
        for names in (None, [], ["a"], ["a", "b", "absent"], ["bad name"], ["a", "a"],
                      [""], ["x" * 250]):
            def write(body, names=names):
                def one(n):
                    if v >= 10:
                        body.num("qq", 0, 0)
                    body.text(n).end()
                body.array(names, one)
                if v >= 4:
                    body.num("b", 0)
                if 8 <= v <= 10:
                    body.num("b", 1)
                if v >= 8:
                    body.num("b", 1)
                body.end()
            if v > 0 or names is not None:
                pair.ask(3, v, write, repr(names)[:40])
    pair.check()


def test_offset_answers_are_equal(arena):
    pair = Pair(arena)
    topics_made(pair)
    for v in pair.versions(2):
        for topic, p, epoch, when in (
                ("a", 0, -1, -1), ("a", 0, -1, -2), ("a", 0, -1, -3), ("a", 0, -1, -4),
                ("a", 0, -1, -5), ("a", 0, -1, -9), ("a", 0, -1, 0), ("a", 9, -1, -1),
                ("absent", 0, -1, -1), ("a", 0, 5, -1), ("a", 0, 0, -1), ("a", -1, -1, -1)):
            def write(body):
                def one(_):
                    body.num("i", p)
                    if v >= 4:
                        body.num("i", epoch)
                    body.num("q", when)
                    if v == 0:
                        body.num("i", 3)
                    body.end()
                body.num("i", -1)
                if v >= 2:
                    body.num("b", 0)
                body.array([0], lambda _: body.text(topic).array([0], one).end()).end()
            pair.ask(2, v, write, f"{topic} {p} {epoch} {when}")
    for v in pair.versions(23):
        for topic, p, current, epoch in (("a", 0, -1, 0), ("a", 0, 0, 0), ("a", 0, 7, 0),
                                         ("a", 0, -1, 9), ("absent", 0, -1, 0),
                                         ("a", 7, -1, 0), ("a", 0, -1, -1)):
            def write(body):
                def one(_):
                    body.num("i", p)
                    if v >= 2:
                        body.num("i", current)
                    body.num("i", epoch).end()
                if v >= 3:
                    body.num("i", -2)
                body.array([0], lambda _: body.text(topic).array([0], one).end()).end()
            pair.ask(23, v, write, f"{topic} {p} {current} {epoch}")
    pair.check()


def test_creation_errors_are_equal(arena):
    pair = Pair(arena)
    topics_made(pair)
    cases = [("a", 1, 1, [], []), ("bad name", 1, 1, [], []), ("", 1, 1, [], []),
             ("..", 1, 1, [], []), ("n", 0, 1, [], []), ("n", -2, 1, [], []),
             ("n", 1, 0, [], []), ("n", 1, 2, [], []), ("n", 1, -2, [], []),
             ("n", 1, 1, [(0, [0])], []), ("n", -1, -1, [(0, [0, 0])], []),
             ("n", -1, -1, [(1, [0])], []), ("n", -1, -1, [(0, [])], []),
             ("n", -1, -1, [(0, [7])], []), ("n", -1, -1, [(0, [0]), (0, [0])], []),
             ("n", 1, 1, [], [("no.such", "1")]), ("n", 1, 1, [], [("retention.ms", "x")]),
             ("n", 1, 1, [], [("retention.ms", None)]), ("n", 1, 1, [], [("retention.ms", "-1")]),
             ("n", 1, 1, [], [("cleanup.policy", "none")]), ("x" * 250, 1, 1, [], [])]
    for v in pair.versions(19):
        for name, n, factor, assignment, configs in cases:
            def write(body):
                def part(p):
                    body.num("i", p[0]).array(p[1], lambda r: body.num("i", r)).end()
                def one(_):
                    body.text(name).num("ih", n, factor).array(assignment, part)
                    body.array(configs, lambda c: body.text(c[0]).text(c[1]).end()).end()
                body.array([0], one).num("i", 10000)
                if v >= 1:
                    body.num("b", 1)
                body.end()
            if v == 0 and name == "n":
                continue  # some would be made
            pair.ask(19, v, write, f"{name[:9]} {n} {factor} {assignment} {configs}")
    for v in pair.versions(37):
        for name, n, assignment in (("a", 2, None), ("a", 3, None), ("a", -1, None),
                                    ("a", 5, [[0]]), ("a", 4, [[0, 0]]), ("a", 4, [[7]]),
                                    ("a", 4, [[]]), ("absent", 3, None), ("a", 4, None)):
            def write(body):
                def one(_):
                    body.text(name).num("i", n)
                    body.array(assignment, lambda a: body.array(
                        a, lambda r: body.num("i", r)).end()).end()
                body.array([0], one).num("ib", 10000, 1).end()
            pair.ask(37, v, write, f"{name} {n} {assignment}")
    pair.check()


def test_config_answers_are_equal(arena):
    pair = Pair(arena)
    topics_made(pair)
    for v in pair.versions(32):
        for kind, name, keys in ((2, "b", None), (2, "b", ["retention.ms", "absent"]),
                                 (2, "absent", None), (2, "bad name", None), (4, "", None),
                                 (4, "1", None), (4, "x", None), (3, "a", None),
                                 (2, "", None), (2, "b", [])):
            def write(body):
                def one(_):
                    body.num("b", kind).text(name).array(keys, body.text).end()
                body.array([0], one)
                if v >= 1:
                    body.num("b", 1)
                if v >= 3:
                    body.num("b", 0)
                body.end()
            pair.ask(32, v, write, f"{kind} {name} {keys}")
    for v in pair.versions(44):
        for kind, name, key, op, value in (
                (2, "a", "retention.ms", 0, "5"), (2, "a", "retention.ms", 0, "x"),
                (2, "a", "retention.ms", 2, "5"), (2, "a", "cleanup.policy", 2, "compact"),
                (2, "a", "cleanup.policy", 3, "delete"), (2, "a", "no.such", 0, "1"),
                (2, "a", "no.such", 1, None), (2, "a", "retention.ms", 0, None),
                (2, "a", "retention.ms", 9, "5"), (2, "absent", "retention.ms", 0, "5"),
                (4, "0", "log.retention.ms", 0, "5"), (4, "7", "log.retention.ms", 0, "5"),
                (4, "0", "broker.id", 0, "5"), (3, "a", "retention.ms", 0, "5")):
            def write(body):
                def one(_):
                    body.num("b", kind).text(name).array([0], lambda _: body.text(key).num(
                        "b", op).text(value).end()).end()
                body.array([0], one).num("b", 1).end()
            pair.ask(44, v, write, f"{kind} {name} {key} {op} {value}")
    pair.check()


def test_answers_about_the_cluster_and_its_logs_are_equal(arena):
    pair = Pair(arena)
    topics_made(pair)
    for v in pair.versions(60):
        pair.ask(60, v, lambda body: body.num("b", 1).num("b" * (v >= 1), *[1] * (v >= 1)).end())
    for v in pair.versions(35):
        for topics in (None, [], [("a", [0, 1])], [("absent", [0])], [("a", [9])]):
            pair.ask(35, v, lambda body: body.array(topics, lambda t: body.text(t[0]).array(
                t[1], lambda p: body.num("i", p)).end()).end(), repr(topics))
    for topic, p in (("a", 0), ("a", 9), ("absent", 0), ("bad name", 0)):
        pair.ask(61, 0, lambda body: body.array([0], lambda _: body.text(topic).array(
            [p], lambda p: body.num("i", p)).end()).end(), f"{topic} {p}")
    for v in pair.versions(21):
        for topic, p, offset in (("a", 0, 0), ("a", 0, 5), ("a", 0, -1), ("a", 0, -2),
                                 ("a", 9, 0), ("absent", 0, 0)):
            pair.ask(21, v, lambda body: body.array([0], lambda _: body.text(topic).array(
                [p], lambda p: body.num("iq", p, offset).end()).end()).num(
                    "i", 1000).end(), f"{topic} {p} {offset}")
    pair.check()


def test_produce_and_fetch_errors_are_equal(arena):
    pair = Pair(arena)
    topics_made(pair)
    bad_crc = struct.pack(">qiibIhiqqqhii", 0, 57, -1, 2, 0, 0, 0, 0, 0, -1, -1, -1, 1) \
        + b"\0" * 8
    for v in pair.versions(0):
        for topic, p, acks, records in (
                ("a", 0, 1, b""), ("a", 0, 1, None), ("a", 0, 1, bad_crc),
                ("a", 0, 1, bad_crc[:40]), ("a", 9, 1, bad_crc), ("absent", 0, 1, bad_crc),
                ("a", 0, 2, bad_crc), ("a", 0, -1, bad_crc),
                ("a", 0, 1, bad_crc[:16] + b"\1" + bad_crc[17:])):
            def write(body):
                if v >= 3:
                    body.text(None)
                body.num("hi", acks, 1000)
                body.array([0], lambda _: body.text(topic).array([0], lambda _: body.num(
                    "i", p).blob(records).end()).end()).end()
            pair.ask(0, v, write, f"{topic} {p} {acks} {records and len(records)}")
    for v in pair.versions(1):
        if v >= 13:
            continue  # by id
        for topic, p, offset, epoch, session, number in (
                ("a", 0, 0, -1, 0, -1), ("a", 0, 5, -1, 0, -1), ("a", 0, -1, -1, 0, -1),
                ("a", 9, 0, -1, 0, -1), ("absent", 0, 0, -1, 0, -1), ("a", 0, 0, 9, 0, -1),
                ("a", 0, 0, -1, 77, 1), ("a", 0, 0, -1, 0, 0)):
            def write(body):
                body.num("iii", -1, 10, 0)
                if v >= 3:
                    body.num("i", 1 << 20)
                if v >= 4:
                    body.num("b", 0)
                if v >= 7:
                    body.num("ii", session, number)
                def one(_):
                    body.num("i", p)
                    if v >= 9:
                        body.num("i", epoch)
                    body.num("q", offset)
                    if v >= 12:
                        body.num("i", -1)
                    if v >= 5:
                        body.num("q", -1)
                    body.num("i", 1 << 20).end()
                body.array([0], lambda _: body.text(topic).array([0], one).end())
                if v >= 7:
                    body.array([])
                if v >= 11:
                    body.text("")
                body.end()
            pair.ask(1, v, write, f"{topic} {p} {offset} {epoch} {session} {number}")
    pair.check()


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
