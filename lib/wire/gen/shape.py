"""The structs of a message, their defaults, and the functions others call."""
from .pieces import Pieces
from .schema import BLOBS, SCALARS


class Shape(Pieces):
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
