/* keeper_security.h - the settings about who clients are; see keeper.h.
 *
 * Private to the configuration.
 */
#ifndef GREGOR_KEEPER_KEEPER_SECURITY_H
#define GREGOR_KEEPER_KEEPER_SECURITY_H

#include "keeper/keeper.h"

/* Keys that the table of plain settings does not hold: authProvider.N,
 * superUser.N, ssl.crl, ssl.ocsp, security.auth_to_local. */
bool keeper_security_knows(struct bytes key);
/* Set one of them. ERR_INVALID where it asks for what is not done here
 * (Kerberos, checks of revocation, a provider nobody knows); `why` says what to
 * do instead. */
MUST_USE enum err keeper_security_set(struct keeper_config *config,
                                      struct bytes key, struct bytes value,
                                      struct errmsg *why);

/* Check the whole, fill in what is implied. ERR_INVALID. */
MUST_USE enum err keeper_security_finish(struct keeper_config *config,
                                         struct errmsg *why);

#endif
