#!/usr/bin/python3
"""Unmodified clients create topics, produce and consume.

Each test runs against the coordination named in COORDINATION (embedded, debian,
zookeeper-3.9.2); UNDER_TEST=kafka runs the same tests against Apache Kafka, to
check the tests themselves. DIGEST_MB sets the size of the digest runs.
"""
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "support"))
from harness import until  # noqa: E402
from peers import NODE, confluent, go_program, kafka_python, produce  # noqa: E402
import harness  # noqa: E402
import peers  # noqa: E402

COORDINATION = os.environ.get("COORDINATION", "embedded")
DIGEST_MB = int(os.environ.get("DIGEST_MB", "1024"))
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
HERE = os.path.dirname(os.path.abspath(__file__))


def broker(arena, **extra):
    zk = None
    if COORDINATION != "embedded":
        arena.zk = arena.service(COORDINATION)
        zk = arena.zk.connect + "/some/chroot"
    if os.environ.get("UNDER_TEST") == "kafka":
        if zk is None:
            zk = arena.service("debian").connect
        return arena.kafka(zk, **extra)
    return arena.gregor(zk, **extra)


def kcat(arena, b, *args, **kw):
    return arena.run(["kcat", "-b", b.bootstrap, *args], **kw)


def lines(n, tag="record"):
    return [f"{tag}-{i:07d}-" + "x" * (i % 90) for i in range(n)]


def test_kcat_lists_a_fresh_cluster(arena):
    b = broker(arena)
    out = kcat(arena, b, "-L")
    assert f"broker 0 at {b.bootstrap} (controller)" in out, out
    assert " 0 topics:" in out, out


def test_kcat_produces_and_consumes_with_every_codec_and_acks(arena):
    b = broker(arena)
    for codec in CODECS:
        for acks in ("0", "1", "all"):
            topic, sent = f"t-{codec}-{acks}", lines(500)
            kcat(arena, b, "-P", "-t", topic, "-z", codec, "-X", f"acks={acks}",
                 "-X", "message.timeout.ms=10000",
                 stdin="\n".join(sent).encode())
            def all_there():
                return kcat(arena, b, "-C", "-t", topic, "-e", "-q",
                            "-o", "beginning").split("\n")[:-1] == sent
            until(all_there, 15, topic)


def test_kcat_starts_at_every_position(arena):
    b = broker(arena)
    kcat(arena, b, "-P", "-t", "p", stdin="\n".join(lines(100)).encode())
    middle = int(time.time() * 1000)
    time.sleep(0.002)  # the next records get a later millisecond
    kcat(arena, b, "-P", "-t", "p", stdin="\n".join(lines(10, "late")).encode())
    for position, expect in (("beginning", 110), ("-7", 7), ("42", 68),
                             (f"s@{middle}", 10), ("end", 0)):
        out = kcat(arena, b, "-C", "-t", "p", "-p", "0", "-e", "-q", "-o", position)
        assert out.count("\n") == expect, (position, out.count("\n"))
    out = kcat(arena, b, "-Q", "-t", f"p:0:{middle}")
    assert "offset 100" in out, out


def test_kcat_sees_keys_headers_and_null_values(arena):
    b = broker(arena)
    kcat(arena, b, "-P", "-t", "h", "-K", ":", "-Z", "-H", "color=blue", "-H", "x=",
         stdin=b"k1:v1\nk2:\n")
    out = kcat(arena, b, "-C", "-t", "h", "-e", "-q", "-f", "%o|%k|%S|%h\n")
    assert out == "0|k1|2|color=blue,x=\n1|k2|-1|color=blue,x=\n", out


def digest(arena, b, topic, produce_args):
    """The same bytes through a topic: digests of both sides."""
    path = arena.path("digest.txt")
    sent = hashlib.sha256()
    with open(path, "wb") as f:
        block, left, i = os.urandom(384), DIGEST_MB * 1024 * 1024, 0
        while left > 0:
            text = b"%012d" % i + block.hex().encode() + b"y" * 243 + b"\n"
            f.write(text)
            sent.update(text)
            left -= len(text)
            i += 1
    arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", topic, "-p", "0", "-l",
               *produce_args, path], seconds=600)
    consumer = subprocess.Popen(
        ["kcat", "-b", b.bootstrap, "-C", "-t", topic, "-p", "0", "-e", "-q",
         "-o", "beginning", "-X", "check.crcs=true"], stdout=subprocess.PIPE)
    got = hashlib.sha256()
    while chunk := consumer.stdout.read(1 << 20):
        got.update(chunk)
    assert consumer.wait() == 0
    assert sent.hexdigest() == got.hexdigest(), "the digests differ"


