/* kafka_dump_log.c - kafka-dump-log: what lies in segments and indexes. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "tools/dump_log.h"
#include "tools/tool.h"

#define DECODER "kafka.serializer.StringDecoder"

static const struct option options_table[] = {
    { "cluster-metadata-decoder", OPTION_FLAG, NULL,
      "refused: there are no KRaft logs here", false, NULL },
    { "deep-iteration", OPTION_FLAG, NULL,
      "print each record, not only each batch", false, NULL },
    { "files", OPTION_VALUE, "String: file1, file2, ...",
      "REQUIRED: segments, indexes and snapshots, separated by commas", false,
      NULL },
    { "help", OPTION_FLAG, NULL, "print this", false, NULL },
    { "index-sanity-check", OPTION_FLAG, NULL,
      "check indexes as a start of the broker does, print no entries", false,
      NULL },
    { "key-decoder-class", OPTION_MAYBE, "String",
      "how keys are shown; only " DECODER, false, DECODER },
    { "max-bytes", OPTION_VALUE, "Integer: size",
      "read at most so many bytes of a segment", false, "2147483647" },
    { "max-message-size", OPTION_VALUE, "Integer: size",
      "size of the largest batch, for checking indexes", false, "5242880" },
    { "offsets-decoder", OPTION_FLAG, NULL,
      "refused: records of __consumer_offsets are not decoded", false, NULL },
    { "print-data-log", OPTION_FLAG, NULL,
      "print keys and values; implies --deep-iteration", false, NULL },
    { "skip-record-metadata", OPTION_FLAG, NULL,
      "print nothing of a record but key and value", false, NULL },
    { "transaction-log-decoder", OPTION_FLAG, NULL,
      "refused: records of __transaction_state are not decoded", false, NULL },
    { "value-decoder-class", OPTION_MAYBE, "String",
      "how values are shown; only " DECODER, false, DECODER },
    { "verify-index-only", OPTION_FLAG, NULL, "check indexes, print no entries",
      false, NULL },
    { "version", OPTION_FLAG, NULL, "print the version and exit", false, NULL },
    { NULL, OPTION_FLAG, NULL, NULL, false, NULL },
};

/* -- files
 * ----------------------------------------------------------------------- */

bool dump_open(struct dump_file *file, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct stat st;

    file->path = path;
    file->name = slash ? slash + 1 : path;
    file->base = strtoll(file->name, NULL, 10);
    file->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (file->fd >= 0 && fstat(file->fd, &st) == 0) {
        file->size = st.st_size;
        return true;
    }
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    dump_close(file);
    return false;
}

