"""The coordination service beside Apache ZooKeeper 3.9.2, standalone, on the same
disk, and beside the least a server must do (keeper_floor.c: canned answers, one
fdatasync for all that is there).

Loads and preparation are C (keeper_load.c, keeper_cases.c); this file starts, asks
and adds up. Each situation gets a fresh server with zoo.cfg's defaults.
"""
import os
import resource
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

import harness

MILLION = 1000000
TICK_MS = 2000
STARTS = 5
QUIET_S = 10  # how long to wait for the disk at most
QUIET_STEPS = 5  # tenths of a second with next to no request


def disk_requests(directory):
    """Requests the disk below a directory has finished or begun; None: unknown."""
    device = os.stat(directory).st_dev
    try:
        with open(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat") as f:
            field = [int(x) for x in f.read().split()]
    except OSError:
        return None
    # reads, writes, in flight, discards, flushes
    return sum(field[i] for i in (0, 4, 8, 11, 15) if i < len(field))


def quiet():
    """Whatever was written or deleted before is behind us: what is dirty is on the
    disk, and the disk has nothing to do (freed blocks are discarded behind the
    caller's back). On a busy machine it goes on after QUIET_S all the same."""
    directory = os.environ.get("BENCH_DIR") or tempfile.gettempdir()
    os.sync()
    until = time.monotonic() + QUIET_S
    last, steps = disk_requests(directory), 0
    while last is not None and steps < QUIET_STEPS and time.monotonic() < until:
        time.sleep(0.1)
        now = disk_requests(directory)
        steps = steps + 1 if now - last < 5 else 0
        last = now


class Server:
    """Ours, ZooKeeper, or the bare loop, in a directory that goes with it."""

    def __init__(self, bench, kind):
        self.bench, self.kind = bench, kind
        self.dir = tempfile.mkdtemp(prefix="gregor-keeper-",
                                    dir=os.environ.get("BENCH_DIR"))
        self.child = None
        self.port = harness.free_port()

    def exec(self, **settings):
        """Start without waiting; the moment of it."""
        config = os.path.join(self.dir, "zoo.cfg")
        settings = {"tickTime": TICK_MS, "dataDir": self.dir + "/data",
                    "clientPort": self.port, "admin.enableServer": "false",
                    "maxClientCnxns": 0, **settings}
        with open(config, "w") as f:
            f.writelines(f"{k}={v}\n" for k, v in settings.items())
        if self.kind == "gregor":
            argv = [os.path.join(harness.BUILD, "gregor"), "keeper", config]
        else:
            argv = ["java", "-Xmx2g", "-cp", harness.jars("zookeeper-3.9.2"),
                    "org.apache.zookeeper.server.quorum.QuorumPeerMain", config]
        began = time.monotonic()
        with open(self.dir + "/out", "ab") as out:
            self.child = subprocess.Popen(argv, stdout=out, stderr=out)
        return began

    def start(self, **settings):
        """Start; milliseconds until a write was answered."""
        began = self.exec(**settings)
        return (self.case("first")["answered_at"] - began) * 1000

    def start_floor(self, log):
        argv = [self.bench.tool("keeper_floor"), self.dir if log else "-"]
        self.child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self.port = int(self.child.stdout.readline().split()[1])
        return self

    def load(self, op, connections, in_flight, seconds):
        return self.bench.figures(
            [self.bench.tool("keeper_load"), str(self.port), op, str(connections),
             str(in_flight), str(seconds), "100", str(self.child.pid)])

    def case(self, name, *argv):
        return self.bench.figures(
            [self.bench.tool("keeper_cases", "-lpthread"), name, str(self.port),
             *map(str, argv)])

    def fill(self):
        return self.bench.figures([self.bench.tool("keeper_load"), str(self.port),
                                   "fill", str(MILLION), "100"])

    def rss_mb(self):
        return self.bench.rss_mb([self.child.pid])

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(60)

    def snapshots(self):
        return len([n for n in os.listdir(self.dir + "/data/version-2")
                    if n.startswith("snapshot.")])

    def close(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        if self.child and self.child.stdout:
            self.child.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)


LOADS = [  # name, op, connections, in flight
    ("reads", "get", 64, 16), ("one", "set", 1, 1), ("sets64", "set", 64, 1),
    ("sets", "set", 64, 16), ("creates", "create", 64, 16)]


def steady(server, seconds, loads):
    found = {}
    for name, op, connections, in_flight in loads:
        quiet()
        got = server.load(op, connections, in_flight, seconds)
        found[name] = got["ops_per_s"]
        found[name + "_cpu"] = got["server_cpu_us"]
        found[name + "_p50"] = got["answer_p50_us"] / 1000
    return found


def write_beside_reads(server, seconds):
    """p99 of one writer while 64 x 16 read, in milliseconds."""
    tool = server.bench.tool("keeper_load")
    quiet()
    readers = subprocess.Popen([tool, str(server.port), "get", "64", "16",
                                str(seconds + 1), "100"], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        return server.load("set", 1, 1, seconds)["answer_p99_us"] / 1000
    finally:
        readers.wait()


def loads_once(bench, kind, seconds):
    if kind == "floor":
        found = {}
        for log in (False, True):
            server = Server(bench, kind).start_floor(log)
            try:
                found.update(steady(server, seconds, LOADS[1:] if log else
                                    LOADS[:1]))
            finally:
                server.close()
        return found
    server = Server(bench, kind)
    try:
        server.start()
        time.sleep(1)
        found = {"idle": server.rss_mb()}
        server.load("get", 64, 16, seconds)  # a compiler may warm up
        server.load("set", 64, 16, seconds)
        found.update(steady(server, seconds, LOADS[:-1]))
        found["beside"] = write_beside_reads(server, seconds)
        found.update(steady(server, seconds, LOADS[-1:]))
        return found
    finally:
        server.close()


def start_once(bench, kind):
    """A first start in an empty directory, in milliseconds."""
    server = Server(bench, kind)
    try:
        quiet()
        return {"start": server.start()}
    finally:
        server.close()


def million(bench, kind, seconds):
    """Memory, restart, and what clients wait beside a snapshot."""
    server = Server(bench, kind)
    try:
        server.start()
        time.sleep(1)
        before = server.rss_mb()
        server.fill()
        found = {"each": (server.rss_mb() - before) / (MILLION / 100000)}
        server.stop()
        os.sync()
        found["again"] = server.start(snapCount=5000) / 1000
        before = server.snapshots()
        quiet()
        seen = server.case("pause", seconds)
        if server.snapshots() == before:
            raise RuntimeError(f"{kind}: no snapshot was taken meanwhile")
        found["reader"] = seen["reader_max_us"] / 1000
        found["writer"] = seen["writer_max_us"] / 1000
        return found
    finally:
        server.close()


def calm(bench, seconds):
    """The same two clients at the bare loop: what this machine makes anybody
    wait."""
    server = Server(bench, "floor").start_floor(True)
    try:
        quiet()
        seen = server.case("pause", seconds)
        return max(seen["reader_max_us"], seen["writer_max_us"]) / 1000
    finally:
        server.close()


def storm(bench, kind):
    """10,000 sessions end in one tick."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    server = Server(bench, kind)
    try:
        server.start()
        seen = server.case("storm", TICK_MS, 10000, 100)
        return {"events": seen["events_us"] / 1e6,
                "reader": seen["reader_p99_us"] / 1000}
    finally:
        server.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def gather(found, kind, figures):
    for name, value in figures.items():
        found.setdefault(name, {}).setdefault(kind, []).append(value)


def rows(bench, quick):
    """bench: tool, figures, rss_mb, row, kinds and runs of tests/bench/run."""
    found = {}
    seconds = 1 if quick else 3
    for _ in range(max(bench.runs, STARTS)):
        for kind in bench.kinds:
            gather(found, kind, start_once(bench, kind))
    for _ in range(bench.runs):
        for kind in [*bench.kinds, "floor"]:
            gather(found, kind, loads_once(bench, kind, seconds))

    def row(text, unit, name, aim):
        values = dict(found[name])
        floor = values.pop("floor", None)
        bench.row("keeper: " + text, unit, values,
                  floor and statistics.median(floor), aim)
    row("exec → first answered write", "ms", "start", "≤ 20")
    row("idle resident memory", "MB", "idle", "≤ 8")
    row("reads, 64 clients × 16", "1/s", "reads", "≥ 6 ×")
    row("CPU for each", "µs", "reads_cpu", "≤ 1/12")
    row("durable writes, one at a time: p50", "ms", "one_p50", "≤ 1.5 × floor")
    row("durable sets, 64 clients one at a time", "1/s", "sets64", "≥ 1.5 ×")
    row("CPU for each", "µs", "sets64_cpu", "≤ 1/2, ≤ 1.5 × floor")
    row("durable sets, 64 × 16", "1/s", "sets", "≥ 5 ×")
    row("CPU for each", "µs", "sets_cpu", "≤ 1/10")
    row("durable creates, 64 × 16", "1/s", "creates", "≥ 5 ×")
    row("CPU for each", "µs", "creates_cpu", "≤ 1/10")
    row("a write while 64 × 16 read: p99", "ms", "beside", "≤ 1/3")
    found.clear()
    waits = [calm(bench, 4 if quick else 10)]
    for kind in bench.kinds:
        gather(found, kind, million(bench, kind, 4 if quick else 10))
        waits.append(calm(bench, 4 if quick else 10))
    for name in ("reader", "writer"):
        found[name]["floor"] = [max(waits)]
    row("resident memory for 100,000 znodes of 100 B", "MB", "each", "≤ 25")
    row("1,000,000 znodes: restart → serving", "s", "again", "≤ 0.8")
    row("snapshots of 1,000,000 znodes: longest wait of a reader", "ms", "reader",
        "≤ 10")
    row("... of a writer", "ms", "writer", "≤ 10")
    found.clear()
    for kind in bench.kinds:
        gather(found, kind, storm(bench, kind))
    row("10,000 sessions end in one tick: 10,000 events out after", "s", "events",
        "≤ 1")
    row("p99 of a steady reader beside them", "ms", "reader", "≤ 5")
