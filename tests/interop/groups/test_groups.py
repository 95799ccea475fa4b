#!/usr/bin/python3
"""Consumer groups with unmodified clients.

KAFKA_VERSION is the Apache Kafka that takes turns with Gregor on one directory.
Rebalance storms are test_storms.py's.
"""
import glob
import os
import re
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "support"))
from harness import Process, Skip, until  # noqa: E402
from peers import NODE, confluent, kafka_python, need_kafkajs  # noqa: E402
import harness  # noqa: E402

KAFKA = os.environ.get("KAFKA_VERSION", "3.7.0")
HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"


def broker(arena, **extra):
    if os.environ.get("UNDER_TEST") == "kafka":
        return arena.kafka(arena.service("debian").connect, **extra)
    return arena.gregor(**extra)


def make_topic(ck, b, name, partitions):
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": b.bootstrap})
    list(admin.create_topics([NewTopic(name, partitions, 1)]).values())[0].result(30)
    until(lambda: len(admin.list_topics(timeout=10).topics[name].partitions)
          == partitions, 20, "the topic is there")


def put(ck, b, topic, values, partitions=1):
    producer = ck.Producer({"bootstrap.servers": b.bootstrap, "acks": "all",
                            "message.timeout.ms": 60000})
    failed = []

    def delivered(error, _):
        if error:
            failed.append(error)

    for i, value in enumerate(values):
        producer.produce(topic, value, partition=i % partitions,
                         on_delivery=delivered)
        if i % 1000 == 0:
            producer.poll(0)
    assert producer.flush(60) == 0
    assert not failed, failed[:3]


def kcat_group(arena, b, group, topic, *args):
    return arena.run(["kcat", "-b", b.bootstrap, "-G", group, "-e", "-q", "-X",
                      "auto.offset.reset=earliest", *args, topic],
                     seconds=60).split()


def committed(ck, b, group, topic, partitions, stable=False):
    consumer = ck.Consumer({"bootstrap.servers": b.bootstrap, "group.id": group,
                            "isolation.level": "read_committed" if stable
                            else "read_uncommitted"})
    try:
        found = consumer.committed([ck.TopicPartition(topic, p)
                                    for p in range(partitions)], timeout=60)
        assert not any(tp.error for tp in found), found
        return [max(tp.offset, -1) for tp in found]
    finally:
        consumer.close()


def groups_tool(arena, b, *args, version="3.7.0"):
    cls = ("kafka.admin.ConsumerGroupCommand" if version < "3.8" else
           "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand")
    return arena.tool(cls, "--bootstrap-server", b.bootstrap, *args,
                      version=version)


# -- clients ---------------------------------------------------------------------


def test_kcat_goes_on_where_its_group_stood_also_after_kill_9(arena):
    ck, b = confluent(), broker(arena)
    make_topic(ck, b, "t", 3)
    put(ck, b, "t", [b"a%d" % i for i in range(300)], 3)
    assert len(kcat_group(arena, b, "g", "t")) == 300
    put(ck, b, "t", [b"b%d" % i for i in range(30)], 3)
    assert sorted(kcat_group(arena, b, "g", "t")) == sorted(
        "b%d" % i for i in range(30))
    b.kill()
    b.start()
    put(ck, b, "t", [b"c"], 3)
    assert kcat_group(arena, b, "g", "t") == ["c"]


