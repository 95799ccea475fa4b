#!/usr/bin/python3
"""One member of a group: writes what it has processed to a file, then commits.

member_librdkafka.py BOOTSTRAP GROUP TOPIC FILE STRATEGY INSTANCE

INSTANCE is - for a dynamic member. The other member_* files do the same with
their library; SIGTERM ends each of them, leaving the group where it is dynamic.
"""
import signal
import sys

from confluent_kafka import Consumer, KafkaException

bootstrap, group, topic, path, strategy, instance = sys.argv[1:7]
config = {
    "bootstrap.servers": bootstrap, "group.id": group,
    "partition.assignment.strategy": strategy,
    "auto.offset.reset": "earliest", "enable.auto.commit": False,
    "session.timeout.ms": 6000, "heartbeat.interval.ms": 500,
    "max.poll.interval.ms": 10000,
}
if instance != "-":
    config["group.instance.id"] = instance
going = True


def stop(*_):
    global going
    going = False


signal.signal(signal.SIGTERM, stop)
consumer = Consumer(config)
consumer.subscribe([topic])
with open(path, "ab", buffering=0) as out:
    while going:
        messages = [m for m in consumer.consume(200, 0.2) if not m.error()]
        if not messages:
            continue
        out.write(b"".join(m.value() + b"\n" for m in messages))
        try:
            consumer.commit(asynchronous=False)
        except KafkaException:
            pass  # a new round: somebody else gets them again
consumer.close()