void dump_close(struct dump_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

bool dump_open_beside(struct dump_file *file, const struct dump_file *beside,
                      const char *suffix)
{
    size_t folder = (size_t)(beside->name - beside->path);
    size_t stem = strcspn(beside->name, ".");
    static char path[4096 + 64];

    snprintf(path, sizeof path, "%.*s%.*s%s", (int)folder, beside->path,
             (int)stem, beside->name, suffix);
    return dump_open(file, path);
}

/* -- complaints
 * ------------------------------------------------------------------ */

struct dump_complaint {
    char *head;
    char *lines;
    size_t len;
};

/* The one with this head; a new one when there is none. */
static struct dump_complaint *complaint_get(struct dump_complaints *complaints,
                                            const char *head)
{
    struct dump_complaint *c;

    for (size_t i = 0; i < complaints->n; i++)
        if (strcmp(complaints->items[i].head, head) == 0)
            return &complaints->items[i];
    complaints->items = mem_need_more(complaints->items, complaints->n + 1,
                                      sizeof *complaints->items);
    c = &complaints->items[complaints->n++];
    *c = (struct dump_complaint){ mem_need_text(bytes_of(head)), NULL, 0 };
    return c;
}

void dump_complain(struct dump_complaints *complaints, const char *head,
                   const char *format, ...)
{
    struct dump_complaint *c = complaint_get(complaints, head);
    char line[256];
    va_list args;
    size_t n;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    n = strlen(line);
    c->lines = mem_need_more(c->lines, c->len + n + 1, 1);
    memcpy(c->lines + c->len, line, n);
    c->lines[c->len + n] = '\n';
    c->len += n + 1;
}

void dump_complaints_print(struct dump_complaints *complaints)
{
    for (size_t i = 0; i < complaints->n; i++) {
        struct dump_complaint *c = &complaints->items[i];

        fprintf(stderr, "%s\n%.*s", c->head, (int)c->len, c->lines);
        mem_free(c->head);
        mem_free(c->lines);
    }
    mem_free(complaints->items);
    *complaints = (struct dump_complaints){ NULL, 0 };
}

/* -- one after the other
 * --------------------------------------------------------- */

static bool dump_one(const struct dump *dump, const char *path)
{
    const char *slash = strrchr(path, '/'), *suffix;
    struct dump_file file;
    bool ok;

    printf("Dumping %s\n", path);
    suffix = strrchr(slash ? slash : path, '.');
    suffix = suffix ? suffix : "";
    if (strcmp(suffix, ".log") == 0)
        printf("Log starting offset: %lld\n",
               strtoll(slash ? slash + 1 : path, NULL, 10));
    else if (strcmp(suffix, ".index") != 0 &&
             strcmp(suffix, ".timeindex") != 0 &&
             strcmp(suffix, ".snapshot") != 0 &&
             strcmp(suffix, ".txnindex") != 0) {
        fprintf(stderr, "Ignoring unknown file %s\n", path);
        return true;
    }
    if (!dump_open(&file, path))
        return false;
    if (strcmp(suffix, ".log") == 0)
        ok = dump_log_file(dump, &file);
    else if (strcmp(suffix, ".index") == 0)
        ok = dump_index_file(dump, &file);
    else if (strcmp(suffix, ".timeindex") == 0)
        ok = dump_time_index_file(dump, &file);
    else if (strcmp(suffix, ".snapshot") == 0)
        ok = dump_snapshot_file(&file);
    else
        ok = dump_txn_index_file(&file);
    dump_close(&file);
    return ok;
}

static bool refused(const struct option *options)
{
    static const char *const decoders[] = { "offsets-decoder",
                                            "transaction-log-decoder",
                                            "cluster-metadata-decoder" };
    static const char *const classes[] = { "key-decoder-class",
                                           "value-decoder-class" };

    for (size_t i = 0; i < 3; i++)
        if (option_given(options, decoders[i])) {
            fprintf(stderr,
                    "--%s is not supported here; leave it out to see "
                    "the bytes\n",
                    decoders[i]);
            return true;
        }
    for (size_t i = 0; i < 2; i++)
        if (strcmp(option_get(options, classes[i])->value, DECODER) != 0) {
            fprintf(stderr,
                    "--%s: only " DECODER " is there, no Java class can "
                    "be loaded\n",
                    classes[i]);
            return true;
        }
    return false;
}

static bool dump_all(const struct dump *dump, const char *list)
{
    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        char *path = mem_need_text(bytes_make(list, n));
        bool ok = n == 0 || dump_one(dump, path);

        mem_free(path);
        if (!ok)
            return false;
        list += n;
        list += *list == ',';
    }
    return true;
}

int kafka_dump_log(int argc, char **argv)
{
    static const char purpose[] =
        "Shows what lies in segments, indexes and snapshots of a log.";
    struct option options[sizeof options_table / sizeof options_table[0]];
    struct dump_complaints complaints = { NULL, 0 };
    struct dump dump = { .complaints = &complaints };
    long long max_bytes, max_message;
    bool ok;

    memcpy(options, options_table, sizeof options);
    if (!options_read(options, argc, argv))
        return 1;
    if (option_given(options, "help") || argc == 1) {
        options_help(options, purpose);
        return option_given(options, "help") ? 0 : 1;
    }
    if (option_given(options, "version")) {
        printf("3.7.0\n");
        return 0;
    }
    if (!option_given(options, "files")) {
        fprintf(stderr, "Missing required argument \"[files]\"\n");
        options_help(options, purpose);
        return 1;
    }
    if (refused(options) ||
        !option_number(options, "max-bytes", 0, INT32_MAX, &max_bytes) ||
        !option_number(options, "max-message-size", 1, INT32_MAX, &max_message))
        return 1;
    dump.print = option_given(options, "print-data-log") ||
                 option_given(options, "key-decoder-class") ||
                 option_given(options, "value-decoder-class");
    dump.deep = dump.print || option_given(options, "deep-iteration");
    dump.skip_metadata = option_given(options, "skip-record-metadata");
    dump.verify_only = option_given(options, "verify-index-only");
    dump.sanity_only = option_given(options, "index-sanity-check");
    dump.max_bytes = max_bytes;
    dump.max_message = max_message;
    ok = dump_all(&dump, option_get(options, "files")->value);
    fflush(stdout);
    dump_complaints_print(&complaints);
    return ok ? 0 : 1;
}
