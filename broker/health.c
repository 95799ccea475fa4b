/* health.c - one ApiVersions to a broker, and one line about it. */
#include "health.h"

#include <stdio.h>
#include <unistd.h>

#include "base/diag.h"
#include "net/net.h"
#include "wire/errors.h"
#include "wire/msg_api_versions.h"

struct question {
    struct peer_call call;
    bool answered;
    bool healthy;
};

static void on_answer(struct peer_call *call)
{
    struct question *question = CONTAINER_OF(call, struct question, call);
    const struct wire_api_versions_response *response = call->response;

    question->answered = true;
    question->healthy =
        call->err == ERR_OK && response->error_code == KAFKA_NONE;
}

/* Split "host:port"; false when it is not such. */
static bool split(const char *address, char host[static 256], int *port)
{
    struct bytes text = bytes_of(address);
    const char *colon = strrchr(address, ':');
    int64_t number;
    size_t len;

    if (colon == NULL)
        return false;
    len = (size_t)(colon - address);
    if (!bytes_to_int64(bytes_make(colon + 1, text.len - len - 1), 1, 65535,
                        &number))
        return false;
    if (len >= 2 && address[0] == '[' && colon[-1] == ']') {
        address++;
        len -= 2;
    }
    if (len == 0 || len > 255)
        return false;
    memcpy(host, address, len);
    host[len] = '\0';
    *port = (int)number;
    return true;
}

static enum err ask(const struct peer_config *config, struct question *question,
                    struct errmsg *why)
{
    struct wire_api_versions_request request;
    struct loop *loop = NULL;
    struct pool *pool = NULL;
    struct peer *peer = NULL;
    enum err err;

    err = loop_new(&loop, "health", why);
    if (err == ERR_OK)
        err = pool_new(&pool, "names", 1, why);
    if (err == ERR_OK)
        err = peer_new(&peer, loop, pool, config, why);
    if (err == ERR_OK) {
        wire_api_versions_request_init(&request);
        peer_send(peer, &question->call, &request);
        while (!question->answered)
            loop_turn(loop, -1);
        *why = question->call.why;
        err = question->call.err;
    }
    peer_free(&peer);
    pool_free(&pool);
    if (loop != NULL)
        loop_turn(loop, 0); /* a look-up that came too late */
    loop_free(&loop);
    return err;
}

int health_main(const char *address)
{
    struct question question = { .call = { .key = WIRE_API_VERSIONS,
                                           .version = 0,
                                           .timeout_us = 3000000,
                                           .on_done = on_answer } };
    struct peer_config config = { .client_id = "gregor-health",
                                  .backoff_us = 100000 };
    struct errmsg why = { "" };
    char host[256];

    if (!split(address, host, &config.port)) {
        (void)fprintf(stderr, "gregor: health takes HOST:PORT, not %s\n",
                      address);
        return 2;
    }
    diag_open(STDERR_FILENO, DIAG_ERROR); /* one line, and that is ours */
    config.host = host;
    if (ask(&config, &question, &why) == ERR_OK && question.healthy) {
        (void)printf("healthy: %s answers\n", address);
        return 0;
    }
    (void)printf("unhealthy: %s\n",
                 why.text[0] ? why.text : "it answers with errors");
    return 1;
}