def share(ck, b, strategy, statics):
    """Three members share 12 partitions; one leaves, one comes."""
    seen, lock, stop = {}, threading.Lock(), threading.Event()
    assigned = {}

    def member(i, until_event):
        config = {"bootstrap.servers": b.bootstrap, "group.id": "share-" + strategy,
                  "auto.offset.reset": "earliest", "session.timeout.ms": 20000,
                  "heartbeat.interval.ms": 500, "enable.auto.commit": False,
                  "partition.assignment.strategy": strategy}
        if statics:
            config["group.instance.id"] = "static-%d" % i
        c = ck.Consumer(config)
        c.subscribe(["share"])
        while not until_event.is_set() and not stop.is_set():
            m = c.poll(0.2)
            with lock:
                assigned[i] = {tp.partition for tp in c.assignment()}
            if m and not m.error():
                try:
                    c.commit(m, asynchronous=False)
                except ck.KafkaException:
                    continue  # a new round: it is read again
                with lock:
                    seen.setdefault(m.value(), []).append(i)
        c.close()
        with lock:
            assigned.pop(i, None)

    leave = [threading.Event() for _ in range(4)]
    threads = [threading.Thread(target=member, args=(i, leave[i]))
               for i in range(4)]

    def balanced(n):
        with lock:
            parts = list(assigned.values())
        return (len(parts) == n and set().union(*parts) == set(range(12)) and
                sum(map(len, parts)) == 12 and min(map(len, parts)) > 0)
    for t in threads[:3]:
        t.start()
    try:
        until(lambda: balanced(3), 90, "three members share")
        put(ck, b, "share", [b"x%d" % i for i in range(240)], 12)
        until(lambda: len(seen) >= 240, 90, "all were read")
        if not statics:  # a static one leaves by its session timeout alone
            leave[0].set()
            until(lambda: balanced(2), 90, "two members share")
        threads[3].start()
        until(lambda: balanced(4 if statics else 3), 90, "a newcomer shares")
        put(ck, b, "share", [b"y%d" % i for i in range(240)], 12)
        until(lambda: len(seen) >= 480, 90, "all were read again")
    finally:
        stop.set()
        for t in threads:
            if t.ident:
                t.join(30)
    assert committed(ck, b, "share-" + strategy, "share", 12) == [40] * 12


def test_librdkafka_members_share_eagerly(arena):
    ck, b = confluent(), broker(arena)
    make_topic(ck, b, "share", 12)
    share(ck, b, "range,roundrobin", False)


def test_librdkafka_members_share_cooperatively(arena):
    ck, b = confluent(), broker(arena)
    make_topic(ck, b, "share", 12)
    share(ck, b, "cooperative-sticky", False)


def test_librdkafka_static_members_share(arena):
    ck, b = confluent(), broker(arena)
    make_topic(ck, b, "share", 12)
    share(ck, b, "range", True)


def test_a_static_member_comes_back_without_a_rebalance(arena):
    ck, b = confluent(), broker(arena)
    make_topic(ck, b, "s", 2)

    def member(i):
        c = ck.Consumer({"bootstrap.servers": b.bootstrap, "group.id": "static",
                         "group.instance.id": "i%d" % i,
                         "session.timeout.ms": 30000})
        c.subscribe(["s"])
        return c
    members = [member(0), member(1)]

    def assigned(c):
        c.poll(0.1)
        return c.assignment()
    until(lambda: all([len(assigned(c)) == 1 for c in members]), 40, "shared")
    generations = len(re.findall("event=group_generation", b.log()))
    before = members[1].assignment()[0].partition
    members[1].close()
    members[1] = member(1)
    until(lambda: len(assigned(members[1])) == 1, 30, "it is back")
    assert members[1].assignment()[0].partition == before
    assert len(re.findall("event=group_generation", b.log())) == generations
    for c in members:
        c.close()


