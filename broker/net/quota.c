/* quota.c - counting connections against their limits. */
#include "net/quota.h"

#include <string.h>

#include "base/mem.h"

struct guest { /* connections of one address */
    struct map_link link;
    struct in6_addr addr;
    size_t count;
};

static bool addr_equal(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct in6_addr)) == 0;
}

/* A limit below 0, which Kafka allows for one address, lets nobody in. */
static bool is_reached(size_t count, int32_t most)
{
    return most < 0 || count >= (size_t)most;
}

/* -- life
 * ---------------------------------------------------------------------- */

static void take_limits(struct quota *quota, const struct net_quota *limits)
{
    size_t n = limits->n_exceptions;

    quota->most = limits->most;
    quota->per_ip = limits->per_ip;
    quota->rate_most =
        (struct rate_limit){ .most = limits->rate,
                             .windows = limits->rate_windows,
                             .window_ms = limits->rate_window_ms };
    for (size_t i = 0; i < quota->n_listeners; i++) {
        struct quota_listener *listener = &quota->listeners[i];

        listener->most =
            limits->listeners != NULL ? limits->listeners[i] : limits->most;
        listener->rate_most = quota->rate_most;
        if (limits->rates != NULL)
            listener->rate_most.most = limits->rates[i];
    }
    mem_free(quota->exceptions);
    quota->exceptions = mem_need_array(n + 1, sizeof *quota->exceptions);
    for (size_t i = 0; i < n; i++)
        quota->exceptions[i] = limits->exceptions[i];
    quota->n_exceptions = n;
}

void quota_init(struct quota *quota, size_t n_listeners, size_t inter_broker,
                const struct net_quota *limits)
{
    *quota = (struct quota){ .n_listeners = n_listeners };
    quota->exempt = n_listeners > 1 ? inter_broker : n_listeners;
    quota->listeners = mem_need_array(n_listeners, sizeof *quota->listeners);
    lock_init(&quota->lock);
    map_init(&quota->guests);
    take_limits(quota, limits);
}

void quota_fini(struct quota *quota)
{
    struct map_link *link;

    while ((link = map_next(&quota->guests, NULL)) != NULL) {
        map_remove(&quota->guests, link);
        mem_free(CONTAINER_OF(link, struct guest, link));
    }
    map_fini(&quota->guests);
    for (size_t i = 0; i < quota->n_listeners; i++)
        rate_fini(&quota->listeners[i].rate);
    rate_fini(&quota->rate);
    lock_fini(&quota->lock);
    mem_free(quota->listeners);
    mem_free(quota->exceptions);
}

void quota_set(struct quota *quota, const struct net_quota *limits)
{
    lock_take(&quota->lock);
    take_limits(quota, limits);
    lock_give(&quota->lock);
}

/* -- slots
 * --------------------------------------------------------------------- */

enum quota_slot quota_slot(struct quota *quota, size_t listener, int32_t *most)
{
    const struct quota_listener *own = &quota->listeners[listener];
    enum quota_slot slot = QUOTA_ROOM;

    lock_take(&quota->lock);
    if (listener != quota->exempt && is_reached(quota->count, quota->most)) {
        slot = QUOTA_BROKER_FULL;
        *most = quota->most;
    } else if (is_reached(own->count, own->most)) {
        slot = QUOTA_LISTENER_FULL;
        *most = own->most;
    }
    lock_give(&quota->lock);
    return slot;
}

bool quota_is_exceeded(struct quota *quota, int32_t *most)
{
    size_t safe;
    bool exceeded;

    lock_take(&quota->lock);
    safe = quota->exempt < quota->n_listeners
               ? quota->listeners[quota->exempt].count
               : 0;
    exceeded = quota->count > (size_t)quota->most && quota->count > safe;
    *most = quota->most;
    lock_give(&quota->lock);
    return exceeded;
}

int64_t quota_wait_ms(struct quota *quota, size_t listener, int64_t now_ms,
                      int32_t *most)
{
    struct quota_listener *own = &quota->listeners[listener];
    int64_t wait_ms = 0;
    int64_t own_ms;

    lock_take(&quota->lock);
    *most = quota->rate_most.most;
    if (listener != quota->exempt)
        wait_ms = rate_count(&quota->rate, &quota->rate_most, now_ms);
    own_ms = rate_count(&own->rate, &own->rate_most, now_ms);
    if (own_ms > wait_ms) {
        wait_ms = own_ms;
        *most = own->rate_most.most;
    }
    lock_give(&quota->lock);
    return wait_ms;
}

size_t quota_count(struct quota *quota)
{
    size_t count;

    lock_take(&quota->lock);
    count = quota->count;
    lock_give(&quota->lock);
    return count;
}

/* -- addresses
 * ----------------------------------------------------------------- */

static bool guest_is(const struct map_link *link, const void *key)
{
    return addr_equal(&CONTAINER_OF(link, struct guest, link)->addr, key);
}

static uint64_t guest_hash(const struct map *map, const struct in6_addr *addr)
{
    return bytes_hash(bytes_make(addr, sizeof *addr), map->seed);
}

static struct guest *guest_find(struct quota *quota,
                                const struct in6_addr *addr)
{
    uint64_t hash = guest_hash(&quota->guests, addr);
    struct map_link *link = map_find(&quota->guests, hash, guest_is, addr);

    return link != NULL ? CONTAINER_OF(link, struct guest, link) : NULL;
}

static struct guest *guest_add(struct quota *quota, const struct in6_addr *addr)
{
    struct guest *guest = mem_need(sizeof *guest);

    guest->addr = *addr;
    map_put(&quota->guests, &guest->link, guest_hash(&quota->guests, addr));
    return guest;
}

/* The last exception of an address counts. */
static int32_t most_of(const struct quota *quota, const struct in6_addr *addr)
{
    for (size_t i = quota->n_exceptions; i-- > 0;)
        if (addr_equal(quota->exceptions[i].addr, addr))
            return quota->exceptions[i].most;
    return quota->per_ip;
}

bool quota_enter(struct quota *quota, size_t listener,
                 const struct in6_addr *addr, int32_t *most)
{
    struct guest *guest;
    bool enter;

    lock_take(&quota->lock);
    guest = guest_find(quota, addr);
    *most = most_of(quota, addr);
    enter = !is_reached(guest != NULL ? guest->count : 0, *most);
    if (enter) {
        if (guest == NULL)
            guest = guest_add(quota, addr);
        guest->count++;
        quota->listeners[listener].count++;
        quota->count++;
    }
    lock_give(&quota->lock);
    return enter;
}

void quota_leave(struct quota *quota, size_t listener,
                 const struct in6_addr *addr)
{
    struct guest *guest;

    lock_take(&quota->lock);
    guest = guest_find(quota, addr);
    if (guest != NULL && --guest->count == 0) {
        map_remove(&quota->guests, &guest->link);
        mem_free(guest);
    }
    quota->listeners[listener].count--;
    quota->count--;
    lock_give(&quota->lock);
}
