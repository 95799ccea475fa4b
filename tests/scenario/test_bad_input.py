#!/usr/bin/python3
"""What a client may send must harm nobody: a steady client works beside it all."""
import contextlib
import os
import random
import resource
import select
import socket
import struct
import sys
import threading
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from harness import Skip, until  # noqa: E402
import harness  # noqa: E402


def connect(b):
    return socket.create_connection(("127.0.0.1", b.port), 5)


def frame(key, version, body=b"", correlation=1, client=b"t", flexible=False):
    head = struct.pack(">hhih", key, version, correlation, len(client)) + client
    return struct.pack(">i", len(head) + flexible + len(body)) + head + \
        (b"\0" if flexible else b"") + body


def closed(s, seconds=10):
    s.settimeout(seconds)
    try:
        while s.recv(65536):
            pass
        return True
    except ConnectionResetError:
        return True
    except socket.timeout:
        return False


def rss_mb(b):
    for line in open(f"/proc/{b.process.pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


def works(arena, b):
    value = b"v%d" % random.getrandbits(40)
    arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", "steady"], stdin=value + b"\n",
              seconds=20)
    out = arena.run(["kcat", "-b", b.bootstrap, "-C", "-t", "steady", "-o", "-1", "-e",
                     "-q"], seconds=20)
    assert out.strip().encode() == value, out


def test_absurd_lengths_close_the_connection(arena):
    b = arena.gregor()
    for length in (-1, -2**31, 0, 3, 2**31 - 1, 200 * 1024 * 1024):
        s = connect(b)
        s.sendall(struct.pack(">i", length))
        assert closed(s), length
    for hello in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"):
        s = connect(b)
        s.sendall(hello)
        assert closed(s), hello
    works(arena, b)


def test_unknown_keys_and_versions_close_the_connection(arena):
    b = arena.gregor()
    for key, version in ((999, 0), (-1, 0), (0, 99), (3, -5), (52, 0)):
        s = connect(b)
        s.sendall(frame(key, version))
        assert closed(s), (key, version)
    s = connect(b)
    s.sendall(frame(18, 99))
    n, correlation, error = struct.unpack(">iih", s.recv(10))
    assert (correlation, error) == (1, 35)
    works(arena, b)


def test_torn_and_random_bodies_do_no_harm(arena):
    b = arena.gregor()
    works(arena, b)
    rnd = random.Random(20261121)
    before = rss_mb(b)
    for _ in range(1500):
        key = rnd.choice([0, 1, 2, 3, 4, 5, 6, 7, 18, 19, 20, 21, 22, 23, 32, 33, 35, 37,
                          44, 60, 61, 67])
        version = rnd.randrange(0, 5)
        body = bytes(rnd.getrandbits(8) for _ in range(rnd.randrange(0, 120)))
        if rnd.random() < 0.3:
            body = b"\x7f\xff\xff\xff" + body
        data = frame(key, version, body, flexible=rnd.random() < 0.5)
        s = connect(b)
        s.sendall(data[:rnd.randrange(1, len(data) + 1)])
        s.close()
    works(arena, b)
    assert rss_mb(b) < before + 40, (before, rss_mb(b))


def test_a_frame_byte_by_byte_is_answered(arena):
    b = arena.gregor()
    s = connect(b)
    for byte in frame(18, 0):
        s.sendall(bytes([byte]))
        time.sleep(0.001)
    n, correlation, error = struct.unpack(">iih", s.recv(10))
    assert correlation == 1 and error == 0


def test_announced_bytes_cost_no_memory(arena):
    b = arena.gregor()
    works(arena, b)
    before = rss_mb(b)
    held = []
    for _ in range(300):
        s = connect(b)
        s.sendall(struct.pack(">i", 100 * 1024 * 1024) + b"\0" * 64)
        held.append(s)
    works(arena, b)
    assert rss_mb(b) < before + 40, (before, rss_mb(b))


