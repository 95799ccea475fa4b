/* topic_plan.c - rules for names and assignments of topics. */
#include "api/topic_plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/errors.h"

/* Replicas are compared with each other, so their count is bounded. */
enum { TOPIC_NAME_MOST = 249, REPLICAS_MOST = 1000 };

static bool topic_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

int16_t topic_name_check(struct bytes name, struct errmsg *why)
{
    if (name.len == 0) {
        err_set(why, ERR_INVALID,
                "Topic name is invalid: the empty string is "
                "not allowed");
        return KAFKA_INVALID_TOPIC_EXCEPTION;
    }
    if (bytes_is(name, ".") || bytes_is(name, "..")) {
        err_set(why, ERR_INVALID,
                "Topic name is invalid: '%.*s' is not allowed",
                BYTES_ARG(name));
        return KAFKA_INVALID_TOPIC_EXCEPTION;
    }
    if (name.len > TOPIC_NAME_MOST) {
        err_set(why, ERR_INVALID,
                "Topic name is invalid: the length of '%.*s' "
                "is longer than the max allowed length %d",
                BYTES_ARG(name), TOPIC_NAME_MOST);
        return KAFKA_INVALID_TOPIC_EXCEPTION;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (topic_char(name.at[i]))
            continue;
        err_set(why, ERR_INVALID,
                "Topic name is invalid: '%.*s' contains one or "
                "more characters other than ASCII alphanumerics, '.', '_' and "
                "'-'",
                BYTES_ARG(name));
        return KAFKA_INVALID_TOPIC_EXCEPTION;
    }
    return KAFKA_NONE;
}

bool topic_is_internal(struct bytes name)
{
    return bytes_is(name, "__consumer_offsets") ||
           bytes_is(name, "__transaction_state");
}

void topic_plan_fail(struct topic_plan *plan, struct arena *arena,
                     int16_t error, const struct errmsg *why)
{
    plan->error = error;
    plan->message = why && why->text[0] ? arena_copy(arena, bytes_of(why->text))
                                        : BYTES_NULL;
}

/* -- assignment ----------------------------------------------------------- */

struct racks {
    const struct meta_broker **brokers; /* in the order leaders go round */
    size_t n;
    size_t n_racks;
    bool aware; /* each broker names a rack */
};

static int by_rack_and_id(const void *a, const void *b)
{
    const struct meta_broker *x = *(const struct meta_broker *const *)a;
    const struct meta_broker *y = *(const struct meta_broker *const *)b;
    int c = strcmp(x->rack, y->rack);

    return c ? c : (x->id > y->id) - (x->id < y->id);
}

/* Reorder brokers sorted by rack so that racks alternate: the first of each
 * rack, then the second of each, and so on. */
static void racks_alternate(struct racks *racks, const struct meta_broker **out)
{
    size_t at = 0;

    for (size_t round = 0; at < racks->n; round++) {
        size_t nth = 0;

        for (size_t i = 0; i < racks->n; i++) {
            if (i > 0 && strcmp(racks->brokers[i]->rack,
                                racks->brokers[i - 1]->rack) != 0)
                nth = 0;
            if (nth++ == round)
                out[at++] = racks->brokers[i];
        }
    }
}

static bool racks_init(struct racks *racks, struct arena *arena,
                       const struct meta_cluster *cluster)
{
    const struct meta_broker **list, **order;

    *racks = (struct racks){ .n = cluster->n_brokers, .aware = true };
    list = arena_array(arena, racks->n + 1, sizeof(*list));
    order = arena_array(arena, racks->n + 1, sizeof(*order));
    if (list == NULL || order == NULL)
        return false;
    for (size_t i = 0; i < racks->n; i++) {
        list[i] = &cluster->brokers[i];
        if (list[i]->rack == NULL)
            racks->aware = false;
    }
    racks->brokers = list;
    if (!racks->aware)
        return true;
    qsort(list, racks->n, sizeof(*list), by_rack_and_id);
    for (size_t i = 0; i < racks->n; i++) {
        if (i == 0 || strcmp(list[i]->rack, list[i - 1]->rack) != 0)
            racks->n_racks++;
    }
    racks_alternate(racks, order);
    racks->brokers = order;
    return true;
}

/* Whether `broker` may be the next replica: it is none yet, and its rack holds
 * none while other racks are still without. */
static bool replica_fits(const struct racks *racks, const int32_t *replicas,
                         size_t n, const struct meta_broker *broker)
{
    size_t used_racks = 0;
    bool rack_taken = false;

    for (size_t i = 0; i < n; i++) {
        if (replicas[i] == broker->id)
            return false;
    }
    if (!racks->aware)
        return true;
    for (size_t i = 0; i < racks->n; i++) {
        const struct meta_broker *b = racks->brokers[i];
        bool is_replica = false, seen = false;

        for (size_t j = 0; j < n; j++)
            is_replica |= replicas[j] == b->id;
        if (!is_replica)
            continue;
        rack_taken |= strcmp(b->rack, broker->rack) == 0;
        for (size_t k = 0; k < i; k++) {
            bool before = false;

            for (size_t j = 0; j < n; j++)
                before |= replicas[j] == racks->brokers[k]->id;
            seen |= before && strcmp(racks->brokers[k]->rack, b->rack) == 0;
        }
        used_racks += !seen;
    }
    return !rack_taken || used_racks == racks->n_racks;
}

