/* group_topics.h - the one thing read out of a member's metadata. */
#ifndef GREGOR_GROUP_TOPICS_H
#define GREGOR_GROUP_TOPICS_H

#include "base/bytes.h"
#include "base/err.h"

/* Does a consumer's subscription (version, topics, and more that is not looked
 * at) name the topic? ERR_SHORT, ERR_FORMAT: it cannot be read. Takes no
 * memory.
 */
MUST_USE enum err group_subscription_has(struct bytes metadata,
                                         struct bytes topic, bool *has);

#endif
