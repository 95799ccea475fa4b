#!/usr/bin/python3
"""Sessions, elections and restarts of real brokers.

COORDINATION chooses the service: keeper (default), debian, zookeeper-3.9.2.
"""
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from harness import Skip, free_port, until  # noqa: E402
import harness  # noqa: E402

SERVICE = os.environ.get("COORDINATION", "keeper")


def zookeeper(service):
    try:
        from kazoo.client import KazooClient
    except ImportError:
        raise Skip("python3-kazoo is not installed")
    client = KazooClient(hosts=service.connect, timeout=10)
    client.start(10)
    return client


def metadata(arena, broker):
    return json.loads(arena.run(["kcat", "-b", broker.bootstrap, "-L", "-J"],
                                seconds=20))


def controller(zk):
    from kazoo.exceptions import NoNodeError
    try:
        return json.loads(zk.get("/controller")[0])["brokerid"]
    except NoNodeError:
        return None


def leaders(arena, broker, topic):
    for t in metadata(arena, broker)["topics"]:
        if t["topic"] == topic:
            return {p["partition"]: p["leader"] for p in t["partitions"]}
    return {}


def create(arena, broker, topic, partitions=1):
    code = ("import sys;from confluent_kafka.admin import AdminClient,NewTopic;"
            "a=AdminClient({'bootstrap.servers':sys.argv[1]});"
            "[f.result(20) for f in a.create_topics([NewTopic(sys.argv[2],"
            "int(sys.argv[3]),1)]).values()]")
    arena.run(["/usr/bin/python3", "-c", code, broker.bootstrap, topic,
               str(partitions)])


def test_three_brokers_find_each_other(arena):
    service = arena.service(SERVICE)
    brokers = [arena.gregor(service.connect, i) for i in range(3)]
    for b in brokers:
        until(lambda: sorted(x["id"] for x in metadata(arena, b)["brokers"])
              == [0, 1, 2], 10, "three brokers known")
    create(arena, brokers[0], "spread", 6)
    for b in brokers:
        until(lambda: set(leaders(arena, b, "spread").values()) == {0, 1, 2}, 10,
              "leaders on all three")
    arena.run(["kcat", "-b", brokers[1].bootstrap, "-P", "-t", "spread"],
              stdin=b"".join(b"%d\n" % i for i in range(300)))
    out = arena.run(["kcat", "-b", brokers[2].bootstrap, "-C", "-t", "spread", "-e",
                     "-q"])
    assert sorted(map(int, out.split())) == list(range(300))


def test_kill_9_of_the_controller_elects_another_and_its_partitions_come_back(arena):
    service = arena.service(SERVICE)
    brokers = {i: arena.gregor(service.connect, i,
                               **{"zookeeper.session.timeout.ms": 4000})
               for i in range(3)}
    zk = zookeeper(service)
    create(arena, brokers[0], "t", 6)
    old = until(lambda: controller(zk), 10) if controller(zk) != 0 else 0
    epoch = int(zk.get("/controller_epoch")[0])
    mine = [p for p, l in leaders(arena, brokers[old], "t").items() if l == old]
    assert mine
    brokers[old].kill()
    new = until(lambda: controller(zk) not in (None, old) and
                str(controller(zk)), 20, "another controller")
    assert int(zk.get("/controller_epoch")[0]) == epoch + 1
    other = brokers[int(new)]
    until(lambda: all(leaders(arena, other, "t")[p] == -1 for p in mine), 15,
          "its partitions have no leader")
    for p in mine:
        state = json.loads(zk.get(f"/brokers/topics/t/partitions/{p}/state")[0])
        assert state["leader"] == -1 and state["isr"] == [old], state
    brokers[old].start()
    until(lambda: all(leaders(arena, other, "t")[p] == old for p in mine), 15,
          "the partitions are led again")
    zk.stop()


def test_after_kill_9_a_broker_is_registered_again_within_a_second(arena):
    service = arena.service(SERVICE)
    b = arena.gregor(service.connect)
    zk = zookeeper(service)
    first = zk.get("/brokers/ids/0")[1].czxid
    b.kill()
    began = time.monotonic()
    b.start(wait=False)

    def again():
        found = zk.exists("/brokers/ids/0")
        return found is not None and found.czxid != first
    until(again, 10, "registered anew")
    took = time.monotonic() - began
    assert took < 1.0, f"{took:.2f} s"
    assert "NodeExists" not in b.log()
    zk.stop()


def test_a_broker_stopped_past_its_session_registers_by_itself(arena):
    service = arena.service(SERVICE)
    b = arena.gregor(service.connect, **{"zookeeper.session.timeout.ms": 4000})
    zk = zookeeper(service)
    create(arena, b, "t")
    first = zk.get("/brokers/ids/0")[1].czxid
    b.process.signal(signal.SIGSTOP)
    until(lambda: zk.exists("/brokers/ids/0") is None, 20, "the znode is gone")
    b.process.signal(signal.SIGCONT)
    until(lambda: zk.exists("/brokers/ids/0"), 10, "registered again")
    assert zk.get("/brokers/ids/0")[1].czxid > first
    until(lambda: controller(zk) == 0, 10, "controller again")
    until(lambda: leaders(arena, b, "t") == {0: 0}, 10, "leader again")
    arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", "t"], stdin=b"after\n")
    zk.stop()


def test_a_broker_started_before_its_zookeeper_waits_for_it(arena):
    port = free_port()
    b = arena.gregor(f"127.0.0.1:{port}", start=False)
    b.start(wait=False)
    until(lambda: "zookeeper" in b.log().lower(), 10, "a line that says so")
    service = harness.Service(arena, SERVICE, arena.path("late"))
    service.port, service.connect = port, f"127.0.0.1:{port}"
    service.start()
    b.process.says("[KafkaServer id=0] started", 30)


def test_a_name_that_does_not_resolve_is_waited_for(arena):
    b = arena.gregor("no-such-host.invalid:2181", start=False)
    b.start(wait=False)
    until(lambda: "no-such-host.invalid" in b.log(), 15, "a line that names it")
    assert b.process.child.poll() is None
    assert b.stop(10) == 0


def test_two_brokers_with_one_id_are_told_apart(arena):
    service = arena.service(SERVICE)
    arena.gregor(service.connect, 0, **{"zookeeper.session.timeout.ms": 4000})
    copy = arena.gregor(service.connect, 0, start=False,
                        **{"zookeeper.session.timeout.ms": 4000})
    copy.start(wait=False)
    assert copy.process.wait(40) == 1
    assert "127.0.0.1" in copy.log()


def test_broker_ids_are_generated_and_kept(arena):
    service = arena.service(SERVICE)
    b = arena.gregor(service.connect, broker_id=-1, start=False)
    b.id = 1001
    b.start()
    assert b.stop() == 0
    b.start()
    zk = zookeeper(service)
    assert zk.get_children("/brokers/ids") == ["1001"]
    zk.stop()


def test_topics_and_records_survive_kill_9_of_everything(arena):
    service = arena.service(SERVICE)
    b = arena.gregor(service.connect)
    create(arena, b, "keep", 3)
    arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", "keep", "-X", "acks=all"],
              stdin=b"".join(b"%d\n" % i for i in range(1000)))
    b.kill()
    service.kill()
    service.start()
    b.start()
    out = arena.run(["kcat", "-b", b.bootstrap, "-C", "-t", "keep", "-e", "-q"])
    assert sorted(map(int, out.split())) == list(range(1000))


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