def test_one_gigabyte_through_a_topic_has_equal_digests(arena):
    digest(arena, broker(arena), "big", ["-X", "acks=all"])


def test_one_gigabyte_compressed_through_a_topic_has_equal_digests(arena):
    digest(arena, broker(arena), "big-lz4",
           ["-z", "lz4", "-X", "enable.idempotence=true"])


def read_all(ck, b, topic, partition=0, start=None):
    consumer = ck.Consumer({"bootstrap.servers": b.bootstrap, "group.id": "x",
                            "enable.auto.commit": False,
                            "enable.partition.eof": True, "check.crcs": True})
    consumer.assign([ck.TopicPartition(
        topic, partition, ck.OFFSET_BEGINNING if start is None else start)])
    found, deadline = [], time.monotonic() + 60
    while time.monotonic() < deadline:
        m = consumer.poll(1.0)
        if m is None:
            continue
        if m.error():
            if m.error().code() == ck.KafkaError._PARTITION_EOF:
                consumer.close()
                return found
            continue
        found.append(m)
    raise AssertionError(f"no end of {topic}-{partition}")


def test_librdkafka_admin_creates_describes_alters_and_deletes(arena):
    ck = confluent()
    from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, \
        NewPartitions
    b = broker(arena)
    admin = AdminClient({"bootstrap.servers": b.bootstrap})
    for f in admin.create_topics([NewTopic("a", 3, 1, config={
            "retention.ms": "60000"})]).values():
        f.result(20)
    assert len(admin.list_topics(timeout=10).topics["a"].partitions) == 3
    try:
        list(admin.create_topics([NewTopic("a", 1, 1)]).values())[0].result(20)
        raise AssertionError("created twice")
    except ck.KafkaException as e:
        assert e.args[0].code() == ck.KafkaError.TOPIC_ALREADY_EXISTS, e
    resource = ConfigResource(ConfigResource.Type.TOPIC, "a")
    described = list(admin.describe_configs([resource]).values())[0].result(20)
    assert described["retention.ms"].value == "60000"
    assert described["segment.bytes"].value == "1073741824"
    resource.set_config("max.message.bytes", "2000")
    list(admin.alter_configs([resource]).values())[0].result(20)
    described = list(admin.describe_configs([resource]).values())[0].result(20)
    assert described["max.message.bytes"].value == "2000"
    assert described["retention.ms"].value == "604800000"
    list(admin.create_partitions([NewPartitions("a", 5)]).values())[0].result(20)
    until(lambda: len(admin.list_topics(timeout=10).topics["a"].partitions) == 5, 10)
    list(admin.delete_topics(["a"]).values())[0].result(20)
    until(lambda: "a" not in admin.list_topics(timeout=10).topics, 10)


def test_librdkafka_keeps_all_of_an_idempotent_producer_across_kill_9(arena):
    ck = confluent()
    b = broker(arena)
    errors = []
    producer = ck.Producer({"bootstrap.servers": b.bootstrap, "acks": "all",
                            "enable.idempotence": True, "linger.ms": 1,
                            "message.timeout.ms": 120000})
    acked = []

    def on_done(err, message):
        if err:
            errors.append(err)
        else:
            acked.append(message.value())
    killed = threading.Event()

    def killer():
        until(lambda: len(acked) > 20000, 60, "some acknowledged records")
        b.kill()
        killed.set()
        b.start()
    thread = threading.Thread(target=killer)
    thread.start()
    sent = [b"%08d" % i + b"z" * 92 for i in range(120000)]
    for n, value in enumerate(sent):
        produce(producer, "idem", value, partition=0, on_delivery=on_done)
        if n == 60000:
            while not killed.is_set():  # the second half comes after the kill
                producer.poll(0.05)
    assert producer.flush(120) == 0
    thread.join()
    assert not errors, errors[:3]
    got = [m.value() for m in read_all(ck, b, "idem")]
    assert len(acked) == len(sent)
    assert got == sent, (len(got), len(set(got)), len(sent))


