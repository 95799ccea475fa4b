#!/usr/bin/python3
"""TLS, certificates and SASL of the coordination service: the same scripts
against ours and Apache ZooKeeper 3.9.2, by real clients and by bare frames."""
import atexit
import contextlib
import os
import re
import socket
import ssl
import struct
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
import sasl_cases  # noqa: E402

PASS = "changeit"
SUBJECTS = {
    "ann": "/C=DE/O=Gregor/CN=ann",
    "odd": "/C=DE/ST=A \\+ B, C/L=K\u00f6ln/O=a\\/b;c<d>\"e\"/OU=x#y=z/CN= blank ",
    "multi": "/DC=org/DC=example/UID=u1+CN=multi+emailAddress=a@b.c/serialNumber=7",
    "hash": "/CN=#1/title=Dr/street=S 1/GN=g/1.2.3.4.5=v",
}


# -- keys ----------------------------------------------------------------------

class Keys:
    """A small world of keys: an authority, the server, clients, a stranger."""

    def __init__(self, arena):
        self.arena, self.dir = arena, arena.path("keys")
        os.makedirs(self.dir)
        self.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                 "30", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
        self.sign("server", "/CN=server", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        for name, subject in SUBJECTS.items():
            self.sign(name, subject)
        self.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                 "30", "-subj", "/CN=stranger", "-keyout", "stranger.key", "-out",
                 "stranger.crt")
        for name in ("server", "ann"):
            with open(self.path(name + ".pem"), "w") as f:
                f.write(open(self.path(name + ".key")).read() +
                        open(self.path(name + ".crt")).read())
            self.run("openssl", "pkcs12", "-export", "-in", name + ".pem", "-certfile",
                     "ca.pem", "-name", name, "-passout", "pass:" + PASS, "-out",
                     name + ".p12")
        with open(self.path("password"), "w") as f:
            f.write(PASS + "\n")

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, *argv):
        subprocess.run(argv, cwd=self.dir, check=True, capture_output=True, timeout=60)

    def sign(self, name, subject, extension=None):
        kind = ["rsa:2048"] if name == "server" else [
            "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        self.run("openssl", "req", "-newkey", *kind, "-nodes", "-utf8",
                 "-multivalue-rdn", "-subj", subject, "-keyout", name + ".key", "-out",
                 name + ".csr")
        with open(self.path("ext"), "w") as f:
            f.write((extension or "basicConstraints=CA:FALSE") + "\n")
        self.run("openssl", "x509", "-req", "-in", name + ".csr", "-CA", "ca.pem",
                 "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "ext",
                 "-out", name + ".crt")

    def keytool(self, *argv):
        self.run("keytool", *argv, "-storepass", PASS, "-noprompt")

    def stores(self):
        """keytool's own: PKCS12 in server.jks and trust.jks, real JKS in old.jks."""
        self.keytool("-importkeystore", "-srckeystore", "server.p12", "-srcstorepass",
                     PASS, "-destkeystore", "server.jks", "-deststoretype", "PKCS12")
        self.keytool("-importcert", "-file", "ca.pem", "-alias", "ca", "-keystore",
                     "trust.jks")
        self.keytool("-importcert", "-file", "ca.pem", "-alias", "ca", "-keystore",
                     "old.jks", "-storetype", "JKS")
        return self

    def wrap(self, name=None, **kw):
        """What turns a socket into TLS with that client's certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.path("ca.pem"))
        for key, value in kw.items():
            setattr(context, key, value)
        if name:
            context.load_cert_chain(self.path(name + ".crt"), self.path(name + ".key"))
        return context.wrap_socket


_keys = []


def keys(arena):
    """One world for all tests; its directory outlives the arena of the first."""
    if not _keys:
        keep = harness.Arena()
        atexit.register(keep.close)
        _keys.append(Keys(keep).stores())
    return _keys[0]


# -- services ------------------------------------------------------------------

class Secured(harness.Service):
    """A service with a secure port, ours or the real one."""

    def begin(self, lines, env=None, jaas=None):
        os.makedirs(self.dir, exist_ok=True)
        self.secure = harness.free_port()
        config = os.path.join(self.dir, "zoo.cfg")
        with open(config, "w") as f:
            f.write(f"tickTime=2000\ndataDir={self.dir}/data\nclientPort={self.port}\n"
                    "admin.enableServer=false\nmaxClientCnxns=0\n"
                    "4lw.commands.whitelist=*\n"
                    "serverCnxnFactory=org.apache.zookeeper.server."
                    "NettyServerCnxnFactory\n" +
                    lines.replace("SECURE", str(self.secure)))
        flags = []
        if jaas is not None:
            with open(os.path.join(self.dir, "jaas.conf"), "w") as f:
                f.write(jaas)
            flags = [f"-Djava.security.auth.login.config={self.dir}/jaas.conf"]
        env = dict(env or {})
        if self.kind == "keeper":
            argv = [os.path.join(harness.BUILD, "gregor"), "keeper", config]
            env["SERVER_JVMFLAGS"] = " ".join(flags)
        else:
            # Every step in the log, as it would be without this, takes its time.
            quiet = os.path.join(self.dir, "logback.xml")
            with open(quiet, "w") as f:
                f.write('<configuration><appender name="out" class="ch.qos.logback.'
                        'core.ConsoleAppender"><encoder><pattern>%level %logger{0} '
                        '%msg%n</pattern></encoder></appender><root level="WARN">'
                        '<appender-ref ref="out"/></root></configuration>')
            argv = ["java", "-Xmx300m", "-XX:TieredStopAtLevel=1", *flags,
                    "-Dlogback.configurationFile=" + quiet, "-cp",
                    jars("zookeeper-3.9.2"),
                    "org.apache.zookeeper.server.quorum.QuorumPeerMain", config]
        self.process = Process(argv, os.path.join(self.dir, "service.log"), env=env)
        self.arena.processes.append(self.process)
        return self

    def serving(self):
        until(lambda: b"Mode:" in (self.word("srvr") or b""), 60, "serves")
        return self


def service(arena, kind, lines, jaas=None):
    arena.n += 1
    s = Secured(arena, kind, arena.path(f"secured-{arena.n}"))
    return s.begin(lines, jaas=jaas)


def both(arena, lines, jaas=None):
    out = [service(arena, kind, lines, jaas) for kind in ("keeper", "zookeeper")]
    return [s.serving() for s in out]


def tls_lines(k, server="server.jks", trust="trust.jks", **extra):
    lines = {"secureClientPort": "SECURE", "ssl.keyStore.location": k.path(server),
             "ssl.keyStore.password": PASS, "ssl.trustStore.location": k.path(trust),
             "ssl.trustStore.password": PASS, **extra}
    return "".join(f"{k}={v}\n" for k, v in lines.items() if v is not None)


def same(a, b, what=""):
    if a == b:
        return
    if isinstance(a, dict):
        for key in a:
            same(a[key], b.get(key), key)
    raise AssertionError(f"{what}:\n ours {a}\n real {b}")


# -- certificates --------------------------------------------------------------

def create(client, path, acl):
    _, f = client.request(1, raw.s_(path) + raw.s_(b"x") + raw.acl_(acl) + bytes(4))
    return struct.unpack(">i", f[12:16])[0]


def auth(client, scheme):
    try:
        _, f = client.request(100, bytes(4) + raw.s_(scheme) + raw.s_(b""), -4)
    except raw.Closed:
        return "closed"
    return struct.unpack(">qi", f[4:16])


DNS = ["CN=a", "cn=a,o=b", "CN=a;O=b", "foo", "", "CN", "CN=", "=a", "CN=a,", ",CN=a",
       "FOO=a", "1.2.3=a", "OID.1.2.3=a", "oid.1.2.3=#0401ff", "1.2.3=#04", "CN=#040",
       "CN=#0x", "9.2.3=a", "1.77=a", "CN=a+O=b", "CN=a+", 'CN="a,b"', 'CN="a',
       "CN=a\\,b", "CN=a\\", "CN=a\\zz", "CN=a\\41", "CN = a , O = b", "E=x", "EMAIL=x",
       "SN=x", "UID=x", "CN=a=b", "CN=a<b", "CN=\u00e4", "CN=a\nb", 'CN=a"b', "CN=a#b",
       "CN=\\#a", ";", "+", "1.2=a", "1=a", "1.2.=a", "OU =x", "0.40.1=a", "T=x"]
NAMES = ["bob", "bob@X", "bob/h@X", "a@b@c", "a/b/c", "a/b/c@X", "@", "", "a@b/c"]


def certified(s, k):
    """Who the owners of certificates are, and what that lets them do."""
    out = {}
    for name in SUBJECTS:
        c = raw.Client(s.secure, wrap=k.wrap(name))
        out[name] = ids = sasl_cases.who(c)
        dn = next(i for scheme, i in ids if scheme == b"x509").decode()
        out[name, "create"] = create(c, "/" + name, [(31, "x509", dn)])
        out[name, "auth"] = create(c, "/auth-" + name, [(31, "auth", "")])
        _, f = c.request(6, raw.s_("/auth-" + name))
        out[name, "acl"] = f[16:16 + 60]
        out[name, "scheme"] = auth(c, "x509")
        c.close()
    c = raw.Client(s.secure, wrap=k.wrap("ann"))
    for path in ("/ann", "/odd", "/auth-multi"):
        _, f = c.request(4, raw.s_(path) + b"\0")
        out[path] = f[12:16]
    out["dns"] = {dn: create(c, f"/dn{i}", [(31, "x509", dn)])
                  for i, dn in enumerate(DNS)}
    out["names"] = {n: create(c, f"/name{i}", [(31, "sasl", n)])
                    for i, n in enumerate(NAMES)}
    c.close()
    plain = raw.Client(s.port)
    out["plain"] = (sasl_cases.who(plain), auth(plain, "x509"))
    plain = raw.Client(s.port)
    out["plain create"] = create(plain, "/plain", [(31, "auth", "")])
    return out


def test_a_certificate_is_the_identity_it_is_at_zookeeper(arena):
    k = keys(arena)
    lines = tls_lines(k) + "X509AuthenticationProvider.superUser=" \
        "CN=ann,O=Gregor,C=DE\n"
    ours, real = both(arena, lines)
    a = certified(ours, k)
    same(a, certified(real, k))
    assert (b"super", b"") in a["ann"]
    assert a["/odd"] == bytes(4), "super may read everything"
    same(*({w: re.sub(rb"\d+", b"N", s.word(w) or b"") for w in ("conf",)}
           for s in (ours, real)))


def test_without_super_a_foreign_acl_shuts_out(arena):
    k = keys(arena)
    s = service(arena, "keeper", tls_lines(k, "server.pem", "ca.pem")).serving()
    out = certified(s, k)
    assert out["/ann"] == bytes(4)
    assert out["/odd"] == out["/auth-multi"] == struct.pack(">i", -102)


# -- the port ------------------------------------------------------------------

def handshake(port, wrap):
    """How a connection with a hello ends."""
    try:
        c = raw.Client(port, wrap=wrap)
        ids = sasl_cases.who(c)
        c.close()
        return ids
    except (raw.Closed, OSError):
        return "refused"


def test_who_may_come_is_as_at_zookeeper(arena):
    k = keys(arena)
    for mode in ("need", "want"):
        # 3.9.2 would take TLS 1.3 alone by default, 3.9.3 both.
        ours, real = both(arena, tls_lines(k, **{
            "ssl.clientAuth": mode, "ssl.enabledProtocols": "TLSv1.2,TLSv1.3"}))
        results = []
        for s in (ours, real):
            out = {name: handshake(s.secure, k.wrap(name))
                   for name in ("ann", None, "stranger")}
            out["plain"] = handshake(s.secure, lambda sock: sock)
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                out[version] = handshake(s.secure, k.wrap(
                    "ann", minimum_version=version, maximum_version=version))
            results.append(out)
        same(*results, mode)
        assert results[0]["plain"] == "refused"
        if mode == "need":
            said = until(lambda: (t := ours.process.text()) and
                         "event=keeper_tls_failed" in t and t, 10, "a line")
            assert "ssl.clientAuth to want or none" in said, said
        ours.stop(), real.stop()


def test_tls_and_plain_text_share_a_port_with_port_unification(arena):
    k = keys(arena)
    # The real one finds the provider on this port only when it is named.
    lines = tls_lines(k, secureClientPort=None, **{
        "client.portUnification": "true",
        "authProvider.x509":
        "org.apache.zookeeper.server.auth.X509AuthenticationProvider"})
    results = []
    for s in both(arena, lines):
        out = {"tls": handshake(s.port, k.wrap("ann")),
               "plain": handshake(s.port, lambda sock: sock), "word": s.word("ruok")}
        with k.wrap("ann")(socket.create_connection(("127.0.0.1", s.port), 20)) as t:
            t.sendall(b"ruok")
            out["word over tls"] = t.recv(100)
        results.append(out)
    same(*results)
    assert results[0]["word over tls"] == b"imok"


def test_large_frames_pass_in_both_directions(arena):
    k = keys(arena)
    s = service(arena, "keeper", tls_lines(k)).serving()
    c = raw.Client(s.secure, wrap=k.wrap("ann"))
    big = os.urandom(900000)
    c.request(1, raw.s_("/big") + raw.s_(big) + raw.acl_(raw.OPEN) + bytes(4))
    for _ in range(6):
        c.xid += 1
        c.send(struct.pack(">ii", c.xid, 4) + raw.s_("/big") + b"\0")
    for _ in range(6):
        assert raw.Reader(c.frame()[16:]).buf() == big
    # Byte by byte, as a slow network would.
    for b in struct.pack(">iii", 13 + 4, 99, 3) + raw.s_("/big") + b"\0":
        c.sock.sendall(bytes([b]))
    assert c.frame()[:4] == struct.pack(">i", 99)


def test_random_sessions_over_tls_get_the_answers_of_plain_text(arena):
    k = keys(arena)
    logs = []
    for tls in (True, False):
        s = service(arena, "keeper", tls_lines(k)).serving()
        lines = []
        client = raw.Client
        if tls:
            raw.Client = lambda port, **kw: client(port, wrap=k.wrap(), **kw)
            s.stop()
            s = service(arena, "keeper", tls_lines(
                k, **{"ssl.clientAuth": "none"})).serving()
        try:
            raw.play(s.secure if tls else s.port, 7, 600,
                     lambda step, body, line: lines.append((step, line)))
        finally:
            raw.Client = client
        logs.append(lines)
    for a, b in zip(*logs):
        assert repr(a) == repr(b), (a, b)


def test_a_storm_of_handshakes_leaves_plain_clients_served(arena):
    k = keys(arena)
    s = service(arena, "keeper", tls_lines(
        k, **{"nio.sessionlessCnxnTimeout": "3000"})).serving()
    plain = raw.Client(s.port)
    done, stop = [], threading.Event()

    def storm():
        wrap = k.wrap("ann")
        while not stop.is_set():
            with contextlib.suppress(OSError, raw.Closed):
                raw.Client(s.secure, wrap=wrap).close()
                done.append(1)
    # Half-open ones too: they say hello to TLS and nothing more.
    idle = [socket.create_connection(("127.0.0.1", s.secure), 20) for _ in range(200)]
    for sock in idle:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01")
    threads = [threading.Thread(target=storm) for _ in range(4)]
    for t in threads:
        t.start()
    try:
        until(lambda: len(done) > 10, 30, "handshakes")
        for _ in range(200):
            assert plain.ping()[1][12:16] == bytes(4)
    finally:
        stop.set()
        for t in threads:
            t.join()
    # Whoever never finishes is cut.
    idle[0].settimeout(30)
    assert idle[0].recv(100) == b""


# -- real clients --------------------------------------------------------------

def zkcli(arena, connect, commands, *flags):
    """Commands through zkCli of 3.9.2; its answers without its chatter."""
    path = jars("zookeeper-3.9.2") + ":" + jars("kafka-3.7.0")
    got = arena.run(["java", "-XX:TieredStopAtLevel=1", *flags, "-cp", path,
                     "org.apache.zookeeper.ZooKeeperMain", "-server", connect],
                    stdin="".join(c + "\n" for c in commands + ["quit"]).encode(),
                    check=False)
    keep = [line for line in got.splitlines()
            if re.match(r"Created|Set|\[|'|: |x509|sasl|ip|super|hello|Insufficient|"
                        r"Authentication is not valid|org\.apache.*Exception|KeeperErr",
                        line)]
    return sorted(line for line in keep if not line.startswith("[zk:"))


def java_tls(k, name):
    return ["-Dzookeeper.clientCnxnSocket=org.apache.zookeeper.ClientCnxnSocketNetty",
            "-Dzookeeper.client.secure=true",
            "-Dzookeeper.ssl.keyStore.location=" + k.path(name),
            "-Dzookeeper.ssl.keyStore.password=" + PASS,
            "-Dzookeeper.ssl.trustStore.location=" + k.path("trust.jks"),
            "-Dzookeeper.ssl.trustStore.password=" + PASS]


def test_zkcli_of_3_9_2_over_tls_sees_no_difference(arena):
    k = keys(arena)
    dn = "CN=ann,O=Gregor,C=DE"
    script = ["whoami", "create /mine hello", f"setAcl /mine x509:{dn}:cdrwa",
              "getAcl /mine", "get /mine", "ls /"]
    results = []
    for s, server in zip(both(arena, tls_lines(k, "server.jks")), ("ours", "real")):
        out = zkcli(arena, f"localhost:{s.secure}", script, *java_tls(k, "ann.p12"))
        c = raw.Client(s.secure, wrap=k.wrap("odd"))
        _, f = c.request(4, raw.s_("/mine") + b"\0")
        out.append(f[12:16])
        results.append(out)
    same(*results)
    assert "hello" in results[0] and any("x509" in str(x) for x in results[0]), results[0]


def file_of(arena, name, lines):
    path = arena.path(name)
    with open(path, "w") as f:
        f.write("".join(f"{key}={value}\n" for key, value in lines.items()))
    return path


def our_shell(tool, connect, words, flags="", *options):
    """Status, standard output without what the connection tells, standard error."""
    env = {k: v for k, v in os.environ.items() if k not in ("JVMFLAGS", "KAFKA_OPTS")}
    env["CLIENT_JVMFLAGS"] = flags if isinstance(flags, str) else " ".join(flags)
    server = ["-server", connect] if tool == "zkCli.sh" else [connect]
    done = subprocess.run(
        [os.path.join(harness.BUILD, "gregor-tools"), tool, *server, *options, *words],
        capture_output=True, text=True, timeout=120, env=env)
    return done.returncode, done.stdout.splitlines()[-1:], done.stderr


def kafka_tls(k, **more):
    """zookeeper-shell.sh's file: PEM stores, and names of Kafka."""
    return {"zookeeper.ssl.client.enable": "true",
            "zookeeper.clientCnxnSocket": "org.apache.zookeeper.ClientCnxnSocketNetty",
            "zookeeper.ssl.keystore.location": k.path("ann.pem"),
            "zookeeper.ssl.truststore.location": k.path("ca.pem"),
            "zookeeper.ssl.truststore.type": "PEM", **more}


