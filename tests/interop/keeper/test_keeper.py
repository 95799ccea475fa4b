#!/usr/bin/python3
"""Our coordination service beside Apache ZooKeeper, under real clients."""
import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
sys.path.insert(0, HERE)
from harness import Process, Skip, jars, until  # noqa: E402
import harness  # noqa: E402
import raw  # noqa: E402

STEPS = int(os.environ.get("STEPS", "100000"))
KILLS = int(os.environ.get("KILLS", "1000"))
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)


def kazoo(service, **kw):
    try:
        from kazoo.client import KazooClient
    except ImportError:
        raise Skip("python3-kazoo is not installed")
    client = KazooClient(hosts=service.connect, timeout=kw.pop("timeout", 10), **kw)
    client.start(10)
    return client


class Extended(harness.Service):
    """A service with TTL nodes on, ours or the real one."""

    def start(self):
        os.makedirs(self.dir, exist_ok=True)
        config = os.path.join(self.dir, "zoo.cfg")
        with open(config, "w") as f:
            f.write(f"tickTime=2000\ndataDir={self.dir}/data\n"
                    f"clientPort={self.port}\nadmin.enableServer=false\n"
                    "maxClientCnxns=0\n4lw.commands.whitelist=*\n"
                    "extendedTypesEnabled=true\n" + getattr(self, "extra", ""))
        if self.kind == "keeper":
            argv = [os.path.join(harness.BUILD, "gregor"), "keeper", config]
        else:
            # Not a line for each request: that alone would be half of its work.
            logback = os.path.join(self.dir, "logback.xml")
            with open(logback, "w") as f:
                f.write("<configuration><root level='WARN'/></configuration>")
            argv = ["java", "-Xmx512m", f"-Dlogback.configurationFile={logback}",
                    "-cp", jars("zookeeper-3.9.2"),
                    "org.apache.zookeeper.server.quorum.QuorumPeerMain", config]
        self.process = Process(argv, os.path.join(self.dir, "service.log"),
                               env=self.arena.env)
        self.arena.processes.append(self.process)
        until(lambda: b"Mode:" in (self.word("srvr") or b""), 30, "serves")
        return self


def extended(arena, kind, directory=None, extra=""):
    arena.n += 1
    service = Extended(arena, kind, directory or arena.path(f"ext-{arena.n}"))
    service.extra = extra
    return service.start()


def play_to(queue, port, seed, steps):
    lines = []
    try:
        raw.play(port, seed, steps, lambda *line: lines.append(line))
    finally:
        queue.put(lines)


def differ(arena, seed, steps):
    """The same session on both, at the same time, each from a process."""
    services = [extended(arena, "keeper"), extended(arena, "zookeeper")]
    queues = [multiprocessing.Queue() for _ in services]
    players = [multiprocessing.Process(target=play_to,
                                       args=(q, s.port, seed, steps))
               for q, s in zip(queues, services)]
    for p in players:
        p.start()
    ours, real = (q.get(timeout=600) for q in queues)
    for p in players:
        p.join()
    for service in services:
        service.kill()
    for a, b in zip(ours, real):
        if repr(a) != repr(b):
            raise AssertionError(
                f"seed {seed} step {a[0]} body {a[1]!r}\n ours {a[2]}\n real {b[2]}")
    assert len(ours) == len(real) == steps, (len(ours), len(real), steps)


