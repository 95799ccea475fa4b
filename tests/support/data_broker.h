/* data_broker.h - a broker without coordination: real network, real logs in a
 * temporary directory, and a test in the controller's place.
 *
 * And a client of it that speaks the wire, blocking, on the test's thread.
 */
#ifndef GREGOR_TESTS_DATA_BROKER_H
#define GREGOR_TESTS_DATA_BROKER_H

#include <pthread.h>

#include "broker.h"
#include "config/config.h"
#include "partition/replicas.h"

enum { DATA_BROKER_ID = 1, DATA_FOLLOWER_ID = 2 };

struct data_broker {
    struct broker broker;
    struct config *config; /* defaults */
    char dir[64];          /* removed by data_broker_fini() */
    struct listener listener;
    pthread_t coord;
    struct log_config defaults;    /* change before data_broker_start() */
    size_t fetch_sessions;         /* likewise */
    struct cleaner_config cleaner; /* log.cleaner.*; likewise */
    int32_t min_insync;            /* of topics that start with "min" */
    int port;
    int32_t epoch; /* of the controller, grows */
};

/* Make the directory; not started. */
void data_broker_init(struct data_broker *db);
/* Start on the directory as it is; the port is the kernel's choice, or `port`.
 */
void data_broker_start(struct data_broker *db, int port);
/* Stop cleanly. */
void data_broker_stop(struct data_broker *db);
/* End as if killed: nothing is flushed or written. */
void data_broker_kill(struct data_broker *db);
void data_broker_fini(struct data_broker *db);

/* Say that a topic exists, with this broker as leader of all partitions
 * (replication factor 1, or 2 with a follower that nobody plays), and host it.
 * Asserts that each partition's error is `error`. */
struct uuid data_broker_host(struct data_broker *db, const char *topic,
                             int32_t partitions, int factor,
                             int32_t leader_epoch);
/* Make another broker leader. */
void data_broker_unlead(struct data_broker *db, const char *topic,
                        int32_t partitions, int32_t leader_epoch);

/* -- records ------------------------------------------------------------------
 */

struct data_batch {
    int32_t count;       /* records, "0", "1", ... as values */
    size_t value_bytes;  /* of each, padded with '.'; 0: as short as can be */
    int16_t attributes;  /* codec, transactional */
    int64_t producer_id; /* -1 none */
    int16_t producer_epoch;
    int32_t base_sequence;
    int64_t timestamp; /* of the first; the others count up by 1 */
};

/* One plain batch of `count` records. */
struct data_batch data_batch_make(int32_t count);
/* Append it to `w`, which the caller inits and finis. */
void data_batch_write(struct wr *w, const struct data_batch *batch);

/* -- client -------------------------------------------------------------------
 */

struct data_client {
    int fd;
    int32_t next_id;
    struct arena arena; /* of all answers; reset by the test */
    uint8_t *frame;     /* of the last answer */
};

void data_client_open(struct data_client *client, const struct data_broker *db);
void data_client_close(struct data_client *client);

/* Send a request struct of that API. */
void data_client_send(struct data_client *client, int16_t key, int16_t version,
                      const void *request);
/* Wait for the answer to it; NULL when the connection was closed. */
const void *data_client_receive(struct data_client *client, int16_t key,
                                int16_t version);
/* Both. */
const void *data_client_call(struct data_client *client, int16_t key,
                             int16_t version, const void *request);
/* Produce `records` to one partition with acks=1 (version 9), or another acks
 * and version; gives the partition's answer, NULL when the connection was
 * closed. */
struct wire_produce_response_responses_partition_responses;
const struct wire_produce_response_responses_partition_responses *
data_client_produce(struct data_client *client, const char *topic,
                    int32_t index, int16_t acks, int16_t version,
                    struct bytes records);

/* Whether an answer comes within `ms`. */
bool data_client_is_readable(const struct data_client *client, int ms);

#endif
