"""raw.py - a ZooKeeper client of bare frames, and random sessions made of them.

Nothing is hidden: what a server sends is compared byte for byte after masking
what may differ (times, session ids, the order of children).
"""
import random
import socket
import struct

OPEN = [(31, "world", "anyone")]


def s_(text):
    if text is None:
        return struct.pack(">i", -1)
    b = text.encode() if isinstance(text, str) else text
    return struct.pack(">i", len(b)) + b


def acl_(acl):
    if acl is None:
        return struct.pack(">i", -1)
    return struct.pack(">i", len(acl)) + b"".join(
        struct.pack(">i", p) + s_(s) + s_(i) for p, s, i in acl)


class Reader:
    def __init__(self, b):
        self.b, self.at = b, 0

    def take(self, n):
        if self.at + n > len(self.b):
            raise EOFError
        self.at += n
        return self.b[self.at - n:self.at]

    def i32(self):
        return struct.unpack(">i", self.take(4))[0]

    def i64(self):
        return struct.unpack(">q", self.take(8))[0]

    def bool(self):
        return self.take(1)[0]

    def buf(self):
        n = self.i32()
        if n < 0:
            return None
        # The real server echoes what is beyond the basic plane as two
        # surrogates, which is not UTF-8.
        return self.take(n).replace(b"\xed\xa0\xbd\xed\xb8\x80",
                                    "\U0001f600".encode())

    def strs(self):
        return [self.buf() for _ in range(max(self.i32(), 0))]

    def left(self):
        return len(self.b) - self.at


class Closed(Exception):
    pass


class Client:
    def __init__(self, port, timeout=30000, session=0, password=bytes(16),
                 last=0, read_only=True, wrap=lambda s: s):
        self.sock = wrap(socket.create_connection(("127.0.0.1", port), 20))
        self.sock.settimeout(20)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.xid, self.buf, self.open = 0, b"", True
        hello = struct.pack(">iqiq", 0, last, timeout, session) + s_(password)
        self.send(hello + (b"\0" if read_only else b""))
        r = Reader(self.frame())
        r.i32()
        self.timeout, self.session, self.password = r.i32(), r.i64(), r.buf()

    def send(self, payload):
        self.sock.sendall(struct.pack(">i", len(payload)) + payload)

    def frame(self):
        while True:
            if len(self.buf) >= 4:
                n = struct.unpack(">i", self.buf[:4])[0]
                if len(self.buf) >= 4 + n:
                    f, self.buf = self.buf[4:4 + n], self.buf[4 + n:]
                    return f
            try:
                more = self.sock.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                self.open = False
                raise Closed
            self.buf += more

    def request(self, op, body, xid=None):
        """Send; the events that came before the reply, and the reply."""
        if xid is None:
            self.xid += 1
            xid = self.xid
        self.send(struct.pack(">ii", xid, op) + body)
        return self.until(xid)

    def until(self, xid):
        """The events that come before the reply with this xid, and the reply."""
        frames = []
        while True:
            f = self.frame()
            frames.append(f)
            if struct.unpack(">i", f[:4])[0] == xid:
                return frames[:-1], f

    def ping(self):
        """Everything that was on its way."""
        return self.request(11, b"", -2)

    def close(self):
        self.sock.close()


# -- masking ------------------------------------------------------------------

