"""peers.py - the client libraries that tests drive: found, built, or a Skip.

tests/interop/peers and the distribution install them; a test whose library is not
there is skipped and says so.
"""
import os

from harness import PEERS, Skip

NODE = {"NODE_PATH": PEERS + "/node/node_modules"}  # environment of a kafkajs program


def confluent():
    """The module of confluent-kafka-python."""
    try:
        import confluent_kafka
        return confluent_kafka
    except ImportError:
        raise Skip("python3-confluent-kafka is not installed")


def kafka_python():
    """The module of kafka-python, with its codecs."""
    try:
        import kafka.codec
        return kafka
    except ImportError:
        raise Skip("python3-kafka is not installed")


def need_kafkajs(*codecs):
    """Skips the test unless kafkajs is there, and the codec modules named."""
    for name in ("kafkajs", *codecs):
        if not os.path.exists(f"{NODE['NODE_PATH']}/{name}"):
            raise Skip(name + " is not installed")


def produce(producer, topic, value, **kw):
    """producer.produce() of confluent-kafka-python that waits while its queue is
    full."""
    while True:
        try:
            producer.produce(topic, value, **kw)
            return
        except BufferError:
            producer.poll(0.1)


_built = {}


def go_program(arena, *sources):
    """The path of a Go program made of `sources`, the first of them its main: files
    NAME.go.txt. It is built once and copied into each arena that asks."""
    if not os.path.exists(PEERS + "/go/go.mod"):
        raise Skip("the Go clients are not installed")
    name = os.path.basename(sources[-1])[:-len(".go.txt")]
    path = arena.path(name)
    if sources not in _built:
        source = arena.path("go-" + name)
        os.makedirs(source)
        for f in ("go.mod", "go.sum"):
            arena.run(["cp", f"{PEERS}/go/{f}", source])
        for i, f in enumerate(sources):
            arena.run(["cp", f, f"{source}/{'part%d' % i if i else 'main'}.go"])
        arena.run(["sh", "-c", f"cd {source} && go build -o client ."], seconds=400,
                  env={"GOFLAGS": "-mod=mod"})
        with open(source + "/client", "rb") as f:
            _built[sources] = f.read()
    with open(path, "wb") as f:
        f.write(_built[sources])
    os.chmod(path, 0o755)
    return path