def test_librdkafka_finds_offsets_by_time_and_reads_committed(arena):
    ck = confluent()
    b = broker(arena)
    producer = ck.Producer({"bootstrap.servers": b.bootstrap})
    for i in range(1000):
        producer.produce("times", b"v%d" % i, partition=0,
                         timestamp=1700000000000 + i * 1000)
        if i % 100 == 99:
            producer.flush(10)
    consumer = ck.Consumer({"bootstrap.servers": b.bootstrap, "group.id": "x",
                            "isolation.level": "read_committed"})
    for when, offset in ((1700000000000, 0), (1700000500500, 501),
                         (1700000999000, 999), (1700009999000, -1)):
        found = consumer.offsets_for_times(
            [ck.TopicPartition("times", 0, when)], timeout=10)[0]
        assert found.offset == offset, (when, found)
    assert consumer.get_watermark_offsets(
        ck.TopicPartition("times", 0), timeout=10) == (0, 1000)
    consumer.close()
    assert len(read_all(ck, b, "times", start=990)) == 10


def test_kafka_python_produces_and_consumes_by_assignment(arena):
    kafka, b = kafka_python(), broker(arena)
    more = [c for c in CODECS[2:] if getattr(kafka.codec, "has_" + c)()]
    for codec in [None, "gzip", *more]:
        for acks in (0, 1, "all"):
            topic = f"kp-{codec}-{acks}"
            producer = kafka.KafkaProducer(
                bootstrap_servers=b.bootstrap, acks=acks, compression_type=codec,
                linger_ms=5)
            for i in range(2000):
                producer.send(topic, value=b"value-%d" % i, key=b"k%d" % i,
                              partition=0, headers=[("h", b"1")])
            producer.flush(20)
            producer.close()
            consumer = kafka.KafkaConsumer(bootstrap_servers=b.bootstrap,
                                           auto_offset_reset="earliest",
                                           consumer_timeout_ms=20000)
            tp = kafka.TopicPartition(topic, 0)
            consumer.assign([tp])
            consumer.seek_to_beginning(tp)
            got = []
            for m in consumer:
                got.append(m.value)
                if len(got) == 2000:
                    break
            assert got == [b"value-%d" % i for i in range(2000)], (topic, len(got))
            assert consumer.end_offsets([tp])[tp] == 2000
            assert consumer.beginning_offsets([tp])[tp] == 0
            consumer.close()


def need_kafkajs():
    """Skips the test unless kafkajs and its codecs are installed."""
    peers.need_kafkajs("kafkajs-snappy", "lz4-napi", "zstd-codec")


def test_kafkajs_produces_and_administers(arena):
    need_kafkajs()
    b = broker(arena)
    out = arena.run(["node", HERE + "/kafkajs.js", b.bootstrap], seconds=120,
                    env=NODE)
    assert "kafkajs ok" in out, out
    assert kcat(arena, b, "-C", "-t", "js", "-e", "-q").count("\n") == 1900


def test_go_clients_produce_and_consume(arena):
    b = broker(arena)
    for name in ("franz", "sarama"):
        client = go_program(arena, f"{HERE}/{name}.go.txt")
        out = arena.run([client, b.bootstrap, "go-" + name])
        assert f"{name} ok" in out, out


TOOLS = {"topics": "org.apache.kafka.tools.TopicCommand",
         "offsets": "org.apache.kafka.tools.GetOffsetShell",
         "configs": "kafka.admin.ConfigCommand",
         "producer": "kafka.tools.ConsoleProducer",
         "delete-records": "kafka.admin.DeleteRecordsCommand",
         "log-dirs": "kafka.admin.LogDirsCommand"}