static void assign_one(const struct racks *racks, int32_t *replicas,
                       size_t factor, uint64_t leader, uint64_t shift)
{
    size_t n = racks->n;
    size_t count = 1;

    replicas[0] = racks->brokers[leader % n]->id;
    for (uint64_t step = 0; count < factor; step++) {
        uint64_t at = leader + 1 + (shift + step) % (n - 1);
        const struct meta_broker *broker = racks->brokers[at % n];

        if (replica_fits(racks, replicas, count, broker))
            replicas[count++] = broker->id;
    }
}

int16_t topic_assign(struct arena *arena, const struct meta_cluster *cluster,
                     int64_t n_partitions, int64_t factor,
                     int32_t first_partition, uint32_t start, uint32_t shift,
                     struct znode_replicas *out, struct errmsg *why)
{
    struct racks racks;
    uint64_t shift_now = shift;

    if (n_partitions <= 0) {
        err_set(why, ERR_INVALID,
                "Number of partitions must be larger than 0.");
        return KAFKA_INVALID_PARTITIONS;
    }
    if (factor <= 0) {
        err_set(why, ERR_INVALID, "Replication factor must be larger than 0.");
        return KAFKA_INVALID_REPLICATION_FACTOR;
    }
    if ((uint64_t)factor > cluster->n_brokers) {
        err_set(why, ERR_INVALID,
                "Replication factor: %lld larger than available "
                "brokers: %zu.",
                (long long)factor, cluster->n_brokers);
        return KAFKA_INVALID_REPLICATION_FACTOR;
    }
    int32_t *all =
        arena_array(arena, (size_t)n_partitions * (size_t)factor, sizeof(*all));
    if (all == NULL || !racks_init(&racks, arena, cluster)) {
        err_set(why, ERR_NOMEM, "Too many partitions for one request.");
        return KAFKA_INVALID_PARTITIONS;
    }
    for (int64_t i = 0; i < n_partitions; i++) {
        uint64_t p = (uint64_t)i + (uint64_t)first_partition;

        if (p > 0 && p % racks.n == 0)
            shift_now++;
        out[i] = (struct znode_replicas){
            .partition = (int32_t)p,
            .replicas = all + i * factor,
            .n_replicas = (size_t)factor,
        };
        assign_one(&racks, out[i].replicas, (size_t)factor, p + start,
                   shift_now);
    }
    return KAFKA_NONE;
}

/* Text that grows piece by piece; what does not fit is left out. */
struct text {
    char at[400];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void
text_add(struct text *text, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text->at + text->len, sizeof text->at - text->len, format,
                  args);
    va_end(args);
    text->len += n < 0 ? 0u : (size_t)n;
    if (text->len >= sizeof text->at)
        text->len = sizeof text->at - 1;
}

void topic_replicas_show(const struct znode_replicas *p, char *text,
                         size_t size)
{
    struct text list = { "", 0 };

    for (size_t i = 0; i < p->n_replicas && i < REPLICAS_MOST; i++)
        text_add(&list, "%s%d", i > 0 ? ", " : "", p->replicas[i]);
    snprintf(text, size, "%s", list.at);
}

bool topic_replicas_twice(const struct znode_replicas *p)
{
    for (size_t j = 0; j < p->n_replicas; j++)
        for (size_t k = 0; k < j; k++)
            if (p->replicas[j] == p->replicas[k])
                return true;
    return false;
}

/* The whole assignment, as Kafka shows it to people. */
static int16_t refuse_twice(const struct znode_replicas *partitions, size_t n,
                            struct errmsg *why)
{
    struct text all = { "", 0 };

    for (size_t i = 0; i < n && all.len + 1 < sizeof all.at; i++) {
        char replicas[400];

        topic_replicas_show(&partitions[i], replicas, sizeof replicas);
        text_add(&all, "%s%d -> ArrayBuffer(%s)", i > 0 ? ", " : "",
                 partitions[i].partition, replicas);
    }
    err_set(why, ERR_INVALID, "Duplicate replica assignment found: HashMap(%s)",
            all.at);
    return KAFKA_INVALID_REPLICA_ASSIGNMENT;
}

int16_t topic_assignment_check(const struct znode_replicas *partitions,
                               size_t n, int32_t first_partition,
                               struct errmsg *why)
{
    for (size_t i = 0; i < n; i++) {
        const struct znode_replicas *p = &partitions[i];

        if (p->n_replicas == 0 || p->n_replicas != partitions[0].n_replicas) {
            err_set(why, ERR_INVALID,
                    "All partitions should have the same number of replicas");
            return KAFKA_INVALID_REPLICA_ASSIGNMENT;
        }
        if (p->n_replicas > REPLICAS_MOST) {
            err_set(why, ERR_LIMIT,
                    "%zu replicas of partition %d, more than the "
                    "%d that are allowed",
                    p->n_replicas, p->partition, REPLICAS_MOST);
            return KAFKA_INVALID_REPLICA_ASSIGNMENT;
        }
    }
    for (size_t i = 0; i < n; i++)
        if (topic_replicas_twice(&partitions[i]))
            return refuse_twice(partitions, n, why);
    for (size_t i = 0; i < n; i++) {
        const struct znode_replicas *p = &partitions[i];

        if (p->partition != first_partition + (int32_t)i) {
            err_set(why, ERR_INVALID,
                    "partitions should be a consecutive 0-based "
                    "integer sequence");
            return KAFKA_INVALID_REPLICA_ASSIGNMENT;
        }
        for (size_t j = 0; j < p->n_replicas; j++) {
            if (p->replicas[j] < 0) {
                err_set(why, ERR_INVALID,
                        "Invalid broker id %d in partition %d", p->replicas[j],
                        p->partition);
                return KAFKA_INVALID_REPLICA_ASSIGNMENT;
            }
        }
    }
    return KAFKA_NONE;
}
