#!/usr/bin/python3
"""What a client may send to the coordination service must harm nobody else."""
import os
import random
import resource
import socket
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.path.insert(0, os.path.join(HERE, "..", "interop", "keeper"))
from harness import Skip, until  # noqa: E402
import harness  # noqa: E402
import raw  # noqa: E402
from raw import acl_, s_  # noqa: E402

CREATE, GET, SET, CHILDREN, MULTI = 1, 4, 5, 8, 14


def rss_mb(service):
    with open(f"/proc/{service.process.pid}/status") as f:
        return next(int(l.split()[1]) for l in f if l.startswith("VmRSS")) / 1024


def frame(payload):
    return struct.pack(">i", len(payload)) + payload


HELLO = frame(struct.pack(">iqiq", 0, 0, 30000, 0) + s_(bytes(16)) + b"\0")


class Steady:
    """A client that works; what it wrote must stay and answer at once."""

    def __init__(self, service):
        self.client, self.n = raw.Client(service.port), 0
        assert self.ask(CREATE, s_("/steady") + s_(b"0") + acl_(raw.OPEN) + bytes(4)) == 0

    def ask(self, op, body):
        _, f = self.client.request(op, body)
        return struct.unpack(">i", f[12:16])[0]

    def works(self):
        began = time.monotonic()
        self.n += 1
        value = b"%d" % self.n
        assert self.ask(SET, s_("/steady") + s_(value) + struct.pack(">i", -1)) == 0
        _, f = self.client.request(GET, s_("/steady") + b"\0")
        assert f[16:20 + len(value)] == s_(value)
        return time.monotonic() - began


def test_random_bytes_behind_a_session_harm_nobody(arena):
    service = arena.service("keeper")
    steady = Steady(service)
    before = rss_mb(service)
    rnd = random.Random(20261121)
    ops = list(range(-12, 24)) + [100, 101, 102, 103, 104, 105, 106, 107, 999]
    for _ in range(1500):
        data = b""
        for xid in range(rnd.randrange(1, 4)):
            body = bytes(rnd.getrandbits(8) for _ in range(rnd.randrange(0, 60)))
            if rnd.random() < 0.5:  # a plausible beginning, absurd counts behind it
                body = s_("/steady/" + "a" * rnd.randrange(3)) + \
                    struct.pack(">i", rnd.choice([-1, -2, 0, 7, 2**31 - 1, -2**31])) + body
            data += frame(struct.pack(">ii", xid, rnd.choice(ops)) + body)
        with socket.create_connection(("127.0.0.1", service.port), 5) as s:
            s.sendall(HELLO + data[:rnd.randrange(1, len(data) + 1)])
    steady.works()
    assert rss_mb(service) < before + 40, (before, rss_mb(service))


def test_paths_that_nobody_may_have_are_bad_arguments(arena):
    service = arena.service("keeper")
    steady = Steady(service)
    for path in ("", "x", "/a/../b", "/.", "/..", "//", "/a/", "/a\0b", "/\x01",
                 "/\ufff0", "/steady/..", "/steady/.", "/steady//x", "/steady/a\0b"):
        got = steady.ask(CREATE, s_(path) + s_(b"") + acl_(raw.OPEN) + bytes(4))
        assert got in (-8, -101), (path, got)  # BadArguments; NoNode for the parent
    long = "/" + "n" * 1000000
    assert steady.ask(CREATE, s_(long) + s_(b"") + acl_(raw.OPEN) + bytes(4)) in (0, -8)
    steady.works()


def test_lengths_beyond_the_limit_close_the_connection(arena):
    service = arena.service("keeper")
    steady = Steady(service)
    for n in (-1, -2**31, 0x100000 + 10000, 2**31 - 1):
        c = raw.Client(service.port)
        c.sock.sendall(struct.pack(">i", n) + bytes(64))
        try:
            assert c.sock.recv(1) == b"", n
        except ConnectionError:
            pass
    steady.works()


def test_a_multi_of_very_many_operations_is_answered_and_slows_nobody(arena):
    service = arena.service("keeper")
    steady = Steady(service)
    header = struct.pack(">ibi", 13, 0, -1)  # check: the smallest operation
    one = header + s_("/s") + struct.pack(">i", -1)
    body = one * 40000 + struct.pack(">ibi", -1, 1, -1)
    assert len(body) < 0xfffff
    held = [raw.Client(service.port) for _ in range(20)]
    for c in held:
        c.send(struct.pack(">ii", 1, MULTI) + body)
    worst = max(steady.works() for _ in range(20))
    assert worst < 5, worst
    for c in held:
        assert len(c.frame()) >= 16
    steady.works()


def test_ten_thousand_connections_that_never_say_hello_are_cheap(arena):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 12000:
        raise Skip(f"only {hard} open files allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    service = arena.service("keeper")
    steady = Steady(service)
    before = rss_mb(service)
    held = []
    for i in range(10000):
        s = socket.create_connection(("127.0.0.1", service.port), 5)
        if i % 2:
            s.sendall(HELLO[:7])
        held.append(s)
    assert max(steady.works() for _ in range(50)) < 5
    each = (rss_mb(service) - before) * 1024 / len(held)
    assert each <= 4, f"{each:.1f} KiB each"


def test_watches_that_nobody_reads_are_bounded(arena):
    service = arena.service("keeper")
    steady = Steady(service)
    deaf = []
    for i in range(20):
        c = raw.Client(service.port)
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        _, f = c.request(106, s_("/") + struct.pack(">i", 1))  # persistent, recursive
        assert f[12:16] == bytes(4)
        deaf.append(c)
    before = rss_mb(service)
    name = "/w" + "x" * 20000
    for _ in range(800):
        assert steady.ask(CREATE, s_(name) + s_(b"") + acl_(raw.OPEN) + bytes(4)) == 0
        assert steady.ask(2, s_(name) + struct.pack(">i", -1)) == 0
    # 20 connections of at most 16 MB each, then they are closed.
    assert rss_mb(service) < before + 20 * 20, (before, rss_mb(service))
    steady.works()


def test_a_directory_with_very_many_children_stalls_nobody(arena):
    service = arena.service("keeper")
    steady = Steady(service)
    c = raw.Client(service.port)
    n, at = 100000, 0
    while at < n:
        for i in range(at, at + 1000):
            c.send(struct.pack(">ii", i, CREATE) + s_("/steady/%010d" % i) + s_(b"") +
                   acl_(raw.OPEN) + bytes(4))
        for i in range(at, at + 1000):
            assert c.frame()[12:16] == bytes(4)
        at += 1000
    for i in range(50):
        c.send(struct.pack(">ii", i, CHILDREN) + s_("/steady") + b"\0")
    worst = 0
    for _ in range(50):
        worst = max(worst, steady.works())
        assert len(c.frame()) > n * 10
    assert worst < 5, worst
    until(lambda: rss_mb(service) < 200, 20, "memory of the answers is given back")


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
