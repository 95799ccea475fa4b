"""Consumer groups beside Apache Kafka 3.7.0, and beside a bare echo (echo.c) where
all the work is to answer.

Both brokers live through all the rows but the last one's, and the loads (groups.c)
go to them in turn: so Kafka is warm, and both have the same neighbours. Warm means
minutes of the same requests before the ones that count: a JVM compiles what it has
done ten thousand times.
"""
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time

import harness
from harness import Arena, until

SHARDS = 50  # offsets.topic.num.partitions
TOPIC_PARTITIONS = 50  # of the topic whose offsets are loaded


@contextlib.contextmanager
def systems_of(bench, heap="1g"):
    """{kind: started system}, each with a topic "few" and the offsets topic."""
    systems = {}
    with contextlib.ExitStack() as ends:
        for kind in bench.kinds:
            arena = Arena()
            ends.callback(arena.close)
            s = systems[kind] = bench.System(kind, arena)
            s.broker.properties.update({
                "group.initial.rebalance.delay.ms": 1000,
                # with Kafka's 50, thousands that connect at once wait for seconds
                "socket.listen.backlog.size": 4096})
            s.broker.heap = heap
            s.start()
            s.create("few", 8)
            subprocess.run(["kcat", "-b", s.broker.bootstrap, "-G", "warm", "-e", "-q",
                            "-X", "auto.offset.reset=earliest", "few"], check=True,
                           timeout=60)
        yield systems


class Loads:
    """groups.c against each system in turn."""

    def __init__(self, bench, systems):
        self.bench, self.systems = bench, systems
        self.program = bench.tool("groups")

    def one(self, kind, what, *words, pid=False):
        broker = self.systems[kind].broker
        return self.bench.figures(
            [self.program, what, "127.0.0.1", str(broker.port),
             *([str(broker.process.pid)] if pid else []), *map(str, words)])

    def in_turn(self, runs, what, *words, warm_s=None, **kw):
        """{figure: {kind: [values]}}. A `warm_s` of (Kafka's, ours) takes the place
        of the word WARM; it is Kafka's once, ours from then on."""
        found = {}
        for i in range(runs):
            for kind in self.systems:
                warm = warm_s and warm_s[0 if kind == "kafka" and i == 0 else 1]
                given = [warm if w == "WARM" else w for w in words]
                for name, value in self.one(kind, what, *given, **kw).items():
                    found.setdefault(name, {}).setdefault(kind, []).append(value)
        return found

    def echo(self, *words):
        """The floor of heartbeats: CPU for each, in microseconds."""
        with subprocess.Popen([self.bench.tool("echo"), "14"], text=True,
                              stdout=subprocess.PIPE) as server:
            try:
                port = server.stdout.readline().split()[1]
                return self.bench.figures([self.program, "echo", "127.0.0.1", port,
                                           str(server.pid), *map(str, words)])["all_us"]
            finally:
                server.kill()


def rows_of_commits(bench, loads, quick):
    got = loads.in_turn(1 if quick else 5, "commits", "few", 8, 64, 4, "WARM",
                        5 if quick else 8, warm_s=(5, 2) if quick else (45, 3),
                        pid=True)
    bench.row("commits of 8 partitions, 64 connections × 4", "1/s", got["commits_s"],
              aim="≥ 2 ×")
    bench.row("broker CPU for each", "µs", got["all_us"], aim="≤ 1/4")


def rows_of_heartbeats(bench, loads, quick):
    runs, seconds = (1, 9) if quick else (2, 21)
    got = loads.in_turn(runs, "beats", 1000, 3, "WARM", seconds,
                        warm_s=(3, 0) if quick else (20, 0), pid=True)
    floor = loads.echo(1000, 3, 0, seconds)
    bench.row("3,000 members' heartbeats every 3 s: user CPU each", "µs",
              got["user_us"], aim="≤ 1/8")
    bench.row("3,000 members' heartbeats every 3 s: all CPU each", "µs", got["all_us"],
              floor)
    groups, seconds = (2000, 9) if quick else (10000, 12)
    got = loads.in_turn(1, "beats", groups, 3, 0, seconds, pid=True)
    floor = loads.echo(groups, 3, 0, seconds)
    bench.row(f"{groups:,} groups of 3 members, heartbeats every 3 s: all CPU each",
              "µs", got["all_us"], floor, aim="≤ 1.6 × floor (echo)")
    bench.row("of one core", "%", got["core_percent"], aim="< 15")


