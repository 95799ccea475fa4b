"""harness.py - real processes for the scenario and interop tests.

Starts Gregor, Apache Kafka, ZooKeeper and their clients in directories of their
own, on ports that the kernel chose, and waits for conditions with a deadline,
never for a time. A test is a function with a sentence as name that takes an
`Arena`, in which everything it starts ends with it:

    def test_a_record_survives_kill_9(arena):
        broker = arena.gregor()
        ...

run(module) runs all of a module's tests and prints "N passed, N failed".
"""
import contextlib
import glob
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
PEERS = os.environ.get("PEERS", os.path.expanduser("~/.cache/gregor-peers"))


class Skip(Exception):
    """The test cannot run here; the text says why."""


_given = set()


def _first_ephemeral():
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
            return int(f.read().split()[0])
    except (OSError, ValueError):
        return 32768


def free_port():
    """A port that nobody listens on now, and never the same one twice. From below
    those that the kernel gives to connections: one of them could take the port
    before the asker has bound it."""
    end = _first_ephemeral()
    while True:
        port = random.randrange(11000, end) if end > 15000 else 0
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            port = s.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def until(condition, seconds=20, what="condition"):
    """Poll `condition` until it is true; its value, or an error at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def answers(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def jars(name):
    libs = os.path.join(PEERS, name, "libs")
    if not glob.glob(libs + "/*.jar"):
        raise Skip(f"no jars in {libs} (tests/interop/peers installs them)")
    return libs + "/*"


class Process:
    """A child with its output in a file."""

    def __init__(self, argv, log, env=None, cwd=None):
        self.argv, self.log = argv, log
        self.out = open(log, "ab")
        self.child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out,
            env={**os.environ, **(env or {})}, cwd=cwd)

    @property
    def pid(self):
        return self.child.pid

    def text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def says(self, words, seconds=30, start=0):
        """Wait until the log holds `words` after position `start`."""
        def there():
            text = self.text()[start:]
            if words not in text and self.child.poll() is not None:
                raise AssertionError(
                    f"{self.argv[0]} ended ({self.child.returncode}) before it "
                    f"said {words!r}:\n{text[-3000:]}")
            return words in text
        until(there, seconds, f"{words!r} in {self.log}")

    def signal(self, number):
        if self.child.poll() is None:
            self.child.send_signal(number)

    def wait(self, seconds=30):
        return self.child.wait(seconds)

    def stop(self, seconds=30):
        """SIGTERM and wait; its exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.argv[0]} did not stop in {seconds} s:\n"
                                 + self.text()[-2000:])
        finally:
            self.out.close()

    def kill(self):
        self.signal(signal.SIGKILL)
        self.child.wait()


class Broker:
    """What Gregor and Apache Kafka brokers have in common here."""

    def __init__(self, arena, broker_id, zk, directory, port, extra):
        self.arena, self.id, self.dir = arena, broker_id, directory
        self.port, self.process = port, None
        self.bootstrap = f"127.0.0.1:{port}"
        self.log_dir = os.path.join(directory, "logs")
        self.properties = {
            "broker.id": broker_id,
            "listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "zookeeper.connect": zk,
            "log.dirs": self.log_dir,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            **extra}

    def write_config(self):
        os.makedirs(self.dir, exist_ok=True)
        path = os.path.join(self.dir, "server.properties")
        with open(path, "w") as f:
            for k, v in self.properties.items():
                f.write(f"{k}={v}\n")
        return path

    def start(self, wait=True):
        log = os.path.join(self.dir, "broker.log")
        start = os.path.getsize(log) if os.path.exists(log) else 0
        self.process = self.launch(self.write_config(), log)
        self.arena.processes.append(self.process)
        if wait:
            self.process.says(f"[KafkaServer id={self.id}] started", 180, start)
            until(lambda: answers(self.port), 60, f"port {self.port} answers")
        return self

    def stop(self, seconds=30):
        return self.process.stop(seconds)

    def kill(self):
        self.process.kill()

    def log(self):
        return self.process.text()


