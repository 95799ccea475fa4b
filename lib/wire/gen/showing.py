"""From structs to JSON, for people; and random structs, for tests."""
from .pieces import Pieces
from .schema import BLOBS, SCALARS


class Showing(Pieces):
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