def test_kafka_python_members_share_and_go_on(arena):
    kafka, ck, b = kafka_python(), confluent(), broker(arena)
    make_topic(ck, b, "kp", 4)
    put(ck, b, "kp", [b"v%d" % i for i in range(400)], 4)

    def consumer():
        return kafka.KafkaConsumer(
            "kp", bootstrap_servers=b.bootstrap, group_id="kpg",
            auto_offset_reset="earliest", enable_auto_commit=False,
            session_timeout_ms=10000, heartbeat_interval_ms=1000)
    got, lock = [], threading.Lock()

    def member(stop, seen):  # one that joins blocks its thread
        c = consumer()
        while not stop.is_set():
            found = [r.value for records in c.poll(timeout_ms=200).values()
                     for r in records]
            if not found:
                continue
            try:
                c.commit()
            except kafka.errors.CommitFailedError:
                continue  # a new round: they are read again
            with lock:
                got.extend(found)
            seen.append(len(found))
        c.close()

    def read(n, want, kind, tag):
        stop, seen = threading.Event(), [[] for _ in range(n)]
        threads = [threading.Thread(target=member, args=(stop, s)) for s in seen]
        for t in threads:
            t.start()
        more = 0
        try:
            def done():
                nonlocal more
                put(ck, b, "kp", [tag + b"-%d" % (more + i) for i in range(4)], 4)
                more += 4
                with lock:
                    those = {v for v in got if v.startswith(kind)}
                return len(those) >= want and all(seen)
            until(done, 90, f"{n} members take part")
        finally:
            stop.set()
            for t in threads:
                t.join(40)
    read(2, 400, b"v", b"first")
    del got[:]
    put(ck, b, "kp", [b"w%d" % i for i in range(40)], 4)
    read(1, 40, b"w", b"second")
    assert not any(v.startswith(b"v") for v in got), got[:3]


def test_kafkajs_members_share_and_go_on(arena):
    need_kafkajs()
    b = broker(arena)
    out = arena.run(["node", HERE + "/groups.js", b.bootstrap], seconds=200,
                    env=NODE)
    assert "kafkajs ok" in out, out


def java_console(arena, version):
    ck, b = confluent(), broker(arena)
    make_topic(ck, b, "j", 3)
    cls = ("kafka.tools.ConsoleConsumer" if version < "3.8" else
           "org.apache.kafka.tools.consumer.ConsoleConsumer")

    def consume(n, *props):
        return arena.tool(cls, "--bootstrap-server", b.bootstrap, "--topic", "j",
                          "--group", "jg", "--from-beginning", "--max-messages", n,
                          "--timeout-ms", 30000, *props, version=version,
                          seconds=90).split()
    put(ck, b, "j", [b"a%d" % i for i in range(300)], 3)
    assert len(consume(300)) == 300
    put(ck, b, "j", [b"b%d" % i for i in range(30)], 3)
    got = consume(30, "--consumer-property", "partition.assignment.strategy="
                  "org.apache.kafka.clients.consumer.CooperativeStickyAssignor")
    assert sorted(got) == sorted("b%d" % i for i in range(30)), got[:5]
    assert sum(committed(ck, b, "jg", "j", 3)) == 330


def test_java_3_7_console_consumer_goes_on_where_its_group_stood(arena):
    java_console(arena, "3.7.0")


def test_java_4_0_console_consumer_goes_on_where_its_group_stood(arena):
    java_console(arena, "4.0.0")


# -- administration ------------------------------------------------------------------