class Mask:
    """Session ids become numbers of order, times vanish."""

    def __init__(self):
        self.ids = {0: 0}

    def session(self, n):
        return self.ids.get(n, f"?{n:x}")

    def stat(self, r):
        z = [r.i64(), r.i64()]
        r.i64(), r.i64()
        v = [r.i32(), r.i32(), r.i32()]
        return ("stat", *z, *v, self.session(r.i64()), r.i32(), r.i32(), r.i64())

    def acls(self, r):
        return sorted((r.i32(), r.buf(), r.buf()) for _ in range(max(r.i32(), 0)))

    def multi(self, r):
        out = []
        while True:
            kind, done, err = r.i32(), r.bool(), r.i32()
            if done:
                return out
            if kind == 1:
                out.append((1, r.buf()))
            elif kind in (15, 19, 21):
                out.append((kind, r.buf(), self.stat(r)))
            elif kind == 5:
                out.append((5, self.stat(r)))
            elif kind == 4:
                out.append((4, r.buf(), self.stat(r)))
            elif kind == 8:
                out.append((8, sorted(r.strs())))
            elif kind == -1:
                out.append((-1, err, r.i32()))
            else:
                out.append((kind, err))

    def body(self, op, r):
        if op in (1, 9):
            return r.buf()
        if op in (15, 19, 21):
            return (r.buf(), self.stat(r))
        if op in (3, 5, 7):
            return self.stat(r)
        if op == 4:
            return (r.buf(), self.stat(r))
        if op == 6:
            return (self.acls(r), self.stat(r))
        if op == 8:
            return sorted(r.strs())
        if op == 12:
            return (sorted(r.strs()), self.stat(r))
        if op in (14, 22):
            return self.multi(r)
        if op == 107:
            return sorted((r.buf(), r.buf()) for _ in range(r.i32()))
        if op == 103:
            return sorted(r.strs())
        return r.take(r.left())

    def frame(self, op, f, zxids=True):
        r = Reader(f)
        xid, zxid, err = r.i32(), r.i64(), r.i32()
        head = (xid, zxid if zxids else None, err)
        if xid == -1:
            return ("event", head, r.i32(), r.i32(), r.buf())
        if r.left() == 0 or err:
            return (head, r.take(r.left()))
        return (head, self.body(op, r), r.left())


# -- random sessions ----------------------------------------------------------

class Script:
    """The same operations for any server, from a seed."""

    names = ["a", "b", "c", "d"]

    def __init__(self, seed, clients=3):
        self.r = random.Random(seed)
        self.n = clients

    def path(self):
        r = self.r
        if r.random() < 0.03:
            return r.choice(["", "/", "a", "/a/", "//", "/a//b", "/./a", "/..",
                             "/a/../b", "/zookeeper", "/zookeeper/quota",
                             "/zookeeper/config", "/a\x01", "/a\u00e9", "/a\uf000",
                             "/\U0001f600", None, "/missing//x", "/a\0b",
                             "/zookeeper/x", "/..a/b", "/..."])
        depth = r.choice([1, 1, 2, 2, 2, 3])
        return "/" + "/".join(r.choice(self.names) for _ in range(depth))

    def data(self):
        return self.r.choice([None, b"", b"x", b"hello", b"y" * 100, b"z" * 2000])

    def version(self):
        return self.r.choice([-1, -1, -1, 0, 0, 1, 2, 3, -2])

    def acl(self):
        return self.r.choice([OPEN] * 12 + [
            [(1, "world", "anyone")], [(31, "auth", "")],
            [(31, "digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=")],
            [(1, "world", "anyone"), (31, "auth", "")],
            [], None, [(31, "nosuch", "x")], [(31, "ip", "127.0.0.1")],
            [(31, "ip", "10.0.0.0/8")], [(31, "digest", "nocolon")],
            [(5, "world", "anyone"), (5, "world", "anyone")],
            [(31, "world", "somebody")], [(31, "ip", "1.2.3.4/99")]])

    def create_body(self, op, flags=None):
        r = self.r
        if flags is None:
            flags = r.choice([0] * 6 + [1, 1, 2, 3, 4, 5, 6, 7, -1])
        body = s_(self.path()) + s_(self.data()) + acl_(self.acl())
        body += struct.pack(">i", flags)
        if op == 21:
            ttl = r.choice([1, 100000, 0, -5, 1 << 40])
            if flags < 5 and ttl < 0:
                ttl = 5  # ruins the real server's log
            body += struct.pack(">q", ttl)
        return body

    def sub(self):
        r = self.r
        op = r.choice([1, 1, 1, 2, 2, 5, 5, 13, 15, 19, 21, 7 if r.random() < .03
                       else 1])
        if op in (1, 15, 19, 21):
            flags = r.choice([0] * 5 + [1, 2, 3, 4, 5]) if op != 21 else \
                r.choice([5, 6])
            if r.random() < 0.02:
                flags = 9
            body = self.create_body(op, flags)
        elif op == 5:
            body = s_(self.path()) + s_(self.data()) + struct.pack(">i", self.version())
        elif op == 7:
            body = s_(self.path()) + acl_(self.acl()) + struct.pack(">i", -1)
        else:
            body = s_(self.path()) + struct.pack(">i", self.version())
        return struct.pack(">ibi", op, 0, -1) + body

    def paths(self):
        return [p for p in (self.path() for _ in range(self.r.randint(0, 3)))
                if p is not None]

    def op(self):
        """(client, opcode, body)"""
        r = self.r
        c = r.randrange(self.n)
        op = r.choice([1] * 16 + [15] * 4 + [19, 21] + [2] * 10 + [5] * 8 + [7] * 2 +
                      [3] * 5 + [4] * 5 + [6] * 2 + [8] * 4 + [12] * 4 + [14] * 8 +
                      [22] * 2 + [9, 16, 17, 18, 18, 100, 101, 103, 104, 105, 106, 106,
                                  107, "new", "again"])
        if op in (1, 15, 19, 21):
            body = self.create_body(op)
        elif op in (2, 17, 18, 106):
            n = self.version() if op == 2 else r.choice([0, 1, 2, 3, 4, 5, 9])
            body = s_(self.path()) + struct.pack(">i", n)
        elif op == 5:
            body = s_(self.path()) + s_(self.data()) + struct.pack(">i", self.version())
        elif op == 7:
            body = s_(self.path()) + acl_(self.acl()) + struct.pack(">i", self.version())
        elif op in (3, 4, 8, 12):
            body = s_(self.path()) + struct.pack(">b", r.random() < 0.4)
        elif op in (6, 9, 103, 104):
            body = s_(self.path())
        elif op == 14:
            body = b"".join(self.sub() for _ in range(r.randint(0, 4)))
            body += struct.pack(">ibi", -1, 1, -1)
        elif op == 22:
            body = b"".join(struct.pack(">ibi", r.choice([4, 8]), 0, -1) +
                            s_(self.path() or "/") + b"\0"
                            for _ in range(r.randint(0, 3)))
            body += struct.pack(">ibi", -1, 1, -1)
        elif op == 16:
            body = s_("a") + s_("") + s_("") + struct.pack(">q", -1)
        elif op == 100:
            body = struct.pack(">i", 0) + s_("digest") + \
                s_(r.choice(["bob:pw", "eve:x", "nopassword"]))
        elif op in (101, 105):
            lists = 3 if op == 101 else 5
            body = struct.pack(">q", r.choice([0, 5, 50, 1 << 40]))
            for _ in range(lists):
                ps = self.paths()
                body += struct.pack(">i", len(ps)) + b"".join(map(s_, ps))
        else:
            body = b""
        if isinstance(op, int) and body and op != 14 and r.random() < 0.01:
            body = body[:r.randrange(len(body))]
        return c, op, body


