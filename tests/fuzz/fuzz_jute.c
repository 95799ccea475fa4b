/* Every reader of ZooKeeper's records: the first byte chooses which. */
#include "tests/fuzz/fuzz_messages.h"
#include "wire/apis.h"

enum { HEAD = 1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most,
                               unsigned seed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= HEAD)
        fuzz_message(&jute_messages[data[0] % n_jute_messages], 0,
                     bytes_make(data + HEAD, size - HEAD));
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most,
                               unsigned seed)
{
    struct wire_random rnd = { seed };

    if (wire_random_u64(&rnd) % 8 != 0 || most < HEAD)
        return LLVMFuzzerMutate(data, size, most);
    data[0] = (uint8_t)(wire_random_u64(&rnd) % n_jute_messages);
    return HEAD + fuzz_fresh(&jute_messages[data[0]], 0, wire_random_u64(&rnd),
                             data + HEAD, most - HEAD);
}
