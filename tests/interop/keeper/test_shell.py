#!/usr/bin/python3
"""Our zkCli.sh and zookeeper-shell.sh beside Apache's, on the same script.

Standard output, standard error and exit status are compared byte for byte, after
what must differ is masked: times, session ids, versions of programs.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
sys.path.insert(0, HERE)
from harness import Skip, jars, until  # noqa: E402,F401
import harness  # noqa: E402
from test_keeper import extended  # noqa: E402

TOOLS = os.path.join(harness.BUILD, "gregor-tools")

SCRIPT = """\
ls /
ls -s /
create /a hello
create /a again
create /a/b "two words"
create -s /a/n- one
create -s /a/n- two
create -e /a/e 'quoted words'
create -e -s /a/e- x
create /a/e/child x
create -c /box
create -t 100000 /ttl x
create -t 0 /ttl2 x
create -t abc /ttl2 x
create -c -e /box2
create -t 100 -e /x
create -t 100 -c /x
create /no/parent x
create /empty
create /acl data world:anyone:cdrwa
create /bad data nonsense
create /bad data nosuch:x:r
create /bad data world:anyone:rz
create
create nopath x
create /trailing/ x
create /double//slash x
create /dot/./x x
create /dot/../x x
create /.. x
ls /a
ls -R /a
ls -s /a
ls -R /missing
ls /missing
ls
ls /a true
ls -?
ls -x /
ls --long /
ls -sw /a
get /a
get -s /a
get /empty
get /missing
get
get /a watch
get -q /a
set /a changed
set -s /a more
set -v 1 /a wrong
set -v 2 /a right
set /missing x
set /a
set /a -5
get /a
set -v
stat /a
stat /missing
stat
stat -w /later
create /later now
set /later again
get -w /later
set /later third
ls -w /later
create /later/child x
delete /later/child
getAcl /a
getAcl -s /acl
getAcl /missing
setAcl /acl world:anyone:r
set /acl x
setAcl -s /acl world:anyone:cdrwa
setAcl /acl nonsense
setAcl -v 7 /acl world:anyone:r
setAcl /acl
setAcl /acl ip:127.0.0.1:cdrwa,world:anyone:r
getAcl /acl
setAcl -R /a world:anyone:cdrwa
getAcl /a/b
getAllChildrenNumber /
getAllChildrenNumber /a
getAllChildrenNumber /missing
getAllChildrenNumber
getEphemerals
getEphemerals /a
getEphemerals /box
addWatch /watched
addWatch -m PERSISTENT /watched
addWatch -m persistent_recursive /deep
addWatch -m nonsense /x
addWatch
create /watched 1
set /watched 2
create /watched/x 1
create /deep 1
create /deep/er 1
create /deep/er/still 1
delete /deep/er/still
removewatches /watched
removewatches /watched
removewatches /deep -r
removewatches /nothing -d
stat -w /a
removewatches /a -c
removewatches /a -d
ls -w /a
removewatches /a -a
removewatches
sync /a
sync
sync relative
whoami
addauth digest bob:secret
whoami
create /mine x auth::cdrwa
getAcl /mine
addauth
setquota -n 5 /a
setquota -b 100 /a
setquota -N 10 /a
setquota -n 2 -b 3 /a
setquota /a
setquota -n x /a
setquota -n 0 /a
setquota -n 1 /missing
setquota -n 1 /a/b
setquota -n 1 /
setquota -n 1 /zookeeper/quota
setquota -n
listquota /a
listquota /none
listquota
get /zookeeper/quota/a/zookeeper_limits
delquota -n /a
listquota /a
delquota /a
delquota /a
delquota
setquota -n 1 /a
listquota /a
delquota /a
ls -R /zookeeper
config
config -c
config -s
reconfig
reconfig -add 1=a:1:2 -members x
reconfig -file /nonexistent -members x
reconfig -remove 1
reconfig -v zz -remove 1
history
printwatches
printwatches off
printwatches
set /watched/x 5
printwatches on
redo 1
redo 9999
history
nosuchcommand
help
delete -v 5 /a/b
delete /a
delete /a/b 1
delete /missing
delete
deleteall /a
deleteall /missing
deleteall -b x /deep
deleteall -b 1 /deep
deleteall -b 0 /watched
deleteall
delete /mine
delete /acl
   ls   /   
"ls" "/"
ls '/'
create /sp "it's"
get /sp
create /u \u00e9\u20ac
get /u
create /q "" 
get /q
create /lone 'quote
get /lone
create /x=y a=b
get /x=y
get -s=1 /a
set -v=0 /x=y c
set -v0 /x=y c
set -v1 /x=y "two  words"more
create -se /joined x
create -- /-dash x
create /-dash -x
create  /tab	x
  '
close
ls /
whoami
"""


def mask(text):
    text = re.sub(r"127.0.0.1:\d+", "SERVER", text)
    text = re.sub(r"(?m)^([cm]time = ).*$", r"\1T", text)
    text = re.sub(r"(?m)^(ephemeralOwner = 0x)(?!0$)[0-9a-f]+$", r"\1S", text)
    # A logging library that misses its configuration.
    return "".join(line for line in text.splitlines(True)
                   if not line.startswith(("SLF4J", "log4j:WARN", "log4j:")))


def apart(result):
    """Events apart from answers: Java prints them from a thread of its own. The
    last one may come after its end."""
    status, out, err = result
    events = [l for l in out.splitlines() if l.startswith("WatchedEvent")
              and "state:Closed" not in l]
    rest = [l for l in out.splitlines()
            if l and not l.startswith(("WATCHER::", "WatchedEvent"))]
    return status, "\n".join(rest + events), err


def shell_java(kind, connect):
    """Apache's shell: zkCli of ZooKeeper 3.9.2, zookeeper-shell.sh of Kafka."""
    if kind == "zkCli":
        return ["java", "-XX:TieredStopAtLevel=1", "-cp", jars("zkcli-3.9.2"),
                "-Dfile.encoding=UTF-8",
                "org.apache.zookeeper.ZooKeeperMain", "-server", connect]
    return ["java", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8",
            "-cp", jars("kafka-3.7.0"),
            "org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka",
            "-server", connect]


