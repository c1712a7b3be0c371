/*
 * slow-witness: wants to know of every channel and of every fault, and takes its time over each.
 */
#include <unistd.h>

#include "fault.h"

static int32_t witness(void *self, const struct sp_channel_event *event)
{
    (void)self;
    (void)event;
    usleep(5000);
    return SP_OK;
}

static int32_t fault(void *self, const struct sp_connection_event *event)
{
    (void)self;
    (void)event;
    usleep(5000);
    return SP_OK;
}

static const struct sp_channel_v1 channel = {
    .struct_size = sizeof channel, .opened = witness, .closed = witness};
static const struct sp_connection_v1 connection = {.struct_size = sizeof connection,
                                                   .error = fault};
static const struct sp_interface interfaces[] = {
    {SP_CHANNEL_INTERFACE, &channel}, {SP_CONNECTION_INTERFACE, &connection}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = FAULT_ID,
    .version = "1.0",
    .interfaces = interfaces,
    .create = fault_create,
    .destroy = fault_destroy,
};