class Gregor(Broker):
    def launch(self, config, log):
        return Process([os.path.join(BUILD, "gregor"), "broker", config], log,
                       env=self.arena.env)


class Kafka(Broker):
    version = "3.7.0"
    heap = "1g"  # its start script's

    def start(self, wait=True):
        super().start(wait)
        if wait:
            until(self.knows_brokers, 60, f"broker {self.id} knows who lives")
        return self

    def knows_brokers(self):
        """Whether its controller has told it of any broker. Until then it refuses
        a topic that it does not know with INVALID_REPLICATION_FACTOR, which no
        client retries."""
        no_topics = struct.pack(">hhihi", 3, 1, 1, -1, 0)
        with contextlib.suppress(OSError, struct.error):
            with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                s.sendall(struct.pack(">i", len(no_topics)) + no_topics)
                answer = s.makefile("rb").read(12)
                return struct.unpack(">iii", answer)[2] > 0
        return False

    def launch(self, config, log):
        log4j = os.path.join(self.dir, "log4j.properties")
        with open(log4j, "w") as f:
            f.write("log4j.rootLogger=INFO, stdout\n"
                    "log4j.appender.stdout=org.apache.log4j.ConsoleAppender\n"
                    "log4j.appender.stdout.layout=org.apache.log4j.PatternLayout\n"
                    "log4j.appender.stdout.layout.ConversionPattern="
                    "[%d] %p %m (%c)%n\n")
        return Process(["java", f"-Xmx{self.heap}", "-cp", jars(f"kafka-{self.version}"),
                        f"-Dlog4j.configuration=file:{log4j}",
                        "kafka.Kafka", config], log)


class Service:
    """A coordination service: ours, Debian's ZooKeeper or ZooKeeper 3.9.2."""

    def __init__(self, arena, kind, directory):
        self.arena, self.kind, self.dir = arena, kind, directory
        self.port = free_port()
        self.connect = f"127.0.0.1:{self.port}"

    def start(self):
        os.makedirs(self.dir, exist_ok=True)
        config = os.path.join(self.dir, "zoo.cfg")
        with open(config, "w") as f:
            f.write(f"tickTime=2000\ndataDir={self.dir}/data\n"
                    f"clientPort={self.port}\nadmin.enableServer=false\n"
                    "maxClientCnxns=0\n4lw.commands.whitelist=*\n")
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        if self.kind == "keeper":
            argv = [os.path.join(BUILD, "gregor"), "keeper", config]
        elif self.kind == "debian":
            if not os.path.exists("/usr/share/java/zookeeper.jar"):
                raise Skip("Debian's zookeeper is not installed")
            argv = ["java", "-cp", "/etc/zookeeper/conf:/usr/share/java/*", main,
                    config]
        else:
            argv = ["java", "-Xmx512m", "-cp", jars("zookeeper-3.9.2"), main, config]
        self.process = Process(argv, os.path.join(self.dir, "service.log"),
                               env=self.arena.env)
        self.arena.processes.append(self.process)
        until(lambda: b"Mode:" in (self.word("srvr") or b""), 120,
              f"{self.kind} serves")
        return self

    def word(self, word):
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", self.port), 2) as s:
                s.sendall(word.encode())
                answer = b""
                while chunk := s.recv(65536):
                    answer += chunk
                return answer
        return None

    def stop(self, seconds=10):
        return self.process.stop(seconds)

    def kill(self):
        self.process.kill()