def shell_ours(kind, connect):
    if kind == "zkCli":
        return [TOOLS, "zkCli.sh", "-server", connect]
    return [TOOLS, "zookeeper-shell.sh", connect]


def run(argv, text=None, words=()):
    done = subprocess.run(
        [*argv, *words], input=(text or "").encode(), capture_output=True,
        timeout=120, env={**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"})
    return (done.returncode, mask(done.stdout.decode(errors="replace")),
            mask(done.stderr.decode(errors="replace")))


def same(real, ours, what):
    for name, a, b in (("status", real[0], ours[0]), ("stdout", real[1], ours[1]),
                       ("stderr", real[2], ours[2])):
        if a == b:
            continue
        a, b = str(a).splitlines(), str(b).splitlines()
        n = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y),
                 min(len(a), len(b)))
        raise AssertionError(
            f"{what}: {name}, line {n}:\n real: " + "\n       ".join(a[max(0, n - 3):n + 6])
            + "\n ours: " + "\n       ".join(b[max(0, n - 3):n + 6]))


def session(arena, kind, server):
    results = []
    for make in (shell_java, shell_ours):
        service = extended(arena, server)
        results.append(apart(run(make(kind, service.connect), SCRIPT)))
        service.kill()
    return results


def test_zkcli_prints_what_zookeeper_3_9_2_prints(arena):
    same(*session(arena, "zkCli", "keeper"), "zkCli")


def test_zookeeper_shell_prints_what_kafka_3_7_0_prints(arena):
    same(*session(arena, "shell", "keeper"), "zookeeper-shell")


def test_single_commands_give_the_output_and_status_of_theirs(arena):
    service = extended(arena, "keeper")
    run(shell_ours("shell", service.connect), "create /a/b\ncreate /a x\n")
    for kind, words in (("shell", ["ls", "/"]), ("shell", ["get", "/missing"]),
                        ("zkCli", ["get", "/a"]), ("zkCli", ["nosuch", "x"]),
                        ("shell", ["nosuch"])):
        results = [run(make(kind, service.connect), words=words)
                   for make in (shell_java, shell_ours)]
        if words[0] == "nosuch":  # theirs may or may not be connected by then
            results = [(status, "", err) for status, _, err in results]
        same(*results, f"{kind} {words}")


def test_the_server_is_started_as_a_daemon_and_stopped(arena):
    config = arena.path("zoo.cfg")
    port = harness.free_port()
    with open(config, "w") as f:
        f.write(f"dataDir={arena.path('data')}\nclientPort={port}\n"
                "admin.enableServer=false\n")
    # The stop ends every service it sees: here it sees none but ours.
    script = (f"set -e; {TOOLS} zookeeper-server-start.sh -daemon {config}; "
              f"for i in $(seq 300); do {TOOLS} zookeeper-shell.sh "
              f"127.0.0.1:{port} ls / 2>/dev/null | grep '^.zookeeper' && break; "
              f"sleep 0.1; done; {TOOLS} zookeeper-server-stop.sh; "
              f"for i in $(seq 300); do {TOOLS} zookeeper-server-stop.sh || exit 0; "
              "sleep 0.1; done; exit 3")
    inside = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
        raise Skip("no namespace of processes may be made here")
    out = arena.run([*inside, "sh", "-c", script],
                    env={"LOG_DIR": arena.path("logs")})
    assert out.startswith("[zookeeper]"), out
    assert out.endswith("No zookeeper server to stop\n"), out
    with open(arena.path("logs/zookeeper.out")) as f:
        assert "event=keeper_stopping" in f.read()


def test_a_terminal_gets_a_prompt_editing_and_completion(arena):
    import pty
    service = extended(arena, "keeper")
    run(shell_ours("shell", service.connect), "create /brokers x\n")
    child, fd = pty.fork()
    if child == 0:
        os.environ["TERM"] = "vt100"
        os.execv(TOOLS, shell_ours("shell", service.connect))
    seen = [b""]

    def says(words):
        import select
        if select.select([fd], [], [], 0.05)[0]:
            try:
                seen[0] += os.read(fd, 65536)
            except OSError:
                pass
        return words in seen[0]
    until(lambda: says(b"(CONNECTED) 0]"), 20, "prompt")
    os.write(fd, b"get /bro\t\n")
    until(lambda: says(b"(CONNECTED) 1]"), 20, "completion")
    assert b"\nx\r" in seen[0], seen[0]
    seen[0] = b""
    os.write(fd, b"\x1b[A\n")  # the line before, once more
    until(lambda: says(b"(CONNECTED) 2]"), 20, "history")
    assert b"\nx\r" in seen[0], seen[0]
    os.write(fd, b"quit\n")
    _, status = os.waitpid(child, 0)
    os.close(fd)
    assert status == 0


if __name__ == "__main__":
    harness.run(sys.modules["__main__"])
