#!/usr/bin/env python3
"""Compare our schema texts with the definitions in Kafka's own jars.

    compare_schema.py JAR_DIR [--exact]

Field by field and version by version, over the versions we describe. --exact
also asks that the ranges of versions are equal (the release we follow), and
that no API of a ZooKeeper-mode broker is missing. Prints what differs, and
"N passed, N failed" (messages).
"""
import glob
import json
import os
import re
import sys
import zipfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..')
sys.path.insert(0, os.path.join(TOP, 'lib', 'wire'))
sys.dont_write_bytecode = True
from gen import schema as language  # noqa: E402

FIXED = 'int8 int16 uint16 int32 uint32 int64 float64'.split()


def definitions(jar_dir):
    """Name to definition, from all jars."""
    found = {}
    for jar in glob.glob(os.path.join(jar_dir, 'kafka*.jar')):
        with zipfile.ZipFile(jar) as z:
            for name in z.namelist():
                if re.match(r'common/message/\w+\.json$', name):
                    text = z.read(name).decode()
                    text = re.sub(r'^\s*//.*$', '', text, flags=re.M)
                    d = json.loads(text)
                    found[d['name']] = d
    return found


def versions_of(text, low, high):
    """The versions a range of Kafka's names, within low to high."""
    if text in (None, 'none', ''):
        return set()
    m = re.fullmatch(r'(\d+)(\+|-(\d+))?', text)
    first = int(m[1])
    last = high if m[2] == '+' else int(m[3] or first)
    return set(range(max(first, low), min(last, high) + 1))


def default_of(kind, is_array, text):
    if text in (None, ''):
        text = None
    if is_array or kind == 'struct':
        return 'null' if text == 'null' else None
    if kind in FIXED:
        return float(int(str(text), 0)) if text is not None else 0.0
    if kind == 'bool':
        return str(text).lower() == 'true'
    if kind == 'records':
        return None
    return 'null' if text == 'null' else text


def theirs(fields, common, version, flexible):
    """What a version of a message consists of, as nested tuples."""
    out = []
    for f in fields:
        def holds(key):
            return version in versions_of(f.get(key), version, version)
        if not holds('versions'):
            continue
        kind = f['type']
        is_array = kind.startswith('[]')
        kind = kind[2:] if is_array else kind
        inner = None
        if kind[0].isupper():
            inner = theirs(f.get('fields') or common[kind], common, version,
                           flexible)
            kind = 'struct'
        plain = flexible and f.get('flexibleVersions') is not None and \
            not holds('flexibleVersions')
        name = f['name'][0].lower() + f['name'][1:]
        out.append((name, kind, is_array, holds('nullableVersions'),
                    default_of(kind, is_array, f.get('default')),
                    f['tag'] if holds('taggedVersions') else None, plain,
                    inner))
    return out


def ours(fields, version, flexible):
    out = []
    for f in fields:
        if version not in f.versions:
            continue
        inner = ours(f.fields, version, flexible) if f.kind == 'struct' else None
        out.append((f.json, f.kind, f.array,
                    f.nullable is not None and version in f.nullable,
                    default_of(f.kind, f.array,
                               f.default.strip('"') if f.default else None),
                    f.tag, flexible and f.plain, inner))
    return out


def camel(name):
    return ''.join(w.capitalize() for w in name.split('_'))


def differences(path, mine, real):
    if len(mine) != len(real):
        a, b = [m[0] for m in mine], [r[0] for r in real]
        yield f'{path}: fields {a}, theirs {b}'
        return
    for m, r in zip(mine, real):
        if m[:-1] != r[:-1]:
            yield f'{path}: {m[:-1]}, theirs {r[:-1]}'
        if m[-1] is not None and r[-1] is not None:
            yield from differences(f'{path}.{m[0]}', m[-1], r[-1])


def compare(message, d, exact):
    low, high = message.versions.low, message.versions.high
    valid = versions_of(d['validVersions'], 0, 32767)
    wanted = set(range(low, high + 1))
    if not wanted <= valid or (exact and wanted != valid):
        yield f'versions {low}-{high}, theirs {d["validVersions"]}'
    if message.api and d.get('apiKey') != message.api.key:
        yield f'api key {message.api.key}, theirs {d.get("apiKey")}'
    flexible = versions_of(d['flexibleVersions'], low, high)
    mine = {v for v in wanted if v >= message.flexible}
    if flexible != mine:
        yield f'flexible from {message.flexible}, theirs {d["flexibleVersions"]}'
    common = {s['name']: s['fields'] for s in d.get('commonStructs', [])}
    for v in sorted(wanted & valid):
        yield from differences(f'version {v}',
                               ours(message.root.fields, v, v in mine),
                               theirs(d['fields'], common, v, v in flexible))


def main():
    jar_dir, exact = sys.argv[1], '--exact' in sys.argv[2:]
    real = definitions(jar_dir)
    paths = glob.glob(os.path.join(TOP, 'lib', 'wire', 'schema', '*.txt'))
    schemas = [language.Schema(p) for p in sorted(paths)]
    language.resolve(schemas)
    passed = failed = 0
    seen = set()
    for message in (m for s in schemas for m in s.messages if not m.jute):
        if message.api and message.api.hidden and not exact:
            continue  # unstable: changes between releases, not advertised
        name = camel(message.name.split('_', 1)[1])
        seen.add(name)
        wrong = list(compare(message, real[name], exact)) if name in real \
            else ['not in the jars']
        for line in wrong:
            print(f'FAIL {name}: {line}')
        failed += bool(wrong)
        passed += not wrong
    if exact:
        for name, d in sorted(real.items()):
            if 'zkBroker' in d.get('listeners', []) and name not in seen:
                print(f'FAIL {name} is not described')
                failed += 1
    print(f'{passed} passed, {failed} failed')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