def test_our_shells_speak_tls_to_either_service(arena):
    k = keys(arena)
    flags = java_tls(k, "ann.p12")
    settings = dict(flag[2:].split("=", 1) for flag in flags)
    config = file_of(arena, "client.properties", settings)
    kafka = file_of(arena, "kafka.properties", kafka_tls(k))
    for s in both(arena, tls_lines(k)):
        at = f"localhost:{s.secure}"
        said = our_shell("zkCli.sh", at, ["create", "/a", "hello"], flags)
        assert said[0] == 0 and "Created /a" in said[2], said
        for said in (our_shell("zkCli.sh", at, ["get", "/a"], "", "-client-configuration",
                               config),
                     our_shell("zkCli.sh", at, ["get", "/a"], "", *flags),
                     our_shell("zookeeper-shell.sh", f"127.0.0.1:{s.secure}",
                               ["get", "/a"], "", "-zk-tls-config-file", kafka),
                     our_shell("zookeeper-shell.sh", at,
                               ["get", "/a", "-zk-tls-config-file", kafka]),
                     our_shell("zkCli.sh", f"localhost:{s.port}", ["get", "/a"])):
            assert said == (0, ["hello"], ""), said
        big = "x" * 900000  # many records of TLS, both ways
        got = subprocess.run(
            [os.path.join(harness.BUILD, "gregor-tools"), "zookeeper-shell.sh", at,
             "-zk-tls-config-file", kafka],
            input=f"create /big {big}\nget /big\nwhoami\nquit\n", capture_output=True,
            text=True, timeout=120)
        assert big in got.stdout and "x509: CN=ann" in got.stdout, got.stdout[-500:]


