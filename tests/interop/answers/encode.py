"""encode.py - requests as bytes, from what the schema texts say of them.

    requests = Requests()
    key, version, body = requests.body("fetch", 12, {"topics": [...]})

A field that is not given takes the schema's default, else zero, the empty text or
the empty array; None is null. Names are the schema's own. Nothing is checked: what
is wrong shall reach the broker.
"""
import glob
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMAS = os.path.join(HERE, "..", "..", "..", "lib", "wire")
sys.path.insert(0, SCHEMAS)
from gen import schema  # noqa: E402

FORMS = {"int8": "b", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I",
         "int64": "q", "float64": "d", "bool": "?"}


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def default(field):
    if field.array:
        return None if field.default == "null" else []
    if field.kind == "struct":
        return {}
    if field.default == "null":
        return None
    if field.kind == "string":
        return field.default or ""
    if field.kind in ("bytes", "records"):
        return b""
    if field.kind == "uuid":
        return b"\0" * 16
    if field.kind == "bool":
        return field.default == "true"
    return int(field.default or "0", 0)


def value(field, version, compact, v):
    compact = compact and not field.plain

    def count(n, short=False):
        if compact:
            return varint(n + 1)
        return struct.pack(">h" if short else ">i", n)
    if field.array:
        if v is None:
            return count(-1)
        return count(len(v)) + b"".join(one(field, version, compact, x) for x in v)
    return one(field, version, compact, v)


def one(field, version, compact, v):
    if field.kind == "struct":
        return fields(field.members, version, compact, v)
    if field.kind in FORMS:
        return struct.pack(">" + FORMS[field.kind], v)
    if field.kind == "uuid":
        return v
    data = v.encode() if isinstance(v, str) else v
    n = -1 if data is None else len(data)
    if compact:
        head = varint(n + 1)
    else:
        head = struct.pack(">h" if field.kind == "string" else ">i", n)
    return head + (data or b"")


def fields(members, version, compact, values):
    out, tagged = b"", []
    unknown = set(values) - {f.name for f in members}
    assert not unknown, unknown
    for f in members:
        if version not in f.versions:
            continue
        if f.tag is None:
            out += value(f, version, compact, values.get(f.name, default(f)))
        elif f.name in values:
            tagged.append((f.tag, value(f, version, True, values[f.name])))
    if compact:
        out += varint(len(tagged))
        for tag, data in sorted(tagged):
            out += varint(tag) + varint(len(data)) + data
    return out


class Requests:
    """All APIs of the schema texts by name."""

    def __init__(self):
        self.apis = {}
        for path in sorted(glob.glob(os.path.join(SCHEMAS, "schema", "*.txt"))):
            for api in schema.Schema(path).apis:
                self.apis[api.name] = api

    def versions(self, name):
        api = self.apis[name]
        return range(api.versions.low, api.versions.high + 1)

    def is_flexible(self, name, version):
        return version >= self.apis[name].flexible

    def body(self, name, version, values):
        api = self.apis[name]
        return fields(api.messages[0].root.members, version,
                      self.is_flexible(name, version), values)

    def frame(self, name, version, values, client="t", correlation=7):
        """A whole frame with its header and its length."""
        api = self.apis[name]
        head = struct.pack(">hhi", api.key, version, correlation)
        if not (name == "controlled_shutdown" and version == 0):
            head += struct.pack(">h", len(client)) + client.encode()
        if self.is_flexible(name, version):
            head += b"\0"
        data = head + self.body(name, version, values)
        return struct.pack(">i", len(data)) + data
