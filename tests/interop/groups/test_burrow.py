#!/usr/bin/python3
"""Burrow reads our __consumer_offsets and tells the lag that is there.

Debian's Burrow speaks as Kafka 0.10.2 to us, keeps its own lock in the coordination
service that we run on, and is asked over HTTP.
"""
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request

from test_groups import broker, make_topic, put
from harness import Process, Skip, free_port, until
from peers import confluent
import harness

CONFIG = """
[general]
pidfile="{dir}/burrow.pid"
[logging]
level="info"
[zookeeper]
servers=[ "{zk}" ]
timeout=6
root-path="/burrow"
[client-profile.ours]
client-id="burrow"
kafka-version="0.10.2"
[cluster.ours]
class-name="kafka"
servers=[ "{bootstrap}" ]
client-profile="ours"
topic-refresh=1
offset-refresh=1
[consumer.ours]
class-name="kafka"
cluster="ours"
servers=[ "{bootstrap}" ]
client-profile="ours"
start-latest=false
[httpserver.default]
address="127.0.0.1:{http}"
[storage.default]
class-name="inmemory"
min-distance=0
"""


def burrow(arena, b, zk):
    program = shutil.which("Burrow")
    if not program:
        raise Skip("Burrow is not installed")
    directory, http = arena.path("burrow"), free_port()
    os.makedirs(directory)
    with open(directory + "/burrow.toml", "w") as f:
        f.write(CONFIG.format(dir=directory, zk=zk, bootstrap=b.bootstrap, http=http))
    p = Process([program, "--config-dir", directory], directory + "/log")
    arena.processes.append(p)

    def ask(path):
        try:
            with urllib.request.urlopen(
                    f"http://127.0.0.1:{http}/v3/kafka/ours/{path}", timeout=10) as f:
                return json.load(f)
        except (urllib.error.URLError, OSError):
            assert p.child.poll() is None, p.text()[-2000:]
            return {}
    return ask


def lags(answer, topic):
    """Each partition's committed offset and lag, as Burrow tells them."""
    found = {}
    for part in answer.get("status", {}).get("partitions", []):
        if part["topic"] == topic and part.get("end"):
            found[part["partition"]] = part["end"]["offset"], part["current_lag"]
    return found


def test_burrow_decodes_our_offsets_and_tells_the_true_lag(arena):
    # Of a group's own record it knows the versions that brokers before 2.1 wrote,
    # so of whom a partition is it says nothing here; nor does it with Kafka 3.7.
    ck, b = confluent(), broker(arena, offsets_topic_num_partitions=5)
    make_topic(ck, b, "t", 3)
    put(ck, b, "t", [b"v%d" % i for i in range(300)], 3)
    ask = burrow(arena, b, b.properties["zookeeper.connect"].replace("embedded:",
                                                                    "127.0.0.1:"))
    c = ck.Consumer({"bootstrap.servers": b.bootstrap, "group.id": "lagging",
                     "client.id": "slow", "enable.auto.commit": False,
                     "auto.offset.reset": "earliest"})
    c.subscribe(["t"])
    until(lambda: c.poll(0.1) is None and len(c.assignment()) == 3, 60, "assigned")
    done = [40, 100, 70]

    def seen():
        # an ever same offset with new times, as a consumer that idles commits
        c.poll(0)
        c.commit(offsets=[ck.TopicPartition("t", p, done[p]) for p in range(3)],
                 asynchronous=False)
        time.sleep(0.5)
        return lags(ask("consumer/lagging/lag"), "t")
    want = {p: (done[p], 100 - done[p]) for p in range(3)}
    until(lambda: seen() == want, 90, "Burrow tells the lag")
    assert "lagging" in ask("consumer")["consumers"]
    topic = ask("consumer/lagging")["topics"]["t"]
    assert [p["current-lag"] for p in topic] == [60, 0, 30], topic
    assert ask("topic/t")["offsets"] == [100, 100, 100]
    # more comes in, and some is read
    put(ck, b, "t", [b"w%d" % i for i in range(30)], 3)
    done = [110, 105, 100]
    want = {0: (110, 0), 1: (105, 5), 2: (100, 10)}
    until(lambda: seen() == want, 90, "Burrow follows")
    assert ask("consumer/lagging/lag")["status"]["totallag"] == 15
    c.close()


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
