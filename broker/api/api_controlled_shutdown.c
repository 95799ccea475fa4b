/* api_controlled_shutdown.c - ControlledShutdown: a broker moves its leaders
 * before it stops (3.12). */
#include "api/api_table.h"
#include "api/controller_ask.h"

void api_controlled_shutdown(struct request *request)
{
    controller_ask(request, controller_controlled_shutdown);
}
