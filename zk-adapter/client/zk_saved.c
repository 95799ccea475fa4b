/* zk_saved.c - the file with this run's session; format in zk_saved.h. */
#include "client/zk_saved.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define MAGIC "gregor-session 1 "

enum {
    ID_AT = sizeof MAGIC - 1,
    PASSWD_AT = ID_AT + 17,
    CHECK_AT = PASSWD_AT + 2 * ZK_PASSWD_LEN + 1,
    LINE_LEN = CHECK_AT + 16 + 1 /* newline */
};

static enum err io_error(struct errmsg *why, const char *what, const char *file)
{
    int errnum = errno;

    return err_set(why, err_from_errno(errnum), "%s %s: %s", what, file,
                   strerror(errnum));
}

static void format(const struct zk_saved *saved, char line[LINE_LEN + 1])
{
    size_t used = (size_t)snprintf(line, LINE_LEN + 1, MAGIC "%016" PRIx64 " ",
                                   (uint64_t)saved->session);

    for (int i = 0; i < ZK_PASSWD_LEN; i++)
        used += (size_t)snprintf(line + used, LINE_LEN + 1 - used, "%02x",
                                 saved->passwd[i]);
    snprintf(line + used, LINE_LEN + 1 - used, " %016" PRIx64 "\n",
             bytes_hash(bytes_make(line, used), 0));
}

static bool unhex(const char *text, size_t digits, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < digits; i++) {
        const char *hex = "0123456789abcdef";
        const char *at = text[i] ? strchr(hex, text[i]) : NULL;

        if (at == NULL)
            return false;
        *value = *value << 4 | (uint64_t)(at - hex);
    }
    return true;
}

/* What format() writes, and nothing else. */
static bool parse(const char line[LINE_LEN], struct zk_saved *saved)
{
    char again[LINE_LEN + 1];
    uint64_t value;

    if (!unhex(line + ID_AT, 16, &value) || value == 0)
        return false;
    saved->session = (int64_t)value;
    for (size_t i = 0; i < ZK_PASSWD_LEN; i++) {
        if (!unhex(line + PASSWD_AT + 2 * i, 2, &value))
            return false;
        saved->passwd[i] = (uint8_t)value;
    }
    format(saved, again);
    return memcmp(line, again, LINE_LEN) == 0;
}

enum err zk_saved_read(const char *file, struct zk_saved *saved,
                       struct errmsg *why)
{
    char line[LINE_LEN + 1];
    struct zk_saved found;
    struct stat st;
    ssize_t n = -1;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return io_error(why, "open", file);
    if (fstat(fd, &st) == 0)
        n = read(fd, line, sizeof line);
    if (n < 0) {
        enum err err = io_error(why, "read", file);
        close(fd);
        return err;
    }
    close(fd);
    if ((st.st_mode & 077) != 0)
        return err_set(why, ERR_FORMAT, "%s: others may read it", file);
    if (n != LINE_LEN || !parse(line, &found))
        return err_set(why, ERR_FORMAT, "%s: damaged or not ours", file);
    *saved = found;
    return ERR_OK;
}

static enum err write_temporary(const char *name, const char *line,
                                struct errmsg *why)
{
    enum err err = ERR_OK;
    int fd =
        open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return io_error(why, "create", name);
    if (fchmod(fd, 0600) != 0 || write(fd, line, LINE_LEN) != LINE_LEN ||
        fdatasync(fd) != 0)
        err = io_error(why, "write", name);
    close(fd);
    return err;
}

enum err zk_saved_write(const char *file, const struct zk_saved *saved,
                        struct errmsg *why)
{
    char line[LINE_LEN + 1];
    size_t size = strlen(file) + sizeof ".tmp";
    char *name = mem_need(size);
    enum err err;

    format(saved, line);
    snprintf(name, size, "%s.tmp", file);
    err = write_temporary(name, line, why);
    if (err == ERR_OK && rename(name, file) != 0)
        err = io_error(why, "rename to", file);
    if (err != ERR_OK)
        unlink(name);
    mem_free(name);
    return err;
}

enum err zk_saved_remove(const char *file, struct errmsg *why)
{
    if (unlink(file) != 0 && errno != ENOENT)
        return io_error(why, "remove", file);
    return ERR_OK;
}
