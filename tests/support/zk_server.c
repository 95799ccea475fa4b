/* zk_server.c - see zk_server.h. */
#include "tests/support/zk_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "keeper/keeper.h"

#define APACHE_JAR "/usr/share/java/zookeeper.jar"
#define JAVA "/usr/bin/java"

static void die(const char *what)
{
    perror(what);
    exit(1);
}

bool zk_server_is_there(enum zk_server_kind kind)
{
    bool there = kind == ZK_SERVER_GREGOR ||
                 (access(JAVA, X_OK) == 0 && access(APACHE_JAR, R_OK) == 0);

    if (!there)
        printf("skipped: no java, or no " APACHE_JAR ", on this machine\n");
    return there;
}

int zk_server_main(int argc, char **argv)
{
    return argc == 3 && strcmp(argv[1], "keeper") == 0 ? keeper_main(argv[2])
                                                       : -1;
}

static struct sockaddr_in address(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port) };

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static int free_port(void)
{
    struct sockaddr_in a = address(0);
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        die("free port");
    close(fd);
    return ntohs(a.sin_port);
}

/* Ask "ruok" and expect "imok", waiting at most `ms`. */
static bool is_ok(int port, int ms)
{
    struct sockaddr_in a = address(port);
    struct pollfd p = { .events = POLLIN };
    char answer[4] = "";
    bool ok;

    p.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok = p.fd >= 0 && connect(p.fd, (struct sockaddr *)&a, sizeof a) == 0 &&
         write(p.fd, "ruok", 4) == 4 && poll(&p, 1, ms) == 1 &&
         read(p.fd, answer, 4) == 4 && memcmp(answer, "imok", 4) == 0;
    if (p.fd >= 0)
        close(p.fd);
    return ok;
}

static void write_config(const struct zk_server *server, const char *file)
{
    FILE *f = fopen(file, "w");

    if (f == NULL)
        die(file);
    fprintf(f,
            "tickTime=500\nminSessionTimeout=1000\nmaxSessionTimeout=60000\n"
            "dataDir=%s/data\nclientPort=%d\nclientPortAddress=127.0.0.1\n"
            "admin.enableServer=false\n4lw.commands.whitelist=*\n"
            "maxClientCnxns=0\nfsync.warningthresholdms=60000\n",
            server->dir, server->port);
    fclose(f);
}

void zk_server_start(struct zk_server *server)
{
    int64_t give_up_us = clock_mono_us() + 30 * 1000000;
    char config[96], log[96];

    snprintf(config, sizeof config, "%s/zoo.cfg", server->dir);
    snprintf(log, sizeof log, "%s/log", server->dir);
    write_config(server, config);
    server->pid = fork();
    if (server->pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        dup2(fd, 1);
        dup2(fd, 2);
        if (server->kind == ZK_SERVER_APACHE)
            execl(JAVA, "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp",
                  "/etc/zookeeper/conf:" APACHE_JAR,
                  "org.apache.zookeeper.server.quorum.QuorumPeerMain", config,
                  NULL);
        else
            execl("/proc/self/exe", "test", "keeper", config, NULL);
        _exit(127);
    }
    while (!is_ok(server->port, 1000)) {
        if (clock_mono_us() > give_up_us ||
            waitpid(server->pid, NULL, WNOHANG) != 0) {
            fprintf(stderr, "the server does not start; see %s\n", log);
            exit(1);
        }
        poll(NULL, 0, 20); /* it has nothing that tells when it is ready */
    }
}

void zk_server_init(struct zk_server *server, enum zk_server_kind kind)
{
    *server = (struct zk_server){ .kind = kind, .port = free_port() };
    snprintf(server->dir, sizeof server->dir, "/tmp/gregor-zk-XXXXXX");
    if (mkdtemp(server->dir) == NULL)
        die("mkdtemp");
    snprintf(server->hosts, sizeof server->hosts, "127.0.0.1:%d", server->port);
    zk_server_start(server);
}

void zk_server_kill(struct zk_server *server)
{
    if (server->pid == 0)
        return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void zk_server_pause(struct zk_server *server)
{
    kill(server->pid, SIGSTOP);
    waitpid(server->pid, NULL, WUNTRACED); /* until it stands still */
}

void zk_server_resume(struct zk_server *server)
{
    kill(server->pid, SIGCONT);
}

void zk_server_fini(struct zk_server *server)
{
    char command[96];

    zk_server_kill(server);
    if (server->dir[0] == '\0')
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", server->dir);
    if (system(command) != 0)
        perror(command);
}
