/*
 * private.h: the host's own struct, for the files of this folder.
 *
 * One lock guards the tokens and the states of calls. It is held for a few lines at a
 * time, never while a plugin, a service or a callback runs; the reactor's and the pool's own locks
 * may be taken inside it.
 */
#ifndef SALLYPORT_PLUGIN_PRIVATE_H
#define SALLYPORT_PLUGIN_PRIVATE_H

#include <pthread.h>

#include "base/hashmap.h"
#include "base/idmap.h"
#include "plugin/call.h"
#include "plugin/host.h"
#include "plugin/instance.h"
#include "worker/counters.h"

/* Tokens answered lately, to name the operation if a plugin answers it again. */
#define RECENT_TOKENS 256u

struct recent_token {
    sp_token token;
    enum plugin_operation operation;
};

struct service_item;

/* What plugins asked for on other threads, in order. */
struct service_queue {
    pthread_mutex_t lock;
    struct list items;
    uint32_t count;
    struct reactor_task task;
    struct list orphans; /* processes whose channel went before they were attached */
};

struct plugin_host {
    struct reactor *reactor;
    struct pool *pool;
    struct plugin_services services; /* zero if there are none */
    bool is_guest; /* in a plugin's own process: answers are the worker's to judge */
    pthread_t reactor_thread;
    uint64_t slow_ns;      /* 0: nothing is slow */
    uint32_t stuck_max;    /* threads of the pool that plugins may hold up; with more … */
    uint32_t replaced_max; /* … the worker is to be replaced, but its connections still go on */
    bool is_overloaded;    /* there were more */
    struct plugin_instance **instances;
    size_t count;
    struct reactor_timer tick;

    pthread_mutex_t lock;
    pthread_cond_t stopped_running; /* an operation on a pool thread has returned */
    struct idmap tokens;
    struct recent_token recent[RECENT_TOKENS];

    pthread_mutex_t gates_lock;
    struct hashmap gates;

    struct service_queue queue;
};

/* host.c: the host in the process of an isolated instance, with nothing but that instance. */
int plugin_host_new_guest(const struct config *config, const char *instance,
                          struct reactor *reactor, struct pool *pool,
                          const struct plugin_services *services, struct plugin_host **ret_host,
                          struct report *report);
struct plugin_instance *plugin_host_only(struct plugin_host *host);

/* service.c */
void service_init(struct plugin_host *host);
/* The host ends: what plugins asked for is dropped. Threads that are stuck may still ask for more.
 */
void service_drop_queued(struct plugin_host *host);
/* Whether a channel can be asked for so. */
bool service_open_is_sound(const struct sp_channel_open *open);
/* The functions that an instance's plugin is given. */
void service_table(struct sp_host *services);

/* call.c: behind struct sp_host, on any thread. */
int32_t call_complete(struct plugin_instance *instance, sp_token token,
                      const struct sp_reply *reply);
int32_t call_run_blocking(struct plugin_instance *instance, sp_token token,
                          int32_t (*run)(void *self, const struct sp_event *event));
/* The host ends: what is queued will not run. */
void call_drop_queued(struct plugin_instance *instance);
/* The plugin is destroyed: answer what it did not, and give back what it kept. */
void call_release_all(struct plugin_instance *instance);
/* Whether a call's on_done is still to come. */
bool call_is_awaited(struct plugin_instance *instance);

/* The instance holds up a thread of the pool, one of so many, past its time. Once there are too
 * many, the worker as a whole is given up. Reactor thread. */
void call_tell_stuck(struct plugin_instance *instance, const char *operation, uint32_t held_up);

/* answer.c: what an instance's own process says of a call, on the reactor thread. NULL if the token
 * is none, or another instance's. */
struct plugin_call *call_find(struct plugin_instance *instance, sp_token token);
/* The verdict counts unless there is a reply. */
void call_answered(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply);
/* The plugin is through with the event. */
void call_returned(struct plugin_call *call);
/* The process is gone: nothing more will come for any call. */
void call_fail_all(struct plugin_instance *instance, int32_t verdict);

/* gate.c: by a channel's id, on any thread. Each is SP_E_STALE where the instance serves no such
 * channel: ids can be guessed, and those of others are seen. */
bool gate_is_of(const struct plugin_instance *instance, sp_id channel);
/* Bytes that channel_send may take. */
int64_t gate_take(const struct plugin_instance *instance, sp_id channel, uint64_t len);
/* Bytes that were taken and will not be sent after all. */
void gate_give_back(const struct plugin_instance *instance, sp_id channel, uint64_t len);
int32_t gate_set_framing(const struct plugin_instance *instance, sp_id channel,
                         const struct plugin_framing *framing);
int32_t gate_info(const struct plugin_instance *instance, sp_id channel,
                  struct sp_channel_info *ret_info);
/* A channel that the instance served whose process is gone, each once; 0: no more. */
sp_id gate_take_lost(struct plugin_host *host, const struct plugin_instance *instance);

#endif
