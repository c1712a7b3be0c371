/* test_reactor_sources.c: descriptors and their removal at any moment. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/worker/loop.h"

#include "base/err.h"

/* One end of a socket pair with what happened to it. */
struct end {
    struct reactor_source source;
    int peer;
    int calls;
    uint32_t last_events;
    struct end *victim; /* removed by this one's callback, and its memory filled with rubbish */
};

static void note_events(struct reactor_source *source, uint32_t events)
{
    struct end *end = container_of(source, struct end, source);

    end->calls++;
    end->last_events = events;
}

static void end_open(struct end *end, uint32_t wanted)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    *end = (struct end){.source = {.on_ready = note_events, .fd = ends[0]}, .peer = ends[1]};
    assert_int_equal(reactor_watch(loop, &end->source, wanted), 0);
}

static void end_close(struct end *end)
{
    reactor_unwatch(loop, &end->source);
    close(end->source.fd);
    close(end->peer);
}

static void readiness_is_reported_as_wanted_and_as_long_as_it_lasts(void **state)
{
    struct end end;
    char byte;

    (void)state;
    end_open(&end, REACTOR_READ);
    turn();
    assert_int_equal(end.calls, 0);
    assert_int_equal(write(end.peer, "x", 1), 1);
    turn();
    turn();
    assert_int_equal(end.calls, 2);
    assert_int_equal(end.last_events, REACTOR_READ);
    assert_int_equal(reactor_change(loop, &end.source, REACTOR_READ | REACTOR_WRITE), 0);
    turn();
    assert_int_equal(end.last_events, REACTOR_READ | REACTOR_WRITE);
    assert_int_equal(read(end.source.fd, &byte, 1), 1);
    turn();
    assert_int_equal(end.last_events, REACTOR_WRITE);
    assert_int_equal(reactor_change(loop, &end.source, 0), 0);
    turn();
    assert_int_equal(end.calls, 4);
    end_close(&end);
}

static void the_peers_end_is_reported(void **state)
{
    struct end end;

    (void)state;
    end_open(&end, REACTOR_READ);
    shutdown(end.peer, SHUT_WR);
    turn();
    assert_int_equal(end.last_events, REACTOR_READ);
    close(end.peer);
    turn();
    assert_int_equal(end.last_events, REACTOR_READ | REACTOR_HANGUP);
    assert_int_equal(reactor_change(loop, &end.source, 0), 0);
    turn();
    assert_int_equal(end.last_events, REACTOR_HANGUP);
    end.peer = -1;
    end_close(&end);
}

static void a_pipe_whose_writer_is_gone_is_readable(void **state)
{
    int ends[2];
    struct end end = {.source = {.on_ready = note_events}};

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    end.source.fd = ends[0];
    assert_int_equal(reactor_watch(loop, &end.source, REACTOR_READ), 0);
    close(ends[1]);
    turn();
    assert_int_equal(end.last_events, REACTOR_READ | REACTOR_HANGUP);
    reactor_unwatch(loop, &end.source);
    close(ends[0]);
}

static void a_descriptor_that_cannot_be_watched_is_refused(void **state)
{
    struct reactor_source source = {.on_ready = note_events, .fd = -1};

    (void)state;
    assert_int_equal(reactor_watch(loop, &source, REACTOR_READ), SP_ERR_SYSTEM);
    assert_false(source.is_watched);
    reactor_unwatch(loop, &source);
    assert_int_equal(reactor_change(loop, &source, 0), SP_ERR_SYSTEM);
}

static void remove_victim(struct reactor_source *source, uint32_t events)
{
    struct end *end = container_of(source, struct end, source);

    note_events(source, events);
    if (!end->victim)
        return;
    reactor_unwatch(loop, &end->victim->source);
    end->victim->source.on_ready = NULL;
    end->victim->victim = NULL;
    end->victim = NULL;
}

/* Two sources become ready at once; whichever comes first removes the other. */
static void a_source_removed_by_an_earlier_callback_is_not_called(void **state)
{
    struct end ends[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        end_open(&ends[i], REACTOR_READ);
        ends[i].source.on_ready = remove_victim;
        ends[i].victim = &ends[1 - i];
        assert_int_equal(write(ends[i].peer, "x", 1), 1);
    }
    turn();
    assert_int_equal(ends[0].calls + ends[1].calls, 1);
    turn();
    assert_int_equal(ends[0].calls + ends[1].calls, 2);
    end_close(&ends[0]);
    end_close(&ends[1]);
}

