/* checkpoint.c - the small text files beside the logs, as text. */
#include "seg/checkpoint.h"

#include <stdio.h>

/* The next line without its end; false at the end of the text. */
static bool next_line(struct bytes *text, struct bytes *line)
{
    const uint8_t *end;

    if (text->len == 0)
        return false;
    end = memchr(text->at, '\n', text->len);
    if (end == NULL) {
        *line = *text;
        *text = bytes_make(text->at + text->len, 0);
        return true;
    }
    *line = bytes_make(text->at, (size_t)(end - text->at));
    *text = bytes_make(end + 1, text->len - line->len - 1);
    if (line->len > 0 && line->at[line->len - 1] == '\r')
        line->len--;
    return true;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\f' || c == '\v' || c == '\r';
}

/* The next field of a line; false when none is left. */
static bool next_field(struct bytes *line, struct bytes *field)
{
    size_t n = 0;

    while (line->len > 0 && is_blank(*line->at)) {
        line->at++;
        line->len--;
    }
    while (n < line->len && !is_blank(line->at[n]))
        n++;
    *field = bytes_make(line->at, n);
    line->at += n;
    line->len -= n;
    return n > 0;
}

static bool next_int(struct bytes *line, int64_t min, int64_t max,
                     int64_t *value)
{
    struct bytes field;

    return next_field(line, &field) && bytes_to_int64(field, min, max, value);
}

static bool line_is_int(struct bytes line, int64_t min, int64_t max,
                        int64_t *value)
{
    struct bytes rest;

    return next_int(&line, min, max, value) && !next_field(&line, &rest);
}

typedef enum err entry_fn(void *context, struct bytes line);

/* Version, count, and that many lines; blank lines may follow. */
static enum err read_table(struct bytes text, entry_fn *entry, void *context,
                           int *line_number)
{
    struct bytes line, field;
    int64_t version, count;

    *line_number = 1;
    if (!next_line(&text, &line) || !line_is_int(line, 0, 0, &version))
        return ERR_FORMAT;
    ++*line_number;
    if (!next_line(&text, &line) || !line_is_int(line, 0, INT32_MAX, &count))
        return ERR_FORMAT;
    for (int64_t i = 0; i < count; i++) {
        enum err err;

        ++*line_number;
        if (!next_line(&text, &line))
            return ERR_FORMAT;
        err = entry(context, line);
        if (err != ERR_OK)
            return err;
    }
    while (next_line(&text, &line)) {
        ++*line_number;
        if (next_field(&line, &field))
            return ERR_FORMAT;
    }
    return ERR_OK;
}

struct offset_sink {
    checkpoint_each_fn *each;
    void *context;
};

static enum err offset_entry(void *context, struct bytes line)
{
    struct offset_sink *sink = context;
    struct bytes topic, rest;
    int64_t partition, offset;

    if (!next_field(&line, &topic) ||
        !next_int(&line, 0, INT32_MAX, &partition) ||
        !next_int(&line, INT64_MIN, INT64_MAX, &offset) ||
        next_field(&line, &rest))
        return ERR_FORMAT;
    return sink->each(sink->context, topic, (int32_t)partition, offset);
}

enum err checkpoint_read(struct bytes text, checkpoint_each_fn *each,
                         void *context, int *line)
{
    struct offset_sink sink = { each, context };

    return read_table(text, offset_entry, &sink, line);
}

struct epoch_sink {
    checkpoint_epoch_fn *each;
    void *context;
};

static enum err epoch_entry(void *context, struct bytes line)
{
    struct epoch_sink *sink = context;
    struct bytes rest;
    int64_t epoch, start;

    if (!next_int(&line, 0, INT32_MAX, &epoch) ||
        !next_int(&line, 0, INT64_MAX, &start) || next_field(&line, &rest))
        return ERR_FORMAT;
    return sink->each(sink->context, (int32_t)epoch, start);
}

enum err checkpoint_epochs_read(struct bytes text, checkpoint_epoch_fn *each,
                                void *context, int *line)
{
    struct epoch_sink sink = { each, context };

    return read_table(text, epoch_entry, &sink, line);
}

static void write_text(struct wr *w, const char *text, int n)
{
    if (n > 0)
        wr_raw(w, text, (size_t)n);
}

void checkpoint_write_head(struct wr *w, size_t count)
{
    char text[32];

    write_text(w, text, snprintf(text, sizeof text, "0\n%zu\n", count));
}

void checkpoint_write_entry(struct wr *w, const char *topic, int32_t partition,
                            int64_t offset)
{
    char text[64];

    wr_raw(w, topic, strlen(topic));
    write_text(w, text,
               snprintf(text, sizeof text, " %d %lld\n", partition,
                        (long long)offset));
}

void checkpoint_epochs_write_entry(struct wr *w, int32_t epoch, int64_t start)
{
    char text[64];

    write_text(
        w, text,
        snprintf(text, sizeof text, "%d %lld\n", epoch, (long long)start));
}

/* "<key>: <value>" */
static bool line_value(struct bytes line, const char *key, struct bytes *value)
{
    struct bytes field, rest;
    size_t n = strlen(key);

    if (!next_field(&line, &field) || field.len != n + 1 ||
        memcmp(field.at, key, n) != 0 || field.at[n] != ':')
        return false;
    return next_field(&line, value) && !next_field(&line, &rest);
}

enum err partition_metadata_read(struct bytes text, struct uuid *id)
{
    struct bytes line, value;
    int64_t version;

    if (!next_line(&text, &line) || !line_value(line, "version", &value) ||
        !bytes_to_int64(value, 0, 0, &version))
        return ERR_FORMAT;
    if (!next_line(&text, &line) || !line_value(line, "topic_id", &value) ||
        !uuid_from_text(value, id) || uuid_is_zero(*id))
        return ERR_FORMAT;
    return ERR_OK;
}

void partition_metadata_write(struct wr *w, struct uuid id)
{
    char id_text[UUID_TEXT_LEN + 1], text[64];

    uuid_to_text(id, id_text);
    write_text(
        w, text,
        snprintf(text, sizeof text, "version: 0\ntopic_id: %s", id_text));
}
