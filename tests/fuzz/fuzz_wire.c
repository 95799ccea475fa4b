/* Every reader of Kafka's messages: the first byte is the api key (250 and
 * above: a record), the second the version, with the response's bit on top. */
#include "tests/fuzz/fuzz_messages.h"
#include "wire/apis.h"

enum { HEAD = 2, RECORDS_FROM = 250, RESPONSE = 0x80 };

static const struct wire_message *choose(const uint8_t *data, int16_t *version)
{
    *version = data[1] & 0x7f;
    if (data[0] >= RECORDS_FROM) {
        /* Six keys are left; the version's upper bits choose among more. */
        size_t i = (size_t)(data[0] - RECORDS_FROM) * 8 + (data[1] >> 4 & 7);

        *version = data[1] & 0x0f;
        return &wire_record_messages[i % n_wire_record_messages];
    }
    const struct wire_api *api = wire_api_find(data[0]);
    if (api == NULL)
        return NULL;
    return data[1] & RESPONSE ? &api->response : &api->request;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most,
                               unsigned seed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int16_t version;

    if (size < HEAD)
        return 0;
    const struct wire_message *message = choose(data, &version);
    if (message != NULL)
        fuzz_message(message, version, bytes_make(data + HEAD, size - HEAD));
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most,
                               unsigned seed)
{
    struct wire_random rnd = { seed };
    int16_t version;

    if (wire_random_u64(&rnd) % 8 != 0 || most < HEAD)
        return LLVMFuzzerMutate(data, size, most);
    if (wire_random_u64(&rnd) % 8 == 0)
        data[0] = (uint8_t)(RECORDS_FROM + wire_random_u64(&rnd) % 6);
    else
        data[0] = (uint8_t)wire_apis[wire_random_u64(&rnd) % n_wire_apis].key;
    data[1] = (uint8_t)(wire_random_u64(&rnd) & 0x8f);
    const struct wire_message *message = choose(data, &version);
    if (version > message->max) {
        version = message->max;
        data[1] = (uint8_t)((data[1] & 0xf0) | version);
    }
    return HEAD + fuzz_fresh(message, version, wire_random_u64(&rnd),
                             data + HEAD, most - HEAD);
}
