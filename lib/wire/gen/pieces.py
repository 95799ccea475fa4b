"""Pieces of C that every part of a message is made of."""
import re

from .schema import BLOBS, SCALARS


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


class Pieces:
    """A message under way: `o` takes its C file, `h` its header.

    A `path` is the name of a C struct, `within` the versions in which the code
    that is being made can run.
    """

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

    def smallest(self, fields, version):
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
                total += self.smallest(c.members, version)
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
            return max(1, self.smallest(f.members, version))

        text, last = '', None
        for version in range(f.versions.low, f.versions.high + 1):
            size = of(version)
            if size != last:
                text = f'version >= {version} ? {size} : {text}' if text \
                    else str(size)
            last = size
        return text

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

    def in_versions(self, o, fields, within, one):
        for run in groups(fields):
            test = run[0].versions.test(within)
            if test != 'true':
                o(f'if ({test}) {{')
            for f in run:
                one(f)
            if test != 'true':
                o('}')

    def is_set(self, path, f, c='m->'):
        """True when the field differs from its default."""
        x, d = c + f.c, self.default(f)
        if f.array:
            some, null = f'{c}n_{f.name} > 0', f'{c}{f.name}_null'
            if f.default == 'null':
                return f'!{null}'
            return f'{some} || {null}' if f.may_be_null() else some
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
