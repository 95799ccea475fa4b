#!/usr/bin/env python3
"""Make the wire code from the schema texts.

    python3 generate.py OUTDIR schema/*.txt

For each schema NAME.txt it writes OUTDIR/msg_NAME.h and msg_NAME.c, and for all
of them OUTDIR/apis.h and apis.c. What the functions do is said in message.h.

The schema language, line by line (# starts a comment, indentation nests):

    api KEY NAME  versions MIN-MAX  flexible N+|none  [hidden]
    record NAME   versions MIN-MAX  flexible N+|none
    jute NAME                        one form, ZooKeeper's encoding
    use FILE                         jute records of FILE.txt may be named below
    request | response               the two messages of the api
    FIELD TYPE [VERSIONS] [WORD ...]

TYPE      int8 int16 uint16 int32 uint32 int64 float64 bool uuid string bytes
          records; []TYPE an array of them; [] an array of structs and {} one
          struct, whose fields follow indented; in jute also the name of a
          record. A ? behind it: may be null.
VERSIONS  3+, 0-2 or 4; jute fields have none.
WORD      default V   value in versions that lack the field (else 0, empty)
          nullable V  versions in which it may be null, if fewer than its own
          tag N       a tagged field
          most N      bound of an array's count
          plain       never in compact form
          secret      not to be printed
          optional    jute: the input may end before it
"""
import os
import re
import sys

INFINITE = 32767
# C type, reader, writer, bytes on the wire, bits of a random value
SCALARS = {
    'int8': ('int8_t', 'i8', 1, 8), 'int16': ('int16_t', 'i16', 2, 16),
    'uint16': ('uint16_t', 'u16', 2, 16), 'int32': ('int32_t', 'i32', 4, 32),
    'uint32': ('uint32_t', 'u32', 4, 32), 'int64': ('int64_t', 'i64', 8, 64),
    'float64': ('double', 'f64', 8, 0), 'bool': ('bool', 'bool', 1, 0),
    'uuid': ('struct uuid', 'uuid', 16, 0),
}
BLOBS = {'string': 'struct bytes', 'bytes': 'struct bytes',
         'records': 'struct wire_records'}
KEYWORDS = set('''auto break case char const continue default do double else enum
extern float for goto if inline int long register restrict return short signed
sizeof static struct switch typedef union unsigned void volatile while bool true
false'''.split())


def die(where, text):
    sys.exit(f'{where}: {text}')


# -- the schema ----------------------------------------------------------------

