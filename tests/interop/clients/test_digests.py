#!/usr/bin/python3
"""Each client: a gigabyte through one topic, and again with a kill -9 in its middle.

DIGEST_MB megabytes (1024 when not set) go through one topic with one client, and are
read back by the same client; both sides have equal digests, and the log has as many
records as were sent. The broker is killed when a third of the bytes is in its log.
Producers that are not idempotent (kafka-python has no such thing; sarama's own loses
records, see test_matrix.py) may write twice what was not acknowledged in time: their
readers skip what comes again, and nothing else.
"""
import contextlib
import glob
import hashlib
import os
import subprocess
import sys
import threading

import test_matrix as matrix
from test_clients import DIGEST_MB, HERE, broker, kcat
from harness import until
from peers import confluent, kafka_python
import harness
import peers

TOTAL = DIGEST_MB << 20
LONG = 600  # seconds one direction may take on a slow machine


def share_in_log(b):
    """How much of all is in the log; of records that are not compressed."""
    total = 0
    for path in glob.glob(os.path.join(b.log_dir, "t-0", "*.log")):
        with contextlib.suppress(OSError):
            total += os.path.getsize(path)
    return total / TOTAL


@contextlib.contextmanager
def killed_in_the_middle(b, share):
    """kill -9 of the broker, and a start, while the caller produces: when `share`
    says that a third is written."""
    ended, at, trouble = threading.Event(), [], []

    def killer():
        try:
            until(lambda: ended.is_set() or share(b) > 1 / 3, LONG)
            if not ended.is_set():
                b.kill()
                at.append(share(b))
                b.start()
        except BaseException as e:
            trouble.append(e)
    thread = threading.Thread(target=killer)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert not trouble, trouble
    assert at and at[0] < 0.9, ("not killed in the middle", at)


def through(arena, produce, consume, size, kill, once=True, share=share_in_log):
    """`produce` and `consume` take the broker and the number of records of `size`
    bytes, and give the digest of their values, which follow each other."""
    b, n = broker(arena), TOTAL // size
    with killed_in_the_middle(b, share) if kill else contextlib.nullcontext():
        sent = produce(b, n)
    got = consume(b, n)
    assert sent == got, "the digests differ"
    end = int(kcat(arena, b, "-Q", "-t", "t:0:-1").split()[-1])
    assert end == n or (end > n and not once), (end, n)


