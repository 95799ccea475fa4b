/* The admin server and the metrics page over loopback, and their JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/kjson.h"
#include "keeper/keeper.h"
#include "tests/support/dial.h"
#include "tests/support/unit.h"

static char dir[64];

static enum err start(struct keeper **keeper, const char *port,
                      struct errmsg *why)
{
    static const char *const settings[][2] = {
        { "clientPort", "0" },
        { "clientPortAddress", "127.0.0.1" },
        { "admin.enableServer", "true" },
        { "admin.serverAddress", "127.0.0.1" },
        { "admin.commandURL", "/do" },
        { "metricsProvider.className", "x.PrometheusMetricsProvider" },
        { "metricsProvider.httpHost", "127.0.0.1" },
        { "metricsProvider.httpPort", "0" },
    };
    struct keeper_config config;
    enum err err;

    strcpy(dir, "/tmp/test_kadmin.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    keeper_config_init(&config);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        ck_assert_err(keeper_config_set(&config, bytes_of(settings[i][0]),
                                        bytes_of(settings[i][1]), why),
                      ERR_OK);
    ck_assert_err(keeper_config_set(&config, BYTES("admin.serverPort"),
                                    bytes_of(port), why),
                  ERR_OK);
    ck_assert_err(
        keeper_config_set(&config, BYTES("dataDir"), bytes_of(dir), why),
        ERR_OK);
    why->text[0] = '\0';
    ck_assert_err(
        keeper_config_read(&config,
                           BYTES("# file\nssl.keyStore.password=open\n"
                                 "ssl.trustStore.password = se\\\nsesame"),
                           "zoo.cfg", why),
        ERR_OK);
    err = keeper_start(keeper, &config, why);
    keeper_config_fini(&config);
    return err;
}

static void stop(struct keeper **keeper)
{
    char command[128];

    keeper_stop(keeper);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

/* Send `request` in pieces of `piece` bytes, read to the end. Owned text. */
static char *ask(uint16_t port, const char *request, size_t piece)
{
    enum { MOST = 1 << 20 };
    char *answer = calloc(1, MOST);
    size_t len = strlen(request);
    size_t n = 0;
    ssize_t got;
    int fd = dial(port);

    for (size_t at = 0; at < len; at += piece) {
        size_t most = len - at < piece ? len - at : piece;

        ck_assert_int_eq(send(fd, request + at, most, MSG_NOSIGNAL), (int)most);
    }
    while ((got = recv(fd, answer + n, MOST - n - 1, 0)) > 0)
        n += (size_t)got;
    close(fd);
    return answer;
}

static void answers(uint16_t port, const char *request, const char *has)
{
    char *answer = ask(port, request, 1000);

    ck_assert_msg(strstr(answer, has) != NULL, "%s\n%s", request, answer);
    free(answer);
}

START_TEST(json_is_laid_out_as_the_real_server_lays_it_out)
{
    struct kjson json;
    struct wr w;

    wr_init(&w, 1000);
    kjson_init(&json, &w);
    kjson_object(&json, NULL);
    kjson_array(&json, "list");
    kjson_object(&json, NULL);
    kjson_int(&json, "a", -1);
    kjson_end(&json);
    kjson_object(&json, NULL);
    kjson_end(&json);
    kjson_end(&json);
    kjson_array_at(&json, BYTES("\"\\\x01\n"));
    kjson_end(&json);
    kjson_double(&json, "d", 2);
    kjson_null(&json, "n");
    kjson_end(&json);
    ck_assert_bytes(bytes_make(w.data, w.len),
                    BYTES("{\n  \"list\" : [ {\n    \"a\" : -1\n  }, { } ],\n"
                          "  \"\\\"\\\\\\u0001\\n\" : [ ],\n  \"d\" : 2.0,\n"
                          "  \"n\" : null\n}"));
    wr_fini(&w);
}
END_TEST

START_TEST(every_command_answers_with_valid_json)
{
    static const char *const names[] = {
        "configuration", "connections", "crst",    "dirs",     "dump",
        "env",           "gtmk",        "hash",    "icfg",     "isro",
        "lsnp",          "leader",      "monitor", "obsr",     "orst",
        "ruok",          "srvr",        "stmk",    "stat",     "srst",
        "sysp",          "voting_view", "wchs",    "wchc",     "wchp",
        "zabstate",      "snapshot",    "restore", "no\"such",
    };
    struct keeper *keeper = NULL;
    struct errmsg why;

    ck_assert_err(start(&keeper, "0", &why), ERR_OK);
    uint16_t port = keeper_admin_port(keeper);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char request[256];
        json_error_t error;
        json_t *json;
        char *answer;

        (void)snprintf(request, sizeof request,
                       "GET /do/%s HTTP/1.1\r\nConnection: close\r\n\r\n",
                       names[i]);
        answer = ask(port, request, 7);
        ck_assert_ptr_nonnull(strstr(answer, "\r\n\r\n"));
        json = json_loads(strstr(answer, "\r\n\r\n") + 4, 0, &error);
        ck_assert_msg(json != NULL, "%s: %s\n%s", names[i], error.text, answer);
        ck_assert_ptr_nonnull(json_object_get(json, "command"));
        ck_assert_ptr_null(strstr(answer, "sesame"));
        if (strcmp(names[i], "icfg") == 0)
            ck_assert_str_eq(json_string_value(json_object_get(
                                 json, "initial_configuration")),
                             "# file\nssl.keyStore.password=***\n"
                             "ssl.trustStore.password =***");
        json_decref(json);
        free(answer);
    }
    stop(&keeper);
}
END_TEST

