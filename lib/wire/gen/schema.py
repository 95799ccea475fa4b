"""What the schema texts say: the language, and its reader.

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
        """The name in C."""
        return self.name + '_' if self.name in KEYWORDS else self.name

    @property
    def single(self):
        return self.kind == 'struct' and not self.array

    @property
    def members(self):
        """The fields of a struct, also of a named one."""
        return self.ref.root.fields if self.ref else self.fields

    @property
    def json(self):
        """Kafka's name in camel case."""
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
        """Kafka's name, e.g. LeaderAndIsr."""
        return ''.join(w.capitalize() for w in self.name.split('_'))


class Schema:
    """One file: its messages in order, and what it uses."""

    def __init__(self, path):
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.apis, self.messages, self.uses = [], [], []
        self.stack, self.message = [], None
        self.about = []  # the comment on top
        with open(path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                where = f'{path}:{number}'
                text, _, comment = line.partition('#')
                if text.strip():
                    try:
                        self.line(text.rstrip(), comment.strip(), where)
                    except (IndexError, ValueError):
                        die(where, f'cannot be read: {text.strip()}')
                elif not self.messages and not self.apis and not self.uses:
                    self.about.append(comment.strip())

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