def test_random_sessions_get_the_answers_of_zookeeper_3_9_2(arena):
    # In parts, each shorter than the minute after which ZooKeeper looks for
    # containers and TTL nodes that have run out, at a moment of its own.
    print(f"     seed {SEED}, {STEPS} steps", flush=True)
    part = min(STEPS, 10000)
    for n in range(STEPS // part):
        differ(arena, SEED + n, part)


# -- one directory, two servers ------------------------------------------------

def dump(service):
    """Every node: data, ACL and Stat, read by an administrator."""
    c = raw.Client(service.port)
    out, todo, mask = {}, ["/"], raw.Mask()
    mask.session = lambda n: n
    while todo:
        path = todo.pop()
        _, f = c.request(12, raw.s_(path) + b"\0")
        head, (names, stat), _ = mask.frame(12, f)
        _, f = c.request(4, raw.s_(path) + b"\0")
        data = mask.frame(4, f)[1]
        _, f = c.request(6, raw.s_(path))
        out[path] = (stat, data, mask.frame(6, f)[1])
        todo += [path.rstrip("/") + "/" + n.decode() for n in names]
    c.request(-11, b"")
    c.close()
    return out


def open_tree(port, seed, steps):
    """Random changes, every node readable by anyone; one session stays."""
    class Open(raw.Script):
        def acl(self):
            return self.r.choice([raw.OPEN] * 4 + [
                [(31, "world", "anyone"), (31, "digest", "bob:x")],
                [(1, "world", "anyone"), (31, "ip", "127.0.0.1")]])
    script = Open(seed, 1)
    stays = raw.Client(port)
    c = raw.Client(port)
    stays.request(1, raw.s_("/stays") + raw.s_(b"here") + raw.acl_(raw.OPEN) +
                  b"\0\0\0\1")
    for _ in range(steps):
        _, op, body = script.op()
        if not isinstance(op, int) or op in (100, 101, 105):
            continue
        try:
            c.request(op, body)
        except raw.Closed:
            c = raw.Client(port)
    c.request(-11, b"")
    return stays


def same(a, b):
    assert a.keys() == b.keys(), (f"only before {a.keys() - b.keys()} "
                                  f"only after {b.keys() - a.keys()}")
    for path in sorted(a.keys() | b.keys()):
        if a.get(path) != b.get(path):
            raise AssertionError(f"{path}:\n before {a.get(path)}\n after  {b.get(path)}")


def hand_over(arena, first, second, rounds=3):
    directory = arena.path("shared")
    kinds = [first, second] * rounds
    before = stays = None
    for n, kind in enumerate(kinds[:rounds + 1]):
        service = extended(arena, kind, directory, "snapCount=200\n")
        if before is not None:
            again = raw.Client(service.port, session=stays.session,
                               password=stays.password)
            assert again.session == stays.session, "the session was lost"
            now = dump(service)
            same(before, now)
            again.request(-11, b"")
            again.close()
        stays = open_tree(service.port, SEED + n, 700)
        stays.close()
        before = dump(service)
        service.stop()
        os.remove(os.path.join(directory, "service.log"))


def test_zookeeper_3_9_2_starts_on_our_directory_and_gives_it_back(arena):
    print(f"     seed {SEED}", flush=True)
    hand_over(arena, "keeper", "zookeeper")


def test_we_start_on_the_directory_of_zookeeper_3_9_2(arena):
    hand_over(arena, "zookeeper", "keeper", 1)


# -- durability ----------------------------------------------------------------

def write_until_dead(port, answered, n):
    c = raw.Client(port)
    base = f"/k{n}-"
    i = 0
    try:
        while True:
            # Sixteen in flight; every reply counts as a promise.
            for k in range(16):
                c.xid += 1
                c.send(raw.struct.pack(">ii", c.xid, 1) + raw.s_(f"{base}{i + k}") +
                       raw.s_(b"v%d" % (i + k)) + raw.acl_(raw.OPEN) + bytes(4))
            for k in range(16):
                f = c.frame()
                assert f[12:16] == bytes(4), f
                answered.append((f"{base}{i + k}", b"v%d" % (i + k)))
            i += 16
    except (raw.Closed, OSError):
        pass


def test_every_answered_write_survives_kill_9(arena):
    directory = arena.path("killed")
    promised = []
    for turn in range(min(KILLS, 20)):
        service = extended(arena, "keeper", directory, "snapCount=2000\n")
        writers = [threading.Thread(target=write_until_dead,
                                    args=(service.port, promised, f"{turn}-{w}"))
                   for w in range(4)]
        for w in writers:
            w.start()
        time.sleep(0.05 + 0.1 * random.random())
        service.kill()
        for w in writers:
            w.join()
    service = extended(arena, "keeper", directory)
    c = raw.Client(service.port)
    for path, value in promised:
        _, f = c.request(4, raw.s_(path) + b"\0")
        assert f[12:16] == bytes(4) and raw.Reader(f[16:]).buf() == value, path
    print(f"     {len(promised)} writes", flush=True)


class Pair:
    """Writes two nodes in one multi, n into both, sixteen in flight."""

    def __init__(self, name):
        self.paths = [f"/{name}-a", f"/{name}-b"]
        self.answered = self.sent = 0

    def create(self, port):
        c = raw.Client(port)
        for path in self.paths:
            c.request(1, raw.s_(path) + raw.s_(b"0") + raw.acl_(raw.OPEN) + bytes(4))
        c.request(-11, b"")
        c.close()

    def multi(self, n):
        return b"".join(
            raw.struct.pack(">ibi", 5, 0, -1) + raw.s_(path) + raw.s_(b"%d" % n) +
            raw.struct.pack(">i", n - 1) for path in self.paths
        ) + raw.struct.pack(">ibi", -1, 1, -1)

    def write_until_dead(self, port):
        try:
            c = raw.Client(port)
            while True:
                first = self.sent
                for _ in range(16):
                    c.xid += 1
                    self.sent += 1
                    c.send(raw.struct.pack(">ii", c.xid, 14) + self.multi(self.sent))
                for k in range(16):
                    f = c.frame()
                    assert f[12:20] == raw.struct.pack(">ii", 0, 5), f
                    self.answered = first + k + 1
        except (raw.Closed, OSError):
            pass

    def check(self, port):
        """Both nodes at the same n, at least the last one answered."""
        c = raw.Client(port)
        seen = []
        for path in self.paths:
            _, f = c.request(4, raw.s_(path) + b"\0")
            r = raw.Reader(f[16:])
            value = int(r.buf())
            stat = raw.Mask().stat(r)
            seen.append((value, stat[3]))
        c.request(-11, b"")
        c.close()
        assert seen[0] == seen[1], f"half of a multi: {seen}"
        value, version = seen[0]
        assert value == version, seen
        assert self.answered <= value <= self.sent, (self.answered, value, self.sent)
        self.answered = self.sent = value


def test_a_thousand_kills_lose_no_answered_write_and_leave_none_half(arena):
    print(f"     seed {SEED}, {KILLS} kills", flush=True)
    dice = random.Random(SEED)
    directory = arena.path("killed")
    pairs = [Pair(f"p{i}") for i in range(3)]
    service = extended(arena, "keeper", directory, "snapCount=3000\n")
    for pair in pairs:
        pair.create(service.port)
    for turn in range(KILLS):
        writers = [threading.Thread(target=pair.write_until_dead,
                                    args=(service.port,)) for pair in pairs]
        for w in writers:
            w.start()
        time.sleep(dice.random() * 0.03)
        service.kill()
        for w in writers:
            w.join()
        arena.processes.remove(service.process)
        service.process.out.close()
        service = extended(arena, "keeper", directory, "snapCount=3000\n")
        for pair in pairs:
            pair.check(service.port)
    print(f"     {sum(p.answered for p in pairs)} writes of two nodes", flush=True)
    service.stop()


# -- real clients --------------------------------------------------------------

def test_kazoo_and_its_recipes_work(arena):
    service = extended(arena, "keeper")
    a, b = kazoo(service), kazoo(service)
    assert a.server_version()[:2] >= (3, 9)
    lock_a, lock_b = a.Lock("/lock", "a"), b.Lock("/lock", "b")
    assert lock_a.acquire(timeout=5) and not lock_b.acquire(blocking=False)
    lock_a.release()
    assert lock_b.acquire(timeout=5)
    queue = a.Queue("/queue")
    for i in range(50):
        queue.put(b"%d" % i)
    other = b.Queue("/queue")
    assert [other.get() for _ in range(50)] == [b"%d" % i for i in range(50)]
    led = []
    for c, who in ((a, "a"), (b, "b")):
        threading.Thread(target=c.Election("/election", who).run,
                         args=(led.append, who), daemon=True).start()
    until(lambda: len(led) == 2, 20, "both have led")
    barrier = a.Barrier("/barrier")
    barrier.create()
    assert not b.Barrier("/barrier").wait(0.2)
    barrier.remove()
    assert b.Barrier("/barrier").wait(5)
    party = a.Party("/party", "one")
    party.join()
    until(lambda: "one" in list(b.Party("/party")), 10, "party")
    counter = a.Counter("/counter")
    counter += 5
    assert b.Counter("/counter").value == 5
    seen = []
    b.DataWatch("/counter", lambda data, stat: seen.append(data))
    a.set("/counter", b"77")
    until(lambda: b"77" in seen, 10, "data watch")
    a.stop()
    b.stop()


def test_an_ephemeral_goes_with_its_session_and_a_watcher_hears(arena):
    service = extended(arena, "keeper")
    owner = raw.Client(service.port, timeout=4000)
    assert owner.timeout == 4000
    owner.request(1, raw.s_("/e") + raw.s_(b"") + raw.acl_(raw.OPEN) + b"\0\0\0\1")
    other = raw.Client(service.port)
    other.request(3, raw.s_("/e") + b"\1")
    began = time.monotonic()
    owner.close()
    event = other.frame()
    took = time.monotonic() - began
    assert event[:4] == b"\xff\xff\xff\xff" and event.endswith(b"/e")
    assert 3.9 <= took <= 6.5, took


def test_the_c_client_of_debian_works(arena):
    cli = "/usr/lib/zookeeper/bin/cli_mt"
    if not os.path.exists(cli):
        raise Skip("zookeeper-bin is not installed")
    service = extended(arena, "keeper")
    log = arena.path("cli.log")
    with open(log, "wb") as out:
        child = subprocess.Popen(["stdbuf", "-oL", cli, service.connect], stdin=subprocess.PIPE,
                                 stdout=out, stderr=out)
        try:
            for line, answer in ((None, "CONNECTED_STATE"),
                                 ("create /c", "[/c]: rc = 0"),
                                 ("set /c hello", "/c: rc = 0"),
                                 ("get /c", "value_len = 5"), ("ls /", "/: rc = 0"),
                                 ("delete /c", "/c: rc = 0")):
                if line:
                    child.stdin.write(line.encode() + b"\n")
                    child.stdin.flush()
                until(lambda: answer in open(log).read(), 10,
                      f"{answer!r} in {open(log).read()}")
        finally:
            child.kill()
            child.wait()


def test_zkcli_of_3_9_2_works(arena):
    service = extended(arena, "keeper")
    # The command-line parser it wants comes with Kafka's tools.
    path = jars("zookeeper-3.9.2") + ":" + jars("kafka-3.7.0")
    argv = ["java", "-XX:TieredStopAtLevel=1", "-cp", path,
            "org.apache.zookeeper.ZooKeeperMain", "-server", service.connect]

    def cli(*words):
        return arena.run([*argv, *words], check=False)
    cli("create", "/z", "hello")
    assert "hello" in cli("get", "-s", "/z")
    cli("create", "-s", "/z/n-", "x")
    assert "n-0000000000" in cli("ls", "/z")
    cli("create", "-c", "/z/container")
    cli("create", "-t", "100000", "/z/ttl", "x")
    assert "[container, n-0000000000, ttl]" in cli("ls", "/z")
    cli("setAcl", "/z/ttl", "world:anyone:rw")
    assert "'world,'anyone" in cli("getAcl", "/z/ttl")
    cli("deleteall", "/z")
    assert "[zookeeper]" in cli("ls", "/")
    cli("setquota", "-n", "5", "/zookeeper/quota")
    assert "ip" in cli("whoami")


def kafka_runs(arena, version):
    service = extended(arena, "keeper")
    kafka = arena.kafka(service.connect, version=version)

    def topics(*args):
        return arena.tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server",
                          kafka.bootstrap, *args, version=version)
    topics("--create", "--topic", "t", "--partitions", "3")
    for n in range(3):
        service.kill()
        arena.run(["kcat", "-b", kafka.bootstrap, "-P", "-t", "t", "-p", "1"],
                  stdin=b"".join(b"m%d\n" % (1000 * n + i) for i in range(1000)))
        service.start()
        until(lambda: b"/brokers/ids/0" in (service.word("dump") or b""), 60,
              "the broker is back in its session")
    got = arena.run(["kcat", "-b", kafka.bootstrap, "-C", "-t", "t", "-p", "1", "-e",
                     "-q"]).split()
    assert got == [f"m{i}" for i in range(3000)]
    topics("--create", "--topic", "u")
    assert "u" in topics("--list").split()
    kafka.stop(60)