def test_our_shells_refuse_whom_they_can_not_trust(arena):
    k = keys(arena)
    ours, real = both(arena, tls_lines(k))

    def said(s, host="localhost", tool="zookeeper-shell.sh", port=None, **more):
        path = file_of(arena, "tls.properties", kafka_tls(k, **{
            "zookeeper.ssl." + key.replace("_", "."): v for key, v in more.items()}))
        return our_shell(tool, f"{host}:{port or s.secure}", ["ls", "/"], "",
                         "-zk-tls-config-file", path)
    for s in (ours, real):
        for words, more in (
                ("put its issuer into the trust store",
                 {"truststore_location": k.path("stranger.crt")}),
                ("names another host", {"host": "127.0.0.2"}),
                ("a certificate", {"keystore_location": ""}),
                ("does this port speak TLS?", {"port": s.port})):
            status, _, err = said(s, **more)
            assert status == 1 and words in err and "ConnectionLoss" in err, (words, err)
        assert said(s, host="127.0.0.2", endpoint_identification_algorithm="")[0] == 0
    for words, more in (
            ("wrong zookeeper.ssl.keystore.password",
             {"keystore_location": k.path("ann.p12"), "keystore_password": "x"}),
            ("zookeeper.ssl.truststore.location", {"truststore_location": "/nowhere"}),
            ("keytool", {"truststore_location": k.path("old.jks")}),
            ("zookeeper.ssl.crl.enable=true", {"crl_enable": "true"}),
            ("TLSv9", {"enabled_protocols": "TLSv9"}),
            ("zookeeper.ssl.cipher.suites", {"cipher_suites": "TLS_FOO"})):
        status, _, err = said(ours, **more)
        assert status == 1 and words in err and err.count("\n") == 1, (words, err)
    assert said(ours, enabled_protocols="TLSv1.2", cipher_suites="TLS_ECDHE_RSA_WITH_"
                "AES_128_GCM_SHA256")[0] == 0


