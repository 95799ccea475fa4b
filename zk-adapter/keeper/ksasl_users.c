/* ksasl_users.c - the users of SASL, out of a JAAS file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "keeper/keeper.h"
#include "keeper/kjaas.h"
#include "keeper/ksasl.h"

static const char module[] =
    "org.apache.zookeeper.server.auth.DigestLoginModule";

static void user_put(struct ksasl *sasl, const char *name, const char *password)
{
    for (size_t i = 0; i < sasl->n; i++)
        if (strcmp(sasl->users[i].name, name) == 0) {
            mem_free(sasl->users[i].password);
            sasl->users[i].password = mem_need_text(bytes_of(password));
            return;
        }
    sasl->users = mem_need_more(sasl->users, sasl->n + 1, sizeof *sasl->users);
    sasl->users[sasl->n++] = (struct ksasl_user){
        mem_need_text(bytes_of(name)),
        mem_need_text(bytes_of(password)),
    };
}

static enum err modules_check(const struct kjaas *jaas, const char *file,
                              const char *section, struct errmsg *why)
{
    if (jaas->n_modules == 0)
        return err_set(why, ERR_INVALID, "%s: section %s names no login module",
                       file, section);
    for (size_t i = 0; i < jaas->n_modules; i++)
        if (strcmp(jaas->modules[i], module) != 0)
            return err_set(why, ERR_INVALID,
                           "%s: section %s: login module %.100s is not offered "
                           "(no Kerberos); use %s with user_NAME=\"password\"",
                           file, section, jaas->modules[i], module);
    return ERR_OK;
}

static void users_take(struct ksasl *sasl, const struct kjaas *jaas,
                       const char *super_password)
{
    static const char prefix[] = "user_";
    size_t n = strlen(prefix);

    for (size_t i = 0; i < jaas->n_options; i++) {
        const struct kjaas_option *o = &jaas->options[i];

        if (strncmp(o->name, prefix, n) != 0)
            continue;
        user_put(sasl, o->name + n,
                 super_password && strcmp(o->name + n, "super") == 0
                     ? super_password
                     : o->value);
    }
}

enum err ksasl_read(struct ksasl **out, struct bytes text, const char *file,
                    const char *section, const char *super_password,
                    struct errmsg *why)
{
    struct kjaas jaas;
    enum err err = kjaas_read(&jaas, text, file, section, why);

    *out = NULL;
    if (err != ERR_OK)
        return err;
    if (jaas.found)
        err = modules_check(&jaas, file, section, why);
    if (err == ERR_OK && jaas.found) {
        *out = mem_need(sizeof **out);
        users_take(*out, &jaas, super_password);
    }
    kjaas_fini(&jaas);
    return err;
}

enum err ksasl_load(struct ksasl **out, const struct keeper_config *config,
                    struct errmsg *why)
{
    const char *path = config->jaas_file;
    const char *section =
        config->jaas_section ? config->jaas_section : "Server";
    char *text;
    size_t len;
    FILE *file;
    enum err err = ERR_OK;

    *out = NULL;
    if (path == NULL)
        return ERR_OK;
    file = fopen(path, "rbe");
    if (file == NULL)
        return err_set(why, err_from_errno(errno),
                       "java.security.auth.login.config=%s: %s", path,
                       strerror(errno));
    text = mem_need(KJAAS_FILE_MOST + 1);
    len = fread(text, 1, KJAAS_FILE_MOST + 1, file);
    if (ferror(file))
        err = err_set(why, ERR_IO, "read %s", path);
    (void)fclose(file);
    if (err == ERR_OK)
        err = ksasl_read(out, bytes_make(text, len), path, section,
                         config->sasl_super_password, why);
    mem_free(text);
    if (err == ERR_OK && *out == NULL)
        diag_warn("event=keeper_sasl_off jaas_file=%s remedy=\"give it a "
                  "section %s if clients shall log in by SASL\"",
                  path, section);
    else if (err == ERR_OK)
        diag_info("event=keeper_sasl jaas_file=%s users=%zu", path, (*out)->n);
    return err;
}

void ksasl_free(struct ksasl **at)
{
    struct ksasl *sasl = *at;

    *at = NULL;
    if (sasl == NULL)
        return;
    for (size_t i = 0; i < sasl->n; i++) {
        mem_free(sasl->users[i].name);
        mem_free(sasl->users[i].password);
    }
    mem_free(sasl->users);
    mem_free(sasl);
}
