/* main.c - the command line of gregor.
 *
 *   gregor broker CONFIG [--override KEY=VALUE]...
 *   gregor keeper ZOO_CFG
 *   gregor health [HOST:PORT]
 *   gregor version
 *
 * Exit status: 0 done, 1 failed (one line says why), 2 used wrongly.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "health.h"
#include "keeper/keeper.h"
#include "server.h"

#define VERSION "0.1.0"

enum { EXIT_USAGE = 2 };

static const char usage_text[] =
    "usage: gregor broker CONFIG [--override KEY=VALUE]...\n"
    "       gregor keeper ZOO_CFG\n"
    "       gregor health [HOST:PORT]\n"
    "       gregor version\n"
    "\n"
    "broker   serve Kafka's protocol. CONFIG is a server.properties with "
    "Kafka's\n"
    "         keys; --override goes before the file. zookeeper.connect names "
    "a\n"
    "         ZooKeeper (host:port,.../chroot), or is \"embedded\": then the\n"
    "         broker brings its own coordination service.\n"
    "keeper   serve ZooKeeper's protocol alone; ZOO_CFG has zoo.cfg's keys.\n"
    "health   exit 0 when a broker answers there within 3 s (127.0.0.1:9092\n"
    "         unless said), else 1.\n"
    "version  print the version.\n"
    "\n"
    "broker and keeper end cleanly on SIGTERM and SIGINT.\n";

static int usage_wrong(const char *what, const char *which)
{
    if (what != NULL)
        (void)fprintf(stderr, "gregor: %s%s\n\n", what, which);
    (void)fputs(usage_text, stderr);
    return EXIT_USAGE;
}

/* -- broker
 * --------------------------------------------------------------------- */

/* "--override k=v" and "--override=k=v"; `i` moves on. NULL: not such a one. */
static const char *take_override(int argc, char **argv, int *i)
{
    static const char flag[] = "--override";
    const char *arg = argv[*i];
    size_t len = sizeof flag - 1;

    if (strncmp(arg, flag, len) != 0)
        return NULL;
    if (arg[len] == '=')
        return arg + len + 1;
    if (arg[len] != '\0' || *i + 1 >= argc)
        return NULL;
    return argv[++*i];
}

static int broker_main(int argc, char **argv)
{
    const char **overrides =
        mem_need_array((size_t)argc + 1, sizeof *overrides);
    const char *file = NULL;
    size_t n = 0;
    int rc = 0;

    for (int i = 0; i < argc && rc == 0; i++) {
        const char *arg = argv[i];
        const char *override = take_override(argc, argv, &i);

        if (override != NULL) {
            if (strchr(override, '=') == NULL)
                rc = usage_wrong("--override takes KEY=VALUE, not ", override);
            overrides[n++] = override;
        } else if (arg[0] == '-') {
            rc = usage_wrong("broker does not know ", arg);
        } else if (file != NULL) {
            rc = usage_wrong("broker takes one CONFIG, not also ", arg);
        } else {
            file = arg;
        }
    }
    if (rc == 0 && file == NULL)
        rc = usage_wrong("broker needs a CONFIG", "");
    if (rc == 0)
        rc = server_main(file, overrides);
    mem_free(overrides);
    return rc;
}

/* -- the rest
 * ---------------------------------------------------------------------- */

static int keeper_command(int argc, char **argv)
{
    if (argc != 1 || argv[0][0] == '-')
        return usage_wrong("keeper takes one ZOO_CFG", "");
    return keeper_main(argv[0]);
}

static int health_command(int argc, char **argv)
{
    if (argc > 1 || (argc == 1 && argv[0][0] == '-'))
        return usage_wrong("health takes one HOST:PORT", "");
    return health_main(argc == 1 ? argv[0] : "127.0.0.1:9092");
}

static int version_command(int argc, char **argv)
{
    (void)argv;
    if (argc != 0)
        return usage_wrong("version takes nothing", "");
    (void)puts("gregor " VERSION " (Kafka protocol as of 3.7, ZooKeeper mode)");
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = { { "broker", broker_main },
                     { "keeper", keeper_command },
                     { "health", health_command },
                     { "version", version_command },
                     { "--version", version_command } };

    if (argc < 2)
        return usage_wrong(NULL, "");
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        (void)fputs(usage_text, stdout);
        return 0;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    mem_start();
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    }
    return usage_wrong("there is no command ", argv[1]);
}
