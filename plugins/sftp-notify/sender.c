/*
 * sender.c: the thread that delivers what lies in the spool: oldest first, one at a time. An event
 * that is refused waits by itself, longer each time; when nobody is there, all wait.
 */
#include "notify.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sender {
    const struct sp_host *host;
    const struct options *options;
    struct spool *spool;
    struct transport *transport; /* NULL: a command */
    pthread_t thread;
    atomic_bool is_stopping;
    pthread_mutex_t mutex; /* over the next */
    pthread_cond_t woken;
    bool is_woken;
    /* The thread's own. */
    int64_t pause_ms; /* the last wait for nobody being there; 0: somebody was */
    int64_t paused_until;
    int64_t next_due; /* of what waits; INT64_MAX: nothing does */
};

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static int64_t now_ms(const struct sender *sender)
{
    return sender->host->time_ms(sender->host);
}

static enum delivery try(struct sender *sender, const struct spooled *spooled, char *ret_why)
{
    struct text text = {0};
    enum delivery result = DELIVERY_REFUSED;
    if (spool_read(sender->spool, spooled, &text) < 0) {
        snprintf(ret_why, HTTP_WHY_SIZE, "%s cannot be read", spooled->name);
    } else if (sender->transport) {
        result =
            deliver_to_service(sender->options, sender->transport, spooled->id, &text, ret_why);
    } else {
        int file = spool_file(sender->spool, spooled);
        if (file >= 0) {
            result =
                deliver_to_command(sender->options, &text, file, &sender->is_stopping, ret_why);
            close(file);
        }
    }
    text_clear(&text);
    return result;
}

/* An event's next wait is as long as it has waited so far. */
static void put_off(struct sender *sender, struct spooled *spooled, const char *why)
{
    const struct options *options = sender->options;
    int64_t now = now_ms(sender), age = now - spooled->born_ms;
    if (age >= options->give_up_ms) {
        log_line(sender->host, SP_LOG_ERROR, "event %s is given up: %s", spooled->id, why);
        spool_remove(sender->spool, spooled);
        return;
    }
    spooled->due_ms = now + clamp(age, options->retry_first_ms, options->retry_most_ms);
    spool_defer(sender->spool, spooled, spooled->due_ms);
    log_line(sender->host, SP_LOG_WARNING, "event %s is not delivered yet: %s", spooled->id, why);
}

static void pause_all(struct sender *sender, const char *why)
{
    const struct options *options = sender->options;
    sender->pause_ms = clamp(sender->pause_ms * 2, options->retry_first_ms, options->retry_most_ms);
    sender->paused_until = now_ms(sender) + sender->pause_ms;
    log_line(sender->host, SP_LOG_WARNING, "events wait for %lld ms: %s",
             (long long)sender->pause_ms, why);
}

/* False: no others now. */
static bool take(struct sender *sender, struct spooled *spooled)
{
    char why[HTTP_WHY_SIZE] = "it cannot be read";
    enum delivery result = try(sender, spooled, why);
    if (atomic_load(&sender->is_stopping) && result != DELIVERED)
        return false; /* no fault of anybody's */
    if (result == DELIVERED) {
        sender->pause_ms = 0;
        spool_remove(sender->spool, spooled);
        log_line(sender->host, SP_LOG_DEBUG, "event %s is delivered", spooled->id);
    } else if (result == DELIVERY_REFUSED) {
        put_off(sender, spooled, why);
    } else {
        int64_t age = now_ms(sender) - spooled->born_ms;
        if (age >= sender->options->give_up_ms)
            put_off(sender, spooled, why);
        pause_all(sender, why);
    }
    return result != DELIVERY_FAILED;
}

/* Everything that is due. */
static void go_through(struct sender *sender)
{
    struct spooled *list = NULL;
    size_t count = 0;
    int64_t next_due = INT64_MAX;
    if (spool_list(sender->spool, &list, &count) < 0) {
        log_line(sender->host, SP_LOG_ERROR, "spool %s cannot be read", sender->options->spool);
        return;
    }
    bool goes_on = true;
    for (size_t i = 0; i < count; i++) {
        goes_on = goes_on && !atomic_load(&sender->is_stopping);
        /* A clock that was set back must not keep events for longer than they would wait. */
        bool is_due = list[i].due_ms <= now_ms(sender) ||
                      list[i].due_ms > now_ms(sender) + sender->options->retry_most_ms;
        if (goes_on && is_due)
            goes_on = take(sender, &list[i]);
        if (list[i].due_ms < next_due)
            next_due = list[i].due_ms;
    }
    sender->next_due = count > 0 ? next_due : INT64_MAX;
    free(list);
}

static bool is_time(struct sender *sender)
{
    if (!spool_lock(sender->spool) || now_ms(sender) < sender->paused_until)
        return false;
    return now_ms(sender) >= sender->next_due || spool_has_changed(sender->spool);
}

static void *run(void *arg)
{
    struct sender *sender = arg;
    while (!atomic_load(&sender->is_stopping)) {
        pthread_mutex_lock(&sender->mutex);
        while (!sender->is_woken)
            pthread_cond_wait(&sender->woken, &sender->mutex);
        sender->is_woken = false;
        pthread_mutex_unlock(&sender->mutex);
        if (!atomic_load(&sender->is_stopping) && is_time(sender))
            go_through(sender);
    }
    return NULL;
}

static bool start_thread(struct sender *sender)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the daemon's own threads */
    int rc = pthread_create(&sender->thread, NULL, run, sender);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0;
}

struct sender *sender_start(const struct sp_host *host, const struct options *options,
                            struct spool *spool, struct transport *transport)
{
    struct sender *sender = calloc(1, sizeof *sender);
    if (!sender) {
        log_line(host, SP_LOG_ERROR, "out of memory");
        return NULL;
    }
    sender->host = host;
    sender->options = options;
    sender->spool = spool;
    sender->transport = transport;
    sender->is_woken = true; /* what is left from before */
    pthread_mutex_init(&sender->mutex, NULL);
    pthread_cond_init(&sender->woken, NULL);
    if (start_thread(sender))
        return sender;
    log_line(host, SP_LOG_ERROR, "no thread can be started");
    pthread_cond_destroy(&sender->woken);
    pthread_mutex_destroy(&sender->mutex);
    free(sender);
    return NULL;
}

void sender_wake(struct sender *sender)
{
    pthread_mutex_lock(&sender->mutex);
    sender->is_woken = true;
    pthread_cond_signal(&sender->woken);
    pthread_mutex_unlock(&sender->mutex);
}

void sender_stop(struct sender *sender)
{
    atomic_store(&sender->is_stopping, true);
    if (sender->transport)
        transport_stop(sender->transport);
    sender_wake(sender);
    pthread_join(sender->thread, NULL);
    pthread_cond_destroy(&sender->woken);
    pthread_mutex_destroy(&sender->mutex);
    free(sender);
}
