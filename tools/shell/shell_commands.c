/* shell_commands.c - the table of commands, by name. */
#include <string.h>

#include "tools/shell/shell.h"

/* clang-format off */
const struct shell_command shell_commands[] = {
    { "addWatch", "[-m mode] path # optional mode is one of "
      "[PERSISTENT, PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE",
      shell_add_watch },
    { "addauth", "scheme auth", shell_add_auth },
    { "close", "", shell_close },
    { "config", "[-c] [-w] [-s]", shell_config },
    { "connect", "host:port", NULL },
    { "create", "[-s] [-e] [-c] [-t ttl] path [data] [acl]", shell_create },
    { "delete", "[-v version] path", shell_delete },
    { "deleteall", "path [-b batch size]", shell_deleteall },
    { "delquota", "[-n|-b|-N|-B] path", shell_delquota },
    { "get", "[-s] [-w] path", shell_get },
    { "getAcl", "[-s] path", shell_get_acl },
    { "getAllChildrenNumber", "path", shell_get_all_children_number },
    { "getEphemerals", "path", shell_get_ephemerals },
    { "history", "", NULL },
    { "listquota", "path", shell_listquota },
    { "ls", "[-s] [-w] [-R] path", shell_ls },
    { "printwatches", "on|off", NULL },
    { "quit", "", NULL },
    { "reconfig", "[-s] [-v version] [[-file path] | "
      "[-members serverID=host:port1:port2;port3[,...]*]] | "
      "[-add serverId=host:port1:port2;port3[,...]]* "
      "[-remove serverId[,...]*]", shell_reconfig },
    { "redo", "cmdno", NULL },
    { "removewatches", "path [-c|-d|-a] [-l]", shell_remove_watches },
    { "set", "[-s] [-v version] path data", shell_set },
    { "setAcl", "[-s] [-v version] [-R] path acl", shell_set_acl },
    { "setquota", "-n|-b|-N|-B val path", shell_setquota },
    { "stat", "[-w] path", shell_stat },
    { "sync", "path", shell_sync },
    { "version", "", shell_version_cmd },
    { "whoami", "", shell_whoami },
    { NULL, NULL, NULL },
};
/* clang-format on */

const struct shell_command *shell_command_find(const char *name)
{
    for (const struct shell_command *c = shell_commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}
