/* api_alter_partition.c - AlterPartition: a leader changes the ISR of its
 * partitions. */
#include "api/api_table.h"
#include "api/controller_ask.h"

void api_alter_partition(struct request *request)
{
    controller_ask(request, controller_alter_partition);
}
