#!/usr/bin/python3
"""Rebalance storms: one for each consumer library and kind of assignment.

STORM_MEMBERS (20) members of a group over 50 partitions join, leave, are killed
and paused for STORM_SECONDS (30) while a producer runs; in the middle the broker is
killed with -9. Afterwards each record was processed at least once, no commit in
__consumer_offsets is lower than the one before it, nor was one told a client, and
the group comes to rest: Stable, with the members that live, each partition given to
one of them. STORM_SEED makes the same choices again; their moments differ.

Members of libraries that know instances are static in part. A Java process holds
four members, which come, go, die and pause together.

A member that its own library ends is one more crash. A cooperative one of librdkafka
before 2.3 aborts when it ends without ever having had an assignment
(rd_kafka_sticky_assignor_state_destroy: Assertion `assignor_state' failed), and
before 2.4 it may never end when it leaves amid a rebalance, and keep its partitions
unread: it is killed then, as an operator would.
"""
import os
import random
import signal
import struct
import sys
import threading
import time

from test_groups import HERE, PYTHON, ask, broker, make_topic, text
from harness import Process, jars, until
from peers import NODE, confluent, go_program, kafka_python, need_kafkajs
import harness

SECONDS = int(os.environ.get("STORM_SECONDS", "30"))
MEMBERS = int(os.environ.get("STORM_MEMBERS", "20"))
SEED = int(os.environ.get("STORM_SEED", "7"))
PARTITIONS = 50
RATE = 400  # records a second
SESSION = 6  # seconds; what the members ask for
LEAVING = 15  # seconds; longer than any close takes that comes to an end


# -- what is there -----------------------------------------------------------------


class Told:
    """Reads a DescribeGroups answer of version 0."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, kind):
        value, = struct.unpack_from(">" + kind, self.data, self.at)
        self.at += struct.calcsize(">" + kind)
        return value

    def bytes(self, kind="h"):
        n = self.number(kind)
        self.at += n
        return self.data[self.at - n:self.at]


def partitions_of(assignment):
    found, a = [], Told(assignment)
    if not assignment:
        return found
    a.number("h")
    for _ in range(a.number("i")):
        a.bytes()
        found += [a.number("i") for _ in range(a.number("i"))]
    return found


def describe(b, group):
    """The group's state, and the partitions of each of its members."""
    t = Told(ask(b, 15, 0, struct.pack(">i", 1) + text(group)))
    assert t.number("i") == 1
    error = t.number("h")
    t.bytes()
    state = t.bytes().decode()
    t.bytes(), t.bytes()
    members = {}
    for _ in range(t.number("i")):
        name = t.bytes().decode()
        t.bytes(), t.bytes(), t.bytes("i")
        members[name] = partitions_of(t.bytes("i"))
    return (state if error == 0 else f"error {error}"), members


def java_hash(s):
    h = 0
    for c in s:
        h = (31 * h + ord(c)) & 0xffffffff
    return 0 if h == 0x80000000 else abs(h - (h >> 31 << 32))


def every_commit(ck, b, group):
    """All commits of a group in the order of the log: (partition, offset)."""
    c = ck.Consumer({"bootstrap.servers": b.bootstrap, "group.id": "reader",
                     "enable.auto.commit": False})
    tp = ck.TopicPartition("__consumer_offsets", java_hash(group) % 50, 0)
    _, end = c.get_watermark_offsets(tp, timeout=30)
    c.assign([tp])
    commits, last = [], -1
    while last < end - 1:
        for m in c.consume(10000, 1):
            assert not m.error(), m.error()
            last = m.offset()
            key, value = Told(m.key()), m.value()
            if key.number("h") > 1 or value is None:
                continue
            if key.bytes().decode() != group:
                continue
            key.bytes()
            commits.append((key.number("i"), struct.unpack_from(">q", value, 2)[0]))
    c.close()
    return commits


def went_back(commits):
    highest, found = {}, []
    for partition, offset in commits:
        if offset < highest.get(partition, -1):
            found.append((partition, highest[partition], offset))
        highest[partition] = offset
    return found


# -- who takes part -------------------------------------------------------------------