def play(port, seed, steps, log, clients=3):
    """Run a script against a server; `log` gets a line of values per step."""
    script, mask = Script(seed, clients), Mask()
    crowd = []

    def came(c):
        mask.ids[c.session] = len(mask.ids)
        return c
    for _ in range(clients):
        crowd.append(came(Client(port)))
    for step in range(steps):
        who, op, body = script.op()
        c = crowd[who]
        lines = []
        if op == "new":
            events, reply = c.request(-11, b"")
            lines.append(("close", [mask.frame(0, e) for e in events],
                          mask.frame(0, reply)))
            lines[0][1].sort(key=repr)
            c.close()
            crowd[who] = came(Client(port))
        elif op == "again":
            c.close()
            crowd[who] = n = Client(port, session=c.session, password=c.password)
            lines.append(("again", n.session == c.session, n.timeout))
        else:
            try:
                xid = {100: -4, 101: -8, 105: -8}.get(op)
                events, reply = c.request(op, body, xid)
                lines.append((who, op, [mask.frame(0, e) for e in events],
                              mask.frame(op, reply)))
            except Closed:
                lines.append((who, op, "closed"))
                c.close()
                crowd[who] = came(Client(port))
        for other in crowd:  # all at once: a step is two round trips
            other.send(struct.pack(">ii", -2, 11))
        for i, other in enumerate(crowd):
            events, pong = other.until(-2)
            events = [mask.frame(0, e) for e in events]
            if op == "new":
                events.sort(key=repr)
            if events:
                lines.append(("told", i, events))
        log(step, body, lines)
    for c in crowd:
        c.request(-11, b"")
        c.close()
