/* api_allocate_producer_ids.c - AllocateProducerIds: a block of producer ids
 * for a broker (4.6). */
#include "api/api_table.h"
#include "api/controller_ask.h"

void api_allocate_producer_ids(struct request *request)
{
    controller_ask(request, controller_allocate_producer_ids);
}
