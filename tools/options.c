/* options.c - options of the commands, as Apache Kafka reads them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tools/tool.h"

static struct option *find(struct option *options, const char *name, size_t n)
{
    struct option *fits = NULL;

    for (struct option *o = options; o->name != NULL; o++) {
        if (strncmp(o->name, name, n) != 0)
            continue;
        if (o->name[n] == '\0')
            return o;
        if (fits != NULL) {
            fprintf(stderr, "%.*s is ambiguous: --%s, --%s\n", (int)n, name,
                    fits->name, o->name);
            return NULL;
        }
        fits = o;
    }
    if (fits == NULL)
        fprintf(stderr, "%.*s is not a recognized option\n", (int)n, name);
    return fits;
}

bool options_read(struct option *options, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *equals;
        struct option *option;
        size_t n;

        if (name[0] != '-' || name[1] == '\0') {
            fprintf(stderr, "%s: an argument without an option\n", name);
            return false;
        }
        name += name[1] == '-' ? 2 : 1;
        equals = strchr(name, '=');
        n = equals ? (size_t)(equals - name) : strlen(name);
        option = n == 0 ? NULL : find(options, name, n);
        if (option == NULL)
            return false;
        option->given = true;
        if (option->kind == OPTION_FLAG)
            continue;
        if (equals != NULL) {
            option->value = equals + 1;
        } else if (i + 1 < argc &&
                   (argv[i + 1][0] != '-' || option->kind == OPTION_VALUE)) {
            option->value = argv[++i];
        } else if (option->kind == OPTION_VALUE) {
            fprintf(stderr, "Option %s requires an argument\n", option->name);
            return false;
        }
    }
    return true;
}

void options_help(const struct option *options, const char *purpose)
{
    char left[128];

    printf("%s\n%-36s %s\n%-36s %s\n", purpose, "Option", "Description",
           "------", "-----------");
    for (const struct option *o = options; o->name != NULL; o++) {
        snprintf(left, sizeof left,
                 o->kind == OPTION_FLAG    ? "--%s"
                 : o->kind == OPTION_VALUE ? "--%s <%s>"
                                           : "--%s [%s]",
                 o->name, o->what);
        printf("%-36s %s", left, o->words);
        if (o->value != NULL)
            printf(" (default: %s)", o->value);
        printf("\n");
    }
}

const struct option *option_get(const struct option *options, const char *name)
{
    while (strcmp(options->name, name) != 0)
        options++;
    return options;
}

bool option_given(const struct option *options, const char *name)
{
    return option_get(options, name)->given;
}

bool option_number(const struct option *options, const char *name,
                   long long min, long long max, long long *number)
{
    const char *value = option_get(options, name)->value;
    int64_t read;

    if (value != NULL && bytes_to_int64(bytes_of(value), min, max, &read)) {
        *number = read;
        return true;
    }
    fprintf(stderr, "Option %s: %s is not a number from %lld to %lld\n", name,
            value ? value : "nothing", min, max);
    return false;
}
