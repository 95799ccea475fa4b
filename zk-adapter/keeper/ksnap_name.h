/* ksnap_name.h - names of snapshot files, plain and compressed.
 *
 *     snapshot.1f   snapshot.1f.gz   snapshot.1f.snappy
 *
 * The suffix is what snapshot.compression.method was when it was written; any
 * is read. Several of one zxid may lie side by side: the shortest name counts.
 */
#ifndef GREGOR_KEEPER_KSNAP_NAME_H
#define GREGOR_KEEPER_KSNAP_NAME_H

#include "codec/codec.h"

/* The codec that a setting or a suffix stands for; NULL or "": none. */
enum codec ksnap_codec(const char *method);

/* "DIR/PREFIXhex" with the suffix of the codec. Owned by the caller. */
char *ksnap_name(const char *dir, const char *prefix, int64_t zxid,
                 enum codec codec);

/* The name without its suffix ends at the result; `*codec` is the suffix's. */
size_t ksnap_name_stem(const char *name, enum codec *codec);

/* The file of this snapshot that is there (the plain name if none is). */
char *ksnap_name_find(const char *dir, int64_t zxid, enum codec *codec);

/* Remove all files of this snapshot. False: one could not be, errno says why.
 */
bool ksnap_name_remove(const char *dir, int64_t zxid);

#endif
