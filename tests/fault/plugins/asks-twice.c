/*
 * asks-twice: lets in whoever answers one question with "one" and the next two with "two" and
 * "three". What it asks tells the round and the try it was asked for.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"

static int32_t ask(const struct sp_host *host, const struct sp_auth_event *event,
                   uint32_t prompts_count)
{
    static const struct sp_prompt prompts[2] = {{.text = {"first: ", 7}, .echo = 1},
                                                {.text = {"second: ", 8}}};
    char position[64];
    struct sp_auth_reply reply = {.head = {sizeof reply, SP_ASK}};

    snprintf(position, sizeof position, "round %u attempt %u", event->round, event->attempt);
    reply.instruction = sp_str_of(position);
    reply.name = sp_str_of("questions");
    reply.prompts = prompts;
    reply.prompts_count = prompts_count;
    host->complete(host, event->head.token, &reply.head);
    return SP_PENDING;
}

static bool answered(const struct sp_auth_event *event, uint64_t number, const char *text)
{
    return number < event->responses_count && strcmp(event->responses[number].data, text) == 0;
}

static int32_t keyboard_interactive(void *self, const struct sp_auth_event *event)
{
    if (event->round == 0 && event->responses_count == 0)
        return ask(self, event, 1);
    if (event->round == 1 && event->responses_count == 1 && answered(event, 0, "one"))
        return ask(self, event, 2);
    if (event->round == 2 && event->responses_count == 2 && answered(event, 0, "two") &&
        answered(event, 1, "three"))
        return SP_ALLOW;
    return SP_DENY;
}

static const struct sp_auth_v1 auth = {.struct_size = sizeof auth,
                                       .keyboard_interactive = keyboard_interactive};
static const struct sp_interface interfaces[] = {{SP_AUTH_INTERFACE, &auth}, {NULL, NULL}};

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
