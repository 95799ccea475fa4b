#!/usr/bin/python3
"""One directory and one ZooKeeper, served by Gregor and by Apache Kafka in turn.

The znodes that Gregor writes are compared with those Apache Kafka writes.
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "support"))
from harness import Skip, until  # noqa: E402
import harness  # noqa: E402

KAFKA = os.environ.get("KAFKA_VERSION", "3.7.0")


def kazoo(service):
    try:
        from kazoo.client import KazooClient
    except ImportError:
        raise Skip("python3-kazoo is not installed")
    client = KazooClient(hosts=service.connect, timeout=10)
    client.start(10)
    return client


def put(arena, b, topic, tag, n=500, *args):
    def done():
        return arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", topic, "-p", "0",
                          *args],
                         stdin="".join(f"{tag}-{i}\n" for i in range(n)).encode(),
                         check=False) is not None
    until(lambda: topic in arena.run(["kcat", "-b", b.bootstrap, "-L"]) or
          create(arena, b, topic), 20, "topic there")
    done()
    return [f"{tag}-{i}" for i in range(n)]


def create(arena, b, topic):
    arena.tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server",
               b.bootstrap, "--create", "--topic", topic, version=KAFKA)
    return True


def get(arena, b, topic, *args):
    return arena.run(["kcat", "-b", b.bootstrap, "-C", "-t", topic, "-p", "0", "-e",
                      "-q", "-o", "beginning", *args], check=False).split()


def transactions(arena, b, topic):
    """A committed and an aborted transaction; what read committed sees."""
    code = """
import sys, time
from confluent_kafka import Producer
p = Producer({'bootstrap.servers': sys.argv[1], 'transactional.id': 'tx'})
p.init_transactions(30)
for n in range(2):
    p.begin_transaction()
    for i in range(100):
        p.produce(sys.argv[2], ('txn%d-%d' % (n, i)).encode(), partition=0)
    p.flush(10)
    p.commit_transaction(30) if n == 0 else p.abort_transaction(30)
"""
    arena.run(["/usr/bin/python3", "-c", code, b.bootstrap, topic])
    return [f"txn0-{i}" for i in range(100)]


def start_again(broker, zk):
    """Start once the other broker's registration is gone."""
    until(lambda: zk.exists(f"/brokers/ids/{broker.id}") is None, 40,
          "the old registration is gone")
    return broker.start()


def served(arena, broker, sent):
    """The broker serves these records (once it leads the partition)."""
    def all_there():
        all_there.got = get(arena, broker, "swap", "-X",
                            "isolation.level=read_committed")
        return all_there.got == sent
    try:
        until(all_there, 20)
    except AssertionError:
        raise AssertionError(f"{len(all_there.got)} records instead of {len(sent)}; "
                             f"first {all_there.got[:2]}, last {all_there.got[-2:]}")


def swap(arena, kind, clean):
    service = arena.service(kind)
    zk = kazoo(service)
    timeout = {"zookeeper.session.timeout.ms": 6000}
    directory = arena.path("broker")
    kafka = arena.kafka(service.connect, 0, directory, version=KAFKA, **timeout)
    until(lambda: "1 brokers" in arena.run(["kcat", "-b", kafka.bootstrap, "-L"]), 20)
    sent = put(arena, kafka, "swap", "kafka", 500, "-z", "lz4")
    sent += transactions(arena, kafka, "swap")
    leave = (lambda b: b.stop(60)) if clean else (lambda b: b.kill())
    leave(kafka)
    gregor = arena.gregor(service.connect, 0, directory, kafka.port, start=False,
                          **timeout)
    start_again(gregor, zk)
    served(arena, gregor, sent)
    sent += put(arena, gregor, "swap", "gregor", 500, "-z", "zstd")
    fresh = put(arena, gregor, "fresh", "fresh", 300, "-X", "enable.idempotence=true")
    leave(gregor)
    start_again(kafka, zk)
    served(arena, kafka, sent)
    assert get(arena, kafka, "fresh") == fresh
    sent += put(arena, kafka, "swap", "again", 100)
    kafka.stop(60)
    assert "ERROR" not in re.sub(r"ERROR Uncaught.*", "", kafka.log()) or clean
    start_again(gregor, zk)
    served(arena, gregor, sent)
    zk.stop()


