/* zkc_in.h - what the parts of zkc share: the socket and its frames. */
#ifndef GREGOR_TOOLS_SHELL_ZKC_IN_H
#define GREGOR_TOOLS_SHELL_ZKC_IN_H

#include "tools/shell/zkc.h"

enum {
    ZKC_FRAME_MOST = 64 << 20, /* bytes of one reply, bytes of one request */
    ZKC_RETRY_MS = 1000,       /* between attempts to connect, unasked */
};

int64_t zkc_now_ms(void);

/* Begin a frame: room for its length; end it: length set and sent. */
void zkc_frame_begin(struct zkc *zkc);
MUST_USE enum err zkc_frame_send(struct zkc *zkc);

/* The next frame, waiting at most `wait_ms`; ERR_AGAIN: none came in that time.
 * Borrowed until the next call. */
MUST_USE enum err zkc_frame_read(struct zkc *zkc, int wait_ms,
                                 struct bytes *frame);

/* Connect and shake hands with one of the servers after the other. False: none
 * of them answers, or the session is over (its state says which). */
MUST_USE bool zkc_connect(struct zkc *zkc);

/* Close the connection, if there is one; `clean`: with a goodbye of TLS. */
void zkc_hang_up(struct zkc *zkc, bool clean);

/* The connection is gone: says so to on_event. */
void zkc_disconnect(struct zkc *zkc);

void zkc_tell(struct zkc *zkc, const char *state);

#endif
