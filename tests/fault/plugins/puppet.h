/* puppet.h: what a test hands to the puppet and learns from it. Set before calls are made. */
#ifndef SALLYPORT_TEST_PUPPET_H
#define SALLYPORT_TEST_PUPPET_H

#include <stdatomic.h>

#include <sallyport/plugin.h>

struct puppet {
    /* Every operation: name is "auth.password" …; */
    int32_t (*on_call)(const struct sp_host *host, const char *name, const struct sp_event *event);
    int32_t (*on_create)(const struct sp_host *host, const char *config);
    int32_t (*on_start)(void);
    void (*on_cancel)(const struct sp_host *host, sp_token token);
    void (*on_tick)(const struct sp_host *host);
    void (*on_end)(const char *what); /* "stop", "destroy" */
};

#endif
