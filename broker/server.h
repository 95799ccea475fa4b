/* server.h - one broker's life, from configuration to clean stop.
 *
 * Order at start (Kafka's, but for the listeners, which are bound early so that
 * clients wait in the backlog instead of being refused):
 *
 *   configuration · log directories locked · embedded keeper · ZooKeeper
 * session · old session of a killed run ended · top-level znodes, cluster id,
 * broker id · dynamic configuration · logs loaded · listeners bound ·
 * /brokers/ids/N · controller election · configuration changes followed ·
 * requests served
 *
 * Order at stop: controlled shutdown · requests drained · logs flushed and
 * marked clean · controller resigns · session closed · keeper stopped.
 *
 * Threads: server_main() is the process's main thread; it starts all others.
 */
#ifndef GREGOR_SERVER_H
#define GREGOR_SERVER_H

#include "config/config.h"
#include "seg/seg.h"

/* Run a broker until SIGINT or SIGTERM. `overrides` as in config.h. The exit
 * status: 0 after a clean stop, 1 when it could not start or not stop cleanly.
 */
int server_main(const char *file, const char *const *overrides);

/* A topic's settings as the log wants them. */
void server_log_config(const struct config *cfg,
                       const struct topic_config *topic,
                       struct log_config *out);

#endif
