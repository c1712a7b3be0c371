/*
 * told.c: counts what plugins were told of a connection and are not through with, so that a client
 * cannot make it grow without end. Called by session.c, channel_told.c and open.c; reactor thread.
 */
#include <stdlib.h>

#include "session/internal.h"

enum { TOLD_MAX = 256 /* calls */ };

/* Outlives the connection, as the calls do. */
struct told_count {
    unsigned calls;
    bool is_left; /* by the connection */
};

static void free_unused(struct told_count *count)
{
    if (count->calls == 0 && count->is_left)
        free(count);
}

struct told_count *told_begin(struct session *session)
{
    if (!session->told)
        session->told = calloc(1, sizeof *session->told);
    if (session->told)
        session->told->calls++;
    return session->told;
}

void told_end(struct told_count *count)
{
    count->calls--;
    free_unused(count);
}

bool told_is_behind(const struct session *session)
{
    return session->told && session->told->calls >= TOLD_MAX;
}

void told_forget(struct session *session)
{
    if (!session->told)
        return;
    session->told->is_left = true;
    free_unused(session->told);
    session->told = NULL;
}
