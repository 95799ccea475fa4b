"""sasl_cases.py - DIGEST-MD5 by hand: good responses, and every way to be wrong.

RFC 2831 leaves corners; what counts is what the real server makes of them.
"""
import hashlib
import re
import struct

import raw

USERS = {b"super": b"adminpw", b"bob": b"secret", b"q x": b"with space",
         b"uml": "pä\"q".encode("latin1")}
JAAS = '''// for the tests
Server {
  org.apache.zookeeper.server.auth.DigestLoginModule required
  user_super="adminpw" user_bob=secret "user_q x"="with space" /* a comment */
  user_uml="pä\\"q";
};
Other { some.other.Module optional; };
'''


def md5(b):
    return hashlib.md5(b).hexdigest().encode()


class Response:
    """The parts of a digest-response; `proof` is what the server must answer."""

    def __init__(self, challenge, user=b"bob", password=None, realm=b"zk-sasl-md5",
                 uri=b"zookeeper/zk-sasl-md5", nc=b"00000001", qop=b"auth",
                 authzid=None, nonce=None, upper=False, charset=b"utf-8", drop=()):
        nonce = nonce or re.search(rb'nonce="([^"]*)"', challenge).group(1)
        password = USERS.get(user, b"") if password is None else password
        a1 = hashlib.md5(user + b":" + realm + b":" + password).digest() + \
            b":" + nonce + b":abcdef" + (b"" if authzid is None else b":" + authzid)
        tail = b":00000000000000000000000000000000" if qop == b"auth-int" else b""

        def proof(method):
            return md5(md5(a1) + b":" + nonce + b":" + nc + b":abcdef:" + qop + b":" +
                       md5(method + b":" + uri + tail))
        answer = proof(b"AUTHENTICATE")
        self.proof = b"rspauth=" + proof(b"")
        parts = [("charset", b"charset=" + charset),
                 ("username", b'username="' + user + b'"'),
                 ("realm", b'realm="' + realm + b'"'),
                 ("nonce", b'nonce="' + nonce + b'"'), ("nc", b"nc=" + nc),
                 ("cnonce", b'cnonce="abcdef"'),
                 ("uri", b'digest-uri="' + uri + b'"'),
                 ("response", b"response=" + (answer.upper() if upper else answer)),
                 ("qop", b"qop=" + qop)]
        if authzid is not None:
            parts.append(("authzid", b'authzid="' + authzid + b'"'))
        self.text = b",".join(v for k, v in parts if k not in drop)


def token(client, text):
    """(zxid, err, token) or "closed"."""
    try:
        _, f = client.request(102, raw.s_(text))
    except raw.Closed:
        return "closed"
    return (*struct.unpack(">qi", f[4:16]), raw.Reader(f[16:]).buf())


def who(client):
    try:
        _, f = client.request(107, b"")
    except raw.Closed:
        return "closed"
    r = raw.Reader(f[16:])
    return sorted((r.buf(), r.buf()) for _ in range(r.i32()))


ARGUMENTS = {
    "plain": {}, "authzid": {"authzid": b"eve"}, "authzid empty": {"authzid": b""},
    "super": {"user": b"super"}, "blank": {"user": b"q x"}, "latin": {"user": b"uml"},
    "utf-8 password": {"user": b"uml", "password": "pä\"q".encode()},
    "nobody": {"user": b"eve"},
    "password": {"password": b"x"}, "realm": {"realm": b"other"},
    "uri host": {"uri": b"zookeeper/127.0.0.1"}, "uri service": {"uri": b"x/zk-sasl-md5"},
    "uri case": {"uri": b"ZooKeeper/ZK-SASL-MD5"}, "nc 2": {"nc": b"00000002"},
    "qop int": {"qop": b"auth-int"}, "qop": {"qop": b"foo"},
    "charset": {"charset": b"latin1"}, "upper": {"upper": True},
    "nonce": {"nonce": b"abc"},
    **{f"no {k}": {"drop": (k,)} for k in (
        "charset", "username", "realm", "nonce", "nc", "cnonce", "uri", "response",
        "qop")},
}
TAILS = [b",foo=bar", b',foo="a\\"b"', b',username="bob"', b',realm="zk-sasl-md5"',
         b",,,", b",", b" , foo = bar ", b',foo="bar', b",foo", b",=foo", b",foo=",
         b" x", b" x y", b",maxbuf=1", b",cipher=rc4", b",charset=utf-8",
         b",nc=00000001", b",response=0", b",foo=\0", b",foo=\xff", b",foo=a:b",
         b',foo="\t"', b',foo="a"b', b",a,b=c", b',foo="a\\', b",foo=" + b"a" * 4000]
CHANGES = [(b'"bob"', b"bob"), (b'"bob"', b'"b\\ob"'), (b"qop=auth", b'QOP="auth"'),
           (b",", b" ,\r\n\t"), (b"nc=", b"nc = "), (b"charset", b",, charset"),
           (b"charset", b"  charset")]


def exchange(port, make):
    """The answer to make(challenge), with the proof of a success checked."""
    c = raw.Client(port)
    _, err, challenge = token(c, b"")
    assert err == 0, err
    shape = re.sub(rb'nonce="[A-Za-z0-9+/]{40}"', b"NONCE", challenge)
    response, text = make(challenge)
    answer = token(c, text)
    if answer != "closed" and answer[1] == 0:
        assert answer[2] == response.proof, answer
        answer = (0, 0, "proof")
    out = (shape, answer, who(c))
    c.close()
    return out


def play(port):
    """Every case; {name: what happened}."""
    def plain(**kw):
        def make(challenge):
            r = Response(challenge, **kw)
            return r, r.text
        return make

    def changed(change):
        def make(challenge):
            r = Response(challenge)
            return r, change(r.text)
        return make
    out = {name: exchange(port, plain(**kw)) for name, kw in ARGUMENTS.items()}
    for tail in TAILS:
        out[tail] = exchange(port, changed(lambda t, tail=tail: t + tail))
    for a, b in CHANGES:
        out[(a, b)] = exchange(port, changed(lambda t, a=a, b=b: t.replace(a, b)))
    for n in (4096, 4097):
        out[n] = exchange(port, changed(lambda t, n=n: (t + b",f=" + b"a" * n)[:n]))
    out["empty"] = exchange(port, changed(lambda t: b""))
    out["null"] = exchange(port, changed(lambda t: None))
    c = raw.Client(port)
    out["null first"] = (token(c, None), who(c))
    c = raw.Client(port)
    r = Response(token(c, b"")[2])
    out["again"] = (token(c, r.text)[1], token(c, b""), who(c))
    c = raw.Client(port)
    out["early"] = token(c, Response(b'nonce="x"').text)[1]
    return out