def test_kazoo_over_tls_works(arena):
    try:
        from kazoo.client import KazooClient
    except ImportError:
        raise Skip("python3-kazoo is not installed")
    k = keys(arena)
    s = service(arena, "keeper", tls_lines(
        k, "server.pem", "ca.pem", **{"ssl.keyStore.password": None})).serving()
    client = KazooClient(hosts=f"127.0.0.1:{s.secure}", use_ssl=True, verify_certs=True,
                         ca=k.path("ca.pem"), certfile=k.path("ann.crt"),
                         keyfile=k.path("ann.key"))
    client.start(20)
    client.create("/k", b"1")
    seen = []
    client.DataWatch("/k", lambda data, stat: seen.append(data))
    client.set("/k", b"2")
    until(lambda: b"2" in seen, 20, "watch")
    client.stop()


# -- SASL ----------------------------------------------------------------------

SASL = ("authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n"
        "superUser=super\n")


def test_every_digest_response_is_answered_as_by_zookeeper(arena):
    ours, real = both(arena, SASL, sasl_cases.JAAS)
    a = sasl_cases.play(ours.port)
    same(a, sasl_cases.play(real.port))
    assert a["plain"][1] == (0, 0, "proof"), a["plain"]
    out = []
    for s in (ours, real):
        c = raw.Client(s.port)
        sasl_cases.token(c, sasl_cases.Response(sasl_cases.token(c, b"")[2]).text)
        line = [create(c, "/auth", [(31, "auth", "")]),
                create(c, "/bob", [(31, "sasl", "bob")]),
                create(c, "/eve", [(31, "sasl", "eve")])]
        for path in ("/auth", "/bob", "/eve"):
            line.append(c.request(6, raw.s_(path))[1][12:])
        out.append(line)
        other = raw.Client(s.port)
        line += [auth(other, "sasl"), auth(raw.Client(s.port), "x509")]
    # The Stat behind each list holds times.
    same([[x[:40] if isinstance(x, bytes) else x for x in line] for line in out][0],
         [[x[:40] if isinstance(x, bytes) else x for x in line] for line in out][1])


