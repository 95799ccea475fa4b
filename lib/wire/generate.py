#!/usr/bin/env python3
"""Make the wire code from the schema texts.

    python3 generate.py OUTDIR schema/*.txt

For each schema NAME.txt it writes OUTDIR/msg_NAME.h and msg_NAME.c, and for all
of them OUTDIR/apis.h and apis.c. What the functions do is said in message.h.

The language of the texts is described in gen/schema.py.
"""
import os
import sys

sys.dont_write_bytecode = True
from gen.pieces import Out  # noqa: E402
from gen.reading import Reading  # noqa: E402
from gen.schema import Schema, resolve  # noqa: E402
from gen.shape import Shape  # noqa: E402
from gen.showing import Showing  # noqa: E402
from gen.writing import Writing  # noqa: E402


class Maker(Shape, Reading, Writing, Showing):
    """All functions of one message."""

    def make(self):
        self.structs(self.m.name, self.m.root)
        self.prototypes()
        self.inits(self.m.name, self.m.root)
        for make in (self.reader, self.writer, self.printer, self.randoms):
            self.each(self.m.name, self.m.root, make)
        self.public()


def save(path, text):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def make_messages(out, schema):
    h, o = Out(), Out()
    guard = f'GREGOR_WIRE_MSG_{schema.name.upper()}_H'
    h(f'/* msg_{schema.name}.h, made from lib/wire/schema/{schema.name}.txt.')
    for line in [''] + schema.about + ['', 'What the functions do: message.h.']:
        h(f' * {line}'.rstrip())
    h(' */')
    h(f'#ifndef {guard}')
    h(f'#define {guard}')
    h()
    h('#include "wire/message.h"')
    for name in schema.uses:
        h(f'#include "wire/msg_{name}.h"')
    h()
    o(f'/* Made from lib/wire/schema/{schema.name}.txt. */')
    o(f'#include "wire/msg_{schema.name}.h"')
    o()
    for message in schema.messages:
        Maker(message, h, o).make()
    h('#endif')
    save(os.path.join(out, f'msg_{schema.name}.h'), h.text())
    save(os.path.join(out, f'msg_{schema.name}.c'), o.text().rstrip() + '\n')


APIS_H = '''\
/* apis.h - the table of Kafka's APIs, and of all messages there are.
 * Made from lib/wire/schema; see wire/message.h. */
#ifndef GREGOR_WIRE_APIS_H
#define GREGOR_WIRE_APIS_H

#include "wire/message.h"

enum wire_key {
%(keys)s
};

struct wire_api {
    int16_t key;
    const char *name;             /* Kafka's, e.g. "LeaderAndIsr" */
    int16_t min, max;             /* valid versions */
    int16_t flexible;             /* first flexible version, or 32767 */
    bool hidden;                  /* unstable: not advertised by default */
    struct wire_message request;  /* versions as above */
    struct wire_message response;
};

/* Ordered by key. */
extern const struct wire_api wire_apis[];
extern const size_t n_wire_apis;

/* Versioned records on disk and headers; jute records. */
extern const struct wire_message wire_record_messages[];
extern const size_t n_wire_record_messages;
extern const struct wire_message jute_messages[];
extern const size_t n_jute_messages;

/* The API with this key, or NULL. */
const struct wire_api *wire_api_find(int16_t key);

/* Which version of the request header (0-2) goes with a request, of the
 * response header (0, 1) with its response; -1 for a key that is not known. The
 * version may lie outside of the API's range (ApiVersions asks with any). */
int16_t wire_request_header_version(int16_t key, int16_t version);
int16_t wire_response_header_version(int16_t key, int16_t version);

#endif
'''


