/* quota.h - how many connections there are, and whether and when one more may
 * come.
 *
 * Counts connections in all, of each listener and of each address, and judges
 * by the limits in force (net.h, struct net_quota). It touches no connection:
 * the acceptor asks before it takes one in, excess.c closes.
 *
 *   no slot          the listener has its max.connections, or the broker has
 *                    and the listener is not the exempt one: the next waits
 *   too many of one  the address has max.connections.per.ip, or its exception:
 *                    refused
 *   exceeded         more than max.connections in all, since the exempt
 *                    listener took one nevertheless or the limit was lowered:
 *                    one of another listener is closed
 *   too soon         more a second came than the listener's own
 *                    max.connection.creation.rate or, unless it is exempt, the
 *                    broker's: it has to wait, and those behind it with it
 *
 * With one listener alone none is exempt, as in Kafka.
 *
 * Threads: any; every call takes a short lock.
 */
#ifndef GREGOR_NET_QUOTA_H
#define GREGOR_NET_QUOTA_H

#include <netinet/in.h>

#include "base/lock.h"
#include "base/map.h"
#include "net/net.h"
#include "net/rate.h"

struct quota {
    struct lock lock;                /* of all below */
    int32_t most;                    /* max.connections */
    int32_t per_ip;                  /* max.connections.per.ip */
    struct net_ip_limit *exceptions; /* own copy */
    size_t n_exceptions;
    struct quota_listener {
        int32_t most;
        size_t count;
        struct rate_limit rate_most;
        struct rate rate;
    } * listeners;
    size_t n_listeners;
    size_t exempt; /* index; n_listeners: none */
    size_t count;  /* of all */
    struct map guests;
    struct rate_limit rate_most; /* of all but the exempt listener's */
    struct rate rate;
};

enum quota_slot { QUOTA_ROOM, QUOTA_LISTENER_FULL, QUOTA_BROKER_FULL };

/* Nobody is there. `inter_broker`: index of the listener that is exempt, unless
 * it is the only one; `limits` are borrowed for the call. */
void quota_init(struct quota *quota, size_t n_listeners, size_t inter_broker,
                const struct net_quota *limits);
void quota_fini(struct quota *quota);
/* Other limits from now on; what is there stays counted. */
void quota_set(struct quota *quota, const struct net_quota *limits);

/* May this listener take one more? `most`: the limit that says no. */
enum quota_slot quota_slot(struct quota *quota, size_t listener, int32_t *most);
/* Count one more; false: its address has enough, namely `most`, and nothing is
 * counted. A slot is not asked for. */
bool quota_enter(struct quota *quota, size_t listener,
                 const struct in6_addr *addr, int32_t *most);
/* One more has come to this listener; called once for each before it enters.
 * How many ms it has to wait, 0: none. `most`: the limit that says so. */
int64_t quota_wait_ms(struct quota *quota, size_t listener, int64_t now_ms,
                      int32_t *most);
/* One that entered is gone. */
void quota_leave(struct quota *quota, size_t listener,
                 const struct in6_addr *addr);

/* Must one be closed, and is there one that may? `most`: max.connections. */
bool quota_is_exceeded(struct quota *quota, int32_t *most);
/* Of all listeners, now. */
size_t quota_count(struct quota *quota);

#endif
