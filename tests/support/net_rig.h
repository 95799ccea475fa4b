/* net_rig.h - a real net on loopback with a few tiny handlers, and a blocking
 * client for it. For the tests of broker/net alone.
 *
 *   ApiVersions  answered; an unknown version with a version 0 body
 *   Heartbeat    error_code echoes generation_id; the next one may be read late
 *   LeaveGroup   parked until rig_release()
 *   Produce      acks -1: answered with a sum of the body as base offset;
 *                0: no answer; 7: closed; 9: frame dropped, then parked
 *   Fetch        two partitions, each with a range of a file as records;
 *                session_id is how often the range is repeated
 */
#ifndef GREGOR_TESTS_NET_RIG_H
#define GREGOR_TESTS_NET_RIG_H

#include "net/net.h"

enum { RIG_FILE = 3 * 1024 * 1024 }; /* bytes of the file Fetch answers from */

struct rig {
    struct net *net;
    struct listener listener;
    struct net_config config; /* may be changed before rig_start() */
    int port;
};

/* A configuration with roomy limits. */
void rig_init(struct rig *rig);
void rig_start(struct rig *rig);
/* Stop, and see that no file reference and no parked request is left. */
void rig_stop(struct rig *rig);

/* Answer what is parked now; gives how many. */
size_t rig_release(void);
/* Wait until `n` requests are parked. */
void rig_await_parked(size_t n);
/* Wait until the net has `n` connections. */
void rig_await_connections(struct rig *rig, size_t n);
/* Byte `i` of the file. */
uint8_t rig_file_byte(size_t i);

/* -- client --------------------------------------------------------------- */

int rig_connect(struct rig *rig);
void rig_send(int fd, const void *at, size_t n);
/* Exactly n bytes; false at the end of the stream. */
bool rig_recv(int fd, void *at, size_t n);
/* True when the other side has closed (and nothing is left to read). */
bool rig_is_closed(int fd);

/* A frame with its length: header and a body of the API's request struct.
 * Owned by the caller (mem_free). */
uint8_t *rig_frame(int16_t key, int16_t version, int32_t correlation_id,
                   const void *request, size_t *len);
void rig_send_request(int fd, int16_t key, int16_t version,
                      int32_t correlation_id, const void *request);
/* Read an answer whole, check correlation id, decode into the arena. */
const void *rig_recv_response(int fd, int16_t key, int16_t version,
                              int32_t correlation_id, struct arena *arena);

/* The usual: heartbeats whose generation comes back. */
void rig_send_heartbeat(int fd, int32_t n);
void rig_recv_heartbeat(int fd, int32_t n);

#endif