def test_ten_thousand_idle_connections_are_cheap(arena):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 12000:
        raise harness.Skip(f"only {hard} open files allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    b = arena.gregor()
    works(arena, b)
    before = rss_mb(b)
    held = [connect(b) for _ in range(10000)]
    works(arena, b)
    each = (rss_mb(b) - before) * 1024 / len(held)
    assert each <= 4.0, f"{each:.1f} KiB each"


def test_a_client_that_never_reads_slows_nobody(arena):
    b = arena.gregor()
    arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", "steady"],
              stdin=b"".join(b"x" * 1000 + b"\n" for _ in range(20000)))
    before = rss_mb(b)
    held = []
    for _ in range(50):
        s = connect(b)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = struct.pack(">iiiib", -1, 100, 1, 50 << 20, 0) + struct.pack(
            ">ih", 1, 6) + b"steady" + struct.pack(">iiqi", 1, 0, 0, 50 << 20)
        s.setblocking(False)
        try:
            for _ in range(2000):
                s.send(frame(1, 4, body))
        except BlockingIOError:
            pass
        held.append(s)
    began = time.monotonic()
    works(arena, b)
    assert time.monotonic() - began < 5
    assert rss_mb(b) < before + 60, (before, rss_mb(b))


def test_requests_with_very_many_names_hold_nobody_up(arena):
    b = arena.gregor()
    works(arena, b)
    n = 60000
    names = [struct.pack(">h6s", 6, b"%06d" % i) for i in range(n)]
    count = struct.pack(">i", n)
    topic = b"".join(x + struct.pack(">ihii", 1, 9, 0, 0) for x in names)
    more = b"".join(x + struct.pack(">ii", 5, -1) for x in names)
    config = b"".join(b"\2" + x + struct.pack(">i", 0) for x in names)
    wide = struct.pack(">ih4sihiii", 1, 4, b"wide", -1, -1, 1, 0, n) + \
        b"".join(struct.pack(">i", i) for i in range(n)) + struct.pack(">ii", 0, 1000)
    unknown = struct.pack(">ibh6si", 1, 2, 6, b"steady", n) + b"".join(
        x + struct.pack(">bh1s", 0, 1, b"v") for x in names) + b"\1"
    requests = ((19, 0, count + topic + struct.pack(">i", 1000)),
                (37, 0, count + more + struct.pack(">ib", 1000, 0)),
                (33, 0, count + config + b"\1"), (44, 0, count + config + b"\1"),
                (19, 0, wide), (44, 0, unknown))
    for key, version, body in requests:
        s = connect(b)
        s.settimeout(30)
        began = time.monotonic()
        s.sendall(frame(key, version, body))
        assert len(answer(s)) > 8, key
        assert time.monotonic() - began < 3, key
    works(arena, b)


def produce(acks, records, topic=b"steady", version=3, timeout=5000):
    body = struct.pack(">hhi", -1, acks, timeout) + struct.pack(">ih", 1, len(topic)) \
        + topic + struct.pack(">iii", 1, 0, len(records)) + records
    return frame(0, version, body)


def answer(s):
    n, = struct.unpack(">i", s.recv(4))
    data = b""
    while len(data) < n:
        data += s.recv(n - len(data))
    return data


def produce_error(s, topic=b"steady"):
    data = answer(s)
    at = 4 + 4 + 2 + len(topic) + 4 + 4
    return struct.unpack(">h", data[at:at + 2])[0]