def administer(arena, version):
    ck, b = confluent(), broker(arena)
    make_topic(ck, b, "adm", 3)
    put(ck, b, "adm", [b"a%d" % i for i in range(300)], 3)
    assert len(kcat_group(arena, b, "idle", "adm")) == 300
    put(ck, b, "adm", [b"b%d" % i for i in range(9)], 3)
    listed = groups_tool(arena, b, "--list", version=version).split()
    assert "idle" in listed, listed
    out = groups_tool(arena, b, "--describe", "--group", "idle", version=version)
    rows = [r.split() for r in out.splitlines() if r.startswith("idle")]
    assert sorted(r[1:6] for r in rows) == [
        ["adm", str(p), "100", "103", "3"] for p in range(3)], out

    c = ck.Consumer({"bootstrap.servers": b.bootstrap, "group.id": "busy",
                     "client.id": "me", "enable.auto.commit": False})
    c.subscribe(["adm"])
    until(lambda: c.poll(0.2) or len(c.assignment()) == 3, 60)
    c.commit(offsets=[ck.TopicPartition("adm", 0, 7)], asynchronous=False)
    out = groups_tool(arena, b, "--describe", "--group", "busy", "--members",
                      "--verbose", version=version)
    assert re.search(r"busy\s+me-\S+\s+/127.0.0.1\s+me\s+3\s+.*adm", out), out
    out = groups_tool(arena, b, "--describe", "--group", "busy", "--state",
                      version=version)
    assert "Stable" in out and b.bootstrap in out, out
    try:  # it says so and ends with an error, or with none, by its version
        out = groups_tool(arena, b, "--delete", "--group", "busy",
                          version=version)
    except AssertionError as e:
        out = str(e)
    assert "GroupNotEmpty" in out or "not empty" in out, out
    c.close()

    out = groups_tool(arena, b, "--reset-offsets", "--group", "idle", "--topic",
                      "adm", "--to-offset", 50, "--execute", version=version)
    assert committed(ck, b, "idle", "adm", 3) == [50, 50, 50], out
    groups_tool(arena, b, "--delete-offsets", "--group", "idle", "--topic",
                "adm:1", version=version)
    assert committed(ck, b, "idle", "adm", 3) == [50, -1, 50]
    groups_tool(arena, b, "--delete", "--group", "idle", version=version)
    assert "idle" not in groups_tool(arena, b, "--list", version=version).split()
    assert committed(ck, b, "idle", "adm", 3) == [-1, -1, -1]
    b.kill()
    b.start()
    assert committed(ck, b, "idle", "adm", 3) == [-1, -1, -1]
    assert committed(ck, b, "busy", "adm", 3) == [7, -1, -1]


def test_kafka_consumer_groups_3_7_lists_describes_resets_and_deletes(arena):
    administer(arena, "3.7.0")


def test_kafka_consumer_groups_4_0_lists_describes_resets_and_deletes(arena):
    administer(arena, "4.0.0")


def test_deleting_a_topic_drops_its_offsets(arena):
    ck, b = confluent(), broker(arena)
    from confluent_kafka.admin import AdminClient
    for name in ("stays", "goes"):
        make_topic(ck, b, name, 2)
    c = ck.Consumer({"bootstrap.servers": b.bootstrap, "group.id": "g"})
    c.commit(offsets=[ck.TopicPartition(t, p, 5 + p) for t in ("stays", "goes")
                      for p in range(2)], asynchronous=False)
    c.close()
    admin = AdminClient({"bootstrap.servers": b.bootstrap})
    list(admin.delete_topics(["goes"]).values())[0].result(20)
    until(lambda: committed(ck, b, "g", "goes", 2) == [-1, -1], 20)
    assert committed(ck, b, "g", "stays", 2) == [5, 6]
    b.kill()
    b.start()
    assert committed(ck, b, "g", "goes", 2) == [-1, -1]
    assert committed(ck, b, "g", "stays", 2) == [5, 6]


# -- plain requests ----------------------------------------------------------------------


def text(s):
    return struct.pack(">h", len(s)) + s.encode()


def ask(b, key, version, body):
    """One request in a header of version 1; the answer's body."""
    with socket.create_connection(("127.0.0.1", b.port), 10) as s:
        frame = struct.pack(">hhi", key, version, 7) + text("plain") + body
        s.sendall(struct.pack(">i", len(frame)) + frame)
        data = b""
        while len(data) < 4 or len(data) < 4 + struct.unpack(">i", data[:4])[0]:
            more = s.recv(65536)
            assert more, "the broker closed the connection"
            data += more
        return data[8:]


