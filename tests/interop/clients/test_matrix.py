#!/usr/bin/python3
"""Each client: every acks and codec, every start position, a kill -9.

test_clients.py has the same of kcat and librdkafka, and the Java tools' acks and
codecs; test_digests.py has a gigabyte through a topic. The kill -9 comes while a
client produces: afterwards each record that it was told is written is there, and with
an idempotent producer none is there twice. COORDINATION and UNDER_TEST are
test_clients.py's.
"""
import os
import subprocess
import sys
import threading
import time

import test_clients as clients
from test_clients import HERE, broker, kcat
from harness import until
from peers import NODE, confluent, go_program, kafka_python
import harness


def read_numbers(arena, b, topic):
    out = kcat(arena, b, "-C", "-t", topic, "-p", "0", "-e", "-q", "-o", "beginning",
               "-X", "check.crcs=true")
    return [int(line.split()[0]) for line in out.splitlines()]


def check_kept(arena, b, topic, acked, total, idempotent, complete):
    """What was acknowledged is there; what the other two ask is there as well."""
    got = read_numbers(arena, b, topic)
    lost = set(acked) - set(got)
    assert not lost, (len(lost), sorted(lost)[:5])
    if idempotent:
        assert len(got) == len(set(got)), (len(got), len(set(got)), total)
    if complete:
        assert got == list(range(total)), (len(got), len(set(got)), total)


def storm(arena, topic, argv, total, number, idempotent=True, complete=True, env=None):
    """A producer that says what is acknowledged, and a kill -9 in its middle.

    `argv` takes the broker; `number` takes a line and is the acknowledged record's
    number or None. The pipe holds the producer back while nobody reads, so that
    the broker ends long before the producer does. A `complete` producer never
    gives a record up, so that all are acknowledged and there in order.
    """
    b = broker(arena)
    errors = open(arena.path(topic + ".err"), "w+")
    child = subprocess.Popen(argv(b), stdout=subprocess.PIPE, stderr=errors, text=True,
                             env={**os.environ, **(env or {})})
    acked, killed, rest = [], False, []
    with child:
        try:
            for line in child.stdout:
                n = number(line)
                if n is None:
                    rest.append(line)
                    continue
                acked.append(n)
                if not killed and len(acked) > total // 10:
                    b.kill()
                    killed = True
                    b.start()
            assert child.wait(60) == 0, rest[-3:]
        except BaseException:
            child.kill()
            raise
    errors.seek(0)
    assert killed, (rest[-5:], errors.read()[-2000:])
    assert len(acked) > total // 5, (len(acked), rest[:5], errors.read()[-2000:])
    if complete:
        assert len(acked) == total, (len(acked), rest[:5], errors.read()[-2000:])
    check_kept(arena, b, topic, acked, total, idempotent, complete)


def said(line):
    words = line.split()
    return int(words[1]) if words and words[0] == "acked" else None


# Go

def go_client(arena, name):
    """The matrix program of one Go client."""
    return go_program(arena, f"{HERE}/matrix.go.txt", f"{HERE}/matrix_{name}.go.txt")


def go_run(arena, name, mode, *args, seconds=120):
    client = go_client(arena, name)
    b = broker(arena)
    out = arena.run([client, mode, b.bootstrap, "t", *map(str, args)], seconds=seconds)
    assert out.endswith("ok\n"), out


def go_storm(arena, name, kind, complete, total=200000):
    client = go_client(arena, name)
    storm(arena, "t", lambda b: [client, "storm", b.bootstrap, "t", str(total), kind],
          total, said, idempotent=kind != "plain", complete=complete)


def test_franz_go_uses_every_acks_and_codec(arena):
    go_run(arena, "franz", "matrix")


def test_franz_go_starts_at_every_position(arena):
    go_run(arena, "franz", "positions")


def test_franz_go_keeps_what_was_acknowledged_across_kill_9(arena):
    go_storm(arena, "franz", "plain", False)


def test_franz_go_writes_once_across_kill_9_when_idempotent(arena):
    go_storm(arena, "franz", "idempotent", True)


def test_sarama_uses_every_acks_and_codec(arena):
    go_run(arena, "sarama", "matrix")


def test_sarama_starts_at_every_position(arena):
    go_run(arena, "sarama", "positions")


def test_sarama_keeps_what_was_acknowledged_across_kill_9(arena):
    go_storm(arena, "sarama", "plain", False)