static void lose_interest(struct reactor_source *source, uint32_t events)
{
    struct end *end = container_of(source, struct end, source);

    note_events(source, events);
    assert_int_equal(reactor_change(loop, &end->victim->source, 0), 0);
}

static void an_event_no_longer_wanted_is_not_reported(void **state)
{
    struct end ends[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        end_open(&ends[i], REACTOR_READ);
        ends[i].source.on_ready = lose_interest;
        ends[i].victim = &ends[1 - i];
        assert_int_equal(write(ends[i].peer, "x", 1), 1);
    }
    turn();
    assert_int_equal(ends[0].calls + ends[1].calls, 1);
    end_close(&ends[0]);
    end_close(&ends[1]);
}

static void free_self(struct reactor_source *source, uint32_t events)
{
    struct end *end = container_of(source, struct end, source);

    (void)events;
    end_close(end);
    free(end);
}

static void a_callback_may_free_its_own_source(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct end *end = malloc(sizeof(*end));
        assert_non_null(end);
        end_open(end, REACTOR_WRITE);
        end->source.on_ready = free_self;
    }
    turn();
    turn();
}

/* A number that was closed elsewhere and given out again: forgetting must not touch its new use. */
static void forgetting_leaves_the_reused_number_alone(void **state)
{
    struct end old, fresh;
    int number;

    (void)state;
    end_open(&old, REACTOR_READ);
    number = old.source.fd;
    end_open(&fresh, REACTOR_READ);
    reactor_unwatch(loop, &fresh.source);
    close(number); /* behind the reactor's back */
    assert_int_equal(dup3(fresh.source.fd, number, O_CLOEXEC), number);
    close(fresh.source.fd);
    fresh.source.fd = number;
    assert_int_equal(reactor_watch(loop, &fresh.source, REACTOR_READ), 0);
    reactor_forget(loop, &old.source);
    assert_false(old.source.is_watched);
    assert_int_equal(write(fresh.peer, "x", 1), 1);
    turn();
    assert_int_equal(fresh.calls, 1);
    assert_int_equal(old.calls, 0);
    close(old.peer);
    end_close(&fresh);
}

/* The kernel keeps reporting a closed descriptor while a duplicate lives, as in a forked child. */
static void a_forgotten_source_is_not_called_though_a_duplicate_lives(void **state)
{
    struct end *end = malloc(sizeof(*end));
    int duplicate, peer;

    (void)state;
    assert_non_null(end);
    end_open(end, REACTOR_READ);
    duplicate = dup(end->source.fd);
    peer = end->peer;
    close(end->source.fd);
    reactor_forget(loop, &end->source);
    free(end);
    assert_int_equal(write(peer, "x", 1), 1);
    turn(); /* the address sanitizer sees a call */
    close(duplicate);
    close(peer);
}

static void more_sources_than_one_batch_are_all_served(void **state)
{
    enum { MANY = 150 };
    static struct end ends[MANY];

    (void)state;
    for (int i = 0; i < MANY; i++)
        end_open(&ends[i], REACTOR_WRITE);
    for (int i = 0; i < 3; i++)
        turn();
    for (int i = 0; i < MANY; i++) {
        assert_true(ends[i].calls >= 1);
        end_close(&ends[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(readiness_is_reported_as_wanted_and_as_long_as_it_lasts),
        LOOP_TEST(the_peers_end_is_reported),
        LOOP_TEST(a_pipe_whose_writer_is_gone_is_readable),
        LOOP_TEST(a_descriptor_that_cannot_be_watched_is_refused),
        LOOP_TEST(a_source_removed_by_an_earlier_callback_is_not_called),
        LOOP_TEST(an_event_no_longer_wanted_is_not_reported),
        LOOP_TEST(a_callback_may_free_its_own_source),
        LOOP_TEST(forgetting_leaves_the_reused_number_alone),
        LOOP_TEST(a_forgotten_source_is_not_called_though_a_duplicate_lives),
        LOOP_TEST(more_sources_than_one_batch_are_all_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
