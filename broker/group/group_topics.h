/* group_topics.h - the one thing read out of a member's metadata. */
#ifndef GREGOR_GROUP_TOPICS_H
#define GREGOR_GROUP_TOPICS_H

#include "base/bytes.h"
#include "base/err.h"

struct group_offsets;

/* Mark (group_topic.asked) those of `topics` that a consumer's subscription
 * (version, topics, the user's data, and more that is not looked at) names.
 * ERR_SHORT, ERR_FORMAT: it cannot be read, and some may be marked. Takes no
 * memory. */
MUST_USE enum err group_subscription_mark(struct bytes metadata,
                                          struct group_offsets *topics);

#endif
