/*
 * absurd-reply: replies whose counts, lengths and sizes are out of all bounds, one for each user's
 * name (auth) or path (fs). Whoever believes one of them reads where nothing is.
 */
#include <string.h>

#include "fault.h"

static int32_t reply_as(const struct sp_host *host, sp_token token, const struct sp_reply *reply)
{
    host->complete(host, token, reply);
    return SP_PENDING;
}

static int32_t password(void *self, const struct sp_auth_event *event)
{
    const struct sp_host *host = self;
    struct sp_prompt prompt = {.text = sp_str_of("?")};
    struct sp_grant grant = {.struct_size = sizeof grant};
    struct sp_auth_reply reply = {.head = {sizeof reply, SP_ALLOW}};

    if (strcmp(event->user.data, "no reply") == 0)
        return reply_as(host, event->head.token, NULL);
    if (strcmp(event->user.data, "no size") == 0)
        reply.head.struct_size = 0;
    if (strcmp(event->user.data, "huge size") == 0)
        reply.head.struct_size = UINT32_MAX;
    if (strcmp(event->user.data, "prompts") == 0) {
        reply.prompts = &prompt;
        reply.prompts_count = UINT32_MAX;
    }
    if (strcmp(event->user.data, "no prompts") == 0)
        reply.prompts_count = 1;
    if (strcmp(event->user.data, "text") == 0)
        reply.banner = (struct sp_str){"x", UINT64_MAX};
    if (strcmp(event->user.data, "no text") == 0)
        reply.banner = (struct sp_str){NULL, 7};
    if (strcmp(event->user.data, "NUL in a name") == 0)
        grant.root = (struct sp_str){"/\0etc", 5};
    if (strcmp(event->user.data, "groups") == 0)
        grant.groups_count = 1u << 30;
    if (strcmp(event->user.data, "grant size") == 0)
        grant.struct_size = 3;
    reply.grant = &grant;
    return reply_as(host, event->head.token, &reply.head);
}

static int32_t readdir(void *self, const struct sp_fs_handle *event)
{
    struct sp_fs_entry entries[2] = {
        {.name = {"a", 1}, .attributes = {.struct_size = sizeof(struct sp_fs_attributes)}},
        {.name = {"b", 1}, .attributes = {.struct_size = sizeof(struct sp_fs_attributes)}},
    };
    struct sp_fs_reply reply = {
        .head = {sizeof reply, SP_OK}, .entries = entries, .entries_count = 2};
    if (event->handle == 1)
        reply.entries_count = UINT64_MAX / sizeof *entries + 2;
    if (event->handle == 2)
        entries[1].attributes.struct_size = 8; /* where would the next one begin? */
    if (event->handle == 3)
        entries[0].attributes.struct_size = 0;
    if (event->handle == 4) {
        entries[0].attributes.extended_count = 1;
        entries[0].attributes.extended = NULL;
    }
    return reply_as(self, event->head.token, &reply.head);
}

static const struct sp_auth_v1 auth = {.struct_size = sizeof auth, .password = password};
static const struct sp_fs_v1 fs = {.struct_size = sizeof fs, .readdir = readdir};
static const struct sp_interface interfaces[] = {
    {SP_AUTH_INTERFACE, &auth}, {SP_FS_INTERFACE, &fs}, {NULL, NULL}};

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
