/* api_table.c - the list of api_table.h as an array. */
#include "api/api_table.h"

#include "wire/apis.h"

enum { API_KEY_MOST = 80 };

static api_fn *const handlers[API_KEY_MOST] = {
#define X(key, name) [WIRE_##key] = api_##name,
    API_HANDLERS(X)
#undef X
};

api_fn *api_handler(int16_t key)
{
    return key >= 0 && key < API_KEY_MOST ? handlers[key] : NULL;
}