def row_of_loss(bench, loads):
    got = loads.in_turn(1, "killed", 6000, 1000)
    bench.row("member killed with -9 (session 6 s, heartbeats each 1 s) → others have "
              "its partitions", "ms", got["killed_ms"], aim="≤ 7,100")


def row_of_rounds(bench, loads, quick):
    """The last row of these brokers: its groups are left behind, until minutes later
    their members are missed. For one of a thousand to leave properly takes a cold
    Kafka 20 s."""
    rounds = {}
    for kind in loads.systems:
        for _ in range(3 if quick or kind != "kafka" else 12):
            loads.one(kind, "round", 1000)
    for _ in range(3 if quick else 9):
        for kind in loads.systems:
            rounds.setdefault(kind, []).append(
                loads.one(kind, "round", 1000)["round_ms"])
    bench.row("1,000 members: first JoinGroup answer → last SyncGroup answer", "ms",
              rounds, aim="≤ 1/2")


# -- loading ------------------------------------------------------------------

def stamp(line):
    text, ms = re.match(r"\[([\d :-]+),(\d+)\]", line).groups()
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S")) + int(ms) / 1000


def put_log(s, made):
    """The stopped broker's offsets topic gets the files that were made for it."""
    for i in range(SHARDS):
        into = os.path.join(s.broker.log_dir, f"__consumer_offsets-{i}")
        for name in os.listdir(into):
            if name != "partition.metadata":
                os.remove(os.path.join(into, name))
        origin = os.path.join(made, f"__consumer_offsets-{i}")
        for name in os.listdir(origin):
            shutil.copy(os.path.join(origin, name), into)


def loading_s(s, kind):
    """Start; seconds from the first word of leading the offsets topic until the last
    of its partitions is loaded, as the broker's log has them."""
    begin, end = {"gregor": ("event=leader_and_isr", "event=groups_loaded"),
                  "kafka": ("Elected as the group coordinator",
                            "Finished loading offsets and group metadata")}[kind]
    start = len(s.broker.log())
    s.exec()
    until(lambda: harness.answers(s.broker.port), 180, "it serves again")

    def ends():
        lines = [x for x in s.broker.log()[start:].splitlines() if end in x]
        return lines if len(lines) >= SHARDS else None
    last = stamp(until(ends, 300, "all groups are loaded")[-1])
    first = next(x for x in s.broker.log()[start:].splitlines() if begin in x)
    return last - stamp(first)


def check_loaded(loads, kind, groups):
    """What groups.c reads must be what offsets_log.c wrote."""
    for group in (0, groups // 3, groups - 1):
        for partition in (0, TOPIC_PARTITIONS - 1):
            got = loads.one(kind, "fetch", f"loaded-{group}", "big", partition)
            if got["offset"] != group * 1000 + partition:
                raise RuntimeError(f"{kind}: group {group} has committed "
                                   f"{got['offset']} in partition {partition}")


def rows_of_loading(bench, quick):
    """A log that a program wrote: millions of commits over the wire take Kafka as
    many minutes, and leave the same records."""
    here = os.path.dirname(os.path.abspath(__file__))
    build = harness.BUILD
    make = bench.tool("offsets_log", "-std=gnu11", f"-I{here}/../../lib",
                      f"-I{build}/gen", f"-L{build}", "-lseg", f"-Wl,-rpath,{build}")
    groups = 10000 if quick else 100000
    took, memory = {}, {}
    with tempfile.TemporaryDirectory(prefix="gregor-bench-") as made, \
            systems_of(bench, heap="6g") as systems:  # 1 GB does not hold them
        bench.figures([make, made, str(SHARDS), str(groups), "big",
                       str(TOPIC_PARTITIONS)])
        loads = Loads(bench, systems)
        for kind, s in systems.items():  # once: a mean over 50 partitions by itself
            s.stop()
            put_log(s, made)
            took[kind] = [loading_s(s, kind)]
            check_loaded(loads, kind, groups)
            memory[kind] = [bench.rss_mb([s.broker.process.pid])]
    bench.row(f"loading {groups * TOPIC_PARTITIONS:,} committed offsets", "s", took,
              aim="≤ 1/3")
    bench.row("resident memory then", "MB", memory)


def rows(bench, quick):
    with systems_of(bench) as systems:
        loads = Loads(bench, systems)
        rows_of_commits(bench, loads, quick)
        row_of_loss(bench, loads)  # before there are 10,000 groups of the missed
        rows_of_heartbeats(bench, loads, quick)
        row_of_rounds(bench, loads, quick)
    rows_of_loading(bench, quick)
