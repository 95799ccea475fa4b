#!/usr/bin/python3
"""What an operator meets at the start: settings refused, directories damaged."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from harness import BUILD, free_port, until  # noqa: E402
import harness  # noqa: E402


def refused(arena, *words, **settings):
    b = arena.gregor(start=False, **settings)
    b.start(wait=False)
    assert b.process.wait(20) == 1, b.log()
    lines = [l for l in b.log().splitlines() if "ERROR" in l]
    assert len(lines) == 1, b.log()
    for word in words:
        assert word in lines[0], (word, lines[0])


def test_a_malformed_value_names_file_line_key_and_what_is_allowed(arena):
    refused(arena, "server.properties:", "num.partitions", "at least 1",
            **{"num.partitions": "0"})


def test_tls_to_zookeeper_stops_the_start(arena):
    refused(arena, "zookeeper.ssl.client.enable",
            **{"zookeeper.ssl.client.enable": "true"})


def test_acls_in_zookeeper_stop_the_start(arena):
    refused(arena, "zookeeper.set.acl", **{"zookeeper.set.acl": "true"})


def test_an_unknown_key_is_warned_about_and_no_more(arena):
    b = arena.gregor(**{"no.such.key": "1"})
    assert "no.such.key" in b.log()


def test_a_second_broker_on_the_same_directory_is_refused(arena):
    b = arena.gregor()
    other = arena.gregor(f"127.0.0.1:{free_port()}", broker_id=1, start=False)
    other.properties["log.dirs"] = b.log_dir
    other.start(wait=False)
    assert other.process.wait(20) == 1
    assert b.log_dir in other.log(), other.log()


def test_overrides_on_the_command_line_win(arena):
    b = arena.gregor(start=False)
    config = b.write_config()
    port = free_port()
    p = harness.Process([os.path.join(BUILD, "gregor"), "broker", config, "--override",
                         f"listeners=PLAINTEXT://127.0.0.1:{port}"],
                        arena.path("o.log"))
    arena.processes.append(p)
    p.says("started", 20)
    until(lambda: harness.answers(port), 5)
    assert p.stop() == 0


def test_a_foreign_cluster_id_is_refused(arena):
    b = arena.gregor()
    assert b.stop() == 0
    path = os.path.join(b.log_dir, "meta.properties")
    text = open(path).read()
    with open(path, "w") as f:
        f.write("\n".join("cluster.id=AAAAAAAAAAAAAAAAAAAAAA"
                          if l.startswith("cluster.id") else l
                          for l in text.splitlines()) + "\n")
    b.start(wait=False)
    assert b.process.wait(20) == 1
    assert "cluster" in b.log().splitlines()[-2] or "cluster" in b.log()


def test_a_damaged_tail_is_cut_and_the_rest_served(arena):
    b = arena.gregor()
    arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", "torn"], stdin=b"a\nb\n")
    b.kill()
    log = os.path.join(b.log_dir, "torn-0", "0" * 20 + ".log")
    with open(log, "ab") as f:
        f.write(b"\0" * 7 + b"\x02torn")
    b.start()
    out = arena.run(["kcat", "-b", b.bootstrap, "-C", "-t", "torn", "-e", "-q"])
    assert out == "a\nb\n", out
    arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", "torn"], stdin=b"c\n")
    out = arena.run(["kcat", "-b", b.bootstrap, "-C", "-t", "torn", "-e", "-q"])
    assert out == "a\nb\nc\n", out


def test_partitions_spread_over_several_log_dirs(arena):
    dirs = [arena.path("d1"), arena.path("d2")]
    b = arena.gregor(**{"log.dirs": ",".join(dirs), "num.partitions": "4"})
    for value in (b"a\n", b"b\n"):
        arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", "wide"], stdin=value * 40)
        assert b.stop() == 0
        b.start()
    for d in dirs:
        found = os.listdir(d)
        assert len([f for f in found if f.startswith("wide-")]) == 2, found
        assert "meta.properties" in found
    out = arena.run(["kcat", "-b", b.bootstrap, "-C", "-t", "wide", "-e", "-q"])
    assert sorted(out.split()) == ["a"] * 40 + ["b"] * 40


def test_a_stop_with_a_thousand_partitions_is_quick(arena):
    b = arena.gregor(**{"num.partitions": "1000"})
    arena.run(["kcat", "-b", b.bootstrap, "-P", "-t", "many"], stdin=b"a\n" * 3000)
    began = time.monotonic()
    assert b.stop() == 0
    assert time.monotonic() - began < 8, time.monotonic() - began


def test_unknown_commands_show_the_usage(arena):
    done = subprocess.run([os.path.join(BUILD, "gregor"), "nonsense"],
                          capture_output=True, text=True, timeout=10)
    assert done.returncode != 0 and "broker" in done.stdout + done.stderr


if __name__ == "__main__":
    harness.run(sys.modules[__name__])