def test_sarama_writes_once_across_kill_9_when_idempotent_one_by_one(arena):
    # With more than one record in flight, sarama 1.43.3 loses its way when the
    # connection ends: the records go into new batches, one with sequence 29594 right
    # after 22122, as 22123; and each record that is refused then raises the epoch
    # while others get their sequence, so that different records go out with one epoch
    # and sequence, are answered as the duplicates they claim to be, and are reported
    # as written. Apache Kafka 3.7.0 answers them the same, and they are lost there as
    # well, after a kill -9 and after a mere break of the connection.
    go_storm(arena, "sarama", "single", False, 20000)


# kafkajs

def js_run(arena, b, mode, *args):
    out = arena.run(["node", HERE + "/matrix.js", mode, b.bootstrap,
                     *map(str, args or ["t"])], seconds=300, env=NODE)
    assert out.endswith("ok\n"), out
    return out


def codec_on_disk(b, topic):
    """The codec of the topic's first batch as the broker keeps it."""
    with open(f"{b.log_dir}/{topic}-0/{0:020d}.log", "rb") as f:
        attributes = f.read(23)[21:]
    return clients.CODECS[int.from_bytes(attributes, "big") & 7]


def test_kafkajs_uses_every_acks_and_codec(arena):
    clients.need_kafkajs()
    b, sent = broker(arena), [f"v{i}" for i in range(300)]
    js_run(arena, b, "matrix")
    topics = {f"t-{codec}-{acks}": codec for codec in clients.CODECS
              for acks in (0, 1, -1)}
    for topic, codec in topics.items():
        until(lambda: kcat(arena, b, "-C", "-t", topic, "-e", "-q", "-o",
                           "beginning").split() == sent, 30, topic)
        assert codec_on_disk(b, topic) == codec, topic
    js_run(arena, b, "values", *topics)


def test_kafkajs_reads_what_others_compress(arena):
    # Their frames differ: kafka-python's snappy is framed and librdkafka's is bare.
    clients.need_kafkajs()
    kafka = kafka_python()
    b, sent = broker(arena), [f"v{i}" for i in range(300)]
    topics = []
    for codec in clients.CODECS[1:]:
        kcat(arena, b, "-P", "-t", "kcat-" + codec, "-z", codec,
             stdin="\n".join(sent).encode())
        topics.append("kcat-" + codec)
        if not getattr(kafka.codec, "has_" + codec)():
            continue
        producer = kafka.KafkaProducer(bootstrap_servers=b.bootstrap, acks="all",
                                       compression_type=codec, linger_ms=50)
        for value in sent:
            producer.send("python-" + codec, value.encode(), partition=0)
        producer.flush(20)
        producer.close()
        topics.append("python-" + codec)
    js_run(arena, b, "values", *topics)


def test_kafkajs_finds_every_position(arena):
    clients.need_kafkajs()
    js_run(arena, broker(arena), "positions")


def test_kafkajs_writes_once_across_kill_9_when_idempotent(arena):
    clients.need_kafkajs()
    storm(arena, "t", lambda b: ["node", HERE + "/matrix.js", "storm", b.bootstrap,
                                 "t", "20000"], 20000, said, env=NODE)


# confluent-kafka-python; its kill -9 and offsets by time are in test_clients.py

def test_confluent_python_uses_every_acks_and_codec(arena):
    ck, b, sent = confluent(), broker(arena), clients.lines(500)
    for codec in clients.CODECS:
        for acks in ("0", "1", "all"):
            topic = f"t-{codec}-{acks}"
            producer = ck.Producer({"bootstrap.servers": b.bootstrap, "acks": acks,
                                    "compression.type": codec})
            for value in sent:
                producer.produce(topic, value, partition=0)
            assert producer.flush(30) == 0
            until(lambda: [m.value().decode() for m in clients.read_all(
                ck, b, topic)] == sent, 30, topic)


def test_confluent_python_starts_at_every_position(arena):
    ck, b = confluent(), broker(arena)
    producer = ck.Producer({"bootstrap.servers": b.bootstrap})
    for value in clients.lines(100):
        producer.produce("t", value, partition=0)
    assert producer.flush(30) == 0
    for start, offsets in ((ck.OFFSET_BEGINNING, range(100)), (42, range(42, 100)),
                           (99, range(99, 100)), (100, []), (ck.OFFSET_END, [])):
        got = [m.offset() for m in clients.read_all(ck, b, "t", start=start)]
        assert got == list(offsets), (start, got[:3], len(got))


# kafka-python

def consumer_of(kafka, b, topic):
    consumer = kafka.KafkaConsumer(bootstrap_servers=b.bootstrap,
                                   consumer_timeout_ms=20000)
    tp = kafka.TopicPartition(topic, 0)
    consumer.assign([tp])
    return consumer, tp


