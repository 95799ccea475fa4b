/* load.c - the load of the benchmark: librdkafka against any broker.
 *
 *   load produce BOOTSTRAP TOPIC PARTITIONS SIZE MEGABYTES [key=value...]
 *   load fetch   BOOTSTRAP TOPIC PARTITIONS MEGABYTES
 *   load latency BOOTSTRAP TOPIC RATE SECONDS SIZE
 *   load first   BOOTSTRAP TOPIC          (time of the first acknowledgement)
 *   load topics  BOOTSTRAP TOPIC COUNT    (a topic of COUNT partitions)
 *   load idle    HOST PORT COUNT          (connections, until stdin ends)
 *
 * Each prints lines "name value". Records are text that lz4 halves. produce:
 * linger 5 ms, batches up to 1 MB, acks=1 unless told otherwise. latency: acks
 * 1, linger 0, a consumer at the end of the same partition, wall clock from
 * just before produce() to the record's arrival; the first 20 s warm the broker
 * and do not count.
 */
#include <arpa/inet.h>
#include <librdkafka/rdkafka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char why[256];

    if (rd_kafka_conf_set(conf, key, value, why, sizeof why) !=
        RD_KAFKA_CONF_OK)
        die(why);
}

static uint64_t delivered;
static uint64_t failed;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
    (void)rk;
    (void)arg;
    if (m->err) {
        failed++;
        fprintf(stderr, "load: %s\n", rd_kafka_err2str(m->err));
    } else
        delivered++;
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[256];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);

    if (rk == NULL)
        die(why);
    return rk;
}

static rd_kafka_t *producer(const char *bootstrap, int extra, char **more)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    set(conf, "bootstrap.servers", bootstrap);
    set(conf, "acks", "1");
    set(conf, "linger.ms", "5");
    set(conf, "batch.size", "1000000");
    set(conf, "batch.num.messages", "100000");
    set(conf, "queue.buffering.max.messages", "1000000");
    set(conf, "queue.buffering.max.kbytes", "262144");
    for (int i = 0; i < extra; i++) {
        char *value = strchr(more[i], '=');

        if (value == NULL)
            die("options are key=value");
        *value = '\0';
        set(conf, more[i], value + 1);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return client(RD_KAFKA_PRODUCER, conf);
}

/* Text that lz4 halves: random words and repeated ones in turn. */
static void fill(char *at, size_t size)
{
    unsigned seed = 7;

    for (size_t i = 0; i < size; i++) {
        seed = seed * 1103515245u + 12345u;
        at[i] = (i / 16) % 2 ? "abcdefghijklmnop"[i % 16]
                             : (char)('a' + (seed >> 16) % 26);
    }
}

static int produce(int argc, char **argv)
{
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    int partitions = atoi(argv[4]);
    size_t size = (size_t)atol(argv[5]);
    uint64_t n = (uint64_t)atol(argv[6]) * 1000000 / size;
    char *value = malloc(size);
    double began;

    rk = producer(argv[2], argc - 7, argv + 7);
    topic = rd_kafka_topic_new(rk, argv[3], NULL);
    fill(value, size);
    began = now_s();
    for (uint64_t i = 0; i < n; i++) {
        while (rd_kafka_produce(
                   topic, (int32_t)(i / 1000 % (unsigned)partitions),
                   RD_KAFKA_MSG_F_COPY, value, size, NULL, 0, NULL) != 0) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
                die(rd_kafka_err2str(rd_kafka_last_error()));
            rd_kafka_poll(rk, 10);
        }
        if (i % 1000 == 0)
            rd_kafka_poll(rk, 0);
    }
    while (delivered + failed < n)
        rd_kafka_poll(rk, 100);
    double took = now_s() - began;
    printf("records %llu\nfailed %llu\nseconds %.3f\nmb_per_s %.1f\n",
           (unsigned long long)delivered, (unsigned long long)failed, took,
           (double)delivered * (double)size / took / 1e6);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    free(value);
    return failed != 0;
}

static rd_kafka_t *consumer(const char *bootstrap, const char *topic,
                            int partitions, int64_t offset)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *all;
    rd_kafka_t *rk;

    set(conf, "bootstrap.servers", bootstrap);
    set(conf, "group.id", "load");
    set(conf, "enable.auto.commit", "false");
    set(conf, "fetch.message.max.bytes", "1048576");
    set(conf, "fetch.wait.max.ms", "100");
    set(conf, "queued.max.messages.kbytes", "65536");
    rk = client(RD_KAFKA_CONSUMER, conf);
    all = rd_kafka_topic_partition_list_new(partitions);
    for (int p = 0; p < partitions; p++)
        rd_kafka_topic_partition_list_add(all, topic, p)->offset = offset;
    rd_kafka_assign(rk, all);
    rd_kafka_topic_partition_list_destroy(all);
    return rk;
}

