#!/usr/bin/python3
"""capture.py OUT - record what real clients and Apache Kafka 3.7.0 say.

A relay stands between the clients and a broker (Kafka advertises the relay's
port). Of each API, version and direction the first message of at most 1,500 bytes
is kept, as a line of text: client, API key, version, direction, bytes in hex
(without the length in front). Needs tests/interop/peers.
"""
import os
import socket
import struct
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "support"))
import harness  # noqa: E402
from harness import PEERS, TOP, Arena, free_port, until  # noqa: E402

MOST = 1500
kept = {}
client = "?"


def keep(key, version, direction, data):
    if len(data) <= MOST:
        kept.setdefault((key, version, direction), (client, data.hex()))


def frames(source, target, on_frame):
    def whole(n):
        data = b""
        while len(data) < n:
            more = source.recv(n - len(data))
            if not more:
                return None
            data += more
        return data
    try:
        while True:
            head = whole(4)
            if head is None:
                break
            data = whole(struct.unpack(">i", head)[0])
            if data is None:
                break
            on_frame(data)
            target.sendall(head + data)
    except OSError:
        pass
    for s in (source, target):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(near, broker_port):
    far = socket.create_connection(("127.0.0.1", broker_port))
    asked = {}

    def on_request(data):
        key, version, correlation = struct.unpack(">hhi", data[:8])
        asked[correlation] = (key, version)
        keep(key, version, "request", data)

    def on_response(data):
        key, version = asked.pop(struct.unpack(">i", data[:4])[0], (None, None))
        if key is not None:
            keep(key, version, "response", data)
    threading.Thread(target=frames, args=(near, far, on_request), daemon=True).start()
    threading.Thread(target=frames, args=(far, near, on_response), daemon=True).start()


def relay(port, broker_port):
    listener = socket.create_server(("127.0.0.1", port))

    def loop():
        while True:
            near, _ = listener.accept()
            serve(near, broker_port)
    threading.Thread(target=loop, daemon=True).start()


def main():
    global client
    arena = Arena()
    port = free_port()
    service = arena.service("debian")
    kafka = arena.kafka(service.connect, **{
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}"})
    relay(port, kafka.port)
    at = f"127.0.0.1:{port}"
    until(lambda: "1 brokers" in arena.run(["kcat", "-b", at, "-L"]), 30)
    clients = os.path.join(TOP, "tests", "interop", "clients")
    client = "librdkafka"
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        arena.run(["kcat", "-b", at, "-P", "-t", "golden", "-z", codec, "-X",
                   "enable.idempotence=true"], stdin=b"a\nb\n")
    arena.run(["kcat", "-b", at, "-C", "-t", "golden", "-e", "-q"])
    arena.run(["kcat", "-b", at, "-Q", "-t", "golden:0:1"])
    client = "kafka-python"
    arena.run(["/usr/bin/python3", "-c", f"""
import kafka
p = kafka.KafkaProducer(bootstrap_servers='{at}')
p.send('python', b'v', b'k', headers=[('h', b'1')]).get(10)
c = kafka.KafkaConsumer(bootstrap_servers='{at}', consumer_timeout_ms=3000)
t = kafka.TopicPartition('python', 0)
c.assign([t]); c.seek_to_beginning(t); next(iter(c))
"""])
    client = "kafkajs"
    arena.run(["node", clients + "/kafkajs.js", at],
              env={"NODE_PATH": PEERS + "/node/node_modules"})
    for name in ("franz", "sarama"):
        client = {"franz": "franz-go"}.get(name, name)
        source = arena.path(name)
        os.makedirs(source)
        arena.run(["cp", PEERS + "/go/go.mod", PEERS + "/go/go.sum", source])
        arena.run(["cp", f"{clients}/{name}.go.txt", source + "/main.go"])
        arena.run(["sh", "-c", f"cd {source} && go mod tidy >/dev/null 2>&1; "
                   f"go run . {at} go-{name}"], seconds=400,
                  env={"GOFLAGS": "-mod=mod"})
    for version in ("3.7.0", "4.0.0"):
        client = "java-" + version
        topics = "org.apache.kafka.tools.TopicCommand"
        name = "java" + version.replace(".", "")
        boot = ["--bootstrap-server", at]
        arena.tool(topics, *boot, "--create", "--topic", name, "--partitions", 2,
                   version=version)
        arena.tool(topics, *boot, "--describe", "--topic", name, version=version)
        arena.tool(topics, *boot, "--alter", "--topic", name, "--partitions", 3,
                   version=version)
        arena.tool("kafka.admin.ConfigCommand", *boot, "--alter", "--entity-type",
                   "topics", "--entity-name", name, "--add-config",
                   "retention.ms=99999", version=version)
        arena.tool("kafka.admin.ConfigCommand", *boot, "--describe", "--entity-type",
                   "topics", "--entity-name", name, version=version)
        producer = "kafka.tools.ConsoleProducer" if version < "4" else \
            "org.apache.kafka.tools.ConsoleProducer"
        consumer = "kafka.tools.ConsoleConsumer" if version < "4" else \
            "org.apache.kafka.tools.consumer.ConsoleConsumer"
        arena.tool(producer, *boot, "--topic", name, stdin=b"a\nb\n", version=version)
        for isolation in ("read_committed",):
            arena.tool(consumer, *boot, "--topic", "golden", "--partition", 0,
                       "--offset", "earliest", "--max-messages", 2,
                       "--isolation-level", isolation, version=version)
        arena.tool("org.apache.kafka.tools.GetOffsetShell", *boot, "--topic", name,
                   version=version)
        plan = arena.path("plan.json")
        with open(plan, "w") as f:
            f.write('{"version":1,"partitions":[{"topic":"golden","partition":0,'
                    '"offset":1}]}')
        arena.tool("org.apache.kafka.tools.DeleteRecordsCommand", *boot,
                   "--offset-json-file", plan, version=version)
        arena.tool("org.apache.kafka.tools.LogDirsCommand", *boot, "--describe",
                   "--topic-list", name, version=version)
        arena.tool(topics, *boot, "--delete", "--topic", name, version=version)
    client = "kafka-3.7.0"  # a second broker: what brokers say to each other
    second = arena.kafka(service.connect, 1, **{"default.replication.factor": 2})
    until(lambda: "2 brokers" in arena.run(["kcat", "-b", at, "-L"]), 30)
    arena.tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", at,
               "--create", "--topic", "both", "--partitions", 2,
               "--replication-factor", 2)
    arena.run(["kcat", "-b", at, "-P", "-t", "both", "-X", "acks=all"], stdin=b"a\n")
    second.stop(60)
    with open(sys.argv[1], "w") as out:
        out.write("# client, API key, version, direction, header and body in hex\n")
        for (key, version, direction), (who, data) in sorted(kept.items()):
            out.write(f"{who} {key} {version} {direction} {data}\n")
    print(len(kept), "messages kept")
    arena.close()


main()
