/* group_expiry.c - when a committed offset has had its time. */
#include "group/group_state.h"

static bool is_over(const struct group_offset *offset, int64_t since_ms,
                    int64_t now_ms, int64_t retention_ms)
{
    int64_t expire_ms = group_offset_expire_ms(offset);

    if (expire_ms >= 0) /* asked for by old clients, commit by commit */
        return now_ms >= expire_ms;
    return since_ms <= now_ms - retention_ms; /* a client may have said since */
}

bool group_offset_expired(const struct group *group, bool known,
                          const struct group_topic *topic,
                          const struct group_offset *offset, int64_t now_ms,
                          int64_t retention_ms)
{
    int64_t since_ms = offset->commit_ms;

    if (offset->pending > 0 || !group_offset_is_set(offset))
        return false;
    if (bytes_is_null(group->protocol_type)) /* partitions assigned by hand */
        return is_over(offset, since_ms, now_ms, retention_ms);
    if (group->phase == GROUP_EMPTY && group->phase_ms != -1)
        since_ms = group->phase_ms;
    if (!is_over(offset, since_ms, now_ms, retention_ms))
        return false;
    return group->phase == GROUP_EMPTY ||
           (group->phase == GROUP_STABLE && known && !topic->asked);
}
