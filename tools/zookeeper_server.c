/* zookeeper_server.c - zookeeper-server-start and zookeeper-server-stop.
 *
 *   zookeeper-server-start.sh [-daemon] zoo.cfg    runs `gregor keeper zoo.cfg`
 *   zookeeper-server-stop.sh                       ends all of this user's
 *
 * As Apache Kafka's scripts: with -daemon the output goes to
 * $LOG_DIR/zookeeper.out ("logs" here when unset); the stop sends $SIGNAL, TERM
 * unless set, to every service of this machine that it may. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tool.h"

enum { PATH_MOST = 4096 };

/* `gregor` beside this program, or wherever PATH has it. */
static void find_gregor(char path[PATH_MOST])
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_MOST - 16);
    char *slash;

    if (n > 0) {
        path[n] = '\0';
        slash = strrchr(path, '/');
        memcpy(slash + 1, "gregor", sizeof "gregor");
        if (access(path, X_OK) == 0)
            return;
    }
    memcpy(path, "gregor", sizeof "gregor");
}

static bool output_to_log(void)
{
    const char *dir = getenv("LOG_DIR");
    char path[PATH_MOST];
    int out, in;

    dir = dir != NULL && dir[0] != '\0' ? dir : "logs";
    if (snprintf(path, sizeof path, "%s/zookeeper.out", dir) >= PATH_MOST)
        return false;
    (void)mkdir(dir, 0755);
    out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (out < 0 || in < 0) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    return dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
           dup2(out, STDERR_FILENO) >= 0;
}

/* Go on in a child with a session of its own. */
static bool become_daemon(void)
{
    pid_t child = fork();

    if (child < 0) {
        (void)fprintf(stderr, "fork: %s\n", strerror(errno));
        return false;
    }
    if (child > 0)
        _exit(0);
    (void)setsid();
    return output_to_log();
}

int zookeeper_server_start(int argc, char **argv)
{
    static char keeper[] = "keeper";
    char path[PATH_MOST];
    char *args[] = { path, keeper, NULL, NULL };
    bool daemon = argc > 1 && strcmp(argv[1], "-daemon") == 0;

    if (argc != (daemon ? 3 : 2)) {
        printf("USAGE: %s [-daemon] zookeeper.properties\n", argv[0]);
        return 1;
    }
    args[2] = argv[argc - 1];
    find_gregor(path);
    if (access(args[2], R_OK) != 0) {
        (void)fprintf(stderr, "%s: %s\n", args[2], strerror(errno));
        return 1;
    }
    if (daemon && !become_daemon())
        return 1;
    (void)execvp(path, args);
    (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 1;
}

/* -- stop
 * ------------------------------------------------------------------------- */

/* Is this process `gregor keeper ...`, ours or one we may signal? */
static bool is_keeper(const char *pid)
{
    char path[300], text[PATH_MOST];
    const char *second, *name;
    ssize_t n;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    second = text + strlen(text) + 1;
    name = strrchr(text, '/');
    name = name ? name + 1 : text;
    return strcmp(name, "gregor") == 0 && second < text + n &&
           strcmp(second, "keeper") == 0;
}

static int signal_read(void)
{
    static const struct {
        const char *name;
        int number;
    } known[] = { { "TERM", SIGTERM }, { "INT", SIGINT },   { "KILL", SIGKILL },
                  { "HUP", SIGHUP },   { "QUIT", SIGQUIT }, { "9", SIGKILL },
                  { "15", SIGTERM } };
    const char *text = getenv("SIGNAL");

    if (text == NULL || text[0] == '\0')
        return SIGTERM;
    if (strncmp(text, "SIG", 3) == 0)
        text += 3;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(text, known[i].name) == 0)
            return known[i].number;
    return 0;
}

int zookeeper_server_stop(int argc, char **argv)
{
    DIR *proc = opendir("/proc");
    int number = signal_read();
    struct dirent *entry;
    bool found = false;
    int status = 0;

    (void)argc;
    if (proc == NULL || number == 0) {
        (void)fprintf(stderr, "%s: %s\n", argv[0],
                      proc ? "SIGNAL names no signal" : strerror(errno));
        if (proc != NULL)
            (void)closedir(proc);
        return 1;
    }
    while ((entry = readdir(proc)) != NULL) {
        long pid = strtol(entry->d_name, NULL, 10);

        if (pid <= 0 || !is_keeper(entry->d_name))
            continue;
        found = true;
        if (kill((pid_t)pid, number) != 0) {
            (void)fprintf(stderr, "kill %ld: %s\n", pid, strerror(errno));
            status = 1;
        }
    }
    (void)closedir(proc);
    if (!found) {
        printf("No zookeeper server to stop\n");
        return 1;
    }
    return status;
}
