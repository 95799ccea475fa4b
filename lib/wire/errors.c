/* errors.c - names of Kafka's error codes. */
#include "wire/errors.h"

const char *kafka_error_name(int16_t code)
{
    switch (code) {
#define X(name, value)                                                         \
    case value:                                                                \
        return #name;
        KAFKA_ERROR_LIST(X)
#undef X
    default:
        return "UNKNOWN";
    }
}