def values(n, size, end=b""):
    """Texts of `size` bytes, numbered."""
    filling = os.urandom(size // 2).hex().encode()[:size - 12 - len(end)] + end
    for i in range(n):
        yield b"%012d" % i + filling


class Reader:
    """Takes values in the order of the log, and makes their digest."""

    def __init__(self, repeats):
        self.n, self.sha, self.repeats = 0, hashlib.sha256(), repeats

    def take(self, value):
        i = int(value[:12])
        if i < self.n and self.repeats:
            return
        assert i == self.n, (i, self.n)
        self.n += 1
        self.sha.update(value)


# Programs that read lines and write lines

LINE = 1024


def feed(argv, n):
    """Lines into a program; their digest."""
    sent, block = hashlib.sha256(), []
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
    errors = []
    drain = threading.Thread(target=lambda: errors.append(child.stderr.read()))
    drain.start()
    with child:
        with contextlib.suppress(BrokenPipeError):
            for text in values(n, LINE, b"\n"):
                block.append(text)
                if len(block) == 1024:
                    text = b"".join(block)
                    sent.update(text)
                    child.stdin.write(text)
                    block = []
            sent.update(b"".join(block))
            child.stdin.write(b"".join(block))
            child.stdin.close()
        try:
            child.wait(LONG)
        finally:
            child.kill()
            drain.join()
    assert child.returncode == 0, (argv, child.returncode, errors[0][-2000:])
    return sent.hexdigest()


def hash_output(argv):
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    got = hashlib.sha256()
    with child:
        while chunk := child.stdout.read(1 << 20):
            got.update(chunk)
    assert child.returncode == 0, argv
    return got.hexdigest()


def kcat_digest(arena, kill, *more):
    through(arena,
            lambda b, n: feed(["kcat", "-b", b.bootstrap, "-P", "-E", "-t", "t", "-p", "0",
                               "-X", "enable.idempotence=true", *more], n),
            lambda b, n: hash_output(["kcat", "-b", b.bootstrap, "-C", "-t", "t", "-p",
                                      "0", "-e", "-q", "-o", "beginning", "-X",
                                      "check.crcs=true"]),
            LINE, kill)


def test_kcat_has_equal_digests(arena):
    kcat_digest(arena, False)


def test_kcat_has_equal_digests_across_kill_9(arena):
    kcat_digest(arena, True)


def java_digest(arena, version, codec, kill):
    def at(b):
        return ["--bootstrap-server", b.bootstrap, "--topic", "t"]

    def produce(b, n):  # the tool gives up after three tries and 1.5 s by default
        return feed(arena.tool_argv(
            matrix.console("producer", version), *at(b), "--compression-codec", codec,
            "--message-send-max-retries", 1000000, "--request-timeout-ms", 30000,
            version=version), n)

    def consume(b, n):
        return hash_output(arena.tool_argv(
            matrix.console("consumer", version), *at(b), "--partition", 0, "--offset",
            "earliest", "--max-messages", n, "--timeout-ms", 60000, version=version))
    through(arena, produce, consume, LINE, kill)


def test_java_3_7_tools_have_equal_digests(arena):
    java_digest(arena, "3.7.0", "zstd", False)


def test_java_3_7_tools_have_equal_digests_across_kill_9(arena):
    java_digest(arena, "3.7.0", "none", True)


def test_java_4_tools_have_equal_digests(arena):
    java_digest(arena, "4.0.0", "lz4", False)


def test_java_4_tools_have_equal_digests_across_kill_9(arena):
    java_digest(arena, "4.0.0", "none", True)


# Python

def confluent_digest(arena, kill):
    ck = confluent()
    size = 1024

    def produce(b, n):
        sent, failed = hashlib.sha256(), []
        producer = ck.Producer({"bootstrap.servers": b.bootstrap, "linger.ms": 5,
                                "enable.idempotence": True,
                                "message.timeout.ms": 300000})

        def done(error, _):
            if error:
                failed.append(error)
        for value in values(n, size):
            sent.update(value)
            peers.produce(producer, "t", value, partition=0, on_delivery=done)
        assert producer.flush(LONG) == 0 and not failed, failed[:3]
        return sent.hexdigest()

    def consume(b, n):
        consumer = ck.Consumer({"bootstrap.servers": b.bootstrap, "group.id": "x",
                                "enable.auto.commit": False, "check.crcs": True})
        consumer.assign([ck.TopicPartition("t", 0, ck.OFFSET_BEGINNING)])
        reader = Reader(False)
        while reader.n < n:
            found = consumer.consume(min(5000, n - reader.n), 60)
            assert found, (reader.n, n)
            for m in found:
                assert not m.error(), m.error()
                reader.take(m.value())
        consumer.close()
        return reader.sha.hexdigest()
    through(arena, produce, consume, size, kill)


def test_confluent_python_has_equal_digests(arena):
    confluent_digest(arena, False)


def test_confluent_python_has_equal_digests_across_kill_9(arena):
    confluent_digest(arena, True)


def kafka_python_digest(arena, kill):
    # It computes checksums in Python: compressed, a gigabyte takes a tenth of the time.
    kafka = kafka_python()
    size, acked = 8192, []

    def produce(b, n):
        sent, failed = hashlib.sha256(), []
        producer = kafka.KafkaProducer(
            bootstrap_servers=b.bootstrap, acks="all", batch_size=524288, linger_ms=20,
            compression_type="gzip", retries=1000000,
            max_in_flight_requests_per_connection=1)
        for value in values(n, size):
            sent.update(value)
            producer.send("t", value, partition=0).add_callback(
                acked.append).add_errback(failed.append)
        producer.flush(LONG)
        producer.close()
        assert not failed, failed[:3]
        return sent.hexdigest()

    def consume(b, n):
        consumer, tp = matrix.consumer_of(kafka, b, "t")
        consumer.seek_to_beginning(tp)
        reader = Reader(kill)
        while reader.n < n:
            reader.take(next(consumer).value)
        consumer.close()
        return reader.sha.hexdigest()
    through(arena, produce, consume, size, kill, once=not kill,
            share=lambda b: len(acked) * size / TOTAL)


def test_kafka_python_has_equal_digests(arena):
    kafka_python_digest(arena, False)


def test_kafka_python_has_equal_digests_across_kill_9(arena):
    kafka_python_digest(arena, True)


# Programs of ours on a client's library

def told(arena, argv, env=None):
    """The digest that a program says."""
    return arena.run(argv, seconds=LONG, env=env).split("sha256 ")[1].split()[0]


def js_digest(arena, kill):
    matrix.clients.need_kafkajs()
    size = 8192

    def js(mode):
        return lambda b, n: told(arena, ["node", HERE + "/matrix.js", mode, b.bootstrap,
                                         "t", str(n), str(size)], matrix.NODE)
    through(arena, js("write"), js("read"), size, kill)


def test_kafkajs_has_equal_digests(arena):
    js_digest(arena, False)


def test_kafkajs_has_equal_digests_across_kill_9(arena):
    js_digest(arena, True)


def go_digest(arena, name, codec, kind, kill):
    client, size = matrix.go_client(arena, name), 1024

    def go(mode):
        return lambda b, n: told(arena, [client, mode, b.bootstrap, "t", str(n), codec,
                                         kind])
    through(arena, go("write"), go("read"), size, kill, once=kind == "idempotent")


def test_franz_go_has_equal_digests(arena):
    go_digest(arena, "franz", "none", "idempotent", False)


def test_franz_go_has_equal_digests_across_kill_9(arena):
    go_digest(arena, "franz", "none", "idempotent", True)


def test_sarama_has_equal_digests(arena):
    go_digest(arena, "sarama", "snappy", "idempotent", False)


def test_sarama_has_equal_digests_across_kill_9(arena):
    go_digest(arena, "sarama", "none", "plain", True)


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
