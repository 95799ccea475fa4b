#!/usr/bin/python3
"""Every generation of ZooKeeper's clients, and the recipes built on them."""
import os
import re
import shutil
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
sys.path.insert(0, HERE)
from harness import Skip, jars, until  # noqa: E402
import harness  # noqa: E402
import test_shell  # noqa: E402
from test_keeper import extended, kazoo  # noqa: E402

# What a shell of 3.4 takes; the later ones take what ours is compared with.
OLD_SCRIPT = """\
ls /
create /a hello
create /a again
create -s /a/n- one
create -e /a/e x
create /a/e/child x
create /no/parent x
ls /a
ls2 /a
ls /missing
get /a
get /missing
stat /a
set /a changed
set /a wrong 7
set /missing x
getAcl /a
setAcl /a world:anyone:cdrwa
addauth digest bob:secret
create /mine x auth::cdrwa
getAcl /mine
create /watched x
get /watched true
set /watched y
setquota -n 5 /a
listquota /a
delquota -n /a
listquota /a
sync /a
delete /a
delete /missing
history
printwatches
rmr /a
rmr /mine
rmr /watched
quit
"""


def calm(text):
    """What depends on the moment or on the order of a hash. Prompts do: what an
    asynchronous command prints comes before or behind the next one."""
    text = re.sub(r"\[zk: SERVER\([A-Z]*\) \d+\] ?\n?", "", text)
    text = re.sub(r"\[([^\[\]\n]*)\]", lambda m: "[" + ", ".join(
        sorted(m.group(1).split(", "))) + "]", text)
    # The names of a session, which ZooKeeper keeps in a hash.
    text = text.replace("digest: bob\nip: 127.0.0.1\n", "ip: 127.0.0.1\ndigest: bob\n")
    lines = [line for line in text.splitlines(True) if not re.match(r"\s+at ", line)]
    lines.sort(key=lambda line: line.startswith("Sync "))  # stable: those go last
    return "".join(lines)


def cli(arena, version, connect):
    path = jars("zkcli-3.9.2")
    if version != "3.9.2":
        path = jars(f"zookeeper-{version}") + ":" + path
    if version == "3.4.14":
        mended = arena.path("mended")
        if not os.path.exists(mended):
            arena.run(["javac", "-nowarn", "-d", mended, "-cp",
                       jars("zookeeper-3.4.14"),
                       os.path.join(HERE, "StaticHostProvider.java")])
        path = mended + ":" + path
    log4j = arena.path("cli-log4j.properties")
    with open(log4j, "w") as f:
        f.write("log4j.rootLogger=OFF\n")
    return ["java", "-XX:TieredStopAtLevel=1", "-Djline.terminal=jline.UnsupportedTerminal",
            f"-Dlog4j.configuration=file:{log4j}", "-cp", path,
            "org.apache.zookeeper.ZooKeeperMain", "-server", connect]


def zkcli(arena, version):
    """The same lines to ours and to ZooKeeper 3.9.2, at the same time."""
    script = OLD_SCRIPT if version == "3.4.14" else test_shell.SCRIPT + "quit\n"
    services = [extended(arena, kind) for kind in ("zookeeper", "keeper")]
    argv = [cli(arena, version, s.connect) for s in services]
    results = [None, None]

    def play(i):
        status, out, err = test_shell.apart(
            test_shell.run(argv[i], script))
        results[i] = (status, calm(out), calm(err))
    threads = [threading.Thread(target=play, args=(i,)) for i in (0, 1)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if os.environ.get("SHOW"):
        print(*results[1], sep="\n")
    assert results[0][1].count("\n") > 20, results[0]
    test_shell.same(*results, f"zkCli {version}")


for _version in ("3.4.14", "3.5.10", "3.6.4", "3.7.2", "3.8.4", "3.9.2"):
    globals()[f"test_zkcli_of_{_version.replace('.', '_')}_sees_no_difference"] = (
        lambda arena, version=_version: zkcli(arena, version))


def test_curators_recipes_work(arena):
    service = extended(arena, "keeper")
    out = arena.run(["java", "-cp", jars("curator-5.7.0"),
                     os.path.join(HERE, "Recipes.java"), service.connect])
    assert out.endswith("done\n"), out


def test_gos_client_sees_no_difference(arena):
    home = os.path.join(harness.PEERS, "go-zk")
    if not os.path.exists(os.path.join(home, "go.mod")):
        raise Skip("no Go client (tests/interop/peers installs it)")
    folder = arena.path("go")
    os.mkdir(folder)
    for name in ("go.mod", "go.sum"):
        shutil.copy(os.path.join(home, name), folder)
    shutil.copy(os.path.join(HERE, "session.go"), os.path.join(folder, "main.go"))
    arena.run(["go", "build", "-C", folder, "-o", "session", "."], seconds=300)
    real, ours = (arena.run([os.path.join(folder, "session"),
                             extended(arena, kind).connect])
                  for kind in ("zookeeper", "keeper"))
    assert "never came" not in real and len(real.splitlines()) > 30, real
    test_shell.same((0, real, ""), (0, ours, ""), "Go's client")


def test_kazoos_other_recipes_work(arena):
    service = extended(arena, "keeper")
    a, b = kazoo(service), kazoo(service)
    from datetime import timedelta
    assert a.NonBlockingLease("/lease", timedelta(seconds=30), identifier="a")
    assert not b.NonBlockingLease("/lease", timedelta(seconds=30), identifier="b")
    one, two = a.Semaphore("/sem", "a", 1), b.Semaphore("/sem", "b", 1)
    assert one.acquire(timeout=5) and not two.acquire(blocking=False)
    one.release()
    assert two.acquire(timeout=5)
    two.release()
    reader, other, writer = a.ReadLock("/rw"), b.ReadLock("/rw"), b.WriteLock("/rw")
    assert reader.acquire(timeout=5) and other.acquire(timeout=5)
    other.release()
    assert not writer.acquire(blocking=False)
    reader.release()
    assert writer.acquire(timeout=5)
    writer.release()
    through = []

    def meet(client, who):
        barrier = client.DoubleBarrier("/double", 2, who)
        barrier.enter()
        barrier.leave()
        through.append(who)
    for c, who in ((a, "a"), (b, "b")):
        threading.Thread(target=meet, args=(c, who), daemon=True).start()
    until(lambda: len(through) == 2, 20, "both through the barrier")
    queue, taker = a.LockingQueue("/lq"), b.LockingQueue("/lq")
    queue.put_all([b"%d" % i for i in range(10)])
    for i in range(10):
        assert taker.get(10) == b"%d" % i and taker.consume()
    party = a.ShallowParty("/shallow", "one")
    party.join()
    until(lambda: list(b.ShallowParty("/shallow")) == ["one"], 10, "party")
    seen = []
    b.ChildrenWatch("/shallow", lambda names: seen.append(len(names)))
    party.leave()
    until(lambda: seen[-1:] == [0], 10, "children watch")
    with a.transaction() as t:
        t.create("/tx", b"1")
        t.set_data("/tx", b"2")
        t.check("/tx", 1)
    assert b.get("/tx")[0] == b"2"
    a.stop()
    b.stop()


if __name__ == "__main__":
    harness.run(sys.modules["__main__"])
