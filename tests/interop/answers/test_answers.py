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
sys.path.insert(0, HERE)
from harness import BUILD, TOP, until  # noqa: E402
import encode  # noqa: E402
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

    built = None  # where it lies, for all tests of a run

    def __init__(self, arena):
        if Codec.built is None:
            Codec.built = self.build(arena)
        self.child = subprocess.Popen([Codec.built], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
        self.child.stdin.write(b"L")
        self.child.stdin.flush()
        self.versions = {}
        for _ in range(self.number(2)):
            kind = self.read(1)
            name = self.read(self.number(2)).decode()
            self.versions[kind.decode() + name] = (self.number(2), self.number(2))

    @staticmethod
    def build(arena):
        path = os.path.join(BUILD, "answers-codec")
        arena.run(["make", "-s", "-C", TOP, f"BUILD={BUILD}", f"{BUILD}/libgregor.a"],
                  seconds=600)
        arena.run(["gcc", "-std=gnu11", "-O1", "-D_GNU_SOURCE", f"-I{TOP}/lib",
                   f"-I{BUILD}/gen", "-o", path, f"{HERE}/../wire/codec.c",
                   f"{BUILD}/libgregor.a", "-lz", "-lsnappy", "-llz4", "-lzstd",
                   "-lisal"])
        return path

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

    def send(self, requests, name, version, values):
        """The same for what encode.py makes."""
        self.s.sendall(requests.frame(name, version, values))
        try:
            data = self.take(struct.unpack(">i", self.take(4))[0])
        except (ConnectionError, OSError):
            return "closed"
        skip = 4 + (requests.is_flexible(name, version) and name != "api_versions")
        return self.codec.decode(name + "_response", version, data[skip:])

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
                     r"|logDir|size|memberId|leader|totalBytes|usableBytes|logAppendTimeMs|lastTimestamp"
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
# an unexpected exception's. It answers once for a group or a topic that is named
# twice, closes the connection for a resource that is, and tells where the log
# starts with a record it refuses.
PASSED_OVER = re.compile(r"^produce \d+ a 0 1 None:"
                         r"|^create_topics \d+ n -1 -1 \[\(0, \[\]\)\]"
                         r"|^create_topics \d+ n -1 -1 \[\(0, \[0\]\), \(0, "
                         r"|^describe_log_dirs \d+ \["
                         r"|^incremental_alter_configs \d+ 2 a retention.ms 9 5:"
                         r"|^delete_groups \d+ .*'none', 'none'"
                         r"|^produce \d+ control"
                         r"|^(incremental_)?alter_configs \d+ .*"
                         r"'configs': \[\]}, {'resource_type'"
                         r"|^create_partitions \d+ .*'a'.*'a'")


class Pair:
    def __init__(self, arena):
        self.codec = Codec(arena)
        self.requests = encode.Requests()
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

    def send(self, name, values, versions=None, what=""):
        """The same in each version; `values` may be a function of it. The last
        pair of answers."""
        for v in versions or self.requests.versions(name):
            given = values(v) if callable(values) else values
            if given is None:
                continue
            ours, theirs = (Wire(self.codec, b).send(self.requests, name, v, given)
                            for b in self.brokers)
            label = f"{name} {v} {what or given}"[:200]
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


def test_what_is_advertised_is_what_is_served(arena):
    pair = Pair(arena)
    ours, theirs = pair.send("api_versions", {"client_software_name": "t",
                                              "client_software_version": "1"}, [0])
    told = {a["apiKey"]: (a["minVersion"], a["maxVersion"]) for a in ours["apiKeys"]}
    kafkas = {a["apiKey"]: (a["minVersion"], a["maxVersion"])
              for a in theirs["apiKeys"]}
    pair.found = [f"api {k}: {told[k]}, Kafka serves {kafkas.get(k)}" for k in told
                  if told[k] != kafkas.get(k)]
    # What is not built is not told, and closes the connection as what nobody knows.
    for key in sorted(set(range(70)) - set(told)) + [999]:
        wire = Wire(pair.codec, pair.brokers[0])
        for version in (0, 1):
            wire.s.sendall(struct.pack(">ihhih", 11, key, version, 7, 1) + b"t")
            if wire.s.recv(1) != b"":
                pair.found.append(f"api {key} is not told and answers")
            wire = Wire(pair.codec, pair.brokers[0])
    for client in ("t", "", "x" * 300, "no such", "-"):
        pair.send("api_versions", {"client_software_name": client,
                                   "client_software_version": "1"}, [3]) \
            if client in ("", "no such", "-") else None
    pair.found = [d for d in pair.found if not re.search(r"\.apiKeys", d)]
    pair.check()


def test_group_answers_are_equal(arena):
    pair = Pair(arena)
    topics_made(pair)
    for b in pair.brokers:
        def found():
            answer = Wire(pair.codec, b).send(pair.requests, "find_coordinator", 1,
                                              {"key": "g", "key_type": 0})
            return answer["errorCode"] == 0 and Wire(pair.codec, b).send(
                pair.requests, "heartbeat", 0, {"group_id": "g"})["errorCode"] == 25
        until(found, 60, "the group's coordinator")
    for keys in (["g"], ["g", "h"], [""], []):
        pair.send("find_coordinator", lambda v: {"key": (keys or [""])[0], "key_type": 0,
                                                 "coordinator_keys": keys})
    pair.send("find_coordinator", {"key": "g", "key_type": 7, "coordinator_keys": ["g"]},
              range(1, 5))
    range_ = [{"name": "range", "metadata": b"m"}]
    for group, member, session, protocols, kind in (
            ("", "", 10000, range_, "consumer"), ("g", "nobody", 10000, range_, "consumer"),
            ("g", "", 1, range_, "consumer"), ("g", "", 2**31 - 1, range_, "consumer"),
            ("g", "", -1, range_, "consumer"), ("g", "", 10000, [], "consumer"),
            ("g", "", 10000, range_, "")):
        pair.send("join_group", {"group_id": group, "member_id": member,
                                 "session_timeout_ms": session,
                                 "rebalance_timeout_ms": 10000, "protocol_type": kind,
                                 "protocols": protocols})
    pair.send("join_group", {"group_id": "m", "session_timeout_ms": 10000,
                             "rebalance_timeout_ms": 10000, "protocol_type": "consumer",
                             "protocols": range_}, range(4, 10))
    pair.send("join_group", {"group_id": "s", "session_timeout_ms": 30000,
                             "rebalance_timeout_ms": 30000, "protocol_type": "consumer",
                             "group_instance_id": "i1", "protocols": range_}, [5])
    for group in ("", "nobody", "s"):
        for member in ("", "x"):
            who = {"group_id": group, "member_id": member, "generation_id": 1}
            pair.send("heartbeat", who)
            pair.send("sync_group", {**who, "protocol_type": "consumer",
                                     "protocol_name": "range"})
            pair.send("leave_group", {"group_id": group, "member_id": member,
                                      "members": [{"member_id": member}]})
    pair.send("heartbeat", {"group_id": "s", "member_id": "x", "generation_id": 1,
                            "group_instance_id": "i1"}, [3, 4])
    pair.send("leave_group", {"group_id": "s", "members": []}, range(3, 6))
    pair.check()


def test_offset_and_group_admin_answers_are_equal(arena):
    pair = Pair(arena)
    topics_made(pair)
    for b in pair.brokers:
        until(lambda: Wire(pair.codec, b).send(
            pair.requests, "find_coordinator", 1, {"key": "g"})["errorCode"] == 0 and Wire(
                pair.codec, b).send(pair.requests, "heartbeat", 0,
                                    {"group_id": "g"})["errorCode"] == 25, 60,
              "the group's coordinator")

    def topics(name, p, **more):
        return [{"name": name, "partitions": [{"partition_index": p, **more}]}]
    for group, name, p, generation, member, text in (
            ("g", "a", 0, -1, "", "m"), ("g", "a", 1, -1, "", None), ("g", "a", 9, -1, "", ""),
            ("g", "absent", 0, -1, "", ""), ("", "a", 0, -1, "", ""),
            ("new", "a", 0, 5, "x", ""), ("g", "a", 0, 5, "x", ""),
            ("g", "a", 0, -1, "x", ""), ("g", "a", 0, -1, "", "x" * 5000)):
        pair.send("offset_commit", lambda v: v > 0 and {
            "group_id": group, "generation_id_or_member_epoch": generation,
            "member_id": member, "topics": topics(name, p, committed_offset=7,
                                                  committed_metadata=text)} or None)
    for group, asked in (("g", [("a", [0, 1, 9])]), ("g", [("absent", [0])]), ("g", None),
                         ("", [("a", [0])]), ("none", [("a", [0])]), ("g", [])):
        def values(v):
            if v == 0 or (asked is None and v < 2):
                return None
            t = asked and [{"name": n, "partition_indexes": p} for n, p in asked]
            t = t if asked is None or asked else []
            return {"groups": [{"group_id": group, "topics": t}]} if v >= 8 else {
                "group_id": group, "topics": t}
        pair.send("offset_fetch", values)
    for groups in (["g"], ["none"], [""], ["g", "none"], []):
        pair.send("describe_groups", {"groups": groups})
    for states in ([], ["Empty"], ["Stable"], ["nonsense"]):
        pair.send("list_groups", lambda v: {"states_filter": states} if v >= 4 else {})
    for name, ps in (("a", [0]), ("a", [9]), ("absent", [0])):
        for group in ("none", "g", ""):
            pair.send("offset_delete", {"group_id": group, "topics": [
                {"name": name, "partitions": [{"partition_index": p} for p in ps]}]})
    for groups in (["none"], [""], ["none", "none"], []):
        pair.send("delete_groups", {"groups_names": groups})
    pair.send("delete_groups", {"groups_names": ["g"]}, [2])
    pair.send("describe_groups", {"groups": ["g"]}, [5])
    pair.check()


CRC_TABLE = []
for i in range(256):
    for _ in range(8):
        i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
    CRC_TABLE.append(i)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xffffffff


def batch(value, producer=(-1, -1, -1), attributes=0):
    """One record of a fixed time."""
    record = b"\0\0\0\1" + bytes([len(value) << 1]) + value + b"\0"
    rest = struct.pack(">hiqqqhii", attributes, 0, 1700000000000, 1700000000000,
                       *producer, 1) + bytes([len(record) << 1]) + record
    return struct.pack(">qiib", 0, 9 + len(rest), -1, 2) + struct.pack(
        ">I", crc32c(rest)) + rest


def test_records_and_producers_get_equal_answers(arena):
    pair = Pair(arena)
    topics_made(pair)

    def produce(acks, *sets):
        return {"acks": acks, "timeout_ms": 5000, "topic_data": [
            {"name": n, "partition_data": [{"index": p, "records": r}]}
            for n, p, r in sets]}
    new = range(3, 10)
    for acks in (1, -1, 2, -2):
        pair.send("produce", produce(acks, ("a", 0, batch(b"x"))), new, f"acks={acks}")
    pair.send("produce", produce(1, ("a", 0, batch(b"y")), ("absent", 0, batch(b"y")),
                                 ("b", 0, batch(b"y"))), new, "three topics")
    for sequence in (0, 0, 5, 1):
        pair.send("produce", produce(-1, ("b", 0, batch(b"z", (77, 0, sequence)))), [9],
                  f"sequence {sequence}")
    pair.send("produce", produce(-1, ("b", 0, batch(b"z", (77, 0, 2)))), [9])
    pair.send("produce", produce(-1, ("b", 0, batch(b"z", (77, 1, 3)))), [9])
    pair.send("produce", produce(-1, ("b", 0, batch(b"z", attributes=32))), [9], "control")
    pair.send("produce", produce(0, ("absent", 0, batch(b"y"))), new, "acks=0 and an error")
    for offset in (0, 5, 1000, -1):
        for isolation in (0, 1):
            for most in (0, 1, 100, 1 << 20):
                pair.send("fetch", lambda v: {
                    "replica_id": -1, "max_wait_ms": 10, "min_bytes": 1,
                    "max_bytes": 1 << 20, "isolation_level": isolation,
                    "topics": [{"topic": "a", "partitions": [
                        {"partition": 0, "fetch_offset": offset,
                         "partition_max_bytes": most}]}]}, range(4, 13),
                    f"{offset} {isolation} {most}")
    pair.send("fetch", {"topics": [{"topic_id": b"x" * 16, "partitions": [
        {"partition": 0, "fetch_offset": 0, "partition_max_bytes": 1}]}]}, range(13, 16))
    for timestamp in (-1, -2, -3, -4, 0, 1700000000000, 1700000000001, 2**62):
        pair.send("list_offsets", {"replica_id": -1, "topics": [
            {"name": "a", "partitions": [{"partition_index": 0, "timestamp": timestamp,
                                          "max_num_offsets": 5}]}]},
            what=str(timestamp))
    twice = [{"partition_index": 0, "timestamp": -1, "max_num_offsets": 1}] * 2
    pair.send("list_offsets", {"replica_id": -1,
                               "topics": [{"name": "a", "partitions": twice}]})
    pair.send("describe_producers", {"topics": [{"name": "b", "partition_indexes": [0]}]})
    for b in pair.brokers:
        until(lambda: Wire(pair.codec, b).send(pair.requests, "init_producer_id", 0, {
            "transactional_id": None})["errorCode"] == 0, 60, "producer ids")
    for txn, timeout in ((None, 1000), ("", 1000), (None, -1), (None, 0)):
        pair.send("init_producer_id", lambda v: {
            "transactional_id": txn, "transaction_timeout_ms": timeout, "producer_id": -1,
            "producer_epoch": -1})
    for offset in (1, -1, 10**6):
        pair.send("delete_records", {"timeout_ms": 5000, "topics": [
            {"name": "a", "partitions": [{"partition_index": 0, "offset": offset}]}]},
            what=str(offset))
    pair.check()


def test_answers_about_deletion_and_old_edits_are_equal(arena):
    pair = Pair(arena)
    topics_made(pair)
    for names in (["absent"], ["bad name"], [""], ["absent", "absent"], []):
        pair.send("delete_topics", lambda v: {
            "topic_names": names, "topics": [{"name": n} for n in names],
            "timeout_ms": 1000}, what=str(names))
    pair.send("delete_topics", {"topics": [{"name": None, "topic_id": b"x" * 16}],
                                "timeout_ms": 1000}, [6], "unknown id")
    pair.send("delete_topics", {"topics": [{"name": "a", "topic_id": b"x" * 16}],
                                "timeout_ms": 1000}, [6], "both")
    for kind, name, configs in (
            (2, "a", []), (2, "a", [("retention.ms", "5")]), (2, "a", [("retention.ms", "x")]),
            (2, "a", [("retention.ms", None)]), (2, "a", [("no.such", "1")]),
            (2, "a", [("retention.ms", "5"), ("retention.ms", "6")]),
            (2, "absent", [("retention.ms", "5")]), (2, "bad name", []), (2, "", []),
            (4, "0", [("broker.id", "5")]), (4, "0", [("log.retention.ms", "x")]),
            (4, "7", []), (4, "x", []), (4, "", [("log.retention.ms", "5")]), (9, "a", []),
            (2, "a", [("min.compaction.lag.ms", "9"), ("max.compaction.lag.ms", "5")]),
            (2, "a", [("remote.storage.enable", "true")]),
            (2, "a", [("min.cleanable.dirty.ratio", "2")]),
            (2, "a", [("segment.bytes", " 3 ")]), (2, "a", [("preallocate", "yes")]),
            (2, "a", [("message.format.version", "x")]),
            (2, "a", [("cleanup.policy", "compact,x")]),
            (2, "a", [("compression.type", "ZSTD")]),
            (2, "a", [("leader.replication.throttled.replicas", "x")])):
        values = {"resources": [{"resource_type": kind, "resource_name": name, "configs": [
            {"name": k, "value": v} for k, v in configs]}], "validate_only": True}
        pair.send("alter_configs", values)
        pair.send("incremental_alter_configs", values)
    one = {"resource_type": 2, "resource_name": "a", "configs": []}
    pair.send("alter_configs", {"resources": [one, one], "validate_only": True})
    pair.send("incremental_alter_configs", {"resources": [one, one], "validate_only": True})
    for kinds in ((0,), (2, 0), (8,)):
        pair.send("describe_configs", {"resources": [
            {"resource_type": k, "resource_name": ""} for k in kinds]})
    for twice in ([{"name": "n", "num_partitions": 1, "replication_factor": 1}] * 2,):
        pair.send("create_topics", {"topics": twice, "timeout_ms": 1000,
                                    "validate_only": True}, range(1, 8))
    pair.send("create_partitions", {"topics": [{"name": "a", "count": 4,
                                                "assignments": None}] * 2,
                                    "timeout_ms": 1000, "validate_only": True})
    pair.check()


def test_answers_to_a_controller_of_the_past_are_equal(arena):
    pair = Pair(arena)
    topics_made(pair)
    old = {"controller_id": 0, "controller_epoch": 0, "broker_epoch": -1}
    pair.send("leader_and_isr", {**old, "topic_states": [], "live_leaders": []})
    pair.send("stop_replica", {**old, "topic_states": [], "topics": [],
                               "ungrouped_partitions": []})
    pair.send("update_metadata", {**old, "live_brokers": [], "topic_states": []})
    pair.send("controlled_shutdown", {"broker_id": 7, "broker_epoch": -1})
    pair.check()


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
