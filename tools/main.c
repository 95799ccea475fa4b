/* main.c - gregor-tools: many commands in one program.
 *
 *     kafka-dump-log.sh --files ...          by the name it is called by
 *     gregor-tools kafka-dump-log --files ...
 *     gregor-tools --list                    names to link it to
 */
#include <stdio.h>
#include <string.h>

#include "tools/tool.h"

static const struct tool tools[] = {
    { "kafka-dump-log", "show what lies in log segments and their indexes",
      kafka_dump_log },
    { "zkCli", "a shell on ZooKeeper, as ZooKeeper's own", zk_cli },
    { "zookeeper-server-start", "run the coordination service alone",
      zookeeper_server_start },
    { "zookeeper-server-stop", "end the coordination services of this machine",
      zookeeper_server_stop },
    { "zookeeper-shell", "a shell on ZooKeeper, as Apache Kafka's",
      zookeeper_shell },
};

enum { N_TOOLS = sizeof tools / sizeof tools[0] };

/* The command of this name, with or without folder and ".sh". */
static const struct tool *find(const char *name)
{
    const char *slash = strrchr(name, '/');
    size_t n;

    name = slash ? slash + 1 : name;
    n = strlen(name);
    if (n > 3 && strcmp(name + n - 3, ".sh") == 0)
        n -= 3;
    for (size_t i = 0; i < N_TOOLS; i++)
        if (strlen(tools[i].name) == n && strncmp(tools[i].name, name, n) == 0)
            return &tools[i];
    return NULL;
}

static void print_commands(FILE *out)
{
    fprintf(out, "usage: gregor-tools COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < N_TOOLS; i++)
        fprintf(out, "  %-32s %s\n", tools[i].name, tools[i].words);
}

int main(int argc, char **argv)
{
    const struct tool *tool = argc > 0 ? find(argv[0]) : NULL;

    if (tool != NULL)
        return tool->run(argc, argv);
    if (argc < 2) {
        print_commands(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < N_TOOLS; i++)
            printf("%s\n%s.sh\n", tools[i].name, tools[i].name);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0) {
        print_commands(stdout);
        return 0;
    }
    tool = find(argv[1]);
    if (tool == NULL) {
        fprintf(stderr, "gregor-tools: no command %s\n", argv[1]);
        print_commands(stderr);
        return 2;
    }
    return tool->run(argc - 1, argv + 1);
}
