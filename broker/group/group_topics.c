/* group_topics.c - which topics a consumer group asks for.
 *
 * Members' metadata is opaque to the coordinator, but for one thing: in a group
 * of type "consumer" it begins with the topics the member subscribes to,
 * whatever the version (reference, 7.3). Offsets of topics nobody asks for may
 * expire.
 */
#include "group/group_topics.h"

#include "group/group_state.h"
#include "wire/rd.h"

enum err group_subscription_has(struct bytes metadata, struct bytes topic,
                                bool *has)
{
    struct rd r = rd_make(metadata);
    int16_t version = rd_i16(&r);
    int32_t n = rd_i32(&r);

    *has = false;
    if (r.err != ERR_OK)
        return r.err;
    /* The smallest name is two bytes of length. */
    if (version < 0 || n < 0 || (size_t)n > r.left / 2)
        return ERR_FORMAT;
    for (int32_t i = 0; i < n && r.err == ERR_OK; i++) {
        struct bytes name = rd_string(&r, false, false);

        if (r.err == ERR_OK && bytes_equal(name, topic))
            *has = true;
    }
    return r.err;
}

bool group_subscribes(const struct group *group, struct bytes topic,
                      bool *known)
{
    bool any = false;

    *known = bytes_is(group->protocol_type, "consumer") &&
             (group_size(group) == 0 || !bytes_is_null(group->protocol));
    for (const struct list *link = group->members.next;
         *known && link != &group->members; link = link->next) {
        const struct group_member *m =
            CONTAINER_OF(link, struct group_member, link);
        bool has;

        if (group_subscription_has(group_member_metadata(m, group->protocol),
                                   topic, &has) != ERR_OK)
            *known = false;
        any |= has;
    }
    return *known ? any : true;
}