class Arena:
    """Everything one test starts; ends and vanishes with it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="gregor-test-")
        self.processes, self.n = [], 0
        self.env = {}

    def path(self, name):
        return os.path.join(self.dir, name)

    def _make(self, cls, zk, broker_id, directory, port, extra):
        self.n += 1
        return cls(self, broker_id, zk, directory or self.path(f"broker-{self.n}"),
                   port or free_port(), extra)

    def gregor(self, zk=None, broker_id=0, directory=None, port=None, start=True,
               **extra):
        extra = {k.replace("_", "."): v for k, v in extra.items()}
        if zk is None:
            self.n += 1
            zk = f"embedded:{free_port()}"
            extra.setdefault("keeper.dataDir", self.path(f"keeper-{self.n}"))
        broker = self._make(Gregor, zk, broker_id, directory, port, extra)
        return broker.start() if start else broker

    def kafka(self, zk, broker_id=0, directory=None, port=None, version="3.7.0",
              start=True, **extra):
        extra = {k.replace("_", "."): v for k, v in extra.items()}
        broker = self._make(Kafka, zk, broker_id, directory, port, extra)
        broker.version = version
        return broker.start() if start else broker

    def service(self, kind):
        self.n += 1
        return Service(self, kind, self.path(f"service-{self.n}")).start()

    def run(self, argv, stdin=None, seconds=120, check=True, env=None):
        """Run a client to its end; its standard output as text."""
        done = subprocess.run(argv, input=stdin, capture_output=True,
                              timeout=seconds, env={**os.environ, **(env or {})})
        if check and done.returncode != 0:
            raise AssertionError(
                f"{' '.join(map(str, argv))[:400]} ended with {done.returncode}:\n"
                + (done.stdout + done.stderr).decode(errors="replace")[-3000:])
        return done.stdout.decode(errors="replace")

    def tool_argv(self, cls, *args, version="3.7.0"):
        """How one of Apache Kafka's command-line tools is run, by main class."""
        log4j = self.path("tool-log4j.properties")
        if not os.path.exists(log4j):
            with open(log4j, "w") as f:
                f.write("log4j.rootLogger=ERROR, err\n"
                        "log4j.appender.err=org.apache.log4j.ConsoleAppender\n"
                        "log4j.appender.err.Target=System.err\n"
                        "log4j.appender.err.layout=org.apache.log4j.SimpleLayout\n")
        return ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp",
                jars(f"kafka-{version}"), f"-Dlog4j.configuration=file:{log4j}",
                cls, *map(str, args)]

    def tool(self, cls, *args, version="3.7.0", **kw):
        """Run one of Apache Kafka's command-line tools by its main class."""
        return self.run(self.tool_argv(cls, *args, version=version), **kw)

    def close(self):
        for p in reversed(self.processes):
            if p.child.poll() is None:
                p.kill()
            p.out.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def attempt(test, sentence, last):
    """One try in an arena of its own: "ok", "skip", "FAIL", with a line."""
    arena, began = Arena(), time.monotonic()
    try:
        test(arena)
        print(f"ok   {sentence} ({time.monotonic() - began:.1f} s)", flush=True)
        return "ok"
    except Skip as why:
        print(f"skip {sentence}: {why}", flush=True)
        return "skip"
    except Exception:
        print(f"{'FAIL' if last else 'again'} {sentence}", flush=True)
        traceback.print_exc(file=sys.stdout)
        for p in arena.processes:
            print(f"--- {p.log} (last lines)\n{p.text()[-2500:]}", flush=True)
        if os.environ.get("KEEP"):
            print("kept:", arena.dir)
            arena.dir = tempfile.mkdtemp()
        return "FAIL"
    finally:
        arena.close()


def run(module, names=None):
    """Run the module's tests in order; exit status 1 when one failed. A test that
    failed is tried once more, and both outcomes are shown: real processes on a
    busy machine may lose a port or a deadline to others."""
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    only = (names if names is not None else sys.argv[1:]) or None
    for name, test in list(vars(module).items()):
        if not name.startswith("test_") or not callable(test):
            continue
        if only and not any(o in name for o in only):
            continue
        sentence = name[5:].replace("_", " ")
        outcome = attempt(test, sentence, last=False)
        if outcome == "FAIL":
            outcome = attempt(test, sentence, last=True)
        counts[outcome] += 1
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, "
          f"{counts['skip']} skipped", flush=True)
    sys.exit(1 if counts["FAIL"] else 0)
