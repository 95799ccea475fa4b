/* group_topics.c - which topics a consumer group asks for.
 *
 * Members' metadata is opaque to the coordinator, but for one thing: in a group
 * of type "consumer" it begins with the topics the member subscribes to,
 * whatever the version, and the user's data. Offsets of topics nobody asks for
 * may expire; those of a group whose metadata cannot be read may not.
 *
 * A table of topics is marked in one walk over all metadata, which may be many
 * and large: not one walk for each topic.
 */
#include "group/group_topics.h"

#include "group/group_offsets.h"
#include "group/group_state.h"
#include "wire/rd.h"

enum err group_subscription_mark(struct bytes metadata,
                                 struct group_offsets *topics)
{
    struct rd r = rd_make(metadata);
    int32_t n;

    (void)rd_i16(&r); /* what later versions add stands behind */
    n = rd_i32(&r);
    if (r.err != ERR_OK)
        return r.err;
    /* The smallest name is two bytes of length. */
    if (n < 0 || (size_t)n > r.left / 2)
        return ERR_FORMAT;
    for (int32_t i = 0; i < n && r.err == ERR_OK; i++) {
        struct bytes name = rd_string(&r, false, false);
        struct group_topic *topic =
            r.err == ERR_OK ? group_offsets_topic(topics, name) : NULL;

        if (topic)
            topic->asked = true;
    }
    (void)rd_bytes(&r, false, true); /* the user's data */
    return r.err;
}

bool group_mark_asked(const struct group *group, struct group_offsets *topics)
{
    struct bytes last = BYTES_NULL; /* most members' are the same */

    for (size_t i = 0; i < topics->n; i++)
        topics->topics[i]->asked = false;
    if (!bytes_is(group->protocol_type, "consumer") ||
        (group_size(group) > 0 && bytes_is_null(group->protocol)))
        return false;
    for (const struct list *link = group->members.next; link != &group->members;
         link = link->next) {
        const struct group_member *m =
            CONTAINER_OF(link, struct group_member, link);
        struct bytes metadata = group_member_metadata(m, group->protocol);

        if (!bytes_is_null(last) && bytes_equal(metadata, last))
            continue;
        if (group_subscription_mark(metadata, topics) != ERR_OK)
            return false;
        last = metadata;
    }
    return true;
}
