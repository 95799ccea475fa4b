/* tool.h - what the commands of gregor-tools have in common.
 *
 * gregor-tools is many commands in one program: the name it is called by, or
 * its first argument, chooses. Each command has Apache Kafka's flags and
 * output. A row in tools/main.c and a file of its own make a new one.
 */
#ifndef GREGOR_TOOLS_TOOL_H
#define GREGOR_TOOLS_TOOL_H

#include <stdbool.h>

struct tool {
    const char *name;                  /* without ".sh", which works as well */
    const char *words;                 /* one line for the list of commands */
    int (*run)(int argc, char **argv); /* the exit status; argv[0] is a name */
};

int kafka_dump_log(int argc, char **argv);
int zk_cli(int argc, char **argv);
int zookeeper_server_start(int argc, char **argv);
int zookeeper_server_stop(int argc, char **argv);
int zookeeper_shell(int argc, char **argv);

/* -- options
 * --------------------------------------------------------------------- */

enum option_kind {
    OPTION_FLAG,  /* --name */
    OPTION_VALUE, /* --name value, --name=value */
    OPTION_MAYBE, /* --name, --name value, --name=value */
};

/* One option; a table of them ends with a NULL name. As in Apache Kafka, a
 * beginning that fits one option alone stands for it, "-" does for "--", and
 * the last one given counts. */
struct option {
    const char *name; /* without dashes */
    enum option_kind kind;
    const char *what;  /* what the value is, for the help: "file1, ..." */
    const char *words; /* for the help */
    bool given;        /* out */
    const char *value; /* in: default or NULL; out: as given */
};

/* Read the arguments into the table. Prints what is wrong and gives false. */
bool options_read(struct option *options, int argc, char **argv);

/* Print the purpose and the table. */
void options_help(const struct option *options, const char *purpose);

/* The option with this name, which is in the table. */
const struct option *option_get(const struct option *options, const char *name);
bool option_given(const struct option *options, const char *name);

/* The value as a whole number within [min, max]; prints what is wrong. */
bool option_number(const struct option *options, const char *name,
                   long long min, long long max, long long *number);

#endif
