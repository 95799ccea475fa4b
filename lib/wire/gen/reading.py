"""From bytes to structs."""
from .pieces import Pieces
from .schema import SCALARS, Range


class Reading(Pieces):
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