def test_apache_kafka_3_7_0_runs_on_it_through_kill_9(arena):
    kafka_runs(arena, "3.7.0")


def test_apache_kafka_3_9_0_runs_on_it_through_kill_9(arena):
    kafka_runs(arena, "3.9.0")


# -- bad input -------------------------------------------------------------------

def test_bad_frames_close_one_connection_and_nobody_else_notices(arena):
    import socket
    service = extended(arena, "keeper")
    good = raw.Client(service.port)
    hello = raw.struct.pack(">iqiq", 0, 0, 30000, 0) + raw.s_(bytes(16)) + b"\0"
    hello = raw.struct.pack(">i", len(hello)) + hello
    for junk in (b"\xff\xff\xff\xff", b"GET / HTTP/1.0\r\n\r\n", bytes(4),
                 b"\0\0\0\x08" + bytes(8), hello + b"\x7f\xff\xff\xff",
                 hello + bytes(4), hello + b"\0\0\0\4" + bytes(4),
                 hello + raw.struct.pack(">iii", 8, 1, 999)):
        with socket.create_connection(("127.0.0.1", service.port), 5) as s:
            s.settimeout(5)
            s.sendall(junk)
            while True:
                try:
                    if not s.recv(4096):
                        break
                except ConnectionError:
                    break
    _, f = good.request(3, raw.s_("/") + b"\0")
    assert f[12:16] == bytes(4)


def test_a_client_that_never_reads_is_bounded(arena):
    service = extended(arena, "keeper")
    c = raw.Client(service.port)
    c.request(1, raw.s_("/big") + raw.s_(b"x" * 500000) + raw.acl_(raw.OPEN) + bytes(4))
    deaf = raw.Client(service.port)
    deaf.sock.settimeout(1)
    body = raw.s_("/big") + b"\0"
    try:
        for _ in range(20000):
            deaf.xid += 1
            deaf.send(raw.struct.pack(">ii", deaf.xid, 4) + body)
    except OSError:
        pass
    began = time.monotonic()
    for _ in range(100):
        c.request(3, raw.s_("/big") + b"\0")
    assert time.monotonic() - began < 2
    with open(f"/proc/{service.process.pid}/status") as f:
        rss = next(int(l.split()[1]) for l in f if l.startswith("VmRSS"))
    assert rss < 40000, f"{rss} KB"


if __name__ == "__main__":
    harness.run(sys.modules["__main__"])
