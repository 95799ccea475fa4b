#!/usr/bin/python3
"""member_librdkafka.py's doings with kafka-python, which knows no instances."""
import signal
import sys

import kafka
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

bootstrap, group, topic, path, strategy = sys.argv[1:6]
going = True


def stop(*_):
    global going
    going = False


signal.signal(signal.SIGTERM, stop)
consumer = kafka.KafkaConsumer(
    topic, bootstrap_servers=bootstrap, group_id=group,
    partition_assignment_strategy=[{"range": RangePartitionAssignor,
                                    "roundrobin": RoundRobinPartitionAssignor}
                                   [strategy]],
    auto_offset_reset="earliest", enable_auto_commit=False, max_poll_records=200,
    session_timeout_ms=6000, heartbeat_interval_ms=500, max_poll_interval_ms=10000)
with open(path, "ab", buffering=0) as out:
    while going:
        values = [r.value for records in consumer.poll(timeout_ms=200).values()
                  for r in records]
        if not values:
            continue
        out.write(b"".join(v + b"\n" for v in values))
        try:
            consumer.commit()
        except kafka.errors.KafkaError:
            pass  # a new round: somebody else gets them again
consumer.close()
