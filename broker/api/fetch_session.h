/* fetch_session.h - what a fetcher told us before, so that it need not again.
 *
 * A session (KIP-227) remembers the partitions a fetcher wants and what it was
 * told last of each. An incremental Fetch names only what changed; its answer
 * holds only partitions that have something to say.
 *
 *     sessions ── id ──▶ session ── (topic, index) ──▶ part ⇄ part ⇄ part
 *                         ring in order of service: who got records goes last
 *
 * Sessions are few and bounded (slots); so is the memory of all their parts.
 * Who comes when all slots are taken may push out one that was unused for two
 * minutes, or a smaller one that is older than that; followers may push out
 * consumers.
 *
 * Threads: any. Requests copy what they need into their arena; parts are looked
 * at under the session's lock only.
 */
#ifndef GREGOR_FETCH_SESSION_H
#define GREGOR_FETCH_SESSION_H

#include "base/bytes.h"
#include "base/mem.h"
#include "wire/msg_fetch.h"

struct fetch_sessions;
struct fetch_session;
struct fetch_part;

enum {
    FETCH_SESSION_STALE_MS = 120000,        /* unused: may go */
    FETCH_SESSION_BYTES = 64 * 1024 * 1024, /* all parts together */
};

/* At most `slots` sessions; 0: every fetch is answered without one. */
struct fetch_sessions *fetch_sessions_new(size_t slots);
/* When no context is open. Leaves NULL; NULL is fine. */
void fetch_sessions_free(struct fetch_sessions **out);
/* Of the moment; any thread. */
size_t fetch_sessions_count(struct fetch_sessions *sessions);

/* One partition that a request wants, whether it or the session named it. */
struct fetch_want {
    struct bytes topic; /* in the arena; null: the id is not known */
    struct uuid id;     /* zero below v13 */
    int32_t partition;
    int32_t current_epoch;      /* -1 not told */
    int32_t last_fetched_epoch; /* -1 not told */
    int32_t max_bytes;
    int64_t offset;
    int64_t log_start;       /* followers'; -1 not told */
    struct fetch_part *part; /* the session's; for fetch_context_*() only */
};

enum fetch_kind {
    FETCH_SESSIONLESS,   /* answer all, keep nothing */
    FETCH_FULL,          /* answer all, then try to open a session */
    FETCH_INCREMENTAL,   /* answer what changed */
    FETCH_SESSION_ERROR, /* answer `error` and nothing else */
};

struct fetch_context {
    enum fetch_kind kind;
    int16_t error;
    bool follower;
    bool by_id;                    /* v13+ */
    int32_t epoch;                 /* of the request */
    struct fetch_session *session; /* incremental: a reference */
    struct fetch_want *wants;      /* in the arena, in order of service */
    size_t n_wants;
};

/* Gives the name of a topic id as it is now, in the arena; null: unknown. */
typedef struct bytes fetch_name_fn(void *context, struct uuid id,
                                   struct arena *arena);

/* Understand a request: check its session, take in what it adds, changes and
 * forgets, and list all it wants. ERR_NOMEM, ERR_LIMIT: the arena is full. To
 * be followed by fetch_context_close(), also after an error. */
MUST_USE enum err fetch_context_open(struct fetch_sessions *sessions,
                                     const struct wire_fetch_request *request,
                                     int16_t version, bool follower,
                                     fetch_name_fn *name, void *name_context,
                                     struct arena *arena, int64_t now_ms,
                                     struct fetch_context *context);

/* What an answer is about to say of wants[i]. */
struct fetch_told {
    int16_t error;
    bool has_records;
    bool diverging; /* a diverging epoch or a preferred replica */
    int64_t high_watermark;
    int64_t log_start;
};

/* The answer is ready: `told[i]` for wants[i]. Says for each whether it goes
 * into the answer, opens a session for a full request, and gives top-level
 * error and session id. */
void fetch_context_answer(struct fetch_sessions *sessions,
                          struct fetch_context *context,
                          const struct fetch_told *told, bool *include,
                          int64_t now_ms, int16_t *error, int32_t *session_id);

/* Gives back its session; what lies in the arena stays. */
void fetch_context_close(struct fetch_context *context);

#endif