def test_who_must_log_in_is_told_so_as_by_zookeeper(arena):
    results = []
    for s in both(arena, SASL + "sessionRequireClientSASLAuth=true\n", sasl_cases.JAAS):
        out = []
        for op, body in ((11, b""), (3, raw.s_("/") + b"\0"), (-11, b"")):
            c = raw.Client(s.port)
            _, f = c.request(op, body)
            out.append(f[4:])
            try:
                c.request(11, b"")
                out.append("open")
            except raw.Closed:
                out.append("closed")
        c = raw.Client(s.port)
        challenge = sasl_cases.token(c, b"")[2]
        out.append(sasl_cases.token(c, sasl_cases.Response(
            challenge, password=b"no").text))
        c = raw.Client(s.port)
        out.append(auth(c, "ip"))
        challenge = sasl_cases.token(c, b"")[2]
        sasl_cases.token(c, sasl_cases.Response(challenge).text)
        out.append(c.request(3, raw.s_("/nothing") + b"\0")[1][12:])
        results.append(out)
    same(*results)


def test_zkcli_and_kazoo_log_in_by_sasl(arena):
    s = service(arena, "keeper", SASL, sasl_cases.JAAS).serving()
    jaas = arena.path("client.conf")
    with open(jaas, "w") as f:
        f.write("Client { org.apache.zookeeper.server.auth.DigestLoginModule required\n"
                'username="bob" password="secret"; };\n')
    out = zkcli(arena, s.connect, ["whoami", "create /b hello", "setAcl /b sasl:bob:r",
                                   "getAcl /b"],
                "-Djava.security.auth.login.config=" + jaas)
    assert "sasl: bob" in " ".join(out), out
    assert any("'sasl,'bob" in line for line in out), out
    try:
        import puresasl  # noqa: F401
        from kazoo.client import KazooClient
    except ImportError:
        raise Skip("python3-kazoo or python3-pure-sasl is not installed")
    client = KazooClient(hosts=s.connect, sasl_options={
        "mechanism": "DIGEST-MD5", "username": "super", "password": "adminpw",
        "principal": "zk-sasl-md5"})
    client.start(20)
    assert client.get("/b")[0] == b"hello"
    client.stop()