class Range:
    """Versions from low to high, both included; empty when low > high."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    @staticmethod
    def parse(text, where):
        m = re.fullmatch(r'(\d+)(?:(\+)|-(\d+))?', text)
        if not m:
            die(where, f'not a range of versions: {text}')
        low = int(m[1])
        return Range(low, INFINITE if m[2] else int(m[3] or low))

    def meet(self, other):
        return Range(max(self.low, other.low), min(self.high, other.high))

    def __bool__(self):
        return self.low <= self.high

    def __contains__(self, version):
        return self.low <= version <= self.high

    def test(self, within):
        """The C condition for versions that are known to be `within`."""
        if not self.meet(within):
            return 'false'
        tests = []
        if self.low > within.low:
            tests.append(f'version >= {self.low}')
        if self.high < within.high:
            tests.append(f'version <= {self.high}')
        if self.low == self.high and len(tests) == 2:
            tests = [f'version == {self.low}']
        return ' && '.join(tests) or 'true'


class Field:
    """One line of a schema; also the root of a message (kind 'struct')."""

    def __init__(self, name, kind, versions, where):
        self.name, self.versions, self.where = name, versions, where
        self.optional_null = kind.endswith('?')
        kind = kind.rstrip('?')
        self.array = kind.startswith('[]')
        self.kind = kind[2:] if self.array else kind
        if self.kind in ('', '{}'):
            self.kind = 'struct'
        if self.kind == 'buffer':
            self.kind = 'bytes'
        self.fields, self.ref, self.comment = [], None, ''
        self.default = self.tag = self.most = self.nullable = None
        self.plain = self.secret = self.optional = False

    @property
    def c(self):
        return self.name + '_' if self.name in KEYWORDS else self.name

    @property
    def single(self):
        return self.kind == 'struct' and not self.array

    @property
    def json(self):
        first, *rest = self.name.split('_')
        return first + ''.join(w.capitalize() for w in rest)

    def may_be_null(self):
        return bool(self.nullable)


class Message:
    def __init__(self, name, root, versions, flexible, jute=False, api=None):
        self.name, self.root, self.versions = name, root, versions
        self.flexible, self.jute, self.api = flexible, jute, api


class Api:
    def __init__(self, key, name, versions, flexible, hidden):
        self.key, self.name, self.versions = key, name, versions
        self.flexible, self.hidden = flexible, hidden
        self.messages = []

    @property
    def title(self):
        return ''.join(w.capitalize() for w in self.name.split('_'))


class Schema:
    """One file: its messages in order, and what it uses."""

    def __init__(self, path):
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.apis, self.messages, self.uses = [], [], []
        self.stack, self.message = [], None
        self.title = ''
        with open(path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                where = f'{path}:{number}'
                text, _, comment = line.partition('#')
                if text.strip():
                    self.line(text.rstrip(), comment.strip(), where)
                elif not self.title:
                    self.title = comment.strip()

    def line(self, text, comment, where):
        words = text.split()
        indent = len(text) - len(text.lstrip())
        if indent:
            self.field(words, indent, comment, where)
        elif words[0] == 'use' and len(words) == 2:
            self.uses.append(words[1])
        elif words[0] == 'jute' and len(words) == 2:
            self.start('jute_' + words[1], Range(0, 0), INFINITE, jute=True)
        elif words[0] == 'record':
            self.start('wire_' + words[1], *self.versions(words, where))
        elif words[0] == 'api':
            self.apis.append(Api(int(words[1]), words[2],
                                 *self.versions(words[1:], where),
                                 'hidden' in words))
        elif words[0] in ('request', 'response') and self.apis:
            api = self.apis[-1]
            self.start(f'wire_{api.name}_{words[0]}', api.versions,
                       api.flexible, api=api)
            api.messages.append(self.message)
        else:
            die(where, f'what is "{words[0]}"?')

    @staticmethod
    def versions(words, where):
        if words[2] != 'versions' or words[4] != 'flexible':
            die(where, 'expected: versions MIN-MAX flexible N+')
        flexible = words[5].rstrip('+')
        return (Range.parse(words[3], where),
                INFINITE if flexible == 'none' else int(flexible))

    def start(self, name, versions, flexible, jute=False, api=None):
        root = Field(name, '{}', versions, name)
        self.message = Message(name, root, versions, flexible, jute, api)
        self.messages.append(self.message)
        self.stack = [(0, root)]

    def field(self, words, indent, comment, where):
        if not self.stack:
            die(where, 'a field outside of a message')
        while self.stack[-1][0] >= indent:
            self.stack.pop()
        parent = self.stack[-1][1]
        if parent.kind != 'struct':
            die(where, f'{parent.name} has no fields')
        name, kind, *words = words
        versions = parent.versions
        if not self.message.jute:
            versions = Range.parse(words.pop(0), where).meet(versions)
            if not versions:
                die(where, f'{name} is in no version')
        field = Field(name, kind, versions, where)
        field.comment = comment
        while words:
            word = words.pop(0)
            if word in ('plain', 'secret', 'optional'):
                setattr(field, word, True)
            elif word in ('default', 'tag', 'most', 'nullable') and words:
                setattr(field, word, words.pop(0))
            else:
                die(where, f'what is "{word}"?')
        if field.tag is not None:
            field.tag = int(field.tag)
        if field.nullable:
            field.nullable = Range.parse(field.nullable, where).meet(versions)
        elif field.optional_null or self.message.jute:
            field.nullable = versions
        parent.fields.append(field)
        self.stack.append((indent, field))


def resolve(schemas):
    """Connect jute fields with the records they name."""
    by_name = {s.name: s for s in schemas}
    for schema in schemas:
        records = {}
        for name in schema.uses:
            if name not in by_name:
                die(schema.name, f'uses {name}, which is not there')
            records.update({m.name: m for m in by_name[name].messages})
        for message in schema.messages:
            resolve_fields(message, message.root.fields, records)
            records[message.name] = message


def resolve_fields(message, fields, records):
    for f in fields:
        if message.jute and 'jute_' + f.kind in records:
            f.ref, f.kind = records['jute_' + f.kind], 'struct'
        if f.kind not in SCALARS and f.kind not in BLOBS and f.kind != 'struct':
            die(f.where, f'no such type: {f.kind}')
        if f.single and message.jute:
            f.nullable = None
        resolve_fields(message, f.fields, records)


# -- the C code ----------------------------------------------------------------

class Out:
    """Lines with indentation."""

    def __init__(self):
        self.lines, self.depth = [], 0

    def __call__(self, text=''):
        if text.startswith('}'):
            self.depth -= 1
        self.lines.append('    ' * self.depth + text if text else '')
        if text.endswith('{'):
            self.depth += 1

    def text(self):
        return '\n'.join(self.lines) + '\n'


def groups(fields):
    """Runs of neighbours that are in the same versions."""
    runs = []
    for f in fields:
        if runs and (runs[-1][0].versions.low, runs[-1][0].versions.high) == \
                (f.versions.low, f.versions.high):
            runs[-1].append(f)
        else:
            runs.append([f])
    return runs


class Maker:
    """The functions of one message. `o` takes the C file, `h` the header."""

    def __init__(self, message, h, o):
        self.m, self.h, self.o = message, h, o
        self.within = message.versions

    # Names and small expressions

    def struct(self, path, field):
        return field.ref.name if field.ref else path + '_' + field.name

    def flex(self, within):
        if self.m.flexible > within.high:
            return 'false'
        return 'true' if self.m.flexible <= within.low \
            else f'version >= {self.m.flexible}'

    def compact(self, f, within):
        text = 'false' if f.plain else self.flex(within)
        return 'flex' if text.startswith('version') else text

    def null_test(self, f):
        return f.nullable.test(f.versions) if f.nullable else 'false'

    def default(self, f):
        """C initializer of a scalar's or blob's default; None: zero bytes."""
        d = f.default
        if f.kind in ('string', 'bytes'):
            if d == 'null' or (self.m.jute and d is None):
                return None
            return 'BYTES(%s)' % (d if d and d.startswith('"') else '""')
        if d is None or d in ('0', 'false', 'null'):
            return None
        if d == '-2147483648':
            return 'INT32_MIN'
        return d

    def smallest(self, f, fields, version):
        """Bytes of the smallest struct with these fields."""
        flexible = version >= self.m.flexible
        total = 1 if flexible else 0
        for c in fields:
            if version not in c.versions or c.tag is not None or c.optional:
                continue
            short = flexible and not c.plain
            if c.array or c.kind in ('bytes', 'records'):
                total += 1 if short else 4
            elif c.kind == 'string':
                total += 4 if self.m.jute else 1 if short else 2
            elif c.kind in SCALARS:
                total += SCALARS[c.kind][2]
            elif c.may_be_null():
                total += 1
            else:
                total += self.smallest(c, c.ref.root.fields if c.ref
                                       else c.fields, version)
        return total

    def element(self, f):
        """Bytes of the array's smallest element, as a C expression."""
        def of(version):
            flexible = version >= self.m.flexible
            if f.kind in SCALARS:
                return SCALARS[f.kind][2]
            if f.kind in BLOBS:
                return 4 if self.m.jute else 1 if flexible else \
                    2 if f.kind == 'string' else 4
            return max(1, self.smallest(f, f.ref.root.fields if f.ref
                                        else f.fields, version))
        text, last = '', None
        for version in range(f.versions.low, f.versions.high + 1):
            size = of(version)
            if size != last:
                text = f'version >= {version} ? {size} : {text}' if text \
                    else str(size)
            last = size
        return text

    # All of it

    def make(self):
        self.structs(self.m.name, self.m.root)
        self.prototypes()
        self.inits(self.m.name, self.m.root)
        for make in (self.reader, self.writer, self.printer, self.randoms):
            self.each(self.m.name, self.m.root, make)
        self.public()

    def each(self, path, field, make):
        for f in field.fields:
            if f.kind == 'struct' and not f.ref:
                self.each(path + '_' + f.name, f, make)
        make(path, field)

    def function(self, head, within, body):
        """A static function; unused parameters are named so."""
        inner = Out()
        inner.depth = 1
        body(inner)
        text = inner.text()
        uses = re.sub(r'"[^"]*"|->\w+', '', text)
        self.o('static ' + head)
        self.o('{')
        if re.search(r'\bflex\b', uses):
            self.o(f'const bool flex = {self.flex(within)};')
            self.o()
            uses += 'version'
        for name in re.findall(r'(\w+)(?:,|\))', head):
            if not re.search(rf'\b{name}\b', uses):
                self.o(f'(void){name};')
        self.o.lines += [l for l in text.rstrip('\n').split('\n') if l]
        self.o('}')
        self.o()

    def structs(self, path, field):
        for f in field.fields:
            if f.kind == 'struct' and not f.ref:
                self.structs(path + '_' + f.name, f)
        h = self.h
        h(f'struct {path} {{')
        for f in field.fields:
            if f.kind in SCALARS:
                kind = SCALARS[f.kind][0]
            elif f.kind in BLOBS:
                kind = BLOBS[f.kind]
            else:
                kind = 'struct ' + self.struct(path, f)
            star = '*' if f.array else ''
            note = self.note(f)
            h(f'{kind} {star}{f.c};{note}')
            if f.array:
                h(f'size_t n_{f.name};')
            if f.may_be_null() and (f.array or f.single):
                h(f'bool {f.name}_null;')
            if f.optional:
                h(f'bool has_{f.name}; /* the input had it */')
        if not field.fields:
            h('char nothing; /* no fields in any version */')
        h('};')
        h()

    def note(self, f):
        words = []
        if not self.m.jute:
            low, high = f.versions.low, f.versions.high
            words.append(f'{low}+' if high == self.m.versions.high
                         else str(low) if low == high else f'{low}-{high}')
        if f.tag is not None:
            words.append(f'tag {f.tag}')
        if f.may_be_null() and not self.m.jute:
            words.append('nullable')
        if f.default:
            words.append(f'default {f.default}')
        if f.comment:
            words.append(f.comment.replace('*/', ''))
        return f' /* {"; ".join(words)} */' if words else ''

    def prototypes(self):
        n, h = self.m.name, self.h
        version = '' if self.m.jute else 'int16_t version, '
        self.inits_declared(n, self.m.root)
        h(f'MUST_USE enum err {n}_read(struct rd *r, {version}'
          f'struct arena *arena, struct {n} *out);')
        h(f'void {n}_write(struct wr *w, {version}const struct {n} *in);')
        h(f'void {n}_print(FILE *f, {version}const struct {n} *in);')
        h(f'void {n}_random(struct wire_random *rnd, {version}'
          f'struct arena *arena, struct {n} *out);')
        h()

    def inits_declared(self, path, field):
        for f in field.fields:
            if f.kind == 'struct' and not f.ref:
                self.inits_declared(path + '_' + f.name, f)
        self.h(f'void {path}_init(struct {path} *m);')

    def inits(self, path, field):
        for f in field.fields:
            if f.kind == 'struct' and not f.ref:
                self.inits(path + '_' + f.name, f)
        self.o(f'void {path}_init(struct {path} *m)')
        self.o('{')
        self.o(f'memset(m, 0, sizeof *m);')
        for f in field.fields:
            if f.array or f.single:
                if f.single:
                    self.o(f'{self.struct(path, f)}_init(&m->{f.c});')
                if f.default == 'null':
                    self.o(f'm->{f.name}_null = true;')
            elif f.kind != 'records' and self.default(f) is not None:
                self.o(f'm->{f.c} = {self.default(f)};')
        self.o('}')
        self.o()

    def in_versions(self, o, fields, within, one):
        for run in groups(fields):
            test = run[0].versions.test(within)
            if test != 'true':
                o(f'if ({test}) {{')
            for f in run:
                one(f)
            if test != 'true':
                o('}')

    # Reading

    def reader(self, path, field):
        within = field.versions

        def body(o):
            o(f'{path}_init(m);')
            plain = [f for f in field.fields if f.tag is None]
            self.in_versions(o, plain, within,
                             lambda f: self.read_field(o, path, f, 'r'))
            if self.flex(within) != 'false':
                self.read_tags(o, path, field)
        self.function(f'void {path}_get(struct rd *r, int16_t version, '
                      f'struct arena *arena, struct {path} *m)', within, body)

    def read_field(self, o, path, f, r):
        compact, null = self.compact(f, f.versions), self.null_test(f)
        if f.optional:
            o(f'm->has_{f.name} = {r}->left > 0;')
            o(f'if (m->has_{f.name}) {{')
        if f.array:
            self.read_array(o, path, f, r, compact, null)
        elif f.single:
            self.read_struct(o, path, f, r, null)
        else:
            where = f'm->{f.c}' + ('.mem' if f.kind == 'records' else '')
            o(f'{where} = {self.read_value(f, r, compact, null)};')
        if f.optional:
            o('}')

    def read_value(self, f, r, compact, null):
        if f.kind in SCALARS:
            return f'rd_{SCALARS[f.kind][1]}({r})'
        if self.m.jute:
            return f'rd_jute({r}, SIZE_MAX)'
        name = 'string' if f.kind == 'string' else 'bytes'
        return f'rd_{name}({r}, {compact}, {null})'

    def read_array(self, o, path, f, r, compact, null):
        n, flag = f'm->n_{f.name}', f'm->{f.name}_null'
        is_null = {'false': 'NULL', 'true': f'&{flag}'}.get(
            null, f'{null} ? &{flag} : NULL')
        if f.default == 'null':
            o(f'{flag} = false;')
        o(f'{n} = rd_count({r}, {compact}, {self.element(f)}, '
          f'{f.most or "INT32_MAX"}, {is_null});')
        o(f'm->{f.c} = wire_array({r}, arena, {n}, sizeof *m->{f.c});')
        o(f'if (m->{f.c} == NULL)')
        o(f'    {n} = 0;')
        o(f'for (size_t i = 0; i < {n} && {r}->err == ERR_OK; i++)')
        if f.kind == 'struct':
            o(f'    {self.get_call(path, f, r, f"m->{f.c}[i]")};')
        else:
            o(f'    m->{f.c}[i] = '
              f'{self.read_value(f, r, compact, "false")};')

    def get_call(self, path, f, r, where):
        if f.ref:
            return f'rd_fail({r}, {f.ref.name}_read({r}, arena, &{where}))'
        return f'{self.struct(path, f)}_get({r}, version, arena, &{where})'

    def read_struct(self, o, path, f, r, null):
        call = self.get_call(path, f, r, f'm->{f.c}')
        if null == 'false':
            o(call + ';')
            return
        o(f'm->{f.name}_null = {null} && rd_i8({r}) < 0;')
        o(f'if (!m->{f.name}_null)')
        o(f'    {call};')

    def read_tags(self, o, path, field):
        tagged = [f for f in field.fields if f.tag is not None]
        test = self.flex(field.versions)
        if not tagged:
            if test != 'true':
                o('if (flex)')
                o('    rd_skip_tags(r);')
            else:
                o('rd_skip_tags(r);')
            return
        count = 'rd_uvarint(r)' if test == 'true' else 'flex ? rd_uvarint(r) : 0'
        o(f'for (uint32_t n = {count}; n > 0 && r->err == ERR_OK; n--) {{')
        o('uint32_t tag = rd_uvarint(r);')
        o('struct rd t = wire_tag_open(r);')
        o()
        for i, f in enumerate(tagged):
            test = f.versions.test(Range(max(self.m.flexible, field.versions.low),
                                         field.versions.high))
            also = '' if test == 'true' else f' && {test}'
            o(('} else ' if i else '') + f'if (tag == {f.tag}{also}) {{')
            self.read_field(o, path, f, '(&t)')
            o('wire_tag_close(r, &t);')
        o('}')
        o('}')

    # Writing

    def writer(self, path, field):
        within = field.versions
        tagged = [f for f in field.fields if f.tag is not None]

        def body(o):
            plain = [f for f in field.fields if f.tag is None]
            self.in_versions(o, plain, within,
                             lambda f: self.write_field(o, path, f))
            test = self.flex(within)
            if test == 'false':
                return
            if test != 'true':
                o('if (flex) {')
            if tagged:
                self.write_tags(o, path, field, tagged)
            else:
                o('wr_uvarint(w, 0);')
            if test != 'true':
                o('}')
        for f in tagged:
            if f.single:
                self.is_default(self.struct(path, f), f)
        self.function(f'void {path}_put(struct wr *w, int16_t version, '
                      f'const struct {path} *m)', within, body)

    def is_default(self, path, field):
        tests = [self.is_set(path, f) for f in field.fields]
        self.o(f'static bool {path}_is_set(const struct {path} *m)')
        self.o('{')
        self.o('return ' + ' || '.join(tests) + ';')
        self.o('}')
        self.o()

    def is_set(self, path, f, c='m->'):
        """True when the field differs from its default."""
        x, d = c + f.c, self.default(f)
        if f.array:
            null = f'{c}{f.name}_null'
            if f.default == 'null':
                return f'!{null}'
            return f'{x}_n > 0 || {null}'.replace(f'{x}_n', f'{c}n_{f.name}') \
                if f.may_be_null() else f'{c}n_{f.name} > 0'
        if f.single:
            return f'{self.struct(path, f)}_is_set(&{x})'
        if f.kind == 'records':
            return f'{x}.mem.at != NULL || {x}.file != NULL'
        if f.kind in ('string', 'bytes'):
            return f'{x}.at != NULL' if f.default == 'null' else \
                f'!bytes_equal(wire_present({x}, {self.null_test(f)}), {d})'
        if f.kind == 'uuid':
            return f'!uuid_is_zero({x})'
        if f.kind == 'bool':
            return f'!{x}' if d else x
        return f'{x} != {d or 0}'

    def write_tags(self, o, path, field, tagged):
        within = Range(max(self.m.flexible, field.versions.low),
                       field.versions.high)
        names = []
        for f in tagged:
            test = f.versions.test(within)
            set_ = self.is_set(path, f)
            if test != 'true':
                set_ = f'{test} && ({set_})'
            names.append(f'has_{f.name}')
            o(f'const bool has_{f.name} = {set_};')
        o()
        o('wr_uvarint(w, 0u' + ''.join(f' + {n}' for n in names) + ');')
        for f in sorted(tagged, key=lambda f: f.tag):
            o(f'if (has_{f.name}) {{')
            o(f'size_t begin = wire_tag_begin(w, {f.tag});')
            o()
            self.write_field(o, path, f)
            o('wire_tag_end(w, begin);')
            o('}')

    def write_field(self, o, path, f):
        compact, null = self.compact(f, f.versions), self.null_test(f)
        if f.optional:
            o(f'if (m->has_{f.name}) {{')
        if f.array:
            flag = 'false' if null == 'false' else f'm->{f.name}_null'
            if null not in ('false', 'true'):
                flag = f'{null} && {flag}'
            o('{')
            o(f'const size_t n = wire_count(w, {compact}, m->n_{f.name}, {flag});')
            o()
            o(f'for (size_t i = 0; i < n; i++)')
            if f.kind == 'struct':
                o(f'    {self.put_call(path, f, f"m->{f.c}[i]")};')
            else:
                o(f'    {self.write_value(f, f"m->{f.c}[i]", compact, "false")};')
            o('}')
        elif f.single and null != 'false':
            flag = f'm->{f.name}_null'
            o(f'wr_i8(w, {flag} ? -1 : 1);')
            o(f'if (!{flag})')
            o(f'    {self.put_call(path, f, f"m->{f.c}")};')
        elif f.single:
            o(f'{self.put_call(path, f, f"m->{f.c}")};')
        else:
            o(f'{self.write_value(f, f"m->{f.c}", compact, null)};')
        if f.optional:
            o('}')

    def put_call(self, path, f, where):
        if f.ref:
            return f'{f.ref.name}_write(w, &{where})'
        return f'{self.struct(path, f)}_put(w, version, &{where})'

    def write_value(self, f, x, compact, null):
        if f.kind in SCALARS:
            return f'wr_{SCALARS[f.kind][1]}(w, {x})'
        if self.m.jute:
            return f'wr_jute(w, {x})'
        if f.kind == 'records':
            return f'wire_records_write(w, {compact}, {null}, &{x})'
        if null != 'true':
            x = f'wire_present({x}, {null})'
        return f'wr_{f.kind}(w, {compact}, {x})'

    # Printing

    def printer(self, path, field):
        def body(o):
            if field.fields:
                o('bool first = true;')
                o()
            o("fputc('{', f);")
            self.in_versions(o, field.fields, field.versions,
                             lambda f: self.print_field(o, path, f))
            o("fputc('}', f);")
        self.function(f'void {path}_show(FILE *f, int16_t version, '
                      f'const struct {path} *m)', field.versions, body)

    def print_field(self, o, path, f):
        skip = []
        if f.tag is not None:
            skip.append(self.is_set(path, f))
        if f.optional:
            skip.append(f'm->has_{f.name}')
        if skip:
            o(f'if ({" && ".join(skip)}) {{')
        name = f'"{f.json}"'
        if f.kind == 'records':  # Kafka's converter names them so
            name = (f'{self.is_set(path, f)} ? "{f.json}SizeInBytes" : {name}')
        o(f'wire_print_name(f, &first, {name});')
        if f.array or f.single:
            if f.may_be_null():
                o(f'if (m->{f.name}_null) {{')
                o('fputs("null", f);')
                o('} else {')
            if f.array:
                o("fputc('[', f);")
                o(f'for (size_t i = 0; i < m->n_{f.name}; i++) {{')
                o('if (i > 0)')
                o("    fputc(',', f);")
                o(self.print_value(path, f, f'm->{f.c}[i]'))
                o('}')
                o("fputc(']', f);")
            else:
                o(self.print_value(path, f, f'm->{f.c}'))
            if f.may_be_null():
                o('}')
        else:
            o(self.print_value(path, f, f'm->{f.c}'))
        if skip:
            o('}')

    def print_value(self, path, f, x):
        if f.kind == 'struct':
            if f.ref:
                return f'{f.ref.name}_print(f, &{x});'
            return f'{self.struct(path, f)}_show(f, version, &{x});'
        if f.secret:
            return f'wire_print_secret(f, {x});'
        if f.kind in ('string', 'bytes'):
            return f'wire_print_{f.kind}(f, {x});'
        if f.kind == 'records':
            return f'wire_print_records(f, &{x});'
        if f.kind == 'bool':
            return f'fputs({x} ? "true" : "false", f);'
        if f.kind == 'uuid':
            return f'wire_print_uuid(f, {x});'
        if f.kind == 'float64':
            return f'wire_print_float(f, {x});'
        return f'fprintf(f, "%lld", (long long){x});'

    # Random values

    def randoms(self, path, field):
        def body(o):
            o(f'{path}_init(m);')
            self.in_versions(o, field.fields, field.versions,
                             lambda f: self.random_field(o, path, f))
        self.function(f'void {path}_fill(struct wire_random *rnd, '
                      f'int16_t version, struct arena *arena, '
                      f'struct {path} *m)', field.versions, body)

    def random_field(self, o, path, f):
        null = self.null_test(f)
        block = f.tag is not None or f.optional
        if f.optional:
            o(f'm->has_{f.name} = wire_random_bool(rnd);')
            o(f'if (m->has_{f.name}) {{')
        elif block:
            o('if (wire_random_bool(rnd)) {')
        if f.array or f.single:
            if null != 'false':
                o(f'm->{f.name}_null = {null} && wire_random_bool(rnd);')
                o(f'if (!m->{f.name}_null) {{')
            if f.array:
                o(f'm->n_{f.name} = wire_random_array(rnd, arena, '
                  f'sizeof *m->{f.c}, &m->{f.c});')
                o(f'for (size_t i = 0; i < m->n_{f.name}; i++)')
                o('    ' + self.random_value(path, f, f'm->{f.c}[i]', 'false'))
            else:
                o(self.random_value(path, f, f'm->{f.c}', 'false'))
            if null != 'false':
                o('}')
        else:
            o(self.random_value(path, f, f'm->{f.c}', null))
        if block:
            o('}')

    def random_value(self, path, f, x, null):
        if f.kind == 'struct':
            if f.ref:
                return f'{f.ref.name}_random(rnd, arena, &{x});'
            return f'{self.struct(path, f)}_fill(rnd, version, arena, &{x});'
        if f.kind in BLOBS:
            name = 'string' if f.kind == 'string' else 'bytes'
            member = '.mem' if f.kind == 'records' else ''
            return f'{x}{member} = wire_random_{name}(rnd, arena, {null});'
        kind, _, _, bits = SCALARS[f.kind]
        if bits:
            return f'{x} = ({kind})wire_random_int(rnd, {bits});'
        name = {'float64': 'float'}.get(f.kind, f.kind)
        return f'{x} = wire_random_{name}(rnd);'

    # The public functions

    def public(self):
        n, o, jute = self.m.name, self.o, self.m.jute
        version = '' if jute else 'int16_t version, '
        pass_ = '0' if jute else 'version'
        o(f'enum err {n}_read(struct rd *r, {version}struct arena *arena, '
          f'struct {n} *out)')
        o('{')
        if not jute:
            low, high = self.m.versions.low, self.m.versions.high
            o(f'if (version < {low} || version > {high})')
            o('    rd_fail(r, ERR_VERSION);')
        o('if (r->err == ERR_OK)')
        o(f'    {n}_get(r, {pass_}, arena, out);')
        o('return r->err;')
        o('}')
        o()
        o(f'void {n}_write(struct wr *w, {version}const struct {n} *in)')
        o('{')
        o(f'{n}_put(w, {pass_}, in);')
        o('}')
        o()
        o(f'void {n}_print(FILE *f, {version}const struct {n} *in)')
        o('{')
        o(f'{n}_show(f, {pass_}, in);')
        o('}')
        o()
        o(f'void {n}_random(struct wire_random *rnd, {version}'
          f'struct arena *arena, struct {n} *out)')
        o('{')
        o(f'{n}_fill(rnd, {pass_}, arena, out);')
        o('}')
        o()


# -- files ---------------------------------------------------------------------

def save(path, text):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def make_messages(out, schema):
    h, o = Out(), Out()
    guard = f'GREGOR_WIRE_MSG_{schema.name.upper()}_H'
    h(f'/* msg_{schema.name}.h - {schema.title}')
    h(f' * Made from lib/wire/schema/{schema.name}.txt; see wire/message.h. */')
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