def test_kafka_and_gregor_take_turns_after_clean_stops(arena):
    swap(arena, "debian", True)


def test_kafka_and_gregor_take_turns_after_kill_9(arena):
    swap(arena, "zookeeper-3.9.2", False)


def test_kafka_and_gregor_take_turns_on_gregors_keeper(arena):
    swap(arena, "keeper", True)


def tree(zk, path="/"):
    """All znodes: path to (data, ephemeral, version)."""
    data, stat = zk.get(path)
    found = {path: (data, bool(stat.ephemeralOwner), stat.version)}
    for child in zk.get_children(path):
        if path == "/" and child == "zookeeper":
            continue
        found.update(tree(zk, path.rstrip("/") + "/" + child))
    return found


def normal(path, data):
    """Payload with what must differ taken out: times, ids, ports."""
    if not data:
        return data
    try:
        value = json.loads(data)
    except ValueError:
        return data
    if not isinstance(value, dict):
        return value
    for key in ("timestamp", "topic_id", "id", "port", "endpoints"):
        if key in value:
            value[key] = type(value[key]).__name__
    return value


def test_znodes_are_those_that_kafka_writes(arena):
    trees = []
    for start in (arena.kafka, arena.gregor):
        service = arena.service("debian")
        zk = kazoo(service)
        b = start(service.connect, 0)
        until(lambda: "1 brokers" in arena.run(["kcat", "-b", b.bootstrap, "-L"]), 20)
        at = ["--bootstrap-server", b.bootstrap]
        arena.tool("org.apache.kafka.tools.TopicCommand", *at, "--create", "--topic",
                   "one", "--partitions", 2, "--config", "retention.ms=1000")
        arena.tool("org.apache.kafka.tools.TopicCommand", *at, "--create", "--topic",
                   "gone")
        arena.tool("kafka.admin.ConfigCommand", *at, "--alter", "--entity-type",
                   "topics", "--entity-name", "one", "--add-config",
                   "segment.bytes=100000")
        arena.tool("kafka.admin.ConfigCommand", *at, "--alter", "--entity-type",
                   "brokers", "--entity-default", "--add-config",
                   "log.cleaner.threads=2")
        arena.tool("org.apache.kafka.tools.TopicCommand", *at, "--alter", "--topic",
                   "one", "--partitions", 3)
        arena.tool("org.apache.kafka.tools.TopicCommand", *at, "--delete", "--topic",
                   "gone")
        arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", "one", "-X",
                   "enable.idempotence=true"], stdin=b"x\n")
        until(lambda: zk.exists("/brokers/topics/gone") is None, 20)
        trees.append(tree(zk))
        b.kill()
        zk.stop()
    kafka, gregor = trees
    assert sorted(kafka) == sorted(gregor), (
        f"only Kafka: {sorted(set(kafka) - set(gregor))}; "
        f"only Gregor: {sorted(set(gregor) - set(kafka))}")
    for path, (data, ephemeral, version) in kafka.items():
        ours = gregor[path]
        assert normal(path, data) == normal(path, ours[0]), (path, data, ours[0])
        assert ephemeral == ours[1], path
        assert version == ours[2], (path, version, ours[2])


def test_a_gregor_and_a_kafka_broker_form_one_cluster(arena):
    service = arena.service("debian")
    zk = kazoo(service)
    for first, second in ((arena.kafka, arena.gregor), (arena.gregor, arena.kafka)):
        a = first(service.connect, 0)
        b = second(service.connect, 1)
        for x in (a, b):
            until(lambda: "2 brokers" in arena.run(["kcat", "-b", x.bootstrap, "-L"]),
                  30, "two brokers known")
        topic = f"mixed{a.process.pid}"
        arena.tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server",
                   a.bootstrap, "--create", "--topic", topic, "--partitions", 4)
        arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", topic],
                  stdin=b"".join(b"%d\n" % i for i in range(400)))
        out = arena.run(["kcat", "-b", a.bootstrap, "-C", "-t", topic, "-e", "-q"])
        assert sorted(map(int, out.split())) == list(range(400))
        b.stop(60)
        a.stop(60)
        until(lambda: not zk.get_children("/brokers/ids"), 30)
    zk.stop()


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
