#!/usr/bin/python3
"""What was acknowledged stays: kill -9 under load, and full disks."""
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from harness import Skip, until  # noqa: E402
from peers import confluent  # noqa: E402
import harness  # noqa: E402


def small_disk(arena, name, megabytes):
    """A file system of its own; unmounted by the caller."""
    path = arena.path(name)
    os.makedirs(path)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none",
                           path], capture_output=True)
    if done.returncode != 0:
        raise Skip("only root may mount a small disk")
    return path


def create(ck, b, name, partitions, seconds=20):
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": b.bootstrap})
    for f in admin.create_topics([NewTopic(name, partitions, 1)]).values():
        f.result(seconds)


def read(ck, b, topic, partition):
    consumer = ck.Consumer({"bootstrap.servers": b.bootstrap, "group.id": "x",
                            "enable.auto.commit": False, "check.crcs": True,
                            "enable.partition.eof": True})
    consumer.assign([ck.TopicPartition(topic, partition, 0)])
    found, deadline = [], time.monotonic() + 60
    while time.monotonic() < deadline:
        m = consumer.poll(1.0)
        if m is not None and not m.error():
            found.append((m.offset(), m.value()))
        elif m is not None and m.error().code() == ck.KafkaError._PARTITION_EOF:
            consumer.close()
            return found
    raise AssertionError(f"no end of {topic}-{partition}")


class Load:
    """A producer in a thread of its own, until stop()."""

    def __init__(self, ck, b, topic, partitions, **settings):
        self.producer = ck.Producer({
            "bootstrap.servers": b.bootstrap, "acks": "all", "linger.ms": 2,
            "batch.size": 50000, "message.timeout.ms": 60000,
            "reconnect.backoff.max.ms": 200, "log_level": 0, **settings})
        self.topic, self.partitions = topic, partitions
        self.acked, self.errors, self.ending = [], [], False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def on_done(self, error, m):
        if error:
            self.errors.append(error)
        else:
            self.acked.append((m.partition(), m.offset(), m.value()))

    def run(self):
        n = 0
        while not self.ending:
            try:
                self.producer.produce(self.topic, b"%09d" % n + b"d" * 100,
                                      partition=n % self.partitions,
                                      on_delivery=self.on_done)
                n += 1
            except BufferError:
                self.producer.poll(0.05)
            self.producer.poll(0)
            if n % 200 == 0:
                time.sleep(0.02)

    def stop(self):
        self.ending = True
        self.thread.join()
        assert self.producer.flush(60) == 0
        assert not self.errors, self.errors[:3]


def test_kill_9_under_load_loses_and_repeats_nothing(arena):
    ck = confluent()
    b = arena.gregor(**{"log.segment.bytes": 100000})
    create(ck, b, "once", 3)
    create(ck, b, "plain", 3)
    loads = [Load(ck, b, "once", 3, **{"enable.idempotence": True}),
             Load(ck, b, "plain", 3)]
    rnd = random.Random(20261121)
    for _ in range(6):
        time.sleep(rnd.uniform(0.2, 1.0))  # a moment of load to be killed in
        b.kill()
        b.start()
    for load in loads:
        load.stop()
        for p in range(3):
            found = read(ck, b, load.topic, p)
            at, values = dict(found), [v for _, v in found]
            for _, offset, value in (x for x in load.acked if x[0] == p):
                if offset >= 0:  # a repeated batch may be told without
                    assert at.get(offset) == value, (load.topic, p, offset)
            there = set(values)
            assert all(v in there for q, _, v in load.acked if q == p)
            if load.topic == "once":
                assert len(there) == len(values), "a record stands there twice"


def test_a_full_log_directory_is_told_and_survived(arena):
    ck = confluent()
    disk = small_disk(arena, "small", 8)
    try:
        b = arena.gregor(**{"log.dirs": disk + "/logs", "log.segment.bytes": 1000000})
        create(ck, b, "full", 1)
        load = Load(ck, b, "full", 1)
        b.process.says("event=disk_full", 30)
        line = next(l for l in b.log().splitlines() if "event=disk_full" in l)
        assert disk + "/logs/full-0" in line and "remedy=" in line, line
        before = len(load.acked)
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        until(lambda: len(load.acked) > before, 20, "it goes on by itself")
        load.stop()
        assert b.stop() == 0
        b.start()
        there = {v for _, v in read(ck, b, "full", 0)}
        assert all(v in there for _, _, v in load.acked)
    finally:
        arena.close()
        subprocess.run(["umount", disk])


def test_a_full_disk_of_the_coordination_service_is_told_and_survived(arena):
    ck = confluent()
    disk = small_disk(arena, "small", 8)
    try:
        b = arena.gregor(**{"keeper.dataDir": disk + "/keeper"})
        create(ck, b, "early", 1)
        with open(disk + "/fill", "wb") as f:
            try:
                while True:
                    f.write(b"z" * 65536)
                    f.flush()
            except OSError:
                pass
        for i in range(500):
            try:
                create(ck, b, f"more-{i}", 10, 5)
            except ck.KafkaException as e:
                assert "memory" not in str(e), e
                break
            except TimeoutError:  # the write that met the end of the disk waits
                break
        b.process.says("event=keeper_disk_full", 10)
        arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", "early"], stdin=b"yes\n")
        os.unlink(disk + "/fill")
        b.process.says("event=keeper_writes_resumed", 20)
        create(ck, b, "late", 1)
        code = b.stop()
        assert code == 0, (code, b.log()[-700:])
    finally:
        arena.close()
        subprocess.run(["umount", disk])


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