def java_tools(arena, version):
    tools = dict(TOOLS)
    consumer = "kafka.tools.ConsoleConsumer"
    if version.startswith("4"):
        consumer = "org.apache.kafka.tools.consumer.ConsoleConsumer"
        tools.update({"producer": "org.apache.kafka.tools.ConsoleProducer",
                      "delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
                      "log-dirs": "org.apache.kafka.tools.LogDirsCommand"})
    else:
        tools["log-dirs"] = "org.apache.kafka.tools.LogDirsCommand"
        tools["delete-records"] = "org.apache.kafka.tools.DeleteRecordsCommand"
    b = broker(arena)
    at = ["--bootstrap-server", b.bootstrap]

    def tool(name, *args, **kw):
        return arena.tool(tools.get(name, name), *at, *args, version=version, **kw)
    tool("topics", "--create", "--topic", "j", "--partitions", 2,
         "--replication-factor", 1, "--config", "retention.ms=3600000")
    assert tool("topics", "--list").split() == ["j"]
    out = tool("topics", "--describe", "--topic", "j")
    assert "PartitionCount: 2" in out and "retention.ms=3600000" in out, out
    for codec in CODECS:
        for acks in ("0", "1", "-1"):
            tool("producer", "--topic", "j", "--compression-codec", codec,
                 "--producer-property", f"acks={acks}",
                 stdin="\n".join(lines(100)).encode())
    until(lambda: sum(int(l.rsplit(":", 1)[1]) for l in tool(
        "offsets", "--topic", "j").split()) == 1500, 20, "1500 records")
    ends = {l.rsplit(":", 2)[1]: int(l.rsplit(":", 1)[1])
            for l in tool("offsets", "--topic", "j").split()}
    got = []
    for p, end in sorted(ends.items()):
        if end:
            got += tool(consumer, "--topic", "j", "--partition", p, "--offset",
                        "earliest", "--max-messages", end, "--timeout-ms",
                        20000).split()
    assert sorted(got) == sorted(lines(100) * 15), len(got)
    tool("configs", "--alter", "--entity-type", "topics", "--entity-name", "j",
         "--add-config", "max.message.bytes=12345")
    out = tool("configs", "--describe", "--entity-type", "topics", "--entity-name",
               "j")
    assert "max.message.bytes=12345" in out and "retention.ms=3600000" in out, out
    p, end = max(ends.items(), key=lambda kv: kv[1])
    plan = arena.path("delete.json")
    with open(plan, "w") as f:
        f.write('{"version":1,"partitions":[{"topic":"j","partition":%s,'
                '"offset":%d}]}' % (p, end // 2))
    out = tool("delete-records", "--offset-json-file", plan)
    assert f"low_watermark: {end // 2}" in out, out
    assert f"j:{p}:{end // 2}" in tool("offsets", "--topic", "j", "--time", "-2")
    out = tool("log-dirs", "--describe", "--topic-list", "j")
    assert '"partition":"j-0"' in out and '"error":null' in out, out
    tool("topics", "--alter", "--topic", "j", "--partitions", 4)
    assert "PartitionCount: 4" in tool("topics", "--describe", "--topic", "j")
    tool("topics", "--delete", "--topic", "j")
    until(lambda: "j" not in tool("topics", "--list").split(), 15)


def test_java_3_7_tools_do_their_daily_work(arena):
    java_tools(arena, "3.7.0")


def test_java_4_tools_do_their_daily_work(arena):
    java_tools(arena, "4.0.0")


def test_kafka_dump_log_reads_what_was_produced(arena):
    b = broker(arena)
    for codec in CODECS:
        kcat(arena, b, "-P", "-t", "dump", "-p", "0", "-z", codec, "-X",
             "enable.idempotence=true", stdin="\n".join(lines(300)).encode())
    assert b.stop() == 0
    d = os.path.join(b.log_dir, "dump-0")
    files = [os.path.join(d, f) for f in sorted(os.listdir(d))
             if f.endswith((".log", ".index", ".timeindex", ".snapshot"))]
    out = arena.tool("kafka.tools.DumpLogSegments", "--deep-iteration",
                     "--print-data-log", "--files", ",".join(files))
    for trouble in ("Mismatches", "isvalid: false", "Found invalid", "error"):
        assert trouble not in out, out[-2000:]
    assert out.count("payload: record-") == 1500


def test_a_clean_stop_is_quick_and_marked(arena):
    b = broker(arena)
    kcat(arena, b, "-P", "-t", "s", stdin=b"one\n")
    began = time.monotonic()
    b.process.signal(signal.SIGINT)
    assert b.process.wait(10) in (0, 130)
    assert time.monotonic() - began < 8
    assert os.path.exists(os.path.join(b.log_dir, ".kafka_cleanshutdown"))
    b.start()
    assert kcat(arena, b, "-C", "-t", "s", "-e", "-q") == "one\n"


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
