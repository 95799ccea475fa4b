/* zk_server.h - a real coordination service in a process of its own, for tests.
 *
 * Apache ZooKeeper as Debian packages it (java and zookeeper.jar), or
 * our own keeper, in a temporary directory, on a port of the kernel's choice.
 *
 * For our own the test program runs itself again with "keeper CONFIG": its main
 * begins with zk_server_main().
 */
#ifndef GREGOR_TESTS_ZK_SERVER_H
#define GREGOR_TESTS_ZK_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

enum zk_server_kind { ZK_SERVER_APACHE, ZK_SERVER_GREGOR };

struct zk_server {
    enum zk_server_kind kind;
    pid_t pid; /* 0: not running */
    int port;
    char dir[64];   /* removed by zk_server_fini() */
    char hosts[32]; /* "127.0.0.1:<port>" */
};

/* The exit status when this process is such a server; -1: it is the test. */
int zk_server_main(int argc, char **argv);

/* Is there what it needs on this machine? If not, says so in a line. */
bool zk_server_is_there(enum zk_server_kind kind);

/* Make the directory and start; returns when the port answers "imok" to ruok.
 * Ends the test program when that takes longer than 30 s. */
void zk_server_init(struct zk_server *server, enum zk_server_kind kind);

/* Kill (SIGKILL) and start again on the same directory and port. */
void zk_server_kill(struct zk_server *server);
void zk_server_start(struct zk_server *server);

/* Stop and go on (SIGSTOP, SIGCONT). */
void zk_server_pause(struct zk_server *server);
void zk_server_resume(struct zk_server *server);

void zk_server_fini(struct zk_server *server);

#endif
