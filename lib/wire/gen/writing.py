"""From structs to bytes."""
from .pieces import Pieces
from .schema import SCALARS, Range


class Writing(Pieces):
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