# -- settings ------------------------------------------------------------------

def test_what_can_not_be_honoured_stops_the_start_with_one_line(arena):
    k = keys(arena)
    bad = arena.path("bad.conf")
    with open(bad, "w") as f:
        f.write("Server { com.sun.security.auth.module.Krb5LoginModule required; };\n")
    rows = [
        (tls_lines(k, "old.jks"), ["old JKS format", "keytool -importkeystore",
                                   "-deststoretype PKCS12"]),
        (tls_lines(k, trust="old.jks"), ["ssl.trustStore.location", "keytool"]),
        (tls_lines(k, **{"ssl.keyStore.password": "wrong"}), ["ssl.keyStore.password"]),
        (tls_lines(k, "nowhere.jks"), ["nowhere.jks", "No such file"]),
        (tls_lines(k, "ca.pem"), ["no private key"]),
        (tls_lines(k, "ca.key"), ["no private key"]),
        (tls_lines(k, "password"), ["neither PEM nor PKCS12"]),
        (tls_lines(k, **{"ssl.trustStore.location": None}), ["ssl.clientAuth=none"]),
        (tls_lines(k, **{"ssl.keyStore.location": None}), ["ssl.keyStore.location"]),
        (tls_lines(k, **{"ssl.clientAuth": "maybe"}), ["none, want and need"]),
        (tls_lines(k, **{"ssl.ciphersuites": "TLS_FOO"}), ["TLS_FOO"]),
        (tls_lines(k, **{"ssl.enabledProtocols": "TLSv1.1"}), ["TLSv1.2,TLSv1.3"]),
        (tls_lines(k, **{"ssl.crl": "true"}), ["revocation"]),
        (tls_lines(k, **{"ssl.ocsp": "true"}), ["revocation"]),
        (tls_lines(k, **{"ssl.keyStore.type": "BCFKS"}), ["BCFKS", "PKCS12"]),
        (f"java.security.auth.login.config={bad}\n", ["Krb5LoginModule", "no Kerberos"]),
        ("java.security.auth.login.config=/nowhere\n", ["/nowhere"]),
        (SASL + "sessionRequireClientSASLAuth=true\n", ["login.config"]),
        ("sessionRequireClientSASLAuth=true\n", ["SASLAuthenticationProvider"]),
        ("authProvider.1=org.example.Mine\n", ["org.example.Mine"]),
    ]
    for lines, words in rows:
        s = service(arena, "keeper", lines)
        assert s.process.wait(30) == 1, lines
        said = s.process.text()
        assert said.count("ERROR") == 1 and said.count("\n") == 1, said
        for word in words:
            assert word in said, (word, said)