static int fetch(char **argv)
{
    uint64_t bytes = (uint64_t)atol(argv[5]) * 1000000;
    rd_kafka_t *rk =
        consumer(argv[2], argv[3], atoi(argv[4]), RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    rd_kafka_message_t **batch = malloc(10000 * sizeof(*batch));
    uint64_t got = 0, records = 0;
    double began = 0, quiet = now_s();

    while (got < bytes && now_s() - quiet < 30) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 100, batch, 10000);

        for (ssize_t i = 0; i < n; i++) {
            if (!batch[i]->err) {
                got += batch[i]->len;
                records++;
            }
            rd_kafka_message_destroy(batch[i]);
        }
        if (n > 0)
            quiet = now_s();
        if (n > 0 && began == 0)
            began = quiet;
    }
    double took = now_s() - began;
    printf("records %llu\nbytes %llu\nseconds %.3f\nmb_per_s %.1f\n",
           (unsigned long long)records, (unsigned long long)got, took,
           (double)got / took / 1e6);
    free(batch);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return got < bytes;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sends records that carry the time, at a pace; a thread beside the consumer.
 */
struct pacer {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    double rate;
    size_t size;
    atomic_bool primed; /* the consumer has found the end and reads on */
    atomic_bool over;
};

/* It sleeps between records: a sender that spins would take a whole core from
 * the broker, and what is measured then is how long the others wait for it. */
static void *send_paced(void *arg)
{
    struct pacer *pacer = arg;
    char *value = malloc(pacer->size);
    double next = now_s();

    fill(value, pacer->size);
    while (!atomic_load(&pacer->over)) {
        struct timespec at = { .tv_sec = (time_t)next };
        double t;

        at.tv_nsec = (long)((next - (double)at.tv_sec) * 1e9);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        t = now_s();
        memcpy(value, &t, sizeof t);
        rd_kafka_produce(pacer->topic, 0, RD_KAFKA_MSG_F_COPY, value,
                         pacer->size, NULL, 0, NULL);
        rd_kafka_poll(pacer->rk, 0);
        next += atomic_load(&pacer->primed) ? 1 / pacer->rate : 0.01;
    }
    free(value);
    return NULL;
}

static int latency(char **argv)
{
    double seconds = atof(argv[5]), warm = 20, began = now_s(), t;
    char linger[] = "linger.ms=0";
    char *more[] = { linger };
    struct pacer pacer = { .rate = atof(argv[4]),
                           .size = (size_t)atol(argv[6]) };
    rd_kafka_t *in = consumer(argv[2], argv[3], 1, RD_KAFKA_OFFSET_END);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(in);
    size_t most = (size_t)(pacer.rate * (seconds + 1)), n = 0;
    double *took = malloc(most * sizeof(*took));
    pthread_t sender;

    pacer.rk = producer(argv[2], 1, more);
    pacer.topic = rd_kafka_topic_new(pacer.rk, argv[3], NULL);
    if (pthread_create(&sender, NULL, send_paced, &pacer) != 0)
        die("no thread");
    while ((t = now_s()) - began < seconds + warm && n < most) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(queue, 100);

        if (m != NULL && !m->err && m->len == pacer.size) {
            double sent;

            atomic_store(&pacer.primed, true);
            memcpy(&sent, m->payload, sizeof sent);
            if (sent - began > warm)
                took[n++] = now_s() - sent;
        }
        if (m != NULL)
            rd_kafka_message_destroy(m);
    }
    atomic_store(&pacer.over, true);
    pthread_join(sender, NULL);
    if (n == 0)
        die("no record arrived");
    qsort(took, n, sizeof(*took), by_value);
    printf("records %zu\np50_ms %.3f\np99_ms %.3f\np999_ms %.3f\n", n,
           took[n / 2] * 1e3, took[n * 99 / 100] * 1e3,
           took[n * 999 / 1000] * 1e3);
    rd_kafka_flush(pacer.rk, 5000);
    rd_kafka_topic_destroy(pacer.topic);
    rd_kafka_destroy(pacer.rk);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(in);
    free(took);
    return 0;
}

