/* acl_bits.h - the "authorized operations" bit fields of answers (KIP-430).
 *
 * Bit n stands for Kafka's AclOperation with code n. Without an authorizer
 * every operation a resource has is allowed, as in Kafka.
 */
#ifndef GREGOR_ACL_BITS_H
#define GREGOR_ACL_BITS_H

enum {
    ACL_READ = 3,
    ACL_WRITE,
    ACL_CREATE,
    ACL_DELETE,
    ACL_ALTER,
    ACL_DESCRIBE,
    ACL_CLUSTER_ACTION,
    ACL_DESCRIBE_CONFIGS,
    ACL_ALTER_CONFIGS,
    ACL_IDEMPOTENT_WRITE,

    ACL_BITS_TOPIC = 1 << ACL_READ | 1 << ACL_WRITE | 1 << ACL_CREATE |
                     1 << ACL_DELETE | 1 << ACL_ALTER | 1 << ACL_DESCRIBE |
                     1 << ACL_DESCRIBE_CONFIGS | 1 << ACL_ALTER_CONFIGS,
    ACL_BITS_GROUP = 1 << ACL_READ | 1 << ACL_DELETE | 1 << ACL_DESCRIBE,
    ACL_BITS_CLUSTER = 1 << ACL_CREATE | 1 << ACL_ALTER | 1 << ACL_DESCRIBE |
                       1 << ACL_CLUSTER_ACTION | 1 << ACL_DESCRIBE_CONFIGS |
                       1 << ACL_ALTER_CONFIGS | 1 << ACL_IDEMPOTENT_WRITE
};

#endif
