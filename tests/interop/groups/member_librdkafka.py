#!/usr/bin/python3
"""One member of a group: writes what it has processed to a file, then commits.

member_librdkafka.py BOOTSTRAP GROUP TOPIC FILE STRATEGY INSTANCE

INSTANCE is - for a dynamic member. The other member_* files do the same with
their library; SIGTERM ends each of them, leaving the group where it is dynamic.

It takes its messages one by one: before librdkafka 2.1, consume() of several at
once throws away those that it has gathered when a cooperative rebalance interrupts
it (each pauses and resumes all partitions), and goes on behind them.

An error that is fatal for the library ends it, as it ends the others: an instance
that is fenced is told so once, and would live on without a part.
"""
import signal
import sys

from confluent_kafka import Consumer, KafkaError, KafkaException

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


def take(most):
    """What there is, once there is something; or nothing for a while."""
    messages, wait = [], 0.2
    while len(messages) < most and (m := consumer.poll(wait)):
        wait, error = 0, m.error()
        if error and (error.fatal() or error.code() == KafkaError._FATAL):
            raise KafkaException(error)
        if not error:
            messages.append(m)
    return messages


consumer = Consumer(config)
consumer.subscribe([topic])
with open(path, "ab", buffering=0) as out:
    while going:
        messages = take(200)
        if not messages:
            continue
        out.write(b"".join(m.value() + b"\n" for m in messages))
        try:
            consumer.commit(asynchronous=False)
        except KafkaException:
            pass  # a new round: somebody else gets them again
consumer.close()
