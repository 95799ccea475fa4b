/* ksnap_name.c - see ksnap_name.h. */
#include "keeper/ksnap_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"

enum { NAME_ROOM = 64 };

static const struct {
    enum codec codec;
    const char *suffix;
} forms[] = {
    { CODEC_NONE, "" },
    { CODEC_GZIP, ".gz" },
    { CODEC_SNAPPY, ".snappy" },
};

enum { N_FORMS = sizeof forms / sizeof forms[0] };

enum codec ksnap_codec(const char *method)
{
    for (size_t i = 1; method != NULL && i < N_FORMS; i++)
        if (strcasecmp(method, forms[i].suffix + 1) == 0)
            return forms[i].codec;
    return CODEC_NONE;
}

char *ksnap_name(const char *dir, const char *prefix, int64_t zxid,
                 enum codec codec)
{
    size_t size = strlen(dir) + NAME_ROOM;
    char *name = mem_need(size);
    const char *suffix = "";

    for (size_t i = 0; i < N_FORMS; i++)
        if (forms[i].codec == codec)
            suffix = forms[i].suffix;
    (void)snprintf(name, size, "%s/%s%llx%s", dir, prefix,
                   (unsigned long long)zxid, suffix);
    return name;
}

size_t ksnap_name_stem(const char *name, enum codec *codec)
{
    size_t len = strlen(name);

    for (size_t i = 1; i < N_FORMS; i++) {
        size_t n = strlen(forms[i].suffix);

        if (len > n && strcmp(name + len - n, forms[i].suffix) == 0) {
            *codec = forms[i].codec;
            return len - n;
        }
    }
    *codec = CODEC_NONE;
    return len;
}

char *ksnap_name_find(const char *dir, int64_t zxid, enum codec *codec)
{
    for (size_t i = 0; i < N_FORMS; i++) {
        char *name = ksnap_name(dir, "snapshot.", zxid, forms[i].codec);

        *codec = forms[i].codec;
        if (access(name, F_OK) == 0)
            return name;
        mem_free(name);
    }
    *codec = CODEC_NONE;
    return ksnap_name(dir, "snapshot.", zxid, CODEC_NONE);
}

bool ksnap_name_remove(const char *dir, int64_t zxid)
{
    int failed = 0;

    for (size_t i = 0; i < N_FORMS; i++) {
        char *name = ksnap_name(dir, "snapshot.", zxid, forms[i].codec);

        if (unlink(name) != 0 && errno != ENOENT)
            failed = errno;
        mem_free(name);
    }
    errno = failed;
    return failed == 0;
}
