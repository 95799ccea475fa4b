/* ktls_in.h - what the files of TLS share. Private to them. */
#ifndef GREGOR_KEEPER_KTLS_IN_H
#define GREGOR_KEEPER_KTLS_IN_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct ktls {
    SSL_CTX *ctx;
    bool check_host; /* the client's certificate must name its address */
};

#endif
