/* request_memory.c: copies of the texts of a channel request and of what the channel keeps. */
#include "session/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void request_memory_free(void *arg)
{
    struct request_memory *memory = arg;

    free(memory->name);
    free(memory->value);
    free((char *)(uintptr_t)memory->terminal.term.data);
    free((char *)(uintptr_t)memory->terminal.modes.data);
    for (size_t i = 0; i < memory->environment_count; i++) {
        free((char *)(uintptr_t)memory->environment[i].name.data);
        free((char *)(uintptr_t)memory->environment[i].value.data);
    }
    free(memory->environment);
    free(memory);
}

char *request_duplicate(const char *text, size_t length)
{
    char *copy = malloc(length + 1);

    if (copy) {
        if (length)
            memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

static struct sp_str duplicate_str(struct sp_str str)
{
    return (struct sp_str){request_duplicate(str.data, (size_t)str.len), str.len};
}

struct request_memory *request_memory_new(struct channel *channel,
                                          const struct channel_request *request)
{
    const struct channel_requests *requests = channel_requests(channel);
    struct request_memory *memory = calloc(1, sizeof *memory);
    bool is_complete;

    if (!memory)
        return NULL;
    memory->name = request_duplicate(request->name, request->name_length);
    memory->value = request_duplicate(request->value, request->value_length);
    snprintf(memory->type, sizeof memory->type, "%s", channel_type(channel));
    memory->x11 = request->x11;
    memory->x11.protocol = (struct sp_str){memory->name, request->name_length};
    memory->x11.cookie = (struct sp_str){memory->value, request->value_length};
    memory->terminal = requests->terminal;
    memory->terminal.term = duplicate_str(requests->terminal.term);
    memory->terminal.modes = duplicate_str(requests->terminal.modes);
    memory->environment = calloc(requests->environment_count + 1, sizeof *memory->environment);
    is_complete = memory->name && memory->value && memory->terminal.term.data &&
                  memory->terminal.modes.data && memory->environment;
    for (size_t i = 0; is_complete && i < requests->environment_count; i++) {
        memory->environment[i].name = duplicate_str(requests->environment[i].name);
        memory->environment[i].value = duplicate_str(requests->environment[i].value);
        memory->environment_count++;
        is_complete = memory->environment[i].name.data && memory->environment[i].value.data;
    }
    if (!is_complete) {
        request_memory_free(memory);
        return NULL;
    }
    return memory;
}