class Producing:
    """Records that all differ, and those of them that are acknowledged."""

    def __init__(self, ck, b, topic):
        self.sent, self.wrong, self.stop = set(), [], threading.Event()
        self.producer = ck.Producer({
            "bootstrap.servers": b.bootstrap, "acks": "all",
            "enable.idempotence": True, "message.timeout.ms": 300000,
            "log_level": 0})
        self.topic, self.thread = topic, threading.Thread(target=self.run)
        self.thread.start()

    def done(self, error, message):
        if error:
            self.wrong.append(error)
        else:
            self.sent.add(message.value())

    def run(self):
        n = 0
        while not self.stop.wait(0.05):
            for _ in range(RATE // 20):
                self.producer.produce(self.topic, b"r%d" % n,
                                      partition=n % PARTITIONS,
                                      on_delivery=self.done)
                n += 1
            self.producer.poll(0)

    def end(self):
        self.stop.set()
        self.thread.join()
        assert self.producer.flush(120) == 0 and not self.wrong, self.wrong[:3]


class Watching:
    """What a client is told of the committed offsets, all the time."""

    def __init__(self, ck, b, group, topic):
        self.ck, self.commits, self.stop = ck, [], threading.Event()
        self.consumer = ck.Consumer({"bootstrap.servers": b.bootstrap,
                                     "group.id": group, "log_level": 0})
        self.asked = [ck.TopicPartition(topic, p) for p in range(PARTITIONS)]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stop.wait(0.3):
            try:
                found = self.consumer.committed(self.asked, timeout=10)
            except self.ck.KafkaException:
                continue  # the broker is away
            self.commits += [(tp.partition, max(tp.offset, -1)) for tp in found
                             if not tp.error]

    def end(self):
        self.stop.set()
        self.thread.join()
        self.consumer.close()


class Member:
    """A process with one member of the group, or several."""

    def __init__(self, process, path, instance, size):
        self.process, self.path, self.instance = process, path, instance
        self.size, self.resume, self.asked = size, None, None

    def lives(self):
        return self.process.child.poll() is None

    def ask_to_leave(self):
        self.process.signal(signal.SIGTERM)
        self.go_on()  # one that is paused does not hear it
        self.asked = time.monotonic()

    def pause(self, seconds):
        self.process.signal(signal.SIGSTOP)
        self.resume = time.monotonic() + seconds

    def go_on(self, now=None):
        if self.resume and (now is None or now > self.resume):
            self.process.signal(signal.SIGCONT)
            self.resume = None


class Lines:
    """What all members have written, each file read once."""

    def __init__(self):
        self.at, self.seen, self.n = {}, set(), 0

    def read(self, paths):
        for path in paths:
            if not os.path.exists(path):
                continue
            with open(path, "rb") as f:
                f.seek(self.at.get(path, 0))
                data = f.read()
            whole = data[:data.rfind(b"\n") + 1]
            self.at[path] = self.at.get(path, 0) + len(whole)
            found = whole.split(b"\n")[:-1]
            self.n += len(found)
            self.seen.update(found)
        return self.seen


class Storm:
    """`spawn(b, path, instance)` starts a process with `each` members; `may_hang`:
    one that shall leave may have to be killed."""

    def __init__(self, arena, b, spawn, each, statics, may_hang):
        self.arena, self.b, self.spawn, self.each = arena, b, spawn, each
        self.may_hang = may_hang
        self.rnd, self.members, self.leaving = random.Random(SEED), [], []
        self.free = ["static-%d" % i for i in range(MEMBERS * 3 // 10 // each)
                     ] if statics else []
        self.paths, self.counts = [], {}

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def join(self):
        static = self.free and self.rnd.random() < .4
        instance = self.free.pop(0) if static else None
        path = self.arena.path(f"member-{len(self.paths)}")
        self.paths.append(path)
        process = Process(self.spawn(self.b, path, instance or "-"), path + ".log")
        self.arena.processes.append(process)
        self.members.append(Member(process, path, instance, self.each))
        self.count("static" if instance else "dynamic")

    def forget(self, member):
        self.members.remove(member)
        if member.instance:
            self.free.append(member.instance)

    def hit(self, member):
        what = self.rnd.random()
        if what < .3:
            self.count("left")
            member.ask_to_leave()
            self.leaving.append(member)
            self.forget(member)
        elif what < .6:
            self.count("killed")
            member.process.kill()
            self.forget(member)
        else:  # within its session, or longer
            self.count("paused")
            member.pause(self.rnd.choice((1, 2, SESSION + 2)))

    def look_after(self):
        """Notice who has ended by itself, and end who cannot."""
        for m in [m for m in self.members if not m.lives()]:
            aborted = m.process.child.returncode == -signal.SIGABRT
            self.count("aborted" if aborted else "ended by itself")
            self.forget(m)  # if not aborted it was fenced, or gave up
        now = time.monotonic()
        for m in self.leaving:
            if self.may_hang and m.lives() and now > m.asked + LEAVING:
                self.count("killed for it did not leave")
                m.process.kill()

    def step(self):
        now = time.monotonic()
        for m in self.members:
            m.go_on(now)
        self.look_after()
        if len(self.members) * self.each < MEMBERS:
            self.join()
        elif self.rnd.random() < .5:
            self.hit(self.rnd.choice([m for m in self.members if not m.resume]
                                     or self.members))

    def keep(self):
        """After the storm: somebody is there, whoever ends."""
        self.look_after()
        if not self.members:
            self.join()

    def end(self):
        for m in self.members:
            m.ask_to_leave()
        self.leaving += self.members
        self.members = []

    def has_ended(self):
        self.look_after()
        return not any(m.lives() for m in self.leaving)

    def is_at_rest(self):
        time.sleep(0.2)
        self.keep()
        state, members = describe(self.b, "storm")
        given = sorted(p for parts in members.values() for p in parts)
        living = sum(m.size for m in self.members if m.lives())
        self.last = state, len(members), living, len(given)
        return (state == "Stable" and given == list(range(PARTITIONS)) and
                len(members) == living)


def storm(arena, spawn, each=1, statics=False, may_hang=False):
    ck, b = confluent(), broker(arena)
    make_topic(ck, b, "storm", PARTITIONS)
    s, seen = Storm(arena, b, spawn, each, statics, may_hang), Lines()
    producing = Producing(ck, b, "storm")
    watching = Watching(ck, b, "storm", "storm")
    try:
        end, killed = time.monotonic() + SECONDS, False
        while time.monotonic() < end:
            s.step()
            if not killed and time.monotonic() > end - SECONDS / 2:
                killed = True
                b.kill()
                b.start()
            if len(s.members) * each >= MEMBERS or s.rnd.random() < .5:
                time.sleep(s.rnd.random() * each / 2)
    finally:
        producing.stop.set(), watching.stop.set()
    producing.end()
    for m in s.members:
        m.go_on()
    began = time.monotonic()

    def processed():
        time.sleep(0.5)
        s.keep()
        return producing.sent <= seen.read(s.paths)
    try:
        until(processed, 180, "every record was processed")
        until(s.is_at_rest, 180, "the group is at rest")
    except AssertionError:
        lost = producing.sent - seen.seen
        print(f"     not processed: {len(lost)} {sorted(lost)[:5]}, "
              f"state, members, living, given: {getattr(s, 'last', None)}, "
              f"{s.counts}", flush=True)
        raise
    rest = time.monotonic() - began
    watching.end()
    commits = every_commit(ck, b, "storm")
    print(f"     {len(producing.sent)} records, "
          f"{seen.n - len(producing.sent)} more than once, {len(commits)} commits, "
          f"{len(s.paths)} processes of {each}, {s.counts}, "
          f"at rest after {rest:.1f} s", flush=True)
    assert not went_back(commits), went_back(commits)[:5]
    assert not went_back(watching.commits), went_back(watching.commits)[:5]
    s.end()
    until(s.has_ended, 60, "the members end")


# -- the libraries ------------------------------------------------------------------------


def librdkafka(arena, strategy):
    confluent()
    storm(arena, lambda b, path, instance: [
        PYTHON, HERE + "/member_librdkafka.py", b.bootstrap, "storm", "storm", path,
        strategy, instance], statics=True, may_hang=strategy == "cooperative-sticky")


def java(arena, version, strategy, statics=False):
    each, classes = min(4, MEMBERS), f"{version}"
    path = arena.path("classes-" + classes)
    os.makedirs(path)
    arena.run(["javac", "-cp", jars("kafka-" + version), "-d", path,
               HERE + "/Member.java"])
    log4j = arena.tool_argv("x", version=version)[-2]
    storm(arena, lambda b, file, instance: [
        "java", "-Xmx160m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData", "-Xshare:auto", log4j, "-cp",
        path + ":" + jars("kafka-" + version), "Member", b.bootstrap, "storm", "storm",
        file, strategy, instance, str(each)], each, statics)


def go(arena, name, strategy, statics):
    path = go_program(arena, f"{HERE}/member_{name}.go.txt")
    storm(arena, lambda b, file, instance: [
        path, b.bootstrap, "storm", "storm", file, strategy, instance],
        statics=statics)


def test_librdkafka_in_a_storm_of_eager_and_static_members(arena):
    librdkafka(arena, "range")


def test_librdkafka_in_a_storm_of_cooperative_and_static_members(arena):
    librdkafka(arena, "cooperative-sticky")


def test_java_3_7_in_a_storm_of_eager_members(arena):
    java(arena, "3.7.0", "RangeAssignor")


def test_java_3_7_in_a_storm_of_cooperative_and_static_members(arena):
    java(arena, "3.7.0", "CooperativeStickyAssignor", True)


def test_java_4_0_in_a_storm_of_eager_and_static_members(arena):
    java(arena, "4.0.0", "RangeAssignor", True)


def test_java_4_0_in_a_storm_of_cooperative_members(arena):
    java(arena, "4.0.0", "CooperativeStickyAssignor")


def test_kafka_python_in_a_storm(arena):
    kafka_python()
    storm(arena, lambda b, path, instance: [
        PYTHON, HERE + "/member_kafka_python.py", b.bootstrap, "storm", "storm", path,
        "range"])


def test_kafkajs_in_a_storm(arena):
    need_kafkajs()
    storm(arena, lambda b, path, instance: [
        "env", "NODE_PATH=" + NODE["NODE_PATH"], "node", HERE + "/member_kafkajs.js", b.bootstrap,
        "storm", "storm", path])


def test_franz_go_in_a_storm_of_eager_and_static_members(arena):
    go(arena, "franz", "range", True)


def test_franz_go_in_a_storm_of_cooperative_members(arena):
    go(arena, "franz", "cooperative-sticky", False)


def test_sarama_in_a_storm_of_eager_and_static_members(arena):
    go(arena, "sarama", "range", True)


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
