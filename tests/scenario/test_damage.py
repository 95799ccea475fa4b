#!/usr/bin/python3
"""What a disk or ZooKeeper holds may be damaged: rebuilt, or told with a remedy."""
import contextlib
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from harness import Skip, until  # noqa: E402
import harness  # noqa: E402

RECORDS = 500


def filled(arena, name="x"):
    """A broker with some 6 segments in x-0."""
    b = arena.gregor(**{"log.segment.bytes": 20000, "log.index.interval.bytes": 100})
    arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", name,
               "-X", "batch.num.messages=10"],
              stdin=b"".join(b"%05d" % i + b"v" * 200 + b"\n" for i in range(RECORDS)))
    return b


def put(path, at, data):
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(data)


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def parts(b, suffix, name="x-0"):
    return sorted(glob.glob(os.path.join(b.log_dir, name, "0*" + suffix)))


def read(arena, b, name="x"):
    return arena.run(["kcat", "-b", b.bootstrap, "-C", "-t", name, "-p", "0", "-e",
                      "-q"], seconds=20).split()


def serves(arena, b, expected, name="x"):
    found = read(arena, b, name)
    assert [int(v[:5]) for v in found] == list(expected), (len(found), found[:1])
    arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", name], stdin=b"99999\n", seconds=20)
    assert read(arena, b, name)[-1] == "99999"
    assert b.stop() == 0


def refused(b, *words):
    """The start ends with one line that has all the words."""
    start = len(b.log())
    b.start(wait=False)
    assert b.process.wait(20) == 1
    lines = [l for l in b.log()[start:].splitlines() if " ERROR " in l]
    assert len(lines) == 1 and all(w in lines[0] for w in words), lines


def lines(b, start, event):
    return [l for l in b.log()[start:].splitlines() if f"event={event} " in l]


def test_damaged_and_missing_indexes_are_rebuilt(arena):
    b = filled(arena)
    for damage in (lambda: put(parts(b, ".index")[0], 0, os.urandom(64)),
                   lambda: put(parts(b, ".timeindex")[1], 0, os.urandom(60)),
                   lambda: [os.unlink(p) for p in parts(b, ".index")],
                   lambda: [os.unlink(p) for p in parts(b, ".timeindex")],
                   lambda: [put(p, 0, os.urandom(20)) for p in parts(b, ".snapshot")]):
        for end in (b.stop, b.kill):
            end()
            damage()
            b.start()
            assert [int(v[:5]) for v in read(arena, b)] == list(range(RECORDS))
    serves(arena, b, range(RECORDS))


def test_a_damaged_batch_is_cut_after_a_crash_and_told(arena):
    b = filled(arena)
    b.kill()
    segment = parts(b, ".log")[2]
    put(segment, 300, b"\xff\xff\xff")
    first = int(os.path.basename(segment)[:20])
    start = len(b.log())
    b.start()
    cut = lines(b, start, "log_cut")
    assert len(cut) == 1 and "partition=x-0" in cut[0] and "position=" in cut[0], cut
    serves(arena, b, range(first))


def test_damaged_checkpoints_are_rebuilt_or_told(arena):
    b = filled(arena)
    for name in ("recovery-point-offset-checkpoint", "log-start-offset-checkpoint"):
        assert b.stop() == 0
        path = os.path.join(b.log_dir, name)
        write(path, "garbage\n")
        start = len(b.log())
        b.start()
        told = lines(b, start, "checkpoint_malformed")
        assert len(told) == 1 and path in told[0] and "line=1" in told[0], told
    assert b.stop() == 0
    path = os.path.join(b.log_dir, "replication-offset-checkpoint")
    kept = open(path).read()
    write(path, "0\n5\nx y\n")
    refused(b, path, "line 3", "remove it")
    write(path, kept)
    path = os.path.join(b.log_dir, "x-0", "leader-epoch-checkpoint")
    kept = open(path).read()
    write(path, "hello")
    refused(b, path, "line 1", "remove it")
    write(path, kept)
    b.start()
    serves(arena, b, range(RECORDS))


def test_checkpoints_beyond_the_log_do_no_harm(arena):
    b = filled(arena)
    for name in ("recovery-point-offset-checkpoint", "replication-offset-checkpoint"):
        for end in (b.stop, b.kill):
            end()
            write(os.path.join(b.log_dir, name), "0\n1\nx 0 99999999\n")
            b.start()
            assert [int(v[:5]) for v in read(arena, b)] == list(range(RECORDS))
    serves(arena, b, range(RECORDS))


def test_damaged_names_of_broker_and_topic_stop_the_start_with_a_remedy(arena):
    b = filled(arena)
    assert b.stop() == 0
    meta = os.path.join(b.log_dir, "meta.properties")
    topic = os.path.join(b.log_dir, "x-0", "partition.metadata")
    for path, text, words in (
            (meta, "\0\0\0", ("version=0",)),
            (meta, "version=0\nbroker.id=7\n", ("broker.id", "7")),
            (topic, "version: 0\ntopic_id: !!\n", ("remedy",))):
        kept = open(path).read()
        write(path, text)
        refused(b, path, *words)
        write(path, kept)
    os.mkdir(os.path.join(b.log_dir, "junk"))
    refused(b, "junk", "move it away")
    os.rmdir(os.path.join(b.log_dir, "junk"))
    b.start()
    serves(arena, b, range(RECORDS))


