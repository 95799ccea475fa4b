/* fuzz_messages.h - what the fuzzers of generated messages share.
 *
 * What a reader accepts, the writer must be able to write so that it is read
 * and written again as the same bytes; and the printer must be able to show it.
 * Every eighth mutation starts over from a random valid message, so that deep
 * structures are reached without a corpus.
 */
#ifndef GREGOR_TESTS_FUZZ_MESSAGES_H
#define GREGOR_TESTS_FUZZ_MESSAGES_H

#include <stdlib.h>

#include "wire/message.h"

enum { FUZZ_ARENA_BYTES = 16 << 20, FUZZ_WRITE_BYTES = 16 << 20 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

static inline void fuzz_must(bool ok)
{
    if (!ok)
        abort();
}

/* Read, write, read, write, print. */
static inline void fuzz_message(const struct wire_message *message,
                                int16_t version, struct bytes input)
{
    static FILE *nowhere;
    struct rd r = rd_make(input);
    struct arena arena;
    struct wr first, second;
    void *m = mem_need(message->size);

    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    arena_init(&arena, FUZZ_ARENA_BYTES);
    wr_init(&first, FUZZ_WRITE_BYTES);
    wr_init(&second, FUZZ_WRITE_BYTES);
    if (message->read(&r, version, &arena, m) == ERR_OK) {
        message->print(nowhere, version, m);
        message->write(&first, version, m);
        fuzz_must(first.err == ERR_OK);
        arena_reset(&arena);
        r = rd_make(bytes_make(first.data, first.len));
        fuzz_must(message->read(&r, version, &arena, m) == ERR_OK);
        fuzz_must(r.left == 0);
        message->write(&second, version, m);
        fuzz_must(first.len == second.len);
        fuzz_must(first.len == 0 ||
                  memcmp(first.data, second.data, first.len) == 0);
    } else {
        fuzz_must(r.err != ERR_OK);
    }
    arena_fini(&arena);
    wr_fini(&first);
    wr_fini(&second);
    mem_free(m);
}

/* A random valid message of at most `most` bytes, or nothing. */
static inline size_t fuzz_fresh(const struct wire_message *message,
                                int16_t version, uint64_t seed, uint8_t *data,
                                size_t most)
{
    struct wire_random rnd = { seed };
    struct arena arena;
    struct wr w;
    void *m = mem_need(message->size);

    arena_init(&arena, FUZZ_ARENA_BYTES);
    wr_init(&w, most);
    message->random(&rnd, version, &arena, m);
    message->write(&w, version, m);
    size_t size = w.err == ERR_OK ? w.len : 0;
    if (size)
        memcpy(data, w.data, size);
    arena_fini(&arena);
    wr_fini(&w);
    mem_free(m);
    return size;
}

#endif