/* Wait until somebody listens: librdkafka itself looks once a second only. */
static void wait_for(const char *bootstrap)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    char host[64];
    const char *colon = strrchr(bootstrap, ':');
    struct timespec pause = { .tv_nsec = 500000 };

    if (colon == NULL || (size_t)(colon - bootstrap) >= sizeof host)
        die("bootstrap is host:port");
    memcpy(host, bootstrap, (size_t)(colon - bootstrap));
    host[colon - bootstrap] = '\0';
    inet_pton(AF_INET, host, &to.sin_addr);
    to.sin_port = htons((uint16_t)atoi(colon + 1));
    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        int rc = connect(fd, (struct sockaddr *)&to, sizeof to);

        close(fd);
        if (rc == 0)
            return;
        nanosleep(&pause, NULL);
    }
}

static int first(char **argv)
{
    char metadata[] = "topic.metadata.refresh.fast.interval.ms=5";
    char backoff[] = "reconnect.backoff.ms=2";
    char linger[] = "linger.ms=0";
    char retry[] = "retry.backoff.ms=2";
    char most[] = "reconnect.backoff.max.ms=10";
    char *more[] = { metadata, backoff, linger, retry, most };
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    struct timespec t;

    wait_for(argv[2]);
    rk = producer(argv[2], 5, more);
    topic = rd_kafka_topic_new(rk, argv[3], NULL);
    /* A broker that is just up may refuse to make the topic yet. */
    while (delivered == 0) {
        uint64_t before = failed;

        rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t) "x",
                         1, NULL, 0, NULL);
        while (delivered == 0 && failed == before)
            rd_kafka_poll(rk, 50);
    }
    clock_gettime(CLOCK_MONOTONIC, &t);
    printf("failed %llu\nacknowledged_at %.6f\n", (unsigned long long)failed,
           (double)t.tv_sec + (double)t.tv_nsec / 1e9);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    return 0;
}

static int topics(char **argv)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *rk;
    rd_kafka_NewTopic_t *topic;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
    const rd_kafka_topic_result_t **results;
    size_t n;
    double began;

    set(conf, "bootstrap.servers", argv[2]);
    rk = client(RD_KAFKA_PRODUCER, conf);
    queue = rd_kafka_queue_new(rk);
    const struct rd_kafka_metadata *md;
    rd_kafka_metadata(rk, 0, NULL, &md,
                      10000); /* connect before the clock runs */
    rd_kafka_metadata_destroy(md);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_operation_timeout(options, 60000, why,
                                                sizeof why);
    rd_kafka_AdminOptions_set_request_timeout(options, 90000, why, sizeof why);
    topic = rd_kafka_NewTopic_new(argv[3], atoi(argv[4]), 1, why, sizeof why);
    began = now_s();
    rd_kafka_CreateTopics(rk, &topic, 1, options, queue);
    event = rd_kafka_queue_poll(queue, 100000);
    if (event == NULL || rd_kafka_event_error(event))
        die(event ? rd_kafka_event_error_string(event) : "no answer");
    results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event), &n);
    if (rd_kafka_topic_result_error(results[0]))
        die(rd_kafka_topic_result_error_string(results[0]));
    printf("seconds %.4f\n", now_s() - began);
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return 0;
}

static int idle(char **argv)
{
    int n = atoi(argv[4]);
    struct rlimit files;
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)atoi(argv[3])) };

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    inet_pton(AF_INET, argv[2], &to.sin_addr);
    for (int i = 0; i < n; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        /* ApiVersions v0, so that each is a real, idle client */
        static const unsigned char hello[] = { 0, 0, 0, 10, 0, 18,   0,
                                               0, 0, 0, 0,  1, 0xff, 0xff };
        unsigned char answer[4096];

        if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
            die("connect");
        if (write(fd, hello, sizeof hello) != sizeof hello ||
            read(fd, answer, sizeof answer) <= 0)
            die("no answer");
    }
    printf("connected %d\n", n);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 7 && strcmp(argv[1], "produce") == 0)
        return produce(argc, argv);
    if (argc == 6 && strcmp(argv[1], "fetch") == 0)
        return fetch(argv);
    if (argc == 7 && strcmp(argv[1], "latency") == 0)
        return latency(argv);
    if (argc == 4 && strcmp(argv[1], "first") == 0)
        return first(argv);
    if (argc == 5 && strcmp(argv[1], "topics") == 0)
        return topics(argv);
    if (argc == 5 && strcmp(argv[1], "idle") == 0)
        return idle(argv);
    die("see the head of load.c for its arguments");
    return 2;
}
