/* fuzz_properties.c - Java's properties syntax, and values against their keys.
 */
#include "base/conf.h"
#include "base/properties.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct bytes text)
{
    static const struct conf_key keys[] = {
        { "int", CONF_INT, "1", -5, 1e300, NULL, CONF_STATIC, 0, "" },
        { "double", CONF_DOUBLE, "1", 0, 1, NULL, CONF_STATIC, 0, "" },
        { "list", CONF_LIST, "a", 0, 0, "a,b", CONF_STATIC, 0, "" },
        { "bool", CONF_BOOL, "true", 0, 0, NULL, CONF_STATIC, 0, "" },
        { "secret", CONF_PASSWORD, NULL, 0, 0, NULL, CONF_STATIC, 0, "" },
    };
    struct conf_value value;
    struct errmsg why;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        err_ignore(conf_check(&keys[i], text, &value, &why), "fuzzing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct properties props;
    struct errmsg why;

    properties_init(&props, "fuzz");
    err_ignore(properties_parse(&props, bytes_make(data, size), &why),
               "fuzzing");
    for (size_t i = 0; i < props.n; i++)
        check_value(props.items[i].value);
    check_value(bytes_make(data, size));
    properties_fini(&props);
    return 0;
}