APIS_C = '''\
/* Made from lib/wire/schema. */
#include "wire/apis.h"

%(includes)s

/* The typed functions behind pointers without type. */
#define ANY(M, ARGS_READ, ARGS)                                            \\
    static void M##_init_any(void *m)                                      \\
    {                                                                      \\
        M##_init(m);                                                       \\
    }                                                                      \\
    static enum err M##_read_any(struct rd *r, int16_t version,            \\
                                 struct arena *arena, void *m)             \\
    {                                                                      \\
        (void)version;                                                     \\
        return M##_read(r, ARGS arena, m);                                 \\
    }                                                                      \\
    static void M##_write_any(struct wr *w, int16_t version, const void *m) \\
    {                                                                      \\
        (void)version;                                                     \\
        M##_write(w, ARGS m);                                              \\
    }                                                                      \\
    static void M##_print_any(FILE *f, int16_t version, const void *m)     \\
    {                                                                      \\
        (void)version;                                                     \\
        M##_print(f, ARGS m);                                              \\
    }                                                                      \\
    static void M##_random_any(struct wire_random *rnd, int16_t version,   \\
                               struct arena *arena, void *m)               \\
    {                                                                      \\
        (void)version;                                                     \\
        M##_random(rnd, ARGS arena, m);                                    \\
    }
'''.replace('ARGS_READ, ARGS', '...').replace('ARGS', '__VA_ARGS__') + '''
%(wrappers)s

#define MESSAGE(M, NAME, MIN, MAX)                                         \\
    {                                                                      \\
        NAME, sizeof(struct M), MIN, MAX, M##_init_any, M##_read_any,      \\
            M##_write_any, M##_print_any, M##_random_any                   \\
    }

const struct wire_api wire_apis[] = {
%(apis)s
};
const size_t n_wire_apis = sizeof wire_apis / sizeof wire_apis[0];

const struct wire_message wire_record_messages[] = {
%(records)s
};
const size_t n_wire_record_messages =
    sizeof wire_record_messages / sizeof wire_record_messages[0];

const struct wire_message jute_messages[] = {
%(jute)s
};
const size_t n_jute_messages = sizeof jute_messages / sizeof jute_messages[0];

const struct wire_api *wire_api_find(int16_t key)
{
    switch (key) {
%(cases)s
    default:
        return NULL;
    }
}

int16_t wire_request_header_version(int16_t key, int16_t version)
{
    const struct wire_api *api = wire_api_find(key);

    if (api == NULL)
        return -1;
    if (key == %(shutdown)s && version == 0)
        return 0; /* older than the client id */
    return version >= api->flexible ? 2 : 1;
}

int16_t wire_response_header_version(int16_t key, int16_t version)
{
    const struct wire_api *api = wire_api_find(key);

    if (api == NULL)
        return -1;
    if (key == %(api_versions)s)
        return 0; /* must be readable before the version is agreed (KIP-511) */
    return version >= api->flexible ? 1 : 0;
}
'''


def make_apis(out, schemas):
    apis = sorted((a for s in schemas for a in s.apis), key=lambda a: a.key)
    messages = [m for s in schemas for m in s.messages]
    names = [m.name for m in messages]
    keys = [a.key for a in apis]
    if len(set(names)) < len(names) or len(set(keys)) < len(keys):
        sys.exit('a message or a key is described twice')

    def entry(m, comma=','):
        bare = m.name.split('_', 1)[1]
        return (f'MESSAGE({m.name}, "{bare}", {m.versions.low}, '
                f'{m.versions.high}){comma}')

    def row(a):
        return (f'    {{ {a.key}, "{a.title}", {a.versions.low}, '
                f'{a.versions.high}, {a.flexible}, '
                f'{"true" if a.hidden else "false"},\n'
                f'      {entry(a.messages[0])}\n'
                f'      {entry(a.messages[1], "")} }},')

    for a in apis:
        if len(a.messages) != 2:
            sys.exit(f'{a.name} lacks its request or response')
    values = {
        'keys': '\n'.join(f'    WIRE_{a.name.upper()} = {a.key},' for a in apis),
        'includes': '\n'.join(f'#include "wire/msg_{s.name}.h"'
                              for s in schemas),
        'wrappers': '\n'.join(f'ANY({m.name}{"" if m.jute else ", version,"})'
                              for m in messages),
        'apis': '\n'.join(row(a) for a in apis),
        'records': '\n'.join('    ' + entry(m) for m in messages
                             if not m.api and not m.jute),
        'jute': '\n'.join('    ' + entry(m) for m in messages if m.jute),
        'cases': '\n'.join(f'    case {a.key}:\n        return &wire_apis[{i}];'
                           for i, a in enumerate(apis)),
        'shutdown': 'WIRE_CONTROLLED_SHUTDOWN',
        'api_versions': 'WIRE_API_VERSIONS',
    }
    save(os.path.join(out, 'apis.h'), APIS_H % values)
    save(os.path.join(out, 'apis.c'), APIS_C % values)


def main():
    out, paths = sys.argv[1], sys.argv[2:]
    schemas = [Schema(p) for p in sorted(paths)]
    resolve(schemas)
    for schema in schemas:
        make_messages(out, schema)
    make_apis(out, schemas)


if __name__ == '__main__':
    main()