def test_memory_of_large_requests_is_given_back(arena):
    """Seven megabytes of partitions each: decoded they take many times that."""
    b = arena.gregor()
    n = 580000
    large = frame(2, 1, struct.pack(">iih1si", -1, 1, 1, b"a", n) + b"".join(
        struct.pack(">iq", i, -1) for i in range(n)))
    before = rss_mb(b)

    def send(times):
        with connect(b) as s:
            s.settimeout(120)
            for _ in range(times):
                s.sendall(large)
                left = struct.unpack(">i", s.recv(4, socket.MSG_WAITALL))[0]
                while left > 0:
                    left -= len(s.recv(min(left, 1 << 20)))
    threads = [threading.Thread(target=send, args=(2,)) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    until(lambda: rss_mb(b) < before + 30, 30, "memory comes back")
    works(arena, b)


def incremental(b, name, value):
    with connect(b) as s:
        s.settimeout(30)
        s.sendall(frame(44, 0, struct.pack(">ibh1sih", 1, 4, 1, b"0", 1, len(name)) +
                        name + struct.pack(">bh", 0, len(value)) + value + b"\0"))
        return struct.unpack(">h", answer(s)[12:14])[0]


def test_configs_that_are_no_text_harm_no_others(arena):
    b = arena.gregor()
    assert incremental(b, b"first", b"1") == 0
    assert incremental(b, b"odd\xff", b"\xff\xfe\"\n\0\xc0\x80") == 0
    assert incremental(b, b"zero\0byte", b"1") == 42
    assert incremental(b, b"last", b"1") == 0
    assert "config_znode_unreadable" not in b.log(), b.log()
    b.stop()
    b.start()
    assert "config_znode_unreadable" not in b.log(), b.log()
    works(arena, b)


def test_a_config_znode_that_cannot_be_read_is_set_anew(arena):
    service = arena.service("keeper")
    b = arena.gregor(service.connect)
    try:
        from kazoo.client import KazooClient
    except ImportError:
        raise Skip("python3-kazoo is not installed")
    zk = KazooClient(hosts=service.connect, timeout=10)
    zk.start(10)
    zk.create("/config/brokers/0", b'{"version":1,"config":{"a":', makepath=True)
    assert incremental(b, b"first", b"1") == 0
    assert b'"first":"1"' in zk.get("/config/brokers/0")[0]
    zk.stop()


def test_partitions_with_absurd_numbers_are_not_led(arena):
    b = arena.gregor(offsets_topic_num_partitions=1)
    works(arena, b)
    name = b"__consumer_offsets"
    one = struct.pack(">h", len(name)) + name + struct.pack(
        ">iiiiiiiiiiiib", 1, 2**31 - 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1)
    with connect(b) as s:
        s.settimeout(30)
        s.sendall(frame(4, 3, struct.pack(">iiqi", 0, 1, -1, 1) + one +
                        struct.pack(">i", 0)))
        assert struct.unpack(">h", answer(s)[-2:])[0] == 17
    works(arena, b)


def test_a_stop_ends_requests_that_wait_for_leaders(arena):
    b = arena.gregor()
    works(arena, b)
    first, second = connect(b), connect(b)
    for s in (first, second):  # the only replica is on a broker that is not there
        s.settimeout(10)
        s.sendall(frame(19, 0, struct.pack(">ih4sihiiiii", 1, 4, b"lost", -1, -1, 1, 0,
                                           1, 7, 0) + struct.pack(">i", 60000)))
    # One is told that it exists already (36), so the other one waits.
    told, s = (second, first) if select.select([first, second], [], [], 10)[0] == \
        [second] else (first, second)
    assert struct.unpack(">h", answer(told)[-2:])[0] == 36
    assert b.stop() == 0, b.log()[-500:]
    assert struct.unpack(">h", answer(s)[-2:])[0] == 7  # REQUEST_TIMED_OUT


def test_wrong_records_get_kafkas_error(arena):
    b = arena.gregor()
    works(arena, b)
    s = connect(b)
    good = bytearray(61 + 8)
    struct.pack_into(">qiibIhiqqqhii", good, 0, 0, 57, -1, 2, 0, 0, 0, 0, 0, -1, -1, -1,
                     1)
    s.sendall(produce(1, bytes(good)))
    assert produce_error(s) == 2  # CORRUPT_MESSAGE: the CRC is wrong
    s.sendall(produce(7, bytes(good)))
    assert produce_error(s) == 21  # INVALID_REQUIRED_ACKS
    s.sendall(produce(1, bytes(good), topic=b"absent"))
    assert produce_error(s, b"absent") == 3  # UNKNOWN_TOPIC_OR_PARTITION
    s = connect(b)
    s.sendall(produce(0, bytes(good)))
    assert closed(s)  # acks=0: no answer, the connection tells
    works(arena, b)


def varint(n):
    n, out = n << 1 if n >= 0 else -2 * n - 1, b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def bomb(megabytes):
    """A batch of one gzipped record whose value is that many zeros."""
    n = megabytes << 20
    inner = b"\0" + varint(0) + varint(0) + varint(-1) + varint(n)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = packer.compress(varint(len(inner) + n + 1) + inner)
    for _ in range(megabytes):
        body += packer.compress(bytes(1 << 20))
    body += packer.compress(b"\0") + packer.flush()
    tail = struct.pack(">hiqqqhii", 1, 0, 0, 0, -1, -1, -1, 1) + body
    return struct.pack(">qiibI", 0, len(tail) + 9, -1, 2, crc32c(tail)) + tail


def test_a_compression_bomb_costs_no_memory_and_slows_nobody(arena):
    b = arena.gregor()
    works(arena, b)
    arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", "bombs"], stdin=b"first\n")
    before, request = rss_mb(b), produce(1, bomb(300), b"bombs", timeout=60000)
    held = [connect(b) for _ in range(4)]
    for s in held:
        s.settimeout(100)
        s.sendall(request)
    works(arena, b)
    for s in held:
        assert produce_error(s, b"bombs") == 0
        assert rss_mb(b) < before + 30, (before, rss_mb(b))
    # A reader of old cannot be given it; it is told, nobody pays.
    s = connect(b)
    s.settimeout(100)
    s.sendall(frame(1, 3, struct.pack(">iiii", -1, 100, 1, 50 << 20) + struct.pack(
        ">ih", 1, 5) + b"bombs" + struct.pack(">iiqi", 1, 0, 1, 50 << 20)))
    assert len(answer(s)) > 8
    assert rss_mb(b) < before + 60, (before, rss_mb(b))
    works(arena, b)


def sockets_open(b):
    folder, n = f"/proc/{b.process.pid}/fd/", 0
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            n += os.readlink(folder + name).startswith("socket:")
    return n


def test_connections_closed_while_they_wait_leave_nothing(arena):
    b = arena.gregor()
    works(arena, b)
    fetch = frame(1, 4, struct.pack(">iiiib", -1, 5000, 1 << 20, 50 << 20, 0) +
                  struct.pack(">ih", 1, 6) + b"steady" +
                  struct.pack(">iiqi", 1, 0, 0, 1000))
    join = frame(11, 0, struct.pack(">h1sih", 1, b"g", 6000, 0) +
                 struct.pack(">h8si", 8, b"consumer", 1) +
                 struct.pack(">h5si", 5, b"range", 0))
    create = frame(19, 0, struct.pack(">ih4sihiiiii", 1, 4, b"lost", -1, -1, 1, 0, 1, 7,
                                      0) + struct.pack(">i", 5000))
    arena.run(["kcat", "-b", b.bootstrap, "-C", "-G", "g0", "-e", "steady"], seconds=60)
    works(arena, b)
    before, memory = sockets_open(b), rss_mb(b)
    for request in (fetch, join, create, fetch + fetch, fetch + join):
        for _ in range(3):
            held = [connect(b) for _ in range(100)]
            for s in held:
                s.sendall(request)
            for s in held:
                s.close()
    until(lambda: sockets_open(b) <= before, 30, "all connections are closed")
    works(arena, b)
    assert rss_mb(b) < memory + 40, (memory, rss_mb(b))
    assert b.stop() == 0, b.log()[-500:]


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
