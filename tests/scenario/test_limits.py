#!/usr/bin/python3
"""Limits of connections: who waits, who is refused, who has to go."""
import contextlib
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from harness import free_port, until  # noqa: E402
import harness  # noqa: E402

API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 7, -1)


def connect(port, source="127.0.0.1"):
    s = socket.create_connection(("127.0.0.1", port), 60, (source, 0))
    s.sendall(API_VERSIONS)
    return s


def serves(s):
    """Its answer has come; False: it was closed instead."""
    with contextlib.suppress(ConnectionError):
        head = s.recv(8, socket.MSG_WAITALL)
        if len(head) == 8:
            length, correlation = struct.unpack(">ii", head)
            rest = s.recv(length - 4, socket.MSG_WAITALL)
            return correlation == 7 and len(rest) == length - 4
    return False


def broker(arena, **settings):
    """With a listener for clients (its port is given too) and one between
    brokers, which the harness uses."""
    b = arena.gregor(start=False, **settings)
    port = free_port()
    b.properties.update({
        "listeners": f"INT://127.0.0.1:{b.port},EXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "INT:PLAINTEXT,EXT:PLAINTEXT",
        "inter.broker.listener.name": "INT"})
    return b.start(), port


def change(b, **settings):
    from confluent_kafka.admin import AdminClient, ConfigResource
    admin = AdminClient({"bootstrap.servers": b.bootstrap})
    wanted = ConfigResource(ConfigResource.Type.BROKER, str(b.id), set_config={
        k.replace("_", "."): v for k, v in settings.items()})
    for done in admin.alter_configs([wanted]).values():
        done.result(60)


def test_a_full_listener_lets_the_next_wait_until_one_goes(arena):
    b, port = broker(arena, **{"listener.name.ext.max.connections": "2"})
    first, second = connect(port), connect(port)
    assert serves(first) and serves(second)
    third = connect(port)
    b.process.says("limit=listener max.connections=2")
    between = connect(b.port)
    assert serves(between)
    first.close()
    assert serves(third)
    for s in second, third, between:
        s.close()


def test_an_address_with_an_exception_is_refused_with_its_name(arena):
    b, port = broker(arena, **{
        "max.connections.per.ip.overrides": "127.0.0.9:1,127.0.0.8:0"})
    one = connect(port, "127.0.0.9")
    assert serves(one)
    two = connect(port, "127.0.0.9")
    assert not serves(two)
    nobody = connect(port, "127.0.0.8")
    assert not serves(nobody)
    b.process.says("peer=127.0.0.9:")
    assert "max.connections.per.ip, or its exception (1)" in b.log(), b.log()
    one.close()
    until(lambda: serves(connect(port, "127.0.0.9")), 60, "a place is free again")


def test_limits_change_while_the_broker_runs(arena):
    b, port = broker(arena, **{"listener.name.ext.max.connections": "1"})
    first = connect(port)
    assert serves(first)
    second = connect(port)
    change(b, **{"listener.name.ext.max.connections": "2"})
    assert serves(second)
    # one in all: the brokers' own listener goes on, and clients have to go
    change(b, **{"max.connections": "1", "listener.name.int.max.connections": "1000"})
    between = [connect(b.port) for _ in range(3)]
    assert all(serves(s) for s in between)
    assert first.recv(1) == b"" and second.recv(1) == b""
    change(b, **{"max.connections.per.ip.overrides": "127.0.0.9:0",
                 "listener.name.int.max.connections": "1000"})
    until(lambda: not serves(connect(b.port, "127.0.0.9")), 60, "the exception holds")
    last = connect(port)
    assert serves(last)
    for s in [first, second, last, *between]:
        s.close()


def test_connections_that_come_too_fast_wait_their_time(arena):
    b, port = broker(arena, **{"listener.name.ext.max.connection.creation.rate": "5",
                               "quota.window.num": "2"})
    begin = time.monotonic()
    clients = [connect(port) for _ in range(10)]
    between = [connect(b.port) for _ in range(50)]
    assert all(serves(s) for s in between)
    assert all(serves(s) for s in clients)
    assert time.monotonic() - begin >= 0.9  # five at once, five more in a second
    b.process.says("listener=EXT max.connection.creation.rate=5")
    change(b, **{"listener.name.ext.max.connection.creation.rate": "100000"})
    until(lambda: serves(connect(port)), 60, "it serves")
    begin = time.monotonic()
    more = [connect(port) for _ in range(200)]  # 38 s at the rate of before
    assert all(serves(s) for s in more)
    assert time.monotonic() - begin < 30
    for s in clients + between + more:
        s.close()


def test_a_malformed_exception_stops_the_start(arena):
    for value, words in (("here", "is not host:count"),
                         ("no.such.host.invalid:1", "no.such.host.invalid")):
        b = arena.gregor(start=False, **{"max.connections.per.ip.overrides": value})
        b.start(wait=False)
        assert b.process.wait(60) == 1, b.log()
        lines = [l for l in b.log().splitlines() if "ERROR" in l]
        assert len(lines) == 1 and words in lines[0], b.log()
        assert "max.connections.per.ip.overrides" in lines[0], lines


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
