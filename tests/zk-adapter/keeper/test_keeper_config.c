/* zoo.cfg. */
#include "keeper/keeper.h"

#include <stdio.h>

#include "tests/support/unit.h"

static enum err read_text(struct keeper_config *config, const char *text,
                          struct errmsg *why)
{
    enum err err;

    keeper_config_init(config);
    why->text[0] = '\0';
    err = keeper_config_read(config, bytes_of(text), "zoo.cfg", why);
    return err == ERR_OK ? keeper_config_finish(config, why) : err;
}

START_TEST(a_file_is_read_as_java_reads_properties)
{
    struct keeper_config c;
    struct errmsg why;

    ck_assert_err(read_text(&c,
                            "# a comment\n! another\n\n"
                            "  tickTime = 2000 \r\n"
                            "dataDir:/var/\\\n    lib/z k\n"
                            "clientPort 2182\n"
                            "zookeeper.extendedTypesEnabled=true\n"
                            "forceSync=no\n4lw.commands.whitelist=*\n",
                            &why),
                  ERR_OK);
    ck_assert_int_eq(c.tick_time_ms, 2000);
    ck_assert_str_eq(c.data_dir, "/var/lib/z k");
    ck_assert_str_eq(c.data_log_dir, "/var/lib/z k");
    ck_assert_int_eq(c.client_port, 2182);
    ck_assert_int_eq(c.min_session_ms, 4000);
    ck_assert_int_eq(c.max_session_ms, 40000);
    ck_assert(c.extended_types && !c.force_sync);
    keeper_config_fini(&c);
}
END_TEST

START_TEST(bad_values_name_file_line_and_key)
{
    struct keeper_config c;
    struct errmsg why;

    ck_assert_err(read_text(&c, "dataDir=/x\n\ntickTime=soon\n", &why),
                  ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(why.text, "zoo.cfg:3"));
    ck_assert_ptr_nonnull(strstr(why.text, "tickTime"));
    keeper_config_fini(&c);
    ck_assert_err(read_text(&c, "clientPort=2181\n", &why), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(why.text, "dataDir"));
    keeper_config_fini(&c);
    ck_assert_err(read_text(&c,
                            "dataDir=/x\nminSessionTimeout=9\n"
                            "maxSessionTimeout=8",
                            &why),
                  ERR_INVALID);
    keeper_config_fini(&c);
}
END_TEST

START_TEST(one_server_line_may_carry_the_port_and_two_are_refused)
{
    struct keeper_config c;
    struct errmsg why;

    ck_assert_err(read_text(&c,
                            "dataDir=/x\n"
                            "server.1=localhost:2888:3888;2181\n",
                            &why),
                  ERR_OK);
    ck_assert_int_eq(c.client_port, 2181);
    keeper_config_fini(&c);
    ck_assert_err(read_text(&c,
                            "dataDir=/x\nserver.1=a:1:2;0.0.0.0:99\n"
                            "server.2=b:1:2\n",
                            &why),
                  ERR_INVALID);
    keeper_config_fini(&c);
}
END_TEST

START_TEST(every_key_is_honoured_accepted_or_refused_with_a_remedy)
{
    static const struct {
        const char *line;
        enum err err;
    } cases[] = {
        { "initLimit=10\nsyncLimit=5\n", ERR_OK },
        { "zookeeper.commitProcessor.numWorkerThreads=4\n", ERR_OK },
        { "admin.enableServer=maybe\n", ERR_INVALID },
        { "admin.serverPort=65536\n", ERR_INVALID },
        { "metricsProvider.className="
          "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider\n",
          ERR_OK },
        { "metricsProvider.className=com.example.Mine\n", ERR_INVALID },
        { "snapshot.compression.method=snappy\n", ERR_OK },
        { "snapshot.compression.method=lzo\n", ERR_OK },
        { "peerType=observer\n", ERR_OK },
        { "peerType=king\n", ERR_INVALID },
        { "DigestAuthenticationProvider.digestAlg=SHA1\n", ERR_OK },
        { "DigestAuthenticationProvider.digestAlg=SHA3-256\n", ERR_INVALID },
        { "audit.enable=true\n", ERR_INVALID },
        { "enforceQuota=true\n", ERR_OK },
        { "server.1=a:2888:3888;2181\n", ERR_OK },
        { "server.1=a:1:2\nserver.2=b:1:2\n", ERR_INVALID },
        { "group.1=1:2\nweight.1=1\nno.such.key=1\n", ERR_OK },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct keeper_config c;
        struct errmsg why;
        char text[512];

        (void)snprintf(text, sizeof text, "dataDir=/x\n%s", cases[i].line);
        ck_assert_msg(read_text(&c, text, &why) == cases[i].err, "%s: %s",
                      cases[i].line, why.text);
        ck_assert_int_eq(cases[i].err != ERR_OK, why.text[0] != '\0');
        if (cases[i].err == ERR_OK)
            ck_assert_str_eq(c.file_text, text);
        keeper_config_fini(&c);
    }
}
END_TEST

UNIT_MAIN("keeper_config", a_file_is_read_as_java_reads_properties,
          bad_values_name_file_line_and_key,
          one_server_line_may_carry_the_port_and_two_are_refused,
          every_key_is_honoured_accepted_or_refused_with_a_remedy)