def test_kafka_python_starts_at_every_position(arena):
    # Its acks and codecs are in test_clients.py.
    kafka = kafka_python()
    b = broker(arena)
    producer = kafka.KafkaProducer(bootstrap_servers=b.bootstrap, acks="all")
    base = int(time.time() * 1000) - 100000
    for i in range(100):
        producer.send("t", b"early", partition=0, timestamp_ms=base + i * 1000)
    producer.flush(20)
    consumer, tp = consumer_of(kafka, b, "t")
    consumer.seek_to_beginning(tp)
    assert next(consumer).offset == 0
    for offset in (42, 99):
        consumer.seek(tp, offset)
        assert next(consumer).offset == offset
    for when, offset in ((base, 0), (base + 60000, 60), (base + 60001, 61)):
        found = consumer.offsets_for_times({tp: when})[tp].offset
        assert found == offset, (when, found)
        consumer.seek(tp, found)
        assert next(consumer).offset == offset
    assert consumer.offsets_for_times({tp: base + 200000})[tp] is None
    consumer.seek_to_end(tp)
    assert consumer.position(tp) == 100
    producer.send("t", b"late", partition=0)
    producer.flush(20)
    late = next(consumer)
    assert (late.offset, late.value) == (100, b"late"), late
    consumer.close()
    producer.close()


def test_kafka_python_keeps_what_was_acknowledged_across_kill_9(arena):
    kafka = kafka_python()
    b = broker(arena)
    producer = kafka.KafkaProducer(bootstrap_servers=b.bootstrap, acks="all",
                                   retries=100000)
    total, acked, at_kill, failed = 30000, [], [], []

    def killer():
        until(lambda: len(acked) > total // 10, 60, "some acknowledged records")
        b.kill()
        at_kill.append(len(acked))
        b.start()
    thread = threading.Thread(target=killer)
    thread.start()
    for i in range(total):
        producer.send("t", b"%d " % i + b"z" * 90, partition=0).add_callback(
            lambda _, i=i: acked.append(i)).add_errback(failed.append)
    thread.join()
    producer.flush(120)
    producer.close()
    assert at_kill and at_kill[0] < total, at_kill
    assert len(acked) + len(failed) == total and len(acked) > at_kill[0], len(acked)
    check_kept(arena, b, "t", acked, total, False, False)


# The Java tools

def console(name, version):
    if version.startswith("4"):
        return {"producer": "org.apache.kafka.tools.ConsoleProducer",
                "consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer"}[name]
    return {"producer": "kafka.tools.ConsoleProducer",
            "consumer": "kafka.tools.ConsoleConsumer"}[name]


def java_positions(arena, version):
    b = broker(arena)
    kcat(arena, b, "-P", "-t", "t", stdin="\n".join(clients.lines(100)).encode())
    middle = int(time.time() * 1000)
    time.sleep(0.002)  # the next records get a later millisecond
    kcat(arena, b, "-P", "-t", "t", stdin="\n".join(clients.lines(10, "l")).encode())
    everything = clients.lines(100) + clients.lines(10, "l")
    at = ["--bootstrap-server", b.bootstrap, "--topic", "t"]
    out = arena.tool("org.apache.kafka.tools.GetOffsetShell", *at, "--time", middle,
                     version=version)
    assert out.strip() == "t:0:100", out
    for offset, first in (("earliest", 0), ("42", 42), ("100", 100), ("109", 109)):
        out = arena.tool(console("consumer", version), *at, "--partition", 0,
                         "--offset", offset, "--max-messages", 110 - first,
                         "--timeout-ms", 20000, version=version)
        assert out.split() == everything[first:], (offset, out[:200])
    out = arena.tool(console("consumer", version), *at, "--partition", 0, "--offset",
                     "latest", "--timeout-ms", 3000, version=version)
    assert out == "", out[:200]


def java_storm(arena, version):
    config = arena.path("producer.properties")
    with open(config, "w") as f:  # the tool sets retries to 0, which is no default
        f.write("retries=2147483647\n")

    def number(line):
        if '"producer_send_success"' not in line:
            return None
        return int(line.split('"value":"')[1].split('"')[0])
    storm(arena, "t", lambda b: arena.tool_argv(
        "org.apache.kafka.tools.VerifiableProducer", "--bootstrap-server", b.bootstrap,
        "--topic", "t", "--max-messages", 100000, "--producer.config", config,
        version=version), 100000, number)


def test_java_3_7_tools_start_at_every_position(arena):
    java_positions(arena, "3.7.0")


def test_java_3_7_producer_writes_once_across_kill_9(arena):
    java_storm(arena, "3.7.0")


def test_java_4_tools_start_at_every_position(arena):
    java_positions(arena, "4.0.0")


def test_java_4_producer_writes_once_across_kill_9(arena):
    java_storm(arena, "4.0.0")


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