def test_files_that_do_not_belong_harm_nobody(arena):
    b = filled(arena)
    assert b.stop() == 0
    for name in ("notanumber.log", "00000000000000099999.log.deleted",
                 "00000000000000000007.log.cleaned", "00000000000000000007.index"):
        write(os.path.join(b.log_dir, "x-0", name), "x")
    b.start()
    serves(arena, b, range(RECORDS))


def test_a_log_of_another_topic_id_is_told_and_left_alone(arena):
    b = filled(arena)
    assert b.stop() == 0
    path = os.path.join(b.log_dir, "x-0", "partition.metadata")
    kept = open(path).read()
    write(path, "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAABQ\n")
    b.start()
    b.process.says("event=replica_refused topic=x partition=0", 20)
    assert b.stop() == 0
    write(path, kept)
    b.start()
    serves(arena, b, range(RECORDS))


@contextlib.contextmanager
def session(connect):
    try:
        from kazoo.client import KazooClient
    except ImportError:
        raise Skip("python3-kazoo is not installed")
    zk = KazooClient(connect)
    zk.start(20)
    try:
        yield zk
    finally:
        zk.stop()
        zk.close()


def test_a_damaged_topic_znode_is_told_kept_and_mended(arena):
    service = arena.service("keeper")
    b = arena.gregor(zk=service.connect)
    for name in ("x", "y"):
        arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", name], stdin=b"00000\n")
    with session(service.connect) as zk:
        good = zk.get("/brokers/topics/x")[0]
        state = zk.get("/brokers/topics/x/partitions/0/state")[0]
        for bad in (b"{oops", b"", b"\xff\0",
                    good.replace(b'"0":[0]', b'"0":["a"]'),
                    good.replace(b'"0":[0]', b'"2147483647":[1]'),
                    good.replace(b'"0":[0]', b'"-5":[0]')):
            assert bad != good
            assert b.stop() == 0
            zk.set("/brokers/topics/x", bad)
            start = len(b.log())
            b.start()
            until(lambda: lines(b, start, "topic_znode_malformed") or
                  lines(b, start, "topic_znode_refused"), 20, f"told of {bad}")
            assert read(arena, b, "y")[0] == "00000"
            assert zk.get("/brokers/topics/x")[0] == bad  # not written over
        assert b.stop() == 0
        zk.set("/brokers/topics/x", good)
        for bad in (b"\xff", b"{}", state.replace(b'"leader":0', b'"leader":77')):
            zk.set("/brokers/topics/x/partitions/0/state", bad)
            b.start()
            assert read(arena, b, "y")[0] == "00000"
            assert b.stop() == 0
        zk.set("/brokers/topics/x/partitions/0/state", state)
        b.start()
        serves(arena, b, [0])


def test_damaged_shared_znodes_are_told_and_mended_while_it_runs(arena):
    service = arena.service("keeper")
    b = arena.gregor(zk=service.connect)
    arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", "x"], stdin=b"00000\n")
    with session(service.connect) as zk:
        start = len(b.log())
        zk.set("/controller", b"junk")
        until(lambda: lines(b, start, "controller_znode_malformed"), 20)
        zk.delete("/controller")
        until(lambda: lines(b, start, "controller_ready"), 20)
        for path in ("/brokers/ids/9", "/brokers/ids/abc"):
            zk.create(path, b"no json", ephemeral=True)
        until(lambda: lines(b, start, "broker_znode_malformed"), 20)
        for path in ("/isr_change_notification/isr_change_0000000000",
                     "/config/changes/config_change_0000000000",
                     "/log_dir_event_notification/log_dir_event_0000000000",
                     "/admin/delete_topics/nobody", "/brokers/topics/a b%",
                     "/admin/reassign_partitions",
                     "/admin/preferred_replica_election"):
            zk.create(path, b"zz")
        until(lambda: not zk.exists("/admin/delete_topics/nobody"), 20)
        zk.set("/config/topics/x", b"{{")
        zk.set("/latest_producer_id_block", b"zz")
        assert b.stop() == 0
        start = len(b.log())
        b.start()
        until(lambda: lines(b, start, "config_znode_unreadable"), 20)
        assert b.stop() == 0
        epoch = zk.get("/controller_epoch")[0]
        zk.set("/controller_epoch", b"junk")
        start = len(b.log())
        b.start()
        until(lambda: lines(b, start, "controller_election_failed"), 20)
        zk.set("/controller_epoch", epoch)
        until(lambda: lines(b, start, "controller_ready"), 60)
        serves(arena, b, [0])
        kept = zk.get("/cluster/id")[0]
        zk.set("/cluster/id", b"hm")
        refused(b, "/cluster/id", "remedy")
        zk.set("/cluster/id", kept)
        b.start()
        assert b.stop() == 0


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