def test_stores_of_every_make_are_read(arena):
    k = keys(arena)
    k.run("openssl", "pkcs8", "-topk8", "-in", "server.key", "-passout", "pass:" + PASS,
          "-out", "locked.key")
    with open(k.path("locked.pem"), "w") as f:
        f.write(open(k.path("server.crt")).read() + open(k.path("ca.pem")).read() +
                open(k.path("locked.key")).read())
    k.run("openssl", "pkcs12", "-export", "-legacy", "-in", "server.pem", "-passout",
          "pass:" + PASS, "-out", "legacy.p12")
    for server, trust, extra in (
            ("server.p12", "ca.pem", {}), ("locked.pem", "trust.jks", {}),
            ("legacy.p12", "trust.jks", {}), ("server.jks", "trust.jks", {
                "ssl.keyStore.password": None,
                "ssl.keyStore.passwordPath": k.path("password"),
                "ssl.keyStore.type": "JKS"}),
            ("server.jks", "ann.crt", {"ssl.enabledProtocols": "TLSv1.2",
                                       "ssl.ciphersuites":
                                       "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"})):
        s = service(arena, "keeper", tls_lines(k, server, trust, **extra)).serving()
        assert handshake(s.secure, k.wrap("ann")) != "refused", server
        if "ssl.ciphersuites" in extra:
            with k.wrap("ann")(socket.create_connection(("127.0.0.1", s.secure))) as t:
                assert t.cipher()[0] == "ECDHE-RSA-AES256-GCM-SHA384", t.cipher()
                assert t.version() == "TLSv1.2"
            assert handshake(s.secure, k.wrap("odd")) == "refused"
        s.stop()


def test_a_client_must_come_from_its_certificates_address_where_asked(arena):
    k = keys(arena)
    s = service(arena, "keeper", tls_lines(
        k, **{"ssl.clientHostnameVerification": "true"})).serving()
    assert handshake(s.secure, k.wrap("ann")) == "refused"
    assert handshake(s.secure, k.wrap("server")) != "refused"


if __name__ == "__main__":
    harness.run(sys.modules["__main__"])