def test_offsets_of_version_0_lie_in_zookeeper(arena):
    ck = confluent()
    try:
        from kazoo.client import KazooClient
    except ImportError:
        raise Skip("python3-kazoo is not installed")
    service = arena.service("debian")
    b = arena.gregor(service.connect)
    make_topic(ck, b, "old", 2)

    def part(n, *rest):
        return struct.pack(">i", n) + b"".join(rest)
    commit = text("og") + part(1, text("old")) + part(
        2, struct.pack(">iq", 0, 42), text(""), struct.pack(">iq", 7, 1), text(""))
    answer = ask(b, 8, 0, commit)
    assert answer == part(1, text("old")) + part(
        2, struct.pack(">ih", 0, 0), struct.pack(">ih", 7, 3)), answer
    zk = KazooClient(hosts=service.connect, timeout=10)
    zk.start(10)
    assert zk.get("/consumers/og/offsets/old/0")[0] == b"42"
    zk.stop()
    fetch = text("og") + part(1, text("old")) + part(2, struct.pack(">ii", 0, 1))
    answer = ask(b, 9, 0, fetch)
    assert answer == part(1, text("old")) + part(
        2, struct.pack(">iq", 0, 42), text(""), struct.pack(">h", 0),
        struct.pack(">iq", 1, -1), text(""), struct.pack(">h", 3)), answer


def test_an_expiry_that_a_commit_asks_for_is_kept_to(arena):
    ck = confluent()
    b = arena.gregor(offsets_retention_check_interval_ms=200)
    make_topic(ck, b, "e", 2)
    assert kcat_group(arena, b, "warm", "e") == []

    def commit(partition, retention):
        body = (text("eg") + struct.pack(">i", -1) + text("") +
                struct.pack(">q", retention) + struct.pack(">i", 1) + text("e") +
                struct.pack(">iiq", 1, partition, 5) + text(""))
        # its partition may be on its way to be loaded still
        until(lambda: ask(b, 8, 2, body).endswith(struct.pack(">ih", partition, 0)),
              30, "the commit")
    until(lambda: ask(b, 10, 0, text("eg"))[:2] == b"\0\0", 30)
    commit(0, 300)
    commit(1, -1)
    assert committed(ck, b, "eg", "e", 2)[1] == 5
    until(lambda: committed(ck, b, "eg", "e", 2) == [-1, 5], 20)
    b.kill()
    b.start()
    assert committed(ck, b, "eg", "e", 2) == [-1, 5]


def test_the_offsets_topic_waits_for_enough_brokers_and_warns_once(arena):
    b = arena.gregor(offsets_topic_replication_factor=3)
    for _ in range(20):
        answer = ask(b, 10, 0, text("g"))
        assert struct.unpack(">h", answer[:2])[0] == 15, answer
    assert b.log().count("event=offsets_topic_not_created") == 1
    # a transaction's coordinator is refused for good
    answer = ask(b, 10, 1, text("tx") + b"\1")
    assert struct.unpack(">h", answer[4:6])[0] == 35, answer


# -- turns with Apache Kafka ---------------------------------------------------------------


def transactional(arena, b, topic, group, commit, offset):
    code = """
import sys
from confluent_kafka import Producer, Consumer, TopicPartition
b, topic, group, commit, offset = sys.argv[1:6]
c = Consumer({'bootstrap.servers': b, 'group.id': group})
p = Producer({'bootstrap.servers': b, 'transactional.id': 'tx-' + group})
p.init_transactions(30)
p.begin_transaction()
p.produce(topic, b'x', partition=0)
p.send_offsets_to_transaction([TopicPartition(topic, 0, int(offset))],
                              c.consumer_group_metadata(), 30)
p.commit_transaction(30) if commit == '1' else p.abort_transaction(30)
"""
    arena.run([PYTHON, "-c", code, b.bootstrap, topic, group, str(int(commit)),
               str(offset)])


def start_again(b, zk):
    until(lambda: zk.exists(f"/brokers/ids/{b.id}") is None, 40,
          "the old registration is gone")
    return b.start()


