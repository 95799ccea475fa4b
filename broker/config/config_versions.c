/* config_versions.c - the values of inter.broker.protocol.version.
 *
 * A release without "-IVn" means its last one. Of "3.7.1-IV2" the third part is
 * dropped, of "0.10.1.1" the fourth.
 */
#include <string.h>

#include "config/config_in.h"

struct family {
    const char *release;
    int number; /* of IV0 */
    int last_iv;
};

static const struct family families[] = {
    { "0.8.0", 800, 0 },   { "0.8.1", 810, 0 },   { "0.8.2", 820, 0 },
    { "0.9.0", 900, 0 },   { "0.10.0", 1000, 1 }, { "0.10.1", 1010, 2 },
    { "0.10.2", 1020, 0 }, { "0.11.0", 1100, 2 }, { "1.0", 10000, 0 },
    { "1.1", 10100, 0 },   { "2.0", 20000, 1 },   { "2.1", 20100, 2 },
    { "2.2", 20200, 1 },   { "2.3", 20300, 1 },   { "2.4", 20400, 1 },
    { "2.5", 20500, 0 },   { "2.6", 20600, 0 },   { "2.7", 20700, 2 },
    { "2.8", 20800, 1 },   { "3.0", 30000, 1 },   { "3.1", 30100, 0 },
    { "3.2", 30200, 0 },   { "3.3", 30300, 3 },   { "3.4", 30400, 0 },
    { "3.5", 30500, 2 },   { "3.6", 30600, 2 },   { "3.7", 30700, 4 },
    { "3.8", 30800, 0 },   { "3.9", 30900, 0 },
};

/* The text up to the n-th dot. */
static struct bytes up_to_dot(struct bytes b, int n)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.at[i] == '.' && --n == 0)
            return bytes_make(b.at, i);
    return b;
}

int config_version_number(struct bytes text)
{
    struct bytes release = text;
    int64_t iv = -1;

    for (size_t i = 0; i + 3 <= text.len; i++) {
        if (memcmp(text.at + i, "-IV", 3) != 0)
            continue;
        release.len = i;
        if (!bytes_to_int64(bytes_make(text.at + i + 3, text.len - i - 3), 0,
                            99, &iv))
            return 0;
        break;
    }
    release =
        up_to_dot(release, release.len > 1 && release.at[0] == '0' ? 3 : 2);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        const struct family *f = &families[i];

        if (bytes_is(release, f->release) && iv <= f->last_iv)
            return f->number + (iv < 0 ? f->last_iv : (int)iv);
    }
    return 0;
}
