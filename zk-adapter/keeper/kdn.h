/* kdn.h - distinguished names, as Java writes and reads them.
 *
 * An ACL of scheme x509 holds the subject of a certificate in the form of
 * Java's X500Principal.getName(), and the client's identity is compared with it
 * byte by byte: so the form must be Java's to the last escape.
 *
 * Threads: any; all state is the caller's.
 */
#ifndef GREGOR_KEEPER_KDN_H
#define GREGOR_KEEPER_KDN_H

#include "base/bytes.h"
#include "wire/wr.h"

/* Write the name whose DER encoding this is (a SEQUENCE of RDNs) in the form of
 * RFC 2253: last RDN first, keywords CN C L ST O OU STREET DC UID, everything
 * else as OID=#hex. False when it is not such an encoding, or `out` is full. */
bool kdn_write(struct wr *out, struct bytes der);

/* Would Java take the text for a name? */
bool kdn_is_valid(struct bytes text);

#endif