START_TEST(a_snapshot_is_sent_to_whoever_may_do_everything)
{
    struct keeper *keeper = NULL;
    struct errmsg why;

    ck_assert_err(start(&keeper, "0", &why), ERR_OK);
    uint16_t port = keeper_admin_port(keeper);
    answers(port, "GET /do/snapshot HTTP/1.0\r\n\r\n", " 401 ");
    answers(port, "GET /do/snapshot HTTP/1.0\r\nAuthorization: sasl x\r\n\r\n",
            " 401 ");
    answers(port,
            "GET /do/snapshot HTTP/1.0\r\nAuthorization: digest a:b\r\n\r\n",
            "\r\n\r\nZKSN");
    stop(&keeper);
}
END_TEST

START_TEST(the_metrics_page_is_what_prometheus_reads)
{
    struct keeper *keeper = NULL;
    struct errmsg why;

    ck_assert_err(start(&keeper, "0", &why), ERR_OK);
    uint16_t port = keeper_metrics_port(keeper);
    answers(port, "GET /metrics HTTP/1.0\r\n\r\n",
            "# TYPE znode_count gauge\nznode_count 5.0\n");
    answers(port, "GET /metrics HTTP/1.0\r\n\r\n",
            "readlatency{quantile=\"0.99\",} NaN\n");
    answers(port, "GET /metrics HTTP/1.0\r\n\r\n", "process_open_fds ");
    answers(port, "GET / HTTP/1.0\r\n\r\n", " 404 ");
    stop(&keeper);
}
END_TEST

START_TEST(bad_requests_are_refused_and_a_good_one_behind_them_is_served)
{
    struct keeper *keeper = NULL;
    struct errmsg why;
    char *big = calloc(1, 40000);

    ck_assert_err(start(&keeper, "0", &why), ERR_OK);
    uint16_t port = keeper_admin_port(keeper);
    answers(port, "hello\r\n\r\n", " 400 ");
    answers(port, "\r\n\r\n", " 400 ");
    answers(port, "GET no HTTP/1.1\r\n\r\n", " 400 ");
    answers(port, "PUT /do/ruok HTTP/1.1\r\nConnection: close\r\n\r\n",
            " 405 ");
    answers(port, "POST /do/ruok HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            " 413 ");
    answers(port,
            "POST /do/ruok HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            " 411 ");
    memset(big, 'a', 39999);
    memcpy(big, "GET /", 5);
    answers(port, big, " 413 ");
    free(big);
    answers(port, "HEAD /do/ruok HTTP/1.0\r\n\r\n", "Content-Length: 42\r\n");
    answers(port, "GET /do HTTP/1.0\r\n\r\n", "<a href=\"/do/ruok\">ruok</a>");
    answers(port, "GET /door HTTP/1.0\r\n\r\n", " 404 ");
    stop(&keeper);
}
END_TEST

START_TEST(a_connection_is_kept_for_the_next_request)
{
    const char request[] = "GET /do/ruok HTTP/1.1\r\nHost: x\r\n\r\n";
    struct keeper *keeper = NULL;
    struct errmsg why;
    char answer[4096];

    ck_assert_err(start(&keeper, "0", &why), ERR_OK);
    int fd = dial(keeper_admin_port(keeper));
    for (int i = 0; i < 3; i++) {
        size_t n = 0;

        ck_assert_int_gt(send(fd, request, sizeof request - 1, 0), 0);
        do {
            ssize_t got = recv(fd, answer + n, sizeof answer - n - 1, 0);
            ck_assert_int_gt(got, 0);
            n += (size_t)got;
            answer[n] = '\0';
        } while (strstr(answer, "null\n}") == NULL);
    }
    close(fd);
    stop(&keeper);
}
END_TEST

START_TEST(a_port_that_was_asked_for_and_is_taken_ends_the_start)
{
    struct keeper *first = NULL;
    struct keeper *second = NULL;
    struct errmsg why;
    char port[16];
    char first_dir[64];

    ck_assert_err(start(&first, "0", &why), ERR_OK);
    strcpy(first_dir, dir);
    (void)snprintf(port, sizeof port, "%u", keeper_admin_port(first));
    ck_assert_err(start(&second, port, &why), ERR_NET);
    ck_assert_ptr_nonnull(strstr(why.text, "admin.serverPort"));
    stop(&second);
    strcpy(dir, first_dir);
    stop(&first);
}
END_TEST

UNIT_MAIN("kadmin", json_is_laid_out_as_the_real_server_lays_it_out,
          every_command_answers_with_valid_json,
          a_snapshot_is_sent_to_whoever_may_do_everything,
          the_metrics_page_is_what_prometheus_reads,
          bad_requests_are_refused_and_a_good_one_behind_them_is_served,
          a_connection_is_kept_for_the_next_request,
          a_port_that_was_asked_for_and_is_taken_ends_the_start)