def test_kafka_and_gregor_continue_each_others_groups(arena):
    ck = confluent()
    try:
        from kazoo.client import KazooClient
    except ImportError:
        raise Skip("python3-kazoo is not installed")
    service = arena.service("debian")
    zk = KazooClient(hosts=service.connect, timeout=10)
    zk.start(10)
    timeout = {"zookeeper.session.timeout.ms": 6000,
               "offsets.topic.num.partitions": 5}
    directory = arena.path("broker")
    kafka = arena.kafka(service.connect, 0, directory, version=KAFKA, **timeout)
    gregor = arena.gregor(service.connect, 0, directory, kafka.port, start=False,
                          **timeout)
    make_topic(ck, kafka, "t", 3)
    put(ck, kafka, "t", [b"a%d" % i for i in range(30)], 3)
    assert len(kcat_group(arena, kafka, "g", "t")) == 30
    transactional(arena, kafka, "t", "tx-committed", True, 4)
    transactional(arena, kafka, "t", "tx-aborted", False, 4)
    turns = [gregor, kafka, gregor]
    current, expect = kafka, 30
    for n, b in enumerate(turns):
        current.stop(60) if n % 2 == 0 else current.kill()
        start_again(b, zk)
        current = b
        tag = b"turn%d-" % n
        put(ck, b, "t", [tag + b"%d" % i for i in range(30)], 3)
        got = kcat_group(arena, b, "g", "t")
        assert all(v.startswith(tag.decode()) or v == "x" for v in got), got[:5]
        assert len(set(got) - {"x"}) == 30, (b, len(got))
        assert committed(ck, b, "tx-committed", "t", 1) == [4]
        assert committed(ck, b, "tx-aborted", "t", 1) == [-1]
        out = groups_tool(arena, b, "--describe", "--group", "g")
        assert len(re.findall(r"^g\s+t\s+\d\s+\d+\s+\d+\s+0", out, re.M)) == 3, out
    zk.stop()


OPEN_TRANSACTION = """
import os, sys
from confluent_kafka import Producer, Consumer, TopicPartition
b, topic, group = sys.argv[1:4]
c = Consumer({'bootstrap.servers': b, 'group.id': group})
c.commit(offsets=[TopicPartition(topic, p, 2) for p in (0, 1)], asynchronous=False)
p = Producer({'bootstrap.servers': b, 'transactional.id': 'tx-' + group,
              'transaction.timeout.ms': 20000})
p.init_transactions(30)
p.begin_transaction()
p.produce(topic, b'x', partition=0)
p.flush(30)
p.send_offsets_to_transaction([TopicPartition(topic, 0, 7), TopicPartition(topic, 2, 7)],
                              c.consumer_group_metadata(), 30)
os._exit(0)
"""


def compact(s):
    return bytes([len(s) + 1]) + s.encode()


def fetched(b, group, topic, partitions, stable):
    """What OffsetFetch 7 says of each: (committed offset, error code); or the
    group's error code."""
    indexes = struct.pack(f">b{partitions}i", partitions + 1, *range(partitions))
    answer = ask(b, 9, 7, b"\0" + compact(group) + b"\2" + compact(topic) + indexes +
                 b"\0" + bytes([stable]) + b"\0")
    error = struct.unpack(">h", answer[-3:-1])[0]
    if error:
        return error
    each = struct.Struct(">iqibhb")
    found = [each.unpack_from(answer, 8 + len(topic) + i * each.size)
             for i in range(partitions)]
    assert [f[0] for f in found] == list(range(partitions)), answer
    return [(f[1], f[4]) for f in found]


