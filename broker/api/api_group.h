/* api_group.h - what the APIs of consumer groups share. */
#ifndef GREGOR_API_GROUP_H
#define GREGOR_API_GROUP_H

#include "broker.h"
#include "config/config.h"

enum { API_GROUP_IBP_STATIC = 20300 }; /* 2.3-IV0 */

/* Static members are known from inter-broker version 2.3 on: a coordinator of
 * before would lose their instance ids. Then the request is answered with
 * UNSUPPORTED_VERSION. */
static inline bool api_group_static_refused(const struct request *request,
                                            struct bytes instance_id)
{
    return !bytes_is_null(instance_id) &&
           config_ibp(request->broker->config) < API_GROUP_IBP_STATIC;
}

#endif
