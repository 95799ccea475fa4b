/* keeper_main.c - the service as a program of its own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/mem.h"
#include "keeper/keeper.h"

enum { CONFIG_MOST = 1 << 20 };

static enum err file_read(const char *path, char **text, size_t *len,
                          struct errmsg *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;

    if (fd < 0)
        return err_set(why, err_from_errno(errno), "open %s: %s", path,
                       strerror(errno));
    *text = mem_need(CONFIG_MOST);
    *len = 0;
    while (*len < CONFIG_MOST &&
           (n = read(fd, *text + *len, CONFIG_MOST - *len)) > 0)
        *len += (size_t)n;
    close(fd);
    if (n == 0)
        return ERR_OK;
    mem_free(*text);
    return n < 0 ? err_set(why, err_from_errno(errno), "read %s: %s", path,
                           strerror(errno))
                 : err_set(why, ERR_LIMIT, "%s is longer than 1 MiB", path);
}

/* The file that reconfig keeps at the real server: server.N and version lines.
 * What counts is how many servers it names. */
static enum err dynamic_load(struct keeper_config *config, struct errmsg *why)
{
    char *name = config->dynamic_file;
    char *whole = config->file_text;
    char *text = NULL;
    size_t len = 0;
    enum err err;

    config->dynamic_file = NULL;
    config->file_text = NULL;
    err = file_read(name, &text, &len, why);
    if (err == ERR_OK) {
        err = keeper_config_read(config, bytes_make(text, len), name, why);
        mem_free(text);
    }
    mem_free(config->file_text);
    mem_free(config->dynamic_file);
    config->file_text = whole;
    config->dynamic_file = name;
    return err;
}

static enum err config_load(struct keeper_config *config, const char *path,
                            struct errmsg *why)
{
    char *text = NULL;
    size_t len = 0;
    enum err err = keeper_config_environment(config, why);

    if (err == ERR_OK)
        err = file_read(path, &text, &len, why);
    if (err != ERR_OK)
        return err;
    err = keeper_config_read(config, bytes_make(text, len), path, why);
    mem_free(text);
    if (err == ERR_OK && config->dynamic_file != NULL)
        err = dynamic_load(config, why);
    if (err == ERR_OK)
        err = keeper_config_finish(config, why);
    return err;
}

/* Each connection is a descriptor: take as many as we may. */
static void raise_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        diag_warn("event=keeper_file_limit error=\"%s\"", strerror(errno));
}

int keeper_main(const char *path)
{
    struct keeper_config config;
    struct keeper *keeper = NULL;
    struct errmsg why = { "" };
    sigset_t ends;
    int sig = 0;
    enum err err;

    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    raise_files();
    keeper_config_init(&config);
    config.admin = true;
    err = config_load(&config, path, &why);
    if (err == ERR_OK)
        err = keeper_start(&keeper, &config, &why);
    keeper_config_fini(&config);
    if (err != ERR_OK) {
        diag_error("event=keeper_not_started config=%s error=\"%s\"", path,
                   why.text[0] ? why.text : err_words(err));
        return 1;
    }
    sigwait(&ends, &sig);
    diag_info("event=keeper_stopping signal=%d", sig);
    keeper_stop(&keeper);
    return 0;
}