def test_offsets_of_a_transaction_that_kafka_left_open_are_unstable(arena):
    ck = confluent()
    try:
        from kazoo.client import KazooClient
    except ImportError:
        raise Skip("python3-kazoo is not installed")
    service = arena.service("debian")
    zk = KazooClient(hosts=service.connect, timeout=10)
    zk.start(10)
    settings = {"zookeeper.session.timeout.ms": 6000,
                "offsets.topic.num.partitions": 1,
                "transaction.state.log.num.partitions": 1,
                "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500}
    directory = arena.path("broker")
    kafka = arena.kafka(service.connect, 0, directory, version=KAFKA, **settings)
    gregor = arena.gregor(service.connect, 0, directory, kafka.port, start=False,
                          **settings)
    make_topic(ck, kafka, "t", 4)
    arena.run([PYTHON, "-c", OPEN_TRANSACTION, kafka.bootstrap, "t", "open"])
    known = [(-1, 88), (2, 0), (-1, 88), (-1, 0)]
    any_time = [(2, 0), (2, 0), (-1, 0), (-1, 0)]
    assert fetched(kafka, "open", "t", 4, True) == known
    assert fetched(kafka, "open", "t", 4, False) == any_time
    kafka.kill()
    start_again(gregor, zk)
    until(lambda: fetched(gregor, "open", "t", 4, True) == known, 60, "loaded")
    assert fetched(gregor, "open", "t", 4, False) == any_time
    assert committed(ck, gregor, "open", "t", 4) == [2, 2, -1, -1]
    gregor.stop(60)
    # who coordinates transactions aborts it at last
    start_again(kafka, zk)
    until(lambda: fetched(kafka, "open", "t", 4, True) == any_time, 120, "it is aborted")
    kafka.stop(60)
    start_again(gregor, zk)
    until(lambda: fetched(gregor, "open", "t", 4, True) == any_time, 60, "loaded")
    assert committed(ck, gregor, "open", "t", 4, stable=True) == [2, 2, -1, -1]
    zk.stop()


def test_apache_kafka_decodes_what_we_write(arena):
    ck, b = confluent(), broker(arena, offsets_topic_num_partitions=1)
    make_topic(ck, b, "t", 1)
    put(ck, b, "t", [b"1", b"2"])
    assert kcat_group(arena, b, "group-x", "t") == ["1", "2"]
    b.stop()
    log = glob.glob(b.log_dir + "/__consumer_offsets-0/*.log")[0]
    out = arena.tool("kafka.tools.DumpLogSegments", "--offsets-decoder", "--files",
                     log)
    assert '"group":"group-x","topic":"t","partition":0' in out.replace(" ", "") \
        or "group-x" in out, out
    assert re.search(r'"offset":\s*2', out) or "offset=2" in out, out
    assert "Stable" not in out and "range" in out, out
    b.start()


# -- crashes -------------------------------------------------------------------------------


def member(arena, b, group, topic, path, strategy="range", instance=None):
    argv = [PYTHON, HERE + "/member_librdkafka.py", b.bootstrap, group, topic, path,
            strategy, instance or "-"]
    p = Process(argv, path + ".log")
    arena.processes.append(p)
    return p


def lines(paths):
    found = []
    for path in paths:
        if os.path.exists(path):
            with open(path, "rb") as f:
                found += f.read().split(b"\n")[:-1]
    return found


def test_the_partitions_of_a_killed_member_are_served_by_another(arena):
    ck, b = confluent(), broker(arena)
    make_topic(ck, b, "k", 4)
    paths = [arena.path("m0"), arena.path("m1")]
    members = [member(arena, b, "kg", "k", p) for p in paths]
    sent = 0

    def all_read(tag):
        return {v for v in lines(paths) if v.startswith(tag)}
    while not all(lines([p]) for p in paths):  # both take part
        put(ck, b, "k", [b"warm%d" % (sent + i) for i in range(8)], 4)
        sent += 8
        time.sleep(0.2)
    members[0].kill()
    began = time.monotonic()
    put(ck, b, "k", [b"after%d" % i for i in range(8)], 4)
    until(lambda: len(all_read(b"after")) == 8, 60, "the rest is served")
    took = time.monotonic() - began
    # session timeout 6 s, survivors' heartbeat 0.5 s, and the clients' own time;
    # shown, not judged: the machine has others to serve
    print(f"     served again after {took:.1f} s")
    members[1].stop()


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
