/* codec.c - our side of the codec comparison: a program that makes and
 * repeats messages, led over stdin by JudgeKafka.java or JudgeJute.java.
 *
 * Numbers are big-endian. Commands, and what comes back on stdout:
 *
 *   L                                   u16 n, then n times
 *                                       u8 kind ('k' Kafka's, 'h' and hidden,
 *                                       'j' jute), text name, i16 min, max
 *   G text kind and name, i16 version,  u32 n times
 *     u32 n, u64 seed                   u32 length, bytes; u32 length, JSON
 *   E text kind and name, i16 version,  u32 n times: u8 error;
 *     u32 n, n times u32 length, bytes  u32 length, bytes; u32 length, JSON
 *
 * A text is a u16 length and bytes. E reads each message and writes it again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "wire/apis.h"

enum { ARENA_BYTES = 16 << 20 };

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "codec: %s\n", what);
        exit(2);
    }
}

static uint64_t in_number(size_t bytes)
{
    uint64_t v = 0;

    while (bytes-- > 0) {
        int c = getchar();

        need(c != EOF, "the judge has gone");
        v = v << 8 | (uint64_t)c;
    }
    return v;
}

static void in_name(char name[static 128])
{
    size_t len = in_number(2);

    need(len < 128 && fread(name, 1, len, stdin) == len, "a name is missing");
    name[len] = '\0';
}

static void out_blob(struct wr *out, const void *p, size_t len)
{
    wr_u32(out, (uint32_t)len);
    wr_raw(out, p, len);
}

static void out_flush(struct wr *out)
{
    need(out->err == ERR_OK, "too much to write");
    need(fwrite(out->data, 1, out->len, stdout) == out->len, "stdout");
    fflush(stdout);
    out->len = 0;
}

typedef void each_fn(char kind, const struct wire_message *message, void *arg);

static void each(each_fn *fn, void *arg)
{
    for (size_t i = 0; i < n_wire_apis; i++) {
        char kind = wire_apis[i].hidden ? 'h' : 'k';

        fn(kind, &wire_apis[i].request, arg);
        fn(kind, &wire_apis[i].response, arg);
    }
    for (size_t i = 0; i < n_wire_record_messages; i++)
        fn('k', &wire_record_messages[i], arg);
    for (size_t i = 0; i < n_jute_messages; i++)
        fn('j', &jute_messages[i], arg);
}

struct search {
    const char *name;
    char kind;
    const struct wire_message *found;
};

static void is_it(char kind, const struct wire_message *message, void *arg)
{
    struct search *search = arg;

    if (kind == search->kind && strcmp(message->name, search->name) == 0)
        search->found = message;
}

static const struct wire_message *in_message(void)
{
    char name[128];

    in_name(name);
    need(name[0] != '\0', "a name is empty");
    struct search search = { name + 1, name[0], NULL };
    each(is_it, &search);
    need(search.found != NULL, name);
    return search.found;
}

static void list_one(char kind, const struct wire_message *message, void *arg)
{
    struct wr *out = arg;

    wr_u8(out, (uint8_t)kind);
    wr_string(out, false, bytes_of(message->name));
    wr_i16(out, message->min);
    wr_i16(out, message->max);
}

static void list(struct wr *out)
{
    wr_u16(out, (uint16_t)(n_wire_apis * 2 + n_wire_record_messages +
                           n_jute_messages));
    each(list_one, out);
}

/* The message as bytes and as JSON. */
static void show(struct wr *out, const struct wire_message *message,
                 int16_t version, const void *m)
{
    struct wr w;
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    wr_init(&w, ARENA_BYTES);
    message->write(&w, version, m);
    need(w.err == ERR_OK, "a message does not fit");
    need(f != NULL, "no memory");
    message->print(f, version, m);
    need(fclose(f) == 0, "no memory");
    out_blob(out, w.data, w.len);
    out_blob(out, text, size);
    free(text);
    wr_fini(&w);
}

static void generate(struct wr *out)
{
    const struct wire_message *message = in_message();
    int16_t version = (int16_t)in_number(2);
    size_t n = in_number(4);
    struct wire_random rnd = { in_number(8) };
    void *m = mem_need(message->size);
    struct arena arena;

    arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < n; i++) {
        message->random(&rnd, version, &arena, m);
        need(arena.err == ERR_OK, "the arena is full");
        show(out, message, version, m);
        arena_reset(&arena);
    }
    arena_fini(&arena);
    mem_free(m);
}

static void repeat(struct wr *out)
{
    const struct wire_message *message = in_message();
    int16_t version = (int16_t)in_number(2);
    size_t n = in_number(4);
    void *m = mem_need(message->size);
    struct arena arena;

    arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < n; i++) {
        size_t len = in_number(4);
        uint8_t *p = malloc(len ? len : 1);
        struct rd r = { p, len, ERR_OK };

        need(p != NULL && fread(p, 1, len, stdin) == len, "bytes are missing");
        enum err err = message->read(&r, version, &arena, m);
        if (err == ERR_OK && r.left > 0)
            err = ERR_FORMAT;
        wr_u8(out, (uint8_t)err);
        if (err == ERR_OK) {
            show(out, message, version, m);
        } else {
            out_blob(out, NULL, 0);
            out_blob(out, NULL, 0);
        }
        free(p);
        arena_reset(&arena);
    }
    arena_fini(&arena);
    mem_free(m);
}

int main(void)
{
    struct wr out;
    int command;

    wr_init(&out, (size_t)1 << 30);
    while ((command = getchar()) != EOF) {
        need(command == 'L' || command == 'G' || command == 'E', "a command");
        if (command == 'L')
            list(&out);
        else if (command == 'G')
            generate(&out);
        else
            repeat(&out);
        out_flush(&out);
    }
    wr_fini(&out);
    return 0;
}
